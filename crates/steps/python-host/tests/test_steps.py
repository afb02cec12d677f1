"""Steps: captures, the environment, `ctx`, checks, and library files."""

import os

from support import CallError, HostTest, b64


class TestSteps(HostTest):
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
        self.load(
            "import os.path\nclass C:\n    @staticmethod\n    def m(ctx): pass\nx = 3\n"
            "async def a(ctx): raise OSError('a')\n"
            "def g(ctx):\n    yield\n"
        )
        self.passes("C.m")
        assert self.fails("x")["message"] == "x is not a function, but 3"
        assert self.fails("y.z")["message"] == "the step files define no function y.z"
        assert self.fails("a")["message"] == "OSError: a"
        assert "yield" in self.fails("g")["message"]

    def test_functions_whose_call_runs_nothing_fail(self):
        self.load("""
            import contextlib, functools
            def generator(ctx):
                yield
            async def async_generator(ctx):
                assert False
                yield
            manager = contextlib.contextmanager(generator)
            async_manager = contextlib.asynccontextmanager(async_generator)
            partial = functools.partial(async_generator)
            async def coroutine(ctx):
                return manager(ctx)
            def lazy(ctx):
                return map(int, "x")
            def without_parentheses(ctx):
                return lambda: int("x")
            """)
        for name in "generator", "async_generator", "manager", "async_manager", "partial", "coroutine":
            failure = self.fails(name)
            assert failure["message"] == "%s contains `yield`: calling it runs nothing" % name
            assert failure["help"] == [
                "move what follows `yield` to another function, and name it as `cleanup:` of the binding"
            ]
        message = self.fails("lazy", keyword="then")["message"]
        assert message == "TypeError: lazy returned a map, and nothing of it has run"
        assert "returned a function" in self.fails("without_parentheses", keyword="then")["message"]
        # Outside checks they may be meant for other functions.
        self.passes("lazy")
        self.passes("without_parentheses")

    def test_what_a_function_returns_to_be_awaited_runs(self):
        self.load("""
            import asyncio, threading
            async def fails():
                await asyncio.sleep(0)
                raise OSError("here")
            class Awaitable:
                def __await__(self):
                    return (yield from fails().__await__())
            def awaitable(ctx):
                return Awaitable()
            async def coroutine(ctx):
                return fails()
            def task(ctx):
                return asyncio.new_event_loop().create_task(fails())
            def done(ctx):
                loop = asyncio.new_event_loop()
                task = loop.create_task(fails())
                loop.run_until_complete(asyncio.wait([task]))
                return task
            def in_thread(ctx):
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, daemon=True).start()
                async def start():
                    return loop.create_task(fails())
                return asyncio.run_coroutine_threadsafe(start(), loop).result()
            async def says_false(ctx):
                async def check():
                    return False
                return check()
            """)
        for name in "awaitable", "coroutine", "task", "done", "in_thread":
            assert self.fails(name)["message"] == "OSError: here", name
        assert self.fails("says_false", keyword="then")["message"] == "says_false returned False"

    def test_a_failed_assertion_of_a_thread_fails_the_step(self):
        self.load("""
            import threading
            def check(n):
                assert n == 1
            def run(target, *arguments):
                thread = threading.Thread(target=target, args=arguments, name="checks")
                thread.start()
                thread.join()
            def both(ctx):
                run(check, 1)
                run(check, 2)
            def one(ctx):
                run(check, 1)
            def other(ctx):
                run(int, "x")
            """)
        failure = self.fails("both")
        assert failure["message"] == "AssertionError: assert n == 1"
        assert failure["notes"] == ["n = 2", "it failed in thread checks"]
        assert "check" in failure["trace"]
        self.passes("one")
        # Other exceptions of threads may be meant: they are printed only.
        self.passes("other")

    def test_a_thread_that_fails_between_steps_is_reported_without_a_function(self):
        self.load("""
            import os, threading
            def hook(arguments):
                os.close(os.open("failed", os.O_WRONLY))
            threading.excepthook = hook
            def starts(ctx):
                def late():
                    os.close(os.open("go", os.O_RDONLY))
                    assert ctx is None
                threading.Thread(target=late, name="late").start()
            """)
        go, failed = (os.path.join(self.directory, name) for name in ("go", "failed"))
        os.mkfifo(go)
        os.mkfifo(failed)
        self.passes("starts")
        self.passes("(none)", kind="cleanup")
        with open(go, "w"), open(failed):
            pass
        failure = self.fails("(none)", kind="cleanup")
        assert failure["message"] == "AssertionError: assert ctx is None"
        assert failure["notes"][-1] == "it failed in thread late"
        self.passes("(none)", kind="cleanup")

    def test_the_frame(self):
        self.load(
            """
            import os, tempfile
            def f(ctx, where=None, base=None):
                assert os.getcwd() == where == os.environ["HOME"] == os.path.expanduser("~")
                assert tempfile.mkdtemp().startswith(where)
                assert "GREENROOM_HOST" not in os.environ and "GONE" not in os.environ
                assert srcdir == base and globals()["srcdir"] == base and _datadir == base
                assert os.read(0, 1) == b""
            """,
            HOME=self.directory,
            TMPDIR=self.directory,
            GONE=None,
        )
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
        assert done["failure"] is None
        assert done["environment"] == {"A": "1", "B": "2", "NATIVE": None}
        assert self.passes("again")["environment"] == {"B": "3"}
        assert self.passes("replaced")["environment"]["A"] == "9"

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
            def environment(ctx):
                environ = mock.Mock(pop=mock.Mock(side_effect=RuntimeError("x")))
                mock.patch("os.environ", environ).start()
            def gone(ctx):
                import os
                os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
                mock.patch("os.path.exists", side_effect=RuntimeError("x")).start()
            def stop(ctx): mock.patch.stopall()
            """)
        for name in (
            "getcwd",
            "getpid",
            "readlink",
            "chdir",
            "listdir",
            "fstat",
            "waitpid",
            "environ.items",
            "path.exists",
        ):
            for directory in (None, self.directory):
                assert self.line.step("start", name=name)["failure"] is None
                done = self.line.ask({"step": {"function": "stop", "captures": {}, "directory": directory}})["done"]
                assert done == {"failure": None, "environment": {}, "directory": self.directory}
        assert self.passes("value")["directory"] == self.directory
        self.passes("stop")
        self.passes("environment")
        assert self.line.step("stop", environment={"A": None})["failure"]["message"] == "RuntimeError: x"
        self.passes("stop")
        assert self.passes("gone")["directory"] is None

    def test_each_scenario_has_its_own_context_and_environment(self):
        self.load("""
            import os
            def first(ctx): ctx["x"] = 1; os.environ["LEAK"] = "1"; os.environ.pop("PATH")
            def second(ctx): assert "x" not in ctx and "LEAK" not in os.environ and os.environ["PATH"]
            """)
        self.passes("first")
        self.line.scenario(self.directory)
        self.passes("second")

    def test_the_working_directory_is_reported(self):
        below = os.path.join(self.directory, "d")
        self.load("""
            import os
            def f(ctx): os.mkdir("d"); os.chdir("d"); get_file("x")
            def g(ctx): os.rmdir("../d")
            def h(ctx): open("x")
            def is_in(ctx, where=None): assert os.getcwd() == where and os.environ["HOME"] != where
            """)
        self.line.answers = {"file": lambda name: {"content_base64": ""}}
        assert self.passes("f")["directory"] == below
        assert self.line.calls[0]["directory"] == below
        # One that is gone goes on having its name.
        assert self.passes("g")["directory"] == below
        failure = self.fails("h")
        assert failure["notes"] == ["the working directory %s no longer exists" % below]

    def test_the_working_directory_may_be_given(self):
        self.load("import os\ndef is_in(ctx, where=None): assert os.getcwd() == where\n")
        os.mkdir(os.path.join(self.directory, "e"))
        step = {
            "function": "is_in",
            "captures": {"where": os.path.join(self.directory, "e")},
            "directory": self.directory + "/e",
        }
        assert self.line.ask({"step": step})["done"]["failure"] is None
        step.update(directory=self.directory + "/nosuch")
        assert "No such file" in self.line.ask({"step": step})["done"]["failure"]["message"]

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
                again = lambda: ctx.remember_value("foo", "x")
                for call in (again, lambda: ctx.recall_value("none"), lambda: ctx.expand_values("${}")):
                    try:
                        call()
                    except KeyError:
                        continue
                    assert False
                ctx["again"] = again
                assert ctx.recall_value("foo") == "bar" and ctx.recall_value("port") == "8080"
                assert ctx.recall_value("n") == 17
                assert ctx.expand_values("a ${foo}${port} b ${n}") == "a bar8080 b 17"
                assert ctx.expand_values("$${foo}") == "$${foo}" and ctx.expand_values("foo") == "foo"
            def again(ctx):
                ctx["again"]()
            """)
        self.line.answers = {
            "remember": lambda name, value: kept.update({name: value}),
            "recall": lambda name: kept.get(name),
        }
        self.passes("f")
        assert kept == {"port": "8080", "foo": "bar"}
        assert self.fails("again")["message"] == "a value is already kept as foo"

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
        assert self.fails("eq")["message"] == "AssertionError: expected 'a' == 'b'"
        assert self.fails("ne")["message"] == "AssertionError: expected 1 != 1"
        assert self.fails("deep")["message"] == "AssertionError: expected 2 == 3 at ['a'][1]['b']"
        assert "'a' in both dicts" in self.fails("missing")["message"]
        assert "1 == True at ['a']" in self.fails("types")["message"]
        assert "{} == OrderedDict() at ['a']: the types" in self.fails("kinds")["message"].replace(
            "OrderedDict({})", "OrderedDict()"
        )
        comparison = self.fails("long")["comparison"]
        assert (comparison["expected"][-4:], comparison["actual"][-4:]) == ("x\nx\n", "x\ny\n")
        assert comparison["unordered"]

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
            raise CallError({"message": "the document has no embedded file " + name, "help": ["it has Data.TXT"]})

        self.line.answers = {"file": file}
        self.passes("f")
        assert [call["arguments"] for call in self.line.calls] == [{"name": "Data.TXT"}]
        failure = self.fails("missing")
        assert failure["message"] == "the document has no embedded file none"
        assert failure["help"] == ["it has Data.TXT"]
        assert 'get_file("none")' in failure["trace"]
        self.passes("caught")

    def test_library_files(self):
        self.load("""
            def f(ctx):
                files_create_from_text(ctx, filename="d/e/x", text="h\\u00e9\\n")
                files_file_exists(ctx, filename="d/e/x"); files_directory_exists(ctx, path="d/e")
                files_file_contains(ctx, filename="d/e/x", data="\\u00e9")
                files_file_doesnt_contain(ctx, filename="d/e/x", data="z")
                files_file_matches_regex(ctx, filename="d/e/x", regex="^h.$")
                files_create_executable_from_embedded_with_other_name(ctx, filename_on_disk="d/y", embedded_file="e")
                assert os.access("d/y", os.X_OK)
                files_create_from_embedded(ctx, embedded_file="e"); files_match(ctx, filename1="e", filename2="d/y")
                file_and_embedded_file_match(ctx, filename="e", embedded="e")
                files_do_not_match(ctx, filename1="e", filename2="d/e/x")
                files_only_these_exist(ctx, filenames="d, e")
                files_touch(ctx, filename="t"); files_mtime_is_recent(ctx, filename="t")
                files_touch_with_timestamp(ctx, filename="t", mtime="1970-01-02 03:04:05")
                files_mtime_is_ancient(ctx, filename="t")
                assert os.stat("t").st_mtime == 97445
                files_remove_file(ctx, filename="t"); files_file_does_not_exist(ctx, filename="t")
                files_make_directory(ctx, path="n"); files_make_directory(ctx, path="n")
                files_directory_is_empty(ctx, path="n")
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
        assert self.fails("missing")["message"] == "file nosuch does not exist"
        contains = self.fails("contains")
        assert contains["message"] == "file e does not contain what was expected"
        assert contains["comparison"] == {
            "what": "file e",
            "relation": "contains",
            "expected": "something else",
            "actual": "content\n",
        }
        assert self.fails("differ")["message"] == "embedded file e and file abs differ"

    def test_remembered_metadata_is_the_engines(self):
        self.load("def f(ctx): files_remember_metadata(ctx, filename='x')\n")
        self.line.answers = {"step": lambda function, captures: None}
        self.passes("f")
        assert self.line.calls[0]["arguments"] == {"function": "files_remember_metadata", "captures": {"filename": "x"}}
