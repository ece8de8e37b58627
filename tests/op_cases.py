"""The calls of every op that the generated tests make.

In: the op table.  Out: `cases(op)`, the op's samples (or default ones for elementwise ops) as numpy arrays and attributes, and
what the tests leave out, with reasons.  The arrays come from numpy's frozen RandomState, so a golden file needs results only.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from torchish.ops.table import EMPTY, TABLE, Op

__all__ = ["ELSEWHERE", "NODES_DIFFER", "NO_DIFFERENCES", "NO_GRADIENT", "ROUNDED", "SIGNS", "SYMMETRIC",
           "Case", "Factory", "all_cases", "cases", "default_samples", "each_array", "elementwise", "elsewhere", "floating"]

# Ops without a case here, by family or name: why.
ELSEWHERE = {
    "random": "drawn numbers: tests/test_rng.py",
    "noise": "drawn numbers: tests/test_rng.py",
    "dirichlet": "drawn numbers: tests/test_distributions.py",
    "optim": "updates of optimizers: tests/test_optim.py",
    "two_loop": "the direction of L-BFGS: tests/test_optim.py",
    "create": "their public forms are the expressions of tests/op_expressions.py",
    "_copy": "copy_, an expression of tests/op_expressions.py",
    "_view_bytes": "x.view(dtype), an expression of tests/op_expressions.py",
    "to_dtype": "x.to, an expression of tests/op_expressions.py",
    "_laid": "strides of a value: tests/test_views.py",
    "_straight": "a write through .data: tests of views",
    "_batch_norm_stats": "updates running statistics: tests/test_nn_module.py",
    "_instance_norm_stats": "updates running statistics: tests/test_nn_module.py",
    "_embedding_renorm": "changes the weight in place: tests/test_nn_module.py",
}

ELSEWHERE |= dict.fromkeys(("_found_by_unique2", "_found_by_unique_dim", "_found_by_unique_consecutive"),
                           "what unique found: tests/test_autograd_nodes.py")

# Ops whose gradients are left out: why.
NO_GRADIENT = {
    "igamma": "by its first operand neither torch nor JAX has one",
    "igammac": "by its first operand neither torch nor JAX has one",
    "special_zeta": "torch has none",
    "floor_divide": "torch has none",
    "heaviside": "torch has none",
    "nextafter": "torch has none",
    "linalg_eig": "torch refuses cotangents that depend on the phase of the vectors",
}
# Ops that read one triangle of a symmetric matrix: torch's gradient is symmetric, so differences are taken in such directions.
SYMMETRIC = frozenset({"linalg_cholesky", "linalg_cholesky_ex", "cholesky", "linalg_eigh", "linalg_eigvalsh"})
# Ops whose gradient is not that of the formula: why.
NO_DIFFERENCES = {"_ctc_loss": "as torch's, it holds for normalised log-probabilities only"}
NO_DIFFERENCES |= dict.fromkeys(("cholesky_inverse", "cholesky_solve"), "as torch's, it fills the triangle that is not read")
NODES_DIFFER = dict.fromkeys(("_lstm_layer", "_recurrent_layer", "lstm_cell"), "one op here: its results share a name of node") | {
    "_grouped": "torch has no float64: the gradients recorded are those of bmm"}
SIGNS = dict.fromkeys(("linalg_svd", "linalg_eigh", "linalg_eig"), "the signs of the vectors are free")
ROUNDED = {"hardsigmoid": "torch has 1/6 in float32"}


class Factory:
    """`t` of the declared samples: makes arrays, never the same one twice, so that no two operands tie."""

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype, self.made = dtype, 0

    def __call__(self, *shape: int, low: float = -2, high: float = 2, dtype: str | None = None, seed: int = 0) -> np.ndarray:
        self.made += 1
        draw = np.random.RandomState(1000 * seed + self.made)
        dtype = dtype or self.dtype
        if dtype == "bool":
            return draw.rand(*shape) < 0.5 if shape else np.array(draw.rand() < 0.5)
        if "int" in dtype:
            return np.array(draw.randint(max(low, 0) if dtype[0] == "u" else low, high, shape), dtype)
        values = np.array(low + (high - low) * draw.rand(*shape))
        if dtype.startswith("complex"):
            return np.array(values + 1j * (low + (high - low) * draw.rand(*shape)), dtype)
        return values.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


@dataclass(frozen=True, slots=True)
class Case:
    """One call: `key` names it in the golden file ("add/0")."""
    op: Op
    key: str
    args: tuple
    kwargs: dict

    def arrays(self) -> list[np.ndarray]:
        """The operands that are arrays, in order."""
        return list(_arrays((self.args, self.kwargs)))


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _arrays(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from _arrays(v)


def each_array(value: Any, make: Callable[[np.ndarray], Any]) -> Any:
    """The same nest of lists, tuples and dicts with `make(array)` in place of each array."""
    if isinstance(value, np.ndarray):
        return make(value)
    if isinstance(value, (list, tuple)):
        return type(value)(each_array(v, make) for v in value)
    return {k: each_array(v, make) for k, v in value.items()} if isinstance(value, dict) else value


def floating(x: np.ndarray) -> bool:
    """Whether gradients can go to an operand."""
    return x.dtype.kind in "fc" or x.dtype == ml_dtypes.bfloat16


def elementwise(op: Op) -> int:
    """How many operands an op with default samples takes; 0: it must declare its own."""
    operands = [p for p in op.params if p.kind in ("operand", "mixed")]
    required = [p for p in operands if p.default is EMPTY and not p.optional]
    others = [p for p in op.params if p.kind not in ("operand", "mixed") and p.default is EMPTY]
    return 0 if others or any(p.kind == "operands" for p in op.params) else len(required)


def default_samples(op: Op, t: Factory) -> list[tuple[tuple, dict]]:
    """A call with operands that broadcast; where a number may stand for the second operand, one with a number."""
    shapes = [(3, 4), (4,), (3, 1)][:elementwise(op)]
    calls: list[tuple[tuple, dict]] = [(tuple(t(*s) for s in shapes), {})]
    if len(shapes) == 2 and op.params[1].kind == "mixed":
        calls.append(((t(3), 0.5), {}))
    return calls


def elsewhere(op: Op) -> str | None:
    """Why an op has no case here; None: it has."""
    if not any(p.kind in ("operand", "operands", "mixed") for p in op.params):
        return "makes tensors of numbers only: expressions of tests/op_expressions.py"
    return ELSEWHERE.get(op.family) or ELSEWHERE.get(op.name)


def cases(op: Op, dtype: str = "float32") -> list[Case]:
    """The op's calls with arrays of `dtype` where the declaration does not say another one."""
    t = Factory(dtype)
    made = op.samples(t) if op.samples else default_samples(op, t)
    return [Case(op, f"{op.name}/{k}", tuple(args), dict(kwargs)) for k, (args, kwargs) in enumerate(made)]


def all_cases(dtype: str = "float32") -> list[Case]:
    """Every case of every op."""
    return [case for op in TABLE.values() if elsewhere(op) is None for case in cases(op, dtype)]
