# Step functions of commands.md.

import os


def run_words(ctx, program=None, a=None, b=None, c=None):
    runcmd_run = globals()["runcmd_run"]
    runcmd_run(ctx, [program, a.strip('"'), b.strip('"'), c])


def run_in(ctx, program=None, directory=None):
    runcmd_run = globals()["runcmd_run"]
    runcmd_run(ctx, [program], cwd=directory)


def run_in_root(ctx):
    runcmd_run(ctx, ["pwd"], cwd="/")


def run_in_srcdir(ctx):
    runcmd_run(ctx, ["pwd"], cwd=globals()["srcdir"])


def sees_srcdir(ctx):
    assert_eq(os.path.realpath(runcmd_get_stdout(ctx).rstrip("\n")), os.path.realpath(srcdir))


def run_with_variable(ctx, name=None, value=None):
    runcmd_run(ctx, ["sh", "-c", "echo $" + name], env={name: value})


def run_through_shell(ctx, line=None):
    runcmd_run(ctx, line, shell=True)


def run_in_session(ctx):
    program = 'test "$(ps -o sid= -p $$)" -eq $$ && echo own session'
    runcmd_run(ctx, ["sh", "-c", program], start_new_session=True)


def run_prepared(ctx):
    runcmd_run(ctx, ["cat", "prepared"], preexec_fn=_prepare)


def _prepare():
    with open("prepared", "w") as f:
        f.write("prepared\n")


def sees_success(ctx, out=None, err=None):
    runcmd_exit_code_is_zero(ctx)
    assert_eq(runcmd_get_exit_code(ctx), 0)
    assert_eq(runcmd_get_stdout(ctx), out + "\n")
    assert_eq(runcmd_get_stderr(ctx), err + "\n")


def sees_failure(ctx, code=None, out=None, err=None):
    runcmd_get_exit_code = globals()["runcmd_get_exit_code"]
    runcmd_get_stdout_raw = globals()["runcmd_get_stdout_raw"]
    runcmd_get_stderr_raw = globals()["runcmd_get_stderr_raw"]
    runcmd_exit_code_is_nonzero(ctx)
    assert_eq(runcmd_get_exit_code(ctx), int(code))
    assert_eq(runcmd_get_stdout_raw(ctx), out.encode() + b"\n")
    assert_eq(runcmd_get_stderr_raw(ctx), err.encode() + b"\n")


def sees_text_and_bytes(ctx, text=None):
    assert_eq(runcmd_get_stdout(ctx), text + "\n")
    assert_eq(runcmd_get_stdout_raw(ctx), (text + "\n").encode("utf-8"))


def running_raises(ctx, program=None, exception=None):
    kind = {"FileNotFoundError": FileNotFoundError, "PermissionError": PermissionError}[exception]
    try:
        runcmd_run(ctx, [program])
    except kind:
        return
    assert False, "it ran"


def calls_library(ctx):
    runcmd_step(ctx, argv0="touch", args=" a 'b c'")
    os.mkdir("sub")
    runcmd_step_in(ctx, dirname="sub", argv0="touch", args=" d")
    runcmd_try_to_run(ctx, argv0="sh", args=" -c 'exit 3'")
    assert_eq(runcmd_get_exit_code(ctx), 3)
    runcmd_try_to_run_in(ctx, dirname="sub", argv0="rm", args=" nosuch")
    assert_ne(runcmd_get_exit_code(ctx), 0)


def has_called_library(ctx):
    assert_eq(sorted(os.listdir(".")), ["a", "b c", "poem.txt", "sub"])
    assert_eq(os.listdir("sub"), ["d"])


def prepends(ctx, one=None, other=None):
    runcmd_prepend_to_path = globals()["runcmd_prepend_to_path"]
    runcmd_prepend_to_path(ctx, dirname=os.path.abspath(one))
    runcmd_prepend_to_path(ctx, os.path.abspath(other))


def sees_prefix(ctx, one=None, other=None):
    prefix = ctx.declare("_runcmd")["path-prefix"]
    assert_eq(prefix, os.path.abspath(one) + ":" + os.path.abspath(other))
    assert_eq(ctx.declare("_runcmd").get("path-prefix"), prefix)


def sees_srcdir_on_path(ctx):
    assert_eq(ctx.declare("_runcmd")["path-prefix"], srcdir)
    runcmd_helper_srcdir_path(ctx)
    runcmd_run(ctx, ["sh", "-c", "echo $PATH"])
    assert runcmd_get_stdout(ctx).startswith(srcdir + ":")


def redirects(ctx, file=None):
    runcmd_stdin_from_file(ctx, file=file)


def feeds(ctx, text=None):
    runcmd_stdin_is(ctx, text=text)


def sees_poem(ctx, n=None):
    assert_eq(runcmd_get_stdout(ctx), get_file("poem.txt").decode() * int(n))


def unsets(ctx, name=None):
    runcmd_unset_environment_variable(ctx, name)


def sets(ctx, name=None, value=None):
    runcmd_set_environment_variable(ctx, name, value)


def sets_own(ctx, name=None, value=None):
    os.environ[name] = value


def writes_script(ctx):
    runcmd_helper_script(ctx, script="other-hello")


def fails(check, ctx, **arguments):
    try:
        globals()[check](ctx, **arguments)
    except AssertionError:
        return
    raise Exception("%s%r did not fail" % (check, arguments))


def holds(check, ctx, **arguments):
    globals()[check](ctx, **arguments)


def checks_exit_code(ctx, right=None, wrong=None):
    holds("runcmd_exit_code_is", ctx, exit=right)
    holds("runcmd_exit_code_is", ctx, exit=int(right))
    fails("runcmd_exit_code_is", ctx, exit=wrong)
    holds("runcmd_exit_code_is_not", ctx, exit=wrong)
    fails("runcmd_exit_code_is_not", ctx, exit=right)
    holds("runcmd_exit_code_is_nonzero", ctx)
    fails("runcmd_exit_code_is_zero", ctx)


def checks_output(ctx, stream=None, right=None, wrong=None):
    holds("runcmd_%s_is" % stream, ctx, text=right + "\n")
    fails("runcmd_%s_is" % stream, ctx, text=right)
    holds("runcmd_%s_isnt" % stream, ctx, text=right)
    fails("runcmd_%s_isnt" % stream, ctx, text=right + "\n")
    holds("runcmd_%s_contains" % stream, ctx, text=right[1:-1])
    fails("runcmd_%s_contains" % stream, ctx, text=wrong)
    holds("runcmd_%s_doesnt_contain" % stream, ctx, text=wrong)
    fails("runcmd_%s_doesnt_contain" % stream, ctx, text=right)
    holds("runcmd_%s_matches_regex" % stream, ctx, regex=right[0] + "." + right[2:] + "$")
    fails("runcmd_%s_matches_regex" % stream, ctx, regex=wrong + "$")
    holds("runcmd_%s_doesnt_match_regex" % stream, ctx, regex="^" + wrong)
    fails("runcmd_%s_doesnt_match_regex" % stream, ctx, regex="^" + right)


def no_exit_code(ctx):
    try:
        runcmd_get_exit_code(ctx)
    except KeyError as e:
        assert_eq(e.args, ("exit",))
        return
    assert False, "there is one"
