"""Helpers: checks of values, embedded files, the log."""

# What step functions find in their namespace. Helpers find each other there too, so that a file's own version of one counts
# everywhere.


def _the(name):
    return HOST.steps[name]


def assert_eq(a, b):
    if not a == b:
        raise _differ(AssertionError("expected %r == %r" % (a, b)), a, b)


def assert_ne(a, b):
    if not a != b:
        raise AssertionError("expected %r != %r" % (a, b))


def _differ(error, a, b):
    """Long texts are shown one below the other rather than in a line; of other long values it is said where they differ."""
    if type(a) is type(b) and isinstance(a, (str, bytes)) and len(a) + len(b) > 120:
        a, b = _text(a), _text(b)
        return _with_failure(error, _comparison("the first value", "is", b, a, "AssertionError: the two values differ"))
    explained = _explain("the first", "the second", a, b)
    if explained.get("notes"):
        message = "AssertionError: expected %s == %s" % (show(a), show(b))
        if len(message) > 200:
            message = "AssertionError: the two values differ"
            explained["notes"][:0] = ["the first = " + _cut(show(a), 200), "the second = " + _cut(show(b), 200)]
        return _with_failure(error, dict(explained, message=message))
    return error


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def assert_dict_eq(a, b):
    for value in (a, b):
        if not isinstance(value, dict):
            raise AssertionError("expected a dict, not %r" % (value,))
    # Of which kind of dictionary the two are is not asked, as it is of what is in them.
    _same_keys(a, b, "")


def _same(a, b, where):
    """Equal at every depth, and of the same types."""
    place = " at " + where if where else ""
    if type(a) is not type(b):
        raise AssertionError("expected %r == %r%s: the types are %s and %s" % (a, b, place, type(a), type(b)))
    if isinstance(a, dict):
        _same_keys(a, b, where)
    elif isinstance(a, list):
        if len(a) != len(b):
            raise AssertionError("expected %r == %r%s: the lengths are %d and %d" % (a, b, place, len(a), len(b)))
        for index, (one, other) in enumerate(zip(a, b)):
            _same(one, other, "%s[%d]" % (where, index))
    elif not a == b:
        raise AssertionError("expected %r == %r%s" % (a, b, place))


def _same_keys(a, b, where):
    for key in list(a) + [key for key in b if key not in a]:
        if key not in a or key not in b:
            raise AssertionError("expected %r in both dicts%s, it is only in the %s" % (
                key, " at " + where if where else "", "first" if key in a else "second"))
        _same(a[key], b[key], "%s[%r]" % (where, key))


_COMPLAINTS = {
    "is": "is not what was expected",
    "is_not": "is what it should not be",
    "contains": "does not contain what was expected",
    "does_not_contain": "contains what it should not",
    "matches": "does not match the regex",
    "does_not_match": "matches the regex but should not",
}


def _comparison(what, relation, expected, actual, message=None, notes=()):
    notes, part = list(notes), None
    if max(len(expected), len(actual)) > SHOWN:
        whole = actual
        if relation == "is":
            same = next((at for at, (a, b) in enumerate(zip(expected, actual)) if a != b), min(len(expected), len(actual)))
            notes.append("the first difference is at character %d" % same)
            start = _line_start(actual, same - SHOWN // 2, same)
            left = max(len(expected) - start - SHOWN, 0)
            expected = expected[start : start + SHOWN]
        else:
            place = actual.find(expected) if relation == "does_not_contain" else len(actual)
            start = _line_start(actual, place - SHOWN // (2 if place < len(actual) else 1), place)
            left = 0
            expected = expected[:SHOWN]
        actual = actual[start : start + SHOWN]
        part = {
            "lines_before": whole.count("\n", 0, start),
            "before": len(whole[:start].encode("utf-8", "replace")),
            "after": max(left, len(whole) - start - len(actual)),
        }
    comparison = {"what": what, "relation": relation, "expected": expected, "actual": actual}
    if part:
        comparison["part"] = part
    return {
        "message": message or "%s %s" % (what, _COMPLAINTS[relation]),
        "comparison": comparison,
        "notes": notes,
    }


def _line_start(text, start, before):
    """The first start of a line from there on and before a place; `start` when there is none."""
    if start <= 0:
        return 0
    newline = text.find("\n", start - 1, before)
    return start if newline < 0 else newline + 1


def _check(check, one, other, explain):
    """Makes a check by name, so that a file's own one is used; what it raises is explained."""
    try:
        _the(check)(one, other)
    except AssertionError as error:
        raise _with_failure(error, explain())


def decode_bytes(s):
    return from_base64(s)


def decode_str(s):
    return from_base64(s).decode()


def get_file(filename):
    return HOST.file(filename)


def store_file(filename, content):
    HOST.files[filename] = content


def indent(n):
    return "  " * n


def is_multiline_string(v):
    return isinstance(v, (str, bytes)) and ("\n" if isinstance(v, str) else b"\n") in v


def log_lines(prefix, v):
    import logging

    newline = "\n" if isinstance(v, str) else b"\n"
    for line in v.splitlines(keepends=True) if newline in v else [v]:
        logging.debug("%s%r", prefix, line)


def log_value(msg, level, v):
    import logging

    space = indent(level)
    if is_multiline_string(v):
        logging.debug("%s%s:", space, msg)
        log_lines(indent(level + 1), v)
    elif v and isinstance(v, (dict, list)):
        logging.debug("%s%s:", space, msg)
        parts = [(repr(key), v[key]) for key in sorted(v)] if isinstance(v, dict) else enumerate(v)
        for name, value in parts:
            log_value("%s" % name, level + 1, value)
    else:
        logging.debug("%s%s: %r", space, msg, v)
