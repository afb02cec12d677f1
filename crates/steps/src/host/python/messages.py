"""Messages: JSON, and the socket that they go over."""


class _Settings:
    """What the scanner of the standard library asks for."""

    strict, object_hook, object_pairs_hook, memo = False, None, None, {}
    parse_float, parse_int, parse_constant = float, int, float


def decode(text):
    """The value of JSON. Module `json` would do, but it imports `re`, which takes longer than all the rest; its inner part does not."""
    try:
        from _json import make_scanner

        value, end = make_scanner(_Settings)(text, 0)
        if end == len(text):
            return value
    except Exception:
        pass
    import json

    return json.loads(text)


def _quoter():
    try:
        from _json import encode_basestring
    except ImportError:
        from json.encoder import encode_basestring
    return encode_basestring


_quote = _quoter()


def encode(value):
    """JSON of the few types that messages have."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return _quote(str(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join(_quote(key) + ":" + encode(item) for key, item in value.items()) + "}"
    return "[" + ",".join(map(encode, value)) + "]"


def to_base64(data):
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text):
    return binascii.a2b_base64(text or "")


class Channel:
    """One end of the conversation: a line of JSON each way."""

    #: Room for descriptors beside a message.
    DESCRIPTORS = 32

    def __init__(self, descriptor):
        import _socket

        self._module = _socket
        self._socket = _socket.socket(fileno=_out_of_the_way(descriptor))
        self._room = _socket.CMSG_SPACE(4 * self.DESCRIPTORS)
        self._received = b""
        self.descriptors = []

    def close(self):
        self._socket.close()

    def is_on(self, descriptor):
        return self._socket.fileno() == descriptor

    def receive(self):
        """The next message; None at the end. Exceptions of signal handlers come through; nothing is lost by them."""
        while True:
            line, newline, rest = self._received.partition(b"\n")
            if newline:
                self._received = rest
                return decode(line.decode("utf-8"))
            pieces = [line]
            try:
                while True:
                    piece = self._some()
                    if not piece:
                        return None
                    pieces.append(piece)
                    if b"\n" in piece:
                        break
            finally:
                self._received = b"".join(pieces)

    def _some(self):
        flags = getattr(self._module, "MSG_CMSG_CLOEXEC", 0)
        piece, ancillary, _, _ = self._socket.recvmsg(1 << 18, self._room, flags)
        for level, kind, data in ancillary:
            if level == self._module.SOL_SOCKET and kind == self._module.SCM_RIGHTS:
                for start in range(0, len(data) - len(data) % 4, 4):
                    self.descriptors.append(int.from_bytes(data[start : start + 4], sys.byteorder))
        return piece

    def send(self, message):
        """Says it all; what a signal handler raised meanwhile is returned, since half a message helps nobody.

        When nobody is there to hear it, this process ends.
        """
        # Characters that are none (bytes of file names, say) cannot be said in JSON.
        rest = memoryview(encode(message).encode("utf-8", "replace") + b"\n")
        interruption = None
        while len(rest):
            try:
                rest = rest[self._socket.send(rest, self._module.MSG_NOSIGNAL) :]
            except OSError:
                _exit(70)
            except BaseException as raised:
                interruption = raised
        return interruption


def _out_of_the_way(descriptor):
    """Moves a descriptor to a high number, which no loop over low ones closes, and keeps it from programs that are executed."""
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
