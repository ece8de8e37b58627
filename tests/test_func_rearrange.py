"""torch.func.rearrange: values against reshapes and permutations by hand, refusals in PyTorch 2.13's words."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish.func import rearrange, vmap

X = torch.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize(("pattern", "lengths", "expected"), [
    ("a b c -> c b a", {}, X.permute(2, 1, 0)),
    ("a b (c d) -> a (b c) d", {"c": 2}, X.reshape(2, 6, 2)),
    ("(a e) b (c d) -> (d b) e a c", {"a": 1, "d": 2}, X.reshape(1, 2, 3, 2, 2).permute(4, 2, 1, 0, 3).reshape(6, 2, 1, 2)),
    ("... c -> c ...", {}, X.permute(2, 0, 1)),
    ("a ... -> (...) a", {}, X.reshape(2, 12).t()),
    ("a b c -> a () b 1 c", {}, X[:, None, :, None]),
    ("a b c->(a)(b)(c)", {"b": 3}, X),
])
def test_rearranged(pattern, lengths, expected) -> None:
    assert torch.equal(rearrange(X, pattern, **lengths), expected)


def test_several_tensors_views_gradients_batches() -> None:
    assert torch.equal(rearrange([X, X + 24], "k a b c -> a (k b c)"), torch.stack([X, X + 24]).permute(1, 0, 2, 3).reshape(2, 24))
    x = torch.arange(12.0).reshape(2, 6).requires_grad_()
    y = rearrange(x, "a (b c) -> c a b", b=2)
    assert y._base is x._base and y.stride() == (1, 6, 3)
    (y[0] * 2).sum().backward()
    assert x.grad.tolist() == [[2, 0, 0, 2, 0, 0]] * 2
    assert vmap(lambda t: rearrange(t, "(b c) -> c b", b=2))(x)[1].tolist() == [[6, 9], [7, 10], [8, 11]]


@pytest.mark.parametrize(("pattern", "lengths", "message"), [
    ("a b c d", {}, "Pattern must contain a single '->' separator"),
    ("a b -> a b", {}, r"Number of dimensions in pattern \(2\) must be equal to the number of dimensions in the tensor \(3\)"),
    ("... a b c d -> a b c d ...", {}, r"Number of dimensions in pattern \(4\) must be less than or equal to"),
    ("a b c -> a b", {}, r"Identifiers only on one side of rearrange expression \(should be on both\): {'c'}"),
    ("a b c -> a b c", {"d": 2}, "Identifiers not found in rearrange expression: {'d'}"),
    ("a a c -> a c", {}, "Indexing expression contains duplicate dimension 'a'"),
    ("a b 4 -> a b 4", {}, "rearrange only supports unnamed axes of size 1"),
    ("a (...) -> a ...", {}, "Ellipsis is parenthesis in the left side is not allowed"),
    ("a b c -> a b c ...", {}, "Ellipsis found in right side, but not left side of a pattern"),
    ("a .. c -> a .. c", {}, r"Expression may contain dots only inside ellipsis \(\.\.\.\)"),
    ("a b c -> a (b c", {}, "Imbalanced parentheses in expression: ' a "),
    ("a b c -> a b) c", {}, "Brackets are not balanced"),
    ("a b c -> a ((b c))", {}, "Axis composition is one-level"),
    ("_a b c -> _a b c", {}, "Invalid axis identifier: _a"),
    ("1a b c -> 1a b c", {}, "Invalid axis identifier: 1a"),
    ("a b, c -> a b c", {}, "Unknown character ','"),
])
def test_patterns_that_are_refused(pattern, lengths, message) -> None:
    with pytest.raises(ValueError, match=message):
        rearrange(X, pattern, **lengths)


@pytest.mark.parametrize(("lengths", "message"), [
    ({}, "cannot infer the sizes of two dimensions at once c and d"),
    ({"c": 3}, r"inferred dimension does not evenly fit into larger dimension: 4 vs \(c=3, d\)"),
    ({"c": 3, "d": 2}, r"Dimension sizes to do not match \(4 != 6\)"),
])
def test_lengths_that_do_not_fit(lengths, message) -> None:
    with pytest.raises(Exception, match=message) as caught:
        rearrange(X, "a b (c d) -> a (b c) d", **lengths)
    assert type(caught.value).__name__ == "DimensionBindError"
    with pytest.raises(TypeError, match="axis lengths must be integers, got: <class 'float'>"):
        rearrange(X, "a b (c d) -> a (b c) d", c=2.0)


def test_names_that_are_keywords_are_discouraged() -> None:
    with pytest.warns(RuntimeWarning, match="discouraged to use axes names that are keywords: lambda"):
        assert rearrange(X, "lambda b c -> b c lambda").shape == (3, 4, 2)
