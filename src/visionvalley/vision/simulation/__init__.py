# SPDX-License-Identifier: Apache-2.0
"""Virtual sensors with exact ground truth."""
