"""Names of backward nodes where torch numbers the overloads of an op.

In: how the overloads differ.  Out: rules for `@op(rule=...)`: (abstract values of the operands, attributes) -> name.
"""
from __future__ import annotations

from collections.abc import Callable

__all__ = ["by_attribute", "by_dim", "by_operand"]


def by_operand(name: str, tensor: int, number: int, at: int = 1) -> Callable:
    """`name` with one index where operand `at` is a tensor, another where it is a number."""
    return lambda avals, attributes: f"{name}Backward{tensor if hasattr(avals[at], 'shape') else number}"


def by_attribute(name: str, attribute: str, given: int, default: object = None) -> Callable:
    """`name` with index 0, or `given` where an attribute has another value than its default."""
    return lambda avals, attributes: f"{name}Backward{0 if attributes[attribute] == default else given}"


def by_dim(name: str) -> Callable:
    """`name` with index 0 for a reduction over everything, 1 over dims."""
    return by_attribute(name, "dim", 1)
