"""Commands and daemons: library runcmd, library daemon, and their state."""

import os

from support import CallError, HostTest, b64

#: What a command wrote, as greenroom answers.
RESULT = {"exit": 0, "stdout_base64": b64(b"out \xc3\xa9\n"), "stderr_base64": b64(b"\xff")}


class TestCommands(HostTest):
    def test_run(self):
        self.load("""
            def f(ctx):
                os.environ["NEW"] = "1"
                os.mkdir("d"); os.chdir("d")
                runcmd_run(ctx, ["prog", "a b"], cwd="sub", env={"X": "y"}, stdout=None, shell=False)
                assert runcmd_get_exit_code(ctx) == 0 and runcmd_get_stdout(ctx) == "out \\u00e9\\n"
                assert runcmd_get_stdout_raw(ctx) == b"out \\xc3\\xa9\\n" and runcmd_get_stderr_raw(ctx) == b"\\xff"
                assert runcmd_get_stderr(ctx) == "\\ufffd" and runcmd_get_argv(ctx) == ["prog", "a b"]
                runcmd_exit_code_is_zero(ctx); runcmd_exit_code_is(ctx, exit="0")
                runcmd_exit_code_is_not(ctx, exit="1")
                runcmd_stdout_contains(ctx, text="\\u00e9"); runcmd_stdout_doesnt_contain(ctx, text="x")
                runcmd_stdout_matches_regex(ctx, regex="^o.*$"); runcmd_stdout_doesnt_match_regex(ctx, regex="q")
                runcmd_stdout_is(ctx, text="out \\u00e9\\n"); runcmd_stderr_isnt(ctx, text="x")
                ns = ctx.declare("_runcmd")
                assert ns["stdout"] == "out \\u00e9\\n" and ns["exit"] == 0 and "argv" in ns and ns.get("stdout.raw")
                runcmd_run(ctx, "echo $HOME", shell=True)
            """)
        self.line.answers = {"runcmd_run": lambda **_: dict(RESULT)}
        self.passes("f")
        first, second = self.line.calls
        assert first["environment"] == {"NEW": "1"}
        assert first["arguments"] == {
            "argv": ["prog", "a b"],
            "directory": os.path.join(self.directory, "d", "sub"),
            "environment": {"X": "y"},
        }
        assert second["environment"] == {}
        assert second["arguments"]["argv"] == ["/bin/sh", "-c", "echo $HOME"]

    def test_steps_of_the_library(self):
        self.load("""
            def f(ctx): runcmd_step(ctx, argv0="a*b", args=" 'x y' z")
            def quoted(ctx): runcmd_try_to_run(ctx, argv0='"a', args=' b" c')
            def there(ctx): runcmd_step_in(ctx, dirname="d", argv0="p", args="")
            """)
        self.line.answers = {"runcmd_run": lambda **_: dict(RESULT)}
        for function in ("f", "quoted", "there"):
            self.passes(function)
        assert [call["arguments"]["argv"] for call in self.line.calls] == [["a*b", "x y", "z"], ["a b", "c"], ["p"]]
        assert self.line.calls[2]["arguments"]["directory"] == os.path.join(self.directory, "d")

    def test_failures_say_what_the_command_did(self):
        self.load(
            "def f(ctx): runcmd_step(ctx, argv0='p', args='x')\n"
            "def g(ctx): runcmd_stdout_contains(ctx, text='nothing')\n"
        )
        result = {"exit": 3, "stdout_base64": b64(b"o"), "stderr_base64": b64(b"why\n" * 5000)}
        self.line.answers = {"runcmd_run": lambda **_: result, "runcmd_latest": lambda: dict(result, argv=["p", "x y"])}
        failure = self.fails("f")
        assert failure["message"] == "exit code of the command is not what was expected"
        assert failure["comparison"]["actual"] == "3"
        assert failure["notes"] == ["the command was `p x`, and its exit code 3"]
        assert [output["of"] for output in failure["output"]] == ["stdout of the command", "stderr of the command"]
        assert failure["output"][1]["omitted"] == 20000 - 8192
        failure = self.fails("g")
        assert failure["message"] == "stdout of the command does not contain what was expected"
        assert failure["notes"] == ["the command was `p 'x y'`, and its exit code 3"]
        assert [output["of"] for output in failure["output"]] == ["stderr of the command"]

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
        self.line.answers = {
            "runcmd_latest": lambda: dict(RESULT, argv=["x"], exit=next(codes)),
            "runcmd_settings": dict,
        }
        for function in ("f", "f", "g"):
            self.passes(function)
        self.line.answers["runcmd_latest"] = lambda: None
        assert self.fails("none")["message"] == "KeyError: 'stdout'"

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
            raise CallError({"message": "program not found: nosuch", "notes": ["PATH is /bin"], "kind": kinds.pop(0)})

        self.line.answers = {"runcmd_run": run}
        failure = self.fails("f")
        assert failure["message"] == "program not found: nosuch"
        assert failure["notes"] == ["PATH is /bin"]
        assert 'runcmd_run(ctx, ["nosuch"])' in failure["trace"]

    def test_settings(self):
        settings = {"path_prefix": ["/a"], "stdin_file": None, "stdin_text": None}
        self.load("""
            def f(ctx):
                runcmd_prepend_to_path(ctx, dirname="/b"); runcmd_prepend_to_path(ctx, "/c")
                runcmd_helper_srcdir_path(ctx)
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
        self.line.answers = {
            "runcmd_settings": lambda: settings,
            "runcmd_set": lambda **new: settings.update(new),
            "runcmd_latest": lambda: None,
            "runcmd_run": lambda **_: dict(RESULT),
        }
        self.passes("f")
        assert settings == {"path_prefix": ["/x", "/y"], "stdin_file": "file", "stdin_text": "in"}
        self.passes("env")
        assert self.line.calls[-1]["environment"] == {"A": "1"}
        assert self.line.calls[-1]["arguments"]["environment"] == {"B": None, "C": "3"}

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
        assert told == {"argv": [], "exit": 4, "stdout_base64": b64(b"\xc3\xa9"), "stderr_base64": b64(b"e")}

    def test_what_a_call_cannot_say_runs_here(self):
        told = {}
        self.load("""
            def f(ctx):
                script = "cat; echo $X; umask; exit 3"
                runcmd_run(ctx, ["sh", "-c", script], env={"X": "y"}, preexec_fn=lambda: os.umask(0o77))
                assert runcmd_get_exit_code(ctx) == 3, runcmd_get_stderr(ctx)
                assert runcmd_get_stdout(ctx) == "iny\\n0077\\n"
            def g(ctx): runcmd_run(ctx, [b"/bin/echo", b"\\xff"]); assert runcmd_get_stdout_raw(ctx) == b"\\xff\\n"
            """)
        self.line.answers = {
            "runcmd_settings": lambda: {"path_prefix": [], "stdin_text": "in"},
            "runcmd_set_latest": lambda **new: told.update(new),
        }
        self.passes("f")
        assert (told["exit"], told["stdout_base64"]) == (3, b64(b"iny\n0077\n"))
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
                assert web["pid"] == 17 and web["stdout"] == out and web["pid-file"] == "web.pid"
                assert open(web["stdout"], "rb")
                assert daemon_get_stdout(ctx, "web") == "hello \\ufffd" and daemon_get_stderr(ctx, name="web")
                daemon_stdout_contains(ctx, name="web", text="hello")
                daemon_stdout_doesnt_contain(ctx, name="web", text="x")
                daemon_has_produced_output(ctx, name="web"); daemon_no_such_process(ctx, args="x")
                daemon_stop(ctx, name="web")
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
            "daemons": lambda: [
                {"name": "web", "pid": 17, "running": True, "stdout": out, "stderr": out, "pid_file": None}
            ],
        }
        self.passes("f", out=out)
        assert steps == [
            ("daemon_start", {"path": "./p", "args": " x", "name": "web", "port": "80", "env": '{"A": "b"}'}),
            ("daemon_stdout_contains", {"name": "web", "text": "hello"}),
            ("daemon_stdout_lacks", {"name": "web", "text": "x"}),
            ("daemon_has_output", {"name": "web"}),
            ("daemon_no_process", {"args": "x"}),
            ("daemon_stop", {"name": "web"}),
        ]

        def refuse(**_):
            raise CallError(
                {"message": "nothing listens on port 80", "notes": ["n"], "output": [{"of": "stderr of daemon web"}]}
            )

        self.line.answers["step"] = refuse
        failure = self.fails("refused")
        assert failure["message"] == "nothing listens on port 80"
        assert failure["output"] == [{"of": "stderr of daemon web"}]
        assert self.fails("unknown")["message"] == "KeyError: 'other'"
        assert self.fails("nothing")["message"].startswith("ConnectionRefusedError: no connection to port 1")
