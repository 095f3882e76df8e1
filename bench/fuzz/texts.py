# SPDX-License-Identifier: Apache-2.0
"""Small files by hand: what our writers do not write, such as lists, strips, odd headers and other people's 3MF."""

from __future__ import annotations

import numpy as np

_GRID = b"""ply
format ascii 1.0
element vertex 3
property float x
property float y
property float z
element range_grid 4
property list uchar int vertex_indices
end_header
0 0 0
1 0 0
0 1 0
1 0
0
1 1
1 2
"""
_STRIPS = b"""ply
format binary_big_endian 1.0
element vertex 3
property list uchar float t
property float x
property float y
property float z
element face 2
property list uchar int vertex_indices
end_header
"""
_ROW = b"\x01" + np.array([1, 2, 3, 4], ">f4").tobytes()
_FACES = b"\x03" + np.array([0, 1, 2], ">i4").tobytes() + b"\x04" + np.array([0, 1, 2, 0], ">i4").tobytes()

TEXTS = {
    "ply": [_GRID, _STRIPS + 3 * _ROW + _FACES],
    "obj": [b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\nf 1/1/1 2//1 3/1 4\nf -4 -3 -2\n"],
    "off": [b"OFF\n# a square\n4 1 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3 255 0 0\n"],
    "xyz": [b"X;Y;Z;I\n1,5;2,5;3,5;7\n1,5;2,5;3,5;8\n", b"1 2 3 0 0 1 9 8 7 0.5\n4 5 6 0 1 0 3 2 1 0.25\n"],
}
TEXTS["csv"] = TEXTS["xyz"]

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>'
    '<Default Extension="png" ContentType="image/png"/></Types>'
)
_RELATION = '<Relationship Target="{}" Id="r{}" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>'
_RELATIONS = '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
_MODEL = (
    '<?xml version="1.0" encoding="UTF-8"?><model unit="{unit}" xml:lang="en-US"'
    ' xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"'
    ' xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02"'
    ' xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06"'
    ' xmlns:b="http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02"'
    ' xmlns:s="http://schemas.microsoft.com/3dmanufacturing/slice/2015/07">'
    '<metadata name="Title">seed</metadata><resources>{resources}</resources><build>{build}</build></model>'
)
_CORNERS = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in ((0, 0, 0), (10, 0, 0), (0, 10, 0), (0, 0, 10)))
_MESH = (
    "<mesh><vertices>" + _CORNERS + "</vertices><triangles>"
    '<triangle v1="0" v2="2" v3="1"{0}/><triangle v1="0" v2="1" v3="3"{1}/>'
    '<triangle v1="0" v2="3" v3="2"/><triangle v1="1" v2="2" v3="3"/></triangles>{2}</mesh>'
)
_PLAIN = _MESH.format("", "", "")
_SHADED = _MESH.format(' pid="2" p1="0" p2="1" p3="1"', ' pid="1" p1="0"', "")
_COLOURED = (
    '<basematerials id="1"><base name="a" displaycolor="#FF8000"/><base name="b" displaycolor="#00FF00FF"/>'
    '</basematerials><m:colorgroup id="2"><m:color color="#112233"/><m:color color="#445566"/></m:colorgroup>'
    f'<object id="3" type="model" pid="1" pindex="1">{_SHADED}</object>'
)
_TEXTURED = (
    '<m:texture2d id="1" path="/3D/Textures/a.png" contenttype="image/png"/><m:texture2dgroup id="2" texid="1">'
    '<m:tex2coord u="0" v="0"/><m:tex2coord u="1" v="0.5"/></m:texture2dgroup>'
    '<m:colorgroup id="4"><m:color color="#112233"/></m:colorgroup>'
    '<m:multiproperties id="5" pids="4 2"><m:multi pindices="0 0"/><m:multi pindices="0 1"/></m:multiproperties>'
    f'<object id="3" pid="5" pindex="1">{_PLAIN}</object>'
)
_TURNED = "0 1 0 -1 0 0 0 0 1 5 6.5 7"
_NESTED = (
    f'<object id="1">{_PLAIN}</object><object id="2"><components><component objectid="1"/>'
    f'<component objectid="1" transform="{_TURNED}"/></components></object>'
    '<object id="3"><components><component objectid="2"/><component objectid="1"/></components></object>'
)
_BEAMS = (
    '<b:beamlattice radius="1" minlength="0.1" cap="sphere"><b:beams><b:beam v1="0" v2="1" r1="1.5"/>'
    '<b:beam v1="1" v2="2"/></b:beams></b:beamlattice>'
)
_LATTICE = f'<object id="1">{_MESH.format("", "", _BEAMS)}</object>'
_SLICED = (
    '<s:slicestack id="9" zbottom="0"><s:slice ztop="1"><s:vertices><s:vertex x="0" y="0"/><s:vertex x="1" y="0"/>'
    '<s:vertex x="0" y="1"/></s:vertices><s:polygon startv="0"><s:segment v2="1"/><s:segment v2="2"/>'
    f'<s:segment v2="0"/></s:polygon></s:slice></s:slicestack><object id="1" s:slicestackid="9">{_PLAIN}</object>'
)
_ID = "00000000-0000-4000-8000-00000000000{}"
_ABROAD = (
    f'<object id="4" p:UUID="{_ID.format(1)}"><components><component objectid="1" p:path="/3D/part.model"'
    f' p:UUID="{_ID.format(2)}"/></components></object>'
)


def _package(resources: str, item: str, unit: str = "millimeter", more: dict[str, str] | None = None) -> dict[str, str]:
    """Return the parts of a 3MF package by their names."""
    root = _RELATIONS + _RELATION.format("/3D/3dmodel.model", 0) + "</Relationships>"
    model = _MODEL.format(unit=unit, resources=resources, build=f"<item {item}/>")
    return {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": root, "3D/3dmodel.model": model, **(more or {})}


PACKAGES = (
    _package(f'<object id="1" type="model">{_PLAIN}</object>', f'objectid="1" transform="{_TURNED}"', "inch"),
    _package(_COLOURED, 'objectid="3"'),
    _package(
        _TEXTURED,
        'objectid="3"',
        more={
            "3D/Textures/a.png": "no picture",
            "3D/_rels/3dmodel.model.rels": _RELATIONS
            + _RELATION.format("/3D/Textures/a.png", 1).replace("3dmodel", "3dtexture")
            + "</Relationships>",
        },
    ),
    _package(_NESTED, f'objectid="3" transform="{_TURNED}" partnumber="7"', "micron"),
    _package(_LATTICE, 'objectid="1"'),
    _package(_SLICED, 'objectid="1"'),
    _package(
        _ABROAD,
        f'objectid="4" p:UUID="{_ID.format(3)}"',
        more={
            "3D/part.model": _MODEL.format(
                unit="millimeter", resources=f'<object id="1" p:UUID="{_ID.format(4)}">{_PLAIN}</object>', build=""
            ),
            "3D/_rels/3dmodel.model.rels": _RELATIONS + _RELATION.format("/3D/part.model", 1) + "</Relationships>",
        },
    ),
)
