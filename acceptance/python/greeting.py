# What functions.py imports.


def greet(whom):
    return "hello, " + whom
