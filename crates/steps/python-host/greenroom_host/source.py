"""Source files: their lines, as the interpreter counts them, and their syntax trees."""

from __future__ import annotations

import sys

from .system import OWN_FILES, os
from .untyped import is_instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

#: Directories with step files, each with the name of one of them.
directories: dict[str, str] = {}
#: The lines of source files: of step files as they were when they were loaded.
sources: dict[str, list[str]] = {}


def is_own(file: str) -> bool:
    """Whether a file belongs to this program or to the import system."""
    return file.startswith((OWN_FILES, "<frozen importlib"))


def is_library(file: str) -> bool:
    """Whether a file belongs to the standard library or an installed package."""
    library = os.path.dirname(os.__file__) + os.sep
    return file.startswith((library, "<frozen")) or "/site-packages/" in file or "/dist-packages/" in file


def source_lines(file: str) -> list[str]:
    if file not in sources:
        try:
            with open(file, "rb") as source:
                sources[file] = split_lines(source.read(1 << 22))
        except (OSError, ValueError):
            sources[file] = []
    return sources[file]


def split_lines(source: bytes) -> list[str]:
    """The lines of a source file, as the interpreter counts them."""
    return _decode(source).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _decode(source: bytes) -> str:
    """The text of a source file, in the encoding that it declares."""
    if source.startswith(b"\xef\xbb\xbf"):
        source = source[3:]
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError:
        return source.decode(declared_encoding(source) or "utf-8", "replace")


def declared_encoding(source: bytes) -> str | None:
    """The encoding that a source file declares; None for UTF-8 and for unknown ones."""
    import io
    import tokenize

    # Only the declaration: the rest of these lines may be in that encoding.
    head = b"".join(source.splitlines(True)[:2])
    try:
        name, _ = tokenize.detect_encoding(io.BytesIO(bytes(byte for byte in head if byte < 128)).readline)
    except SyntaxError:
        return None
    return None if name.startswith("utf-8") else name


def parse(source: str | bytes, file: str) -> Any:
    """The syntax tree of a source file. Module `ast` would take longer to import than all of this."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, file, "exec", 0x400, True)  # PyCF_ONLY_AST; nothing inherited from this file


def keep_assertions() -> None:
    """Has modules imported with their assertions, which `-O` and PYTHONOPTIMIZE would remove: steps check with them.

    Variables stay as they are, for the programs that steps start. Step files are compiled with theirs anyway.
    """
    if not sys.flags.optimize:
        return
    importer: Any = sys.modules["_frozen_importlib_external"]
    cached_name = importer.cache_from_source

    def source_to_code(_: Any, data: Any, path: Any, *__: Any, **___: Any) -> CodeType:
        return compile(data, path, "exec", 0, True, 0)

    def cache_from_source(path: Any, *_: Any, **__: Any) -> str:
        # The cache file of an interpreter that does not optimize.
        return cached_name(path, optimization="")

    importer.SourceLoader.source_to_code = source_to_code
    importer.cache_from_source = cache_from_source


def kind_of(node: Any) -> str:
    """The kind of a syntax node, as module `ast` names it."""
    return type(node).__name__


def walk(node: Any) -> Iterator[Any]:
    """All nodes, outer before inner."""
    pending: list[Any] = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(children(node))))


def children(node: Any) -> Iterator[Any]:
    for field in node._fields:
        value: Any = getattr(node, field, None)
        parts = value if is_instance(value, list) else (value,)
        for part in parts:
            if hasattr(part, "_fields"):
                yield part


def segment(lines: list[str], node: Any) -> str:
    """The source of a node, whose columns count bytes."""
    head, last = node.lineno - 1, node.end_lineno - 1
    part = [line.encode("utf-8") for line in lines[head : last + 1]]
    part[-1] = part[-1][: node.end_col_offset]
    part[0] = part[0][node.col_offset :]
    return b"\n".join(part).decode("utf-8", "replace")
