# SPDX-License-Identifier: Apache-2.0
"""One run from files to a kept result: read, run, report."""
