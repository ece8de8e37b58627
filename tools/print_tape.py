"""Writes the worked tape into docs/how_it_works.md, between its two markers.

In: the small training loop below.  Out: what `TORCHISH_LOGS=graph,compile` prints for it.
Run: python tools/print_tape.py
"""
from __future__ import annotations

import contextlib
import io
import pathlib
import re

DOC = pathlib.Path(__file__).parent.parent / "docs" / "how_it_works.md"
SCRIPT = """\
import torchish as torch

torch.manual_seed(0)
x, y = torch.randn(8, 3), torch.randn(8)
w = torch.zeros(3, requires_grad=True)
for step in range(5):
    loss = (x @ w - y).square().mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 / (step + 1) * w.grad
    w.grad = None
print(w)
"""


def printed() -> str:
    """The log of the script, seconds left out."""
    from torchish import config
    out = io.StringIO()
    with config.override(logs="compile,graph"), contextlib.redirect_stderr(out), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(SCRIPT, "train.py", "exec"), {"__name__": "__main__"})
    return re.sub(r", [0-9.e-]+ s;", ";", out.getvalue().replace("torchish: ", ""))


def block() -> str:
    """The text between the markers."""
    return f"<!-- tape -->\n```python\n{SCRIPT}```\n\n```text\n{printed()}```\n<!-- /tape -->"


if __name__ == "__main__":
    text = DOC.read_text()
    DOC.write_text(re.sub(r"<!-- tape -->.*<!-- /tape -->", lambda _: block(), text, flags=re.S))
