"""torch.device and torch.Size, and which of JAX's devices a device means."""
from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import torchish as torch
from torchish import devices
from torchish.devices import device, place, to_jax
from torchish.sizes import Size

ROOT = Path(__file__).parent.parent
NO_ACCELERATOR = pytest.mark.skipif(devices.cuda_is_available(), reason="JAX has an accelerator here")


@pytest.mark.parametrize(("made", "text"), [
    (lambda: device("cpu"), "device(type='cpu')"),
    (lambda: device("cuda", 0), "device(type='cuda', index=0)"),
    (lambda: device("cuda:1"), "device(type='cuda', index=1)"),
    (lambda: device("cpu", 0), "device(type='cpu', index=0)"),
    (lambda: device(type="cuda", index=2), "device(type='cuda', index=2)"),
    (lambda: device(device="mps"), "device(type='mps')"),
    (lambda: device(device("cuda:3")), "device(type='cuda', index=3)"),
    (lambda: device("cuda", index=None), "device(type='cuda')")])
def test_device_repr(made: Any, text: str) -> None:
    d = made()
    assert repr(d) == text
    assert pickle.loads(pickle.dumps(d)) == d and hash(device(str(d))) == hash(d) and device(str(d)) == d


def test_device_comparison_and_writing() -> None:
    assert device("cuda:0") != device("cuda") and device("cpu") != "cpu" and str(device("cuda:1")) == "cuda:1"
    with pytest.raises(AttributeError, match="attribute 'index' of 'torch.device' objects is not writable"):
        device("cpu").index = 1


@pytest.mark.parametrize(("args", "kind", "said"), [
    (("gpu",), RuntimeError, r"Expected one of cpu, cuda, ipu, .*one device type at start of device string: gpu"),
    (("",), RuntimeError, "Device string must not be empty"),
    (("cuda:x",), RuntimeError, "Invalid device string: 'cuda:x'"),
    (("cuda:01",), RuntimeError, "Invalid device string"),
    (("cpu:-1",), RuntimeError, "Invalid device string: 'cpu:-1'"),
    (("cuda", -1), RuntimeError, "Device index must not be negative"),
    (("cuda:0", 1), RuntimeError, r"must not include an index because index was passed explicitly: cuda:0"),
    ((1.5,), TypeError, r"device\(\) received an invalid combination of arguments - got \(float\), but expected one"),
    ((), TypeError, r"device\(\) received an invalid combination of arguments - got \(\), but"),
    (("cuda", 1, 2), TypeError, r"got \(str, int, int\)"),
    ((5, 5), TypeError, r"'type' \(position 1\) must be str, not int"),
    (("cuda", "1"), TypeError, r"device\(\): argument 'index' \(position 2\) must be int, not str"),
    (("cuda", True), TypeError, "must be int, not bool"),
    ((-1,), RuntimeError, "Device index must not be negative")])
def test_wrong_device(args: tuple, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        device(*args)


def test_cpu_resolves() -> None:
    assert to_jax("cpu") is to_jax(device("cpu:1")) is jax.devices("cpu")[0]
    assert devices.from_jax(jax.devices("cpu")[0]) == device("cpu")
    assert place() == place("cpu:1") == place(device("cpu")) == "cpu"


@NO_ACCELERATOR
@pytest.mark.parametrize(("name", "kind", "said"), [
    ("cuda", AssertionError, "^Torch not compiled with CUDA enabled"), ("cuda:1", AssertionError, "CUDA enabled"),
    ("xpu", AssertionError, "^Torch not compiled with XPU enabled"),
    ("mps", RuntimeError, "^PyTorch is not linked with support for mps devices"),
    (0, RuntimeError, "^Cannot access accelerator device when none is available.")])
def test_what_is_not_here(name: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        to_jax(name)


@pytest.mark.skipif(not devices.cuda_is_available(), reason="JAX has no accelerator here")
def test_cuda_is_jax_accelerator() -> None:
    found = to_jax("cuda")
    assert found.platform != "cpu" and devices.from_jax(found) == device("cuda:0") == device(0)
    assert place("cuda") == "cuda:0"
    with pytest.raises(RuntimeError, match="CUDA error: invalid device ordinal"):
        to_jax(f"cuda:{devices.cuda_device_count()}")


def test_default_device() -> None:
    with device("cuda"), device("meta"):
        assert devices.get_default_device() == device("meta")
    assert devices.get_default_device() == device("cpu")
    devices.set_default_device("cuda:1")
    assert devices.get_default_device() == device("cuda", 1)
    devices.set_default_device(None)
    assert devices.get_default_device() == device("cpu")


def test_import_asks_jax_for_no_device() -> None:
    code = ("import jax\njax.devices = jax.local_devices = None\nimport torchish.devices as d\n"
            "print(d.device('cuda:1'))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
                          timeout=120)
    assert done.stdout == "cuda:1\n"


def test_size_is_a_tuple_that_stays_a_size() -> None:
    size = Size([2, np.int64(3), True])
    assert repr(size) == str(size) == f"{size}" == "torch.Size([2, 3, 1])" and repr(Size()) == "torch.Size([])"
    assert size == (2, 3, 1) and hash(size) == hash((2, 3, 1)) and size[1] == 3 and size.numel() == 6
    assert Size([]).numel() == 1 and type(size.numel()) is int and all(type(n) is int for n in size)
    made = [size[1:], size[::-1], size + (4,), (4,) + size, size * 2, 2 * size, pickle.loads(pickle.dumps(size))]
    assert all(type(one) is Size for one in made)
    assert made == [(3, 1), (1, 3, 2), (2, 3, 1, 4), (4, 2, 3, 1), (2, 3, 1) * 2, (2, 3, 1) * 2, (2, 3, 1)]


@pytest.mark.parametrize(("wrong", "said"), [
    (lambda: Size([2, 1.5]), r"torch.Size\(\) takes an iterable of 'int' \(item 1 is 'float'\)"),
    (lambda: Size(3), "'int' object is not iterable"), (lambda: Size([1]) + 1, "can only concatenate tuple"),
    (lambda: Size([1]) + [1], r'can only concatenate tuple \(not "list"\) to torch.Size')])
def test_wrong_size(wrong: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        wrong()


def test_accelerators_under_other_names_are_not_there():
    for space in (torch.xpu, torch.mps, torch.mtia):
        assert (space.is_available(), space.device_count()) == (False, 0)
    assert (torch.xpu.manual_seed(1), torch.mps.manual_seed(1), torch.xpu.memory_allocated()) == (None, None, 0)
    with pytest.raises(AssertionError, match="Torch not compiled with XPU enabled"):
        torch.xpu.synchronize()
    with pytest.raises(RuntimeError, match=r"Cannot execute emptyCache\(\) without MPS backend\."):
        torch.mps.empty_cache()


@NO_ACCELERATOR
def test_the_accelerator_where_there_is_none():
    for call in (torch.accelerator.synchronize, torch.accelerator.current_device_index, torch.accelerator.memory_allocated):
        with pytest.raises(RuntimeError, match=r"^Cannot access accelerator device when none is available\.$"):
            call()
    assert torch.accelerator.current_accelerator() is None and torch.accelerator.device_count() == 0


def test_settings_of_other_compilers_can_be_made():
    torch._dynamo.config.suppress_errors = True
    torch._inductor.config.triton.unique_kernel_names = True
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    assert (torch._dynamo.reset(), torch._dynamo.config.suppress_errors) == (None, True)
    assert torch._dynamo.disable(len) is len and torch._dynamo.optimize("inductor")(len) is len and torch._dynamo.run(len) is len
    assert torch._dynamo.is_dynamo_supported() and not torch._dynamo.is_inductor_supported()
    torch.backends.cuda.matmul.fp32_precision, torch._dynamo.config.suppress_errors = "none", False
