# SPDX-License-Identifier: Apache-2.0
"""The hall: an exhibition in the browser; pages, REST API, live updates, six languages. It asks no other host."""
