"""The step host for Python: loads step functions and carries them out when greenroom asks for it.

greenroom starts this program with its own text in hand; nothing of it is installed anywhere. The two talk as docs/PROTOCOL.md
says. User functions get what generated test programs of Subplot give them: all files in one namespace, `ctx`, the helper
functions of its Python libraries, and a few modules. Whatever runs or watches processes is done by greenroom, by a call.

    python.py                    be a host; the socket's descriptor is in GREENROOM_HOST
    python.py --check FILE...    say in one line of JSON what the files define, without running them

The parts, in order: JSON and the socket; failures; the context; the helpers; the host; the check. Modules are imported where they
are needed, since few runs need them all and every run waits for the start. Python 3.8 and newer, standard library only.
"""

import binascii
import builtins
import os
import sys
import _thread

# Step functions may replace what is built in, for themselves.
__builtins__ = dict(vars(builtins))

PROTOCOL = 1
OWN_FILE = (lambda: 0).__code__.co_filename
#: The module that the step files share.
STEPS = "greenroom_steps"
#: The most that is shown of a text.
SHOWN = 8192

_exit = os._exit
_getpid = os.getpid


# ---- JSON ----


class _Settings:
    """What the scanner of the standard library asks for."""

    strict, object_hook, object_pairs_hook, memo = False, None, None, {}
    parse_float, parse_int, parse_constant = float, int, float


def decode(text):
    """The value of JSON. Module `json` would do, but it imports `re`, which takes longer than all the rest; its inner part does not."""
    try:
        from _json import make_scanner

        value, end = make_scanner(_Settings)(text, 0)
        if end == len(text):
            return value
    except Exception:
        pass
    import json

    return json.loads(text)


def _quoter():
    try:
        from _json import encode_basestring
    except ImportError:
        from json.encoder import encode_basestring
    return encode_basestring


_quote = _quoter()


def encode(value):
    """JSON of the few types that messages have."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return _quote(str(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join(_quote(key) + ":" + encode(item) for key, item in value.items()) + "}"
    return "[" + ",".join(map(encode, value)) + "]"


def to_base64(data):
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text):
    return binascii.a2b_base64(text or "")


# ---- The socket ----


class Channel:
    """One end of the conversation: a line of JSON each way."""

    #: Room for descriptors beside a message.
    DESCRIPTORS = 32

    def __init__(self, descriptor):
        import _socket

        self._module = _socket
        self._socket = _socket.socket(fileno=_out_of_the_way(descriptor))
        self._room = _socket.CMSG_SPACE(4 * self.DESCRIPTORS)
        self._received = b""
        self.descriptors = []

    def close(self):
        self._socket.close()

    def is_on(self, descriptor):
        return self._socket.fileno() == descriptor

    def receive(self):
        """The next message; None at the end. Exceptions of signal handlers come through; nothing is lost by them."""
        while True:
            line, newline, rest = self._received.partition(b"\n")
            if newline:
                self._received = rest
                return decode(line.decode("utf-8"))
            pieces = [line]
            try:
                while True:
                    piece = self._some()
                    if not piece:
                        return None
                    pieces.append(piece)
                    if b"\n" in piece:
                        break
            finally:
                self._received = b"".join(pieces)

    def _some(self):
        flags = getattr(self._module, "MSG_CMSG_CLOEXEC", 0)
        piece, ancillary, _, _ = self._socket.recvmsg(1 << 18, self._room, flags)
        for level, kind, data in ancillary:
            if level == self._module.SOL_SOCKET and kind == self._module.SCM_RIGHTS:
                for start in range(0, len(data) - len(data) % 4, 4):
                    self.descriptors.append(int.from_bytes(data[start : start + 4], sys.byteorder))
        return piece

    def send(self, message):
        """Says it all; what a signal handler raised meanwhile is returned, since half a message helps nobody.

        When nobody is there to hear it, this process ends.
        """
        # Characters that are none (bytes of file names, say) cannot be said in JSON.
        rest = memoryview(encode(message).encode("utf-8", "replace") + b"\n")
        interruption = None
        while len(rest):
            try:
                rest = rest[self._socket.send(rest, self._module.MSG_NOSIGNAL) :]
            except OSError:
                _exit(70)
            except BaseException as raised:
                interruption = raised
        return interruption


def _out_of_the_way(descriptor):
    """Moves a descriptor to a high number, which no loop over low ones closes, and keeps it from programs that are executed."""
    try:
        import fcntl
        import resource

        lowest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1024) - 24
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, max(lowest, 3))
    except (ImportError, OSError):
        os.set_inheritable(descriptor, False)
        return descriptor
    os.close(descriptor)
    return moved


# ---- Failures ----


class CallFailed(Exception):
    """greenroom could not do what a helper asked of it."""


def _with_failure(error, failure):
    """An exception that knows better than its type and text what is wrong."""
    error.greenroom_failure = failure
    return error


def describe(error):
    """What an exception means for the step, as a FAILURE."""
    try:
        return _describe(error)
    except BaseException as trouble:
        return {"message": type(error).__name__ + ": (cannot be shown: " + type(trouble).__name__ + ")"}


def _describe(error):
    known = getattr(error, "greenroom_failure", None)
    failure = dict(known) if isinstance(known, dict) else {}
    notes = list(failure.get("notes") or [])
    if not failure.get("message"):
        lines = _line_of(error)
        failure["message"] = _cut(lines[0], 1000)
        notes += lines[1:100]
        if isinstance(error, AssertionError):
            statement, values = _assertion(error)
            if statement and not str(error):
                failure["message"] = "AssertionError: " + _cut(statement, 500)
            notes += ["%s = %s" % (name, value) for name, value in values if value not in str(error)]
    for note in getattr(error, "__notes__", None) or []:
        notes += str(note).splitlines()
    for number, part in enumerate(getattr(error, "exceptions", None) or (), 1):
        if isinstance(part, BaseException):
            notes.append("%d: %s" % (number, _line_of(part)[0]))
    if isinstance(error, ImportError) and "relative import" in str(error):
        failure["help"] = ["files with step functions belong to no package: import what is beside them by its name"]
    if isinstance(error, FileNotFoundError):
        gone = _gone_directory()
        if gone:
            notes.append("the working directory %s does not exist any more" % gone)
    if isinstance(error, ImportError) and getattr(error, "name", None):
        notes.append("python is %s" % sys.executable)
    if notes:
        failure["notes"] = notes
    if type(error).__module__ == "subprocess" and not failure.get("output"):
        failure["output"] = _captured(error)
    trace = _trace(error)
    if trace:
        failure["trace"] = trace
    return failure


def _captured(error):
    """What a failed command wrote and nobody has shown."""
    streams = [(stream, getattr(error, stream, None)) for stream in ("stdout", "stderr")]
    streams = [(stream, data.encode("utf-8", "replace") if isinstance(data, str) else data) for stream, data in streams]
    return [_output(stream, data) for stream, data in streams if isinstance(data, bytes) and data]


def _output(stream, data):
    end = data[-SHOWN:]
    return {"of": stream + " of the command", "end_base64": to_base64(end), "omitted": len(data) - len(end)}


def _gone_directory():
    """The name that the working directory had, if it has been removed."""
    try:
        name = os.readlink("/proc/self/cwd")
    except OSError:
        return None
    return name[: -len(" (deleted)")] if name.endswith(" (deleted)") and not os.path.exists(name) else None


def _line_of(error):
    """`Type: text`, and the text's further lines."""
    name = type(error).__qualname__
    module = type(error).__module__
    if module not in ("builtins", STEPS, "__main__"):
        name = module + "." + name
    if isinstance(error, SyntaxError):
        text = error.msg or ""
    else:
        text = str(error)
    lines = [line for line in text.splitlines() if line.strip()]
    return [name + ": " + lines[0].strip()] + lines[1:] if lines else [name]


def _cut(text, length):
    return text if len(text) <= length else text[: length - 60] + " ... " + text[-50:]


def _trace(error):
    """Where it happened, in files of the user, oldest cause first."""
    chain = []
    while error is not None and len(chain) < 8 and all(error is not other for other, _ in chain):
        if error.__cause__ is not None:
            link, former = "which caused:", error.__cause__
        elif error.__context__ is not None and not error.__suppress_context__:
            link, former = "and while that was handled:", error.__context__
        else:
            link, former = None, None
        chain.append((error, link))
        error = former
    chain.reverse()
    parts = []
    for error, link in chain:
        frames = _frames(error)
        if not frames and len(chain) == 1:
            continue
        if len(chain) > 1:
            heading = _cut(_line_of(error)[0], 500)
            parts.append(heading if link is None else link + "\n" + heading)
        if frames:
            parts.append("\n".join(frames))
    return "\n".join(parts) or None


def _frames(error):
    frames, left_out, last = [], 0, None
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if _is_ours(code.co_filename):
            pass
        elif _is_library(code.co_filename):
            left_out += 1
            last = trace.tb_frame.f_globals.get("__name__") or code.co_filename
        else:
            if left_out:
                frames.append("  ... %d in %s" % (left_out, last))
                left_out = 0
            frames.append(_frame(code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if not frames and not isinstance(error, SyntaxError):
        return []
    if left_out:
        frames.append("  ... %d in %s" % (left_out, last))
    if len(frames) > 30:
        frames[15:-15] = ["  ... %d more" % (len(frames) - 30)]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        frames.append(_frame(error.filename, error.lineno, None, error.offset))
    return frames


def _frame(file, line, function, column=None):
    text = '  File "%s", line %d' % (file, line)
    if function and function != "<module>":
        text += ", in " + function
    source = source_lines(file)
    if 0 < line <= len(source):
        full = source[line - 1]
        text += "\n    " + full.strip()
        if column:
            text += "\n    " + " " * max(column - 1 - (len(full) - len(full.lstrip())), 0) + "^"
    return text


def _is_ours(file):
    return file == OWN_FILE or file.startswith("<frozen importlib")


def _is_library(file):
    library = os.path.dirname(os.__file__) + os.sep
    return file.startswith((library, "<frozen")) or "/site-packages/" in file or "/dist-packages/" in file


#: The lines of source files: of step files as they were when they were loaded.
_sources = {}


def source_lines(file):
    if file not in _sources:
        try:
            with open(file, "rb") as source:
                _sources[file] = _lines(source.read(1 << 22))
        except (OSError, ValueError):
            _sources[file] = []
    return _sources[file]


def _lines(source):
    """The lines of a source file, as the interpreter counts them."""
    return _source_text(source).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _source_text(source):
    """The text of a source file, in the encoding that it declares."""
    if source.startswith(b"\xef\xbb\xbf"):
        source = source[3:]
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError:
        return source.decode(_encoding(source) or "utf-8", "replace")


def _encoding(source):
    """The encoding that a source file declares; None when it declares none that there is."""
    import io
    import tokenize

    # Only what says so, without what else is in these lines.
    head = b"".join(source.splitlines(True)[:2])
    try:
        name, _ = tokenize.detect_encoding(io.BytesIO(bytes(byte for byte in head if byte < 128)).readline)
    except SyntaxError:
        return None
    return None if name.startswith("utf-8") else name


def _assertion(error):
    """The source of the assertion that failed, and names in it with their values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None, ()
    frame, line = trace.tb_frame, trace.tb_lineno
    lines = source_lines(frame.f_code.co_filename)
    if not lines:
        return None, ()
    found = None
    for node in _walk(_parse("\n".join(lines), frame.f_code.co_filename)):
        if type(node).__name__ == "Assert" and node.lineno <= line <= node.end_lineno:
            found = node
    if found is None:
        return None, ()
    text = " ".join(_segment(lines, found).split())
    values, shown = {}, (frame.f_locals, frame.f_globals)
    _names(found.test, lines, shown, values)
    return text, list(values.items())[:12]


def _parse(source, file):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, file, "exec", 0x400, True)  # to a syntax tree, nothing inherited


def _walk(node):
    """All nodes, outer before inner."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(_children(node))))


def _children(node):
    for field in node._fields:
        value = getattr(node, field, None)
        for part in value if isinstance(value, list) else (value,):
            if hasattr(part, "_fields"):
                yield part


def _segment(lines, node):
    """The source of a node. Columns count bytes."""
    first, last = node.lineno - 1, node.end_lineno - 1
    part = [line.encode("utf-8") for line in lines[first : last + 1]]
    part[-1] = part[-1][: node.end_col_offset]
    part[0] = part[0][node.col_offset :]
    return b"\n".join(part).decode("utf-8", "replace")


def _names(node, lines, scopes, values):
    """Notes the values of names, and of what they have under constant keys. Nothing is called for it."""
    kind = type(node).__name__
    if kind in ("Name", "Subscript"):
        found, value = _value(node, scopes)
        if found:
            if not callable(value) and type(value).__name__ != "module":
                values.setdefault(_segment(lines, node), show(value))
            return
    for child in _children(node):
        _names(child, lines, scopes, values)


def _value(node, scopes):
    kind = type(node).__name__
    if kind == "Name":
        for scope in scopes:
            if node.id in scope:
                return True, scope[node.id]
    elif kind == "Subscript":
        found, value = _value(node.value, scopes)
        key = node.slice
        if type(key).__name__ == "Index":  # before Python 3.9
            key = key.value
        if found and type(key).__name__ == "Constant":
            if type(value) is Context:
                value = value._values
            elif type(value) is NameSpace:
                value = value._dict
            key = key.value
            if type(value) is dict and key in value:
                return True, value[key]
            if type(value) in (list, tuple) and type(key) is int and -len(value) <= key < len(value):
                return True, value[key]
    return False, None


def show(value, depth=3):
    """A value for people. Only the representations of built-in types are asked for: others are code of who knows whom."""
    kind = type(value)
    if kind is int and value.bit_length() > 4096:
        return "<int of %d bits>" % value.bit_length()
    if value is None or kind in (bool, int, float, complex):
        return repr(value)
    if kind in (str, bytes):
        return repr(value) if len(value) <= 200 else repr(value[:160]) + " (and %d more)" % (len(value) - 160)
    if kind in (list, tuple, set, frozenset, dict):
        if not depth:
            return "..."
        if kind is dict:
            parts = [show(key, 1) + ": " + show(item, depth - 1) for key, item in list(value.items())[:12]]
        else:
            parts = [show(item, depth - 1) for item in list(value)[:12]]
        if len(value) > 12:
            parts.append("... (%d in all)" % len(value))
        if not parts and kind in (set, frozenset):
            return kind.__name__ + "()"
        opening, closing = {list: "[]", tuple: "()"}.get(kind, "{}")
        comma = "," if kind is tuple and len(parts) == 1 else ""
        return opening + ", ".join(parts) + comma + closing
    if kind in (Context, NameSpace):
        return show(value.as_dict(), depth)
    if kind.__module__.startswith("pathlib"):
        return repr(value)
    return "<%s.%s>" % (kind.__module__, kind.__qualname__)


# ---- The context ----


class Context:
    """What the steps of a scenario share."""

    def __init__(self):
        self._values = {}
        self._spaces = {}

    def __getitem__(self, key):
        return self._values[key]

    def __setitem__(self, key, value):
        self._values[key] = value

    def __delitem__(self, key):
        del self._values[key]

    def __contains__(self, key):
        return key in self._values

    def __iter__(self):
        return iter(self._values)

    def __repr__(self):
        return repr({"vars": self._values, "namespaces": self._spaces})

    def get(self, key, default=None):
        return self._values.get(key, default)

    def keys(self):
        return self._values.keys()

    def as_dict(self):
        return dict(self._values)

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


class NameSpace:
    """Part of the context that belongs to a library. Its `get` stores the default that it returns."""

    def __init__(self, name):
        self.name = name
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

    def __repr__(self):
        return repr(self.as_dict())

    def get(self, key, default=None):
        if key in self:
            return self[key]
        if default is not None:
            self[key] = default
        return default

    def keys(self):
        return self._dict.keys()

    def as_dict(self):
        return {key: self[key] for key in list(self.keys())}


class _LiveSpace(NameSpace):
    """A name space part of which is what greenroom knows; the rest is kept here."""

    #: Keys that greenroom may know.
    live = ()

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


_LIVE = {"_runcmd": _Runcmd, "_daemon": _Daemons, "_values": _Values}


# ---- The helpers: checks and log ----

# What step functions find in their namespace. Helpers find each other there too, so that a file's own version of one counts
# everywhere.


def _the(name):
    return HOST.steps[name]


def assert_eq(a, b):
    if not a == b:
        raise _differ(AssertionError("expected %r == %r" % (a, b)), a, b)


def assert_ne(a, b):
    if not a != b:
        raise AssertionError("expected %r != %r" % (a, b))


def _differ(error, a, b):
    """Long texts are shown one below the other rather than in a line."""
    if type(a) is type(b) and isinstance(a, (str, bytes)) and len(a) + len(b) > 120:
        a, b = _text(a), _text(b)
        return _with_failure(error, _comparison("the first value", "is", b, a, "AssertionError: the two values differ"))
    return error


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def assert_dict_eq(a, b):
    for value in (a, b):
        if not isinstance(value, dict):
            raise AssertionError("expected a dict, not %r" % (value,))
    _same(a, b, "")


def _same(a, b, where):
    """Equal at every depth, and of the same types."""
    place = " at " + where if where else ""
    if type(a) is not type(b):
        raise AssertionError("expected %r == %r%s: the types are %s and %s" % (a, b, place, type(a), type(b)))
    if isinstance(a, dict):
        for key in list(a) + [key for key in b if key not in a]:
            if key not in a or key not in b:
                raise AssertionError("expected %r in both dicts%s, it is only in the %s" % (
                    key, place, "first" if key in a else "second"))
            _same(a[key], b[key], "%s[%r]" % (where, key))
    elif isinstance(a, list):
        if len(a) != len(b):
            raise AssertionError("expected %r == %r%s: the lengths are %d and %d" % (a, b, place, len(a), len(b)))
        for index, (one, other) in enumerate(zip(a, b)):
            _same(one, other, "%s[%d]" % (where, index))
    elif not a == b:
        raise AssertionError("expected %r == %r%s" % (a, b, place))


_COMPLAINTS = {
    "is": "is not what was expected",
    "is_not": "is what it should not be",
    "contains": "does not contain what was expected",
    "does_not_contain": "contains what it should not",
    "matches": "does not match the regex",
    "does_not_match": "matches the regex but should not",
}


def _comparison(what, relation, expected, actual, message=None, notes=()):
    notes = list(notes)
    if max(len(expected), len(actual)) > SHOWN:
        same = 0
        if relation == "is":
            same = next((at for at, (a, b) in enumerate(zip(expected, actual)) if a != b), min(len(expected), len(actual)))
            notes.append("the first difference is at character %d" % same)
            start = max(same - SHOWN // 2, 0)
            expected = expected[start : start + SHOWN]
        elif relation == "does_not_contain":
            start = max(actual.find(expected) - SHOWN // 2, 0)
        else:
            start = max(len(actual) - SHOWN, 0)
        notes.append("only part of it is shown, from character %d of %d" % (start, len(actual)))
        actual = actual[start : start + SHOWN]
        expected = expected[:SHOWN]
    return {
        "message": message or "%s %s" % (what, _COMPLAINTS[relation]),
        "comparison": {"what": what, "relation": relation, "expected": expected, "actual": actual},
        "notes": notes,
    }


def _check(check, one, other, explain):
    """Makes a check by name, so that a file's own one is used; what it raises is explained."""
    try:
        _the(check)(one, other)
    except AssertionError as error:
        raise _with_failure(error, explain())


def decode_bytes(s):
    return from_base64(s)


def decode_str(s):
    return from_base64(s).decode()


def get_file(filename):
    return HOST.file(filename)


def store_file(filename, content):
    HOST.files[filename] = content


def indent(n):
    return "  " * n


def is_multiline_string(v):
    return isinstance(v, (str, bytes)) and ("\n" if isinstance(v, str) else b"\n") in v


def log_lines(prefix, v):
    import logging

    newline = "\n" if isinstance(v, str) else b"\n"
    for line in v.splitlines(keepends=True) if newline in v else [v]:
        logging.debug("%s%r", prefix, line)


def log_value(msg, level, v):
    import logging

    space = indent(level)
    if is_multiline_string(v):
        logging.debug("%s%s:", space, msg)
        log_lines(indent(level + 1), v)
    elif v and isinstance(v, (dict, list)):
        logging.debug("%s%s:", space, msg)
        parts = [(repr(key), v[key]) for key in sorted(v)] if isinstance(v, dict) else enumerate(v)
        for name, value in parts:
            log_value("%s" % name, level + 1, value)
    else:
        logging.debug("%s%s: %r", space, msg, v)


# ---- The helpers: library files ----


def files_relative(filename):
    return "./" + filename


def _write(ctx, name, data, executable=False):
    _the("files_make_directory")(ctx, path=os.path.dirname(name) or ".")
    with open(files_relative(name), "wb") as file:
        file.write(data)
    if executable:
        os.chmod(files_relative(name), 0o755)


def _read(name):
    with open(files_relative(name), "rb") as file:
        return file.read()


def files_create_from_embedded(ctx, embedded_file=None):
    _write(ctx, embedded_file, _the("get_file")(embedded_file))


def files_create_from_embedded_with_other_name(ctx, filename_on_disk=None, embedded_file=None):
    _write(ctx, filename_on_disk, _the("get_file")(embedded_file))


def files_create_executable_from_embedded(ctx, embedded_file=None):
    _write(ctx, embedded_file, _the("get_file")(embedded_file), True)


def files_create_executable_from_embedded_with_other_name(ctx, filename_on_disk=None, embedded_file=None):
    _write(ctx, filename_on_disk, _the("get_file")(embedded_file), True)


def files_create_from_text(ctx, filename=None, text=None):
    _write(ctx, filename, text.encode("utf-8"))


def files_make_directory(ctx, path=None):
    os.makedirs(files_relative(path), exist_ok=True)


def files_remove_file(ctx, filename=None):
    os.remove(files_relative(filename))


def files_remove_directory(ctx, path=None):
    import shutil

    shutil.rmtree(files_relative(path))


def files_remove_empty_directory(ctx, path=None):
    os.rmdir(files_relative(path))


def _is_there(kind, name, there, wanted):
    _check("assert_eq", there, wanted, lambda: {
        "message": "%s %s %s" % (kind, name, "does not exist" if wanted else "exists but should not"),
        "notes": ["the directory %s has %s" % (os.getcwd(), ", ".join(sorted(os.listdir("."))[:20]) or "nothing")],
    })


def files_file_exists(ctx, filename=None):
    _is_there("file", filename, os.path.exists(files_relative(filename)), True)


def files_file_does_not_exist(ctx, filename=None):
    _is_there("file", filename, os.path.exists(files_relative(filename)), False)


def files_directory_exists(ctx, path=None):
    _is_there("directory", path, os.path.isdir(files_relative(path)), True)


def files_directory_does_not_exist(ctx, path=None):
    _is_there("directory", path, os.path.isdir(files_relative(path)), False)


def files_directory_is_empty(ctx, path=None):
    _the("assert_eq")(os.listdir(files_relative(path)), [])


def files_directory_is_not_empty(ctx, path=None):
    _the("assert_ne")(os.listdir(files_relative(path)), [])


def files_only_these_exist(ctx, filenames=None):
    _the("assert_eq")(set(os.listdir(".")), set(filenames.replace(",", " ").split()))


def _file_check(filename, relation, expected, holds):
    text = _read(filename).decode("utf-8", "replace")
    _check("assert_eq", bool(holds(text)), True, lambda: _comparison("file " + filename, relation, expected, text))


def files_file_contains(ctx, filename=None, data=None):
    _file_check(filename, "contains", data, lambda text: data in text)


def files_file_doesnt_contain(ctx, filename=None, data=None):
    _file_check(filename, "does_not_contain", data, lambda text: data not in text)


def files_file_matches_regex(ctx, filename=None, regex=None):
    import re

    _file_check(filename, "matches", regex, lambda text: re.search(regex, text))


def _are_same(names, one, other, wanted):
    def explain():
        if not wanted:
            return {"message": "%s and %s are the same but should not be" % names}
        message = "%s and %s differ" % names
        return _comparison("%s beside %s" % (names[1], names[0]), "is", _text(one), _text(other), message)

    _check("assert_eq" if wanted else "assert_ne", one, other, explain)


def files_match(ctx, filename1=None, filename2=None):
    _are_same((filename1, filename2), _read(filename1), _read(filename2), True)


def files_do_not_match(ctx, filename1=None, filename2=None):
    _are_same((filename1, filename2), _read(filename1), _read(filename2), False)


def file_and_embedded_file_match(ctx, filename=None, embedded=None):
    names = ("embedded file " + embedded, "file " + filename)
    _are_same(names, _the("get_file")(embedded), _read(filename), True)


def file_and_embedded_file_do_not_match(ctx, filename=None, embedded=None):
    names = ("embedded file " + embedded, "file " + filename)
    _are_same(names, _the("get_file")(embedded), _read(filename), False)


def files_touch(ctx, filename=None):
    _touch(filename, None)


def files_touch_with_timestamp(ctx, filename=None, mtime=None):
    import calendar
    import time

    stamp = calendar.timegm(time.strptime(mtime.strip(), "%Y-%m-%d %H:%M:%S"))
    _touch(filename, (stamp, stamp))


def _touch(filename, times):
    with open(files_relative(filename), "ab"):
        pass
    os.utime(files_relative(filename), times)


def _age(filename):
    import time

    return abs(time.time() - os.stat(files_relative(filename)).st_mtime)


def files_mtime_is_recent(ctx, filename=None):
    age = _age(filename)
    if age >= 1:
        raise AssertionError("file %s is not very recent: it was modified %d s from now" % (filename, age))


def files_mtime_is_ancient(ctx, filename=None):
    age = _age(filename)
    if age <= 39 * 365 * 86400:
        raise AssertionError("file %s is not very old: it was modified %d s from now" % (filename, age))


def files_remember_metadata(ctx, filename=None):
    HOST.step("files_remember_metadata", filename=filename)


def files_has_remembered_metadata(ctx, filename=None):
    HOST.step("files_has_remembered_metadata", filename=filename)


def files_has_different_metadata(ctx, filename=None):
    HOST.step("files_has_different_metadata", filename=filename)


# ---- The helpers: library runcmd ----


def _runcmd_get(ctx, name):
    return ctx.declare("_runcmd")[name]


def runcmd_get_exit_code(ctx):
    return _runcmd_get(ctx, "exit")


def runcmd_get_stdout(ctx):
    return _runcmd_get(ctx, "stdout")


def runcmd_get_stdout_raw(ctx):
    return _runcmd_get(ctx, "stdout.raw")


def runcmd_get_stderr(ctx):
    return _runcmd_get(ctx, "stderr")


def runcmd_get_stderr_raw(ctx):
    return _runcmd_get(ctx, "stderr.raw")


def runcmd_get_argv(ctx):
    return _runcmd_get(ctx, "argv")


def runcmd_run(ctx, argv, **kwargs):
    """Runs a command to its end, whatever its exit code. The keyword arguments are those of subprocess.Popen."""
    space = ctx.declare("_runcmd")
    changes = dict(space._dict.get("env-update") or {})
    changes.update(kwargs.pop("env", None) or {})
    directory = kwargs.pop("cwd", None)
    for stream in ("stdin", "stdout", "stderr"):
        kwargs.pop(stream, None)
    words = [argv] if isinstance(argv, (str, bytes)) or hasattr(argv, "__fspath__") else list(argv)
    if kwargs.pop("shell", False):
        words = ["/bin/sh", "-c"] + words
    words = [os.fspath(word) for word in words]
    if not words:
        raise ValueError("the command names no program")
    for name, value in changes.items():
        if not isinstance(name, str) or not isinstance(value, (str, type(None))):
            raise TypeError("environment variables are of type str, not %r=%r" % (name, value))
    if any(kwargs.values()) or not all(map(_is_text, words)) or not all(map(_is_text, changes.values())):
        return _run_here(space, words, changes, directory, kwargs)
    HOST.flush()
    result = HOST.call(
        "runcmd_run",
        argv=words,
        directory=os.path.join(os.getcwd(), os.fspath(directory or "")),
        environment={name: value for name, value in changes.items()},
    )
    HOST.remember_latest(dict(result, argv=words))


def _is_text(word):
    if word is None:
        return True
    if not isinstance(word, str):
        return False
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _run_here(space, words, changes, directory, kwargs):
    """For what a call cannot say: commands with arguments that are no text, or started in a special way."""
    import subprocess

    settings = HOST.call("runcmd_settings")
    environment = dict(os.environ, **{name: value for name, value in changes.items() if value is not None})
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    if settings.get("path_prefix"):
        path = [environment["PATH"]] if environment.get("PATH") else []
        environment["PATH"] = ":".join(settings["path_prefix"] + path)
    for name in ("text", "universal_newlines", "encoding", "errors", "bufsize"):
        kwargs.pop(name, None)
    feed, stdin = None, subprocess.DEVNULL
    if settings.get("stdin_file") is not None:
        stdin = open(settings["stdin_file"], "rb")
    elif settings.get("stdin_text") is not None:
        feed, stdin = settings["stdin_text"].encode(), subprocess.PIPE
    try:
        process = subprocess.Popen(words, cwd=directory, env=environment, stdin=stdin,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        stdout, stderr = process.communicate(feed)
    finally:
        if hasattr(stdin, "close"):
            stdin.close()
    HOST.set_latest({
        "argv": [os.fsdecode(word) for word in words],
        "exit": process.returncode,
        "stdout.raw": stdout,
        "stderr.raw": stderr,
        "stdout": stdout.decode("utf-8", "replace"),
        "stderr": stderr.decode("utf-8", "replace"),
    })


def runcmd_helper_srcdir_path(ctx):
    _the("runcmd_prepend_to_path")(ctx, _the("srcdir"))


def runcmd_helper_script(ctx, script=None):
    with open(script, "wb") as file:
        file.write(_the("get_file")(script))


def runcmd_stdin_from_file(ctx, file=None):
    ctx.declare("_runcmd")["stdin_file"] = file


def runcmd_stdin_is(ctx, text=None):
    ctx.declare("_runcmd")["stdin_feed"] = text


def runcmd_prepend_to_path(ctx, dirname=None):
    space = ctx.declare("_runcmd")
    former = space.get("path-prefix")
    space["path-prefix"] = "%s:%s" % (former, dirname) if former else os.fspath(dirname)


def runcmd_step(ctx, argv0=None, args=None):
    _the("runcmd_try_to_run")(ctx, argv0=argv0, args=args)
    _the("runcmd_exit_code_is_zero")(ctx)


def runcmd_step_in(ctx, dirname=None, argv0=None, args=None):
    _the("runcmd_try_to_run_in")(ctx, dirname=dirname, argv0=argv0, args=args)
    _the("runcmd_exit_code_is_zero")(ctx)


def runcmd_try_to_run(ctx, argv0=None, args=None):
    _the("runcmd_try_to_run_in")(ctx, dirname=None, argv0=argv0, args=args)


def runcmd_try_to_run_in(ctx, dirname=None, argv0=None, args=None):
    import shlex

    if "'" in argv0 or '"' in argv0:
        # A quote that begins in the one may end in the other.
        words = shlex.split(argv0 + (args or ""))
    else:
        words = [argv0] + shlex.split(args or "")
    _the("runcmd_run")(ctx, words, cwd=dirname)


def runcmd_set_environment_variable(ctx, variable, value):
    os.environ[variable] = value


def runcmd_unset_environment_variable(ctx, variable):
    os.environ.pop(variable, None)


def runcmd_exit_code_is_zero(ctx):
    _the("runcmd_exit_code_is")(ctx, exit=0)


def runcmd_exit_code_is(ctx, exit=None):
    _exit_code("assert_eq", "is", ctx, int(exit))


def runcmd_exit_code_is_nonzero(ctx):
    _the("runcmd_exit_code_is_not")(ctx, exit=0)


def runcmd_exit_code_is_not(ctx, exit=None):
    _exit_code("assert_ne", "is_not", ctx, int(exit))


def _exit_code(check, relation, ctx, expected):
    actual = _the("runcmd_get_exit_code")(ctx)

    def explain():
        failure = _comparison("exit code of the command", relation, str(expected), str(actual), notes=_command_notes())
        failure["output"] = _latest_output("stdout", "stderr")
        return failure

    _check(check, actual, expected, explain)


def _command_notes():
    import shlex

    latest = HOST.latest() or {}
    if not latest.get("argv"):
        return []
    command = " ".join(shlex.quote(_text(word)) for word in latest["argv"])
    return ["the command was `%s`, and its exit code %s" % (_cut(command, 300), latest.get("exit"))]


def _latest_output(*streams):
    output = []
    for stream in streams:
        data = (HOST.latest() or {}).get(stream + ".raw") or b""
        if data:
            output.append(_output(stream, data))
    return output


def _output_check(ctx, stream, relation, expected):
    actual = _the("runcmd_get_" + stream)(ctx)
    if relation in ("is", "is_not"):
        holds = actual == expected
    elif relation in ("contains", "does_not_contain"):
        holds = expected in actual
    else:
        import re

        holds = re.search(expected, actual) is not None
    if relation in ("is_not", "does_not_contain", "does_not_match"):
        holds = not holds

    def explain():
        failure = _comparison(stream + " of the command", relation, expected, actual, notes=_command_notes())
        failure["output"] = _latest_output("stderr" if stream == "stdout" else "stdout")
        return failure

    _check("assert_eq", holds, True, explain)


def runcmd_stdout_is(ctx, text=None):
    _output_check(ctx, "stdout", "is", text)


def runcmd_stdout_isnt(ctx, text=None):
    _output_check(ctx, "stdout", "is_not", text)


def runcmd_stderr_is(ctx, text=None):
    _output_check(ctx, "stderr", "is", text)


def runcmd_stderr_isnt(ctx, text=None):
    _output_check(ctx, "stderr", "is_not", text)


def runcmd_stdout_contains(ctx, text=None):
    _output_check(ctx, "stdout", "contains", text)


def runcmd_stdout_doesnt_contain(ctx, text=None):
    _output_check(ctx, "stdout", "does_not_contain", text)


def runcmd_stderr_contains(ctx, text=None):
    _output_check(ctx, "stderr", "contains", text)


def runcmd_stderr_doesnt_contain(ctx, text=None):
    _output_check(ctx, "stderr", "does_not_contain", text)


def runcmd_stdout_matches_regex(ctx, regex=None):
    _output_check(ctx, "stdout", "matches", regex)


def runcmd_stdout_doesnt_match_regex(ctx, regex=None):
    _output_check(ctx, "stdout", "does_not_match", regex)


def runcmd_stderr_matches_regex(ctx, regex=None):
    _output_check(ctx, "stderr", "matches", regex)


def runcmd_stderr_doesnt_match_regex(ctx, regex=None):
    _output_check(ctx, "stderr", "does_not_match", regex)


# ---- The helpers: library daemon ----


def _daemon_shell_script(ctx, filename=None):
    HOST.step("daemon_helper_script", filename=filename)


def _daemon_order(path, args, name, port, env):
    if isinstance(env, dict):
        env = encode({key: value if value is None else str(value) for key, value in env.items()})
    port = None if port is None else str(port)
    args = args or ""
    if path is not None and not ("'" in path or '"' in path):
        # They are two things; but a quote that begins in the one may end in the other.
        import shlex

        path, args = shlex.quote(path), " " + args.lstrip() if args else ""
    return {"path": path, "args": args, "name": name, "port": port, "env": env}


def _daemon_start(ctx, path=None, args=None, name=None, env=None):
    HOST.step("daemon_start", **_daemon_order(path, args, name, None, env))


def daemon_start(ctx, path=None, args=None, name=None, env=None):
    _the("_daemon_start")(ctx, path=path, args=args, name=name, env=env)


def daemon_start_on_port(ctx, path=None, args=None, name=None, port=None, env=None):
    try:
        HOST.step("daemon_start", **_daemon_order(path, args, name, port, env))
    except CallFailed as error:
        # What callers know as the sign of a daemon that does not answer.
        raise _with_failure(ConnectionRefusedError(str(error)), error.greenroom_failure) from None


def _daemon_start_soonish(ctx, path=None, args=None, name=None, port=None, env=None):
    HOST.step("daemon_try_start", **_daemon_order(path, args, name, port, env))


def _holds(function, **captures):
    """Has greenroom make a check. One that does not hold is to callers what any other is."""
    try:
        HOST.step(function, **captures)
    except CallFailed as error:
        raise _with_failure(AssertionError(str(error)), error.greenroom_failure) from None


def _daemon_stop_soonish(ctx, path=None, args=None, name=None, port=None, env=None):
    """Nothing is left to do: greenroom ends what it has started."""


def daemon_wait_for_port(host, port, timeout=5.0):
    import socket
    import time

    end = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=max(end - time.monotonic(), 0.01)).close()
            return
        except OSError as error:
            if time.monotonic() >= end:
                message = "no connection to port %s of %s within %s s" % (port, host, timeout)
                kind = socket.timeout if isinstance(error, socket.timeout) else ConnectionRefusedError
                raise kind(message) from None
        time.sleep(0.02)


def daemon_stop(ctx, path=None, args=None, name=None):
    HOST.step("daemon_stop", name=name)


def daemon_no_such_process(ctx, args=None):
    _holds("daemon_no_process", args=args)


def daemon_process_exists(ctx, args=None):
    _holds("daemon_process_runs", args=args)


def daemon_start_fails_with(ctx, message=None):
    _holds("daemon_start_fails", message=message)


def daemon_start_succeeds(ctx):
    _holds("daemon_start_succeeds")


def daemon_has_produced_output(ctx, name=None):
    HOST.step("daemon_has_output", name=name)


def _daemon_get_output(ctx, name, which):
    with open(ctx.declare("_daemon")[name][which], "rb") as file:
        return file.read().decode("utf-8", "replace")


def daemon_get_stdout(ctx, name):
    return _daemon_get_output(ctx, name, "stdout")


def daemon_get_stderr(ctx, name):
    return _daemon_get_output(ctx, name, "stderr")


def daemon_stdout_is(ctx, name=None, text=None):
    HOST.step("daemon_stdout_is", name=name, text=text)


def daemon_stdout_contains(ctx, name=None, text=None):
    HOST.step("daemon_stdout_contains", name=name, text=text)


def daemon_stdout_doesnt_contain(ctx, name=None, text=None):
    HOST.step("daemon_stdout_lacks", name=name, text=text)


def daemon_stderr_is(ctx, name=None, text=None):
    HOST.step("daemon_stderr_is", name=name, text=text)


# ---- What the files find ----

_LIBRARIES = {
    "lib/files.py": ("files_", "file_and_embedded_"),
    "lib/runcmd.py": ("runcmd_", "_runcmd_get"),
    "lib/daemon.py": ("daemon_", "_daemon_start", "_daemon_stop", "_daemon_shell", "_daemon_get"),
}
_OTHERS = (
    Context, NameSpace, assert_eq, assert_ne, assert_dict_eq, decode_bytes, decode_str, get_file, store_file, indent,
    is_multiline_string, log_lines, log_value,
)
#: Modules that are there without an import, under the names that they have there.
_MODULES = {name: (name, None) for name in (
    "argparse", "base64", "json", "logging", "os", "random", "re", "shlex", "shutil", "signal", "socket", "subprocess", "sys",
    "tarfile", "tempfile", "time")}
_MODULES["datetime"] = ("datetime", "datetime")


def library(file):
    """The functions of a step library."""
    return {name: value for name, value in globals().items() if name.startswith(_LIBRARIES[file])}


def provided():
    """All that step files find in their namespace but modules."""
    names = {item.__name__: item for item in _OTHERS}
    for file in _LIBRARIES:
        names.update(library(file))
    return names


def _features(code):
    """What code has imported from `__future__`, as flags for the compiler."""
    if not code.co_flags >> 17:
        return 0
    import __future__

    known = [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]
    return sum({flag for flag in known if code.co_flags & flag})


def _mentioned(code):
    """The names that code looks up, at any depth."""
    pending, names = [code], set()
    while pending:
        code = pending.pop()
        names.update(code.co_names)
        pending.extend(constant for constant in code.co_consts if hasattr(constant, "co_names"))
    return names


def _flush_files():
    """Writes out what waits in this process to be written to files."""
    import gc
    import io

    gc.unfreeze()
    for item in gc.get_objects():
        if issubclass(type(item), io.IOBase):
            try:
                item.flush()
            except Exception:
                pass


# ---- The host ----


class Broken(Exception):
    """The conversation cannot go on."""


class Host:
    #: How long left-over threads are waited for at the end, in seconds.
    END_OF_THREADS = 1.0

    def __init__(self):
        self.channel = None
        self.process = _getpid()
        self.steps = {}
        self.files = {}
        self._latest = None
        self._is_latest_known = False
        self._context = None
        self._environment = {}
        self._initial = {}
        self._lock = _thread.RLock()
        self._is_open = False
        self._is_calling = False
        self._is_unanswered = False
        self._owed = 0
        self._forks = None
        self._log = False

    # -- Its life --

    def start(self):
        descriptor = int(os.environ.pop("GREENROOM_HOST"))
        os.register_at_fork(after_in_child=self._in_child)
        self.channel = Channel(descriptor)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.reconfigure(line_buffering=True, errors="backslashreplace")
            except Exception:
                pass
        self.serve()

    def serve(self):
        """Answers messages until there are no more."""
        while True:
            try:
                message = self._next()
                if message is None:
                    break
                self._answer(message)
            except Broken as error:
                self.channel.send({"broken": error.args[0]})
                break
            except BaseException as error:
                # A signal handler of the user's, or one left behind by a step.
                self._not_mine()
                if self._is_unanswered:
                    self._done(describe(error))
                else:
                    print("between steps: " + _line_of(error)[0], file=sys.stderr)
        self._end()

    def _next(self):
        while True:
            try:
                message = self.channel.receive()
            except (OSError, ValueError, RecursionError, StopIteration) as error:
                raise Broken({"message": "cannot read a message: %s" % _line_of(error)[0]})
            if self._owed and message is not None and ("result" in message or "error" in message):
                self._owed -= 1
                continue
            return message

    def _answer(self, message):
        if not isinstance(message, dict) or len(message) != 1:
            raise Broken({"message": "this is no message: %s" % show(message)})
        (kind, content), = message.items()
        answers = {"hello": self._hello, "fork": self._fork, "scenario": self._scenario, "step": self._step, "cleanup": self._step}
        if kind not in answers:
            raise Broken({"message": "unknown message: %s" % kind})
        try:
            answers[kind](content)
        except (KeyError, TypeError, AttributeError) as error:
            if _frames(error):
                raise
            raise Broken({"message": "message %s lacks something: %s" % (kind, _line_of(error)[0])})

    def _end(self):
        """Leaves as a program does: threads end, then come the functions that were registered for it, then files are written out.

        greenroom does not wait for long; threads have half of that at most.
        """
        ended = True
        if "threading" in sys.modules:
            ended = self._end_threads()
        try:
            if "atexit" in sys.modules:
                sys.modules["atexit"]._run_exitfuncs()
        except BaseException as error:
            self._not_mine()
            print("at the end: " + _line_of(error)[0], file=sys.stderr)
        self.flush()
        if ended and self._has_open_files():
            # The interpreter's own end destroys all objects, which is when files are closed. First those of the step files, as long
            # as the modules that they need are there.
            import gc

            gc.unfreeze()
            self._context = None
            self.steps.clear()
            gc.collect()
            sys.exit(0)
        if not ended:
            _flush_files()
        _exit(0)

    def _end_threads(self):
        """Waits for the threads that a program would wait for; whether they have ended."""
        import signal

        threading = sys.modules["threading"]

        def enough(*_):
            raise TimeoutError("left-over threads are not waited for")

        try:
            signal.signal(signal.SIGALRM, enough)
            signal.setitimer(signal.ITIMER_REAL, self.END_OF_THREADS)
            threading._shutdown()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException:
            self._not_mine()
        return all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate())

    def _has_open_files(self):
        """Whether something may be waiting in this process to be written to a file."""
        try:
            import fcntl

            descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
        except (ImportError, OSError, ValueError):
            return True
        for descriptor in descriptors:
            try:
                if descriptor > 2 and fcntl.fcntl(descriptor, fcntl.F_GETFL) & 3 != os.O_RDONLY:
                    if not self.channel.is_on(descriptor):
                        return True
            except OSError:
                pass
        return False

    def flush(self):
        for stream in (sys.stdout, sys.stderr, sys.__stdout__):
            try:
                stream.flush()
            except Exception:
                pass

    def _in_child(self):
        """In a child that step code has forked: the conversation is not the child's."""
        if self._forks is None or not self._forks.in_progress:
            self.channel.close()

    def _not_mine(self):
        """A child that step code has forked ends where the function that forked it does."""
        if _getpid() != self.process:
            self.flush()
            _exit(0)

    # -- Loading --

    def _hello(self, hello):
        if hello.get("protocol") != PROTOCOL:
            raise Broken({"message": "this host speaks version %d of the protocol" % PROTOCOL})
        import types

        source_directory = hello["source_directory"]
        if sys.path and sys.path[0] == "":
            # Where greenroom was started; what a scenario writes into its directory is not to be imported by accident.
            sys.path[0] = source_directory
        # Modules beside the step files, wherever greenroom was started.
        beside = dict.fromkeys(os.path.dirname(os.path.abspath(file)) for file in hello["files"] if file not in _LIBRARIES)
        sys.path.extend(directory for directory in beside if directory not in sys.path)
        module = types.ModuleType(STEPS)
        sys.modules[STEPS] = module
        self.steps = module.__dict__
        self.steps.update(provided(), srcdir=source_directory, __builtins__=builtins)
        try:
            self._load(hello["files"])
        except BaseException as error:
            self._not_mine()
            failure = describe(error)
            if isinstance(error, SystemExit):
                failure["notes"] = ["files with step functions are loaded as modules are: none of them may end the program"]
            raise Broken(failure)
        self._set_up_log()
        self._initial = self._environment = self._current_environment()
        self.flush()
        name = "python %d.%d.%d" % sys.version_info[:3]
        can_fork = self._is_alone() and not self._has_children()
        self.channel.send({"ready": {"protocol": PROTOCOL, "name": name, "can_fork": can_fork}})
        if can_fork and hello.get("forks"):
            # While whoever wants the first one gets ready too.
            self._forks = Forks(self)

    def _load(self, files):
        codes, features = [], None
        for file in files:
            if file in _LIBRARIES:
                codes.append((file, None))
                continue
            with open(file, "rb") as source:
                text = source.read()
            _sources[file] = _lines(text)
            # Files of a program that was put together of them have the features of the first of them.
            code = compile(text, file, "exec", features or 0, True)
            if features is None:
                features = _features(code)
            codes.append((file, code))
        mentioned = set()
        for _, code in codes:
            if code is not None:
                mentioned |= _mentioned(code)
        for name in sorted(mentioned & set(_MODULES)):
            module, attribute = _MODULES[name]
            value = __import__(module)
            self.steps[name] = getattr(value, attribute) if attribute else value
        for file, code in codes:
            if code is None:
                self.steps.update(library(file))
            else:
                self.steps["__file__"] = file
                exec(code, self.steps)

    def _set_up_log(self):
        """What is logged goes to standard error; greenroom shows the end of it when a step fails."""
        if self._log or "logging" not in sys.modules:
            return
        self._log = True
        import logging

        class ToStandardError(logging.Handler):
            def emit(self, record):
                try:
                    print("%s: %s" % (record.levelname.lower(), self.format(record)), file=sys.stderr)
                except Exception:
                    pass

        root = logging.getLogger()
        if not root.handlers:
            root.addHandler(ToStandardError())
        root.setLevel(logging.DEBUG)

    def _is_alone(self):
        """Whether a copy of this thread would be a copy of the process."""
        if "threading" in sys.modules and sys.modules["threading"].active_count() > 1:
            return False
        try:
            return len(os.listdir("/proc/self/task")) == 1
        except OSError:
            return False

    def _has_children(self):
        """Whether the files have started something that still is: copies would not have it, and it would be in no scenario."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def _fork(self, request):
        if self._forks is None:
            self._forks = Forks(self)
        descriptors, self.channel.descriptors = self.channel.descriptors, []
        self._forks.fork(request, descriptors)

    # -- Scenarios and steps --

    def _scenario(self, scenario):
        self.process = _getpid()
        self.files = {}
        self._context = Context()
        try:
            self._set_environment({name: self._initial.get(name) for name in {**self._current_environment(), **self._initial}})
            self._set_environment(scenario.get("environment") or {})
            os.chdir(scenario["directory"])
        except OSError as error:
            raise Broken(describe(error))
        self.steps["_datadir"] = os.path.dirname(scenario["directory"])
        if "tempfile" in sys.modules:
            # It looks at TMPDIR once.
            sys.modules["tempfile"].tempdir = None
        self.channel.send({"begun": {"process": self.process}})

    def _step(self, step):
        self._set_environment(step.get("environment") or {})
        self._set_up_log()
        self._is_latest_known = False
        self._is_open = self._is_unanswered = True
        failure = None
        try:
            if step.get("directory"):
                os.chdir(step["directory"])
            self._carry_out(step["function"], step.get("captures") or {})
        except BaseException as error:
            if _getpid() != self.process:
                self._show_of_child(error)
                self.flush()
                _exit(1)
            failure = describe(error)
            # Frames keep what they hold alive, such as open files.
            error = None
        self._not_mine()
        self._done(failure)

    def _done(self, failure):
        with self._lock:
            # Threads that are left behind have nothing to say until the next step.
            self._is_open = False
        self.flush()
        done = {"failure": failure, "environment": self._changed_environment(), "directory": self._directory()}
        self._is_unanswered = False
        self.channel.send({"done": done})

    def _carry_out(self, name, captures):
        function = self._function(name)
        result = function(self._context, **captures)
        kind = type(result).__name__
        if kind == "coroutine":
            import asyncio

            asyncio.run(result)
        elif kind == "generator":
            result.close()
            raise TypeError("%s has `yield` in it: calling it carries out nothing" % name)

    def _function(self, name):
        first, *rest = name.split(".")
        try:
            function = self.steps[first]
            for part in rest:
                function = getattr(function, part)
        except (KeyError, AttributeError):
            import difflib

            known = [key for key, value in self.steps.items() if callable(value)]
            near = difflib.get_close_matches(name, known, 1)
            failure = {"message": "the step files define no function %s" % name}
            if near:
                failure["help"] = ["did you mean `%s`?" % near[0]]
            raise _with_failure(LookupError(name), failure) from None
        if not callable(function):
            raise _with_failure(TypeError(name), {"message": "%s is no function but %s" % (name, show(function))})
        return function

    def _show_of_child(self, error):
        try:
            failure = describe(error)
            lines = ["in a child of the step: " + failure["message"], failure.get("trace") or ""]
            print("\n".join(lines), file=sys.stderr)
        except BaseException:
            pass

    def _directory(self):
        try:
            return os.getcwd()
        except OSError:
            return _gone_directory()

    # -- The environment --

    def _current_environment(self):
        try:
            return {name: value for name, value in os.environ.items() if _is_text(name) and _is_text(value)}
        except Exception:
            # Somebody has put something else in its place.
            return dict(self._environment)

    def _set_environment(self, changes):
        for name, value in changes.items():
            if value is None:
                os.environ.pop(name, None)
            elif os.environ.get(name) != value:
                os.environ[name] = value
        self._environment = self._current_environment()

    def _changed_environment(self):
        """What has changed in the environment since greenroom last heard."""
        former, now = self._environment, self._current_environment()
        self._environment = now
        changed = {name: value for name, value in now.items() if former.get(name) != value}
        changed.update((name, None) for name in former if name not in now)
        return changed

    # -- Calls --

    def call(self, name, /, **arguments):
        if _getpid() != self.process:
            raise RuntimeError("%s: a child that a step function has forked cannot do this" % name)
        with self._lock:
            if not self._is_open:
                raise RuntimeError("%s: no step is being carried out" % name)
            if self._is_calling:
                raise RuntimeError("%s: greenroom is already doing something for this step" % name)
            self._is_calling = True
            try:
                request = {"name": name, "arguments": arguments, "environment": self._changed_environment(),
                           "directory": self._directory()}
                self._owed += 1
                interruption = self.channel.send({"call": request})
                if interruption is not None:
                    raise interruption
                while True:
                    answer = self.channel.receive()
                    if answer is None:
                        _exit(70)
                    self._owed -= 1
                    if not self._owed:
                        break
            finally:
                self._is_calling = False
        if "error" in answer:
            raise self._call_error(name, arguments, answer["error"])
        return answer.get("result")

    def _call_error(self, name, arguments, failure):
        import errno

        text, kind = failure.get("message") or "%s failed" % name, failure.get("kind")
        program = (arguments.get("argv") or [None])[0]
        if kind == "not-found":
            error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
        elif kind == "not-executable":
            error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), program)
        elif kind == "comparison" or failure.get("comparison"):
            error = AssertionError(text)
        else:
            error = CallFailed(text)
        return _with_failure(error, failure)

    def step(self, function, /, **captures):
        """Has greenroom carry out a function of its own step libraries."""
        self.flush()
        captures = {name: str(value) for name, value in captures.items() if value is not None}
        self.call("step", function=function, captures=captures)

    def latest(self):
        """The latest command of the scenario, as name space `_runcmd` shows it; asked for once in a step."""
        if not self._is_latest_known:
            self.remember_latest(self.call("runcmd_latest"))
        return self._latest

    def remember_latest(self, result):
        if result is not None:
            stdout, stderr = from_base64(result.get("stdout_base64")), from_base64(result.get("stderr_base64"))
            result = {
                "argv": result.get("argv") or [],
                "exit": result["exit"],
                "stdout.raw": stdout,
                "stderr.raw": stderr,
                "stdout": stdout.decode("utf-8", "replace"),
                "stderr": stderr.decode("utf-8", "replace"),
            }
        self._latest, self._is_latest_known = result, True

    def set_latest(self, latest):
        self.call(
            "runcmd_set_latest",
            argv=[_text(word) for word in latest["argv"] or []],
            exit=int(latest["exit"] or 0),
            stdout_base64=to_base64(latest["stdout.raw"] or b""),
            stderr_base64=to_base64(latest["stderr.raw"] or b""),
        )
        self._latest, self._is_latest_known = latest, True

    def file(self, name):
        if name not in self.files:
            try:
                self.files[name] = from_base64(self.call("file", name=name)["content_base64"])
            except CallFailed as error:
                raise _with_failure(KeyError(name), error.greenroom_failure) from None
        return self.files[name]


# ---- Forks ----


class Forks:
    """Makes hosts of this one, for a scenario each, with the step files loaded already.

    A child enters the scenario's namespaces. Entering one for processes counts only for the children of who does it, so the child
    has one of its own, which is the new host; it waits for it, and says how it has ended.
    """

    KINDS = {"cgroup": 0x02000000, "ipc": 0x08000000, "mnt": 0x00020000, "net": 0x40000000, "pid": 0x20000000,
             "time": 0x00000080, "user": 0x10000000, "uts": 0x04000000}

    def __init__(self, host):
        import ctypes
        import fcntl
        import gc
        import signal

        self.in_progress = False
        self._host = host
        self._signal = signal
        self._ctypes = ctypes
        self._ioctl = fcntl.ioctl
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._children = set()
        self._former_handler = signal.signal(signal.SIGCHLD, lambda *_: self._reap())
        if host._has_open_files():
            # What the step files have written is written once, not by each child.
            _flush_files()
        # What is loaded by now stays; looking at it again in each child would only copy it.
        gc.collect()
        gc.freeze()

    def fork(self, request, descriptors):
        """Returns in this host, and in the new one, which goes on with a conversation of its own.

        What goes wrong is told on the new host's socket, if there is one: nobody waits for an answer here.
        """
        plan = {"host": None, "output": None, "namespace": []}
        try:
            problem = self._plan(plan, request.get("descriptors") or [], descriptors)
            if problem is None and not self._host._is_alone():
                problem = "the step files have started threads"
            if problem is None:
                self._host.flush()
                problem = self._start(plan, descriptors)
            if problem is not None and plan["host"] is not None:
                Channel(os.dup(plan["host"])).send({"broken": {"message": problem}})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _plan(self, plan, names, descriptors):
        """What each descriptor is for; what is wrong with them, if anything."""
        for name, descriptor in zip(names, descriptors):
            if name == "namespace":
                plan[name].append(descriptor)
            elif name in plan:
                plan[name] = descriptor
            else:
                return "no descriptor is for %s" % name
        if len(names) != len(descriptors):
            return "fork names %d descriptors, and %d came" % (len(names), len(descriptors))
        return None if plan["host"] is not None else "fork has no descriptor for the host"

    def _start(self, plan, descriptors):
        parent = _getpid()
        self.in_progress = True
        try:
            child = os.fork()
        except OSError as error:
            self.in_progress = False
            return "cannot fork: %s" % error.strerror
        if child == 0:
            try:
                self._in_between(plan, parent)
                # They have all been put to use.
                del descriptors[:]
            except BaseException:
                _exit(71)
            return None
        self.in_progress = False
        self._children.add(child)
        self._reap()
        return None

    def _in_between(self, plan, parent):
        """The child, from its start to its end. Returns in its own child only, the new host."""
        signal, host = self._signal, self._host
        signal.signal(signal.SIGCHLD, self._former_handler or signal.SIG_DFL)
        self._die_with_parent()
        if os.getppid() != parent:
            _exit(71)
        host.channel.close()
        host.channel = Channel(plan["host"])
        host.process = _getpid()
        if plan["output"] is not None:
            os.dup2(plan["output"], 1)
            os.dup2(plan["output"], 2)
            os.close(plan["output"])
        try:
            has_user_namespace = self._enter(plan["namespace"])
            child = os.fork()
        except OSError as error:
            host.channel.send({"broken": describe(error)})
            _exit(71)
        if child == 0:
            try:
                host.process = _getpid()
                if has_user_namespace:
                    self._drop_capabilities()
                self._die_with_parent()
                # Signals to the group of a step are not for whoever waits for it.
                os.setsid()
                self.in_progress = False
            except BaseException as error:
                host.channel.send({"broken": describe(error)})
                _exit(71)
            return
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _, status = os.waitpid(child, 0)
        status, number = (os.WEXITSTATUS(status), None) if os.WIFEXITED(status) else (None, os.WTERMSIG(status))
        host.channel.send({"ended": {"status": status, "signal": number}})
        _exit(0)

    def _enter(self, namespaces):
        """Enters namespaces; whether one of them is for users."""
        has_user_namespace = False
        for descriptor in namespaces:
            try:
                kind = self._ioctl(descriptor, 0xB703)  # NS_GET_NSTYPE
            except OSError:
                kind = 0
            if self._libc.setns(descriptor, 0):
                number = self._ctypes.get_errno()
                names = [name for name, flag in self.KINDS.items() if kind & flag]
                what = "cannot enter the scenario's namespace (%s): %s" % (", ".join(names), os.strerror(number))
                raise _with_failure(OSError(number, what), {"message": what})
            os.close(descriptor)
            has_user_namespace = has_user_namespace or bool(kind & self.KINDS["user"])
        return has_user_namespace

    def _drop_capabilities(self):
        """Who enters a user namespace has all capabilities in it. Whoever's functions these are has none."""
        header = (self._ctypes.c_uint32 * 2)(0x20080522, 0)
        none = (self._ctypes.c_uint32 * 6)()
        if self._libc.capset(header, none):
            number = self._ctypes.get_errno()
            raise OSError(number, "cannot drop capabilities: " + os.strerror(number))
        self._libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: its files in /proc are its own again

    def _die_with_parent(self):
        self._libc.prctl(1, int(self._signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG

    def _reap(self):
        for child in list(self._children):
            try:
                if os.waitpid(child, os.WNOHANG)[0] == child:
                    self._children.discard(child)
            except ChildProcessError:
                self._children.discard(child)


# ---- The check ----


def check(files):
    """What files define at their top level, for bindings to be held against. Nothing of them is run."""
    return {"files": [_check_file(file) for file in files], "provided": sorted(list(provided()) + ["srcdir"] + list(_MODULES))}


def _check_file(file):
    import warnings

    report = {"file": file, "error": None, "functions": [], "names": [], "star_imports": []}
    try:
        with open(file, "rb") as source:
            text = source.read()
        report["error"] = _no_text(text)
        if report["error"]:
            return report
        tree = _parse(text, file)
        # A syntax tree may still be none of a program, as with `return` outside of functions.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, file, "exec", 0, True)
    except SyntaxError as error:
        report["error"] = {"line": error.lineno or 1, "column": max(error.offset or 1, 1), "message": error.msg}
        return report
    except (RecursionError, MemoryError):
        report["error"] = {"line": 1, "column": 1, "message": "something in it is nested too deeply"}
        return report
    except (OSError, ValueError) as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        report["error"] = {"line": 1, "column": 1, "message": message}
        return report
    lines = [line.encode("utf-8") for line in _lines(text)]

    def place(node):
        line = lines[node.lineno - 1] if node.lineno <= len(lines) else b""
        return {"line": node.lineno, "column": len(line[: node.col_offset].decode("utf-8", "replace")) + 1}

    for node in _top_level(tree.body):
        kind = type(node).__name__
        if kind in ("FunctionDef", "AsyncFunctionDef"):
            report["functions"].append(_function(node, place(node)))
        elif kind == "ImportFrom" and node.names[0].name == "*":
            report["star_imports"].append("." * (node.level or 0) + (node.module or ""))
        else:
            for name, where in _bound(node):
                report["names"].append(dict(name=name, **place(where)))
    return report


def _no_text(source):
    """Where and why a source file is no text, if it is none. The interpreter says so less clearly, and not where."""
    at, message = source.find(b"\0"), "it has a NUL byte"
    if at < 0 and not _encoding(source):
        try:
            source.decode("utf-8")
        except UnicodeDecodeError as error:
            at = error.start
            message = "byte 0x%02x is not UTF-8, and the first lines declare no other encoding" % source[at]
    if at < 0:
        return None
    before = _lines(source[:at])
    return {"line": len(before), "column": len(before[-1]) + 1, "message": message}


def _top_level(body):
    """Statements that run when the file does, also those in branches."""
    for node in body:
        yield node
        if type(node).__name__ in ("FunctionDef", "AsyncFunctionDef", "ClassDef"):
            continue
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            for inner in _top_level(getattr(node, field, None) or []):
                yield inner


def _bound(node):
    """The names that a statement binds, and where."""
    kind = type(node).__name__
    if kind == "ClassDef":
        return [(node.name, node)]
    if kind in ("Import", "ImportFrom"):
        return [(alias.asname or alias.name.split(".")[0], node) for alias in node.names]
    if kind == "Delete" or (kind == "AnnAssign" and node.value is None):
        return []
    targets = []
    for field in ("targets", "target", "optional_vars"):
        value = getattr(node, field, None)
        targets += value if isinstance(value, list) else [value] if value is not None else []
    targets += [item.optional_vars for item in getattr(node, "items", []) if item.optional_vars is not None]
    return [(part.id, part) for target in targets for part in _walk(target)
            if type(part).__name__ == "Name" and type(part.ctx).__name__ == "Store"]


def _function(node, place):
    arguments = node.args
    positional = list(getattr(arguments, "posonlyargs", [])) + arguments.args
    first_default = len(positional) - len(arguments.defaults)
    only = len(getattr(arguments, "posonlyargs", []))
    parameters = [
        {"name": argument.arg, "has_default": number >= first_default, "kind": "positional" if number < only else "any"}
        for number, argument in enumerate(positional)
    ]
    parameters += [
        {"name": argument.arg, "has_default": default is not None, "kind": "keyword"}
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults)
    ]
    return dict(
        name=node.name,
        parameters=parameters,
        takes_any_positional=arguments.vararg is not None,
        takes_any_keyword=arguments.kwarg is not None,
        decorated=bool(node.decorator_list),
        **{"async": type(node).__name__ == "AsyncFunctionDef"},
        **place,
    )


HOST = Host()

if __name__ == "__main__":
    if "--check" in sys.argv[1:2]:
        sys.stdout.buffer.write(encode(check(sys.argv[2:])).encode("utf-8", "replace") + b"\n")
    else:
        HOST.start()
