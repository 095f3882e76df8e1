# SPDX-License-Identifier: Apache-2.0
"""Manufacturing: does this part match its drawing?"""
