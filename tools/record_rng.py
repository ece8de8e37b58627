"""Records torch's random numbers: digests of values, and of the generator's state after them.

In: torch, and tests/golden/rng.json for what is asked (to ask more, add a row with the answers left empty).  Out: the same file
with torch's answers.  What a row says beside them (`exact`, `draws`, `masks`) is kept: values were read for it, nothing is asked.
Run: python tools/record_rng.py
"""
from __future__ import annotations

import hashlib
import json
import math
import warnings
from pathlib import Path
from typing import Any

import torch
import torch.utils.data

PATH = Path(__file__).resolve().parent.parent / "tests" / "golden" / "rng.json"


def names() -> dict[str, Any]:
    """The names that the expressions are evaluated with."""
    return {"torch": torch, "F": torch.nn.functional, "nn": torch.nn, "D": torch.distributions, "math": math,
            "data": torch.utils.data}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def of(x: torch.Tensor) -> str:
    """The digest of a tensor's bytes, row by row."""
    return sha(x.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def state() -> str:
    return sha(torch.get_rng_state().numpy().tobytes())


def states(row: list) -> list:
    seed, draws, initial, _ = row
    torch.manual_seed(seed)
    if isinstance(draws, str):
        eval(draws, names())
        return [seed, draws, initial, state()]
    torch.rand(draws)
    return [seed, draws, torch.initial_seed(), state()]


def sequences(row: list) -> list:
    seed, steps = row
    torch.manual_seed(seed)
    known, found = names(), []
    for text, *_ in steps:
        if " = " in text:
            exec(text, known)
            found.append([text, None, None])
            continue
        value = eval(text, known)
        found.append([text, of(value), state()] if isinstance(value, torch.Tensor) else [text, None, None])
    return [seed, found]


def single(row: list) -> list:
    seed, text, exact, _, _, draws, _ = row
    torch.manual_seed(seed)
    value = eval(text, names())
    return [seed, text, exact, str(value.dtype)[6:], of(value), draws, state()]


def modules(row: list) -> list:
    seed, text, _, draws, _ = row
    torch.manual_seed(seed)
    module = eval(text, names())
    return [seed, text, [[name, of(p)] for name, p in module.named_parameters()], draws, state()]


def dropout_traces(row: dict) -> dict:
    known = names()
    exec(row["setup"], known)
    torch.manual_seed(row["seed"])
    eval(row["call"], known)
    return {**row, "state": state()}


def dataloaders(row: dict) -> dict:
    torch.manual_seed(row["seed"])
    generator = None if row["generator_seed"] is None else torch.Generator().manual_seed(row["generator_seed"])
    loader = torch.utils.data.DataLoader(range(row["n"]), row["batch_size"], row["shuffle"], generator=generator,
                                         drop_last=row["drop_last"])
    return {**row, "epochs": [[batch.tolist() for batch in loader] for _ in row["epochs"]], "state": state()}


def samplers(row: dict) -> dict:
    torch.manual_seed(row["seed"])
    return {**row, "values": eval(row["expr"], names()), "state": state()}


SECTIONS = (states, sequences, single, modules, dropout_traces, dataloaders, samplers)


def main() -> None:
    """Asks torch, and writes the file."""
    warnings.simplefilter("ignore")
    asked = json.loads(PATH.read_text())
    lines = [f'{{"torch": {json.dumps(torch.__version__)}', f'"columns": {json.dumps(asked["columns"], separators=(",", ":"))}']
    lines += [f'"{section.__name__}": [\n' + ",\n".join(json.dumps(section(row), separators=(",", ":"))
                                                      for row in asked[section.__name__]) + "\n]" for section in SECTIONS]
    PATH.write_text(",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
