"""What a view shows, as a new tensor: permute_copy, view_copy and their kin.

In: what the view takes.  Out: a copy (or a tuple of copies) of the view.
Source: https://docs.pytorch.org/docs/stable/torch.html (the functions whose names end in _copy)
"""
from __future__ import annotations

from typing import Any

from .table import composite


@composite(forms="function out")
def alias_copy(t: Any, input: Any) -> Any:
    """A copy."""
    return input.clone()


@composite(forms="function out")
def detach_copy(t: Any, input: Any) -> Any:
    """A copy of detach()."""
    return input.detach().clone()


@composite(forms="function out")
def as_strided_copy(t: Any, input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A copy of as_strided."""
    return t.as_strided(input, size, stride, storage_offset).clone()


@composite(forms="function out")
def expand_copy(t: Any, input: Any, size: Any, *, implicit: bool = False) -> Any:
    """A copy of expand."""
    return input.expand(size).contiguous().clone()


@composite(forms="function out")
def permute_copy(t: Any, input: Any, dims: Any) -> Any:
    """A copy of permute."""
    return t.permute(input, dims).clone()


@composite(forms="function out")
def select_copy(t: Any, input: Any, dim: int, index: int) -> Any:
    """A copy of select."""
    return t.select(input, dim, index).clone()


@composite(forms="function out")
def slice_copy(t: Any, input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    """A copy of the slice start:end:step of dimension `dim`."""
    return input[(slice(None),) * (dim % max(input.ndim, 1)) + (slice(start, end, step),)].clone()


@composite(forms="function")
def split_copy(t: Any, input: Any, split_size: int, dim: int = 0, *, out: Any = None) -> Any:
    """Copies of the parts of split."""
    return _kept(out, t.split(input, split_size, dim))


@composite(forms="function")
def split_with_sizes_copy(t: Any, input: Any, split_sizes: Any, dim: int = 0, *, out: Any = None) -> Any:
    """Copies of the parts of split_with_sizes."""
    return _kept(out, t.split_with_sizes(input, split_sizes, dim))


@composite(forms="function")
def unbind_copy(t: Any, input: Any, dim: int = 0, *, out: Any = None) -> Any:
    """Copies of the slices of unbind."""
    return _kept(out, t.unbind(input, dim))


def _kept(out: Any, parts: Any) -> Any:
    """The parts copied, or written into the tensors of `out`."""
    if out is None:
        return tuple(x.clone() for x in parts)
    for kept, part in zip(out, parts, strict=True):
        kept.resize_(part.shape).copy_(part)
    return None


@composite(forms="function out")
def squeeze_copy(t: Any, input: Any, dim: Any = None) -> Any:
    """A copy of squeeze."""
    return (t.squeeze(input) if dim is None else t.squeeze(input, dim)).clone()


@composite(forms="function out")
def unsqueeze_copy(t: Any, input: Any, dim: int) -> Any:
    """A copy of unsqueeze."""
    return t.unsqueeze(input, dim).clone()


@composite(forms="function out")
def t_copy(t: Any, input: Any) -> Any:
    """A copy of t()."""
    return input.t().clone()


@composite(forms="function out")
def transpose_copy(t: Any, input: Any, dim0: int, dim1: int) -> Any:
    """A copy of transpose."""
    return t.transpose(input, dim0, dim1).clone()


@composite(forms="function out")
def unfold_copy(t: Any, input: Any, dimension: int, size: int, step: int) -> Any:
    """A copy of unfold."""
    return input.unfold(dimension, size, step).clone()


@composite(forms="function out")
def view_copy(t: Any, input: Any, size: Any) -> Any:
    """A copy of view: under another shape, or read as another dtype."""
    return input.view(size).clone()


@composite(forms="function out")
def view_as_real_copy(t: Any, input: Any) -> Any:
    """A copy of view_as_real."""
    return t.view_as_real(input).clone()


@composite(forms="function out")
def view_as_complex_copy(t: Any, input: Any) -> Any:
    """A copy of view_as_complex."""
    return t.view_as_complex(input).clone()
