"""The conversation with greenroom: loads files, carries out functions, ends."""


class Broken(Exception):
    """The conversation cannot go on."""


class Host:
    #: How long left-over threads are waited for at the end, in seconds.
    END_OF_THREADS = 1.0

    def __init__(self):
        self.channel = None
        self.process = _getpid()
        self.steps = {}
        self.files = {}
        #: Directories in which step files are, each with one of these.
        self.beside = {}
        self._latest = None
        self._is_latest_known = False
        self._context = None
        self._environment = {}
        self._initial = {}
        self._lock = _thread.RLock()
        self._is_open = False
        self._is_calling = False
        self._is_unanswered = False
        self._owed = 0
        self._forks = None
        self._log = False

    # -- Its life --

    def start(self):
        descriptor = int(os.environ.pop("GREENROOM_HOST"))
        os.register_at_fork(after_in_child=self._in_child)
        self.channel = Channel(descriptor)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.reconfigure(line_buffering=True, errors="backslashreplace")
            except Exception:
                pass
        self.serve()

    def serve(self):
        """Answers messages until there are no more."""
        while True:
            try:
                message = self._next()
                if message is None:
                    break
                self._answer(message)
            except Broken as error:
                self.channel.send({"broken": error.args[0]})
                break
            except BaseException as error:
                # A signal handler of the user's, or one left behind by a step.
                self._not_mine()
                if self._is_unanswered:
                    self._done(describe(error))
                else:
                    print("between steps: " + _line_of(error)[0], file=sys.stderr)
        self._end()

    def _next(self):
        while True:
            try:
                message = self.channel.receive()
            except (OSError, ValueError, RecursionError, StopIteration) as error:
                raise Broken({"message": "cannot read a message: %s" % _line_of(error)[0]})
            if self._owed and message is not None and ("result" in message or "error" in message):
                self._owed -= 1
                continue
            return message

    def _answer(self, message):
        if not isinstance(message, dict) or len(message) != 1:
            raise Broken({"message": "this is no message: %s" % show(message)})
        (kind, content), = message.items()
        answers = {"hello": self._hello, "fork": self._fork, "scenario": self._scenario, "step": self._step, "cleanup": self._step}
        if kind not in answers:
            raise Broken({"message": "unknown message: %s" % kind})
        try:
            answers[kind](content)
        except (KeyError, TypeError, AttributeError) as error:
            if _frames(error):
                raise
            raise Broken({"message": "message %s lacks something: %s" % (kind, _line_of(error)[0])})

    def _end(self):
        """Leaves as a program does: threads end, then come the functions that were registered for it, then files are written out.

        greenroom does not wait for long; threads have half of that at most.
        """
        ended = True
        if "threading" in sys.modules and sys.modules["threading"].active_count() > 1:
            ended = self._end_threads()
        try:
            if "atexit" in sys.modules:
                sys.modules["atexit"]._run_exitfuncs()
        except BaseException as error:
            self._not_mine()
            print("at the end: " + _line_of(error)[0], file=sys.stderr)
        self.flush()
        if ended and self._has_open_files():
            # The interpreter's own end destroys all objects, which is when files are closed. First those of the step files, as long
            # as the modules that they need are there.
            import gc

            gc.unfreeze()
            self._context = None
            self.steps.clear()
            gc.collect()
            sys.exit(0)
        if not ended:
            _flush_files()
        _exit(0)

    def _end_threads(self):
        """Waits for the threads that a program would wait for; whether they have ended."""
        import signal

        threading = sys.modules["threading"]

        def enough(*_):
            raise TimeoutError("left-over threads are not waited for")

        try:
            signal.signal(signal.SIGALRM, enough)
            signal.setitimer(signal.ITIMER_REAL, self.END_OF_THREADS)
            threading._shutdown()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException:
            self._not_mine()
        return all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate())

    def _has_open_files(self):
        """Whether something may be waiting in this process to be written to a file."""
        try:
            import fcntl

            descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
        except (ImportError, OSError, ValueError):
            return True
        for descriptor in descriptors:
            try:
                if descriptor > 2 and fcntl.fcntl(descriptor, fcntl.F_GETFL) & 3 != os.O_RDONLY:
                    if not self.channel.is_on(descriptor):
                        return True
            except OSError:
                pass
        return False

    def flush(self):
        for stream in (sys.stdout, sys.stderr, sys.__stdout__):
            try:
                stream.flush()
            except Exception:
                pass

    def _in_child(self):
        """In a child that step code has forked: the conversation is not the child's."""
        if self._forks is None or not self._forks.in_progress:
            self.channel.close()

    def _not_mine(self):
        """A child that step code has forked ends where the function that forked it does."""
        if _getpid() != self.process:
            self.flush()
            _exit(0)

    # -- Loading --

    def _hello(self, hello):
        if hello.get("protocol") != PROTOCOL:
            raise Broken({"message": "this host speaks version %d of the protocol" % PROTOCOL})
        import types

        source_directory = hello["source_directory"]
        if sys.path and sys.path[0] == "":
            # Where greenroom was started; what a scenario writes into its directory is not to be imported by accident.
            sys.path[0] = source_directory
        # Modules beside the step files, wherever greenroom was started.
        for file in hello["files"]:
            if file not in _LIBRARIES:
                self.beside.setdefault(os.path.dirname(os.path.abspath(file)), file)
        sys.path.extend(directory for directory in self.beside if directory not in sys.path)
        module = types.ModuleType(STEPS)
        sys.modules[STEPS] = module
        self.steps = module.__dict__
        self.steps.update(provided(), srcdir=source_directory, __builtins__=builtins)
        effects = None
        if hello.get("forks"):
            self._forks = Forks(self)
            effects = Effects()
        try:
            self._load(hello["files"])
        except BaseException as error:
            self._not_mine()
            if effects is not None:
                self._give_up()
            failure = describe(error)
            if isinstance(error, SystemExit):
                failure["notes"] = ["files with step functions are loaded as modules are: none of them may end the program"]
            raise Broken(failure)
        self._set_up_log()
        self._initial = self._environment = self._current_environment()
        self.flush()
        if effects is not None and not (effects.end() and self._is_alone() and not self._has_children()):
            self._give_up()
        name = "python %d.%d.%d" % sys.version_info[:3]
        self.channel.send({"ready": {"protocol": PROTOCOL, "name": name, "can_fork": effects is not None}})
        if effects is not None:
            # While whoever wants the first one gets ready too.
            self._forks.get_ready()

    def _give_up(self):
        """Ends without a word: each scenario will load the files itself, and say what is wrong with them."""
        import signal

        while self._has_children():
            with open("/proc/self/task/%d/children" % _getpid()) as children:
                for child in children.read().split():
                    os.kill(int(child), signal.SIGKILL)
            os.waitpid(-1, 0)
        _exit(0)

    def _load(self, files):
        codes, features = [], None
        for file in files:
            if file in _LIBRARIES:
                codes.append((file, None))
                continue
            with open(file, "rb") as source:
                text = source.read()
            _sources[file] = _lines(text)
            # Files of a program that was put together of them have the features of the first of them.
            code = compile(text, file, "exec", features or 0, True)
            if features is None:
                features = _features(code)
            codes.append((file, code))
        mentioned = set()
        for _, code in codes:
            if code is not None:
                mentioned |= _mentioned(code)
        for name in sorted(mentioned & set(_MODULES)):
            module, attribute = _MODULES[name]
            value = __import__(module)
            self.steps[name] = getattr(value, attribute) if attribute else value
        for file, code in codes:
            if code is None:
                self.steps.update(library(file))
            else:
                self.steps["__file__"] = file
                exec(code, self.steps)

    def _set_up_log(self):
        """What is logged goes to standard error; greenroom shows the end of it when a step fails."""
        if self._log or "logging" not in sys.modules:
            return
        self._log = True
        import logging

        class ToStandardError(logging.Handler):
            def emit(self, record):
                try:
                    print("%s: %s" % (record.levelname.lower(), self.format(record)), file=sys.stderr)
                except Exception:
                    pass

        root = logging.getLogger()
        if not root.handlers:
            root.addHandler(ToStandardError())
        root.setLevel(logging.DEBUG)
        # It tells of each event loop that is made, and one is for each function that is `async`.
        logging.getLogger("asyncio").setLevel(logging.INFO)

    def _is_alone(self):
        """Whether a copy of this thread would be a copy of the process."""
        if "threading" in sys.modules and sys.modules["threading"].active_count() > 1:
            return False
        try:
            return len(os.listdir("/proc/self/task")) == 1
        except OSError:
            return False

    def _has_children(self):
        """Whether something has been started that still is: copies would not have it, and it would be in no scenario."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def _fork(self, request):
        if self._forks is None:
            raise Broken({"message": "fork: nothing was said of it in hello"})
        descriptors, self.channel.descriptors = self.channel.descriptors, []
        self._forks.fork(request, descriptors)

    # -- Scenarios and steps --

    def _scenario(self, scenario):
        self.process = _getpid()
        self.files = {}
        self._context = Context()
        try:
            self._set_environment({name: self._initial.get(name) for name in {**self._current_environment(), **self._initial}})
            self._set_environment(scenario.get("environment") or {})
            os.chdir(scenario["directory"])
        except OSError as error:
            raise Broken(describe(error))
        self.steps["_datadir"] = os.path.dirname(scenario["directory"])
        if "tempfile" in sys.modules:
            # It looks at TMPDIR once.
            sys.modules["tempfile"].tempdir = None
        self.channel.send({"begun": {"process": self.process, "stack_signal": _write_stacks()}})

    def _step(self, step):
        self._is_latest_known = False
        self._is_open = self._is_unanswered = True
        failure = None
        try:
            self._set_environment(step.get("environment") or {})
            self._set_up_log()
            if step.get("directory"):
                os.chdir(step["directory"])
            self._carry_out(step["function"], step.get("captures") or {})
        except BaseException as error:
            if _getpid() != self.process:
                self._show_of_child(error)
                self.flush()
                _exit(1)
            failure = describe(error)
            # Frames keep what they hold alive, such as open files.
            error = None
        self._not_mine()
        self._done(failure)

    def _done(self, failure):
        with self._lock:
            # Threads that are left behind have nothing to say until the next step.
            self._is_open = False
        self.flush()
        done = {"failure": failure, "environment": self._changed_environment(), "directory": self._directory()}
        self._is_unanswered = False
        self.channel.send({"done": done})

    def _carry_out(self, name, captures):
        function = self._function(name)
        result = function(self._context, **captures)
        kind = type(result).__name__
        if kind == "coroutine":
            import asyncio

            asyncio.run(result)
        elif kind == "generator":
            result.close()
            raise TypeError("%s has `yield` in it: calling it carries out nothing" % name)

    def _function(self, name):
        first, *rest = name.split(".")
        try:
            function = self.steps[first]
            for part in rest:
                function = getattr(function, part)
        except (KeyError, AttributeError):
            import difflib

            known = [key for key, value in self.steps.items() if callable(value)]
            near = difflib.get_close_matches(name, known, 1)
            failure = {"message": "the step files define no function %s" % name}
            if near:
                failure["help"] = ["did you mean `%s`?" % near[0]]
            raise _with_failure(LookupError(name), failure) from None
        if not callable(function):
            raise _with_failure(TypeError(name), {"message": "%s is no function but %s" % (name, show(function))})
        return function

    def _show_of_child(self, error):
        try:
            failure = describe(error)
            lines = ["in a child of the step: " + failure["message"], failure.get("trace") or ""]
            print("\n".join(lines), file=sys.stderr)
        except BaseException:
            pass

    def _directory(self):
        try:
            try:
                return os.getcwd()
            except OSError:
                return _gone_directory()
        except Exception:
            # Somebody has put something else in the place of what it takes.
            return None

    # -- The environment --

    def _current_environment(self):
        try:
            return {name: value for name, value in _shared_os.environ.items() if _is_text(name) and _is_text(value)}
        except Exception:
            # Somebody has put something else in its place.
            return dict(self._environment)

    def _set_environment(self, changes):
        environ = _shared_os.environ
        for name, value in changes.items():
            if value is None:
                environ.pop(name, None)
            elif environ.get(name) != value:
                environ[name] = value
        self._environment = self._current_environment()

    def _changed_environment(self):
        """What has changed in the environment since greenroom last heard."""
        former, now = self._environment, self._current_environment()
        self._environment = now
        changed = {name: value for name, value in now.items() if former.get(name) != value}
        changed.update((name, None) for name in former if name not in now)
        return changed

    # -- Calls --

    def call(self, name, /, **arguments):
        if _getpid() != self.process:
            raise RuntimeError("%s: a child that a step function has forked cannot do this" % name)
        with self._lock:
            if not self._is_open:
                raise RuntimeError("%s: no step is being carried out" % name)
            if self._is_calling:
                raise RuntimeError("%s: greenroom is already doing something for this step" % name)
            self._is_calling = True
            try:
                request = {"name": name, "arguments": arguments, "environment": self._changed_environment(),
                           "directory": self._directory()}
                self._owed += 1
                interruption = self.channel.send({"call": request})
                if interruption is not None:
                    raise interruption
                while True:
                    answer = self.channel.receive()
                    if answer is None:
                        _exit(70)
                    self._owed -= 1
                    if not self._owed:
                        break
            finally:
                self._is_calling = False
        if "error" in answer:
            raise self._call_error(name, arguments, answer["error"])
        return answer.get("result")

    def _call_error(self, name, arguments, failure):
        import errno

        text, kind = failure.get("message") or "%s failed" % name, failure.get("kind")
        program = (arguments.get("argv") or [None])[0]
        if kind == "not-found":
            error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
        elif kind == "not-executable":
            error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), program)
        elif kind == "comparison" or failure.get("comparison"):
            error = AssertionError(text)
        else:
            error = CallFailed(text)
        return _with_failure(error, failure)

    def step(self, function, /, **captures):
        """Has greenroom carry out a function of its own step libraries."""
        self.flush()
        captures = {name: str(value) for name, value in captures.items() if value is not None}
        self.call("step", function=function, captures=captures)

    def latest(self):
        """The latest command of the scenario, as name space `_runcmd` shows it; asked for once in a step."""
        if not self._is_latest_known:
            self.remember_latest(self.call("runcmd_latest"))
        return self._latest

    def remember_latest(self, result):
        if result is not None:
            stdout, stderr = from_base64(result.get("stdout_base64")), from_base64(result.get("stderr_base64"))
            result = {
                "argv": result.get("argv") or [],
                "exit": result["exit"],
                "stdout.raw": stdout,
                "stderr.raw": stderr,
                "stdout": stdout.decode("utf-8", "replace"),
                "stderr": stderr.decode("utf-8", "replace"),
            }
        self._latest, self._is_latest_known = result, True

    def set_latest(self, latest):
        self.call(
            "runcmd_set_latest",
            argv=[_text(word) for word in latest["argv"] or []],
            exit=int(latest["exit"] or 0),
            stdout_base64=to_base64(latest["stdout.raw"] or b""),
            stderr_base64=to_base64(latest["stderr.raw"] or b""),
        )
        self._latest, self._is_latest_known = latest, True

    def file(self, name):
        if name not in self.files:
            try:
                self.files[name] = from_base64(self.call("file", name=name)["content_base64"])
            except CallFailed as error:
                raise _with_failure(KeyError(name), error.greenroom_failure) from None
        return self.files[name]


def _write_stacks():
    """The signal upon which the stacks of all threads are written to standard error, whatever they are doing; None if it is in use."""
    import faulthandler
    import signal

    number = 16  # SIGSTKFLT, which no kernel sends
    try:
        if signal.getsignal(number) != signal.SIG_DFL:
            return None
        faulthandler.register(number, file=2, all_threads=True, chain=False)
    except (AttributeError, OSError, RuntimeError, ValueError):
        return None
    return number


def _flush_files():
    """Writes out what waits in this process to be written to files."""
    import gc
    import io

    gc.unfreeze()
    for item in gc.get_objects():
        if issubclass(type(item), io.IOBase):
            try:
                item.flush()
            except Exception:
                pass
