# SPDX-License-Identifier: Apache-2.0
"""What people and machines read of a run: pictures, the page, tables and scenes."""
