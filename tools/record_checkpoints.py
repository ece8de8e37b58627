"""Writes tests/golden/checkpoint.pt and checkpoint_legacy.pt with real torch, in both of its formats.

In: torch.  Out: one object with shared storages, every common dtype, a parameter and the states of a module and an optimizer.
The files hold the same at every run; their bytes differ, as torch writes names and numbers of its own into them.
Run: python tools/record_checkpoints.py
"""
from __future__ import annotations

import pathlib
from collections import OrderedDict

import torch

GOLDEN = pathlib.Path(__file__).parent.parent / "tests" / "golden"
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
          "complex128")


def contents() -> dict:
    """What the files hold."""
    base = torch.arange(6.0).reshape(2, 3)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            p.copy_(torch.arange(p.numel()).reshape(p.shape) + k)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    net(torch.tensor([[0.0, 1.0], [2.0, 5.0]])).square().sum().backward()
    optimizer.step()
    return {"base": base, "row": base[1], "turned": base.t(), "column": base[:, 1],
            "parameter": torch.nn.Parameter(base[0].clone()), "size": torch.Size([2, 3]),
            "dtypes": {name: torch.arange(3).to(getattr(torch, name)) for name in DTYPES},
            "dtype": torch.float16, "device": torch.device("cpu"), "plain": (1, 2.5, "text", None, [True], OrderedDict(a=1)),
            "empty": torch.empty(0, 3), "scalar": torch.tensor(7), "net": net.state_dict(), "optimizer": optimizer.state_dict()}


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.save(contents(), GOLDEN / "checkpoint.pt")
    torch.save(contents(), GOLDEN / "checkpoint_legacy.pt", _use_new_zipfile_serialization=False)
