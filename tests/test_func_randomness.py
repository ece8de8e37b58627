"""Random numbers in functions of one member, with transforms between the draw and the batch; distributions of members."""
from __future__ import annotations

import pytest

import torchish as torch
import torchish.distributions as dist
from torchish.func import functional_call, grad, jacfwd, jacrev, jvp, vmap
from torchish.nn import functional as F

X = torch.tensor([[0.3, 0.8, 0.5], [1.0, 2.0, 3.0]])


def masks(shape, p=0.5):
    """The masks of dropout for all members at once."""
    torch.manual_seed(0)
    return F.dropout(torch.ones(shape), p)


@pytest.mark.parametrize("of_member", [
    lambda f: grad(lambda x: f(x).sum()), lambda f: lambda x: jvp(f, (x,), (torch.ones(3),))[1],
    lambda f: lambda x: jacrev(f)(x).sum(0), lambda f: vmap(lambda x: f(x) / x, randomness="different")])
def test_dropout_behind_a_transform_has_a_mask_for_each_member(of_member):
    want = masks((2, 3))
    torch.manual_seed(0)
    assert torch.equal(vmap(of_member(lambda x: F.dropout(x, 0.5)), randomness="different")(X), want)
    after = torch.rand(1)
    masks((2, 3))
    assert torch.equal(torch.rand(1), after)


def test_gradients_of_single_samples_through_a_network_with_dropout():
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5))
    params = {name: p.detach() for name, p in net.named_parameters()}

    def loss(params, x):
        return functional_call(net, params, (x,)).sum()
    torch.manual_seed(0)
    found = vmap(grad(loss), (None, 0), randomness="different")(params, X)
    want = masks((2, 4))
    assert torch.equal(found["0.bias"], want) and torch.allclose(found["0.weight"], want[:, :, None] * X[:, None])
    torch.manual_seed(0)
    found = vmap(grad(loss), (None, 0), randomness="same")(params, X)
    assert torch.equal(found["0.bias"], masks((1, 4)).expand(2, 4))


def test_the_columns_of_jacfwd_draw_for_themselves():
    x = X[0]
    for draw in (torch.rand_like, lambda x: F.dropout(torch.ones_like(x), 0.5), lambda x: torch.poisson(x * 9)):
        torch.manual_seed(0)
        each = draw(x.expand(3, 3))
        torch.manual_seed(0)
        (first, second), aux = jacfwd(lambda a, b, draw=draw: ((draw(a) * a * b.sum(), b), a * 2), has_aux=True,
                                      randomness="different")(x, torch.ones(2))
        assert torch.allclose(first, (each.diagonal() * 2).diag()) and torch.equal(second, torch.zeros(2, 3))
        assert torch.equal(aux, x * 2)
    x = torch.tensor([0.2, 0.7])
    torch.manual_seed(0)
    draws = torch.rand(3, 2)
    torch.manual_seed(0)
    by_x, by_y = jacfwd(lambda x, y: torch.rand(2) * x.sum() * y, argnums=(0, 1), randomness="different")(x, torch.ones(1))
    assert torch.allclose(by_x, draws[:2].T) and torch.allclose(by_y, draws[2:].T * 0.9)
    torch.manual_seed(0)
    assert torch.equal(jacfwd(torch.bernoulli, randomness="same")(x), torch.zeros(2, 2))
    with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
        jacfwd(torch.rand_like)(x)


def test_indices_drawn_behind_a_transform():
    weights = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

    def picked(x, w):
        return x[torch.multinomial(w, 2, replacement=True)].sum()
    assert vmap(grad(picked), randomness="different")(X, weights).tolist() == [[0, 2, 0], [2, 0, 0]]
    twice = vmap(vmap(lambda w: torch.multinomial(w, 1), randomness="different"), randomness="different")(weights.expand(2, 2, 3))
    assert twice.tolist() == [[[1], [0]]] * 2


def test_distributions_of_members_are_checked_for_all_of_them():
    def density(x):
        return dist.Normal(x, 1.0).log_prob(x * 0 + 1).sum()
    want = dist.Normal(X, 1.0).log_prob(torch.ones(2, 3)).sum(1)
    assert torch.allclose(vmap(density)(X), want) and torch.allclose(vmap(grad(density))(X), 1 - X)
    assert torch.allclose(vmap(vmap(lambda x: dist.Gamma(x, 1.0).log_prob(x)))(X), dist.Gamma(X, 1.0).log_prob(X))
    scales = torch.stack([torch.eye(3), 2 * torch.eye(3)])
    found = vmap(lambda x, c: dist.MultivariateNormal(x, c).log_prob(x * 0))(X, scales)
    assert torch.allclose(found, dist.MultivariateNormal(X, scales).log_prob(torch.zeros(3)))
    assert torch.allclose(vmap(lambda x: dist.MultivariateNormal(x, torch.eye(3)).log_prob(x))(X), torch.full((2,), -2.7568155))
    torch.manual_seed(0)
    noise = torch.randn(2, 3)
    torch.manual_seed(0)
    assert torch.allclose(vmap(lambda x: dist.Normal(x, 1.0).rsample(), randomness="different")(X), X + noise)
    for wrong in (lambda x: dist.Normal(x, x - 1), dist.Geometric):
        with pytest.raises(ValueError, match="to satisfy the constraint"):
            vmap(wrong)(X)


def test_a_value_that_is_the_same_for_all_members_may_be_looked_at():
    def f(x, y):
        z = x.reshape(3, 1).expand(3, 2)      # what comes before has a batch
        return z.sum() if (y + 1).sum() > 0 else z
    assert torch.allclose(vmap(f, (0, None))(X, torch.ones(2)), X.sum(1) * 2)
    shown: list = []
    vmap(lambda x: (x.reshape(3, 1).expand(3, 2), shown.append(repr(torch.ones(2) + 1)))[0])(X)
    assert shown == ["tensor([2., 2.])"]
