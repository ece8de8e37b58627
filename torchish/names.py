"""torch's names of backward nodes.

In: an entry.  Out: `AddBackward0`, or the tree of nodes where torch composes the op of several.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable

from .avals import Aval
from .tape import BACKWARD, Node

__all__ = ["node_name", "short_name"]


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def node_name(node: Node, aval: Callable[[int], Aval]) -> str | tuple:
    """torch's name of the backward node of an entry, or the tree of nodes where torch composes it of several ops.

    A tree is (name, *parts); a part is the number of an operand or another tree. `aval` tells what is in a slot of the tape.
    """
    if node.kind is BACKWARD:
        return "GradBackward0"
    op = node.op
    if op.rule is None:
        return _camel(op.name) + "Backward0"
    if isinstance(op.rule, str):
        return op.rule
    attributes = dict(node.attrs)
    if len(inspect.signature(op.rule).parameters) == 1:
        return op.rule(attributes)
    avals = [aval(o) if o.__class__ is int else o for o in node.operands]
    return op.rule(avals, attributes)


def short_name(node: Node, nodes: list[Node]) -> str:
    """The name of the first node of an entry among `nodes`."""
    name = node_name(node, lambda slot: next(o.aval for n in nodes for o in n.outs if o.slot == slot))
    return name if isinstance(name, str) else name[0]
