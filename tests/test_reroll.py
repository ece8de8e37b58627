"""Loops that are rolled up: the same values and gradients as entry by entry, and one scan where there were hundreds of entries."""
import numpy as np
import pytest
from counting import traced_programs

import torchish as torch
from torchish import explain, nn, reroll, tape

F = torch.nn.functional
T = 12


def cells(kind):
    def run(x, w):
        cell = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[kind](3, 4)
        state = (torch.zeros(2, 4), torch.zeros(2, 4)) if kind == "lstm" else torch.zeros(2, 4)
        outs = []
        for t in range(T):
            state = cell(x[t], state)
            outs.append((state[0] if kind == "lstm" else state) @ w)
        return torch.stack(outs)
    return run


def backwards(x, w):
    h = torch.zeros(2, 4)
    for t in reversed(range(T)):
        h = torch.tanh(x[t] @ w[:3] + h @ w)
        h = h * 0.9
    return h


def unbound(x, w):
    h, total = torch.zeros(2, 4), 0
    for part in x:
        h = torch.tanh(F.linear(part, w[:, :3]) + h)
        total = total + h.square().mean()
    return total, h


def written(x, w):
    out = torch.zeros(T, 2, 4)
    h = torch.zeros(2, 4)
    for t in range(T):
        h = torch.sin(x[t] @ w[:3] + h)
        out[t] = h * 2
    return out


def leaky(x, w):
    potential, spikes = torch.zeros(2, 4), []
    for t in range(T):
        potential = 0.9 * potential + x[t] @ w[:3]
        fired = (potential > 1).float()
        potential = potential - fired * potential
        spikes.append(fired)
    return torch.stack(spikes).sum(0), potential


def two_before(x, w):
    a, b = x[0] @ w[:3], x[1] @ w[:3]
    for _ in range(30):
        a, b = b, 0.5 * b - 0.3 * a
    return b


def runge_kutta(x, w):
    y, h = x[0] @ w[:3], 0.05

    def f(t, y):
        return torch.sin(t + y @ w)
    for k in range(12):
        t = k * h
        k1 = f(t, y)
        k2 = f(t + h / 2, y + h / 2 * k1)
        k3 = f(t + h / 2, y + h / 2 * k2)
        k4 = f(t + h, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def nested(x, w):
    y = x[0] @ w[:3]
    for k in range(8):
        z = y
        for _ in range(12):
            z = torch.cos(z) * 0.5 + y
        y = z @ w + x[k] @ w[:3]
    return y


def decoded(x, w):
    embedding = nn.Embedding(4, 3)
    h, token = torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64)
    scores = []
    for _ in range(T):
        h = torch.tanh(embedding(token) @ w[:3] + h)
        scores.append(h)
        token = h.argmax(1)
    return torch.cat(scores)


def masked(x, w):
    h, lengths = torch.zeros(2, 4), torch.tensor([5, T])
    for t in range(T):
        new = torch.tanh(x[t] @ w[:3] + h)
        h = torch.where((t < lengths)[:, None], new, h)
    return h


def dropped(x, w):
    h = torch.zeros(2, 4)
    for t in range(T):
        h = F.dropout(torch.tanh(x[t] @ w[:3] + h), 0.3)
    return h


def powers(x, w):
    v = torch.ones(4)
    for _ in range(T):
        v = w.t() @ (w @ v)
        v = v / v.norm()
    return v @ w @ v


def two_loops(x, w):
    h = torch.zeros(2, 4)
    for t in range(T):
        h = torch.tanh(x[t] @ w[:3] + h)
    y = torch.ones(2, 3)
    for _ in range(T):
        y = torch.sigmoid(y + h @ w[:, :3])
        y = y * 1.5
    return y


def continued(x, w):
    h, outs = torch.zeros(2, 4), []
    for part in x.split(1):
        h = torch.tanh(part[0] @ w[:3] + h)
        out = torch.sigmoid(h[:, :3])
        outs.append(out)
    for _ in range(T):      # the same operations, with other rules for their operands
        h = torch.tanh(out @ w[:3] + h)
        out = torch.sigmoid(h[:, :3])
        outs.append(out)
    return torch.stack(outs, 1), torch.cat(outs, 1)


LOOPS = {"lstm": cells("lstm"), "gru": cells("gru"), "rnn": cells("rnn"),
         **{f.__name__: f for f in (backwards, unbound, written, leaky, two_before, runge_kutta, nested, decoded, masked,
                                    dropped, powers, two_loops, continued)}}


@pytest.fixture
def rolled(monkeypatch):
    """Counts the loops that are rolled up; `rolled(False)` lets none be."""
    found = []
    real = reroll._Turns.loop

    def counted(self, *args):
        loop = real(self, *args)
        if loop is not None:
            found.append(loop)
        return loop
    monkeypatch.setattr(reroll._Turns, "loop", counted)

    def switch(on):
        tape.forget()
        found.clear()
        monkeypatch.setattr(reroll, "_ENTRIES", 16 if on else 10 ** 9)
        return found
    return switch


def step(run):
    """The results of a loop and the gradients of its operands."""
    torch.manual_seed(1)
    x = torch.randn(T, 2, 3, requires_grad=True)
    w = (torch.randn(4, 4) * 0.4).requires_grad_()
    results = run(x, w)
    results = results if isinstance(results, tuple) else (results,)
    torch.stack([(r * torch.arange(r.numel()).reshape(r.shape)).sum() for r in results]).sum().backward()
    return [v.detach().numpy() for v in (*results, x.grad, w.grad) if v is not None]


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_rolled_up(name, rolled):
    loops = rolled(True)
    one = step(LOOPS[name])
    assert loops
    rolled(False)
    other = step(LOOPS[name])
    assert not loops and len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_second_derivatives_go_through_a_loop(rolled):
    def second():
        torch.manual_seed(1)
        x = torch.randn(T, 2, 3)
        w = (torch.randn(4, 4) * 0.4).requires_grad_()
        loss = masked(x, w).square().sum()
        first, = torch.autograd.grad(loss, w, create_graph=True)
        return torch.autograd.grad(first.square().sum(), w)[0].numpy()
    rolled(True)
    one = second()
    rolled(False)
    np.testing.assert_allclose(one, second(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("transform", ["grad", "jacrev", "jacfwd", "hessian", "vmap"])
def test_transforms_roll_up_the_loop_of_their_function(transform, rolled):
    def f(w):
        y = torch.ones(2, 4)
        for k in range(T):
            y = torch.sin(y @ w + k)
            y = y * 0.9
        return y.sum() if transform in ("grad", "hessian") else y.sum(0)

    def run():
        torch.manual_seed(2)
        w = torch.randn(3, 4, 4) if transform == "vmap" else torch.randn(4, 4)
        return getattr(torch.func, transform)(f)(w).numpy()
    loops = rolled(True)
    one = run()
    assert loops
    rolled(False)
    np.testing.assert_allclose(one, run(), rtol=1e-4, atol=1e-4)


def test_a_loop_whose_graph_outlives_its_tape(rolled):
    def run():
        torch.manual_seed(1)
        w = (torch.randn(4, 4) * 0.4).requires_grad_()
        grads = []
        for _ in range(3):
            x = torch.randn(T, 2, 3)
            loss = masked(x, w).square().sum()
            grads.append(loss.item())           # ends the tape before the backward
            loss.backward()
            grads.append(w.grad.numpy().copy())
        return grads
    loops = rolled(True)
    one = run()
    assert len(loops) >= 2      # the forward, and the forward for the backward
    rolled(False)
    for a, b in zip(one, run(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_numbers_that_change_from_step_to_step(rolled):
    def run():
        y, results = torch.ones(3, 3), []
        for step in range(4):
            h = 0.1 * (step + 1)
            with torch.no_grad():
                for k in range(40):
                    y = torch.sin(y + k * h)
                    y = y * (1 - h)
            results.append(y.numpy().copy())
        return results
    loops = rolled(True)
    before = tape.stats.compilations
    one = run()
    assert loops and tape.stats.compilations - before == 3      # with the first numbers, with any, and y was made there first
    rolled(False)
    for a, b in zip(one, run(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_numbers_of_the_turns_are_read_at_once(monkeypatch):
    programs = traced_programs(monkeypatch)
    x = torch.arange(600, dtype=torch.float64)
    for begin, factor in ((0, 2.0), (100, 2.5), (250, 3.0)):
        total = torch.zeros((), dtype=torch.float64)
        for k in range(begin, begin + 300):
            total = total + x[k] * (factor + k)
        assert total.item() == sum(k * (factor + k) for k in range(begin, begin + 300))
    assert max(len(program.eqns) for program in programs) < 100     # were the numbers read one by one, as many as turns


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64, torch.float64, torch.bool])
def test_what_is_carried_keeps_its_dtype(dtype, rolled):
    def run():
        x = torch.arange(6).reshape(2, 3).to(dtype)
        for _ in range(40):
            x = torch.flip(x, (0,)) if dtype == torch.bool else x * 3 - 1
            x = ~x if dtype == torch.bool else torch.where(x.abs() > 50, x - x, x)
        return x
    loops = rolled(True)
    one = run()
    assert one.dtype == dtype
    one = one.numpy()
    assert loops
    rolled(False)
    np.testing.assert_allclose(one, run().numpy(), rtol=1e-6)


def test_layers_with_weights_of_their_own_are_no_loop(rolled):
    loops = rolled(True)
    net = nn.Sequential(*[m for _ in range(40) for m in (nn.Linear(4, 4), nn.Tanh())])
    net(torch.ones(2, 4)).sum().backward()
    assert not loops and net[0].weight.grad is not None


def test_a_loop_compiles_once_and_is_followed(rolled):
    loops = rolled(True)
    cell = nn.LSTMCell(3, 4)
    optimizer = torch.optim.SGD(cell.parameters(), lr=0.1)
    for step in range(5):
        if step == 3:
            before = tape.stats.compilations
        x, state = torch.randn(T, 2, 3), (torch.zeros(2, 4), torch.zeros(2, 4))
        for t in range(T):
            state = cell(x[t], state)
        loss = state[0].square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() > 0 and loops and tape.stats.compilations - before <= 1
    said = explain()[-1]
    assert said.turns and f"ops (loops of {said.turns[0]} turns), " in str(said)


def test_a_few_snapshots_of_something_large_are_not_worth_keeping_every_turn(rolled, monkeypatch):
    def run():
        x, snapshots = torch.linspace(0, 1, 100), []
        for k in range(40):
            x = torch.sin(x + k)
            if k % 20 == 0:
                snapshots.append(x)
        return [s.numpy() for s in (*snapshots, x)]
    loops = rolled(True)
    one = run()
    assert loops
    rolled(True)
    monkeypatch.setattr(reroll, "_SNAPSHOTS", 1000)
    for a, b in zip(one, run(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert not loops


@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize("turns", [8, 9, 11])
def test_short_loops_that_read_what_was_made_some_turns_before(lag, turns, rolled):
    def run():
        torch.manual_seed(0)
        states, w = [torch.randn(3) for _ in range(lag)], torch.ones(3, requires_grad=True)
        for _ in range(turns):
            states.append((torch.tanh(states[-lag] * w) + states[-1]).sin() * 2)
        h = states[-1]
        for _ in range(5):
            h = (h * w).tanh()
        h.sum().backward()
        return w.grad.numpy()
    rolled(True)
    one = run()
    rolled(False)
    np.testing.assert_allclose(one, run(), rtol=1e-5)


def test_a_loop_with_a_backward_in_each_turn_is_cut_into_short_programs():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    xs = torch.randn(40, 3)
    model(xs).sum().backward()          # the loop does not begin where the tape does

    def gradients():
        return [torch.autograd.grad((model(x[None]) ** 2).sum(), list(model.parameters())) for x in xs]
    with torch.config.override(drafts="never"):
        before = len(explain())
        for _ in range(4):
            known = tape.stats.compilations
            found = [torch.stack(column) for column in zip(*gradients(), strict=True)]
            found[0].tolist()
        assert tape.stats.compilations == known     # the fourth time there is nothing new
        assert max(c.ops for c in explain()[before:]) < 100     # of some 400 entries
    wanted = torch.func.vmap(torch.func.grad(lambda p, x: (torch.func.functional_call(model, p, (x,)) ** 2).sum()), (None, 0))(
        dict(model.named_parameters()), xs)
    for a, b in zip(found, wanted.values(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_a_loop_that_makes_a_graph_for_a_backward_after_it_stays_one_program():
    weight = torch.ones(3, requires_grad=True)
    xs = torch.arange(36.0).reshape(12, 3) / 36

    def meta_step():
        total = 0
        for x in xs:
            w = weight
            for _ in range(2):
                slope, = torch.autograd.grad(((w * x).tanh() ** 2).sum(), w, create_graph=True)
                w = w - 0.1 * slope
            total = total + ((w * x) ** 2).sum()
        return torch.autograd.grad(total, weight)[0].tolist()
    first = meta_step()
    ran = tape.stats.flushes
    assert meta_step() == pytest.approx(first) and tape.stats.flushes == ran + 1
