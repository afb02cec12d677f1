# Step functions of surroundings.md.

import base64
import json
import logging
import os
import shutil
import tempfile


def empty(ctx):
    assert_eq(os.listdir("."), [])


def variables_name_directory(ctx, names=None):
    for name in names.split(", "):
        assert os.path.samefile(os.environ[name], os.getcwd()), name


def variable_is(ctx, name=None, value=None):
    assert_eq(os.environ[name], value)


def is_in_directory(ctx, path=None):
    assert os.path.samefile(os.path.dirname(os.path.expanduser(path)), os.getcwd())


def temporary_files(ctx):
    # Python remembers where it has put them before.
    tempfile.tempdir = None
    with tempfile.NamedTemporaryFile() as file:
        assert os.path.samefile(os.path.dirname(file.name), os.getcwd())


def write(ctx, text=None, file=None):
    with open(file, "w") as f:
        f.write(text)


def has_only(ctx, name=None):
    assert_eq(os.listdir("."), [name])


def close_above(ctx):
    os.chmod("..", 0o700)


def can_write(ctx):
    write(ctx, "text", "file")
    assert os.path.isfile("file")


def go_below(ctx):
    os.mkdir("below")
    os.chdir("below")


def srcdir_is_directory(ctx):
    srcdir = globals()["srcdir"]
    assert_eq(type(srcdir), str)
    assert os.path.isabs(srcdir)
    assert os.path.isdir(srcdir)


def is_not_srcdir(ctx):
    assert not os.path.samefile(srcdir, ".")


def there_is_variable(ctx, name=None):
    assert os.environ[name]


def there_is_no_variable(ctx, name=None):
    assert name not in os.environ


def finds_program(ctx, program=None):
    assert shutil.which(program)


def set_variable(ctx, name=None, value=None):
    os.environ[name] = value


def unset_variable(ctx, name=None):
    del os.environ[name]


def holds(ctx, check=None, a=None, b=None):
    globals()[check](json.loads(a), json.loads(b))


def does_not_hold(ctx, check=None, a=None, b=None):
    _failure(check, a, b)


def failure_mentions(ctx, check=None, a=None, b=None, one=None, other=None):
    text = str(_failure(check, a, b))
    assert one in text
    assert other in text


def _failure(check, a, b):
    try:
        globals()[check](json.loads(a), json.loads(b))
    except AssertionError as e:
        return e
    raise Exception("%s holds for %s and %s" % (check, a, b))


class Recorder(logging.Handler):
    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def _logged(function, *arguments):
    recorder, root = Recorder(), logging.getLogger()
    level = root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    try:
        function(*arguments)
    finally:
        root.removeHandler(recorder)
        root.setLevel(level)
    return recorder.messages


def logs_values(ctx):
    value = {"words": ["a", "b"], "text": "one\ntwo\n", "none": None, "empty": {}, "bytes": b"x\ny"}
    ctx["logged"] = _logged(log_value, "value", 0, value) + _logged(log_value, "deeper", 2, 17)


def log_is_readable(ctx):
    assert_eq(
        ctx["logged"],
        [
            "value:",
            "  'bytes':",
            "    b'x\\n'",
            "    b'y'",
            "  'empty': {}",
            "  'none': None",
            "  'text':",
            "    'one\\n'",
            "    'two\\n'",
            "  'words':",
            "    0: 'a'",
            "    1: 'b'",
            "    deeper: 17",
        ],
    )


def indents(ctx):
    assert_eq([indent(0), indent(1), indent(3)], ["", "  ", "      "])


def tells_lines(ctx):
    assert is_multiline_string("a\nb")
    assert is_multiline_string(b"a\n")
    assert not is_multiline_string("a")
    assert not is_multiline_string(["a\nb"])


def logs_lines(ctx):
    assert_eq(_logged(log_lines, "> ", "a\nb"), ["> 'a\\n'", "> 'b'"])
    assert_eq(_logged(log_lines, "> ", b"a"), ["> b'a'"])


def gives_bytes(ctx, file=None):
    assert_eq(get_file(file), b"An emerald is as green as grass;\nA ruby red as blood;\n")


def stores(ctx, text=None, name=None):
    store_file(name, text.encode("utf-8"))


def gives(ctx, text=None, name=None):
    assert_eq(get_file(name), text.encode("utf-8"))


def decodes(ctx):
    encoded = base64.b64encode("grün".encode("utf-8")).decode("ascii")
    assert_eq(decode_str(encoded), "grün")
    assert_eq(decode_bytes(encoded), "grün".encode("utf-8"))
