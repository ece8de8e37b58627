"""torch.library.opcheck: what it finds wrong with an operator, in PyTorch's words."""
from __future__ import annotations

import itertools

import pytest

import torchish as torch
from torchish.library.opcheck import OpCheckError

ALL = {"test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"}
fresh = map("op{}".format, itertools.count())


def made(fn, fake=None):
    """`fn` as an operator of custom_op with this fake function."""
    def one(x: torch.Tensor) -> torch.Tensor:
        return fn(x)
    op = torch.library.custom_op(f"opcheck::{next(fresh)}", one, mutates_args=())
    if fake is not None:
        op.register_fake(fake)
    return op


def defined(schema, fn, fake=torch.empty_like, key="CPU"):
    """`fn` as an operator of a library."""
    name, lib = next(fresh), torch.library.Library("opcheck", "FRAGMENT")
    lib.define(name + schema)
    lib.impl(name, fn, key)
    torch.library.register_fake(f"opcheck::{name}", fake)
    return getattr(torch.ops.opcheck, name).default


def test_a_good_operator_passes():
    op = made(lambda x: torch.tensor(x.tolist()).reshape(x.shape) * 2, torch.empty_like)
    op.register_autograd(lambda ctx, g: g * 2)
    for x in (torch.randn(3, 4), torch.randn(3, 4, requires_grad=True), torch.empty(0, 2), torch.tensor([1.0, float("nan")])):
        assert torch.library.opcheck(op, (x,)) == dict.fromkeys(ALL, "SUCCESS")
    assert torch.library.opcheck(op, (x,), test_utils="test_schema") == {"test_schema": "SUCCESS"}
    assert torch.library.opcheck(op, (x,), test_utils=()) == {}


def test_one_that_writes_passes_and_leaves_the_arguments_as_they_were():
    def fill(x: torch.Tensor, out: torch.Tensor) -> None:
        out.copy_(x.sin())
    op = torch.library.custom_op(f"opcheck::{next(fresh)}", fill, mutates_args={"out"})
    out = torch.zeros(3)
    assert set(torch.library.opcheck(op, (torch.ones(3), out)).values()) == {"SUCCESS"}
    assert out.tolist() == [0, 0, 0]
    assert set(torch.library.opcheck(op, (torch.ones(3, requires_grad=True),), {"out": out}).values()) == {"SUCCESS"}


def test_one_that_draws_passes():
    op = made(lambda x: x * torch.rand(()), torch.empty_like)
    assert set(torch.library.opcheck(op, (torch.ones(3),)).values()) == {"SUCCESS"}


def turned(x):
    return x.t().contiguous().t() * 2


@pytest.mark.parametrize(("op", "check", "said"), [
    (made(lambda x: x.add_(1).clone(), torch.empty_like), "test_schema", "Argument x is not defined as mutable but was mutated"),
    (made(lambda x: x, torch.empty_like), "test_schema", "The output of this custom operator (1) must not also be an input"),
    (defined("(Tensor x) -> Tensor", lambda x: x), "test_schema", "Argument x is not defined to alias output but was aliasing"),
    (made(lambda x: x * 2), "test_faketensor", "There was no fake impl registered for <CustomOpDef(opcheck::"),
    (made(lambda x: x * 2, lambda x: x.new_empty(3, 7)), "test_faketensor", "torch.Size([3, 7]) are not equal!"),
    (made(lambda x: x * 2, lambda x: x.double()), "test_faketensor", "Dtypes torch.float32 and torch.float64 are not equal!"),
    (made(turned, torch.empty_like), "test_faketensor", "Stride mismatch! Strides are (1, 3) and (4, 1) (mismatched at 0)!"),
    (defined("(Tensor x) -> (Tensor, Tensor)", lambda x: (x * 2, x * 3)), "test_faketensor", "gives 2 tensors as tuple"),
    (defined("(Tensor(a) x) -> Tensor(a)", lambda x: x.view(-1), lambda x: x.view(-1)), "test_aot_dispatch_dynamic",
     "Found a custom (non-ATen) operator whose output has alias annotations"),
], ids=lambda x: x if isinstance(x, str) and " " not in x else "")
def test_what_is_wrong(op, check, said):
    with pytest.raises(OpCheckError) as e:
        torch.library.opcheck(op, (torch.randn(3, 4),))
    assert str(e.value).startswith(f"opcheck(op, ...): {check} failed with ")
    assert said in str(e.value)
    found = torch.library.opcheck(op, (torch.randn(3, 4),), raise_exception=False)
    assert isinstance(found[check], RuntimeError)


def test_gradients():
    x = torch.randn(3, 4, requires_grad=True)
    op = made(lambda x: x * 2, torch.empty_like)
    with pytest.raises(OpCheckError, match="test_aot_dispatch_dynamic failed with Trying to backward through opcheck"):
        torch.library.opcheck(op, (x,))
    op.register_autograd(lambda ctx, g: g.sum())
    with pytest.raises(OpCheckError, match="got \\[\\] but expected shape compatible with \\[3, 4\\]"):
        torch.library.opcheck(op, (x,))
    with pytest.raises(OpCheckError, match="does not have an autograd kernel defined at an autograd key"):
        torch.library.opcheck(defined("(Tensor x) -> Tensor", lambda x: x * 2), (x,))
    composite = defined("(Tensor x) -> Tensor", lambda x: x * 2, key="CompositeImplicitAutograd")
    assert set(torch.library.opcheck(composite, (x,)).values()) == {"SUCCESS"}


def test_what_is_no_operator():
    with pytest.raises(ValueError, match="op must be instance of torch._ops.OpOverload"):
        torch.library.opcheck(torch.sin, (torch.ones(2),))
    with pytest.raises(ValueError, match="expected test_utils to be subset of"):
        torch.library.opcheck(made(lambda x: x * 2), (torch.ones(2),), test_utils="test_foo")
