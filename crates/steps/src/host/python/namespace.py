"""What step files find in their namespace."""

_LIBRARIES = {
    "lib/files.py": ("files_", "file_and_embedded_"),
    "lib/runcmd.py": ("runcmd_", "_runcmd_get"),
    "lib/daemon.py": ("daemon_", "_daemon_start", "_daemon_stop", "_daemon_shell", "_daemon_get"),
}
_OTHERS = (
    Context, NameSpace, assert_eq, assert_ne, assert_dict_eq, decode_bytes, decode_str, get_file, store_file, indent,
    is_multiline_string, log_lines, log_value,
)
#: Modules that are there without an import, under the names that they have there.
_MODULES = {name: (name, None) for name in (
    "argparse", "base64", "json", "logging", "os", "random", "re", "shlex", "shutil", "signal", "socket", "subprocess", "sys",
    "tarfile", "tempfile", "time")}
_MODULES["datetime"] = ("datetime", "datetime")


def library(file):
    """The functions of a step library."""
    return {name: value for name, value in globals().items() if name.startswith(_LIBRARIES[file])}


def provided():
    """All that step files find in their namespace but modules."""
    names = {item.__name__: item for item in _OTHERS}
    for file in _LIBRARIES:
        names.update(library(file))
    return names


def _features(code):
    """What code has imported from `__future__`, as flags for the compiler."""
    if not code.co_flags >> 17:
        return 0
    import __future__

    known = [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]
    return sum({flag for flag in known if code.co_flags & flag})


def _mentioned(code):
    """The names that code looks up, at any depth."""
    pending, names = [code], set()
    while pending:
        code = pending.pop()
        names.update(code.co_names)
        pending.extend(constant for constant in code.co_consts if hasattr(constant, "co_names"))
    return names
