"""Products that name their dimensions: einsum, tensordot, outer, inner, kron, cross, trace, multi_dot, cdist.

In: jax arrays and a static description.  Out: the contraction.  `einsum` and `tensordot` normalise what the user wrote
(text, lists of subscripts, lists of dims) to one hashable form before it is recorded.
"""
from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

import jax
import jax.numpy as jnp

from ..dtypes import from_numpy, promote_types
from ..warned import warn_once
from .check import broadcast_shapes, listing, require, wrap_dim, wrap_dims
from .into import CASTS, EXACT, TENSORDOT, Into
from .linalg import product
from .matmul_check import PRECISION, cpp_name, same_types
from .precision import dtype_name, inexact, is_float, no_bool, unlike
from .table import Array, Arrays, Dim, Dims, Steps, alias, composite, op

__all__ = ["cdist", "einsum", "kron", "outer", "tensordot"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _subscripts(items: Any) -> str:
    """A list of ints and Ellipsis as letters."""
    for i in items:
        require(i is Ellipsis or 0 <= i < 52, "einsum(): subscript in subscript list is not within the valid range [0, 52)",
                ValueError)
    return "".join("..." if i is Ellipsis else _LETTERS[i] for i in items)


@composite(forms="function")
def einsum(t: Any, *args: Any) -> Any:
    """Sums of products named by an equation, or by operands alternating with lists of subscripts."""
    if len(args) < 2:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand "
                         "and "
                         "its subscripts list")
    if isinstance(args[0], str):
        equation, operands = args[0], args[1:]
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = operands[0]
    else:
        operands = args[0:len(args) - len(args) % 2:2]
        equation = ",".join(_subscripts(s) for s in args[1::2])
        if len(args) % 2:
            equation += "->" + _subscripts(args[-1])
    return t.einsum_core(equation, list(operands))


def _labels(text: str, start: int, what: str) -> str:
    """One operand's subscripts, checked; an ellipsis becomes one '.'."""
    out, i = "", 0
    while i < len(text):
        if text[i] == ".":
            require(text[i:i + 3] == "..." and "." not in out,
                    f"einsum(): found '.' for {what} that is not part of any ellipsis{' (...)' if what == 'output' else ''}")
            out, i = out + ".", i + 3
            continue
        require(text[i] in _LETTERS, f"einsum(): invalid subscript given at index {start + i} in the equation string, "
                                     "subscripts must be in [a-zA-Z]")
        out, i = out + text[i], i + 1
    return out


def _plan(equation: str, operands: Arrays) -> tuple[list[str], str]:
    """The checked subscripts of the operands and of the output."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms, start = [], 0
    for k, term in enumerate(left.split(",")):
        terms.append(_labels(term, start, f"operand {k}"))
        start += len(term) + 1
    require(len(terms) >= len(operands), "einsum(): more operands were provided than specified in the equation")
    require(len(terms) <= len(operands), "einsum(): fewer operands were provided than specified in the equation")
    sizes: dict[str, int] = {}
    for k, (labels, x) in enumerate(zip(terms, operands, strict=True)):
        named = labels.replace(".", "")
        if "." in labels:
            require(len(named) <= x.ndim, f"einsum(): the number of subscripts in the equation ({len(named)}) is more "
                                          "than the "
                                          f"number of dimensions ({x.ndim}) for operand {k}")
        else:
            require(len(named) == x.ndim,
                    f"einsum(): the number of subscripts in the equation ({len(named)}) does not match the number of "
                    "dimensions "
                    f"({x.ndim}) for operand {k} and no ellipsis was given")
        before = labels.partition(".")[0]
        own: dict[str, int] = {}
        for i, label in enumerate(named):
            n = x.shape[i if i < len(before) else i - len(named)]
            require(own.setdefault(label, n) == n, f"einsum(): subscript {label} is repeated for operand {k} but the "
                                                   "sizes don't "
                                                   f"match, {n} != {own[label]}")
            seen = sizes.get(label, 1)
            require(n in (seen, 1) or seen == 1, f"einsum(): subscript {label} has size {n} for operand {k} which does "
                                                 "not "
                                                 f"broadcast with previously seen size {seen}")
            sizes[label] = max(seen, n) if n else n
    _same_ellipses(terms, operands)
    counted = "".join(terms).replace(".", "")
    if not arrow:
        once = "".join(sorted(c for c in sizes if counted.count(c) == 1))
        return terms, ("." if "." in "".join(terms) else "") + once
    result = _labels(right, start + 1, "output")
    for i, label in enumerate(result):
        require(label == "." or label in sizes,
                f"einsum(): output subscript {label} does not appear in the equation for any input operand")
        require(label not in result[:i], f"einsum(): output subscript {label} appears more than once in the output")
    return terms, result


def _same_ellipses(terms: list[str], operands: Arrays) -> None:
    """What the ellipses cover must broadcast, from the last dim on."""
    covered = [x.shape[(at := labels.index(".")):x.ndim - (len(labels) - at - 1)] if "." in labels else ()
               for labels, x in zip(terms, operands, strict=True)]
    most = max(map(len, covered), default=0)
    sizes = [1] * most
    for k, shape in enumerate(covered):
        for i, n in enumerate(shape, most - len(shape)):
            require(1 in (n, sizes[i]) or n == sizes[i],
                    f"einsum(): dimension {i} covered by ellipsis in operand {k}has size {n} which does not broadcast with "
                    f"previously seen ellipsis with size {sizes[i]} for the respective dimension")
            sizes[i] = n if sizes[i] == 1 else sizes[i]


def _einsum_rule(avals: Any, attributes: Any) -> str:
    """The last of the ops that torch builds an equation from."""
    left, arrow, right = attributes["equation"].replace(" ", "").partition("->")
    labels = left.replace(",", "")
    kept = set(right) if arrow else {c for c in labels if labels.count(c) == 1}
    if set(labels) <= kept | {"."} and (not arrow or "." not in labels or "." in right):
        return "PermuteBackward0" if "," not in left else "MulBackward0" if left.count(",") == 1 else "ViewBackward0"
    return "SumBackward1" if "," not in left else "ViewBackward0"


def _one_by_one(outs: list, _attributes: dict) -> Steps:
    """The first operand with the second, what it gives with the third, and so on."""
    return [(k, -k) if k else (k,) for k in range(len(outs))]


@op(name="einsum_core", autocast="pair", forms="", rule=_einsum_rule, turns=_one_by_one, samples=lambda t: [
    (("ij,jk->ik", [t(2, 3), t(3, 4)]), {}), (("...ii->...i", [t(2, 3, 3)]), {}),
    (("bi,bj,ij->b", [t(2, 3), t(2, 4), t(3, 4)]), {})])
def einsum_core(equation: str, operands: Arrays) -> Array:
    """The sum of products that an equation names; dims of size 1 broadcast."""
    terms, result = _plan(equation, operands)
    for x in operands[1:]:
        same_types("expected scalar type {} but found {}", operands[0], x)
    text = ",".join(terms) + "->" + result
    if not inexact(operands[0]) and any(set(term) - set(result) - set("".join(terms[:k] + terms[k + 1:]))
                                        for k, term in enumerate(terms)):
        operands = [x.astype(jnp.int64) for x in operands]      # torch sums what one operand has alone
    return jnp.einsum(text.replace(".", "..."), *operands, precision=PRECISION).astype(operands[0].dtype)


@composite(forms="function")
def tensordot(t: Any, a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    """Contracts the last `dims` dims of a with the first of b, or the dims of two lists; a * b summed over them."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    require(isinstance(dims, (int, list, tuple)), "tensordot expects dims to be int or tuple[list[int], list[int]] or "
            f"list[list[int]] containing two lists, but got dims={dims}")
    if isinstance(dims, int):
        require(dims >= 0, f"tensordot expects dims >= 0, but got dims={dims}")
        require(dims <= min(a.ndim, b.ndim), f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = range(-dims, 0), range(dims)
    else:
        first, second = ((d,) if isinstance(d, int) else d for d in dims)
    return t.tensordot_core(a, b, tuple(first), tuple(second), out=out)


@op(name="tensordot_core", autocast="low", forms="out", rule="ViewBackward0", turns=("b",),
    samples=lambda t: [((t(2, 3, 4), t(4, 3, 5), (2, 1), (0, 1)), {})], into=TENSORDOT)
def tensordot_core(a: Array, b: Array, dims_self: Dims, dims_other: Dims) -> Array:
    """a * b summed over paired dims; the rest of a's dims come first."""
    require(len(dims_self) == len(dims_other), "both dimension lists should have same length")
    first, second = [wrap_dim(d, a.ndim) for d in dims_self], [wrap_dim(d, b.ndim) for d in dims_other]
    for i, j, k in zip(first, second, range(len(first)), strict=True):
        require(a.shape[i] == b.shape[j] or 1 in (a.shape[i], b.shape[j]), "contracted dimensions need to match, but "
                                                                           "first has "
                f"size {a.shape[i]} in dim {dims_self[k]} and second has size {b.shape[j]} in dim {dims_other[k]}")
        if a.shape[i] != b.shape[j]:                    # a dim of size 1 stands for all: sum the other one first
            a, b = (a, b.sum(j, keepdims=True)) if a.shape[i] == 1 else (a.sum(i, keepdims=True), b)
    same_types("expected both tensors to have the same dtype, but got {} and {}", a, b)
    return jnp.tensordot(a, b, (first, second), precision=PRECISION)


def _common(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    d = promote_types(from_numpy(a.dtype), from_numpy(b.dtype)).np
    return a.astype(d), b.astype(d)


def _outer(a: jax.Array, b: jax.Array) -> jax.Array:
    for label, x in (("self", a), ("vec2", b)):
        require(x.ndim == 1, f"outer: Expected 1-D argument {label}, but got {x.ndim}-D")
    a, b = _common(a, b)
    return a[:, None] * b


@op(rule="MulBackward0", turns=("vec2",), samples=lambda t: [((t(3), t(4)), {})], into=CASTS)
def outer(input: Array, vec2: Array) -> Array:
    """input[i] * vec2[j]: (n), (m) -> (n, m)."""
    return _outer(input, vec2)


alias("outer", "ger")


@op(autocast="low", rule="ViewBackward0", turns=("other",), samples=lambda t: [((t(2, 3), t(4, 3)), {})], into=TENSORDOT)
def inner(input: Array, other: Array) -> Array:
    """input * other summed over their last dims; a 0-dim operand multiplies."""
    if input.ndim == 0 or other.ndim == 0:
        a, b = _common(input, other)
        return a * b
    require(input.shape[-1] == other.shape[-1], "inner() the last dimension must match on both input tensors but got "
                                                "shapes "
            f"{listing(input.shape)} and {listing(other.shape)}")
    require(input.dtype == other.dtype, "both inputs should have same dtype")
    no_bool("dot", input)
    return jnp.tensordot(input, other, (-1, -1), precision=PRECISION)


@op(rule="UnsafeViewBackward0", turns=("other",), into=CASTS,
    samples=lambda t: [((t(2, 2), t(2, 3)), {}), ((t(2), t(2, 3)), {})])
def kron(input: Array, other: Array) -> Array:
    """Kronecker product: blocks input[i, j] * other."""
    a, b = _common(input, other)
    n = max(a.ndim, b.ndim)
    a, b = (x.reshape((1,) * (n - x.ndim) + x.shape) for x in (a, b))
    blocks = a.reshape([k for m in a.shape for k in (m, 1)]) * b.reshape([k for m in b.shape for k in (1, m)])
    return blocks.reshape([m * k for m, k in zip(a.shape, b.shape, strict=True)])


@op(autocast="float cpu", saves=False, samples=lambda t: [((t(3, 4),), {})])
def trace(input: Array) -> Array:
    """Sum of the diagonal of a matrix; integers give int64."""
    require(input.ndim == 2, f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    no_bool("trace", input)
    return jnp.trace(input, dtype=None if jnp.issubdtype(input.dtype, jnp.inexact) else jnp.int64)


@op(name="linalg_cross", autocast="promote cuda", forms="linalg private out", samples=lambda t: [((t(2, 3), t(2, 3, seed=1)), {})])
def linalg_cross(input: Array, other: Array, *, dim: Dim = -1) -> Array:
    """Vector product along a dim of size 3; the other dims broadcast."""
    require(input.ndim == other.ndim, "linalg.cross: inputs must have the same number of dimensions.")
    d = wrap_dim(dim, input.ndim)
    require(input.shape[d] == 3 and other.shape[d] == 3, f"linalg.cross: inputs dimension {dim} must have length 3. "
                                                         "Got "
            f"{input.shape[d]} and {other.shape[d]}")
    broadcast_shapes(input.shape, other.shape)
    no_bool("cross", input)
    return jnp.cross(*_common(input, other), axis=d)


@composite(forms="function method out", into=EXACT)
def cross(t: Any, input: Any, other: Any, dim: int | None = None) -> Any:
    """Vector product along `dim`, or along the first dim of size 3."""
    if dim is None:
        warn_once("Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim explicitly or "
                  "simply use torch.linalg.cross.\nThe default value of dim will change to agree with that of linalg.cross in a "
                  "future release.")
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        require(dim is not None, "no dimension of size 3 in input")
    return t.linalg_cross(input, other, dim=dim)


def _cheapest(outs: list, _attributes: dict) -> Steps:
    """The products that torch makes: of equally dear ones that which begins on the right (of three: on the left)."""
    n = len(outs)
    shapes = [o.aval.shape for o in outs]
    first, last = (len(shapes[k]) == 1 for k in (0, -1))
    sizes = [1 if first else shapes[0][0], *[s[0] for s in shapes[1:]], 1 if last else shapes[-1][-1]]
    cost: dict[tuple[int, int], tuple[int, int]] = {(k, k): (0, k) for k in range(n)}
    for width in range(1, n):
        for i in range(n - width):
            j = i + width
            splits = reversed(range(i, j)) if n == 3 else range(i, j)
            cost[i, j] = min(((cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in splits),
                             key=lambda found: found[0])
    steps: list[tuple[int, ...]] = [(k,) for k, is_vector in ((0, first), (n - 1, last)) if is_vector]
    vectors = {k: ~at for at, (k,) in enumerate(steps)}

    def make(i: int, j: int) -> int:
        if i == j:
            return vectors.get(i, i)
        k = cost[i, j][1]
        right, left = make(k + 1, j), make(i, k)        # the one on the right is made first
        steps.append((left, right))
        return -len(steps)
    make(0, n - 1)
    return steps


@op(name="linalg_multi_dot", autocast="low", forms="linalg private out", rule="ViewBackward0", turns=_cheapest,
    samples=lambda t: [(([t(2, 3), t(3, 4), t(4, 2)],), {})],
    into=Into("multi_dot(): expected out tensor to have dtype {want_c} but got {got_c}"))
def linalg_multi_dot(tensors: Arrays) -> Array:
    """The product of several matrices in the cheapest order; the first and the last may be vectors."""
    require(len(tensors) >= 2, f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for name, x in (("first", tensors[0]), ("last", tensors[-1])):
        require(x.ndim in (1, 2), f"multi_dot(): the {name} tensor must be 1D or 2D but got {x.ndim}D")
    for k, x in enumerate(tensors[1:-1], 1):
        require(x.ndim == 2, f"multi_dot(): tensor {k} must be 2D but got {x.ndim}D")
    for k, x in enumerate(tensors[1:], 1):
        require(x.dtype == tensors[0].dtype, "multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                                             f"{cpp_name(tensors[0])} and tensor {k} {cpp_name(x)}")
    for k, (a, b) in enumerate(pairwise(tensors)):
        require(a.shape[-1] == b.shape[0], f"multi_dot(): tensors {k} and {k + 1} with shapes {listing(a.shape)} and "
                                           f"{listing(b.shape)} cannot be multiplied")
    no_bool("addmm_impl_cpu_", tensors[0])
    return product(*tensors) if len(tensors) == 2 else jnp.linalg.multi_dot(tensors, precision=PRECISION)


@composite(forms="function")
def chain_matmul(t: Any, *matrices: Any, out: Any = None) -> Any:
    """The product of several matrices (torch.linalg.multi_dot)."""
    warn_once("torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use torch.linalg.multi_dot "
              "instead, which accepts a list of two or more tensors rather than multiple parameters.")
    given = list(chain.from_iterable(m if isinstance(m, (list, tuple)) else (m,) for m in matrices))
    require(len(given) > 0, "chain_matmul(): Expected one or more matrices")
    for x in given:
        require(x.dim() == 2, f"Tensor dimension is {x.dim()}, expected 2 instead.")
    return given[0] if len(given) == 1 else t.linalg_multi_dot(given, out=out)


CDIST_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@op(autocast="float", rule="CdistBackward0", forms="function",
    samples=lambda t: [((t(3, 4), t(2, 4, seed=1)), {}), ((t(3, 4), t(2, 4, seed=1)), {"p": 1.0})])
def cdist(x1: Array, x2: Array, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Array:
    """The p-norm distance of each row of x1 from each of x2: (*, n, d), (*, m, d) -> (*, n, m); gradient 0 at 0."""
    require(x1.ndim >= 2 and x2.ndim >= 2, f"cdist only supports at least 2D tensors, X{1 if x1.ndim < 2 else 2} got: "
            f"{min(x1.ndim, x2.ndim)}D")
    for k, x in ((1, x1), (2, x2)):
        require(is_float(x), f"cdist only supports floating-point dtypes, X{k} got: {dtype_name(x)}")
    require(p >= 0, "cdist only supports non-negative p values")
    require(compute_mode in ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"),
            f"{compute_mode} is not a valid value for compute_mode", ValueError)
    same_types("expected scalar type {} but found {}", x1, x2)
    require(x1.shape[-1] == x2.shape[-1], "X1 and X2 must have the same number of columns. "
            f"X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    require(compute_mode in CDIST_MODES, f"{compute_mode} is not a valid value for compute_mode", ValueError)
    require(x1.dtype == x2.dtype, f"expected scalar type {dtype_name(x1)} but found {dtype_name(x2)}")
    many = x1.shape[-2] > 25 or x2.shape[-2] > 25
    if p == 2 and (compute_mode == "use_mm_for_euclid_dist" or (many and compute_mode.endswith("_if_necessary"))):
        cross_terms = product(x1, jnp.swapaxes(x2, -1, -2))
        squares = (x1 * x1).sum(-1)[..., :, None] + (x2 * x2).sum(-1)[..., None, :] - 2 * cross_terms
        positive = squares > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)
    if x1.dtype.itemsize == 2:
        raise unlike("cdist", x1)
    return vector_norm(x1[..., :, None, :] - x2[..., None, :, :], p, -1)


def vector_norm(x: jax.Array, p: float, dim: Dims, keepdim: bool = False) -> jax.Array:
    """(sum |x|^p)^(1/p) over one dim or several, with gradient 0 where the norm is 0."""
    dim = wrap_dims(dim, x.ndim)
    if p == 0:
        return (x != 0).astype(x.real.dtype).sum(dim, keepdims=keepdim)
    size = jnp.where(x == 0, 0, jnp.abs(x))
    if p == 1:
        return size.sum(dim, keepdims=keepdim)
    if p in (float("inf"), -float("inf")):
        return (size.max if p > 0 else size.min)(dim, keepdims=keepdim)
    if p == 2:
        total = (x * jnp.conj(x)).real.sum(dim, keepdims=keepdim)
        positive = total > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, total, 1)), total)
    present = size > 0
    total = jnp.where(present, jnp.where(present, size, 1) ** p, 0).sum(dim, keepdims=keepdim)
    positive = total > 0
    return jnp.where(positive, jnp.where(positive, total, 1) ** (1 / p), 0)
