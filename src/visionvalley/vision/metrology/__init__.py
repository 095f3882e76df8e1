# SPDX-License-Identifier: Apache-2.0
"""Features, fits, uncertainty and decisions."""
