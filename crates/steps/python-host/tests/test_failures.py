"""What failures say: messages, values, differences, and stack traces."""

import os
import re
import textwrap

from support import HostTest


class TestFailures(HostTest):
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
        assert failure["message"] == "ValueError: bad"
        assert failure["notes"] == ["second line"]
        assert failure["trace"].splitlines()[-2:] == [
            '  File "%s", line 3, in inner' % path,
            '    raise ValueError("bad\\nsecond line")',
        ]
        assert "greenroom" not in failure["trace"]

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
        assert failure["message"] == 'AssertionError: assert len(items) == ctx["count"] and name in items, ""'
        assert set(failure["notes"]) == {
            "items = [1, 'two', <greenroom_steps.Hostile>]",
            'ctx["count"] = 3',
            "name = 'three'",
        }
        failure = self.fails("g")
        assert failure["message"] == 'AssertionError: assert ( left["a"] == right["a"] )'
        assert failure["notes"] == ['left["a"] = 1', 'right["a"] = 2']
        assert "(and 4840 more)" in self.fails("long")["notes"][0]

    def test_a_check_that_returns_false_fails(self):
        self.load("""
            def check(ctx):
                return 1 > 2
            async def later(ctx):
                return False
            def helper(ctx):
                return 0
            """)
        failure = self.fails("check", keyword="then")
        assert failure["message"] == "check returned False"
        assert failure["help"] == ["write `assert` before what must hold: a step fails by an exception"]
        assert "trace" not in failure
        assert self.fails("later", keyword="then")["message"] == "later returned False"
        # Outside checks, False says what was found, and so do other values.
        self.passes("check", keyword="when")
        self.passes("helper", keyword="then")
        assert self.line.step("check", kind="cleanup", keyword="then")["failure"] is None

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
        body = ["v%d = %s" % item for item in enumerate(values)] + [
            "assert not (%s)" % ", ".join("v%d" % n for n in range(len(values)))
        ]
        self.load(self.HOSTILE + imports + "\ndef f(ctx):\n    " + "\n    ".join(body) + "\n")
        return [note.partition(" = ")[2] for note in self.fails("f")["notes"]]

    def test_values_of_the_standard_library_represent_themselves(self):
        imports = "import datetime, decimal, fractions, ipaddress, pathlib, re, uuid"
        values = (
            "decimal.Decimal('1.50')",
            "datetime.date(2024, 2, 29)",
            "datetime.timedelta(seconds=3)",
            "fractions.Fraction(1, 3)",
            "uuid.UUID(int=5)",
            "ipaddress.ip_address('10.0.0.1')",
            "pathlib.Path('/x')",
            "range(3)",
            "re.match('a', 'abc')",
            "datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)",
        )
        assert self.shown(imports, *values) == [
            "Decimal('1.50')",
            "datetime.date(2024, 2, 29)",
            "datetime.timedelta(seconds=3)",
            "Fraction(1, 3)",
            "UUID('00000000-0000-0000-0000-000000000005')",
            "IPv4Address('10.0.0.1')",
            "PosixPath('/x')",
            "range(0, 3)",
            "<re.Match object; span=(0, 1), match='a'>",
            "datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)",
        ]
        assert self.shown(
            "import datetime\nclass Zone(datetime.tzinfo, Hostile): pass\n", "datetime.time(1, tzinfo=Zone())"
        ) == ["datetime.time(1, 0, tzinfo=<greenroom_steps.Zone>)"]
        assert re.search(
            r"^Decimal\('1{100,150} \.\.\. 1{48}'\)$", self.shown("import decimal", "decimal.Decimal('1' * 5000)")[0]
        )

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
        values = (
            "Point(1, Point(2, Hostile()))",
            "Slots(3)",
            "Secret('x')",
            "Pair(1, Hostile())",
            "Quiet(1)",
            "Color.RED",
            "http.HTTPStatus.OK",
            "Own(a=1)",
            "Name('x')",
            "Mine('x', Hostile())",
            "FileNotFoundError(2, 'gone')",
            "Hostile()",
        )
        assert self.shown(imports, *values) == [
            "Point(x=1, y=Point(x=2, y=<greenroom_steps.Hostile>))",
            "Slots(x=3)",
            "<greenroom_steps.Secret>",
            "Pair(a=1, b=<greenroom_steps.Hostile>)",
            "<greenroom_steps.Quiet>",
            "<Color.RED: 1>",
            "<HTTPStatus.OK: 200>",
            "Own({'a': 1})",
            "'x'",
            "Mine('x', <greenroom_steps.Hostile>)",
            "FileNotFoundError(2, 'gone')",
            "<greenroom_steps.Hostile>",
        ]
        assert self.shown(
            "import collections\n"
            + textwrap.dedent(
                """
                class Key:
                    asked = 0
                    def __hash__(self):
                        Key.asked += 1
                        return 1 if Key.asked == 1 else exit()
                """
            ),
            "collections.OrderedDict([(Key(), 1)])",
        ) == ["OrderedDict({<greenroom_steps.Key>: 1})"]
        values = (
            "collections.OrderedDict(a=1)",
            "collections.Counter('aab')",
            "collections.deque([1, Hostile()])",
            "collections.defaultdict(list, a=[1])",
            "types.SimpleNamespace(a=Hostile(), b=2)",
            "Own(a=Own(b=Own(c=Own())))",
        )
        assert self.shown(imports, *values) == [
            "OrderedDict({'a': 1})",
            "Counter({'a': 2, 'b': 1})",
            "deque([1, <greenroom_steps.Hostile>])",
            "defaultdict({'a': [1]})",
            "namespace(a=<greenroom_steps.Hostile>, b=2)",
            "Own({'a': Own({'b': Own({'c': Own(...)})})})",
        ]

    def test_attributes_are_shown_where_no_code_runs_for_it(self):
        self.load(
            self.HOSTILE
            + textwrap.dedent("""
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
                assert (answer.status == 500 and answer.body and answer.limit and Answer.limit
                        and space.x[1] and done.returncode)
            def g(ctx):
                answer, proxy, odd, hostile, text = Answer(), Proxy(), Odd(), Hostile(), "text"
                try: print(answer.text)
                except SystemExit: assert False and answer.text and proxy.x and odd.x and hostile.x and text.upper()
            """)
        )
        assert self.fails("f")["notes"] == [
            "answer.status = 200",
            "answer.body = 'gone'",
            "answer.limit = 7",
            "Answer.limit = 7",
            "space.x[1] = 2",
            "done.returncode = 0",
        ]
        assert self.fails("g")["notes"] == [
            "answer = <greenroom_steps.Answer>",
            "proxy = <greenroom_steps.Proxy>",
            "odd = <greenroom_steps.Odd>",
            "hostile = <greenroom_steps.Hostile>",
            "text = 'text'",
        ]

    def differ(self, one, other, compare="assert one == other"):
        """What is said of two values that differ, whose expressions are given."""
        self.load(
            "import collections, decimal\n"
            + self.HOSTILE
            + textwrap.dedent("""
            def f(ctx):
                one = %s
                other = %s
                %s
            def untouched(ctx): assert not ran
            """)
            % (one, other, compare)
        )
        failure = self.fails("f")
        self.message = failure["message"]
        return [note for note in failure.get("notes") or [] if " = " not in note]

    def test_differences_between_collections(self):
        many = "list(range(1000))"
        assert self.differ(many, "[-1 if n == 777 else n for n in one]") == [
            "they differ at [777]: one has 777, other has -1"
        ]
        assert self.differ(many, "one[:-1]") == ["only one has [999]: 999"]
        assert self.differ(many, "[-2, -1] + one") == ["only other has [0] to [1]: -2, -1"]
        assert self.differ(many, "one[:5] + one[9:]") == ["only one has [5] to [8]: 5, 6, 7 and 1 more"]
        assert self.differ(many, "one[:4] + [0] + one[5:-1]") == [
            "only one has [999]: 999",
            "they differ at [4]: one has 4, other has 0",
        ]
        assert self.differ(many, "[n + 1 for n in one]") == [
            "they differ at [0]: one has 0, other has 1",
            "they differ at [1]: one has 1, other has 2",
            "they differ at [2]: one has 2, other has 3",
            "they differ in more places",
        ]
        keys = "{'key%d' % n: {'n': n, 'tags': ['a', 'b', 'c']} for n in range(50)}"
        other = "dict(one, key33={'n': 33, 'tags': ['a', 'b', 'z']}, new=1); del other['key44']"
        assert self.differ(keys, other) == [
            "they differ at ['key33']['tags'][2]: one has 'c', other has 'z'",
            "only one has ['key44']: {'n': 44, 'tags': ['a', 'b', 'c']}",
            "only other has ['new']: 1",
        ]
        assert self.differ("{1, 2, 3}", "frozenset([3, 4])") == ["only one has 1, 2", "only other has 4"]
        assert self.differ("[1, 2]", "(1, 2)") == ["one is of type list, other of type tuple"]
        assert self.differ("b'1'", "'1'") == ["one is of type bytes, other of type str"]
        assert self.differ("[[1], True, 1.0]", "[(1,), 1, 1]") == ["they differ at [0]: one has [1], other has (1,)"]
        assert self.differ("{'a': [1]}", "0", "assert one == {'a': [2]}") == [
            "they differ at ['a'][0]: one has 1, the right side has 2"
        ]

    def test_differences_within_long_texts(self):
        assert self.differ("['x' * 500 + 'a' * 100]", "['x' * 500 + 'b' * 100]") == [
            "they differ at [0] from character 500 on: one has ...'%s'..., other has ...'%s'..."
            % ("x" * 20 + "a" * 30, "x" * 20 + "b" * 30)
        ]
        assert self.differ("'x' * 121", "'x' * 120") == [
            "they differ from character 120 on: one has ...'%s', other has ...'%s'" % ("x" * 21, "x" * 20)
        ]
        assert self.differ("b'x' * 61", "b'x' * 60") == [
            "they differ from byte 60 on: one has ...b'%s', other has ...b'%s'" % ("x" * 21, "x" * 20)
        ]
        self.load("def f(ctx):\n    got, wanted = 'x\\n' * 100, 'x\\n' * 99 + 'y\\n'\n    assert got == wanted\n")
        failure = self.fails("f")
        assert failure["message"] == "AssertionError: assert got == wanted"
        # Either of them may be the expected one.
        assert failure["comparison"] == {
            "what": "got == wanted",
            "relation": "is",
            "expected": "x\n" * 100,
            "actual": "x\n" * 99 + "y\n",
            "unordered": True,
        }
        assert "notes" not in failure

    def test_texts_that_contain_or_lack_another_are_compared(self):
        self.load(
            "log = 'line\\n' * 100\n"
            "def lacks(ctx):\n    assert 'end' in log\n"
            "def has(ctx):\n    assert 'line' not in log\n"
            "def in_bytes(ctx):\n    data = log.encode()\n    assert b'end' in data\n"
            "def short(ctx):\n    assert 'end' in 'start'\n"
            "def in_list(ctx):\n    assert 'end' in ['start' * 100]\n"
        )
        log = "line\n" * 100
        expected = {"what": "log", "relation": "contains", "expected": "end", "actual": log}
        failure = self.fails("lacks")
        assert (failure["message"], failure["comparison"]) == ("AssertionError: assert 'end' in log", expected)
        assert "notes" not in failure
        comparison = self.fails("has")["comparison"]
        assert (comparison["relation"], comparison["expected"]) == ("does_not_contain", "line")
        assert self.fails("in_bytes")["comparison"] == dict(expected, what="data")
        assert "comparison" not in self.fails("short")
        assert "comparison" not in self.fails("in_list")

    def test_differences_are_looked_for_without_running_code(self):
        assert self.differ("[1, Hostile()]", "[2, Hostile()]") == ["they differ at [0]: one has 1, other has 2"]
        self.passes("untouched")
        assert self.differ("{'a': Hostile(), 'b': 1}", "{'b': 2, 'a': one['a']}") == [
            "they differ at ['b']: one has 1, other has 2"
        ]
        # What stands in the way is compared by code of the user's.
        assert self.differ("[1, collections.OrderedDict(a=1)]", "[1, collections.OrderedDict(a=2)]") == [
            "they may differ at [1]: one has OrderedDict({'a': 1}), other has OrderedDict({'a': 2})"
        ]
        assert self.differ("[decimal.Decimal('1.0'), 1]", "[decimal.Decimal('1.00'), 2]") == [
            "they differ at [1]: one has 1, other has 2"
        ]
        # Collections that are in themselves.
        assert self.differ("[1]; one.append(one)", "[2]; other.append(other)") == [
            "they differ at [0]: one has 1, other has 2"
        ]
        # Nothing is called again.
        self.load(
            "calls = []\ndef get():\n    calls.append(1)\n    return [1]\ndef f(ctx):\n    wanted = [2]\n    try:\n"
            "        assert get() == wanted\n    finally:\n        ctx['calls'] = len(calls)\n"
            "def g(ctx):\n    assert ctx['calls'] == len(calls) == 1\n"
        )
        assert self.fails("f")["notes"] == ["wanted = [2]"]
        self.passes("g")
        # Only for the whole of an assertion that two values are equal.
        for compare in (
            "assert one in other",
            "assert one == other and True",
            "assert one < other < one",
            "assert not one != other",
        ):
            assert self.differ("[1]", "[[2]]" if " in " in compare else "[2]", compare) == [], compare

    def test_differences_shown_by_assert_eq(self):
        compare = "assert_eq(one, other)"
        assert self.differ("list(range(1000))", "one[:500] + [0] + one[501:]", compare) == [
            "they differ at [500]: the first has 500, the second has 0"
        ]
        assert "(1000 in all)] == [0, 1," in self.message
        assert self.differ("{'a': [1]}", "{'a': [2]}", compare) == [
            "they differ at ['a'][0]: the first has 1, the second has 2"
        ]
        assert self.message == "AssertionError: expected {'a': [1]} == {'a': [2]}"
        self.differ("['%d' % n * 20 for n in range(30)]", "one[1:]", compare)
        assert self.message == "AssertionError: the two values differ"

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
        assert self.fails("exits")["message"] == "SystemExit: why"
        assert self.fails("interrupted")["message"] == "KeyboardInterrupt"
        deep = self.fails("deep")
        assert deep["message"].startswith("RecursionError: ")
        assert len(deep["trace"].splitlines()) < 70
        assert self.fails("bad")["message"] == "Bad: (cannot be shown: RuntimeError)"
        assert self.fails("memory")["message"].split(":")[0] in ("MemoryError", "OverflowError")
        assert self.fails("surrogate")["message"] == "Exception: ?"

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
        assert [line for line in lines if not line.startswith(" ")] == [
            "KeyError: 'port'",
            "which caused:",
            "ValueError: no port",
        ]
        lines = self.fails("g")["trace"].splitlines()
        assert lines[3] == "and while that was handled:"
        assert "KeyError:" not in self.fails("h")["trace"]

    def test_frames_of_libraries_are_counted(self):
        self.load("import json\ndef f(ctx): json.loads('{')\n")
        trace = self.fails("f")["trace"].splitlines()
        assert len(trace) == 3
        assert re.search(r"^  \.\.\. \d in json\.decoder$", trace[2])

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
            assert [line for line in lines if "..." in line] == folded, lines
            assert len(lines) == 1 + min(n + 1, 3) + len(folded) + 3

    def test_wrong_arguments(self):
        self.load("def f(ctx, a): pass\n")
        failure = self.fails("f", b="x")
        assert "unexpected keyword argument 'b'" in failure["message"]
        assert "trace" not in failure

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
        assert self.fails("f")["notes"] == ["hint"]
        members = [
            "1: ValueError: x (at steps0.py:13)",
            "2: Group: inner (at steps0.py:13)",
            "2.1: KeyError: 'deep' (at steps0.py:13)",
            "2.2: Bad",
        ]
        assert self.fails("g")["notes"] == members
        assert self.fails("many")["notes"][18:] == ["19: KeyError: 18", "20: KeyError: 19", "... 30 exceptions more"]
        failure = self.fails("h")
        assert failure["notes"] == ["of the last"]
        lines = failure["trace"].splitlines()
        assert lines[:6] == ["Group: several", "  of a cause"] + ["  " + member for member in members]
        failure = self.fails("long")
        assert (failure["message"], len(failure["notes"])) == ("ValueError: line 1", 12)
        assert failure["notes"][10:] == ["line 12", "... 188 lines more"]
