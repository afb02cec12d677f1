"""Messages: JSON, and the socket that carries them."""

from __future__ import annotations

import binascii
import sys

from .system import exit_now, os
from .untyped import is_instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class _Settings:
    """The attributes that the scanner of the standard library reads."""

    strict, object_hook, object_pairs_hook = False, None, None
    memo: dict[str, str] = {}  # noqa: RUF012 # the scanner empties it after each message
    parse_float, parse_int, parse_constant = float, int, float


def _scanner() -> Callable[[str, int], tuple[Any, int]] | None:
    try:
        from _json import make_scanner
    except ImportError:
        return None
    settings: Any = _Settings
    return make_scanner(settings)


_scan = _scanner()


def decode(text: str) -> Any:
    """Parses JSON.

    Module `json` imports `re`, which takes longer than all the rest of the start; its inner part does not.
    """
    if _scan is not None:
        try:
            value, end = _scan(text, 0)
            if end == len(text):
                return value
        except Exception:
            pass
    import json

    return json.loads(text)


def _quoter() -> Callable[[str], str]:
    try:
        from _json import encode_basestring
    except ImportError:
        from json.encoder import encode_basestring
    return encode_basestring


_quote = _quoter()


def encode(value: Any) -> str:
    """Writes the few types that messages have as JSON."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return _quote(str(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if is_instance(value, dict):
        return "{" + ",".join(_quote(key) + ":" + encode(item) for key, item in value.items()) + "}"
    return "[" + ",".join(map(encode, value)) + "]"


def to_base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text: str | bytes | None) -> bytes:
    return binascii.a2b_base64(text or "")


class Channel:
    """The host's end of the conversation: a line of JSON each way."""

    #: The most descriptors beside a message.
    DESCRIPTORS = 32
    #: The most bytes that are received at once.
    PIECE = 1 << 16

    def __init__(self, descriptor: int) -> None:
        import _socket

        self._module: Any = _socket
        self._socket = _socket.socket(fileno=_move_up(descriptor))
        self._room = _socket.CMSG_SPACE(4 * self.DESCRIPTORS)
        self._flags: int = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)
        #: What pieces are received into. It is kept, because new memory of this size would cost more than the piece.
        self._piece = bytearray(self.PIECE)
        self._received = b""
        self.descriptors: list[int] = []
        #: The number of the current request, which replies repeat.
        self.request: str | None = None

    def close(self) -> None:
        self._socket.close()

    def move(self, descriptor: int) -> None:
        """Begins another conversation, on this socket."""
        os.dup2(descriptor, self._socket.fileno(), False)
        os.close(descriptor)
        self._received, self.descriptors, self.request = b"", [], None

    def is_on(self, descriptor: int) -> bool:
        return self._socket.fileno() == descriptor

    def receive(self) -> Any:
        """The next message; None at the end. An exception of a signal handler passes through and loses nothing."""
        while True:
            line, newline, rest = self._received.partition(b"\n")
            if newline:
                self._received = rest
                return decode(line.decode("utf-8"))
            pieces = [line]
            try:
                while True:
                    piece = self._receive_piece()
                    if not piece:
                        return None
                    pieces.append(piece)
                    if b"\n" in piece:
                        break
            finally:
                self._received = b"".join(pieces)

    def _receive_piece(self) -> bytes:
        length, ancillary, _, _ = self._socket.recvmsg_into([self._piece], self._room, self._flags)
        for level, kind, data in ancillary:
            if level == self._module.SOL_SOCKET and kind == self._module.SCM_RIGHTS:
                for start in range(0, len(data) - len(data) % 4, 4):
                    self.descriptors.append(int.from_bytes(data[start : start + 4], sys.byteorder))
        return bytes(memoryview(self._piece)[:length])

    def send(self, message: dict[str, Any]) -> BaseException | None:
        """Sends a whole message; returns what a signal handler raised meanwhile, since half a message is useless.

        Ends this process when the other end is closed.
        """
        if self.request is not None:
            message = {name: {**content, "request": self.request} for name, content in message.items()}
        # JSON cannot carry lone surrogates, such as those in file names that are not UTF-8.
        rest = memoryview(encode(message).encode("utf-8", "replace") + b"\n")
        interruption = None
        while len(rest):
            try:
                rest = rest[self._socket.send(rest, self._module.MSG_NOSIGNAL) :]
            except OSError:
                exit_now(70)
            except BaseException as raised:
                interruption = raised
        return interruption


def _move_up(descriptor: int) -> int:
    """Moves a descriptor to a high number, where loops over low ones do not close it, and sets close-on-exec."""
    try:
        import fcntl
        import resource

        lowest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1024) - 24
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, max(lowest, 3))
    except (ImportError, OSError):
        os.set_inheritable(descriptor, False)
        return descriptor
    os.close(descriptor)
    return moved
