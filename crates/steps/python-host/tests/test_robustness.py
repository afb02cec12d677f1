"""Step code that misbehaves, and the end of a host."""

import gzip
import os
import signal
import time

from support import LIMIT, HostTest, b64


class TestRobustness(HostTest):
    def test_output_and_log_go_to_the_file(self):
        self.load("""
            import logging
            def f(ctx):
                print("printed \\u00e9 \\udcff", end="")
                logging.debug("logged %d", 1)
                log_value("v", 1, {"a": [1, "x\\ny"]})
                log_lines("  ", "a\\nb")
            """)
        self.passes("f")
        for text in (
            "printed ",
            "debug: logged 1\n",
            "debug:   v:\n",
            "debug:     'a':\n",
            "debug:       0: 1\n",
            "debug:   'a\\n'\n",
        ):
            assert text in self.written()

    def test_much_output(self):
        self.load("def f(ctx):\n    for _ in range(100): print('x' * (1 << 20))\n")
        self.passes("f")
        assert os.fstat(self.output.fileno()).st_size == 100 * ((1 << 20) + 1)

    def test_standard_streams_may_go_away(self):
        self.load("""
            import io, os, sys
            def replaced(ctx): sys.stdout = None; sys.stderr = io.StringIO()
            def closed(ctx): sys.__stdout__.close(); os.closerange(0, 100)
            def f(ctx): ctx["x"] = 1; logging.error("x")
            """)
        for function in ("replaced", "closed", "f"):
            self.passes(function)

    def test_threads_are_left_behind(self):
        self.load("""
            import threading, time
            told = []
            def talk(ctx):
                while True:
                    try: get_file("x"); time.sleep(0.001)
                    except Exception as error: told.append(str(error)); break
            def f(ctx): threading.Thread(target=talk, args=(ctx,)).start(); time.sleep(0.05); store_file("x", b"")
            def forget(ctx): HIDDEN = globals()["store_file"]
            def many(ctx):
                threads = [threading.Thread(target=lambda n=n: get_file(str(n))) for n in range(20)]
                [t.start() for t in threads]; [t.join() for t in threads]
                assert [get_file(str(n)) for n in range(20)] == [str(n).encode() for n in range(20)]
            """)
        self.line.answers = {"file": lambda name: {"content_base64": b64(name.encode())}}
        self.passes("f")
        self.passes("many")
        self.end()
        assert self.process.returncode == 0

    def test_children_that_return_end_there(self):
        self.load("""
            import os
            def returns(ctx):
                pid = os.fork()
                if pid: assert os.waitpid(pid, 0)[1] == 0
            def raises(ctx):
                pid = os.fork()
                if not pid: raise Exception("child")
                assert os.waitpid(pid, 0)[1] == 256
            def calls(ctx):
                pid = os.fork()
                if not pid:
                    try: get_file("x")
                    except RuntimeError: os._exit(7)
                    os._exit(8)
                assert os.waitpid(pid, 0)[1] == 7 << 8
            def background(ctx):
                if not os.fork():
                    import time
                    time.sleep(60)
            """)
        for function in ("returns", "raises", "calls"):
            self.passes(function)
        assert "in a child of the step: Exception: child" in self.written()
        self.passes("background")
        self.cleanup(os.killpg, self.process.pid, signal.SIGKILL)
        self.process.kill()
        # The child has not kept the line open.
        assert self.line.receive() is None

    def test_programs_do_not_inherit_the_line(self):
        self.load("""
            import os, subprocess
            def f(ctx):
                fds = subprocess.check_output(["ls", "/proc/self/fd"], close_fds=False).split()
                assert len(fds) <= 4 and max(map(int, fds)) < 20, fds
            """)
        self.passes("f")

    def test_signals(self):
        self.load("""
            import os, signal, time
            class Late(Exception): pass
            def late(*_): raise Late("late")
            def handler(ctx, after=None, sleep=None):
                signal.signal(signal.SIGALRM, late)
                signal.setitimer(signal.ITIMER_REAL, float(after))
                time.sleep(float(sleep))
            def during_call(ctx):
                handler(ctx, "0.05", "0")
                try: get_file("slow")
                except Late: pass
                assert get_file("fast") == b"fast"
            def unfinished(ctx):
                handler(ctx, "0.05", "0")
                get_file("slow2")
            def f(ctx): pass
            """)

        def file(name):
            if name.startswith("slow"):
                time.sleep(0.2)
            return {"content_base64": b64(name.encode())}

        self.line.answers = {"file": file}
        assert self.fails("handler", after="0.01", sleep="5")["message"] == "Late: late"
        # Between two steps it interrupts no function.
        self.passes("handler", after="0.05", sleep="0")
        time.sleep(0.1)
        self.passes("f")
        self.passes("during_call")
        assert self.fails("unfinished")["message"] == "Late: late"
        self.passes("f")
        os.kill(self.process.pid, signal.SIGINT)
        time.sleep(0.05)
        self.passes("f")

    def test_a_host_whose_step_ends_the_process(self):
        self.load("import os\ndef f(ctx): os._exit(3)\n")
        self.line.send({"step": {"function": "f"}})
        assert self.line.receive() is None
        assert self.process.wait(LIMIT) == 3

    ENDINGS = """
        import atexit, gzip, os, threading, time
        BASE = %r
        log = open(BASE + "/log", "w")
        log.write("loaded\\n")
        def at_the_end():
            with open(BASE + "/ended", "a") as file: file.write("ended\\n")
        atexit.register(at_the_end)
        def writes(ctx):
            log.write("written\\n")
            ctx["file"] = open(BASE + "/of-the-context", "w"); ctx["file"].write("written")
            ctx["gzip"] = gzip.open(BASE + "/gzip", "wt"); ctx["gzip"].write("compressed")
        def raises(ctx):
            atexit.register(lambda: 1 / 0)
        def exits(ctx):
            atexit.register(os._exit, 3)
        def thread(ctx):
            def work(): time.sleep(0.1); open(BASE + "/of-a-thread", "w").close()
            threading.Thread(target=work).start()
        def executor(ctx):
            from concurrent.futures import ThreadPoolExecutor
            ctx["pool"] = ThreadPoolExecutor(2)
            assert ctx["pool"].submit(lambda: 5).result() == 5
            ctx["pool"].submit(lambda: open(BASE + "/of-a-pool", "w").close())
        def for_ever(ctx):
            writes(ctx)
            threading.Thread(target=time.sleep, args=(60,)).start()
            # A handler and a timer of its own are not in the way.
            import signal
            signal.signal(signal.SIGALRM, signal.SIG_IGN); signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        """

    def read(self, name):
        with open(os.path.join(self.base, name)) as file:
            return file.read()

    def test_what_is_done_at_the_end(self):
        self.load(self.ENDINGS % self.base)
        for function in ("writes", "raises", "thread", "executor"):
            self.passes(function)
        self.end()
        assert self.process.returncode == 0
        assert self.read("ended") == "ended\n"
        assert self.read("log") == "loaded\nwritten\n"
        assert self.read("of-the-context") == "written"
        with gzip.open(os.path.join(self.base, "gzip"), "rt") as file:
            assert file.read() == "compressed"
        assert self.read("of-a-thread") == ""
        assert self.read("of-a-pool") == ""
        assert "ZeroDivisionError" in self.written()

    def test_the_end_does_not_wait_for_ever(self):
        self.load(self.ENDINGS % self.base)
        self.passes("for_ever")
        begun = time.monotonic()
        self.end()
        assert self.process.returncode == 0
        assert time.monotonic() - begun < LIMIT
        assert self.read("ended") == "ended\n"
        assert self.read("log") == "loaded\nwritten\n"
        assert self.read("of-the-context") == "written"

    def test_the_end_may_have_a_status(self):
        self.load(self.ENDINGS % self.base)
        self.passes("exits")
        self.end()
        assert self.process.returncode == 3

    def test_large_messages(self):
        self.load(
            "def f(ctx, x=None): assert len(get_file('x')) == 30000000; raise Exception('y' * 10) from Exception(x)\n"
        )
        self.line.answers = {"file": lambda name: {"content_base64": b64(b"x" * 30000000)}}
        assert self.fails("f", x="z" * 3000000)["message"] == "Exception: yyyyyyyyyy"
