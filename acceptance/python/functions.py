# Step functions of functions.md, the first file.

import functools
import logging
import shlex
import sys
from typing import Optional

import greeting

COUNT = 0


def capture(ctx, **captures):
    ctx["captures"] = dict(ctx.get("captures", {}), **captures)


def captures_are_str(ctx):
    assert_eq({type(value) for value in ctx["captures"].values()}, {str})


def captures_are_right(ctx):
    assert_dict_eq(
        ctx["captures"],
        {
            "word": "green",
            "text": "of many words, with punctuation!",
            "number": "-17",
            "natural": "42",
            "decimal": "-3",
            "path": "over/the/hills.txt",
            "file": "poem.txt",
            "escaped": "tab\there and newline\nthere",
        },
    )


def text_is(ctx, text=None):
    assert_eq(ctx["captures"]["text"], text)


def bottles(ctx, green=None, red=None):
    ctx["green"] = int(green)
    ctx["red"] = int(red)


def count_bottles(ctx, count=None, colour=None):
    assert_eq(ctx[colour], int(count))


def order(ctx, drink, what="nothing"):
    ctx["order"] = (drink, what)


def order_anything(ctx, **captures):
    assert_eq(sorted(captures), ["drink", "what"])
    order(ctx, **captures)


def order_is(ctx, drink=None, what=None):
    assert_eq(ctx["order"], (drink, what))


def note(ctx, n):
    ns = ctx.declare("calls")
    ns.get("numbers", []).append(n)


call_lambda = lambda ctx, n=None: note(ctx, n)  # noqa: E731


def adding(extra):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(ctx, *args, **kwargs):
            ctx["extra"] = extra
            return function(ctx, *args, **kwargs)

        return wrapper

    return decorate


@adding("sugar")
def call_decorated(ctx, n=None):
    assert_eq(ctx["extra"], "sugar")
    note(ctx, n)


def with_colour(colour, ctx, n=None):
    assert_eq(colour, "green")
    note(ctx, n)


call_partial = functools.partial(with_colour, "green")


class Caller:
    def __init__(self, colour):
        self.colour = colour

    def call(self, ctx, n=None):
        assert_eq(self.colour, "red")
        note(ctx, n)

    def __call__(self, ctx, n=None):
        note(ctx, n)


call_method = Caller("red").call
call_object = Caller("blue")


class CallClass:
    def __init__(self, ctx, n=None):
        note(ctx, n)


def call_annotated(ctx: "Context", n: Optional[str] = None) -> None:
    note(ctx, n)


def call_returning(ctx, n=None):
    note(ctx, n)
    return False


def calls_were(ctx, numbers=None):
    assert_eq(", ".join(ctx.declare("calls")["numbers"]), numbers)


def prints(ctx):
    print("printed")
    print("complained", file=sys.stderr)
    sys.stdout.write("written without an end")
    logging.debug("a detail")
    logging.info("100 % of it")
    logging.warning("a warning of %s", "something")
    try:
        raise ValueError("caught")
    except ValueError:
        logging.exception("an exception that was caught")


def has_nothing_to_say(ctx):
    assert_eq(ctx.as_dict(), {})


def first_calls_second(ctx):
    assert_eq(of_second(), "second")
    assert_eq(globals()["of_second"](), "second")


def of_first():
    return "first"


def count_in_both(ctx):
    global COUNT
    before = COUNT
    COUNT += 1
    count_in_second()
    assert_eq(COUNT, before + 2)


def the_name():
    return "name of the first file"


def ask_for_name(ctx):
    ctx["name"] = the_name()


def compares(ctx, one=None, other=None):
    files_match(ctx, filename1=one, filename2=other)


def files_file_exists(ctx, filename=None):
    assert False, "library files is listed behind this file and replaces this function"


def module_greets(ctx):
    assert_eq(greeting.greet("you"), "hello, you")


def record_assert_eq(ctx):
    ns = ctx.declare("record")
    original = ns["original"] = globals()["assert_eq"]

    def recording(a, b):
        ns["seen"] = (a, b)
        original(a, b)

    globals()["assert_eq"] = recording


def restore_assert_eq(ctx):
    globals()["assert_eq"] = ctx.declare("record")["original"]


def record_has(ctx, a=None, b=None):
    assert_ne(globals()["assert_eq"], ctx.declare("record")["original"])
    ctx.declare("record")["original"](ctx.declare("record")["seen"], (int(a), int(b)))


def put_up_shelf(ctx, shelf=None):
    ctx[shelf] = []


def take_down_shelf(ctx, shelf=None):
    assert_eq(ctx[shelf], [])


def put_box(ctx, box=None, shelf=None):
    ctx[shelf].append(box)


def take_box(ctx, box=None, shelf=None):
    # Only the box that was put there last can be taken.
    assert_eq(ctx[shelf].pop(), box)


def shelf_carries(ctx, shelf=None, n=None):
    assert_eq(len(ctx[shelf]), int(n))
