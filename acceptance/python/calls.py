# What documents about library functions have in common: calling one by its name, with the arguments that a step names.

import shlex


def call(ctx, function=None, arguments=""):
    captures = dict(word.split("=", 1) for word in shlex.split(arguments))
    return globals()[function](ctx, **captures)


def holds(ctx, function=None, arguments=""):
    call(ctx, function, arguments)


def does_not_hold(ctx, function=None, arguments=""):
    try:
        call(ctx, function, arguments)
    except AssertionError:
        return
    raise Exception("%s holds" % function)


def raises(ctx, function=None, arguments="", exception=None):
    try:
        call(ctx, function, arguments)
    except Exception as e:
        assert_eq(type(e).__name__, exception)
        return
    raise Exception("%s raises nothing" % function)
