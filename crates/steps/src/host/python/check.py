"""What can be known of step files without running them."""


def check(files):
    """What files define at their top level, for bindings to be held against. Nothing of them is run."""
    return {"files": [_check_file(file) for file in files], "provided": sorted(list(provided()) + ["srcdir"] + list(_MODULES))}


def _check_file(file):
    import warnings

    report = {"file": file, "error": None, "functions": [], "names": [], "star_imports": [], "warnings": []}
    try:
        with open(file, "rb") as source:
            text = source.read()
        report["error"] = _no_text(text)
        if report["error"]:
            return report
        tree = _parse(text, file)
        # A syntax tree may still be none of a program, as with `return` outside of functions.
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", SyntaxWarning)
            compile(text, file, "exec", 0, True)
    except SyntaxError as error:
        report["error"] = {"line": error.lineno or 1, "column": max(error.offset or 1, 1), "message": error.msg}
        return report
    except (RecursionError, MemoryError):
        report["error"] = {"line": 1, "column": 1, "message": "something in it is nested too deeply"}
        return report
    except (OSError, ValueError) as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        report["error"] = {"line": 1, "column": 1, "message": message}
        return report
    # Some are said twice.
    told = dict.fromkeys((warning.lineno, str(warning.message)) for warning in warned if warning.filename == file)
    report["warnings"] = [{"line": line, "message": message} for line, message in told][:50]
    lines = _lines(text)

    def place(node):
        line = lines[node.lineno - 1].encode("utf-8") if node.lineno <= len(lines) else b""
        return {"line": node.lineno, "column": len(line[: node.col_offset].decode("utf-8", "replace")) + 1}

    for node in _top_level(tree.body):
        kind = type(node).__name__
        if kind in ("FunctionDef", "AsyncFunctionDef"):
            report["functions"].append(_function(node, place(node), lines))
        elif kind == "ImportFrom" and node.names[0].name == "*":
            report["star_imports"].append("." * (node.level or 0) + (node.module or ""))
        else:
            for name, where in _bound(node):
                report["names"].append(dict(name=name, is_constant=_is_constant(node), **place(where)))
    _open_in_branches(report["functions"], tree.body)
    for node in _walk(tree):
        if type(node).__name__ == "Global":
            report["names"] += [dict(name=name, is_constant=False, **place(node)) for name in node.names]
    return report


def _open_in_branches(functions, body):
    """Which of several definitions of a function there will be is only known when the file runs, if one is in a branch."""
    direct = {node.lineno for node in body}
    names = [function["name"] for function in functions]
    in_branches = {function["name"] for function in functions if function["line"] not in direct}
    for function in functions:
        if function["name"] in in_branches and names.count(function["name"]) > 1:
            function["decorated"] = True


def _is_constant(node):
    """Whether a statement gives its names a value that cannot be called. What is None at first may become something else."""
    value = getattr(node, "value", None)
    return (type(node).__name__ in ("Assign", "AnnAssign") and type(value).__name__ == "Constant" and value.value is not None
            and all(type(target).__name__ == "Name" for target in getattr(node, "targets", None) or [node.target]))


def _no_text(source):
    """Where and why a source file is no text, if it is none. The interpreter says so less clearly, and not where."""
    at, message = source.find(b"\0"), "it has a NUL byte"
    if at < 0 and not _encoding(source):
        try:
            source.decode("utf-8")
        except UnicodeDecodeError as error:
            at = error.start
            message = "byte 0x%02x is not UTF-8, and the first lines declare no other encoding" % source[at]
    if at < 0:
        return None
    before = _lines(source[:at])
    return {"line": len(before), "column": len(before[-1]) + 1, "message": message}


def _top_level(body):
    """Statements that run when the file does, also those in branches."""
    for node in body:
        yield node
        if type(node).__name__ in ("FunctionDef", "AsyncFunctionDef", "ClassDef"):
            continue
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            for inner in _top_level(getattr(node, field, None) or []):
                yield inner


def _bound(node):
    """The names that a statement binds, and where."""
    kind = type(node).__name__
    if kind == "ClassDef":
        return [(node.name, node)]
    if kind in ("Import", "ImportFrom"):
        return [(alias.asname or alias.name.split(".")[0], node) for alias in node.names]
    if kind == "Delete" or (kind == "AnnAssign" and node.value is None):
        return []
    targets = []
    for field in ("targets", "target", "optional_vars"):
        value = getattr(node, field, None)
        targets += value if isinstance(value, list) else [value] if value is not None else []
    targets += [item.optional_vars for item in getattr(node, "items", []) if item.optional_vars is not None]
    return [(part.id, part) for target in targets for part in _walk(target)
            if type(part).__name__ == "Name" and type(part.ctx).__name__ == "Store"]


def _function(node, place, lines):
    arguments = node.args
    only = list(getattr(arguments, "posonlyargs", []))
    positional = only + arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    kinds = ["positional"] * len(only) + ["any"] * len(arguments.args) + ["keyword"] * len(arguments.kwonlyargs)
    return dict(
        name=node.name,
        parameters=[
            {"name": argument.arg, "default": default and _segment(lines, default), "kind": kind}
            for argument, default, kind in zip(positional + arguments.kwonlyargs, defaults + arguments.kw_defaults, kinds)
        ],
        takes_any_positional=arguments.vararg is not None,
        takes_any_keyword=arguments.kwarg is not None,
        decorated=bool(node.decorator_list),
        is_generator=any(_yields(statement) for statement in node.body),
        **{"async": type(node).__name__ == "AsyncFunctionDef"},
        **place,
    )


def _yields(node):
    """Whether there is a `yield` in it, but for functions of its own."""
    kind = type(node).__name__
    if kind in ("FunctionDef", "AsyncFunctionDef", "ClassDef", "Lambda"):
        return False
    return kind in ("Yield", "YieldFrom") or any(map(_yields, _children(node)))
