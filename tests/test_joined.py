"""Many tensors with values are joined at once: what a buffer or a dataset gave is one input of the step."""
from __future__ import annotations

import random

import numpy as np
import pytest
from counting import counting

import torchish as torch
from torchish import nn, optim
from torchish.tape import stats
from torchish.xla import put


def rows(n: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    return [torch.tensor([[k, k + 1, k % 3]], dtype=dtype) for k in range(n)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_nothing_is_recorded_and_the_values_are_those_of_the_recorded_call(dtype: torch.dtype, dim: int) -> None:
    x = rows(9, dtype)
    for join in (torch.cat, torch.stack):
        with counting() as c:
            found = join(x, dim)
            assert found._data is not None and c.ran == 0
        recorded = join([y.clone() for y in x], dim)
        assert found.dtype is dtype and torch.equal(found, recorded) and found.is_contiguous() and not found.requires_grad


def test_a_tensor_with_a_gradient_is_recorded() -> None:
    x = rows(9)
    w = torch.ones(1, 3, requires_grad=True)
    (torch.cat([*x, w]) * 2).sum().backward()
    assert w.grad.tolist() == [[2.0, 2.0, 2.0]]
    h = w * 3
    h.sum().item()
    torch.stack([*x, h]).sum().backward()
    assert w.grad.tolist() == [[5.0, 5.0, 5.0]]


def test_what_does_not_fit_is_refused_in_the_same_words() -> None:
    x = rows(9)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2 for "
                                           "tensor number 9 in the list."):
        torch.cat([*x, torch.zeros(1, 2)])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        torch.stack([*x, torch.tensor([1.0])])
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.cat(x, 2)
    with pytest.raises(TypeError, match="expected Tensor as element 9"):
        torch.cat([*x, 1.0])


def test_writes_through_views_are_seen() -> None:
    base = torch.zeros(10, 2)
    parts = list(base.unbind(0))
    base.sum().item()
    assert torch.stack(parts).tolist() == [[0.0, 0.0]] * 10
    base[3] = 7.0
    assert torch.stack(parts)[3].tolist() == [7.0, 7.0]
    out = torch.empty(10, 2)
    assert torch.stack([torch.tensor([k, 1.0]) for k in range(10)], out=out) is out and out[9].tolist() == [9.0, 1.0]


def test_a_replay_buffer_is_the_same_few_programs_whatever_is_drawn() -> None:
    torch.manual_seed(0)
    draw = random.Random(0)
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    memory: list[tuple] = []
    state = torch.tensor([0.1, 0.2, 0.3]).unsqueeze(0)
    early = known = 0
    with counting() as c:
        for step in range(60):
            with torch.no_grad():
                action = model(state).argmax(1).view(1, 1) if draw.random() < 0.7 else torch.tensor([[draw.randrange(2)]])
            action.item()
            after = torch.tensor([draw.random(), draw.random(), 0.5]).unsqueeze(0)
            memory.append((state, action, after))      # the state after one is the state of the next: the same tensor
            state = after
            if len(memory) < 16:
                continue
            before, actions, later = zip(*draw.sample(memory, 12), strict=True)
            q = model(torch.cat(before)).gather(1, torch.cat(actions))
            with torch.no_grad():
                wanted = model(torch.cat(later)).max(1).values
            loss = nn.functional.smooth_l1_loss(q, wanted.unsqueeze(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step == 40:
                early, known = c.compiled, stats.nodes
    assert c.compiled - early <= 1 and stats.nodes - known <= 60


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_, np.uint8, np.complex128])
def test_arrays_that_come_often_are_taken_in_as_they_are(dtype: type) -> None:
    for k in range(104):
        array = np.array([[k, 2 ** 40 + k, 0]]).astype(dtype)
        x = torch.from_numpy(array)
        assert x.numpy().dtype == array.dtype and np.array_equal(x.numpy(), array)
    big = np.arange(2.0 ** 16)
    kept = [torch.from_numpy(big) for _ in range(104)]
    big[:] = 0
    assert all(x[-1].item() == 2.0 ** 16 - 1 for x in kept[-3:])
    assert put(np.zeros((0, 2)), "cpu").shape == (0, 2)


def test_numbers_of_tensors_are_read_without_a_program() -> None:
    x = torch.arange(3.0) * 2
    x.sum().item()
    with counting() as c:
        assert torch.tensor([x[1].item(), 1.0]).tolist() == [2.0, 1.0]
        assert torch.tensor([torch.tensor(1.0), torch.tensor(2.0)]).tolist() == [1.0, 2.0]
    assert c.ran <= 1
