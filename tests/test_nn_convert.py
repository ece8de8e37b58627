"""What moves or replaces the tensors of a module: to(), the flags of torch.__future__, swap_tensors, what is saved and refused."""
from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Iterator

import pytest

import torchish as torch
from torchish import nn
from torchish.nn import utils


def trained() -> nn.Linear:
    m = nn.Linear(3, 2)
    m(torch.ones(1, 3)).sum().backward()
    return m


def test_parameters_and_gradients_stay_the_same_objects() -> None:
    m = trained()
    weight, grad = m.weight, m.weight.grad
    m.double()
    assert m.weight is weight and weight.grad is grad and grad.dtype == weight.dtype == torch.float64
    assert m.to(torch.zeros(1)).weight.dtype == torch.float32 and m.to("cpu", torch.float16).weight.dtype == torch.float16
    assert m.share_memory() is m


@pytest.mark.parametrize("call", [
    lambda m: m.to("cpu", 3), lambda m: m.to(foo=3), lambda m: m.to(torch.float32, "cpu"), lambda m: m.to(3.5),
    lambda m: m.to(device=torch.float32), lambda m: m.to("cpu", True), lambda m: m.to("cpu", non_blocking=3),
    lambda m: m.to(torch.float32, dtype=torch.float32), lambda m: m.to(torch.ones(1), device="cpu"),
    lambda m: m.to(memory_format=3)])
def test_to_refuses(call: Callable) -> None:
    for what in (nn.Linear(1, 1), torch.ones(1)):
        with pytest.raises(TypeError, match=r"to\(\) received an invalid combination of arguments - got \("):
            call(what)
    with pytest.raises(RuntimeError, match=r".to\(\) does not accept copy argument"):
        nn.Linear(1, 1).to("cpu", copy=True)


@pytest.fixture
def flags() -> Iterator[None]:
    yield
    torch.__future__.set_overwrite_module_params_on_conversion(False)
    torch.__future__.set_swap_module_params_on_conversion(False)


@pytest.mark.usefixtures("flags")
def test_parameters_are_replaced_on_request() -> None:
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    assert torch.__future__.get_overwrite_module_params_on_conversion()
    m = trained()
    old = m.weight
    m.double()
    assert m.weight is not old and old.dtype == torch.float32 and m.weight.grad.dtype == m.weight.dtype == torch.float64


@pytest.mark.usefixtures("flags")
def test_loaded_values_are_swapped_in_on_request() -> None:
    torch.__future__.set_swap_module_params_on_conversion(True)
    m = nn.Linear(3, 2)
    weight, optimizer = m.weight, torch.optim.SGD(m.parameters(), lr=1.0)
    m.load_state_dict({"weight": torch.full((2, 3), 2.0, dtype=torch.float64), "bias": torch.zeros(2)}, assign=True)
    assert m.weight is weight and weight.dtype == torch.float64 and weight.requires_grad and type(weight) is nn.Parameter
    m.float()(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert weight.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_swap_tensors() -> None:
    a, b = torch.ones(2) * 3, nn.Parameter(torch.zeros(1))
    b.note = "b"
    held = a
    torch.utils.swap_tensors(a, b)
    assert type(held) is nn.Parameter and held.note == "b" and held.tolist() == [0] and b.tolist() == [3, 3]
    assert held.requires_grad and not b.requires_grad


def test_a_replica_has_no_parameters_of_its_own() -> None:
    m = nn.Sequential(nn.Linear(1, 1))
    replica = m[0]._replicate_for_data_parallel()
    assert not replica._parameters and m[0]._parameters and replica._is_replica


def test_what_is_saved_tells_the_form_of_spectral_norm() -> None:
    m = utils.spectral_norm(nn.Linear(2, 2))
    assert m.state_dict()._metadata[""] == {"version": 1, "spectral_norm": {"weight.version": 1}}
    assert utils.remove_spectral_norm(m).state_dict()._metadata[""] == {"version": 1}


def test_running_statistics_that_are_not_tracked() -> None:
    with pytest.raises(RuntimeError, match='Unexpected running stats buffer.* "running_mean" and "running_var" for InstanceNorm1d'):
        nn.InstanceNorm1d(3).load_state_dict({"running_mean": torch.ones(3), "running_var": torch.ones(3)})


@pytest.mark.parametrize(("call", "message"), [
    (lambda: nn.NLLLoss2d(), "`NLLLoss2d` has been deprecated"),
    (lambda: nn.Hardtanh(min_value=-2), "keyword argument `min_value` is deprecated and renamed to `min_val`"),
    (lambda: utils.stateless.functional_call(nn.ReLU(), {}, torch.ones(1)), "stateless.functional_call` is deprecated"),
])
def test_deprecated(call: Callable, message: str) -> None:
    with pytest.warns(FutureWarning, match=message):
        call()


def test_small_things() -> None:
    assert repr(nn.EmbeddingBag(3, 2, mode="max", padding_idx=0)) == "EmbeddingBag(3, 2, mode='max', padding_idx=0)"
    assert nn.ModuleList([nn.ReLU()]).insert(0, nn.Tanh()) is None and nn.Sequential(nn.ReLU()).insert(0, nn.Tanh()) is not None
    with pytest.raises(RuntimeError, match="Module must support a 'device' arg to skip initialization"):
        utils.skip_init(nn.ReLU)
    state = torch.get_rng_state()
    made = utils.skip_init(nn.Linear, 2, 3, dtype=torch.float64)
    assert not made.weight.is_meta and made.weight.dtype == torch.float64 and torch.equal(torch.get_rng_state(), state)
    with pytest.warns(UserWarning, match="`parameters` is an empty generator"):
        utils.clip_grad_norm_((p for p in ()), 1.0)
    m = utils.convert_conv2d_weight_memory_format(nn.Sequential(nn.Conv2d(3, 4, 2)), torch.channels_last)
    assert m[0].weight.stride() == (12, 1, 6, 3)


@pytest.mark.parametrize(("path", "names"), [
    ("nn.modules.container", "ParameterList Sequential"), ("nn.modules.activation", "MultiheadAttention ReLU"),
    ("nn.modules.batchnorm", "_BatchNorm LazyBatchNorm1d"), ("nn.modules.conv", "_ConvNd LazyConv2d"), ("nn.modules.adaptive", ""),
    ("nn.modules.module", "_IncompatibleKeys _global_forward_hooks _addindent"), ("nn.common_types", "_size_2_t"),
    ("nn.utils.weight_norm", "WeightNorm"), ("nn.utils.init", "skip_init"), ("optim.adamw", "AdamW"), ("optim._muon", "Muon")])
def test_paths_are_those_of_torch(path: str, names: str) -> None:
    module = importlib.import_module(f"torchish.{path}")
    assert all(hasattr(module, name) for name in names.split())
    assert module.__dict__.get("Sequential", nn.Sequential) is nn.Sequential


def test_complex_modules_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="Complex modules are a new feature under active development"):
        assert nn.Linear(2, 1).to(torch.complex64).weight.dtype is torch.complex64


def test_spectral_norm_loads_what_a_version_without_v_saved() -> None:
    m = utils.spectral_norm(nn.Linear(3, 5))
    for _ in range(3):
        m(torch.ones(2, 3))
    kept = {key: value.clone() for key, value in m.state_dict().items()}
    older = {key: value for key, value in kept.items() if key != "weight_v"} | {"weight": m.weight.detach().clone()}
    again = utils.spectral_norm(nn.Linear(3, 5))
    again.load_state_dict(older)
    assert torch.allclose(again.weight_v, kept["weight_v"], atol=1e-5) and torch.equal(again.weight_u, kept["weight_u"])
    again.load_state_dict(kept)         # without a version, but with all that there is
    assert torch.equal(again.weight_v, kept["weight_v"])
    del older["weight"]
    with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "weight", "weight_v"'):
        again.load_state_dict(older)
    assert not utils.remove_spectral_norm(again)._load_state_dict_pre_hooks


def test_apply_hands_out_the_parameters_themselves() -> None:
    m, seen = nn.Linear(2, 2), []
    m.weight.grad = gradient = torch.ones(2, 2)
    before = m.weight._version
    m._apply(lambda t: seen.append(t) or t.add_(1))
    assert seen[0] is m.weight and seen[1] is gradient and seen[2] is m.bias
    assert m.weight._version == before + 1 and m.weight.grad is gradient and gradient.tolist() == [[2, 2], [2, 2]]
    m.double()
    assert m.weight.grad is gradient and gradient.dtype is m.weight.dtype is torch.float64 and m.weight.requires_grad


def test_swapping_leaves_the_meta_device_as_it_is() -> None:
    with torch.device("meta"):
        m = nn.Linear(2, 2)
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with pytest.warns(UserWarning, match="^for (weight|bias): copying from a non-meta parameter") as said:
            m.load_state_dict(nn.Linear(2, 2).state_dict())
        assert len(said) == 2 and m.weight.is_meta
        m.load_state_dict(nn.Linear(2, 2).state_dict(), assign=True)
        assert not m.weight.is_meta and isinstance(m.weight, nn.Parameter)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)
    x = torch.ones(2)
    with pytest.raises(NotImplementedError, match="^Cannot copy out of meta tensor; no data!"):
        x.module_load(torch.ones(2, device="meta"))
    assert x.module_load(torch.zeros(2)).tolist() == x.tolist() == [0, 0]


def test_new_entries_leave_no_cycles() -> None:
    m = nn.Linear(3, 7)
    values = {"weight": torch.full((7, 3), 2.0), "bias": torch.zeros(7)}
    gc.collect()
    m.load_state_dict(values)
    assert gc.collect() == 0


def test_views_of_tensors_that_change_places_see_what_they_have_become():
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    view = a[:1]
    torch.utils.swap_tensors(a, b)
    view.add_(1)
    a.mul_(10)
    assert (a.tolist(), b.tolist(), view.tolist()) == ([30, 40], [2, 2], [2])
