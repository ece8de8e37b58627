"""autograd.Function: the user's forward and backward in the graph, in one program, to every order; torch's errors."""
from __future__ import annotations

import gc
import math
import weakref

import jax
import pytest
from counting import counting, traced_programs

import torchish as torch
from torchish import xla
from torchish.autograd import Function, grad
from torchish.autograd.function import once_differentiable


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        result = x.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, g):
        result, = ctx.saved_tensors
        return g * result


class ProductAndDifference(Function):
    @staticmethod
    def forward(x, y, scale):
        return x * y * scale, x - y

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, y, ctx.scale = inputs
        ctx.save_for_backward(x, y)

    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y * ctx.scale + h, g * x * ctx.scale - h, None


@pytest.mark.parametrize("observe", [False, True])
def test_gradients_pass_through_the_users_backward(observe):
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)

    def run(exp, product):
        a = x * 2
        y = exp(a)
        if observe:
            y.tolist()
        z, d = product(y, w, 3.0)
        out = (z * d).sum() + exp(x).sum()
        if observe:
            out.item()
        return out

    mine = grad(run(Exp.apply, ProductAndDifference.apply), [x, w])
    plain = grad(run(torch.exp, lambda a, b, c: (a * b * c, a - b)), [x, w])
    for g, p in zip(mine, plain, strict=True):
        assert torch.allclose(g, p, rtol=1e-9)


def test_grad_fn_and_leaves():
    x = torch.ones(2, requires_grad=True)
    y = Exp.apply(x)
    assert y.grad_fn.name() == "ExpBackward"
    assert not y.is_leaf
    assert y.requires_grad
    assert y.grad_fn.next_functions[0][0].name() == "torch::autograd::AccumulateGrad"
    assert not Exp.apply(torch.ones(2)).requires_grad


def test_double_backward_through_the_users_backward():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    g, = grad(Exp.apply(x * 3).sum(), x, create_graph=True)
    h, = grad(g.sum(), x)
    assert torch.allclose(h, 9 * (3 * x.detach()).exp())


def test_second_backward_raises_and_wrong_counts_too():
    x = torch.ones(2, requires_grad=True)
    y = Exp.apply(x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()

    class Short(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"returned an incorrect number of gradients \(expected 2, got 1\)"):
        Short.apply(x, x).sum().backward()

    class Misshapen(Short):
        @staticmethod
        def backward(ctx, g):
            return g, g[:1, None].expand(3, 5)

    with pytest.raises(RuntimeError, match="returned an invalid gradient at index 1"):
        Misshapen.apply(x, x).sum().backward()


def test_marks_and_materialised_gradients():
    seen = []

    class Parts(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            sign = x.sign()
            ctx.mark_non_differentiable(sign)
            return x * 1, x * 2, sign

        @staticmethod
        def backward(ctx, a, b, c):
            seen.append((a is None, b is None, c is None))
            return b * 2

    x = torch.tensor([1.0, -2.0], requires_grad=True)
    _, b, sign = Parts.apply(x)
    assert not sign.requires_grad
    b.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    assert seen == [(True, False, True)]


def test_a_training_step_with_custom_functions_is_one_program():
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    x = torch.randn(8, 4)
    with counting() as c:
        for _ in range(10):
            optimizer.zero_grad()
            loss = Exp.apply(layer(x) * 0.1).mean()
            loss.backward()
            optimizer.step()
        optimizer.zero_grad()
        float(loss)
    assert c.compiled == 1


class Scaled(torch.autograd.Function):
    """x * k."""

    @staticmethod
    def forward(ctx, x, k, other=None):
        ctx.k = k
        return x * k

    @staticmethod
    def backward(ctx, g):
        return g * ctx.k, None, None


def test_the_context_is_the_node():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = Scaled.apply(x, k=3)
    assert y.grad_fn.k == 3 and type(y.grad_fn).__name__ == "ScaledBackward" and y.grad_fn.needs_input_grad == (True, False, False)
    assert [n.name() for n, _ in y.grad_fn.next_functions] == ["torch::autograd::AccumulateGrad"]
    with pytest.raises(TypeError, match="'ScaledBackward' object is not callable"):
        y.grad_fn(torch.ones(2))


def test_what_functions_must_not_do():
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g

        vjp = backward

    class Neither(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    class Once(Neither):
        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return g * 2

    class Number(Neither):
        @staticmethod
        def backward(ctx, g):
            return 3

    for call, error, message in (
            (lambda: Both.apply(x).sum().backward(), RuntimeError, "Implementing both 'backward' and 'vjp' for a custom Function"),
            (lambda: Neither.apply(x).sum().backward(), NotImplementedError, "You must implement either the backward or vjp"),
            (lambda: object.__new__(Neither)(x), RuntimeError, "Legacy autograd function with non-static forward method is"),
            (lambda: Number.apply(x).sum().backward(), RuntimeError, "expected Variable or None (got int)"),
            (lambda: torch.autograd.grad((Once.apply(x) * x).sum(), x, create_graph=True)[0].sum().backward(), RuntimeError,
             "trying to differentiate twice a function that was marked with @once_differentiable")):
        with pytest.raises(error) as e:
            call()
        assert str(e.value).startswith(message)
    assert x.grad is None


def test_nothing_is_saved_before_forward_has_returned():
    seen = []

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            seen.append(ctx.saved_tensors)
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.saved_tensors)
            return 2 * g

    x = torch.tensor(1.0, requires_grad=True)
    Twice.apply(x).backward()
    Twice.apply(x.detach())
    assert seen == [(), (x,), ()]


def test_results_do_not_hold_themselves():
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    class Kept(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[1]

    gc.collect()
    gc.disable()
    try:
        y = Kept.apply(x)
        seen = weakref.ref(y)
        y.sum().backward()
        assert x.grad.isfinite().all()
        del y
        x.detach().sum().item()
        assert seen() is None
    finally:
        gc.enable()


def test_names_of_parts_of_a_program():
    @torch.autograd.profiler.record_function("step")
    def step():
        return torch.ones(2).sum().item()
    with torch.autograd.profiler.profile() as profile:
        step(), step()
    event, = profile.key_averages()
    assert (event.key, event.count) == ("step", 2) and event.cpu_time_total > 0
    assert "step" in profile.key_averages().table()


class Nothing(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 3

    @staticmethod
    def backward(ctx, g):
        return None


@pytest.mark.parametrize("materialize", [True, False])
def test_what_lies_behind_a_function_without_gradient_is_gone_through(materialize):
    seen = []

    class Seen(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(None if g is None else g.tolist())
            return g
    x = torch.ones(2, requires_grad=True)
    Nothing.apply(Seen.apply(x) * 3).sum().backward()
    zeros = [0, 0] if materialize else None
    assert seen == [zeros] and (x.grad.tolist() if materialize else x.grad) == zeros
    both = Seen.apply(x)
    assert grad((Nothing.apply(both) + both).sum(), x)[0].tolist() == [1, 1] and seen[1:] == [[1, 1]]


def test_gradients_that_fit_nothing():
    class Mul(Function):
        @staticmethod
        def forward(ctx, x, k):
            return x * k

        @staticmethod
        def backward(ctx, g):
            return (g * 1j, None) if ctx.name() == "MulBackward" and torch.is_tensor(g) and g[0] == 2 else (g, g)
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="MulBackward returned a gradient different than None at position 2"):
        Mul.apply(x, 3).sum().backward()
    with pytest.raises(RuntimeError, match="Expected isFloatingType"):
        (Mul.apply(x, 3) * 2).sum().backward()
    assert x.grad is None


def test_a_view_that_a_function_returned_sees_its_base():
    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            return x[:1]

        @staticmethod
        def backward(ctx, g):
            return torch.cat([g, g * 0])
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    half = Half.apply(y)
    assert half._is_view() and half._base is y
    y.mul_(2)
    assert half.tolist() == [2] and str(half) == "tensor([2.], grad_fn=<Invalid>)"
    for use in (lambda: half.grad_fn, lambda: (half * 2).sum().backward()):
        with pytest.raises(RuntimeError, match="Output 0 of Half is a view and its base or another view of its"):
            use()


def test_arguments_returned_as_they_are_are_other_tensors():
    class Same(Function):
        @staticmethod
        def forward(ctx, x, constant):
            if constant:
                ctx.mark_non_differentiable(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g, None
    x = torch.ones(2, requires_grad=True)
    assert (y := Same.apply(x.detach(), False))._is_view() and not y.requires_grad
    assert (y := Same.apply(x, True)) is not x and not y.requires_grad and x.requires_grad
    with torch.no_grad():
        assert not Same.apply(x, False).requires_grad and x.requires_grad


def test_a_constant_result_stands_in_the_graph_when_it_is_read():
    class WithNothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return (x * x).sum(), torch.zeros(())

        @staticmethod
        def backward(ctx, g, h):
            return torch.ones(3) * (g + 5 * h)

    x = torch.ones(3, requires_grad=True)
    _, nothing = WithNothing.apply(x)
    more = 1 + nothing
    assert more.requires_grad and nothing.requires_grad
    more.backward()
    assert x.grad.tolist() == [5, 5, 5]
    _, nothing = WithNothing.apply(x)
    rows = torch.func.vmap(lambda y: y + nothing)(torch.ones(3))
    rows.sum().backward()
    assert x.grad.tolist() == [20, 20, 20]


def test_a_saved_result_stands_in_the_graph_in_any_backward():
    seen = []

    class Twice(Exp):
        @staticmethod
        def backward(ctx, g):
            y, = ctx.saved_tensors
            seen.append((y.requires_grad, y.is_leaf, y.grad_fn is ctx))
            with torch.enable_grad():
                slope, = grad((y * y).sum(), y)
            return g * slope / 2
    x = torch.zeros(2, requires_grad=True)
    Twice.apply(x).sum().backward()
    y = Twice.apply(x)
    y.sum().backward(retain_graph=True)
    grad(y.sum(), x, create_graph=True)
    assert seen == [(True, False, True)] * 3
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize(("second", "reason"), [
    (lambda x: x * 2, "This view is the output of a function that returns multiple views"),
    (lambda x: None, "This view was created inside a custom Function"),
    (lambda x: torch.ones(2, dtype=torch.int64), "This view was created inside a custom Function")])
def test_why_a_view_beside_another_result_is_not_written(second, reason):
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x), second(x)

        @staticmethod
        def backward(ctx, g, h):
            return g
    x = torch.ones(3, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match=f"^Output 0 of Both is a view and is being modified inplace. {reason}"):
        Both.apply(x)[0].add_(1)


class _Step(Function):
    """A step whose gradient is that of a slope, as in networks of spikes."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g / (1 + x.abs()) ** 2


def _spikes(w, v, x, step):
    state, current, out, every = torch.zeros(2, 4), torch.zeros(2, 4), torch.zeros(2, 3), []
    for row in x:
        spike = step(state - 0.5)
        current = 0.9 * current + row @ w
        state = (0.8 * state + current) * (1 - spike.detach()) + 0.1 * spike
        out = 0.9 * out + spike @ v
        every.append(spike)
    return out.pow(2).sum() + torch.stack(every).sum() + state.sum()


def test_a_backward_through_a_loop_of_custom_functions_grows_with_its_turns(monkeypatch):
    counts = []
    for turns in (5, 10, 20):
        w, v = torch.randn(3, 4, requires_grad=True), torch.randn(4, 3, requires_grad=True)
        x = torch.randn(turns, 2, 3)
        programs = traced_programs(monkeypatch)
        _spikes(w, v, x, _Step.apply).backward()
        w.grad.tolist()
        counts.append(sum(len(p.eqns) for p in programs))
        by_tensors = grad(_spikes(w, v, x, lambda y: (y > 0).float() + (z := y / (1 + y.abs())) - z.detach()), (w, v))
        torch.testing.assert_close((w.grad, v.grad), by_tensors)
    assert counts[2] - counts[1] < 2.3 * (counts[1] - counts[0])


class Product(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return y * g, x * g


@pytest.mark.parametrize("read", [False, True])
def test_a_function_waits_for_graphs_between_it_and_a_second_gradient(read):
    """Its result is met on the tape of the second gradient as well as behind the graph that was read."""
    def found(product):
        x, w = (torch.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [0.5, -1.5]))
        h = product(x, w)
        a, y = h + x * 0.5, h * h.sin()
        if read:
            y.sum().item()
        z = a * w
        z.retain_grad()
        loss = (z * y).square().sum() + sum((v * v.sin()).sum() for v in (h, a, y))
        g, = torch.autograd.grad(loss, x, create_graph=True)
        return torch.autograd.grad((g * g).sum() + loss, [x, w, z])
    for a, b in zip(found(Product.apply), found(torch.mul), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("further", [False, True])
def test_what_is_asked_for_at_a_result_is_taken_before_its_hooks_where_the_walk_goes_on(further):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = Product.apply(x, x)
    y.register_hook(lambda g: g * 3)
    grads = torch.autograd.grad(y.sum(), [x, y] if further else [y])
    assert [g.tolist() for g in grads] == ([[6.0, 12.0], [1.0, 1.0]] if further else [[3.0, 3.0]])


class Through(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()


def test_what_went_in_has_no_value_once_a_backward_has_freed_it():
    x = torch.full((7, 13, 3), 0.5, requires_grad=True)
    y = x
    for _ in range(5):
        y = Through.apply(y * 2)
    loss = y.sum()
    loss.backward()
    loss.item()
    shapes = [a.shape for a in jax.live_arrays()]
    assert shapes.count((7, 13, 3)) == 3        # x, its gradient and y
    names, node = [], loss.grad_fn
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    assert names == ["SumBackward0", *["ThroughBackward", "MulBackward0"] * 5, "torch::autograd::AccumulateGrad"]
    for again in (loss, y.sum()):
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            again.backward()


def test_a_place_that_no_backward_has_freed_keeps_its_value():
    x = torch.full((3,), 0.5, requires_grad=True)
    doubled = x * 2
    z = doubled.exp()
    loss = Through.apply(z).sum()
    slope, = torch.autograd.grad(loss, z)       # what lies behind z is not gone through
    assert slope.tolist() == pytest.approx([math.cos(math.e)] * 3)
    loss.item()
    z.sum().backward()
    assert x.grad.tolist() == pytest.approx([2 * math.e] * 3)


def test_a_long_chain_whose_links_are_kept_is_compiled_link_by_link(monkeypatch):
    given = []
    compile_with = xla._with
    monkeypatch.setattr(xla, "_with", lambda options, lowered: given.append(options) or compile_with(options, lowered))
    x = torch.full((2,), 0.5, requires_grad=True)
    for length, apart in ((20, False), (xla._LINKS + 2, True)):
        y = x
        for _ in range(length):
            y = Through.apply(y)
        y.tolist()
        assert ("xla_disable_hlo_passes" in given[-1]) is apart
        slope, = torch.autograd.grad(y.sum(), x)
        at, want = 0.5, 1.0
        for _ in range(length):
            at, want = math.sin(at), want * math.cos(at)
        assert slope.tolist() == pytest.approx([want] * 2, rel=1e-4)


def test_hooks_beside_the_way_to_what_is_asked_for_do_not_run():
    x, seen = torch.tensor([2.0], requires_grad=True), []
    a, b = x * 3, x * 5
    b.register_hook(lambda g: seen.append(g.item()))
    b.retain_grad()
    slope, = torch.autograd.grad(Product.apply(a, b).sum(), a, create_graph=True)
    assert slope.item() == 10 and seen == [] and b.grad is None
    slope.backward()
    assert seen == [1] and b.grad.item() == 1 and x.grad.item() == 5
