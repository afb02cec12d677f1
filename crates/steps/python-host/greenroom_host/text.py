"""Texts: their length, and what counts as one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def cut(text: str, length: int) -> str:
    """Shortens a long text in its middle."""
    return text if len(text) <= length else text[: length - 60] + " ... " + text[-50:]


def first(most: int, lines: list[str], what: str) -> list[str]:
    """The first lines, and how many more there are."""
    return lines if len(lines) <= most else [*lines[:most], "... %d %s more" % (len(lines) - most, what)]


def as_text(value: Any) -> Any:
    """Decodes bytes; leaves everything else as it is."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def is_text(word: object) -> bool:
    """Whether a word of a command or an environment variable can be sent as JSON."""
    if word is None:
        return True
    if not isinstance(word, str):
        return False
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
