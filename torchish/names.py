"""torch's names of backward nodes.

In: an entry.  Out: `AddBackward0`, or the tree of nodes where torch composes the op of several.
"""
from __future__ import annotations

import inspect
from typing import Any

from .tape import BACKWARD, Node

__all__ = ["node_name", "short_name"]


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def node_name(node: Node, made: dict[int, tuple[Node, Any]]) -> str | tuple:
    """torch's name of the backward node of an entry, or the tree of nodes where torch composes it of several ops.

    A tree is (name, *parts); a part is the number of an operand or another tree.
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
    avals = [made[o][1].aval if o.__class__ is int else o for o in node.operands]
    return op.rule(avals, attributes)


def short_name(node: Node, nodes: list[Node]) -> str:
    """The name of the first node of an entry among `nodes`."""
    name = node_name(node, {o.slot: (n, o) for n in nodes for o in n.outs})
    return name if isinstance(name, str) else name[0]
