"""torchish.jit: Python runs once, results and effects come every time; torch.compile returns the thing itself."""
from __future__ import annotations

import pytest
from counting import counting

import torchish as torch
from torchish import nn


def test_python_runs_once_for_each_kind_of_arguments():
    seen = []

    @torch.jit
    def f(x, k=2):
        seen.append(k)
        return {"y": (x * k).sin(), "k": k}
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        out = f(x)
        out["y"].sum().backward()
    assert seen == [2] and out["k"] == 2 and f.recordings == 1
    torch.testing.assert_close(x.grad, 3 * 2 * (2 * x.detach()).cos())
    f(x, k=3), f(x.detach()), f(x[:1]), f(x)
    assert seen == [2, 3, 2, 2]
    with pytest.raises(TypeError, match="neither a tensor nor hashable"):
        f(x, k={1})


def test_parameters_and_buffers_are_those_of_the_moment():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    other = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    other.load_state_dict(net.state_dict())
    quick, x = torch.jit(net), torch.randn(8, 4)
    losses = []
    for run, module in ((quick, net), (other, other)):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            loss = run(x).square().sum()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        assert module[1].num_batches_tracked.item() == 4
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(net[1].running_mean, other[1].running_mean)
    net.eval()
    torch.testing.assert_close(quick(x), net(x))
    assert quick.recordings == 2


def test_a_whole_step():
    w, x = torch.zeros(3, requires_grad=True), torch.ones(3)
    optimizer = torch.optim.SGD([w], lr=0.1)

    @torch.jit
    def step(target):
        optimizer.zero_grad()
        loss = (w * x - target).square().sum()
        loss.backward()
        optimizer.step()
        return loss
    step(torch.ones(3))
    adam = torch.optim.Adam([w])
    with pytest.raises(RuntimeError, match=r"Adam.step\(\) counts its steps in Python, which happens once"):
        torch.jit(adam.step)()
    with counting() as count:
        losses = [step(torch.ones(3)) for _ in range(10)]
        assert losses[-1].item() < losses[0].item()
    assert count.compiled <= 2 and step.recordings == 1


def test_values_cannot_be_looked_at():
    for look in (lambda x: x * 2 if x.sum() > 0 else x, lambda x: torch.func.grad(lambda a: a.sum() * a.max().item())(x)):
        with pytest.raises(RuntimeError, match="a value is looked at"):
            torch.jit(look)(torch.ones(2))


def test_autocast_is_another_kind():
    multiply, x = torch.jit(lambda a: a @ a), torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert multiply(x).dtype is torch.bfloat16
    assert multiply(x).dtype is torch.float32 and multiply.recordings == 2


def test_arguments_that_are_written_into():
    x = torch.zeros(3)
    add = torch.jit(lambda a: a.add_(1) * 2)
    assert [add(x).tolist()[0] for _ in range(3)] == [2.0, 4.0, 6.0] and x.tolist() == [3.0] * 3


def test_random_numbers_are_new_each_time():
    noisy = torch.jit(lambda: (torch.rand(4), torch.randn(20)))
    torch.manual_seed(3)
    first, second = noisy(), noisy()
    torch.manual_seed(3)
    for got in (first, second):
        torch.testing.assert_close(got[0], torch.rand(4))
        torch.testing.assert_close(got[1], torch.randn(20))
    with pytest.raises(RuntimeError, match="draws when it is called"):
        torch.jit(lambda: torch.randperm(4))()


def test_the_namespace_is_still_there():
    f = abs
    assert torch.jit.script(f) is f and torch.jit.trace(f, ()) is f


@pytest.mark.parametrize("options", [{}, {"fullgraph": True}, {"dynamic": True}, {"backend": "eager"}, {"mode": "max-autotune"},
                                     {"options": {"trace.enabled": True}}, {"disable": True}])
def test_compile_returns_the_thing_itself(options):
    net = nn.Linear(2, 2)
    assert torch.compile(net, **options) is net and torch.compile(**options)(abs) is abs
    assert net.compile(**options) is None


def test_compile_errors():
    with pytest.raises(RuntimeError, match="Unrecognized mode=foo, should be one of"):
        torch.compile(abs, mode="foo")
    with pytest.raises(RuntimeError, match="Either mode or options can be specified"):
        torch.compile(abs, mode="default", options={})
    with pytest.raises(AssertionError, match="A callable function is expected"):
        torch.compile(3)
    assert torch.compiler.wrap_numpy(lambda a: a + 1)(torch.ones(2)).tolist() == [2.0, 2.0]
    assert not torch.compiler.is_compiling() and torch.compiler.list_backends() == ["openxla"]
