# SPDX-License-Identifier: Apache-2.0
"""A small judge of JSON Schema (draft 2020-12): the keywords that our schema uses, and a failure for any other."""

import re

KNOWN = {
    "$schema", "$defs", "$ref", "title", "description", "type", "properties", "required", "additionalProperties",
    "items", "minItems", "maxItems", "minimum", "enum", "pattern", "anyOf",
}  # fmt: skip
KINDS = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def faults(value, schema, root=None, at="$"):
    """Return what is wrong with a value, each with its place; an empty list where it fits."""
    root = root or schema
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema:
        return faults(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, at)
    if "anyOf" in schema:
        tried = [faults(value, one, root, at) for one in schema["anyOf"]]
        return [] if [] in tried else tried[-1]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    kinds = schema.get("type", list(KINDS))
    if not any(KINDS[kind](value) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return [f"{at}: {value!r} is not {kinds}"]
    if isinstance(value, dict):
        return _object_faults(value, schema, root, at)
    if isinstance(value, list):
        return _array_faults(value, schema, root, at)
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return [f"{at}: {value!r} does not match {schema['pattern']}"]
    if "minimum" in schema and value < schema["minimum"]:
        return [f"{at}: {value!r} is below {schema['minimum']}"]
    return []


def _object_faults(value, schema, root, at):
    inside = schema.get("properties", {})
    found = [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
    if schema.get("additionalProperties") is False:
        found += [f"{at}: {name} is not in the schema" for name in value if name not in inside]
    return found + [
        f for name, one in inside.items() if name in value for f in faults(value[name], one, root, f"{at}.{name}")
    ]


def _array_faults(value, schema, root, at):
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return [f"{at}: has {len(value)} items"]
    items = schema.get("items", {})
    return [fault for i, one in enumerate(value) for fault in faults(one, items, root, f"{at}[{i}]")]
