"""Compares ops with PyTorch on the inputs of PyTorch's own op database, and prints where they differ.

In: the torch that is installed (with `expecttest`, which its testing package needs), names of ops as a regular expression.
Out: one line for each op, check and kind of difference: how often, the first such input, what torch gives, what torchish gives;
last, how much was compared.

    python tools/op_database.py --ops "cum.*|linalg\\..*" --checks forward,grad,dtypes,errors --samples 6
"""
from __future__ import annotations

import argparse
import itertools
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db

sys.path += [str(Path(__file__).resolve().parents[1] / part) for part in ("", "tests")]

from op_golden import TOLERANCE, cotangent, flat_tensors, sentence

import torchish

DTYPES = [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.complex64]
SPACES = ("", "nn.functional", "linalg", "special", "fft", "signal.windows")
NAMES = {id(f): f"{space}.{name}".lstrip(".") for space in reversed(SPACES)
         for name, f in vars(eval(f"torch.{space}".rstrip("."))).items() if callable(f)}      # a function -> its public name


class Foreign(Exception):
    """A value that torchish has no counterpart of."""


def short(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def counterpart(name: str) -> Any:
    try:
        found = torchish
        for part in name.split("."):
            found = getattr(found, part)
        return found
    except AttributeError as e:
        raise Foreign(str(e)) from None


def function(f: Callable) -> Callable:
    """torch's function as torchish's; one of the database is taken over with `torch` meaning torchish in it."""
    if isinstance(f, types.FunctionType) and f.__module__.startswith("torch.testing"):
        called = {k: function(v) for k, v in f.__globals__.items() if k in f.__code__.co_names and isinstance(v, types.FunctionType)
                  and v is not f and v.__module__.startswith("torch.testing")}
        cells = tuple(types.CellType(moved(c.cell_contents, {})) for c in f.__closure__ or ())
        made = types.FunctionType(f.__code__, f.__globals__ | called | {"torch": torchish}, f.__name__, f.__defaults__, cells)
        made.__kwdefaults__ = f.__kwdefaults__
        return made
    owner = getattr(f, "__objclass__", None)
    name = f"Tensor.{f.__name__}" if owner is not None and issubclass(torch.Tensor, owner) else NAMES.get(id(f))
    if name is None:
        raise Foreign(f"no public name of {f}")
    return counterpart(name)


def tensor(x: torch.Tensor) -> Any:
    """The same values at the same places of a storage."""
    if x.layout is not torch.strided or x.device.type != "cpu" or not hasattr(torchish, short(x.dtype)) or x.dim() > 32:
        raise Foreign(f"{x.layout} {x.device} {x.dtype}")
    plain = x.detach().resolve_conj().resolve_neg()
    end = plain.storage_offset() + sum((n - 1) * s for n, s in zip(plain.shape, plain.stride(), strict=True)) + 1
    memory = plain if plain.is_contiguous() or not plain.numel() else plain.as_strided((end,), (1,), 0)
    values = memory.contiguous().float().numpy() if x.dtype is torch.bfloat16 else memory.contiguous().numpy()
    made = torchish.tensor(values, dtype=getattr(torchish, short(x.dtype)))
    return made if memory is plain else made.as_strided(tuple(plain.shape), plain.stride(), plain.storage_offset())


def moved(x: Any, seen: dict) -> Any:
    """Arguments of torch as those of torchish; `seen` collects which tensor became which."""
    if isinstance(x, torch.Tensor):
        if id(x) not in seen:
            made = tensor(x)
            seen[id(x)] = (x, made.detach().requires_grad_() if x.requires_grad else made)
        return seen[id(x)][1]
    if isinstance(x, (list, tuple)):
        return type(x)(moved(v, seen) for v in x)
    if isinstance(x, dict):
        return {k: moved(v, seen) for k, v in x.items()}
    if isinstance(x, (torch.dtype, torch.memory_format, torch.layout)):
        return counterpart(short(x))
    if isinstance(x, torch.device):
        return torchish.device(str(x))
    return torchish if x is torch else function(x) if callable(x) and not isinstance(x, type) else x


def asked(ask: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return ask(), ""
    except Exception as e:
        return None, sentence(e)


def array(x: Any) -> np.ndarray:
    x = x.detach().resolve_conj().resolve_neg()
    return np.asarray((x.float() if short(x.dtype) == "bfloat16" else x).numpy())


def difference(a: Any, b: Any) -> tuple[str, Any, Any] | None:
    """The first thing in which two results differ: what, torch's, torchish's."""
    a, b = flat_tensors(a), flat_tensors(b)
    if len(a) != len(b):
        return "tensors", len(a), len(b)
    for x, y in zip(a, b, strict=True):
        for what in ("dtype", "shape", "requires_grad"):
            if str(getattr(x, what)) != str(getattr(y, what)):
                return what, getattr(x, what), getattr(y, what)
        p, q = array(x), array(y)
        tolerance = 20 * TOLERANCE.get(short(x.dtype), 0)
        with np.errstate(all="ignore"):
            if not np.allclose(q, p, tolerance, tolerance, equal_nan=True):
                return "values", p.ravel()[:4], q.ravel()[:4]
    return None


def compared(op: Any, sample: Any, gradient: bool) -> tuple[str, Any, Any] | None:
    """What differs between the results for one sample, or between the gradients of a weighted sum of them."""
    seen: dict = {}
    ours, (first, args, options) = function(op.op), moved((sample.input, tuple(sample.args), sample.kwargs), seen)
    torch.manual_seed(0)
    a, error = asked(lambda: op.op(sample.input, *sample.args, **sample.kwargs))
    torchish.manual_seed(0)
    b, own_error = asked(lambda: ours(first, *args, **options))
    if error or own_error:
        return ("error", error or "(none)", own_error or "(none)") if error != own_error else None
    if not gradient or difference(a, b):
        return difference(a, b)
    (a, error), (b, own_error) = (asked(lambda lib=lib, result=result, k=k: gradients(
        lib, flat_tensors(result), [pair[k] for pair in seen.values() if pair[0].requires_grad]))
        for lib, result, k in ((torch, a, 0), (torchish, b, 1)))
    return ("gradient error", error, own_error) if error != own_error else difference(a, b)


def gradients(lib: Any, results: list, leaves: list) -> list:
    """Those of a weighted sum of the results; zeros where there is none."""
    roots = [r for r in results if r.requires_grad]
    if not roots or not leaves:
        return []
    weights = [lib.tensor(cotangent(tuple(r.shape), short(r.dtype))) for r in roots]
    found = lib.autograd.grad(roots, leaves, weights, allow_unused=True)
    return [lib.zeros_like(x) if g is None else g.detach() + 0 for g, x in zip(found, leaves, strict=True)]


def samples(op: Any, check: str, limit: int) -> Iterator[Any]:
    """The inputs of one check."""
    base = torch.float32 if torch.float32 in op.dtypes else min(op.dtypes, key=str)
    if check == "errors":
        yield from (e.sample_input for e in op.error_inputs("cpu")) if op.error_inputs_func else ()
        return
    dtypes = {"forward": [base], "grad": [torch.float64, torch.complex128], "dtypes": DTYPES}[check]
    for dtype in dtypes:
        if check != "grad" or op.supports_autograd and dtype in op.supported_backward_dtypes("cpu"):
            found, _ = asked(lambda dtype=dtype: list(itertools.islice(
                op.sample_inputs("cpu", dtype, requires_grad=check == "grad"), 2 if check == "dtypes" else limit)))
            yield from found or ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ops", default=".*")
    parser.add_argument("--checks", default="forward,grad,dtypes,errors")
    parser.add_argument("--samples", type=int, default=6)
    asked_for = parser.parse_args()
    warnings.simplefilter("ignore")
    ops, calls = set(), 0
    for op in sorted(op_db, key=lambda op: op.name):
        if re.fullmatch(asked_for.ops, op.name):
            for check in asked_for.checks.split(","):
                found: dict[str, list] = {}
                ops.add(op.name)
                for sample in samples(op, check, asked_for.samples):
                    calls += 1
                    try:
                        wrong = compared(op, sample, check == "grad")
                    except Foreign as e:
                        wrong = ("left out", e, "")
                    if wrong:
                        found.setdefault(wrong[0], []).append((sample, *wrong[1:]))
                for what, cases in found.items():
                    sample, theirs, ours = cases[0]
                    print(op.name, op.variant_test_name, check, f"{what} x{len(cases)}", sample.summary(), theirs, ours, sep=" | ",
                          flush=True)
    print(f"compared {calls} calls of {len(ops)} ops")


if __name__ == "__main__":
    main()
