"""GradScaler: losses multiplied so that half-precision gradients do not vanish; steps left out where they overflow.

In: a loss, then the optimizer.  Out: the scaled loss; a step, or none where a gradient is inf or NaN.
Source: Micikevicius et al. 2018, "Mixed Precision Training"; https://docs.pytorch.org/docs/stable/amp.html
"""
from __future__ import annotations

from typing import Any

from .. import api as torch
from ..devices import cuda_is_available
from ..warned import warn

__all__ = ["GradScaler"]

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """Scales losses and gradients by a factor that grows while gradients are finite and shrinks when they are not.

    `step` takes a look at whether the gradients are finite, which ends the tape.
    """

    def __init__(self, device: str = "cuda", init_scale: float = 65536.0, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5,
                 growth_interval: int = 2000, enabled: bool = True) -> None:
        self._enabled = enabled
        if enabled and device == "cuda" and not cuda_is_available():
            warn("torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.")
            self._enabled = False
        if self._enabled and growth_factor <= 1.0:
            raise ValueError("The growth factor must be > 1.0.")
        if self._enabled and backoff_factor >= 1.0:
            raise ValueError("The backoff factor must be < 1.0.")
        self._scale, self._growth, self._backoff, self._interval = init_scale, growth_factor, backoff_factor, growth_interval
        self._good_steps = 0
        self._stages: dict[int, str] = {}
        self._overflow: dict[int, Any] = {}

    def scale(self, outputs: Any) -> Any:
        """The outputs (a tensor, or an iterable of them) times the factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, torch.Tensor):
            return outputs * self._scale
        if not isinstance(outputs, (list, tuple)):
            raise ValueError("outputs must be a Tensor or an iterable of Tensors")
        return type(outputs)(self.scale(x) for x in outputs)

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of the optimizer's parameters by the factor: before clipping them."""
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), READY)
        if stage is UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if stage is STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        with torch.no_grad():
            bad = [(~torch.isfinite(g)).any() for g in grads]
            for g in grads:
                g.mul_(1.0 / self._scale)
        self._overflow[id(optimizer)] = torch.stack(bad).any() if bad else None
        self._stages[id(optimizer)] = UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(), unless a gradient is inf or NaN."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        stage = self._stages.get(id(optimizer), READY)
        if stage is STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if stage is READY:
            self.unscale_(optimizer)
        bad = self._overflow[id(optimizer)]
        if bad is None:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        self._stages[id(optimizer)] = STEPPED
        self._overflow[id(optimizer)] = overflow = bool(bad)
        return None if overflow else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Sets the factor for the next step: shrinks it after an overflow, lets it grow after enough good steps."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            if not self._overflow:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(bool(bad) for bad in self._overflow.values()):
                self._scale, self._good_steps = self._scale * self._backoff, 0
            else:
                self._good_steps += 1
                if self._good_steps == self._interval:
                    self._scale, self._good_steps = self._scale * self._growth, 0
        self._stages.clear()
        self._overflow.clear()

    def get_scale(self) -> float:
        """The factor; 1.0 if disabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """By how much the factor grows."""
        return self._growth

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets by how much the factor grows."""
        self._growth = new_factor

    def get_backoff_factor(self) -> float:
        """By how much the factor shrinks."""
        return self._backoff

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets by how much the factor shrinks."""
        self._backoff = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the factor grows."""
        return self._interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets after how many good steps the factor grows."""
        self._interval = new_interval

    def is_enabled(self) -> bool:
        """Whether anything is scaled."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The factor and its schedule; empty if disabled."""
        if not self._enabled:
            return {}
        return {"scale": self._scale, "growth_factor": self._growth, "backoff_factor": self._backoff,
                "growth_interval": self._interval,
                "_growth_tracker": self._good_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a state."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of "
                               "GradScaler.")
        self._scale, self._growth = state_dict["scale"], state_dict["growth_factor"]
        self._backoff, self._interval, self._good_steps = state_dict["backoff_factor"], \
            state_dict["growth_interval"], state_dict["_growth_tracker"]
