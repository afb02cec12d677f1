"""Helpers: library runcmd."""


def _runcmd_get(ctx, name):
    return ctx.declare("_runcmd")[name]


def runcmd_get_exit_code(ctx):
    return _runcmd_get(ctx, "exit")


def runcmd_get_stdout(ctx):
    return _runcmd_get(ctx, "stdout")


def runcmd_get_stdout_raw(ctx):
    return _runcmd_get(ctx, "stdout.raw")


def runcmd_get_stderr(ctx):
    return _runcmd_get(ctx, "stderr")


def runcmd_get_stderr_raw(ctx):
    return _runcmd_get(ctx, "stderr.raw")


def runcmd_get_argv(ctx):
    return _runcmd_get(ctx, "argv")


def runcmd_run(ctx, argv, **kwargs):
    """Runs a command to its end, whatever its exit code. The keyword arguments are those of subprocess.Popen."""
    space = ctx.declare("_runcmd")
    changes = dict(space._dict.get("env-update") or {})
    changes.update(kwargs.pop("env", None) or {})
    directory = kwargs.pop("cwd", None)
    for stream in ("stdin", "stdout", "stderr"):
        kwargs.pop(stream, None)
    words = [argv] if isinstance(argv, (str, bytes)) or hasattr(argv, "__fspath__") else list(argv)
    if kwargs.pop("shell", False):
        words = ["/bin/sh", "-c"] + words
    words = [os.fspath(word) for word in words]
    if not words:
        raise ValueError("the command names no program")
    for name, value in changes.items():
        if not isinstance(name, str) or not isinstance(value, (str, type(None))):
            raise TypeError("environment variables are of type str, not %r=%r" % (name, value))
    if any(kwargs.values()) or not all(map(_is_text, words)) or not all(map(_is_text, changes.values())):
        return _run_here(space, words, changes, directory, kwargs)
    HOST.flush()
    result = HOST.call(
        "runcmd_run",
        argv=words,
        directory=os.path.join(os.getcwd(), os.fspath(directory or "")),
        environment={name: value for name, value in changes.items()},
    )
    HOST.remember_latest(dict(result, argv=words))


def _is_text(word):
    if word is None:
        return True
    if not isinstance(word, str):
        return False
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _run_here(space, words, changes, directory, kwargs):
    """For what a call cannot say: commands with arguments that are no text, or started in a special way."""
    import subprocess

    settings = HOST.call("runcmd_settings")
    environment = dict(_shared_os.environ, **{name: value for name, value in changes.items() if value is not None})
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    if settings.get("path_prefix"):
        path = [environment["PATH"]] if environment.get("PATH") else []
        environment["PATH"] = ":".join(settings["path_prefix"] + path)
    for name in ("text", "universal_newlines", "encoding", "errors", "bufsize"):
        kwargs.pop(name, None)
    feed, stdin = None, subprocess.DEVNULL
    if settings.get("stdin_file") is not None:
        stdin = open(settings["stdin_file"], "rb")
    elif settings.get("stdin_text") is not None:
        feed, stdin = settings["stdin_text"].encode(), subprocess.PIPE
    try:
        process = subprocess.Popen(words, cwd=directory, env=environment, stdin=stdin,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        stdout, stderr = process.communicate(feed)
    finally:
        if hasattr(stdin, "close"):
            stdin.close()
    HOST.set_latest({
        "argv": [os.fsdecode(word) for word in words],
        "exit": process.returncode,
        "stdout.raw": stdout,
        "stderr.raw": stderr,
        "stdout": stdout.decode("utf-8", "replace"),
        "stderr": stderr.decode("utf-8", "replace"),
    })


def runcmd_helper_srcdir_path(ctx):
    _the("runcmd_prepend_to_path")(ctx, _the("srcdir"))


def runcmd_helper_script(ctx, script=None):
    with open(script, "wb") as file:
        file.write(_the("get_file")(script))


def runcmd_stdin_from_file(ctx, file=None):
    ctx.declare("_runcmd")["stdin_file"] = file


def runcmd_stdin_is(ctx, text=None):
    ctx.declare("_runcmd")["stdin_feed"] = text


def runcmd_prepend_to_path(ctx, dirname=None):
    space = ctx.declare("_runcmd")
    former = space.get("path-prefix")
    space["path-prefix"] = "%s:%s" % (former, dirname) if former else os.fspath(dirname)


def runcmd_step(ctx, argv0=None, args=None):
    _the("runcmd_try_to_run")(ctx, argv0=argv0, args=args)
    _the("runcmd_exit_code_is_zero")(ctx)


def runcmd_step_in(ctx, dirname=None, argv0=None, args=None):
    _the("runcmd_try_to_run_in")(ctx, dirname=dirname, argv0=argv0, args=args)
    _the("runcmd_exit_code_is_zero")(ctx)


def runcmd_try_to_run(ctx, argv0=None, args=None):
    _the("runcmd_try_to_run_in")(ctx, dirname=None, argv0=argv0, args=args)


def runcmd_try_to_run_in(ctx, dirname=None, argv0=None, args=None):
    import shlex

    if "'" in argv0 or '"' in argv0:
        # A quote that begins in the one may end in the other.
        words = shlex.split(argv0 + (args or ""))
    else:
        words = [argv0] + shlex.split(args or "")
    _the("runcmd_run")(ctx, words, cwd=dirname)


def runcmd_set_environment_variable(ctx, variable, value):
    _shared_os.environ[variable] = value


def runcmd_unset_environment_variable(ctx, variable):
    _shared_os.environ.pop(variable, None)


def runcmd_exit_code_is_zero(ctx):
    _the("runcmd_exit_code_is")(ctx, exit=0)


def runcmd_exit_code_is(ctx, exit=None):
    _exit_code("assert_eq", "is", ctx, int(exit))


def runcmd_exit_code_is_nonzero(ctx):
    _the("runcmd_exit_code_is_not")(ctx, exit=0)


def runcmd_exit_code_is_not(ctx, exit=None):
    _exit_code("assert_ne", "is_not", ctx, int(exit))


def _exit_code(check, relation, ctx, expected):
    actual = _the("runcmd_get_exit_code")(ctx)

    def explain():
        failure = _comparison("exit code of the command", relation, str(expected), str(actual), notes=_command_notes())
        failure["output"] = _latest_output("stdout", "stderr")
        failure["command"] = _command_line()
        return failure

    _check(check, actual, expected, explain)


def _command_line():
    import shlex

    latest = HOST.latest() or {}
    return " ".join(shlex.quote(_text(word)) for word in latest.get("argv") or []) or None


def _command_notes():
    command = _command_line()
    if command is None:
        return []
    return ["the command was `%s`, and its exit code %s" % (_cut(command, 300), (HOST.latest() or {}).get("exit"))]


def _latest_output(*streams):
    output = []
    for stream in streams:
        data = (HOST.latest() or {}).get(stream + ".raw") or b""
        if data:
            output.append(_output(stream, data))
    return output


def _output_check(ctx, stream, relation, expected):
    actual = _the("runcmd_get_" + stream)(ctx)
    if relation in ("is", "is_not"):
        holds = actual == expected
    elif relation in ("contains", "does_not_contain"):
        holds = expected in actual
    else:
        import re

        holds = re.search(expected, actual) is not None
    if relation in ("is_not", "does_not_contain", "does_not_match"):
        holds = not holds

    def explain():
        failure = _comparison(stream + " of the command", relation, expected, actual, notes=_command_notes())
        failure["output"] = _latest_output("stderr" if stream == "stdout" else "stdout")
        failure["command"] = _command_line()
        return failure

    _check("assert_eq", holds, True, explain)


def runcmd_stdout_is(ctx, text=None):
    _output_check(ctx, "stdout", "is", text)


def runcmd_stdout_isnt(ctx, text=None):
    _output_check(ctx, "stdout", "is_not", text)


def runcmd_stderr_is(ctx, text=None):
    _output_check(ctx, "stderr", "is", text)


def runcmd_stderr_isnt(ctx, text=None):
    _output_check(ctx, "stderr", "is_not", text)


def runcmd_stdout_contains(ctx, text=None):
    _output_check(ctx, "stdout", "contains", text)


def runcmd_stdout_doesnt_contain(ctx, text=None):
    _output_check(ctx, "stdout", "does_not_contain", text)


def runcmd_stderr_contains(ctx, text=None):
    _output_check(ctx, "stderr", "contains", text)


def runcmd_stderr_doesnt_contain(ctx, text=None):
    _output_check(ctx, "stderr", "does_not_contain", text)


def runcmd_stdout_matches_regex(ctx, regex=None):
    _output_check(ctx, "stdout", "matches", regex)


def runcmd_stdout_doesnt_match_regex(ctx, regex=None):
    _output_check(ctx, "stdout", "does_not_match", regex)


def runcmd_stderr_matches_regex(ctx, regex=None):
    _output_check(ctx, "stderr", "matches", regex)


def runcmd_stderr_doesnt_match_regex(ctx, regex=None):
    _output_check(ctx, "stderr", "does_not_match", regex)
