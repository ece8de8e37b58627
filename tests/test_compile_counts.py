"""One program for a whole training run: the first step is the step of all others, whatever changes between them."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from counting import counting

import torchish as torch
from torchish import accumulate, nn, optim
from torchish.finish import finish
from torchish.nn import functional as F
from torchish.recorder import hooks
from torchish.tape import Tape, forget, state, stats
from torchish.utils.data import DataLoader, TensorDataset

STEPS = 6


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    """Each test begins as a new process does: no tape is known."""
    if state.sealed is not None:
        finish(state.sealed)
    finish(state.tape)
    forget()
    state.tape = Tape()


OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "SGD momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "SGD nesterov, decay": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": optim.Adam,
    "Adam decay, amsgrad": lambda p: optim.Adam(p, weight_decay=1e-2, amsgrad=True),
    "AdamW": optim.AdamW,
    "RMSprop": optim.RMSprop,
    "RMSprop centred, momentum": lambda p: optim.RMSprop(p, momentum=0.9, centered=True),
    "Adagrad": optim.Adagrad,
    "Adadelta": optim.Adadelta,
    "Adamax": optim.Adamax,
    "NAdam": optim.NAdam,
    "Rprop": optim.Rprop,
}


def batch(k: int, n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch that differs from step to step."""
    x = torch.arange(n * 5.0).reshape(n, 5).sin() + 0.1 * k
    return torch.tensor(x.tolist()), torch.tensor([(j + k) % 3 for j in range(n)])


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


def run(m: nn.Module, o: optim.Optimizer, batches: list, zero: str = "before", clip: float | None = None, *,
        to_none: bool = True, scheduler: Any = None) -> None:
    """An ordinary loop over the batches; it ends as each step does when the next one begins."""
    for x, y in batches:
        if zero == "before":
            o.zero_grad(set_to_none=to_none)
        loss = F.cross_entropy(m(x), y)
        if zero == "after":
            o.zero_grad(set_to_none=to_none)
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(m.parameters(), clip)
        o.step()
        if zero == "end":
            o.zero_grad(set_to_none=to_none)
        if scheduler is not None:
            scheduler.step()
    if zero == "before":            # gradients that live on are results of their step, which is then another program
        o.zero_grad(set_to_none=to_none)


def settled(m: nn.Module) -> list:
    """The values of all parameters: what is still to be computed is computed now."""
    return [p.tolist() for p in m.parameters()]


def programs(m: nn.Module, o: optim.Optimizer, *args: Any, batches: list | None = None, **options: Any) -> int:
    """How many programs the loop compiles."""
    batches = [batch(k) for k in range(STEPS)] if batches is None else batches
    settled(m)
    with counting() as c:
        run(m, o, batches, *args, **options)
        settled(m)
    return c.compiled


@pytest.mark.parametrize("clip", [None, 0.5], ids=["plain", "clipped"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_program_for_all_steps(name: str, clip: float | None) -> None:
    m = model()
    o = OPTIMIZERS[name](m.parameters())
    assert programs(m, o, clip=clip, scheduler=optim.lr_scheduler.ExponentialLR(o, 0.9)) == 1


@pytest.mark.parametrize("zero", ["before", "after", "end"])
@pytest.mark.parametrize("name", ["SGD momentum", "AdamW", "RMSprop"])
def test_wherever_gradients_are_forgotten(name: str, zero: str) -> None:
    m = model()
    assert programs(m, OPTIMIZERS[name](m.parameters()), zero, 1.0) == 1


@pytest.mark.parametrize("zero", ["before", "after", "end"])
def test_gradients_set_to_zero(zero: str) -> None:
    """The first backward finds no gradients, the later ones add to zeros: two programs."""
    m = model()
    assert programs(m, OPTIMIZERS["SGD momentum"](m.parameters()), zero, to_none=False) <= 2


def test_groups_of_parameters() -> None:
    m = model()
    o = optim.AdamW([{"params": m[0].parameters(), "lr": 1e-2, "weight_decay": 0.0}, {"params": m[2].parameters()}])
    assert programs(m, o, clip=0.1, scheduler=optim.lr_scheduler.LambdaLR(o, [lambda k: 1 / (k + 1), lambda k: 0.5**k])) == 1


def test_momentum_that_changes() -> None:
    m = model()
    o = optim.SGD(m.parameters(), lr=0.1, momentum=0.9)
    assert programs(m, o, scheduler=optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=STEPS + 1)) == 1


def test_radam_begins_without_its_adaptive_part() -> None:
    m = model()
    assert programs(m, optim.RAdam(m.parameters(), betas=(0.9, 0.9))) == 2


def test_values_of_the_state_may_be_read() -> None:
    """What was looked at stays the same program: the step counts agree again afterwards."""
    m = model()
    o = optim.Adam(m.parameters())
    batches = [batch(k) for k in range(STEPS)]
    settled(m)
    with counting() as c:
        for k, one in enumerate(batches):
            run(m, o, [one])
            if k == 3:
                assert o.state[m[0].weight]["step"].item() == 4
        settled(m)
    assert c.compiled == 1


def test_loss_printed_at_every_step() -> None:
    m = model()
    o = optim.AdamW(m.parameters())
    settled(m)
    batches = [batch(k) for k in range(STEPS)]
    with counting() as c:
        for x, y in batches:
            o.zero_grad()
            loss = F.cross_entropy(m(x), y)
            loss.backward()
            o.step()
            loss.item()
    assert c.compiled == 1


def test_loader_with_shuffle() -> None:
    m = model()
    o = optim.SGD(m.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(TensorDataset(*batch(0, 32)), batch_size=8, shuffle=True)
    settled(m)
    with counting() as c:
        for _ in range(3):
            run(m, o, loader)
        settled(m)
    assert c.compiled == 1


def noisy() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)).train()


def test_batchnorm_and_dropout() -> None:
    m = noisy()
    assert programs(m, optim.AdamW(m.parameters()), clip=1.0) == 1


def test_dropout_with_a_loader() -> None:
    """Shuffling draws from the generator that dropout carries from step to step."""
    m = noisy()
    o = optim.SGD(m.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(*batch(0, 32)), batch_size=8, shuffle=True)
    settled(m)
    with counting() as c:
        for _ in range(3):
            run(m, o, loader)
        settled(m)
    assert c.compiled == 1


def test_what_changes_at_a_line_is_known_in_new_graphs():
    """Words of another length are other graphs; that letters change is learned once."""
    weight = torch.ones(5, 8, requires_grad=True)

    def encode(word):
        found = torch.zeros(len(word), 1, 8)
        for place, letter in enumerate(word):
            found[place][0][letter] = 1
        return found
    with torch.config.override(drafts="never"):
        counts = []
        for words in ([[1, 2, 3], [4, 2, 6], [7, 0, 1]], [[1, 2], [3, 4], [3, 6]], [[1, 2, 3, 4], [4, 2, 2, 1], [0, 0, 1, 2]]):
            before = stats.compilations
            assert [(encode(word) @ weight.T).sum().item() for word in words] == [5 * len(words[0])] * 3
            counts.append(stats.compilations - before)
    assert counts == [2, 1, 1]


def test_an_inner_loop_whose_loss_is_read_is_a_few_programs():
    """Each turn begins with the backward of the turn before, which is kept for a backward through all of them."""
    x, y = torch.randn(8, 3), torch.randn(8)

    def unrolled(turns, looked):
        first = torch.ones(3, requires_grad=True)
        w = first
        for _ in range(turns):
            loss = (torch.tanh(x @ w) - y).square().mean()
            if looked:
                loss.item()
            g, = torch.autograd.grad(loss, w, create_graph=True)
            w = w - 0.1 * g
        w.square().sum().backward()
        return first.grad
    with torch.config.override(drafts="never"):
        unrolled(4, True).tolist()
        with counting() as c:
            found = unrolled(12, True)
            assert torch.allclose(found, unrolled(12, False))
    assert c.compiled <= 4      # the last turn, the backward through all and the one that nobody looks into


def test_what_lies_beside_the_way_of_a_backward_is_not_computed_again():
    """What one turn keeps would be carried through all that follow."""
    w, kept = torch.ones(2, requires_grad=True), []
    with torch.config.override(drafts="never"):
        counts = []
        for k in range(8):
            before = stats.compilations
            loss = (w * torch.tensor(float(k))).sin().sum()
            loss.item()
            kept.append(torch.autograd.grad(loss, w, create_graph=True)[0] * 2)
            counts.append(stats.compilations - before)
        assert counts[3:] == [0] * 5
        with counting() as c:
            second, = torch.autograd.grad(sum(g.sum() for g in kept), w)
            k = torch.arange(8.)
            assert torch.allclose(second, (-2 * k * k * k.sin()).sum().expand(2))
        assert c.compiled <= 4


def test_a_known_backward_is_followed_without_a_walk(monkeypatch):
    """From the second step on `backward()` is one look-up; the general way through the graph costs ten times as much."""
    m = model()
    o = optim.SGD(m.parameters(), lr=0.1)
    walks = []
    general = hooks.backward
    monkeypatch.setattr(hooks, "backward", lambda *args, **kwargs: (walks.append(1), general(*args, **kwargs)))
    run(m, o, [batch(k) for k in range(STEPS)])
    assert len(walks) == 1


def test_known_gradients_are_followed_without_a_walk(monkeypatch):
    """So are those that `autograd.grad` was asked for: of leaves, of what became one in this step, of results."""
    w, walks = torch.ones(3, requires_grad=True), []
    general = accumulate.gradients
    monkeypatch.setattr(accumulate, "gradients", lambda *args, **kwargs: (walks.append(1), general(*args, **kwargs))[1])
    for k in range(STEPS):
        x = (torch.arange(3.) * k).requires_grad_()
        h = (w * x).sin()
        gx, gh, none = torch.autograd.grad(h.square().sum(), [x, h, torch.ones(1, requires_grad=True)], torch.tensor(2.),
                                           create_graph=True, allow_unused=True)
        found, = torch.autograd.grad(gx.square().sum() + gh.sum(), w)
        assert none is None and torch.allclose(gx, 2 * (2 * x).sin()) and torch.allclose(gh, 4 * h)
        at = 2 * x.detach()
        assert torch.allclose(found, 8 * at.sin() * (at.sin() + at * at.cos()) + 4 * x * x.cos())
    assert len(walks) == 2
