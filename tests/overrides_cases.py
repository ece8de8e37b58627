"""What `__torch_function__` may take over. Run in a process of its own (test_overrides.py): from here on functions ask first."""
from __future__ import annotations

import inspect
import operator
import pickle

import pytest

import torchish as torch
from torchish import overrides
from torchish.nn import functional as F

PLAIN = torch.Tensor


class Foreign:
    """No tensor at all; met before any class that makes the functions ask."""
    answers = {torch.mean: lambda x: "mean", torch.mm: lambda a, b: "mm", torch.stack: lambda xs, dim=0: "stack"}

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return cls.answers[func](*args, **(kwargs or {})) if func in cls.answers else NotImplemented


def test_a_foreign_object_is_asked_wherever_a_tensor_is_expected():
    x, eye = Foreign(), torch.eye(2)
    assert [torch.mean(x), torch.mm(x, eye), torch.mm(eye, x), torch.stack([eye, x])] == ["mean", "mm", "mm", "stack"]
    with pytest.raises(TypeError, match=r"Multiple dispatch failed for 'torch\.mul'; all __torch_function__ handlers returned"):
        torch.mul(eye, x)
    with pytest.raises(TypeError, match="argument 'other' .* must be Tensor, not object"):
        torch.add(eye, object())


class S(torch.Tensor):
    pass


class Sub(S):
    pass


class Other(torch.Tensor):
    pass


class Logging(torch.Tensor):
    seen: list = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.seen.append((overrides.resolve_name(func), [t.__name__ for t in types], len(args), kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)


@pytest.mark.parametrize(("call", "kind"), [
    (lambda s, t: s + t, S), (lambda s, t: t + s, S), (lambda s, t: 1 - s, S), (lambda s, t: -s, S), (lambda s, t: s[0], S),
    (lambda s, t: s == t, S), (lambda s, t: s @ t, S), (lambda s, t: torch.stack([t, s]), S), (lambda s, t: F.relu(s), S),
    (lambda s, t: torch.linalg.norm(s), S), (lambda s, t: s.max(0).values, S), (lambda s, t: next(iter(s)), S),
    (lambda s, t: s.data, S),
    (lambda s, t: torch.nn.Linear(2, 2)(s), S), (lambda s, t: torch.unique(s), S), (lambda s, t: Sub([1.0, 2.0]) + s, Sub),
    (lambda s, t: s + Sub([1.0, 2.0]), Sub), (lambda s, t: torch.ones(2).as_subclass(S), S), (lambda s, t: s.sum().item(), float),
    (lambda s, t: s.shape, torch.Size), (lambda s, t: torch.allclose(s, t), bool), (lambda s, t: t + t, PLAIN),
    (lambda s, t: pickle.loads(pickle.dumps(s)), S), (lambda s, t: torch.nn.Parameter(t) + 1, PLAIN)])
def test_results_are_of_the_subclass(call, kind):
    assert type(call(S([1.0, 2.0]), torch.ones(2))) is kind


def test_gradients_and_printing():
    s = S([1.0, 2.0]).requires_grad_()
    (s * s).sum().backward()
    assert type(s.grad) is PLAIN and s.grad.tolist() == [2, 4]
    assert type(torch.autograd.grad((s * s).sum(), s)[0]) is S
    assert repr(s) == "S([1., 2.], requires_grad=True)" and repr(s.detach() * 2) == "S([2., 4.])"


def test_unrelated_subclasses_have_no_answer():
    with pytest.raises(TypeError, match="unsupported operand"):
        S([1.0]) + Other([1.0])
    with pytest.raises(TypeError, match=r"Multiple dispatch failed for 'torch\.add'"):
        torch.add(S([1.0]), Other([1.0]))


@pytest.mark.parametrize(("call", "name", "count"), [
    (lambda s: s + 1, "Tensor.add", 2), (lambda s: 1 + s, "Tensor.add", 2), (lambda s: 1 - s, "Tensor.__rsub__", 2),
    (lambda s: torch.add(s, 1), "add", 2), (lambda s: operator.iadd(s, 1), "Tensor.add_", 2),
    (lambda s: s == 1, "Tensor.__eq__", 2), (lambda s: s > 1, "Tensor.gt", 2), (lambda s: s.shape, "Tensor.shape.__get__", 1),
    (lambda s: s[0], "Tensor.__getitem__", 2),
    (lambda s: F.softmax(s, 0), "nn.functional.softmax", 2), (lambda s: torch.fft.fft(s), "fft.fft", 1),
    (lambda s: torch.einsum("i,i", s, s), "functional.einsum", 3), (lambda s: s.requires_grad_(), "Tensor.requires_grad_", 1)])
def test_what_the_class_is_told(call, name, count):
    s = Logging([1.0, 2.0])
    Logging.seen.clear()
    call(s)
    assert Logging.seen == [(f"torch.{name}", ["Logging"], count, {})]


def test_modes_see_every_call_and_are_off_inside():
    names = []

    class Mode(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            names.append(overrides.resolve_name(func))
            return torch.add(func(*args, **(kwargs or {})), 1) if func is torch.mul else func(*args, **(kwargs or {}))

    with Mode():
        x = torch.ones(2)
        y = torch.mul(x, 3)
    assert names == ["torch.ones", "torch.mul"] and y.tolist() == [4, 4] and torch.mul(x, 3).tolist() == [3, 3]
    with pytest.raises(NotImplementedError), overrides.TorchFunctionMode():
        torch.ones(1)
    with overrides.BaseTorchFunctionMode():
        assert type(S([1.0]) + 1) is S


def test_switched_off():
    s = S([1.0])
    with torch.DisableTorchFunctionSubclass():
        assert type(s + 1) is PLAIN and not overrides.has_torch_function((s,))
    assert type(s + 1) is S


def test_functions_of_the_users_own():
    def double(x, by=None):
        if overrides.has_torch_function((x, by)):
            return overrides.handle_torch_function(double, (x, by), x, by=by)
        return x * 2

    assert type(double(S([1.0]))) is S and double(3) == 6
    assert not overrides.has_torch_function((1, torch.nn.Parameter(torch.ones(1))))
    with pytest.raises(TypeError, match="no implementation found for .*double' on types that implement __torch_function__"):
        double(Foreign())

    @overrides.wrap_torch_function(lambda x: (x,))
    def more(x):
        return x + 1

    assert type(more(S([1.0]))) is S and more(1) == 2 and more.__name__ == "more"


def test_plain_methods_are_deprecated():
    class Seven:
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return 7

    with pytest.warns(UserWarning, match="as a plain method is deprecated"):
        assert torch.add(Seven(), 1) == 7


def test_what_can_be_taken_over():
    found = overrides.get_overridable_functions()
    assert torch.add in found[torch] and torch.Tensor.add in found[torch.Tensor] and F.relu in found[F]
    assert torch.ones in overrides.get_ignored_functions() and torch.add not in overrides.get_ignored_functions()
    assert overrides.resolve_name(torch.Tensor.shape.__get__) == "torch.Tensor.shape.__get__"
    assert overrides.resolve_name(len) is None and overrides.resolve_name(torch.linalg.eig) == "torch.linalg.eig"
    assert overrides.is_tensor_method_or_property(torch.Tensor.add) and not overrides.is_tensor_method_or_property(torch.add)
    assert overrides.is_tensor_like(Foreign()) and not overrides.is_tensor_like(3)
    stub = overrides.get_testing_overrides()[torch.add]
    assert stub(1, 2) == -1 and inspect.signature(stub) == inspect.signature(torch.add)
    assert list(inspect.signature(torch.add).parameters) == ["input", "other", "alpha", "out"]


def test_one_level_is_skipped(capsys):
    def tell(func, types, args, kwargs):
        print(func.__name__)
        return overrides.redispatch_function(func, types, args, kwargs)

    class Logging(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args, kwargs=None):
            return tell(func, types, args, kwargs)

    class Mode(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args, kwargs=None):
            with self:
                return tell(func, types, args, kwargs)

    def scaled(a, b):
        if overrides.has_torch_function((a, b)):
            return overrides.handle_torch_function(scaled, (a, b), a, b)
        return a * b + 1

    x = torch.tensor([3.0])
    result = scaled(Logging(x), Logging(x))
    assert type(result) is torch.Tensor and result == 10        # what comes from `mul` is plain, so `add` is not told
    assert capsys.readouterr().out.split() == ["scaled", "mul"]
    with Mode():
        assert type(scaled(x, x)) is torch.Tensor
    assert capsys.readouterr().out.split() == ["scaled", "mul", "add"]
    with pytest.raises(ZeroDivisionError):
        overrides.redispatch_function(lambda: 1 / 0, (), (), None)
    assert type(Logging(x) + 1) is torch.Tensor and capsys.readouterr().out == "add\n"       # nothing is left to be skipped


def test_locals_of_a_frame_that_asks_can_be_read():
    class Mode(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            raise KeyError(func)
    x = torch.ones(2)
    with pytest.raises(KeyError) as found, Mode():
        x.random_()     # a closure
    frame, seen = found.value.__traceback__, set()
    while frame is not None:
        seen.update(frame.tb_frame.f_locals)
        frame = frame.tb_next
    assert {"name", "numbers", "_ask"} <= seen


def test_operators_give_way():
    class Silent(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    class Right:
        __rpow__ = __rfloordiv__ = __rlshift__ = __rand__ = lambda self, other: "right"
    x = Silent(torch.ones(2))
    assert [x ** Right(), x // Right(), x << Right(), x & Right()] == ["right"] * 4
    assert torch.Tensor.__rsub__(x, torch.ones(2)) is torch.Tensor.__eq__(x, torch.ones(2)) is NotImplemented
    with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch.Tensor.neg'"):
        -x


def test_modes_see_one_call_of_one_call():
    class Log(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            names.append(func.__name__)
            return func(*args, **(kwargs or {}))

    class ByClass(overrides.TorchFunctionMode):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))
    names, x = [], torch.ones(2)
    with Log():
        assert type(torch.neg(S(x))) is S and torch._C._len_torch_function_stack() == 1
        assert isinstance(torch._C._get_function_stack_at(0), Log)
    assert names == ["neg"]
    with pytest.raises(RuntimeError, match="as a classmethod is not supported, please make it a plain method"), ByClass():
        x + x
    with pytest.raises(TypeError, match="expected a sequence"):
        overrides.has_torch_function(object())
    with torch._C.DisableTorchFunction():
        assert torch._C._is_torch_function_all_disabled()
    assert not torch._C._is_torch_function_all_disabled()


def test_parameters_and_buffers_of_a_class_of_ones_own():
    p, q = torch.nn.Parameter(S(torch.ones(2))), torch.nn.Parameter(torch.ones(2))
    assert type(p) is S and type(q) is torch.nn.Parameter and p.requires_grad
    assert isinstance(p, torch.nn.Parameter) and not isinstance(S(torch.ones(2)), torch.nn.Parameter)
    assert repr(p) == "Parameter(S([1., 1.], requires_grad=True))" and type(p * 2) is S
    copied = pickle.loads(pickle.dumps(p))
    assert type(copied) is S and isinstance(copied, torch.nn.Parameter)
    module = torch.nn.Module()
    module.p, module.b = p, torch.nn.Buffer(torch.zeros(2), persistent=False)
    assert list(module.parameters()) == [p] and type(module.b) is torch.Tensor and isinstance(module.b, torch.nn.Buffer)
    (module.p * 3).sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.5).step()
    assert module.p.tolist() == [-0.5, -0.5] and "b" not in module.state_dict()

    class Lost(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl
    with pytest.raises(RuntimeError, match="Creating a Parameter from an instance of type Lost requires that detach"):
        torch.nn.Parameter(torch.ones(2).as_subclass(Lost))


def test_a_tensor_of_a_subclass_is_a_view_with_the_history():
    class Sub(torch.Tensor):
        pass

    x = torch.ones(2, requires_grad=True)
    for made in (Sub(x), torch.Tensor(x), torch.FloatTensor(x), x.as_subclass(Sub)):
        assert made._base is x and made._is_view() and type(made.grad_fn).__name__ == "AliasBackward0"
    (Sub(x) * torch.tensor([2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [2, 3]
    plain = torch.zeros(2)
    seen = Sub(plain)
    plain.add_(1)
    seen[0] = 5
    assert type(seen) is Sub and seen.tolist() == plain.tolist() == [5, 1] and seen._base is plain
