"""What the tests share: they start the host as greenroom does, and play greenroom's part of the conversation.

The host is the program that greenroom's binary carries, put together from the source files, under the interpreter that
runs the tests.
"""

import array
import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap

import pytest

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 20


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def start_code():
    """What greenroom gives the interpreter on its command line."""
    source = read(os.path.join(PACKAGE, "..", "src", "interpreter.rs"))
    lines = re.search(r'START: &str = "(.*?)";', source, re.DOTALL).group(1)
    return re.sub(r"\\\n\s*", "", lines).replace("\\\\", "\\")


def program():
    """What greenroom's binary carries."""
    parts = [read(os.path.join(PACKAGE, "loader.py"))]
    for directory, _, names in os.walk(os.path.join(PACKAGE, "greenroom_host")):
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(directory, name)
                parts.append(os.path.relpath(path, PACKAGE) + "\n" + read(path))
    return "\0".join(parts)


START = start_code()
#: A file with the program in it, as long as this process lives.
PROGRAM = tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8")
PROGRAM.write(program())
PROGRAM.flush()
HOST = PROGRAM.name


def check(*files):
    """The report of the program behind `--check`."""
    with open(HOST, "rb") as code:
        output = subprocess.check_output(
            [sys.executable, "-c", START, "--check", *files],
            env=dict(os.environ, GREENROOM_CODE=str(code.fileno())),
            pass_fds=[code.fileno()],
            stdin=subprocess.DEVNULL,
        )
    assert output.count(b"\n") == 1
    return json.loads(output.decode("utf-8"))


def b64(data):
    return base64.b64encode(data).decode()


class CallError(Exception):
    """The error with which a test answers a call."""


class Line:
    """greenroom's end of a conversation."""

    def __init__(self, end):
        self.end = end
        self.end.settimeout(LIMIT)
        self.received = b""
        self.calls = []
        self.answers = {}

    def send(self, message, descriptors=()):
        data = json.dumps(message).encode() + b"\n"
        if descriptors:
            rights = array.array("i", descriptors)
            sent = self.end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            data = data[sent:]
        self.end.sendall(data)

    def receive(self):
        while b"\n" not in self.received:
            try:
                piece = self.end.recv(1 << 18)
            except ConnectionResetError:  # it ended with something unread
                return None
            if not piece:
                return None
            self.received += piece
        line, self.received = self.received.split(b"\n", 1)
        return json.loads(line.decode("utf-8"))

    def ask(self, message, descriptors=()):
        """Sends a message and answers calls until the answer comes."""
        self.send(message, descriptors)
        while True:
            answer = self.receive()
            if answer is None or "call" not in answer:
                return answer
            call = answer["call"]
            self.calls.append(call)
            try:
                self.send({"result": self.answers[call["name"]](**call["arguments"])})
            except CallError as error:
                self.send({"error": error.args[0]})

    def scenario(self, directory, **environment):
        answer = self.ask({"scenario": {"title": "T", "directory": directory, "environment": environment}})
        assert answer["begun"]["process"] > 0, answer
        return answer["begun"]["process"]

    def step(self, function, environment=None, kind="step", keyword="given", **captures):
        step = {
            "function": function,
            "captures": captures,
            "kind": keyword,
            "text": "text",
            "environment": environment or {},
        }
        return self.ask({kind: step})["done"]


class HostTest:
    """A host process for each test, with a directory of its own."""

    @pytest.fixture(autouse=True)
    def prepare(self):
        self.process = None
        with contextlib.ExitStack() as cleanups:
            self.cleanups = cleanups
            self.base = os.path.realpath(tempfile.mkdtemp())
            self.cleanup(shutil.rmtree, self.base, True)
            self.directory = os.path.join(self.base, "scenario")
            os.mkdir(self.directory)
            self.output = cleanups.enter_context(open(os.path.join(self.base, "output"), "w+b"))
            yield

    def cleanup(self, function, *arguments):
        """Calls a function at the end of the test; those added last come first."""
        self.cleanups.callback(function, *arguments)

    def write(self, text, name="steps.py"):
        path = os.path.join(self.base, name)
        with open(path, "w") as file:
            file.write(textwrap.dedent(text))
        return path

    def write_bytes(self, source, name="steps.py"):
        path = os.path.join(self.base, name)
        with open(path, "wb") as file:
            file.write(source)
        return path

    def start(self, environment=None, options=()):
        if self.process is not None:
            self.end()
        ours, theirs = socket.socketpair()
        code = open(HOST, "rb")
        env = dict(
            os.environ, GREENROOM_HOST=str(theirs.fileno()), GREENROOM_CODE=str(code.fileno()), **environment or {}
        )
        self.process = subprocess.Popen(
            [sys.executable, *options, "-c", START],
            env=env,
            cwd=self.base,
            pass_fds=[theirs.fileno(), code.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )
        code.close()
        theirs.close()
        self.line = Line(ours)
        self.cleanup(self.end)
        return self.line

    def end(self):
        self.line.end.close()
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def hello(self, *files, forks=False, environment=None, options=()):
        message = {
            "hello": {
                "protocol": 1,
                "protocols": [1, 2],
                "language": "python",
                "files": list(files),
                "source_directory": self.base,
            }
        }
        message["hello"]["forks"] = forks
        return self.start(environment, options).ask(message)

    def load(self, *texts, **environment):
        """A host with these step files that has begun a scenario."""
        files = [
            text if text.startswith("lib/") else self.write(text, "steps%d.py" % n) for n, text in enumerate(texts)
        ]
        answer = self.hello(*files)
        assert "ready" in answer, answer
        self.line.scenario(self.directory, **environment)
        return self.line

    def passes(self, function, **captures):
        done = self.line.step(function, **captures)
        assert done["failure"] is None, done
        return done

    def fails(self, function, **captures):
        failure = self.line.step(function, **captures)["failure"]
        assert failure is not None
        assert "\n" not in failure["message"]
        return failure

    def written(self):
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace")
