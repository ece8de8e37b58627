"""Dual levels: tangents of what custom functions change or return, which share memory as values do, and of leaves."""
from __future__ import annotations

import pytest

import torchish as torch
import torchish.autograd.forward_ad as fw


class Doubled(torch.autograd.Function):
    """Twice the argument, in place; `how` tells what happens to the tangent."""

    @staticmethod
    def forward(ctx, x, how):
        ctx.mark_dirty(x)
        ctx.how = how
        return x.mul_(2)

    @staticmethod
    def jvp(ctx, t, _):
        return {"in place": lambda: t.mul_(2), "new": lambda: t * 2, "unchanged": lambda: t}[ctx.how]()


class Rows(torch.autograd.Function):
    """The first two rows, a view; `how` tells what the tangent is."""

    @staticmethod
    def forward(ctx, x, how):
        ctx.save_for_backward(x)
        ctx.how = how
        return x[:2]

    @staticmethod
    def jvp(ctx, t, _):
        assert ctx.saved_tensors == ()      # only what was saved for forward mode is there
        return {"view": lambda: t[:2], "copy": lambda: t[:2].clone(), "other": lambda: t[:2].clone()[:]}[ctx.how]()


def test_the_tangent_of_what_shares_memory_must_share_that_of_the_tangent():
    with fw.dual_level():
        x = fw.make_dual(torch.ones(3), torch.arange(3.0))
        changed = x.clone()
        assert Doubled.apply(changed, "in place") is changed
        assert fw.unpack_dual(changed).tangent.tolist() == [0, 2, 4]
        said = "An inplace custom Function is not modifying the forward mode gradients inplace"
        for how in ("new", "unchanged"):
            with pytest.raises(RuntimeError, match=said):
                Doubled.apply(x.clone(), how)
        assert fw.unpack_dual(Rows.apply(x, "view")).tangent.tolist() == [0, 1]
        for given, how, text in ((x, "copy", "returning a view .or an input as-is. but the jvp is not returning a view."),
                             (x, "other", "the jvp is not returning a view of the given grad input."),
                             (x[:], "other", "the jvp is not returning a view of the same base as the given grad input.")):
            with pytest.raises(RuntimeError, match=text):
                Rows.apply(given, how)


def test_a_dual_tensor_keeps_its_tangent_as_it_becomes_a_leaf():
    a, b, v = torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5, 6]), torch.tensor([7.0, 8, 9])
    with fw.dual_level():
        x, y = fw.make_dual(a, torch.ones(3)).requires_grad_(), b.clone().requires_grad_()
        assert x.is_leaf and fw.unpack_dual(x).tangent.tolist() == [1, 1, 1]
        assert fw.unpack_dual(fw.unpack_dual(x).primal * 2).tangent is None
        _, dy = torch.autograd.grad(x * y, (x, y), v, create_graph=True)
        assert fw.unpack_dual(dy).tangent.tolist() == [7, 8, 9]
        (x * x * b).sum().backward()
        assert x.grad.tolist() == [8, 20, 36] and a.grad is None
        with pytest.raises(RuntimeError, match="already has a forward gradient at the same level 0"):
            fw.make_dual(x, v)
        with torch.no_grad():
            x.mul_(3)
        assert fw.unpack_dual(x).tangent.tolist() == fw.unpack_dual(x * 1).tangent.tolist() == [3, 3, 3]
    assert x.tolist() == [3, 6, 9] and fw.unpack_dual(x).tangent is None
    assert x.grad.tolist() == [8, 20, 36]
    (x * 2).sum().backward()        # a leaf that was written in the level is one behind it
    assert x.grad.tolist() == [10, 22, 38]
    assert torch.autograd.gradgradcheck(torch.mul, (a.double().requires_grad_(), b.double().requires_grad_()),
                                        check_fwd_over_rev=True)


@pytest.mark.parametrize("draw", [torch.bernoulli, torch.poisson, lambda x: x.clone().normal_()])
def test_numbers_that_are_drawn_have_a_tangent_of_zeros(draw):
    with fw.dual_level():
        assert fw.unpack_dual(draw(fw.make_dual(torch.ones(2), torch.ones(2)))).tangent.tolist() == [0, 0]
        assert fw.unpack_dual(draw(torch.ones(2))).tangent is None


def test_hooks_of_a_dual_tensor_are_called():
    x, seen = torch.ones(2, requires_grad=True), []
    with fw.dual_level():
        for given in (x * 1, x):
            d = fw.make_dual(given, torch.tensor([2.0, 3.0]))
            d.register_hook(lambda g: seen.append((g.tolist(), fw.unpack_dual(g).tangent.tolist())))
            d.register_hook(lambda g: g * 10)
            d.retain_grad()
            (d ** 2).sum().backward()
            assert d.grad.tolist() == [20, 20] and not d.is_leaf
        assert x.grad.tolist() == [40, 40]
    assert seen == [([2, 2], [4, 6])] * 2


def test_a_first_gradient_has_a_tangent_only_where_it_can_be_differentiated():
    with fw.dual_level():
        d = fw.make_dual(torch.ones(2), torch.tensor([2.0, 3.0]))
        x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        (x * d * d).sum().backward()
        g, = torch.autograd.grad((x * d * d).sum(), x)
        assert fw.unpack_dual(x.grad) == (x.grad, None) and fw.unpack_dual(g).tangent.tolist() == [4, 6]
        with pytest.warns(UserWarning, match="create_graph=True will create a reference cycle"):
            (y * d * d).sum().backward(create_graph=True)
        assert fw.unpack_dual(y.grad).tangent.tolist() == [4, 6]


def test_a_tangent_that_is_written_later():
    with fw.dual_level():
        x, t = torch.ones(2), torch.tensor([2.0, 3.0])
        d = fw.make_dual(x, t)
        t.mul_(10)
        x.mul_(3)
        assert fw.unpack_dual(d * 2).tangent.tolist() == [4, 6]
        assert repr(d * 2) == "tensor([2., 2.], tangent=tensor([4., 6.]))"
    assert t.tolist() == [20, 30] and x.tolist() == [3, 3]


def test_what_is_written_in_a_level_has_its_value_behind_it():
    x, mean, var = torch.arange(6.0).reshape(3, 2), torch.zeros(2), torch.ones(2)
    assert mean.tolist() == [0, 0]      # its value is known as the level begins
    with fw.dual_level():
        y, t = fw.unpack_dual(torch.nn.functional.batch_norm(fw.make_dual(x, x), mean, var, training=True))
    assert y.sum().item() == 0 and t is not None
    torch.testing.assert_close(mean, torch.tensor([0.2, 0.3]))


def test_a_dual_tensor_is_printed_with_its_node():
    x = torch.ones(2, requires_grad=True)
    with fw.dual_level():
        d = fw.make_dual(x * 1, torch.ones(2))
        assert repr(d * 2).startswith("tensor([2., 2.], grad_fn=<MulBackward0>,\n       tangent=tensor([2., 2.]")


def test_results_with_a_tangent_do_not_go_into_out():
    x, ones = torch.tensor([1.0, 2.0]), torch.ones(2)

    def calls(a, out):
        yield "add", lambda: torch.add(a, ones, out=out)
        yield "sin", lambda: torch.sin(a, out=out)
        yield "cat", lambda: torch.cat([a[:1], a[1:]], out=out)
        yield "sort", lambda: torch.sort(a, out=(out, torch.zeros(2, dtype=torch.int64)))
        yield "gt", lambda: torch.gt(a, 0, out=torch.zeros(2, dtype=torch.bool))
        yield "mul", lambda: torch.mul(ones, 2, out=a)

    def refused(a):
        for name, call in calls(a, torch.zeros(2)):
            with pytest.raises(NotImplementedError, match=f"^Trying to use forward AD with {name}_out that does not support it "
                                                          "because it is an out= function$"):
                call()
        return a * torch.mul(a.detach(), 2, out=torch.zeros(2))

    with fw.dual_level():
        refused(fw.make_dual(x.clone(), ones))
    torch.func.jvp(refused, (x.clone(),), (ones,))


@pytest.mark.parametrize("primal", [torch.ones(5)[:4], torch.ones(5)[1:], torch.ones(4, 2)[:, 0], torch.ones(4)])
def test_a_tangent_that_lies_otherwise_than_its_primal_is_copied(primal):
    tangent = torch.ones(4)
    with fw.dual_level():
        dual = fw.make_dual(primal, tangent)
        unpacked = fw.unpack_dual(dual).tangent
        assert unpacked.stride() == primal.stride() and (unpacked is tangent) is (primal.is_contiguous() and primal._base is None)
        unpacked *= 2
        assert fw.unpack_dual(dual).tangent.tolist() == [2] * 4
    assert tangent.tolist() == [1 + (unpacked is tangent)] * 4
