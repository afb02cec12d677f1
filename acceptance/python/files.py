# Step functions of files.md.

import os


def executable(ctx, one=None, other=None, plain=None):
    assert os.access(one, os.X_OK)
    assert os.access(other, os.X_OK)
    assert not os.stat(plain).st_mode & 0o111


def in_embedded_file(ctx, text=None, file=None):
    get_file = globals()["get_file"]
    content = get_file(file)
    assert_eq(type(content), bytes)
    assert text.encode("utf-8") in content


def no_embedded_file(ctx, name=None):
    try:
        get_file(name)
    except KeyError:
        return
    raise Exception("there is one")


def leads_to(ctx, path=None, name=None):
    assert_eq(files_relative(name), path)


def of_second(ctx, file=None, second=None):
    assert_eq(int(os.stat(file).st_mtime), int(second))
