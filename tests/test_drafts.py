"""Where graphs change all the time, programs are drafts until they are run again.

In: graphs that are run once, twice, often.  Out: which programs are drafts, and how many compilations there are.
"""
from __future__ import annotations

import pytest
from counting import counting

import torchish as torch
from torchish import programs, xla
from torchish.config import config


def run_once(n: int, times: int = 1) -> float:
    """A graph of its own for each n."""
    for _ in range(times):
        x = torch.ones(n, 2, requires_grad=True)
        (x * 2).tanh().sum().backward()
        value = x.grad.sum().item()
    return value


def latest() -> programs.Program:
    return programs._latest[-1]


def change_all_the_time(first: int) -> None:
    for n in range(12):
        run_once(first + n)


def test_drafts_are_made_where_hardly_a_program_is_run_again():
    run_once(3)
    assert not latest().draft
    change_all_the_time(4)
    run_once(16)
    assert latest().draft


def test_a_draft_that_is_run_again_is_compiled_for_good_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "_MOST", 2)
    change_all_the_time(20)
    with counting() as c:
        once = run_once(32)
        assert (c.compiled, latest().draft) == (1, True)
        assert run_once(32) == once
        assert c.compiled == 1
        again = run_once(32)
        assert (c.compiled, latest().draft) == (2, False)
        run_once(32, 5)
    assert c.compiled == 2
    assert again == pytest.approx(once, rel=1e-6)
    assert torch.explain()[-1].cause == "run again: compiled for good"


def test_a_draft_is_run_until_that_has_cost_as_much_as_compiling_it_for_good():
    change_all_the_time(170)
    with counting() as c:
        run_once(190, 20)
    assert (c.compiled, latest().draft, latest().enough) == (1, True, programs._MOST)
    x = torch.ones(1200, 1200)
    (x @ x).sum().item()
    assert latest().draft and latest().enough < 20
    assert programs.enough(90, 1e9) == 6


def test_a_loop_ends_the_drafts():
    change_all_the_time(40)
    for n in range(3):
        run_once(60 + n, 4)
    run_once(70)
    assert not latest().draft


def test_a_loop_from_the_start_knows_no_drafts():
    with counting() as c:
        run_once(80, 30)
    assert (c.compiled, latest().draft) == (1, False)


def test_long_tapes_are_no_drafts():
    change_all_the_time(90)
    x = torch.ones(3)
    for _ in range(70):
        x = x * 1.5
    x.sum().item()
    assert not latest().draft


def test_a_loop_whose_turns_are_all_kept_is_a_draft():
    x = torch.ones(100, 3)
    kept = [torch.sin(x[k]) for k in range(100)]
    kept[0].tolist()
    assert latest().draft
    torch.stack([torch.cos(x[k]) for k in range(100)]).tolist()
    assert not latest().draft


@pytest.mark.parametrize(("word", "draft"), [("never", False), ("always", True)])
def test_the_flag_decides(word: str, draft: bool):
    change_all_the_time(110 if draft else 130)
    with config.override(drafts=word):
        run_once(150 + draft)
    assert latest().draft is draft


def test_an_option_that_xla_no_longer_has_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xla, "_HASTE", {"xla_cpu_was_here_before": True, "xla_backend_optimization_level": 0})
    with config.override(drafts="always"):
        run_once(160)
    assert latest().draft
    assert xla._HASTE == {"xla_backend_optimization_level": 0}
