"""torch.autograd.gradcheck: gradients compared with finite differences, or with JAX's own.

In: a function of tensors and inputs of double precision.  Out: True, or GradcheckError (False without `raise_exception`).

Both sides are tables of real numbers: for a cotangent c of a result and a direction d of an input, the change Re(conj(c) J d)
by differences against Re(conj(g) d) by backward.  Complex tensors have twice as many of each, which covers both Wirtinger
derivatives.  `fast_mode` compares one random c and d instead of all.
Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..accumulate import set_data
from ..dtypes import from_numpy
from ..random_tensors import make_tensor
from ..recorder import hooks
from ..sizes import Size
from ..storage import overlaps
from ..tensor import Tensor
from ..testing import check_against_jax
from ..to_sparse import sparse_coo_tensor
from ..warned import warn
from .calls import grad
from .forward_check import batched_tangents, tangents, undefined_tangents
from .function import Function
from .jacobians import (  # noqa: F401  names that torch has here
    _get_numerical_jacobian,
    _iter_tensors,
    get_analytical_jacobian,
    get_numerical_jacobian,
    get_numerical_jacobian_wrt_specific_input,
)

__all__ = ["GradcheckError", "get_analytical_jacobian", "get_numerical_jacobian", "get_numerical_jacobian_wrt_specific_input",
           "gradcheck", "gradgradcheck"]


FAST = "The above quantities relating the numerical and analytical jacobians are computed in fast mode.\n"


class GradcheckError(RuntimeError):
    """What gradcheck found wrong."""


def _tensors(value: Any) -> tuple[Tensor, ...]:
    """The differentiable results of a function."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    if any(isinstance(x, Tensor) and x.is_sparse for x in values):
        raise ValueError("Sparse output is not supported at gradcheck yet. Please call to_dense(masked_grad=...) on the output of "
                         "fn for gradcheck.")
    return tuple([x for x in values if isinstance(x, Tensor) and x.requires_grad])


def _values(value: Any, like: Sequence[bool]) -> list[np.ndarray]:
    """The results of a function that are differentiable, as numpy arrays."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    return [np.array(x.detach()._numpy()) for x, wanted in zip(values, like, strict=True) if wanted]


class _Check:
    """One function with its inputs."""

    def __init__(self, func: Callable, inputs: Sequence, eps: float, fast: bool = False) -> None:
        self.func, self.inputs, self.eps, self.fast = func, list(inputs), eps, fast
        self.wrt = [k for k, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
        self.start = {k: np.array(self.inputs[k].detach()._numpy()) for k in self.wrt}
        out = func(*inputs)
        every = out if isinstance(out, (tuple, list)) else (out,)
        self.outputs = _tensors(out)
        self.mask = [isinstance(x, Tensor) and x.requires_grad for x in every]
        self.constants = [isinstance(x, Tensor) and not x.requires_grad and x.dtype.category >= 2 for x in every]

    def at(self, k: int, value: np.ndarray, mask: Sequence[bool]) -> list[np.ndarray]:
        """The results with `value` in place of the k-th input, which is changed for a moment, so that closures see it."""
        x = self.inputs[k]
        new = hooks.from_array(value.astype(self.start[k].dtype), x._node.aval.device)
        put = set_data if x._leaf else lambda x, value: x.data.copy_(value)         # others keep their place in the graph
        put(x, new)
        try:
            return _values(self.func(*self.inputs), mask)
        finally:
            put(x, hooks.from_array(self.start[k], x._node.aval.device))

    def change(self, k: int, direction: np.ndarray, mask: Sequence[bool] | None = None) -> list[np.ndarray]:
        """The derivative of the results along a direction of the k-th input, by central differences."""
        mask = self.mask if mask is None else mask
        up = self.at(k, self.start[k] + self.eps * direction, mask)
        down = self.at(k, self.start[k] - self.eps * direction, mask)
        self._same(down, up, direction)
        return [(a - b) / (2 * self.eps) for a, b in zip(up, down, strict=True)]

    def _same(self, before: list, after: list, direction: np.ndarray) -> None:
        """torch's error where shape or dtype of a result depend on the values of the inputs."""
        places = np.argwhere(direction)
        where = f"on index {tuple(map(int, places[0]))} " if len(places) == 1 and (direction.size > 1 or not self.fast) else ""
        for what, of in (("shape", lambda x: Size(x.shape)), ("dtype", lambda x: from_numpy(x.dtype))):
            for a, b in zip(before, after, strict=True):
                if of(a) != of(b):
                    raise AssertionError(f"Expected `func` to return outputs with the same {what} when inputs are perturbed {where}"
                                         f"by {self.eps}, but got: {what}s {of(a)} and {of(b)}.")

    def pulled(self, j: int, cotangents: np.ndarray) -> list[np.ndarray]:
        """Gradients of all inputs for a batch of cotangents of the j-th result."""
        y = self.outputs[j]
        c = hooks.from_array(cotangents.astype(y._node.aval.dtype.np), y._node.aval.device)
        found = grad(y, [self.inputs[k] for k in self.wrt], [c], retain_graph=True, allow_unused=True, is_grads_batched=True)
        return [np.zeros((len(cotangents), *self.start[k].shape), self.start[k].dtype) if g is None else g.detach()._numpy()
                for k, g in zip(self.wrt, found, strict=True)]


def _basis(shape: tuple, complex_: bool) -> np.ndarray:
    """All directions of an array: unit arrays, and for complex ones i times them."""
    n = int(np.prod(shape))
    units = np.eye(n).reshape((n, *shape))
    return np.concatenate([units, 1j * units]) if complex_ else units


def _directions(shape: tuple, complex_: bool, fast: bool, rng: np.random.Generator) -> np.ndarray:
    """All directions, or one at random of length 1."""
    if not fast:
        return _basis(shape, complex_)
    one = rng.random((1, *shape)) + (1j * rng.random((1, *shape)) if complex_ else 0)
    return one / max(float(np.linalg.norm(one)), 1e-30)


def _real_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Re(conj(a) b), summed over all but the first dimension of each: a table."""
    return np.real(np.conj(a.reshape(len(a), -1)) @ b.reshape(len(b), -1).T)


def gradcheck(func: Callable, inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
              raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
              check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_batched_forward_grad: bool = False,
              check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
              against: str | None = None) -> bool:
    """Whether the gradients that backward computes agree with central differences.

    against: "jax" also compares them with `jax.grad` of the same function.
    Errors: GradcheckError where they differ; ValueError where no input requires a gradient.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    if against not in (None, "jax"):
        raise ValueError(f"against must be None or 'jax', not {against!r}")
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    try:
        _check_inputs(inputs)
        func, inputs = _of_values(func, inputs, bool(masked))
        check = _Check(func, inputs, eps, fast_mode)
        rng = np.random.default_rng(0)
        if check_backward_ad:
            _compare(check, (atol, rtol, nondet_tol), fast_mode, rng)
            _constants(check, atol, rng)
            if check_grad_dtypes:
                _dtypes(check)
            if check_batched_grad:
                _batches(check, atol, rtol, rng)
            if check_undefined_grad:
                _undefined(check)
        if check_forward_ad:
            given = _forward(check, atol, rtol, rng)
            _refused(check_undefined_grad and len(given) > 1 and undefined_tangents(func, inputs, given))
            _refused(check_batched_forward_grad and batched_tangents(func, inputs, check.wrt))
        if against == "jax":
            _jax(func, inputs, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _refused(what: str | bool | None) -> None:
    if what:
        raise GradcheckError(what)


def _of_values(func: Callable, inputs: tuple, masked: bool) -> tuple[Callable, tuple]:
    """The function of the values of sparse inputs, and these. Without `masked` every place has one, zeros where there was none."""
    made: dict[int, Callable] = {}
    given = list(inputs)
    for k, x in enumerate(inputs):
        if not (isinstance(x, Tensor) and x.is_sparse and x.requires_grad):
            continue
        x, size = x.detach(), tuple(x.shape)
        n = x.sparse_dim()
        once = masked and x.is_coalesced()
        indices = x._indices() if masked else hooks.from_array(np.indices(size[:n]).reshape(n, -1))
        values = x._values() if masked else x.to_dense().reshape(-1, *size[n:])
        made[k] = partial(sparse_coo_tensor, indices, size=size, is_coalesced=once or not masked)
        given[k] = values.detach().clone().requires_grad_()

    def of_values(*args: Any) -> Any:
        return func(*[made[k](x) if k in made else x for k, x in enumerate(args)])
    return (of_values, tuple(given)) if made else (func, inputs)


def _check_inputs(inputs: tuple) -> None:
    wanted = [(k, x) for k, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have "
                         "requires_grad=True.")
    for k, x in wanted:
        if x.dtype.name not in ("float64", "complex128"):
            warn(f"Input #{k} requires gradient and is not a double precision floating point or complex. This check will "
                 "likely fail if all the inputs are not of double precision floating point or complex. ")
        if not x.is_sparse and overlaps(x):
            raise RuntimeError(f"The {k}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                               "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                               ".contiguous on the input before passing it to gradcheck.")


def _compare(check: _Check, tolerances: tuple, fast: bool, rng: np.random.Generator) -> None:
    atol, rtol, nondet = tolerances
    cotangents = [_directions(tuple(y.shape), y.is_complex(), fast, rng) for y in check.outputs]
    directions = {k: _directions(a.shape, np.iscomplexobj(a), fast, rng) for k, a in check.start.items()}
    pulled = [check.pulled(j, c) for j, c in enumerate(cotangents)]
    constant = [_reentrant(check, j, c, nondet) for j, c in enumerate(cotangents)]
    moves = [[check.change(k, d) for d in directions[k]] for k in check.wrt]
    for j, c in enumerate(cotangents):
        if not constant[j]:
            raise GradcheckError("Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
                                 "times gives different values, although analytical gradient matches numerical gradient."
                                 f"The tolerance for nondeterminism was {nondet}.")
        for i, (k, moved) in enumerate(zip(check.wrt, moves, strict=True)):
            if not len(c) or not moved:
                continue
            numerical = _real_product(c, np.stack([m[j] for m in moved]))
            analytical = _real_product(pulled[j][i], directions[k])
            if not np.allclose(analytical, numerical, rtol, atol):
                raise GradcheckError(_part(check.outputs[j], analytical, numerical, rtol, atol) +
                                     f"Jacobian mismatch for output {j} with respect to input {i},\n"
                                     f"numerical:{hooks.from_array(numerical.T)}\nanalytical:{hooks.from_array(analytical.T)}\n"
                                     + (FAST if fast else ""))
    for j, y in enumerate(check.outputs):
        if any(np.any(g) for g in check.pulled(j, np.zeros((1, *y.shape)))):
            raise GradcheckError("backward not multiplied by grad_output")


def _reentrant(check: _Check, j: int, cotangents: np.ndarray, nondet: float) -> bool:
    """Do two backwards in succession agree?  Asked three times: the program may be another one each time, first a part of a larger
    one, then a draft, then compiled for good, and each may round in its own way."""
    before = check.pulled(j, cotangents)
    for _ in range(3):
        again = check.pulled(j, cotangents)
        if all(np.max(np.abs(a - b), initial=0.0) <= nondet for a, b in zip(before, again, strict=True)):
            return True
        before = again
    return False


def _part(y: Tensor, analytical: np.ndarray, numerical: np.ndarray, rtol: float, atol: float) -> str:
    """Which part of a complex result is wrong; nothing for real ones. (The second half of the cotangents are imaginary.)"""
    if not y.is_complex():
        return ""
    half = len(analytical) // 2
    imaginary = np.allclose(analytical[half:], numerical[half:], rtol, atol)
    return f"While considering the {'real' if imaginary else 'imaginary'} part of complex outputs only, "


def _constants(check: _Check, atol: float, rng: np.random.Generator) -> None:
    """Results that do not require a gradient must not depend on the inputs."""
    if check.outputs or not any(check.constants):
        return
    for k, a in check.start.items():
        for d in _directions(a.shape, np.iscomplexobj(a), True, rng):
            if any(np.max(np.abs(m), initial=0.0) > atol for m in check.change(k, d, check.constants)):
                raise GradcheckError("Numerical gradient for function expected to be zero")


def _gradients(check: _Check, vectors: Sequence | None) -> tuple:
    return grad(check.outputs, [check.inputs[k] for k in check.wrt], vectors, retain_graph=True, allow_unused=True)


def _vectors(check: _Check, rng: np.random.Generator, n: int) -> list[Tensor]:
    """n random cotangents for each result."""
    made = []
    for y in check.outputs:
        shape = (n, *y.shape)
        v = rng.normal(size=shape) + (1j * rng.normal(size=shape) if y.is_complex() else 0)
        made.append(hooks.from_array(np.asarray(v).astype(y._node.aval.dtype.np), y._node.aval.device))
    return made


def _dtypes(check: _Check) -> None:
    if not check.outputs:
        return
    for k, g in zip(check.wrt, _gradients(check, [y.new_ones(tuple(y.shape)) for y in check.outputs]), strict=True):
        if g is not None and g.dtype is not check.inputs[k].dtype:
            raise GradcheckError("Gradient has dtype mismatch.")
        if g is not None and g.shape != check.inputs[k].shape:
            raise GradcheckError("Gradient has incorrect sizes.")


def _batches(check: _Check, atol: float, rtol: float, rng: np.random.Generator) -> None:
    """A batch of cotangents gives what each of them gives by itself."""
    if not check.outputs:
        return
    vs = _vectors(check, rng, 2)
    together = grad(check.outputs, [check.inputs[k] for k in check.wrt], vs, retain_graph=True, allow_unused=True,
                    is_grads_batched=True)
    for n in range(2):
        for i, (one, many) in enumerate(zip(_gradients(check, [v[n] for v in vs]), together, strict=True)):
            if one is not None and many is not None and not np.allclose(one._numpy(), many[n]._numpy(), rtol, atol):
                raise GradcheckError(f"For output 0 and input {i}: If you are invoking this test, the gradients of a batch of "
                                     "cotangents differ from those of each by itself.")


class UndefinedGrad(Function):
    """The identity, through which no gradient comes back: what lies behind it is gone through with none."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """A view of `x`."""
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> None:
        """None."""


def _undefined(check: _Check) -> None:
    """Custom functions must do without the gradients of all their results, or of some."""
    inputs, n = [check.inputs[k] for k in check.wrt], len(check.outputs)
    for without in [set(range(n)), *([{j} for j in range(n)] if n > 1 else ())] if n else ():
        outputs = [UndefinedGrad.apply(y) if j in without else y for j, y in enumerate(_tensors(check.func(*check.inputs)))]
        try:
            found = grad(outputs, inputs, [y.new_zeros(tuple(y.shape)) for y in outputs], allow_unused=True)
        except RuntimeError as e:
            raise GradcheckError("Expected backward function to handle undefined output grads. Please look at 'Notes about "
                                 "undefined output gradients' in 'tools/autograd/derivatives.yaml'") from e
        if any(g is not None and np.any(g.detach()._numpy()) for g in found):
            raise GradcheckError("Expected all input grads to be undefined or zero when all output grads are undefined or zero. "
                                 "Please look at 'Notes about undefined output gradients' in 'tools/autograd/derivatives.yaml'")


def _forward(check: _Check, atol: float, rtol: float, rng: np.random.Generator) -> dict[int, Tensor]:
    """Products with the Jacobian from the right: along one direction of an input, the tangents of the others are zeros."""
    made = {k: _directions(a.shape, np.iscomplexobj(a), True, rng)[0] for k, a in check.start.items()}
    like = {k: hooks.from_array(np.asarray(d).astype(check.start[k].dtype), check.inputs[k]._node.aval.device)
            for k, d in made.items()}
    for i, (k, d) in enumerate(made.items()):
        found = tangents(check.func, check.inputs, {n: x if n == k else x.new_zeros(x.shape) for n, x in like.items()})
        found = [f for f, wanted in zip(found, check.mask, strict=True) if wanted]
        for j, (m, f) in enumerate(zip(check.change(k, d), found, strict=True)):
            given = np.zeros_like(m) if f is None else f.detach()._numpy()
            if not np.allclose(m, given, rtol, atol):
                raise GradcheckError(f"Jacobian computed with forward mode mismatch for output {j} with respect to input {i},\n"
                                     f"numerical:{hooks.from_array(np.asarray(m))}\nanalytical:{hooks.from_array(given)}\n")
    return like


def _jax(func: Callable, inputs: tuple, atol: float, rtol: float) -> None:
    try:
        check_against_jax(func, *inputs, rtol=rtol, atol=atol)
    except AssertionError as e:
        raise GradcheckError(f"Gradients differ from jax.grad: {e}") from e


def gradgradcheck(func: Callable, inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5,
                  rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True,
                  nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
                  check_batched_grad: bool = False, check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True,
                  fast_mode: bool = False, masked: bool = False) -> bool:
    """`gradcheck` of the gradients: of the inputs and of the cotangents (`grad_outputs`, random ones where not given)."""
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_undefined_grad=True requires check_rev_over_rev to be True")
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_batched_grad=True requires check_rev_over_rev to be True")
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        vectors = tuple([make_tensor(y.shape, dtype=y.dtype, device=y.device, low=-1, high=1, requires_grad=True,
                                     noncontiguous=gen_non_contig_grad_outputs) for y in _tensors(func(*inputs))])
    else:
        vectors = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
    n = len(inputs)

    def gradients(*args: Any) -> tuple:
        given = [x.requires_grad_() if isinstance(x, Tensor) and not x.requires_grad and k < n and inputs[k].requires_grad else x
                 for k, x in enumerate(args)]
        outputs = _tensors(func(*given[:n]))
        wrt = [x for x in given[:n] if isinstance(x, Tensor) and x.requires_grad]
        found = grad(outputs, wrt, given[n:], create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    return gradcheck(gradients, (*inputs, *vectors), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
                     check_batched_grad=check_batched_grad, check_forward_ad=check_fwd_over_rev,
                     check_backward_ad=check_rev_over_rev, fast_mode=fast_mode)
