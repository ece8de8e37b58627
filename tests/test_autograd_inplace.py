"""Writes and the graph: what is refused in torch's words, and which gradient is right where it is not."""
from __future__ import annotations

import pytest

import torchish as torch

NO_GRAD = "A view was created in no_grad mode and is being modified inplace with grad mode enabled"
SEVERAL = "is a view and is being modified inplace. This view is the output of a function that returns multiple views"


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


def test_views_that_may_not_be_written(x):
    for make, name in ((lambda y: y.unbind(), "Output 0 of Unbind"), (lambda y: y.split(1), "Output 0 of Split"),
                       (lambda y: y.chunk(2), "Output 0 of Split")):
        with pytest.raises(RuntimeError) as e:
            make(x * 1)[0].mul_(2)
        assert str(e.value).startswith(name) and SEVERAL in str(e.value)
    for y in (x, x * 1):
        with torch.no_grad():
            v = y.view(1, 2)
        with pytest.raises(RuntimeError, match=NO_GRAD):
            v.mul_(2)
    y = x * 1
    with torch.no_grad():
        v = y[:]
    for make, name in ((lambda v: v.view(1, 2), "View"), (lambda v: v[0], "Select"), (lambda v: v[None], "Unsqueeze")):
        with pytest.raises(RuntimeError, match=f"^Output 0 of {name} is a view of a view which was created in no_grad mode"):
            make(v).mul_(2)
    plain = torch.zeros(2)
    with torch.no_grad():
        v = plain[0]
    v.mul_(2)       # nothing requires a gradient here
    with pytest.raises(RuntimeError, match=NO_GRAD):
        v.mul_(x[0])


@pytest.mark.parametrize("ready", [False, True])
def test_a_view_made_in_no_grad_requires_grad_as_its_base_does(x, ready):
    for base in (x, x * 1):
        if ready:
            base.tolist()
        with torch.no_grad():
            views = [base.view(2), base[0], *base.unbind(), base.view(2).view(1, 2)]
            apart = base.detach().view(2)
            assert all(v.requires_grad and v.is_leaf and v.grad_fn is None and v._base is base for v in views)
            assert not (views[0] * 2).requires_grad
        assert not apart.requires_grad
        y = views[0] * 3 + views[0].clone()
        assert y.requires_grad
        y.sum().backward()
        assert x.grad is None       # there is no way to the base
        assert repr(views[0]) == "tensor([1., 2.], requires_grad=True)"


def test_a_view_made_in_no_grad_stays_a_leaf_when_its_base_is_written(x):
    with torch.no_grad():
        v = x[:1]
        x.mul_(3)
    later = v[0]
    with torch.no_grad():
        x.add_(1)
    for w in (v, later):
        assert w.requires_grad and w.is_leaf
        (w * 2).sum().backward()
    assert x.grad is None and v.tolist() == [4.0]


def test_a_detached_view_may_be_written_although_it_was_made_in_no_grad(x):
    with torch.no_grad():
        v = x.detach().view(2)
    v.mul_(2)
    assert x.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("view", [lambda x: x.detach(), lambda x: x[0:1].detach(), lambda x: x[0:1]])
def test_a_leaf_that_is_a_view_stays_one_when_its_base_is_written(view):
    base = torch.tensor([1.0, 2.0])
    leaf = view(base).requires_grad_()
    for _ in range(2):
        base.add_(1)
        leaf.square().sum().backward()
    assert leaf.is_leaf and leaf.grad[0].item() == 4.0 + 6.0


def test_a_write_in_no_grad_leaves_the_graph_as_it_was(x):
    y = x * 1
    with torch.no_grad():
        y.mul_(3)
        y[0].add_(1)
    assert y.tolist() == [4, 6] and y.requires_grad and y.grad_fn.name() == "MulBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]


class _Function(torch.autograd.Function):
    @staticmethod
    def backward(ctx, g):
        return g.reshape(2) * 2


class Doubled(_Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x


class Seen(_Function):
    @staticmethod
    def forward(ctx, x):
        return x.view(1, 2)


class Same(_Function):
    @staticmethod
    def forward(ctx, x):
        return x


def test_functions_that_write_their_argument(x):
    y = x * 1
    z = Doubled.apply(y)
    assert z is y and y.grad_fn.name() == "DoubledBackward"
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad has been used in an in-place operation"):
        Doubled.apply(x)

    class Lost(_Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x * 1
    with pytest.raises(RuntimeError, match="Some elements marked as dirty during the forward method were not returned"):
        Lost.apply(x * 1)


def test_a_function_that_writes_a_view_changes_its_base():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    base = x * 1

    class Tripled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v):
            v.mul_(3)
            ctx.mark_dirty(v)
            return v

        @staticmethod
        def backward(ctx, g):
            return g * 3
    Tripled.apply(base[:2])
    assert base.tolist() == [3, 6, 3]
    base.sum().backward()
    assert x.grad.tolist() == [3, 3, 1]


def test_views_that_functions_return_may_not_be_written(x):
    for function in (Seen, Same):
        y = function.apply(x)
        assert y._is_view() and y.grad_fn.name() == f"{function.__name__}Backward"
        with pytest.raises(RuntimeError, match="This view was created inside a custom Function"):
            y.mul_(2)
        y.sum().backward()
    assert x.grad.tolist() == [4, 4]


UPDATES = {
    "data": "w.data.add_(w.grad, alpha=-0.125)", "detach": "w.detach().copy_(w.data - 0.125 * w.grad)",
    "row": "w.data[0].sub_(w.grad[0] * 0.125); w[1].data.sub_(w.grad[1] * 0.125)", "subtract": "w.data -= 0.125 * w.grad",
    "flat": "w.data.view(-1).sub_(0.125 * w.grad.view(-1))"}


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_a_leaf_written_through_data_has_no_history(update):
    """Every step starts from the new value: the loss goes 2, 9/8, 81/128, and each gradient is that of its own step."""
    w = torch.ones(2, 1, requires_grad=True)
    losses = []
    for _ in range(4):
        loss = (w * w).sum()
        loss.backward()
        exec(update)
        assert w.is_leaf and w.grad_fn is None
        w.grad = None
        losses.append(loss.item())
    assert losses == [2 * (9 / 16) ** n for n in range(4)]


def test_what_is_written_through_data_belongs_to_the_view_alone():
    y, w = torch.zeros(3), torch.ones(3, requires_grad=True)
    x = y.detach()
    x.add_(w)
    assert (y.requires_grad, x.requires_grad, y.tolist()) == (False, True, [1, 1, 1])


def test_a_view_made_in_no_grad_is_split():
    x = torch.arange(6.0, requires_grad=True)
    with torch.no_grad():
        view = x.view(2, 3)
    part = view.tensor_split(2, 1)[1]
    assert part.tolist() == [[2], [5]]
    with pytest.raises(RuntimeError, match="Output 0 of Slice is a view of a view which was created in no_grad mode"):
        part.add_(1)


def test_parts_of_tensor_split_are_slices_and_may_be_written(x):
    y = x * 1
    y.tensor_split(2)[0].mul_(3)
    y.sum().backward()
    assert y.tolist() == [3, 2] and x.grad.tolist() == [3, 1]


def test_a_leaf_that_shares_storage_is_a_leaf():
    for make, words in ((lambda t: t.detach(), "a leaf Variable that"), (lambda t: t[0], "a view of a leaf Variable that")):
        base = torch.ones(2)
        leaf = make(base).requires_grad_()
        with pytest.raises(RuntimeError, match=words):
            leaf.mul_(2)
        base.mul_(2)
        assert leaf.sum().item() == 2 * leaf.numel()


def test_writes_through_data_are_not_counted():
    class Times(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]
    x = torch.ones(2, requires_grad=True)
    y = Times.apply(x).sum()
    x.data[0] = 5
    x.data.view(1, 2)[0].mul_(2)
    assert x._version == 0
    y.backward()
    assert x.grad.tolist() == [10, 2]
    with torch.no_grad():
        x.add_(1)
    x.detach().add_(1)
    assert x._version == 2


def test_a_leaf_keeps_its_memory(x):
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.set_(torch.ones(2))


def test_views_keep_their_graph_where_the_base_is_cut_from_its_own(x):
    y = x * 2
    v = y[0]
    y.detach_()
    (v * 3).backward()
    assert not y.requires_grad and x.grad.tolist() == [6, 0]


def test_versions_that_are_to_stay(x):
    y = torch.ones(2)
    with torch.autograd._unsafe_preserve_version_counter(y):
        y[0].add_(1)
    assert y._version == 0 and y.tolist() == [2, 1]


@pytest.mark.parametrize(("draw", "node"), [
    (lambda x: x.normal_(), "NormalBackward0"), (lambda x: x.uniform_(), "UniformBackward0"),
    (lambda x: x.exponential_(), "ExponentialBackward0"), (lambda x: x.geometric_(0.5), "GeometricBackward0"),
    (lambda x: x.cauchy_(), "CauchyBackward0"), (lambda x: x.log_normal_(), "LogNormalBackward0"),
    (lambda x: x.random_(), "RandomBackward2"), (lambda x: x.random_(5), "RandomBackward1"),
    (lambda x: x.random_(1, to=5), "RandomBackward0"), (lambda x: x.bernoulli_(0.5), "BernoulliBackward2"),
    (lambda x: x.bernoulli_(torch.tensor([0.5])), "BernoulliBackward1"), (torch.poisson, "PoissonBackward0"),
    (torch.bernoulli, "BernoulliBackward0")])
def test_random_numbers_have_a_gradient_of_zero(draw, node):
    leaf = torch.tensor([0.25, 0.5], requires_grad=True)
    torch.manual_seed(0)
    drawn = draw(leaf * 1)
    assert drawn.requires_grad and drawn.grad_fn.name() == node
    (drawn * 3).sum().backward()
    assert leaf.grad.tolist() == [0, 0]
    torch.manual_seed(0)
    assert torch.equal(draw(leaf.detach() * 1), drawn.detach())
    with torch.no_grad():
        assert not draw(leaf * 1).requires_grad


def test_random_numbers_in_a_part_leave_the_gradient_of_the_rest():
    leaf = torch.ones(3, requires_grad=True)
    x = leaf * 2
    x[1:].uniform_()
    x.sum().backward()
    assert leaf.grad.tolist() == [2, 0, 0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        leaf.normal_()


@pytest.mark.parametrize("change", [lambda v: v.t_(), lambda v: v.unsqueeze_(0), lambda v: v.squeeze_(),
                                    lambda v: v.as_strided_((2,), (1,))])
def test_views_that_may_not_be_written_may_not_become_other_views(change):
    for base in (torch.ones(2, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True) * 1):
        with torch.no_grad():
            unseen = base[0]
        for view, message in ((unseen, "A view was created in no_grad mode and is being modified inplace with grad mode enabled"),
                              (base.unbind()[0], "Output 0 of Unbind is a view and is being modified inplace")):
            with pytest.raises(RuntimeError, match=f"^{message}"):
                change(view)
        if base.is_leaf:
            with pytest.raises(RuntimeError, match="^a view of a leaf Variable that requires grad is being used in an in-place"):
                change(base[0])
        else:
            change(base[0]).sum().backward()


def test_what_was_detached_may_be_detached_in_place():
    x = torch.ones(2, requires_grad=True)
    y = x.detach()
    assert y.detach_() is y and not y.requires_grad and x.requires_grad
    with pytest.raises(RuntimeError, match="^Can't detach views in-place"):
        x.detach()[0].detach_()
