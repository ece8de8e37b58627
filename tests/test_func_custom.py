"""autograd.Function inside transforms, and forward mode by dual tensors."""
from __future__ import annotations

import numpy as np
import pytest
from bilinear import bilinear

import torchish as torch
import torchish.autograd.forward_ad as fw
from torchish.func import functional_call, grad, jacfwd, jacrev, jvp, vjp, vmap
from torchish.tape import stats


class Sine(torch.autograd.Function):
    """sin, with twice its gradient, so that one sees whose rule is used."""

    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * x.cos() * 2


class Generated(Sine):
    generate_vmap_rule = True


class Mapped(Sine):
    seen: list = []

    @staticmethod
    def vmap(info, in_dims, x):
        Mapped.seen.append((info.batch_size, info.randomness, in_dims, tuple(x.shape)))
        return Mapped.apply(x), in_dims[0]


class Forward(Sine):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx, t):
        x, = ctx.saved_tensors
        return t * x.cos() * 3


class Old(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(2, 3)


def arr(t):
    return np.asarray(t.detach().numpy())


def close(a, b):
    np.testing.assert_allclose(arr(a), b, rtol=1e-5, atol=1e-5)


def test_the_users_backward_is_used(x):
    close(grad(lambda v: Sine.apply(v).sum())(x), 2 * np.cos(arr(x)))
    close(grad(lambda v: grad(lambda u: Sine.apply(u).sum())(v).sum())(x), -2 * np.sin(arr(x)))
    close(jacrev(Sine.apply)(x).sum((0, 1)), 2 * np.cos(arr(x)))


def test_vmap_by_a_rule_that_is_generated_or_written(x):
    close(vmap(Generated.apply)(x), np.sin(arr(x)))
    close(vmap(grad(lambda v: Generated.apply(v).sum()))(x), 2 * np.cos(arr(x)))
    leaf = x.clone().requires_grad_()
    vmap(Generated.apply)(leaf).sum().backward()
    close(leaf.grad, 2 * np.cos(arr(x)))
    close(vmap(Mapped.apply)(x), np.sin(arr(x)))
    assert Mapped.seen == [(2, "error", (0,), (2, 3))]


def test_jvp_uses_the_users_jvp(x):
    close(jvp(Forward.apply, (x,), (x,))[1], 3 * arr(x) * np.cos(arr(x)))
    close(jacfwd(Forward.apply)(x).sum((0, 1)), 3 * np.cos(arr(x)))


def test_what_is_missing_is_said(x):
    with pytest.raises(RuntimeError, match="must override the setup_context staticmethod"):
        grad(lambda v: Old.apply(v).sum())(x)
    with pytest.raises(RuntimeError, match="You tried to vmap over Sine, but it does not have vmap support"):
        vmap(Sine.apply)(x)
    with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
        jvp(Sine.apply, (x,), (x,))


def test_dual_tensors(x):
    w = torch.ones(3, requires_grad=True)
    with fw.dual_level():
        dual = fw.make_dual(x, 2 * x)
        sine = dual.sin()
        tangent = fw.unpack_dual(sine).tangent
        close(tangent, 2 * arr(x) * np.cos(arr(x)))
        assert fw.unpack_dual(x).tangent is None and fw.unpack_dual(dual.detach()).tangent is None
        with torch.no_grad():
            close(fw.unpack_dual(dual * 2).tangent, 4 * arr(x))
        written = x.clone()
        written.mul_(dual)
        close(fw.unpack_dual(written).tangent, 2 * arr(x) ** 2)
        assert abs(dual.sum().item() - arr(x).sum()) < 1e-5
        (dual * w).sum().backward()
        slope = fw.unpack_dual((dual * w * w).sum()).tangent
    slope.backward()            # reverse over forward, after the level
    close(w.grad, 5 * arr(x).sum(0))
    close(sine, np.sin(arr(x)))
    close(written, arr(x) ** 2)
    assert fw.unpack_dual(dual).tangent is None


def test_dual_levels_refuse(x):
    with pytest.raises(RuntimeError, match="no level exists, make sure to enter_dual_level"):
        fw.make_dual(x, x)
    with pytest.raises(RuntimeError, match="Dual level must be a positive number"):
        fw.exit_dual_level()
    with fw.dual_level():
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported at the moment"):
            fw.enter_dual_level()
        with pytest.raises(RuntimeError, match=r"Tensor is of size \[2, 3\] while the given forward gradient is of size \[3\]"):
            fw.make_dual(x, x[0])
        with pytest.raises(ValueError, match="Expected primal to be floating point or complex, but got: torch.int64"):
            fw.make_dual(torch.ones(2, dtype=torch.int64), x)
        with pytest.raises(RuntimeError, match="already has a forward gradient at the same level 0"):
            fw.make_dual(fw.make_dual(x, x), x)
    close(x + 1, arr(x) + 1)


def test_a_module_with_dual_parameters_compiles_once(x):
    lin, seen = torch.nn.Linear(3, 3), []
    for _ in range(3):
        with fw.dual_level():
            values = {n: fw.make_dual(p, torch.ones_like(p)) for n, p in lin.named_parameters()}
            tangent = fw.unpack_dual(functional_call(lin, values, x)).tangent
        close(tangent, arr(x).sum(1, keepdims=True) + np.ones((1, 3)))
        seen.append(stats.compilations)
    assert seen[2] == seen[1]


def test_a_vmap_rule_sees_where_the_batch_stands():
    seen = []

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(v, more=None):
            return v

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def vmap(info, in_dims, v, more=None):
            seen.append(in_dims)
            return v, in_dims[0]
    v = torch.arange(6.0).reshape(2, 3)
    assert vmap(Rule.apply, in_dims=1)(v).tolist() == v.t().tolist()
    vmap(lambda a: Rule.apply(a * 1, [a, torch.ones(1)]), in_dims=1)(v)
    assert seen == [(1, None), (0, [1, None])]      # defaults of forward count, too
    with pytest.raises(NotImplementedError, match="Run vmap on autograd.Function with kwarg-only Tensor args"):
        vmap(lambda a: Rule.apply(a, more=a))(v)


def test_an_argument_returned_as_it_was_may_not_be_saved():
    names = []

    class AsIs(torch.autograd.Function):
        @staticmethod
        def forward(v):
            return v

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output)

        @staticmethod
        def backward(ctx, g):
            return g

    class Copied(AsIs):
        @staticmethod
        def forward(v):
            return v.clone()
    with pytest.raises(RuntimeError, match="An input that has been returned as-is as output is being saved for backward"):
        torch.func.grad(AsIs.apply)(torch.tensor(1.0))
    torch.func.grad(lambda v: (names.append(type(Copied.apply(v).grad_fn).__name__), v)[1])(torch.tensor(1.0))
    assert names == ["CopiedGeneratedBackward"]


Product = bilinear(lambda x, y: x * y)


def test_a_function_may_call_itself_in_its_backward():
    x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0])

    def f(x, y):
        return Product.apply(Product.apply(x, x), y)        # x ** 2 * y; y is broadcast

    assert grad(lambda x, y: f(x, y).sum(), argnums=(0, 1))(x, y)[1].tolist() == [14]
    assert torch.func.hessian(lambda x: f(x, y).sum())(x).diagonal().tolist() == [4, 4, 4]
    assert torch.func.jacrev(jacfwd(lambda x: f(x, y).sum()))(x).diagonal().tolist() == [4, 4, 4]
    assert jacfwd(lambda x: f(x, y))(x).diagonal().tolist() == [4, 8, 12]
    third = grad(lambda x: grad(lambda x: grad(lambda x: (f(x, y) * x).sum())(x).sum())(x).sum())(x)
    assert third.tolist() == [12, 12, 12]
    leaf = x.clone().requires_grad_()
    torch.utils.checkpoint.checkpoint(f, leaf, y, use_reentrant=False).sum().backward()
    assert leaf.grad.tolist() == [4, 8, 12]


class Default(torch.autograd.Function):
    @staticmethod
    def forward(x, factor=3):
        return x * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.factor = inputs

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None


def test_defaults_of_forward_are_filled_in():
    x = torch.ones(2)
    assert grad(lambda x: Default.apply(x).sum())(x).tolist() == [3, 3]
    assert grad(lambda x: Default.apply(x, 2).sum())(x).tolist() == [2, 2]


class Looking(torch.autograd.Function):
    """Its backward is numpy's."""

    @staticmethod
    def forward(x):
        return x ** 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return torch.tensor(g.detach().numpy() * 2 * x.detach().numpy())


def test_a_backward_that_looks_at_values_is_refused_in_vmap_and_right_in_a_checkpoint():
    x = torch.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="You tried to vmap over Looking, but it does not have vmap support"):
        vmap(grad(lambda x: Looking.apply(x) * 5))(x)
    for run in (lambda f, x: f(x), lambda f, x: torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False)):
        leaf = x.clone().requires_grad_()
        run(lambda x: (Looking.apply(x) * 5).sum(), leaf).backward()
        assert leaf.grad.tolist() == [10, 20]


class NoJvp(Looking):
    """A square without a rule for tangents."""
    generate_vmap_rule = True

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * 2 * x


def test_tangents_that_come_from_a_transform_around_are_refused_where_a_function_has_no_jvp():
    def f(x):
        return NoJvp.apply(x * 2).sum()
    x = torch.tensor([1.0, 2.0])
    for pushed in (lambda: jvp(grad(f), (x,), (x,)), lambda: torch.func.hessian(f)(x), lambda: vmap(jacfwd(jacrev(f)))(x[None])):
        with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
            pushed()
    # where the tangent does not come to the function there is nothing to refuse
    out, tangent = jvp(lambda y: grad(f)(x) * y, (x,), (x,))
    assert out.tolist() == tangent.tolist() == [8, 32]


def test_a_function_without_a_rule_for_batches_is_refused_inside_transforms_of_the_members():
    class Plain(NoJvp):
        generate_vmap_rule = False

    def f(x):
        return Plain.apply(x * 2).sum()
    x = torch.tensor([[1.0, 2.0]])
    for mapped in (grad(f), lambda x: vjp(f, x)[0], jacrev(f), lambda x: jvp(f, (x,), (x,)), grad(lambda x: grad(f)(x).sum())):
        with pytest.raises(RuntimeError, match="You tried to vmap over Plain, but it does not have vmap support"):
            vmap(mapped)(x)
    # what does not differ between members has nothing to be mapped over
    assert vmap(grad(lambda y: (f(x) * y).sum()))(x).tolist() == [[20, 20]]


def test_a_dual_tensor_of_a_leaf_made_in_the_level():
    with fw.dual_level():
        w = torch.tensor([1.0, 2.0]).requires_grad_()
        dual = fw.make_dual(w, torch.tensor([3.0, 4.0]))
        assert dual.requires_grad
        slope, = torch.autograd.grad((dual ** 3).sum(), w, create_graph=True)
        assert fw.unpack_dual(slope).tangent.tolist() == [18, 48]
        assert fw.unpack_dual(dual).tangent.tolist() == [3, 4]
    assert slope.tolist() == [3, 12]


class OfNumbers(torch.autograd.Function):
    """A product with `by`, computed by numpy; so is its gradient."""
    sizes: list = []

    @staticmethod
    def forward(x, by):
        return torch.from_numpy(x.numpy() * by.numpy())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx, g):
        by, = ctx.saved_tensors
        return OfNumbers.apply(g, by), None

    @staticmethod
    def vmap(info, in_dims, x, by):
        OfNumbers.sizes.append(info.batch_size)
        x, by = (t if d is None else t.movedim(d, 0) for t, d in zip((x, by), in_dims, strict=True))
        return OfNumbers.apply(x, by), 0


def test_a_function_may_compute_with_numpy_inside_grad_and_its_vmap_is_asked_around():
    x, by = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([2.0, 5.0])

    def f(row):
        return (OfNumbers.apply(row * 3, by) ** 2).sum()
    expected = 2 * 9 * x * by ** 2
    for _ in range(2):
        assert torch.equal(grad(f)(x[0]), expected[0])
        OfNumbers.sizes.clear()
        assert torch.equal(vmap(grad(f))(x), expected) and set(OfNumbers.sizes) == {2}
    assert torch.equal(grad(lambda x: vmap(f)(x).sum())(x), expected)
    slope, value = torch.func.grad_and_value(lambda a, b: f(a * b), argnums=(0, 1))(x[0], x[1])
    assert value == f(x[0] * x[1]) and torch.equal(slope[0], 18 * x[0] * (x[1] * by) ** 2)
    with torch.no_grad():
        assert torch.equal(vmap(grad(f))(x), expected)
    assert x.grad is None


def test_second_gradients_past_values_that_numpy_has_seen():
    x, by = torch.ones(2, 2), torch.tensor([2.0, 5.0])

    def f(x):
        return (OfNumbers.apply(x, by) ** 2).sum()
    assert grad(lambda x: grad(f)(x).sum())(x[0]).tolist() == [8, 50] and jacrev(f)(x[0]).tolist() == [8, 50]
    assert vmap(grad(lambda x: grad(f)(x).sum()))(x).tolist() == [[8, 50]] * 2
    x.requires_grad_()
    vmap(grad(f))(x).sum().backward()
    assert x.grad.tolist() == [[8, 50]] * 2


class Multiply(torch.autograd.Function):
    """A product by numpy, forward and backward; differentiable as often as one likes."""
    generate_vmap_rule = True

    @staticmethod
    def forward(x, y):
        return torch.tensor(x.detach().numpy() * y.detach().numpy())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return Multiply.apply(g, y), Multiply.apply(g, x)


def test_derivatives_of_a_function_whose_backward_looks_at_values():
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    assert torch.func.grad_and_value(lambda x: (Looking.apply(x) * 5).sum())(x)[0].tolist() == [10, 20]
    (found, (value, aux)) = torch.func.grad_and_value(lambda x, y: (Multiply.apply(x, y).sum(), x + 1), (0, 1), has_aux=True)(x, y)
    assert [g.tolist() for g in found] == [[3, 5], [1, 2]] and value.item() == 13 and aux.tolist() == [2, 3]
    assert not any(t.requires_grad for t in (*found, value, aux))
    assert grad(grad(lambda x: Multiply.apply(x * x, x).sum()))(torch.tensor(2.0)).item() == 12
    out, pull = torch.func.vjp(Multiply.apply, x, y)
    assert out.tolist() == [3, 10] and not out.requires_grad
    assert [g.tolist() for g in pull(torch.tensor([1.0, 10.0]))] == [[3, 50], [1, 20]]
    with pytest.raises(RuntimeError, match="Mismatch in shape: grad_output"):
        pull(torch.ones(3))
    out, pull, aux = torch.func.vjp(lambda x: (Looking.apply(x), x * 2), x, has_aux=True)
    assert pull(torch.ones(2))[0].tolist() == [2, 4] and aux.tolist() == [2, 4] and not aux.requires_grad
    assert jacrev(Multiply.apply, (0, 1))(x, y)[1].tolist() == [[1, 0], [0, 2]]
    assert jacrev(lambda x: Looking.apply(x)[:0])(x).shape == (0, 2)
    with pytest.raises(RuntimeError, match="All outputs of f must be floating-point"):
        jacrev(lambda x: Looking.apply(x) > 0)(x)


def test_such_a_function_stays_in_the_graph_around_it():
    x, scale = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor(3.0, requires_grad=True)
    slope = grad(lambda x: (Multiply.apply(x, x) * scale).sum())(x)
    assert slope.tolist() == [6, 12]
    slope.sum().backward()
    assert x.grad.tolist() == [6, 6] and scale.grad.item() == 6
    value = torch.func.vjp(lambda x: Multiply.apply(x, x) * scale, x.detach())[0]
    value.sum().backward()
    assert scale.grad.item() == 11
    with torch.no_grad():
        assert not grad(lambda x: (Multiply.apply(x, x) * scale).sum())(x).requires_grad
    with torch.config.override(drafts="never"):
        counts = []
        for _ in range(3):
            grad(lambda x: (Multiply.apply(x, x) * 2).sum())(x.detach()).tolist()
            counts.append(stats.compilations)
    assert counts[2] == counts[1]


class WithRule(Multiply):
    """Its rule for vmap reads what it is given."""
    generate_vmap_rule = False

    @staticmethod
    def vmap(info, in_dims, x, y):
        return x * y, 0


def test_the_rule_for_vmap_is_asked_in_the_grad_mode_inside():
    weight = torch.ones(2, 3, requires_grad=True)

    def quiet(x, y):
        with torch.no_grad():
            return WithRule.apply(x, y)
    assert not vmap(quiet)(torch.ones(2, 3), weight).requires_grad
    assert vmap(WithRule.apply)(torch.ones(2, 3), weight).requires_grad


def test_a_tangent_has_a_gradient_at_a_leaf_made_in_the_level():
    x, t = torch.tensor([1., 2.]), torch.tensor([3., 4.])
    with fw.dual_level():
        w = (x * 1).requires_grad_()
        v = torch.ones(2, requires_grad=True)
        tangent = fw.unpack_dual(fw.make_dual(w, t) ** 3 * v).tangent
        slopes = torch.autograd.grad(tangent.sum(), [w, v], retain_graph=True)
        tangent.sum().backward()
    assert [s.tolist() for s in slopes] == [[18, 48], [9, 48]] == [w.grad.tolist(), v.grad.tolist()]
    assert w.is_leaf and w.tolist() == [1, 2]


def test_what_has_a_tangent():
    x, t = torch.tensor([1., 2., 3.]), torch.tensor([3., 4., 5.])

    def tangent(f):
        with fw.dual_level():
            found = fw.unpack_dual(f(fw.make_dual(x, t))).tangent
        return None if found is None else found.tolist()
    for f in (torch.rand_like, lambda x: (x > 1).float(), lambda x: x.argmax().double(), torch.zeros_like, lambda x: x.detach()):
        assert tangent(f) is None
    zeros = [0, 0, 0]
    for f in (torch.round, lambda x: x.clone().zero_(), lambda x: x.clone().normal_(), lambda x: x.clone().copy_(torch.ones(3))):
        assert tangent(f) == zeros
    assert tangent(lambda x: torch.randn_like(x) + x) == tangent(lambda x: torch.where(x > 1, x, x)) == [3, 4, 5]
    with fw.dual_level():
        dual, plain = fw.make_dual(x, t), torch.ones(3)
        dual.clone().copy_(plain)
        assert fw.unpack_dual(plain * 2).tangent is None
