"""Compares ops with PyTorch on the inputs of PyTorch's own op database, and prints where they differ.

In: the torch that is installed (with `expecttest`, which its testing package needs), names of ops as a regular expression.
Out: one line for each op, check and kind of difference: how often, the first such input, what torch gives, what torchish gives
("refused": only torchish raises; "computed": only torch does). What the checks are stands in tools/op_checks.py.
Last, how much was compared.

    python tools/op_database.py --ops "cum.*|linalg\\..*" --checks forward,grad,dtypes,errors --samples 6
    python tools/op_database.py --database autograd_function_db --checks grad,vmap,func_grad
"""
from __future__ import annotations

import argparse
import functools
import itertools
import re
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.testing._internal import common_methods_invocations
from torch.testing._internal.common_methods_invocations import op_db

sys.path += [str(Path(__file__).resolve().parents[1] / part) for part in ("", "tests", "tools")]

from op_checks import CHECKS, asked, short
from op_golden import TOLERANCE
from op_twins import DATABASES, database

import torchish

FOREACH = [table for name, table in vars(common_methods_invocations).items() if re.fullmatch("foreach_.*_op_db", name)]
SPACES = ("", "nn.functional", "linalg", "special", "fft", "signal.windows", "masked", "Tensor")
NAMES = {id(f): f"{space}.{name}".lstrip(".") for space in reversed(SPACES)
         for name, f in vars(eval(f"torch.{space}".rstrip("."))).items() if callable(f)}      # a function -> its public name

TWINS: dict[int, Callable] = {}     # the id of a function of the database -> the same, written with torchish

NOISE = re.compile(r"SampleInput|torch\.|size=|dtype=|(, device=\"cpu\"|, broadcasts_input=\w+|, name=''|, kwargs={}|, args=\(\))")
FOREIGN = ("bfloat16", "float8")        # what numpy has not


class Foreign(Exception):
    """A value that torchish has no counterpart of."""


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
    if id(f) in TWINS:
        return TWINS[id(f)]
    if isinstance(f, types.FunctionType) and f.__module__.startswith("torch.testing"):
        called = {k: function(v) for k, v in f.__globals__.items() if k in f.__code__.co_names and isinstance(v, types.FunctionType)
                  and v is not f and v.__module__.startswith("torch.testing") and k != "freeze_rng_state"}
        cells = tuple(types.CellType(moved(c.cell_contents, {})) for c in f.__closure__ or ())
        made = types.FunctionType(f.__code__, f.__globals__ | called | {"torch": torchish}, f.__name__, f.__defaults__, cells)
        made.__kwdefaults__ = f.__kwdefaults__
        return made
    if isinstance(f, functools.partial):
        return functools.partial(function(f.func), *f.args, **f.keywords)
    if isinstance(f, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return counterpart("ops." + ".".join(str(f).split(".")[:2]))
    if getattr(f, "__module__", "") == "_operator":
        return f
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
    values = memory.contiguous().float().numpy() if short(x.dtype).startswith(FOREIGN) else memory.contiguous().numpy()
    dtype = getattr(torchish, short(x.dtype))
    if memory is plain:
        return torchish.tensor(values, dtype=dtype, requires_grad=x.requires_grad)
    made = torchish.tensor(values, dtype=dtype).as_strided(tuple(plain.shape), plain.stride(), plain.storage_offset())
    return made.detach().requires_grad_() if x.requires_grad else made


def moved(x: Any, seen: dict) -> Any:
    """Arguments of torch as those of torchish; `seen` collects which tensor became which."""
    if isinstance(x, torch.Tensor):
        if id(x) not in seen:
            seen[id(x)] = (x, tensor(x))
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


def array(x: Any) -> np.ndarray:
    x = x.detach().resolve_conj().resolve_neg()
    x = torch.zeros(x.shape, dtype=x.dtype) if isinstance(x, torch.Tensor) and x._is_zerotensor() else x
    return np.asarray((x.float() if short(x.dtype).startswith(FOREIGN) else x).numpy())


def flat(result: Any) -> list:
    """The tensors and other values of a nest."""
    return [x for r in result for x in flat(r)] if isinstance(result, (tuple, list)) else [result]


def difference(a: Any, b: Any, least: float = 0) -> tuple[str, Any, Any] | None:
    """The first thing in which two results differ: what, torch's, torchish's. `least`: the tolerance of what they come from."""
    a, b = flat(a), flat(b)
    if len(a) != len(b):
        return "results", len(a), len(b)
    for x, y in zip(a, b, strict=True):
        if not isinstance(x, torch.Tensor) or not isinstance(y, torchish.Tensor):
            if str(x) != str(y):
                return "others", x, y
            continue
        for what in ("dtype", "shape", "requires_grad"):
            if str(getattr(x, what)) != str(getattr(y, what)):
                return what, getattr(x, what), getattr(y, what)
        p, q = array(x), array(y)
        tolerance = 20 * max(TOLERANCE.get(short(x.dtype), 0), least)
        with np.errstate(all="ignore"):
            if not np.allclose(q, p, tolerance, tolerance, equal_nan=True):
                wrong = ~np.isclose(q, p, tolerance, tolerance, equal_nan=True)
                return "values", p[wrong].ravel()[:4], q[wrong].ravel()[:4]
    return None


def called(job: Any) -> tuple[Any, str, Any, str, float]:
    """What torch and torchish answer: a result and an error of each; and the tolerance of the inputs."""
    seen: dict = {}
    ours, given = function(job.function), (job.sample.input, *job.sample.args)
    args, options = moved(given, seen), moved(job.sample.kwargs, seen)
    torch.manual_seed(0)
    a, error = asked(lambda: job.ask(torch, job.function, given, job.sample.kwargs, [pair[0] for pair in seen.values()]))
    torchish.manual_seed(0)
    b, own_error = asked(lambda: job.ask(torchish, ours, args, options, [pair[1] for pair in seen.values()]))
    return a, error, b, own_error, max((TOLERANCE.get(short(pair[0].dtype), 0) for pair in seen.values()), default=0)


def compared(a: Any, error: str, b: Any, own_error: str, least: float) -> tuple[str, Any, Any] | None:
    """What differs: the kind of difference, torch's, torchish's."""
    if error or own_error:
        kind = "error" if error and own_error else "refused" if own_error else "computed"
        return (kind, error or "(none)", own_error or "(none)") if error != own_error else None
    wrong, failed = asked(lambda: difference(a, b, least))
    return ("failed", "(none)", failed) if failed else wrong


def checked(op: Any, check: str, limit: int) -> tuple[int, dict[tuple[str, str], list]]:
    """How many calls a check has, and the differences by label and kind. All is asked before anything is seen: one program."""
    found: dict[tuple[str, str], list] = {}
    answers: list = []
    for job in CHECKS[check](op, limit):
        try:
            answers.append((job, called(job)))
        except Foreign as e:
            found.setdefault((job.label, "left out"), []).append((job.sample, e, ""))
    for job, answer in answers:
        if wrong := compared(*answer):
            found.setdefault((job.label, wrong[0]), []).append((job.sample, *wrong[1:]))
    return len(answers), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ops", default=".*")
    parser.add_argument("--checks", default="forward,grad,dtypes,errors", help=f"any of {', '.join(CHECKS)}")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--database", default="op_db", choices=["op_db", *DATABASES])
    asked_for = parser.parse_args()
    warnings.simplefilter("ignore")
    for lib in (torch, torchish):
        lib.set_warn_always(True)
    ops, calls, listed = set(), 0, [*op_db, *itertools.chain(*FOREACH)]
    if asked_for.database != "op_db":
        listed, twins = database(asked_for.database)
        TWINS.update(twins)
    for op in sorted(listed, key=lambda op: op.name):
        if re.fullmatch(asked_for.ops, op.name):
            for check in asked_for.checks.split(","):
                asked_now, found = checked(op, check, asked_for.samples)
                ops.add(op.name)
                calls += asked_now
                for (label, kind), cases in found.items():
                    sample, theirs, ours = cases[0]
                    print(op.name, op.variant_test_name, f"{check} {label}".strip(), f"{kind} x{len(cases)}",
                          NOISE.sub("", sample.summary())[:300], theirs, ours, sep=" | ", flush=True)
    print(f"compared {calls} calls of {len(ops)} ops")


if __name__ == "__main__":
    main()
