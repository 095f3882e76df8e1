# SPDX-License-Identifier: Apache-2.0
"""The vision engine: arrays and core values in, arrays and core values out."""
