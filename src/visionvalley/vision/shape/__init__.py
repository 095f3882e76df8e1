# SPDX-License-Identifier: Apache-2.0
"""Clouds and meshes: neighbours, normals, registration, distances, sections."""
