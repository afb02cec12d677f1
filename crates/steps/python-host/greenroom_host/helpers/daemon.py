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
