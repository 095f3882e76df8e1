# SPDX-License-Identifier: Apache-2.0
"""The command `valley`: one verb a file, heavy imports inside the verbs."""
