"""Short-time Fourier transforms: stft and istft.

In: signals (time last).  Out: spectra (frequency, frame), and back by overlap and add.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..strides import packed
from ..warned import warn, warn_once
from .check import require
from .table import Array, composite, op

NO_WINDOW = ("A window was not provided. A rectangular window will be applied,which is known to cause spectral leakage. Other "
             "windows such as torch.hann_window or torch.hamming_window are recommended to reduce spectral leakage.To suppress "
             "this warning and use a rectangular window, explicitly set `window=torch.ones(n_fft, device=<device>)`.")


def _window(window: jax.Array | None, size: int, n_fft: int, dtype: Any) -> jax.Array:
    """The window (ones without one), centred in n_fft places."""
    w = jnp.ones(size, dtype) if window is None else window
    left = (n_fft - size) // 2
    return jnp.pad(w, (left, n_fft - size - left))


def _positions(frames: int, hop: int, n_fft: int) -> jax.Array:
    return (jnp.arange(frames) * hop)[:, None] + jnp.arange(n_fft)[None, :]


def _stft_rule(avals: Any, attributes: Any) -> str:
    return "TransposeBackward1" if len(avals[0].shape) == 2 else "SqueezeBackward4"


def _frame_by_frame(avals: list, attributes: dict) -> tuple[int, ...]:
    """The spectrum of one frame lies in one piece."""
    x, n_fft = avals[0], attributes["n_fft"]
    count = n_fft // 2 + 1 if attributes["onesided"] and not x.dtype.is_complex else n_fft
    shape = (*x.shape[:-1], count, 1 + (x.shape[-1] - n_fft) // attributes["hop"])
    n = len(shape)
    return packed(shape, [n - 2, n - 1, *range(n - 3, -1, -1)])


@op(name="_stft", autocast="float cpu", forms="private", rule=_stft_rule, strides=_frame_by_frame,
    samples=lambda t: [((t(2, 16), t(4, low=0.5, high=1), 4, 2, 4, False, True), {})])
def frames_spectrum(input: Array, window: Array | None, n_fft: int, hop: int, size: int, normalized: bool,
                    onesided: bool) -> Array:
    """The spectrum of each frame: (..., time) -> (..., frequency, frame)."""
    frames = 1 + (input.shape[-1] - n_fft) // hop
    cut = input[..., _positions(frames, hop, n_fft)] * _window(window, size, n_fft, jnp.finfo(input.dtype).dtype)
    norm = "ortho" if normalized else "backward"
    transform = jnp.fft.rfft if onesided and not jnp.iscomplexobj(cut) else jnp.fft.fft
    found = transform(cut, axis=-1, norm=norm)
    return jnp.swapaxes(found, -1, -2)


@composite()
def stft(t: Any, input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
         center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
         return_complex: bool | None = None, align_to_window: bool | None = None) -> Any:
    """The Fourier transform of overlapping windows of a signal (time) or a batch of them: (frequency, frame)."""
    if window is None:
        warn_once(NO_WINDOW)
    require(not align_to_window or not center, "stft align_to_window should only be set when center = false")
    hop, size = hop_length if hop_length is not None else n_fft // 4, n_fft if win_length is None else win_length
    x = input
    if center or align_to_window:
        half = n_fft // 2 if center else (n_fft - size) // 2
        lead = x.reshape((1,) * (3 - x.dim()) + tuple(x.shape))
        x = t.pad(lead, (half, half), pad_mode if center else "constant").reshape(*x.shape[:-1], x.shape[-1] + 2 * half)
    complex_parts = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None:
        require(complex_parts,
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release.")
        return_complex = True
    elif not return_complex:
        warn_once("stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex tensors for "
                  "all inputs, and return_complex=False will raise an error.\nNote: you can still call torch.view_as_real on the "
                  "complex output to recover the old return format.")

    def expect(condition: bool, what: str) -> None:
        require(condition, f"stft({x.type()}{list(x.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={size}, "
                           f"window={_told(window)}, normalized={normalized:d}, onesided={_flag(onesided)}, "
                           f"return_complex={return_complex:d}, align_to_window={_flag(align_to_window)}) : expected {what}")
    given = None if window is None else list(window.shape)
    expect(inexact_tensor(x), "a tensor of floating point or complex values")
    expect(1 <= x.dim() <= 2, "a 1D or 2D tensor")
    expect(0 < n_fft <= x.shape[-1], f"0 < n_fft < {x.shape[-1]}, but got n_fft={n_fft}")
    expect(hop > 0, f"hop_length > 0, but got hop_length={hop}")
    expect(0 < size <= n_fft, f"0 < win_length <= n_fft, but got win_length={size}")
    expect(given in (None, [size]), f"a 1D window tensor of size equal to win_length={size}, but got window with size {given}")
    require(not onesided or not complex_parts, "Cannot have onesided output if window or input is complex")
    one = not complex_parts if onesided is None else onesided
    found = t._stft(x, window, n_fft, hop, size, normalized, one)
    return found if return_complex else t.view_as_real(found)


def _flag(given: bool | None) -> str:
    return "None" if given is None else f"{given:d}"


def _told(window: Any) -> str:
    """A window as torch's messages have it."""
    return "None" if window is None else f"{window.type()}{{{list(window.shape)}}}"


def inexact_tensor(x: Any) -> bool:
    """Whether a tensor is floating or complex."""
    return x.is_floating_point() or x.is_complex()


@op(name="_istft", forms="private", rule="DivBackward0", samples=lambda t: [
    ((t(3, 5, dtype="complex128"), t(4, low=0.5, high=1, dtype="float64"), 4, 2, 4, False, True, 2, 8, False), {})])
def overlapped(input: Array, window: Array | None, n_fft: int, hop: int, size: int, normalized: bool, onesided: bool,
               start: int, length: int, complex_result: bool) -> Array:
    """Frames put back by overlap and add, divided by the sum of squared windows."""
    spectrum = jnp.swapaxes(input, -1, -2)
    norm = "ortho" if normalized else "backward"
    if complex_result:
        frames = jnp.fft.ifft(spectrum, n_fft, axis=-1, norm=norm)
    else:       # of a whole spectrum the first half counts
        frames = jnp.fft.irfft(spectrum if onesided else spectrum[..., :n_fft // 2 + 1], n_fft, axis=-1, norm=norm)
    w = _window(window, size, n_fft, jnp.finfo(frames.dtype).dtype)
    count = frames.shape[-2]
    total = n_fft + hop * (count - 1)
    where = _positions(count, hop, n_fft)
    frames = frames * w
    signal = jnp.zeros((*frames.shape[:-2], total), frames.dtype).at[..., where].add(frames)
    weight = jnp.zeros(total, w.dtype).at[where].add(jnp.broadcast_to(w * w, where.shape))
    found = (signal / jnp.where(weight == 0, 1, weight))[..., start:start + length]
    missing = length - found.shape[-1]
    return jnp.pad(found, [(0, 0)] * (found.ndim - 1) + [(0, missing)]) if missing > 0 else found


@composite()
def istft(t: Any, input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
          center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
          return_complex: bool = False) -> Any:
    """The signal whose stft is `input`, by least squares (Griffin and Lim 1984).

    Differs from torch: windows that add up to 0 give 0.
    """
    require(input.is_complex(), "istft requires a complex-valued input tensor matching the output from stft with "
                                "return_complex=True.")
    if window is None:
        warn_once(NO_WINDOW)
    hop, size = hop_length if hop_length is not None else n_fft // 4, n_fft if win_length is None else win_length

    def expect(condition: bool, what: str) -> None:
        kind = "ComplexDouble" if input.dtype.itemsize == 16 else "ComplexFloat"
        require(condition, f"istft({input.device.type.upper()}{kind}Type{list(input.shape)}, n_fft={n_fft}, hop_length={hop}, "
                           f"win_length={size}, window={_told(window)}, center={center:d}, normalized={normalized:d}, "
                           f"onesided={_flag(onesided)}, length={length}, return_complex={return_complex:d}) : {what}")
    expect(input.numel() > 0, "input tensor cannot be empty.")
    expect(input.dim() in (2, 3), f"expected a tensor with 3 or 4 dimensions, but got {input.dim() + 1}")
    complex_window = window is not None and window.is_complex()
    require(return_complex or not complex_window, "Complex windows are incompatible with return_complex=False")
    one = (input.shape[-2] != n_fft if onesided is None else onesided) and not (onesided is None and complex_window)
    bins = n_fft // 2 + 1 if one else n_fft
    expect(input.shape[-2] == bins, "expected the frequency dimension (3rd to the last) of the input tensor to match "
                                    f"{'n_fft / 2 + 1 when onesided=True' if one else 'n_fft when onesided=False'}, but got "
                                    f"{input.shape[-2]}")
    expect(0 < hop <= size, "expected 0 < hop_length <= win_length")
    expect(0 < size <= n_fft, "expected 0 < win_length <= n_fft")
    expect(window is None or tuple(window.shape) == (size,), "Invalid window shape. window has to be 1D and length of `win_length`")
    require(not one or not return_complex and not complex_window, "Cannot have onesided output if window or input is complex")
    total = n_fft + hop * (input.shape[-1] - 1)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - (n_fft // 2 if center else 0)
    if end > total:
        warn("The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail. Please "
             "check your center and hop_length settings.")
    return t._istft(input, window, n_fft, hop, size, normalized, one, start, end - start, return_complex)
