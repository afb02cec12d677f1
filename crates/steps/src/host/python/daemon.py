"""Helpers: library daemon."""


def _daemon_shell_script(ctx, filename=None):
    HOST.step("daemon_helper_script", filename=filename)


def _daemon_order(path, args, name, port, env):
    if isinstance(env, dict):
        env = encode({key: value if value is None else str(value) for key, value in env.items()})
    port = None if port is None else str(port)
    args = args or ""
    if path is not None and not ("'" in path or '"' in path):
        # They are two things; but a quote that begins in the one may end in the other.
        import shlex

        path, args = shlex.quote(path), " " + args.lstrip() if args else ""
    return {"path": path, "args": args, "name": name, "port": port, "env": env}


def _daemon_start(ctx, path=None, args=None, name=None, env=None):
    HOST.step("daemon_start", **_daemon_order(path, args, name, None, env))


def daemon_start(ctx, path=None, args=None, name=None, env=None):
    _the("_daemon_start")(ctx, path=path, args=args, name=name, env=env)


def daemon_start_on_port(ctx, path=None, args=None, name=None, port=None, env=None):
    try:
        HOST.step("daemon_start", **_daemon_order(path, args, name, port, env))
    except CallFailed as error:
        # What callers know as the sign of a daemon that does not answer.
        raise _with_failure(ConnectionRefusedError(str(error)), error.greenroom_failure) from None


def _daemon_start_soonish(ctx, path=None, args=None, name=None, port=None, env=None):
    HOST.step("daemon_try_start", **_daemon_order(path, args, name, port, env))


def _holds(function, **captures):
    """Has greenroom make a check. One that does not hold is to callers what any other is."""
    try:
        HOST.step(function, **captures)
    except CallFailed as error:
        raise _with_failure(AssertionError(str(error)), error.greenroom_failure) from None


def _daemon_stop_soonish(ctx, path=None, args=None, name=None, port=None, env=None):
    """Nothing is left to do: greenroom ends what it has started."""


def daemon_wait_for_port(host, port, timeout=5.0):
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


def daemon_stop(ctx, path=None, args=None, name=None):
    HOST.step("daemon_stop", name=name)


def daemon_no_such_process(ctx, args=None):
    _holds("daemon_no_process", args=args)


def daemon_process_exists(ctx, args=None):
    _holds("daemon_process_runs", args=args)


def daemon_start_fails_with(ctx, message=None):
    _holds("daemon_start_fails", message=message)


def daemon_start_succeeds(ctx):
    _holds("daemon_start_succeeds")


def daemon_has_produced_output(ctx, name=None):
    HOST.step("daemon_has_output", name=name)


def _daemon_get_output(ctx, name, which):
    with open(ctx.declare("_daemon")[name][which], "rb") as file:
        return file.read().decode("utf-8", "replace")


def daemon_get_stdout(ctx, name):
    return _daemon_get_output(ctx, name, "stdout")


def daemon_get_stderr(ctx, name):
    return _daemon_get_output(ctx, name, "stderr")


def daemon_stdout_is(ctx, name=None, text=None):
    HOST.step("daemon_stdout_is", name=name, text=text)


def daemon_stdout_contains(ctx, name=None, text=None):
    HOST.step("daemon_stdout_contains", name=name, text=text)


def daemon_stdout_doesnt_contain(ctx, name=None, text=None):
    HOST.step("daemon_stdout_lacks", name=name, text=text)


def daemon_stderr_is(ctx, name=None, text=None):
    HOST.step("daemon_stderr_is", name=name, text=text)
