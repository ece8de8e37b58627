"""What real torch said about nn, optim and utils.data, and the functions that ask torchish the same."""
from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
GOLDEN: dict[str, list] = json.loads((_HERE / "golden" / "nn.json").read_text())


def _recorder() -> Any:
    spec = importlib.util.spec_from_file_location("record_nn", _HERE.parent / "tools" / "record_nn.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = _recorder()


def cases(section: str, *prefixes: str) -> list[tuple[str, Any]]:
    """The expressions of a section that begin with one of the prefixes, with torch's results."""
    return [(e, r) for e,
            r in GOLDEN[section] if not prefixes or e.startswith(prefixes) or "setattr(" + prefixes[0] in e]
