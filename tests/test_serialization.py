"""torch.save and torch.load: torch's own files, sharing of storages, what a file may hold."""
from __future__ import annotations

import inspect
import io
import os
import pathlib
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

import torchish as torch
from torchish import nn, serialization

GOLDEN = pathlib.Path(__file__).parent / "golden"
REFUSED = "Weights only load failed"


def saved(obj, **options):
    file = io.BytesIO()
    torch.save(obj, file, **options)
    file.seek(0)
    return file


def kept(obj, **options):
    """What comes back from a file."""
    return torch.load(saved(obj), **options)


@pytest.mark.parametrize("file", ["checkpoint.pt", "checkpoint_legacy.pt"])
def test_files_of_torch_are_read(file):
    got = torch.load(GOLDEN / file)
    base = np.arange(6, dtype=np.float32).reshape(2, 3)
    for name, expected in {"base": base, "row": base[1], "turned": base.T, "column": base[:, 1]}.items():
        np.testing.assert_array_equal(got[name], expected)
    assert got["turned"].stride() == (1, 3)
    got["row"][0] = 100
    assert got["base"][1, 0] == 100 and got["turned"][0, 1] == 100      # one storage
    assert isinstance(got["parameter"], nn.Parameter) and got["parameter"].requires_grad
    for name, x in got["dtypes"].items():
        assert x.dtype is getattr(torch, name) and x.to(torch.complex128).real.tolist() == [0, 1, 2 if name != "bool" else 1]
    assert got["size"] == torch.Size([2, 3]) and isinstance(got["size"], torch.Size) and got["dtype"] is torch.float16
    assert got["device"] == torch.device("cpu") and got["plain"] == (1, 2.5, "text", None, [True], OrderedDict(a=1))
    assert got["empty"].shape == (0, 3) and got["scalar"].item() == 7


def test_states_of_torch_go_on_here():
    got = torch.load(GOLDEN / "checkpoint.pt")
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert not net.load_state_dict(got["net"]).missing_keys
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    optimizer.load_state_dict(got["optimizer"])
    net(torch.tensor([[0.0, 1.0], [2.0, 5.0]])).square().sum().backward()
    optimizer.step()
    assert optimizer.state_dict()["state"][0]["step"].item() == 2
    back = kept({"net": net.state_dict(), "optimizer": optimizer.state_dict()})
    assert list(back["net"]) == list(got["net"]) and back["net"]._metadata == got["net"]._metadata
    torch.testing.assert_close(back["optimizer"]["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])


def test_the_archive_is_torchs(tmp_path):
    x = torch.arange(6.0).reshape(2, 3)
    torch.save({"x": x, "row": x[1]}, tmp_path / "name.pt")
    with zipfile.ZipFile(tmp_path / "name.pt") as archive:
        assert archive.read("name/version") == b"3\n" and archive.read("name/byteorder") == b"little"
        assert [n for n in archive.namelist() if "/data/" in n] == ["name/data/0"]
        assert archive.read("name/data/0") == np.arange(6, dtype=np.float32).tobytes()
        info = archive.getinfo("name/data/0")
        assert (info.header_offset + 30 + len(info.filename) + len(info.extra)) % 64 == 0
        text = archive.read("name/data.pkl")
    assert b"ctorch._utils\n_rebuild_tensor_v2\n" in text and b"ctorch\nFloatStorage\n" in text and b"torchish" not in text


@pytest.mark.parametrize("zipped", [True, False])
def test_sharing_parameters_and_attributes(zipped):
    x = torch.arange(6.0).reshape(2, 3)
    marked = torch.ones(2)
    marked.note = "seen"
    parameter = nn.Parameter(torch.ones(2), requires_grad=False)
    parameter.mark = [1]
    loop = [x]
    loop.append(loop)
    obj = {"x": x, "row": x[1], "turned": x.t(), "wide": torch.zeros(1).expand(3), "half": torch.ones(2, dtype=torch.bfloat16),
           "marked": marked, "parameter": parameter, "leaf": torch.ones(2, requires_grad=True) * 1, "loop": loop}
    got = torch.load(saved(obj, _use_new_zipfile_serialization=zipped))
    got["x"].mul_(2)
    assert got["row"].tolist() == [6, 8, 10] and got["turned"].stride() == (1, 3) and got["turned"][2, 1] == 10
    assert got["wide"].tolist() == [0, 0, 0] and got["half"].dtype is torch.bfloat16
    assert got["marked"].note == "seen" and got["parameter"].mark == [1] and not got["parameter"].requires_grad
    assert got["leaf"].requires_grad and got["leaf"].is_leaf and got["loop"][1] is got["loop"] and got["loop"][0] is got["x"]


def test_map_location():
    x = torch.ones(2)
    asked = []
    for where in (None, "cpu", torch.device("cpu"), {"cpu": "cpu"}, {"cuda:0": "cpu"},
                  lambda storage, place: asked.append((len(storage), place)) or storage, lambda storage, place: None):
        assert kept(x, map_location=where).tolist() == [1, 1]
    assert asked == [(8, "cpu")]
    with pytest.raises(RuntimeError, match=r"restore data location of torch.storage.UntypedStorage \(tagged with foo\)"):
        kept(x, map_location="foo")
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device but"):
            kept(x, map_location="cuda:0")


class Mine:
    def __init__(self):
        self.x = torch.ones(2)


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def test_what_a_file_may_hold():
    with pytest.raises(pickle.UnpicklingError, match=f"(?s){REFUSED}.*Unsupported global: GLOBAL .*Mine was not an allowed global"):
        kept(Mine())
    with pytest.raises(pickle.UnpicklingError, match=f"(?s){REFUSED}.*whose module posix is blocked"):
        kept(Evil())
    with pytest.raises(pickle.UnpicklingError, match=REFUSED):
        kept(len)
    assert kept(Mine(), weights_only=False).x.tolist() == [1, 1]
    with serialization.safe_globals([Mine]):
        assert kept(Mine()).x.tolist() == [1, 1]
    assert serialization.get_safe_globals() == []
    assert len(serialization.get_unsafe_globals_in_checkpoint(saved([Mine(), torch.ones(1)]))) == 1
    with pytest.raises(pickle.UnpicklingError, match="Can only build Tensor, Parameter, OrderedDict"):     # patches the class
        torch.load(io.BytesIO(b"\x80\x02ctorch\nTensor\n}X\x03\x00\x00\x00addK\x01sb."))
    with pytest.raises(pickle.UnpicklingError, match="Unsupported operand 103"):
        torch.load(io.BytesIO(b"garbage"))
    assert torch.load(saved(torch.ones(2), pickle_protocol=4)).tolist() == [1, 1]
    for plain in ({1, 2}, b"abc", bytearray(b"abc"), 3 + 1j, torch.strided):
        assert kept(plain) == plain


def test_whole_modules():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()
    again, x = kept(net, weights_only=False), torch.ones(3, 2)
    assert repr(again) == repr(net) and torch.equal(again(x), net(x)) and isinstance(again[0].weight, nn.Parameter)


def test_errors(tmp_path):
    x = torch.ones(2)
    for wrong, error, message in [
            (lambda: torch.load(io.BytesIO(b"")), EOFError, "Ran out of input"),
            (lambda: torch.load(io.BytesIO(b"garbage")), pickle.UnpicklingError, REFUSED),
            (lambda: torch.load(io.BytesIO(saved(x).getvalue()[:99])), RuntimeError, "failed finding central directory"),
            (lambda: torch.load(3), AttributeError, "'int' object has no attribute 'seek'"),
            (lambda: torch.load(tmp_path / "none.pt"), FileNotFoundError, "No such file"),
            (lambda: torch.load(io.BytesIO(pickle.dumps([1])), weights_only=False), RuntimeError, "Invalid magic number"),
            (lambda: torch.load(saved(x), mmap=True), ValueError, "f must be a file path in order to use the mmap argument"),
            (lambda: torch.load(saved(x), pickle_module=pickle, weights_only=True), RuntimeError, "Can not safely load weights"),
            (lambda: torch.save(x, 3), AttributeError, "expected 'f' to be string, path, or a file-like object"),
            (lambda: torch.save(x, tmp_path / "no" / "x.pt"), RuntimeError, "Parent directory .* does not exist")]:
        with pytest.raises(error, match=message):
            wrong()
    torch.save(x, tmp_path / "x.pt")
    torch.save(x, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert torch.load(tmp_path / "x.pt", mmap=True).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="mmap can only be used with files saved with"):
        torch.load(tmp_path / "old.pt", mmap=True)


def test_functions_are_saved_by_torchs_name():
    functions = [torch.relu, torch.erf, torch.einsum]
    for space in (nn.functional, torch.linalg, torch.special, torch.fft):
        functions += [f for name, f in vars(space).items() if name in space.__all__ and inspect.isfunction(f)]
    with zipfile.ZipFile(saved(functions)) as archive:
        written = archive.read("archive/data.pkl")
    assert b"ctorch.nn.functional\nrelu\n" in written and b"ctorch.linalg\ninv\n" in written
    assert all(a is b for a, b in zip(kept(functions, weights_only=False), functions, strict=True))
    assert all(a is b for a, b in zip(pickle.loads(pickle.dumps(functions)), functions, strict=True))
    with torch.serialization.safe_globals([nn.functional.relu]):
        assert kept(nn.functional.relu) is nn.functional.relu
    assert kept(nn.TransformerEncoderLayer(4, 2, 8), weights_only=False).activation is nn.functional.relu


def test_functions_have_these_names_in_torchs_files():
    found = serialization.names.find
    assert found("torch._C._nn", "gelu", {}) is nn.functional.gelu
    assert found("torch._C", "_VariableFunctionsClass", {}).relu is torch.relu
    assert found("torch._C", "TensorBase", {}) is torch.Tensor


def test_records_of_a_file_one_by_one(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"a": torch.tensor([1.0, 2.0])}, path)
    for file in (str(path), saved({"a": torch.tensor([1.0, 2.0])})):
        reader = torch.PyTorchFileReader(file)
        assert {"data.pkl", "byteorder", "version", "data/0"} <= set(reader.get_all_records())
        assert reader.has_record("data/0") and not reader.has_record("data/1")
        assert np.frombuffer(reader.get_record("data/0"), "<f4").tolist() == [1, 2] and reader.get_record_size("data/0") == 8
        with pytest.raises(RuntimeError, match="PytorchStreamReader failed locating file data/1: file not found"):
            reader.get_record("data/1")
    with pytest.raises(RuntimeError, match="PytorchStreamReader failed reading zip archive: not a ZIP archive"):
        torch.PyTorchFileReader(io.BytesIO(b"abc"))
    with pytest.raises(RuntimeError, match="open file failed because of errno 2 on fopen: No such file or directory"):
        torch.PyTorchFileReader(str(tmp_path / "none"))


@pytest.mark.parametrize("archive", [True, False])
def test_what_is_saved_to_an_open_file_is_in_it(tmp_path, archive):
    with open(tmp_path / "x.pt", "wb") as file:
        torch.save(torch.arange(3), file, _use_new_zipfile_serialization=archive)
        assert torch.load(tmp_path / "x.pt").tolist() == [0, 1, 2]


def test_records_are_written_one_by_one(tmp_path):
    for file in (str(tmp_path / "x.pt"), io.BytesIO()):
        with torch.serialization._open_zipfile_writer(file) as writer:
            writer.write_record("a", b"12345", 3)
            writer.write_record("b/c", b"678", 3)
            assert writer.get_all_written_records() == {"a", "b/c"}
            with pytest.raises(RuntimeError, match="Tried to serialize file twice: a"):
                writer.write_record("a", b"", 0)
        assert writer.archive_name() == ("x" if isinstance(file, str) else "archive")
        with torch.serialization._open_zipfile_reader(file) as reader:
            assert (reader.get_record("a"), reader.get_record("b/c")) == (b"123", b"678")
            assert set(reader.get_all_records()) == {"a", "b/c", "version"}
        with torch.serialization._open_file_like(file, "rb") as opened:
            opened.seek(0)
            assert torch.serialization._is_zipfile(opened) and opened.tell() == 0
    with pytest.raises(AttributeError, match="has no callable attribute 'write'"), torch.serialization._open_zipfile_writer(3):
        pass
    assert not torch.serialization._is_zipfile(io.BytesIO(b"PK\x03"))


@pytest.mark.parametrize("archive", [True, False])
def test_storages_that_are_loaded_are_those_of_the_tensors(archive):
    x = torch.arange(4.0)
    whole, storage, part = loaded = torch.load(saved([x, x.storage(), x[1:3]], _use_new_zipfile_serialization=archive))
    whole.fill_(7)
    assert storage.tolist() == [7.0] * 4 and part.tolist() == [7.0, 7.0]
    assert storage.data_ptr() == whole.data_ptr() and len(loaded) == 3
    part, storage = torch.load(saved([x[1:3], x.storage()], _use_new_zipfile_serialization=archive))
    part.fill_(5)
    assert storage.tolist() == [0.0, 5.0, 5.0, 3.0]
    storage[1] = 8.0
    assert part.tolist() == [8.0, 5.0]


def test_one_memory_has_one_dtype_in_a_file():
    x = torch.tensor([1 + 2j, 3 + 4j])
    for pair in ([x, x.imag], [x.storage(), x.imag], [x, x.imag.storage()], [x, x.untyped_storage()]):
        with pytest.raises(RuntimeError, match="Cannot save multiple tensors or storages that view the same data"):
            torch.save(pair, io.BytesIO())
    imag = kept(x.imag)
    assert imag.tolist() == [2.0, 4.0] and imag.stride() == (2,)
    assert kept(x.conj().imag).tolist() == [-2.0, -4.0]
    empty = torch.tensor([])
    first, second = kept([empty, torch.TypedStorage(wrap_storage=empty.untyped_storage(), dtype=torch.int64)])
    assert first.dtype is torch.float32 and second.dtype is torch.int64


def test_conjugates_float8_and_files_that_can_read_and_seek_alone():
    x = torch.tensor([1 + 2j, 3 - 4j])
    for archive in (True, False):
        got = torch.load(saved([x, x.conj(), x.conj().imag], _use_new_zipfile_serialization=archive))
        assert got[0].tolist() == [1 + 2j, 3 - 4j] and got[1].tolist() == [1 - 2j, 3 + 4j] and got[2].tolist() == [-2, 4]
    for dtype in (torch.float8_e5m2, torch.float8_e4m3fn):
        assert kept(torch.tensor([[1.0, 2.0], [3.0, 4.0]]).to(dtype).t()).float().tolist() == [[1, 3], [2, 4]]

    class Plain:
        def __init__(self, file):
            self.read, self.seek, self.tell, self.readline = file.read, file.seek, file.tell, file.readline

    assert torch.load(Plain(saved(torch.arange(3)))).tolist() == [0, 1, 2]
