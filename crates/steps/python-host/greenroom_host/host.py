"""The program that runs step functions: loads files, calls functions, ends."""

from __future__ import annotations

import builtins
import sys

from .context import Context, Running
from .effects import Effects
from .engine import ENGINE
from .failures import describe, lines_of, user_frames, with_call, with_failure
from .forks import Forks, is_alone
from .messages import Channel, from_base64
from .namespace import LIBRARIES, MODULES, future_features, library, mentioned_names, provided
from .results import finish
from .source import directories, keep_assertions, sources, split_lines
from .system import PROTOCOL, STEPS, exit_now, getpid, os, signals
from .untyped import is_instance
from .values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, NoReturn

    from .comparison import Failure


#: The name of no function, with which greenroom asks for what threads have left.
NO_FUNCTION = "(none)"


class ConversationError(Exception):
    """The conversation cannot go on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class Host:
    """Answers greenroom's messages."""

    #: How long to wait at the end for threads that are left behind, in seconds.
    END_OF_THREADS = 1.0

    def __init__(self) -> None:
        self._context: Context | None = None
        #: The environment after loading, with which each scenario begins.
        self._initial: dict[str, str] = {}
        self._watches_threads = False
        self._of_threads: list[AssertionError] = []
        self._is_unanswered = False
        self._forks: Forks | None = None
        #: Whether this host was copied from one that had loaded the files.
        self._is_copy = False
        self._stack_signal: int | None = None
        self._has_log = False

    # -- Its life --

    def start(self) -> None:
        descriptor = int(os.environ.pop("GREENROOM_HOST"))
        os.register_at_fork(after_in_child=self._in_child)
        ENGINE.channel = Channel(descriptor)
        streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
        for stream in streams:
            try:
                stream.reconfigure(line_buffering=True, errors="backslashreplace")
            except Exception:
                pass
        self.serve()

    def serve(self) -> NoReturn:
        """Answers messages until there are no more."""
        while True:
            try:
                message = self._next()
                if message is None:
                    break
                self._answer(message)
            except ConversationError as error:
                ENGINE.channel.send({"broken": error.failure})
                break
            except BaseException as error:
                # Raised by a signal handler of the user's.
                ENGINE.exit_in_child()
                if self._is_unanswered:
                    self._done(describe(error))
                else:
                    print("between steps: " + lines_of(error)[0], file=sys.stderr)
        self._end()

    def _next(self) -> Any:
        while True:
            try:
                message = ENGINE.channel.receive()
            except (OSError, ValueError, RecursionError, StopIteration) as error:
                raise ConversationError({"message": "cannot read a message: %s" % lines_of(error)[0]}) from None
            if ENGINE.owed and message is not None and ("result" in message or "error" in message):
                ENGINE.owed -= 1
                continue
            return message

    def _answer(self, message: Any) -> None:
        if not is_instance(message, dict) or len(message) != 1:
            raise ConversationError({"message": "invalid message: %s" % show(message)})
        ((kind, content),) = message.items()
        if is_instance(content, dict):
            ENGINE.channel.request = content.get("request")
        answers = {
            "hello": self._hello,
            "fork": self._fork,
            "scenario": self._scenario,
            "step": self._step,
            "cleanup": self._cleanup,
        }
        if kind not in answers:
            raise ConversationError({"message": "unknown message: %s" % kind})
        try:
            answers[kind](content)
        except (KeyError, TypeError, AttributeError) as error:
            if user_frames(error):
                raise
            raise ConversationError({"message": "incomplete message %s: %s" % (kind, lines_of(error)[0])}) from None

    def _end(self) -> NoReturn:
        """Ends as a program does: threads end, registered functions run, then files are written.

        greenroom does not wait for long; threads have half of that at most.
        """
        ended = True
        if "threading" in sys.modules and sys.modules["threading"].active_count() > 1:
            ended = self._end_threads()
        try:
            if "atexit" in sys.modules:
                sys.modules["atexit"]._run_exitfuncs()
        except BaseException as error:
            ENGINE.exit_in_child()
            print("at the end: " + lines_of(error)[0], file=sys.stderr)
        ENGINE.flush()
        if ended and self._has_open_files():
            # The interpreter closes files when it destroys all objects at its end. Objects of the step files go first,
            # while the modules that they need are still there.
            import gc

            gc.unfreeze()
            self._context = None
            ENGINE.steps.clear()
            gc.collect()
            sys.exit(0)
        if not ended:
            _flush_files()
        exit_now(0)

    def _end_threads(self) -> bool:
        """Waits for the threads that a program would wait for; returns whether they have ended."""
        import signal

        threading: Any = sys.modules["threading"]

        def stop_waiting(*_: Any) -> NoReturn:
            raise TimeoutError("some threads did not end")

        try:
            signal.signal(signal.SIGALRM, stop_waiting)
            signal.setitimer(signal.ITIMER_REAL, self.END_OF_THREADS)
            threading._shutdown()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException:
            ENGINE.exit_in_child()
        return all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate())

    def _has_open_files(self) -> bool:
        """Whether this process may hold something that is still to be written to a file."""
        try:
            import fcntl

            descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
        except (ImportError, OSError, ValueError):
            return True
        for descriptor in descriptors:
            try:
                if descriptor > 2 and fcntl.fcntl(descriptor, fcntl.F_GETFL) & 3 != os.O_RDONLY:
                    if not ENGINE.channel.is_on(descriptor):
                        return True
            except OSError:
                pass
        return False

    def _in_child(self) -> None:
        """Closes the socket in a child that step code has forked."""
        if self._forks is None or not self._forks.in_progress:
            ENGINE.channel.close()

    # -- Loading --

    def _hello(self, hello: dict[str, Any]) -> None:
        if PROTOCOL not in (hello.get("protocols") or ()):
            raise ConversationError({"message": "this host speaks version %d of the protocol" % PROTOCOL})
        import types

        source_directory = hello["source_directory"]
        if sys.path and sys.path[0] == "":
            # The directory in which greenroom was started. A scenario's own files must not be imported by accident.
            sys.path[0] = source_directory
        # Step files can import modules beside them, wherever greenroom was started.
        for file in hello["files"]:
            if file not in LIBRARIES:
                directories.setdefault(os.path.dirname(os.path.abspath(file)), file)
        keep_assertions()
        sys.path.extend(directory for directory in directories if directory not in sys.path)
        module = types.ModuleType(STEPS)
        sys.modules[STEPS] = module
        ENGINE.steps = module.__dict__
        ENGINE.steps.update(provided(), srcdir=source_directory, __builtins__=builtins)
        effects = None
        if hello.get("forks"):
            self._forks = Forks()
            effects = Effects()
        try:
            self._load(hello["files"], hello.get("contents") or {})
        except BaseException as error:
            ENGINE.exit_in_child()
            if effects is not None:
                self._give_up()
            failure = describe(error)
            if isinstance(error, SystemExit):
                failure["notes"] = [
                    "files with step functions are loaded like modules: none of them may end the program"
                ]
            raise ConversationError(failure) from None
        self._set_up_log()
        ENGINE.set_environment({})
        self._initial = dict(ENGINE.current_environment())
        ENGINE.flush()
        if effects is not None and not (effects.end() and is_alone() and not _has_children()):
            self._give_up()
        name = "python %d.%d.%d" % sys.version_info[:3]
        ready = {"protocol": PROTOCOL, "name": name, "can_fork": effects is not None}
        if effects is not None and self._forks is not None:
            ready["can_fork_directly"] = self._forks.can_be_direct and not effects.has_fork_hooks
        ENGINE.channel.send({"ready": ready})
        if self._forks is not None:
            # While the first scenario that wants a copy gets ready, too.
            self._stack_signal = _write_stacks_on_signal()
            self._forks.get_ready()

    def _give_up(self) -> NoReturn:
        """Ends without an answer: each scenario then loads the files itself, and reports what is wrong with them."""
        import signal

        while _has_children():
            with open("/proc/self/task/%d/children" % getpid()) as children:
                for child in children.read().split():
                    os.kill(int(child), signal.SIGKILL)
            os.waitpid(-1, 0)
        exit_now(0)

    def _load(self, files: list[str], contents: dict[str, dict[str, str]]) -> None:
        codes: list[tuple[str, CodeType | None]] = []
        features: int | None = None
        for file in files:
            if file in LIBRARIES:
                codes.append((file, None))
                continue
            if file in contents:
                # As it was when it was checked: it may have changed since.
                text = from_base64(contents[file]["content_base64"])
            else:
                with open(file, "rb") as source:
                    text = source.read()
            sources[file] = split_lines(text)
            # The files act as one program, which has the `__future__` features of the first of them.
            code = compile(text, file, "exec", features or 0, True, 0)
            if features is None:
                features = future_features(code)
            codes.append((file, code))
        mentioned: set[str] = set()
        for _, code in codes:
            if code is not None:
                mentioned |= mentioned_names(code)
        for name in sorted(mentioned & set(MODULES)):
            module, attribute = MODULES[name]
            value = __import__(module)
            ENGINE.steps[name] = getattr(value, attribute) if attribute else value
        for file, code in codes:
            if code is None:
                ENGINE.steps.update(library(file))
            else:
                ENGINE.steps["__file__"] = file
                exec(code, ENGINE.steps)

    def _set_up_log(self) -> None:
        """Sends the log to standard error, whose end greenroom shows when a step fails."""
        if self._has_log or "logging" not in sys.modules:
            return
        self._has_log = True
        import logging

        class ToStandardError(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                try:
                    print("%s: %s" % (record.levelname.lower(), self.format(record)), file=sys.stderr)
                except Exception:
                    pass

        root = logging.getLogger()
        if not root.handlers:
            root.addHandler(ToStandardError())
        root.setLevel(logging.DEBUG)
        # It logs each event loop, and each `async` function has one.
        logging.getLogger("asyncio").setLevel(logging.INFO)

    def _fork(self, request: dict[str, Any]) -> None:
        if self._forks is None:
            raise ConversationError({"message": "fork: `hello` did not ask for copies"})
        descriptors, ENGINE.channel.descriptors = ENGINE.channel.descriptors, []
        self._is_copy = self._forks.fork(request, descriptors)

    # -- Scenarios and steps --

    def _scenario(self, scenario: dict[str, Any]) -> None:
        ENGINE.process = getpid()
        ENGINE.files = {}
        is_first, self._context = self._context is None, Context()
        try:
            if not is_first:
                names = {**ENGINE.current_environment(), **self._initial}
                ENGINE.set_environment({name: self._initial.get(name) for name in names})
            ENGINE.set_environment(scenario.get("environment") or {})
            os.chdir(scenario["directory"])
        except OSError as error:
            raise ConversationError(describe(error)) from None
        ENGINE.steps["_datadir"] = os.path.dirname(scenario["directory"])
        if "tempfile" in sys.modules:
            # It reads TMPDIR only once.
            vars(sys.modules["tempfile"])["tempdir"] = None
        if not self._is_copy:
            self._stack_signal = _write_stacks_on_signal()
        ENGINE.channel.send({"begun": {"process": ENGINE.process, "stack_signal": self._stack_signal}})

    def _step(self, step: dict[str, Any]) -> None:
        ENGINE.begin_step()
        self._is_unanswered = True
        failure = directory = None
        try:
            ENGINE.set_environment(step.get("environment") or {})
            self._set_up_log()
            if step.get("directory"):
                os.chdir(step["directory"])
            directory = ENGINE.directory()
            self._watch_threads()
            if step["function"] != NO_FUNCTION:
                self._call(step["function"], step.get("captures") or {}, step.get("kind"))
            if self._of_threads:
                raise self._of_threads[0]
        except BaseException as error:
            if getpid() != ENGINE.process:
                self._show_child_error(error)
                ENGINE.flush()
                exit_now(1)
            failure = with_call(describe(error), error, step["function"], step.get("captures") or {})
            # Frames keep what they hold alive, such as open files.
            error = None
        self._of_threads.clear()
        ENGINE.exit_in_child()
        ENGINE.follow_directory(directory)
        self._done(failure)

    def _cleanup(self, step: dict[str, Any]) -> None:
        # It checks nothing, whatever kind of step it belongs to.
        self._step({**step, "kind": None})

    def _watch_threads(self) -> None:
        """Keeps the failed assertions of threads, which Python only prints, for the end of the step."""
        threading: Any = sys.modules.get("threading")
        if threading is None or self._watches_threads:
            return
        self._watches_threads = True
        show_error = threading.excepthook

        def keep(arguments: Any) -> None:
            error = arguments.exc_value
            if isinstance(error, AssertionError):
                notes: Any = getattr(error, "__notes__", None) or ()
                note = "it failed in thread %s" % getattr(arguments.thread, "name", "without a name")
                vars(error)["__notes__"] = [*notes, note]
                self._of_threads.append(error)
            show_error(arguments)

        threading.excepthook = keep

    def _done(self, failure: Failure | None) -> None:
        ENGINE.end_step()
        ENGINE.flush()
        done = {"failure": failure, "environment": ENGINE.changed_environment(), "directory": ENGINE.directory()}
        self._is_unanswered = False
        ENGINE.channel.send({"done": done})

    def _call(self, name: str, captures: dict[str, str], kind: str | None) -> None:
        function = self._function(name)
        Running.name = name
        finish(name, function(self._context, **captures), kind == "then")

    def _function(self, name: str) -> Any:
        first, *rest = name.split(".")
        try:
            function = ENGINE.steps[first]
            for part in rest:
                function = getattr(function, part)
        except (KeyError, AttributeError):
            import difflib

            known = [key for key, value in ENGINE.steps.items() if callable(value)]
            near = difflib.get_close_matches(name, known, 1)
            failure: Failure = {"message": "the step files define no function %s" % name}
            if near:
                failure["help"] = ["did you mean `%s`?" % near[0]]
            raise with_failure(LookupError(name), failure) from None
        if not callable(function):
            raise with_failure(TypeError(name), {"message": "%s is not a function, but %s" % (name, show(function))})
        return function

    def _show_child_error(self, error: BaseException) -> None:
        try:
            failure = describe(error)
            lines = ["in a child of the step: " + failure["message"], failure.get("trace") or ""]
            print("\n".join(lines), file=sys.stderr)
        except BaseException:
            pass


def _has_children() -> bool:
    """Whether loading has started a process that still runs: copies would not have it, and no scenario would end it."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _write_stacks_on_signal() -> int | None:
    """The signal that makes this process write the stacks of all threads to standard error; None if it is in use."""
    import faulthandler

    number = 16  # SIGSTKFLT, which no kernel sends
    try:
        if signals.getsignal(number) != signals.SIG_DFL:
            return None
        faulthandler.register(number, file=2, all_threads=True, chain=False)
    except (AttributeError, OSError, RuntimeError, ValueError):
        return None
    return number


def _flush_files() -> None:
    """Writes to files what this process still holds."""
    import gc
    import io

    gc.unfreeze()
    for item in gc.get_objects():
        if issubclass(type(item), io.IOBase):
            try:
                item.flush()
            except Exception:
                pass


def main() -> None:
    Host().start()
