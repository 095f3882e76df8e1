# SPDX-License-Identifier: Apache-2.0
"""Options of a verb, made from the metadata of an application's settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Annotated, Any

import typer

from visionvalley.cli.lengths import metres


def with_settings(settings: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb one option for each field of `settings`, and pass it the settings made from them.

    A field `tolerance_m` becomes `--tolerance`, a length with its unit written behind it.
    """
    table = {_name(one): one for one in fields(settings)}

    def decorate(verb: Callable[..., Any]) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            chosen = {one.name: _value(one, given.pop(name)) for name, one in table.items()}
            return verb(settings=settings(**chosen), **given)

        own = [p for p in inspect.signature(verb, eval_str=True).parameters.values() if p.name != "settings"]
        parameters = own + [_parameter(name, one) for name, one in table.items()]
        call.__name__, call.__doc__ = verb.__name__, verb.__doc__
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        return call

    return decorate


def _name(one: Field[Any]) -> str:
    return one.name.removesuffix("_m") if one.metadata["unit"] == "m" else one.name


def _parameter(name: str, one: Field[Any]) -> inspect.Parameter:
    about, length = one.metadata, one.metadata["unit"] == "m"
    kind: Any = str if length or isinstance(one.default, str) else type(one.default)
    default: Any = one.default
    words = f" ({', '.join(about['choices'])})" if about["choices"] else ""
    if length and default is not None:
        default = f"{default * 1e3:g}mm"
    option = typer.Option(
        "--" + name.replace("_", "-"), help=about["help"] + words, metavar="LENGTH" if length else None
    )
    annotation: Any = Annotated[kind | None, option] if default is None else Annotated[kind, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _value(one: Field[Any], given: Any) -> Any:
    return metres(given) if isinstance(given, str) and one.metadata["unit"] == "m" else given
