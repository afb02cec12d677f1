"""Chooses the program: a host, or one that reports.

`--check FILE...` reports what files define, `--functions` what they can call.

A host finds its socket's descriptor in `GREENROOM_HOST`.
"""

from __future__ import annotations

import sys

if "--check" in sys.argv[1:2]:
    from .check import main as main
elif "--functions" in sys.argv[1:2]:
    from .reference import main as main
else:
    from .host import main as main

if __name__ == "__main__":
    main()
