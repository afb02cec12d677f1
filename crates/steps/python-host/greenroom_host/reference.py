"""The program behind `--functions`: what step files can call, with parameters and first lines of documentation."""

from __future__ import annotations

import sys

from .context import Context
from .messages import encode
from .namespace import LIBRARIES, MODULES, basics, library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    #: A list of functions under a title.
    Section = Dict[str, Any]


def main() -> None:
    """Prints one line of JSON."""
    sections: list[Section] = [
        _section("helpers", "", basics()),
        _section("ctx", "ctx.", _methods(Context)),
        *(_section(file, "", library(file)) for file in LIBRARIES),
    ]
    report = {"sections": sections, "modules": sorted(MODULES)}
    sys.stdout.buffer.write(encode(report).encode("utf-8", "replace") + b"\n")


def _methods(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if callable(value)}


def _section(title: str, prefix: str, names: dict[str, Any]) -> Section:
    functions = [
        {"signature": prefix + name + _parameters(value, bool(prefix)), "doc": _first_line(value)}
        for name, value in names.items()
        if callable(value) and not isinstance(value, type) and not name.startswith("_")
    ]
    return {"title": title, "functions": functions}


def _parameters(function: Any, is_method: bool) -> str:
    """Parameters without their types, in parentheses."""
    import inspect

    parameters = list(inspect.signature(function).parameters.values())
    if is_method:
        del parameters[0]
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in parameters]
    return str(inspect.Signature(plain))


def _first_line(function: Any) -> str:
    return (function.__doc__ or "").strip().split("\n")[0]
