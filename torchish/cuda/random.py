"""Seeds of the accelerator's random numbers.

In: seeds and states.  Out: the same.  torchish draws from the one default generator wherever tensors are: on a machine with an
accelerator these functions seed it; without one they do nothing, as in torch.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import random as host
from ..devices import cuda_device_count, cuda_is_available
from .place import jax_device

__all__ = ["get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed", "manual_seed_all", "seed", "seed_all",
           "set_rng_state",
           "set_rng_state_all"]


def manual_seed(seed: int) -> None:
    """Sets the seed; nothing without an accelerator."""
    seed = int(seed)
    if cuda_is_available():
        host.manual_seed(seed)


manual_seed_all = manual_seed


def seed() -> None:
    """Sets the seed to a random number; nothing without an accelerator."""
    if cuda_is_available():
        host.seed()


seed_all = seed


def initial_seed() -> int:
    """The seed."""
    jax_device()
    return host.initial_seed()


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of the generator."""
    jax_device(device)
    return host.get_rng_state()


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Sets the state of the generator; nothing without an accelerator."""
    if cuda_is_available():
        host.set_rng_state(new_state)


def get_rng_state_all() -> list:
    """A state for each accelerator."""
    return [host.get_rng_state() for _ in range(cuda_device_count())]


def set_rng_state_all(new_states: Iterable) -> None:
    """Sets the state of the generator to the first one given."""
    for new_state in list(new_states)[:1]:
        set_rng_state(new_state)
