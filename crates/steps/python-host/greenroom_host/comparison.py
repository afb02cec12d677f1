"""How a comparison that does not hold is reported: as a FAILURE with both texts."""

from __future__ import annotations

from .system import SEARCHED, SHOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    #: What greenroom reports of a failed step, as docs/PROTOCOL.md describes it.
    Failure = Dict[str, Any]

_MESSAGES = {
    "is": "is not what was expected",
    "is_not": "is what it should not be",
    "contains": "does not contain what was expected",
    "does_not_contain": "contains what it should not",
    "matches": "does not match the regex",
    "does_not_match": "matches the regex but should not",
}


def comparison(
    what: str, relation: str, expected: str, actual: str, message: str | None = None, notes: list[str] | None = None
) -> Failure:
    notes, part = list(notes or []), None
    # greenroom looks in a long text for what is most like the expected text.
    most = SEARCHED if relation == "contains" else SHOWN
    if len(expected) > SHOWN or len(actual) > most:
        whole = actual
        if relation == "is":
            pairs = enumerate(zip(expected, actual))
            same = next((at for at, (a, b) in pairs if a != b), min(len(expected), len(actual)))
            notes.append("the first difference is at character %d" % same)
            start = _line_start(actual, same - SHOWN // 2, same)
            left = max(len(expected) - start - SHOWN, 0)
            expected = expected[start : start + SHOWN]
        else:
            place = actual.find(expected) if relation == "does_not_contain" else len(actual)
            start = _line_start(actual, place - most // (2 if place < len(actual) else 1), place)
            left = 0
            expected = expected[:SHOWN]
        actual = actual[start : start + most]
        part = {
            "lines_before": whole.count("\n", 0, start),
            "before": len(whole[:start].encode("utf-8", "replace")),
            "after": max(left, len(whole) - start - len(actual)),
        }
    compared: dict[str, Any] = {"what": what, "relation": relation, "expected": expected, "actual": actual}
    if part:
        compared["part"] = part
    return {"message": message or f"{what} {_MESSAGES[relation]}", "comparison": compared, "notes": notes}


def unordered(what: str, left: str, right: str, message: str | None = None) -> Failure:
    """A comparison of which either side may be the expected one."""
    failure = comparison(what, "is", left, right, message)
    failure["comparison"]["unordered"] = True
    return failure


def _line_start(text: str, start: int, before: int) -> int:
    """The first start of a line between two places; `start` if there is none."""
    if start <= 0:
        return 0
    newline = text.find("\n", start - 1, before)
    return start if newline < 0 else newline + 1
