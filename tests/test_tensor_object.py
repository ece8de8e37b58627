"""What a tensor says and refuses beyond single ops: indices, overlapping writes, views of complex numbers, memory, construction.

In: expressions.  Out: the values, and the errors' and warnings' classes and first words, that PyTorch 2.13 gives.
"""
from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import torchish as torch
from torchish.ops.table import TABLE

ALONE = "unsupported operation: more than one element of the written-to tensor"
SHARED = "unsupported operation: some elements of the input tensor and the written-to tensor"
OLD = "Using a non-tuple sequence for multidimensional indexing is deprecated"
BYTES = "indexing with dtype torch.uint8 is now deprecated"


class Bad:
    """A sequence that gives nothing."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, k: int) -> Any:
        raise TypeError


class Good(Bad):
    """A sequence that is none of Python's."""

    def __getitem__(self, k: int) -> Any:
        return [1.0, 2.0][k]


def names() -> dict[str, Any]:
    r, a = torch.arange(27.0).view(3, 3, 3), torch.arange(6.0)
    return {"torch": torch, "np": np, "r": r, "a": a, "i": torch.zeros(3, dtype=torch.int64), "e": torch.zeros(1).expand(3),
            "c": torch.tensor([1 + 2j]), "m": torch.tensor([1, 0, 1], dtype=torch.uint8), "Good": Good, "Bad": Bad,
            "loop": (lambda z: (z.append(z), z)[1])([0])}


REFUSED = [
    ("r[3, 3, 3, 3]", IndexError, "too many indices for tensor of dimension 3"),
    ("del r[0]", TypeError, "Tensor does not support deleting items"),
    ("r[b'a']", TypeError, "new(): invalid data type 'bytes'"),
    ("r[torch.tensor(5)]", IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
    ("r[:, [0, 4]]", IndexError, "index 4 is out of bounds for dimension 0 with size 3"),
    ("r[2 ** 63]", ValueError, "Overflow when unpacking long long"),
    ("torch.empty(3, 0)[:, [0]]", IndexError, "index is out of bounds for dimension with size 0"),
    ("a[0:2] = [1, 2]", TypeError, "can't assign a list to a torch.FloatTensor"),
    ("a[0] = np.array(7)", TypeError, "can't assign a numpy.ndarray to a torch.FloatTensor"),
    ("a[0] = None", TypeError, "can't assign a NoneType to a torch.FloatTensor"),
    ("a[0] = 1j", RuntimeError, "value cannot be converted to type float without overflow"),
    ("i[0] = float('inf')", RuntimeError, "value cannot be converted to type int64_t without overflow"),
    ("m[0] = 256", RuntimeError, "value cannot be converted to type uint8_t without overflow"),
    ("i[[0, 1]] = torch.tensor([2.7, 1.2])", RuntimeError, "Index put requires the source and destination dtypes match"),
    ("a[1:] = a[:-1]", RuntimeError, SHARED), ("a[1:].copy_(a[:-1])", RuntimeError, SHARED),
    ("a[1:].add_(a[:-1])", RuntimeError, SHARED), ("a.view(2, 3).t().copy_(a.view(3, 2))", RuntimeError, SHARED),
    ("e[:] = 2", RuntimeError, ALONE), ("e.copy_(torch.ones(3))", RuntimeError, ALONE), ("e.add_(1)", RuntimeError, ALONE),
    ("e.normal_()", RuntimeError, ALONE),
    ("torch.ones(1, requires_grad=True).expand(3).add_(1)", RuntimeError, "a view of a leaf Variable that requires grad is"),
    ("a.set_(torch.ones(1).double().storage())", RuntimeError, "Expected a Storage of type float or an UntypedStorage"),
    ("a.index_put_(torch.tensor([0]), a[:1])", TypeError, "index_put_(): argument 'indices' (position 1) must be tuple of Tensors"),
    ("torch.rand(()).index_put([], torch.ones(1))", RuntimeError, "shape mismatch: value tensor of shape [1]"),
    ("torch.unravel_index(torch.tensor(0.5), (2, 2))", TypeError, "expected 'indices' to be integer dtype"),
    ("torch.unravel_index(i, (2, 2.0))", TypeError, "expected 'shape' sequence to only contain ints"),
    ("c.conj().numpy()", RuntimeError, "Can't call numpy() on Tensor that has conjugate bit set"),
    ("c.conj().imag.numpy()", RuntimeError, "Can't call numpy() on Tensor that has negative bit set"),
    ("torch.view_as_real(c.conj())", RuntimeError, "view_as_real doesn't work on unresolved conjugated tensors"),
    ("c.conj().view(torch.float64)", RuntimeError, "torch.Tensor.view is not supported for conjugate view tensors"),
    ("torch.ones(2).imag.zero_()", RuntimeError, "imag is not implemented for tensors with non-complex dtypes"),
    ("torch.ones(2, 4)[:, 1:3].view(torch.float64)", RuntimeError, "self.storage_offset() must be divisible by 2"),
    ("a.view(2.0)", TypeError, "view() received an invalid combination of arguments - got (float)"),
    ("a.reshape()", TypeError, 'reshape() missing 1 required positional arguments: "shape"'),
    ("a.expand(2.0)", TypeError, "expand(): argument 'size' (position 1) must be tuple of ints, not float"),
    ("a.adjoint()", RuntimeError, "tensor.adjoint() is only supported on matrices"),
    ("a.narrow(0, torch.tensor([0]), 1)", RuntimeError, "start must be an 0-dim integral Tensor"),
    ("torch.tensor_split(a, torch.tensor(1.5))", RuntimeError, "tensor_split expected tensor_indices_or_sections to have dtype"),
    ("torch.tensor_split(a, torch.tensor([[1]]))", RuntimeError, "tensor_split expected tensor_indices_or_sections to be a zero-"),
    ("torch.broadcast_shapes(1.5)", RuntimeError, "Input shapes should be of type ints"),
    ("a.resize_(8, 8, 2 ** 29, 2 ** 29)", RuntimeError, "numel: integer multiplication overflow"),
    ("a.resize_(2, 4, 2 ** 29, 2 ** 29)", RuntimeError, "Storage size calculation overflowed with sizes="),
    ("torch.empty(0, 4, 2 ** 61)", RuntimeError, "Stride calculation overflowed"),
    ("torch.ones(2 ** 33, 2 ** 33)", RuntimeError, "Storage size calculation overflowed with sizes=[8589934592, 8589934592]"),
    ("torch.broadcast_shapes(3, -2)", RuntimeError, "Attempting to broadcast a dimension of length -2 at -1! Mismatching arg"),
    ("r[0].rot90(1, [3, 1])", IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 3)"),
    ("torch.nonzero(i, as_tuple=True, out=i)", RuntimeError, "nonzero does not support the out kwarg when as_tuple is True"),
    ("torch.empty(3, 4, 0).view(torch.float64)", RuntimeError, "self.stride(1) must be divisible by 2 to view Float as Double"),
    ("r.masked_select(torch.tensor([True, False]))", RuntimeError, "The size of tensor a (2) must match the"),
    ("r.masked_fill(torch.ones(2), 1.0)", RuntimeError, "The size of tensor a (2) must match the"),
    ("r.index_copy(0, i[:1], torch.ones(1, 3))", IndexError, "index_copy_(): When source and destination are not scalars, their"),
    ("r.index_fill(0, i[:1], 1j)", RuntimeError, "index_fill_(): Converting complex Scalar to non-complex type is not supported"),
    ("torch.searchsorted(torch.tensor(1.0), a)", RuntimeError, "torch.searchsorted(): boundaries tensor should have positive dim"),
    ("torch.tensor(1.0).index_add(0, torch.tensor([0]), torch.ones(1))", RuntimeError, "source tensor shape must match self tens"),
    ("torch.take_along_dim(r, torch.tensor([30]))", RuntimeError, "index 30 is out of bounds for dimension 0 with size 27"),
    ("torch.tensor(Bad())", ValueError, "could not determine the shape of object type 'Bad'"),
    ("torch.tensor(loop)", TypeError, "new(): self-referential lists are incompatible"),
    ("torch.tensor(1, 2)", TypeError, "tensor() takes 1 positional argument but 2 were given"),
    ("torch.zeros(2, 3, size=(2,))", TypeError, "zeros() got multiple values for argument 'size'"),
    ("torch.zeros((2, 2.0))", TypeError, "zeros(): argument 'size' failed to unpack the object at pos 2"),
    ("torch.zeros_like([1])", TypeError, "zeros_like(): argument 'input' (position 1) must be Tensor, not list"),
    ("torch.full((2,), 'a')", TypeError, "full(): argument 'fill_value' (position 2) must be Number, not str"),
    ("torch.FloatTensor(2, device='cuda')", RuntimeError, "legacy constructor expects device type: cpu but device type: cuda"),
    ("torch.Tensor(a, device='cpu')", RuntimeError, "Legacy tensor constructor of the form torch.Tensor(tensor, device=device)"),
    ("torch.asarray(a, dtype=torch.float64, copy=False)", ValueError, "can't alias tensor with dtype 'Float' into dtype 'Double'"),
    ("torch.asarray([1], copy=False)", ValueError, "can't alias arbitrary sequence into a tensor"),
    ("torch.frombuffer([1], dtype=torch.int64)", ValueError, "object does not implement Python buffer protocol"),
    ("torch.meshgrid(a, i, indexing='ij')", RuntimeError, "meshgrid expects all tensors to have the same dtype"),
    ("torch.numel(3)", TypeError, "numel(): argument 'input' (position 1) must be Tensor, not int"),
    ("a.fill_('a')", TypeError, "fill_() received an invalid combination of arguments - got (str)"),
    ("a.requires_grad_(5)", TypeError, "requires_grad_(): argument 'requires_grad' (position 1) must be bool, not int"),
]


@pytest.mark.parametrize(("code", "error", "text"), REFUSED, ids=[code for code, *_ in REFUSED])
def test_what_is_refused(code: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        exec(code, names())


GIVEN = [
    ("r[[slice(None), 0]].shape", (3, 3), OLD), ("r[[[0, 1], [1, 2]]].shape", (2, 3), OLD), ("r[m].shape", (2, 3, 3), BYTES),
    ("a[[range(2)]].tolist()", [0.0, 1.0], OLD), ("r[np.array([1.0])].shape", (1, 3, 3), None),
    ("r[torch.Size([1, 2])].tolist()", [15.0, 16.0, 17.0], None), ("r[torch.tensor(2, dtype=torch.int16)].shape", (3, 3), None),
    ("r[2, 1:1, 2].storage_offset()", 23, None), ("r[m[:0].long()].shape", (0, 3, 3), None),
    ("[v.storage_offset() for v in a]", [0, 1, 2, 3, 4, 5], None), ("torch.arange(4).nonzero().stride()", (1, 3), None),
    ("[t.tolist() for t in torch.unravel_index(torch.tensor([22, 41]), (7, 6))]", [[3, 6], [4, 5]], None),
    ("(c.conj()._base is c, c.conj().is_conj(), c.conj().imag.is_neg(), c.mH.is_conj() if c.ndim > 1 else False)",
     (True, True, True, False), None),
    ("(c.conj().resolve_conj().is_conj(), c.conj().conj().is_conj(), c.conj().tolist())", (False, False, [1 - 2j]), None),
    ("a.flatten(0, 0) is a", True, None), ("torch.zeros(2, dtype=complex).dtype", torch.complex128, None),
    ("r.sum(np.int64(1)).shape", (3, 3), None), ("torch.block_diag().shape", (1, 0), None),
    ("torch.cat([a[:0], a[:0]], dim=1).shape", (0,), None),
    ("torch.tensor(Good()).tolist()", [1.0, 2.0], None), ("torch.tensor([0j, 2j], dtype=torch.bool).tolist()", [False, True], None),
    ("torch.tensor([[7, np.array(5.0)]]).dtype", torch.float64, None),
    ("torch.finfo(torch.half) == torch.finfo(torch.half)", True, None),
    ("a.resize_(2).resize_(2, 3).tolist()", [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], None),
    ("a.resize_(1, 2, 3, 1, memory_format=torch.channels_last).stride()", (6, 1, 2, 2), None),
    ("torch.take_along_dim(a, torch.tensor([-7, 6, -1]), 0).tolist()", [5.0, 0.0, 5.0], None),
    ("torch.ones(0, 5, 4).view(torch.int16).shape", (0, 5, 8), None),
    ("torch.ones(0, 5, 4).view(torch.int16).stride()", (40, 8, 1), None), ("torch.is_storage(a.untyped_storage())", True, None),
    ("torch.range(0, 1).tolist()", [0.0, 1.0], "torch.range is deprecated"),
    ("torch.tensor(5).mT.item()", 5, "Tensor.mT is deprecated on 0-D tensors"),
    ("a.new_tensor(a).shape", (6,), "To copy construct from a tensor, it is recommended"),
]


@pytest.mark.parametrize(("code", "value", "warning"), GIVEN, ids=[code for code, *_ in GIVEN])
def test_what_is_given(code: str, value: object, warning: str | None) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = eval(code, names())
    assert (tuple(found) if isinstance(found, torch.Size) else found) == value
    assert [str(w.message)[:len(warning or "")] for w in heard] == ([warning] if warning else [])


def test_places_that_are_known_are_looked_at_in_every_call() -> None:
    x, table = torch.arange(3.0), torch.zeros(3, 2)
    for place in (0, 5, 2, -4):
        index, distance = torch.tensor([place]), torch.tensor([abs(place)])
        calls = [lambda i=index: x[i], lambda i=distance: torch.nn.functional.embedding(i, table),
                 lambda i=distance: torch.index_select(x, 0, i), lambda i=distance: x.gather(0, i)]
        for call in calls:
            if place in (0, 2):
                assert call().numel()
            else:
                with pytest.raises((IndexError, RuntimeError), match="out of"):
                    call()
    x[torch.full((1,), 1)] = 7.0
    with pytest.raises(IndexError, match="index 4 is out of bounds for dimension 0 with size 3"):
        x[torch.full((1, 1), 4)]


def test_places_that_have_passed_are_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where one tensor of places stands at two entries of a step."""
    looks: list[Any] = []
    monkeypatch.setattr(TABLE["index_select"], "look", lambda *values: looks.append(values[2]))
    x, index = torch.arange(3.0), torch.tensor([0])

    def twice(index: torch.Tensor) -> float:
        return torch.index_select(torch.index_select(x, 0, index), 0, index).item()
    seen = [twice(index) + len(looks) for _ in range(6)]
    assert seen[-1] == seen[-3]
    assert twice(torch.tensor([0])) + len(looks) == seen[-1] + 2


def test_what_is_written_through_views_that_repeat_elements() -> None:
    column = torch.ones(3, 1)
    column.expand(3, 4)[1, 2] = 0
    assert column.tolist() == [[1], [0], [1]]
    line = torch.zeros(6)
    line.unfold(0, 3, 1)[2, 1] = 4
    assert line.tolist() == [0, 0, 0, 4, 0, 0]
    line.as_strided((2, 3), (1, 1))[1, 2] = 5
    assert line.tolist() == [0, 0, 0, 5, 0, 0]
    with pytest.warns(UserWarning, match="Use of index_put_ on expanded tensors is deprecated"):
        column[:1].expand(2, 1)[[0]] = 9
    with pytest.warns(UserWarning, match="Use of masked_fill_ on expanded tensors is deprecated"):
        column[1:2].expand(2, 1).masked_fill_(torch.tensor([[True], [False]]), 5)
    assert column.tolist() == [[9], [5], [1]]


def test_parts_of_complex_tensors_are_assigned_and_conjugates_written() -> None:
    z = torch.zeros(2, dtype=torch.complex64)
    z.real, z.imag = torch.ones(2), 3
    assert z.tolist() == [1 + 3j, 1 + 3j]
    z.conj()[0] = 2 + 1j
    assert z.tolist() == [2 - 1j, 1 + 3j]
    w = z.clone().requires_grad_()
    (w.conj() * torch.tensor([1j, 1])).real.sum().backward()
    assert w.grad.tolist() == [1j, 1]


def test_a_resized_tensor_keeps_its_memory() -> None:
    x = torch.arange(6.0)
    head = x[:2]
    x.resize_(4)
    head.fill_(9)
    assert x.tolist() == [9, 9, 2, 3] and not x._is_view() and x.untyped_storage().nbytes() == 24
    assert x.resize_(8).tolist() == [9, 9, 2, 3, 4, 5, 0, 0]


def test_copies_keep_what_was_set_on_a_tensor() -> None:
    x = torch.ones(2)
    x.tag = [1]
    both = copy.deepcopy([x, x])
    assert both[0] is both[1] and both[0].tag == [1] and both[0].tag is not x.tag and not hasattr(x.clone(), "tag")
    assert pickle.loads(pickle.dumps(x)).tag == [1] and copy.deepcopy([x, x[:1]])[1]._base is None


def test_storages_are_filled_copied_and_made() -> None:
    x = torch.tensor([1, 256], dtype=torch.int16)
    bytes_ = x.untyped_storage()
    kept = bytes_.clone()
    bytes_.fill_(1)
    assert x.tolist() == [257, 257] and kept.tolist() == [1, 0, 0, 1] and kept.data_ptr() != bytes_.data_ptr()
    bytes_.copy_(kept)
    bytes_[0] = 2
    assert x.tolist() == [2, 256] and x.storage().fill_(3).tolist() == [3, 3] and torch.UntypedStorage([1, 2]).tolist() == [1, 2]
    assert x.map2_(x, x, lambda a, b, c: a + b + c).tolist() == [9, 9]


def test_what_is_said_once_is_said_every_time_if_that_was_asked_for() -> None:
    """`set_warn_always`: at the user's line, whichever function says it."""
    fixed = np.zeros(3)
    fixed.flags.writeable = False
    torch.set_warn_always(True)
    try:
        for said in (lambda: torch.zeros(2, 2, 2).T, lambda: torch.from_numpy(fixed), lambda: torch.meshgrid(torch.zeros(2)),
                     lambda: torch.frombuffer(b"1234", dtype=torch.uint8)) * 2:
            with pytest.warns(UserWarning) as seen:
                said()
            assert [w.filename for w in seen] == [__file__]
    finally:
        torch.set_warn_always(False)


def test_orders_of_dims_that_are_not_the_only_one() -> None:
    x = torch.empty(1, 2, 3, 4)
    assert x.dim_order() == (0, 1, 2, 3) == x.dim_order(ambiguity_check=[torch.contiguous_format, torch.channels_last])
    with pytest.raises(RuntimeError, match="cannot map to exact one of the given memory formats"):
        x.dim_order(ambiguity_check=True)
    with pytest.raises(RuntimeError, match="does not have unique dim order"):
        torch.empty(2, 1, 3).expand(2, 4, 3).dim_order(ambiguity_check=True)
    with pytest.raises(TypeError, match="ambiguity_check argument must be a bool"):
        x.dim_order(ambiguity_check="x")


def test_names_of_types_and_capsules() -> None:
    assert torch.typename(torch.nn.Parameter).endswith("nn.parameter.Parameter")
    assert torch.typename(int) == "int" == torch.typename(5)
    assert torch.from_dlpack(torch.utils.dlpack.to_dlpack(torch.arange(3))).tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        torch.allclose(torch.ones(2, 3), torch.ones(4))


def test_a_variable_is_a_leaf_with_the_same_memory():
    Variable = torch.autograd.Variable
    x = torch.ones(2, requires_grad=True)
    for given in (x, x * 2, torch.nn.Parameter(torch.ones(2))):
        v = Variable(given)
        assert type(v) is torch.Tensor and v.is_leaf and not v.requires_grad and v.data_ptr() == given.data_ptr()
        assert Variable(given, requires_grad=True).requires_grad
    plain = torch.ones(2)
    assert Variable(plain, requires_grad=True).requires_grad and not plain.requires_grad
    Variable(plain).add_(1)
    assert plain.tolist() == [2, 2] and Variable().shape == (0,)
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        Variable([1.0])


def test_hooks_may_be_put_into_the_dict_itself():
    x = torch.ones(2, requires_grad=True)
    x._backward_hooks = OrderedDict()
    x._backward_hooks["triple"] = lambda g: g * 3
    x.sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_the_dictionary_of_a_tensor_holds_what_its_user_has_set():
    weight = torch.nn.Parameter(torch.ones(2))
    assert weight.__dict__ == vars(torch.nn.LazyLinear(2).weight) == vars(weight * 2) == {}
    weight.tag = 1
    options = weight.__dict__
    options["requires_grad"] = True         # as libraries make a parameter anew
    empty = torch.nn.Parameter(weight.to("meta"), **{k: v for k, v in options.items() if k != "tag"})
    assert empty.is_meta and options.pop("tag") == 1 and not hasattr(weight, "tag")
    weight.__dict__.update(a=1, b=2)
    weight.__dict__ |= {"c": 3}
    assert (weight.a, weight.c, weight.__dict__.setdefault("d", 4)) == (1, 3, weight.d)
    weight.__dict__ = {"e": weight.__dict__.popitem()}
    assert vars(weight) == {"e": ("d", 4)} and weight.tolist() == [1, 1] and weight.requires_grad
    other = torch.zeros(2) + 1
    other.__dict__.update(weight.__dict__)
    assert other.e == weight.e and other.tolist() == [1, 1]
    assert vars(copy.copy(weight)) == vars(weight)
    del weight.__dict__["e"]
    other.__dict__.clear()
    assert vars(weight) == vars(other) == {} == pickle.loads(pickle.dumps(other.__dict__)) and other.sum() == 2


def test_a_threshold_is_written_into_an_expanded_tensor():
    x = torch.tensor([[1.0, 2.0]]).expand(2, 2)
    torch.nn.functional.threshold_(x, 1.5, 0.25)
    assert x.tolist() == [[0.25, 2.0], [0.25, 2.0]]
    with pytest.raises(RuntimeError, match=f"^{ALONE}"):
        torch.relu_(x)
