"""Shared by all tests: the repository's folders, and what is left out where torch is not installed."""
from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from torchish import programs
from torchish.config import config
from torchish.finish import finish
from torchish.tape import forget, state, stats

ROOT = Path(__file__).resolve().parents[1]

# The parity tests compare with torch itself.  CI sets PARITY=required so that they cannot be left out unseen.
PARITY_REQUIRED = os.environ.get("PARITY") == "required"
collect_ignore = [] if PARITY_REQUIRED or importlib.util.find_spec("torch") else ["parity"]


@pytest.fixture
def root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(autouse=True)
def _fresh_tape():
    """Tests count compilations: none begins on a tape that another test has left open, nor meets the bound of the trie, which the
    whole suite together would reach, nor among the drafts that its graphs together would be."""
    finish(state.tape)
    programs.forget_history()
    if stats.nodes > 100_000:
        forget()


@pytest.fixture
def drafts():
    """For tests whose graphs are each run once: a third of the time for each compilation."""
    with config.override(drafts="always"):
        yield
