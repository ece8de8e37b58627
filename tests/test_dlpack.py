"""The DLPack protocol and arrays of numpy.

In: tensors, arrays, capsules.  Out: assertions on values, strides, capsules and refusals (as of PyTorch 2.13).
"""
from __future__ import annotations

import numpy as np
import pytest

import torchish as torch


class Speaker:
    """An object that speaks DLPack and nothing else."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x

    def __dlpack__(self, **options: object) -> object:
        return self.x.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple:
        return self.x.__dlpack_device__()


def test_tensors_capsules_and_speakers_are_taken() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    torch.from_dlpack(x)[0, 0] = 5.0                    # a tensor shares its memory
    assert x[0, 0] == 5 and torch.from_dlpack(x[:, ::2]).stride() == (3, 2)
    for make in (torch.from_dlpack, torch.tensor, torch.as_tensor, torch.asarray):
        assert make(Speaker(x)).tolist() == x.tolist()
    for options in ({}, {"max_version": (1, 0)}, {"stream": None}):
        assert torch.from_dlpack(x.t().__dlpack__(**options)).tolist() == x.t().tolist()
    for dtype in (torch.bfloat16, torch.bool, torch.uint16, torch.complex64, torch.float16):
        y = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(torch.ones(3, dtype=dtype)))
        assert y.dtype is dtype and y.tolist() == torch.ones(3, dtype=dtype).tolist()


def test_capsules_are_versioned_where_that_is_asked_for() -> None:
    x = torch.ones(3)
    assert '"dltensor"' in str(x.__dlpack__()) and '"dltensor_versioned"' in str(x.__dlpack__(max_version=(1, 0)))
    assert x.__dlpack_device__() == (torch.utils.dlpack.DLDeviceType.kDLCPU, 0)
    assert np.from_dlpack(torch.arange(6).reshape(2, 3).t()).strides == (8, 24)


def test_what_cannot_be_handed_over() -> None:
    x, z = torch.ones(3), torch.ones(3, dtype=torch.complex64)
    for call, error, begins in (
            (lambda: x.__dlpack__(stream=object()), TypeError, "stream must be ``int`` or ``none``"),
            (lambda: x.__dlpack__(stream=0), AssertionError, "stream should be None on cpu."),
            (lambda: torch.from_dlpack(torch.ones(2, requires_grad=True)), BufferError, "Can't export tensors that require"),
            (lambda: torch.from_dlpack(z.conj()), BufferError, "Can't export tensors with the conjugate bit set"),
            (lambda: torch.from_dlpack(3), RuntimeError, "from_dlpack received an invalid capsule"),
            (lambda: torch.from_numpy(np.lib.stride_tricks.as_strided(np.ones(3), (2,), (3,))), ValueError,
             "given numpy array strides not a multiple of the element byte size")):
        with pytest.raises(error) as found:
            call()
        assert str(found.value).startswith(begins)
    capsule = x.__dlpack__()
    torch.from_dlpack(capsule)
    with pytest.raises((RuntimeError, ValueError)):     # a capsule is consumed once
        torch.from_dlpack(capsule)


def test_python_data_of_arrays_and_bytes() -> None:
    try:
        torch.set_warn_always(True)
        with pytest.warns(UserWarning, match="list of numpy.ndarrays is extremely slow"):
            assert torch.tensor([np.array([0]), np.array([1])]).tolist() == [[0], [1]]
        with pytest.warns(UserWarning, match="The given buffer is not writable"):
            torch.asarray(b"ab", dtype=torch.uint8)
    finally:
        torch.set_warn_always(False)
    assert torch.tensor(bytearray(b"ab")).tolist() == [97, 98]
    assert np.greater(torch.ones(2), torch.zeros(2)).dtype is torch.uint8
