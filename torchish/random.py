"""torch.random: seeds and the state of the default generator.

In: seeds, state bytes.  Out: the default generator, as torch would have it.  What draws from it stands in draws.py.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from . import fills  # noqa: F401  gives Tensor its random methods
from .generator import Generator, default_generator
from .tensor import Tensor

__all__ = ["Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
           "set_rng_state"]


def manual_seed(seed: Any) -> Generator:
    """Seeds the default generator; returns it."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seeds the default generator with nondeterministic bits and returns them."""
    return default_generator.seed()


def initial_seed() -> int:
    """The last seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Takes over a state of the default generator."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, _caller: str = "fork_rng", _devices_kw: str = "devices",
             device_type: str = "cuda") -> Iterator[None]:
    """Restores the default generator's state at the end of the block."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
