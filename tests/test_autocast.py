"""torch.autocast: dtypes of every op and a training step as torch has them (tools/record_autocast.py), and the mode itself."""
from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from autocast_step import step
from counting import counting
from op_calls import PRECISIONS, first_cases, in_precision, recorded
from op_golden import flat_tensors

import torchish as torch

GOLDEN = json.loads((Path(__file__).parent / "golden" / "autocast.json").read_text())

# Ops with other dtypes: why.
OTHER_DTYPES = {
    "view_as_complex": "a view: a cast would cut it from its storage",
    "linalg_pinv": "computed as a whole in float32, not from products",
    "rms_norm": "torch's has no kernel for two dtypes; promoted here, with autocast or without",
    "multilabel_soft_margin_loss": "promoted, with autocast or without",
    **dict.fromkeys(["lstm_cell", "gru_cell", "_recurrent_layer"], "the state takes the lower precision, as on CUDA"),
}


def _tensor(a: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(a.astype(np.float32)).bfloat16() if a.dtype == ml_dtypes.bfloat16 else torch.from_numpy(np.array(a))


def test_dtypes_of_every_op() -> None:
    wrong, checked = {}, 0
    for case in first_cases():
        for precision in PRECISIONS:
            wanted = GOLDEN["ops"].get(f"{case.key} {precision}")
            if wanted is None or case.op.name in OTHER_DTYPES:
                continue
            change = in_precision(precision)
            with torch.autocast("cpu", torch.bfloat16):
                found = flat_tensors(recorded(case, lambda a, change=change: _tensor(change(a))))
            checked += 1
            if [str(t.dtype)[6:] for t in found] != wanted:
                wrong[f"{case.key} {precision}"] = (wanted, [str(t.dtype)[6:] for t in found])
    assert not wrong
    assert checked > 1200


def test_training_step() -> None:
    wanted, found = GOLDEN["step"], step(torch)
    assert found["dtypes"] == wanted["dtypes"] and found["grad dtypes"] == ["float32"] * 3
    assert found["loss"] == pytest.approx(wanted["loss"], rel=5e-3)
    for a, b in zip(found["grads"], wanted["grads"], strict=True):
        np.testing.assert_allclose(a, b, atol=2e-2 * max(map(abs, b)))


def test_regions_nest_and_end() -> None:
    x = torch.ones(2, 2)

    def dtype() -> Any:
        return (x @ x).dtype
    with torch.autocast("cpu"):
        assert torch.is_autocast_enabled("cpu") and not torch.is_autocast_enabled() and dtype() is torch.bfloat16
        with torch.autocast("cpu", enabled=False):
            assert dtype() is torch.float32 and not torch.is_autocast_cpu_enabled()
            with torch.no_grad(), torch.amp.autocast("cpu", torch.float16):
                assert dtype() is torch.float16 and torch.get_autocast_dtype("cpu") is torch.float16
            assert dtype() is torch.float32
        with torch.no_grad():
            assert dtype() is torch.bfloat16
        assert (x @ x.bfloat16()).dtype is torch.bfloat16 and (x.double() @ x.double()).dtype is torch.float64
    assert dtype() is torch.float32 and torch.get_autocast_dtype("cpu") is torch.bfloat16
    with pytest.raises(ZeroDivisionError), torch.autocast("cpu"):
        raise ZeroDivisionError
    assert dtype() is torch.float32

    @torch.autocast("cpu")
    def inside() -> Any:
        return dtype()
    assert inside() is torch.bfloat16 and dtype() is torch.float32
    torch.set_autocast_enabled("cpu", True)
    torch.set_autocast_dtype("cpu", torch.float16)
    assert dtype() is torch.float16
    torch.set_autocast_dtype("cpu", torch.bfloat16)
    torch.set_autocast_enabled("cpu", False)
    assert dtype() is torch.float32


def test_older_names_and_refusals() -> None:
    with pytest.warns(FutureWarning, match=r"`torch.cpu.amp.autocast\(args...\)` is deprecated"):
        region = torch.cpu.amp.autocast()
    with region:
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
    with pytest.warns(UserWarning, match="target dtype is not supported"), torch.autocast("cpu", torch.float64):
        assert not torch.is_autocast_enabled("cpu")
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`, got: `<class 'int'>`"):
        torch.autocast(5)   # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.cuda.amp.autocast(), torch.autocast("cuda"):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32


def test_a_loop_compiles_once_even_where_the_region_is_cut() -> None:
    w = torch.ones(3, 3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.01)
    seen = []

    def iteration(x: torch.Tensor) -> None:
        with torch.autocast("cpu"):
            y = x @ w
            seen.append(y.sum().item())
            loss = (y @ w).float().square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for k in range(5):
        iteration(torch.full((2, 3), 1. + k))
    with counting() as c:
        for k in range(3):
            iteration(torch.full((2, 3), 6. + k))
    assert c.compiled == 0 and w.dtype is torch.float32 and len(seen) == 8


def test_custom_functions() -> None:
    seen = []

    class Square(torch.autograd.Function):
        @staticmethod
        @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            seen.append((x.dtype, torch.is_autocast_enabled("cpu")))
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            seen.append((grad.dtype, torch.is_autocast_enabled("cpu")))
            return grad * 2 * ctx.saved_tensors[0]
    x = torch.full((2,), 3.).bfloat16().requires_grad_()
    with torch.autocast("cpu"):
        y = Square.apply(x)
    y.sum().backward()
    assert y.dtype is torch.float32 and seen == [(torch.float32, False)] * 2
    assert x.grad.tolist() == [6, 6]


def test_device_types_that_have_regions() -> None:
    assert torch.amp.is_autocast_available("cpu") and torch.amp.is_autocast_available("cuda:1")
    with pytest.raises(RuntimeError, match="Invalid device string: 'nowhere at all'"):
        torch.amp.is_autocast_available("nowhere at all")
    with pytest.raises(TypeError, match="argument 'device_type' .* must be str, not int"):
        torch.amp.is_autocast_available(3)
