"""Files of torch.save between torch and torchish, both ways.

In: objects made by one.  Out: the other loads them, with equal values, dtypes, strides and sharing.
"""
from __future__ import annotations

import io

import numpy as np
import pytest
import torch

import torchish

pytestmark = pytest.mark.parity
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "float16", "bfloat16", "float32", "float64", "complex64",
          "complex128")


def passed(writer, reader, obj, **options):
    file = io.BytesIO()
    writer.save(obj, file, **options)
    file.seek(0)
    return reader.load(file)


def numbers(x):
    x = x.detach()
    return np.array(x.tolist())


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("ways", [(torch, torchish), (torchish, torch)], ids=["read", "written"])
def test_tensors(ways, zipped):
    writer, reader = ways
    base = writer.arange(24.0).reshape(2, 3, 4)
    tensors = {"base": base, "part": base[1, :, 1:3], "turned": base.permute(2, 0, 1), "diagonal": base[0].diagonal(),
               "scalar": base[0, 0, 0], "empty": writer.empty(0), "wide": writer.ones(1).expand(3),
               "leaf": writer.ones(2, requires_grad=True), "parameter": writer.nn.Parameter(writer.ones(3))}
    tensors |= {name: writer.arange(3).to(getattr(writer, name)) for name in DTYPES if zipped or name != "uint16"}
    got = passed(writer, reader, tensors, _use_new_zipfile_serialization=zipped)
    for name, x in tensors.items():
        y = got[name]
        assert (str(y.dtype), tuple(y.shape), y.stride(), y.requires_grad) == (str(x.dtype), tuple(x.shape), x.stride(), x.requires_grad)
        np.testing.assert_array_equal(numbers(y), numbers(x))
    got["part"][0, 0] = 99
    assert got["base"][1, 0, 1] == 99 and got["turned"][1, 1, 0] == 99
    assert isinstance(got["parameter"], reader.nn.Parameter)


@pytest.mark.parametrize("ways", [(torch, torchish), (torchish, torch)], ids=["read", "written"])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_training_goes_on_in_the_other(ways, name):
    def begin(t):
        net = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.BatchNorm1d(4), t.nn.Tanh(), t.nn.Linear(4, 1))
        options = {"momentum": 0.9} if name == "SGD" else {}
        return net, getattr(t.optim, name)(net.parameters(), lr=0.05, **options)

    def train(t, net, optimizer, steps):
        x = t.tensor(np.random.default_rng(0).standard_normal((8, 3), np.float32))
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (net(x) - 1).square().mean()
            loss.backward()
            optimizer.step()
        return loss.item()
    writer, reader = ways
    net, optimizer = begin(writer)
    train(writer, net, optimizer, 3)
    got = passed(writer, reader, {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3})
    other, its = begin(reader)
    other.load_state_dict(got["net"])
    its.load_state_dict(got["optimizer"])
    assert got["epoch"] == 3
    assert train(reader, other, its, 3) == pytest.approx(train(writer, net, optimizer, 3), rel=1e-4)


def test_functions_that_a_module_keeps():
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, activation="gelu").eval()
    x = np.random.default_rng(0).standard_normal((3, 2, 4), np.float32)
    file = io.BytesIO()
    torch.save([layer, torch.relu, torch.Tensor.tanh], file)
    file.seek(0)
    own, *functions = torchish.load(file, weights_only=False)
    np.testing.assert_allclose(own(torchish.tensor(x)).detach().numpy(), layer(torch.tensor(x)).detach().numpy(), 1e-5, 1e-5)
    assert functions == [torchish.relu, torchish.Tensor.tanh]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("ways", [(torch, torchish), (torchish, torch)], ids=["read", "written"])
def test_conjugates(ways, zipped):
    writer, reader = ways
    x = writer.tensor([1 + 2j, 3 - 4j])
    whole, turned = passed(writer, reader, [x, x.conj()], _use_new_zipfile_serialization=zipped)
    assert whole.tolist() == [1 + 2j, 3 - 4j] and turned.tolist() == [1 - 2j, 3 + 4j]
    assert passed(writer, reader, x.conj().imag, _use_new_zipfile_serialization=zipped).tolist() == [-2, 4]
