"""torchish.rng against values recorded from torch, and the compiled generator against the numpy one, bit for bit."""
from __future__ import annotations

import copy
import hashlib
import json
import math
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import rng_stand_in
from torchish import rng

GOLDEN = json.loads((Path(__file__).parent / "golden" / "rng.json").read_text())
# What the stand-in has no words for: modules, initialisers, distributions, and two rarer functions.
BEYOND = ("nn.init.", "D.", "native_dropout", "rrelu")


def namespace() -> dict[str, Any]:
    """The names that the recorded expressions are evaluated with."""
    return {"torch": rng_stand_in.torch, "F": rng_stand_in.F, "nn": rng_stand_in.nn, "math": math}


def value_of(result: Any) -> np.ndarray:
    """The result of an expression as a numpy array."""
    return result.a


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def sha_of(result: Any) -> str:
    return sha(np.ascontiguousarray(value_of(result)).tobytes())


def state() -> bytes:
    return rng_stand_in.default.get_state()


def mismatches(cases: list) -> list:
    """The cases whose value or state differs from torch's."""
    names, wrong = namespace(), []
    for seed, text, _exact, dtype, digest, _draws, after in cases:
        names["torch"].manual_seed(seed)
        result = eval(text, names)
        if sha_of(result) != digest or sha(state()) != after or str(value_of(result).dtype) != dtype:
            wrong.append((seed, text))
    return wrong


def single(*marks: str) -> list:
    return [c for c in GOLDEN["single"] if any(m in c[1] for m in marks) and not any(b in c[1] for b in BEYOND)]


GROUPS = {"uniform": ("rand(", "uniform_", "rand_like"), "normal": ("randn", "normal_", "normal("),
          "integers": ("randint", "random_"), "randperm": ("randperm",), "bernoulli": ("bernoulli",),
          "dropout": ("dropout", "Dropout"), "continuous": ("exponential_", "cauchy_", "geometric_", "gumbel"),
          "multinomial": ("multinomial",), "rejection": ("poisson", "gamma", "dirichlet", "binomial")}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.filterwarnings("ignore:(from|to - 1) is out of bounds:UserWarning")
def test_values_and_state_are_torchs(group: str) -> None:
    cases = single(*GROUPS[group])
    assert cases
    assert mismatches(cases) == []


def test_every_case_is_in_a_group() -> None:
    marks = [m for group in GROUPS.values() for m in group]
    left = [c[1] for c in GOLDEN["single"] if not any(b in c[1] for b in BEYOND) and not any(m in c[1] for m in marks)]
    assert left == []


@pytest.mark.parametrize("case", GOLDEN["states"], ids=str)
def test_state_after_draws(case: list) -> None:
    seed, draws, initial_seed, digest = case
    names = namespace()
    names["torch"].manual_seed(seed)
    if isinstance(draws, str):
        eval(draws, names)
    else:
        names["torch"].rand(draws)
        assert rng_stand_in.default.initial_seed == initial_seed
    assert sha(state()) == digest


@pytest.mark.parametrize("case", GOLDEN["sequences"], ids=lambda c: f"seed{c[0]}")
def test_sequences(case: list) -> None:
    seed, steps = case
    names = namespace()
    names["torch"].manual_seed(seed)
    for text, digest, after in steps:
        if " = " in text:
            exec(text, names)
            continue
        result = eval(text, names)
        if digest is not None:
            assert sha_of(result) == digest, text
            assert sha(state()) == after, text


# -- the engine -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("draws", [0, 1, 623, 624, 625, 1248])
def test_state_goes_round(draws: int) -> None:
    engine = rng.Engine(2 ** 40 + 5)
    engine.draw32(draws)
    rng.normal(engine, 1, np.float32)
    engine.float_normal = 0.25
    before = engine.get_state()
    copies = [rng.Engine(1).set_state(before), engine.clone(), copy.deepcopy(engine), pickle.loads(pickle.dumps(engine))]
    following = rng.normal(engine, 5, np.float64)
    for twin in copies:
        assert twin.get_state() == before
        assert rng.normal(twin, 5, np.float64).tobytes() == following.tobytes()
        assert twin.get_state() == engine.get_state()


@pytest.mark.parametrize("draws", [0, 1, 624, 625])
def test_arrays_keep_the_state(draws: int) -> None:
    engine = rng.Engine(3)
    engine.draw32(draws)
    other = engine.clone()
    other.draw32(1000)
    assert other.from_arrays(*engine.to_arrays()).get_state() == engine.get_state()


def test_bad_states_and_seeds_are_refused() -> None:
    engine = rng.Engine(0)
    good = engine.get_state()
    with pytest.raises(RuntimeError, match="5056"):
        engine.set_state(good[:-8])
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        engine.set_state(good[:12] + bytes(4) + good[16:])
    for seed in (2 ** 64, -2 ** 63 - 1):
        with pytest.raises(ValueError, match="Overflow when unpacking long long"):
            engine.manual_seed(seed)
    assert engine.get_state() == good
    assert engine.seed() == engine.initial_seed


ERRORS = [
    (lambda e: rng.uniform(e, 2, np.float32, 2, 1), RuntimeError, "uniform_ expects to return a [from, to) range, but found from=2 > to=1"),
    (lambda e: rng.uniform(e, 2, np.int64), NotImplementedError, "\"check_uniform_bounds\" not implemented for 'Long'"),
    (lambda e: rng.uniform(e, 2, np.float16, -1, 1e5), RuntimeError, "to is out of bounds for c10::Half"),
    (lambda e: rng.normal(e, 2, np.float32, 0, -1.5), RuntimeError, "normal expects std >= 0.0, but found std -1.5"),
    (lambda e: rng.normal(e, 2, np.int32), NotImplementedError, "\"normal_kernel_cpu\" not implemented for 'Int'"),
    (lambda e: rng.randint(e, 2, np.int64, 5, 5), RuntimeError, "random_ expects 'from' to be less than 'to', but got from=5 >= to=5"),
    (lambda e: rng.randint(e, 2, np.uint8, 0, 300), RuntimeError, "to - 1 is out of bounds for unsigned char"),
    (lambda e: rng.random(e, 2, np.uint16), NotImplementedError, "\"random_kernel_cpu\" not implemented for 'UInt16'"),
    (lambda e: rng.randperm(e, 300, np.uint8), RuntimeError, "value cannot be converted to type uint8_t without overflow"),
    (lambda e: rng.bernoulli(e, 2, np.float32, 1.5), RuntimeError, "bernoulli_ expects p to be in [0, 1], but got p=1.5"),
    (lambda e: rng.exponential(e, 2, np.float32, 0), RuntimeError, "exponential_ expects lambda > 0.0, but found lambda=0"),
    (lambda e: rng.geometric(e, 2, np.float32, 1), RuntimeError, "geometric_ expects p to be in (0, 1), but got p=1"),
    (lambda e: rng.multinomial(e, np.zeros(2), 1), RuntimeError, "invalid multinomial distribution (sum of probabilities <= 0)"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[e[2][:30] for e in ERRORS])
def test_errors_are_torchs(call: Any, error: type, text: str) -> None:
    engine = rng.Engine(0)
    before = engine.get_state()
    with pytest.raises(error) as caught:
        call(engine)
    assert str(caught.value) == text
    assert engine.get_state() == before


def test_counting_beyond_the_mantissa_warns() -> None:
    with pytest.warns(UserWarning, match=r"to - 1 is out of bounds \[-\(2\^24\), 2\^24\]"):
        rng.randint(rng.Engine(0), 2, np.float32, 0, 2 ** 25)
