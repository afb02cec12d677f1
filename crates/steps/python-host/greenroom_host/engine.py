"""Calls to greenroom, which runs and watches all processes and knows the state that steps of all languages share."""

from __future__ import annotations

import _thread
import sys

from .failures import CallFailed, removed_directory, with_failure
from .messages import from_base64, to_base64
from .system import exit_now, getpid, os, shared_os
from .text import as_text, is_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .comparison import Failure
    from .messages import Channel


#: What `os.environ` is unless step code replaces it.
_KIND: type = type(shared_os.environ)


def _texts(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if is_text(name) and is_text(value)}


class Engine:
    """greenroom, as the helper functions see it."""

    channel: Channel

    def __init__(self) -> None:
        #: The process that may talk with greenroom; children that step functions fork may not.
        self.process = getpid()
        #: The namespace of the step files.
        self.steps: dict[str, Any] = {}
        #: Embedded files by name: those that were asked for, and those that step functions have stored.
        self.files: dict[str, bytes] = {}
        #: How many answers are still to come.
        self.owed = 0
        self._latest: dict[str, Any] | None = None
        self._is_latest_known = False
        self._environment: dict[str, str] = {}
        #: `os.environ`, if `_environment` is all that it has. The watch on variables resets this.
        self._unchanged: object = None
        self._is_watching = False
        #: The environment at the last look, as module `os` keeps it, and as text.
        self._seen: tuple[dict[bytes, bytes], dict[str, str]] | None = None
        self._lock = _thread.RLock()
        self._is_open = False
        self._is_calling = False

    def begin_step(self) -> None:
        """Allows calls."""
        self._is_latest_known = False
        self._is_open = True

    def end_step(self) -> None:
        """Ends calls: threads that a step leaves behind must not make any until the next step."""
        with self._lock:
            self._is_open = False

    def current(self, name: str) -> Any:
        """What a name stands for in the step files, which may have their own version of a helper."""
        return self.steps[name]

    def flush(self) -> None:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__):
            try:
                stream.flush()  # pyright: ignore[reportOptionalMemberAccess] # step functions may set them to None
            except Exception:
                pass

    def exit_in_child(self) -> None:
        """Ends a child that step code has forked where the function that forked it ends."""
        if getpid() != self.process:
            self.flush()
            exit_now(0)

    # -- The working directory and the environment --

    def directory(self) -> str | None:
        """The working directory, or its former name if it has been removed; None if step code hides it."""
        try:
            try:
                return os.getcwd()
            except OSError:
                return removed_directory()
        except Exception:
            # Step code has replaced what this needs.
            return None

    def watch_environment(self) -> None:
        """Has `note_variable` called for each change of a variable, so that others need no comparison."""
        self._is_watching = True

    def note_variable(self) -> None:
        """Notes that a variable is set or unset."""
        self._unchanged = None

    def current_environment(self) -> dict[str, str]:
        """The environment as text, which callers must not change."""
        environ = shared_os.environ
        if environ is not self._unchanged:
            # Before the look: a thread may set a variable meanwhile.
            self._unchanged = environ if self._is_watching and type(environ) is _KIND else None
            self._environment = self._read_environment()
        return self._environment

    def _read_environment(self) -> dict[str, str]:
        try:
            environ = shared_os.environ
            # Decoding a hundred variables takes longer than a short step, and few steps change any.
            kept: Any = vars(environ).get("_data") if type(environ) is _KIND else None
            if kept.__class__ is not dict:
                return _texts(environ)
            if self._seen is None or self._seen[0] != kept:
                self._seen = (dict(kept), _texts(environ))
            return self._seen[1]
        except Exception:
            # Step code has replaced it.
            return dict(self._environment)

    def set_environment(self, changes: dict[str, str | None]) -> None:
        environ = shared_os.environ
        is_known = environ is self._unchanged
        for name, value in changes.items():
            if value is None:
                environ.pop(name, None)
            elif environ.get(name) != value:
                environ[name] = value
        if not is_known:
            self.current_environment()
        elif changes:
            # A look at all variables would copy much of the memory that a copy of a host shares with it.
            for name, value in changes.items():
                if value is None:
                    self._environment.pop(name, None)
                else:
                    self._environment[name] = value
            self._seen, self._unchanged = None, environ

    def follow_directory(self, former: str | None) -> None:
        """Has PWD name the working directory, if it named the former one: what step code starts may rely on it."""
        now = self.directory()
        try:
            if now is not None and now != former and shared_os.environ.get("PWD") == former:
                shared_os.environ["PWD"] = now
                self._environment = {**self._environment, "PWD": now}
        except Exception:
            # Step code has replaced what this needs.
            pass

    def changed_environment(self) -> dict[str, str | None]:
        """What has changed in the environment since greenroom last heard of it."""
        former, now = self._environment, self.current_environment()
        if now is former:
            return {}
        changed: dict[str, str | None] = {name: value for name, value in now.items() if former.get(name) != value}
        changed.update((name, None) for name in former if name not in now)
        return changed

    # -- Calls --

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Makes a call, and returns its result."""
        if getpid() != self.process:
            raise RuntimeError("%s: not possible in a child that a step function has forked" % name)
        with self._lock:
            if not self._is_open:
                raise RuntimeError("%s: no step is running" % name)
            if self._is_calling:
                raise RuntimeError("%s: another call of this step is not finished" % name)
            self._is_calling = True
            try:
                answer = self._exchange(name, arguments)
            finally:
                self._is_calling = False
        if "error" in answer:
            raise self._call_error(name, arguments, answer["error"])
        return answer.get("result")

    def _exchange(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        request = {
            "name": name,
            "arguments": arguments,
            "environment": self.changed_environment(),
            "directory": self.directory(),
        }
        self.owed += 1
        interruption = self.channel.send({"call": request})
        if interruption is not None:
            raise interruption
        while True:
            answer = self.channel.receive()
            if answer is None:
                exit_now(70)
            self.owed -= 1
            if not self.owed:
                return answer

    def _call_error(self, name: str, arguments: dict[str, Any], failure: Failure) -> Exception:
        import errno

        text, kind = failure.get("message") or "%s failed" % name, failure.get("kind")
        program = (arguments.get("argv") or [None])[0]
        if kind == "not-found":
            error: Exception = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
        elif kind == "not-executable":
            error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), program)
        elif kind == "comparison" or failure.get("comparison"):
            error = AssertionError(text)
        else:
            error = CallFailed(text)
        return with_failure(error, failure)

    def step(self, function: str, /, **captures: Any) -> None:
        """Has greenroom call a function of its own step libraries."""
        self.flush()
        captures = {name: str(value) for name, value in captures.items() if value is not None}
        self.call("step", function=function, captures=captures)

    def latest(self) -> dict[str, Any] | None:
        """The latest command of the scenario, as namespace `_runcmd` shows it; asked for once in a step."""
        if not self._is_latest_known:
            self.remember_latest(self.call("runcmd_latest"))
        return self._latest

    def remember_latest(self, result: dict[str, Any] | None) -> None:
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

    def set_latest(self, latest: dict[str, Any]) -> None:
        self.call(
            "runcmd_set_latest",
            argv=list(map(as_text, latest["argv"] or ())),
            exit=int(latest["exit"] or 0),
            stdout_base64=to_base64(latest["stdout.raw"] or b""),
            stderr_base64=to_base64(latest["stderr.raw"] or b""),
        )
        self._latest, self._is_latest_known = latest, True

    def file(self, name: str) -> bytes:
        if name not in self.files:
            try:
                self.files[name] = from_base64(self.call("file", name=name)["content_base64"])
            except CallFailed as error:
                raise with_failure(KeyError(name), error.greenroom_failure) from None
        return self.files[name]


ENGINE = Engine()
