"""The checks of tools/op_database.py: what is asked of an op, in the same words of torch and of torchish.

In: an op of PyTorch's op database.  Out: jobs: a label, the function that is called (a variant of the op), a sample, and
`ask(lib, f, args, options, tensors)`, which calls `f` somehow and returns a nest of tensors and plain values; `tensors` are those
of the sample.
"""
from __future__ import annotations

import functools
import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from op_derivatives import (
    compiled,
    in_every_dim,
    jacobians,
    of_checkpoint,
    of_grad,
    of_vjp,
    under_anomaly,
    with_hooks,
)
from op_golden import flat_tensors
from op_parts import asked, batches, by_design, gradients, numeric, of_tensors, weights, with_tensors
from torch.testing._internal.opinfo.core import BinaryUfuncInfo, ForeachFuncInfo, SampleInput

__all__ = ["CHECKS", "Job", "asked", "gradients", "short"]

SOME = [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.complex64]
ALL = [*SOME, torch.int8, torch.int16, torch.int32, torch.float64, torch.complex128]
PRECISE = [torch.float64, torch.complex128]
LOW = [torch.float16, torch.bfloat16, torch.float32]


@dataclass
class Job:
    """One thing to ask of both."""
    label: str
    function: Callable
    sample: Any
    ask: Callable[..., Any]


def short(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


# What is asked

def forward(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    return f(*args, **options)


def gradient(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    result = f(*args, **options)
    return [result, gradients(lib, flat_tensors(result), [x for x in tensors if x.requires_grad])]


def second_gradient(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    leaves = [x for x in tensors if x.requires_grad]
    first = gradients(lib, flat_tensors(f(*args, **options)), leaves, create_graph=True)
    return [[g.detach() for g in first], gradients(lib, first, leaves)]


def batched_gradient(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    leaves = [x for x in tensors if x.requires_grad]
    roots = [r for r in flat_tensors(f(*args, **options)) if r.requires_grad]
    given = [lib.stack([w, w * 2]) for w in weights(lib, roots)]
    found = lib.autograd.grad(roots, leaves, given, allow_unused=True, is_grads_batched=True)
    return [g is not None and g.detach() for g in found]


def pushed(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    leaves = [x for x in tensors if numeric(x)]
    return lib.func.jvp(of_tensors(f, args, options, leaves), tuple(leaves), tuple(weights(lib, leaves)))


def dual(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    leaves = [x for x in tensors if numeric(x)]
    with lib.autograd.forward_ad.dual_level():
        made = map(lib.autograd.forward_ad.make_dual, leaves, weights(lib, leaves))
        pairs = [lib.autograd.forward_ad.unpack_dual(r) for r in of_tensors(f, args, options, leaves)(*made)]
        return [[p, "no tangent" if t is None else t] for p, t in pairs]


def mapped(lib: Any, f: Callable, args: tuple, options: dict, tensors: list, count: int | None, dim: int) -> Any:
    """vmap over the first tensors; torch's own loop where torch cannot."""
    leaves = tensors[:count]
    if not leaves:
        return []
    called, stacked = of_tensors(f, args, options, leaves), [batches(lib, x, dim) for x in leaves]
    try:
        return lib.func.vmap(called, dim)(*stacked)
    except Exception as e:
        if lib is not torch or by_design(e):
            raise
        turns, _ = asked(lambda: [called(*(s.select(dim, k) for s in stacked)) for k in range(3)])
        if turns is None:
            raise
        return [torch.stack(same) for same in zip(*turns, strict=True)]


def sample_gradients(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """vmap of grad: a gradient for each sample."""
    leaves = [x for x in tensors if numeric(x)]
    called = of_tensors(f, args, options, leaves)

    def loss(*values: Any) -> Any:
        results = [r for r in called(*values) if numeric(r)]
        return sum((r * w).abs().square().sum() for r, w in zip(results, weights(lib, results), strict=True))
    return lib.func.vmap(lib.func.grad(loss, tuple(range(len(leaves)))))(*(batches(lib, x, 0) for x in leaves))


def in_place(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    first, *rest = args
    copies = [x.clone() for x in flat_tensors(first)]
    before = [x._version for x in copies]
    result = f(copies[0] if hasattr(first, "requires_grad") else copies, *rest, **options)
    same = [x is y for x, y in zip(flat_tensors(result), copies, strict=False)]
    leaves = [x for x in tensors if x.requires_grad]
    return [same, [x._version - v for x, v in zip(copies, before, strict=True)], copies, gradients(lib, copies, leaves)]


def into(lib: Any, f: Callable, args: tuple, options: dict, tensors: list, kind: str) -> Any:
    """out= with tensors of some kind: whether they come back, what is in them, what is said of resizing."""
    wanted = f(*args, **options)
    outs = tuple(tensor_for(lib, x, kind) for x in flat_tensors(wanted))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        given = outs[0] if hasattr(wanted, "requires_grad") else list(outs) if isinstance(wanted, list) else outs
        result = f(*args, **options, out=given)
    texts = sorted({text for w in said if "resized" in (text := str(w.message).split(". ")[0].split(" (Triggered")[0])})
    strides = [list(x.stride()) for x in outs] if kind == "strided" else []
    return [[x is y for x, y in zip(flat_tensors(result), outs, strict=True)], list(outs), texts, strides]


def tensor_for(lib: Any, x: Any, kind: str) -> Any:
    """A tensor to put `x` into."""
    shape, dtype = tuple(x.shape), x.dtype
    if kind == "empty":
        return lib.empty(0, dtype=dtype)
    if kind == "shape":
        return lib.zeros((*shape, 2), dtype=dtype)
    if kind == "strided":
        return lib.zeros((*shape[:-1], 2 * shape[-1]) if shape else (), dtype=dtype)[(..., slice(None, None, 2)) if shape else ()]
    if kind == "grad":
        return lib.zeros(shape, dtype=dtype, requires_grad=x.is_floating_point())
    return lib.zeros(shape, dtype=dtype if kind == "right" else getattr(lib, kind))


def conjugated(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """Complex operands as conjugate views, real ones as negative views."""
    views = {id(x): x.conj() if x.is_complex() else lib.complex(x, -x).conj().imag for x in tensors if numeric(x)}
    return f(*with_tensors(args, views), **with_tensors(options, views))


def laid_out(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """Operands whose memory is in another order: channels last where there is one, else the dimensions backwards."""
    def turned(x: Any) -> Any:
        if x.dim() in (4, 5):
            return x.contiguous(memory_format=lib.channels_last if x.dim() == 4 else lib.channels_last_3d)
        back = tuple(range(x.dim()))[::-1]
        return x.permute(back).contiguous().permute(back)

    views = {id(x): turned(x) for x in tensors if x.dim() > 1}
    found = f(*with_tensors(args, views), **with_tensors(options, views))
    return [found, [list(x.stride()) for x in flat_tensors(found)]]


def by_name(lib: Any, f: Callable, args: tuple, options: dict, tensors: list, names: list[str], first: int) -> Any:
    """The arguments from `first` on by the names that they have."""
    return f(*args[:first], **dict(zip(names[first:], args[first:], strict=False)), **options)


def by_place(lib: Any, f: Callable, args: tuple, options: dict, tensors: list, names: list[str]) -> Any:
    """The keywords in their places, as far as no place is left out."""
    rest = dict(options)
    return f(*args, *(rest.pop(n) for n in itertools.takewhile(rest.__contains__, names[len(args):])), **rest)


def confused(lib: Any, f: Callable, args: tuple, options: dict, tensors: list, kind: str) -> Any:
    """A call that nobody means."""
    if kind in ("text", "nothing", "list"):
        made = {"text": "a", "nothing": None, "list": [1.5, "b"]}[kind]
        return f(made, *args[1:], **options)
    if kind in ("text second", "nothing second", "list second"):
        if len(args) < 2:
            return None
        made = {"text second": "a", "nothing second": None, "list second": [1.5, "b"]}[kind]
        return f(args[0], made, *args[2:], **options)
    if kind == "empty":
        return f()
    if kind == "keyword":
        return f(*args, **options, surely=1)
    return f(*args, *[1] * 20, **options)


# Which inputs

def inputs(op: Any, dtypes: list, limit: int, source: str = "sample_inputs", **options: Any) -> Iterator[Any]:
    for dtype in dtypes:
        found, _ = asked(lambda dtype=dtype: list(itertools.islice(getattr(op, source)("cpu", dtype, **options), limit)))
        yield from found or ()


def plain(op: Any, limit: int) -> Iterator[Any]:
    yield from inputs(op, [torch.float32] if torch.float32 in op.dtypes else sorted(op.dtypes, key=str)[:1], limit)


def precise(op: Any, limit: int, when: str = "supports_autograd", grad: bool = True, dtypes: list | None = None) -> Iterator[Any]:
    usable = op.supported_backward_dtypes("cpu") if op.supports_autograd and getattr(op, when) else ()
    yield from inputs(op, [d for d in dtypes or PRECISE if d in usable], limit, requires_grad=grad)


def other_shapes(op: Any, limit: int) -> Iterator[Any]:
    """The tensors of samples without dimensions, and with no elements."""
    def dense(t: Any) -> bool:
        return isinstance(t, torch.Tensor) and t.layout is torch.strided

    for sample in plain(op, limit):
        yield sample.transform(lambda t: t.flatten()[0].clone() if dense(t) and t.numel() else t)
        yield sample.transform(lambda t: t[:0].clone() if dense(t) and t.dim() else t)
        yield sample.transform(lambda t: t[..., :0].clone() if dense(t) and t.dim() else t)


def mistakes(op: Any, dtypes: list[torch.dtype] | None = None) -> Iterator[Any]:
    for error in op.error_inputs("cpu") if op.error_inputs_func else ():
        sample = error.sample_input
        for dtype in dtypes or [None]:
            yield sample if dtype is None else sample.transform(
                lambda t, to=dtype: t.to(to) if isinstance(t, torch.Tensor) and t.dtype is torch.float32 else t)


def mixed(op: Any) -> Iterator[Any]:
    """Operands of two dtypes, the second with dimensions, without, or a number."""
    if not isinstance(op, BinaryUfuncInfo):
        return
    for left, right in itertools.product([d for d in ALL if d in op.dtypes], ALL):
        x, y = torch.tensor([1, 2, 1, 0]).to(left), torch.tensor([1, 1, 2, 3]).to(right)
        yield from (SampleInput(a, args=(b,)) for a, b in ((x, y), (x, y[2]), (x[1], y)))
        if right in (torch.bool, torch.int64, torch.float64, torch.complex128) and op.supports_rhs_python_scalar:
            yield from (SampleInput(a, args=(y[2].item(),)) for a in (x, x[1]))


def variants(op: Any) -> Iterator[tuple[str, Callable]]:
    yield from ((v, f) for v in ("method_variant", "operator_variant") if (f := getattr(op, v, None)))
    yield from ((f"{a.name}.{v}", f) for a in op.aliases for v in ("op", "method_variant") if (f := getattr(a, v)))


def writing(op: Any) -> Iterator[tuple[str, Callable]]:
    yield from ((v, f) for v in ("inplace_variant", "inplace_operator_variant") if (f := getattr(op, v, None)))
    yield from ((f"{a.name}.inplace", f) for a in op.aliases if (f := a.inplace_variant))


def schemas(op: Any) -> list[list[str]]:
    """For each overload the names of the arguments that may be given by place; a function of Python has one."""
    try:
        parameters = inspect.signature(op.op).parameters.values()
        return [[p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]]
    except (TypeError, ValueError):
        name = getattr(op.op, "__name__", "")
        found = [s for start in ("", "linalg_", "special_", "fft_")
                 for s in torch._C._jit_get_schemas_for_operator(f"aten::{start}{name}")]
        unique = {tuple(("input" if a.name == "self" else a.name) for a in s.arguments if not a.kwarg_only): None for s in found}
        return [list(names) for names in unique]


def spelled(op: Any, limit: int) -> Iterator[Job]:
    """Every argument by its name, all but the first, and keywords by place."""
    if str(getattr(op.op, "__module__", "")).startswith("torch.testing"):
        return
    for sample in plain(op, limit):
        for names in schemas(op):
            for first in (0, 1):
                yield Job(f"named {first}", op.op, sample, functools.partial(by_name, names=names, first=first))
            if sample.kwargs:
                yield Job("placed", op.op, sample, functools.partial(by_place, names=names))


def itself(op: Any) -> Iterator[tuple[str, Callable]]:
    yield "", op.op


def jobs(ask: Callable, samples: Callable, functions: Callable = itself, when: str = "", **options: Any) -> Callable:
    """A check: every function on every sample."""
    def made(op: Any, limit: int) -> Iterator[Job]:
        if when == "supports_out" and isinstance(op, ForeachFuncInfo):      # there it says something else
            return
        if not when or getattr(op, when, False):
            found = list(samples(op, *([limit] if "limit" in inspect.signature(samples).parameters else [])))
            for label, f in functions(op):
                yield from (Job(label, f, s, functools.partial(ask, **options) if options else ask) for s in found)
    return made


def several(*checks: tuple[str, Callable]) -> Callable:
    def made(op: Any, limit: int) -> Iterator[Job]:
        for label, check in checks:
            yield from (Job(f"{label} {job.label}".strip(), job.function, job.sample, job.ask) for job in check(op, limit))
    return made


def with_options(samples: Callable, **options: Any) -> Callable:
    def chosen(op: Any, limit: int) -> Iterator[Any]:
        yield from samples(op, limit, **options)
    return chosen


def of_dtypes(op: Any, limit: int) -> Iterator[Any]:
    yield from inputs(op, [d for d in ALL if d in op.dtypes], min(limit, 2))


def of_views(op: Any, limit: int) -> Iterator[Any]:
    yield from inputs(op, [d for d in (torch.complex64, torch.float32) if d in op.dtypes], limit)


def references(op: Any, limit: int) -> Iterator[Any]:
    yield from inputs(op, [torch.float32], 8 * limit, "reference_inputs")


forward_mode = with_options(precise, when="supports_forward_ad", grad=False)
any_without_grad = with_options(precise, grad=False)
without_grad = with_options(precise, grad=False, dtypes=[torch.float64])
CONFUSED = ("text", "nothing", "list", "text second", "nothing second", "list second", "empty", "keyword", "many")
real = with_options(precise, dtypes=[torch.float64])
KINDS = ("right", "strided", "empty", "shape", "grad", "bool", "int64", "float32", "float64", "complex128")
CHECKS: dict[str, Callable[[Any, int], Iterator[Job]]] = {
    "forward": jobs(forward, plain),
    "grad": jobs(gradient, precise),
    "grad_low": jobs(gradient, with_options(precise, dtypes=LOW)),
    "gradgrad": jobs(second_gradient, with_options(precise, when="supports_gradgrad")),
    "batched_grad": jobs(batched_gradient, with_options(precise, when="check_batched_grad")),
    "dtypes": jobs(forward, lambda op, limit: inputs(op, SOME, 2)),
    "all_dtypes": jobs(forward, of_dtypes),
    "errors": jobs(forward, mistakes),
    "errors_dtypes": jobs(forward, lambda op: mistakes(op, [torch.int64, torch.float64, torch.complex64])),
    "variants": jobs(forward, plain, variants),
    "inplace": jobs(in_place, lambda op, limit: itertools.chain(of_dtypes(op, limit), plain(op, limit)), writing),
    "inplace_grad": jobs(in_place, precise, writing, when="supports_inplace_autograd"),
    "out": several(*((kind, jobs(into, plain, when="supports_out", kind=kind)) for kind in KINDS)),
    "hooks": jobs(with_hooks, real),
    "anomaly": jobs(under_anomaly, real),
    "checkpoint": several(*((kind, jobs(of_checkpoint, real, reentrant=kind == "reentrant")) for kind in ("reentrant", "not"))),
    "compiled": jobs(compiled, real),
    "func_grad": jobs(of_grad, without_grad),
    "vjp": jobs(of_vjp, any_without_grad),
    "jacrev": jobs(jacobians, without_grad, forward=False),
    "jacfwd": jobs(jacobians, forward_mode, forward=True),
    "vmap_dims": jobs(in_every_dim, plain),
    "jvp": jobs(pushed, forward_mode),
    "dual": jobs(dual, forward_mode),
    "vmap": several(*((f"{count or 'all'} {dim}", jobs(mapped, plain, count=count, dim=dim))
                      for count, dim in ((1, 0), (None, 0), (None, -1)))),
    "vmap_grad": jobs(sample_gradients, without_grad),
    "strided": jobs(forward, lambda op, limit: (s.noncontiguous() for s in plain(op, limit))),
    "conj": jobs(conjugated, of_views),
    "shapes": jobs(forward, other_shapes),
    "reference": jobs(forward, references, when="reference_inputs_func"),
    "layouts": jobs(laid_out, plain),
    "arguments": spelled,
    "confused": several(*((kind, jobs(confused, lambda op: plain(op, 1), kind=kind)) for kind in CONFUSED)),
    "promotion": jobs(forward, mixed),
}
