"""The device meta: every op gives there what it gives elsewhere, but for the data; and nothing is recorded, compiled or drawn.

In: the declared samples of the op table (op_cases.py).  What torch itself says and prints there is compared live:
tests/parity/test_meta_live.py.
"""
from __future__ import annotations

import warnings
from typing import Any

import pytest
from counting import counting
from op_cases import NO_GRADIENT, cases
from op_expressions import EXPRESSIONS, evaluate, variables
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


# what torch, too, refuses where there are no values
REFUSALS = ("Tensor.item() cannot be called on meta tensors", "Cannot copy out of meta tensor; no data!",
            "raises unimplemented by default", "attempted to run this operator with Meta tensors",
            "cannot repeat_interleave a meta tensor")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression: str) -> None:
    """Calls as users write them, of composites, too: what they give on meta looks like what they give on the CPU."""
    found: dict[str, Any] = {}
    for device in ("cpu", "meta"):
        given = variables(lambda a, grad, device=device: torch.tensor(a, requires_grad=grad, device=device))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with torch.device(device):
                    found[device] = looks(evaluate(expression, torch, given))
            except (RuntimeError, NotImplementedError, TypeError, ValueError, IndexError, KeyError) as error:
                found[device] = f"{type(error).__name__}: {error}"
    if not any(refusal in found["meta"] for refusal in REFUSALS):
        assert found["meta"] == found["cpu"]


def test_the_step_goes_on() -> None:
    """Work on meta between the entries of a step, with gradients and random numbers, leaves no trace in it."""
    def step(between: Any) -> float:
        x = torch.ones(3, requires_grad=True)
        y = (x * 2).exp()
        between()
        y.sum().backward()
        return x.grad.sum().item()

    def on_meta() -> None:
        m = nn.Sequential(nn.Linear(4, 5, device="meta"), nn.Dropout(), nn.Linear(5, 2, device="meta"))
        o = torch.optim.SGD(m.parameters(), lr=0.1)
        m(torch.rand(3, 4, device="meta")).sum().backward()
        o.step()
        torch.arange(5, device="meta") + torch.eye(5, device="meta")
    wanted = step(lambda: None)
    state_before = torch.get_rng_state()
    with counting() as count:
        assert step(on_meta) == wanted
    assert (count.compiled, count.ran) == (0, 1)
    assert torch.equal(torch.get_rng_state(), state_before)


def test_sizes_that_no_memory_has() -> None:
    big = nn.Linear(10**7, 10**7, device="meta")
    x = torch.randn(10**7, 10**7, device="meta")
    loss = big(x).relu().t().reshape(-1).square().sum()
    loss.backward()
    assert big.weight.grad.shape == (10**7, 10**7) and big.weight.grad.nbytes == 4 * 10**14
    assert torch.empty(10**9, 10**9, device="meta").untyped_storage().nbytes() == 4 * 10**18


def test_views_are_written_through() -> None:
    x = torch.empty(4, 6, device="meta")
    part = x.view(2, 2, 6).transpose(0, 1)[1]
    part.add_(1)
    x[0] = torch.ones(6)
    assert (x._version, part._version, part._base is x, part.storage_offset(), part.stride()) == (2, 2, True, 6, (12, 1))
    leaf = torch.empty(4, device="meta", requires_grad=True)
    y = leaf * 1
    y[1:].mul_(2)
    y.sum().backward()
    assert y.grad_fn.name() == "torch::autograd::CopySlices" and leaf.grad.shape == (4,)


def test_other_devices_are_refused() -> None:
    m, c = torch.empty(3, device="meta"), torch.ones(3)
    for mixed in (lambda: m * c, lambda: c.mul_(m), lambda: m.mul_(c), lambda: c.add_(m[0]), lambda: torch.stack([m, c]),
                  lambda: nn.Linear(3, 2, device="meta")(c), lambda: nn.functional.conv1d(c[None], m[None, None])):
        with pytest.raises(RuntimeError, match=r"Tensor on device \w+ is not on the expected device \w+!"):
            mixed()
    w = torch.tensor(2.0, requires_grad=True)
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        (m * w).sum().backward()
    assert w.grad is None and torch.equal(c, torch.ones(3))


def test_transforms() -> None:
    m = torch.empty(3, 4, device="meta")
    for found in (torch.vmap(lambda x: x * 2 + m[0])(m), torch.func.grad(lambda x: (x @ m.t()).sum())(m),
                  torch.func.jvp(lambda x: x.sin(), (m,), (m,))[1],
                  torch.utils.checkpoint.checkpoint(nn.Linear(4, 4, device="meta"), m, use_reentrant=False)):
        assert found.is_meta and found.shape == (3, 4)
    assert torch.func.jacrev(lambda x: x.sum(0))(m).shape == (4, 3, 4)


def test_values_come_later(tmp_path: Any) -> None:
    """A model made without values takes those of a file, or new ones, and learns like any other."""
    def build() -> Any:
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    source = build()
    torch.save(source.state_dict(), tmp_path / "model.pt")
    before = torch.get_rng_state()
    with torch.device("meta"):
        loaded, drawn = build(), build()
    assert torch.equal(torch.get_rng_state(), before) and all(x.is_meta for x in loaded.state_dict().values())
    assert loaded.load_state_dict(torch.load(tmp_path / "model.pt"), assign=True) == ([], [])
    drawn.to_empty(device="cpu")
    for layer in drawn:
        layer.reset_parameters()
    for model in (loaded, drawn):
        x = torch.randn(8, 3)
        optimizer = torch.optim.Adam(model.parameters())
        model(x).square().mean().backward()
        optimizer.step()
        assert all(p.grad is not None and not p.is_meta and p.requires_grad for p in model.parameters())
    described = torch.load(tmp_path / "model.pt", map_location="meta")
    assert all(x.is_meta and x.shape == source.state_dict()[name].shape for name, x in described.items())
    torch.save(described, tmp_path / "meta.pt")
    assert (tmp_path / "meta.pt").stat().st_size < 3000 and torch.load(tmp_path / "meta.pt")["0.weight"].is_meta


def test_gradients_do_not_leave() -> None:
    """What was moved to meta stands in the graph, but no gradient comes back from there."""
    x = torch.ones(3, requires_grad=True)
    for moved in (x.to("meta"), (x * 2).to("meta")):
        assert moved.requires_grad and moved.grad_fn.name() == "ToCopyBackward0"
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
            moved.sum().backward()
    with torch.no_grad():
        assert not x.to("meta").requires_grad
    assert x.grad is None
