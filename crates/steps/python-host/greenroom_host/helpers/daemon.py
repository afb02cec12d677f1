"""Helpers: library daemon."""

# pyright: reportUnusedFunction=false
# Step files and bindings of Subplot call functions that begin with an underscore.

from __future__ import annotations

from ..engine import ENGINE
from ..failures import CallFailed, with_failure
from ..messages import encode
from ..untyped import is_instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context


def _daemon_shell_script(ctx: Context, filename: Any = None) -> None:
    ENGINE.step("daemon_helper_script", filename=filename)


def _start_captures(path: Any, args: Any, name: Any, port: Any, env: Any) -> dict[str, Any]:
    if is_instance(env, dict):
        env = encode({key: value if value is None else str(value) for key, value in env.items()})
    port = None if port is None else str(port)
    args = args or ""
    if path is not None and not ("'" in path or '"' in path):
        # The two are separate, unless a quote begins in one and ends in the other.
        import shlex

        path, args = shlex.quote(path), " " + args.lstrip() if args else ""
    return {"path": path, "args": args, "name": name, "port": port, "env": env}


def _daemon_start(ctx: Context, path: Any = None, args: Any = None, name: Any = None, env: Any = None) -> None:
    ENGINE.step("daemon_start", **_start_captures(path, args, name, None, env))


def daemon_start(ctx: Context, path: Any = None, args: Any = None, name: Any = None, env: Any = None) -> None:
    """Starts a program in the background."""
    ENGINE.current("_daemon_start")(ctx, path=path, args=args, name=name, env=env)


def daemon_start_on_port(
    ctx: Context, path: Any = None, args: Any = None, name: Any = None, port: Any = None, env: Any = None
) -> None:
    """Starts a program in the background, and waits until it listens on a port."""
    try:
        ENGINE.step("daemon_start", **_start_captures(path, args, name, port, env))
    except CallFailed as error:
        # What callers of Subplot's helper expect of a daemon that does not answer.
        raise with_failure(ConnectionRefusedError(str(error)), error.greenroom_failure) from None


def _daemon_start_soonish(
    ctx: Context, path: Any = None, args: Any = None, name: Any = None, port: Any = None, env: Any = None
) -> None:
    ENGINE.step("daemon_try_start", **_start_captures(path, args, name, port, env))


def _holds(function: Any, **captures: Any) -> None:
    """Has greenroom make a check; raises an AssertionError if it does not hold."""
    try:
        ENGINE.step(function, **captures)
    except CallFailed as error:
        raise with_failure(AssertionError(str(error)), error.greenroom_failure) from None


def _daemon_stop_soonish(
    ctx: Context, path: Any = None, args: Any = None, name: Any = None, port: Any = None, env: Any = None
) -> None:
    """Does nothing: greenroom stops what it has started."""


def daemon_wait_for_port(host: Any, port: Any, timeout: Any = 5.0) -> None:
    """Waits until a port of a host accepts connections; `timeout` is in seconds."""
    import socket
    import time

    end = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=max(end - time.monotonic(), 0.01)).close()
            return
        except OSError as error:
            if time.monotonic() >= end:
                message = "no connection to port %s of %s within %s s" % (port, host, timeout)
                kind = socket.timeout if isinstance(error, socket.timeout) else ConnectionRefusedError
                raise kind(message) from None
        time.sleep(0.02)


def daemon_stop(ctx: Context, path: Any = None, args: Any = None, name: Any = None) -> None:
    """Stops a daemon."""
    ENGINE.step("daemon_stop", name=name)


def daemon_no_such_process(ctx: Context, args: Any = None) -> None:
    _holds("daemon_no_process", args=args)


def daemon_process_exists(ctx: Context, args: Any = None) -> None:
    _holds("daemon_process_runs", args=args)


def daemon_start_fails_with(ctx: Context, message: Any = None) -> None:
    _holds("daemon_start_fails", message=message)


def daemon_start_succeeds(ctx: Context) -> None:
    _holds("daemon_start_succeeds")


def daemon_has_produced_output(ctx: Context, name: Any = None) -> None:
    ENGINE.step("daemon_has_output", name=name)


def _daemon_get_output(ctx: Context, name: Any, which: Any) -> str:
    with open(ctx.declare("_daemon")[name][which], "rb") as file:
        return file.read().decode("utf-8", "replace")


def daemon_get_stdout(ctx: Context, name: Any) -> str:
    """Returns what a daemon has written to its standard output."""
    return _daemon_get_output(ctx, name, "stdout")


def daemon_get_stderr(ctx: Context, name: Any) -> str:
    """Returns what a daemon has written to its standard error."""
    return _daemon_get_output(ctx, name, "stderr")


def daemon_stdout_is(ctx: Context, name: Any = None, text: Any = None) -> None:
    ENGINE.step("daemon_stdout_is", name=name, text=text)


def daemon_stdout_contains(ctx: Context, name: Any = None, text: Any = None) -> None:
    ENGINE.step("daemon_stdout_contains", name=name, text=text)


def daemon_stdout_doesnt_contain(ctx: Context, name: Any = None, text: Any = None) -> None:
    ENGINE.step("daemon_stdout_lacks", name=name, text=text)


def daemon_stderr_is(ctx: Context, name: Any = None, text: Any = None) -> None:
    ENGINE.step("daemon_stderr_is", name=name, text=text)


# ---- Only here ----


def _literal(text: Any) -> str:
    """Protects a text from the escapes that steps replace."""
    return str(text).replace("\\", "\\\\")


def _seconds(timeout: Any) -> str | None:
    return None if timeout is None else str(timeout)


def daemon_options(
    ctx: Context,
    name: Any,
    directory: Any = None,
    stdin_file: Any = None,
    stdin_open: Any = False,
    open_files: Any = None,
    memory: Any = None,
    user: Any = None,
    ordinary_user: Any = False,
    notify: Any = False,
    stop_signal: Any = None,
    end_timeout: Any = None,
) -> None:
    """Says before the start of a daemon how it runs and ends; `memory` is a text such as "64M"."""
    valued = [
        ("directory", "path", directory),
        ("stdin_file", "file", stdin_file),
        ("open_files", "number", open_files),
        ("memory", "size", memory),
        ("user", "user", user),
        ("signal", "signal", stop_signal),
        ("end_limit", "limit", end_timeout),
    ]
    for option, capture, value in valued:
        if value is not None:
            ENGINE.step("daemon_option_" + option, **{"name": name, capture: str(value)})
    for option, is_set in [("stdin_open", stdin_open), ("ordinary", ordinary_user), ("notify", notify)]:
        if is_set:
            ENGINE.step("daemon_option_" + option, name=name)


def daemon_wait_for_text(
    ctx: Context,
    name: Any,
    text: Any,
    stream: Any = "stdout",
    again: Any = False,
    times: Any = None,
    timeout: Any = None,
) -> None:
    """Waits until a daemon has written a text; once more with `again`, so many times with `times`."""
    function = "daemon_wait_%s%s" % (stream, "_again" if again else "")
    times = None if times is None else str(times)
    ENGINE.step(function, name=name, text=_literal(text), times=times, limit=_seconds(timeout))


def daemon_wait_for_regex(ctx: Context, name: Any, regex: Any, stream: Any = "stdout", timeout: Any = None) -> None:
    """Waits until a daemon has written text that a regular expression matches, one of Rust's crate regex."""
    ENGINE.step("daemon_wait_" + stream, name=name, regex=str(regex), limit=_seconds(timeout))


def daemon_wait_for_listening(
    ctx: Context, name: Any, port: Any, udp: Any = False, tls: Any = False, timeout: Any = None
) -> None:
    """Waits until a daemon listens on a TCP port, on a UDP port, or accepts TLS."""
    function = "daemon_wait_udp_port" if udp else "daemon_wait_tls" if tls else "daemon_wait_port"
    ENGINE.step(function, name=name, port=str(port), limit=_seconds(timeout))


def daemon_wait_for_ready(ctx: Context, name: Any, timeout: Any = None) -> None:
    """Waits until a daemon reports READY=1 to its notify socket."""
    ENGINE.step("daemon_wait_ready", name=name, limit=_seconds(timeout))


def daemon_wait_for_end(ctx: Context, name: Any, timeout: Any = None) -> None:
    """Waits until a daemon ends by itself."""
    ENGINE.step("daemon_wait_end", name=name, limit=_seconds(timeout))


def daemon_signal(ctx: Context, name: Any, signal: Any) -> None:
    """Sends a signal to a daemon, by name or number."""
    ENGINE.step("daemon_signal", name=name, signal=str(signal))


def daemon_restart(ctx: Context, name: Any, timeout: Any = None) -> None:
    """Stops a daemon and starts it again, as it was started the first time."""
    ENGINE.step("daemon_restart", name=name, limit=_seconds(timeout))


def daemon_kill(ctx: Context, name: Any) -> None:
    """Kills a daemon and its process group."""
    ENGINE.step("daemon_kill", name=name)


def daemon_write_stdin(ctx: Context, name: Any, text: Any) -> None:
    """Writes a text to the standard input of a daemon that keeps it open."""
    ENGINE.step("daemon_write_stdin", name=name, text=_literal(text))


def daemon_close_stdin(ctx: Context, name: Any) -> None:
    """Closes the standard input of a daemon that keeps it open."""
    ENGINE.step("daemon_close_stdin", name=name)


def terminal_start(ctx: Context, name: Any, path: Any, args: Any = None, columns: Any = 80, rows: Any = 24) -> None:
    """Starts a program in a terminal."""
    captures = _start_captures(path, args, name, None, None)
    ENGINE.step("daemon_start_terminal", columns=str(columns), rows=str(rows), **captures)


def terminal_type(ctx: Context, name: Any, text: Any) -> None:
    """Types a text into a terminal."""
    ENGINE.step("daemon_type", name=name, text=_literal(text))


def terminal_press(ctx: Context, name: Any, key: Any) -> None:
    """Presses a key in a terminal: Enter, Ctrl-C, Up."""
    ENGINE.step("daemon_press", name=name, key=str(key))


def terminal_wait_for_text(ctx: Context, name: Any, text: Any, timeout: Any = None) -> None:
    """Waits until the program in a terminal shows a text, behind what the wait before has found."""
    ENGINE.step("daemon_wait_shows", name=name, text=_literal(text), limit=_seconds(timeout))
