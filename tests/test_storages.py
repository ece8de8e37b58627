"""Storages: what they are made of, what they see and write, casts, the old classes, torch's warning; as in PyTorch 2.13."""
from __future__ import annotations

import copy
import pickle
import warnings

import pytest

import torchish as torch

F = torch.FloatStorage


@pytest.fixture(autouse=True)
def _quiet():
    """The deprecation is told once per process: it is not what these tests are about."""
    torch.storage._reset_warn_typed_storage_removal()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_deprecation_is_told_once():
    storage = torch.zeros(2)._typed_storage()
    for call in (lambda: F(2), lambda: F.dtype, lambda: len(storage), lambda: storage[0], lambda: storage.is_cuda,
                 lambda: torch.zeros(2).storage(), lambda: storage.fill_(1)):
        torch.storage._reset_warn_typed_storage_removal()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            call()
            call()
        assert [str(w.message)[:27] for w in told] == ["TypedStorage is deprecated."] and told[0].filename == __file__
    torch.storage._reset_warn_typed_storage_removal()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert storage._size() == 2 and F._dtype is torch.float32 and torch.zeros(1).untyped_storage().nbytes() == 4


def test_old_classes_tell_storages_of_their_dtype():
    x = torch.zeros(3, dtype=torch.int16).storage()
    assert type(x) is torch.TypedStorage and isinstance(x, torch.ShortStorage) and not isinstance(x, F)
    assert issubclass(F, torch.TypedStorage) and F.dtype is torch.float32 and x.type() == "torch.ShortStorage"
    assert torch.zeros(2).storage_type() is F and torch.storage._dtype_to_storage_type_map()[torch.bool] == "BoolStorage"
    assert F in torch._storage_classes and torch.cuda.FloatStorage in torch._storage_classes
    assert torch.FloatTensor in torch._tensor_classes and not torch.FloatTensor.is_sparse and torch.cuda.FloatTensor.is_cuda


def test_casts_are_numbers_not_bytes():
    x = torch.IntStorage([-1, 0, 300])
    assert x.float().tolist() == [-1.0, 0.0, 300.0] and x.byte().tolist() == [255, 0, 44]
    assert x.bool().tolist() == [True, False, True]
    assert x.complex_double().dtype is torch.complex128
    assert x.type(torch.LongStorage).tolist() == x.type("torch.LongStorage").tolist() == [-1, 0, 300]
    assert x.int().data_ptr() != x.data_ptr()
    assert torch.UntypedStorage([1, 2]).float().tolist() == [1.0, 2.0]
    assert torch.UntypedStorage(1).type() == "torch.storage.UntypedStorage"


def test_buffers_have_a_byte_order():
    assert torch.ShortStorage.from_buffer(bytes([1, 2, 3, 4]), "big").tolist() == [258, 772]
    assert torch.ShortStorage.from_buffer(b"\1\0\2\0\3\0", "little", 1, 2).tolist() == [2]
    assert torch.BoolStorage.from_buffer(bytes([0, 1, 7])).tolist() == [False, True, True]
    assert torch.ComplexFloatStorage.from_buffer(bytes([63, 128, 0, 0, 64, 0, 0, 0]), "big").tolist() == [1 + 2j]
    for args, error, text in (((b"1234",), RuntimeError, "function missing required argument 'byte_order' (pos 2)"),
                              ((b"1234", "x"), ValueError, "invalid byte_order 'x' (expected 'big', 'little', or 'native')"),
                              ((b"12345", "big"), ValueError, "buffer size (5) must be a multiple of element size (4)"),
                              ((b"1234", "big", 2), ValueError, "buffer has only 1 elements after offset 0"),
                              ((b"1234", "big", 0, 9), ValueError, "offset must be non-negative and no greater than")):
        with pytest.raises(error) as found:
            torch.IntStorage.from_buffer(*args)
        assert str(found.value).startswith(text)


def test_swapped_bytes():
    for dtype, first in ((torch.float64, [7, 6, 5, 4, 3, 2, 1, 0]), (torch.complex64, [3, 2, 1, 0, 7, 6, 5, 4]),
                         (torch.int16, [1, 0, 3, 2, 5, 4, 7, 6]), (torch.bool, list(range(8)))):
        storage = torch.UntypedStorage(range(8))
        storage.byteswap(dtype)
        assert storage.tolist() == first
    with pytest.raises(RuntimeError, match="the length of data is not a multiple of 2"):
        torch.UntypedStorage(3).byteswap(torch.int16)


@pytest.mark.parametrize(("call", "error", "text"), [
    ("F(device='cpu')", RuntimeError, "Keyword argument 'device' cannot be specified"),
    ("F(1, 2)", RuntimeError, "Too many positional arguments"), ("F('a')", TypeError, "new(): invalid data type 'str'"),
    ("F(torch.zeros(1))", TypeError, "Argument type not recognized: "),
    ("F(0, wrap_storage=torch.UntypedStorage(4))", RuntimeError, "No positional arguments should be given"),
    ("torch.TypedStorage(wrap_storage=torch.UntypedStorage(4))", RuntimeError, "Argument 'dtype' must be specified"),
    ("torch.storage._LegacyStorage()", RuntimeError, "Only child classes of _LegacyStorage can be instantiated"),
    ("F([1])[5]", IndexError, "index 5 out of range for storage of size 1"),
    ("F([1])[0:1]", RuntimeError, "slices are only supported in UntypedStorage.__getitem__"),
    ("F([1]).fill_(F([1]))", RuntimeError, "cannot set item with value type"),
    ("F([1]).copy_(F([1, 2]))", RuntimeError, "size does not match, self was 4 bytes but src was 8 bytes"),
    ("torch.UntypedStorage('ab')", RuntimeError, "but one of the items was of type str instead of int"),
    ("torch.UntypedStorage(1.5)", RuntimeError, "Expected a sequence type, but got float"),
    ("torch.TypedStorage(2, device='meta')[0]", NotImplementedError, "Not available for 'meta' device type"),
    ("F(2).copy_(torch.TypedStorage(2, device='meta'))", NotImplementedError, "Cannot copy out of meta tensor"),
    ("torch._C.StorageBase()", RuntimeError, "Cannot directly construct StorageBase"),
    ("torch.IntTensor(F([1]))", RuntimeError, "Expected a Storage of type Int or an UntypedStorage, but got type Float"),
])
def test_refusals(call, error, text):
    with pytest.raises(error) as found:
        eval(call)
    assert text in str(found.value)


def test_tensors_made_of_storages_see_them():
    storage = F([1, 2])
    for x in (torch.tensor(storage), torch.FloatTensor(storage), torch.zeros(0).set_(storage)):
        x.add_(1)
    assert storage.tolist() == [4.0, 5.0] and torch.FloatTensor(torch.UntypedStorage(8)).tolist() == [0.0, 0.0]
    bits = torch.TypedStorage(wrap_storage=torch.tensor([1.0]).untyped_storage(), dtype=torch.int32)
    assert bits.tolist() == [0x3f800000] and torch.tensor([1.0]).untyped_storage()[2:4].tolist() == [128, 63]


def test_sizes_change():
    storage = F([1, 2])
    storage.resize_(3)
    assert storage.tolist() == [1.0, 2.0, 0.0]
    storage.resize_(1)
    assert storage.tolist() == [1.0] and storage.nbytes() == 4
    x = torch.arange(4.0).view(2, 2)
    x.untyped_storage().resize_(24)
    x[0, 0] = 9
    assert x.tolist() == [[9.0, 1.0], [2.0, 3.0]] and x.storage().tolist() == [9.0, 1.0, 2.0, 3.0, 0.0, 0.0]


@pytest.mark.parametrize("change", ["x.set_(torch.ones(4) * 7)", "x.set_()", "x.t_(); x.set_(torch.ones(4) * 7)"])
def test_views_keep_the_memory_that_their_base_leaves(change):
    x = torch.arange(4.0)
    early, late = x[1:], x[2:]
    early.tolist()
    exec(change)
    x.fill_(3)
    x.add_(1)
    assert early.tolist() == [1.0, 2.0, 3.0] and late.tolist() == [2.0, 3.0]
    early.mul_(10)
    assert late.tolist() == [20.0, 30.0] and set(x.tolist()) <= {4.0}


def test_memory_that_grows_is_that_of_all_who_see_it():
    x = torch.arange(4.0)
    early, late = x[1:], x[2:]
    early.tolist()
    x.resize_(9)
    x.fill_(3)
    x.add_(1)
    assert early.tolist() == [4.0] * 3 and not x._is_view()
    early.mul_(10)
    assert late.tolist() == [40.0, 40.0] and x[:5].tolist() == [4.0, 40.0, 40.0, 40.0, 4.0]
    late.resize_(3, 2)
    late[0] = 5
    assert early.tolist() == [40.0, 5.0, 5.0] and late.storage_offset() == 2 and x.untyped_storage().nbytes() == 36
    early.view(torch.int32).resize_(10)[-1] = 0x3f800000
    assert x.untyped_storage().nbytes() == 44 and x.resize_(11)[10].item() == 1.0


def test_copies_share_what_was_shared():
    x = torch.arange(2.0)
    storage, twice, found = copy.deepcopy([x.storage(), x.storage(), x])
    found.add_(1)
    assert storage.tolist() == twice.tolist() == [1.0, 2.0] and x.tolist() == [0.0, 1.0]
    assert pickle.loads(pickle.dumps(F([1, 2]))).tolist() == [1.0, 2.0] and copy.copy(F([3])).tolist() == [3.0]


def test_type_of_a_tensor_may_be_the_default():
    x = torch.zeros(2, dtype=torch.int32)
    assert x.type(torch.Tensor).dtype is x.type("torch.Tensor").dtype is torch.float32


def test_storage_is_that_of_the_default_dtype():
    assert torch.Storage is F
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.Storage is torch.DoubleStorage
    finally:
        torch.set_default_dtype(torch.float32)
