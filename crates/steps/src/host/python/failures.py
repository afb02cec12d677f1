"""What an exception means for people: its line, values, the user's part of the trace."""


class CallFailed(Exception):
    """greenroom could not do what a helper asked of it."""


def _with_failure(error, failure):
    """An exception that knows better than its type and text what is wrong."""
    error.greenroom_failure = failure
    return error


def describe(error):
    """What an exception means for the step, as a FAILURE."""
    try:
        return _describe(error)
    except BaseException as trouble:
        return {"message": type(error).__name__ + ": (cannot be shown: " + type(trouble).__name__ + ")"}


def _describe(error):
    known = getattr(error, "greenroom_failure", None)
    failure = dict(known) if isinstance(known, dict) else {}
    notes = list(failure.get("notes") or [])
    if not failure.get("message"):
        lines = _line_of(error)
        failure["message"] = _cut(lines[0], 1000)
        notes += _first(11, [_cut(line, 1000) for line in lines[1:]], "lines")
        if isinstance(error, AssertionError):
            statement, values, sides = _assertion(error)
            if statement and not str(error):
                failure["message"] = "AssertionError: " + _cut(statement, 500)
            explained = _explain(*sides) if sides else {}
            if "comparison" in explained:
                failure["comparison"] = explained["comparison"]
                values = {name: value for name, value in values.items() if name not in sides[:2]}
            elif explained.get("notes"):
                values = {name: _cut(value, 200) if name in sides[:2] else value for name, value in values.items()}
            notes += ["%s = %s" % (name, value) for name, value in list(values.items())[:12] if value not in str(error)]
            notes += explained.get("notes") or []
    notes += _added(error)
    if isinstance(error, ImportError) and "relative import" in str(error):
        failure["help"] = ["files with step functions belong to no package: import what is beside them by its name"]
    if isinstance(error, ModuleNotFoundError) and not failure.get("help"):
        near = _module_beside(error)
        if near:
            failure["help"] = [near]
    if isinstance(error, FileNotFoundError):
        gone = _gone_directory()
        if gone:
            notes.append("the working directory %s does not exist any more" % gone)
    if isinstance(error, ImportError) and getattr(error, "name", None):
        notes.append("python is %s" % sys.executable)
    if notes:
        failure["notes"] = notes
    if type(error).__module__ == "subprocess" and not failure.get("output"):
        failure["output"] = _captured(error)
    trace = _trace(error)
    if trace:
        failure["trace"] = trace
    return failure


def _added(error):
    """What an exception has beside its message, in lines: notes, and the exceptions that it is a group of."""
    lines = [line for note in getattr(error, "__notes__", None) or [] for line in str(note).splitlines()]
    return _first(40, lines, "lines") + _first(20, list(_members(error, "")), "exceptions")


def _first(most, lines, what):
    return lines if len(lines) <= most else lines[:most] + ["... %d %s more" % (len(lines) - most, what)]


def _members(error, number):
    """The exceptions of a group and of groups in it, each with its number and where it was raised."""
    parts = getattr(error, "exceptions", None)
    if not isinstance(parts, (tuple, list)) or number.count(".") > 8:
        return
    for at, part in enumerate(parts, 1):
        if isinstance(part, BaseException):
            place = _raised_at(part)
            yield "%s%d: %s%s" % (number, at, _heading(part), " (at %s)" % place if place else "")
            yield from _members(part, "%s%d." % (number, at))


def _raised_at(error):
    """The user's file and line that an exception comes from."""
    trace, place = error.__traceback__, None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not _is_ours(file) and not _is_library(file):
            place = "%s:%d" % (os.path.basename(file), trace.tb_lineno)
        trace = trace.tb_next
    return place


def _captured(error):
    """What a failed command wrote and nobody has shown."""
    streams = [(stream, getattr(error, stream, None)) for stream in ("stdout", "stderr")]
    streams = [(stream, data.encode("utf-8", "replace") if isinstance(data, str) else data) for stream, data in streams]
    return [_output(stream, data) for stream, data in streams if isinstance(data, bytes) and data]


def _output(stream, data):
    end = data[-SHOWN:]
    return {"of": stream + " of the command", "source": "command", "stream": stream, "end_base64": to_base64(end), "omitted": len(data) - len(end)}


def _gone_directory():
    """The name that the working directory had, if it has been removed."""
    try:
        name = os.readlink("/proc/self/cwd")
    except OSError:
        return None
    return name[: -len(" (deleted)")] if name.endswith(" (deleted)") and not os.path.exists(name) else None


def _module_beside(error):
    """Which module beside a step file may be meant by one that is not there."""
    *packages, wanted = (error.name or "").split(".")
    for directory, step_file in HOST.beside.items():
        try:
            import difflib

            directory = os.path.join(directory, *packages)
            files = {name[:-3]: name for name in os.listdir(directory) if name.endswith(".py")}
            files.update((name, name + "/") for name in os.listdir(directory) if os.path.exists(os.path.join(directory, name, "__init__.py")))
            near = difflib.get_close_matches(wanted, files, 1, 0.75)
        except Exception:
            continue
        if near:
            names = ".".join([*packages, near[0]]), "/".join([*packages, files[near[0]]]), os.path.basename(step_file)
            return "did you mean `%s`? %s is beside %s" % names
    return None


def _line_of(error):
    """`Type: text`, and the text's further lines."""
    name = type(error).__qualname__
    module = type(error).__module__
    if module not in ("builtins", STEPS, "__main__"):
        name = module + "." + name
    if isinstance(error, SyntaxError):
        text = error.msg or ""
    else:
        text = str(error)
    lines = [line for line in text.splitlines() if line.strip()]
    return [name + ": " + lines[0].strip()] + lines[1:] if lines else [name]


def _heading(error):
    try:
        return _cut(_line_of(error)[0], 500)
    except Exception:
        return type(error).__name__


def _cut(text, length):
    return text if len(text) <= length else text[: length - 60] + " ... " + text[-50:]


def _trace(error):
    """Where it happened, in files of the user, oldest cause first."""
    chain = []
    while error is not None and len(chain) < 8 and all(error is not other for other, _ in chain):
        if error.__cause__ is not None:
            link, former = "which caused:", error.__cause__
        elif error.__context__ is not None and not error.__suppress_context__:
            link, former = "and while that was handled:", error.__context__
        else:
            link, former = None, None
        chain.append((error, link))
        error = former
    chain.reverse()
    parts = []
    for error, link in chain:
        frames = _frames(error)
        if not frames and len(chain) == 1:
            continue
        if len(chain) > 1:
            # Those of the last one are beside its message.
            added = [] if error is chain[-1][0] else ["  " + line for line in _added(error)]
            parts.append("\n".join(([link] if link else []) + [_heading(error)] + added))
        if frames:
            parts.append("\n".join(frames))
    return "\n".join(parts) or None


def _frames(error):
    frames, left_out, last = [], 0, None
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if _is_ours(code.co_filename):
            pass
        elif _is_library(code.co_filename):
            left_out += 1
            last = trace.tb_frame.f_globals.get("__name__") or code.co_filename
        else:
            if left_out:
                frames.append("  ... %d in %s" % (left_out, last))
                left_out = 0
            frames.append(_frame(code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if not frames and not isinstance(error, SyntaxError):
        return []
    if left_out:
        frames.append("  ... %d in %s" % (left_out, last))
    frames = _without_repetition(frames)
    if len(frames) > 30:
        frames[15:-15] = ["  ... %d more" % (len(frames) - 30)]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        frames.append(_frame(error.filename, error.lineno, None, error.offset))
    return frames


def _without_repetition(frames):
    """A function that calls itself is shown three times, and how often it does so further."""
    kept, same = [], 0
    for index, frame in enumerate(frames):
        same = same + 1 if index and frame == frames[index - 1] else 0
        if same < 3:
            kept.append(frame)
        elif same == 3:
            kept.append("  ... the same %d more")
        if same >= 3 and (index + 1 == len(frames) or frames[index + 1] != frame):
            kept[-1] %= same - 2
    return kept


def _frame(file, line, function, column=None):
    text = '  File "%s", line %d' % (file, line)
    if function and function != "<module>":
        text += ", in " + function
    source = source_lines(file)
    if 0 < line <= len(source):
        full = source[line - 1]
        text += "\n    " + full.strip()
        if column:
            text += "\n    " + " " * max(column - 1 - (len(full) - len(full.lstrip())), 0) + "^"
    return text


def _is_ours(file):
    return file == OWN_FILE or file.startswith("<frozen importlib")


def _is_library(file):
    library = os.path.dirname(os.__file__) + os.sep
    return file.startswith((library, "<frozen")) or "/site-packages/" in file or "/dist-packages/" in file


#: The lines of source files: of step files as they were when they were loaded.
_sources = {}


def source_lines(file):
    if file not in _sources:
        try:
            with open(file, "rb") as source:
                _sources[file] = _lines(source.read(1 << 22))
        except (OSError, ValueError):
            _sources[file] = []
    return _sources[file]


def _lines(source):
    """The lines of a source file, as the interpreter counts them."""
    return _source_text(source).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _source_text(source):
    """The text of a source file, in the encoding that it declares."""
    if source.startswith(b"\xef\xbb\xbf"):
        source = source[3:]
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError:
        return source.decode(_encoding(source) or "utf-8", "replace")


def _encoding(source):
    """The encoding that a source file declares; None when it declares none that there is."""
    import io
    import tokenize

    # Only what says so, without what else is in these lines.
    head = b"".join(source.splitlines(True)[:2])
    try:
        name, _ = tokenize.detect_encoding(io.BytesIO(bytes(byte for byte in head if byte < 128)).readline)
    except SyntaxError:
        return None
    return None if name.startswith("utf-8") else name


def _assertion(error):
    """The source of the assertion that failed, names in it with their values, and what it compares."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None, {}, None
    frame, line = trace.tb_frame, trace.tb_lineno
    lines = source_lines(frame.f_code.co_filename)
    if not lines:
        return None, {}, None
    found = None
    for node in _walk(_parse("\n".join(lines), frame.f_code.co_filename)):
        if type(node).__name__ == "Assert" and node.lineno <= line <= node.end_lineno:
            found = node
    if found is None:
        return None, {}, None
    text = " ".join(_segment(lines, found).split())
    values, scopes = {}, (frame.f_locals, frame.f_globals)
    _names(found.test, lines, scopes, values)
    return text, values, _sides(found.test, lines, scopes)


def _sides(test, lines, scopes):
    """What is compared, if that is whether two values are equal which can be had again: how they are called, and what they are."""
    if type(test).__name__ != "Compare" or [type(operator).__name__ for operator in test.ops] != ["Eq"]:
        return None
    nodes = (test.left, test.comparators[0])
    (is_left, left), (is_right, right) = (_value(node, scopes) for node in nodes)
    names = [_segment(lines, node) for node in nodes]
    for number, side in enumerate(("the left side", "the right side")):
        if type(nodes[number]).__name__ not in ("Name", "Subscript", "Attribute") or len(names[number]) > 40:
            names[number] = side
    return (*names, left, right) if is_left and is_right else None


def _explain(left, right, a, b):
    """How two values differ, as part of a FAILURE: texts of several lines one below the other, others by where they do."""
    try:
        if type(a) is str and type(b) is str:
            if len(a) + len(b) <= 120:
                return {}
            if "\n" in a or "\n" in b:
                return _comparison(left, "is", b, a)
        elif type(a) not in _TEXTS + _COLLECTIONS or type(b) not in _TEXTS + _COLLECTIONS:
            return {}
        return {"notes": differences(left, right, a, b)}
    except Exception:
        return {}


def _parse(source, file):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, file, "exec", 0x400, True)  # to a syntax tree, nothing inherited


def _walk(node):
    """All nodes, outer before inner."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(_children(node))))


def _children(node):
    for field in node._fields:
        value = getattr(node, field, None)
        for part in value if isinstance(value, list) else (value,):
            if hasattr(part, "_fields"):
                yield part


def _segment(lines, node):
    """The source of a node. Columns count bytes."""
    first, last = node.lineno - 1, node.end_lineno - 1
    part = [line.encode("utf-8") for line in lines[first : last + 1]]
    part[-1] = part[-1][: node.end_col_offset]
    part[0] = part[0][node.col_offset :]
    return b"\n".join(part).decode("utf-8", "replace")


def _names(node, lines, scopes, values):
    """Notes the values of names, and of what they have as attributes or under constant keys. Nothing is called for it."""
    if type(node).__name__ in ("Name", "Subscript", "Attribute"):
        found, value = _value(node, scopes)
        if found:
            if not callable(value) and type(value) is not _Module:
                values.setdefault(_segment(lines, node), show(value))
            return
    for child in _children(node):
        _names(child, lines, scopes, values)


def _value(node, scopes):
    """Whether the value of an expression can be had without running code, and what it is."""
    kind = type(node).__name__
    if kind == "Constant":
        return True, node.value
    if kind == "Name":
        for scope in scopes:
            if node.id in scope:
                return True, scope[node.id]
    elif kind == "Attribute":
        found, value = _value(node.value, scopes)
        if found:
            return attribute(value, node.attr)
    elif kind == "Subscript":
        found, value = _value(node.value, scopes)
        key = node.slice
        if type(key).__name__ == "Index":  # before Python 3.9
            key = key.value
        if found and type(key).__name__ == "Constant":
            if type(value) in (Context, NameSpace):
                value = value._dict
            key = key.value
            if type(value) is dict and key in value:
                return True, value[key]
            if type(value) in (list, tuple) and type(key) is int and -len(value) <= key < len(value):
                return True, value[key]
    elif kind in ("List", "Tuple", "Dict", "Set"):
        return _literal(node, kind, scopes)
    return False, None


def _literal(node, kind, scopes):
    if kind in ("Dict", "Set") and any(type(key).__name__ != "Constant" for key in (node.keys if kind == "Dict" else node.elts)):
        return False, None
    parts = [_value(part, scopes) for part in (node.values if kind == "Dict" else node.elts)]
    if not all(found for found, _ in parts):
        return False, None
    values = [value for _, value in parts]
    if kind == "Dict":
        return True, dict(zip((key.value for key in node.keys), values))
    return True, {"List": list, "Tuple": tuple, "Set": set}[kind](values)
