"""torchish.export and load_exported."""
from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import torchish as torch
from torchish import nn


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)), torch.randn(8, 4)


def test_a_module_with_its_parameters_and_gradients(tmp_path):
    module, x = net()
    module.eval()
    exported = torch.export(module, tmp_path / "net.zip", (x,))
    assert set(exported.state) == {name for name in module.state_dict() if "tracked" not in name}
    torch.testing.assert_close(exported(x), module(x))
    exported(x).square().sum().backward()
    module(x).square().sum().backward()
    torch.testing.assert_close(exported.state["0.weight"].grad, module[0].weight.grad)
    assert "stablehlo" in exported.stablehlo


def test_in_a_process_that_does_not_have_the_module(tmp_path):
    module, x = net()
    module.eval()
    path = tmp_path / "net.zip"
    torch.export(module, path, (x,))
    np.save(tmp_path / "x.npy", x.numpy())
    code = f"import numpy, torchish; f = torchish.load_exported({str(path)!r}); " \
           f"print(f(numpy.load({str(tmp_path / 'x.npy')!r})).tolist())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    np.testing.assert_allclose(json.loads(out.stdout), module(x).detach(), rtol=1e-5)


def test_what_is_written_stays_in_the_loaded_function(tmp_path):
    module, x = net()
    exported = torch.export(module, tmp_path / "train.zip", (x,))
    first, second = exported(x), exported(x)
    assert not torch.equal(first, second)       # dropout draws anew
    module(x), module(x)
    torch.testing.assert_close(exported.state["1.running_mean"], module[1].running_mean)


def test_a_training_step(tmp_path):
    w, x, y = torch.zeros(4, requires_grad=True), torch.randn(8, 4), torch.randn(8)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = (x @ w - y).square().mean()
        loss.backward()
        optimizer.step()
        return loss
    step(x, y)
    exported = torch.export(step, tmp_path / "step.zip", (x, y))
    assert [exported(x, y).item() for _ in range(3)] == pytest.approx([step(x, y).item() for _ in range(3)], rel=1e-5)


def test_structures_and_errors(tmp_path):
    x = torch.arange(6.0).reshape(2, 3)
    f = torch.export(lambda d, n: {"r": [d["a"] * n, d["b"].sum()], "n": (n, None)}, tmp_path / "f.zip",
                     ({"a": x, "b": x.long()},), {"n": 2})
    given = {"a": x, "b": x.long()}
    out = f(given, n=2)
    assert out["n"] == (2, None) and out["r"][1].item() == 15 and out["r"][0][0, 1].item() == 2
    for args, kwargs, error, message in [(({"a": x[:1], "b": x.long()},), {"n": 2}, ValueError, "wanted shape"),
                                         (({"a": x.double(), "b": x.long()},), {"n": 2}, TypeError, "wanted dtype torch.float32"),
                                         ((given,), {"n": 3}, ValueError, "was exported with 2"),
                                         (({"a": x},), {"n": 2}, TypeError, "wanted the keys"),
                                         ((given, x), {"n": 2}, TypeError, "wanted 1 values, got 2")]:
        with pytest.raises(error, match=message):
            f(*args, **kwargs)
    for platforms, error, message in [("cpu", TypeError, "must be a tuple of names"), (("moon",), ValueError, "got moon"),
                                      ((), ValueError, "got none")]:
        with pytest.raises(error, match=message):
            torch.export(torch.sin, tmp_path / "p.zip", (x,), platforms=platforms)
    double = torch.export(torch.sin, tmp_path / "d.zip", (x,))
    for odd, message in [(x.to_sparse(), "one that is sparse"), (x.to("meta"), "one that is on meta")]:
        with pytest.raises(TypeError, match=message):
            double(odd)
    with pytest.raises(TypeError, match=r"write \(tensor,\)"):
        torch.export(abs, tmp_path / "g.zip", x)
    torch.save(x, tmp_path / "x.pt")
    with pytest.raises(ValueError, match="is no file written by torchish.export"):
        torch.load_exported(tmp_path / "x.pt")


def test_a_file_of_a_newer_torchish_is_refused(tmp_path):
    torch.export(torch.sin, tmp_path / "sin.zip", (torch.ones(2),))
    with zipfile.ZipFile(tmp_path / "sin.zip") as old, zipfile.ZipFile(tmp_path / "new.zip", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b'"format": 1', b'"format": 99') if name == "about.json" else data)
    with pytest.raises(RuntimeError, match="has format 99"):
        torch.load_exported(tmp_path / "new.zip")
