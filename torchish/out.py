"""What `out=` does with a result: it is checked against the tensor it goes into, and written there.

In: the tensors given as `out=`, the results, the op's name.  Out: the tensors, resized where their shape differs.  Ops differ in
which dtypes they take and in what they say of others: RULES names those that do otherwise than most.
"""
from __future__ import annotations

from typing import Any

from . import warned
from .dtypes import c_name, c_type, can_cast
from .hooks import hooks
from .ops.table import TABLE
from .storage import SHARED, assign, rebind, refuse_overlap, refuse_sharing, shares_memory
from .tape import state

__all__ = ["store"]

CASTS, EXACT = "result type {want} can't be cast to the desired output type {got}", \
    "Expected out tensor to have dtype {want_c}, but got {got_c} instead"
SAFELY = "{name}: Expected {part} to be safely castable from {want} dtype, but got {part} with dtype {got}"


def _texts(names: str, text: str, safe: bool | str = False, part: str = "") -> dict[str, tuple[bool | str, str]]:
    """The text for each of `names` ("op" or "op=how the text calls it"); safe: a dtype that can hold the result is taken, too."""
    split = [name.partition("=") for name in names.split()]
    return {op: (safe, text.replace("{name}", label or op).replace("{part}", part)) for op, _, label in split}


# op -> whether a dtype that can hold the result is taken, and what is said of the others
RULES: dict[str, tuple[bool | str, str]] = {
    **_texts("square lerp addr logical_not outer kron normalize angle mean threshold", CASTS, safe=True),
    **_texts("diag sum prod cumsum cumprod cross take_along_dim msort renorm linalg_ldl max.dim min.dim norm svd", EXACT),
    **_texts("mvlgamma", "mvlgamma: result type {want} can't be cast to the desired output type {want}", safe=True),
    **_texts("neg abs sign sgn ceil floor trunc round frac conj_physical gelu softplus softshrink hardshrink bitwise_not "
             "clamp clamp_min clamp_max",
             "Found dtype {got} but expected {want}"),
    **_texts("logsigmoid linalg_solve_triangular", "expected scalar type {want} but found {got}"),
    **_texts("logcumsumexp cummax cummin diff", "expected scalar_type {want} but found {got}"),
    **_texts("dot vdot matmul", "result dtype {got} does not match input dtype {want}"),
    **_texts("mv", "addmv input tensors must have the same dtype, but got {got}, {want}, and {want}"),
    **_texts("addbmm", "self and mat2 must have the same dtype, but got {got} and {want}"),
    **_texts("inner tensordot_core",
             "tensordot: Expected the output tensor to have dtype {want}, but got an output tensor with dtype {got}"),
    **_texts("linalg_multi_dot", "multi_dot(): expected out tensor to have dtype {want_c} but got {got_c}"),
    **_texts("amax amin",
             "Expected the dtype for input and out to match, but got {want} for input's dtype and {got} for out's dtype."),
    **_texts("all any", "{name} only supports bool tensor for result, got: {got}"),
    **_texts("isposinf isneginf signbit", "{name} does not support non-boolean outputs"),
    **_texts("polar complex", "Expected object of scalar type {want} but got scalar type {got} for argument 'out'"),
    **_texts("nan_to_num", "nan_to_num: dtype of out: {got} should be same as input: {want}"),
    **_texts("float_power", "the output given to float_power has dtype {got} but the operation's result requires dtype {want}"),
    **_texts("hash_tensor", "Expected result to be of dtype {want_c}, but got {got}"),
    **_texts("where", "Expected out type to be {want} but got {got}"),
    **_texts("narrow_copy", "Expected self.dtype() == output.dtype() to be true, but got false"),
    **_texts("take", "take(): self and out expected to have the same dtype, but got self.dtype = {want} and out.dtype = {got}"),
    **_texts("index_select masked_select", "{name}(): self and result must have the same scalar type"),
    **_texts("kthvalue", "output values must be of same type as input"),
    **_texts("nansum nanmean", "\"nansum_cpu\" not implemented for '{got}'", safe=True),
    **_texts("median.dim nanmedian.dim",
             "Expected tensor for 'values' to have the same type as tensor for argument #2 'self'; but type torch.{got}Tensor does "
             "not equal torch.{want}Tensor (while checking arguments for median)"),
    **_texts("mode", "expected scalar type '{want}' but got '{got}' for values output"),
    **_texts("searchsorted bucketize",
             "torch.searchsorted(): output tensor's dtype is wrong, it can only be Int(int32) or Long(int64) "
             "depending on whether out_int32 flag is True, but we got output tensor's dtype {got} and out_int32 flag is False"),
    **_texts("histc histogram",
             "torch.histogram: input tensor and hist tensor should have the same dtype, but got input {want_c} and "
             "hist {got_c}"),
    **_texts("quantile nanquantile", "quantile() out tensor must be same dtype as the input tensor"),
    **_texts("frexp", "torch.frexp() expects mantissa to have dtype {want_c} but got {got_c}"),
    **_texts("cat stack hstack vstack dstack column_stack",
             "torch.cat(): input types can't be cast to the desired output type {got}",
             safe=True),
    **_texts("logsumexp", "logsumexp(): Expected floating point type for result tensor, but got: {got}", safe=True),
    **_texts("ldexp", "ldexp can't be cast to the desired output type {got}", safe=True),
    **_texts("ormqr",
             "torch.ormqr: Expected input and result to have the same dtype, but input has dtype{want} and result has dtype {got}"),
    **_texts("linalg_matrix_norm=linalg.matrix_norm linalg_norm=linalg.norm",
             "{name} expected out tensor dtype {want} but got: {got}"),
    **_texts("linalg_vecdot", "linalg.vecdot: Expected out of dtype{want} but found {got}"),
    **_texts("cholesky cholesky_inverse cholesky_solve linalg_cond=linalg.cond linalg_pinv=linalg.pinv "
             "linalg_matrix_power=matrix_power "
             "linalg_householder_product=torch.linalg.householder_product linalg_tensorinv=tensorinv "
             "linalg_tensorsolve=tensorsolve linalg_matrix_rank=torch.linalg.matrix_rank", SAFELY, safe=True, part="result"),
    **_texts("linalg_eig=torch.linalg.eig linalg_eigvals=torch.linalg.eigvals", SAFELY, safe=True, part="eigenvalues"),
    **_texts("linalg_lstsq=torch.linalg.lstsq", SAFELY, safe=True, part="solution"),
    **_texts("geqrf=torch.geqrf", SAFELY, safe=True, part="a"),
    **_texts("fft_fft=fft fft_rfft=rfft fft_ifft=ifft fft_ihfft=ihfft fft_fftn=fftn fft_fft2=fftn fft_ifftn=fftn fft_ifft2=fftn "
             "fft_rfftn=rfftn fft_rfft2=rfftn fft_ihfftn=ihfftn fft_ihfft2=ihfftn",
             "{name} expects a complex output tensor, but got {got}", safe=True),
    **_texts("fft_irfft=irfft fft_hfft=hfft fft_irfftn=irfftn fft_irfft2=irfftn fft_hfftn=hfftn fft_hfft2=hfftn",
             "{name} expects a floating point output tensor, but got {got}", safe="alike"),
}
# the text for a result that is not the first
PLACES = {
    "mode1": "expected scalar type '{want}' but got '{got}' for indices output",
    "kthvalue1": "output indices must be of scalar type {want}",
    "frexp1": "torch.frexp() expects exponent to have int dtype but got {got_c}",
    **dict.fromkeys(["median.dim1", "nanmedian.dim1"],
                    "Expected tensor for argument #1 'indices' to have scalar type {want}; but got torch.{got}Tensor instead "
                    "(while checking arguments for median)"),
}
ERRORS: dict[str, type[Exception]] = {
    **dict.fromkeys(["cat", "stack", "hstack", "vstack", "dstack", "column_stack"], TypeError),
    **dict.fromkeys(["nansum", "nanmean"], NotImplementedError),
}


OF_DIM = frozenset(["max", "min", "median", "nanmedian"])      # along a dimension these have results and rules of their own


def _rule(name: str) -> tuple[bool | str, str]:
    """What is not in RULES casts, but for copies of views and ops that promote nothing."""
    op = TABLE.get(name)
    exact = name.endswith("_copy") if op is None else op.promote is None
    return RULES.get(name) or ((False, EXACT) if exact else (True, CASTS))


def _check_dtype(out: Any, result: Any, name: str, place: int) -> None:
    safe, text = _rule(name)
    text = PLACES.get(f"{name}{place}", text)
    want, got = result.dtype, out.dtype
    if safe == "alike":         # the result's kind, of any precision
        safe = want.category == got.category
    if not (safe and can_cast(want, got)) and not (name in ("all", "any") and c_name(got) == "Byte"):
        error = ERRORS.get(name, RuntimeError)
        raise error(text.format(want=c_name(want), got=c_name(got), want_c=c_type(want), got_c=c_type(got)))


def _refuse(out: Any, result: Any, name: str, read: tuple, same: tuple, place: int) -> None:
    """What may be said of one `out` before anything is written."""
    if not isinstance(out, hooks.tensor):
        raise TypeError(f"{name.partition('.')[0]}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if state.tape.grad and (out.requires_grad or result.requires_grad):
        label = f"{name.partition('.')[0]}(): " if name else ""
        raise RuntimeError(f"{label}functions with out=... arguments don't support automatic "
                           "differentiation, but one of the arguments requires grad.")
    refuse_overlap(out)
    for x in read:
        for source in x if isinstance(x, (list, tuple)) else (x,):
            if source is not None and out.numel() and shares_memory(out, source):
                raise RuntimeError(SHARED)
    for source in same:
        if isinstance(source, hooks.tensor):
            refuse_sharing(out, source)
    if out.dtype is not result.dtype:
        _check_dtype(out, result, name, place)
    if out.is_meta is not result.is_meta:
        raise RuntimeError(f"Attempting to copy from device {result.device} to device {out.device}, but cross-device copies are "
                           "not allowed!")


def store(out: Any, result: Any, name: str = "", read: tuple = (), warn: bool = True, same: tuple = ()) -> Any:
    """Writes `result` of the op `name` into `out`, as torch does: RuntimeError where a gradient would be lost, for a dtype that the
    op does not write, or where `out` lies where the tensors `read` do, or partly where one of `same` does; a warning where it
    holds something and has another shape.  Results in a tuple go into as many tensors, all or none.
    """
    if not isinstance(result, tuple):
        _refuse(out, result, name, read, same, 0)
        return _written(out, result, name, warn)
    name = f"{name}.dim" if name in OF_DIM else name
    if isinstance(out, hooks.tensor):
        raise TypeError(f"{name.partition('.')[0]}(): argument 'out' must be tuple of Tensors, not Tensor")
    if len(out) != len(result):
        raise TypeError(f"expected tuple of {len(result)} elements but got {len(out)}")
    for place, (o, r) in enumerate(zip(out, result, strict=True)):
        _refuse(o, r, name, read, same, place)
    stored = [_written(o, r, name, warn) for o, r in zip(out, result, strict=True)]
    return type(result)(*stored) if hasattr(result, "_fields") else tuple(stored)


def _written(out: Any, result: Any, name: str, warn: bool) -> Any:
    value = result.to(out.dtype) if out.dtype is not result.dtype else result
    if tuple(out.shape) == tuple(result.shape):
        return assign(out, value)
    if out.numel() and warn:
        warned.warn(f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
                    f"match the required output shape {list(result.shape)}. This behavior is deprecated, and in a future "
                    "PyTorch release outputs will not be resized unless they have zero elements. You can explicitly reuse "
                    "an out tensor t by resizing it, inplace, to zero elements with t.resize_(0).")
    # of another size it lies row by row, elementwise results as their operands, factors of matrices column by column; and it shows
    # nothing else's memory
    op = TABLE.get(name)
    lies = op is not None and bool(op.promote or op.strides and not callable(op.strides) and "columns" in op.strides)
    out._view = None
    rebind(out, value if lies else value.contiguous())
    return out
