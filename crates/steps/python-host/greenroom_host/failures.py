"""What an exception means for people: its message, values, and the user's part of the trace."""

from __future__ import annotations

import sys

from .assertions import assertion, explain, operands
from .messages import to_base64
from .source import directories, is_library, is_own, source_lines
from .system import SHOWN, STEPS, os
from .text import cut, first
from .values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any, TypeVar

    from .comparison import Failure

    AnyError = TypeVar("AnyError", bound=BaseException)


#: What Python raises for values that do not fit.
UNFIT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


class CallFailed(Exception):
    """greenroom could not do what a helper asked of it."""

    greenroom_failure: Failure


def with_failure(error: AnyError, failure: Failure) -> AnyError:
    """Attaches a FAILURE to an exception, which is reported instead of its type and text."""
    error.greenroom_failure = failure  # pyright: ignore[reportAttributeAccessIssue] # exceptions take any attribute
    return error


def describe(error: BaseException) -> Failure:
    """Describes an exception as a FAILURE."""
    try:
        return _describe(error)
    except BaseException as trouble:
        return {"message": type(error).__name__ + ": (cannot be shown: " + type(trouble).__name__ + ")"}


def _describe(error: BaseException) -> Failure:
    known: Any = getattr(error, "greenroom_failure", None)
    failure: Failure = {**known} if isinstance(known, dict) else {}
    notes: list[str] = list(failure.get("notes") or [])
    if not failure.get("message"):
        lines = lines_of(error)
        failure["message"] = cut(lines[0], 1000)
        notes += first(11, [cut(line, 1000) for line in lines[1:]], "lines")
        if isinstance(error, AssertionError):
            statement, values, sides = assertion(error)
            if statement and not str(error):
                failure["message"] = "AssertionError: " + cut(statement, 500)
            explained: Failure = explain(*sides) if sides else {}
            if "comparison" in explained:
                failure["comparison"] = explained["comparison"]
                values = {name: value for name, value in values.items() if sides and name not in sides[:2]}
            elif explained.get("notes"):
                values = {
                    name: cut(value, 200) if sides and name in sides[:2] else value for name, value in values.items()
                }
            notes += ["%s = %s" % (name, value) for name, value in list(values.items())[:12] if value not in str(error)]
            notes += explained.get("notes") or []
        elif isinstance(error, UNFIT):
            about = _operands(error)
            notes += about.get("notes") or []
            if about.get("help"):
                failure["help"] = about["help"]
    notes += _added(error)
    if isinstance(error, ImportError) and "relative import" in str(error):
        failure["help"] = ["files with step functions belong to no package: import what is beside them by its name"]
    if isinstance(error, ModuleNotFoundError):
        failure.setdefault("kind", "module-not-found")
    if isinstance(error, ModuleNotFoundError) and not failure.get("help"):
        near = _module_beside(error)
        if near:
            failure["help"] = [near]
    if isinstance(error, FileNotFoundError):
        gone = removed_directory()
        if gone:
            notes.append("the working directory %s no longer exists" % gone)
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


def _operands(error: BaseException) -> Failure:
    """The values in the user's statement that raised an exception, as part of a FAILURE, and what to do about them."""
    place = _place(error)
    if place is None:
        return {}
    found = operands(place.tb_frame, place.tb_lineno)[:6]
    notes: list[str] = []
    for one in found:
        setter = ", set by %s" % one.setter if one.setter else ""
        notes.append("%s = %s%s" % (one.text, cut(one.shown, 200), setter))
    texts = [one for one in found if one.is_text]
    if not texts or not isinstance(error, TypeError) or "str" not in str(error):
        return {"notes": notes}
    names = " and ".join(one.text for one in texts)
    where = [" in %s" % one.setter for one in texts[:1] if one.setter and len(texts) == 1]
    verb = "are" if len(texts) > 1 else "is"
    convert = "convert %s%s with int() or float()" % ("them" if len(texts) > 1 else "it", "".join(where))
    return {"notes": notes, "help": ["%s %s text, as captures are: %s" % (names, verb, convert)]}


def with_call(failure: Failure, error: BaseException, function: str, captures: dict[str, str]) -> Failure:
    """Adds how a step function was called to the FAILURE of an exception that its arguments may explain."""
    if not captures or not isinstance(error, UNFIT) or _place(error) is None or failure.get("comparison"):
        return failure
    arguments = ", ".join("%s=%s" % (name, cut(repr(text), 200)) for name, text in captures.items())
    call = "called as %s(ctx, %s)" % (function, arguments)
    # The call has them.
    known = {"%s = %s" % (name, show(text)) for name, text in captures.items()}
    notes: list[str] = failure.get("notes") or []
    return {**failure, "notes": [*(note for note in notes if note not in known), call]}


def _added(error: BaseException) -> list[str]:
    """What an exception has beside its message, in lines: its notes, and the exceptions of a group."""
    lines = [line for note in getattr(error, "__notes__", None) or () for line in str(note).splitlines()]
    return first(40, lines, "lines") + first(20, list(_members(error, "")), "exceptions")


def _members(error: BaseException, number: str) -> Iterator[str]:
    """The exceptions of a group and of groups in it, each with its number and where it was raised."""
    parts: Any = getattr(error, "exceptions", None)
    if not isinstance(parts, (tuple, list)) or number.count(".") > 8:
        return
    members: list[Any] = [*parts]
    for at, part in enumerate(members, 1):
        if isinstance(part, BaseException):
            place = _raised_at(part)
            yield "%s%d: %s%s" % (number, at, _heading(part), " (at %s)" % place if place else "")
            yield from _members(part, "%s%d." % (number, at))


def _place(error: BaseException) -> TracebackType | None:
    """Where the user's code raised an exception, or called what raised it."""
    trace, place = error.__traceback__, None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not is_own(file) and not is_library(file):
            place = trace
        trace = trace.tb_next
    return place


def _raised_at(error: BaseException) -> str | None:
    """The file and line of the user's code that raised an exception."""
    place = _place(error)
    return place and "%s:%d" % (os.path.basename(place.tb_frame.f_code.co_filename), place.tb_lineno)


def _captured(error: BaseException) -> list[Failure]:
    """What a command of module `subprocess` wrote that failed."""
    streams: list[tuple[str, Any]] = [(stream, getattr(error, stream, None)) for stream in ("stdout", "stderr")]
    streams = [(stream, data.encode("utf-8", "replace") if isinstance(data, str) else data) for stream, data in streams]
    return [output_of_command(stream, data) for stream, data in streams if isinstance(data, bytes) and data]


def output_of_command(stream: str, data: bytes) -> dict[str, Any]:
    end = data[-SHOWN:]
    return {
        "of": stream + " of the command",
        "source": "command",
        "stream": stream,
        "end_base64": to_base64(end),
        "omitted": len(data) - len(end),
    }


def removed_directory() -> str | None:
    """The former name of the working directory, if it has been removed."""
    try:
        name = os.readlink("/proc/self/cwd")
    except OSError:
        return None
    return name[: -len(" (deleted)")] if name.endswith(" (deleted)") and not os.path.exists(name) else None


def _module_beside(error: ModuleNotFoundError) -> str | None:
    """A module beside a step file with a name like that of a missing one."""
    *packages, wanted = (error.name or "").split(".")
    for directory, step_file in directories.items():
        try:
            import difflib

            directory = os.path.join(directory, *packages)
            files = {name[:-3]: name for name in os.listdir(directory) if name.endswith(".py")}
            packages_here = (
                name for name in os.listdir(directory) if os.path.exists(os.path.join(directory, name, "__init__.py"))
            )
            files.update((name, name + "/") for name in packages_here)
            near = difflib.get_close_matches(wanted, files, 1, 0.75)
        except Exception:
            continue
        if near:
            names = ".".join([*packages, near[0]]), "/".join([*packages, files[near[0]]]), os.path.basename(step_file)
            return "did you mean `%s`? %s is beside %s" % names
    return None


def lines_of(error: BaseException) -> list[str]:
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
    return [name + ": " + lines[0].strip(), *lines[1:]] if lines else [name]


def _heading(error: BaseException) -> str:
    try:
        return cut(lines_of(error)[0], 500)
    except Exception:
        return type(error).__name__


def _trace(error: BaseException) -> str | None:
    """Where it happened, in files of the user, oldest cause first."""
    chain: list[tuple[BaseException, str | None]] = []
    former: BaseException | None = error
    while former is not None and len(chain) < 8 and all(former is not other for other, _ in chain):
        error = former
        if error.__cause__ is not None:
            link, former = "which caused:", error.__cause__
        elif error.__context__ is not None and not error.__suppress_context__:
            link, former = "and while that was handled:", error.__context__
        else:
            link, former = None, None
        chain.append((error, link))
    chain.reverse()
    parts: list[str] = []
    for error, link in chain:
        frames = user_frames(error)
        if not frames and len(chain) == 1:
            continue
        if len(chain) > 1:
            # Those of the last one are beside its message.
            added = [] if error is chain[-1][0] else ["  " + line for line in _added(error)]
            parts.append("\n".join([*([link] if link else []), _heading(error), *added]))
        if frames:
            parts.append("\n".join(frames))
    return "\n".join(parts) or None


def user_frames(error: BaseException) -> list[str]:
    frames: list[str] = []
    left_out, last = 0, None
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own(code.co_filename):
            pass
        elif is_library(code.co_filename):
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


def _without_repetition(frames: list[str]) -> list[str]:
    """Shows a function that calls itself three times, then how often it goes on."""
    kept: list[str] = []
    same = 0
    for index, frame in enumerate(frames):
        same = same + 1 if index and frame == frames[index - 1] else 0
        if same < 3:
            kept.append(frame)
        elif same == 3:
            kept.append("  ... the same %d more")
        if same >= 3 and (index + 1 == len(frames) or frames[index + 1] != frame):
            kept[-1] = kept[-1] % (same - 2)
    return kept


def _frame(file: str, line: int, function: str | None, column: int | None = None) -> str:
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
