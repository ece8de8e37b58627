"""The worked tape in the documentation is what the program prints."""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent


def test_the_worked_tape_is_what_is_printed():
    code = "import sys; sys.path.insert(0, 'tools'); import print_tape; sys.stdout.write(print_tape.block())"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300,
                         env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert run.stdout in (ROOT / "docs" / "how_it_works.md").read_text()
