"""Beyond torch: where the first nan of a step comes from.

In: a step, as a function.  Out: the first op, forward or backward, that made a nan (or, where there is none, an inf) of values
that had none, with the user's line and what it read, and the op that made the first inf before it.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .anomaly import anomaly, line_of, source_line
from .dtypes import from_numpy
from .eager import OneByOne
from .hooks import hooks
from .names import short_name
from .tape import Node, Tape, apart, input_outs, path, state
from .xla import traced

__all__ = ["Culprit", "find_nan"]


@dataclass(frozen=True, slots=True)
class Culprit:
    """Where it began.

    op: the op's name, or that of its backward node; direction: "forward" or "backward"; made: "nan" or "inf"; file, line, source:
    of the user's call; inputs: a line of statistics for each array that was read; earlier: for a nan, the op that had made the
    first inf by then, if any (a mask of -inf is no fault, so it is not told alone).
    """
    op: str
    direction: str
    made: str
    file: str
    line: int
    source: str
    inputs: tuple[str, ...] = field(default=())
    earlier: Culprit | None = None

    def __str__(self) -> str:
        lines = [f"{self.op} ({self.direction}) made {self.made} at {self.file}:{self.line}", f"    {self.source}",
                 *[f"  read {x}" for x in self.inputs]]
        return "\n".join(lines if self.earlier is None else [*lines, f"before it, {self.earlier}"])


def _statistics(x: Any) -> str:
    """`f32[2,3] min -1 max 2 mean 0.5, 0 nan, 1 inf`."""
    a = np.asarray(x)
    text = f"{a.dtype}{list(a.shape)}"
    if not a.size:
        return text
    bad = ""
    if a.dtype.kind in "fc" or a.dtype.name == "bfloat16":
        wide = np.abs(a) if a.dtype.kind == "c" else a.astype(np.float64)
        bad = f", {int(np.isnan(wide).sum())} nan, {int(np.isinf(wide).sum())} inf"
        wide = wide[np.isfinite(wide)]
    else:
        wide = a.astype(np.float64)
    return text + (f" min {wide.min():.4g} max {wide.max():.4g} mean {wide.mean():.4g}" if wide.size else "") + bad


class _Watcher:
    """Is shown every entry; keeps the first that made a nan and the first that made an inf."""

    def __init__(self, begin: Callable[[], None]) -> None:
        self.begin = begin          # the next tape is to follow none
        self.nodes: list[Node] = []
        self.nan: Culprit | None = None
        self.inf: Culprit | None = None

    def forward(self, node: Node, read: Any, made: Any) -> None:
        """A value has been computed."""
        self._look(node, node.op.name, "forward", read, made)

    def backward(self, node: Node, read: Any, made: Any) -> None:
        """Gradients have been computed."""
        self._look(node, short_name(node, self.nodes), "backward", read, made)

    def function(self, step: Any, k: int) -> None:
        """A custom backward has returned nan."""
        if self.nan is None:
            file, line = step.where or ("?", 0)
            self.nan = Culprit(step.ctx.name(), "backward", "nan", file, line, source_line((file, line)), earlier=self.inf)

    def _look(self, node: Node, name: str, direction: str, read: Any, made: Any) -> None:
        for kind, test in (("nan", np.isnan), ("inf", np.isinf)):
            if getattr(self, kind) is not None or not any(_any(test, x) for x in made) or any(_any(test, x) for x in read):
                continue
            file, line = line_of(node) or ("?", 0)
            setattr(self, kind, Culprit(name, direction, kind, file, line, source_line((file, line)),
                                        tuple([_statistics(x) for x in read]), self.inf if kind == "nan" else None))

    def tape(self, tape: Tape, node: Node) -> None:
        """A tape is about to be run: what no backward has shown yet."""
        if tape.inline is None and tape.nested is None and self.nan is None:
            self.nodes = nodes = path(node)
            env = dict(zip((o.slot for o in input_outs(nodes)), tape.args, strict=True))
            traced(OneByOne().forward, nodes, env, (np.array(tape.floats), np.array(tape.ints)), self.forward, self.backward)
        self.begin()


def _any(test: Callable, x: Any) -> bool:
    return from_numpy(x.dtype).category >= 2 and bool(test(np.asarray(x)).any())


def find_nan(step: Callable, *args: Any, **kwargs: Any) -> Culprit | None:
    """Runs `step(*args, **kwargs)` once, op by op beside the compiled program, and tells which op made the first nan.

    Returns None where neither a nan nor an inf came about.  Values that came in as nan are nobody's fault and are not told.
    The step is recorded as if for the first time (so it is compiled once more): the line that is told is one of this run.
    """
    if not callable(step):
        raise TypeError(f"find_nan(): argument 'step' must be callable, not {type(step).__name__}")
    hooks.finish(state.tape)
    before = (anomaly.check, anomaly.watcher, hooks.watch)
    with apart() as begin:
        watcher = _Watcher(begin)
        anomaly.check, anomaly.watcher, hooks.watch = True, watcher, watcher.tape
        try:
            step(*args, **kwargs)
            watcher.tape(state.tape, state.tape.last)
        finally:
            anomaly.check, anomaly.watcher, hooks.watch = before
    return watcher.nan or watcher.inf
