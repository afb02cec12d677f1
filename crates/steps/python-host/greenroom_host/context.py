"""What step functions share: `ctx` and its namespaces."""

from __future__ import annotations

from .system import STEPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView
    from typing import Any


class Running:
    """The step function that runs."""

    name: str | None = None


class Store:
    """Values by name."""

    def __init__(self) -> None:
        self._dict: dict[Any, Any] = {}
        #: The step function that stored each value.
        self._setters: dict[Any, str | None] = {}

    def __getitem__(self, key: Any) -> Any:
        return self._dict[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._dict[key] = value
        self._setters[key] = Running.name

    def __delitem__(self, key: Any) -> None:
        del self._dict[key]

    def __contains__(self, key: Any) -> bool:
        return key in self._dict

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def keys(self) -> KeysView[Any]:
        return self._dict.keys()


class NameSpace(Store):
    """Part of the context that belongs to a library. Its `get` stores the default that it returns."""

    #: Where `pickle` finds the class.
    __module__ = STEPS

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def get(self, key: Any, default: Any = None) -> Any:
        if key in self:
            return self[key]
        if default is not None:
            self[key] = default
        return default

    def as_dict(self) -> dict[Any, Any]:
        return {key: self[key] for key in list(self.keys())}


#: The kinds of namespaces that are more than values by name; module `live` enters them.
KINDS: dict[str, type[NameSpace]] = {}


class Context(Store):
    """What the steps of a scenario share."""

    __module__ = STEPS

    def __init__(self) -> None:
        super().__init__()
        self._spaces: dict[str, NameSpace] = {}

    def __repr__(self) -> str:
        return repr({"vars": self._dict, "namespaces": self._spaces})

    def get(self, key: Any, default: Any = None) -> Any:
        return self._dict.get(key, default)

    def as_dict(self) -> dict[Any, Any]:
        return dict(self._dict)

    def declare(self, name: str) -> NameSpace:
        """The namespace with this name; the same one each time."""
        if name not in self._spaces:
            self._spaces[name] = KINDS.get(name, NameSpace)(name)
        return self._spaces[name]

    def remember_value(self, name: str, value: Any) -> None:
        """Keeps a value under a name, which must be new."""
        space = self.declare("_values")
        if name in space:
            # Not above: that module needs this one.
            from .failures import with_failure

            raise with_failure(KeyError(name), {"message": "a value is already kept as %s" % name})
        space[name] = value

    def recall_value(self, name: str) -> Any:
        """Returns the value that is kept under a name."""
        return self.declare("_values")[name]

    @staticmethod
    def _values() -> NameSpace:
        return KINDS["_values"]("_values")

    def expand_values(self, pattern: str) -> str:
        """Replaces `${name}` by the remembered value; `$${` stays as it is."""
        text, start = "", 0
        while True:
            at = pattern.find("${", start)
            if at < 0:
                return text + pattern[start:]
            end = pattern.find("}", at)
            name = pattern[at + 2 : end]
            if end < 0 or name.split() not in ([name], []) or pattern[at - 1 : at] == "$":
                text, start = text + pattern[start : at + 2], at + 2
                continue
            if not name:
                raise KeyError("empty name in expansion")
            text, start = text + pattern[start:at] + str(self.recall_value(name)), end + 1


Context._values.__module__ = STEPS  # pyright: ignore[reportPrivateUsage] # `pickle` asks for it


def setter_of(store: Store, key: Any) -> str | None:
    """The step function that stored a value; None if none did."""
    return vars(store).get("_setters", {}).get(key)


def stored(store: Store) -> dict[Any, Any]:
    """What is kept in a store itself, without what greenroom knows."""
    return store._dict  # pyright: ignore[reportPrivateUsage] # public to step functions by that name
