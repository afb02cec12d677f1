"""Copies of a host that has loaded its files, one for each scenario."""


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
        import signal

        self.in_progress = False
        self._host = host
        self._signal = signal
        self._ctypes = ctypes
        self._ioctl = fcntl.ioctl
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._former_handler = None
        # Whoever has started greenroom may have started this by a program of theirs, which dies first.
        self._die_with_parent()

    def get_ready(self):
        """Once the files are loaded."""
        import gc

        self._former_handler = self._signal.signal(self._signal.SIGCHLD, lambda *_: self._reap())
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
        self._reap()
        return None

    def _in_between(self, plan, parent):
        """The child, from its start to its end. Returns in its own child only, the new host."""
        signal, host = self._signal, self._host
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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
                signal.signal(signal.SIGCHLD, self._former_handler or signal.SIG_DFL)
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
        """Also children of children that were killed."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
