# SPDX-License-Identifier: Apache-2.0
"""Each application is a pure function from values to a Report."""
