"""torch.testing.assert_close: whether two values agree, and the sentence that says where they do not.

In: tensors, arrays, numbers, and nested sequences and mappings of them.  Out: nothing, or AssertionError in torch's words.
Source: https://docs.pytorch.org/docs/stable/testing.html
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .creation import as_tensor
from .dtypes import promote_types
from .tensor import Tensor
from .warned import warn

__all__ = ["assert_allclose", "assert_close"]

# rtol and atol by dtype, torch's; others must be equal
TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}
OF_NUMBERS = {int: "int64", float: "float64", complex: "complex128"}


@dataclass(frozen=True, slots=True)
class _Options:
    """The keywords of assert_close."""
    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool
    msg: Any

    def tolerances(self, *names: str) -> tuple[float, float]:
        """The tolerances that were asked for, or the larger ones of the dtypes."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        known = [TOLERANCES.get(name, (0.0, 0.0)) for name in names]
        return max(t[0] for t in known), max(t[1] for t in known)

    def fail(self, text: str, path: tuple) -> None:
        """AssertionError with `text`, or with what the user makes of it."""
        if path:
            text += f"\n\nThe failure occurred for item {''.join(f'[{p!r}]' for p in path)}"
        raise AssertionError(self.msg(text) if callable(self.msg) else self.msg if self.msg is not None else text)


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True,
                 check_layout: bool = True, check_stride: bool = False, msg: Any = None) -> None:
    """AssertionError unless the two agree in shape, dtype and, within tolerances that follow from the dtype, values.

    Sequences and mappings are compared item by item.  Errors: ValueError where only one tolerance is given, TypeError for what
    cannot be compared.
    """
    if (rtol is None) != (atol is None):
        absent = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {absent}.")
    _compare(actual, expected, (), _Options(allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout,
                                            check_stride, msg))


def _compare(actual: Any, expected: Any, path: tuple, options: _Options) -> None:
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing, more = sorted(expected.keys() - actual.keys(), key=str), sorted(actual.keys() - expected.keys(), key=str)
        if missing or more:
            options.fail("The keys of the mappings do not match:"
                         + (f"\nMissing keys in the actual mapping: {missing}" if missing else "")
                         + (f"\nAdditional keys in the actual mapping: {more}" if more else ""), path)
        for key in sorted(expected, key=str):
            _compare(actual[key], expected[key], (*path, key), options)
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            options.fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
        for k, pair in enumerate(zip(actual, expected, strict=True)):
            _compare(*pair, (*path, k), options)
    else:
        _compare_single(actual, expected, path, options)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _compare_single(actual: Any, expected: Any, path: tuple, options: _Options) -> None:
    if actual is None or expected is None:
        if actual is not expected:
            options.fail(f"None mismatch: {actual} is not {expected}", path)
    elif isinstance(actual, (bool, np.bool_)) and isinstance(expected, (bool, np.bool_)):
        if bool(actual) is not bool(expected):
            options.fail(f"Booleans mismatch: {bool(actual)} is not {bool(expected)}", path)
    elif _is_number(actual) and _is_number(expected):
        _compare_numbers(*[x.item() if isinstance(x, np.generic) else x for x in (actual, expected)], path, options)
    else:
        _compare_tensors(*_tensors(actual, expected, options), path, options)


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float, complex, np.number)) and not isinstance(x, bool)


def _compare_numbers(a: Any, b: Any, path: tuple, options: _Options) -> None:
    if options.check_dtype and type(a) is not type(b):
        options.fail(f"The (d)types do not match: {type(a)} != {type(b)}.", path)
    rtol, atol = options.tolerances(OF_NUMBERS[type(a)], OF_NUMBERS[type(b)])
    if not (a == b or options.equal_nan and a != a and b != b or abs(a - b) <= atol + rtol * abs(b)):
        options.fail(_of_scalars(a, b, rtol, atol), path)


def _of_scalars(a: Any, b: Any, rtol: float, atol: float) -> str:
    equal, distance = not rtol and not atol, abs(a - b)
    return (f"Scalars are not {'equal' if equal else 'close'}!\n\nExpected {b} but got {a}.\n"
            f"Absolute difference: {distance}" + ("" if equal else f" (up to {atol} allowed)")
            + f"\nRelative difference: {distance / abs(b) if b else float('inf')}" + ("" if equal else f" (up to {rtol} allowed)"))


def _tensors(actual: Any, expected: Any, options: _Options) -> tuple[Tensor, Tensor]:
    """Both as tensors; TypeError where one is none, or where they are not of related classes."""
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    cause: Exception | None = None
    if related and (options.allow_subclasses or type(actual) is type(expected)):
        try:
            return as_tensor(actual).detach(), as_tensor(expected).detach()
        except (TypeError, ValueError, RuntimeError) as error:
            cause = error
    raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.") from cause


def _compare_tensors(actual: Tensor, expected: Tensor, path: tuple, options: _Options) -> None:
    checks = (("shape", actual.shape, expected.shape, True), ("layout", actual.layout, expected.layout, options.check_layout),
              ("device", actual.device, expected.device, options.check_device),
              ("dtype", actual.dtype, expected.dtype, options.check_dtype),
              ("stride()", actual.stride(), expected.stride(), options.check_stride))
    for name, a, b, wanted in checks:
        if wanted and a != b:
            options.fail(f"The values for attribute '{name}' do not match: {a} != {b}.", path)
    if actual.is_meta and expected.is_meta:     # there is nothing else to compare
        return
    rtol, atol = options.tolerances(actual.dtype.name, expected.dtype.name)
    dtype = promote_types(actual.dtype, expected.dtype)
    exact = dtype.category <= 1
    a, b = [np.asarray(x.to(dtype)._numpy(), np.int64 if exact else None) for x in (actual, expected)]
    with np.errstate(all="ignore"):
        distance = np.abs(a - b)
        close = (a == b) | ((distance <= atol + rtol * np.abs(b)) & np.isfinite(b.astype(np.complex128)))
        if options.equal_nan:
            close |= np.isnan(a) & np.isnan(b)
        if close.all():
            return
        relative = distance / np.abs(b)
    if not a.ndim:
        options.fail(_of_scalars(a.item(), b.item(), rtol, atol), path)
    options.fail(_of_elements(close, distance, relative.astype(np.float32) if exact else relative, rtol, atol), path)


def _of_elements(close: np.ndarray, distance: np.ndarray, relative: np.ndarray, rtol: float, atol: float) -> str:
    wrong, equal = int((~close).sum()), not rtol and not atol
    text = (f"Tensor-likes are not {'equal' if equal else 'close'}!\n\n"
            f"Mismatched elements: {wrong} / {close.size} ({wrong / close.size:.1%})")
    for name, values, limit in (("absolute", distance, atol), ("relative", relative, rtol)):
        found = np.where(close, 0, values.astype(np.float64 if values.dtype.kind not in "iu" else values.dtype))
        at = tuple(int(i) for i in np.unravel_index(np.argmax(found), found.shape))
        text += f"\nGreatest {name} difference: {found[at].item()} at index {at}" + ("" if equal else f" (up to {limit} allowed)")
    return text


def assert_allclose(actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True,
                    msg: str = "") -> None:
    """The older form of assert_close: `expected` may be a number or an array. Deprecated in torch."""
    warn("`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please use "
         "`torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
         "https://github.com/pytorch/pytorch/issues/61844.", FutureWarning)
    actual = actual if isinstance(actual, Tensor) else as_tensor(actual)
    expected = expected if isinstance(expected, Tensor) else as_tensor(expected, actual.dtype)
    if rtol is None and atol is None:
        known = [{"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}.get(x.dtype.name, (0.0, 0.0))
                 for x in (actual, expected)]
        rtol, atol = max(t[0] for t in known), max(t[1] for t in known)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False, msg=msg or None)
