"""What all parity tests have in common: their graphs are each run once, so they are compiled in haste."""
from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _in_haste(drafts):
    """The drafts of `tests/conftest.py`, for every test here."""
