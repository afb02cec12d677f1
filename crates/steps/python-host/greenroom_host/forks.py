"""Copies of a host that has loaded its files, one for each scenario."""

from __future__ import annotations

import sys

from .engine import ENGINE
from .failures import describe, with_failure
from .messages import Channel
from .system import exit_now, getpid, os, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
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

    A child enters the scenario's namespaces. A process namespace is only for the children of the process that enters
    it, so the child forks again: the grandchild is the new host. The child waits for it, and reports how it ended.
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
    USER = 0x10000000

    def __init__(self) -> None:
        import ctypes
        import fcntl

        self.in_progress = False
        self._ctypes = ctypes
        self._ioctl = fcntl.ioctl
        # Its calls keep the lock of the interpreter, so that a child of `fork` has it, too.
        self._libc = ctypes.PyDLL(None, use_errno=True)
        self._former_handler: Any = None
        # The parent may be a wrapper of the interpreter, which dies first.
        self._die_with_parent()

    def get_ready(self) -> None:
        """Prepares for copies, once the files are loaded."""
        import gc

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
        parent = getpid()
        # The child runs no step code, so it needs nothing of what `os.fork` does in a child of this program with a
        # hundred modules.
        child = self._libc.fork()
        if child < 0:
            return "cannot fork: %s" % os.strerror(self._ctypes.get_errno())
        if child == 0:
            self.in_progress = True
            try:
                self._run_child(plan, parent)
                # All of them are in use.
                del descriptors[:]
            except BaseException:
                exit_now(71)
            return None
        self._reap()
        return None

    def _run_child(self, plan: dict[str, Any], parent: int) -> None:
        """The child, from its start to its end. Returns only in the grandchild, the new host."""
        signals.signal(signals.SIGCHLD, signals.SIG_DFL)
        self._die_with_parent()
        if os.getppid() != parent:
            exit_now(71)
        ENGINE.channel.close()
        ENGINE.process = getpid()
        if plan["output"] is not None:
            os.dup2(plan["output"], 1)
            os.dup2(plan["output"], 2)
            os.close(plan["output"])
        try:
            has_user_namespace = self._enter(plan["namespace"])
            child = os.fork()
        except OSError as error:
            Channel(plan["host"]).send({"broken": describe(error)})
            exit_now(71)
        if child == 0:
            ENGINE.channel = Channel(plan["host"])
            try:
                ENGINE.process = getpid()
                signals.signal(signals.SIGCHLD, self._former_handler or signals.SIG_DFL)
                if has_user_namespace:
                    self._drop_capabilities()
                self._die_with_parent()
                # Signals to the process group of a step must not reach the child that waits.
                os.setsid()
                self.in_progress = False
            except BaseException as error:
                ENGINE.channel.send({"broken": describe(error)})
                exit_now(71)
            return
        signals.signal(signals.SIGINT, signals.SIG_IGN)
        _, status = os.waitpid(child, 0)
        number = status & 127
        ended = (b"null", b"%d" % number) if number else (b"%d" % (status >> 8), b"null")
        try:
            # Few bytes: the socket takes all of them or none.
            os.write(plan["host"], b'{"ended": {"status": %b, "signal": %b}}\n' % ended)
        except OSError:
            exit_now(70)
        exit_now(0)

    def _enter(self, namespaces: list[int]) -> bool:
        """Enters namespaces; returns whether one of them is for users."""
        has_user_namespace = False
        for descriptor in namespaces:
            try:
                kind = self._ioctl(descriptor, 0xB703)  # NS_GET_NSTYPE
            except OSError:
                kind = 0
            if self._libc.setns(descriptor, 0):
                number = self._ctypes.get_errno()
                names = [name for name, flag in self.KINDS if kind & flag]
                what = "cannot enter the scenario's namespace (%s): %s" % (", ".join(names), os.strerror(number))
                raise with_failure(OSError(number, what), {"message": what})
            os.close(descriptor)
            has_user_namespace = has_user_namespace or bool(kind & self.USER)
        return has_user_namespace

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

    def _reap(self) -> None:
        """Reaps children, and grandchildren whose parents were killed."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
