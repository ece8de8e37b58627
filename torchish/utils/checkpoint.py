"""torch.utils.checkpoint: parts of a computation whose intermediate values are computed again in backward, not kept.

In: a function and its arguments.  Out: its results; recorded as one entry under `jax.checkpoint`, so forward, recomputation and
backward are still one program.  The Python of the function runs once; what it draws is drawn once and recomputed alike.
Source: https://docs.pytorch.org/docs/stable/checkpoint.html
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from functools import cache
from typing import Any

import numpy as np

from ..bodies import HookInsideError, body_of, flatten, tensors_of
from ..creation import from_array
from ..cuda.random import get_rng_state, set_rng_state
from ..missing import missing
from ..modes import no_grad
from ..nested import Closed, NoValueError, entry
from ..nn.containers import Sequential
from ..ops.recompute import recomputed, recomputed_in_branch
from ..tape import state
from ..tensor import Tensor
from ..warned import warn

__all__ = ["CheckpointError", "CheckpointFunction", "CheckpointPolicy", "DefaultDeviceType",
           "SelectiveCheckpointContext", "check_backward_validity", "checkpoint", "checkpoint_sequential",
           "create_selective_checkpoint_contexts", "detach_variable", "get_device_states", "noop_context_fn",
           "set_checkpoint_debug_enabled", "set_checkpoint_early_stop", "set_device_states"]

EXPLICIT = ("the use_reentrant parameter should be passed explicitly. {} use_reentrant=False is recommended, but if you need to "
            "preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more details on the "
            "differences between the two variants.")


class CheckpointError(RuntimeError):
    """torch's error for a recomputation that differs; here nothing is run a second time in Python."""


class CheckpointPolicy(Enum):
    """What selective checkpointing may say of an op."""
    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


class CheckpointFunction:
    """The reentrant form under the name that libraries call: `CheckpointFunction.apply(function, preserve_rng_state, *args)`."""

    @staticmethod
    def apply(run_function: Callable, preserve_rng_state: bool, *args: Any) -> Any:
        """checkpoint(run_function, *args, use_reentrant=True)."""
        return checkpoint(run_function, *args, use_reentrant=True, preserve_rng_state=preserve_rng_state)


class SelectiveCheckpointContext:
    """What a policy function is told: whether this is the recomputation."""

    def __init__(self, *, is_recompute: bool) -> None:
        self.is_recompute = is_recompute


def noop_context_fn() -> tuple[AbstractContextManager, AbstractContextManager]:
    """Two contexts that change nothing."""
    return nullcontext(), nullcontext()


def create_selective_checkpoint_contexts(policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False) -> tuple:
    """Two contexts that change nothing. Differs from torch: everything inside is computed again, whatever the policy says."""
    if not callable(policy_fn_or_list) and not isinstance(policy_fn_or_list, list):
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    return noop_context_fn()


def checkpoint(function: Callable, *args: Any, use_reentrant: bool | None = None,
               context_fn: Callable[[], tuple] = noop_context_fn, determinism_check: str = "default", debug: bool = False,
               early_stop: bool = True, **kwargs: Any) -> Any:
    """function(*args, **kwargs); its intermediate values are not kept for backward but computed again there.

    The context that `context_fn` gives for forward is entered (the function's Python runs once, so the other one is not).
    Where hooks on tensors inside are to run in backward, everything is kept.
    preserve_rng_state, determinism_check, debug, early_stop are accepted: recomputation is the same computation.
    Source: https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint
    """
    if use_reentrant is None:
        warn("torch.utils.checkpoint: " + EXPLICIT.format("Starting in PyTorch 2.9, calling checkpoint without "
             "use_reentrant will raise an exception."))
        use_reentrant = True
    kwargs.pop("preserve_rng_state", True)
    if use_reentrant and kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if use_reentrant and (context_fn is not noop_context_fn or debug):
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    if use_reentrant:
        check_backward_validity(args)
        if not any(isinstance(x, Tensor) and x.requires_grad for x in args):
            with no_grad():     # as in torch: what the function closes over gets no gradient
                return function(*args)
    forward = context_fn()[0]
    if not state.tape.grad:
        with forward:
            return function(*args, **kwargs)
    leaves, structure = flatten((args, kwargs))
    try:
        body = body_of("checkpoint", function, leaves, structure, inside=forward, same=True)
    except (HookInsideError, NoValueError):     # everything is taken back; without checkpointing backward stops where it must
        with context_fn()[0]:
            return function(*args, **kwargs)
    if not body.closed.outs:
        return body.build(())
    results = body.closed.apply_effects(_recorded(body.closed, bool(use_reentrant)))
    body.write(tensors_of(leaves), results)
    return body.build(results)


def _recorded(closed: Closed, reentrant: bool) -> tuple:
    """The entry of a function that is computed again in backward; all its results require a gradient if it is reentrant."""
    flags = True if reentrant and any(closed.flags()) else None
    if closed.forward or any(x._node.aval.device != "cpu" for x in closed.operands):
        return entry("checkpoint", [closed], (reentrant,), recomputed, flags=flags)
    return entry("checkpoint", [closed], (reentrant,), recomputed_in_branch, operands=[_one()], flags=flags)


@cache
def _one() -> Tensor:
    """A 1 that XLA does not know to be one."""
    return from_array(np.array(1, np.int32))


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """A Sequential (or a list of modules or functions) in `segments` parts, of which all but the last are checkpointed."""
    if use_reentrant is None:
        warn("torch.utils.checkpoint.checkpoint_sequential: " + EXPLICIT.format("In version 2.9 we will raise an "
             "exception if use_reentrant is not passed."))
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children()) if isinstance(functions, Sequential) else list(functions)
    size = len(functions) // segments

    def part(start: int, stop: int) -> Callable:
        def run(x: Any) -> Any:
            for fn in functions[start:stop]:
                x = fn(x)
            return x
        return run

    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(part(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return part(end, len(functions))(input)


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warns where no input requires a gradient."""
    if not any(x.requires_grad for x in tensors_of(list(inputs))):
        warn("None of the inputs have requires_grad=True. Gradients will be None")


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The accelerators that tensors in `args` are on, and the states of their generators; none of tensors on the CPU.

    Source: https://docs.pytorch.org/docs/stable/checkpoint.html (written for custom checkpoints that save random states).
    """
    places = sorted({x.get_device() for x in tensors_of(args) if x.device.type != "cpu"})
    return places, [get_rng_state(place) for place in places]


def set_device_states(devices: Iterable[int], states: Iterable[Tensor], *, device_type: str | None = None) -> None:
    """Sets the states that get_device_states gave."""
    for place, kept in zip(devices, states, strict=True):
        set_rng_state(kept, place)


def detach_variable(inputs: tuple) -> tuple:
    """The inputs cut from the graph, each requiring a gradient as before."""
    if not isinstance(inputs, tuple):
        raise RuntimeError("Only tuple of tensors is supported. Got Unsupported input type: ", type(inputs).__name__)
    return tuple(x.detach()._require_grad(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs)


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Accepted: what backward does not need is not computed again in any case."""
    yield


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Accepted: there is no second run of Python that could differ."""
    yield


class DefaultDeviceType:
    """The device type whose random state torch would keep."""
    _default = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Sets it."""
        DefaultDeviceType._default = device

    @staticmethod
    def get_device_type() -> str:
        """The one that was set."""
        return DefaultDeviceType._default


__getattr__ = missing("torch.utils.checkpoint", globals())
