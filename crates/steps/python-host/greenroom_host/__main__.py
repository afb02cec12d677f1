"""Chooses the program: a host, or with `--check FILE...` one that reports what files define.

A host finds its socket's descriptor in `GREENROOM_HOST`.
"""

from __future__ import annotations

import sys

if "--check" in sys.argv[1:2]:
    from .check import main as main
else:
    from .host import main as main

if __name__ == "__main__":
    main()
