"""Roots, cotangents and inputs of backward: what is asked, what is refused, what is accumulated."""
from __future__ import annotations

import jax
import pytest

import torchish as torch
from torchish.autograd import backward, grad
from torchish.autograd.graph import get_gradient_edge
from torchish.tape import stats


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize("seen", [False, True])
def test_roots_at_the_same_place_add_up(x, seen):
    y = (x * 3).sum()
    if seen:
        assert y.item() == 9
    assert grad([y, y], x)[0].tolist() == [6, 6]
    y = x * 2
    views = [y.view(2), y.view(2), y]
    assert grad(views, x, [torch.ones(2)] * 3)[0].tolist() == [6, 6]


def test_a_root_may_be_an_input_and_an_input_may_come_twice(x):
    y = (x * 3).sum()
    assert [g.tolist() for g in grad([y, y], [y, x, x])] == [2, [6, 6], [6, 6]]
    assert grad([(x * 1).sum(), x.sum(), x], x, [None, None, torch.ones(2)])[0].tolist() == [3, 3]


def test_a_hooked_place_is_taken_before_its_hooks_only_where_the_walk_goes_on(x):
    def hooked():
        y = x * 2
        y.register_hook(lambda g: g * 10)
        return y, (y * 3).sum()
    y, z = hooked()
    assert [g.tolist() for g in grad(z, [y, x])] == [[3, 3], [60, 60]]
    y, z = hooked()
    assert grad(z, y)[0].tolist() == [30, 30]


def test_edges_stand_for_tensors(x):
    y = x * 2
    z = (y * y).sum()
    edge = get_gradient_edge(y)
    assert edge.node is y.grad_fn and edge.output_nr == 0
    assert [g.tolist() for g in grad(z, [edge, x], retain_graph=True)] == [[4, 8], [8, 16]]
    assert grad(edge, x, torch.ones(2), retain_graph=True)[0].tolist() == [2, 2]
    backward(get_gradient_edge(z))
    assert x.grad.tolist() == [8, 16]
    leaf = get_gradient_edge(x)
    assert leaf.node.variable is x
    assert grad((x * 3).sum(), leaf)[0].tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="not possible to get the gradient edge"):
        get_gradient_edge(torch.ones(2))


@pytest.mark.parametrize("create", [False, True])
def test_a_batch_of_cotangents(x, create):
    jacobian, = grad(x * x, x, torch.eye(2), is_grads_batched=True, create_graph=create)
    assert jacobian.tolist() == [[2, 0], [0, 4]]
    if create:
        assert grad(jacobian.sum(), x)[0].tolist() == [2, 2]
    y = x * x
    y.register_hook(lambda g: g * 3)        # a hook sees one cotangent at a time
    assert grad(y, x, torch.eye(2), is_grads_batched=True)[0].tolist() == [[6, 0], [0, 12]]
    with pytest.raises(RuntimeError, match="interpret the first dimension of each grad_output as the batch dimension"):
        grad(x.sum(), x, torch.ones(2, 3), is_grads_batched=True)


@pytest.mark.parametrize("looked", [False, True])
def test_second_gradients_at_what_lies_between(x, looked):
    """A gradient depends on the values that its entries had read, and not on its ends alone."""
    h = x * 2
    y = (h ** 3).sum() + (h * x).sum()
    g, = grad(y, x, create_graph=True)      # 6 h ** 2 + 2 x + h: the derivative there is 12 h + 1
    if looked:
        g.tolist()
    seen = []
    h.register_hook(lambda found: seen.append(found.detach()))
    assert grad(g.sum(), h, retain_graph=True)[0].tolist() == (12 * h.detach() + 1).tolist()
    (y + g.sum()).backward()
    assert seen[-1].tolist() == (3 * h ** 2 + x + 12 * h + 1).tolist()
    assert x.grad.tolist() == (6 * h ** 2 + 2 * x + h + 2 * (12 * h + 1) + 2).tolist()


@pytest.mark.parametrize("batched", [False, True])
def test_second_gradients_at_a_tensor_made_of_what_an_older_graph_made(x, batched):
    """No target lies behind the older graph, so the gradient depends on the tensor itself, not on what it was made of."""
    older = x * 2
    older.tolist()
    y = older + 1
    g, = grad((y ** 3).sum(), y, create_graph=True)
    if batched:
        assert grad(g, y, torch.eye(2), is_grads_batched=True)[0].tolist() == torch.diag(6 * y.detach()).tolist()
    else:
        assert grad(g.sum(), y, retain_graph=True)[0].tolist() == (6 * y.detach()).tolist()
        assert grad(g.sum(), x)[0].tolist() == (12 * y.detach()).tolist()


def test_refusals(x):
    other = torch.ones(2, requires_grad=True)
    for call, error, message in (
            (lambda: grad(x * 1, x), RuntimeError, "grad can be implicitly created only for scalar outputs"),
            (lambda: grad(x * 1, x, torch.ones(3)), RuntimeError, "Mismatch in shape: grad_output[0] has a shape of"),
            (lambda: grad(x.sum(), other), RuntimeError, "The differentiated Tensor at index 0 appears to not have been used"),
            (lambda: grad(x.sum(), torch.ones(2)), RuntimeError, "One of the differentiated Tensors does not require grad"),
            (lambda: grad(x.sum(), []), RuntimeError, "`inputs` argument to `grad()` cannot be empty."),
            (lambda: grad(x.sum(), x, allow_unused=False, materialize_grads=True), ValueError, "Expected allow_unused to be True"),
            (lambda: backward(x.sum(), inputs=[]), RuntimeError, "`inputs` argument to `backward()` cannot be empty."),
            (lambda: backward([x.sum(), torch.ones(2)], [None, torch.ones(2)]), RuntimeError, "element 1 of tensors does not"),
            (lambda: backward(x.sum(), [1.0]), TypeError, "gradients can be either Tensors or None, but got float"),
            (lambda: backward([x.sum(), x.sum()], [None]), RuntimeError, "got 2 tensors and 1 gradients"),
            (lambda: grad((x * (1 + 1j)).sum(), x), RuntimeError, "real scalar outputs but got torch.complex64")):
        with pytest.raises(error) as e:
            call()
        assert str(e.value).startswith(message) or message in str(e.value)
    assert x.grad is None
    assert grad(x.sum(), other, materialize_grads=True)[0].tolist() == [0, 0]


def test_nothing_is_shared_and_old_references_see_the_sum(x):
    given = torch.ones(2)
    x.backward(given)
    assert x.grad is not given
    x.grad.mul_(3)
    assert given.tolist() == [1, 1]
    kept = x.grad
    (x * 2).sum().backward()
    assert kept is x.grad and kept.tolist() == [5, 5]


def test_a_backward_that_fails_changes_no_gradient(x):
    w = torch.ones(2, requires_grad=True)
    w.grad = torch.ones(2)

    def fail(g):
        raise ValueError("no")
    handle = w.register_hook(fail)
    with pytest.raises(ValueError, match="no"):
        (x * w).sum().backward()
    assert x.grad is None and w.grad.tolist() == [1, 1]
    handle.remove()
    x.register_post_accumulate_grad_hook(fail)
    with pytest.raises(ValueError, match="no"):
        (w * x).sum().backward()
    assert x.grad is None and w.grad.tolist() == [1, 1]


def test_what_may_be_assigned_to_grad(x):
    for value, error, message in ((torch.ones(3), RuntimeError, "attempting to assign a gradient of size '[3]' to a tensor"),
                                  (torch.ones(2).double(), RuntimeError, "attempting to assign a gradient with dtype 'double'"),
                                  (3, TypeError, "assigned grad expected to be a Tensor or None but got grad of type int"),
                                  (x, RuntimeError, "can't assign Variable as its own grad")):
        with pytest.raises(error) as e:
            x.grad = value
        assert str(e.value).startswith(message)


def test_only_what_leads_to_an_input_is_gone_through(x):
    ran = []

    class Noted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            ran.append(1)
            return g

    w = torch.ones(2, requires_grad=True)
    assert grad((Noted.apply(x) * w).sum(), w)[0].tolist() == [1, 2]
    (Noted.apply(x) * w).sum().backward(inputs=[w])
    assert ran == [] and w.grad.tolist() == [1, 2] and x.grad is None
    y = x * 2
    (y * 3).sum().backward(inputs=[y])
    assert y.grad.tolist() == [3, 3] and x.grad is None


def test_a_gradient_of_a_linear_function_requires_none(x):
    assert not grad((x * 2).sum(), x, create_graph=True)[0].requires_grad
    assert grad((x * x).sum(), x, create_graph=True)[0].requires_grad
    assert grad((x * 2).sum(), x, torch.ones((), requires_grad=True), create_graph=True)[0].requires_grad


def test_a_target_that_several_ended_graphs_lead_to_gets_a_gradient_from_each(x):
    for run in (lambda y: grad(y, x)[0], lambda y: (y.backward(inputs=[x]), x.grad)[1]):
        parts = [x * k for k in (1, 2, 3)]
        for p in parts:
            p.tolist()
        assert run(sum(p.sum() for p in parts)).tolist() == [6, 6]


def test_what_is_no_tensor_is_refused_in_torchs_words(x):
    y = (x * x).sum()
    for bad, kind in ((3, TypeError), ([3], RuntimeError), ("a", RuntimeError)):
        with pytest.raises(kind, match="not iterable|all inputs have to be Tensors or GradientEdges, but got"):
            y.backward(inputs=bad)
    for roots in ([1], {"a": y}):
        with pytest.raises(AssertionError, match="Expected output to be a torch.Tensor"):
            grad(roots, x)
    (x * 2).backward([torch.ones(2)])       # torch takes a sequence, too
    y.backward(inputs=[torch.autograd.graph.get_gradient_edge(x)])
    assert x.grad.tolist() == [4, 6]


def test_batches_of_cotangents_that_do_not_fit(x):
    y, z = x * x, x.sum()
    with pytest.raises(ValueError, match="Expected all tensors to have the same size in the mapped dimension, got sizes .2, 3."):
        grad([y, z], x, [torch.eye(2), torch.ones(3)], is_grads_batched=True)
    with pytest.raises(ValueError, match=r"vmap\(vjp, in_dims=0, ...\)\(<inputs>\): Got in_dim=0 for some input"):
        grad(z, x, is_grads_batched=True)
    unused = torch.ones(2, requires_grad=True)
    found = grad(y, [x, unused], torch.eye(2), is_grads_batched=True, materialize_grads=True)
    assert [g.tolist() for g in found] == [[[2, 0], [0, 4]], [0, 0]]        # torch's zeros have no batch


def test_requires_grad_of_integers_and_gradients_of_another_dtype(x):
    with pytest.raises(RuntimeError, match="only Tensors of floating point and complex dtype can require gradients"):
        torch.ones(2, dtype=torch.bool).requires_grad = True
    with pytest.raises(RuntimeError, match="assign a gradient with dtype 'long int' to a tensor with grad_dtype 'Float'"):
        x.grad = torch.ones(2, dtype=torch.int64)


def test_a_target_is_found_behind_a_function_whose_python_ends_the_tape(x):
    class Printing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 2

        @staticmethod
        def backward(ctx, g):
            g.tolist()
            return g * 2

    y = Printing.apply(Printing.apply(x) * 3) + Printing.apply(x)
    assert grad(y.sum(), x)[0].tolist() == [14, 14]


def test_an_infinite_derivative_of_what_is_not_gone_through_reaches_nobody():
    for _ in range(3):      # from the second time on, the program of the first part keeps what the backward needs
        x = torch.zeros(2, requires_grad=True)
        apart, y = x.sqrt(), x * 2
        assert apart.sum().item() == 0
        y.sum().backward()
        assert x.grad.tolist() == [2, 2]


def test_gradients_of_a_large_batch_through_python_are_one_short_program_each():
    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return g * x.cos()
    x = torch.linspace(0, 1, 40, requires_grad=True)

    def jacobian():
        return torch.autograd.grad(Sine.apply(x), x, torch.eye(40), is_grads_batched=True)[0]
    with torch.config.override(drafts="never"):
        assert torch.allclose(jacobian(), x.detach().cos().diag())
        jacobian().tolist()
        compilations, nodes = stats.compilations, stats.nodes
        assert torch.allclose(jacobian(), x.detach().cos().diag())
        assert stats.compilations == compilations and stats.nodes - nodes < 40      # not an entry for each member


def test_inputs_may_be_an_iterator_which_is_read_once(x):
    layer = torch.nn.Linear(2, 1)
    weight, bias = grad(layer(x).sum(), layer.parameters())
    assert weight.tolist() == [[1, 2]] and bias.tolist() == [1]
    assert grad((x * 2).sum(), iter([x]), is_grads_batched=True, grad_outputs=torch.ones(3))[0].tolist() == [[2, 2]] * 3


def test_a_root_that_other_roots_lead_to_in_an_ended_graph_gets_their_gradients_too(x):
    def product(seen):
        a = x * 1
        b = a * 2
        c = b * a
        if seen:
            c.tolist()
        return a, b, c, (a * b * c).sum()       # 4 a ** 4: b is 2 a, c is 2 a ** 2
    for seen in (False, True):
        a, b, c, y = product(seen)
        found = grad(y, [a, b, c], retain_graph=True, create_graph=True)
        assert [g.tolist() for g in found] == [[16, 128], [4, 32], [2, 8]]
        assert grad(found[0].sum(), x, retain_graph=True)[0].tolist() == [48, 192]
        assert grad(y, a)[0].tolist() == [16, 128]
    a = x * 1
    b = a * 2
    b.tolist()
    assert grad([a, b], a, [torch.ones(2)] * 2)[0].tolist() == [3, 3]


def test_a_function_that_looks_at_its_argument_adds_to_the_gradient_there(x):
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            assert x.tolist() == [1, 2]
            return x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y, g * x
    a = x * 1
    assert grad((Product.apply(a, a) * a).sum(), a)[0].tolist() == [3, 12]


def test_what_saves_nothing_is_gone_through_after_it_was_freed():
    x = torch.ones(3, requires_grad=True)
    y = x[1:]
    y.sum().backward()
    z = y.exp()
    assert z.sum().item() == pytest.approx(2 * torch.e)     # the tape ends here
    z.sum().backward()
    assert x.grad.tolist() == pytest.approx([0, 1 + torch.e, 1 + torch.e])
    y = (x * 2)[1:]
    y.sum().backward()
    z = (y * y).sum()
    assert z.item() == 8
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        z.backward()


def test_what_lies_beside_a_gradient_of_an_ended_graph_gets_none():
    w, beside, start = (torch.full((2, 2), v, requires_grad=True) for v in (0.5, 1.0, 2.0))
    h = start.detach()
    for _ in range(3):
        h = torch.tanh(h @ w)
    assert beside.sum().item() == 4       # the tape ends here, with the graph of `h`
    slope, = torch.autograd.grad(h.sum(), w, create_graph=True)
    slope.square().sum().backward()
    assert w.grad is not None and beside.grad is None and start.grad is None


def _turns(w):
    h, outs = torch.ones(2), []
    for x in torch.ones(12, 2):
        h = h * w + x
        outs.append(h * 2)
    return torch.stack(outs), h * 3


def _layer(w):
    return [y * 2 for y in torch.nn.RNN(1, 2)(w.reshape(2, 1, 1))]


@torch.from_jax
def _of_jax(w):
    return [y * 2 for y in jax.lax.scan(lambda h, _: (h * w, h * w), w, None, length=3)]


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("two", [_turns, _layer, _of_jax])
def test_one_result_only_of_a_scan_has_a_cotangent(x, two, seen):
    for _ in range(3):      # from the second time on, the program of the first part keeps what the backward needs
        torch.manual_seed(0)
        first, second = two(x)
        if seen:
            assert first.sum().item()
        parts = [grad(y.sum(), x, retain_graph=True)[0] for y in (first, second)]
        assert torch.allclose(sum(parts), grad(first.sum() + second.sum(), x)[0])
