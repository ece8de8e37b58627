"""What ordinary scripts find on torch and Tensor: indexing and views against numpy, construction, promotion, old names.

Values were recorded from torch 2.13 where they are literals; the rest are invariants, or numpy's answers.
"""
from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import torchish as torch

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)
SHAPES = st.lists(st.integers(0, 4), min_size=0, max_size=4).map(tuple)


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.float32).reshape(shape)


@st.composite
def slices(draw: st.DrawFn, n: int) -> slice:
    bound = st.none() | st.integers(-n - 2, n + 2)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


@st.composite
def basic_indices(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple:
    """Ints, slices, None and at most one ellipsis, for the first dimensions of a shape."""
    items: list = []
    dots = draw(st.integers(0, len(shape)))
    for d, n in enumerate(shape[:draw(st.integers(0, len(shape)))]):
        if d == dots:
            break
        items.append(draw(slices(n) | st.integers(-n, n - 1) if n else slices(n)))
    if draw(st.booleans()):
        items.append(...)
    for _ in range(draw(st.integers(0, 1))):
        items.insert(draw(st.integers(0, len(items))), None)
    return tuple(items)


@st.composite
def indexed(draw: st.DrawFn) -> tuple[np.ndarray, tuple]:
    shape = draw(SHAPES)
    return numbered(shape), draw(basic_indices(shape))


@FEW
@given(indexed())
def test_basic_indices_read_and_write_as_numpys(case: tuple[np.ndarray, tuple]) -> None:
    array, index = case
    x = torch.tensor(array)
    np.testing.assert_array_equal(x[index].numpy(), array[index])
    array[index] = -1
    x[index] = -1
    np.testing.assert_array_equal(x.numpy(), array)


@st.composite
def advanced(draw: st.DrawFn) -> tuple[np.ndarray, tuple, tuple]:
    """An array, and an index with an integer array, a list or a mask in it: for numpy and for torch."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple))
    array = numbered(shape)
    at = draw(st.integers(0, len(shape) - 1))
    before = tuple(draw(slices(n)) for n in shape[:at])
    kind = draw(st.sampled_from(("places", "list", "mask", "whole", "pair")))
    if kind == "whole":
        mask = np.array(draw(st.lists(st.booleans(), min_size=array.size, max_size=array.size))).reshape(shape)
        return array, (mask,), (torch.tensor(mask),)
    n = shape[at]
    if kind == "mask":
        mask = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
        return array, (*before, mask), (*before, torch.tensor(mask))
    places = draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=5))
    if kind == "list":
        return array, (*before, places), (*before, places)
    if kind == "pair" and at + 1 < len(shape):
        m = shape[at + 1]
        others = draw(st.lists(st.integers(-m, m - 1), min_size=len(places), max_size=len(places)))
        return (array, (*before, np.array(places), np.array(others)),
                (*before, torch.tensor(places), torch.tensor(others)))
    return array, (*before, np.array(places)), (*before, torch.tensor(places))


@FEW
@given(advanced())
def test_advanced_indices_read_and_write_as_numpys(case: tuple[np.ndarray, tuple, tuple]) -> None:
    array, index, torch_index = case
    x = torch.tensor(array)
    np.testing.assert_array_equal(x[torch_index].numpy(), array[index])
    array[index] = 7
    x[torch_index] = 7
    np.testing.assert_array_equal(x.numpy(), array)


@pytest.mark.parametrize(("index", "error"), [
    (slice(None, None, -1), ValueError), (slice(None, None, 0), ValueError), (5, IndexError), (-4, IndexError),
    ((0, 0, 0), IndexError), (b"a", (TypeError, IndexError)), (1.5, (TypeError, IndexError)),
])
def test_indices_that_are_refused(index: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        torch.zeros(3, 2)[index]


VIEWS = {
    "t": (lambda x: x.transpose(0, -1), lambda a: np.swapaxes(a, 0, -1)),
    "flip dims": (lambda x: x.permute(*reversed(range(x.dim()))), lambda a: a.T),
    "first": (lambda x: x[:1], lambda a: a[:1]),
    "rest": (lambda x: x[1:], lambda a: a[1:]),
    "every second": (lambda x: x[..., ::2], lambda a: a[..., ::2]),
    "row": (lambda x: x[-1] if x.dim() > 1 else x, lambda a: a[-1] if a.ndim > 1 else a),
    "new": (lambda x: x.unsqueeze(0), lambda a: a[None]),
    "squeeze": (lambda x: x.squeeze(0), lambda a: a.squeeze(0) if a.shape[0] == 1 else a),
    "narrow": (lambda x: x.narrow(-1, 0, 1), lambda a: a[..., :1]),
    "detach": (lambda x: x.detach(), lambda a: a),
    "chunk": (lambda x: x.chunk(2, -1)[0], lambda a: a[..., :-(-a.shape[-1] // 2)]),
}


@FEW
@given(st.data())
def test_writes_through_chains_of_views_are_seen_everywhere(data: st.DataObject) -> None:
    array = numbered(data.draw(st.sampled_from([(4, 3), (3, 2, 2), (5,), (2, 4, 3)])))
    pairs = [(torch.tensor(array), array)]
    for _ in range(data.draw(st.integers(2, 8))):
        x, a = pairs[data.draw(st.integers(0, len(pairs) - 1))]
        step = data.draw(st.sampled_from([*VIEWS, "fill", "add", "set"]))
        if step in VIEWS and a.ndim and a.size:
            to_view, to_array = VIEWS[step]
            pairs.append((to_view(x), to_array(a)))
        elif step == "fill":
            x.fill_(100.0)
            a[...] = 100
        elif step == "add":
            x.add_(1)
            a += 1
        elif step == "set" and a.ndim and a.shape[0]:
            x[0] = -5
            a[0] = -5
    for x, a in pairs:
        np.testing.assert_array_equal(x.numpy(), a)


def test_in_place_forms_of_views_keep_object_and_storage() -> None:
    x = torch.arange(6.0).reshape(2, 3).clone()
    row = x[0]
    assert x.t_() is x
    assert x.shape == (3, 2)
    x[0, 0] = 100.0
    assert row.tolist() == [100.0, 1.0, 2.0]
    row.mul_(2)
    assert x.tolist() == [[200.0, 3.0], [2.0, 4.0], [4.0, 5.0]]
    assert x.unsqueeze_(1).shape == (3, 1, 2)
    assert x.squeeze_().transpose_(0, 1).shape == (2, 3)
    assert x.swapaxes_(0, 1).shape == (3, 2)


def test_in_place_view_in_a_graph() -> None:
    a = torch.ones(2, 3, requires_grad=True)
    b = a * 2
    row = b[0]
    b.t_()
    b.mul_(3)
    row.sum().backward()
    assert a.grad.tolist() == [[6.0, 6.0, 6.0], [0.0, 0.0, 0.0]]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        a.t_()


@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy.ndarrays")
@pytest.mark.parametrize(("data", "dtype", "values"), [
    ([1, 2.5, True], "float32", [1.0, 2.5, 1.0]), ([1, True], "int64", [1, 1]), ([True, False], "bool", [True, False]),
    ([1, 2j], "complex64", [1, 2j]), ([np.float64(1.5), 2], "float64", [1.5, 2.0]), ([np.int32(1)], "int32", [1]),
    ([np.int32(1), np.int64(2)], "int64", [1, 2]), ([np.float16(1), 2], "float16", [1.0, 2.0]), ((), "float32", []),
    (range(3), "int64", [0, 1, 2]), ([0.5, 2 ** 70], "float32", [0.5, 2.0 ** 70]), (np.float32(1.5), "float32", 1.5),
    ([np.array([1, 2]), [3, 4.5]], "float32", [[1.0, 2.0], [3.0, 4.5]]), (-2 ** 63, "int64", -2 ** 63),
])
def test_inferred_dtypes(data: object, dtype: str, values: object) -> None:
    x = torch.tensor(data)
    assert x.dtype is getattr(torch, dtype)
    assert x.tolist() == values


def test_tensors_in_lists_count_by_their_dtypes() -> None:
    assert torch.tensor([torch.tensor(1), torch.tensor(2.5)]).dtype is torch.float32
    assert torch.tensor([torch.tensor([1]), torch.tensor([2])]).tolist() == [1, 2]
    assert torch.tensor([torch.tensor(1, dtype=torch.float64), 1]).dtype is torch.float64


@pytest.mark.parametrize(("data", "error", "message"), [
    ([[1, 2], [3]], ValueError, "expected sequence of length 2 at dim 1 (got 1)"), ([[1, 2], 3], TypeError,
                                                                                    "not a sequence"),
    ("a", TypeError, "new(): invalid data type 'str'"), (["a"], ValueError, "too many dimensions 'str'"),
    ([1, "a"], TypeError, "new(): invalid data type 'str'"), (None, RuntimeError, "Could not infer dtype of NoneType"),
    ([1.5, None], RuntimeError, "Could not infer dtype of NoneType"), ({}, RuntimeError,
                                                                       "Could not infer dtype of dict"),
    (2 ** 63, ValueError, "Overflow when unpacking long long"), (object(), RuntimeError,
                                                                 "Could not infer dtype of object"),
    ([torch.tensor([1, 2])], TypeError, "only integer tensors of a single element can be converted to an index"),
])
def test_data_that_is_refused(data: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        torch.tensor(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(("value", "dtype"), [(300, "uint8"), (-1.5, "uint8"), (2 ** 40, "int32"), (float("nan"),
                                                                                                    "int32"),
                                              (float("inf"), "int64")])
def test_numbers_that_do_not_fit(value: float, dtype: str) -> None:
    with pytest.raises(RuntimeError, match=f"value cannot be converted to type {dtype} without overflow"):
        torch.tensor(value, dtype=getattr(torch, dtype))
    assert torch.tensor(-1, dtype=torch.uint8).item() == 255


def test_old_constructors() -> None:
    assert torch.Tensor(3, 2).shape == (3, 2)
    assert torch.Tensor([1, 2]).tolist() == [1.0, 2.0]
    assert torch.Tensor(torch.Size([2])).shape == (2,)
    assert torch.LongTensor([1, 2]).dtype is torch.int64
    assert torch.FloatTensor(np.ones(2)).dtype is torch.float32
    assert isinstance(torch.ones(2), torch.FloatTensor)
    assert not isinstance(torch.ones(2), torch.LongTensor)
    assert torch.ones(2).long().new([1, 2]).dtype is torch.int64
    assert torch.ones(2).new(2, 3).shape == (2, 3)
    assert torch.ones(2).type(torch.LongTensor).tolist() == [1, 1]
    assert torch.ones(2).type("torch.DoubleTensor").dtype is torch.float64
    with pytest.raises(TypeError, match="data must be a sequence"):
        torch.Tensor(2.5)


def test_numpys_argument_names() -> None:
    x = torch.tensor([[1.0, 5.0], [3.0, 2.0]])
    assert x.sum(axis=1, keepdims=True).tolist() == [[6.0], [5.0]]
    assert torch.cat([x, x], axis=1).shape == (2, 4)
    assert torch.max(x, axis=1).indices.tolist() == [1, 0]
    assert torch.softmax(x, axis=0).shape == (2, 2)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        torch.softmax(x)


def test_numpy_on_either_side() -> None:
    v, i, a = torch.ones(3), torch.arange(3), np.ones(3)
    for result in (a * v, v * a, a + i, np.add(a, v)):
        assert isinstance(result, torch.Tensor)
        assert result.dtype is torch.float64
    assert (np.float64(2) * v).dtype is torch.float32
    assert (np.float64(2) * i).dtype is torch.float32
    assert (np.int64(2) - i).tolist() == [2, 1, 0]
    assert isinstance(a == i, torch.Tensor)


def test_other_classes_get_their_turn() -> None:
    v = torch.ones(3)
    assert (v == None) is False  # noqa: E711
    assert (v != None) is True  # noqa: E711
    assert (v == "a") is False
    with pytest.raises(TypeError, match="unsupported operand type"):
        v + [1, 2, 3]

    class Own:
        def __radd__(self, other: object) -> str:
            return "own"
    assert v + Own() == "own"


def test_dtypes_of_in_place_ops() -> None:
    i = torch.arange(3)
    for wrong in (lambda: i.add_(1.5), lambda: i.mul_(2.5), lambda: i.div_(2), lambda: torch.add(i, 1.5, out=i)):
        with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
            wrong()
    with pytest.raises(RuntimeError, match="result type Long can't be cast to the desired output type Bool"):
        torch.tensor([True]).add_(1)
    assert i.float().add_(torch.ones(3, dtype=torch.float64)).dtype is torch.float32


def test_out_is_resized_with_a_warning() -> None:
    out = torch.empty(2)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized since it had shape"):
        torch.add(torch.ones(3), 1, out=out)
    assert out.tolist() == [2.0, 2.0, 2.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.vstack([out, out], out=torch.empty(0)).shape == (2, 3)
    values, places = torch.empty(2), torch.empty(2, dtype=torch.int64)
    torch.max(torch.tensor([[1.0, 5.0], [3.0, 2.0]]), 1, out=(values, places))
    assert (values.tolist(), places.tolist()) == ([5.0, 3.0], [1, 0])


def test_reinterpreted_bytes() -> None:
    assert torch.ones(2).view(torch.int32).tolist() == [1065353216, 1065353216]
    assert torch.ones(2, 4).view(torch.int64).shape == (2, 2)
    assert torch.ones(2, 2).view(torch.int16).shape == (2, 4)
    x = torch.zeros(2)
    x.view(torch.int32).fill_(1065353216)
    assert x.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="must be divisible by 2 to view Float as Long"):
        torch.ones(2, 3).view(torch.int64)
    z = torch.tensor([1 + 2j])
    torch.view_as_real(z)[0, 1] = 5.0
    assert z.tolist() == [1 + 5j]


def test_tensors_that_take_over() -> None:
    x = torch.arange(4.0)
    assert x.resize_(2, 2) is x
    assert x.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    y = torch.empty(0).set_(x)
    y[0, 0] = 9.0
    assert x[0, 0].item() == 9.0
    assert torch.arange(3.0).apply_(lambda v: v * 2).tolist() == [0.0, 2.0, 4.0]
    assert torch.arange(3.0).map_(torch.ones(3), lambda a, b: a + b).tolist() == [1.0, 2.0, 3.0]
    assert torch.zeros(4, 2).fill_diagonal_(1.0, wrap=True).tolist() == [[1, 0], [0, 1], [0, 0], [1, 0]]
    mask = torch.tensor([True, False, True])
    assert torch.zeros(3).masked_scatter_(mask, torch.tensor([5.0, 6.0, 7.0])).tolist() == [5.0, 0.0, 6.0]
    assert torch.zeros(3).put_(torch.tensor([0, 2]), torch.tensor([1.0, 2.0])).tolist() == [1.0, 0.0, 2.0]


def test_storages_are_windows_on_the_base() -> None:
    x = torch.arange(4.0)
    assert x[1:].storage().tolist() == [0.0, 1.0, 2.0, 3.0]
    assert x.untyped_storage().nbytes() == 16
    assert x.storage().data_ptr() == x[1:].storage().data_ptr()
    x.storage()[0] = 7.0
    assert x[0].item() == 7.0


def test_modules_of_switches() -> None:
    assert not torch.cuda.is_available() or torch.cuda.device_count() > 0
    torch.cuda.manual_seed_all(0)
    torch.cuda.empty_cache()
    torch.backends.cudnn.benchmark = True
    assert torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    for switches in (torch.backends.cudnn, torch.backends.mkldnn):
        with switches.flags(enabled=False, deterministic=True):
            assert not switches.enabled and switches.deterministic
        assert switches.enabled and not switches.deterministic
    assert not torch.backends.mps.is_available()
    assert torch.compile(torch.sin) is torch.sin
    assert torch.jit.script(torch.sin) is torch.sin
    assert torch.jit.isinstance([1, 2], list[int])
    torch.use_deterministic_algorithms(True)
    assert torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    assert torch.ones(2).layout is torch.strided
    assert torch.broadcast_shapes((2, 1), (3,)) == (2, 3)
    with pytest.raises(RuntimeError, match="no such thing"):
        torch._check(False, lambda: "no such thing")


def test_linear_algebra() -> None:
    a = torch.tensor([[4.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
    b = torch.tensor([9.0, 7.0], dtype=torch.float64)
    x = torch.linalg.solve(a, b)
    torch.testing.assert_close(a @ x, b)
    low = torch.linalg.cholesky(a)
    torch.testing.assert_close(low @ low.T, a)
    q, r = torch.linalg.qr(a)
    torch.testing.assert_close(q @ r, a)
    u, s, vh = torch.linalg.svd(a)
    torch.testing.assert_close(u @ torch.diag(s) @ vh, a)
    values, vectors = torch.linalg.eigh(a)
    torch.testing.assert_close(vectors @ torch.diag(values) @ vectors.T, a)
    torch.testing.assert_close(torch.linalg.inv(a) @ a, torch.eye(2, dtype=torch.float64))
    assert torch.linalg.det(a).item() == pytest.approx(11)
    assert torch.linalg.norm(a).item() == pytest.approx(27 ** 0.5)
    with pytest.raises(RuntimeError, match="must be batches of square matrices, but they are 3 by 2 matrices"):
        torch.linalg.inv(torch.ones(3, 2))


def test_fourier_transforms_go_back() -> None:
    x = torch.arange(24.0, dtype=torch.float64).reshape(4, 6).sin()
    torch.testing.assert_close(torch.fft.irfft(torch.fft.rfft(x)), x)
    torch.testing.assert_close(torch.fft.ifftn(torch.fft.fftn(x)).real, x)
    window = torch.hann_window(8, dtype=torch.float64)
    signal = torch.arange(40.0, dtype=torch.float64).cos()
    spectrum = torch.stft(signal, 8, window=window, return_complex=True)
    assert spectrum.shape == (5, 21)
    torch.testing.assert_close(torch.istft(spectrum, 8, window=window, length=40), signal)


def test_statistics_and_special_functions() -> None:
    x = torch.tensor([3.0, 1.0, 2.0, 4.0])
    assert torch.quantile(x, 0.5).item() == 2.5
    assert torch.quantile(x, torch.tensor([0.0, 1.0]), interpolation="nearest").tolist() == [1.0, 4.0]
    assert torch.histc(x, 3).tolist() == [1.0, 1.0, 2.0]
    assert torch.isin(x, torch.tensor([1.0, 4.0])).tolist() == [False, True, False, True]
    assert torch.special.expit(torch.zeros(1)).item() == 0.5
    assert torch.special.ndtr(torch.zeros(1)).item() == 0.5
    assert torch.xlogy(torch.zeros(1), torch.zeros(1)).item() == 0.0
    assert torch.unique_consecutive(torch.tensor([1, 1, 2, 1]), return_counts=True)[1].tolist() == [2, 1, 1]


def test_losses_are_scaled_and_overflowing_steps_left_out() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    scaler.scale(weight.sum()).backward()
    assert weight.grad.tolist() == [8.0, 8.0]
    scaler.step(optimizer)
    scaler.update()
    assert weight.tolist() == [0.5, 0.5]
    assert scaler.get_scale() == 16.0
    optimizer.zero_grad()
    scaler.scale((weight * float("inf")).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert weight.tolist() == [0.5, 0.5]
    assert scaler.get_scale() == 8.0


def test_factors_in_their_old_places() -> None:
    x, m = torch.tensor([1.0, 2.0]), torch.ones(2, 2)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        y = x.clone().mul_(0.9).add_(0.1, x)                # as optimizers were written
        y.addcdiv_(-0.5, x, x).addcmul_(2, x, x)
        assert torch.allclose(y, torch.tensor([2.5, 9.5])) and torch.sub(x, 2, x).tolist() == [-1.0, -2.0]
        assert torch.addmm(2, m, 3, m, m).tolist() == m.addmm(2, 3, m, m).tolist() == [[8.0, 8.0], [8.0, 8.0]]
        assert torch.addmv(2, x, m, x).tolist() == [5.0, 7.0] and torch.addmm(2, m, m, m).tolist() == [[4.0, 4.0]] * 2
    assert str(said[0].message) == ("This overload of add_ is deprecated:\n\tadd_(Number alpha, Tensor other)\nConsider using one "
                                    "of the following signatures instead:\n\tadd_(Tensor other, *, Number alpha = 1)")
    for wrong in (lambda: x.add(x, x), lambda: x.add(1, 2, 3), lambda: torch.add(x, 2, x, alpha=3), lambda: x.addcmul(x, 2, x)):
        with pytest.raises(TypeError, match="received an invalid combination of arguments|positional argument"):
            wrong()


def test_classes_of_named_results_are_found_and_pickled() -> None:
    found = pickle.loads(pickle.dumps(torch.max(torch.ones(2), 0)))
    assert isinstance(found, torch.return_types.max) and found.values == 1 and copy.deepcopy(found).indices == 0
    assert torch.return_types.max([3, 4]) == (3, 4) and torch.return_types.max.n_fields == 2
    with pytest.raises(TypeError, match=r"torch.return_types.max\(\) takes a 2-sequence \(3-sequence given\)"):
        torch.return_types.max([1, 2, 3])
    assert torch.return_types.linalg_eigh.__name__ == "linalg_eigh" and not hasattr(torch.return_types, "nothing")


def test_integers_at_their_ends() -> None:
    least = torch.tensor([-2 ** 63])
    assert torch.gcd(least, torch.tensor([6])).item() == 2 and torch.gcd(least, least).item() == -2 ** 63
    assert torch.lcm(torch.tensor([0, 4, -6]), torch.tensor([0, 6, 9])).tolist() == [0, 12, 18]
    big = [pow(3, e, 2 ** 64) for e in (100, 1 << 40)]
    assert [torch.tensor([3]).pow(e).item() for e in (100, 1 << 40)] == [v - 2 ** 64 if v >= 2 ** 63 else v for v in big]
    assert (torch.tensor([2, 3, -1]) ** torch.tensor([63, 5, 7])).tolist() == [-2 ** 63, 243, -1]
    mantissa, exponent = torch.frexp(torch.tensor([-0.0, float("inf"), 8.0]))
    assert str(mantissa.tolist()) == "[-0.0, inf, 0.5]" and exponent.tolist() == [0, 0, 4]
    assert torch.isnan(torch.tensor([0j]) ** 1j).item() and (torch.tensor([0j]) ** (1 + 1j)).item() == 0
    assert torch.unique(torch.tensor([float("nan")] * 2)).numel() == 2
    with pytest.raises(RuntimeError, match="Boolean alpha only supported for Boolean results."):
        torch.add(torch.tensor([1]), torch.tensor([2]), alpha=True)
