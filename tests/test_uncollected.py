"""The collector held back: it is afterwards as it was before.

In: blocks of code that make objects, end well or raise.  Out: the state of the garbage collector.
"""
from __future__ import annotations

import gc

import pytest

from torchish.uncollected import uncollected


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_off_inside_and_as_before_afterwards(on: bool):
    before = gc.isenabled()
    try:
        gc.enable() if on else gc.disable()
        with pytest.raises(ZeroDivisionError), uncollected():
            assert not gc.isenabled()
            1 // 0
        assert gc.isenabled() is on
    finally:
        gc.enable() if before else gc.disable()


def test_what_was_made_inside_is_old_and_still_collected():
    with uncollected():
        circle: list = []
        circle.append(circle)
        kept = [[] for _ in range(1000)]
    assert gc.get_freeze_count() == 0
    assert gc.get_count()[0] < 900
    del circle
    assert gc.collect() >= 1
    assert len(kept) == 1000


def test_what_the_user_has_frozen_stays_frozen():
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with uncollected():
            pass
        assert gc.get_freeze_count() >= frozen - 100
    finally:
        gc.unfreeze()
