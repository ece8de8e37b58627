"""The text of a tensor, character for character as torch prints it.

In: a numpy array, its dtype, and what is to be said after the numbers.  Out: a string.
Source: https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .dtypes import bool_, default, dtype, int64

__all__ = ["PrintOptions", "body_text", "edges", "format_meta", "format_tensor", "get_printoptions", "set_printoptions",
           "with_suffixes"]

Element = Callable[[Any], str]
ELLIPSIS = "..."


@dataclass(frozen=True)
class PrintOptions:
    """How tensors are printed. `sci_mode=None` leaves the choice of notation to the values."""
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


class _Current:
    __slots__ = ("options",)

    def __init__(self) -> None:
        self.options = PrintOptions()


_current = _Current()


def set_printoptions(precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None,
                     linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None) -> None:
    """Sets how tensors are printed; what is None stays (or is the profile's: "default", "short" or "full").

    `sci_mode` is the exception, as in torch: each call sets it, and None means that the values decide.
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = dict(_PROFILES.get(profile, {})) if profile is not None else {}
    changes.update({name: value for name, value in given.items() if value is not None})
    _current.options = replace(_current.options, **changes, sci_mode=sci_mode)


def get_printoptions() -> dict[str, Any]:
    """The options in force, by name."""
    return asdict(_current.options)


def edges(shape: tuple[int, ...]) -> tuple[np.ndarray, ...] | None:
    """The indices, axis by axis, of the elements that are printed of a big tensor; None where all are printed."""
    options = _current.options
    if math.prod(shape) <= options.threshold:
        return None
    keep = options.edgeitems
    return tuple(np.r_[:keep, n - keep:n] if n > 2 * keep else np.arange(n) for n in shape)


def format_tensor(array: Any, dtype: dtype, *, requires_grad: bool = False, grad_fn_name: str | None = None,
                  is_parameter: bool = False, device: str | None = None, kind: str = "tensor") -> str:
    """repr() of a tensor with these values; `kind` is the name of a subclass of the user's.

    `array` may be big: only what is shown is read.  `device` is named only if it is given; `grad_fn_name` comes before
    `requires_grad`, as in torch.
    """
    body, after = _body(array, dtype, len(kind) + 1)
    text = _finished(body, after, requires_grad, grad_fn_name, device, kind)
    return f"Parameter containing:\n{text}" if is_parameter else text


def format_meta(shape: tuple[int, ...], dtype: dtype, *, requires_grad: bool = False, grad_fn_name: str | None = None,
                device: str | None = None, kind: str = "tensor") -> str:
    """repr() of a tensor that has no values: its size, and its dtype unless that is the default."""
    after = [f"size={shape}"] + ([] if dtype is default.float else [f"dtype={dtype}"])
    return _finished(ELLIPSIS, after, requires_grad, grad_fn_name, device, kind)


def _finished(body: str, after: list[str], requires_grad: bool, grad_fn_name: str | None, device: str | None, kind: str) -> str:
    """The text of a tensor from that of its numbers and what follows them."""
    prefix = f"{kind}("
    if device is not None:
        after.insert(0, f"device='{device}'")
    if grad_fn_name is not None:
        after.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        after.append("requires_grad=True")
    return with_suffixes(prefix + body, after, len(prefix))


def _body(array: Any, dtype: dtype, indent: int) -> tuple[str, list[str]]:
    """The numbers, and what follows them: the size of an empty tensor, a dtype that the numbers do not show."""
    shape = tuple(array.shape)
    if math.prod(shape) == 0:
        after = [f"size={shape}"] if len(shape) != 1 else []
        return "[]", after + ([] if dtype is default.float else [f"dtype={dtype}"])
    picked = edges(shape)
    shown = np.asarray(array if picked is None else array[np.ix_(*picked)])
    cut = tuple(picked is not None and whole > part for whole, part in zip(shape, shown.shape, strict=True))
    element, width = _element(shown, dtype)
    body = element(shown.tolist()) if shown.ndim == 0 else _nested(_plain(shown).tolist(), cut, element, width, indent)
    return body, [] if dtype in (default.float, default.complex, int64, bool_) else [f"dtype={dtype}"]


def body_text(array: Any, dtype: dtype, indent: int) -> str:
    """The numbers alone."""
    return _body(array, dtype, indent)[0]


def _plain(values: np.ndarray) -> np.ndarray:
    """The values in a type whose tolist() gives Python numbers (bfloat16 is not one of numpy's own)."""
    return values if values.dtype.kind in "biufc" else values.astype(np.float32)


def _element(values: np.ndarray, dtype: dtype) -> tuple[Element, int]:
    """How one element is written, and how many columns it takes."""
    if dtype.is_complex:
        real, real_width = _float_element(values.real)
        imag, imag_width = _float_element(values.imag)

        def pair(value: complex) -> str:
            tail = imag(value.imag).lstrip()
            return f"{real(value.real)}{'' if tail[0] in '+-' else '+'}{tail}j"

        return pair, real_width + imag_width + 1
    if dtype.is_floating_point:
        return _float_element(_plain(values))
    width = max(len(str(value)) for value in values.ravel().tolist())
    return (lambda value: str(value).rjust(width)), width


def _float_element(values: np.ndarray) -> tuple[Element, int]:
    """Whole numbers as `1.`, others with `precision` digits, and all in scientific notation if they lie far apart."""
    options = _current.options
    flat = values.ravel().astype(np.float64)
    # The notation and the width come from these alone: nan, inf and 0 may stick out of their column, as in torch.
    typical = flat[np.isfinite(flat) & (flat != 0)]
    if not typical.size:
        return (lambda value: _whole(value).rjust(1)), 1
    whole = bool(np.all(typical == np.ceil(typical)))
    sci = options.sci_mode if options.sci_mode is not None else _far_apart(np.abs(typical), whole)
    write: Element
    if sci:
        def write(value: float) -> str:
            return f"{value:.{options.precision}e}"
    elif whole:
        write = _whole
    else:
        def write(value: float) -> str:
            return f"{value:.{options.precision}f}"
    width = max(len(write(value)) for value in typical.tolist())
    return (lambda value: write(value).rjust(width)), width


def _far_apart(sizes: np.ndarray, whole: bool) -> bool:
    largest, smallest = float(sizes.max()), float(sizes.min())
    return largest / smallest > 1000.0 or largest > 1.0e8 or (not whole and smallest < 1.0e-4)


def _whole(value: float) -> str:
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


def _nested(values: list, cut: tuple[bool, ...], element: Element, width: int, indent: int) -> str:
    """Nested lists as text; `cut` says along which axes the middle is left out."""
    if len(cut) == 1:
        return _row(values, cut[0], element, width, indent)
    parts = [_nested(part, cut[1:], element, width, indent + 1) for part in values]
    if cut[0]:
        parts.insert(_current.options.edgeitems, ELLIPSIS)
    return "[" + ("," + "\n" * (len(cut) - 1) + " " * (indent + 1)).join(parts) + "]"


def _row(values: list, cut: bool, element: Element, width: int, indent: int) -> str:
    """The innermost axis, broken into lines."""
    parts = [element(value) for value in values]
    if cut:
        parts.insert(_current.options.edgeitems, f" {ELLIPSIS}")
    per_line = max(1, (_current.options.linewidth - indent) // (width + 2))
    return "[" + (",\n" + " " * (indent + 1)).join(_lines(parts, per_line)) + "]"


def _lines(parts: list[str], per_line: int) -> Iterator[str]:
    for start in range(0, len(parts), per_line):
        yield ", ".join(parts[start:start + per_line])


def with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    """`text` with `, suffix` for each and the closing bracket; a suffix that does not fit begins a new line."""
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > _current.options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"
