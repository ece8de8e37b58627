"""python -m torchish script.py: runs an ordinary torch script on torchish, with nothing in it changed.

In: the command line.  Out: the script's exit status.
"""
from __future__ import annotations

import sys

from .launch import run_code, run_module, run_script

USAGE = """\
usage: python -m torchish script.py [args]
       python -m torchish -m module [args]
       python -m torchish -c code [args]

Runs a Python program that says `import torch` on torchish. Only this process is concerned; an installed torch is
neither needed nor touched.

  -h, --help     this text
"""


def main(args: list[str]) -> int:
    """Runs what `args` name and returns the exit status."""
    if not args:
        print(USAGE, end="", file=sys.stderr)
        return 2
    first, rest = args[0], args[1:]
    if first in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    if first in ("-m", "-c"):
        if not rest:
            print(f"Argument expected for the {first} option\n{USAGE}", end="", file=sys.stderr)
            return 2
        return (run_module if first == "-m" else run_code)(rest[0], rest[1:])
    if first.startswith("-"):
        print(f"unknown option {first}\n{USAGE}", end="", file=sys.stderr)
        return 2
    return run_script(first, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
