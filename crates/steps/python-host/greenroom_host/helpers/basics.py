"""Helpers: checks of values, embedded files, the log.

Step functions find the helpers in their namespace. Helpers look each other up there too (`ENGINE.current`), so that a
step file's own version of one counts everywhere.
"""

from __future__ import annotations

from ..assertions import explain
from ..comparison import unordered
from ..engine import ENGINE
from ..failures import with_failure
from ..messages import from_base64
from ..text import as_text, cut
from ..untyped import is_instance
from ..values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..comparison import Failure


def assert_eq(a: Any, b: Any) -> None:
    """Fails if the values differ, and shows both."""
    if not a == b:
        raise _differ(AssertionError("expected %r == %r" % (a, b)), a, b)


def assert_ne(a: Any, b: Any) -> None:
    """Fails if the values are equal."""
    if not a != b:
        raise AssertionError("expected %r != %r" % (a, b))


def _differ(error: AssertionError, a: Any, b: Any) -> AssertionError:
    """Shows long texts one below the other rather than in a line; says where other long values differ."""
    if type(a) is type(b) and isinstance(a, (str, bytes)) and len(a) + len(b) > 120:
        a, b = as_text(a), as_text(b)
        return with_failure(error, unordered("the two values", a, b, "AssertionError: the two values differ"))
    explained = explain("the first", "the second", a, b)
    if explained.get("notes"):
        message = "AssertionError: expected %s == %s" % (show(a), show(b))
        if len(message) > 200:
            message = "AssertionError: the two values differ"
            explained["notes"][:0] = ["the first = " + cut(show(a), 200), "the second = " + cut(show(b), 200)]
        return with_failure(error, dict(explained, message=message))
    return error


def assert_dict_eq(a: Any, b: Any) -> None:
    """Fails if the dictionaries differ at any depth, and shows where."""
    for value in (a, b):
        if not isinstance(value, dict):
            raise AssertionError("expected a dict, not %r" % (value,))
    # The two may be different types of dictionaries; what is in them must have the same types.
    _same_keys(a, b, "")


def _same(a: Any, b: Any, where: str) -> None:
    """Equal at every depth, and of the same types."""
    place = " at " + where if where else ""
    if type(a) is not type(b):
        raise AssertionError("expected %r == %r%s: the types are %s and %s" % (a, b, place, type(a), type(b)))
    if is_instance(a, dict):
        _same_keys(a, b, where)
    elif is_instance(a, list):
        if len(a) != len(b):
            raise AssertionError("expected %r == %r%s: the lengths are %d and %d" % (a, b, place, len(a), len(b)))
        for index, (one, other) in enumerate(zip(a, b)):
            _same(one, other, "%s[%d]" % (where, index))
    elif not a == b:
        raise AssertionError("expected %r == %r%s" % (a, b, place))


def _same_keys(a: Any, b: Any, where: str) -> None:
    for key in [*a, *(key for key in b if key not in a)]:
        if key not in a or key not in b:
            raise AssertionError(
                "expected %r in both dicts%s, it is only in the %s"
                % (key, " at " + where if where else "", "first" if key in a else "second")
            )
        _same(a[key], b[key], "%s[%r]" % (where, key))


def check_by(check: str, one: Any, other: Any, explain: Callable[[], Failure]) -> None:
    """Makes a check by name, so that a step file's own version is used, and explains its failure."""
    try:
        ENGINE.current(check)(one, other)
    except AssertionError as error:
        with_failure(error, explain())
        raise


def decode_bytes(s: str) -> bytes:
    """Decodes base64 to bytes."""
    return from_base64(s)


def decode_str(s: str) -> str:
    """Decodes base64 to text."""
    return from_base64(s).decode()


def get_file(filename: str) -> bytes:
    """Returns the content of an embedded file."""
    return ENGINE.file(filename)


def store_file(filename: str, content: bytes) -> None:
    """Replaces the content of an embedded file, or adds one, for this scenario."""
    ENGINE.files[filename] = content


def indent(n: int) -> str:
    """Returns the indentation of a level in the log."""
    return "  " * n


def is_multiline_string(v: Any) -> bool:
    """Returns whether a value is text or bytes with more than one line."""
    return is_instance(v, (str, bytes)) and ("\n" if is_instance(v, str) else b"\n") in v


def log_lines(prefix: str, v: Any) -> None:
    """Writes the lines of a text to the log, each with a prefix."""
    import logging

    newline = "\n" if is_instance(v, str) else b"\n"
    for line in v.splitlines(keepends=True) if newline in v else [v]:
        logging.debug("%s%r", prefix, line)


def log_value(msg: str, level: int, v: Any) -> None:
    """Writes a value to the log, one line for each of its parts."""
    import logging

    space = indent(level)
    if is_multiline_string(v):
        logging.debug("%s%s:", space, msg)
        log_lines(indent(level + 1), v)
    elif v and is_instance(v, (dict, list)):
        logging.debug("%s%s:", space, msg)
        parts: Any = [(repr(key), v[key]) for key in sorted(v)] if is_instance(v, dict) else enumerate(v)
        for name, value in parts:
            log_value("%s" % name, level + 1, value)
    else:
        logging.debug("%s%s: %r", space, msg, v)
