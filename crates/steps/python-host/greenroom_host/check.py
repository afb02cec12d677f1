"""The program behind `--check`: what step files define, without running them."""

from __future__ import annotations

import sys

from .messages import decode, encode, from_base64
from .namespace import MODULES, provided
from .source import children, declared_encoding, kind_of, parse, segment, split_lines, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Dict

    #: A part of the report.
    Report = Dict[str, Any]


def main() -> None:
    """Prints one line of JSON."""
    files = sys.argv[2:]
    contents: list[str | None] = decode(sys.stdin.buffer.read().decode("utf-8") or "null") or [None] * len(files)
    report = check(files, [None if content is None else from_base64(content) for content in contents])
    sys.stdout.buffer.write(encode(report).encode("utf-8", "replace") + b"\n")


def check(files: list[str], contents: list[bytes | None]) -> Report:
    """What files define at their top level. Runs nothing of them. Files without a content are read."""
    reports = [_check_file(file, content) for file, content in zip(files, contents)]
    return {"files": reports, "provided": sorted([*provided(), "srcdir", *MODULES])}


def _check_file(file: str, text: bytes | None) -> Report:
    import warnings

    report: Report = {
        "file": file,
        "error": None,
        "functions": [],
        "names": [],
        "star_imports": [],
        "warnings": [],
    }
    try:
        if text is None:
            with open(file, "rb") as source:
                text = source.read()
        report["error"] = _invalid_text(text)
        if report["error"]:
            return report
        tree = parse(text, file)
        # A valid syntax tree need not be a valid program: `return` may stand outside of functions.
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", SyntaxWarning)
            compile(text, file, "exec", 0, True, 0)
    except SyntaxError as error:
        report["error"] = {"line": error.lineno or 1, "column": max(error.offset or 1, 1), "message": error.msg}
        return report
    except (RecursionError, MemoryError):
        report["error"] = {"line": 1, "column": 1, "message": "the source is nested too deeply"}
        return report
    except (OSError, ValueError) as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        report["error"] = {"line": 1, "column": 1, "message": message}
        return report
    # Some warnings come twice.
    unique = dict.fromkeys((warning.lineno, str(warning.message)) for warning in warned if warning.filename == file)
    report["warnings"] = [{"line": line, "message": message} for line, message in unique][:50]
    lines = split_lines(text)

    def place(node: Any) -> dict[str, int]:
        number: int = node.lineno
        line = lines[number - 1].encode("utf-8") if number <= len(lines) else b""
        return {"line": number, "column": len(line[: node.col_offset].decode("utf-8", "replace")) + 1}

    for node in _top_level(tree.body):
        kind = kind_of(node)
        if kind in ("FunctionDef", "AsyncFunctionDef"):
            report["functions"].append(_function(node, place(node), lines))
        elif kind == "ImportFrom" and node.names[0].name == "*":
            report["star_imports"].append("." * (node.level or 0) + (node.module or ""))
        else:
            for name, where in _bound(node):
                report["names"].append({"name": name, "is_constant": _is_constant(node), **place(where)})
    _mark_alternatives(report["functions"], tree.body)
    for node in walk(tree):
        if kind_of(node) == "Global":
            report["names"] += [{"name": name, "is_constant": False, **place(node)} for name in node.names]
    return report


def _mark_alternatives(functions: list[Report], body: list[Any]) -> None:
    """Marks functions with several definitions, one in a branch: only running the file shows which one counts."""
    direct = {node.lineno for node in body}
    names = [function["name"] for function in functions]
    in_branches = {function["name"] for function in functions if function["line"] not in direct}
    for function in functions:
        if function["name"] in in_branches and names.count(function["name"]) > 1:
            function["decorated"] = True
            function["never_runs"] = False


def _is_constant(node: Any) -> bool:
    """Whether a statement assigns a value that cannot be called. None does not count: it may be replaced later."""
    if kind_of(node) not in ("Assign", "AnnAssign") or kind_of(node.value) != "Constant" or node.value.value is None:
        return False
    return all(kind_of(target) == "Name" for target in getattr(node, "targets", None) or [node.target])


def _invalid_text(source: bytes) -> Report | None:
    """Where and why a source file is not text. The interpreter's own message is less clear, and does not say where."""
    at, message = source.find(b"\0"), "the source contains a NUL byte"
    if at < 0 and not declared_encoding(source):
        try:
            source.decode("utf-8")
        except UnicodeDecodeError as error:
            at = error.start
            message = "byte 0x%02x is not UTF-8, and the first lines declare no other encoding" % source[at]
    if at < 0:
        return None
    before = split_lines(source[:at])
    return {"line": len(before), "column": len(before[-1]) + 1, "message": message}


def _top_level(body: list[Any]) -> Iterator[Any]:
    """The statements that run when the file does, also those in branches."""
    for node in body:
        yield node
        if kind_of(node) in ("FunctionDef", "AsyncFunctionDef", "ClassDef"):
            continue
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from _top_level(getattr(node, field, None) or [])


def _bound(node: Any) -> list[tuple[str, Any]]:
    """The names that a statement binds, and their nodes."""
    kind = kind_of(node)
    if kind == "ClassDef":
        return [(node.name, node)]
    if kind in ("Import", "ImportFrom"):
        return [(alias.asname or alias.name.split(".")[0], node) for alias in node.names]
    if kind == "Delete" or (kind == "AnnAssign" and node.value is None):
        return []
    targets: list[Any] = []
    for field in ("targets", "target", "optional_vars"):
        value: Any = getattr(node, field, None)
        targets += value if type(value) is list else [value] if value is not None else []
    targets += [item.optional_vars for item in getattr(node, "items", []) if item.optional_vars is not None]
    parts = (part for target in targets for part in walk(target))
    return [(part.id, part) for part in parts if kind_of(part) == "Name" and kind_of(part.ctx) == "Store"]


def _function(node: Any, place: dict[str, int], lines: list[str]) -> Report:
    arguments = node.args
    only = arguments.posonlyargs
    positional = [*only, *arguments.args]
    defaults = [*[None] * (len(positional) - len(arguments.defaults)), *arguments.defaults, *arguments.kw_defaults]
    kinds = ["positional"] * len(only) + ["any"] * len(arguments.args) + ["keyword"] * len(arguments.kwonlyargs)
    return {
        "name": node.name,
        "parameters": [
            {"name": argument.arg, "default": default and segment(lines, default), "kind": kind}
            for argument, default, kind in zip([*positional, *arguments.kwonlyargs], defaults, kinds)
        ],
        "takes_any_positional": arguments.vararg is not None,
        "takes_any_keyword": arguments.kwarg is not None,
        "decorated": bool(node.decorator_list),
        "never_runs": all(map(_makes_manager, node.decorator_list)) and any(map(_yields, node.body)),
        "async": kind_of(node) == "AsyncFunctionDef",
        **place,
    }


def _makes_manager(decorator: Any) -> bool:
    """Whether a decorator makes a context manager of a generator."""
    return (getattr(decorator, "attr", None) or getattr(decorator, "id", None)) in (
        "contextmanager",
        "asynccontextmanager",
    )


def _yields(node: Any) -> bool:
    """Whether a node contains `yield`, outside of functions of its own."""
    kind = kind_of(node)
    if kind in ("FunctionDef", "AsyncFunctionDef", "ClassDef", "Lambda"):
        return False
    return kind in ("Yield", "YieldFrom") or any(map(_yields, children(node)))
