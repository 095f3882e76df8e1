# SPDX-License-Identifier: Apache-2.0
"""Rigid motions, small symmetric systems, robust weights: arithmetic whose bits no CPU changes."""
