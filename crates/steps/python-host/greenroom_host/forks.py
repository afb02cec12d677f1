"""Copies of a host that has loaded its files, one for each scenario."""

from __future__ import annotations

from .engine import ENGINE
from .failures import describe, with_failure
from .messages import Channel
from .system import exit_now, getpid, os, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_alone() -> bool:
    """Whether this is the only thread, so that a copy of it is a copy of the process."""
    try:
        # A directory has two links, and one for each directory in it: here, for each thread.
        return os.stat("/proc/self/task").st_nlink == 3
    except OSError:
        return False


class Forks:
    """Copies this host, for one scenario each, with the step files loaded already.

    A process namespace is only for the children of the process that enters it. So this host enters the one of the
    scenario for the moment in which it forks; the child, which is the new host, enters the other ones.

    If greenroom wants to hear how the new host ends, or there is a user namespace, which cannot be left again, a child
    enters all namespaces and forks again: the grandchild is the new host. The child waits for it, and reports its end.
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

        self.in_progress = False
        self._ctypes = ctypes
        self._ioctl = fcntl.ioctl
        # Its calls keep the lock of the interpreter, so that a child of `fork` has it, too.
        self._libc = ctypes.PyDLL(None, use_errno=True)
        self._former_handler: Any = None
        #: This host's own process namespace, to which it returns after a fork.
        self._home: int | None = None
        try:
            self._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            pass
        # The parent may be a wrapper of the interpreter, which dies first.
        self._die_with_parent()

    @property
    def can_be_direct(self) -> bool:
        """Whether this host can fork new hosts itself."""
        return self._home is not None

    def get_ready(self) -> None:
        """Prepares for copies, once the files are loaded."""
        import gc

        # The kernel then reaps children itself, also while this process is stopped. The end of a process namespace
        # waits until all of its processes have been reaped.
        self._former_handler = signals.signal(signals.SIGCHLD, signals.SIG_IGN)
        # What is loaded by now stays; a garbage collection in each child would only copy its memory.
        gc.collect()
        gc.freeze()

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> bool:
        """Returns twice: True in the new host, which has a conversation of its own, and False in this one.

        Errors go to the new host's socket, if there is one: this conversation has no answer.
        """
        plan: dict[str, Any] = {"host": None, "output": None, "process": None, "namespace": []}
        problem = None
        try:
            problem = self._plan(plan, request.get("descriptors") or [], descriptors)
            if problem is None and not is_alone():
                problem = "the step files have started threads"
            if problem is None:
                ENGINE.flush()
                is_by_child = plan["process"] is None
                if self._start_by_child(plan) if is_by_child else self._start(plan, request.get("namespaces") or 0):
                    # All of them are in use, or closed.
                    del descriptors[:]
                    return True
        except OSError as error:
            problem = str(describe(error)["message"])
        finally:
            if problem is not None and plan["host"] is not None:
                Channel(os.dup(plan["host"])).send({"broken": {"message": problem}})
            for descriptor in descriptors:
                os.close(descriptor)
        return False

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

    def _start(self, plan: dict[str, Any], namespaces: int) -> bool:
        """Forks the new host; returns whether this is the new one."""
        for_children = namespaces & self.PROCESS
        child = -1
        self.in_progress = True
        try:
            if for_children:
                self._enter(plan["process"], for_children)
            child = os.fork()
        finally:
            if child:
                self.in_progress = False
                if for_children and self._libc.setns(self._home, self.PROCESS):
                    # The next copies would be in the wrong namespace.
                    exit_now(71)
        if child == 0:
            try:
                self._take_over(plan)
            except BaseException:
                exit_now(71)
            self._begin(plan, namespaces - for_children)
        return child == 0

    def _start_by_child(self, plan: dict[str, Any]) -> bool:
        """Forks a child that forks the new host; returns whether this is the new one."""
        parent = getpid()
        # The child runs no step code, so it needs nothing of what `os.fork` does in a child of this program with a
        # hundred modules.
        child = self._libc.fork()
        if child < 0:
            number = self._ctypes.get_errno()
            raise OSError(number, "cannot fork: %s" % os.strerror(number))
        if child == 0:
            self.in_progress = True
            try:
                self._run_child(plan, parent)
            except BaseException:
                exit_now(71)
        return child == 0

    def _run_child(self, plan: dict[str, Any], parent: int) -> None:
        """The child, from its start to its end. Returns only in the grandchild, the new host."""
        signals.signal(signals.SIGCHLD, signals.SIG_DFL)
        self._die_with_parent()
        if os.getppid() != parent:
            exit_now(71)
        self._take_over(plan)
        try:
            kinds = [self._kind(descriptor) for descriptor in plan["namespace"]]
            for descriptor, kind in zip(plan["namespace"], kinds):
                self._enter(descriptor, kind)
                os.close(descriptor)
            child = os.fork()
        except OSError as error:
            ENGINE.channel.send({"broken": describe(error)})
            exit_now(71)
        if child == 0:
            self._begin(plan, 0, self.USER in kinds)
            return
        signals.signal(signals.SIGINT, signals.SIG_IGN)
        _, status = os.waitpid(child, 0)
        number = status & 127
        ended = {"status": None, "signal": number} if number else {"status": status >> 8, "signal": None}
        ENGINE.channel.send({"ended": ended})
        exit_now(0)

    def _take_over(self, plan: dict[str, Any]) -> None:
        """Begins the conversation and the output of the new host."""
        ENGINE.channel.move(plan["host"])
        if plan["output"] is not None:
            os.dup2(plan["output"], 1)
            os.dup2(plan["output"], 2)
            os.close(plan["output"])

    def _begin(self, plan: dict[str, Any], namespaces: int, has_capabilities: bool = False) -> None:
        """The new host, at its start."""
        try:
            ENGINE.process = getpid()
            if namespaces:
                self._enter(plan["process"], namespaces)
            if plan["process"] is not None:
                os.close(plan["process"])
            if self._home is not None:
                os.close(self._home)
            signals.signal(signals.SIGCHLD, self._former_handler or signals.SIG_DFL)
            if has_capabilities:
                self._drop_capabilities()
            self._die_with_parent()
            # Signals to the process group of a step must not reach the process that waits.
            os.setsid()
            self.in_progress = False
        except BaseException as error:
            ENGINE.channel.send({"broken": describe(error)})
            exit_now(71)

    def _kind(self, namespace: int) -> int:
        try:
            return int(self._ioctl(namespace, 0xB703))  # NS_GET_NSTYPE
        except OSError:
            return 0

    def _enter(self, descriptor: int, kinds: int) -> None:
        """Enters a namespace, or those of a process that are of these kinds."""
        if self._libc.setns(descriptor, kinds):
            number = self._ctypes.get_errno()
            names = [name for name, flag in self.KINDS if kinds & flag]
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
