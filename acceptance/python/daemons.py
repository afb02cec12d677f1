# Step functions of daemons.md.

import os
import signal
import socket


def _free_port():
    with socket.create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


def _port(ctx):
    # The same one throughout the scenario. A program that needs none is known by it.
    return ctx.declare("daemons.md").get("port", _free_port())


def start_on_port(ctx, program=None, name=None):
    daemon_start_on_port = globals()["daemon_start_on_port"]
    port = _port(ctx)
    daemon_start_on_port(ctx, path="./" + program, args=" %s port %d" % (name, port), name=name, port=port)


def start(ctx, program=None, name=None):
    _daemon_start(ctx, path="./" + program, args=" %s number %d" % (name, _port(ctx)), name=name)


def stop(ctx, name=None, program=None):
    try:
        os.kill(ctx.declare("_daemon")[name]["pid"], signal.SIGKILL)
    except (KeyError, ProcessLookupError):
        pass


def try_to_start(ctx, program=None, name=None):
    port = _port(ctx)
    _daemon_start_soonish(ctx, path="./" + program, args=" %s port %d" % (name, port), name=name, port=port)


def stop_tried(ctx, program=None, name=None):
    _daemon_stop_soonish(ctx, path="./" + program, args="", name=name, port=_port(ctx))


def port_answers(ctx):
    socket.create_connection(("localhost", _port(ctx))).close()


def waits_for_port(ctx):
    daemon_wait_for_port("localhost", _port(ctx))


def waits_in_vain(ctx):
    try:
        daemon_wait_for_port("localhost", _free_port(), timeout=0.1)
    except ConnectionRefusedError:
        return
    raise Exception("another process has opened it")


def _pattern(ctx, program):
    # The machine may have other programs of this name.
    return "%s .*%d" % (program, _port(ctx))


def process_runs(ctx, program=None):
    daemon_process_exists(ctx, args=_pattern(ctx, program))
    _fails(daemon_no_such_process, ctx, _pattern(ctx, program))


def no_process_runs(ctx, program=None):
    daemon_no_such_process(ctx, args=_pattern(ctx, program))
    _fails(daemon_process_exists, ctx, _pattern(ctx, program))


def _fails(check, ctx, args):
    try:
        check(ctx, args=args)
    except AssertionError:
        return
    raise Exception("%s holds for %s" % (check.__name__, args))


def reads_stdout(ctx, text=None, name=None):
    assert text in daemon_get_stdout(ctx, name)


def reads_stderr(ctx, text=None, name=None):
    daemon_get_stderr = globals()["daemon_get_stderr"]
    assert text in daemon_get_stderr(ctx, name)


def namespace_has(ctx, name=None):
    daemon = ctx.declare("_daemon")[name]
    os.kill(daemon["pid"], 0)
    for key in ("stdout", "stderr"):
        assert os.path.isfile(daemon[key])
    assert_eq(os.path.basename(daemon["pid-file"]), name + ".pid")
    assert name in ctx.declare("_daemon")


def is_executable(ctx, file=None):
    assert os.access(file, os.X_OK)
