"""Arguments of the wrong kind, and what functions make of numbers and dtypes at the edge of what they take.

In: expressions.  Out: PyTorch's error class and the beginning of its message, or its values (written down from PyTorch 2.13 on
the CPU).
"""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import torchish as torch
import torchish.nn.functional as F
from torchish import warned

# expression | function | argument, its place (0: not told), what it must be, what it is
KINDS = """
t.argmax(x,[0])|argmax|dim 2|int|list
t.argmax(x,1.5)|argmax|dim 2|int|float
t.argmax(x,0,1)|argmax|keepdim 3|bool|int
t.amax(x,1.5)|amax|dim 2|tuple of ints|float
t.cumsum(x,True)|cumsum|dim 2|int|bool
t.topk(x,True)|topk|k 2|int|bool
t.tril(x,1.5)|tril|diagonal 2|int|float
t.cat([x],None)|cat|dim 2|int|NoneType
t.stack([x],1.5)|stack|dim 2|int|float
t.chunk(x,1.5)|chunk|chunks 2|int|float
t.histc(x,2.5)|histc|bins 2|int|float
t.linalg.svd(x,1)|linalg_svd|full_matrices 2|bool|int
t.linalg.cholesky(x[:,:2],upper=1)|linalg_cholesky|upper 0|bool|int
t.eye(2.5)|eye|n 1|int|float
t.randperm(3.5)|randperm|n 1|int|float
t.arange("a")|arange|end 1|Number|str
t.full(2,1)|full|size 1|tuple of ints|int
t.ones(True)|ones|size 1|tuple of ints|bool
x.new_full(2,1)|new_full|size 1|tuple of ints|int
x.new_full((2,),"a")|new_full|fill_value 2|Number|str
t.tensor([1.0],requires_grad=1)|tensor|requires_grad 0|bool|int
t.hstack(x)|hstack|tensors 1|tuple of Tensors|Tensor
x.type_as(3)|type_as|other 1|Tensor|int
t.can_cast(3,t.bool)|can_cast|from_ 1|torch.dtype|int
t.sort(x,out=t.empty(0))|sort|out 0|tuple of Tensors|Tensor
F.gelu(x,approximate=1)|gelu|approximate 0|str|int
F.layer_norm(x,3)|layer_norm|normalized_shape 2|tuple of ints|int
"""

# expression | error | the beginning of the message
OTHERS = """
t.amax(x,(0,1.5))|TypeError|amax(): argument 'dim' failed to unpack the object at pos 2 with error "type must be tuple o
t.amax(x,[True])|TypeError|amax(): argument 'dim' (position 2) must be tuple of ints, but found element of type bool at
t.sum(t.ones([1]*65),0)|RuntimeError|only tensors with up to 64 dims are supported
t.isin(1,2.0)|TypeError|isin() received an invalid combination of arguments - got (int, float), but expected one of:
t.repeat_interleave(x,"a")|TypeError|repeat_interleave() received an invalid combination of arguments - got (Tensor, str
t.tensordot(x,x,1.5)|RuntimeError|tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] con
t.set_num_threads("a")|RuntimeError|set_num_threads expects an int, but got str
t.set_num_interop_threads(2**65)|ValueError|Overflow when unpacking long long
t.Generator("meta")|RuntimeError|META device type not an accelerator.
t.arange()|TypeError|arange() received an invalid combination of arguments - got (), but expected one of:
t.arange(1j)|RuntimeError|value cannot be converted to type double without overflow
t.arange(0,1e20)|RuntimeError|invalid size, possible overflow?
t.range(3)|TypeError|range() missing 1 required positional arguments: "end"
t.linspace(0,1,3,dtype=t.bool)|NotImplementedError|"linspace_cpu" not implemented for 'Bool'
t.linspace(0,1j,3,dtype=t.float32)|RuntimeError|torch.linspace(): inferred dtype c10::complex<float> can't be safely cas
t.tril_indices(3,3,dtype=t.uint8)|NotImplementedError|"tril_indices" not implemented for 'Byte'
t.heaviside(x,t.tensor(1))|RuntimeError|heaviside is not yet implemented for tensors with different dtypes.
t.cartesian_prod(x)|RuntimeError|Expect a 1D vector, but got shape [2, 3]
t.vander(t.tensor([1]),N=-1)|RuntimeError|N must be non-negative.
t.pdist(x,-1.0)|RuntimeError|pdist only supports non-negative p values
t.cdist(x,x,compute_mode="a")|ValueError|a is not a valid value for compute_mode
t.cdist(x,x.double())|RuntimeError|expected scalar type Float but found Double
t.diff(x,prepend=t.ones(3,1))|RuntimeError|diff expects the shape of tensor to prepend or append to match that of input
t.searchsorted(x[0],x[0],sorter=t.tensor([0]))|RuntimeError|torch.searchsorted(): boundary and sorter must have the same
t.searchsorted(x[0],x[0],sorter=x[0])|RuntimeError|torch.searchsorted(): sorter must be a tensor of long dtype but got d
t.histogram(x,t.tensor([0,2]))|RuntimeError|torch.histogramdd: input tensor and bins tensors should have the same dtype,
t.histogram(x,3,weight=t.ones(2))|RuntimeError|torch.histogramdd: if weight tensor is provided it should have the same s
t.topk(x*1j,1)|RuntimeError|topk does not support complex dtypes on CPU
t.mvlgamma(x>1,1)|RuntimeError|The input tensor may not be a boolean tensor.
t.unique(x*1j,dim=0)|NotImplementedError|"unique_dim" not implemented for 'ComplexFloat'
t.unique_consecutive(x*1j)|NotImplementedError|"unique" not implemented for 'ComplexFloat'
t.unique(t.ones(0,3),dim=1)|RuntimeError|There are 0 sized dimensions, and they aren't selected, so unique cannot be app
t.unique_consecutive(t.ones(0,0),dim=1)|RuntimeError|Number of zero sized dimensions is more than one, so unique cannot
t.unique(x,dim=3)|IndexError|Dimension out of range (expected to be in range of [-2, 1], but got 3)
x.index_fill(1,t.tensor([0],dtype=t.int32),9)|IndexError|index_fill_(): Expected dtype int64 for index.
x.index_fill(1,t.tensor([[0]]),9)|RuntimeError|Index has to be a vector/scalar
x.expand(5,3,4)|RuntimeError|The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 2.
x.new(t.tensor([1]))|TypeError|expected TensorOptions(dtype=float, device=cpu, layout=Strided, requires_grad=false (default)
t.tensor([1j],dtype=t.int64)|TypeError|'complex' object cannot be interpreted as an integer
t.tensor([1]).new_tensor([1.0],requires_grad=True)|RuntimeError|Only Tensors of floating point and complex dtype can req
3@x|TypeError|unsupported operand type(s) for @: 'int' and 'Tensor'
x@3|TypeError|unsupported operand type(s) for @: 'Tensor' and 'int'
t.segment_reduce(x[0],"sum",lengths=t.tensor([2]))|RuntimeError|segment_reduce(): Expected all rows of lengths along axis to sum to
t.segment_reduce(x[0],"sum",lengths=t.tensor([4,-1]))|RuntimeError|lengths contains negative value!
t.linalg.vector_norm(x,dtype=t.int32)|RuntimeError|linalg.vector_norm: dtype should be floating point or complex, but got Int
t.linalg.vector_norm(x,dtype=t.complex64)|RuntimeError|linalg.vector_norm: dtype should be real for real inputs, bu
t.linalg.vector_norm(x.double(),dtype=t.float32)|RuntimeError|linalg.vector_norm: the dtype of the input (Double) s
F.celu(x,0)|RuntimeError|ZeroDivisionError: alpha cannot be 0 for CELU
F.cosine_embedding_loss(x,x,t.ones(3))|RuntimeError|The size of tensor a (3) must match the size of tensor b (2)
t.max(x,1.5)|TypeError|max() received an invalid combination of arguments - got (Tensor, float)
x.max(1.5)|TypeError|max() received an invalid combination of arguments - got (
x.add_("a")|TypeError|add_(): argument 'other' (position 1) must be Tensor, not str
x.cumprod(None)|TypeError|cumprod(): argument 'dim' (position 1) must be int, not NoneType
t.flip(x,"a")|TypeError|flip(): argument 'dims' (position 2) must be tuple of ints, not str
t.broadcast_to(x,"a")|TypeError|broadcast_to(): argument 'size' (position 2) must be tuple of ints, not str
F.max_pool3d(x,[1.5])|TypeError|max_pool3d(): argument 'kernel_size' (position 2) must be tuple of ints, but found element of type
x.cumsum(0,dtype=3)|TypeError|cumsum(): argument 'dtype' must be torch.dtype, not int
x.storage()[10]|IndexError|index 10 out of range for storage of size 6
hash(t.finfo(t.float16))|TypeError|unhashable type: 'finfo'
t.iinfo(t.int8).foo|AttributeError|'torch.iinfo' object has no attribute 'foo'
t.sum(x,0,dtype=t.float64,out=t.empty(0))|RuntimeError|Expected out tensor to have dtype double, but got float instead
"""


def _refused(expression: str, error: str, sentence: str) -> None:
    x = torch.arange(6.0).reshape(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = eval(expression, {"t": torch, "F": F, "x": x})
        except Exception as e:
            assert (type(e).__name__, str(e)[:len(sentence)]) == (error, sentence), expression
        else:
            pytest.fail(f"{expression} gave {found}")


def test_kinds() -> None:
    """Numbers, flags and lists of another type than the parameter has."""
    for line in KINDS.strip().splitlines():
        expression, function, argument, wanted, got = line.split("|")
        name, place = argument.split()
        where = "" if place == "0" else f" (position {place})"
        _refused(expression, "TypeError", f"{function}(): argument '{name}'{where} must be {wanted}, not {got}")


def test_other_refusals() -> None:
    """What is looked at besides types."""
    for line in OTHERS.strip().splitlines():
        _refused(*line.split("|", 2))


def test_ints_of_numpy_and_of_tensors_are_ints() -> None:
    """As in torch, which asks them for their index."""
    x = torch.arange(6.0).reshape(2, 3)
    assert x.sum(dim=np.int64(0)).tolist() == [3, 5, 7] and torch.argmax(x, torch.tensor(0)).tolist() == [1, 1, 1]
    assert x.sum(dim=(np.int64(0), torch.tensor(1))).item() == 15
    assert F.adaptive_avg_pool2d(torch.ones(2, 3, 4), (None, 2)).shape == (2, 3, 2)     # and None keeps a size


def test_values_at_the_edge() -> None:
    """Empty dimensions, NaN, dtypes of results."""
    nan = float("nan")
    assert torch.trapezoid(torch.ones(2, 0, 3), dim=1).tolist() == [[0.0] * 3] * 2
    assert torch.cumulative_trapezoid(torch.ones(0, 2), dim=0).shape == (0, 2)
    assert torch.repeat_interleave(torch.tensor([1, 2], dtype=torch.int32)).dtype is torch.int32
    assert torch.searchsorted(torch.tensor([1.0, 2.0]), torch.tensor([nan, 1.0])).tolist() == [2, 0]
    values, inverse, counts = torch.unique(torch.tensor([nan, nan, 1.0]), return_inverse=True, return_counts=True)
    assert values.shape == (3,) and inverse.tolist() == [1, 2, 0] and counts.tolist() == [1, 1, 1]
    assert torch.lgamma(torch.tensor([1.0, 2.0])).tolist() == [0.0, 0.0]
    assert torch.typename(torch.nn.Linear) == torch.typename(torch.nn.Linear(1, 1))


def test_gradients_at_the_edge() -> None:
    """Products with zeros in a segment; functions where they have no derivative."""
    x = torch.tensor([2.0, 0.0, 3.0, 0.0, 0.0], requires_grad=True)
    torch.segment_reduce(x, "prod", lengths=torch.tensor([3, 2]), axis=-1, initial=2).sum().backward()
    assert x.grad.tolist() == [0.0, 12.0, 0.0, 0.0, 0.0]
    nan = float("nan")
    x = torch.tensor([[1.0, 2.0], [nan, 5.0], [3.0, 5.0], [4.0, nan]], requires_grad=True)
    torch.segment_reduce(x, "max", lengths=torch.tensor([1, 2, 1]), axis=0, initial=5).sum().backward()
    assert x.grad.tolist() == [[0, 0], [1, 0.5], [0, 0.5], [0, 1]]       # NaN is the result; initial takes no share of a tie
    zero = torch.zeros(1, requires_grad=True)
    (g,) = torch.autograd.grad(torch.hypot(zero, torch.zeros(1)), zero)
    p = torch.tensor([0.5, 2.0], requires_grad=True)
    (h,) = torch.autograd.grad(torch.logit(p).sum(), p)
    assert g.isnan().all() and h[0].item() == 4 and h[1].isnan()


def test_out_says_the_dtype_of_sums() -> None:
    """Sums and products are computed in the dtype of `out=`."""
    x = torch.tensor([[0.0, 1.5], [3.0, 4.5]])
    assert torch.sum(x, 0, out=torch.empty(0, dtype=torch.int32)).tolist() == [3, 5]
    assert torch.cumprod(x, 0, out=torch.empty(0, dtype=torch.int8)).tolist() == [[0, 1], [0, 4]]
    assert torch.sum(x, 0, out=torch.empty(0, dtype=torch.bool)).tolist() == [True, True]


def test_said_once() -> None:
    """Deprecations that torch speaks of the first time only."""
    x = torch.ones(3)
    calls = (lambda: torch.cross(x, x), lambda: torch.chain_matmul(torch.ones(1, 1), torch.ones(1, 1)),
             lambda: torch.where(x.byte(), x, 0.0), lambda: torch.tensor([np.arange(2), np.arange(2)]))
    for call in calls:
        with warnings.catch_warnings(record=True) as first:
            warnings.simplefilter("always")
            call()
        with warnings.catch_warnings(record=True) as again:
            warnings.simplefilter("always")
            call()
        assert len(first) <= 1 and not again
    for word in ("torch.cross", "chain_matmul", "uint8", "numpy"):
        assert any(word in said for said in warned.once.said)


def test_sizes_may_be_tensors():
    assert torch.ones(torch.tensor(5)).shape == (5,) and torch.zeros((torch.tensor(3), 2)).shape == (3, 2)
    assert torch.empty(2, torch.tensor([1, 2]).prod()).shape == (2, 2) and torch.full((torch.tensor(2),), 1.0).shape == (2,)


def test_what_normal_writes_into_is_resized_with_a_warning():
    out = torch.ones(2)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized since it had shape"):
        assert torch.normal(torch.zeros(3), torch.ones(3), out=out) is out and out.shape == (3,)


def test_an_out_requires_grad_where_that_is_asked_for():
    for make in (torch.empty, torch.zeros, torch.rand):
        out = torch.ones(3)
        assert make(3, out=out, requires_grad=True) is out and out.requires_grad and out.is_leaf
    assert torch.full((2,), 3.0, out=torch.ones(2), requires_grad=True).requires_grad


def test_lines_are_written_into_tensors_with_gaps():
    for make in (torch.arange, torch.linspace, torch.range):
        x = torch.zeros(2, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(0, 3, *([4] if make is torch.linspace else []), **({} if make is not torch.arange else {"step": 0.75}),
                 out=x[:, 1:])
        assert x[:, 0].tolist() == [0, 0] and x[1, 2] > 2 and x[0, 2] > 0


def test_roll_without_dims_and_numbers_like_expanded_ones():
    assert torch.arange(4).roll(1, dims=None).tolist() == torch.roll(torch.arange(4), (1,), None).tolist() == [3, 0, 1, 2]
    assert torch.rand_like(torch.empty_strided((3, 5), (1, 1))).stride() == (1, 3)
    assert torch.randint_like(torch.empty_strided((3, 1, 4), (4, 7, 1)), 3).stride() == (4, 7, 1)
    with pytest.raises(RuntimeError, match="meshgrid expects all tensors to have the same device"):
        torch.meshgrid(torch.ones(1), torch.ones(1, device="meta"), indexing="ij")


def test_alpha_may_stand_behind_a_number():
    x = torch.tensor([1.0])
    assert torch.add(x, 2, 3).tolist() == x.add(torch.tensor(2.0), 3).tolist() == [7] and x.sub(2, 3).tolist() == [-5]
    assert torch.add(torch.tensor(True), torch.tensor(True), True).item() is True
    with pytest.raises(TypeError):
        torch.add(x, x, 3)


@pytest.mark.parametrize("known, wrong", [
    ("x.sum(0, True)", "x.sum(0, 1)|x.sum(0, 1.0)"), ("x.sum(1)", "x.sum(True)|x.sum(1.0)"),
    ("t.softmax(x, 1)", "t.softmax(x, True)"),
    ("x.unsqueeze(1)", "x.unsqueeze(True)|x.unsqueeze(1.0)"), ("t.sum(x, 0, True, out=o)", "t.sum(x, 0, 1, out=o)"),
    ("x.topk(1, 0, True)", "x.topk(1, 0, 1)|x.topk(1, False)|x.topk(1.0)"),
])
def test_a_known_entry_takes_no_attributes_of_another_type(known: str, wrong: str) -> None:
    names = {"x": torch.ones(2, 3), "t": torch, "o": torch.ones(1, 3)}
    eval(known, names), eval(known, names)
    for call in wrong.split("|"):
        with pytest.raises(TypeError, match=r"argument '\w+' .*must be (bool|int|tuple of ints), not (int|bool|float)"):
            eval(call, names)


@pytest.mark.parametrize("call", ["rand(2, {})", "randn(2, {})", "randint(3, (2,), {})", "randperm(3, {})", "arange(3, {})",
                                  "eye(2, {})",
                                  "linspace(0, 1, 3, {})", "logspace(0, 1, 3, {})", "full_like(torch.ones(2), 1.0, {})",
                                  "rand_like(torch.ones(2), {})", "tril_indices(2, 2, {})", "normal(0.0, 1.0, (2,), {})",
                                  "fft.fftfreq(3, {})", "ones(2).new_full((2,), 1.0, {})", "empty_strided((2,), (1,), {})"])
def test_what_can_only_be_dense_is_not_made_sparse(call: str) -> None:
    with pytest.raises(NotImplementedError, match="Could not run 'aten::"):
        eval("torch." + call.format("layout=torch.sparse_coo"))
    eval("torch." + call.format("layout=torch.strided"))
    with pytest.raises(RuntimeError, match="hann_window is not implemented for sparse types"):
        torch.hann_window(3, layout=torch.sparse_coo)


def test_operators_in_place_leave_what_they_do_not_know_to_it():
    class Other:
        def __radd__(self, other):
            return "added"
    x = torch.ones(2)
    y = x
    y += Other()
    assert y == "added"
    for other in (None, "a", [1], object()):
        with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \*=: 'Tensor' and"):
            x *= other


NO_NUMBERS = {
    "t.add(x, x, alpha=a)": "add(): argument 'alpha' must be Number, not Tensor",
    "F.leaky_relu(x, a)": "leaky_relu(): argument 'negative_slope' (position 2) must be Number, not Tensor",
    "t.isclose(x, x, 1.5, a)": "isclose(): argument 'atol' (position 4) must be float, not Tensor",
    "t.full((2,), a)": "full(): argument 'fill_value' (position 2) must be Number, not Tensor",
    "x.uniform_(0, a)": "uniform_(): argument 'to' (position 2) must be float, not Tensor",
    "F.dropout(x, a)": "dropout(): argument 'p' (position 2) must be float, not Tensor",
    "t.arange(0, a)": None,
    "t.normal(a, 1.0, (2,))": None}     # PyTorch tells all overloads


@pytest.mark.parametrize("call", NO_NUMBERS)
@pytest.mark.parametrize("number", [lambda: torch.tensor(1.0, requires_grad=True), lambda: torch.tensor([1.0])])
def test_a_tensor_whose_gradient_would_be_lost_is_no_number(call, number):
    with pytest.raises(TypeError) as e:
        eval(call, {"t": torch, "F": torch.nn.functional, "x": torch.ones(2), "a": number()})
    assert NO_NUMBERS[call] in (None, str(e.value))


def test_a_tensor_stands_for_a_number():
    x, a = torch.ones(2), torch.tensor(0.5)
    assert torch.add(x, x, alpha=a).tolist() == [1.5, 1.5]
    assert torch.full((2,), a).tolist() == [0.5, 0.5]
    assert torch.arange(0, a, 0.25).tolist() == [0.0, 0.25]
    torch.manual_seed(0)
    drawn = torch.empty(3).uniform_(0, a)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.empty(3).uniform_(0, 0.5))
