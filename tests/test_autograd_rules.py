"""Small rules of autograd, one fact each: edges, copies, warnings, functions that are used wrongly, forward mode."""
import pytest

import torchish as torch
from torchish.autograd import Function, forward_ad, functional, grad, gradcheck, gradgradcheck, graph
from torchish.autograd.function import once_differentiable
from torchish.nn import functional as F


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


def function(forward, backward=None, jvp=None, **more):
    methods = {"forward": forward, "backward": backward, "jvp": jvp}
    return type("Mine", (Function,), {k: staticmethod(v) for k, v in methods.items() if v is not None} | more)


def described(fn):
    return "None" if fn is None else f"{type(fn).__name__}({', '.join(described(f) for f, _ in fn.next_functions)})"


@pytest.mark.parametrize("f, edges", [
    (lambda a: a + 5, "A None"), (lambda a: 2 / a, "ReciprocalBackward0 None"), (lambda a: a ** 2, "A"),
    (lambda a: 2 ** a, "A"),
    (lambda a: a[torch.tensor([0])], "A"), (lambda a: a.gather(0, torch.tensor([[0, 0]])), "A"), (lambda a: a.fmod(2), "A"),
    (lambda a: torch.where(a.detach() > 0, a, 0.0), "A None"), (lambda a: a.masked_fill(a.detach() > 0, 0.0), "A"),
    (lambda a: F.embedding(torch.tensor([0]), a), "A"),
    (lambda a: F.conv1d(a[None], torch.ones(1, 2, 1)), "UnsqueezeBackward0 None None"),
    (lambda a: a * torch.ones(2, 2), "A None"), (lambda a: F.layer_norm(a, (2,)), "A None None")])
def test_edges(f, edges):
    found = f(torch.ones(2, 2, requires_grad=True)).grad_fn.next_functions
    names = ["None" if fn is None else fn.name().split("::")[-1] for fn, _ in found]
    assert names == [{"A": "AccumulateGrad"}.get(e, e) for e in edges.split()]


def test_nodes(x):
    y = x ** 2
    meta, = y.grad_fn._input_metadata
    assert (meta.shape, meta.dtype, meta.device) == ((2,), torch.float32, torch.device("cpu"))
    assert y.grad_fn(torch.ones(2)).tolist() == [2, 4]
    with pytest.raises(TypeError, match="expected 1 arguments, got 2 instead"):
        y.grad_fn(x, x)
    node = graph.Node
    assert isinstance(y.grad_fn, node) and node not in type(y.grad_fn).mro() and issubclass(type(y.grad_fn), node)
    assert not isinstance(node, node) and issubclass(torch.autograd.function.BackwardCFunction, node)
    with pytest.raises(TypeError, match="Can't instantiate abstract class Node"):
        node()
    assert y.grad_fn._sequence_nr() < y.exp().grad_fn._sequence_nr()


def test_create_graph(x):
    torch.set_warn_always(True)
    try:
        with pytest.warns(UserWarning, match="Using backward\\(\\) with create_graph=True will create a reference cycle"):
            (x ** 3).sum().backward(create_graph=True)
    finally:
        torch.set_warn_always(False)
    assert x.grad.grad_fn.name() == "torch::autograd::CopyBackwards" and x.grad.grad_fn.next_functions[0] == (None, 0)

    once = function(lambda ctx, a: a * 2, once_differentiable(lambda ctx, g: g * 2))
    c = torch.ones(2, requires_grad=True)
    g, = grad(once.apply(x), x, c, create_graph=True)
    assert described(g.grad_fn) == "Error(AccumulateGrad())"
    with pytest.raises(RuntimeError, match="differentiate twice a function that was marked with @once_differentiable"):
        g.sum().backward()


def test_a_changing_exponent_is_not_taken_for_one():
    v = torch.tensor([1.0, 2.0])
    assert functional.jacobian(lambda t: t ** 2, v).tolist() == [[2, 0], [0, 4]]
    assert functional.hessian(lambda t: t.pow(3).sum(), v).tolist() == [[6, 0], [0, 12]]
    assert functional.hessian(lambda t: t.pow(4).sum(), v).tolist() == [[12, 0], [0, 48]]


def test_hooks_that_wait_for_several_gradients():
    tensors = [torch.rand(2, requires_grad=True) for _ in range(3)]
    tensors[0] = tensors[0] * 2
    seen = []
    handle = graph.register_multi_grad_hook(tensors, lambda grads: seen.append([g is not None for g in grads]))
    loss = (tensors[1] * tensors[2]).sum()
    loss.backward(inputs=tensors[1:], retain_graph=True)
    loss.backward(inputs=tensors[:1], retain_graph=True)
    loss.backward(inputs=tensors[:3:2], retain_graph=True)
    handle.remove()
    loss.backward()
    assert seen == [[False, True, True], [False, False, True]]


@pytest.mark.parametrize("seen", [False, True])
def test_how_gradients_lie(seen):
    for _ in range(2):      # the second time the program of a part that was seen keeps what the backward needs
        loose = torch.empty_strided((2, 2), (4, 2)).fill_(1.0).requires_grad_()
        turned = torch.ones(2, 3).t().requires_grad_()
        total = (loose * 2).sum() + (turned * turned).sum()
        if seen:
            assert total.item() == 14
        total.backward()
        assert loose.grad.stride() == (2, 1) and turned.grad.stride() == (1, 3)


def test_hooks_of_a_node_that_is_an_input():
    log = []
    b = torch.tensor(1.0, requires_grad=True).clone()
    b.grad_fn.register_prehook(lambda g: log.append("node"))
    b.register_hook(lambda g: log.append("tensor") or g * 3)
    (b * 1).backward(inputs=b)
    assert log == ["tensor", "node"] and b.grad.item() == 3


def test_every_view_keeps_the_gradient_it_was_asked_for():
    base = torch.tensor([1.0], requires_grad=True).clone()
    v, w = base[:], base[:]
    v.retain_grad()
    w.retain_grad()
    v.mul_(2)
    (v + w).sum().backward()
    assert v.grad.tolist() == w.grad.tolist() == [1]


def test_the_dtype_of_a_gradient(x):
    double = function(lambda ctx, a: a * 2, lambda ctx, g: g.double())
    for dtype in (None, torch.float16, torch.float32):
        t = torch.ones(2, requires_grad=True)
        t.grad_dtype = dtype
        double.apply(t).sum().backward()
        assert t.grad.dtype is (dtype or torch.float64) and t.grad_dtype is dtype
    with pytest.raises(RuntimeError, match="Cannot set grad_dtype to 'Half' because there is already a gradient"):
        t.grad_dtype = torch.float16
    with pytest.raises(RuntimeError, match="grad_dtype can only be accessed on leaf tensors"):
        _ = (x * 2).grad_dtype


def marks(ctx, a):
    ctx.mark_dirty(a)
    return a.add_(1)


def test_functions_used_wrongly(x):
    view = function(lambda ctx, a: a.view_as(a), lambda ctx, g: g)
    seen = view.apply(torch.ones(2))
    twice = function(lambda ctx, a: (marks(ctx, a), a * 1), lambda ctx, g, h: g)
    temporary = function(lambda ctx, a: marks(ctx, a.clone().view_as(a)), lambda ctx, g: g)
    clears = function(lambda ctx, a: (ctx.save_for_backward(a), a * 1)[1],
                      lambda ctx, g: (ctx.saved_tensors, ctx.saved_tensors, g)[2], clear_saved_tensors_on_access=True)
    for use, message in (
            (lambda: seen.add_(x), "This view was created inside a custom Function"),
            (lambda: twice.apply((x * 1).view_as(x)), "modifies inplace an input that is a view of another Tensor"),
            (lambda: temporary.apply(x), "received a tensor that was not an input"),
            (lambda: clears.apply(x).sum().backward(), "saved_tensors can only be accessed once when"),
            (lambda: torch.autograd.SavedTensor(), "Trying to create a SavedTensor object from Python is forbidden."),
            (lambda: grad(x.sum(), [x, 1]), "all inputs have to be Tensors or GradientEdges, but got int")):
        with pytest.raises(RuntimeError, match=message):
            use()
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        view()
    with pytest.warns(UserWarning, match="received a tensor that was not an input"):
        function(lambda ctx, a: marks(ctx, a * 2), lambda ctx, g: g).apply(x)
    with pytest.warns(DeprecationWarning, match="'saved_variables' is deprecated"):
        old = function(lambda ctx, a: (ctx.save_for_backward(a), a * 1)[1], lambda ctx, g: (ctx.saved_variables, g)[1])
        old.apply(x).sum().backward()
    with pytest.warns(FutureWarning, match="Decorating classes is deprecated"):
        torch.no_grad()(type("Some", (), {}))
    y = function(lambda ctx, a: (ctx.save_for_backward(a, None), a)[1], lambda ctx, g: g).apply(x)
    assert y.grad_fn.saved_tensors[0] is x and y.grad_fn.saved_tensors[1] is None
    with pytest.raises(RuntimeError, match="with value None is forbidden"):
        y.grad_fn._raw_saved_tensors[1].register_hooks(lambda t: t, lambda t: t)


def test_defaults_of_forward_reach_setup_context():
    class Power(Function):
        @classmethod
        def forward(cls, t, n=3):
            return t ** n

        @classmethod
        def setup_context(cls, ctx, inputs, output):
            t, ctx.n = inputs
            ctx.save_for_backward(t)

        @classmethod
        def backward(cls, ctx, g):
            return g * ctx.n * ctx.saved_tensors[0] ** (ctx.n - 1), None
    t = torch.tensor(2.0, requires_grad=True)
    assert grad(Power.apply(t), t)[0].item() == 12


def test_gradients_that_are_not_materialized():
    def two(ctx, a):
        b = a.clone()
        ctx.mark_non_differentiable(b)
        ctx._materialize_non_diff_grads = False
        return a * 1, b
    seen = []
    function(two, lambda ctx, g, h: seen.append(h) or g).apply(torch.ones(1, requires_grad=True))[0].backward()
    assert seen == [None]


def test_dual_tensors():
    primal, tangent = torch.ones(2, requires_grad=True), torch.full((2,), 3.0)
    assert forward_ad._current_level == -1
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(primal, tangent)
        found = forward_ad.unpack_dual(dual)
        assert found.tangent is tangent and forward_ad._current_level == 0
        wide = forward_ad.make_dual(torch.ones(2, 4), torch.ones(2, 4))
        text = "tensor([[1., 1., 1., 1.],\n        [1., 1., 1., 1.]]"
        assert repr(wide) == f"{text},\n       tangent={text}))"
        assert "tangent=tensor([3., 3.])" in repr(dual) and "tangent" not in repr(primal) + repr(found.primal)
        assert grad((found.primal * 2).sum(), primal)[0].tolist() == [2, 2]
        with pytest.raises(RuntimeError, match="Setting a forward grad that itself has a forward gradient"):
            forward_ad.make_dual(torch.ones(2), dual)
        for jvp, message in ((lambda ctx, t: (t, t), "invalid number of forward gradients \\(expected 1 but got 2\\)"),
                             (lambda ctx, t: 3, "expected Variable or None \\(got int\\) for grad output 0"),
                             (lambda ctx, t: torch.ones(3), "different size than that of the original Tensor")):
            with pytest.raises(RuntimeError, match=message):
                function(lambda ctx, a: a.clone(), None, jvp).apply(dual)

        def constant(ctx, a):
            b = a.clone()
            ctx.mark_non_differentiable(b)
            return a * 1, b
        y, z = function(constant, None, lambda ctx, t: (t, None)).apply(dual)
        assert forward_ad.unpack_dual(y).tangent.tolist() == [3, 3] and forward_ad.unpack_dual(z).tangent is None
        with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
            function(lambda ctx, a: a.clone(), lambda ctx, g: g).apply(dual)


def test_levels_and_arguments_of_dual_tensors():
    assert forward_ad.unpack_dual(torch.ones(1)).tangent is None
    with pytest.raises(RuntimeError, match="not the last one that was created"):
        forward_ad.exit_dual_level(level=0)
    with pytest.raises(RuntimeError, match="Dual level must be a positive number"):
        forward_ad.exit_dual_level()
    with pytest.raises(TypeError, match="argument 'dual' \\(position 1\\) must be Tensor, not int"):
        forward_ad.unpack_dual(3, level=0)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(torch.ones(2), torch.ones(2))
        with pytest.raises(RuntimeError, match="Invalid level given to _fw_primal"):
            forward_ad.unpack_dual(dual, level=3)
        with pytest.raises(TypeError, match="argument 'dual'"):
            forward_ad.unpack_dual(3)
        with pytest.raises(AttributeError, match="'int' object has no attribute 'is_floating_point'"):
            forward_ad.make_dual(3, torch.ones(2))


def test_what_is_unpacked_requires_grad_as_the_dual_tensor_does():
    leaf = torch.ones(2, requires_grad=True)
    with forward_ad.dual_level():
        cut = forward_ad.make_dual(leaf.detach(), torch.ones(2))
        for dual, expected in ((cut * cut, False), (cut * leaf, True)):
            primal, tangent = forward_ad.unpack_dual(dual)
            assert dual.requires_grad is primal.requires_grad is tangent.requires_grad is expected


def test_ctx_shows_what_is_to_be_saved_until_forward_has_returned():
    seen = []

    def forward(ctx, a):
        ctx.save_for_backward(a)
        seen.append(ctx.to_save)
        return a * 2
    x = torch.ones(2, requires_grad=True)
    y = function(forward, lambda ctx, g: g * 2).apply(x)
    assert len(seen[0]) == 1 and seen[0][0] is x
    assert y.grad_fn.to_save is None
    y.sum().backward()
    assert y.grad_fn.to_save is None


def test_streams_that_cannot_differ():
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    with pytest.raises(RuntimeError, match="enabled must be a bool, but got int"):
        torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(1)


def test_gradcheck_names_what_is_wrong():
    def off(f):
        def changed(t):
            y = f(t)
            y.register_hook(lambda g: g + 1e-2)
            return y
        return changed
    one, z = torch.ones(1, dtype=torch.double, requires_grad=True), torch.ones(2, dtype=torch.cdouble, requires_grad=True)
    for func, given, kind, message in (
            (off(torch.clone), z, RuntimeError, "While considering the imaginary part of complex outputs only, Jacobian mismatch"),
            (lambda t: torch.cat([t, t]) if bool((t >= 1).all()) else t, one, AssertionError, "with the same shape when inputs"),
            (lambda t: t.float() if bool((t >= 1).all()) else t, one, AssertionError, "with the same dtype when inputs")):
        with pytest.raises(kind, match=message):
            gradcheck(func, (given,), fast_mode=True)
    with pytest.raises(RuntimeError, match="backward not multiplied by grad_output"):
        gradcheck(off(torch.clone), (one,), atol=0.1)


def test_gradients_within_a_dual_level_go_on_behind_it():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    z = x * x
    with forward_ad.dual_level():
        y = forward_ad.make_dual(z, torch.ones(2)) ** 3 + z
        primal, tangent = forward_ad.unpack_dual(y)
        assert [grad(t.sum(), x, retain_graph=True)[0].tolist() for t in (tangent, primal)] == [[12, 96], [8, 196]]


def test_generators_in_a_mode_may_be_thrown_into_and_closed():
    log = []

    @torch.no_grad()
    def generator():
        try:
            yield torch.is_grad_enabled()
        except ValueError:
            yield torch.is_grad_enabled()
        try:
            yield 3
        finally:
            log.append(torch.is_grad_enabled())
    it = generator()
    assert next(it) is False and torch.is_grad_enabled() and it.throw(ValueError()) is False and next(it) == 3
    it.close()
    assert log == [False] and torch.is_grad_enabled()
    with torch.set_grad_enabled(False) as _:
        assert repr(torch.set_grad_enabled(True).clone()) == "torch.autograd.grad_mode.set_grad_enabled(mode=True)"
    torch.set_grad_enabled(True)


def test_tangents_pass_through_functions_on_tapes_of_their_own():
    x = torch.tensor([1.0, 2.0])
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, x)
        for f, tangent in ((torch.vmap(lambda t: t * t), [2, 8]), (torch.func.grad(lambda t: (t ** 3).sum()), [6, 24]),
                           (lambda t: torch.cond(t.sum() > 0, lambda a: a * 3, lambda a: a, (t,)), [3, 6])):
            assert forward_ad.unpack_dual(f(dual)).tangent.tolist() == tangent
    assert torch.func.jvp(torch.vmap(lambda t: t * t), (x,), (x,), strict=True)[1].tolist() == [2, 8]


def test_dropout_is_a_product_in_the_graph():
    x = torch.ones(4, requires_grad=True)
    assert torch.dropout(x, 0.5, True).grad_fn.name() == "MulBackward0"


@pytest.mark.parametrize("dtype, x, y, wanted", [
    (torch.float32, 1e-25, 1e-25, [1e25, -1e25]), (torch.float32, 1e25, 1e25, [1e-25, -1e-25]),
    (torch.float16, 0.5, 0.003, [333.25, -55552])])
def test_the_gradient_of_a_quotient_goes_by_the_quotient(dtype, x, y, wanted):
    """1 / y ** 2 would be out of range."""
    x, y = (torch.tensor(v, dtype=dtype, requires_grad=True) for v in (x, y))
    assert [g.item() for g in grad(x / y, (x, y))] == pytest.approx(wanted, rel=1e-5, abs=0)
    assert torch.func.jvp(lambda a: a / 0.0, (x,), (torch.zeros_like(x),))[1].isnan().item()


@pytest.mark.parametrize("f, one", [(torch.logaddexp, 1 / (1 + 2.718281828 ** -1)), (torch.logaddexp2, 2 / 3)])
def test_the_gradient_of_logaddexp_goes_by_the_difference(f, one):
    """exp(x - result) is wrong where the result is rounded or infinite."""
    for dtype, x, y, wanted in ((torch.float32, 1e4, 1e4, [0.5, 0.5]), (torch.bfloat16, 100, 99, [one, 1 - one]),
                                (torch.float32, float("inf"), 1, [1, 0]), (torch.float32, -float("inf"), 1, [0, 1])):
        x, y = (torch.tensor(v, dtype=dtype, requires_grad=True) for v in (x, y))
        assert [g.item() for g in grad(f(x, y), (x, y))] == pytest.approx(wanted, rel=1e-6 if dtype is torch.float32 else 1e-2)


def test_numbers_made_of_what_has_a_gradient_and_means_of_kl_div_are_warned_of(monkeypatch):
    monkeypatch.setattr("torchish.warned.once.said", set())
    x = torch.tensor(2.0, requires_grad=True)
    with torch.no_grad():
        assert float(x) == 2
    assert int(x) == x.item() == 2 and f"{x:.1f}" == "2.0"
    with pytest.warns(UserWarning, match="Converting a tensor with requires_grad=True to a scalar may lead"):
        assert float(x * 2) == 4
    assert complex(x) == 2      # it is said once
    with pytest.warns(UserWarning, match="reduction: 'mean' divides the total loss by both the batch size and the support size"):
        F.kl_div(torch.full((3, 5), -1.5), torch.full((3, 5), 0.2))


def test_arguments_of_ctx_and_of_gradcheck_are_refused_in_torchs_words():
    def called(method, *args):
        class Calls(Function):
            @staticmethod
            def forward(ctx, x):
                getattr(ctx, method)(*args)
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g
        Calls.apply(torch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match=r"set_materialize_grads received an invalid combination of arguments"):
        called("set_materialize_grads", "no")
    with pytest.raises(RuntimeError, match="mark_non_differentiable only accepts variable arguments, but got str"):
        called("mark_non_differentiable", "x")
    x = torch.ones(2, dtype=torch.double, requires_grad=True)
    with pytest.raises(AssertionError, match="Setting check_undefined_grad=True requires check_rev_over_rev to be True"):
        torch.autograd.gradgradcheck(torch.sin, (x,), check_fwd_over_rev=True, check_rev_over_rev=False)
    with pytest.raises(ValueError, match="Sparse output is not supported at gradcheck yet"):
        gradcheck(lambda x: x.to_sparse(), (x,))
    with pytest.raises(RuntimeError, match=r"`inputs` argument to `grad\(\)` cannot be empty."):
        grad(x * 2, [])


@pytest.mark.parametrize("name", ["min", "max"])
def test_nan_is_the_extreme_that_gets_the_gradient(name):
    nan = float("nan")
    for values, shares in (([1.0, 1, nan, 1, nan], [0, 0, .5, 0, .5]), ([nan, nan], [.5, .5]), ([1.0] * 4, [.25] * 4)):
        x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        g, = grad(getattr(x, name)() * 2, x, create_graph=True)
        assert g.tolist() == [2 * s for s in shares]
    x = torch.tensor([1.0, 3.0, 3.0, 2.0] if name == "max" else [4.0, 3.0, 3.0, 5.0], dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(lambda x: getattr(x.square()[:1 if name == "max" else 2], name)(), x)
