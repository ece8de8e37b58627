"""Makes what the documentation says of names and of differences from the code: docs/ops.md, and the second part of
docs/differences.md.

In: the package, tests/golden/names.json (torch's names), tests/parity/differences.py.  Out: the two pages; with `--check` an exit
status of 1 where they are not up to date.
"""
from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "parity")]

from differences import DIFFERENCES  # noqa: E402

import torchish  # noqa: E402
from torchish.dtypes import ONLY_NAMES  # noqa: E402
from torchish.layouts import layout  # noqa: E402
from torchish.missing import reason  # noqa: E402

NAMES: dict[str, dict[str, int]] = json.loads((ROOT / "tests" / "golden" / "names.json").read_text())
OPS, DIFFERS = ROOT / "docs" / "ops.md", ROOT / "docs" / "differences.md"
MARKS = ("<!-- parity -->\n", "<!-- /parity -->")
HEAD = """# Names

Which of PyTorch's names torchish has in each module, which of them differ on purpose, and which stay out of scope, with the
reason. `python tools/make_pages.py` makes this page from the code and from the list of PyTorch's names in
tests/golden/names.json.
"""


def place(module: str) -> Any:
    """The module or class of torchish that stands for one of torch's."""
    found: Any = torchish
    for part in module.split(".")[1:]:
        found = getattr(found, part)
    return found


def difference(value: Any) -> str | None:
    """What a docstring says after "Differs from torch:", and what is only a name."""
    if value in ONLY_NAMES or isinstance(value, layout) and value is not torchish.strided:
        return "a name to compare with: no tensor has it"
    text = " ".join((inspect.getdoc(value) or "").split()) if callable(value) else ""
    found = re.search(r"Differs from torch: (.*?)(?: Source: |$)", text)
    return found.group(1).strip() if found else None


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _section(module: str, names: dict[str, int]) -> list[str]:
    space = place(module)
    there = [name for name in names if hasattr(space, name)]
    differ: dict[str, list[str]] = {}
    for name in there:
        text = difference(getattr(space, name))
        if text:
            differ.setdefault(text, []).append(name)
    absent = [name for name in names if name not in there]
    whys: dict[str, list[str]] = {}
    for name in absent:
        why = reason(name)
        if why is not None:
            whys.setdefault(why, []).append(name)
    open_ = [name for name in absent if reason(name) is None]
    documented = sum(names[name] for name in there)
    alike = [name for name in there if not any(name in found for found in differ.values())]
    lines = [f"\n## {module}\n", f"{len(there)} of {len(names)} names are there; of the {sum(names.values())} documented ones, "
                                 f"{documented}.\n", f"There: {_listed(alike)}\n"]
    if differ:
        lines += ["| there with a difference | |", "|---|---|",
                  *[f"| {_listed(found)} | {text} |" for text, found in differ.items()], ""]
    if whys:
        lines += ["| out of scope | names |", "|---|---|", *[f"| {why} | {_listed(found)} |" for why, found in whys.items()], ""]
    if open_:
        lines.append(f"Not there: {_listed(open_)}\n")
    return lines


def ops_page() -> str:
    """docs/ops.md."""
    return "\n".join([HEAD, *[line for module, names in NAMES.items() for line in _section(module, names)]]).rstrip() + "\n"


def differences_page() -> str:
    """docs/differences.md with its second part made anew."""
    text = DIFFERS.read_text()
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    whys: dict[str, list[str]] = {}
    for expression, case, why in DIFFERENCES:
        whys.setdefault(why, []).append(f"`{expression}` where `{case}`".replace("|", "\\|"))
    rows = [f"| {why} | {'<br>'.join(places)} |" for why, places in sorted(whys.items())]
    return before + MARKS[0] + "\n".join(["| difference | calls, where (both are regular expressions) |", "|---|---|", *rows]) + \
        "\n" + MARKS[1] + after


def main() -> int:
    """Writes the pages, or (--check) tells whether they are up to date."""
    pages = {OPS: ops_page(), DIFFERS: differences_page()}
    if "--check" in sys.argv:
        old = [path.name for path, text in pages.items() if not path.exists() or path.read_text() != text]
        print(f"not up to date: {', '.join(old)}" if old else "up to date")
        return 1 if old else 0
    for path, text in pages.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
