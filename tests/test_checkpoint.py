"""torch.utils.checkpoint: the same numbers and gradients, less memory."""
from __future__ import annotations

import pytest
from counting import counting

import torchish as torch
from torchish import nn
from torchish.utils.checkpoint import checkpoint, checkpoint_sequential, noop_context_fn, set_checkpoint_early_stop


class Block(nn.Module):
    def __init__(self, width, p):
        super().__init__()
        self.up, self.down, self.drop = nn.Linear(width, 4 * width), nn.Linear(4 * width, width), nn.Dropout(p)

    def forward(self, x):
        return x + self.down(self.drop(torch.tanh(torch.tanh(self.up(x)))))


def train(how, steps=3, p=0.5, width=8, batch=4, depth=2):
    """Losses, a draw afterwards, parameters."""
    torch.manual_seed(0)
    net = nn.Sequential(*[Block(width, p) for _ in range(depth)])
    x = torch.randn(batch, width)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = how(net, x).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return [x.item() for x in losses], torch.rand(1).item(), [p.detach() for p in net.parameters()]


def by_block(net, x):
    for block in net:
        x = checkpoint(block, x, use_reentrant=False)
    return x


@pytest.mark.parametrize("how", [by_block, lambda net, x: checkpoint_sequential(net, 2, x, use_reentrant=False)])
def test_the_same_training_with_dropout_inside(how):
    plain, other = train(lambda net, x: net(x)), train(how)
    assert plain[0] == pytest.approx(other[0], rel=1e-5) and plain[1] == other[1]
    for a, b in zip(plain[2], other[2], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_less_memory():
    sizes = []
    for how in (lambda net, x: net(x), by_block):
        known = len(torch.explain())
        train(how, steps=1, p=0.0, width=32, batch=256, depth=6)
        sizes.append(max(c.between for c in torch.explain()[known:]))
    assert sizes[1] < 0.6 * sizes[0]


def test_it_compiles_once():
    with counting() as count:
        train(by_block, steps=8)
    assert count.compiled <= 4


def test_structures_and_the_callers_own_tensors():
    y, w = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    out = checkpoint(lambda a, k=1: {"u": (a * 2 * w, 3, None), "same": a}, y, k=3, use_reentrant=False)
    assert out["u"][1:] == (3, None) and out["same"] is y
    out["u"][0].sum().backward()
    assert y.grad.tolist() == [2.0, 2.0] and w.grad.tolist() == [2.0, 2.0]
    z = torch.ones(2)
    checkpoint(lambda a: z.add_(a.detach()) * w, y, use_reentrant=False)
    checkpoint(lambda a: a.mul_(3) * w, z, use_reentrant=False)
    assert z.tolist() == [6.0, 6.0]     # what is written into tensors from outside
    with torch.no_grad():
        assert not checkpoint(lambda a: a * 2, y, use_reentrant=False).requires_grad


def test_second_order():
    x = torch.tensor([0.5, 1.0], requires_grad=True)
    y = checkpoint(lambda a: a.sin() * a, x, use_reentrant=False).sum()
    first, = torch.autograd.grad(y, x, create_graph=True)
    second, = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(second, (2 * x.cos() - x * x.sin()).detach())


def test_hooks_inside_are_called():
    x, seen = torch.ones(2, requires_grad=True), []

    def f(a):
        b = a * 2
        b.register_hook(lambda g: seen.append(g.tolist()) or g * 10)
        return b * 3
    checkpoint(f, x, use_reentrant=False).sum().backward()
    assert seen == [[3.0, 3.0]] and x.grad.tolist() == [60.0, 60.0]
    with pytest.raises(RuntimeError, match="has a hook or retains its gradient"):
        torch.jit(f)(x)


def test_the_functions_own_name():
    y = torch.ones(2, requires_grad=True)
    torch.utils.checkpoint.CheckpointFunction.apply(lambda a, n: a ** n, True, y, 3).sum().backward()
    assert y.grad.tolist() == [3, 3]


def test_arguments_and_errors():
    y, f = torch.ones(2, requires_grad=True), lambda a: a * 2
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(f, y)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        assert not checkpoint(f, torch.ones(2), use_reentrant=True).requires_grad
    with pytest.raises(ValueError, match="Unexpected keyword arguments: b"):
        checkpoint(f, y, use_reentrant=True, b=3)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(f, y, use_reentrant=True, debug=True)
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(f, y, use_reentrant=False, determinism_check="foo")
    with pytest.raises(ValueError, match="range"):
        checkpoint_sequential([f], 3, y, use_reentrant=False)
    with set_checkpoint_early_stop(False):
        checkpoint(f, y, use_reentrant=False, context_fn=noop_context_fn, preserve_rng_state=False, early_stop=False)


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradients_within_a_checkpoint(reentrant):
    def slope(x):
        return torch.autograd.grad((x ** 3).sum(), x, create_graph=True)[0]
    a = torch.tensor([3.0], requires_grad=True)
    for given in (a, a * 1):
        y = checkpoint(slope, given, use_reentrant=reentrant)
        assert y.tolist() == [27]
        assert torch.autograd.grad(y.sum(), a)[0].tolist() == [18]


def test_all_results_of_a_reentrant_checkpoint_require_a_gradient():
    x = torch.ones(2, requires_grad=True)
    for reentrant in (False, True):
        cut, doubled, number = checkpoint(lambda x: (x.detach(), x * 2, x.detach().long()), x, use_reentrant=reentrant)
        assert (cut.requires_grad, doubled.requires_grad, number.requires_grad) == (reentrant, True, False)
    cut.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [0, 0]
    doubled.sum().backward()
    assert x.grad.tolist() == [2, 2]
