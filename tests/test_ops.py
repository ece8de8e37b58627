"""Every op of the table, tested from its declaration.

In: the declared samples and what torch returned for them (tools/record_ops.py).  Out: for each op, its public forms and its
gradients of first and second order; then public calls as users write them.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from counting import counting
from op_cases import (
    NO_DIFFERENCES,
    NO_GRADIENT,
    NODES_DIFFER,
    ROUNDED,
    SIGNS,
    SYMMETRIC,
    Case,
    cases,
    each_array,
    elementwise,
    elsewhere,
    floating,
)
from op_expressions import EXPRESSIONS, evaluate, variables
from op_golden import GOLDEN, asked, assert_same, cotangent, described, flat_tensors, node_name

import torchish as torch
from torchish import dtypes, infer
from torchish.ops.table import TABLE, Op
from torchish.tape import forget
from torchish.wiring import spaces

OPS = [name for name, op in TABLE.items() if elsewhere(op) is None]


def public(op: Op) -> Callable:
    """The function form of an op, from whichever namespace has it."""
    return next(space[op.name] for space in spaces.values() if op.name in space)


def tensors(case: Case, grad: bool = False, device: str = "cpu") -> tuple[tuple, dict, list]:
    """The case's operands as tensors, and those that require a gradient."""
    leaves: list[Any] = []

    def make(a: np.ndarray) -> Any:
        x = torch.tensor(a, device=device)
        if grad and floating(a):
            leaves.append(x.requires_grad_())
        return x
    return each_array(case.args, make), each_array(case.kwargs, make), leaves


def by_method(case: Case, device: str) -> Any:
    """The result of the method form, or None where there is none for these operands."""
    args, kwargs, _ = tensors(case, device=device)
    at = next((k for k, p in enumerate(case.op.params) if p.name == "input"), 0)
    if "method" not in case.op.forms or at >= len(args) or not isinstance(args[at], torch.Tensor):
        return None
    return getattr(args[at], case.op.name)(*args[:at], *args[at + 1:], **kwargs)


def in_place(case: Case, result: Any, device: str) -> Any:
    """The tensor that the in-place form changed, or None where dtype or shape forbid it."""
    args, kwargs, _ = tensors(case, device=device)
    if "inplace" not in case.op.forms or not args or not isinstance(args[0], torch.Tensor) or case.op.view:
        return None
    if args[0].dtype is not result.dtype or args[0].shape != result.shape:
        return None
    changed = getattr(args[0], f"{case.op.name}_")(*args[1:], **kwargs)
    assert changed is args[0]
    return changed


def into_out(case: Case, result: Any, device: str) -> Any:
    """What the function wrote into tensors given as `out=`."""
    if "out" not in case.op.forms:
        return None
    args, kwargs, _ = tensors(case, device=device)
    single = isinstance(result, torch.Tensor)
    out = torch.empty_like(result) if single else tuple(torch.empty_like(r) for r in result)
    back = public(case.op)(*args, **kwargs, out=out)
    assert back is out if single else all(b is o for b, o in zip(back, out, strict=True))
    return back


def apply_pure(case: Case, make: Callable[[np.ndarray], Any]) -> list:
    """The results of the op's pure function, its operands cast to the common dtype as the recorder does."""
    op = case.op
    args, kwargs = each_array((case.args, case.kwargs), make)
    given = dict(zip((p.name for p in op.params), args)) | kwargs
    joined = {p.name: given[p.name] for p in op.params if op.promote and p.promoted
              and p.kind in ("operand", "mixed") and given.get(p.name) is not None}
    if joined:
        arrays = [(dtypes.from_numpy(v.dtype), v.ndim) for v in joined.values() if isinstance(v, jax.Array)]
        common = dtypes.result_dtype(arrays, [v for v in joined.values() if not isinstance(v, jax.Array)])
        common = infer.promoted(op, common, {"rounding_mode": None} | given)
        given |= {n: v.astype(common.np) if isinstance(v, jax.Array) else np.asarray(v, common.np) for n, v in joined.items()}
    out = op.fn(**given)
    return list(out) if isinstance(out, (tuple, list)) else [out]


def uncompiled(case: Case) -> list[np.ndarray]:
    """The op's pure function applied at once, primitive by primitive."""
    with jax.enable_x64(True):
        return [np.asarray(o) for o in apply_pure(case, jnp.asarray)]


def strides(result: Any) -> list[list[int]]:
    return [list(t.stride()) for t in flat_tensors(result)]


def flat_items(found: Any) -> list:
    """The tensors of a described result."""
    return [f for item in found["items"] for f in flat_items(item)] if "items" in found else [found]


def every_form(case: Case, device: str = "cpu") -> dict[str, Any]:
    """The results of each public form of one call, lazy."""
    args, kwargs, _ = tensors(case, device=device)
    result = public(case.op)(*args, **kwargs)
    made = {"function": result, "method": by_method(case, device), "in place": in_place(case, result, device),
            "out=": into_out(case, result, device)}
    return {form: found for form, found in made.items() if found is not None}


@pytest.mark.parametrize("name", OPS)
def test_forms(name: str) -> None:
    """Function, method, in-place and out= forms give what torch gave, alike compiled and not; again compiles nothing."""
    op = TABLE[name]
    assert op.samples or elementwise(op), f"{name} needs samples: @op(samples=lambda t: [((t(3, 4), ...), {{}})])"
    listed = cases(op)
    for case in listed:
        assert case.key in GOLDEN["cases"], f"{case.key} is not recorded: python tools/record_ops.py"

    def run() -> list[dict[str, Any]]:
        made = [every_form(case) for case in listed]
        return [{form: described(found) for form, found in forms.items()} | {"strides": strides(forms["function"])}
                for forms in made]
    forget()    # what was recorded from the same places before must not decide where a tape ends here
    results = run()
    with counting() as count:
        run()
    assert count.compiled == 0, f"{name}: identical calls compiled again"
    for case, made in zip(listed, results, strict=True):
        wanted = GOLDEN["cases"][case.key]
        assert made.pop("strides") == wanted.get("strides") or "strides" not in wanted
        for form, found in made.items():
            if "out" in wanted and name not in SIGNS:
                assert_same(wanted["out"], found, f"{case.key} {form}")
    plain = [described(torch.tensor(a)) for a in uncompiled(listed[0])]
    for k, (got, a) in enumerate(zip(flat_items(results[0]["function"]), plain, strict=True)):
        assert_same(a, got, f"{name} uncompiled, result {k}")


class Pure:
    """Sum of an op's float results, each times its cotangent, as a JAX function of the float operands; with its slopes."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.at = [a for a in case.arrays() if floating(a)]
        draw = np.random.RandomState(7)
        self.direction = [draw.standard_normal(a.shape).astype(a.dtype) for a in self.at]
        self.direction = [d + 1j * draw.standard_normal(d.shape) if d.dtype.kind == "c" else d for d in self.direction]
        if case.op.name in SYMMETRIC:
            self.direction = [d + d.T for d in self.direction]

    def loss(self, xs: list) -> Any:
        rest = iter(xs)
        out = apply_pure(self.case, lambda a: next(rest) if floating(a) else jnp.asarray(a))
        floats = [o for o in out if jnp.issubdtype(o.dtype, jnp.inexact)]
        return sum(jnp.real(jnp.sum(jnp.conj(cotangent(o.shape, str(o.dtype))) * o)) for o in floats)

    def slopes(self, step: float = 1e-6) -> dict[str, Any]:
        """Loss gradient (torch's convention for complex), and differences of the loss and of the gradient."""
        with jax.enable_x64(True):
            slope = jax.jit(jax.value_and_grad(self.loss), compiler_options={"xla_backend_optimization_level": 0})
            places = [[jnp.asarray(x + e * d) for x, d in zip(self.at, self.direction, strict=True)] for e in (0, step, -step)]
            (_, here), (high, above), (low, below) = (jax.tree.map(np.asarray, slope(xs)) for xs in places)
        return {"gradient": [np.conj(g) for g in here], "first": (high - low) / (2 * step),
                "second": [np.conj(a - b) / (2 * step) for a, b in zip(above, below, strict=True)]}


def along(xs: list, direction: list) -> Any:
    """The real inner product of tensors with fixed arrays."""
    terms = [(x * torch.tensor(np.conj(d))).sum() for x, d in zip(xs, direction, strict=True)]
    return sum(t.real if t.is_complex() else t for t in terms)


def agree(found: Any, wanted: Any, tolerance: float, what: str) -> None:
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=tolerance, atol=tolerance * max(1.0, np.abs(wanted).max(initial=0)),
                               err_msg=what)


@pytest.mark.usefixtures("drafts")
@pytest.mark.parametrize("name", [n for n in OPS if TABLE[n].differentiable and n not in NO_GRADIENT])
def test_gradients(name: str) -> None:
    """First gradients against torch, jax.grad and finite differences; second ones against differences of the first."""
    checked = False
    for number, case in enumerate(cases(TABLE[name], "float64")):
        wanted = GOLDEN["cases"][case.key]
        args, kwargs, leaves = tensors(case, grad=True)
        roots = [r for r in flat_tensors(public(case.op)(*args, **kwargs)) if r.requires_grad]
        if not roots:
            assert not wanted.get("nodes"), f"{case.key} has a gradient in torch"
            continue
        checked = True
        if wanted.get("nodes") and name not in NODES_DIFFER:
            assert [node_name(r) for r in roots] == wanted["nodes"], case.key
        starts = [torch.tensor(cotangent(tuple(r.shape), str(r.dtype)[6:])) for r in roots]
        first = torch.autograd.grad(roots, leaves, starts, create_graph=True, allow_unused=True, materialize_grads=True)
        pure = Pure(case)
        slope = along(first, pure.direction)
        twice = slope.requires_grad and number < 2
        second = torch.autograd.grad(slope, leaves, allow_unused=True, materialize_grads=True) if twice else None
        first = [g.detach() for g in first]
        jaxs = pure.slopes()
        for k, (g, w) in enumerate(zip(first, jaxs["gradient"], strict=True)):
            agree(g, w, 1e-10, f"{case.key} operand {k}: jax.grad")
        for k, (g, w) in enumerate(zip(first, wanted.get("grads", ()))):
            if w is not None and name not in SIGNS:
                assert_same(w, described(g), f"{case.key} operand {k}: torch's gradient", 1e-7 if name in ROUNDED else None)
        if name in NO_DIFFERENCES:
            continue
        agree(slope.detach(), jaxs["first"], 2e-5, f"{case.key}: finite differences")
        if number > 1:          # two cases show the second order well enough
            continue
        for k, w in enumerate(jaxs["second"]):
            agree(0 if second is None else second[k], w, 2e-5, f"{case.key} operand {k}: second order")
    assert checked or not GOLDEN["cases"][f"{name}/0"].get("nodes")


@pytest.mark.usefixtures("drafts")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression: str) -> None:
    """Calls as users write them: values, dtypes, names of backward nodes, gradients, errors."""
    wanted = GOLDEN["expressions"][expression]
    given = variables(lambda a, grad: torch.tensor(a, requires_grad=grad))
    if "error" in wanted:
        assert asked(lambda: evaluate(expression, torch, given)) == {"error": wanted["error"]}
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = evaluate(expression, torch, given)
    roots = [r for r in flat_tensors(result) if r.requires_grad]
    grads: list = []
    if "nodes" in wanted:
        assert [node_name(r) for r in roots] == wanted["nodes"]
        starts = [torch.tensor(cotangent(tuple(r.shape), str(r.dtype)[6:])) for r in roots]
        grads = list(torch.autograd.grad(roots, [given[n] for n in wanted["grads"]], starts))
    else:
        assert not roots or "grad_error" in wanted
    assert_same(wanted["out"], described(result), expression)
    for (n, w), g in zip(wanted.get("grads", {}).items(), grads, strict=True):
        assert_same(w, described(g), f"gradient of {n}", tolerance=1e-4)
