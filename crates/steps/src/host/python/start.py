"""The step host for Python: loads step functions and carries them out when greenroom asks for it.

greenroom starts this program with its own text in hand; nothing of it is installed anywhere. The two talk as docs/PROTOCOL.md
says. User functions get what generated test programs of Subplot give them: all files in one namespace, `ctx`, the helper
functions of its Python libraries, and a few modules. Whatever runs or watches processes is done by greenroom, by a call.

    (no arguments)     be a host; the socket's descriptor is in GREENROOM_HOST
    --check FILE...    say in one line of JSON what the files define, without running them

This text is all files of its directory one after the other, in the order in which `mod.rs` lists them: one program, one namespace. Modules
are imported where they are needed, since few runs need them all and every run waits for the start. Python 3.8 and newer, standard
library only.
"""

import binascii
import builtins
import os
import sys
import _thread

PROTOCOL = 1
OWN_FILE = (lambda: 0).__code__.co_filename
#: The module that the step files share.
STEPS = "greenroom_steps"
#: The most that is shown of a text.
SHOWN = 8192

#: Step functions may put other things in the place of what is in this module. What it is called here they do not touch.
_shared_os = os
os = type(_shared_os)("os")
vars(os).update(vars(_shared_os))
_exit = os._exit
_getpid = os.getpid
