"""Helpers: library files."""


def files_relative(filename):
    return "./" + filename


def _write(ctx, name, data, executable=False):
    _the("files_make_directory")(ctx, path=os.path.dirname(name) or ".")
    with open(files_relative(name), "wb") as file:
        file.write(data)
    if executable:
        os.chmod(files_relative(name), 0o755)


def _read(name):
    with open(files_relative(name), "rb") as file:
        return file.read()


def files_create_from_embedded(ctx, embedded_file=None):
    _write(ctx, embedded_file, _the("get_file")(embedded_file))


def files_create_from_embedded_with_other_name(ctx, filename_on_disk=None, embedded_file=None):
    _write(ctx, filename_on_disk, _the("get_file")(embedded_file))


def files_create_executable_from_embedded(ctx, embedded_file=None):
    _write(ctx, embedded_file, _the("get_file")(embedded_file), True)


def files_create_executable_from_embedded_with_other_name(ctx, filename_on_disk=None, embedded_file=None):
    _write(ctx, filename_on_disk, _the("get_file")(embedded_file), True)


def files_create_from_text(ctx, filename=None, text=None):
    _write(ctx, filename, text.encode("utf-8"))


def files_make_directory(ctx, path=None):
    os.makedirs(files_relative(path), exist_ok=True)


def files_remove_file(ctx, filename=None):
    os.remove(files_relative(filename))


def files_remove_directory(ctx, path=None):
    import shutil

    shutil.rmtree(files_relative(path))


def files_remove_empty_directory(ctx, path=None):
    os.rmdir(files_relative(path))


def _is_there(kind, name, there, wanted):
    _check("assert_eq", there, wanted, lambda: {
        "message": "%s %s %s" % (kind, name, "does not exist" if wanted else "exists but should not"),
        "notes": ["the directory %s has %s" % (os.getcwd(), ", ".join(sorted(os.listdir("."))[:20]) or "nothing")],
    })


def files_file_exists(ctx, filename=None):
    _is_there("file", filename, os.path.exists(files_relative(filename)), True)


def files_file_does_not_exist(ctx, filename=None):
    _is_there("file", filename, os.path.exists(files_relative(filename)), False)


def files_directory_exists(ctx, path=None):
    _is_there("directory", path, os.path.isdir(files_relative(path)), True)


def files_directory_does_not_exist(ctx, path=None):
    _is_there("directory", path, os.path.isdir(files_relative(path)), False)


def files_directory_is_empty(ctx, path=None):
    _the("assert_eq")(os.listdir(files_relative(path)), [])


def files_directory_is_not_empty(ctx, path=None):
    _the("assert_ne")(os.listdir(files_relative(path)), [])


def files_only_these_exist(ctx, filenames=None):
    _the("assert_eq")(set(os.listdir(".")), set(filenames.replace(",", " ").split()))


def _file_check(filename, relation, expected, holds):
    text = _read(filename).decode("utf-8", "replace")
    _check("assert_eq", bool(holds(text)), True, lambda: _comparison("file " + filename, relation, expected, text))


def files_file_contains(ctx, filename=None, data=None):
    _file_check(filename, "contains", data, lambda text: data in text)


def files_file_doesnt_contain(ctx, filename=None, data=None):
    _file_check(filename, "does_not_contain", data, lambda text: data not in text)


def files_file_matches_regex(ctx, filename=None, regex=None):
    import re

    _file_check(filename, "matches", regex, lambda text: re.search(regex, text))


def _are_same(names, one, other, wanted):
    def explain():
        if not wanted:
            return {"message": "%s and %s are the same but should not be" % names}
        message = "%s and %s differ" % names
        return _comparison("%s beside %s" % (names[1], names[0]), "is", _text(one), _text(other), message)

    _check("assert_eq" if wanted else "assert_ne", one, other, explain)


def files_match(ctx, filename1=None, filename2=None):
    _are_same((filename1, filename2), _read(filename1), _read(filename2), True)


def files_do_not_match(ctx, filename1=None, filename2=None):
    _are_same((filename1, filename2), _read(filename1), _read(filename2), False)


def file_and_embedded_file_match(ctx, filename=None, embedded=None):
    names = ("embedded file " + embedded, "file " + filename)
    _are_same(names, _the("get_file")(embedded), _read(filename), True)


def file_and_embedded_file_do_not_match(ctx, filename=None, embedded=None):
    names = ("embedded file " + embedded, "file " + filename)
    _are_same(names, _the("get_file")(embedded), _read(filename), False)


def files_touch(ctx, filename=None):
    _touch(filename, None)


def files_touch_with_timestamp(ctx, filename=None, mtime=None):
    import calendar
    import time

    stamp = calendar.timegm(time.strptime(mtime.strip(), "%Y-%m-%d %H:%M:%S"))
    _touch(filename, (stamp, stamp))


def _touch(filename, times):
    with open(files_relative(filename), "ab"):
        pass
    os.utime(files_relative(filename), times)


def _age(filename):
    import time

    return abs(time.time() - os.stat(files_relative(filename)).st_mtime)


def files_mtime_is_recent(ctx, filename=None):
    age = _age(filename)
    if age >= 1:
        raise AssertionError("file %s is not very recent: it was modified %d s from now" % (filename, age))


def files_mtime_is_ancient(ctx, filename=None):
    age = _age(filename)
    if age <= 39 * 365 * 86400:
        raise AssertionError("file %s is not very old: it was modified %d s from now" % (filename, age))


def files_remember_metadata(ctx, filename=None):
    HOST.step("files_remember_metadata", filename=filename)


def files_has_remembered_metadata(ctx, filename=None):
    HOST.step("files_has_remembered_metadata", filename=filename)


def files_has_different_metadata(ctx, filename=None):
    HOST.step("files_has_different_metadata", filename=filename)
