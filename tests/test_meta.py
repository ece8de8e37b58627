"""The device meta: every op gives there what it gives elsewhere, but for the data; and nothing is recorded, compiled or drawn.

In: the declared samples of the op table (op_cases.py).  What torch itself says and prints there is compared live:
tests/parity/test_meta_live.py.
"""
from __future__ import annotations

from typing import Any

import pytest
from counting import counting
from op_cases import NO_GRADIENT, cases
from op_golden import flat_tensors
from test_ops import OPS, every_form, public, tensors

import torchish as torch
from torchish.ops.table import TABLE
from torchish.tape import state

nn = torch.nn


def looks(result: Any) -> list[tuple]:
    """What is known of results without their data."""
    return [(tuple(x.shape), x.dtype, x.stride(), x.storage_offset(), x.requires_grad, x._is_view()) for x in flat_tensors(result)]


@pytest.mark.parametrize("name", OPS)
def test_every_op(name: str) -> None:
    """Function, method, in-place and out= forms have the shapes, dtypes and strides that they have on the CPU."""
    for case in cases(TABLE[name]):
        wanted = {form: (type(found), looks(found)) for form, found in every_form(case).items()}
        entry = state.tape.node
        with counting() as count:
            forms = every_form(case, "meta")
        assert state.tape.node is entry and count.compiled == count.ran == 0, f"{case.key}: something was recorded"
        assert {form: (type(found), looks(found)) for form, found in forms.items()} == wanted, case.key
        assert all(x.is_meta for found in forms.values() for x in flat_tensors(found)), case.key


@pytest.mark.parametrize("name", [n for n in OPS if TABLE[n].differentiable and n not in NO_GRADIENT])
def test_every_gradient(name: str) -> None:
    """The nodes of the graph are those of the CPU, and leaves get gradients that look like them."""
    for case in cases(TABLE[name], "float64"):
        nodes, found = [], []
        for device in ("cpu", "meta"):
            args, kwargs, leaves = tensors(case, True, device)
            roots = [r for r in flat_tensors(public(case.op)(*args, **kwargs)) if r.requires_grad]
            nodes.append([r.grad_fn.name() for r in roots])
            entry = state.tape.node
            if roots:
                found = torch.autograd.grad(roots, leaves, [torch.ones_like(r) for r in roots], allow_unused=True)
        assert nodes[0] == nodes[1], case.key
        assert state.tape.node is entry
        for leaf, g in zip(leaves, found, strict=False):
            assert g is None or (g.is_meta and g.shape == leaf.shape and g.dtype is leaf.dtype), case.key
