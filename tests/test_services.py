"""What scripts import beside the tensors: torch.hub, torch.profiler, torch.utils.model_zoo; and whose line warnings name."""
from __future__ import annotations

import json
import sys

import pytest

import torchish as torch
from torchish import hub, profiler
from torchish.utils import benchmark, model_zoo

HUBCONF = '''
import torch
from beside import HOW_MANY
dependencies = ["torch", "json"]
def _hidden(): pass
def net(n=2):
    """A net."""
    return [n, HOW_MANY]
'''


def test_a_hub_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", torch)
    (tmp_path / "hubconf.py").write_text(HUBCONF)
    (tmp_path / "beside.py").write_text("HOW_MANY = 7\n")
    assert hub.list(tmp_path, source="local") == ["net"]
    assert hub.help(tmp_path, "net", source="local") == "A net."
    assert hub.load(tmp_path, "net", n=3, source="local") == [3, 7]
    for model, message in (("none", "Cannot find callable none in hubconf"), (3, "Invalid input: model should be a string")):
        with pytest.raises((RuntimeError, ValueError), match=message):
            hub.load(tmp_path, model, source="local")
    with pytest.raises(ValueError, match=r'Unknown source: "web"\. Allowed values: "github" \| "local"\.'):
        hub.load(tmp_path, "net", source="web")
    with pytest.raises(NotImplementedError, match='source="local"'):
        hub.load("some/where", "net")


def test_files_by_address(tmp_path, monkeypatch, capsys):
    torch.save({"w": torch.ones(2)}, tmp_path / "net-0.pt")
    address = (tmp_path / "net-0.pt").as_uri()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    assert hub.get_dir() == str(tmp_path / "home" / "hub")
    assert hub.load_state_dict_from_url(address)["w"].tolist() == [1, 1]
    assert "Downloading" in capsys.readouterr().err
    assert model_zoo.load_url(address)["w"].tolist() == [1, 1]
    assert capsys.readouterr().err == ""        # it is there already
    with pytest.raises(RuntimeError, match='invalid hash value \\(expected "zz", got "'):
        hub.download_url_to_file(address, tmp_path / "other", hash_prefix="zz")
    assert not (tmp_path / "other").exists() and list(tmp_path.glob("*.partial")) == []


def test_a_schedule_and_its_windows(tmp_path):
    plan = profiler.schedule(wait=1, warmup=1, active=2, repeat=1, skip_first=1)
    assert [plan(i).name for i in range(7)] == ["NONE", "NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE", "NONE"]
    with pytest.raises(AssertionError, match="Invalid profiler schedule arguments"):
        profiler.schedule(wait=0, warmup=0, active=0)
    seen = []
    with profiler.profile(activities=[profiler.ProfilerActivity.CPU], schedule=plan,
                          on_trace_ready=lambda prof: seen.append([(e.key, e.count) for e in prof.key_averages()])) as prof:
        for _ in range(6):
            with profiler.record_function("forward"):
                torch.ones(2).sum()
            prof.step()
    assert seen == [[("forward", 2), ("ProfilerStep#3", 1), ("ProfilerStep#4", 1)]]
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    calls = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [call["name"] for call in calls] == ["forward", "ProfilerStep#3", "forward", "ProfilerStep#4"]
    assert "forward" in prof.key_averages().table(sort_by="cpu_time_total", row_limit=1)


def test_a_profile_without_a_schedule():
    with profiler.profile(on_trace_ready=profiler.tensorboard_trace_handler) as prof, profiler.record_function("a"):
        prof.on_trace_ready = None
    assert [e.key for e in prof.events()] == ["a"] and profiler.ProfilerActivity.CPU in profiler.supported_activities()
    with pytest.raises(AssertionError, match="Profiler must be initialized before getting key averages"):
        profiler.profile().key_averages()


def test_the_version_compares_as_one():
    version = type(torch.__version__)
    assert isinstance(torch.__version__, str) and torch.__version__ >= (1, 10) and torch.__version__ > "2.2"
    assert version("1.10.0a") > (1, 2) and version("1.10.0a") < (1, 10, 0) and version("2.1.0rc1") < "2.1.0"
    assert version("2.0") == "2.0.0" and version("2.13.0+x") > "2.13.0" and not version("2.0") > "parrot"
    with pytest.raises(TypeError):
        version("2.0") < 2


def test_times_of_a_statement():
    timer = benchmark.Timer("x + 1", globals={"x": torch.ones(2)}, label="adding", sub_label="two", description="now")
    once, many = timer.timeit(3), timer.blocked_autorange(min_run_time=0.005)
    assert once.number_per_run == 3 and len(once.times) == 1 and once.median == once.mean > 0 and "adding: two" in repr(once)
    assert sum(many.raw_times) >= 0.005 and many.median > 0
    assert "now" in str(benchmark.Compare([once])) and "Times are in " in str(benchmark.Compare([once, once]))
    with pytest.raises(ValueError, match="Expected an instance of `Measurement`, got <class 'int'> instead"):
        benchmark.Compare([1])


WARNS = {
    "old checkpoint": lambda x: torch.utils.checkpoint.checkpoint(abs, x.requires_grad_()),
    "forward of a module": lambda x: torch.nn.InstanceNorm1d(3)(x),
    "made by a module": lambda x: torch.nn.LSTM(1, 1, dropout=0.5),
    "old reduction": lambda x: torch.nn.functional.l1_loss(x, x, size_average=True),
    "nothing to fill": lambda x: torch.nn.init.kaiming_normal_(torch.empty(0, 2)),
    "old name": lambda x: torch.nn.init.uniform(x),
    "empty generator": lambda x: torch.nn.utils.clip_grad_norm_((p for p in ()), 1.0),
    "no arg_constraints": lambda x: type("D", (torch.distributions.Distribution,), {})(validate_args=True),
    "group of an optimizer": lambda x: torch.optim.SGD([x, x], lr=1.0),
    "schedule before step": lambda x: torch.optim.lr_scheduler.ExponentialLR(torch.optim.SGD([x], lr=1.0), 0.5).step(),
    "bounds": lambda x: x.random_(0, 2 ** 24 + 2),
    "an empty part": lambda x: torch.utils.data.random_split([1], [1, 0]),
}


@pytest.mark.parametrize("call", WARNS.values(), ids=WARNS)
def test_a_warning_names_the_line_of_the_user(call):
    with pytest.warns() as seen:
        call(torch.ones(2, 4, 5))
    assert [(w.filename, w.lineno) for w in seen] == [(__file__, call.__code__.co_firstlineno)]


def test_what_libraries_ask_when_they_are_imported():
    from torchish.overrides import BaseTorchFunctionMode
    assert isinstance(torch.Tensor, torch._C._TensorMeta) and not torch._C._is_torch_function_mode_enabled()
    with BaseTorchFunctionMode():
        assert torch._C._is_torch_function_mode_enabled()
    assert torch.ScriptModule is torch.jit.ScriptModule and issubclass(torch.ScriptModule, torch.nn.Module)
    assert not isinstance(torch.nn.Linear(1, 1), torch.jit.ScriptModule)
    spec = torch.utils._pytree.tree_structure((1, [2, 3]))
    assert torch._functorch.vmap._broadcast_to_and_flatten((0, None), spec) == [0, None, None]


def test_memory_that_nothing_was_written_to_is_filled_where_determinism_is_asked_for():
    torch.use_deterministic_algorithms(True)
    try:
        for made in (torch.empty(2), torch.empty_like(torch.zeros(2)), torch.zeros(1).new_empty(2), torch.zeros(1).resize_(3)[1:],
                     torch.empty_strided((2,), (2,)), torch.empty_permuted((2,), (0,))):
            assert made.isnan().all() and made.shape == (2,)
        assert torch.empty(1, dtype=torch.complex64).isnan().all() and torch.empty(1, dtype=torch.bool).item() is True
        assert torch.empty(2, dtype=torch.int16).tolist() == [32767] * 2 and torch.zeros(2).tolist() == [0, 0]
        torch.utils.deterministic.fill_uninitialized_memory = False
        assert torch.empty(2).tolist() == [0, 0] and torch.utils.deterministic.fill_uninitialized_memory is False
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = True
        torch.use_deterministic_algorithms(False)


def test_what_a_profile_holds_has_the_names_that_libraries_import():
    from torchish.autograd import profiler_util
    assert profiler_util.EventList is torch.autograd.profiler.EventList and not torch.autograd.kineto_available()
    assert (torch.autograd.DeviceType.CPU, torch.autograd.DeviceType.PrivateUse1) == (0, 20)
