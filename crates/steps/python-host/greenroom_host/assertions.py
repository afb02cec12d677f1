"""What an assertion compared, and the values of the names in it. No code of step files runs for it."""

from __future__ import annotations

from .comparison import comparison, unordered
from .context import Context, NameSpace, setter_of, stored
from .source import children, kind_of, parse, segment, source_lines, walk
from .text import as_text
from .untyped import type_of
from .values import COLLECTIONS, TEXTS, Module, attribute, differences, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Tuple

    from .comparison import Failure

    #: Two names, their values, and how the first should relate to the second.
    Sides = Tuple[str, str, Any, Any, str]


#: Relations of comparisons, by the operator of Python.
_RELATIONS = {"Eq": "is", "In": "contains", "NotIn": "does_not_contain"}


def assertion(error: BaseException) -> tuple[str | None, dict[str, str], Sides | None]:
    """The source of the failed assertion, the values of names in it, and the two sides that it compares."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None, {}, None
    frame = trace.tb_frame
    lines, found = _innermost(frame, trace.tb_lineno, lambda node: node if kind_of(node) == "Assert" else None)
    if found is None:
        return None, {}, None
    text = " ".join(segment(lines, found).split())
    scopes = (frame.f_locals, frame.f_globals)
    values = {one.text: one.shown for one in _operands_of(found.test, lines, scopes)}
    return text, values, _sides(found.test, lines, scopes)


#: Statements without others in them, and the part of those with others that runs first.
_SIMPLE = ("Assign", "AugAssign", "AnnAssign", "Delete", "Expr", "Return")
_HEADS = {"If": "test", "While": "test", "For": "iter"}


class Operand:
    """A name, attribute or item in a statement, with its value."""

    def __init__(self, text: str, value: Any, is_converted: bool, setter: str | None) -> None:
        self.text = text
        self.shown = show(value)
        #: Whether it is text that the statement takes as such.
        self.is_text = type_of(value) is str and not is_converted
        #: The step function that stored it in the context.
        self.setter = setter


def operands(frame: FrameType, line: int) -> list[Operand]:
    """What the statement at a line of a frame works with, each once."""
    lines, found = _innermost(frame, line, _part_that_runs)
    return [] if found is None else _operands_of(found, lines, (frame.f_locals, frame.f_globals))


def _part_that_runs(node: Any) -> Any:
    """A statement without others in it, or the part of another one that runs first; None for other nodes."""
    kind = kind_of(node)
    return node if kind in _SIMPLE else getattr(node, _HEADS.get(kind, ""), None)


def _innermost(frame: FrameType, line: int, part_of: Callable[[Any], Any]) -> tuple[list[str], Any]:
    """The lines of a frame's file, and the innermost part that includes a line of it; None if there is none."""
    file = frame.f_code.co_filename
    lines = source_lines(file)
    found = None
    for node in walk(parse("\n".join(lines), file)) if lines else ():
        part = part_of(node)
        if part is not None and part.lineno <= line <= part.end_lineno:
            found = part
    return lines, found


def _operands_of(node: Any, lines: list[str], scopes: tuple[Any, ...]) -> list[Operand]:
    known: dict[str, Operand] = {}
    _operands(node, lines, scopes, False, known)
    return list(known.values())


def _operands(
    node: Any, lines: list[str], scopes: tuple[Any, ...], is_converted: bool, known: dict[str, Operand]
) -> None:
    """Collects names, their attributes and their items with their values. Calls nothing."""
    if kind_of(node) in ("Name", "Subscript", "Attribute"):
        found, value = _value(node, scopes)
        if found:
            if not callable(value) and type(value) is not Module:
                text = segment(lines, node)
                operand = Operand(text, value, is_converted, _setter(node, scopes))
                if text not in known or operand.is_text:
                    known[text] = operand
            return
    if kind_of(node) == "Call" and kind_of(node.func) == "Name" and node.func.id in ("int", "float"):
        is_converted = True
    for child in children(node):
        _operands(child, lines, scopes, is_converted, known)


def _setter(node: Any, scopes: tuple[Any, ...]) -> str | None:
    """The step function that stored an item of the context."""
    if kind_of(node) != "Subscript":
        return None
    found, store = _value(node.value, scopes)
    key = node.slice.value if kind_of(node.slice) == "Index" else node.slice
    if not found or type(store) not in (Context, NameSpace) or kind_of(key) != "Constant":
        return None
    return setter_of(store, key.value)


def _sides(test: Any, lines: list[str], scopes: tuple[Any, ...]) -> Sides | None:
    """The two sides of a comparison, if both can be read again without running code: of `==`, `in` or `not in`."""
    if kind_of(test) != "Compare" or len(test.ops) != 1 or kind_of(test.ops[0]) not in _RELATIONS:
        return None
    relation = _RELATIONS[kind_of(test.ops[0])]
    nodes, kinds = [test.left, test.comparators[0]], ["the left side", "the right side"]
    if relation != "is":
        # What a comparison is about is the container.
        nodes.reverse()
        kinds.reverse()
    (is_left, left), (is_right, right) = (_value(node, scopes) for node in nodes)
    names = [segment(lines, node) for node in nodes]
    for number, side in enumerate(kinds):
        if kind_of(nodes[number]) not in ("Name", "Subscript", "Attribute") or len(names[number]) > 40:
            names[number] = side
    return (names[0], names[1], left, right, relation) if is_left and is_right else None


def explain(left: str, right: str, a: Any, b: Any, relation: str = "is") -> Failure:
    """How two values differ, as part of a FAILURE: a comparison of texts with several lines, notes for other values."""
    try:
        if relation != "is":
            if type(a) is not type(b) or type(a) not in TEXTS or len(a) + len(b) <= 120:
                return {}
            return comparison(left, relation, as_text(b), as_text(a))
        if type(a) is str and type(b) is str:
            if len(a) + len(b) <= 120:
                return {}
            if "\n" in a or "\n" in b:
                # Some write the expected value first, and others last.
                return unordered("%s == %s" % (left, right), a, b)
        elif type(a) not in TEXTS + COLLECTIONS or type(b) not in TEXTS + COLLECTIONS:
            return {}
        return {"notes": differences(left, right, a, b)}
    except Exception:
        return {}


def _value(node: Any, scopes: tuple[Any, ...]) -> tuple[bool, Any]:
    """Whether the value of an expression can be read without running code, and the value."""
    kind = kind_of(node)
    if kind == "Constant":
        return True, node.value
    if kind == "Name":
        for scope in scopes:
            if node.id in scope:
                return True, scope[node.id]
    elif kind == "Attribute":
        found, value = _value(node.value, scopes)
        if found:
            return attribute(value, node.attr)
    elif kind == "Subscript":
        found, value = _value(node.value, scopes)
        key = node.slice
        if kind_of(key) == "Index":  # before Python 3.9
            key = key.value
        if found and kind_of(key) == "Constant":
            if type(value) in (Context, NameSpace):
                value = stored(value)
            return _item(value, key.value)
    elif kind in ("List", "Tuple", "Dict", "Set"):
        return _literal(node, kind, scopes)
    return False, None


def _item(collection: Any, key: Any) -> tuple[bool, Any]:
    """Whether a built-in collection has an item, and the item."""
    kind = type_of(collection)
    if kind is dict and key in collection:
        return True, collection[key]
    if kind in (list, tuple) and type(key) is int and -len(collection) <= key < len(collection):
        return True, collection[key]
    return False, None


def _literal(node: Any, kind: str, scopes: tuple[Any, ...]) -> tuple[bool, Any]:
    if kind in ("Dict", "Set") and any(
        kind_of(key) != "Constant" for key in (node.keys if kind == "Dict" else node.elts)
    ):
        return False, None
    parts = [_value(part, scopes) for part in (node.values if kind == "Dict" else node.elts)]
    if not all(found for found, _ in parts):
        return False, None
    values = [value for _, value in parts]
    if kind == "Dict":
        return True, dict(zip((key.value for key in node.keys), values))
    return True, {"List": list, "Tuple": tuple, "Set": set}[kind](values)
