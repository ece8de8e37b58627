"""Anomaly mode: whether backward looks for nan, and the search.

In: `anomaly.check`, set by torch.autograd.detect_anomaly; what a backward is about to go through.  Out: torch's warning with
the user's line, and torch's RuntimeError, where a node makes a nan.  With a `watcher` (debug.find_nan) nothing is raised:
it is shown every value and gradient instead.
"""
from __future__ import annotations

import linecache
from typing import Any

import numpy as np

from .eager import OneByOne
from .names import short_name
from .plan import reach
from .tape import Node, Tape, input_outs, path
from .warned import warn
from .xla import traced

__all__ = ["anomaly", "blame", "check_function", "check_graph", "check_tape", "is_anomaly_check_nan_enabled",
           "is_anomaly_enabled", "line_of", "source_line", "traceback_of"]


class _Mode:
    """enabled: the mode; check_nan: what it says of nan; check: whether nan is looked for; watcher: who looks instead."""
    enabled = False
    check_nan = True
    check = False
    watcher: Any = None


anomaly = _Mode()


def is_anomaly_enabled() -> bool:
    """Whether the mode is on."""
    return anomaly.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether nan is looked for where the mode is on."""
    return anomaly.check_nan


def line_of(node: Any) -> tuple[str, int] | None:
    """File and line at which an entry was recorded."""
    return node.where[:2] if node.where else None


def source_line(where: tuple[str, int]) -> str:
    """The text of a line of the user's program."""
    return linecache.getline(*where).strip()


def blame(name: str, where: tuple[str, int] | None) -> None:
    """torch's warning: which node it was, and the line of the forward op."""
    if where is None:
        warn(f"Error detected in {name}. No forward pass information available. Enable detect anomaly during forward pass "
             "for more information.")
    else:
        warn(f"Error detected in {name}. Traceback of forward call that caused the error:\n{traceback_of(where)}")


def traceback_of(where: tuple[str, int]) -> str:
    """A line of the user's program as a traceback shows it."""
    return f"  File \"{where[0]}\", line {where[1]}\n    {source_line(where)}\n"


def _refuse(name: str, k: int, where: tuple[str, int] | None) -> None:
    """torch's warning and error."""
    blame(name, where)
    raise RuntimeError(f"Function '{name}' returned nan values in its {k}th output.")


class _Refusing:
    """Looks at gradients, and stops at the first nan."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    def forward(self, node: Node, read: Any, made: Any) -> None:
        """Values may be nan."""

    def backward(self, node: Node, read: Any, made: Any) -> None:
        """Gradients may not."""
        for k, g in enumerate(made):
            if np.isnan(np.asarray(g)).any():
                _refuse(short_name(node, self.nodes), k, line_of(node))


def _watcher(nodes: list[Node]) -> Any:
    if anomaly.watcher is not None:
        anomaly.watcher.nodes = nodes
        return anomaly.watcher
    return _Refusing(nodes)


def check_function(step: Any, grads: list) -> None:
    """Looks at what a custom backward returned."""
    for k, g in enumerate(grads):
        if g is not None and g.dtype.category >= 2 and np.isnan(g.detach()._numpy()).any():
            if anomaly.watcher is None:
                _refuse(step.ctx.name(), k, step.where)
            anomaly.watcher.function(step, k)


def check_tape(tape: Tape, roots: tuple, cts: tuple) -> None:
    """Looks for nan in the backward of the open tape."""
    if tape.inline is not None or tape.nested is not None:
        return
    nodes = path(tape.node)
    watcher = _watcher(nodes)

    def search() -> None:
        env = dict(zip((o.slot for o in input_outs(nodes)), tape.args, strict=True))
        numbers = (np.array(tape.floats), np.array(tape.ints))
        each = OneByOne()
        each.forward(nodes, env, numbers, watcher.forward)
        starts = {r: np.ones(env[r].shape, env[r].dtype) if c is None else env[c].astype(env[r].dtype)
                  for r, c in zip(roots, cts, strict=True)}
        each.backward(nodes, env, starts, (), numbers, watcher.backward)
    traced(search)


def check_graph(graph: Any, starts: dict) -> None:
    """Looks for nan in the backward of an ended graph."""
    if graph.values is None:
        return
    nodes = graph.ending.nodes
    cotangents = {s: g.detach()._array() for s, g in starts.items()}
    watcher = _watcher(graph.entries())

    def search() -> None:
        env = dict(graph.values)
        each = OneByOne()
        each.forward(nodes, env, graph.numbers, watcher.forward)
        here = {s: g.astype(env[s].dtype) for s, g in cotangents.items() if s in env}
        reached, _ = reach(nodes, here)
        each.backward(reached, env, here, (), graph.numbers, watcher.backward)
    traced(search)
