"""The states of an optimizer while nobody looks at them: closed in bundles, opened by whoever reads or changes one."""
from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
from counting import counting

import torchish as torch
from torchish.finish import finish
from torchish.optim.states import Closed
from torchish.tape import forget, state


class Run:
    """A small model in training with Adam."""

    def __init__(self, seed: int = 0, **options) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
        self.opt = torch.optim.Adam(self.model.parameters(), lr=0.05, **options)
        self.x = torch.linspace(-1, 1, 15).view(5, 3)

    def step(self, count: int = 1) -> float:
        for _ in range(count):
            self.opt.zero_grad()
            loss = self.model(self.x).square().mean()
            loss.backward()
            self.opt.step()
        return loss.item()

    def weights(self) -> np.ndarray:
        return np.concatenate([p.detach().numpy().ravel() for p in self.model.parameters()])

    def closed(self) -> bool:
        return all(s.closed is not None for s in self.opt.state.values())


def reference(steps: int, **options) -> np.ndarray:
    """The weights of a training whose states are looked at after every step."""
    run = Run(**options)
    for _ in range(steps):
        run.step()
        [s["exp_avg"].sum().item() for s in run.opt.state.values()]
    return run.weights()


def test_a_loop_keeps_its_states_closed_and_is_what_it_would_be_open():
    run = Run()
    run.step(6)
    assert run.closed()
    assert all(len(s) == 3 for s in run.opt.state.values())
    np.testing.assert_array_equal(run.weights(), reference(6))


def test_states_are_one_input_and_one_check_whatever_their_number():
    run = Run()
    run.step(3)
    first = run.opt.state[next(iter(run.model.parameters()))].closed
    assert isinstance(first, Closed) and len(first.bundles) == 2
    assert all(s.closed is first for s in run.opt.state.values())


@pytest.mark.parametrize("look", [
    lambda s: s["exp_avg"], lambda s: s.get("exp_avg_sq"), lambda s: list(s.items()), lambda s: s.values(), lambda s: dict(s),
    lambda s: {**s}, lambda s: s.copy(), lambda s: repr(s), lambda s: s.pop("unknown", None), lambda s: copy.deepcopy(s),
    lambda s: pickle.dumps(s), lambda s: s.update(note=1), lambda s: s.setdefault("exp_avg")], ids=range(13))
def test_reading_or_changing_one_opens_all_and_the_next_step_goes_on(look):
    run = Run()
    run.step(2)
    seen = look(run.opt.state[run.model[0].weight])
    assert not run.closed() and Closed not in {type(v) for s in run.opt.state.values() for v in dict.values(s)}
    del seen
    run.step(2)
    np.testing.assert_array_equal(run.weights(), reference(4))


def test_a_state_that_the_user_holds_is_updated_in_place():
    run = Run()
    run.step(2)
    held = run.opt.state[run.model[0].weight]["exp_avg"]
    before = held.clone()
    run.step(2)
    assert run.opt.state[run.model[0].weight]["exp_avg"] is held
    assert not torch.equal(before, held)
    np.testing.assert_array_equal(run.weights(), reference(4))


def test_step_counts_are_read_as_torch_keeps_them():
    run = Run()
    run.step(3)
    step = run.opt.state[run.model[0].weight]["step"]
    assert step.dtype is torch.float32 and step.shape == () and step.item() == 3
    step += 7       # what a user writes is what the next step counts from
    run.step()
    assert run.opt.state[run.model[0].weight]["step"].item() == 11


def test_a_changed_state_is_used():
    a, b = Run(), Run()
    for run in (a, b):
        run.step(2)
    for s in a.opt.state.values():
        s["exp_avg"].zero_()
    a.step()
    b.step()
    assert not np.array_equal(a.weights(), b.weights())


def test_state_replaced_cleared_or_loaded():
    run, other = Run(), Run()
    other.step(3)
    saved, weights = other.opt.state_dict(), copy.deepcopy(other.model.state_dict())
    run.model.load_state_dict(weights)
    run.step(2)
    run.model.load_state_dict(weights)
    run.opt.load_state_dict(copy.deepcopy(saved))
    run.step(2)
    other.step(2)
    np.testing.assert_array_equal(run.weights(), other.weights())
    run.opt.state.clear()
    run.step()
    assert run.opt.state[run.model[0].weight]["step"].item() == 1


def test_a_parameter_without_gradient_or_added_later():
    run = Run()
    run.model[2].requires_grad_(False)
    run.step(2)
    assert len(run.opt.state) == 2
    run.model[2].requires_grad_(True)
    run.step(2)
    counts = sorted(s["step"].item() for s in run.opt.state.values())
    assert counts == [2, 2, 4, 4]
    run.opt.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))]})
    run.step()
    assert len(run.opt.state) == 4


def test_two_optimizers_and_two_groups_keep_apart():
    run = Run()
    a, b = run.model[0].parameters(), run.model[2].parameters()
    run.opt = torch.optim.SGD([{"params": list(a)}, {"params": list(b), "lr": 0.5}], lr=0.1, momentum=0.9, dampening=0.5)
    run.step(4)
    assert run.closed()
    closed = {id(s.closed) for s in run.opt.state.values()}
    assert len(closed) == 2


def test_a_closed_loop_compiles_what_it_needs_once():
    finish(state.tape)
    forget()
    run = Run()
    with counting() as c:
        run.step(3)
    assert c.compiled <= 3      # the data, the step, the step after which gradients can still be read
    with counting() as c:
        run.step(20)
    assert c.compiled == 0


def test_a_step_that_fails_says_that_its_states_are_lost(monkeypatch):
    run = Run()
    run.step(2)
    run.opt.zero_grad()
    run.model(run.x).square().mean().backward()
    run.opt.step()

    def fail(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr("torchish.finish._program", fail)
    with pytest.raises(KeyboardInterrupt):
        run.model[0].weight.detach().numpy()
    monkeypatch.undo()
    with pytest.raises(torch.errors.LostValueError, match="state of the optimizer"):
        run.opt.state[run.model[0].weight]["exp_avg"]
    assert torch.ones(2).sum().item() == 2


def test_another_thread_takes_over():
    run, error = Run(), []
    run.step(2)

    def work() -> None:
        try:
            run.step(2)
        except BaseException as e:
            error.append(e)
    thread = threading.Thread(target=work)
    run.weights()
    thread.start()
    thread.join()
    assert not error, error
    np.testing.assert_array_equal(run.weights(), reference(4))
