"""The program behind `--check`."""

import re
import sys

from support import HostTest, check


class TestCheck(HostTest):
    def check(self, *files):
        return check(*files)["files"]

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
        (report,) = self.check(path)
        assert report["error"] is None
        f, k = report["functions"]
        assert f == {
            "name": "f",
            "line": 5,
            "column": 1,
            "decorated": False,
            "async": False,
            "takes_any_positional": True,
            "takes_any_keyword": True,
            "never_runs": False,
            "parameters": [
                {"name": "ctx", "default": None, "kind": "any"},
                {"name": "a", "default": None, "kind": "any"},
                {"name": "b", "default": "1", "kind": "any"},
                {"name": "c", "default": None, "kind": "keyword"},
                {"name": "d", "default": "2", "kind": "keyword"},
            ],
        }
        assert (k["name"], k["line"], k["column"], k["decorated"], k["async"]) == ("k", 10, 5, True, True)
        assert [name["name"] for name in report["names"]] == ["os", "p", "z", "w", "é", "g", "h", "n", "C", "file", "i"]
        assert [name["column"] for name in report["names"]][4:6] == [1, 9]
        assert report["star_imports"] == ["m"]

    def test_what_cannot_be_carried_out(self):
        (report,) = self.check(
            self.write("""\
            def plain(ctx):
                def inner(): yield 1
                return [lambda: (yield 1)]
            def generator(ctx):
                with open("x"):
                    x = yield 1
            async def both(ctx): yield 1
            def other(ctx): yield from both
            @contextlib.contextmanager
            def manager(ctx): yield
            @asynccontextmanager
            async def async_manager(ctx): yield
            @decorator
            def decorated(ctx): yield
            number, text = 5, "x"
            a = b = 5
            c: int = 5
            nothing = None
            listed = [1]
            def changes():
                global c
            """)
        )
        assert [function["name"] for function in report["functions"] if function["never_runs"]] == [
            "generator",
            "both",
            "other",
            "manager",
            "async_manager",
        ]
        assert [(name["name"], name["is_constant"]) for name in report["names"]] == [
            ("number", False),
            ("text", False),
            ("a", True),
            ("b", True),
            ("c", True),
            ("nothing", False),
            ("listed", False),
            ("c", False),
        ]

    def test_errors(self):
        bad = self.write("x = 1\ndef f(:\n", "bad.py")
        outside = self.write("return 1\n", "outside.py")
        nul = self.write("x = 1\0\n", "nul.py")
        reports = self.check(bad, outside, nul, "/no/such.py")
        assert reports[0]["error"]["line"] == 2
        assert reports[0]["error"]["column"] == 7
        assert "outside function" in reports[1]["error"]["message"]
        assert reports[2]["error"] == {"line": 1, "column": 6, "message": "the source contains a NUL byte"}
        assert reports[3]["error"]["message"] == "No such file or directory"

    def test_encodings(self):
        function, name = b"def f(ctx): pass\n", b"x = 'caf\xe9'\n"
        sources = (
            b"\xef\xbb\xbf" + function,
            b"# -*- coding: latin-1 -*-\n" + name + function,
            b"# x\n# vim: set fileencoding=cp1252 :\n" + name,
            name,
            b"x = 1\n" + "y = 'é'; ".encode() + name,
            b"# coding: latin-1\n" + function.replace(b"\n", b"\r\n"),
        )
        files = [self.write_bytes(source, "%d.py" % number) for number, source in enumerate(sources)]
        reports = self.check(*files)
        assert [report["error"] and report["error"]["line"] for report in reports] == [None, None, None, 1, 2, None]
        assert [report["error"]["column"] for report in reports[3:5]] == [9, 18]
        assert "byte 0xe9 is not UTF-8" in reports[3]["error"]["message"]

    def test_warnings(self):
        (report,) = self.check(
            self.write("def f(ctx):\n    x = '\\d'\n    assert (ctx, 'never')\n    if ctx is 'a': pass\n")
        )
        assert report["error"] is None
        warnings = [(warning["line"], warning["message"].split(".")[0]) for warning in report["warnings"]]
        literal = "'str'" if sys.version_info >= (3, 12) else "a"
        assert warnings[-2:] == [
            (3, "assertion is always true, perhaps remove parentheses?"),
            (4, '"is" with %s literal' % literal),
        ]
        # Of escape sequences older versions tell only those who ask for it.
        assert warnings[:-2] == ([(2, "invalid escape sequence '\\d'")] if sys.version_info >= (3, 12) else [])
        assert self.check(self.write("def f(ctx): pass\n"))[0]["warnings"] == []

    def test_depth(self):
        for text in ("x = " + "-" * 100000 + "1\n", "x" + ".x" * 100000 + "\n"):
            assert re.search("too (deeply|complex)", self.check(self.write(text))[0]["error"]["message"])
