"""Graphs that change at every step: run op by op by programs of single operations, with the same values and gradients."""
from __future__ import annotations

import random

import pytest
from counting import Count

import torchish as torch
from torchish import nn
from torchish.config import config
from torchish.entrywise import worth
from torchish.tape import input_outs, path, state

F = nn.functional


class Tree(nn.Module):
    """Numbers joined two by two by a cell, as a tree of tuples says."""

    def __init__(self, width):
        super().__init__()
        self.leaf, self.cell, self.out = nn.Embedding(5, width), nn.Linear(2 * width, width), nn.Linear(width, 2)

    def forward(self, tree):
        if isinstance(tree, int):
            return self.leaf(torch.tensor([tree]))
        left, right = map(self.forward, tree)
        return torch.tanh(self.cell(torch.cat([left, right], 1))) + left * right


def _trees(count, size=7):
    chance = random.Random(0)

    def tree(n):
        if n == 1:
            return chance.randrange(5)
        k = chance.randrange(1, n)
        return tree(k), tree(n - k)
    return [tree(size + k % 3) for k in range(count)]


def _train(trees, how, width):
    torch.manual_seed(0)
    model, losses, counts = Tree(width), [], []
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    with config.override(drafts=how):
        for k, tree in enumerate(trees):
            count = Count()
            optimizer.zero_grad()
            loss = F.cross_entropy(model.out(model(tree)), torch.tensor([k % 2]))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            counts.append(count.compiled)
    return losses, counts


def test_new_graphs_of_known_operations_compile_nothing():
    trees = _trees(12)
    losses, counts = _train(trees, "auto", 4)
    assert sum(counts[:4]) <= 4 and sum(counts[4:]) == 0
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(_train(trees, "never", 4)[0]))


def test_a_graph_that_comes_back_is_compiled_in_the_end():
    trees = [*_trees(6), *[((0, 1), (2, (3, (4, (1, 2)))))] * 12]
    losses, counts = _train(trees, "auto", 5)
    assert sum(counts[6:14]) == 0 and sum(counts[14:]) == 1
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(_train(trees, "never", 5)[0]))


def test_loops_of_changing_lengths_with_a_look_in_each_turn():
    def run(how):
        torch.manual_seed(0)
        cell, head = nn.GRUCell(3, 4), nn.Linear(4, 3)
        optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.1)
        chance, found, counts = random.Random(1), [], []
        with config.override(drafts=how):
            for _ in range(10):
                count, h, x, loss = Count(), torch.zeros(1, 4), torch.zeros(1, 3), 0.0
                for _ in range(chance.randrange(2, 7)):
                    h = cell(x, h)
                    scores = F.log_softmax(head(h), 1)
                    best = scores.argmax(1).item()      # ends the tape: the backward goes through several graphs
                    loss = loss - scores[0, 2]
                    x = F.one_hot(torch.tensor([best]), 3).float()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                found.append(loss.item())
                counts.append(count.compiled)
        return found, counts
    losses, counts = run("auto")
    assert sum(counts[3:]) <= 1         # what comes back in every step may be compiled in the end
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(run("never")[0]))


def _several_results(x):
    a, b = x.chunk(2)
    values, places = (a * b).topk(2)
    return values.sum() + x.sort().values[places].sum() + x.std()


def _numbers(x):
    return sum(((x * k).clamp(min=-0.5 * k) ** k).sum() for k in range(1, 4)) + x[1:].prod() + x[x > 0].sum()


def _in_place(x):
    y = x.clone()
    y[1:] += y[:-1] * 2
    y.mul_(x).relu_()
    return (y * y.detach()).sum()


def _drawn(x):
    return (F.dropout(x, 0.5) * torch.rand(6)).sum() + torch.bernoulli(x.sigmoid()).sum()


def _complex(x):
    z = torch.complex(x[:3], x[3:])
    return (z * z.conj()).real.sum() + torch.fft.fft(z).abs().sum()


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        ctx.k = k
        return x * k

    @staticmethod
    def backward(ctx, g):
        return g * ctx.k, None


def _hooked(x):
    y = _Scaled.apply(x * 2, 3)
    y.register_hook(lambda g: g * g)
    return (y.exp() / y.exp().sum()).max() + y.double().sum().float()


def _layers(x):
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv1d(1, 2, 3, padding=1), nn.BatchNorm1d(2), nn.GELU(), nn.Flatten(), nn.LayerNorm(12),
                        nn.Linear(12, 3))
    lstm = nn.LSTM(3, 2)
    return lstm(net(x.reshape(1, 1, 6).repeat(2, 1, 1)))[0].pow(2).sum()


def _looked(x):
    y = (x * 2).tanh()
    y.sum().item()
    best = torch.tensor([3, 0, 5])      # places are among what a later backward starts from, and get no gradient
    z = (y * x).cumsum(0)[best] * x[best]
    z.tolist()
    return (z * y[best]).sum()


@pytest.mark.parametrize("fn", [_several_results, _numbers, _in_place, _drawn, _complex, _hooked, _layers, _looked])
def test_the_same_values_and_gradients_op_by_op(fn):
    def run(how):
        torch.manual_seed(0)
        x = torch.randn(6, requires_grad=True)
        with config.override(drafts=how):
            y = fn(x)
            y.backward()
            return y.detach(), x.grad.clone(), torch.rand(2)
    count = Count()
    singly = run("entries")
    assert count.compiled == 0
    torch.testing.assert_close(singly, run("never"))


def test_what_is_not_run_op_by_op():
    def chosen(make):
        with config.override(drafts="never"):
            torch.zeros(3).tolist()     # what is recorded next begins a tape
            kept = make()
            nodes = path(state.tape.last)
        assert len(nodes) > len(input_outs(nodes)) and kept is not None
        with config.override(drafts="entries"):
            return worth(nodes, 0)
    x = torch.ones(3, requires_grad=True)
    assert chosen(lambda: (x * 2).exp())
    assert not chosen(lambda: torch.ones(1 << 13, 1 << 12).exp())                                   # large
    assert not chosen(lambda: torch.autograd.grad((x ** 3).sum(), x, create_graph=True)[0] * 2)     # differentiated again
    assert not chosen(lambda: torch.ones(3, device="meta").exp())
