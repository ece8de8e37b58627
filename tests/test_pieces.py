"""Many parts of a tensor, alive as a tape ends, are taken out of it afterwards: no program has a result for each.

In: loops over numbers and rows, lists of parts.  Out: their values, the number of programs compiled.
"""
from __future__ import annotations

from typing import Any

import pytest
from counting import counting, traced_programs

import torchish as torch

N = 100


@pytest.mark.parametrize("parts", [
    list, lambda x: x.unbind(1), lambda x: x.split(1), lambda x: [x[k] for k in range(N)], lambda x: [x[k, 1:] for k in range(N)],
    lambda x: list(x.bfloat16()), lambda x: list(x.t()), lambda x: list(x * 2), lambda x: list(x > 50)])
def test_parts_have_their_values(parts: Any) -> None:
    x = torch.arange(float(N * N)).reshape(N, N).clone()
    found = parts(x)
    expected = [torch.tensor(p.tolist(), dtype=p.dtype) for p in parts(x.clone())]
    for p, q in zip(found, expected, strict=True):
        assert torch.equal(p, q) and p.dtype is q.dtype


def test_a_loop_over_numbers_compiles_next_to_nothing() -> None:
    with counting() as counts:
        assert sum(int(v) for v in torch.randperm(N)) == N * (N - 1) // 2
        assert all(torch.arange(N) < N)
    assert counts.compiled <= 2


def test_parts_stay_views() -> None:
    x = torch.zeros(N, 2)
    rows = list(x)
    assert rows[3].tolist() == [0, 0]
    rows[5] += 1
    x[7] = 2
    assert x[5].tolist() == rows[5].tolist() == [1, 1] and rows[7].tolist() == [2, 2] and rows[3].tolist() == [0, 0]


def test_parts_with_a_gradient_are_computed() -> None:
    x = torch.arange(float(N), requires_grad=True)
    parts = list(x)
    assert parts[3].item() == 3
    sum(p * p for p in parts[:4]).backward()
    assert x.grad[:5].tolist() == [0, 2, 4, 6, 0]
    with torch.no_grad():
        assert [p.item() for p in x][:3] == [0, 1, 2]


def test_many_parts_of_a_tensor_are_taken_out_of_one_result(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = traced_programs(monkeypatch)
    for dtype in (torch.float32, torch.bfloat16, torch.bool, torch.int64, torch.complex64):
        x = torch.arange(90).reshape(90, 1) % 7 * torch.ones(1, 2)
        rows = list(x.to(dtype))
        assert [row.tolist() for row in rows] == x.to(dtype).tolist()
    parts = (torch.arange(201.0) + 1).split(2)
    assert [p.tolist() for p in parts] == [[k + 1.0, k + 2.0] for k in range(0, 200, 2)] + [[201.0]]
    kept = [row.exp() for row in torch.zeros(80, 2).unbind()][:2]      # what nobody wants is not taken out
    assert [k.tolist() for k in kept] == [[1, 1], [1, 1]]
    w = torch.ones(70, requires_grad=True)
    for _ in range(3):                      # these have a graph; the second time it is known that a backward follows
        w.grad = None
        rows = list(w * 2)
        assert rows[3].item() == 2
        sum(rows[1:3]).backward()
        assert w.grad[:4].tolist() == [0, 2, 2, 0]
    assert max(len(program.out_avals) for program in programs) < 8
    weighted = torch.func.vmap(lambda y: torch.stack([v * k for k, v in enumerate(y)]).sum())(torch.ones(3, 70))
    assert weighted.tolist() == [2415.0] * 3
