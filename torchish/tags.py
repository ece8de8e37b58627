"""torch.Tag: what an operator says of itself.

In: nothing, or tags given where an operator is declared.  Out: the names that PyTorch has for them; `op.tags` lists those given.
They are for PyTorch's compiler; nothing here acts on them.  Source: https://docs.pytorch.org/docs/stable/torch.html#torch.Tag
"""
from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = ["Tag", "tags_of"]

Tag = Enum("Tag", {name: k for k, name in enumerate((     # type: ignore[misc]    # the order is that of their numbers
    "core", "cudagraph_unsafe", "data_dependent_output", "dynamic_output_shape", "flexible_layout", "generated", "inplace",
    "inplace_view", "maybe_aliasing_or_mutating", "needs_contiguous_strides", "needs_exact_strides", "needs_fixed_stride_order",
    "nondeterministic_bitwise", "nondeterministic_seeded", "out", "out_variant", "pointwise", "pt2_compliant_tag", "reduction",
    "view_copy"))})
Tag.__int__ = lambda self: self.value       # type: ignore[attr-defined]


def tags_of(given: Any) -> list[Tag]:
    """One tag or several, as a list. TypeError for what is none."""
    found = [given] if isinstance(given, Tag) else given
    if not isinstance(found, (list, tuple)) or not all(isinstance(x, Tag) for x in found):
        raise TypeError(f"define(): tags is to be a torch.Tag or a sequence of them, but got {given!r}")
    return list(found)
