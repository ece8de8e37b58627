"""Inference mode: which tensors carry its flag, and what is refused with them outside."""
import pytest

import torchish as torch

WRITTEN = "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone"
SAVED = "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode"


@pytest.fixture
def leaf():
    return torch.ones(3, requires_grad=True)


def test_what_is_made_inside_carries_the_flag(leaf):
    normal = leaf.clone()
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled() and not torch.is_grad_enabled()
        made = [torch.zeros(2), torch.rand(2), torch.randn(2), torch.arange(2), torch.tensor([1.0]), torch.eye(2), normal * 2,
                torch.cat([normal, normal]), torch.ones(4).split(2)[0], torch.nn.Linear(2, 2).weight, leaf.clone()]
        normal.add_(1)
        seen = normal.view(-1)
        with torch.enable_grad():
            assert not (leaf * 2).requires_grad
        with torch.inference_mode(False):
            assert torch.is_grad_enabled() and (leaf * 2).requires_grad and not torch.ones(1).is_inference()
    assert all(t.is_inference() and torch.is_inference(t) for t in made)
    assert not torch.is_inference_mode_enabled() and not normal.is_inference() and not seen.is_inference() and normal.requires_grad
    w = made[6]
    assert w.tolist() == [2, 2, 2] and w.view(-1).is_inference() and w.detach().is_inference() and not w.view(-1)._is_view()
    assert not (w + 1).is_inference() and not w.clone().is_inference() and w.is_inference()


@pytest.mark.parametrize("ended", [False, True])
def test_what_is_refused_outside(leaf, ended):
    with torch.inference_mode():
        w = leaf * 2
        i = torch.tensor([0, 1])
    if ended:
        w.tolist()
    for use, message in ((lambda: w.add_(1), WRITTEN), (lambda: w[0].zero_(), WRITTEN), (lambda: w.copy_(leaf.detach()), WRITTEN),
                         (lambda: torch.mul(w, 2, out=w), WRITTEN), (lambda: w * leaf, SAVED),
                         (lambda: leaf.clone().mul_(w), SAVED), (lambda: leaf[i], SAVED),
                         (lambda: w._version, "Inference tensors do not track version counter."),
                         (lambda: w.requires_grad_(), "Setting requires_grad=True on inference tensor outside InferenceMode")):
        for _ in range(2):
            with pytest.raises(RuntimeError) as e:
                use()
            assert str(e.value).startswith(message)
    (w + leaf).sum().backward()         # a sum keeps nothing
    assert leaf.grad.tolist() == [1, 1, 1] and (w * leaf.detach()).tolist() == [2, 2, 2] and (w.clone() * leaf).requires_grad


def test_writes_inside(leaf):
    with torch.inference_mode():
        w = torch.ones(3)
        assert w.add_(1).is_inference() and w.tolist() == [2, 2, 2]
    with torch.inference_mode():
        assert w.mul_(2).tolist() == [4, 4, 4]
        leaf.add_(1)
    assert leaf.tolist() == [2, 2, 2] and leaf.is_leaf and leaf.requires_grad
    base = leaf * 1
    with torch.inference_mode():
        base.mul_(2)
    assert base.requires_grad and not base.is_inference()
    (base * leaf).sum().backward()


def test_functions_and_leaves():
    @torch.inference_mode
    def double(t):
        return t * 2
    with torch.inference_mode():
        leaf = torch.ones(2, requires_grad=True)
        assert leaf.requires_grad and not (leaf * 2).requires_grad
    assert double(leaf).is_inference()
    (leaf + torch.ones(2, requires_grad=True)).sum().backward()
    assert leaf.grad.tolist() == [1, 1] and torch.inference_mode(False).mode is False

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        Product.apply(torch.ones(2, requires_grad=True), leaf.detach())


def test_transforms_differentiate_in_inference_mode():
    x = torch.tensor([0.5, -1.0, 2.0])

    def f(x):
        return (x ** 3).sum()

    def found():
        pull = torch.func.vjp(f, x)[1]
        return [torch.func.grad(f)(x), pull(torch.tensor(1.0))[0], torch.func.jacrev(lambda x: x ** 2)(x),
                torch.func.vmap(torch.func.grad(f))(x), torch.func.hessian(f)(x), torch.func.grad(torch.func.grad(f))(x[0]),
                torch.func.grad(lambda x: torch.func.vmap(f)(x).sum())(x), torch.func.jvp(f, (x,), (x,))[1]]

    def constant_inside(x):
        with torch.inference_mode():
            c = x ** 2
        return (x - c).sum()
    expected = found()
    with torch.inference_mode():
        torch.testing.assert_close(found(), expected)
        assert torch.func.grad(constant_inside)(x).tolist() == [1, 1, 1] and torch.is_inference_mode_enabled()


def test_inference_tensors_change_their_size():
    with torch.inference_mode():
        x = torch.ones(1, 2, 3, requires_grad=True)
        assert x.resize_(1, 2).shape == (1, 2) and x.is_inference() and x.requires_grad


def test_a_view_of_an_inference_tensor_has_no_graph():
    with torch.inference_mode():
        w = torch.ones(1, 2, requires_grad=True)
        inside = w.view(-1)
    views = [w.t(), w[0], w.detach(), w.reshape(-1), w.expand(3, 2), *w.split(1, 1), w.T.contiguous(), inside[:1]]
    assert not any(v.requires_grad or v.grad_fn or v._is_view() for v in views)
    assert all(v.is_inference() for v in views)
    assert w.requires_grad and w[:, [0]].requires_grad and (w + 1).requires_grad
    with torch.inference_mode():
        w.add_(1)
    assert views[1].tolist() == [2, 2] and not views[1].requires_grad and not (views[1] * 2).requires_grad


@pytest.mark.parametrize("change", [torch.Tensor.t_, lambda v: v.unsqueeze_(0), lambda v: v.as_strided_((2,), (1,)),
                                    lambda v: v.add_(1)])
def test_a_view_of_a_normal_tensor_made_inside_is_changed_outside(change):
    for base in (torch.ones(2, 2), torch.ones(2, 2, requires_grad=True) * 1):
        with torch.inference_mode():
            seen = base.view_as(base)
        if base.requires_grad:
            with pytest.raises(RuntimeError, match="^A view was created in inference mode and is being modified inplace in normal"):
                change(seen)
        with torch.no_grad():
            change(seen)
            seen.add_(1)
        assert not seen.is_inference() and base[0].max() > 1        # the memory is shared as before
