"""torch's names: which are there, how they are called, what is said of those that stay out.

In: tests/golden/names.json (torch's public names), the pages that tools/make_pages.py writes.  Out: counts, signatures, results.
"""
from __future__ import annotations

import inspect
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import torchish as torch
from torchish.missing import reason

ROOT = pathlib.Path(__file__).parent.parent
NAMES = json.loads((ROOT / "tests" / "golden" / "names.json").read_text())
# documented names that are neither there nor out of scope
OPEN = {"torch.fft": {"Tensor"}}


def place(module: str):
    found = torch
    for part in module.split(".")[1:]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("module", NAMES)
def test_every_documented_name_is_there_or_out_of_scope(module):
    space = place(module)
    absent = {name for name, documented in NAMES[module].items() if documented and not hasattr(space, name) and not reason(name)}
    assert absent <= OPEN.get(module, set())
    assert sum(hasattr(space, name) for name in NAMES[module]) > 0.65 * len(NAMES[module])


def test_out_of_scope_names_say_why():
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'sparse_csr_tensor'. Out of scope: compressed"):
        torch.sparse_csr_tensor
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'crow_indices'. Out of scope: compressed sparse"):
        torch.ones(2).crow_indices()
    with pytest.raises(AttributeError, match="module 'torch.linalg' has no attribute 'qrr'. Nearest: qr"):
        torch.linalg.qrr
    x = torch.ones(2)
    assert not any(hasattr(torch, name) for name in ("quantize_per_tensor", "QInt8Storage", "cudnn_convolution", "DispatchKey"))
    assert not any(hasattr(x, name) for name in ("to_sparse_csr", "q_scale", "chalf", "no_such_thing"))


def test_no_name_that_is_there_counts_as_out_of_scope():
    said = {module: [name for name in names if hasattr(place(module), name) and reason(name)] for module, names in NAMES.items()}
    assert set(said["torch"]) <= {"jagged", "sparse_bsc", "sparse_bsr", "sparse_csc", "sparse_csr", "TypedStorage",
                                  "UntypedStorage", "chalf", "is_vulkan_available"}
    assert set(said["torch.Tensor"]) <= {"is_quantized", "is_nested", "is_sparse_csr", "storage", "names", "is_mkldnn",
                                         "is_vulkan"}


def test_the_pages_are_up_to_date():
    run = subprocess.run([sys.executable, "tools/make_pages.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=300,
                         env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert run.returncode == 0, run.stdout + run.stderr


def test_parameters_have_torch_s_names_in_every_form():
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert [t.tolist() for t in torch.split(tensor=x, split_size_or_sections=2, dim=1)] == \
        [t.tolist() for t in x.split(split_size=2, dim=1)] == [[[1, 2], [4, 5]], [[3], [6]]]
    assert [t.shape for t in x.tensor_split(indices=(1,), dim=1)] == [(2, 1), (2, 2)]
    assert [t.shape for t in torch.tensor_split(input=x, sections=3, dim=1)] == [(2, 1)] * 3
    assert [t.shape for t in x.hsplit(1, 2)] == [t.shape for t in x.hsplit(indices=[1, 2])] == [(2, 1)] * 3
    assert x[None, :, :1].squeeze(0, 2).shape == x[None, :, :1].squeeze(dim=(0, 2)).shape == (2,)
    assert x.count_nonzero(0, 1).item() == 6
    assert torch.isin(element=2.0, test_elements=x).item() and torch.isin(elements=x, test_element=2.0).sum().item() == 1
    assert torch.result_type(scalar=1, tensor=x) is torch.result_type(tensor=x, other=1) is torch.float32
    assert torch.relu_(input=x.neg()).sum().item() == 0
    assert x.view(dtype=torch.int32).dtype is torch.int32 and x.clone().resize_(size=(3,)).tolist() == [1, 2, 3]
    assert torch.norm(x, 2, 1, True, None, torch.float64).shape == (2, 1)
    with pytest.raises(TypeError, match='isin\\(\\) missing 1 required positional arguments: "test_elements"'):
        torch.isin(x)


def test_signatures_show_torch_s_order_and_keywords():
    shown = {name: str(inspect.signature(fn)) for name, fn in (
        ("polygamma", torch.Tensor.polygamma), ("uniform_", torch.Tensor.uniform_), ("view_copy", torch.view_copy),
        ("airy_ai", torch.special.airy_ai))}
    assert shown == {"polygamma": "(self, n)", "uniform_": "(self, from_: 'float' = 0.0, to: 'float' = 1.0, *, generator=None)",
                     "view_copy": "(input, size=None, *, dtype=None, out=None)", "airy_ai": "(x, *, out=None)"}


def test_copies_share_nothing():
    x = torch.arange(6.0).view(2, 3)
    copies = [torch.view_copy(x, (3, 2)), torch.permute_copy(x, (1, 0)), *torch.unbind_copy(x), torch.slice_copy(x, 1, 0, 2)]
    out = torch.empty(3, 2)
    assert torch.t_copy(x, out=out) is out
    x.zero_()
    assert [c.sum().item() for c in copies] == [15, 15, 3, 12, 8] and out.sum().item() == 15


def test_names_of_functional_ops():
    torch.manual_seed(0)
    x = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])
    assert torch.kl_div(x, x.exp(), 2).item() == torch.nn.functional.kl_div(x, x.exp(), reduction="sum").item()
    assert torch.hinge_embedding_loss(x, torch.ones(2, 3)).shape == (2, 3)
    out, mean, rstd = torch.native_layer_norm(x, (3,), None, None, 1e-5)
    np.testing.assert_allclose(mean.flatten().tolist(), x.mean(1).tolist(), rtol=1e-6)
    np.testing.assert_allclose(((x - mean) * rstd).tolist(), out.tolist(), rtol=1e-5)
    made = torch.convolution(torch.ones(1, 2, 5), torch.ones(3, 2, 3), None, [1], [0], [1], False, [0], 1)
    assert made.tolist() == [[[6.0] * 3] * 3]
    with pytest.raises(TypeError, match="argument 'reduction' \\(position 3\\) must be int, not str"):
        torch.kl_div(x, x, "mean")


def test_low_rank_and_symmetric_factors():
    torch.manual_seed(0)
    a = torch.randn(8, 3, dtype=torch.float64) @ torch.randn(3, 6, dtype=torch.float64)
    u, s, v = torch.svd_lowrank(a, q=3)
    np.testing.assert_allclose((u @ torch.diag(s) @ v.mH).tolist(), a.tolist(), atol=1e-10)
    sym = a[:6] + a[:6].mT
    values, vectors = torch.lobpcg(sym, k=2)
    np.testing.assert_allclose((sym @ vectors).tolist(), (vectors * values).tolist(), atol=1e-10)
    assert values.tolist() == sorted(values.tolist(), reverse=True)
    indefinite = torch.tensor([[0.0, 2.0, 3.0], [2.0, 0.0, 1.0], [3.0, 1.0, 0.0]])
    factor, pivots = torch.linalg.ldl_factor(indefinite)
    assert pivots.tolist() == [-3, -3, 3]
    solved = torch.linalg.ldl_solve(factor, pivots, torch.eye(3))
    np.testing.assert_allclose((indefinite @ solved).tolist(), np.eye(3), atol=1e-6)


def test_windows():
    hann = torch.signal.windows.hann(8, sym=False)
    np.testing.assert_allclose(hann.tolist(), torch.hann_window(8).tolist(), rtol=1e-6)
    assert torch.signal.windows.gaussian(5).argmax().item() == 2
    with pytest.raises(ValueError, match="exponential expects float32 or float64 dtypes, got: torch.float16"):
        torch.signal.windows.exponential(3, dtype=torch.float16)


def test_foreach_takes_lists_numbers_and_refuses_other_lengths():
    xs = [torch.ones(2), torch.full((2,), 2.0)]
    assert [x.tolist() for x in torch._foreach_addcdiv(xs, xs, xs, [1.0, 2.0])] == [[2, 2], [4, 4]]
    assert torch._foreach_add_(xs, scalar=1) is xs and xs[1].tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="Tensor lists must have the same number of tensors, got 2 and 1"):
        torch._foreach_mul(xs, xs[:1])
    assert [x.tolist() for x in torch._foreach_maximum(xs, 2.5)] == [[2.5, 2.5], [3, 3]]
    torch._foreach_minimum_(xs, [1.0, 2.0])
    assert [x.tolist() for x in xs] == [[1, 1], [2, 2]] and [x.tolist() for x in torch._foreach_pow(2, xs)] == [[2, 2], [4, 4]]
    for call, error, message in (
            (lambda: torch._foreach_abs(xs[0]), TypeError, "argument 'self' .* must be tuple of Tensors, not Tensor"),
            (lambda: torch._foreach_add(xs, [1, xs[0]]), TypeError, "expected Tensor as element 0 in argument 1, but got int"),
            (lambda: torch._foreach_mul(xs, xs[0]), RuntimeError, "scalar tensor expected to be 0 dim but it has 1 dimensions"),
            (lambda: torch._foreach_add(xs, None), TypeError, r"_foreach_add\(\) received an invalid combination of arguments"),
            (lambda: torch._foreach_sub(xs, 2, alpha=2), TypeError, "argument 'other' .* must be tuple of Tensors, not int"),
            (lambda: torch._foreach_addcmul(xs, xs, xs, xs[0].expand(1, 2)), RuntimeError, "Expected packed scalar Tensor to be")):
        with pytest.raises(error, match=message):
            call()
