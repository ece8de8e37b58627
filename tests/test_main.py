"""python -m torchish: a script that says `import torch` runs as it would with `python`, on torchish."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from torchish.__main__ import main
from torchish.missing import missing

ROOT = Path(__file__).parent.parent
SAME_OBJECTS = '''"""A script."""
import pickle, sys
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.utils.data
from torch import nn as again, optim
from torch.utils.data import DataLoader
import torchish
assert torch is torchish is sys.modules["torch"]
from torch._higher_order_ops.scan import scan
assert torch._higher_order_ops.scan is scan
assert nn is again is torchish.nn is sys.modules["torch.nn"]
assert F is torchish.nn.functional and optim is torchish.optim
assert DataLoader is torchish.utils.data.DataLoader
import functorch, functorch.einops
from functorch import make_functional
assert functorch is torchish.functorch is sys.modules["functorch"] and functorch.einops is torchish.functorch.einops
assert functorch.__spec__.name == "torchish.functorch"
assert torchish.__spec__.name == "torchish" and F.__spec__.name == "torchish.nn.functional"
class Mine: pass
assert type(pickle.loads(pickle.dumps(Mine()))) is Mine
'''
ITS_OWN = '''print(__name__, __file__, __doc__, __package__, __cached__)
print(sys.argv, sys.path[0])
'''
LACKING = '''
import importlib.util, torch
assert not hasattr(torch, "reluu") and importlib.util.find_spec("torch.no_such_part") is None
try:
    torch.reluu
except AttributeError as e:
    print(e)
'''
FAILING = '''
def inverse(x):
    return 1 / x

try:
    inverse(0)
except ZeroDivisionError as e:
    raise ValueError("no inverse") from e
'''


def run(*args: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run([sys.executable, *map(str, args)], cwd=folder, capture_output=True, text=True, check=False,
                          timeout=120, env={**os.environ, "PYTHONPATH": path})


def test_a_script_gets_the_same_modules(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text('"""A script."""\nimport sys\n' + ITS_OWN)
    plain = run("plain.py", "a", "-m", "b", folder=tmp_path)
    (tmp_path / "plain.py").write_text(SAME_OBJECTS + ITS_OWN)
    ours = run("-m", "torchish", "plain.py", "a", "-m", "b", folder=tmp_path)
    assert (ours.returncode, ours.stdout, ours.stderr) == (0, plain.stdout, "")


def test_a_module_and_its_exit_status(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "__init__.py").write_text("")
    (tmp_path / "part" / "__main__.py").write_text(
        "import sys\nimport torch\nprint(__package__, sys.argv[1:], torch.__name__)\nsys.exit(7)\n")
    ours = run("-m", "torchish", "-m", "part", "x", folder=tmp_path)
    assert (ours.returncode, ours.stdout, ours.stderr) == (7, "part ['x'] torch\n", "")


def test_a_traceback_is_the_scripts_own(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    plain, ours = run("failing.py", folder=tmp_path), run("-m", "torchish", "failing.py", folder=tmp_path)
    assert "no inverse" in plain.stderr
    assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)


@pytest.mark.parametrize(("last", "said"), [
    ("import torch.no_such_part", "ModuleNotFoundError: No module named 'torch.no_such_part'\ntorchish does not have"),
    ("from torch import reluu", "ImportError: cannot import name 'reluu' from 'torch"),
])
def test_what_torchish_lacks(tmp_path: Path, last: str, said: str) -> None:
    ours = run("-m", "torchish", "-c", LACKING + last, folder=tmp_path)
    assert ours.returncode == 1
    assert ours.stdout.startswith("module 'torch' has no attribute 'reluu'. Nearest: ") and "relu" in ours.stdout
    assert said in ours.stderr and ours.stderr.count("File ") == 1 and "torchish does not have it (yet)" in ours.stderr


def test_missing_script_is_refused_as_by_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "orig_argv", [sys.executable])
    assert main(["nowhere.py"]) == 2
    assert capsys.readouterr().err == run("nowhere.py", folder=tmp_path).stderr


@pytest.mark.parametrize(("args", "status", "said"), [
    (["--help"], 0, "usage: python -m torchish script.py"), ([], 2, "usage:"), (["--fast"], 2, "unknown option --fast"),
    (["-c"], 2, "Argument expected for the -c option")])
def test_usage(args: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == status
    assert said in "".join(capsys.readouterr())


def test_missing_names_the_nearest() -> None:
    look_up = missing("torch", {"softmax": 1, "log_softmax": 1, "_softmin": 1, "relu": 1})
    with pytest.raises(AttributeError, match=r"^module 'torch' has no attribute 'sofmax'\. Nearest: softmax.*; torch"):
        look_up("sofmax")
    with pytest.raises(AttributeError, match=r"^module 'torch' has no attribute '__path__'$"):
        look_up("__path__")


TYPES = """
import io, pickle, torch
values = torch.ones(1), torch.float32, torch.device("cpu"), torch.Size([1]), torch.strided, torch.channels_last
print(*map(type, values), torch.finfo, torch.iinfo)
for x in (*values, *map(type, values)):
    assert str(pickle.loads(pickle.dumps(x))) == str(x), x
file = io.BytesIO()
torch.save(values[:4], file)
assert b"_rebuild_from_type_v2" not in file.getvalue()
file.seek(0)
assert torch.load(file) == values[:4]
try:
    torch.from_numpy(torch.ones(1))
except TypeError as e:
    print(e)
print(torch.nn.Parameter(torch.ones(1)))
"""


def test_types_print_as_torchs() -> None:
    done = subprocess.run([sys.executable, "-m", "torchish", "-c", TYPES], capture_output=True, text=True, check=False)
    names = "Tensor", "dtype", "device", "Size", "layout", "memory_format", "finfo", "iinfo"
    assert done.stderr == ""
    assert done.stdout == " ".join(f"<class 'torch.{n}'>" for n in names) + "\nexpected np.ndarray (got Tensor)\n" \
        "Parameter containing:\ntensor([1.], requires_grad=True)\n"


CAUSES = """
import torch
from torch import nn
first, second = nn.Linear(4, 4), nn.Linear(2, 2)
sgd = torch.optim.SGD(first.parameters(), 0.1)
for _ in range(3):
    loss = first(torch.randn(8, 4)).pow(2).mean()
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    loss.item()
print(torch.explain()[-1].cause)
x, y = torch.randn(8, 2), torch.randn(8, 2)
for curved in (False, True):
    h = second(x)
    h = torch.tanh(h) if curved else torch.where(y > 0, h, y)
    h.sum().item()
print(torch.explain()[-1].cause)
"""


def test_the_cause_of_a_compilation(tmp_path: Path) -> None:
    (tmp_path / "causes.py").write_text(CAUSES)
    done = run("-m", "torchish", "causes.py", folder=tmp_path)
    first, second = done.stdout.splitlines()
    assert first == "new: first seen, from causes.py:7"
    assert second == "new: tanh at causes.py:16 in place of input f32[8,2] (read at causes.py:16)"
