"""Names that the whole host uses, out of the reach of step functions."""

from __future__ import annotations

import os as shared_os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any
else:
    #: A copy of module `os`. Step functions may replace what is in the module itself; that does not reach this copy.
    os = type(sys)("os")
    vars(os).update(vars(shared_os))

__all__ = ["OWN_FILES", "PROTOCOL", "SEARCHED", "SHOWN", "STEPS", "exit_now", "getpid", "os", "shared_os", "signals"]

#: The version of the protocol in which replies repeat the number of their request.
PROTOCOL = 2
#: What the file names of this program begin with, in stack traces.
OWN_FILES = os.path.dirname((lambda: 0).__code__.co_filename)
#: The module that the step files share.
STEPS = "greenroom_steps"
#: The most that a message shows of a text.
SHOWN = 8192
#: The most of a text in which the closest one is looked for.
SEARCHED = 1 << 20

#: The calls of module `signal` without its enumerations, which take longer than the calls.
signals: Any = __import__("_signal")

exit_now = os._exit
getpid = os.getpid
