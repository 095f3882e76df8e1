# SPDX-License-Identifier: Apache-2.0
"""What a visit gives out: calendar, list, programme and badges on paper, pictures of links."""
