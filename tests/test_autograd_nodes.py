"""Backward nodes: identity, names, metadata, calls, saved values; saved tensors and the hooks that pack them."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish.autograd import grad, graph


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


class Exp(torch.autograd.Function):
    """exp, which keeps its argument and its result."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y + 0 * x


def test_a_node_is_one_object_as_long_as_the_graph_lives(x):
    y = x * 2
    node = y.grad_fn
    node.metadata["a"] = 1
    loss = (y * y).sum()
    assert y.grad_fn is node and loss.item() == 20
    assert y.grad_fn is node and loss.grad_fn.next_functions[0][0].next_functions[0][0] is node
    del node
    assert y.grad_fn.metadata == {"a": 1}
    assert isinstance(y.grad_fn, graph.Node) and isinstance(Exp.apply(x).grad_fn, graph.Node)
    assert (x * 1).grad_fn._sequence_nr() < (x * 2).exp().grad_fn._sequence_nr()
    assert [u.output_nr for u in x.unbind()] == [0, 1] and x.grad_fn is None


def test_nodes_can_be_called(x):
    first, second = (x * 3).grad_fn(torch.ones(2))
    values, _ = (x.detach().requires_grad_()).sort()        # its other result, integers, has no gradient
    seen: list = []
    values.grad_fn.register_prehook(seen.append)
    values.sum().backward()
    assert [len(g) for g in seen] == [1] and len(values.grad_fn._input_metadata) == 1
    assert first.tolist() == [3, 3] and second is None
    y = x.exp()
    loss = y.sum()
    assert loss.item() > 10
    assert y.grad_fn(torch.ones(2)).tolist() == y.tolist()
    (x * 1).grad_fn.next_functions[0][0](torch.ones(2))
    assert x.grad.tolist() == [1, 1]
    assert Exp.apply(x).grad_fn.next_functions[0][0].variable is x


def test_saved_values_of_ops(x):
    y = x * x
    assert y.grad_fn._saved_other is x
    z = x.exp()
    assert z.grad_fn._saved_result.tolist() == z.tolist()
    y.sum().backward()
    with pytest.raises(RuntimeError, match="directly access saved tensors after they have already been freed"):
        _ = y.grad_fn._saved_self
    with pytest.raises(AttributeError, match="'MulBackward0' object has no attribute 'nothing'"):
        _ = (x * 2).grad_fn.nothing


def test_packing(x):
    log = []

    def pack(t):
        log.append(("pack", t.tolist()))
        return t * 2
    with graph.saved_tensors_hooks(pack, lambda t: t / 2):
        y = Exp.apply(x)
    g, = grad(y.sum(), x, create_graph=True)
    assert [kind for kind, _ in log] == ["pack", "pack"] and log[0][1] == [1, 2]
    torch.testing.assert_close(g, x.exp())
    torch.testing.assert_close(grad(g.sum(), x)[0], x.exp())
    with graph.save_on_cpu():
        y = Exp.apply(x)
    torch.testing.assert_close(grad(y.sum(), x)[0], x.exp())


def test_packing_refused(x):
    with graph.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t):
        with pytest.raises(RuntimeError):
            Exp.apply(x)
        with pytest.raises(RuntimeError, match="pack hook is modifying its input in place"):
            Exp.apply(x * 1)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
        y = Exp.apply(x)
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor but got result of type int"):
        y.sum().backward()
    hooks = graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"), hooks:
        Exp.apply(x)


def test_what_a_function_saved_must_not_be_overwritten(x):
    for change, name in ((lambda a, y: a.mul_(3), "output 0 of Mul"), (lambda a, y: y.mul_(3), "output 0 of Exp"),
                         (lambda a, y: graph.increment_version(a), "output 0 of Mul")):
        a = x * 1
        y = Exp.apply(a)
        loss = y.sum()
        change(a, y)
        with pytest.raises(RuntimeError) as e:
            loss.backward()
        assert "has been modified by an inplace operation: [torch.FloatTensor [2]]" in str(e.value) and name in str(e.value)
    with graph.allow_mutation_on_saved_tensors():
        a = x * 1
        loss = Exp.apply(a).sum()
        a.mul_(3)
        torch.testing.assert_close(grad(loss, x)[0], x.exp())


def test_a_function_may_be_gone_through_again_only_if_it_is_kept(x):
    y = Exp.apply(x)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        _ = y.grad_fn.saved_tensors


def test_a_linear_node_that_is_called_gives_a_gradient_that_requires_none():
    x, g = torch.ones(2, requires_grad=True), torch.ones(2)
    assert not (x * 2).grad_fn(g)[0].requires_grad
    assert not x.sum().grad_fn(torch.tensor(1.0)).requires_grad
    for y in (x * x, x.exp()):
        found = y.grad_fn(g)
        found = found[0] if isinstance(found, tuple) else found
        assert found.requires_grad and found.grad_fn.name() == "GradBackward0"
    assert (x * 2).grad_fn(torch.ones(2, requires_grad=True))[0].requires_grad


def test_cross_entropy_shows_the_logarithm_of_softmax_on_its_way():
    model = torch.nn.Linear(4, 3)
    loss = torch.nn.functional.cross_entropy(model(torch.ones(2, 4)), torch.tensor([0, 2]))
    assert loss.grad_fn.name() == "NllLossBackward0" and loss.grad_fn._saved_target.tolist() == [0, 2]
    (log_softmax, nr), = loss.grad_fn.next_functions
    assert log_softmax.name() == "LogSoftmaxBackward0" and nr == 0
    assert log_softmax.next_functions[0][0].name() == "AddmmBackward0"
    loss.backward()
    assert model.bias.grad is not None


def test_a_reshape_that_copies_and_norms_without_weights_have_torchs_edges():
    x = torch.ones(3, 4, requires_grad=True)
    copied = x.t().reshape(12).grad_fn
    assert copied.name() == "UnsafeViewBackward0" and copied.next_functions[0][0].name() == "CloneBackward0"
    assert copied.next_functions[0][0].next_functions[0][0].name() == "TBackward0"
    functional = torch.nn.functional
    for y in (functional.batch_norm(x, None, None, training=True), functional.group_norm(x, 2)):
        assert [f is None for f, _ in y.grad_fn.next_functions] == [False, True, True]


@pytest.mark.parametrize("find, name, said", [
    (lambda x: torch.unique(x), "Unique2Backward0", "_unique2"),
    (lambda x: torch.unique(x, dim=0, return_counts=True)[0], "UniqueDimBackward0", "unique_dim"),
    (lambda x: torch.unique_consecutive(x, return_inverse=True)[0], "UniqueConsecutiveBackward0", "unique_consecutive"),
])
def test_no_gradient_goes_through_the_different_elements(find, name, said):
    x = torch.tensor([3., 1., 3.], requires_grad=True)
    found = find(x)
    assert found.grad_fn.name() == name and not find(x.detach()).requires_grad
    with pytest.raises(NotImplementedError, match=f"^the derivative for '{said}' is not implemented.$"):
        found.sum().backward()


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("make, saves", [(lambda x: x.sin(), True), (lambda x: x * 2, True), (lambda x: x + 1, False),
                                         (lambda x: x.view(3, 1), False), (lambda x: x.sum(0, keepdim=True), False)])
def test_a_node_is_called_after_a_backward_if_it_saves_nothing(make, saves, read):
    y = make(torch.ones(3, requires_grad=True) * 1)
    if read:
        y.sum().item()
    y.sum().backward()
    if saves:
        with pytest.raises(RuntimeError, match="^Trying to backward through the graph a second time"):
            y.grad_fn(torch.ones_like(y))
    else:
        found = y.grad_fn(torch.ones_like(y))
        assert (found[0] if isinstance(found, tuple) else found).shape == (3,)
