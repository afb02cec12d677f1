"""Refuses loading all effects outside of the memory of this process, so that the process can be copied.

A copied process shares its open files with its copies, and what it has written, started or bound belongs to no
scenario. So a host that is to be copied watches its step files while it loads them: an attempt at such an effect ends
the host before the effect happens. Then each scenario loads the files itself, where they may do all this.
"""

from __future__ import annotations

import sys

from .engine import ENGINE
from .system import os, shared_os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn


class Effect(BaseException):
    """An effect outside of this process that loading attempted."""


class Effects:
    """Watches loading, from its creation until `end`."""

    #: Audit events that are never allowed.
    REFUSED = frozenset(
        """
        _thread.start_new_thread
        fcntl.flock fcntl.lockf
        os.chmod os.chown os.exec os.fork os.forkpty os.kill os.killpg os.link os.posix_spawn os.remove os.removexattr
        os.setxattr os.spawn os.symlink os.system os.truncate os.utime pty.spawn
        signal.pthread_kill
        socket.connect socket.getaddrinfo socket.gethostbyaddr socket.gethostbyname socket.gethostname
        socket.getnameinfo socket.sendmsg socket.sendto socket.sethostname
        subprocess.Popen
        syslog.openlog syslog.syslog
        tempfile.mkdtemp tempfile.mkstemp
        """.split()
    )

    #: Those of changes of variables, which are noted also after the end: copies keep the hook.
    VARIABLES = frozenset(["os.putenv", "os.unsetenv"])

    #: Modules whose functions for a process that forks only take a lock and release it.
    KNOWN_FORK_HOOKS = frozenset(["concurrent.futures.thread", "logging"])

    def __init__(self) -> None:
        import random

        #: Whether something that was loaded wants to hear of forks in the process that forks.
        self.has_fork_hooks = False

        #: The first effect, if there was one.
        self.seen: str | None = None
        self._watches = True
        self._allowed: dict[str, Callable[..., bool]] = {
            "open": self._may_open,
            "os.mkdir": _is_compiled_code,
            "os.rename": _is_compiled_code,
            "os.rmdir": _is_compiled_code,
            "socket.bind": self._may_bind,
            "sqlite3.connect": self._may_connect,
        }
        self._random: Any = random
        self._originals: Any = random.Random.seed, random.seed, random.setstate
        replaced: Any = random
        replaced.Random.seed, replaced.seed, replaced.setstate = map(self._recording, self._originals)
        self._register_at_fork: Any = shared_os.register_at_fork
        shared_os.register_at_fork = self._noting_fork_hooks
        self._before = self._surroundings()
        sys.addaudithook(self._audit)
        ENGINE.watch_environment()

    def end(self) -> bool:
        """Stops watching; returns whether a copy is as good as loading the files again."""
        self._watches = False
        shared_os.register_at_fork = self._register_at_fork
        random = self._random
        random.Random.seed, random.seed, random.setstate = self._originals
        # The functions of numpy.random have a state of their own, which would be the same in all copies.
        return self.seen is None and "numpy.random" not in sys.modules and self._surroundings() == self._before

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in self.VARIABLES:
            ENGINE.note_variable()
        if not self._watches:
            return
        if event in self.REFUSED:
            self._refuse(event)
        elif event in self._allowed and not self._allowed[event](*arguments):
            self._refuse(event)

    def _refuse(self, what: str) -> NoReturn:
        self.seen = self.seen or what
        raise Effect(what)

    def _may_open(self, path: Any, _: Any, flags: int) -> bool:
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        # Open descriptors are compared at the end.
        return not flags & writes or isinstance(path, int) or path == os.devnull or _is_compiled_code(path)

    def _may_connect(self, database: Any) -> bool:
        return database in (":memory:", b":memory:")

    def _may_bind(self, _: Any, address: Any) -> bool:
        # Modules bind a free port to find out whether there is IPv6, say. A socket that stays open is seen at the end.
        return isinstance(address, tuple) and address[1:2] == (0,)

    def _recording(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*arguments: Any, **keywords: Any) -> Any:
            # Python seeds its own generator again in each copy, which would undo this. It does not seed others, so that
            # all copies would have the same numbers.
            self.seen = self.seen or "random numbers"
            return function(*arguments, **keywords)

        return recorded

    def _noting_fork_hooks(self, **hooks: Any) -> None:
        if "before" in hooks or "after_in_parent" in hooks:
            caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage] # public, by its documentation
            self.has_fork_hooks = self.has_fork_hooks or caller.f_globals.get("__name__") not in self.KNOWN_FORK_HOOKS
        self._register_at_fork(**hooks)

    def _surroundings(self) -> tuple[Any, ...]:
        """What copies would share, or lack."""
        descriptors: set[tuple[int, int, int]] = set()
        for name in os.listdir("/proc/self/fd"):
            try:
                status = os.fstat(int(name))
            except OSError:
                continue  # the one that lists them
            descriptors.add((int(name), status.st_dev, status.st_ino))
        with open("/proc/self/maps", "rb") as maps:
            shared = {line.split()[0] for line in maps if line.split()[1][1:4:2] == b"ws"}
        return descriptors, shared, _timers()


def _timers() -> list[bool]:
    import signal

    return [signal.getitimer(timer)[0] > 0 for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)]


def _is_compiled_code(path: Any, *_: Any) -> bool:
    """Whether this is where Python keeps compiled modules."""
    return "__pycache__" in os.fsdecode(path).split(os.sep)
