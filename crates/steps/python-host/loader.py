"""Imports package `greenroom_host` from memory, and runs it.

greenroom puts this text, a NUL byte, and then each module of the package (its path, a line break, its text, a NUL
byte) into the file whose descriptor is in `GREENROOM_CODE`. The command line of the interpreter splits that file, and
runs this text with the parts as `PARTS` and a copy of what is built in, which the modules get, too: step functions may
replace what is built in for themselves.
"""

import sys

ModuleSpec = type(sys.__spec__)


class Loader:
    """Finds and loads the modules of the package."""

    def __init__(self, parts, builtins):
        self.sources = dict(part.split(b"\n", 1) for part in parts if part)
        self.builtins = builtins

    def find_spec(self, name, path=None, target=None):
        stem = name.replace(".", "/")
        for file, is_package in ((stem + ".py", False), (stem + "/__init__.py", True)):
            if file.encode() in self.sources:
                return ModuleSpec(name, self, origin="<greenroom>/" + file, is_package=is_package)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__builtins__ = self.builtins
        origin = module.__spec__.origin
        source = self.sources[origin.partition("/")[2].encode()]
        exec(compile(source, origin, "exec", 0, True, 0), module.__dict__)


loader = Loader(PARTS, __builtins__)  # noqa: F821 # set by the command line
sys.meta_path.insert(0, loader)
from greenroom_host.__main__ import main  # noqa: E402

# All modules are there now; what step files import does not concern this.
sys.meta_path.remove(loader)
main()
