# Step functions of functions.md, the file behind the libraries.


def of_second():
    return "second"


def second_calls_first(ctx):
    assert_eq(of_first(), "first")


def second_uses_imports(ctx):
    # Imported by the first file, and by library files.
    assert_eq(shlex.quote("a b"), "'a b'")
    assert_eq(functools.reduce(int.__add__, [1, 2]), 3)
    assert os.path.isdir(srcdir)


def count_in_second():
    global COUNT
    COUNT += 1


def the_name():
    return "name of the second file"


def name_is_of_second(ctx):
    assert_eq(ctx["name"], "name of the second file")


def files_match(ctx, filename1=None, filename2=None):
    ctx["looked at"] = (filename1, filename2)


def files_match_has_looked_at(ctx, one=None, other=None):
    assert_eq(ctx["looked at"], (one, other))


def files_file_exists_is_of_library(ctx):
    files_file_exists(ctx, filename="poem.txt")
