# Step functions of context.md.


def put(ctx, value=None, key=None):
    ctx[key] = value


def has(ctx, value=None, key=None):
    assert_eq = globals()["assert_eq"]
    assert key in ctx
    assert_eq(ctx[key], value)
    assert_eq(ctx.get(key), value)


def has_exactly(ctx, keys=None):
    assert_dict_eq = globals()["assert_dict_eq"]
    wanted = keys.split(", ")
    assert sorted(ctx.keys()) == wanted
    assert_dict_eq(ctx.as_dict(), {key: ctx[key] for key in wanted})


def has_nothing(ctx):
    assert_eq(ctx.as_dict(), {})
    assert_eq(list(ctx.keys()), [])


def take(ctx, key=None):
    del ctx[key]


def has_not(ctx, key=None):
    assert key not in ctx
    assert ctx.get(key) is None


def asking_is_an_error(ctx, key=None):
    _raises(KeyError, lambda: ctx[key])


def asking_gives(ctx, key=None, default=None, value=None):
    assert_eq(ctx.get(key, default), value)


def copy_is_a_copy(ctx):
    before = ctx.as_dict()
    copy = ctx.as_dict()
    copy["new"] = "value"
    assert_ne(copy, before)
    assert_dict_eq(ctx.as_dict(), before)


def representation_mentions(ctx, text=None):
    assert text in repr(ctx)


def drawer_put(ctx, value=None, drawer=None, key=None):
    ctx.declare(drawer)[key] = value


def drawer_take(ctx, drawer=None, key=None):
    del ctx.declare(drawer)[key]


def drawer_has(ctx, drawer=None, value=None, key=None):
    ns = ctx.declare(drawer)
    assert key in ns
    assert_eq(ns[key], value)
    assert_eq(ctx.declare(drawer).get(key, "something else"), value)
    assert value in repr(ns)


def drawer_has_exactly(ctx, drawer=None, keys=None):
    ns = ctx.declare(drawer)
    assert_eq(", ".join(sorted(ns.keys())), keys)
    assert_eq(sorted(ns.as_dict()), sorted(ns.keys()))


def drawer_has_nothing(ctx, drawer=None):
    assert_eq(ctx.declare(drawer).as_dict(), {})


def drawer_knows_its_name(ctx, drawer=None):
    ns = ctx.declare(drawer)
    assert isinstance(ns, NameSpace)
    assert isinstance(ctx, Context)
    assert ns is ctx.declare(drawer)
    assert_eq(ns.name, drawer)


def drawer_gives_nothing(ctx, drawer=None, key=None):
    assert ctx.declare(drawer).get(key) is None


def drawer_gives(ctx, drawer=None, key=None, default=None, value=None):
    assert_eq(ctx.declare(drawer).get(key, default), value)


def exit_code_in_drawer(ctx, code=None):
    # A capture is text, whatever its type; an exit code is a number.
    assert_eq(type(code), str)
    assert_eq(ctx.declare("_runcmd")["exit"], int(code))


def output_in_drawer(ctx, out=None, err=None):
    ns = ctx.declare("_runcmd")
    assert_eq(ns["stdout"], out + "\n")
    assert_eq(ns["stderr"], err + "\n")
    assert_eq(ns["stdout.raw"], out.encode() + b"\n")
    assert_eq(ns["stderr.raw"], err.encode() + b"\n")
    for key in ("argv", "exit", "stdout", "stderr", "stdout.raw", "stderr.raw"):
        assert key in ns, key
        assert key in ns.keys(), key
        assert key in ns.as_dict(), key


def program_in_drawer(ctx, program=None):
    argv = ctx.declare("_runcmd")["argv"]
    assert_eq(argv[0], program)
    assert_eq(argv, runcmd_get_argv(ctx))


def remember(ctx, value=None, name=None):
    ctx.remember_value(name, value)


def remembered(ctx, value=None, name=None):
    assert_eq(ctx.recall_value(name), value)


def expands(ctx, pattern=None, text=None):
    assert_eq(ctx.expand_values(pattern), text)


def remembering_is_refused(ctx, name=None):
    former = ctx.recall_value(name)
    _raises(KeyError, lambda: ctx.remember_value(name, "something else"))
    assert_eq(ctx.recall_value(name), former)


def cannot_be_recalled(ctx, name=None):
    _raises(KeyError, lambda: ctx.recall_value(name))


def cannot_be_expanded(ctx, pattern=None):
    _raises(KeyError, lambda: ctx.expand_values(pattern))


def _raises(kind, action):
    try:
        action()
    except kind:
        return
    assert False, "it did not raise %s" % kind.__name__
