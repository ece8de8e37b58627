"""Results as plain data, from torch or torchish, and their comparison.

In: what a function returned or raised.  Out: nests of lists and dicts that JSON holds, and assertions that two are the same.
"""
from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["GOLDEN", "TOLERANCE", "asked", "assert_same", "cotangent", "described", "flat", "flat_tensors", "node_name", "sentence"]

PATH = Path(__file__).parent / "golden" / "ops.json"
GOLDEN: dict[str, Any] = json.loads(PATH.read_text()) if PATH.exists() else {}
TOLERANCE = {"float64": 1e-9, "complex128": 1e-9, "float32": 2e-5, "complex64": 2e-5, "float16": 2e-3, "bfloat16": 1.6e-2}


def _number(v: Any, digits: int) -> Any:
    if isinstance(v, complex):
        return [_number(v.real, digits), _number(v.imag, digits)]
    return float(f"{v:.{digits}g}") if isinstance(v, float) else v


def flat(nested: Any) -> list:
    """The numbers in a nest of lists."""
    return [x for v in nested for x in flat(v)] if isinstance(nested, list) else [nested]


def described(x: Any, values: bool = True) -> Any:
    """A tensor's dtype, shape and values; a sequence's items; anything else as it prints."""
    if hasattr(x, "requires_grad"):
        out = {"dtype": str(x.dtype).removeprefix("torch."), "shape": list(x.shape)}
        digits = 12 if out["dtype"] in ("float64", "complex128") else 8
        return out | {"values": [_number(v, digits) for v in flat(x.detach().tolist())]} if values else out
    if isinstance(x, (tuple, list)) and not type(x).__name__.startswith("Size"):
        return {"fields": list(getattr(type(x), "__match_args__", ())), "items": [described(v, values) for v in x]}
    return repr(x).replace("torchish", "torch")


def sentence(error: Exception) -> str:
    """An error's class and first sentence."""
    return f"{type(error).__name__}: {str(error).splitlines()[0].split('. ')[0].rstrip('.') if str(error) else ''}"


def asked(ask: Callable[[], Any]) -> Any:
    """What `ask` returns, or {"error": class and first sentence}; warnings are tested elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ask()
        except Exception as e:
            return {"error": sentence(e)}


def flat_tensors(result: Any) -> list:
    """The tensors of a result."""
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in flat_tensors(r)]
    return [result] if hasattr(result, "requires_grad") else []


def cotangent(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """A fixed cotangent with all elements different."""
    n = math.prod(shape)
    values = np.cos(np.arange(n) + 1.0)
    return np.array(values + 0.5j * np.sin(np.arange(n)) if dtype.startswith("complex") else values, dtype).reshape(shape)


def node_name(x: Any) -> str | None:
    """The name of the backward node."""
    return x.grad_fn.name() if x.grad_fn is not None else None


def assert_same(wanted: Any, found: Any, at: str = "", tolerance: float | None = None) -> None:
    """`found` (as `described` gives it) is what was recorded: exactly, but for the last digits of floats."""
    if isinstance(wanted, dict) and "values" in wanted:
        assert isinstance(found, dict), f"{at}: torch gives a tensor, here {found}"
        head = {k: wanted[k] for k in ("dtype", "shape")}
        assert {k: found.get(k) for k in ("dtype", "shape")} == head, f"{at}: torch gives {head}, here {found}"
        tol = tolerance or TOLERANCE.get(wanted["dtype"], 0)
        a, b = (np.array([np.nan if v is None else v for v in w["values"]], float) for w in (wanted, found))
        size = np.abs(a[np.isfinite(a)]).max(initial=0)
        np.testing.assert_allclose(b, a, rtol=tol, atol=tol * max(1.0, 0.1 * size), err_msg=at)
    elif isinstance(wanted, dict) and "items" in wanted:
        shape = (wanted["fields"], len(wanted["items"]))
        assert isinstance(found, dict) and (found.get("fields"), len(found.get("items", ()))) == shape, \
            f"{at}: torch gives {wanted['fields'] or 'a tuple'} of {len(wanted['items'])}, here {found}"
        for k, (w, f) in enumerate(zip(wanted["items"], found["items"], strict=True)):
            assert_same(w, f, f"{at}[{k}]", tolerance)
    else:
        assert wanted == found, f"{at}: torch gives {wanted}, here {found}"
