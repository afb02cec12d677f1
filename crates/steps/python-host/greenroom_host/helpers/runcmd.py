"""Helpers: library runcmd."""

from __future__ import annotations

from ..comparison import comparison
from ..context import stored
from ..engine import ENGINE
from ..failures import output_of_command
from ..system import os, shared_os
from ..text import as_text, cut, is_text
from ..untyped import is_instance
from .basics import check_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..comparison import Failure
    from ..context import Context


def _runcmd_get(ctx: Context, name: Any) -> Any:
    return ctx.declare("_runcmd")[name]


def runcmd_get_exit_code(ctx: Context) -> int:
    """Returns the exit code of the latest command; minus the number of the signal that ended it."""
    return _runcmd_get(ctx, "exit")


def runcmd_get_stdout(ctx: Context) -> str:
    """Returns the standard output of the latest command."""
    return _runcmd_get(ctx, "stdout")


def runcmd_get_stdout_raw(ctx: Context) -> bytes:
    """Returns the standard output of the latest command as bytes."""
    return _runcmd_get(ctx, "stdout.raw")


def runcmd_get_stderr(ctx: Context) -> str:
    """Returns the standard error of the latest command."""
    return _runcmd_get(ctx, "stderr")


def runcmd_get_stderr_raw(ctx: Context) -> bytes:
    """Returns the standard error of the latest command as bytes."""
    return _runcmd_get(ctx, "stderr.raw")


def runcmd_get_argv(ctx: Context) -> list[str]:
    """Returns the words of the latest command."""
    return _runcmd_get(ctx, "argv")


def runcmd_run(ctx: Context, argv: Any, **kwargs: Any) -> None:
    """Runs a command to its end, whatever its exit code; takes the keyword arguments of `subprocess.Popen`."""
    space = ctx.declare("_runcmd")
    changes: dict[Any, Any] = dict(stored(space).get("env-update") or {})
    changes.update(kwargs.pop("env", None) or {})
    directory = kwargs.pop("cwd", None)
    for stream in ("stdin", "stdout", "stderr"):
        kwargs.pop(stream, None)
    words: list[Any] = [argv] if is_instance(argv, (str, bytes)) or hasattr(argv, "__fspath__") else list(argv)
    if kwargs.pop("shell", False):
        words = ["/bin/sh", "-c", *words]
    words = [os.fspath(word) for word in words]
    if not words:
        raise ValueError("the command names no program")
    for name, value in changes.items():
        if not isinstance(name, str) or not isinstance(value, (str, type(None))):
            raise TypeError("environment variables are of type str, not %r=%r" % (name, value))
    if any(kwargs.values()) or not all(map(is_text, words)) or not all(map(is_text, changes.values())):
        _run_here(space, words, changes, directory, kwargs)
        return
    ENGINE.flush()
    result = ENGINE.call(
        "runcmd_run",
        argv=words,
        directory=os.path.join(os.getcwd(), os.fspath(directory or "")),
        environment=dict(changes),
    )
    ENGINE.remember_latest(dict(result, argv=words))


def _run_here(space: Any, words: Any, changes: Any, directory: Any, kwargs: Any) -> None:
    """Runs a command that a call cannot describe: its arguments are not text, or it is started in a special way."""
    import subprocess

    settings = ENGINE.call("runcmd_settings")
    environment = dict(shared_os.environ, **{name: value for name, value in changes.items() if value is not None})
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    if settings.get("path_prefix"):
        path = [environment["PATH"]] if environment.get("PATH") else []
        environment["PATH"] = ":".join(settings["path_prefix"] + path)
    for name in ("text", "universal_newlines", "encoding", "errors", "bufsize"):
        kwargs.pop(name, None)
    feed: Any = None
    stdin: Any = subprocess.DEVNULL
    if settings.get("stdin_file") is not None:
        stdin = open(settings["stdin_file"], "rb")
    elif settings.get("stdin_text") is not None:
        feed, stdin = settings["stdin_text"].encode(), subprocess.PIPE
    try:
        process: Any = subprocess.Popen(
            words, cwd=directory, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs
        )
        stdout, stderr = process.communicate(feed)
    finally:
        if hasattr(stdin, "close"):
            stdin.close()
    ENGINE.set_latest(
        {
            "argv": [os.fsdecode(word) for word in words],
            "exit": process.returncode,
            "stdout.raw": stdout,
            "stderr.raw": stderr,
            "stdout": stdout.decode("utf-8", "replace"),
            "stderr": stderr.decode("utf-8", "replace"),
        }
    )


def runcmd_helper_srcdir_path(ctx: Context) -> None:
    ENGINE.current("runcmd_prepend_to_path")(ctx, ENGINE.current("srcdir"))


def runcmd_helper_script(ctx: Context, script: Any = None) -> None:
    with open(script, "wb") as file:
        file.write(ENGINE.current("get_file")(script))


def runcmd_stdin_from_file(ctx: Context, file: Any = None) -> None:
    ctx.declare("_runcmd")["stdin_file"] = file


def runcmd_stdin_is(ctx: Context, text: Any = None) -> None:
    ctx.declare("_runcmd")["stdin_feed"] = text


def runcmd_prepend_to_path(ctx: Context, dirname: Any = None) -> None:
    space = ctx.declare("_runcmd")
    former = space.get("path-prefix")
    space["path-prefix"] = "%s:%s" % (former, dirname) if former else os.fspath(dirname)


def runcmd_step(ctx: Context, argv0: Any = None, args: Any = None) -> None:
    ENGINE.current("runcmd_try_to_run")(ctx, argv0=argv0, args=args)
    ENGINE.current("runcmd_exit_code_is_zero")(ctx)


def runcmd_step_in(ctx: Context, dirname: Any = None, argv0: Any = None, args: Any = None) -> None:
    ENGINE.current("runcmd_try_to_run_in")(ctx, dirname=dirname, argv0=argv0, args=args)
    ENGINE.current("runcmd_exit_code_is_zero")(ctx)


def runcmd_try_to_run(ctx: Context, argv0: Any = None, args: Any = None) -> None:
    ENGINE.current("runcmd_try_to_run_in")(ctx, dirname=None, argv0=argv0, args=args)


def runcmd_try_to_run_in(ctx: Context, dirname: Any = None, argv0: Any = None, args: Any = None) -> None:
    import shlex

    if "'" in argv0 or '"' in argv0:
        # A quote may begin in one and end in the other.
        words = shlex.split(argv0 + (args or ""))
    else:
        words = [argv0, *shlex.split(args or "")]
    ENGINE.current("runcmd_run")(ctx, words, cwd=dirname)


def runcmd_set_environment_variable(ctx: Context, variable: Any, value: Any) -> None:
    shared_os.environ[variable] = value


def runcmd_unset_environment_variable(ctx: Context, variable: Any) -> None:
    shared_os.environ.pop(variable, None)


def runcmd_exit_code_is_zero(ctx: Context) -> None:
    ENGINE.current("runcmd_exit_code_is")(ctx, exit=0)


def runcmd_exit_code_is(ctx: Context, exit: Any = None) -> None:
    _exit_code("assert_eq", "is", ctx, int(exit))


def runcmd_exit_code_is_nonzero(ctx: Context) -> None:
    ENGINE.current("runcmd_exit_code_is_not")(ctx, exit=0)


def runcmd_exit_code_is_not(ctx: Context, exit: Any = None) -> None:
    _exit_code("assert_ne", "is_not", ctx, int(exit))


def _exit_code(check: Any, relation: Any, ctx: Context, expected: Any) -> None:
    actual = ENGINE.current("runcmd_get_exit_code")(ctx)

    def explain() -> Failure:
        failure = comparison("exit code of the command", relation, str(expected), str(actual), notes=_command_notes())
        failure["output"] = _latest_output("stdout", "stderr")
        failure["command"] = _command_line()
        return failure

    check_by(check, actual, expected, explain)


def _command_line() -> str | None:
    import shlex

    latest = ENGINE.latest() or {}
    return " ".join(shlex.quote(as_text(word)) for word in latest.get("argv") or ()) or None


def _command_notes() -> list[str]:
    command = _command_line()
    if command is None:
        return []
    exit_code = (ENGINE.latest() or {}).get("exit")
    return ["the command was `%s`, and its exit code %s" % (cut(command, 300), exit_code)]


def _latest_output(*streams: Any) -> list[Failure]:
    output: list[Failure] = []
    for stream in streams:
        data = (ENGINE.latest() or {}).get(stream + ".raw") or b""
        if data:
            output.append(output_of_command(stream, data))
    return output


def _output_check(ctx: Context, stream: Any, relation: Any, expected: Any) -> None:
    actual = ENGINE.current("runcmd_get_" + stream)(ctx)
    if relation in ("is", "is_not"):
        holds = actual == expected
    elif relation in ("contains", "does_not_contain"):
        holds = expected in actual
    else:
        import re

        holds = re.search(expected, actual) is not None
    if relation in ("is_not", "does_not_contain", "does_not_match"):
        holds = not holds

    def explain() -> Failure:
        failure = comparison(stream + " of the command", relation, expected, actual, notes=_command_notes())
        failure["output"] = _latest_output("stderr" if stream == "stdout" else "stdout")
        failure["command"] = _command_line()
        return failure

    check_by("assert_eq", holds, True, explain)


def runcmd_stdout_is(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stdout", "is", text)


def runcmd_stdout_isnt(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stdout", "is_not", text)


def runcmd_stderr_is(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stderr", "is", text)


def runcmd_stderr_isnt(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stderr", "is_not", text)


def runcmd_stdout_contains(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stdout", "contains", text)


def runcmd_stdout_doesnt_contain(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stdout", "does_not_contain", text)


def runcmd_stderr_contains(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stderr", "contains", text)


def runcmd_stderr_doesnt_contain(ctx: Context, text: Any = None) -> None:
    _output_check(ctx, "stderr", "does_not_contain", text)


def runcmd_stdout_matches_regex(ctx: Context, regex: Any = None) -> None:
    _output_check(ctx, "stdout", "matches", regex)


def runcmd_stdout_doesnt_match_regex(ctx: Context, regex: Any = None) -> None:
    _output_check(ctx, "stdout", "does_not_match", regex)


def runcmd_stderr_matches_regex(ctx: Context, regex: Any = None) -> None:
    _output_check(ctx, "stderr", "matches", regex)


def runcmd_stderr_doesnt_match_regex(ctx: Context, regex: Any = None) -> None:
    _output_check(ctx, "stderr", "does_not_match", regex)
