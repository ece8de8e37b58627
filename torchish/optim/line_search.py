"""A line search by the strong Wolfe conditions: a bracket by cubic steps, then zooming into it.

In: the loss and its gradient as functions of the step length.  Out: a step length and the loss and gradient there.
Source: Nocedal & Wright, Numerical Optimization, algorithms 3.5 and 3.6; the safeguards are those of M. Schmidt's minFunc.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from ..tensor import Tensor

__all__ = ["strong_wolfe"]

C1, C2, MAX_STEPS = 1e-4, 0.9, 25


@dataclass
class Point:
    """A step length, the loss there, its gradient and the slope along the direction."""
    t: float
    loss: float
    grad: Tensor
    slope: float


def cubic_step(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """The minimum of the cubic through two points and their slopes, inside the bounds."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2.0
    left, right = (a, b) if a.t <= b.t else (b, a)
    d2 = sqrt(square)
    width = right.slope - left.slope + 2 * d2
    if width == 0:
        return (low + high) / 2.0
    return min(max(right.t - (right.t - left.t) * ((right.slope + d2 - d1) / width), low), high)


class _Search:
    def __init__(self, evaluate: Callable[[float], tuple[float, Tensor]], direction: Tensor, start: Point) -> None:
        self.evaluate, self.direction, self.start, self.evaluations, self.steps = evaluate, direction, start, 0, 0

    def at(self, t: float) -> Point:
        loss, grad = self.evaluate(t)
        self.evaluations += 1
        return Point(t, loss, grad, float(grad.dot(self.direction)))

    def too_high(self, p: Point) -> bool:
        return p.loss > self.start.loss + C1 * p.t * self.start.slope

    def flat(self, p: Point) -> bool:
        return abs(p.slope) <= -C2 * self.start.slope

    def bracket(self, t: float) -> list[Point]:
        """Two points around a good step, or one that is good."""
        before, now = self.start, self.at(t)
        while self.steps < MAX_STEPS:
            if self.too_high(now) or (self.steps > 1 and now.loss >= before.loss):
                return [before, now]
            if self.flat(now):
                return [now]
            if now.slope >= 0:
                return [before, now]
            t = cubic_step(before, now, (now.t + 0.01 * (now.t - before.t), now.t * 10))
            before, now = now, self.at(t)
            self.steps += 1
        return [self.start, now]

    def zoom(self, ends: list[Point], tolerance: float) -> Point:
        """The best point found inside the bracket."""
        longest, stuck = float(self.direction.abs().max()), False
        low, high = (0, 1) if ends[0].loss <= ends[-1].loss else (1, 0)
        while len(ends) == 2 and self.steps < MAX_STEPS:
            left, right = sorted(p.t for p in ends)
            if (right - left) * longest < tolerance:
                break
            t, margin = cubic_step(*ends), 0.1 * (right - left)
            if min(right - t, t - left) < margin:
                if stuck or t >= right or t <= left:
                    t, stuck = (right - margin if abs(t - right) < abs(t - left) else left + margin), False
                else:
                    stuck = True
            else:
                stuck = False
            new = self.at(t)
            self.steps += 1
            if self.too_high(new) or new.loss >= ends[low].loss:
                ends[high] = new
                low, high = (0, 1) if ends[0].loss <= ends[1].loss else (1, 0)
            else:
                done = self.flat(new)
                if not done and new.slope * (ends[high].t - ends[low].t) >= 0:
                    ends[high] = ends[low]
                ends[low] = new
                if done:
                    break
        return ends[low]


def strong_wolfe(evaluate: Callable[[float], tuple[float, Tensor]], t: float, direction: Tensor, loss: float, grad: Tensor,
                 slope: float, tolerance: float) -> tuple[float, Tensor, float, Any]:
    """(loss, gradient, step length, number of evaluations)."""
    search = _Search(evaluate, direction, Point(0.0, loss, grad, slope))
    best = search.zoom(search.bracket(t), tolerance)
    return best.loss, best.grad, best.t, search.evaluations
