"""Helpers: library files."""

from __future__ import annotations

from ..comparison import comparison
from ..engine import ENGINE
from ..system import os
from ..text import as_text
from .basics import check_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..comparison import Failure
    from ..context import Context


def files_relative(filename: Any) -> str:
    return "./" + filename


def _write(ctx: Context, name: Any, data: Any, executable: Any = False) -> None:
    ENGINE.current("files_make_directory")(ctx, path=os.path.dirname(name) or ".")
    with open(files_relative(name), "wb") as file:
        file.write(data)
    if executable:
        os.chmod(files_relative(name), 0o755)


def _read(name: Any) -> bytes:
    with open(files_relative(name), "rb") as file:
        return file.read()


def files_create_from_embedded(ctx: Context, embedded_file: Any = None) -> None:
    _write(ctx, embedded_file, ENGINE.current("get_file")(embedded_file))


def files_create_from_embedded_with_other_name(
    ctx: Context, filename_on_disk: Any = None, embedded_file: Any = None
) -> None:
    _write(ctx, filename_on_disk, ENGINE.current("get_file")(embedded_file))


def files_create_executable_from_embedded(ctx: Context, embedded_file: Any = None) -> None:
    _write(ctx, embedded_file, ENGINE.current("get_file")(embedded_file), True)


def files_create_executable_from_embedded_with_other_name(
    ctx: Context, filename_on_disk: Any = None, embedded_file: Any = None
) -> None:
    _write(ctx, filename_on_disk, ENGINE.current("get_file")(embedded_file), True)


def files_create_from_text(ctx: Context, filename: Any = None, text: Any = None) -> None:
    _write(ctx, filename, text.encode("utf-8"))


def files_make_directory(ctx: Context, path: Any = None) -> None:
    os.makedirs(files_relative(path), exist_ok=True)


def files_remove_file(ctx: Context, filename: Any = None) -> None:
    os.remove(files_relative(filename))


def files_remove_directory(ctx: Context, path: Any = None) -> None:
    import shutil

    shutil.rmtree(files_relative(path))


def files_remove_empty_directory(ctx: Context, path: Any = None) -> None:
    os.rmdir(files_relative(path))


def _is_there(kind: Any, name: Any, there: Any, wanted: Any) -> None:
    check_by(
        "assert_eq",
        there,
        wanted,
        lambda: {
            "message": "%s %s %s" % (kind, name, "does not exist" if wanted else "exists but should not"),
            "notes": ["the directory %s has %s" % (os.getcwd(), ", ".join(sorted(os.listdir("."))[:20]) or "nothing")],
        },
    )


def files_file_exists(ctx: Context, filename: Any = None) -> None:
    _is_there("file", filename, os.path.exists(files_relative(filename)), True)


def files_file_does_not_exist(ctx: Context, filename: Any = None) -> None:
    _is_there("file", filename, os.path.exists(files_relative(filename)), False)


def files_directory_exists(ctx: Context, path: Any = None) -> None:
    _is_there("directory", path, os.path.isdir(files_relative(path)), True)


def files_directory_does_not_exist(ctx: Context, path: Any = None) -> None:
    _is_there("directory", path, os.path.isdir(files_relative(path)), False)


def files_directory_is_empty(ctx: Context, path: Any = None) -> None:
    ENGINE.current("assert_eq")(os.listdir(files_relative(path)), [])


def files_directory_is_not_empty(ctx: Context, path: Any = None) -> None:
    ENGINE.current("assert_ne")(os.listdir(files_relative(path)), [])


def files_only_these_exist(ctx: Context, filenames: Any = None) -> None:
    ENGINE.current("assert_eq")(set(os.listdir(".")), set(filenames.replace(",", " ").split()))


def _file_check(filename: Any, relation: str, expected: str, holds: Callable[[str], object]) -> None:
    text = _read(filename).decode("utf-8", "replace")
    check_by("assert_eq", bool(holds(text)), True, lambda: comparison("file " + filename, relation, expected, text))


def files_file_contains(ctx: Context, filename: Any = None, data: Any = None) -> None:
    _file_check(filename, "contains", data, lambda text: data in text)


def files_file_doesnt_contain(ctx: Context, filename: Any = None, data: Any = None) -> None:
    _file_check(filename, "does_not_contain", data, lambda text: data not in text)


def files_file_matches_regex(ctx: Context, filename: Any = None, regex: Any = None) -> None:
    import re

    _file_check(filename, "matches", regex, lambda text: re.search(regex, text))


def _are_same(names: Any, one: Any, other: Any, wanted: Any) -> None:
    def explain() -> Failure:
        if not wanted:
            return {"message": "%s and %s are the same but should not be" % names}
        message = "%s and %s differ" % names
        return comparison("%s beside %s" % (names[1], names[0]), "is", as_text(one), as_text(other), message)

    check_by("assert_eq" if wanted else "assert_ne", one, other, explain)


def files_match(ctx: Context, filename1: Any = None, filename2: Any = None) -> None:
    _are_same((filename1, filename2), _read(filename1), _read(filename2), True)


def files_do_not_match(ctx: Context, filename1: Any = None, filename2: Any = None) -> None:
    _are_same((filename1, filename2), _read(filename1), _read(filename2), False)


def file_and_embedded_file_match(ctx: Context, filename: Any = None, embedded: Any = None) -> None:
    names = ("embedded file " + embedded, "file " + filename)
    _are_same(names, ENGINE.current("get_file")(embedded), _read(filename), True)


def file_and_embedded_file_do_not_match(ctx: Context, filename: Any = None, embedded: Any = None) -> None:
    names = ("embedded file " + embedded, "file " + filename)
    _are_same(names, ENGINE.current("get_file")(embedded), _read(filename), False)


def files_touch(ctx: Context, filename: Any = None) -> None:
    _touch(filename, None)


def files_touch_with_timestamp(ctx: Context, filename: Any = None, mtime: Any = None) -> None:
    import calendar
    import time

    stamp = calendar.timegm(time.strptime(mtime.strip(), "%Y-%m-%d %H:%M:%S"))
    _touch(filename, (stamp, stamp))


def _touch(filename: Any, times: Any) -> None:
    with open(files_relative(filename), "ab"):
        pass
    os.utime(files_relative(filename), times)


def _age(filename: Any) -> float:
    import time

    return abs(time.time() - os.stat(files_relative(filename)).st_mtime)


def files_mtime_is_recent(ctx: Context, filename: Any = None) -> None:
    age = _age(filename)
    if age >= 1:
        raise AssertionError("file %s is not very recent: it was modified %d s from now" % (filename, age))


def files_mtime_is_ancient(ctx: Context, filename: Any = None) -> None:
    age = _age(filename)
    if age <= 39 * 365 * 86400:
        raise AssertionError("file %s is not very old: it was modified %d s from now" % (filename, age))


def files_remember_metadata(ctx: Context, filename: Any = None) -> None:
    ENGINE.step("files_remember_metadata", filename=filename)


def files_has_remembered_metadata(ctx: Context, filename: Any = None) -> None:
    ENGINE.step("files_has_remembered_metadata", filename=filename)


def files_has_different_metadata(ctx: Context, filename: Any = None) -> None:
    ENGINE.step("files_has_different_metadata", filename=filename)
