"""Records what torch returns for every op's samples and for the expressions of the op tests.

In: torch and torchish's op table (run this where both are installed).  Out: tests/golden/ops.json, a line for each call.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from op_cases import Case, all_cases, each_array, floating  # noqa: E402
from op_expressions import EXPRESSIONS, evaluate, variables  # noqa: E402
from op_golden import PATH, asked, cotangent, described, flat_tensors, node_name  # noqa: E402

import torchish  # noqa: E402, F401  declares the table

F = torch.nn.functional


def recurrent(function: Callable, x: Any, state: Any, weights: list, biases: bool, reverse: bool) -> tuple:
    """One direction of one recurrent layer: torch has both or the first, so time is turned for the other."""
    out, *last = function(x.flip(0) if reverse else x, state, weights, biases, 1, 0.0, False, False, False)
    return out.flip(0) if reverse else out, *(h.squeeze(0) for h in last)


# Private ops whose public function takes other arguments. Those not here have no counterpart: expressions cover them.
TWINS: dict[str, Callable] = {
    "_max_dim": torch.max, "_min_dim": torch.min, "_max_all": torch.max, "_min_all": torch.min,
    "_median_dim": torch.median, "_median_all": torch.median, "_nanmedian_dim": torch.nanmedian, "_nanmedian_all": torch.nanmedian,
    "_var": lambda x, d, c, k: torch.var(x, d, correction=c, keepdim=k),
    "_std": lambda x, d, c, k: torch.std(x, d, correction=c, keepdim=k),
    "_var_mean": lambda x, d, c, k: torch.var_mean(x, d, correction=c, keepdim=k),
    "_std_mean": lambda x, d, c, k: torch.std_mean(x, d, correction=c, keepdim=k),
    "_attention": lambda q, k, v, m, c, s, g: F.scaled_dot_product_attention(q, k, v, m, 0.0, c, scale=s, enable_gqa=g),
    "_grouped": lambda a, b, *rest: torch.bmm(a, b) if a.dtype is torch.float64 else F.grouped_mm(a, b),
    "_as_strided": torch.as_strided, "_view_as_real": torch.view_as_real,
    "_sparse_dense": lambda i, v, size: torch.sparse_coo_tensor(i, v, size).to_dense(),
    "_sparse_product": lambda i, v, m, rows: torch.sparse.mm(torch.sparse_coo_tensor(i, v, (rows, len(m))), m),
    "_block_diag": lambda xs: torch.block_diag(*xs), "_take_along_dim": torch.take_along_dim, "_one_hot": F.one_hot,
    "_repeat_interleave": torch.repeat_interleave, "einsum_core": torch.einsum,
    "tensordot_core": lambda a, b, i, j: torch.tensordot(a, b, (i, j)),
    "_batch_norm_train": lambda x, w, b, e: F.batch_norm(x, None, None, w, b, True, eps=e),
    "_batch_norm_eval": lambda x, w, b, m, v, e: F.batch_norm(x, m, v, w, b, False, eps=e),
    "_lstm_layer": lambda x, n, h, c, wi, wh, bi, bh, wr, reverse: recurrent(
        torch.lstm, x, [h[None], c[None]], [w for w in (wi, wh, bi, bh, wr) if w is not None], bi is not None, reverse),
    "_recurrent_layer": lambda x, n, h, wi, wh, bi, bh, mode, reverse: recurrent(
        getattr(torch, {"gru": "gru"}.get(mode, f"rnn_{mode}")), x, h[None], [wi, wh, bi, bh], True, reverse),
    "_instance_norm": lambda x, w, b, e: F.instance_norm(x, weight=w, bias=b, eps=e),
    "_embedding_bag": lambda w, i, o, mode, p, last, pad, scale: F.embedding_bag(
        i, w, o, mode=mode, per_sample_weights=p, include_last_offset=last, padding_idx=None if pad < 0 else pad,
        scale_grad_by_freq=scale),
    "embedding": lambda w, i, *a, **k: torch.embedding(w, i, *a, **k),
    "_fractional_max_pool2d": lambda x, s, k, o: F.fractional_max_pool2d_with_indices(x, k, o, _random_samples=s),
    "_fractional_max_pool3d": lambda x, s, k, o: F.fractional_max_pool3d_with_indices(x, k, o, _random_samples=s),
    **{f"{kind}max_pool{n}d_values": getattr(F, f"{kind}max_pool{n}d") for kind in ("", "adaptive_") for n in (1, 2, 3)},
}


def twin(case: Case) -> Callable | None:
    """torch's function for an op."""
    name = case.op.name
    if name in TWINS:
        return TWINS[name]
    places = {"F": F, "linalg": torch.linalg, "fft": torch.fft, "function": torch, "special": torch.special, "method": torch.Tensor}
    for form, place in places.items():
        public = name.removeprefix(f"{form}_")
        if form in case.op.forms and hasattr(place, public):
            return getattr(place, public)
    return None


def tensor(array: np.ndarray, grad: bool = False) -> torch.Tensor:
    return torch.from_numpy(np.array(array)).requires_grad_(grad and floating(array))


def strides(result: Any) -> list:
    return [list(t.stride()) for t in flat_tensors(result)]


def gradients(result: Any, leaves: list[torch.Tensor]) -> dict[str, Any]:
    """Names of the backward nodes, and the gradients of all results by fixed cotangents."""
    roots = [r for r in flat_tensors(result) if r.requires_grad]
    if not roots:
        return {}
    starts = [torch.from_numpy(cotangent(tuple(r.shape), str(r.dtype)[6:])) for r in roots]
    found = torch.autograd.grad(roots, leaves, starts, allow_unused=True)
    return {"nodes": [node_name(r) for r in roots], "grads": [None if g is None else described(g + 0) for g in found]}


def record_case(case: Case, wide: Case) -> dict[str, Any]:
    function = twin(case)
    if function is None:
        return {"twin": False}

    def values() -> Any:
        out = function(*each_array(case.args, tensor), **each_array(case.kwargs, tensor))
        return {"out": described(out)} | ({"strides": strides(out)} if case.op.view else {})

    def slopes(most: int | None = None) -> Any:
        leaves: list[torch.Tensor] = []

        def leaf(a: np.ndarray) -> torch.Tensor:
            x = tensor(a, most is None or len(leaves) < most)
            if x.requires_grad:
                leaves.append(x)
            return x
        out = function(*each_array(wide.args, leaf), **each_array(wide.kwargs, leaf))
        return gradients(out, leaves)
    first, second = asked(values), asked(slopes)
    if "is not differentiable with respect to" in second.get("error", ""):
        second = asked(lambda: slopes(1))
    return first | ({"grad_error": second["error"]} if "error" in second else second)


def record_expression(expression: str) -> dict[str, Any]:
    given = variables(lambda a, grad: tensor(a, grad))
    leaves = [x for x in given.values() if x.requires_grad]

    def ask() -> Any:
        out = evaluate(expression, torch, given)
        found = asked(lambda: gradients(out, leaves))
        if "error" in found:
            found = {"grad_error": found["error"]}
        elif found:
            names = [n for n, x in given.items() if x.requires_grad]
            found["grads"] = {n: g for n, g in zip(names, found["grads"], strict=True) if g is not None}
        return {"out": described(out), **found}
    return asked(ask)


def main() -> None:
    golden = {"torch": torch.__version__,
              "cases": {a.key: record_case(a, b) for a, b in zip(all_cases(), all_cases("float64"), strict=True)},
              "expressions": {e: record_expression(e) for e in EXPRESSIONS}}
    lines = [f"{json.dumps(section)}: {{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}"
                                                        for k, v in golden[section].items()) + "\n}"
             for section in ("cases", "expressions")]
    PATH.write_text("{\n" + f'"torch": {json.dumps(golden["torch"])},\n' + ",\n".join(lines) + "\n}\n")
    for key, found in {**golden["cases"], **golden["expressions"]}.items():
        if set(found) & {"error", "grad_error", "twin"}:
            print(key, found.get("error") or found.get("grad_error") or "no counterpart in torch")


if __name__ == "__main__":
    main()
