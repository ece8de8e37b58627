"""torch.testing, and gradients compared with JAX's own.

In: functions and tensors.  Out: nothing where they agree, AssertionError or a report where they do not.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .to_jax import to_jax

__all__ = ["assert_allclose", "assert_close", "check_against_jax"]
