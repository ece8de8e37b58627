"""The random number engine: MT19937 with torch's seeding, torch's 5056 state bytes and torch's cached normals.

In: a seed or a state.  Out: 32-bit draws, uniforms made from them, the state as bytes or as (key, pos) arrays.
numpy's MT19937 is the same generator, so it makes the draws; its state struct is read and written in place.
"""
from __future__ import annotations

import ctypes
import secrets
import struct
from typing import Any

import numpy as np

__all__ = ["DEFAULT_SEED", "STATE_BYTES", "Engine"]

DEFAULT_SEED = 67280421310721       # of a new torch.Generator()
STATE_BYTES = 5056
WORDS = 624
FEW = 48                            # below this, random_raw is quicker than randint
_HEAD = struct.Struct("<QiiQ")      # initial seed, left, seeded, next
_TAIL = struct.Struct("<dddi4xfB3x")  # 0, cached double, 0, its flag, cached float, its flag


class Engine:
    """One generator. `normal` is the cached double normal or None, `float_normal` the float one (kept, never made)."""
    __slots__ = ("_bits", "_randint", "_seed", "_state", "_words", "float_normal", "initial_seed", "normal", "raw")

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._bits = np.random.MT19937(0)
        state = np.random.RandomState(self._bits)
        self.raw, self._randint, self._seed = self._bits.random_raw, state.randint, state.seed
        memory = (ctypes.c_uint32 * (WORDS + 1)).from_address(self._bits.ctypes.state_address)
        self._state = np.frombuffer(memory, np.uint32)      # numpy's struct: key[624], pos
        self._words = self._state[:WORDS]
        self.manual_seed(seed)
        if int(self._state[0]) != int(seed) & 0xffffffff or int(self._state[WORDS]) != WORDS:
            raise RuntimeError("this numpy keeps the state of MT19937 in an unknown layout")

    # -- seeding

    def manual_seed(self, seed: int) -> Engine:
        """Seeds with an int in [-2^63, 2^64 - 1]; only its low 32 bits decide the numbers. Clears cached normals."""
        if not -2 ** 63 <= seed < 2 ** 64:
            raise ValueError("Overflow when unpacking long long")
        self._seed(seed & 0xffffffff)
        self.initial_seed = seed & 0xffffffffffffffff
        self.normal: float | None = None
        self.float_normal: float | None = None
        return self

    def seed(self) -> int:
        """Seeds with 64 nondeterministic bits and returns them."""
        self.manual_seed(secrets.randbits(64))
        return self.initial_seed

    # -- state

    @property
    def pos(self) -> int:
        """How many words of the present block are used (624: the next draw makes a new block)."""
        return int(self._state[WORDS])

    def _fresh(self) -> bool:
        """No draw since seeding: the words are still those of the seeding recurrence (the first four decide)."""
        if self._state[WORDS] != WORDS:
            return False
        words = [int(w) for w in self._words[:4]]
        return all(words[i] == (1812433253 * (words[i - 1] ^ (words[i - 1] >> 30)) + i) & 0xffffffff for i in (1, 2, 3))

    def get_state(self) -> bytes:
        """The 5056 bytes of torch.get_rng_state()."""
        pos = 0 if self._fresh() else self.pos
        head = _HEAD.pack(self.initial_seed, 625 - pos if pos else 1, 1, pos)
        tail = _TAIL.pack(0.0, self.normal or 0.0, 0.0, self.normal is not None,
                          self.float_normal or 0.0, self.float_normal is not None)
        return head + self._words.astype("<u8").tobytes() + tail

    def set_state(self, state: bytes) -> Engine:
        """Takes over a state; RuntimeError where the size or the counters are wrong."""
        if len(state) != STATE_BYTES:
            raise RuntimeError(f"Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG state "
                               f"size to be {len(state)}")
        seed, left, seeded, following = _HEAD.unpack_from(state)
        if not seeded or not 0 < left <= WORDS or following > WORDS:
            raise RuntimeError("Invalid mt19937 state")
        _, normal, _, has_normal, float_normal, has_float = _TAIL.unpack_from(state, _HEAD.size + 8 * WORDS)
        self._words[:] = np.frombuffer(state, "<u8", WORDS, _HEAD.size)
        self._state[WORDS] = WORDS if left == 1 else following
        self.initial_seed = seed
        self.normal = normal if has_normal else None
        self.float_normal = float_normal if has_float else None
        return self

    def to_arrays(self) -> tuple[np.ndarray, int]:
        """(key uint32[624], pos) for the compiled generator of ops/random.py. The cached normals stay here."""
        return self._words.copy(), self.pos

    def from_arrays(self, key: Any, pos: Any) -> Engine:
        """Takes back what `to_arrays` gave or what a compiled program made of it."""
        self._words[:] = np.asarray(key)
        self._state[WORDS] = int(pos)
        return self

    def clone(self) -> Engine:
        """An independent copy."""
        twin = Engine(0)
        twin._state[:] = self._state
        twin.initial_seed, twin.normal, twin.float_normal = self.initial_seed, self.normal, self.float_normal
        return twin

    def __copy__(self) -> Engine:
        return self.clone()

    def __deepcopy__(self, memo: dict) -> Engine:
        return self.clone()

    def __reduce__(self) -> tuple:
        return _restore, (self.get_state(),)

    # -- draws

    def skip(self, n: int) -> Engine:
        """Makes n draws and forgets them."""
        if n:
            self.raw(n, False)
        return self

    def draw32(self, n: int) -> np.ndarray:
        """The next n draws, uint32[n]."""
        if n < FEW:
            return self.raw(n).astype(np.uint32)
        return self._randint(0, 0x100000000, n, np.uint32)

    def draw64(self, n: int) -> np.ndarray:
        """n 64-bit values of two draws each, the first draw in the high word, uint64[n]."""
        if n < FEW:
            pairs = self.raw(2 * n)
            return pairs[::2] << np.uint64(32) | pairs[1::2]
        pairs = self._randint(0, 0x100000000, 2 * n, np.uint32)
        return np.left_shift(pairs[::2], np.uint64(32), dtype=np.uint64) | pairs[1::2]

    def u24(self, n: int) -> np.ndarray:
        """n uniforms of one draw each: multiples of 2^-24 in [0, 1), float32[n]."""
        if n < FEW:
            return ((self.raw(n) & 0xffffff) * 2.0 ** -24).astype(np.float32)
        draws = self._randint(0, 0x100000000, n, np.uint32)
        draws &= 0xffffff
        out = draws.view(np.int32).astype(np.float32)
        out *= np.float32(2.0 ** -24)
        return out

    def u53(self, n: int) -> np.ndarray:
        """n uniforms of two draws each: multiples of 2^-53 in [0, 1), float64[n]."""
        if n < FEW:
            pairs = self.raw(2 * n)
            return (pairs[::2] & 0x1fffff) * 2.0 ** -21 + pairs[1::2] * 2.0 ** -53
        pairs = self._randint(0, 0x100000000, 2 * n, np.uint32)
        out = np.multiply(pairs[1::2], 2.0 ** -53, dtype=np.float64)
        out += np.multiply(pairs[::2] & 0x1fffff, 2.0 ** -21, dtype=np.float64)
        return out

    def uniform(self) -> float:
        """One 53-bit uniform as a Python float."""
        raw = self.raw
        first = raw()
        return (((first & 0x1fffff) << 32) | raw()) * 2.0 ** -53


def _restore(state: bytes) -> Engine:
    return Engine(0).set_state(state)
