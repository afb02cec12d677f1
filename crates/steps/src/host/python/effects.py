"""Whether what loading makes can be copied: it must all be in the memory of this process, and nowhere else.

A process that is copied shares what it has open with its copies, and what it has written, started or bound belongs to no scenario. So
a host that is to be copied loads its files with its hands tied: an attempt to do such a thing ends it, before the thing is done, and
each scenario loads the files itself, where they may do all this.
"""


class Effect(BaseException):
    """Loading was about to have an effect outside of this process."""


class Effects:
    """Watches loading, from when it is made until `end`."""

    #: Audit events of what is never allowed.
    REFUSED = frozenset("""
        _thread.start_new_thread fcntl.flock fcntl.lockf os.chmod os.chown os.exec os.fork os.forkpty os.kill os.killpg os.link
        os.posix_spawn os.remove os.removexattr os.setxattr os.spawn os.symlink os.system os.truncate os.utime pty.spawn
        signal.pthread_kill socket.connect socket.getaddrinfo socket.gethostbyaddr socket.gethostbyname socket.gethostname
        socket.getnameinfo socket.sendmsg socket.sendto socket.sethostname subprocess.Popen syslog.openlog syslog.syslog
        tempfile.mkdtemp tempfile.mkstemp
        """.split())

    def __init__(self):
        import random

        #: The first of them, if there was one.
        self.seen = None
        self._watches = True
        self._allowed = {
            "open": self._opens, "os.mkdir": _is_of_the_compiler, "os.rename": _is_of_the_compiler, "os.rmdir": _is_of_the_compiler,
            "socket.bind": self._binds, "sqlite3.connect": lambda database: database in (":memory:", b":memory:"),
        }
        self._random = random
        self._originals = random.Random.seed, random.seed, random.setstate
        random.Random.seed, random.seed, random.setstate = map(self._noting, self._originals)
        self._before = self._surroundings()
        sys.addaudithook(self._hear)

    def end(self):
        """Whether copies would be as good as what each scenario would load itself."""
        self._watches = False
        random = self._random
        random.Random.seed, random.seed, random.setstate = self._originals
        # Its functions have a state of their own, which would be the same in all copies.
        return self.seen is None and "numpy.random" not in sys.modules and self._surroundings() == self._before

    def _hear(self, event, arguments):
        if not self._watches:
            return
        if event in self.REFUSED:
            self._refuse(event)
        elif event in self._allowed and not self._allowed[event](*arguments):
            self._refuse(event)

    def _refuse(self, what):
        self.seen = self.seen or what
        raise Effect(what)

    def _opens(self, path, _, flags):
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        # A descriptor that is there already has been looked at before, or will be at the end.
        return not flags & writes or isinstance(path, int) or path == os.devnull or _is_of_the_compiler(path)

    def _binds(self, _, address):
        # Whether there is IPv6, for example, is found out by any free port; a socket that stays is seen at the end.
        return isinstance(address, tuple) and len(address) > 1 and address[1] == 0

    def _noting(self, function):
        def noted(*arguments, **keywords):
            # Python seeds its own generator anew in each copy, which would undo this, and leaves others alone, so that all copies
            # would have the same numbers.
            self.seen = self.seen or "random numbers"
            return function(*arguments, **keywords)

        return noted

    def _surroundings(self):
        """What copies would share, or lack."""
        descriptors = set()
        for name in os.listdir("/proc/self/fd"):
            try:
                status = os.fstat(int(name))
            except OSError:
                continue  # the one by which they were listed
            descriptors.add((int(name), status.st_dev, status.st_ino))
        with open("/proc/self/maps", "rb") as maps:
            shared = {line.split()[0] for line in maps if line.split()[1][1:4:2] == b"ws"}
        return descriptors, shared, _timers()


def _timers():
    import signal

    return [signal.getitimer(timer)[0] > 0 for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)]


def _is_of_the_compiler(path, *_):
    """Whether this is where Python keeps what it has compiled."""
    return "__pycache__" in os.fsdecode(path).split(os.sep)
