"""Built-in functions under types that say nothing about the values of step files, which may be anything."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

type_of: Callable[[Any], Any] = type
is_instance: Callable[[Any, Any], bool] = isinstance
