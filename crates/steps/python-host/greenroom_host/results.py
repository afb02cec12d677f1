"""What step functions return: code that has not run yet, and the False of a check without `assert`."""

from __future__ import annotations

import sys

from .failures import with_failure
from .untyped import type_of
from .values import dict_of, mro_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

    from .comparison import Failure


#: What the author of a check that returns False should do.
ASSERTS = "write `assert` before what must hold: a step fails by an exception"
#: What the author of a function with `yield` should do.
CLEANUP = "move what follows `yield` to another function, and name it as `cleanup:` of the binding"


def finish(name: str, result: Any, is_check: bool) -> None:
    """Runs what a function has returned to be awaited. Raises an exception if its code has not run, or says False.

    Other values are left alone: a function may also be a helper of others.
    """
    while _is_awaitable(result):
        result = _await(result)
    kind: str = type_of(result).__name__
    if _is_generator(result):
        failure: Failure = {"message": "%s contains `yield`: calling it runs nothing" % name, "help": [CLEANUP]}
        raise with_failure(TypeError(name), failure)
    if is_check and type_of(result) in _LATER:
        raise TypeError("%s returned a %s, and nothing of it has run" % (name, kind))
    if is_check and result is False:
        failure = {"message": "%s returned False" % name, "help": [ASSERTS]}
        raise with_failure(AssertionError(name), failure)


#: Types of values whose code runs when others iterate or call them.
_LATER = (map, filter, type_of(lambda: None), type_of(finish.__get__(0)))


def _is_generator(result: Any) -> bool:
    """Whether it is the generator of a function with `yield`, or the context manager that `contextlib` makes of one."""
    if type_of(result).__name__ in ("generator", "async_generator"):
        return True
    manager: Any = getattr(sys.modules.get("contextlib"), "_GeneratorContextManagerBase", None)
    return manager is not None and manager in mro_of(type_of(result))


def _is_awaitable(result: Any) -> bool:
    # As the interpreter finds it: instances have no say, and neither have metaclasses.
    return any("__await__" in dict_of(owner) for owner in mro_of(type_of(result)))


def _await(result: Awaitable[Any]) -> Any:
    import asyncio

    if not asyncio.isfuture(result):
        return asyncio.run(_awaited(result))
    if result.done():
        return result.result()
    loop = result.get_loop()
    if loop.is_running():  # in another thread
        return asyncio.run_coroutine_threadsafe(_awaited(result), loop).result()
    return loop.run_until_complete(result)


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result
