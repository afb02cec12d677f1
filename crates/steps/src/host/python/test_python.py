"""Tests of the step host for Python: they play greenroom's part of the conversation.

The host is $GREENROOM_PYTHON_HOST, or what `mod.rs` makes of the files beside this one, and runs with the interpreter that runs the tests.
"""

import array
import base64
import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
#: How greenroom starts it: the program's text is not on the command line, where process checks would find it.
START = ("import os,builtins;exec(compile(open(int(os.environ.pop('GREENROOM_CODE')),'rb').read(),'<greenroom>','exec'),"
         "{'__name__':'__main__','__builtins__':dict(vars(builtins))})")
LIMIT = 20


def text_of_the_host():
    if os.environ.get("GREENROOM_PYTHON_HOST"):
        return read(os.environ["GREENROOM_PYTHON_HOST"])
    files = re.findall(r'include_str!\("(.*?)"\)', read(os.path.join(HERE, "mod.rs")))
    return "\n\n".join(read(os.path.join(HERE, file)) for file in files)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


#: A file with the host in it, as long as this process lives.
HOST_FILE = tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8")
HOST_FILE.write(text_of_the_host())
HOST_FILE.flush()
HOST = HOST_FILE.name


def b64(data):
    return base64.b64encode(data).decode()


class Refused(Exception):
    """What a call is answered with as an error."""


class Line:
    """greenroom's end of a conversation."""

    def __init__(self, end):
        self.end = end
        self.end.settimeout(LIMIT)
        self.received = b""
        self.calls = []
        self.answers = {}

    def send(self, message, descriptors=()):
        data = json.dumps(message).encode() + b"\n"
        if descriptors:
            rights = array.array("i", descriptors)
            sent = self.end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            data = data[sent:]
        self.end.sendall(data)

    def receive(self):
        while b"\n" not in self.received:
            try:
                piece = self.end.recv(1 << 18)
            except ConnectionResetError:  # it ended with something unread
                return None
            if not piece:
                return None
            self.received += piece
        line, self.received = self.received.split(b"\n", 1)
        return json.loads(line.decode("utf-8"))

    def ask(self, message, descriptors=()):
        """Sends a message and answers calls until the answer comes."""
        self.send(message, descriptors)
        while True:
            answer = self.receive()
            if answer is None or "call" not in answer:
                return answer
            call = answer["call"]
            self.calls.append(call)
            try:
                self.send({"result": self.answers[call["name"]](**call["arguments"])})
            except Refused as error:
                self.send({"error": error.args[0]})

    def scenario(self, directory, **environment):
        answer = self.ask({"scenario": {"title": "T", "directory": directory, "environment": environment}})
        assert answer["begun"]["process"] > 0, answer
        return answer["begun"]["process"]

    def step(self, function, environment=None, kind="step", **captures):
        step = {"function": function, "captures": captures, "kind": "given", "text": "text", "environment": environment or {}}
        return self.ask({kind: step})["done"]


class HostTest(unittest.TestCase):
    process = None

    def setUp(self):
        self.base = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.base, True)
        self.directory = os.path.join(self.base, "scenario")
        os.mkdir(self.directory)
        self.output = open(os.path.join(self.base, "output"), "w+b")
        self.addCleanup(self.output.close)

    def write(self, text, name="steps.py"):
        path = os.path.join(self.base, name)
        with open(path, "w") as file:
            file.write(textwrap.dedent(text))
        return path

    def write_bytes(self, source, name="steps.py"):
        path = os.path.join(self.base, name)
        with open(path, "wb") as file:
            file.write(source)
        return path

    def start(self, environment=None):
        if self.process is not None:
            self.end()
        ours, theirs = socket.socketpair()
        code = open(HOST, "rb")
        env = dict(os.environ, GREENROOM_HOST=str(theirs.fileno()), GREENROOM_CODE=str(code.fileno()), **environment or {})
        self.process = subprocess.Popen(
            [sys.executable, "-c", START], env=env, cwd=self.base, pass_fds=[theirs.fileno(), code.fileno()],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, start_new_session=True)
        code.close()
        theirs.close()
        self.line = Line(ours)
        self.addCleanup(self.end)
        return self.line

    def end(self):
        self.line.end.close()
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def hello(self, *files, forks=False):
        message = {"hello": {"protocol": 1, "language": "python", "files": list(files), "source_directory": self.base}}
        message["hello"]["forks"] = forks
        return self.start().ask(message)

    def load(self, *texts, **environment):
        """A host with these step files that has begun a scenario."""
        files = [text if text.startswith("lib/") else self.write(text, "steps%d.py" % n) for n, text in enumerate(texts)]
        answer = self.hello(*files)
        self.assertIn("ready", answer, answer)
        self.line.scenario(self.directory, **environment)
        return self.line

    def passes(self, function, **captures):
        done = self.line.step(function, **captures)
        self.assertIsNone(done["failure"], done)
        return done

    def fails(self, function, **captures):
        failure = self.line.step(function, **captures)["failure"]
        self.assertIsNotNone(failure)
        self.assertNotIn("\n", failure["message"])
        return failure

    def written(self):
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace")


class Loading(HostTest):
    def test_says_what_it_is(self):
        answer = self.hello(self.write("def f(ctx): pass\n"))
        version = "python %d.%d.%d" % sys.version_info[:3]
        self.assertEqual(answer, {"ready": {"protocol": 1, "name": version, "can_fork": False}})

    def test_files_share_one_namespace_and_later_ones_win(self):
        self.load(
            """
            import json as j
            def which(ctx): raise Exception("first")
            def uses(ctx): return globals()["later"](), later()
            where = __file__
            """,
            """
            def later(): return j.dumps(1)
            def which(ctx): assert where.endswith("steps0.py") and __file__.endswith("steps1.py")
            """,
        )
        self.passes("which")
        self.passes("uses")

    def test_helpers_are_there_before_the_files_run_and_can_be_replaced(self):
        self.load(
            """
            before = globals()["assert_eq"]
            def helper(ctx): before(1, 1); assert_eq("never", "equal")
            def run(ctx): runcmd_step(ctx, argv0="x", args="")
            """,
            """
            def assert_eq(a, b): assert a == "never"
            def runcmd_run(ctx, argv, **kwargs):
                assert kwargs == {"cwd": None}
                ctx.declare("_runcmd")["exit"] = 0
            def runcmd_exit_code_is_zero(ctx): pass
            """,
        )
        self.passes("helper")
        self.line.answers = {"runcmd_latest": lambda: None, "runcmd_set_latest": lambda **_: None}
        self.passes("run")

    def test_features_of_the_first_file_are_those_of_all(self):
        future, uses = "from __future__ import annotations\n", "def f(ctx, x: nosuch = None): pass\n"
        self.load(future, uses)
        self.passes("f")
        self.load("x = 1\n", future + uses)
        self.assertIn("nosuch", self.hello(self.write("x = 1\n"), self.write(future, "2.py"), self.write(uses, "3.py"))["broken"]["message"])

    def test_modules_beside_a_file(self):
        os.mkdir(os.path.join(self.base, "sub"))
        self.write("X = 5\n", "sub/beside.py")
        # What is installed is found before.
        self.write("raise Exception('not this one')\n", "sub/base64.py")
        path = self.write("import base64, beside\ndef f(ctx): assert beside.X == 5\n", "sub/own.py")
        self.assertIn("ready", self.hello(path))
        path = self.write("from . import beside\n", "sub/relative.py")
        self.assertIn("belong to no package", self.hello(path)["broken"]["help"][0])

    def test_the_end_of_a_program_while_loading(self):
        failure = self.hello(self.write("import sys\nsys.exit(3)\n"))["broken"]
        self.assertEqual(failure["message"], "SystemExit: 3")
        self.assertIn("none of them may end the program", failure["notes"][0])

    def test_lines_are_those_of_the_interpreter(self):
        for source in (b"\xef\xbb\xbfX = 1\n\x0c\n\x1c = 0\n", b"# coding: latin-1\nX = '\xe9\x85'\n# \x0b\n", b"# x\r\n#\x0c\r\n#\r\n",
                       "# \u2028\n#\n#\n".encode()):
            source = source.replace(b"\x1c = 0", b"# \x1c")
            end = b"\r\n" if b"\r" in source else b"\n"
            path = self.write_bytes(source + end.join((b"def f(ctx):", b"    y = '\xe9'" if b"coding" in source else b"    y = 2", b"    assert y == 3", b"")))
            self.assertIn("ready", self.hello(path))
            self.line.scenario(self.directory)
            failure = self.fails("f")
            self.assertEqual(failure["message"], "AssertionError: assert y == 3")
            self.assertEqual(failure["notes"], ["y = 'é'" if b"coding" in source else "y = 2"])
            self.assertIn("line 6, in f\n    assert y == 3", failure["trace"])

    def test_the_place_of_a_library_among_the_files_counts(self):
        own = "def files_match(ctx, a=None): assert False\ndef runcmd_step(ctx, argv0=None): assert argv0 == 'own'\n"
        self.load("lib/runcmd.py", own, "lib/files.py")
        self.fails("files_match", a="x")
        self.assertIn("unexpected keyword", self.fails("files_match", a="x")["message"])
        self.passes("runcmd_step", argv0="own")

    def test_modules_of_the_generated_program_need_no_import(self):
        names = "argparse base64 logging os random re shutil sys tarfile tempfile json time shlex subprocess signal socket"
        body = "; ".join(name + ".__name__" for name in names.split())
        self.load("def f(ctx): %s; datetime.strptime\n" % body)
        self.passes("f")

    def test_all_functions_of_the_libraries_are_there(self):
        report = json.loads(subprocess.check_output([sys.executable, HOST, "--check"]).decode())
        expected = """
            Context NameSpace assert_eq assert_ne assert_dict_eq decode_bytes decode_str get_file store_file log_value log_lines
            indent is_multiline_string srcdir
            files_relative files_create_from_embedded files_create_from_embedded_with_other_name
            files_create_executable_from_embedded files_create_executable_from_embedded_with_other_name files_create_from_text
            files_remove_file files_make_directory files_remove_directory files_remove_empty_directory files_file_exists
            files_file_does_not_exist files_directory_exists files_directory_does_not_exist files_directory_is_empty
            files_directory_is_not_empty files_only_these_exist files_file_contains files_file_doesnt_contain
            files_file_matches_regex files_match files_do_not_match file_and_embedded_file_match
            file_and_embedded_file_do_not_match files_touch_with_timestamp files_touch files_mtime_is_recent
            files_mtime_is_ancient files_remember_metadata files_has_remembered_metadata files_has_different_metadata
            runcmd_get_exit_code runcmd_get_stdout runcmd_get_stdout_raw runcmd_get_stderr runcmd_get_stderr_raw runcmd_get_argv
            runcmd_run runcmd_helper_srcdir_path runcmd_helper_script runcmd_stdin_from_file runcmd_stdin_is
            runcmd_prepend_to_path runcmd_step runcmd_step_in runcmd_try_to_run runcmd_try_to_run_in runcmd_exit_code_is_zero
            runcmd_exit_code_is runcmd_exit_code_is_nonzero runcmd_exit_code_is_not runcmd_stdout_is runcmd_stdout_isnt
            runcmd_stderr_is runcmd_stderr_isnt runcmd_stdout_contains runcmd_stdout_doesnt_contain runcmd_stderr_contains
            runcmd_stderr_doesnt_contain runcmd_stdout_matches_regex runcmd_stdout_doesnt_match_regex
            runcmd_stderr_matches_regex runcmd_stderr_doesnt_match_regex runcmd_set_environment_variable
            runcmd_unset_environment_variable
            daemon_start_on_port daemon_wait_for_port daemon_stop daemon_no_such_process daemon_process_exists
            daemon_start_fails_with daemon_start_succeeds daemon_get_stdout daemon_get_stderr daemon_has_produced_output
            daemon_stdout_is daemon_stdout_contains daemon_stdout_doesnt_contain daemon_stderr_is daemon_start
            _daemon_shell_script _daemon_start _daemon_start_soonish _daemon_stop_soonish
        """.split()
        self.assertEqual(set(expected) - set(report["provided"]), set())

    def test_a_syntax_error_breaks_the_host(self):
        broken = self.hello(self.write("x = 1\ndef f(:\n    pass\n"))["broken"]
        self.assertTrue(broken["message"].startswith("SyntaxError: "), broken)
        self.assertIn('steps.py", line 2\n    def f(:\n', broken["trace"])
        self.assertIsNone(self.line.receive())
        self.assertEqual(self.process.wait(LIMIT), 0)

    def test_an_error_while_loading_breaks_the_host(self):
        for text, message in [
            ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
            ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
            ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ]:
            broken = self.hello(self.write(text))["broken"]
            self.assertEqual(broken["message"], message)
            self.assertIn(text.splitlines()[-1], broken["trace"])
            self.assertNotIn("greenroom", broken["trace"])
        self.assertIn("No such file", self.hello("/no/such.py")["broken"]["message"])

    def test_modules_beside_a_file_that_may_be_meant(self):
        os.makedirs(os.path.join(self.base, "own", "tools"))
        for name in ("helper.py", "tools/__init__.py", "tools/paint.py"):
            self.write("thing = 1\n", "own/" + name)
        for text, expected in [
            ("from helpr import thing", "did you mean `helper`? helper.py is beside steps.py"),
            ("import tool.paint", "did you mean `tools`? tools/ is beside steps.py"),
            ("import tools.pain", "did you mean `tools.paint`? tools/paint.py is beside steps.py"),
            ("import requests_of_somebody", None),
        ]:
            broken = self.hello(self.write(text + "\n", "own/steps.py"))["broken"]
            self.assertEqual(broken.get("help"), expected and [expected])

    def test_a_file_of_the_scenario_is_not_imported_by_accident(self):
        self.load("def f(ctx):\n    import calendar\n    assert 'scenario' not in calendar.__file__\n")
        for name in ("calendar", "shlex", "difflib"):
            with open(os.path.join(self.directory, name + ".py"), "w") as file:
                file.write("raise Exception('this one')\n")
        self.passes("f")
        self.assertEqual(self.fails("ff")["help"], ["did you mean `f`?"])

    def test_classes_know_their_module(self):
        self.load("""
            from __future__ import annotations
            import dataclasses, inspect, pickle
            @dataclasses.dataclass
            class Point:
                x: int = 0
            def f(ctx):
                assert pickle.loads(pickle.dumps(Point(3))) == Point(3)
                assert "def f(ctx)" in inspect.getsource(f)
            """)
        self.passes("f")

    def test_unknown_messages_and_fields(self):
        self.load("def f(ctx): pass\n")
        self.assertEqual(self.line.ask({"cleanup": {"function": "f", "new": 1}})["done"]["failure"], None)
        self.assertEqual(self.line.ask({"dance": {}}), {"broken": {"message": "unknown message: dance"}})
        self.assertIsNone(self.line.receive())

    def test_a_broken_message(self):
        self.load("def f(ctx): pass\n")
        self.line.end.sendall(b"{]\n")
        self.assertIn("cannot read a message", self.line.receive()["broken"]["message"])


class Steps(HostTest):
    def test_captures_are_keyword_arguments_and_cleanups_get_the_same(self):
        self.load("""
            def f(ctx, count=None, **others):
                assert count == "3" and others == {"w": "\\u00e9 \\U0001f600"}
                ctx["x"] = others
            def g(ctx, count=None, w=None):
                assert ctx["x"]["w"] is not None and (count, w) == ("3", "\\u00e9 \\U0001f600")
            """)
        self.passes("f", count="3", w="\u00e9 \U0001f600")
        self.passes("g", kind="cleanup", count="3", w="\u00e9 \U0001f600")

    def test_dotted_and_wrong_functions(self):
        self.load("import os.path\nclass C:\n    @staticmethod\n    def m(ctx): pass\nx = 3\nasync def a(ctx): raise OSError('a')\n"
                  "def g(ctx):\n    yield\n")
        self.passes("C.m")
        self.assertEqual(self.fails("x")["message"], "x is no function but 3")
        self.assertEqual(self.fails("y.z")["message"], "the step files define no function y.z")
        self.assertEqual(self.fails("a")["message"], "OSError: a")
        self.assertIn("yield", self.fails("g")["message"])

    def test_the_frame(self):
        self.load("""
            import os, tempfile
            def f(ctx, where=None, base=None):
                assert os.getcwd() == where == os.environ["HOME"] == os.path.expanduser("~")
                assert tempfile.mkdtemp().startswith(where)
                assert "GREENROOM_HOST" not in os.environ and "GONE" not in os.environ
                assert srcdir == base and globals()["srcdir"] == base and _datadir == base
                assert os.read(0, 1) == b""
            """, HOME=self.directory, TMPDIR=self.directory, GONE=None)
        self.passes("f", where=self.directory, base=self.base)

    def test_environment_goes_both_ways(self):
        self.load("""
            import os
            def change(ctx):
                assert os.environ["NATIVE"] == "n" and "HOME" not in os.environ
                os.environ["A"] = "1"; os.environ["B"] = "2"; del os.environ["NATIVE"]
            def again(ctx): os.environ.update(A="1", B="3")
            def replaced(ctx): os.environ = {"A": "9"}
            """)
        done = self.line.step("change", environment={"NATIVE": "n", "HOME": None})
        self.assertEqual(done["failure"], None)
        self.assertEqual(done["environment"], {"A": "1", "B": "2", "NATIVE": None})
        self.assertEqual(self.passes("again")["environment"], {"B": "3"})
        self.assertEqual(self.passes("replaced")["environment"]["A"], "9")

    def test_a_context_can_be_copied_and_pickled(self):
        self.load("""
            import copy, pickle
            class Own: pass
            def f(ctx):
                ctx["x"] = [1]
                ctx["own"] = Own()
                ctx.declare("mine")["y"] = 2
                ctx.declare("_runcmd")["other"] = 3
                ctx.remember_value("name", "Bob")
                ctx.remember_value("number", 4)
                for other in (copy.deepcopy(ctx), pickle.loads(pickle.dumps(ctx)), pickle.loads(pickle.dumps(ctx, 0))):
                    other["x"].append(2)
                    assert ctx["x"] == [1] and other["x"] == [1, 2] and type(other["own"]) is Own
                    assert type(other) is Context and type(other.declare("mine")) is NameSpace
                    assert other.declare("mine")["y"] == 2
                    assert other.declare("_runcmd").as_dict()["exit"] == 7 and other.declare("_runcmd")["other"] == 3
                    assert other.recall_value("name") == "Bob" and other.recall_value("number") == 4
            """)
        values = {}
        self.line.answers = {
            "runcmd_latest": lambda: {"argv": ["x"], "exit": 7},
            "runcmd_settings": dict,
            "remember": lambda name, value: values.update({name: value}),
            "recall": lambda name: values.get(name),
        }
        self.passes("f")

    def test_what_is_put_in_the_place_of_the_system_s_functions(self):
        self.load("""
            from unittest import mock
            def start(ctx, name=None): mock.patch("os." + name, side_effect=RuntimeError("x")).start()
            def value(ctx): mock.patch("os.getcwd", return_value="/srv/app").start()
            def environment(ctx): mock.patch("os.environ", mock.Mock(pop=mock.Mock(side_effect=RuntimeError("x")))).start()
            def gone(ctx):
                import os
                os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
                mock.patch("os.path.exists", side_effect=RuntimeError("x")).start()
            def stop(ctx): mock.patch.stopall()
            """)
        for name in ("getcwd", "getpid", "readlink", "chdir", "listdir", "fstat", "waitpid", "environ.items", "path.exists"):
            for directory in (None, self.directory):
                self.assertEqual(self.line.step("start", name=name)["failure"], None)
                done = self.line.ask({"step": {"function": "stop", "captures": {}, "directory": directory}})["done"]
                self.assertEqual(done, {"failure": None, "environment": {}, "directory": self.directory})
        self.assertEqual(self.passes("value")["directory"], self.directory)
        self.passes("stop")
        self.passes("environment")
        self.assertEqual(self.line.step("stop", environment={"A": None})["failure"]["message"], "RuntimeError: x")
        self.passes("stop")
        self.assertEqual(self.passes("gone")["directory"], None)

    def test_each_scenario_has_its_own_context_and_environment(self):
        self.load("""
            import os
            def first(ctx): ctx["x"] = 1; os.environ["LEAK"] = "1"; os.environ.pop("PATH")
            def second(ctx): assert "x" not in ctx and "LEAK" not in os.environ and os.environ["PATH"]
            """)
        self.passes("first")
        self.line.scenario(self.directory)
        self.passes("second")

    def test_the_working_directory_is_told(self):
        below = os.path.join(self.directory, "d")
        self.load("""
            import os
            def f(ctx): os.mkdir("d"); os.chdir("d"); get_file("x")
            def g(ctx): os.rmdir("../d")
            def h(ctx): open("x")
            def is_in(ctx, where=None): assert os.getcwd() == where and os.environ["HOME"] != where
            """)
        self.line.answers = {"file": lambda name: {"content_base64": ""}}
        self.assertEqual(self.passes("f")["directory"], below)
        self.assertEqual(self.line.calls[0]["directory"], below)
        # One that is gone goes on having its name.
        self.assertEqual(self.passes("g")["directory"], below)
        failure = self.fails("h")
        self.assertEqual(failure["notes"], ["the working directory %s does not exist any more" % below])

    def test_the_working_directory_may_be_told(self):
        self.load("import os\ndef is_in(ctx, where=None): assert os.getcwd() == where\n")
        os.mkdir(os.path.join(self.directory, "e"))
        step = {"function": "is_in", "captures": {"where": os.path.join(self.directory, "e")}, "directory": self.directory + "/e"}
        self.assertIsNone(self.line.ask({"step": step})["done"]["failure"])
        step.update(directory=self.directory + "/nosuch")
        self.assertIn("No such file", self.line.ask({"step": step})["done"]["failure"]["message"])

    def test_context(self):
        self.load("""
            def f(ctx):
                assert ctx.get("a") is None and ctx.get("a", 1) == 1 and "a" not in ctx
                ctx["a"] = 2
                assert ctx["a"] == 2 and list(ctx.keys()) == ["a"] and ctx.as_dict() == {"a": 2} and "a" in repr(ctx)
                del ctx["a"]
                try:
                    ctx["a"]
                    assert False
                except KeyError:
                    pass
                ns = ctx.declare("mine")
                assert ns is ctx.declare("mine") and ns.name == "mine" and ns.as_dict() == {}
                assert ns.get("k") is None and "k" not in ns
                assert ns.get("k", []) == [] and "k" in ns
                ns["k"].append(1)
                assert ns["k"] == [1] and ns.as_dict() == {"k": [1]} and list(ns.keys()) == ["k"]
                del ns["k"]
                assert "k" not in ns and isinstance(ns, NameSpace) and isinstance(ctx, Context)
            """)
        self.passes("f")

    def test_values_are_shared_with_native_steps(self):
        kept = {"port": "8080"}
        self.load("""
            def f(ctx):
                ctx.remember_value("foo", "bar")
                ctx.remember_value("n", 17)
                for call in (lambda: ctx.remember_value("foo", "x"), lambda: ctx.recall_value("none"), lambda: ctx.expand_values("${}")):
                    try:
                        call()
                    except KeyError:
                        continue
                    assert False
                assert ctx.recall_value("foo") == "bar" and ctx.recall_value("port") == "8080" and ctx.recall_value("n") == 17
                assert ctx.expand_values("a ${foo}${port} b ${n}") == "a bar8080 b 17"
                assert ctx.expand_values("$${foo}") == "$${foo}" and ctx.expand_values("foo") == "foo"
            """)
        self.line.answers = {"remember": lambda name, value: kept.update({name: value}), "recall": lambda name: kept.get(name)}
        self.passes("f")
        self.assertEqual(kept, {"port": "8080", "foo": "bar"})

    def test_checks(self):
        self.load("""
            def eq(ctx): assert_eq(1, 1); assert_eq("a", "b")
            def ne(ctx): assert_ne(1, 2); globals()["assert_ne"](1, 1)
            def deep(ctx): assert_dict_eq({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})
            def missing(ctx): assert_dict_eq({"a": 1}, {})
            def types(ctx): assert_dict_eq({"a": 1}, {"a": True})
            def same(ctx): assert_dict_eq({"a": [{"b": None}]}, {"a": [{"b": None}]})
            def kinds(ctx):
                from collections import Counter, OrderedDict, defaultdict
                for kind in (Counter, OrderedDict, lambda of: defaultdict(int, of)):
                    assert_dict_eq(kind({"a": 1}), {"a": 1})
                assert_dict_eq({"a": {}}, OrderedDict(a=OrderedDict()))
            def long(ctx): assert_eq("x\\n" * 100, "x\\n" * 99 + "y\\n")
            """)
        self.passes("same")
        self.assertEqual(self.fails("eq")["message"], "AssertionError: expected 'a' == 'b'")
        self.assertEqual(self.fails("ne")["message"], "AssertionError: expected 1 != 1")
        self.assertEqual(self.fails("deep")["message"], "AssertionError: expected 2 == 3 at ['a'][1]['b']")
        self.assertIn("'a' in both dicts", self.fails("missing")["message"])
        self.assertIn("1 == True at ['a']", self.fails("types")["message"])
        self.assertIn("{} == OrderedDict() at ['a']: the types", self.fails("kinds")["message"].replace("OrderedDict({})", "OrderedDict()"))
        self.assertEqual(self.fails("long")["comparison"]["relation"], "is")

    def test_files_and_store_file(self):
        self.load("""
            def f(ctx):
                assert get_file("Data.TXT") == b"\\xff\\x00" == get_file("Data.TXT")
                store_file("own", b"x")
                assert get_file("own") == b"x" and decode_str("YQ==") == "a" and decode_bytes("/w==") == b"\\xff"
            def missing(ctx): get_file("none")
            def caught(ctx):
                try: get_file("none")
                except KeyError: pass
            """)

        def file(name):
            if name == "Data.TXT":
                return {"content_base64": b64(b"\xff\x00")}
            raise Refused({"message": "the document has no embedded file " + name, "help": ["it has Data.TXT"]})

        self.line.answers = {"file": file}
        self.passes("f")
        self.assertEqual([call["arguments"] for call in self.line.calls], [{"name": "Data.TXT"}])
        failure = self.fails("missing")
        self.assertEqual(failure["message"], "the document has no embedded file none")
        self.assertEqual(failure["help"], ["it has Data.TXT"])
        self.assertIn('get_file("none")', failure["trace"])
        self.passes("caught")

    def test_library_files(self):
        self.load("""
            def f(ctx):
                files_create_from_text(ctx, filename="d/e/x", text="h\\u00e9\\n")
                files_file_exists(ctx, filename="d/e/x"); files_directory_exists(ctx, path="d/e")
                files_file_contains(ctx, filename="d/e/x", data="\\u00e9"); files_file_doesnt_contain(ctx, filename="d/e/x", data="z")
                files_file_matches_regex(ctx, filename="d/e/x", regex="^h.$")
                files_create_executable_from_embedded_with_other_name(ctx, filename_on_disk="d/y", embedded_file="e")
                assert os.access("d/y", os.X_OK)
                files_create_from_embedded(ctx, embedded_file="e"); files_match(ctx, filename1="e", filename2="d/y")
                file_and_embedded_file_match(ctx, filename="e", embedded="e")
                files_do_not_match(ctx, filename1="e", filename2="d/e/x")
                files_only_these_exist(ctx, filenames="d, e")
                files_touch(ctx, filename="t"); files_mtime_is_recent(ctx, filename="t")
                files_touch_with_timestamp(ctx, filename="t", mtime="1970-01-02 03:04:05"); files_mtime_is_ancient(ctx, filename="t")
                assert os.stat("t").st_mtime == 97445
                files_remove_file(ctx, filename="t"); files_file_does_not_exist(ctx, filename="t")
                files_make_directory(ctx, path="n"); files_make_directory(ctx, path="n"); files_directory_is_empty(ctx, path="n")
                files_remove_empty_directory(ctx, path="n"); files_directory_does_not_exist(ctx, path="n")
                files_directory_is_not_empty(ctx, path="d"); files_remove_directory(ctx, path="d")
                files_create_from_text(ctx, filename="/abs", text=""); assert os.path.exists("abs")
                assert files_relative("x") == "./x"
            def missing(ctx): files_file_exists(ctx, filename="nosuch")
            def contains(ctx): files_file_contains(ctx, filename="e", data="something else")
            def differ(ctx): file_and_embedded_file_match(ctx, filename="abs", embedded="e")
            """)
        self.line.answers = {"file": lambda name: {"content_base64": b64(b"content\n")}}
        self.passes("f")
        self.assertEqual(self.fails("missing")["message"], "file nosuch does not exist")
        contains = self.fails("contains")
        self.assertEqual(contains["message"], "file e does not contain what was expected")
        self.assertEqual(contains["comparison"], {
            "what": "file e", "relation": "contains", "expected": "something else", "actual": "content\n"})
        self.assertEqual(self.fails("differ")["message"], "embedded file e and file abs differ")

    def test_remembered_metadata_is_the_engines(self):
        self.load("def f(ctx): files_remember_metadata(ctx, filename='x')\n")
        self.line.answers = {"step": lambda function, captures: None}
        self.passes("f")
        self.assertEqual(self.line.calls[0]["arguments"], {"function": "files_remember_metadata", "captures": {"filename": "x"}})


class Commands(HostTest):
    RESULT = {"exit": 0, "stdout_base64": b64(b"out \xc3\xa9\n"), "stderr_base64": b64(b"\xff")}

    def test_run(self):
        self.load("""
            def f(ctx):
                os.environ["NEW"] = "1"
                os.mkdir("d"); os.chdir("d")
                runcmd_run(ctx, ["prog", "a b"], cwd="sub", env={"X": "y"}, stdout=None, shell=False)
                assert runcmd_get_exit_code(ctx) == 0 and runcmd_get_stdout(ctx) == "out \\u00e9\\n"
                assert runcmd_get_stdout_raw(ctx) == b"out \\xc3\\xa9\\n" and runcmd_get_stderr_raw(ctx) == b"\\xff"
                assert runcmd_get_stderr(ctx) == "\\ufffd" and runcmd_get_argv(ctx) == ["prog", "a b"]
                runcmd_exit_code_is_zero(ctx); runcmd_exit_code_is(ctx, exit="0"); runcmd_exit_code_is_not(ctx, exit="1")
                runcmd_stdout_contains(ctx, text="\\u00e9"); runcmd_stdout_doesnt_contain(ctx, text="x")
                runcmd_stdout_matches_regex(ctx, regex="^o.*$"); runcmd_stdout_doesnt_match_regex(ctx, regex="q")
                runcmd_stdout_is(ctx, text="out \\u00e9\\n"); runcmd_stderr_isnt(ctx, text="x")
                ns = ctx.declare("_runcmd")
                assert ns["stdout"] == "out \\u00e9\\n" and ns["exit"] == 0 and "argv" in ns and ns.get("stdout.raw")
                runcmd_run(ctx, "echo $HOME", shell=True)
            """)
        self.line.answers = {"runcmd_run": lambda **_: dict(self.RESULT)}
        self.passes("f")
        first, second = self.line.calls
        self.assertEqual(first["environment"], {"NEW": "1"})
        self.assertEqual(first["arguments"], {
            "argv": ["prog", "a b"], "directory": os.path.join(self.directory, "d", "sub"), "environment": {"X": "y"}})
        self.assertEqual(second["environment"], {})
        self.assertEqual(second["arguments"]["argv"], ["/bin/sh", "-c", "echo $HOME"])

    def test_steps_of_the_library(self):
        self.load("""
            def f(ctx): runcmd_step(ctx, argv0="a*b", args=" 'x y' z")
            def quoted(ctx): runcmd_try_to_run(ctx, argv0='"a', args=' b" c')
            def there(ctx): runcmd_step_in(ctx, dirname="d", argv0="p", args="")
            """)
        self.line.answers = {"runcmd_run": lambda **_: dict(self.RESULT)}
        for function in ("f", "quoted", "there"):
            self.passes(function)
        self.assertEqual([call["arguments"]["argv"] for call in self.line.calls], [["a*b", "x y", "z"], ["a b", "c"], ["p"]])
        self.assertEqual(self.line.calls[2]["arguments"]["directory"], os.path.join(self.directory, "d"))

    def test_failures_say_what_the_command_did(self):
        self.load("def f(ctx): runcmd_step(ctx, argv0='p', args='x')\ndef g(ctx): runcmd_stdout_contains(ctx, text='nothing')\n")
        result = {"exit": 3, "stdout_base64": b64(b"o"), "stderr_base64": b64(b"why\n" * 5000)}
        self.line.answers = {"runcmd_run": lambda **_: result, "runcmd_latest": lambda: dict(result, argv=["p", "x y"])}
        failure = self.fails("f")
        self.assertEqual(failure["message"], "exit code of the command is not what was expected")
        self.assertEqual(failure["comparison"]["actual"], "3")
        self.assertEqual(failure["notes"], ["the command was `p x`, and its exit code 3"])
        self.assertEqual([output["of"] for output in failure["output"]], ["stdout of the command", "stderr of the command"])
        self.assertEqual(failure["output"][1]["omitted"], 20000 - 8192)
        failure = self.fails("g")
        self.assertEqual(failure["message"], "stdout of the command does not contain what was expected")
        self.assertEqual(failure["notes"], ["the command was `p 'x y'`, and its exit code 3"])
        self.assertEqual([output["of"] for output in failure["output"]], ["stderr of the command"])

    def test_commands_of_native_steps_are_seen_and_may_change_between_steps(self):
        codes = iter([1, 2])
        self.load("""
            def f(ctx):
                ns = ctx.declare("_runcmd")
                ctx["codes"] = ctx.get("codes", []) + [ns["exit"], ns["exit"]]
            def g(ctx): assert ctx["codes"] == [1, 1, 2, 2]
            def none(ctx):
                assert ctx.declare("_runcmd").get("exit") is None
                runcmd_get_stdout(ctx)
            """)
        self.line.answers = {"runcmd_latest": lambda: dict(self.RESULT, argv=["x"], exit=next(codes)),
                             "runcmd_settings": lambda: {}}
        for function in ("f", "f", "g"):
            self.passes(function)
        self.line.answers["runcmd_latest"] = lambda: None
        self.assertEqual(self.fails("none")["message"], "KeyError: 'stdout'")

    def test_errors_of_starting(self):
        kinds = ["not-found", "not-executable", "other", "not-found"]
        self.load("""
            def f(ctx):
                for kind in (FileNotFoundError, PermissionError, Exception):
                    try:
                        runcmd_run(ctx, ["nosuch"])
                        assert False
                    except kind as error:
                        assert kind is Exception or error.filename == "nosuch"
                runcmd_run(ctx, ["nosuch"])
            """)

        def run(**_):
            raise Refused({"message": "program not found: nosuch", "notes": ["PATH is /bin"], "kind": kinds.pop(0)})

        self.line.answers = {"runcmd_run": run}
        failure = self.fails("f")
        self.assertEqual(failure["message"], "program not found: nosuch")
        self.assertEqual(failure["notes"], ["PATH is /bin"])
        self.assertIn('runcmd_run(ctx, ["nosuch"])', failure["trace"])

    def test_settings(self):
        settings = {"path_prefix": ["/a"], "stdin_file": None, "stdin_text": None}
        self.load("""
            def f(ctx):
                runcmd_prepend_to_path(ctx, dirname="/b"); runcmd_prepend_to_path(ctx, "/c"); runcmd_helper_srcdir_path(ctx)
                ns = ctx.declare("_runcmd")
                assert ns["path-prefix"] == "/a:/b:/c:" + srcdir, ns["path-prefix"]
                ns["path-prefix"] = "/x:/y"
                runcmd_stdin_is(ctx, text="in"); runcmd_stdin_from_file(ctx, file="file")
                assert ns["stdin_feed"] == "in" and ns["stdin_file"] == "file"
                ns["own"] = 3
                ns["path-prefix"] = ""
                assert "path-prefix" not in ns and ns.get("path-prefix", "") == ""
                ns["path-prefix"] = "/x:/y"
                assert ns["own"] == 3 and set(ns.keys()) == {"path-prefix", "stdin_feed", "stdin_file", "own"}
            def env(ctx):
                runcmd_set_environment_variable(ctx, "A", "1")
                ctx.declare("_runcmd").get("env-update", {})["B"] = None
                runcmd_run(ctx, ["p"], env={"C": "3"})
            """)
        self.line.answers = {"runcmd_settings": lambda: settings, "runcmd_set": lambda **new: settings.update(new),
                             "runcmd_latest": lambda: None, "runcmd_run": lambda **_: dict(self.RESULT)}
        self.passes("f")
        self.assertEqual(settings, {"path_prefix": ["/x", "/y"], "stdin_file": "file", "stdin_text": "in"})
        self.passes("env")
        self.assertEqual(self.line.calls[-1]["environment"], {"A": "1"})
        self.assertEqual(self.line.calls[-1]["arguments"]["environment"], {"B": None, "C": "3"})

    def test_what_documents_write_is_what_native_steps_see(self):
        told = {}
        self.load("""
            def f(ctx):
                ns = ctx.declare("_runcmd")
                ns["stdout"] = "\\u00e9"; ns["exit"] = 4; ns["stderr.raw"] = b"e"
                assert ns["stdout.raw"] == b"\\xc3\\xa9" and ns["stderr"] == "e" and runcmd_get_exit_code(ctx) == 4
            """)
        self.line.answers = {"runcmd_latest": lambda: None, "runcmd_set_latest": lambda **new: told.update(new)}
        self.passes("f")
        self.assertEqual(told, {"argv": [], "exit": 4, "stdout_base64": b64(b"\xc3\xa9"), "stderr_base64": b64(b"e")})

    def test_what_a_call_cannot_say_runs_here(self):
        told = {}
        self.load("""
            def f(ctx):
                runcmd_run(ctx, ["sh", "-c", "cat; echo $X; umask; exit 3"], env={"X": "y"}, preexec_fn=lambda: os.umask(0o77))
                assert runcmd_get_exit_code(ctx) == 3, runcmd_get_stderr(ctx)
                assert runcmd_get_stdout(ctx) == "iny\\n0077\\n"
            def g(ctx): runcmd_run(ctx, [b"/bin/echo", b"\\xff"]); assert runcmd_get_stdout_raw(ctx) == b"\\xff\\n"
            """)
        self.line.answers = {"runcmd_settings": lambda: {"path_prefix": [], "stdin_text": "in"},
                             "runcmd_set_latest": lambda **new: told.update(new)}
        self.passes("f")
        self.assertEqual((told["exit"], told["stdout_base64"]), (3, b64(b"iny\n0077\n")))
        self.passes("g")

    def test_daemons(self):
        out = os.path.join(self.base, "out")
        with open(out, "wb") as file:
            file.write(b"hello \xff")
        steps = []
        self.load("""
            def f(ctx, out=None):
                daemon_start_on_port(ctx, path="./p", args=" x", name="web", port="80", env='{"A": "b"}')
                ns = ctx.declare("_daemon")
                assert "web" in ns and "other" not in ns
                web = ns["web"]
                assert web["pid"] == 17 and web["stdout"] == out and web["pid-file"] == "web.pid" and open(web["stdout"], "rb")
                assert daemon_get_stdout(ctx, "web") == "hello \\ufffd" and daemon_get_stderr(ctx, name="web")
                daemon_stdout_contains(ctx, name="web", text="hello"); daemon_stdout_doesnt_contain(ctx, name="web", text="x")
                daemon_has_produced_output(ctx, name="web"); daemon_no_such_process(ctx, args="x"); daemon_stop(ctx, name="web")
            def refused(ctx):
                try:
                    daemon_start_on_port(ctx, path="./p", args="", name="web", port=80)
                except ConnectionRefusedError:
                    daemon_start_on_port(ctx, path="./p", args="", name="web", port=80)
            def unknown(ctx): ctx.declare("_daemon")["other"]
            def nothing(ctx): daemon_wait_for_port("localhost", "1", timeout=0.1)
            """)
        self.line.answers = {
            "step": lambda function, captures: steps.append((function, captures)),
            "daemons": lambda: [{"name": "web", "pid": 17, "running": True, "stdout": out, "stderr": out, "pid_file": None}]}
        self.passes("f", out=out)
        self.assertEqual(steps, [
            ("daemon_start", {"path": "./p", "args": " x", "name": "web", "port": "80", "env": '{"A": "b"}'}),
            ("daemon_stdout_contains", {"name": "web", "text": "hello"}),
            ("daemon_stdout_lacks", {"name": "web", "text": "x"}),
            ("daemon_has_output", {"name": "web"}),
            ("daemon_no_process", {"args": "x"}),
            ("daemon_stop", {"name": "web"}),
        ])

        def refuse(**_):
            raise Refused({"message": "nothing listens on port 80", "notes": ["n"], "output": [{"of": "stderr of daemon web"}]})

        self.line.answers["step"] = refuse
        failure = self.fails("refused")
        self.assertEqual(failure["message"], "nothing listens on port 80")
        self.assertEqual(failure["output"], [{"of": "stderr of daemon web"}])
        self.assertEqual(self.fails("unknown")["message"], "KeyError: 'other'")
        self.assertTrue(self.fails("nothing")["message"].startswith("ConnectionRefusedError: no connection to port 1"))


class Failures(HostTest):
    def test_message_and_trace(self):
        self.load("""
            def inner(x):
                raise ValueError("bad\\nsecond line")
            def f(ctx):
                inner(
                    3)
            """)
        failure = self.fails("f")
        path = os.path.join(self.base, "steps0.py")
        self.assertEqual(failure["message"], "ValueError: bad")
        self.assertEqual(failure["notes"], ["second line"])
        self.assertEqual(failure["trace"].splitlines()[-2:], ['  File "%s", line 3, in inner' % path,
                                                              '    raise ValueError("bad\\nsecond line")'])
        self.assertNotIn("greenroom", failure["trace"])

    def test_bare_assertions_show_source_and_values(self):
        self.load("""
            class Hostile:
                def __repr__(self): raise SystemExit(9)
            def f(ctx, name=None):
                items = [1, "two", Hostile()]
                ctx["count"] = 3
                assert len(items) == ctx["count"] and name in items, ""
            def g(ctx):
                left, right = {"a": 1}, {"a": 2}
                assert (
                    left["a"]
                    == right["a"]
                )
            def long(ctx):
                text = "x" * 5000
                assert not text
            """)
        failure = self.fails("f", name="three")
        self.assertEqual(failure["message"],
                         'AssertionError: assert len(items) == ctx["count"] and name in items, ""')
        self.assertEqual(set(failure["notes"]), {
            "items = [1, 'two', <greenroom_steps.Hostile>]", 'ctx["count"] = 3', "name = 'three'"})
        failure = self.fails("g")
        self.assertEqual(failure["message"], 'AssertionError: assert ( left["a"] == right["a"] )')
        self.assertEqual(failure["notes"], ['left["a"] = 1', 'right["a"] = 2'])
        self.assertIn("(and 4840 more)", self.fails("long")["notes"][0])

    #: Classes of the user's whose code is not to run, whatever is asked of them.
    HOSTILE = textwrap.dedent("""
        class Hostile:
            def _fails(self, *_): raise SystemExit(9)
            __repr__ = __str__ = __hash__ = __len__ = __iter__ = __bool__ = __getattr__ = _fails
            def __eq__(self, other): ran.append(other)
        ran = []
        """)

    def shown(self, imports, *values):
        """How an assertion shows these values, whose expressions are given."""
        body = ["v%d = %s" % item for item in enumerate(values)] + ["assert not (%s)" % ", ".join("v%d" % n for n in range(len(values)))]
        self.load(self.HOSTILE + imports + "\ndef f(ctx):\n    " + "\n    ".join(body) + "\n")
        return [note.partition(" = ")[2] for note in self.fails("f")["notes"]]

    def test_values_of_the_standard_library_represent_themselves(self):
        imports = "import datetime, decimal, fractions, ipaddress, pathlib, re, uuid"
        values = ("decimal.Decimal('1.50')", "datetime.date(2024, 2, 29)", "datetime.timedelta(seconds=3)", "fractions.Fraction(1, 3)",
                  "uuid.UUID(int=5)", "ipaddress.ip_address('10.0.0.1')", "pathlib.Path('/x')", "range(3)", "re.match('a', 'abc')",
                  "datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)")
        self.assertEqual(self.shown(imports, *values), [
            "Decimal('1.50')", "datetime.date(2024, 2, 29)", "datetime.timedelta(seconds=3)", "Fraction(1, 3)",
            "UUID('00000000-0000-0000-0000-000000000005')", "IPv4Address('10.0.0.1')", "PosixPath('/x')", "range(0, 3)",
            "<re.Match object; span=(0, 1), match='a'>", "datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"])
        self.assertEqual(self.shown("import datetime\nclass Zone(datetime.tzinfo, Hostile): pass\n", "datetime.time(1, tzinfo=Zone())"),
                         ["datetime.time(1, 0, tzinfo=<greenroom_steps.Zone>)"])
        self.assertRegex(self.shown("import decimal", "decimal.Decimal('1' * 5000)")[0], r"^Decimal\('1{100,150} \.\.\. 1{48}'\)$")

    def test_values_with_parts_show_them(self):
        imports = textwrap.dedent("""
            import collections, dataclasses, enum, http, types, typing
            @dataclasses.dataclass
            class Point:
                x: int
                y: typing.Any = None
                hidden: int = dataclasses.field(default=1, repr=False)
            @dataclasses.dataclass
            class Slots:
                __slots__ = ("x",)
                x: int
            @dataclasses.dataclass
            class Secret:
                word: str
                def __repr__(self): return "Secret(...)"
            class Pair(typing.NamedTuple):
                a: int
                b: typing.Any
            class Quiet(collections.namedtuple("Quiet", "a")):
                def __repr__(self): return "Quiet(...)"
            class Color(enum.Enum):
                RED = 1
            class Own(dict): pass
            class Name(str): pass
            class Mine(Exception): pass
            """)
        values = ("Point(1, Point(2, Hostile()))", "Slots(3)", "Secret('x')", "Pair(1, Hostile())", "Quiet(1)", "Color.RED", "http.HTTPStatus.OK",
                  "Own(a=1)", "Name('x')", "Mine('x', Hostile())", "FileNotFoundError(2, 'gone')", "Hostile()")
        self.assertEqual(self.shown(imports, *values), [
            "Point(x=1, y=Point(x=2, y=<greenroom_steps.Hostile>))", "Slots(x=3)", "<greenroom_steps.Secret>",
            "Pair(a=1, b=<greenroom_steps.Hostile>)", "<greenroom_steps.Quiet>", "<Color.RED: 1>", "<HTTPStatus.OK: 200>", "Own({'a': 1})",
            "'x'", "Mine('x', <greenroom_steps.Hostile>)", "FileNotFoundError(2, 'gone')", "<greenroom_steps.Hostile>"])
        self.assertEqual(self.shown("import collections\n" + textwrap.dedent("""
            class Key:
                asked = 0
                def __hash__(self):
                    Key.asked += 1
                    return 1 if Key.asked == 1 else exit()
            """), "collections.OrderedDict([(Key(), 1)])"), ["OrderedDict({<greenroom_steps.Key>: 1})"])
        values = ("collections.OrderedDict(a=1)", "collections.Counter('aab')", "collections.deque([1, Hostile()])",
                  "collections.defaultdict(list, a=[1])", "types.SimpleNamespace(a=Hostile(), b=2)", "Own(a=Own(b=Own(c=Own())))")
        self.assertEqual(self.shown(imports, *values), [
            "OrderedDict({'a': 1})", "Counter({'a': 2, 'b': 1})", "deque([1, <greenroom_steps.Hostile>])", "defaultdict({'a': [1]})",
            "namespace(a=<greenroom_steps.Hostile>, b=2)", "Own({'a': Own({'b': Own({'c': Own(...)})})})"])

    def test_attributes_are_shown_where_no_code_runs_for_it(self):
        self.load(self.HOSTILE + textwrap.dedent("""
            import subprocess, types
            class Answer:
                limit = 7
                __slots__ = ("status", "__dict__")
                def __init__(self): self.status, self.body = 200, "gone"
                @property
                def text(self): raise SystemExit(9)
            class Proxy:
                def __getattribute__(self, name): return 5
            class Meta(type):
                def __getattribute__(self, name): raise SystemExit(9)
            class Odd(metaclass=Meta): pass
            def f(ctx):
                answer, space, done = Answer(), types.SimpleNamespace(x=[1, 2]), subprocess.run(["true"])
                assert answer.status == 500 and answer.body and answer.limit and Answer.limit and space.x[1] and done.returncode
            def g(ctx):
                answer, proxy, odd, hostile, text = Answer(), Proxy(), Odd(), Hostile(), "text"
                try: print(answer.text)
                except SystemExit: assert False and answer.text and proxy.x and odd.x and hostile.x and text.upper()
            """))
        self.assertEqual(self.fails("f")["notes"], [
            "answer.status = 200", "answer.body = 'gone'", "answer.limit = 7", "Answer.limit = 7", "space.x[1] = 2", "done.returncode = 0"])
        self.assertEqual(self.fails("g")["notes"], [
            "answer = <greenroom_steps.Answer>", "proxy = <greenroom_steps.Proxy>", "odd = <greenroom_steps.Odd>",
            "hostile = <greenroom_steps.Hostile>", "text = 'text'"])

    def differ(self, one, other, compare="assert one == other"):
        """What is said of two values that differ, whose expressions are given."""
        self.load("import collections, decimal\n" + self.HOSTILE + textwrap.dedent("""
            def f(ctx):
                one = %s
                other = %s
                %s
            def untouched(ctx): assert not ran
            """) % (one, other, compare))
        failure = self.fails("f")
        self.message = failure["message"]
        return [note for note in failure.get("notes") or [] if " = " not in note]

    def test_differences_between_collections(self):
        many = "list(range(1000))"
        self.assertEqual(self.differ(many, "[-1 if n == 777 else n for n in one]"), ["they differ at [777]: one has 777, other has -1"])
        self.assertEqual(self.differ(many, "one[:-1]"), ["only one has [999]: 999"])
        self.assertEqual(self.differ(many, "[-2, -1] + one"), ["only other has [0] to [1]: -2, -1"])
        self.assertEqual(self.differ(many, "one[:5] + one[9:]"), ["only one has [5] to [8]: 5, 6, 7 and 1 more"])
        self.assertEqual(self.differ(many, "one[:4] + [0] + one[5:-1]"), [
            "only one has [999]: 999", "they differ at [4]: one has 4, other has 0"])
        self.assertEqual(self.differ(many, "[n + 1 for n in one]"), [
            "they differ at [0]: one has 0, other has 1", "they differ at [1]: one has 1, other has 2",
            "they differ at [2]: one has 2, other has 3", "they differ in more places"])
        keys = "{'key%d' % n: {'n': n, 'tags': ['a', 'b', 'c']} for n in range(50)}"
        other = "dict(one, key33={'n': 33, 'tags': ['a', 'b', 'z']}, new=1); del other['key44']"
        self.assertEqual(self.differ(keys, other), [
            "they differ at ['key33']['tags'][2]: one has 'c', other has 'z'",
            "only one has ['key44']: {'n': 44, 'tags': ['a', 'b', 'c']}", "only other has ['new']: 1"])
        self.assertEqual(self.differ("{1, 2, 3}", "frozenset([3, 4])"), ["only one has 1, 2", "only other has 4"])
        self.assertEqual(self.differ("[1, 2]", "(1, 2)"), ["one is of type list, other of type tuple"])
        self.assertEqual(self.differ("b'1'", "'1'"), ["one is of type bytes, other of type str"])
        self.assertEqual(self.differ("[[1], True, 1.0]", "[(1,), 1, 1]"), ["they differ at [0]: one has [1], other has (1,)"])
        self.assertEqual(self.differ("{'a': [1]}", "0", "assert one == {'a': [2]}"), [
            "they differ at ['a'][0]: one has 1, the right side has 2"])

    def test_differences_within_long_texts(self):
        self.assertEqual(self.differ("['x' * 500 + 'a' * 100]", "['x' * 500 + 'b' * 100]"), [
            "they differ at [0] from character 500 on: one has ...'%s'..., other has ...'%s'..." % ("x" * 20 + "a" * 30, "x" * 20 + "b" * 30)])
        self.assertEqual(self.differ("'x' * 121", "'x' * 120"), [
            "they differ from character 120 on: one has ...'%s', other has ...'%s'" % ("x" * 21, "x" * 20)])
        self.assertEqual(self.differ("b'x' * 61", "b'x' * 60"), [
            "they differ from byte 60 on: one has ...b'%s', other has ...b'%s'" % ("x" * 21, "x" * 20)])
        self.load("def f(ctx):\n    got, wanted = 'x\\n' * 100, 'x\\n' * 99 + 'y\\n'\n    assert got == wanted\n")
        failure = self.fails("f")
        self.assertEqual(failure["message"], "AssertionError: assert got == wanted")
        self.assertEqual((failure["comparison"]["what"], failure["comparison"]["expected"][-4:]), ("got", "x\ny\n"))
        self.assertNotIn("notes", failure)

    def test_differences_are_looked_for_without_running_code(self):
        self.assertEqual(self.differ("[1, Hostile()]", "[2, Hostile()]"), ["they differ at [0]: one has 1, other has 2"])
        self.passes("untouched")
        self.assertEqual(self.differ("{'a': Hostile(), 'b': 1}", "{'b': 2, 'a': one['a']}"), ["they differ at ['b']: one has 1, other has 2"])
        # What stands in the way is compared by code of the user's.
        self.assertEqual(self.differ("[1, collections.OrderedDict(a=1)]", "[1, collections.OrderedDict(a=2)]"), [
            "they may differ at [1]: one has OrderedDict({'a': 1}), other has OrderedDict({'a': 2})"])
        self.assertEqual(self.differ("[decimal.Decimal('1.0'), 1]", "[decimal.Decimal('1.00'), 2]"), [
            "they differ at [1]: one has 1, other has 2"])
        # Collections that are in themselves.
        self.assertEqual(self.differ("[1]; one.append(one)", "[2]; other.append(other)"), ["they differ at [0]: one has 1, other has 2"])
        # Nothing is called again.
        self.load("calls = []\ndef get():\n    calls.append(1)\n    return [1]\ndef f(ctx):\n    wanted = [2]\n    try:\n"
                  "        assert get() == wanted\n    finally:\n        ctx['calls'] = len(calls)\n"
                  "def g(ctx):\n    assert ctx['calls'] == len(calls) == 1\n")
        self.assertEqual(self.fails("f")["notes"], ["wanted = [2]"])
        self.passes("g")
        # Only for the whole of an assertion that two values are equal.
        for compare in ("assert one in other", "assert one == other and True", "assert one < other < one", "assert not one != other"):
            self.assertEqual(self.differ("[1]", "[[2]]" if " in " in compare else "[2]", compare), [], compare)

    def test_differences_told_by_assert_eq(self):
        compare = "assert_eq(one, other)"
        self.assertEqual(self.differ("list(range(1000))", "one[:500] + [0] + one[501:]", compare), [
            "they differ at [500]: the first has 500, the second has 0"])
        self.assertIn("(1000 in all)] == [0, 1,", self.message)
        self.assertEqual(self.differ("{'a': [1]}", "{'a': [2]}", compare), ["they differ at ['a'][0]: the first has 1, the second has 2"])
        self.assertEqual(self.message, "AssertionError: expected {'a': [1]} == {'a': [2]}")
        self.differ("['%d' % n * 20 for n in range(30)]", "one[1:]", compare)
        self.assertEqual(self.message, "AssertionError: the two values differ")

    def test_nothing_that_is_raised_ends_the_host(self):
        self.load("""
            import sys
            def exits(ctx): sys.exit("why")
            def interrupted(ctx): raise KeyboardInterrupt
            def deep(ctx): deep(ctx)
            class Bad(Exception):
                def __str__(self): raise RuntimeError
            def bad(ctx): raise Bad
            def memory(ctx): bytearray(1 << 60)
            def surrogate(ctx): raise Exception("\\udcff")
            """)
        self.assertEqual(self.fails("exits")["message"], "SystemExit: why")
        self.assertEqual(self.fails("interrupted")["message"], "KeyboardInterrupt")
        deep = self.fails("deep")
        self.assertTrue(deep["message"].startswith("RecursionError: "))
        self.assertLess(len(deep["trace"].splitlines()), 70)
        self.assertEqual(self.fails("bad")["message"], "Bad: (cannot be shown: RuntimeError)")
        self.assertIn(self.fails("memory")["message"].split(":")[0], ("MemoryError", "OverflowError"))
        self.assertEqual(self.fails("surrogate")["message"], "Exception: ?")

    def test_chains(self):
        self.load("""
            def f(ctx):
                try:
                    {}["port"]
                except KeyError as error:
                    raise ValueError("no port") from error
            def g(ctx):
                try:
                    {}["port"]
                except KeyError:
                    undefined
            def h(ctx):
                try:
                    {}["port"]
                except KeyError:
                    raise ValueError("alone") from None
            """)
        lines = self.fails("f")["trace"].splitlines()
        self.assertEqual([line for line in lines if not line.startswith(" ")],
                         ["KeyError: 'port'", "which caused:", "ValueError: no port"])
        lines = self.fails("g")["trace"].splitlines()
        self.assertEqual(lines[3], "and while that was handled:")
        self.assertNotIn("KeyError:", self.fails("h")["trace"])

    def test_frames_of_libraries_are_counted(self):
        self.load("import json\ndef f(ctx): json.loads('{')\n")
        trace = self.fails("f")["trace"].splitlines()
        self.assertEqual(len(trace), 3)
        self.assertRegex(trace[2], r"^  \.\.\. \d in json\.decoder$")

    def test_frames_of_recursion_are_counted(self):
        self.load("""
            def down(n):
                return down(n - 1) if n else up(0)
            def up(n):
                return up(n + 1) if n < 2 else 1 / 0
            def f(ctx, n=None): down(int(n))
            """)
        for n, folded in ((2, []), (3, ["  ... the same 1 more"]), (30, ["  ... the same 28 more"])):
            lines = [line for line in self.fails("f", n=str(n))["trace"].splitlines() if line[2:5] in ("Fil", "...")]
            # The last call of each is on the same line, so it counts.
            self.assertEqual([line for line in lines if "..." in line], folded, lines)
            self.assertEqual(len(lines), 1 + min(n + 1, 3) + len(folded) + 3)

    def test_wrong_arguments(self):
        self.load("def f(ctx, a): pass\n")
        failure = self.fails("f", b="x")
        self.assertIn("unexpected keyword argument 'b'", failure["message"])
        self.assertNotIn("trace", failure)

    def test_groups_and_notes(self):
        self.load("""
            def f(ctx):
                error = ValueError("x")
                error.__notes__ = ["hint"]
                raise error
            class Group(Exception):
                def __init__(self, text, *exceptions):
                    super().__init__(text)
                    self.exceptions = exceptions
            class Bad(Exception):
                def __str__(self): raise RuntimeError
            def raised(error):
                try: raise error
                except Exception as error: return error
            def g(ctx):
                raise Group("several", raised(ValueError("x")), raised(Group("inner", raised(KeyError("deep")), Bad())))
            def many(ctx):
                raise Group("many", *[KeyError(n) for n in range(50)])
            def h(ctx):
                try:
                    g(ctx)
                except Group as error:
                    error.__notes__ = ["of a cause"]
                    outer = ValueError("x")
                    outer.__notes__ = ["of the last"]
                    raise outer from error
            def long(ctx):
                raise ValueError("\\n".join("line %d" % n for n in range(1, 201)))
            """)
        self.assertEqual(self.fails("f")["notes"], ["hint"])
        members = ["1: ValueError: x (at steps0.py:13)", "2: Group: inner (at steps0.py:13)",
                   "2.1: KeyError: 'deep' (at steps0.py:13)", "2.2: Bad"]
        self.assertEqual(self.fails("g")["notes"], members)
        self.assertEqual(self.fails("many")["notes"][18:], ["19: KeyError: 18", "20: KeyError: 19", "... 30 exceptions more"])
        failure = self.fails("h")
        self.assertEqual(failure["notes"], ["of the last"])
        lines = failure["trace"].splitlines()
        self.assertEqual(lines[:6], ["Group: several", "  of a cause"] + ["  " + member for member in members])
        failure = self.fails("long")
        self.assertEqual((failure["message"], len(failure["notes"])), ("ValueError: line 1", 12))
        self.assertEqual(failure["notes"][10:], ["line 12", "... 188 lines more"])


class Robustness(HostTest):
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
        for text in ("printed ", "debug: logged 1\n", "debug:   v:\n", "debug:     'a':\n", "debug:       0: 1\n", "debug:   'a\\n'\n"):
            self.assertIn(text, self.written())

    def test_much_output(self):
        self.load("def f(ctx):\n    for _ in range(100): print('x' * (1 << 20))\n")
        self.passes("f")
        self.assertEqual(os.fstat(self.output.fileno()).st_size, 100 * ((1 << 20) + 1))

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
        self.assertEqual(self.process.returncode, 0)

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
        self.assertIn("in a child of the step: Exception: child", self.written())
        self.passes("background")
        self.addCleanup(os.killpg, self.process.pid, signal.SIGKILL)
        self.process.kill()
        # The child has not kept the line open.
        self.assertIsNone(self.line.receive())

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
        self.assertEqual(self.fails("handler", after="0.01", sleep="5")["message"], "Late: late")
        # Between two steps it hits nobody.
        self.passes("handler", after="0.05", sleep="0")
        time.sleep(0.1)
        self.passes("f")
        self.passes("during_call")
        self.assertEqual(self.fails("unfinished")["message"], "Late: late")
        self.passes("f")
        os.kill(self.process.pid, signal.SIGINT)
        time.sleep(0.05)
        self.passes("f")

    def test_a_host_whose_step_ends_the_process(self):
        self.load("import os\ndef f(ctx): os._exit(3)\n")
        self.line.send({"step": {"function": "f"}})
        self.assertIsNone(self.line.receive())
        self.assertEqual(self.process.wait(LIMIT), 3)

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
        self.assertEqual(self.process.returncode, 0)
        self.assertEqual(self.read("ended"), "ended\n")
        self.assertEqual(self.read("log"), "loaded\nwritten\n")
        self.assertEqual(self.read("of-the-context"), "written")
        with gzip.open(os.path.join(self.base, "gzip"), "rt") as file:
            self.assertEqual(file.read(), "compressed")
        self.assertEqual(self.read("of-a-thread"), "")
        self.assertEqual(self.read("of-a-pool"), "")
        self.assertIn("ZeroDivisionError", self.written())

    def test_the_end_does_not_wait_for_ever(self):
        self.load(self.ENDINGS % self.base)
        self.passes("for_ever")
        begun = time.monotonic()
        self.end()
        self.assertEqual(self.process.returncode, 0)
        self.assertLess(time.monotonic() - begun, LIMIT)
        self.assertEqual(self.read("ended"), "ended\n")
        self.assertEqual(self.read("log"), "loaded\nwritten\n")
        self.assertEqual(self.read("of-the-context"), "written")

    def test_the_end_may_have_a_status(self):
        self.load(self.ENDINGS % self.base)
        self.passes("exits")
        self.end()
        self.assertEqual(self.process.returncode, 3)

    def test_large_messages(self):
        self.load("def f(ctx, x=None): assert len(get_file('x')) == 30000000; raise Exception('y' * 10) from Exception(x)\n")
        self.line.answers = {"file": lambda name: {"content_base64": b64(b"x" * 30000000)}}
        self.assertEqual(self.fails("f", x="z" * 3000000)["message"], "Exception: yyyyyyyyyy")


class Forks(HostTest):
    def fork(self, *more, uses=None):
        ours, theirs = socket.socketpair()
        uses = uses or ["host"] + ["namespace"] * len(more)
        self.line.send({"fork": {"descriptors": uses}}, [theirs.fileno()] + list(more))
        theirs.close()
        self.addCleanup(ours.close)
        return Line(ours)

    def warm(self, text):
        answer = self.hello(self.write(text), forks=True)
        self.assertIs(answer["ready"]["can_fork"], True)

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
        """The host of this line ends, and that is told; then its line is closed."""
        self.assertEqual(line.receive(), {"ended": {"status": None, "signal": None, **how}})
        self.assertIsNone(line.receive())

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
        self.assertEqual(len(processes), 3)
        self.assertEqual(len(self.children()), 3)
        for line in lines:
            self.assertIsNone(line.step("f")["failure"])
            self.assertIsNone(line.step("number")["failure"])
            line.end.shutdown(socket.SHUT_WR)
            self.ends(line, status=0)
        self.assertEqual(len(set(self.written().split("\n")) - {""}), 3)

    def test_each_has_an_end_of_its_own(self):
        self.warm("""
            import atexit
            def at_the_end():
                with open("%s/ended", "a") as file: file.write("ended\\n")
            atexit.register(at_the_end)
            def writes(ctx): ctx["file"] = open("%s/written", "a"); ctx["file"].write("written\\n")
            """ % (self.base, self.base))
        for number in range(2):
            line = self.fork()
            line.scenario(self.directory)
            self.assertIsNone(line.step("writes")["failure"])
            line.end.shutdown(socket.SHUT_WR)
            self.ends(line, status=0)
        self.assertEqual(read(os.path.join(self.base, "ended")), "ended\n" * 2)
        self.assertEqual(read(os.path.join(self.base, "written")), "written\n" * 2)
        self.fork().scenario(self.directory)

    def test_how_a_host_has_ended_is_told(self):
        self.warm("import os, signal\ndef exits(ctx): os._exit(3)\ndef dies(ctx): os.kill(os.getpid(), signal.SIGKILL)\n"
                  "def group(ctx): os.kill(0, signal.SIGKILL)\n")
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
        self.assertIsNone(line.receive())

    def test_output_of_its_own(self):
        self.warm("import sys\ndef f(ctx): print('out'); print('err', file=sys.stderr)\n")
        with tempfile.TemporaryFile() as output:
            line = self.fork(output.fileno(), uses=["host", "output"])
            line.scenario(self.directory)
            self.assertIsNone(line.step("f")["failure"])
            output.seek(0)
            self.assertEqual(sorted(output.read().split()), [b"err", b"out"])

    def test_what_cannot_be(self):
        self.warm("def f(ctx): pass\n")
        with open("/dev/null") as null:
            for uses, what in ((["host", "dance"], "no descriptor is for dance"), (["host"], "fork names 1 descriptors, and 2 came")):
                line = self.fork(null.fileno(), uses=uses)
                self.assertEqual(line.receive(), {"broken": {"message": what}})
                self.assertIsNone(line.receive())
            # That something is no namespace shows in the child.
            line = self.fork(null.fileno())
            self.assertIn("cannot enter", line.receive()["broken"]["message"])
            self.assertIsNone(line.receive())
        self.fork().scenario(self.directory)

    def test_several_may_ask_at_once(self):
        self.warm("def f(ctx): pass\n")
        self.process.send_signal(signal.SIGSTOP)
        lines = [self.fork() for _ in range(20)]
        self.process.send_signal(signal.SIGCONT)
        self.assertEqual(len({line.scenario(self.directory) for line in lines}), 20)

    #: Files with effects outside of the process that loads them, and what must not be there afterwards.
    EFFECTS = (
        "open('FILE', 'w').close()", "os.open('FILE', os.O_CREAT)", "os.mkdir('FILE')", "os.makedirs('FILE', exist_ok=True)",
        "tempfile.mkdtemp(dir='BASE')", "tempfile.TemporaryFile()", "os.symlink('x', 'FILE')", "os.system('touch FILE')",
        "subprocess.Popen(['touch', 'FILE'])", "subprocess.Popen(['sh', '-c', 'touch FILE'], start_new_session=True); raise OSError",
        "os.posix_spawn('/usr/bin/touch', ['touch', 'FILE'], {})", "if not os.fork(): os._exit(0)", "sqlite3.connect('FILE')",
        "logging.FileHandler('FILE')", "shutil.copy(__file__, 'FILE')", "pathlib.Path('FILE').touch()", "os.kill(os.getppid(), 0)",
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "threading.Timer(60, print).start()",
        "S = socket.create_server(('127.0.0.1', 0))", "socket.create_server(('127.0.0.1', 8080))", "socket.socketpair()[0].detach()",
        "socket.create_connection(('127.0.0.1', 1))", "socket.gethostbyname('localhost')", "LOOP = asyncio.new_event_loop()",
        "F = open('/dev/null')", "F = os.fdopen(os.dup(2), 'w')", "os.dup2(os.open('/dev/null', os.O_RDONLY), 0)", "os.close(0)",
        "V = multiprocessing.Value('i', 0)", "M = mmap.mmap(-1, 4096)", "signal.alarm(60)", "signal.setitimer(signal.ITIMER_VIRTUAL, 60)",
        "random.seed(42)", "from random import seed; seed(1)", "random.setstate(random.getstate())", "R = random.Random(); R.random()",
        "\ntry: open('FILE', 'w')\nexcept BaseException: pass", "raise ValueError", "sys.exit(0)", "os._exit(0)",
    )
    IMPORTS = """
import asyncio, logging, mmap, multiprocessing, os, pathlib, random, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading
import time
"""

    def test_files_with_effects_are_not_for_copies(self):
        for effect in self.EFFECTS:
            with self.subTest(effect):
                file = os.path.join(self.base, "effect")
                effect = effect.replace("FILE", file).replace("BASE", self.base)
                before = set(os.listdir(self.base)) | {"steps.py"}
                self.assertIsNone(self.hello(self.write(self.IMPORTS + effect), forks=True))
                self.assertEqual(self.process.wait(LIMIT), 0)
                self.assertEqual(self.children(), [])
                self.assertEqual(set(os.listdir(self.base)) - before - {"__pycache__"}, set())
                self.line.end.close()

    def test_files_without_effects_are(self):
        with open(os.path.join(self.base, "beside.py"), "w") as file:
            file.write("x = 5\n")
        for harmless in ("", "import beside", "open('/dev/null').close()", "print('loaded')", "random.random()", "os.environ['X'] = 'y'",
                         "os.chdir('/')", "open(os.devnull, 'w').close()", "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.close()",
                         "sqlite3.connect(':memory:')", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "os.umask(0o77)",
                         "random.SystemRandom().random()", "logging.basicConfig()", "logging.warning('loaded')"):
            with self.subTest(harmless):
                self.warm(self.IMPORTS + harmless + "\ndef f(ctx): pass\n")
                line = self.fork()
                line.scenario(self.directory)
                self.assertIsNone(line.step("f")["failure"])
                self.end()
                self.line.end.close()

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
        self.assertIsNone(line.step("f")["failure"])

    @unittest.skipUnless(hasattr(os, "pidfd_open"), "this Python cannot hold processes")
    def test_children_of_children_are_reaped(self):
        self.warm("def f(ctx): pass\n")
        line = self.fork()
        new = line.scenario(self.directory)
        pidfd = os.pidfd_open(new)
        self.addCleanup(os.close, pidfd)
        between, = self.children()
        os.kill(between, signal.SIGKILL)
        self.assertIsNone(line.receive())
        # Of a zombie the kernel still has a number; of what is reaped it has none.
        while True:
            try:
                signal.pidfd_send_signal(pidfd, 0)
            except ProcessLookupError:
                break
            self.fork().scenario(self.directory)

    def test_handlers_for_children_are_the_users(self):
        self.warm("""
            import signal, subprocess
            def f(ctx):
                assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
                assert subprocess.call(["false"]) == 1
            """)
        line = self.fork()
        line.scenario(self.directory)
        self.assertEqual(line.step("f")["failure"], None)

    def stage(self):
        """A process in namespaces of its own, or None."""
        kinds = ["--user", "--map-root-user", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        try:
            process = subprocess.Popen(["unshare"] + kinds + ["sh", "-c", "echo ready; exec sleep 60"], stdout=subprocess.PIPE)
        except OSError:
            return None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
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
            self.skipTest("no namespaces here")
        descriptors = [os.open("/proc/%d/ns/%s" % (first, kind), os.O_RDONLY) for kind in ("user", "net", "uts", "ipc", "pid", "mnt")]
        self.addCleanup(lambda: [os.close(descriptor) for descriptor in descriptors])
        self.warm(self.STEPS)
        line = self.fork(*descriptors)
        names = {name: os.readlink("/proc/%d/ns/%s" % (first, name)) for name in ("user", "mnt")}
        self.assertLess(line.scenario(self.directory), 20)
        self.assertEqual(line.step("f", **names)["failure"], None)
        # The end of the namespaces' first process is the end of the host.
        os.kill(first, signal.SIGKILL)
        self.ends(line, signal=9)


class Check(HostTest):
    def check(self, *files):
        run = subprocess.run([sys.executable, HOST, "--check"] + list(files), stdout=subprocess.PIPE, check=True)
        self.assertEqual(run.stdout.count(b"\n"), 1)
        return json.loads(run.stdout.decode("utf-8"))["files"]

    def test_definitions(self):
        path = self.write("""\
            import os, os.path as p
            from x import y as z, w
            from m import *
            raise Exception("not run")
            def f(ctx, a, b=1, *rest, c, d=2, **others):
                inner = 1
            \u00e9 = 1; (g, [h]) = f, f
            if True:
                @decorator
                async def k(ctx): pass
            else:
                n: int = 3
                o: int
            class C:
                def m(self): pass
            with open(x) as file:
                pass
            for i in []: pass
            """)
        report, = self.check(path)
        self.assertEqual(report["error"], None)
        f, k = report["functions"]
        self.assertEqual(f, {
            "name": "f", "line": 5, "column": 1, "decorated": False, "async": False, "takes_any_positional": True,
            "takes_any_keyword": True, "is_generator": False, "parameters": [
                {"name": "ctx", "default": None, "kind": "any"}, {"name": "a", "default": None, "kind": "any"},
                {"name": "b", "default": "1", "kind": "any"}, {"name": "c", "default": None, "kind": "keyword"},
                {"name": "d", "default": "2", "kind": "keyword"}]})
        self.assertEqual((k["name"], k["line"], k["column"], k["decorated"], k["async"]), ("k", 10, 5, True, True))
        self.assertEqual([name["name"] for name in report["names"]],
                         ["os", "p", "z", "w", "\u00e9", "g", "h", "n", "C", "file", "i"])
        self.assertEqual([name["column"] for name in report["names"]][4:6], [1, 9])
        self.assertEqual(report["star_imports"], ["m"])

    def test_what_cannot_be_carried_out(self):
        report, = self.check(self.write("""\
            def plain(ctx):
                def inner(): yield 1
                return [lambda: (yield 1)]
            def generator(ctx):
                with open("x"):
                    x = yield 1
            async def both(ctx): yield 1
            def other(ctx): yield from both
            number, text = 5, "x"
            a = b = 5
            c: int = 5
            nothing = None
            listed = [1]
            def changes():
                global c
            """))
        self.assertEqual([function["is_generator"] for function in report["functions"]], [False, True, True, True, False])
        self.assertEqual([(name["name"], name["is_constant"]) for name in report["names"]], [
            ("number", False), ("text", False), ("a", True), ("b", True), ("c", True), ("nothing", False), ("listed", False), ("c", False)])

    def test_errors(self):
        bad = self.write("x = 1\ndef f(:\n", "bad.py")
        outside = self.write("return 1\n", "outside.py")
        nul = self.write("x = 1\0\n", "nul.py")
        reports = self.check(bad, outside, nul, "/no/such.py")
        self.assertEqual(reports[0]["error"]["line"], 2)
        self.assertEqual(reports[0]["error"]["column"], 7)
        self.assertIn("outside function", reports[1]["error"]["message"])
        self.assertEqual(reports[2]["error"], {"line": 1, "column": 6, "message": "it has a NUL byte"})
        self.assertEqual(reports[3]["error"]["message"], "No such file or directory")

    def test_encodings(self):
        function, name = b"def f(ctx): pass\n", b"x = 'caf\xe9'\n"
        sources = (b"\xef\xbb\xbf" + function, b"# -*- coding: latin-1 -*-\n" + name + function, b"# x\n# vim: set fileencoding=cp1252 :\n" + name,
                   name, b"x = 1\n" + "y = 'é'; ".encode() + name, b"# coding: latin-1\n" + function.replace(b"\n", b"\r\n"))
        files = [self.write_bytes(source, "%d.py" % number) for number, source in enumerate(sources)]
        reports = self.check(*files)
        self.assertEqual([report["error"] and report["error"]["line"] for report in reports], [None, None, None, 1, 2, None])
        self.assertEqual([report["error"]["column"] for report in reports[3:5]], [9, 18])
        self.assertIn("byte 0xe9 is not UTF-8", reports[3]["error"]["message"])

    def test_warnings(self):
        report, = self.check(self.write("def f(ctx):\n    x = '\\d'\n    assert (ctx, 'never')\n    if ctx is 'a': pass\n"))
        self.assertIsNone(report["error"])
        warnings = [(warning["line"], warning["message"].split(".")[0]) for warning in report["warnings"]]
        literal = "'str'" if sys.version_info >= (3, 12) else "a"
        self.assertEqual(warnings[-2:], [(3, "assertion is always true, perhaps remove parentheses?"), (4, '"is" with %s literal' % literal)])
        # Of escape sequences older versions tell only those who ask for it.
        self.assertEqual(warnings[:-2], [(2, "invalid escape sequence '\\d'")] if sys.version_info >= (3, 12) else [])
        self.assertEqual(self.check(self.write("def f(ctx): pass\n"))[0]["warnings"], [])

    def test_depth(self):
        for text in ("x = " + "-" * 100000 + "1\n", "x" + ".x" * 100000 + "\n"):
            self.assertRegex(self.check(self.write(text))[0]["error"]["message"], "too (deeply|complex)")


if __name__ == "__main__":
    unittest.main()
