"""What functions share: `ctx`, its namespaces, and those of them that greenroom keeps."""


class _Store:
    """Values by name."""

    def __init__(self):
        self._dict = {}

    def __getitem__(self, key):
        return self._dict[key]

    def __setitem__(self, key, value):
        self._dict[key] = value

    def __delitem__(self, key):
        del self._dict[key]

    def __contains__(self, key):
        return key in self._dict

    def __iter__(self):
        return iter(self.keys())

    def keys(self):
        return self._dict.keys()


class Context(_Store):
    """What the steps of a scenario share."""

    #: Where whoever unpickles one finds it.
    __module__ = STEPS

    def __init__(self):
        super().__init__()
        self._spaces = {}

    def __repr__(self):
        return repr({"vars": self._dict, "namespaces": self._spaces})

    def get(self, key, default=None):
        return self._dict.get(key, default)

    def as_dict(self):
        return dict(self._dict)

    def declare(self, name):
        """The name space of this name, the same one each time."""
        if name not in self._spaces:
            self._spaces[name] = _LIVE.get(name, NameSpace)(name)
        return self._spaces[name]

    def remember_value(self, name, value):
        space = self.declare("_values")
        if name in space:
            raise KeyError(name)
        space[name] = value

    def recall_value(self, name):
        return self.declare("_values")[name]

    @staticmethod
    def _values():
        return _Values("_values")

    def expand_values(self, pattern):
        """Puts remembered values for `${name}`; `$${` is left as it is."""
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


Context._values.__module__ = STEPS


class NameSpace(_Store):
    """Part of the context that belongs to a library. Its `get` stores the default that it returns."""

    __module__ = STEPS

    def __init__(self, name):
        super().__init__()
        self.name = name

    def __repr__(self):
        return repr(self.as_dict())

    def get(self, key, default=None):
        if key in self:
            return self[key]
        if default is not None:
            self[key] = default
        return default

    def as_dict(self):
        return {key: self[key] for key in list(self.keys())}


class _LiveSpace(NameSpace):
    """A name space part of which is what greenroom knows; the rest is kept here."""

    #: Keys that greenroom may know.
    live = ()

    def __reduce__(self):
        """A copy has what greenroom knows now."""
        return NameSpace, (self.name,), {"_dict": self.as_dict()}

    def _known(self):
        """What greenroom knows at present."""
        raise NotImplementedError

    def _tell(self, key, value):
        """Tells greenroom a key's new value, or None to forget it; False when the key is not its business."""
        return False

    def _is_live(self, key):
        return key in self.live

    def __getitem__(self, key):
        if key not in self._dict and self._is_live(key):
            return self._known()[key]
        return self._dict[key]

    def __setitem__(self, key, value):
        if not self._tell(key, value):
            self._dict[key] = value

    def __delitem__(self, key):
        if key in self._dict:
            del self._dict[key]
        elif key not in self:
            raise KeyError(key)
        else:
            self._tell(key, None)

    def __contains__(self, key):
        return key in self._dict or (self._is_live(key) and key in self._known())

    def keys(self):
        known = dict.fromkeys(self._known())
        known.update(dict.fromkeys(self._dict))
        return known.keys()


class _Runcmd(_LiveSpace):
    """`_runcmd`: the latest command, and what later ones will find."""

    latest = ("argv", "exit", "stdout", "stderr", "stdout.raw", "stderr.raw")
    settings = {"path-prefix": "path_prefix", "stdin_file": "stdin_file", "stdin_feed": "stdin_text"}
    live = latest + tuple(settings)

    def __getitem__(self, key):
        if key in self.latest:
            return self._latest()[key]
        return super().__getitem__(key)

    def __contains__(self, key):
        if key in self.latest:
            return key in self._latest()
        return super().__contains__(key)

    def _latest(self):
        return HOST.latest() or {}

    def _known(self):
        known = dict(self._latest())
        settings = HOST.call("runcmd_settings")
        if settings.get("path_prefix"):
            known["path-prefix"] = ":".join(settings["path_prefix"])
        for key in ("stdin_file", "stdin_feed"):
            if settings.get(self.settings[key]) is not None:
                known[key] = settings[self.settings[key]]
        return known

    def _tell(self, key, value):
        if key in self.latest:
            latest = dict(argv=[], exit=0, stdout="", stderr="")
            latest.update({"stdout.raw": b"", "stderr.raw": b""})
            latest.update(self._latest())
            latest[key] = value
            if key in ("stdout", "stderr"):
                latest[key + ".raw"] = (value or "").encode("utf-8", "surrogateescape")
            elif key.endswith(".raw"):
                latest[key[:6]] = (value or b"").decode("utf-8", "replace")
            HOST.set_latest(latest)
            return True
        if key in self.settings:
            if key == "path-prefix":
                value = [part for part in (value or "").split(":") if part]
            elif value is not None:
                value = str(value)
            HOST.call("runcmd_set", **{self.settings[key]: value})
            return True
        return False


class _Daemons(_LiveSpace):
    """`_daemon`: by the daemon's name, a dictionary of its pid and files."""

    def _is_live(self, key):
        return not key.startswith("_")

    def _known(self):
        known = {}
        for daemon in HOST.call("daemons"):
            known[daemon["name"]] = {
                "pid": daemon["pid"],
                "pid-file": daemon.get("pid_file") or daemon["name"] + ".pid",
                "stdout": daemon["stdout"],
                "stderr": daemon["stderr"],
            }
        return known


class _Values(_LiveSpace):
    """`_values`: texts are what `${name}` stands for in later steps; other values are kept here only."""

    def __getitem__(self, key):
        if key not in self._dict:
            value = HOST.call("recall", name=key)
            if value is None:
                raise KeyError(key)
            return value
        return self._dict[key]

    def __setitem__(self, key, value):
        if isinstance(key, str) and isinstance(value, str):
            self._dict.pop(key, None)
            HOST.call("remember", name=key, value=value)
        else:
            self._dict[key] = value

    def __contains__(self, key):
        return key in self._dict or (isinstance(key, str) and HOST.call("recall", name=key) is not None)

    def _known(self):
        return {}

    def __reduce__(self):
        # Nobody can list them. They do not change, so a copy may ask for them when it is asked.
        return Context._values, (), {"_dict": self._dict}


_LIVE = {"_runcmd": _Runcmd, "_daemon": _Daemons, "_values": _Values}
