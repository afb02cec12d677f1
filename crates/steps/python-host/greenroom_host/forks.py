"""Copies of a host that has loaded its files, one for each scenario."""

from __future__ import annotations

import sys

from .engine import ENGINE
from .failures import describe, with_failure
from .messages import Channel
from .system import exit_now, getpid, os, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import select
    from collections.abc import Callable
    from typing import Any


def is_alone() -> bool:
    """Whether this is the only thread, so that a copy of it is a copy of the process."""
    if "threading" in sys.modules and sys.modules["threading"].active_count() > 1:
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


class Forks:
    """Copies this host, for one scenario each, with the step files loaded already.

    A process namespace is only for the children of the process that enters it. So this host enters the one of the
    scenario for the moment in which it forks; the child, which is the new host, enters the other ones. This host
    reports how it ended.

    A user namespace cannot be left again. If there is one, or this host must not fork itself, a child enters all
    namespaces and forks again: the grandchild is the new host. The child waits for it, and reports how it ended.
    """

    #: The flags of clone(2), by the kind of namespace.
    KINDS = (
        ("cgroup", 0x02000000),
        ("ipc", 0x08000000),
        ("mnt", 0x00020000),
        ("net", 0x40000000),
        ("pid", 0x20000000),
        ("time", 0x00000080),
        ("user", 0x10000000),
        ("uts", 0x04000000),
    )
    PROCESS = 0x20000000
    USER = 0x10000000

    def __init__(self) -> None:
        import ctypes
        import fcntl
        import select

        self.in_progress = False
        self._ctypes = ctypes
        self._ioctl = fcntl.ioctl
        # Its calls keep the lock of the interpreter, so that a child of `fork` has it, too.
        self._libc = ctypes.PyDLL(None, use_errno=True)
        self._former_handler: Any = None
        self._poll: Callable[[], select.poll] = select.poll
        #: This host's own process namespace, to which it goes back after a fork.
        self._home: int | None = None
        #: The children that are new hosts: a descriptor of the socket of each, and one that is readable at its end.
        self._hosts: dict[int, tuple[int, int]] = {}
        self._is_starting = False
        # The parent may be a wrapper of the interpreter, which dies first.
        self._die_with_parent()

    def get_ready(self, forks_itself: bool) -> None:
        """Prepares for copies, once the files are loaded."""
        import gc

        if forks_itself and hasattr(os, "pidfd_open"):
            try:
                self._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
                ENGINE.channel.before_receiving = self._wait
            except OSError:
                pass

        self._former_handler = signals.signal(signals.SIGCHLD, self._on_child)
        # What is loaded by now stays; a garbage collection in each child would only copy its memory.
        gc.collect()
        gc.freeze()

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Returns in this host, and in the new one, which has a conversation of its own.

        Errors go to the new host's socket, if there is one: this conversation has no answer.
        """
        plan: dict[str, Any] = {"host": None, "output": None, "namespace": []}
        try:
            problem = self._plan(plan, request.get("descriptors") or [], descriptors)
            if problem is None and not is_alone():
                problem = "the step files have started threads"
            if problem is None:
                ENGINE.flush()
                problem = self._start(plan, descriptors)
            if problem is not None and plan["host"] is not None:
                Channel(os.dup(plan["host"])).send({"broken": {"message": problem}})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _plan(self, plan: dict[str, Any], names: list[str], descriptors: list[int]) -> str | None:
        """Finds out what each descriptor is for; returns what is wrong with them, if anything."""
        for name, descriptor in zip(names, descriptors):
            if name == "namespace":
                plan[name].append(descriptor)
            elif name in plan:
                plan[name] = descriptor
            else:
                return "unknown use of a descriptor: %s" % name
        if len(names) != len(descriptors):
            return "fork names %d descriptors, but %d came" % (len(names), len(descriptors))
        return None if plan["host"] is not None else "fork has no descriptor for the host"

    def _start(self, plan: dict[str, Any], descriptors: list[int]) -> str | None:
        namespaces = [(self._kind(descriptor), descriptor) for descriptor in plan["namespace"]]
        if self._home is None or any(kind & self.USER for kind, _ in namespaces):
            return self._start_by_child(plan, namespaces, descriptors)
        line = os.dup(plan["host"])
        for_children = [namespace for namespace in namespaces if namespace[0] & self.PROCESS]
        # Until this host knows its child, it must not reap it.
        self._is_starting = True
        child = -1
        try:
            self._enter(for_children)
            child = os.fork()
            if child == 0:
                self.in_progress = True
                os.close(line)
                self._run_host(plan, [namespace for namespace in namespaces if namespace not in for_children])
                # All of them are in use.
                del descriptors[:]
                return None
            self._hosts[child] = (line, os.pidfd_open(child))
        except OSError as error:
            os.close(line)
            if child > 0:
                os.kill(child, signals.SIGKILL)
            return str(describe(error)["message"])
        finally:
            if child and for_children and self._libc.setns(self._home, self.PROCESS):
                # The next copies would be in the wrong namespace.
                exit_now(71)
            self._is_starting = False
        self._reap()
        return None

    def _start_by_child(
        self, plan: dict[str, Any], namespaces: list[tuple[int, int]], descriptors: list[int]
    ) -> str | None:
        parent = getpid()
        # The child runs no step code, so it needs nothing of what `os.fork` does in a child of this program with a
        # hundred modules.
        child = self._libc.fork()
        if child < 0:
            return "cannot fork: %s" % os.strerror(self._ctypes.get_errno())
        if child == 0:
            self.in_progress = True
            try:
                self._run_child(plan, namespaces, parent)
                # All of them are in use.
                del descriptors[:]
            except BaseException:
                exit_now(71)
            return None
        self._reap()
        return None

    def _run_child(self, plan: dict[str, Any], namespaces: list[tuple[int, int]], parent: int) -> None:
        """The child, from its start to its end. Returns only in the grandchild, the new host."""
        signals.signal(signals.SIGCHLD, signals.SIG_DFL)
        self._die_with_parent()
        if os.getppid() != parent:
            exit_now(71)
        ENGINE.channel.close()
        ENGINE.process = getpid()
        try:
            self._enter(namespaces)
            child = os.fork()
        except OSError as error:
            Channel(plan["host"]).send({"broken": describe(error)})
            exit_now(71)
        if child == 0:
            self._run_host(plan, [], any(kind & self.USER for kind, _ in namespaces))
            return
        signals.signal(signals.SIGINT, signals.SIG_IGN)
        _, status = os.waitpid(child, 0)
        try:
            os.write(plan["host"], _ended(status))
        except OSError:
            exit_now(70)
        exit_now(0)

    def _run_host(
        self, plan: dict[str, Any], namespaces: list[tuple[int, int]], has_capabilities: bool = False
    ) -> None:
        """The new host, at its start: it has a conversation of its own."""
        ENGINE.channel = Channel(plan["host"])
        try:
            # While one of these is open, the end of another host is not seen.
            for descriptor in [at for pair in self._hosts.values() for at in pair]:
                os.close(descriptor)
            self._hosts.clear()
            ENGINE.process = getpid()
            if plan["output"] is not None:
                os.dup2(plan["output"], 1)
                os.dup2(plan["output"], 2)
                os.close(plan["output"])
            self._enter(namespaces)
            for descriptor in plan["namespace"]:
                os.close(descriptor)
            if self._home is not None:
                os.close(self._home)
            signals.signal(signals.SIGCHLD, self._former_handler or signals.SIG_DFL)
            if has_capabilities:
                self._drop_capabilities()
            self._die_with_parent()
            # Signals to the process group of a step must not reach the process that waits.
            os.setsid()
            self._is_starting = self.in_progress = False
        except BaseException as error:
            ENGINE.channel.send({"broken": describe(error)})
            exit_now(71)

    def _kind(self, namespace: int) -> int:
        try:
            return int(self._ioctl(namespace, 0xB703))  # NS_GET_NSTYPE
        except OSError:
            return 0

    def _enter(self, namespaces: list[tuple[int, int]]) -> None:
        for kind, descriptor in namespaces:
            if self._libc.setns(descriptor, 0):
                number = self._ctypes.get_errno()
                names = [name for name, flag in self.KINDS if kind & flag]
                what = "cannot enter the scenario's namespace (%s): %s" % (", ".join(names), os.strerror(number))
                raise with_failure(OSError(number, what), {"message": what})

    def _drop_capabilities(self) -> None:
        """Drops the capabilities that a process gets when it enters a user namespace."""
        header = (self._ctypes.c_uint32 * 2)(0x20080522, 0)
        none = (self._ctypes.c_uint32 * 6)()
        if self._libc.capset(header, none):
            number = self._ctypes.get_errno()
            raise OSError(number, "cannot drop capabilities: " + os.strerror(number))
        self._libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: its files in /proc belong to its user again

    def _die_with_parent(self) -> None:
        self._libc.prctl(1, int(signals.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG

    def _on_child(self, *_: Any) -> None:
        self._reap()

    def _wait(self, line: int) -> None:
        """Waits until there is something to receive; reports the ends of hosts meanwhile."""
        while self._hosts:
            poll = self._poll()
            poll.register(line)
            for _, end in self._hosts.values():
                poll.register(end)
            ready = [descriptor for descriptor, _ in poll.poll()]
            self._reap()
            if line in ready:
                return

    def _reap(self) -> None:
        """Reaps children, and grandchildren whose parents were killed. Reports those that were hosts."""
        if self._is_starting:
            return
        try:
            while True:
                child, status = os.waitpid(-1, os.WNOHANG)
                if not child:
                    return
                if child in self._hosts:
                    line, end = self._hosts.pop(child)
                    try:
                        os.write(line, _ended(status))
                    except OSError:
                        pass
                    os.close(line)
                    os.close(end)
        except ChildProcessError:
            pass


def _ended(status: int) -> bytes:
    """How a host ended, as a message. Of so few bytes the socket takes all or none."""
    number = status & 127
    ended = (b"null", b"%d" % number) if number else (b"%d" % (status >> 8), b"null")
    return b'{"ended": {"status": %b, "signal": %b}}\n' % ended
