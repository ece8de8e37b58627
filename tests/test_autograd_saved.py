"""Saved tensors of ops: the hooks that pack and unpack them, `_saved_...`, `_raw_saved_...`, and graphs freed in part."""
import pytest

import torchish as torch
from torchish.autograd import grad, graph
from torchish.nn import functional as F


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


def same(t):
    return t


def test_hooks_see_what_ops_keep(x):
    log = []
    with graph.saved_tensors_hooks(lambda t: (log.append(("pack", t.tolist())), t)[1], lambda t: (log.append("unpack"), t)[1]):
        y = x * x                                       # both factors
        assert log == [("pack", [1, 2])] * 2
        z = torch.sin(y) + torch.tanh(y)                # sin its operand, tanh its result, add nothing
        assert [kind for kind, _ in log] == ["pack"] * 4 and log[2][1] == [1, 4]
        w = (z * 3).sum()                               # a number is no saved tensor
        assert len(log) == 4
        x.detach() * 2
    w.backward()
    assert log[4:] == ["unpack"] * 4
    expected = 3 * 2 * x * (torch.cos(x * x) + 1 - torch.tanh(x * x) ** 2)
    torch.testing.assert_close(x.grad, expected.detach())


@pytest.mark.parametrize("f, count", [
    (lambda a, b: a @ b, 2), (lambda a, b: a.detach() @ b, 1), (lambda a, b: a / b, 2), (lambda a, b: a.exp(), 1),
    (lambda a, b: F.linear(a, b), 2), (lambda a, b: a.mean() + b.sum(), 0), (lambda a, b: a[torch.tensor([0])], 1),
    (lambda a, b: torch.cat([a, b]), 0), (lambda a, b: a ** 2, 1), (lambda a, b: F.softmax(a, 0), 1)])
def test_how_many_are_kept(f, count):
    seen = []
    with graph.saved_tensors_hooks(lambda t: (seen.append(t), t)[1], same):
        f(torch.rand(2, 2, requires_grad=True), torch.rand(2, 2, requires_grad=True))
    assert len(seen) == count


@pytest.mark.parametrize("unpack, factor", [(lambda t: t / 2, 1), (same, 2)])
def test_the_unpacked_value_is_used(x, unpack, factor):
    with graph.saved_tensors_hooks(lambda t: 2 * t, unpack):
        y = x * x
        z = (x ** 3).sum()
    assert y.grad_fn._saved_self.tolist() == [factor * 1, factor * 2] and y.grad_fn._saved_other.requires_grad
    assert grad(y.sum(), x)[0].tolist() == [2 * factor, 4 * factor]
    g, = grad(z, x, create_graph=True)          # a power keeps its operand; the second derivative goes through what was unpacked
    assert grad(g.sum(), x)[0].tolist() == [6 * factor, 12 * factor]


def test_the_innermost_hooks_count(x):
    with graph.saved_tensors_hooks(lambda t: 3 * t, same):
        with graph.saved_tensors_hooks(lambda t: 5 * t, same):
            y = x * x
        z = x * x
    assert grad(y.sum(), x)[0].tolist() == [10, 20] and grad(z.sum(), x)[0].tolist() == [6, 12]
    assert grad((x * x).sum(), x)[0].tolist() == [2, 4]


def test_hooks_of_one_saved_tensor(x):
    y = x * x
    y.grad_fn._raw_saved_self.register_hooks(lambda t: 2 * t, same)
    with pytest.raises(RuntimeError, match="hooks have already been set"):
        y.grad_fn._raw_saved_self.register_hooks(same, same)
    assert y.grad_fn._saved_self.tolist() == [2, 4] and y.grad_fn._saved_other is x
    assert grad(y.sum(), x)[0].tolist() == [3, 6]
    b = x + 1
    y = b.exp()
    raw = y.grad_fn._raw_saved_result
    assert raw.unpack_hook is None and y.grad_fn._saved_result.grad_fn is y.grad_fn
    raw.register_hooks(same, lambda t: 1)
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor but got result of type int"):
        y.sum().backward()
    y = b * b
    y.grad_fn._raw_saved_self.register_hooks(same, same)
    assert y.grad_fn._saved_self.grad_fn is b.grad_fn
    with pytest.raises(TypeError, match="incompatible function arguments"):
        y.grad_fn._raw_saved_other.register_hooks(same)


def test_hooks_that_fail(x):
    def broken(t):
        raise ValueError("broken")
    with graph.saved_tensors_hooks(broken, same), pytest.raises(ValueError, match="broken"):
        torch.sin(x)
    with graph.saved_tensors_hooks(same, broken):
        y = torch.sin(x)
    with pytest.raises(ValueError, match="broken"):
        y.sum().backward()
    with graph.saved_tensors_hooks(lambda t: t.add_(1), same), pytest.raises(RuntimeError, match="is modifying its input in place"):
        torch.exp(x)
    with graph.saved_tensors_hooks(same, same), pytest.raises(RuntimeError, match="not here"), \
            graph.disable_saved_tensors_hooks("not here"):
        pass


def test_packed_graphs_are_freed_like_others(x):
    with graph.saved_tensors_hooks(same, same):
        y = (x * x).sin().sum()
    y.backward(retain_graph=True)
    y.backward()
    for again in (y.backward, lambda: y.grad_fn.next_functions[0][0]._saved_self):
        with pytest.raises(RuntimeError, match="second time"):
            again()


def test_a_hook_may_look_at_values(x):
    with graph.saved_tensors_hooks(lambda t: t.tolist(), torch.tensor), graph.save_on_cpu():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with graph.saved_tensors_hooks(lambda t: t.tolist(), torch.tensor):
        loss = model(x.detach()[None]).pow(2).sum()
    found = grad(loss, list(model.parameters()))
    torch.testing.assert_close(found, grad(model(x.detach()[None]).pow(2).sum(), list(model.parameters())))


@pytest.mark.parametrize("f, name, value", [
    (lambda a: a.sum(0), "dim", (0,)), (lambda a: a.softmax(1), "dim", 1), (lambda a: a.transpose(0, 1), "dim0", 0),
    (lambda a: a ** 3, "exponent", 3), (lambda a: torch.div(a, 2.0, rounding_mode="trunc"), "rounding_mode", "trunc"),
    (lambda a: F.mse_loss(a, a.detach()), "reduction", 1), (lambda a: torch.cat([a, a], 1), "dim", 1),
    (lambda a: a.permute(1, 0), "dims", (1, 0)), (lambda a: a.roll(1, 0), "shifts", (1,)), (lambda a: a[0], "index", 0),
    (lambda a: a[:, 1:2], "dim", 1), (lambda a: a[:, 1:2], "start", 1), (lambda a: a[1:], "end", 2), (lambda a: a.norm(), "ord", 2),
    (lambda a: a.square(), "exponent", 2), (lambda a: F.linear(a, a, a[0]), "alpha", 1), (lambda a: a.split(1)[0], "split_size", 1),
    (lambda a: a @ a, "mat2_sym_sizes", (2, 2)), (lambda a: F.embedding(torch.tensor([0]), a), "weight_sym_argsize_0", 2)])
def test_saved_attributes(f, name, value):
    assert getattr(f(torch.ones(2, 2, requires_grad=True)).grad_fn, f"_saved_{name}") == value


def test_saved_values_have_torchs_names():
    a = torch.ones(2, 2, requires_grad=True)
    product = (a @ a).grad_fn
    assert product._saved_mat2 is a and "_saved_mat2" in dir(product) and not hasattr(product, "_saved_other_")
    number = (a * 3).grad_fn._saved_other
    assert number.shape == () and number.dtype is torch.int64 and number.item() == 3


def test_only_what_is_gone_through_is_freed(x):
    middle = (x * x).sum()
    edge = graph.get_gradient_edge(middle)
    g, = grad(middle.exp(), edge)
    torch.testing.assert_close(grad(edge, x, g)[0], 2 * x.detach() * torch.exp(middle.detach()))
    with pytest.raises(RuntimeError, match="second time"):
        grad(middle, x)


def test_a_gradient_leads_only_where_it_depends_on():
    x, a = torch.tensor(0.5, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    d, = grad(x * a, x, create_graph=True)
    assert grad(d, x, create_graph=True, allow_unused=True) == (None,)
    zero, = grad(d, x, create_graph=True, materialize_grads=True)
    assert zero.requires_grad and zero.item() == 0
    unused = torch.ones(1, requires_grad=True).clone()
    found = grad(x * a, (graph.get_gradient_edge(x), torch.ones(2, requires_grad=True)), materialize_grads=True)
    assert found[0].item() == 1 and found[1].tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="materialize_grads cannot be used when the given input is a GradientEdge"):
        grad(x * a, graph.get_gradient_edge(unused), materialize_grads=True)


def test_nodes_tell_what_they_save():
    x, z = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    node = (x * z).grad_fn
    assert [n for n in dir(node) if "saved" in n] == ["_raw_saved_other", "_raw_saved_self", "_saved_other", "_saved_self"]
    assert x.view(2, 1).grad_fn._saved_self_sym_sizes == (2,) and x.mean().grad_fn._saved_self_sym_numel == 2


def test_a_node_goes_with_its_entry_to_the_next_tape():
    """The second step moves to a tape of its own; the node that was asked for before goes with it."""
    for step in range(2):
        x, z = torch.ones(2, requires_grad=True), torch.full((2,), 3.0, requires_grad=True)
        y = x * z
        node, total = y.grad_fn, y.sum()
        total.backward(retain_graph=step == 1)
    assert node._saved_other.tolist() == [3, 3] and node is y.grad_fn
    total.backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        node._saved_self
    with pytest.raises(RuntimeError, match="Calling register_hooks on a saved tensor after it has been freed."):
        node._raw_saved_self.register_hooks(lambda t: t, lambda t: t)
