"""torch.utils.tensorboard: tensors reach the files of tensorboardX; without that package it says what to install."""
from __future__ import annotations

import sys

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

import torchish as torch
from torchish.utils.tensorboard import SummaryWriter


def events(folder):
    """The summaries in the one event file of a folder: tag -> values in the order of steps."""
    file, = folder.glob("events.*")
    data, found, at = file.read_bytes(), {}, 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 8], "little")
        for value in Event.FromString(data[at + 12:at + 12 + size]).summary.value:
            found.setdefault(value.tag, []).append(value)
        at += size + 16
    return found


def test_tensors_reach_the_files(tmp_path):
    w = torch.nn.Linear(3, 2)
    with SummaryWriter(tmp_path / "run", flush_secs=1) as writer:
        assert writer.log_dir == writer.get_logdir() == str(tmp_path / "run")
        for step in range(3):
            writer.add_scalar("loss", (w(torch.ones(3)) * 0).sum() + step, step, new_style=True)
        writer.add_histogram("weight", w.weight, 0)
        writer.add_text("note", "words")
        writer.add_pr_curve("curve", torch.tensor([0, 1, 1]), torch.tensor([0.1, 0.6, 0.4]))
    found = events(tmp_path / "run")
    assert [v.simple_value for v in found["loss"]] == [0, 1, 2]
    histogram, = found["weight"]
    assert np.isclose(histogram.histo.sum, w.weight.sum().item()) and histogram.histo.num == 6
    assert {"note/text_summary", "curve"} <= found.keys()


def test_scalars_and_hyperparameters_are_runs_of_their_own(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.add_scalars("both", {"a": torch.tensor(1.5), "b": 2}, 0)
    writer.add_hparams({"lr": 0.1, "layers": torch.tensor(2)}, {"accuracy": torch.tensor(0.5)}, run_name="best")
    writer.close()
    value, = events(tmp_path / "both" / "a")["both"]
    assert value.simple_value == 1.5
    value, = events(tmp_path / "best")["accuracy"]
    assert value.simple_value == 0.5


def test_no_graph_is_written(tmp_path):
    writer = SummaryWriter(tmp_path)
    with pytest.raises(NotImplementedError, match="TorchScript"):
        writer.add_graph(torch.nn.Linear(2, 2), torch.ones(1, 2))
    writer.close()


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.delitem(sys.modules, "torchish.utils.tensorboard")
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'torchish\[tensorboard\]'"):
        import torchish.utils.tensorboard  # noqa: F401
