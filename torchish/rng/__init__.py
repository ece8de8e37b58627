"""torch's CPU random numbers in numpy, bit for bit: the engine and the fills."""
from __future__ import annotations

from .continuous import cauchy, exponential, geometric, log_normal, rrelu_slopes
from .discrete import bernoulli, bernoulli_of, dropout_noise, multinomial
from .engine import DEFAULT_SEED, STATE_BYTES, Engine
from .fills import normal, uniform
from .integers import randint, random, randperm
from .layout import filled, memory_order
from .rejection import binomial, dirichlet, gamma, poisson

__all__ = ["DEFAULT_SEED", "Engine", "STATE_BYTES", "bernoulli", "bernoulli_of", "binomial", "cauchy", "dirichlet",
           "dropout_noise", "exponential", "filled", "gamma", "geometric", "log_normal", "memory_order", "multinomial",
           "normal", "poisson", "randint", "random", "randperm", "rrelu_slopes", "uniform"]
