"""torch.vmap: dimensions, trees, chunks, randomness, in-place, what it refuses; modules as functions; ensembles."""
from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import torchish as torch
from torchish.func import functional_call, functionalize, grad, stack_module_state, vmap
from torchish.nn import functional as F
from torchish.tape import stats


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(2, 3)


def arr(t):
    return np.asarray(t.detach().numpy())


def close(a, b):
    np.testing.assert_allclose(arr(a), np.asarray(b), rtol=1e-5, atol=1e-5)


def test_dimensions_in_and_out(x):
    close(vmap(torch.dot)(x, x), (arr(x) ** 2).sum(1))
    close(vmap(lambda a, b: a @ b, in_dims=(0, None))(x, torch.ones(3)), arr(x).sum(1))
    close(vmap(lambda a: a * 2, in_dims=1, out_dims=-1)(x), 2 * arr(x))
    close(vmap(lambda d, k: d["a"].sum() * k, in_dims=({"a": 1}, None))({"a": x}, 2), 2 * arr(x).sum(0))
    a, (b, c) = vmap(lambda v: (v, (v.sum(), torch.ones(2))), out_dims=(1, (0, None)))(x)
    assert (tuple(a.shape), tuple(b.shape), tuple(c.shape)) == ((3, 2), (2,), (2,))
    assert vmap(lambda v: torch.ones(4))(x).shape == (2, 4)
    assert vmap(lambda v: v)(torch.ones(0, 3)).shape == (0, 3)
    close(vmap(lambda v: v.cumsum(0), chunk_size=1, out_dims=1)(x), arr(x).cumsum(1).T)


def test_views_and_writes_to_what_is_mapped(x):
    def writes(v):
        v = v.clone()
        v[0] = 5.0
        v[1:].mul_(v[0])
        return v
    close(vmap(writes)(x), np.stack([[5, 5 * r[1], 5 * r[2]] for r in arr(x)]))


def test_a_loop_compiles_twice_for_a_number_that_changes():
    seen = []
    for k in range(5):
        vmap(lambda v, k=k: v * (k + 0.5) + torch.zeros(3))(torch.randn(4, 3)).sum().item()
        seen.append(stats.compilations)
    assert seen[1] - seen[0] <= 1 and seen[4] == seen[1]


REFUSED = [
    (lambda x: vmap(lambda v: v)(), ValueError, r"got no inputs"),
    (lambda x: vmap(torch.add)(x, torch.ones(3)), ValueError, r"same size in the mapped dimension, got sizes \[2, 3\]"),
    (lambda x: vmap(torch.add, in_dims=(0,))(x, x), ValueError, r"in_dims is not compatible with the structure of `inputs`"),
    (lambda x: vmap(torch.add, in_dims=[0, 0])(x, x), ValueError, r"expected `in_dims` to be int or a .potentially nested. tuple"),
    (lambda x: vmap(lambda v: v, in_dims=2)(x), ValueError, r"expected in_dim to satisfy -2 <= in_dim < 2"),
    (lambda x: vmap(lambda v, k: v)(x, 1.0), ValueError, r"We cannot vmap over non-Tensor arguments"),
    (lambda x: vmap(lambda v: v, in_dims=(None,))(x), ValueError, r"Expected at least one Tensor to vmap over"),
    (lambda x: vmap(lambda v: 1)(x), ValueError, r"must only return Tensors, got type <class 'int'>"),
    (lambda x: vmap(lambda v: v, out_dims=None)(x), ValueError, r"can not return a BatchedTensor when out_dim is None"),
    (lambda x: vmap(lambda v: v, out_dims=(0, 0))(x), ValueError, r"out_dims is not compatible with the structure of `outputs`"),
    (lambda x: vmap(lambda v: v, out_dims=2)(x), IndexError, r"expected to be in range of \[-2, 1\], but got 2"),
    (lambda x: vmap(lambda v: v, chunk_size=0), ValueError, r"chunk_size should be None or greater than 0"),
    (lambda x: vmap(lambda v: v, randomness="some"), RuntimeError, r"Only allowed values for randomness"),
    (lambda x: vmap(lambda v: v.sum().item())(x), RuntimeError, r"It looks like you're calling .item\(\) on a Tensor"),
    (lambda x: vmap(lambda v: v if v.sum() > 0 else -v)(x), RuntimeError, r"data-dependent control flow"),
    (lambda x: vmap(lambda v: torch.zeros(3).mul_(v))(x), RuntimeError, r"vmap: inplace arithmetic"),
    (lambda x: vmap(lambda v: v + torch.randn(3))(x), RuntimeError, r"called random operation while in randomness error mode"),
    (lambda x: vmap(F.dropout)(x), RuntimeError, r"called random operation while in randomness error mode"),
    (lambda x: vmap(lambda a: vmap(lambda b: torch.rand(1))(x), randomness="different")(x), RuntimeError, "random operation"),
    (lambda x: vmap(lambda v: F.rrelu(v, training=True))(x), RuntimeError, r"vmap: we do not yet support aten::rrelu"),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_errors_are_torchs(k, x):
    call, kind, text = REFUSED[k]
    with pytest.raises(kind, match=text):
        call(x)
    close(x + 1, arr(x) + 1)        # and what comes after is as if nothing had been


def test_a_batched_tensor_is_printed(x):
    shown = []
    vmap(lambda v: shown.append(repr(v)) or v)(x)
    vmap(vmap(lambda v: shown.append(repr(v)) or v))(x)
    assert shown[0] == "BatchedTensor(lvl=1, bdim=0, value=\n    " + repr(x).replace("\n", "\n    ") + "\n)"
    assert shown[1].startswith("BatchedTensor(lvl=2, bdim=0, value=\n    BatchedTensor(lvl=1, bdim=0, value=\n        tensor(")


def test_randomness(x):
    same = vmap(lambda v: v * 0 + torch.rand(3), randomness="same")(x)
    assert (same[0] == same[1]).all()
    torch.manual_seed(1)
    different = vmap(lambda v: v * 0 + torch.rand(3), randomness="different")(x)
    torch.manual_seed(1)
    close(different, arr(torch.rand(2, 3)))
    nested = vmap(lambda v: grad(lambda u: (u * torch.rand(3)).sum())(v), randomness="different")(x)
    assert len(set(arr(nested).ravel())) == 6
    kept = vmap(lambda v: F.dropout(v, 0.5), randomness="different")(torch.ones(64, 8))
    assert set(arr(kept).ravel()) == {0.0, 2.0} and len({tuple(r) for r in arr(kept)}) > 16
    assert vmap(lambda v: v * 0 + torch.randperm(3), randomness="different")(x).sum() == 6


def test_gradients_of_each_sample_and_functional_call():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    values = {name: p.detach() for name, p in net.named_parameters()}
    v, y = torch.randn(5, 3), torch.randn(5, 1)

    def loss(values, v, y):
        return (functional_call(net, values, (v,)) - y).square().sum()
    found = vmap(grad(loss), in_dims=(None, 0, 0))(values, v, y)

    def jloss(values, v, y):
        h = jnp.tanh(v @ values["0.weight"].T + values["0.bias"])
        return ((h @ values["2.weight"].T + values["2.bias"] - y) ** 2).sum()
    expected = jax.vmap(jax.grad(jloss), (None, 0, 0))({n: arr(p) for n, p in values.items()}, arr(v), arr(y))
    for name, g in expected.items():
        close(found[name], g)
    assert all(p.grad is None for p in net.parameters())


class Tied(torch.nn.Module):
    """Two names for one tensor."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(3, 3)
        self.b = self.a.bias

    def forward(self, v):
        return self.a(v) * 0 + self.a.bias + self.b


def test_functional_call_ties_and_refuses(x):
    net, zero, one = Tied(), torch.zeros(3), torch.ones(3)
    close(functional_call(net, {"b": one}, x), np.full((2, 3), 2.0))
    close(functional_call(net, {"b": one, "a.bias": zero}, x, tie_weights=False), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"got multiple values for keys \['a.bias', 'b'\], which are tied"):
        functional_call(net, {"b": one, "a.bias": zero}, x)
    assert net.b is net.a.bias and net.b.requires_grad
    with pytest.raises(RuntimeError, match=r"(?s)Error.s. in reparametrizing for Linear:.*Missing key.s.: 'bias'"):
        functional_call(net.a, {"weight": torch.eye(3)}, x, strict=True)
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        functional_call(net.a, ({"bias": zero}, {"bias": zero}), x)
    with pytest.raises(AttributeError, match="Linear has no attribute `q`"):
        functional_call(net.a, {"q.r": zero}, x)
    with pytest.raises(TypeError, match="is not an instance of torch.Tensor"):
        functional_call(net.a, {"bias": 1.0}, x)


def test_an_ensemble_is_trained_in_one_program(x):
    torch.manual_seed(0)
    models = [torch.nn.Linear(3, 4) for _ in range(3)]
    values, buffers = stack_module_state(models)
    assert values["weight"].shape == (3, 4, 3) and values["weight"].is_leaf and values["weight"].requires_grad

    def run(values, buffers, v):
        return functional_call(models[0], (values, buffers), (v,))
    out = vmap(run, in_dims=(0, 0, None))(values, buffers, x)
    close(out, np.stack([arr(m(x)) for m in models]))
    out.sum().backward()
    close(values["weight"].grad, np.broadcast_to(arr(x).sum(0), (3, 4, 3)))
    with pytest.raises(RuntimeError, match="Expected all models to be of the same class"):
        stack_module_state([models[0], torch.nn.ReLU()])


def test_names_of_partial_functions_and_functionalize(x):
    part = functools.partial(torch.add, alpha=2)
    close(vmap(part)(x, x), 3 * arr(x))
    with pytest.raises(ValueError, match=r"vmap\(functools.partial\(add, ...\)\)\(<inputs>\): got no inputs"):
        vmap(part)()
    close(functionalize(lambda v: v.clone().add_(1))(x), arr(x) + 1)


def test_a_result_is_the_argument_or_a_view_of_it_where_it_shares_its_storage():
    x = torch.arange(24.0).reshape(2, 3, 4).clone()
    assert vmap(lambda v: v)(x) is x and vmap(lambda v: v.mul_(2), in_dims=2, out_dims=2)(x) is x
    assert x[0, 0].tolist() == [0, 2, 4, 6]
    assert vmap(vmap(lambda v: v[1:]), in_dims=1, out_dims=1)(x).tolist() == x[:, :, 1:].tolist()
    y = vmap(vmap(lambda v: v[1:]))(x)
    assert y._base is x and (y.stride(), y.storage_offset()) == ((12, 4, 1), 1)
    y.zero_()
    assert x[1, 2].tolist() == [40, 0, 0, 0]
    x.add_(1)
    assert y.sum() == y.numel()
    halves = vmap(lambda v: v.t().split(2), in_dims=0)(x)
    assert [h._base is x for h in halves] == [True, True] and halves[1].shape == (2, 2, 3)
    assert vmap(lambda v: v, in_dims=1)(x).stride() == (4, 12, 1)
    w = torch.ones(2, 3, requires_grad=True)
    (vmap(lambda v: v[1])(w) * 3).sum().backward()
    assert w.grad.tolist() == [[0, 3, 0], [0, 3, 0]]
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        vmap(lambda v: v.view(-1), in_dims=1)(x)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        vmap(lambda v: v.mul_(2))(w)


def test_what_is_made_like_a_member_may_be_written_with_one(x):
    for make in (lambda v: v.new_zeros(3), lambda v: v.new_full((3,), 2.0), torch.empty_like, torch.zeros_like):
        close(vmap(lambda v, make=make: make(v).copy_(v))(x), arr(x))
        close(vmap(grad(lambda v, make=make: make(v).copy_(v).sum()))(x), np.ones((2, 3)))
    c = torch.zeros(3)
    close(vmap(lambda v: (c.add_(1), v.sum())[1])(x), arr(x).sum(1))
    assert c.tolist() == [1, 1, 1]


def test_a_value_that_is_the_same_for_all_members_may_be_looked_at(x):
    c = torch.tensor(2.0)
    close(vmap(lambda v: v * (c + 1).item() if c > 0 else v)(x), 3 * arr(x))
    shown = []
    vmap(lambda v: shown.append((repr(c * 2), repr(v))) or v, in_dims=1)(torch.ones(1, 2))
    assert shown == [("tensor(4.)", "BatchedTensor(lvl=1, bdim=1, value=\n    tensor([[1., 1.]])\n)")]


def test_an_index_may_differ_between_members(x):
    i = torch.tensor([2, -1])
    close(vmap(lambda v, i: v[i])(x, i), arr(x)[:, 2])
    close(vmap(lambda v, i: v[None, :, i])(torch.stack([x, x + 1]), i), np.stack([arr(x)[None, :, 2], arr(x)[None, :, 2] + 1]))

    def writes(v, i):
        v = v.clone()
        v[i] = 0.0
        return v
    close(vmap(writes)(x, i), arr(x) * [1, 1, 0])


def test_random_numbers_written_in_place(x):
    for name, args in (("normal_", ()), ("random_", (5,)), ("bernoulli_", (0.5,)), ("exponential_", ())):
        def fill(v, name=name, args=args):
            return getattr(v, name)(*args)
        torch.manual_seed(0)
        each = fill(torch.empty(2, 40)).tolist()
        torch.manual_seed(0)
        assert vmap(fill, randomness="different")(torch.empty(2, 40)).tolist() == each
        c = torch.zeros(40)
        same = vmap(lambda v, c=c, fill=fill: fill(c) + v, randomness="same")(torch.zeros(2))
        assert same[0].tolist() == same[1].tolist() == c.tolist()
        with pytest.raises(RuntimeError, match="vmap: Cannot ask for different inplace randomness on an unbatched tensor"):
            vmap(lambda v, c=c, fill=fill: fill(c) + v, randomness="different")(torch.zeros(2))
    weights = torch.ones(2, 50)
    for draw in (torch.poisson, lambda v: torch.multinomial(v, 20), torch.bernoulli, lambda v: torch.normal(v, 1.0)):
        torch.manual_seed(0)
        each = draw(weights).tolist()
        torch.manual_seed(0)
        assert vmap(draw, randomness="different")(weights).tolist() == each
        with pytest.raises(RuntimeError, match="Vmap does not currently support same randomness with a batched tensor input"):
            vmap(draw, randomness="same")(weights)


NOT_BY_MEMBER = [
    (torch.nonzero, r"operators that can output dynamic shape. Attempted to vmap over aten::nonzero"),
    (torch.unique, r"operators that can output dynamic shape. Attempted to vmap over aten::_unique2"),
    (torch.where, r"operators that can output dynamic shape. Attempted to vmap over aten::where"),
    (lambda v: torch.masked_select(v, v > 0), r"Attempted to vmap over `mask` in torch.masked_select"),
    (lambda v: torch.equal(v, v), r"Batching rule not implemented for aten::equal"),
    (lambda v: torch.allclose(v, v), r"vmap over torch.allclose isn't supported yet"),
]


@pytest.mark.parametrize("k", range(len(NOT_BY_MEMBER)))
def test_what_has_no_shape_before_it_has_values(k, x):
    call, text = NOT_BY_MEMBER[k]
    with pytest.raises(RuntimeError, match=text):
        vmap(call)(x)


def test_batch_norms_without_statistics():
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Sequential(torch.nn.BatchNorm2d(2)))
    assert torch.func.replace_all_batch_norm_modules_(net) is net
    assert not list(net.buffers()) and not net[1][0].track_running_stats


@pytest.mark.parametrize(("func", "words"), [
    (lambda x: x.numpy(), "Cannot access data pointer of Tensor that doesn't have storage"),
    (lambda x: x.tolist(), "Cannot access data pointer of Tensor that doesn't have storage"),
    (lambda x: x[x > 0], "Attempting to batch over indexing with a boolean mask"),
    (lambda x: torch.multinomial(x, 2), "called random operation while in randomness error mode"),
    (lambda x: F.batch_norm(x.expand(3, 2), torch.zeros(2), torch.ones(2), training=True), "Batch norm got a batched tensor as")])
def test_more_refusals_in_torchs_words(func, words):
    with pytest.raises(RuntimeError, match=words):
        vmap(func)(torch.ones(3, 2))


def test_random_numbers_written_in_nested_batches():
    def noise(outer, inner, draw):
        torch.manual_seed(0)
        return vmap(vmap(lambda a: draw() + 0 * a, randomness=inner), randomness=outer)(torch.zeros(2, 3))
    torch.manual_seed(0)
    rows = torch.randn(2, 2)
    found = noise("different", "same", lambda: torch.empty(2).normal_())
    assert [r.unique(dim=0).tolist() for r in found] == rows.unsqueeze(1).tolist()
    assert len({tuple(p.tolist()) for p in noise("different", "different", lambda: torch.randperm(9)).flatten(0, 1)}) == 6
    torch.manual_seed(0)
    weights = torch.rand(3, 2, 4)
    assert vmap(lambda w: torch.multinomial(w, 2), randomness="different")(weights).shape == (3, 2, 2)
    assert vmap(lambda w: torch.randint_like(w, 9), randomness="different")(weights).shape == (3, 2, 4)
    with pytest.raises(RuntimeError, match="Vmap does not currently support same randomness with a batched tensor input"):
        vmap(lambda w: w.clone().bernoulli_(w), randomness="same")(weights)


def test_meshgrid_looks_at_no_values():
    """The text of its refusal shows a tensor; it is made up only where something is refused."""
    first = torch.func.vmap(lambda x: torch.meshgrid(x, x[:2], indexing="xy")[0])(torch.arange(6.0).view(2, 3))
    assert first.tolist() == [[[0, 1, 2]] * 2, [[3, 4, 5]] * 2]
    with pytest.raises(RuntimeError, match=r"Expected 0D or 1D tensor in the tensor list but got: tensor\(\[\[1\.\]\]\)"):
        torch.meshgrid(torch.ones(1, 1), indexing="ij")


def test_an_argument_that_got_another_shape_in_place_comes_back_with_it():
    def into(a):
        a.unsqueeze_(0)
        return a
    assert vmap(into)(torch.ones(2, 3)).shape == (2, 1, 3)


def test_bincount_counts_for_each_member():
    x = torch.tensor([[0, 1, 1], [2, 2, 2]])
    assert vmap(lambda a: torch.bincount(a, minlength=4))(x).tolist() == [[1, 2, 0, 0], [0, 0, 3, 0]]
    assert vmap(vmap(lambda a, w: torch.bincount(a, w, 3)))(x[None], torch.ones(1, 2, 3)).tolist() == [[[1, 2, 0], [0, 0, 3]]]
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        vmap(torch.bincount)(x)


def test_gradients_of_graphs_that_have_ended_inside_a_batch(x):
    """The second graph is like the first, whose backward has been seen: its program keeps residuals."""
    for _ in range(3):
        a, b = x.clone().requires_grad_(), (x + 1).requires_grad_()
        out = a * b
        cotangents = torch.randn(4, *out.shape)
        found = vmap(lambda c, out=out, a=a, b=b: torch.autograd.grad(out, (a, b), c, retain_graph=True))(cotangents)
        singles = [torch.autograd.grad(out, (a, b), c, retain_graph=True) for c in cotangents]
        for got, want in zip(found, zip(*singles, strict=True), strict=True):
            assert torch.equal(got, torch.stack(want))


@pytest.mark.parametrize("draw", [torch._standard_gamma, torch._sample_dirichlet, torch.poisson, torch.bernoulli])
def test_each_member_draws_with_its_own_parameters(draw):
    rates = torch.tensor([[0.2, 0.9], [0.5, 0.3], [0.7, 0.6]])
    torch.manual_seed(0)
    want = draw(rates)
    torch.manual_seed(0)
    assert torch.equal(vmap(draw, randomness="different")(rates), want)
    with pytest.raises(RuntimeError, match="does not currently support same randomness with a batched tensor input"):
        vmap(draw, randomness="same")(rates)
    with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
        vmap(draw)(rates)
