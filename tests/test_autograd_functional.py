"""torch.autograd.functional and gradcheck."""
from __future__ import annotations

import sys

import pytest
from counting import counting

import torchish as torch
from torchish.autograd import GradcheckError, forward_ad, functional, grad, gradcheck, gradgradcheck

D = torch.float64


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], dtype=D)


@pytest.fixture
def y():
    return torch.tensor([0.5, 3.0], dtype=D)


def test_products(x, y):
    value, left = functional.vjp(lambda x: x ** 3, x, y)
    assert value.tolist() == [1, 8] and left.tolist() == [1.5, 36]
    _, (a, b) = functional.vjp(lambda x, y: (x.sum() * y, x * x), (x, y), (x, y))
    assert a.tolist() == [1 * .5 + 2 * 3 + 2 * .5, 6.5 + 2 * 2 * 3] and b.tolist() == [3, 6]
    _, right = functional.jvp(lambda x: x ** 3, x, y)
    assert right.tolist() == [1.5, 36]
    _, (c, d) = functional.jvp(lambda x, y: (x.sum() * y, x * x), (x, y), (y, x))
    assert c.tolist() == [3.5 * .5 + 3 * 1, 3.5 * 3 + 3 * 2] and d.tolist() == [1, 12]
    for product in (functional.hvp, functional.vhp):
        value, h = product(lambda x: (x ** 3).sum(), x, y)
        assert value.item() == 9 and h.tolist() == [3, 36]


@pytest.mark.parametrize("options", [{}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}])
def test_jacobian(x, y, options):
    assert functional.jacobian(lambda x: x * x, x, **options).tolist() == [[2, 0], [0, 4]]
    (a, b), (c, d) = functional.jacobian(lambda x, y: (x.sum() * y, x * x), (x, y), **options)
    assert a.tolist() == [[.5, .5], [3, 3]] and b.tolist() == [[3, 0], [0, 3]]
    assert c.tolist() == [[2, 0], [0, 4]] and d.tolist() == [[0, 0], [0, 0]]


def test_hessian_and_what_stays_in_the_graph(x, y):
    assert functional.hessian(lambda x: (x ** 3).sum(), x).tolist() == [[6, 0], [0, 12]]
    h = functional.hessian(lambda x, y: (x.sum() ** 2 * y).sum(), (x, y), vectorize=True)
    assert h[0][0].tolist() == [[7, 7], [7, 7]] and h[0][1].tolist() == [[6, 6], [6, 6]] and h[1][1].tolist() == [[0, 0], [0, 0]]
    x.requires_grad_()
    j = functional.jacobian(lambda x: x ** 3, x, create_graph=True)
    assert grad(j.sum(), x)[0].tolist() == [6, 12]
    assert not functional.jacobian(lambda x: x ** 3, x).requires_grad


def test_jacobians_of_a_loop_stay_on_one_tape(x):
    """Each is a part of the step: programs of their own, each differentiated again, grew with a power of the turns."""
    a = torch.tensor([0.5, 1.5], dtype=D, requires_grad=True)

    def unrolled(jacobian):
        state = x
        for _ in range(12):
            state = state + 0.1 * jacobian(state * a) @ state
        return grad(state.sum(), a)[0]
    with counting() as c:
        found = unrolled(lambda at: functional.jacobian(torch.sin, at, create_graph=True))
        found.tolist()
    assert c.compiled == 1
    assert torch.allclose(found, unrolled(lambda at: at.cos().diag()))


def test_refusals(x, y):
    strict = {"strict": True}
    for call, message in (
            (lambda: functional.jacobian(lambda x: torch.ones(2), x, **strict), "Output 0 of the user-provided function does not"),
            (lambda: functional.jacobian(lambda x, y: x, (x, y), **strict), "Output 0 of the user-provided function is"),
            (lambda: functional.vhp(lambda x: x.sum(), x, x, **strict), "While computing the hessian, found that the jacobian"),
            (lambda: functional.vjp(lambda x: x, x), "The vector v can only be None if the user-provided function returns"),
            (lambda: functional.vjp(lambda x: x, x, torch.ones(3, dtype=D)), "v has invalid size: should be torch.Size([2])"),
            (lambda: functional.hessian(lambda x: x, x), "The Tensor returned by the function given to hessian should contain"),
            (lambda: functional.jacobian(lambda x: x, x, strict=True, vectorize=True), "torch.autograd.functional.jacobian:")):
        with pytest.raises(RuntimeError) as e:
            call()
        assert str(e.value).startswith(message)
    with pytest.raises(TypeError, match="The inputs given to vjp must be either a Tensor or a tuple of Tensors"):
        functional.vjp(lambda x: x, 3)


class Wrong(torch.autograd.Function):
    """Twice its argument, with three times the gradient."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 3


@pytest.mark.parametrize("fast", [False, True])
def test_gradcheck(x, y, fast):
    x.requires_grad_(), y.requires_grad_()
    assert gradcheck(lambda x, y: (x.sum() * y.sin(), x * x), (x, y), fast_mode=fast)
    assert gradgradcheck(lambda x, y: x.sin() * y, (x, y), fast_mode=fast)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradcheck(Wrong.apply, x, fast_mode=fast)
    assert not gradcheck(Wrong.apply, x, fast_mode=fast, raise_exception=False)
    z = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128, requires_grad=True)
    assert gradcheck(lambda z: z.conj() * z * (1 + 1j), z, fast_mode=fast)
    assert gradcheck(lambda z: z.abs(), z, fast_mode=fast)


def test_gradcheck_options(x):
    with pytest.raises(ValueError, match="gradcheck expects at least one input tensor to require gradient"):
        gradcheck(lambda x: x, x)
    x.requires_grad_()
    assert gradcheck(lambda x, k: (x * k, k), (x, 3), check_batched_grad=True, check_forward_ad=True, check_grad_dtypes=True)
    assert gradcheck(lambda x: x.sin(), x, against="jax")
    z = torch.tensor([1 + 2j, 3.0], dtype=torch.complex128, requires_grad=True)
    assert gradcheck(lambda z, x: (z * z.conj() * x[:2], z.abs(), z.sin()), (z, x), against="jax")
    with pytest.raises(ValueError, match="returns no tensor of a floating or complex dtype"):
        torch.testing.check_against_jax(lambda x: x.argmax(), x)
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach() * 1, x)
    with pytest.warns(UserWarning, match="is not a double precision floating point or complex"):
        gradcheck(lambda x: x * 2, torch.ones(2, requires_grad=True), atol=1e-1)
    calls = []

    class Drifting(Wrong):
        @staticmethod
        def backward(ctx, g):
            calls.append(1)
            return g * (2 + 1e-7 * len(calls))
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(Drifting.apply, x)
    assert gradcheck(Drifting.apply, x, nondet_tol=1e-3)


def test_gradcheck_goes_through_functions_without_gradients():
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    with pytest.raises(TypeError, match="NoneType"):
        torch.autograd.gradcheck(Scale.apply, x)
    assert torch.autograd.gradcheck(Scale.apply, x, check_undefined_grad=False)


def test_what_a_function_does_in_place_to_its_input_is_refused():
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        torch.autograd.functional.jacobian(lambda x: x.mul_(2), torch.ones(2))


def test_what_a_function_has_saved_is_valid_after_gradcheck():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 2

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    y = Square.apply(x)
    version = x._version
    assert gradcheck(Square.apply, x) and gradgradcheck(Square.apply, x) and x._version == version
    y.sum().backward()
    assert torch.equal(x.grad, 2 * x)


class Counted(torch.autograd.Function):
    """Both inputs, and how often forward mode came."""
    calls = 0

    @staticmethod
    def forward(ctx, x, y):
        assert forward_ad._current_level < 0 or not (x.requires_grad or y.requires_grad)
        return x.clone(), y.clone()

    @staticmethod
    def backward(ctx, a, b):
        return a, b

    @staticmethod
    def jvp(ctx, x, y):
        Counted.calls += 1
        return x, y


def test_gradgradcheck_goes_forward_over_reverse(x, y):
    x.requires_grad_(), y.requires_grad_()
    for f in (torch.square, torch.tanh, lambda x: x * y):
        assert gradgradcheck(f, (x,), check_fwd_over_rev=True)
    assert gradgradcheck(torch.mul, (x, y), check_fwd_over_rev=True, check_rev_over_rev=False, check_undefined_grad=False)


def test_gradcheck_in_forward_mode(x, y):
    x.requires_grad_(), y.requires_grad_()
    for undefined, wanted in ((False, 2), (True, 6)):       # once for each input; two more for each without a tangent
        Counted.calls = 0
        assert gradcheck(Counted.apply, (x, y), check_forward_ad=True, check_backward_ad=False, check_undefined_grad=undefined)
        assert wanted == Counted.calls
    assert gradcheck(lambda x, y: (x * y, y.sin()), (x, y), check_forward_ad=True, check_batched_forward_grad=True)

    def bad(x, y):
        if forward_ad._current_level >= 0:
            primal, tangent = forward_ad.unpack_dual(y)
            y = forward_ad.make_dual(primal, tangent * 1.1)
        return x + y
    with pytest.raises(GradcheckError, match="Jacobian computed with forward mode mismatch for output 0 with respect to input 1"):
        gradcheck(bad, (x, y), check_forward_ad=True)
    with pytest.raises(GradcheckError, match="While computing batched gradients, got: vmap: .*random"):
        gradcheck(lambda x: x * torch.randn_like(x), x, check_forward_ad=True, check_backward_ad=False, check_undefined_grad=False,
                  check_batched_forward_grad=True, atol=1e9)


@pytest.mark.parametrize("masked", [False, True])
def test_gradcheck_of_sparse_inputs(masked):
    a = torch.rand(2, 3, dtype=D, requires_grad=True)
    b = torch.tensor([[0, 2.0, 0], [1, 0, 3]], dtype=D)
    for sparse in (b.to_sparse(), b.to_sparse(1), b.requires_grad_().to_sparse()):
        for fast in (False, True):
            assert gradcheck(lambda x, s: x * s.to_dense().sin(), (a, sparse.requires_grad_()), masked=masked, fast_mode=fast)
            with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
                gradcheck(lambda s: Wrong.apply(s.to_dense()), (sparse,), masked=masked, fast_mode=fast)


def test_lobpcg_has_the_gradient_of_any_matrix():
    a = torch.rand(6, 6, dtype=D)
    for largest in (True, False):
        assert gradcheck(lambda a, largest: torch.lobpcg(a, k=1, largest=largest)[0], ((a @ a.mT).requires_grad_(), largest))


@pytest.mark.parametrize("call, words", [
    (lambda x, v: functional.hvp(lambda a: torch.ones((), requires_grad=True).clone(), x, v, strict=True),
     "The output of the user-provided function is independent of input 0"),
    (lambda x, v: functional.vhp(lambda a: torch.ones((), requires_grad=True).clone(), x, v, strict=True),
     "The output of the user-provided function is independent of input 0"),
    (lambda x, v: functional.vhp(lambda a: (3 * a).sum(), x, v, strict=True),
     "While computing the hessian, found that the jacobian of the user-provided function with respect to input 0 is independent"),
    (lambda x, v: functional.jvp(lambda a: a.clone(), x.requires_grad_(), v, create_graph=True, strict=True),
     "The jacobian of the user-provided function is independent of input 0. This is not allowed in strict mode when create_graph"),
    (lambda x, v: functional.hessian(lambda a: (a ** 3).sum(), x, strict=True, vectorize=True),
     "`strict=True` and `vectorized=True` are not supported together")])
def test_what_strict_refuses(x, y, call, words):
    with pytest.raises(RuntimeError, match=words):
        call(x, y)


def test_jacobians_of_older_scripts() -> None:
    module = sys.modules["torchish.autograd.gradcheck"]
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    z = torch.tensor([1 + 2j], requires_grad=True)
    with pytest.warns(FutureWarning, match="^`get_numerical_jacobian` was part of PyTorch's private API"):
        found, = module.get_numerical_jacobian(lambda inputs: inputs[0] ** 2, (x,))
    assert torch.allclose(found, torch.tensor([[2.0, 0], [0, 4]], dtype=torch.float64))
    (of_values, of_sum), = module._get_numerical_jacobian(lambda t, n: (t * 3, t.sum(), n), (x, torch.arange(2)))
    assert of_values.shape == (2, 2) and of_sum.shape == (2, 1) and x.tolist() == [1, 2]
    assert torch.allclose(module._get_numerical_jacobian(lambda t: t.abs() ** 2, (z,))[0][0], torch.tensor([[2 + 4j]]), rtol=1e-3)
    with pytest.warns(FutureWarning, match="^`get_analytical_jacobian` was"):
        (found,), *same = module.get_analytical_jacobian((x,), x[:1] * 5)
    assert found.tolist() == [[5], [0]] and same == [True, True, True]
    with pytest.warns(FutureWarning), pytest.raises(ValueError, match="^Expected grad_out to be 1.0"):
        module.get_numerical_jacobian(lambda inputs: inputs[0], (x,), grad_out=2.0)
    with pytest.raises(ValueError, match="^Expected output to be non-complex"):
        module._get_numerical_jacobian(lambda t: t * 1j, (x,))
    assert [t is x for t in module._iter_tensors([x, (x.detach(),), "text"], True)] == [True]


def test_a_jacobian_in_forward_mode_is_not_cut_off_from_what_the_function_closes_over():
    x, w = torch.tensor([0.5, 2.0]), torch.tensor([1.0, 3.0], requires_grad=True)
    found = functional.jacobian(lambda x: (w * x).sin(), x, vectorize=True, strategy="forward-mode")
    assert found.requires_grad and not functional.jacobian(lambda x: (w * x).sin(), x).requires_grad
    alone = functional.jacobian(torch.sin, x, vectorize=True, strategy="forward-mode")
    assert not alone.requires_grad and alone.tolist() == torch.diag(x.cos()).tolist()
    given = x.clone().requires_grad_()
    second, = torch.autograd.grad(functional.jacobian(torch.sin, given, vectorize=True, strategy="forward-mode").sum(), given)
    torch.testing.assert_close(second, -x.sin())
    slope, = torch.autograd.grad(found.sum(), w)
    torch.testing.assert_close(slope, ((w * x).cos() - w * x * (w * x).sin()).detach())
