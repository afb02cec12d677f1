"""What step files find in their namespace."""

from __future__ import annotations

from . import live
from .context import Context, NameSpace
from .helpers import basics as helpers
from .helpers import daemon, files, runcmd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

assert live  # its namespaces belong to the context


#: The step libraries: their modules, and what the names of their functions begin with.
LIBRARIES: dict[str, tuple[ModuleType, tuple[str, ...]]] = {
    "lib/files.py": (files, ("files_", "file_and_embedded_")),
    "lib/runcmd.py": (runcmd, ("runcmd_", "_runcmd_get")),
    "lib/daemon.py": (
        daemon,
        ("daemon_", "terminal_", "_daemon_start", "_daemon_stop", "_daemon_shell", "_daemon_get"),
    ),
}
_BASICS: tuple[Any, ...] = (
    Context,
    NameSpace,
    helpers.assert_eq,
    helpers.assert_ne,
    helpers.assert_dict_eq,
    helpers.decode_bytes,
    helpers.decode_str,
    helpers.get_file,
    helpers.store_file,
    helpers.indent,
    helpers.is_multiline_string,
    helpers.log_lines,
    helpers.log_value,
)
_NEEDS_NO_IMPORT = """
    argparse base64 json logging os random re shlex shutil signal socket subprocess sys tarfile tempfile time
    """
#: What step files can use without an import: by name, the module, and the attribute of it that has the name.
MODULES: dict[str, tuple[str, str | None]] = {name: (name, None) for name in _NEEDS_NO_IMPORT.split()}
MODULES["datetime"] = ("datetime", "datetime")


def library(file: str) -> dict[str, Any]:
    """The functions of a step library."""
    module, prefixes = LIBRARIES[file]
    return {name: value for name, value in vars(module).items() if name.startswith(prefixes)}


def basics() -> dict[str, Any]:
    """What belongs to no step library."""
    return {item.__name__: item for item in _BASICS}


def provided() -> dict[str, Any]:
    """Everything but modules that step files find in their namespace."""
    names = basics()
    for file in LIBRARIES:
        names.update(library(file))
    return names


def future_features(code: CodeType) -> int:
    """What code imports from `__future__`, as flags for the compiler."""
    if not code.co_flags >> 17:
        return 0
    import __future__

    known = [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]
    return sum({flag for flag in known if code.co_flags & flag})


def mentioned_names(code: CodeType) -> set[str]:
    """The names that code looks up, at any depth."""
    pending: list[Any] = [code]
    names: set[str] = set()
    while pending:
        code = pending.pop()
        names.update(code.co_names)
        pending.extend(constant for constant in code.co_consts if hasattr(constant, "co_names"))
    return names
