"""Copies of a host that has loaded its files."""

import os
import select
import signal
import socket
import subprocess
import tempfile

import pytest

from support import LIMIT, HostTest, Line, read

#: The flags of clone(2) for all namespaces of `stage` that root enters.
NAMESPACES = 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x00020000

needs_pidfds = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this Python has no os.pidfd_open")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root enters namespaces without one for users")


class TestForks(HostTest):
    def fork(self, *more, uses=None):
        ours, theirs = socket.socketpair()
        uses = uses or ["host"] + ["namespace"] * len(more)
        self.line.send({"fork": {"descriptors": uses}}, [theirs.fileno(), *list(more)])
        theirs.close()
        self.cleanup(ours.close)
        return Line(ours)

    def fork_directly(self, process=None, namespaces=0):
        """A copy that is a child of the host, in these namespaces of a process."""
        with os.fdopen(os.pidfd_open(process or os.getpid())) as pidfd:
            ours, theirs = socket.socketpair()
            fork = {"descriptors": ["host", "process"], "namespaces": namespaces}
            self.line.send({"fork": fork}, [theirs.fileno(), pidfd.fileno()])
        theirs.close()
        self.cleanup(ours.close)
        return Line(ours)

    def warm(self, text, directly=True):
        answer = self.hello(self.write(text), forks=True)
        assert answer["ready"]["can_fork"] is True
        assert answer["ready"]["can_fork_directly"] is directly

    def children(self):
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/stat" % name) as file:
                        fields = file.read().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[1]) == self.process.pid:
                    found.append(int(name))
        return found

    def ends(self, line, **how):
        """Checks that the host of this line reports its end, and that its line is closed then."""
        assert line.receive() == {"ended": {"status": None, "signal": None, **how}}
        assert line.receive() is None

    def test_hosts_are_separate(self):
        self.warm("""
            import os, random
            loaded = os.getpid()
            count = 0
            def f(ctx):
                global count
                count += 1
                assert count == 1 and os.getpid() != loaded and "x" not in ctx
                ctx["x"] = 1
            def number(ctx): ctx["n"] = random.random(); print("number", ctx["n"])
            """)
        lines = [self.fork() for _ in range(3)]
        processes = {line.scenario(self.directory) for line in lines}
        assert len(processes) == 3
        assert len(self.children()) == 3
        for line in lines:
            assert line.step("f")["failure"] is None
            assert line.step("number")["failure"] is None
            line.end.shutdown(socket.SHUT_WR)
            self.ends(line, status=0)
        assert len(set(self.written().split("\n")) - {""}) == 3

    def test_each_has_an_end_of_its_own(self):
        self.warm(
            """
            import atexit
            def at_the_end():
                with open("%s/ended", "a") as file: file.write("ended\\n")
            atexit.register(at_the_end)
            def writes(ctx): ctx["file"] = open("%s/written", "a"); ctx["file"].write("written\\n")
            """
            % (self.base, self.base)
        )
        for _ in range(2):
            line = self.fork()
            line.scenario(self.directory)
            assert line.step("writes")["failure"] is None
            line.end.shutdown(socket.SHUT_WR)
            self.ends(line, status=0)
        assert read(os.path.join(self.base, "ended")) == "ended\n" * 2
        assert read(os.path.join(self.base, "written")) == "written\n" * 2
        self.fork().scenario(self.directory)

    def test_the_end_of_a_host_is_reported(self):
        self.warm(
            "import os, signal\ndef exits(ctx): os._exit(3)\ndef dies(ctx): os.kill(os.getpid(), signal.SIGKILL)\n"
            "def group(ctx): os.kill(0, signal.SIGKILL)\n"
        )
        for function, how in (("exits", {"status": 3}), ("dies", {"signal": 9}), ("group", {"signal": 9})):
            line = self.fork()
            line.scenario(self.directory)
            line.send({"step": {"function": function}})
            self.ends(line, **how)
        self.fork().scenario(self.directory)

    def test_all_die_with_the_first(self):
        self.warm("import time\ndef f(ctx): time.sleep(60)\n")
        line = self.fork()
        line.scenario(self.directory)
        line.send({"step": {"function": "f"}})
        self.process.kill()
        assert line.receive() is None

    def test_output_of_its_own(self):
        self.warm("import sys\ndef f(ctx): print('out'); print('err', file=sys.stderr)\n")
        with tempfile.TemporaryFile() as output:
            line = self.fork(output.fileno(), uses=["host", "output"])
            line.scenario(self.directory)
            assert line.step("f")["failure"] is None
            output.seek(0)
            assert sorted(output.read().split()) == [b"err", b"out"]

    @needs_root
    def test_namespaces_of_root(self):
        self.warm("""
            import os, signal
            kinds = ("net", "uts", "ipc", "pid", "mnt")
            at_home = [os.readlink("/proc/self/ns/" + kind) for kind in kinds]
            def f(ctx):
                assert os.getpid() < 20 and os.getppid() == 0, os.getpid()
                for kind, home in zip(kinds, at_home):
                    assert os.readlink("/proc/self/ns/" + kind) != home, kind
                # Three standard ones, its socket, and the one that lists them.
                assert len(os.listdir("/proc/self/fd")) == 5, os.listdir("/proc/self/fd")
            """)
        for _ in range(3):
            first = self.stage(())
            if first is None:
                pytest.skip("no namespaces here")
            descriptors = [
                os.open("/proc/%d/ns/%s" % (first, kind), os.O_RDONLY) for kind in ("net", "uts", "ipc", "pid", "mnt")
            ]
            lines = [self.fork(*descriptors) for _ in range(2)]
            for descriptor in descriptors:
                os.close(descriptor)
            for line in lines:
                assert line.scenario(self.directory) < 20
                assert line.step("f")["failure"] is None
            lines[0].end.shutdown(socket.SHUT_WR)
            self.ends(lines[0], status=0)
            os.kill(first, signal.SIGKILL)
            self.ends(lines[1], signal=9)
        # The namespaces are gone; the host is at home, and makes further copies.
        line = self.fork()
        assert line.scenario(self.directory) > 20

    @needs_pidfds
    @needs_root
    def test_namespaces_of_a_process(self):
        self.warm("""
            import os, signal
            kinds = ("net", "uts", "ipc", "pid", "mnt")
            at_home = [os.readlink("/proc/self/ns/" + kind) for kind in kinds]
            loaded = os.getpid()
            def f(ctx):
                assert os.getpid() < 20 and os.getppid() == 0, os.getpid()
                for kind, home in zip(kinds, at_home):
                    assert os.readlink("/proc/self/ns/" + kind) != home, kind
                # Three standard ones, its socket, and the one that lists them.
                assert len(os.listdir("/proc/self/fd")) == 5, os.listdir("/proc/self/fd")
                assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
            def home(ctx):
                for kind, home in zip(kinds, at_home):
                    assert os.readlink("/proc/self/ns/" + kind) == home, kind
                assert os.getppid() == loaded
            """)
        for _ in range(3):
            first = self.stage(())
            if first is None:
                pytest.skip("no namespaces here")
            lines = [self.fork_directly(first, NAMESPACES) for _ in range(2)]
            for line in lines:
                assert line.scenario(self.directory) < 20
                assert line.step("f")["failure"] is None
            lines[0].end.shutdown(socket.SHUT_WR)
            assert lines[0].receive() is None
            os.kill(first, signal.SIGKILL)
            assert lines[1].receive() is None
        # The namespaces are gone; the host is at home, and makes further copies.
        line = self.fork_directly()
        assert line.scenario(self.directory) > 20
        assert line.step("home")["failure"] is None

    @needs_pidfds
    @needs_root
    @pytest.mark.parametrize("stop", [signal.SIGSTOP, None])
    def test_namespaces_end_without_the_host(self, stop):
        self.warm("""
            import signal, time
            def hangs(*_): time.sleep(60)
            signal.signal(signal.SIGUSR1, hangs)
            """)
        first = self.stage(())
        if first is None:
            pytest.skip("no namespaces here")
        line = self.fork_directly(first, NAMESPACES)
        line.scenario(self.directory)
        pidfd = os.pidfd_open(first)
        self.cleanup(os.close, pidfd)
        self.process.send_signal(stop or signal.SIGUSR1)
        os.kill(first, signal.SIGKILL)
        # A first process ends once all processes of its namespace have been reaped.
        assert select.select([pidfd], [], [], LIMIT)[0]
        self.process.kill()

    @needs_pidfds
    def test_the_environment_of_a_copy(self):
        """A copy notes each change of a variable, and does not compare them all."""
        self.warm("""
            import os
            from unittest import mock
            os.environ["LOADED"] = "1"
            kept = os.environ
            def does(ctx, code=None): exec(code, globals())
            """)
        line = self.fork_directly()
        line.scenario(self.directory, A="a", B="b")

        def changes(code, **environment):
            done = line.step("does", environment, code=code)
            assert done["failure"] is None
            return done["environment"]

        assert changes("assert os.environ['A'] == 'a' and os.environ['LOADED'] == '1'") == {}
        assert changes("os.environ['A'] = 'c'; del os.environ['B']") == {"A": "c", "B": None}
        assert changes("assert (os.environ['A'], os.environ['C']) == ('d', 'e')", A="d", C="e", LOADED=None) == {}
        assert changes("assert 'LOADED' not in os.environ; os.environ['A'] = 'a'") == {"A": "a"}
        assert changes("os.environb[b'A'] = b'd'; os.environ['A'] = 'a'") == {}
        assert changes("os.environ.update(F='1', G='2'); os.environ.pop('C')") == {"C": None, "F": "1", "G": "2"}
        assert changes("os.environ = dict(kept, F='3')") == {"F": "3"}
        assert changes("os.environ['G'] = '4'") == {"G": "4"}
        assert changes("os.environ = kept") == {"F": "1", "G": "2"}
        assert changes("kept['G'] = '5'") == {"G": "5"}
        assert changes("mock.patch.dict(os.environ, H='6').start()") == {"H": "6"}
        assert changes("mock.patch.stopall()") == {"H": None}
        assert changes("os.putenv('I', '7')") == {}
        assert changes("", A=None, G="6") == {}
        assert changes("assert 'A' not in os.environ and os.environ['G'] == '6'; os.environ['A'] = 'a'") == {"A": "a"}

    def test_what_cannot_be(self):
        self.warm("def f(ctx): pass\n")
        with open("/dev/null") as null:
            for uses, what in (
                (["host", "dance"], "unknown use of a descriptor: dance"),
                (["host"], "fork names 1 descriptors, but 2 came"),
            ):
                line = self.fork(null.fileno(), uses=uses)
                assert line.receive() == {"broken": {"message": what}}
                assert line.receive() is None
            # Only the child finds out that a descriptor is not a namespace.
            line = self.fork(null.fileno())
            assert "cannot enter" in line.receive()["broken"]["message"]
            assert line.receive() is None
        self.fork().scenario(self.directory)

    def test_several_may_ask_at_once(self):
        self.warm("def f(ctx): pass\n")
        self.process.send_signal(signal.SIGSTOP)
        lines = [self.fork() for _ in range(20)]
        self.process.send_signal(signal.SIGCONT)
        assert len({line.scenario(self.directory) for line in lines}) == 20

    #: Files with effects outside of the process that loads them, and what must not be there afterwards.
    EFFECTS = (
        "open('FILE', 'w').close()",
        "os.open('FILE', os.O_CREAT)",
        "os.mkdir('FILE')",
        "os.makedirs('FILE', exist_ok=True)",
        "tempfile.mkdtemp(dir='BASE')",
        "tempfile.TemporaryFile()",
        "os.symlink('x', 'FILE')",
        "os.system('touch FILE')",
        "subprocess.Popen(['touch', 'FILE'])",
        "subprocess.Popen(['sh', '-c', 'touch FILE'], start_new_session=True); raise OSError",
        "os.posix_spawn('/usr/bin/touch', ['touch', 'FILE'], {})",
        "if not os.fork(): os._exit(0)",
        "sqlite3.connect('FILE')",
        "logging.FileHandler('FILE')",
        "shutil.copy(__file__, 'FILE')",
        "pathlib.Path('FILE').touch()",
        "os.kill(os.getppid(), 0)",
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "threading.Timer(60, print).start()",
        "S = socket.create_server(('127.0.0.1', 0))",
        "socket.create_server(('127.0.0.1', 8080))",
        "socket.socketpair()[0].detach()",
        "socket.create_connection(('127.0.0.1', 1))",
        "socket.gethostbyname('localhost')",
        "LOOP = asyncio.new_event_loop()",
        "F = open('/dev/null')",
        "F = os.fdopen(os.dup(2), 'w')",
        "os.dup2(os.open('/dev/null', os.O_RDONLY), 0)",
        "os.close(0)",
        "V = multiprocessing.Value('i', 0)",
        "M = mmap.mmap(-1, 4096)",
        "signal.alarm(60)",
        "signal.setitimer(signal.ITIMER_VIRTUAL, 60)",
        "random.seed(42)",
        "from random import seed; seed(1)",
        "random.setstate(random.getstate())",
        "R = random.Random(); R.random()",
        "\ntry: open('FILE', 'w')\nexcept BaseException: pass",
        "raise ValueError",
        "sys.exit(0)",
        "os._exit(0)",
    )
    IMPORTS = """
import asyncio, logging, mmap, multiprocessing, os, pathlib, random, shutil, signal, socket
import sqlite3, subprocess, sys, tempfile, threading
import time
"""

    @pytest.mark.parametrize("effect", EFFECTS)
    def test_a_file_with_an_effect_is_not_copied(self, effect):
        effect = effect.replace("FILE", os.path.join(self.base, "effect")).replace("BASE", self.base)
        before = {*os.listdir(self.base), "steps.py"}
        assert self.hello(self.write(self.IMPORTS + effect), forks=True) is None
        assert self.process.wait(LIMIT) == 0
        assert self.children() == []
        assert set(os.listdir(self.base)) - before - {"__pycache__"} == set()

    @pytest.mark.parametrize(
        "harmless",
        [
            "",
            "import beside",
            "open('/dev/null').close()",
            "print('loaded')",
            "random.random()",
            "os.environ['X'] = 'y'",
            "os.chdir('/')",
            "open(os.devnull, 'w').close()",
            "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.close()",
            "sqlite3.connect(':memory:')",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "os.umask(0o77)",
            "random.SystemRandom().random()",
            "logging.basicConfig()",
            "logging.warning('loaded')",
        ],
    )
    def test_a_file_without_effects_is_copied(self, harmless):
        with open(os.path.join(self.base, "beside.py"), "w") as file:
            file.write("x = 5\n")
        self.warm(self.IMPORTS + harmless + "\ndef f(ctx): pass\n")
        line = self.fork()
        line.scenario(self.directory)
        assert line.step("f")["failure"] is None

    def test_what_is_forbidden_to_files_is_allowed_to_functions(self):
        self.warm("""
            import os, random, socket, subprocess, tempfile
            from random import seed
            def f(ctx):
                assert subprocess.call(["true"]) == 0
                with tempfile.TemporaryDirectory() as directory:
                    open(os.path.join(directory, "x"), "w").close()
                socket.create_server(("127.0.0.1", 0)).close()
                seed(1); first = random.random()
                random.seed(1)
                assert random.random() == first == random.Random(1).random()
            """)
        line = self.fork()
        line.scenario(self.directory)
        assert line.step("f")["failure"] is None

    @needs_pidfds
    def test_children_of_children_are_reaped(self):
        self.warm("def f(ctx): pass\n")
        line = self.fork()
        new = line.scenario(self.directory)
        pidfd = os.pidfd_open(new)
        self.cleanup(os.close, pidfd)
        (between,) = self.children()
        os.kill(between, signal.SIGKILL)
        assert line.receive() is None
        # Of a zombie the kernel still has a number; of what is reaped it has none.
        while True:
            try:
                signal.pidfd_send_signal(pidfd, 0)
            except ProcessLookupError:
                break
            self.fork().scenario(self.directory)

    def test_what_hears_of_forks_hears_of_none_but_its_own(self):
        self.warm(
            """
            import os
            heard = []
            os.register_at_fork(before=lambda: heard.append("before"), after_in_parent=lambda: heard.append("after"))
            def f(ctx):
                assert heard == ["before"], heard
                if not os.fork(): os._exit(0)
                os.wait()
                assert heard == ["before", "before", "after"], heard
            """,
            directly=False,
        )
        for _ in range(3):
            line = self.fork()
            line.scenario(self.directory)
            assert line.step("f")["failure"] is None
            line.end.shutdown(socket.SHUT_WR)
            self.ends(line, status=0)

    def test_ends_are_reported_in_any_order(self):
        self.warm("""
            import os
            def f(ctx, status=None): os._exit(int(status))
            """)
        lines = [self.fork() for _ in range(20)]
        processes = [line.scenario(self.directory) for line in lines]
        for at in range(0, 20, 2):
            os.kill(processes[at], signal.SIGTERM)
            self.ends(lines[at], signal=15)
        for at in range(19, 0, -2):
            line = lines[at]
            line.send({"step": {"function": "f", "captures": {"status": str(at)}, "kind": "given", "text": "text"}})
            self.ends(line, status=at)

    def test_handlers_for_children_are_the_users(self):
        self.warm("""
            import signal, subprocess
            def f(ctx):
                assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
                assert subprocess.call(["false"]) == 1
            """)
        line = self.fork()
        line.scenario(self.directory)
        assert line.step("f")["failure"] is None

    def stage(self, users=("--user", "--map-root-user")):
        """A process in namespaces of its own, or None."""
        kinds = [
            *users,
            "--mount",
            "--pid",
            "--net",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        try:
            process = subprocess.Popen(
                ["unshare", *kinds, "sh", "-c", "echo ready; exec sleep 60"], stdout=subprocess.PIPE
            )
        except OSError:
            return None
        self.cleanup(process.stdout.close)
        self.cleanup(process.wait)
        self.cleanup(process.kill)
        if process.stdout.readline() != b"ready\n":
            return None
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as file:
            return int(file.read())

    STEPS = """
        import os
        def f(ctx, user=None, mnt=None):
            names = {name: os.readlink("/proc/self/ns/" + name) for name in ("user", "mnt", "pid", "net")}
            assert names["user"] == user and names["mnt"] == mnt
            assert os.getpid() < 20 and os.getppid() == 0, os.getpid()
            status = open("/proc/self/status").read()
            for name in ("CapEff", "CapPrm", "CapInh"):
                assert name + ":\\t0000000000000000" in status, status
            pid = os.fork()
            if not pid: os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            assert os.getcwd() == ctx.get("d", os.getcwd())
            return os.listdir("/proc/self/fd")
        """

    def test_namespaces(self):
        first = self.stage()
        if first is None:
            pytest.skip("no namespaces here")
        descriptors = [
            os.open("/proc/%d/ns/%s" % (first, kind), os.O_RDONLY)
            for kind in ("user", "net", "uts", "ipc", "pid", "mnt")
        ]
        self.cleanup(lambda: [os.close(descriptor) for descriptor in descriptors])
        self.warm(self.STEPS)
        line = self.fork(*descriptors)
        names = {name: os.readlink("/proc/%d/ns/%s" % (first, name)) for name in ("user", "mnt")}
        assert line.scenario(self.directory) < 20
        assert line.step("f", **names)["failure"] is None
        # The end of the namespaces' first process is the end of the host.
        os.kill(first, signal.SIGKILL)
        self.ends(line, signal=9)
