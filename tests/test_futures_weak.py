"""torch.futures and torch.utils.weak."""
from __future__ import annotations

import copy
import gc
import threading

import pytest

import torchish as torch
from torchish.futures import Future, collect_all, wait_all
from torchish.utils.weak import TensorWeakRef, WeakTensorKeyDictionary


def fails(future: Future) -> Future:
    raise ValueError("no")


def test_a_value_is_set_once_and_waited_for():
    future: Future = Future()
    later = future.then(lambda f: f.wait() + 1).then(lambda f: f.value() * 2)
    seen: list = []
    future.add_done_callback(lambda f: seen.append(f.value()))
    assert not future.done() and not later.done()
    threading.Timer(0.01, future.set_result, [3]).start()
    assert later.wait() == 8 and future.wait() == 3 and seen == [3]
    with pytest.raises(RuntimeError, match="Attempting to mark a completed Future as complete again"):
        future.set_result(4)
    with pytest.raises(AssertionError, match="3 is of type <class 'int'>, not an Exception"):
        Future().set_exception(3)


def test_exceptions_are_raised_where_somebody_waits(capsys):
    future: Future = Future()
    future.set_exception(ValueError("boo"))
    for wait in (future.wait, future.value, collect_all([future]).wait, lambda: wait_all([future])):
        with pytest.raises(ValueError, match="boo"):
            wait()
    with pytest.raises(RuntimeError, match="Got the following error when running the callback: ValueError: no"):
        future.then(fails).wait()
    future.add_done_callback(fails)
    assert "ValueError: no" in capsys.readouterr().err


def test_several_futures():
    first, second = Future(), Future()
    both = collect_all([first, second])
    first.set_result(1)
    assert not both.done() and collect_all([]).wait() == []
    second.set_result(2)
    assert [f.wait() for f in both.wait()] == wait_all([first, second]) == [1, 2]


def test_keys_are_told_by_identity_and_not_kept():
    a, b = torch.tensor([1.0]), torch.tensor([1.0])
    found = WeakTensorKeyDictionary({})
    found[a], found[b] = 1, 2
    assert [found[a], found[b], len(found), a in found, torch.ones(1) in found, 3 in found] == [1, 2, 2, True, False, False]
    assert found == found.copy() == copy.deepcopy(found) == found | {} and len(found.keyrefs()) == 2
    reference = TensorWeakRef(b)
    assert reference() is b and found.pop(a) == 1 and found.popitem() == (b, 2)
    found[b] = 3
    del b
    gc.collect()
    assert len(found) == 0 and reference() is None
    with pytest.raises(KeyError):
        found.popitem()
    with pytest.raises(AssertionError, match="expected torch.Tensor, got <class 'int'>"):
        TensorWeakRef(3)


def test_a_future_is_neither_none_nor_pickled():
    with pytest.raises(RuntimeError, match="Can not pickle torch.futures.Future"):
        copy.deepcopy(Future())
    for call in (wait_all, collect_all):
        with pytest.raises(RuntimeError, match="Future can't be None"):
            call([Future(), None])
        with pytest.raises(TypeError, match="not int"):
            call([3])
