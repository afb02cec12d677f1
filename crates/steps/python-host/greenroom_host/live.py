"""The namespaces of the context that greenroom keeps, or knows part of."""

from __future__ import annotations

from .context import KINDS, Context, NameSpace
from .engine import ENGINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import KeysView
    from typing import Any, ClassVar


class _LiveSpace(NameSpace):
    """A namespace part of which greenroom keeps; the rest is kept here."""

    #: Keys that greenroom may know.
    live: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy holds what greenroom knows now."""
        return NameSpace, (self.name,), {"_dict": self.as_dict()}

    def _known(self) -> dict[str, Any]:
        """What greenroom knows at present."""
        raise NotImplementedError

    def _send(self, key: str, value: Any) -> bool:
        """Sends greenroom a key's new value, or None to forget it; False if greenroom does not keep the key."""
        return False

    def _is_live(self, key: str) -> bool:
        return key in self.live

    def __getitem__(self, key: Any) -> Any:
        if key not in self._dict and self._is_live(key):
            return self._known()[key]
        return self._dict[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not self._send(key, value):
            self._dict[key] = value

    def __delitem__(self, key: Any) -> None:
        if key in self._dict:
            del self._dict[key]
        elif key not in self:
            raise KeyError(key)
        else:
            self._send(key, None)

    def __contains__(self, key: Any) -> bool:
        return key in self._dict or (self._is_live(key) and key in self._known())

    def keys(self) -> KeysView[Any]:
        known = dict.fromkeys(self._known())
        known.update(dict.fromkeys(self._dict))
        return known.keys()


class _Runcmd(_LiveSpace):
    """`_runcmd`: the latest command, and what later ones will find."""

    latest = ("argv", "exit", "stdout", "stderr", "stdout.raw", "stderr.raw")
    settings: ClassVar[dict[str, str]] = {
        "path-prefix": "path_prefix",
        "stdin_file": "stdin_file",
        "stdin_feed": "stdin_text",
    }
    live = (*latest, *settings)

    def __getitem__(self, key: Any) -> Any:
        if key in self.latest:
            return self._latest()[key]
        return super().__getitem__(key)

    def __contains__(self, key: Any) -> bool:
        if key in self.latest:
            return key in self._latest()
        return super().__contains__(key)

    def _latest(self) -> dict[str, Any]:
        return ENGINE.latest() or {}

    def _known(self) -> dict[str, Any]:
        known = dict(self._latest())
        settings = ENGINE.call("runcmd_settings")
        if settings.get("path_prefix"):
            known["path-prefix"] = ":".join(settings["path_prefix"])
        for key in ("stdin_file", "stdin_feed"):
            if settings.get(self.settings[key]) is not None:
                known[key] = settings[self.settings[key]]
        return known

    def _send(self, key: str, value: Any) -> bool:
        if key in self.latest:
            latest: dict[str, Any] = {"argv": [], "exit": 0, "stdout": "", "stderr": ""}
            latest.update({"stdout.raw": b"", "stderr.raw": b""})
            latest.update(self._latest())
            latest[key] = value
            if key in ("stdout", "stderr"):
                latest[key + ".raw"] = (value or "").encode("utf-8", "surrogateescape")
            elif key.endswith(".raw"):
                latest[key[:6]] = (value or b"").decode("utf-8", "replace")
            ENGINE.set_latest(latest)
            return True
        if key in self.settings:
            if key == "path-prefix":
                value = [part for part in (value or "").split(":") if part]
            elif value is not None:
                value = str(value)
            ENGINE.call("runcmd_set", **{self.settings[key]: value})
            return True
        return False


class _Daemons(_LiveSpace):
    """`_daemon`: by the daemon's name, a dictionary of its pid and files."""

    def _is_live(self, key: str) -> bool:
        return not key.startswith("_")

    def _known(self) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for daemon in ENGINE.call("daemons"):
            known[daemon["name"]] = {
                "pid": daemon["pid"],
                "pid-file": daemon.get("pid_file") or daemon["name"] + ".pid",
                "stdout": daemon["stdout"],
                "stderr": daemon["stderr"],
            }
        return known


class _Values(_LiveSpace):
    """`_values`: texts replace `${name}` in later steps; other values are kept here only."""

    def __getitem__(self, key: Any) -> Any:
        if key not in self._dict:
            value = ENGINE.call("recall", name=key)
            if value is None:
                raise KeyError(key)
            return value
        return self._dict[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str) and isinstance(value, str):
            self._dict.pop(key, None)
            ENGINE.call("remember", name=key, value=value)
        else:
            self._dict[key] = value

    def __contains__(self, key: Any) -> bool:
        return key in self._dict or (isinstance(key, str) and ENGINE.call("recall", name=key) is not None)

    def _known(self) -> dict[str, Any]:
        return {}

    def __reduce__(self) -> tuple[Any, ...]:
        # They cannot be listed. They do not change, so a copy may ask greenroom for them later.
        return Context._values, (), {"_dict": self._dict}  # pyright: ignore[reportPrivateUsage] # pickled by that name


KINDS.update(_runcmd=_Runcmd, _daemon=_Daemons, _values=_Values)
