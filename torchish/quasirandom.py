"""torch.quasirandom: points of Sobol sequences.

In: a number of dimensions, a seed.  Out: points in the unit cube, float.  The direction numbers are those of Joe and Kuo
(2008), which scipy.stats.qmc brings; points are scrambled by random lower triangular matrices and a digital shift, drawn as
PyTorch draws them.
Source: https://docs.pytorch.org/docs/stable/generated/torch.quasirandom.SobolEngine.html
"""
from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from .api import from_numpy, get_default_dtype, randint
from .dtypes import dtype as Dtype
from .missing import missing
from .random import Generator
from .tensor import Tensor

__all__ = ["SobolEngine"]


class SobolEngine:
    """A Sobol sequence of `dimension` (1 to 21,201) dimensions, scrambled by `seed` where `scramble` says so.

    ValueError for another dimension.
    """
    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if dimension > self.MAXDIM or dimension < 1:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        # (dimension, MAXBIT): the numbers that the bits of an index choose. scipy has no public name for them
        self._directions = np.asarray(qmc.Sobol(dimension, scramble=False, bits=self.MAXBIT)._sv, np.int64)
        self._shift = np.zeros(dimension, np.int64)
        if scramble:
            self._scramble()
        self.reset()

    def _scramble(self) -> None:
        generator = None
        if self.seed is not None:
            generator = Generator()
            generator.manual_seed(self.seed)
        bits = self.MAXBIT
        shifts = randint(2, (self.dimension, bits), generator=generator).numpy()
        self._shift = shifts @ (1 << np.arange(bits))
        lower = randint(2, (self.dimension, bits, bits), generator=generator).tril().numpy()
        lower[:, np.arange(bits), np.arange(bits)] = 1
        # bits of the numbers, the highest first, times the matrix modulo 2
        places = np.arange(bits)[::-1]
        digits = self._directions[:, :, None] >> places & 1
        self._directions = (np.einsum("dpk,djk->djp", lower, digits) % 2 << places).sum(-1)

    def _state(self, index: int) -> np.ndarray:
        """The integers of the point at `index`."""
        gray = index ^ index >> 1
        chosen = self._directions[:, [k for k in range(self.MAXBIT) if gray >> k & 1]]
        return np.bitwise_xor.reduce(chosen, axis=1, initial=0) ^ self._shift

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: Dtype | None = None) -> Tensor:
        """The next `n` points, (n, dimension); into `out` where it is given."""
        dtype = get_default_dtype() if dtype is None else dtype
        if n > 0:
            begin = self.num_generated
            integers = np.empty((n, self.dimension), np.int64)
            integers[0] = self._state(begin)
            for k in range(1, n):       # one bit of the Gray code changes from a point to the next
                changed = (begin + k & -(begin + k)).bit_length() - 1
                integers[k] = integers[k - 1] ^ self._directions[:, changed]
        else:
            integers = np.empty((0, self.dimension), np.int64)
        points = from_numpy(integers).to(dtype) / 2 ** self.MAXBIT
        self.num_generated += n
        if out is None:
            return points
        return out.resize_(points.shape).copy_(points)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: Dtype | None = None) -> Tensor:
        """The next 2**m points. ValueError where what has been drawn would not be a power of two again."""
        n = 2 ** m
        total = self.num_generated + n
        if total & total - 1:
            raise ValueError("The balance properties of Sobol' points require n to be a power of 2. "
                             f"{self.num_generated} points have been previously generated, then: "
                             f"n={self.num_generated}+2**{m}={total}. If you still want to do this, please use "
                             "'SobolEngine.draw()' instead.")
        return self.draw(n=n, out=out, dtype=dtype)

    def reset(self) -> SobolEngine:
        """Begins anew, with the same scrambling."""
        self.num_generated = 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Leaves out `n` points."""
        self.num_generated += n
        return self

    @property
    def shift(self) -> Tensor:
        """The digital shift, (dimension,), int64."""
        return from_numpy(self._shift.copy())

    @property
    def sobolstate(self) -> Tensor:
        """The direction numbers, scrambled, (dimension, MAXBIT), int64."""
        return from_numpy(self._directions.copy())

    def __repr__(self) -> str:
        parts = [f"dimension={self.dimension}"]
        if self.scramble:
            parts.append("scramble=True")
        if self.seed is not None:
            parts.append(f"seed={self.seed}")
        return f"{type(self).__name__}({', '.join(parts)})"


__getattr__ = missing("torch.quasirandom", globals())
