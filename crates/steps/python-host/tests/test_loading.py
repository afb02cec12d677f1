"""Loading step files: one namespace, libraries, modules, errors."""

import os
import subprocess
import sys

from support import LIMIT, HostTest, b64, check


class TestLoading(HostTest):
    def test_says_what_it_is(self):
        answer = self.hello(self.write("def f(ctx): pass\n"))
        version = "python %d.%d.%d" % sys.version_info[:3]
        assert answer == {"ready": {"protocol": 2, "name": version, "can_fork": False}}

    def test_replies_repeat_the_number_of_their_request(self):
        self.load("def f(ctx): remember_value(ctx, 'a', 'b')\ndef remember_value(ctx, name, value): pass\n")
        for kind, number in (("step", "one"), ("cleanup", "two"), ("step", None)):
            content = {"function": "f", "captures": {}, "kind": "given", "text": "text", "request": number}
            assert self.line.ask({kind: content})["done"].get("request") == number

    def test_content_in_the_message_counts_and_not_that_of_the_file(self):
        file = self.write("def f(ctx): raise Exception('changed')\n")
        content = {"content_base64": b64(b"# coding: latin-1\ndef f(ctx): assert '\xe9' == chr(233)\n")}
        hello = {"protocols": [1, 2], "files": [file], "contents": {file: content}, "source_directory": self.base}
        assert "ready" in self.start().ask({"hello": hello})
        self.line.scenario(self.directory)
        self.passes("f")

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

    def test_assertions_stay_in_an_interpreter_that_optimizes(self):
        beside = self.write("def check(ctx): assert ctx is None\n", "asserting.py")
        file = self.write("""
            import asserting, os
            def own(ctx): assert False
            imported = asserting.check
            def variable(ctx): assert os.environ.get("PYTHONOPTIMIZE") == "2"
            """)
        for options, variable in ((), "1"), ((), "2"), (("-O",), ""), (("-OO",), "2"):
            # An optimized cache file must not be used, whoever has written it.
            subprocess.check_call([sys.executable, "-O", "-c", "import asserting"], cwd=self.base)
            environment = {"PYTHONOPTIMIZE": variable, "PYTHONDONTWRITEBYTECODE": ""}
            assert "ready" in self.hello(file, options=options, environment=environment)
            self.line.scenario(self.directory)
            assert self.fails("own")["message"] == "AssertionError: assert False"
            assert self.fails("imported")["message"] == "AssertionError: assert ctx is None"
        assert os.path.exists(beside)
        # Programs that steps start get what the user has set.
        self.passes("variable")

    def test_features_of_the_first_file_are_those_of_all(self):
        future, uses = "from __future__ import annotations\n", "def f(ctx, x: nosuch = None): pass\n"
        self.load(future, uses)
        self.passes("f")
        self.load("x = 1\n", future + uses)
        assert (
            "nosuch"
            in self.hello(self.write("x = 1\n"), self.write(future, "2.py"), self.write(uses, "3.py"))["broken"][
                "message"
            ]
        )

    def test_modules_beside_a_file(self):
        os.mkdir(os.path.join(self.base, "sub"))
        self.write("X = 5\n", "sub/beside.py")
        # What is installed is found before.
        self.write("raise Exception('not this one')\n", "sub/base64.py")
        path = self.write("import base64, beside\ndef f(ctx): assert beside.X == 5\n", "sub/own.py")
        assert "ready" in self.hello(path)
        path = self.write("from . import beside\n", "sub/relative.py")
        assert "belong to no package" in self.hello(path)["broken"]["help"][0]

    def test_the_end_of_a_program_while_loading(self):
        failure = self.hello(self.write("import sys\nsys.exit(3)\n"))["broken"]
        assert failure["message"] == "SystemExit: 3"
        assert "none of them may end the program" in failure["notes"][0]

    def test_lines_are_those_of_the_interpreter(self):
        for source in (
            b"\xef\xbb\xbfX = 1\n\x0c\n\x1c = 0\n",
            b"# coding: latin-1\nX = '\xe9\x85'\n# \x0b\n",
            b"# x\r\n#\x0c\r\n#\r\n",
            "# \u2028\n#\n#\n".encode(),
        ):
            source = source.replace(b"\x1c = 0", b"# \x1c")
            end = b"\r\n" if b"\r" in source else b"\n"
            path = self.write_bytes(
                source
                + end.join(
                    (
                        b"def f(ctx):",
                        b"    y = '\xe9'" if b"coding" in source else b"    y = 2",
                        b"    assert y == 3",
                        b"",
                    )
                )
            )
            assert "ready" in self.hello(path)
            self.line.scenario(self.directory)
            failure = self.fails("f")
            assert failure["message"] == "AssertionError: assert y == 3"
            assert failure["notes"] == ["y = 'é'" if b"coding" in source else "y = 2"]
            assert "line 6, in f\n    assert y == 3" in failure["trace"]

    def test_the_place_of_a_library_among_the_files_counts(self):
        own = "def files_match(ctx, a=None): assert False\ndef runcmd_step(ctx, argv0=None): assert argv0 == 'own'\n"
        self.load("lib/runcmd.py", own, "lib/files.py")
        self.fails("files_match", a="x")
        assert "unexpected keyword" in self.fails("files_match", a="x")["message"]
        self.passes("runcmd_step", argv0="own")

    def test_modules_of_the_generated_program_need_no_import(self):
        names = (
            "argparse base64 logging os random re shutil sys tarfile tempfile json time shlex subprocess signal socket"
        )
        body = "; ".join(name + ".__name__" for name in names.split())
        self.load("def f(ctx): %s; datetime.strptime\n" % body)
        self.passes("f")

    def test_all_functions_of_the_libraries_are_there(self):
        report = check()
        expected = """
            Context NameSpace assert_eq assert_ne assert_dict_eq decode_bytes decode_str get_file store_file
            log_value log_lines
            indent is_multiline_string srcdir
            files_relative files_create_from_embedded files_create_from_embedded_with_other_name
            files_create_executable_from_embedded files_create_executable_from_embedded_with_other_name
            files_create_from_text
            files_remove_file files_make_directory files_remove_directory files_remove_empty_directory files_file_exists
            files_file_does_not_exist files_directory_exists files_directory_does_not_exist files_directory_is_empty
            files_directory_is_not_empty files_only_these_exist files_file_contains files_file_doesnt_contain
            files_file_matches_regex files_match files_do_not_match file_and_embedded_file_match
            file_and_embedded_file_do_not_match files_touch_with_timestamp files_touch files_mtime_is_recent
            files_mtime_is_ancient files_remember_metadata files_has_remembered_metadata files_has_different_metadata
            runcmd_get_exit_code runcmd_get_stdout runcmd_get_stdout_raw runcmd_get_stderr
            runcmd_get_stderr_raw runcmd_get_argv
            runcmd_run runcmd_helper_srcdir_path runcmd_helper_script runcmd_stdin_from_file runcmd_stdin_is
            runcmd_prepend_to_path runcmd_step runcmd_step_in runcmd_try_to_run runcmd_try_to_run_in
            runcmd_exit_code_is_zero
            runcmd_exit_code_is runcmd_exit_code_is_nonzero runcmd_exit_code_is_not runcmd_stdout_is runcmd_stdout_isnt
            runcmd_stderr_is runcmd_stderr_isnt runcmd_stdout_contains runcmd_stdout_doesnt_contain
            runcmd_stderr_contains
            runcmd_stderr_doesnt_contain runcmd_stdout_matches_regex runcmd_stdout_doesnt_match_regex
            runcmd_stderr_matches_regex runcmd_stderr_doesnt_match_regex runcmd_set_environment_variable
            runcmd_unset_environment_variable
            daemon_start_on_port daemon_wait_for_port daemon_stop daemon_no_such_process daemon_process_exists
            daemon_start_fails_with daemon_start_succeeds daemon_get_stdout daemon_get_stderr daemon_has_produced_output
            daemon_stdout_is daemon_stdout_contains daemon_stdout_doesnt_contain daemon_stderr_is daemon_start
            _daemon_shell_script _daemon_start _daemon_start_soonish _daemon_stop_soonish
        """.split()
        assert set(expected) - set(report["provided"]) == set()

    def test_a_syntax_error_breaks_the_host(self):
        broken = self.hello(self.write("x = 1\ndef f(:\n    pass\n"))["broken"]
        assert broken["message"].startswith("SyntaxError: "), broken
        assert 'steps.py", line 2\n    def f(:\n' in broken["trace"]
        assert self.line.receive() is None
        assert self.process.wait(LIMIT) == 0

    def test_an_error_while_loading_breaks_the_host(self):
        for text, message in [
            ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
            ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
            ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ]:
            broken = self.hello(self.write(text))["broken"]
            assert broken["message"] == message
            assert text.splitlines()[-1] in broken["trace"]
            assert "greenroom" not in broken["trace"]
        assert "No such file" in self.hello("/no/such.py")["broken"]["message"]

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
            assert broken.get("help") == (expected and [expected])

    def test_a_file_of_the_scenario_is_not_imported_by_accident(self):
        self.load("def f(ctx):\n    import calendar\n    assert 'scenario' not in calendar.__file__\n")
        for name in ("calendar", "shlex", "difflib"):
            with open(os.path.join(self.directory, name + ".py"), "w") as file:
                file.write("raise Exception('this one')\n")
        self.passes("f")
        assert self.fails("ff")["help"] == ["did you mean `f`?"]

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
        assert self.line.ask({"cleanup": {"function": "f", "new": 1}})["done"]["failure"] is None
        assert self.line.ask({"dance": {}}) == {"broken": {"message": "unknown message: dance"}}
        assert self.line.receive() is None

    def test_a_broken_message(self):
        self.load("def f(ctx): pass\n")
        self.line.end.sendall(b"{]\n")
        assert "cannot read a message" in self.line.receive()["broken"]["message"]
