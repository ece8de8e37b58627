"""Names of PyTorch's core that its tests and libraries ask for: checks, nodes, attributes that cannot be deleted."""
from __future__ import annotations

import pytest

import torchish as torch


@pytest.mark.parametrize(("name", "error"), [("_check", RuntimeError), ("_check_index", IndexError), ("_check_value", ValueError),
                                             ("_check_type", TypeError), ("_check_not_implemented", NotImplementedError)])
def test_checks(name, error):
    check = getattr(torch, name)
    check(True)
    with pytest.raises(error, match="^Expected cond to be True, but got False"):
        check(False)
    with pytest.raises(error, match="^3$"):
        check(False, lambda: 3)
    with pytest.raises(TypeError, match="^message must be a callable"):
        check(False, "text")
    with pytest.raises(TypeError, match="^cond must be a bool, but got a Tensor. For tensor conditions"):
        check(torch.tensor(True))


def test_checks_of_tensors_and_sizes():
    torch._check_tensor_all(torch.tensor([True, True]))
    with pytest.raises(IndexError, match="^no$"):
        torch._check_tensor_all_with(IndexError, torch.tensor([True, False]), lambda: "no")
    with pytest.raises(TypeError, match="^cond tensor must have dtype torch.bool, but got torch.float32"):
        torch._check_tensor_all(torch.ones(2))
    with pytest.warns(FutureWarning, match="_check_is_size will be removed"), pytest.raises(RuntimeError):
        torch._check_is_size(-1)


def test_nodes_of_the_core():
    x = torch.ones(2, requires_grad=True)
    functions = torch._C._functions
    functions.UndefinedGrad()(x * 2).sum().backward()
    assert x.grad is None
    with pytest.raises(RuntimeError, match="^Boom!"):
        functions.DelayedError("Boom!", 1)(x).sum().backward()
    assert isinstance((x * 2).grad_fn.next_functions[0][0], functions.AccumulateGrad)
    asked = torch._C._autograd
    assert asked._saved_tensors_hooks_is_enabled() and asked._saved_tensors_hooks_get_disabled_error_message() is None
    with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
        assert asked._saved_tensors_hooks_get_disabled_error_message() == "not here"


@pytest.mark.parametrize(("name", "sentence"), [
    ("_grad_fn", "Deletion of _grad_fn not allowed. Detach tensor instead!"),
    ("_backward_hooks", "Deletion of _backwards_hooks not allowed!"), ("data", "Deleting tensor data is not allowed")])
def test_attributes_that_stay(name, sentence):
    with pytest.raises(RuntimeError, match=f"^{sentence}"):
        delattr(torch.ones(2), name)


def test_what_a_tensor_lists_is_there():
    x = torch.ones(2, 2)
    assert "shape" in dir(x) and "crow_indices" not in dir(x)
    assert [name for name in dir(x) if name != "imag" and not hasattr(x, name)] == []


def test_functions_of_elements_give_numbers():
    x = torch.ones(2)
    for wrong in ("s", None, 1j):
        with pytest.raises(TypeError, match="^must be real number, not"):
            x.apply_(lambda v, wrong=wrong: wrong)
        with pytest.raises(TypeError, match="^must be real number, not"):
            x.map_(x, lambda a, b, wrong=wrong: wrong)
    assert x.tolist() == [1, 1] and x.apply_(lambda v: torch.tensor(v + 1)).tolist() == [2, 2]


def test_deterministic_switches():
    try:
        for mode, warn_only in ((True, False), (True, True), (False, True), (False, False)):
            torch.use_deterministic_algorithms(mode, warn_only=warn_only)
            assert (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()) \
                == (mode, warn_only)
        with pytest.raises(TypeError, match="argument 'mode' \\(position 1\\) must be bool, not int"):
            torch.use_deterministic_algorithms(1)
        with pytest.raises(TypeError, match="^debug_mode must be str or int"):
            torch.set_deterministic_debug_mode(1.0)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is an accelerator here, so the class is available")
def test_a_default_type_of_a_device_that_is_missing_is_refused():
    sentence = "^type torch.cuda.FloatTensor not available"
    with pytest.warns(UserWarning, match="deprecated"), pytest.raises(TypeError, match=sentence):
        torch.set_default_tensor_type(torch.cuda.FloatTensor)
    assert torch.ones(1).device.type == "cpu"


def test_what_a_tensor_is_said_to_be():
    x = torch.zeros(2, 3)
    torch._assert_tensor_metadata(x, (2, 3), [3, 1], torch.float32, device="cpu", layout=torch.strided)
    for options, text in (({"size": (3, 2)}, r"Tensor sizes mismatch! Expected: \[3, 2\], Got: \[2, 3\]"),
                          ({"stride": (1, 3)}, r"Tensor strides mismatch! Expected: \[1, 3\], Got: \[3, 1\]"),
                          ({"dtype": torch.int64}, "Tensor dtype mismatch! Expected: Long, Got: float"),
                          ({"device": "meta"}, "Tensor device mismatch! Expected: meta, Got: cpu"),
                          ({"layout": torch.sparse_coo}, "Tensor layout mismatch! Expected: ")):
        with pytest.raises(RuntimeError, match=text):
            torch._assert_tensor_metadata(x, **options)
    shown = [x, x.t(), x[:, :2], x[:1].expand(2, 3), torch.zeros(4).as_strided((2, 2), (1, 1))]
    assert [torch._debug_has_internal_overlap(y) for y in shown] == [0, 0, 2, 1, 2]


def test_the_number_of_a_backward_and_references_that_do_not_hold():
    x = torch.ones(2, requires_grad=True)
    seen = []
    x.register_hook(lambda g: seen.append(torch._C._current_graph_task_id()))
    for _ in range(2):
        x.sum().backward()
    assert seen[0] != seen[1] and -1 not in seen and torch._C._current_graph_task_id() == -1
    reference = torch._C._WeakTensorRef(y := torch.ones(2))
    assert not reference.expired()
    del y
    assert reference.expired()


def test_the_modules_are_listed():
    names = torch.nn.modules.__all__
    assert {"Linear", "LSTM", "Module", "ReLU"} <= set(names) and not [n for n in names if not hasattr(torch.nn, n)]


def test_a_tensor_object_has_a_number_of_its_own():
    x = torch.ones(2)
    assert x._cdata == x._cdata != x.detach()._cdata
    assert issubclass(torch.jit.TracerWarning, Warning)
    assert torch.cuda._initialized is torch.cuda.is_initialized()
    with pytest.raises(AttributeError, match="module 'torch.cuda' has no attribute 'nothing'"):
        torch.cuda.nothing


def test_an_extension_is_not_built():
    with pytest.raises(RuntimeError, match="^Error building extension 'fast'"):
        torch.utils.cpp_extension.load("fast", ["fast.cpp"], verbose=True)
