"""What values look like, and where two of them differ. No code of step files runs for it."""

from __future__ import annotations

import sys

from .context import Context, NameSpace
from .text import cut
from .untyped import type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_NUMBERS: tuple[Any, ...] = (bool, int, float, complex)
TEXTS: tuple[Any, ...] = (str, bytes)
# `Any`: what the type checker would derive from a comparison with these is of no use here.
_INT: Any = int
_LIST: Any = list
_TUPLE: Any = tuple
_DICT: Any = dict
_SETS: tuple[Any, ...] = (set, frozenset)
COLLECTIONS: tuple[Any, ...] = (list, tuple, dict, *_SETS)
#: Types, and modules of types, whose values consist of texts and numbers, and represent themselves.
_PLAIN: tuple[Any, ...] = (range, bytearray, type(Ellipsis), type(NotImplemented))
_PLAIN_MODULES = ("datetime", "decimal", "fractions", "ipaddress", "pathlib", "re", "time", "uuid", "zoneinfo")
Module = type_of(sys)
_SimpleNamespace = type_of(sys.implementation)
#: The interpreter's own descriptors of what instances hold; reading them runs no other code.
_Slot = type_of(Module.__dict__["__dict__"])
_Place = type_of(type.__dict__["__dict__"])
#: The type of operations that the interpreter runs itself.
_OfInterpreter = type_of(object.__getattribute__)

mro_of: Any = type.__dict__["__mro__"].__get__
dict_of: Any = type.__dict__["__dict__"].__get__
_module_of: Any = type.__dict__["__module__"].__get__
_name_of: Any = type.__dict__["__name__"].__get__
_qualified_name_of: Any = type.__dict__["__qualname__"].__get__


def _owner_of(kind: Any, name: str) -> Any:
    """The class in which a class finds a name. Metaclasses may be user code, so they are not asked."""
    return next((owner for owner in mro_of(kind) if name in dict_of(owner)), None)


def _is_of(kind: Any, module: str) -> bool:
    """Whether a class is the one that a module of the standard library has by its name."""
    return _module_of(kind) == module and getattr(sys.modules.get(module), _name_of(kind), None) is kind


def _is_plain(value: Any) -> bool:
    kind = type_of(value)
    if kind in _PLAIN:
        return True
    module = _module_of(kind)
    return type(module) is str and module.partition(".")[0] in _PLAIN_MODULES and _is_of(kind, module)


def _variables(value: Any) -> dict[str, Any]:
    """The instance variables of a value; empty if its class has code for them."""
    owner = _owner_of(type(value), "__dict__")
    if owner is None or type(dict_of(owner)["__dict__"]) not in (_Slot, _Place):
        return {}
    variables: Any = object.__getattribute__(value, "__dict__")
    return variables if type(variables) is _DICT else {}


def attribute(value: Any, name: str) -> tuple[bool, Any]:
    """Whether a value has an attribute that can be read without running code, and its value."""
    kind = type_of(value)
    is_class = kind is type
    if not is_class and type(dict_of(_owner_of(kind, "__getattribute__"))["__getattribute__"]) is not _OfInterpreter:
        return False, None
    owner = _owner_of(value if is_class else kind, name)
    inherited: Any = dict_of(owner)[name] if owner is not None else None
    if not is_class:
        if type(inherited) is _Slot:
            try:
                return True, inherited.__get__(value)
            except AttributeError:
                return False, None
        variables = _variables(value)
        if name in variables and not _owner_of(type(inherited), "__set__"):
            return True, variables[name]
    return owner is not None and not _owner_of(type(inherited), "__get__"), inherited


def show(value: Any, depth: int = 3) -> str:
    """Shows a value. Only known representations are called; others may be any code."""
    try:
        return _show(value, depth)
    except Exception:
        return _kind(value)


def _kind(value: Any) -> str:
    kind = type_of(value)
    module = _module_of(kind)
    return "<%s.%s>" % (module if type(module) is str else "?", _qualified_name_of(kind))


def _show(value: Any, depth: int) -> str:
    if value is None:
        return "None"
    kind = type_of(value)
    if kind in (Context, NameSpace):
        return _show(value.as_dict(), depth)
    name, owner = _name_of(kind), _owner_of(kind, "__repr__")
    if owner is _INT and _INT.bit_length(value) > 4096:
        return "<int of %d bits>" % _INT.bit_length(value)
    if owner in _NUMBERS:
        return owner.__repr__(value)
    if owner in TEXTS:
        length = owner.__len__(value)
        start = owner.__getitem__(value, slice(200 if length <= 200 else 160))
        return owner.__repr__(start) + (" (and %d more)" % (length - 160) if length > 200 else "")
    if owner in COLLECTIONS:
        shown = _show_collection(value, owner, depth)
        return shown if kind is owner else "%s(%s)" % (name, shown)
    if _is_of(owner, "collections"):
        if _DICT in mro_of(owner):
            return "%s(%s)" % (name, _show_collection(value, _DICT, depth))
        if _name_of(owner) == "deque":
            return "%s(%s)" % (name, _show_collection(list(owner.__iter__(value)), _LIST, depth))
    if owner is BaseException:
        return _show_parts(name, [("", part) for part in BaseException.__dict__["args"].__get__(value)], depth)
    fields = _fields(value, owner)
    if fields is not None:
        return _show_parts("namespace" if kind is _SimpleNamespace else name, fields, depth)
    if _module_of(owner) == "enum" and "_member_map_" in dict_of(kind):
        member = _variables(value)
        name += "." + member["_name_"] if member["_name_"] else ""
        return "<%s: %s>" % (name, show(member["_value_"], depth - 1))
    if _is_plain(value):
        zone = value.tzinfo if _owner_of(kind, "tzinfo") else None
        if zone is None or _is_plain(zone):
            return cut(repr(value), 200)
        return "%s, tzinfo=%s)" % (repr(value.replace(tzinfo=None))[:-1], show(zone))
    return _kind(value)


def _show_collection(value: Any, owner: Any, depth: int) -> str:
    if depth <= 0:
        return "..."
    length = owner.__len__(value)
    items: Any = _DICT.items(value) if owner is _DICT else owner.__iter__(value)
    first = [item for item, _ in zip(items, range(12))]
    if owner is _DICT:
        parts = [show(key, 1) + ": " + show(item, depth - 1) for key, item in first]
    else:
        parts = [show(item, depth - 1) for item in first]
    if length > 12:
        parts.append("... (%d in all)" % length)
    if not parts and owner in _SETS:
        return owner.__name__ + "()"
    opening, closing = "[]" if owner is _LIST else "()" if owner is _TUPLE else "{}"
    comma = "," if owner is _TUPLE and len(parts) == 1 else ""
    return opening + ", ".join(parts) + comma + closing


def _show_parts(name: str, parts: list[tuple[str, Any]], depth: int) -> str:
    if depth <= 0:
        return name + "(...)"
    shown = [part + show(value, depth - 1) for part, value in parts[:12]]
    if len(parts) > 12:
        shown.append("... (%d in all)" % len(parts))
    return "%s(%s)" % (name, ", ".join(shown))


def _fields(value: Any, owner: Any) -> list[tuple[str, Any]] | None:
    """The parts that a representation made by the standard library shows, each with its `name=`."""
    if owner is _SimpleNamespace:
        return [(name + "=", part) for name, part in _variables(value).items()]
    defined = dict_of(owner)
    if "__dataclass_fields__" in defined:
        made, file = "__dataclass_fields__", "<string>"
    elif _TUPLE in mro_of(owner) and "_fields" in defined:
        made, file = "_fields", sys.modules["collections"].namedtuple.__code__.co_filename
    else:
        return None
    representation: Any = defined["__repr__"]
    while "__wrapped__" in _variables(representation):
        representation = _variables(representation)["__wrapped__"]
    if type(representation) is not type(show) or representation.__code__.co_filename != file:
        return None
    if made == "_fields":
        return [(name + "=", part) for name, part in zip(defined[made], _TUPLE.__iter__(value))]
    fields: list[str] = [
        name for name, field in defined[made].items() if field.repr and field._field_type.name == "_FIELD"
    ]
    parts = ((name, attribute(value, name)) for name in fields)
    return [(name + "=", part) for name, (found, part) in parts if found]


def differences(left: str, right: str, a: Any, b: Any) -> list[str]:
    """Where two values with these names differ, in lines.

    Looks into built-in collections only. What other code compares may be equal whatever it looks like, so such places
    are named only when no other is known.
    """
    certain: list[str] = []
    possible: list[str] = []
    for is_certain, line in _differing(left, right, a, b, "", set()):
        (certain if is_certain else possible).append(cut(line, 1000))
        if len(certain) > 3:
            return [*certain[:3], "they differ in more places"]
        del possible[3:]
    return certain or possible


def _differing(
    left: str, right: str, a: Any, b: Any, path: str, seen: set[tuple[int, int]]
) -> Iterator[tuple[bool, str]]:
    """The places where two values differ, and whether that is certain."""
    kind = type_of(a)
    if a is b or (id(a), id(b)) in seen:
        return
    if type(b) in _SETS and kind in _SETS:
        yield from _differing_sets(left, right, a, b, path)
    elif kind is not type(b) or kind not in COLLECTIONS or len(seen) > 100000:
        equal = _are_equal(a, b)
        if equal is None and show(a) != show(b):
            yield False, "they may differ%s: %s" % (_at(path), _each_has(left, show(a), right, show(b)))
        elif equal is False:
            yield True, _difference(left, right, a, b, path)
    else:
        # Collections may contain themselves.
        seen.add((id(a), id(b)))
        differing = _differing_dicts if kind is _DICT else _differing_lists
        yield from differing(left, right, a, b, path, seen)


def _are_equal(a: Any, b: Any) -> bool | None:
    """Whether two values are equal; None if other code decides that, or both are collections of one type."""
    known = (*_NUMBERS, *TEXTS, *COLLECTIONS, type(None))
    if type(a) in known and type(b) in known:
        if type(a) is type(b):
            return None if type(a) in COLLECTIONS else a == b
        return type(a) in _NUMBERS and type(b) in _NUMBERS and a == b
    if type(a) is type(b) and _is_plain(a) and not _owner_of(type(a), "tzinfo"):
        return a == b
    return None


def _difference(left: str, right: str, a: Any, b: Any, path: str) -> str:
    one, other = show(a), show(b)
    if type(a) is type(b) and type(a) in TEXTS and max(len(a), len(b)) > 60:
        first = next((at for at, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), min(len(a), len(b)))
        start = max(first - 20, 0)
        one, other = (
            "%s%r%s" % ("..." * (start > 0), text[start : first + 30], "..." * (len(text) > first + 30))
            for text in (a, b)
        )
        path += " from character %d on" % first if type(a) is str else " from byte %d on" % first
    elif not path and type(a) is not type(b):
        return "%s is of type %s, %s of type %s" % (left, type(a).__name__, right, type(b).__name__)
    return "they differ%s: %s" % (_at(path), _each_has(left, one, right, other))


def _at(path: str) -> str:
    return path if path[:1] in ("", " ") else " at " + path


def _each_has(left: str, one: str, right: str, other: str) -> str:
    return "%s has %s, %s has %s" % (left, cut(one, 200), right, cut(other, 200))


def _only(name: str, path: str, items: Any) -> str:
    more = " and %d more" % (len(items) - 3) if len(items) > 3 else ""
    return "only %s has %s%s%s" % (
        name,
        path and path + ": ",
        ", ".join(cut(show(item, 2), 100) for item in items[:3]),
        more,
    )


def _have_own_keys(*collections: Any) -> bool:
    """Whether all keys are of built-in types; other keys are found by code of their own."""
    return all(type(key) in (*_NUMBERS, *TEXTS, type(None)) for collection in collections for key in collection)


def _differing_sets(left: str, right: str, a: Any, b: Any, path: str) -> Iterator[tuple[bool, str]]:
    if _have_own_keys(a, b):
        for name, items in ((left, a - b), (right, b - a)):
            if items:
                yield True, _only(name, path, sorted(items, key=show))


def _differing_dicts(
    left: str, right: str, a: Any, b: Any, path: str, seen: set[tuple[int, int]]
) -> Iterator[tuple[bool, str]]:
    if _have_own_keys(a, b):
        for key in [*a, *(key for key in b if key not in a)]:
            place = "%s[%s]" % (path, show(key))
            if key in a and key in b:
                yield from _differing(left, right, a[key], b[key], place, seen)
            else:
                yield True, _only(*((left, place, [a[key]]) if key in a else (right, place, [b[key]])))


def _differing_lists(
    left: str, right: str, a: Any, b: Any, path: str, seen: set[tuple[int, int]]
) -> Iterator[tuple[bool, str]]:
    common, more = min(len(a), len(b)), abs(len(a) - len(b))
    if more:
        name, longer, shorter = (left, a, b) if len(a) > len(b) else (right, b, a)
        at = next((at for at in range(common) if not _look_same(a[at], b[at])), common)
        is_all = all(_look_same(longer[at + more], shorter[at]) for at in range(at, common))
        at = at if is_all else common
        place = "%s[%d]" % (path, at) + (" to [%d]" % (at + more - 1) if more > 1 else "")
        yield True, _only(name, place, longer[at : at + more])
        if is_all:
            return
    for at in range(common):
        yield from _differing(left, right, a[at], b[at], "%s[%d]" % (path, at), seen)


def _look_same(a: Any, b: Any) -> bool:
    return next(_differing("", "", a, b, "", set()), None) is None
