# SPDX-License-Identifier: Apache-2.0
"""Compiled loops: arrays in, arrays out, no checks, no types of ours.

A kernel trusts its caller. Checks, units and frames belong to the room that wraps it; the wrapper
has the kernel file's stem. `kernel` marks an entry point with the signatures it is called with,
`inner` a function that is only ever compiled into other kernels.
"""
