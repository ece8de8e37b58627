"""torch.utils.flop_counter: counts the floating point operations of what runs in a block, by module.

In: calls inside `with FlopCounterMode() as counter`, backwards too.  Out: numbers by module and operator of ATen, and a table.
Counted is what is recorded, entry by entry, whether or not XLA computes it in the end.
Source: https://docs.pytorch.org/docs/stable/_modules/torch/utils/flop_counter.html
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ..missing import missing
from ..nn.module import Module
from ..ops.table import OPERANDS
from ..tape import BACKWARD, Node
from ..tensor import Tensor
from ..warned import warn
from ..watching import watchers
from .flop_formulas import (  # noqa: F401  names that torch has here
    addmm_flop,
    aten,
    baddbmm_flop,
    bmm_flop,
    conv_backward_flop,
    conv_flop,
    conv_flop_count,
    flop_registry,
    get_shape,
    mm_flop,
    register_flop_formula,
    sdpa_backward_flop_count,
    sdpa_flop_count,
    shape_wrapper,
)
from .flop_products import Call, backward_calls, forward_calls
from .module_tracker import ModuleTracker

__all__ = ["FlopCounterMode", "register_flop_formula"]

SUFFIXES = ["", "K", "M", "B", "T"]
ANY_DEPTH = 999999


def _shapes(value: Any) -> Any:
    """The shape of a tensor, those of a list of tensors; anything else as it is."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    return tuple(map(_shapes, value)) if isinstance(value, (list, tuple)) else value


def _table(rows: list[tuple[str, str, str]]) -> str:
    """Rows under a head; the first column to the left, the others to the right."""
    head = ("Module", "FLOP", "% Total")
    widths = [max(len(h) + 2, *(len(row[k]) for row in rows)) for k, h in enumerate(head)]
    lines = [head, tuple("-" * w for w in widths), *rows]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))])
                     for line in lines)


class FlopCounterMode:
    """Counts products of matrices and convolutions of its block, and of the backwards in it.

    depth: down to which module the table goes (None: to the last); display: whether it is printed at the end of the block;
    custom_mapping: formulas of further operators, as for `register_flop_formula`.
    Differs from torch: the LSTM counts, and attention as the two products it is, whichever kernel computes it; what runs inside
    checkpointed functions and transforms of torch.func does not count, nor does the backward of a backward.
    """

    def __init__(self, mods: Module | list[Module] | None = None, depth: int = 2, display: bool = True,
                 custom_mapping: dict | None = None) -> None:
        if mods is not None:
            warn("mods argument is not needed anymore, you can stop passing it")
        self.flop_counts: dict[str, dict[Any, int]] = defaultdict(lambda: defaultdict(int))
        self.depth, self.display = depth, display
        self.flop_registry = flop_registry | {operator: formula if getattr(formula, "_get_raw", False) else shape_wrapper(formula)
                                              for operator, formula in (custom_mapping or {}).items()}
        self.mod_tracker = ModuleTracker()
        self._others: dict[str, Any] = {}

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self._others = {operator.__name__: operator for operator in self.flop_registry}
        self.mod_tracker.__enter__()
        watchers.set(self, True)
        return self

    def __exit__(self, *error: object) -> None:
        watchers.set(self, False)
        self.mod_tracker.__exit__()
        if self.display:
            print(self.get_table(self.depth))

    # ---- what is counted ----
    def recorded(self, node: Node, values: Any, result: Any) -> None:
        """An entry of the block."""
        op = node.op
        out = _shapes(result)
        calls = forward_calls(op.name, {p.name: _shapes(v) for p, v in zip(op.params, values, strict=True)}, out)
        if calls:
            self._add(calls)
        elif op.name in self._others:
            given = list(zip(op.params, values, strict=True))
            while given and given[-1][0].default is given[-1][1]:
                given.pop()
            self._count(self._others[op.name], result, [v for p, v in given if not p.keyword_only],
                        {p.name: v for p, v in given if p.keyword_only and v is not p.default})

    def pulled(self, found: list[Node], outs: Any, wrt: Iterable[int]) -> None:
        """The entries that a backward in the block goes through."""
        reached = {*wrt, *(o.slot for n in found for o in n.outs)}
        for node in found:
            if node.kind is BACKWARD:
                continue
            args, wanted = dict(node.attrs), set()
            for p, slot in zip([p for p in node.op.params if p.kind in OPERANDS], node.operands, strict=True):
                several = slot.__class__ is tuple
                for k, s in enumerate(slot if several else (slot,)):
                    if s.__class__ is int and outs[s].rg and s in reached:
                        wanted.add(f"{p.name}.{k}" if several else p.name)
                args[p.name] = tuple(tuple(outs[s].aval.shape) for s in slot) if several else \
                    tuple(outs[slot].aval.shape) if slot.__class__ is int else slot
            out = tuple(tuple(o.aval.shape) for o in node.outs)
            self._add(backward_calls(node.op.name, args, out[0] if len(out) == 1 else out, wanted))

    def takes(self, operator: Any) -> bool:
        """An operator of a user's own that has a formula."""
        return operator in self.flop_registry

    def called(self, operator: Any, args: list, kwargs: dict, result: Any) -> None:
        """Such an operator has run."""
        self._count(operator, result, args, kwargs)

    def _add(self, calls: list[Call]) -> None:
        for call in calls:
            operator = getattr(aten, call.name)
            if operator in self.flop_registry:
                self._count(operator, call.out, call.args, {})

    def _count(self, operator: Any, out: Any, args: Iterable, kwargs: dict) -> None:
        count = self.flop_registry[operator](*args, **kwargs, out_val=out)
        for module in set(self.mod_tracker.parents):
            self.flop_counts[module][operator] += count

    # ---- what comes out ----
    def get_total_flops(self) -> int:
        """Of the whole block."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[Any, int]]:
        """By module ("Global": all; "Model.layer.0") and operator (`torch.ops.aten.mm`)."""
        return {module: dict(counts) for module, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The same as text, for modules down to `depth`; "Global" where they do not tell all."""
        depth = ANY_DEPTH if (self.depth if depth is None else depth) is None else self.depth if depth is None else depth
        total = self.get_total_flops()
        unit = max(0, min(len(SUFFIXES) - 1, (len(str(total)) - 2) // 3))

        def row(name: str, count: int) -> tuple[str, str, str]:
            return name, f"{count / 1000 ** unit:.3f}{SUFFIXES[unit]}", f"{count / total:.2%}" if total else "0%"

        def rows(module: str, level: int) -> list[tuple[str, str, str]]:
            counts = self.flop_counts[module]
            indent = " " * level
            return [row(indent + module, sum(counts.values())), *(row(f"{indent} - {op}", n) for op, n in counts.items())]

        shown = [m for m in sorted(self.flop_counts) if m != "Global" and m.count(".") < depth]
        found = [r for m in shown for r in rows(m, m.count("."))]
        if "Global" in self.flop_counts and not any(sum(self.flop_counts[m].values()) >= total for m in shown):
            found = [*rows("Global", 0), *((" " + name, *rest) for name, *rest in found)]    # type: ignore[misc]
        return _table(found or [("Global", "0", "0%")])


__getattr__ = missing("torch.utils.flop_counter", globals())
