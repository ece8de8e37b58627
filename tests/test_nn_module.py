"""nn.Module: registries, state_dict, hooks, conversion, printing, initial values, against recorded answers of torch."""
from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict

import nn_golden
import nn_more_golden
import numpy as np
import pytest
from nn_golden import cases, recorder

import torchish as torch
from torchish import nn


@pytest.mark.parametrize("recorded", [nn_golden, nn_more_golden])
def test_the_script_asks_what_was_recorded(recorded) -> None:
    for section, rows in recorded.GOLDEN.items():
        assert section == "meta" or [text for text, _ in rows] == getattr(recorded.recorder, section.upper())


@pytest.mark.parametrize(("text", "expected"), cases("reprs"))
def test_repr(text: str, expected: str) -> None:
    assert repr(eval(text, recorder.names(torch))) == expected


@pytest.mark.parametrize(("text", "expected"), cases("errors", "nn."))
def test_error(text: str, expected: list) -> None:
    assert recorder.error(torch, text) == tuple(expected)


@pytest.mark.parametrize(("text", "expected"), cases("fresh"))
def test_initial_values(text: str, expected: dict) -> None:
    values = recorder.fresh(torch, text)
    assert list(values) == list(expected)
    exact = "orthogonal" not in text            # its QR is LAPACK's in both, but not the same routine
    for name, value in values.items():
        np.testing.assert_allclose(value, expected[name], rtol=0 if exact else 1e-5, atol=0 if exact else 1e-6)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2, bias=False)
        self.b = nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight
        self.register_buffer("kept", torch.zeros(1))
        self.register_buffer("dropped", torch.zeros(1), persistent=False)
        self.note = "plain"

    def forward(self, x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return self.b(self.a(x)) * scale


def test_registries() -> None:
    m = Tied()
    assert [n for n, _ in m.named_parameters()] == ["a.weight"]
    assert [n for n, _ in m.named_parameters(remove_duplicate=False)] == ["a.weight", "b.weight"]
    assert [n for n, _ in m.named_buffers()] == ["kept", "dropped"]
    assert [n for n, _ in m.named_modules()] == ["", "a", "b"]
    twice = nn.Sequential(m.a, m.a)
    assert list(twice.modules()) == [twice, m.a] and list(twice.modules(remove_duplicate=False)) == [twice, m.a, m.a]
    assert [n for n, _ in m.named_children()] == ["a", "b"]
    assert list(m.state_dict()) == ["kept", "a.weight", "b.weight"]
    assert m.get_parameter("a.weight") is m.a.weight and m.get_buffer("kept") is m.kept
    assert m.get_submodule("a") is m.a and m.get_submodule("") is m
    assert {"a", "kept", "note"} <= set(dir(m))


def test_assignment_moves_between_registries() -> None:
    m = nn.Module()
    m.x = 3
    m.x = nn.Parameter(torch.ones(1))
    assert "x" not in m.__dict__ and "x" in m._parameters
    m.x = None
    assert m.x is None and "x" in m._parameters
    m.y = nn.ReLU()
    m.y = nn.Parameter(torch.ones(1))
    assert "y" not in m._modules and "y" in m._parameters
    m.z = nn.Buffer(torch.ones(1), persistent=False)
    assert "z" in m._buffers and "z" not in m.state_dict()
    m.z = torch.zeros(2)
    assert m._buffers["z"].shape == (2,)
    del m.x, m.y, m.z
    assert not (m._parameters or m._modules or m._buffers)
    with pytest.raises(AttributeError):
        del m.x


def test_state_dict_goes_round() -> None:
    a, b = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = a.state_dict()
    assert state._metadata["1"] == {"version": 2}
    assert repr(b.load_state_dict(state)) == "<All keys matched successfully>"
    assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values()))
    old = OrderedDict((k, v) for k, v in state.items() if not k.endswith("tracked"))
    assert not b.load_state_dict(old).missing_keys          # written before batches were counted
    assert b.load_state_dict({"x": 1}, strict=False).unexpected_keys == ["x"]
    with_prefix = a.state_dict(prefix="m.")
    assert all(k.startswith("m.") for k in with_prefix)


def test_load_by_assignment() -> None:
    m = nn.Linear(2, 2)
    m.weight.requires_grad_(False)
    new = {"weight": torch.ones(2, 2), "bias": nn.Parameter(torch.ones(2))}
    m.load_state_dict(new, assign=True)
    assert m.bias is new["bias"] and not m.weight.requires_grad and m.weight.sum().item() == 4


def test_extra_state_and_hooks_of_state_dict() -> None:
    class Extra(nn.Module):
        value = 1

        def get_extra_state(self) -> int:
            return self.value

        def set_extra_state(self, state: int) -> None:
            self.value = state

    m, n = Extra(), Extra()
    m.value = 5
    assert dict(m.state_dict()) == {"_extra_state": 5}
    n.load_state_dict(m.state_dict())
    assert n.value == 5
    seen = []
    n.register_state_dict_post_hook(lambda module, state, prefix, meta: seen.append(list(state)))
    n.register_load_state_dict_pre_hook(lambda module, *rest: seen.append(module is n))
    n.register_load_state_dict_post_hook(lambda module, keys: seen.append(keys.missing_keys))
    n.load_state_dict(n.state_dict())
    assert seen == [["_extra_state"], True, []]


def test_forward_hooks() -> None:
    m, log = Tied(), []
    x = torch.ones(1, 2)
    plain = m(x)
    first = m.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    second = m.register_forward_hook(lambda module, args, out: out + 1)
    assert torch.allclose(m(x), plain * 2 + 1)
    first.remove()
    with m.register_forward_hook(lambda module, args, kwargs, out: log.append(kwargs), with_kwargs=True):
        m(x, scale=3.0)
    second.remove()
    assert log == [{"scale": 3.0}]
    m.register_forward_pre_hook(lambda module, args, kwargs: (args, {"scale": 0.0}), with_kwargs=True)
    assert m(x, scale=3.0).abs().sum().item() == 0
    m.register_forward_pre_hook(lambda module, args: log.append("first"), prepend=True)
    m(x)
    assert log[-1] == "first"


def test_hooks_that_always_run() -> None:
    class Broken(nn.Module):
        def forward(self) -> None:
            raise KeyError("no")

    m, log = Broken(), []
    m.register_forward_hook(lambda *a: log.append("always"), always_call=True)
    m.register_forward_hook(lambda *a: log.append("never"))
    with pytest.raises(KeyError):
        m()
    assert log == ["always"]


def test_global_hook() -> None:
    log = []
    with nn.modules.module.register_module_forward_hook(lambda module, args, out: log.append(type(module).__name__)):
        nn.Sequential(nn.ReLU())(torch.ones(1))
    assert log == ["ReLU", "Sequential"]


def test_whole_tree_changes() -> None:
    m = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight = m[0].weight
    assert m.double() is m and m[0].weight is weight and weight.dtype == torch.float64
    assert m[1].running_mean.dtype == torch.float64 and m[1].num_batches_tracked.dtype == torch.int64
    assert m.to(torch.float16)[0].bias.dtype == torch.float16
    assert m.to("cpu", dtype=torch.float32)[0].bias.dtype == torch.float32
    assert not m.eval().training and not m[1].training and m.train()[1].training
    assert not any(p.requires_grad for p in m.requires_grad_(False).parameters())
    names = []
    m.apply(lambda module: names.append(type(module).__name__))
    assert names == ["Linear", "BatchNorm1d", "Sequential"]


def test_zero_grad() -> None:
    m = nn.Linear(2, 1)
    m(torch.ones(1, 2)).sum().backward()
    m.zero_grad(set_to_none=False)
    assert m.weight.grad.abs().sum().item() == 0
    m.zero_grad()
    assert m.weight.grad is None


def test_copy_and_pickle() -> None:
    m = Tied()
    for other in (copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        assert other.a.weight is other.b.weight and other.a.weight is not m.a.weight
        assert torch.equal(other.a.weight, m.a.weight) and isinstance(other.a.weight, nn.Parameter)
    relu = pickle.loads(pickle.dumps(nn.LeakyReLU(0.3)))
    assert relu.negative_slope == 0.3


def test_containers() -> None:
    s = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    assert [type(m).__name__ for m in s[1:]] == ["Tanh", "Sigmoid"] and isinstance(s[-1], nn.Sigmoid)
    del s[0]
    s.append(nn.ReLU()).insert(0, nn.ELU()).extend([nn.GELU()])
    assert list(s._modules) == ["0", "1", "2", "3", "4"] and isinstance(s.pop(0), nn.ELU)
    assert len(s + s) == 8 and len(s * 2) == 8
    assert list(nn.Sequential(OrderedDict(a=nn.ReLU())).state_dict()) == []
    ml = nn.ModuleList(nn.Linear(1, 1) for _ in range(3))
    ml[1] = nn.ReLU()
    ml += [nn.Tanh()]
    assert len(ml) == 4 and len(ml[:2]) == 2 and isinstance(ml.pop(1), nn.ReLU)
    md = nn.ModuleDict([["x", nn.ReLU()]])
    md["y"] = nn.Tanh()
    assert list(md) == ["x", "y"] and "x" in md and isinstance(md.pop("x"), nn.ReLU) and len(md) == 1
    pl = nn.ParameterList([torch.ones(1)])
    pl.append(nn.Parameter(torch.zeros(2)))
    assert [n for n, _ in pl.named_parameters()] == ["0", "1"] and len(pl[:1]) == 1
    pd = nn.ParameterDict({"a": torch.ones(1)})
    pd |= {"b": 3}
    assert list(pd.items())[1] == ("b", 3) and pd.get("c") is None and list(pd.state_dict()) == ["a"]


def test_signatures_and_warnings() -> None:
    loss = nn.SmoothL1Loss(beta=0.5)
    assert (loss.beta, loss.reduction) == (0.5, "mean")
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    assert list(nn.CrossEntropyLoss(weight=torch.ones(3)).state_dict()) == ["weight"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.MSELoss(reduction="none")
    with pytest.raises(TypeError):
        nn.ReLU(inplace=True, other=1)
    for plain in (nn.Sigmoid, nn.Tanh, nn.LogSigmoid, nn.Softsign, nn.Tanhshrink, nn.Softmax2d):
        with pytest.raises(TypeError, match="unexpected keyword argument 'dim'"):
            plain(dim=1)
    assert nn.SyncBatchNorm(2, bias=False).bias is None
    assert repr(nn.TripletMarginWithDistanceLoss()).splitlines()[1] == "  (distance_function): PairwiseDistance()"
    with pytest.warns(FutureWarning, match="`nn.Container` is deprecated"):
        assert repr(nn.Container(a=nn.ReLU())) == "Container(\n  (a): ReLU()\n)"


def test_reductions_as_numbers() -> None:
    names = nn._reduction
    assert [names.get_enum(name) for name in ("none", "mean", "sum")] == [0, 1, 2]
    assert names.legacy_get_string(None, False, emit_warning=False) == "none"
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert names.legacy_get_enum(False, None) == 2
    with pytest.raises(ValueError, match="median is not a valid value for reduction"):
        names.get_enum("median")


def test_a_parameter_shares_the_memory_of_its_tensor():
    data = torch.zeros(3)
    weight = nn.Parameter(data)
    data.add_(1)
    with torch.no_grad():
        weight[0] = 5
    assert data.tolist() == weight.tolist() == [5, 1, 1] and data.data_ptr() == weight.data_ptr()
    optimizer = torch.optim.SGD([weight], lr=1.0)
    for _ in range(2):
        optimizer.zero_grad()
        (weight * 2).sum().backward()
        optimizer.step()
    assert data.tolist() == weight.tolist() == [1, -3, -3] and not data.requires_grad and data.grad is None
    again = nn.Parameter(weight)
    assert again.data_ptr() == weight.data_ptr() and again is not weight and again.is_leaf
    table = nn.Parameter(data.view(3, 1), requires_grad=False)
    assert table.tolist() == [[1], [-3], [-3]]


def test_a_function_of_torch_as_an_attribute_of_a_class_is_no_method():
    class Layer(nn.Module):
        act, conv, join, norm = nn.functional.gelu, torch.conv2d, torch.cat, torch.linalg.norm

        def forward(self, x):
            return self.join([self.act(x), self.conv(x, torch.ones(1, 1, 2, 2), padding=1)[..., :2, :2]])

    class Other(Layer):
        act = torch.neg
        double = lambda self, x: 2 * x

    x = torch.ones(1, 1, 2, 2)
    torch.testing.assert_close(Layer()(x), torch.cat([nn.functional.gelu(x), torch.tensor([[[[1., 2], [2, 4]]]])]))
    assert Other()(x)[0].tolist() == [[[-1, -1], [-1, -1]]] and Other().double(1) == 2 and Other().norm(x) == 2
