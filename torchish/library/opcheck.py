"""torch.library.opcheck: does an operator do what its schema and its rules say?

In: an operator and arguments for it.  Out: a verdict for each of the checks.
The checks have PyTorch's names. Those of its tracers look here at tensors on the device `meta`, which carry shapes and no values.
Source: https://docs.pytorch.org/docs/stable/library.html#torch.library.opcheck
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .._subclasses.fake_tensor import MetadataMismatchError
from ..autograd import grad
from ..bodies import tensors_of
from ..closeness import assert_close
from ..random import fork_rng
from ..storage import storage_of
from ..tensor import Tensor
from ..utils._pytree import tree_leaves, tree_map
from .custom_op import CustomOpDef
from .operators import COMPOSITE, OpOverload, OpOverloadPacket

__all__ = ["OpCheckError", "opcheck"]


class OpCheckError(Exception):
    """An operator has failed a check."""


def opcheck(op: OpOverload | OpOverloadPacket | CustomOpDef, args: tuple, kwargs: dict[str, Any] | None = None, *,
            test_utils: str | Sequence[str] = ("test_schema", "test_autograd_registration", "test_faketensor",
                                               "test_aot_dispatch_dynamic"),
            raise_exception: bool = True, atol: float | None = None, rtol: float | None = None) -> dict[str, Any]:
    """{check: "SUCCESS" or the exception} of `op` called with the arguments. OpCheckError at the first that fails, if so wished.

    test_schema: only what the schema says is written to, and results share no memory with arguments.
    test_autograd_registration: where results require grad, there is a rule for it.
    test_faketensor: the fake function gives shapes, dtypes and strides as the kernel does.
    test_aot_dispatch_static, test_aot_dispatch_dynamic: with the gradients of arguments that require grad, the results are the same
    twice (within `atol` and `rtol`, or `assert_close`'s), and on meta tensors they have the same shapes.
    ValueError for what is no operator and for unknown checks.
    """
    found = _overload(op)
    wished = (test_utils,) if isinstance(test_utils, str) else tuple(test_utils)
    if not set(wished) <= CHECKS.keys():
        raise ValueError(f"opcheck(op, ..., test_utils={wished}), expected test_utils to be subset of {tuple(CHECKS)} but it "
                         "was not")
    near = {} if atol is None and rtol is None else {"atol": atol, "rtol": rtol}
    verdicts: dict[str, Any] = {}
    for name in wished:
        try:
            CHECKS[name](found, op, tuple(args), dict(kwargs or {}), near)
            verdicts[name] = "SUCCESS"
        except Exception as e:      # whatever an operator of the user's raises is a verdict
            if raise_exception:
                raise OpCheckError(f"opcheck(op, ...): {name} failed with {e} (scroll up for stack trace)") from e
            verdicts[name] = e
    return verdicts


def _overload(op: Any) -> OpOverload:
    if isinstance(op, CustomOpDef):
        return op._opoverload
    if isinstance(op, OpOverloadPacket):
        if len(op.overloads()) > 1:
            raise RuntimeError(f"opcheck can only test operators without overloads. Got the following overloads for "
                               f"{op._qualified_op_name}: {op.overloads()}")
        return next(iter(op._overloads.values()))
    if not isinstance(op, OpOverload):
        raise ValueError("opcheck(op, ...): op must be instance of torch._ops.OpOverload, e.g. torch.ops.mylib.sin.default, got "
                         f"{type(op)}")
    return op


def _each(values: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return tree_map(lambda x: change(x) if isinstance(x, Tensor) else x, values)


def _tensors(values: Any) -> list[Tensor]:
    return tensors_of([x for x in tree_leaves(values) if isinstance(x, Tensor)])


def _copy(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_(x.requires_grad)


def _dataless(x: Tensor) -> Tensor:
    return x.detach().to("meta").requires_grad_(x.requires_grad)


def _said(op: OpOverload, args: tuple, kwargs: dict[str, Any]) -> Iterable[tuple[Any, Any]]:
    """The schema's arguments with their values."""
    values, named = op._schema.bind(args, kwargs)
    positional = [a for a in op._schema.arguments if not a.keyword_only]
    return [*zip(positional, values, strict=True), *((a, named[a.name]) for a in op._schema.arguments if a.keyword_only)]


def _check_schema(op: OpOverload, _: Any, args: tuple, kwargs: dict[str, Any], near: dict[str, Any]) -> None:
    args, kwargs = _each((args, kwargs), lambda x: x.detach().clone())
    before = [(a, [x.clone() for x in _tensors(value)], _tensors(value)) for a, value in _said(op, args, kwargs)]
    results = _tensors(op(*args, **kwargs))
    for a, old, new in before:
        if not a.written and not all(x.equal(y) or (x != x).equal(y != y) and x.nan_to_num().equal(y.nan_to_num())
                                     for x, y in zip(old, new, strict=True)):
            raise RuntimeError(f"Argument {a.name} is not defined as mutable but was mutated")
        owners = {id(storage_of(x)) for x in new}
        if a.alias is None and any(id(storage_of(x)) in owners for x in results):
            raise RuntimeError(f"Argument {a.name} is not defined to alias output but was aliasing")


def _check_autograd(op: OpOverload, _: Any, args: tuple, kwargs: dict[str, Any], near: dict[str, Any]) -> None:
    if op.opaque or op.rule.backward is not None or any(key in COMPOSITE or key.startswith("Autograd") for key in op.kernels):
        return
    if any(x.requires_grad for x in _tensors(op(*_each(args, _copy), **_each(kwargs, _copy)))):
        raise AssertionError(f"{op._schema.name}: at least one output of this operator has requires_grad=True but the "
                             "operator does not have an autograd kernel defined at an autograd key (e.g. DispatchKey::Autograd). "
                             "Register one with torch.library.register_autograd, or the operator as CompositeImplicitAutograd")


def _check_fake(op: OpOverload, given: Any, args: tuple, kwargs: dict[str, Any], near: dict[str, Any]) -> None:
    if op.opaque and op.fake is None and op._schema.returns:
        raise RuntimeError(f"There was no fake impl registered for {given}. This is necessary for torch.compile/export/fx tracing "
                           f"to work. Please use `{op.overloadpacket.__name__}.register_fake` to add an fake impl.")
    args, kwargs = _each((args, kwargs), lambda x: x.detach().clone())
    _same_metadata(op, op(*args, **kwargs), _fake_results(op, *_each((args, kwargs), _dataless)))


def _fake_results(op: OpOverload, args: tuple, kwargs: dict[str, Any]) -> Any:
    if not op._schema.returns and op.fake is None:
        return None     # nothing comes back: there is no shape to tell
    return op(*args, **kwargs)


def _same_metadata(op: OpOverload, real: Any, fake: Any) -> None:
    ours, theirs = _tensors(real), _tensors(fake)
    if len(ours) != len(theirs) or type(real) is not type(fake):
        raise MetadataMismatchError(f"{op} gives {len(ours)} tensors as {type(real).__name__}, and its fake function {len(theirs)} "
                                    f"as {type(fake).__name__}")
    begin = f"When comparing the output of {op} on FakeTensor and concrete Tensors, found mismatched tensor metadata: "
    for x, y in zip(ours, theirs, strict=True):
        if x.shape != y.shape:
            raise MetadataMismatchError(f"{begin}Shapes {x.shape} and {y.shape} are not equal!")
        if x.dtype != y.dtype:
            raise MetadataMismatchError(f"{begin}Dtypes {x.dtype} and {y.dtype} are not equal!")
        differ = [k for k, n in enumerate(x.shape) if n > 1 and x.stride(k) != y.stride(k)]
        if differ and x.numel():
            raise MetadataMismatchError(f"{begin}Stride mismatch! Strides are {x.stride()} and {y.stride()} (mismatched at "
                                        f"{differ[0]})!")


def _check_twice(op: OpOverload, _: Any, args: tuple, kwargs: dict[str, Any], near: dict[str, Any]) -> None:
    if any(a.alias is not None and not a.written for a in op._schema.arguments):
        raise RuntimeError(f"Found a custom (non-ATen) operator whose output has alias annotations: {op._schema}. We only support "
                           "functionalizing operators whose outputs do not have alias annotations")
    with fork_rng([]):      # what it draws is no difference
        first = _with_gradients(op, *_each((args, kwargs), _copy))
    second = _with_gradients(op, *_each((args, kwargs), _copy))
    for x, y in zip(first, second, strict=True):
        assert_close(x, y, equal_nan=True, **near)
    if op.fake is not None and (op.opaque or op.rule.backward is not None):     # else the graph is the kernel's, not the fake's
        _same_metadata(op, first, _with_gradients(op, *_each((args, kwargs), _dataless)))


def _with_gradients(op: OpOverload, args: tuple, kwargs: dict[str, Any]) -> list[Tensor]:
    """What the operator gives and writes, and the gradients of a sum of it to what requires grad."""
    leaves = [x for x in _tensors((args, kwargs)) if x.requires_grad]
    written = op._schema.written
    if written:     # a leaf must not be written to
        args, kwargs = _each((args, kwargs), lambda x: x.clone())
    results = _tensors(op(*args, **kwargs)) + _tensors([value for a, value in _said(op, args, kwargs) if a.written])
    roots = [x.abs().sum() if x.is_complex() else x.sum() for x in results if x.requires_grad]
    found = grad(roots, leaves, allow_unused=True) if roots and leaves else ()
    return [x.detach() for x in [*results, *found] if x is not None]


CHECKS: dict[str, Callable[[OpOverload, Any, tuple, dict[str, Any], dict[str, Any]], None]] = {
    "test_schema": _check_schema, "test_autograd_registration": _check_autograd, "test_faketensor": _check_fake,
    "test_aot_dispatch_static": _check_twice, "test_aot_dispatch_dynamic": _check_twice,
}
