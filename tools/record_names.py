"""Records which public names torch has in the modules that torchish covers.

In: an inventory of torch's names (JSON: names -> kind, module, documented, tier, as a first argument).  Out:
tests/golden/names.json: module -> name -> 1 where it is documented, else 0; names that only TorchScript has are left out.
"""
from __future__ import annotations

import json
import sys
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "tests" / "golden" / "names.json"
MODULES = ("torch", "torch.Tensor", "torch.linalg", "torch.fft", "torch.special", "torch.functional", "torch.signal.windows")


def main() -> None:
    """Writes the file."""
    inventory = json.loads(Path(sys.argv[1]).read_text())["names"]
    found: dict[str, dict[str, int]] = {module: {} for module in MODULES}
    for full, entry in inventory.items():
        module, _, name = full.rpartition(".")
        if module in found and not name.startswith("__"):
            found[module][name] = int(entry["documented"])
    lines = [f' "{module}": {json.dumps(dict(sorted(names.items())))}' for module, names in found.items()]
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
