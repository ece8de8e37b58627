"""What is said about a name that torch has, or might have, and torchish has not.

In: the name asked for and the names that exist.  Out: a sentence, or the `__getattr__` of a module or class.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

__all__ = ["Absent", "OUT_OF_SCOPE", "TENSOR_NAMES", "explain", "missing", "reason"]

# names (as a pattern, without the module) that stay out -> why
OUT_OF_SCOPE: dict[str, str] = {
    r".*sparse_(csr|csc|bsr|bsc|compressed)(_tensor)?|(crow|ccol|row|col)_indices(_copy)?|(indices|values)_copy|saddmm|sampled_addmm|"
    r"as_sparse_gradcheck|.*[sS]emi_?[sS]tructured.*|_.*sparse.*":
        "compressed sparse layouts: `torch.sparse_coo_tensor` makes sparse tensors in coordinate form",
    r"(fake_|de)?quantize.*|(empty_)?quantized?(_.*)?|q_.*|qscheme|int_repr|per_(channel|tensor)_.*|fbgemm_.*|choose_qparams.*|Q\w*Storage|"
    r"fused_moving_avg_obs_fake_quant":
        "quantized tensors: a type with a scale is not one of XLA's",
    r".*nested.*|jagged|to_padded_tensor": "nested tensors: the arrays of XLA have one size in each dimension",
    r"(as_)?masked_tensor|MaskedTensor|maskedtensor":
        "masked tensors: a prototype in PyTorch; torch.masked takes a tensor and a mask",
    r"names|rename_?|refine_names|align_(to|as|tensors)|has_names|imethod": "named tensors: PyTorch itself has given them up",
    r"chalf|ComplexHalf\w*": "complex32: XLA has no complex type of half precision",
    r"bit": "types that are smaller than a byte: nothing computes in them",
    r"(cudnn|miopen|mkldnn|_?use_cudnn|xnnpack|nnapi)_?.*|to_mkldnn|native_norm|batch_norm_(stats|elemt|backward_.*|gather_.*)|"
    r".*cudagraph.*|graphsafe_.*":
        "kernels of cuDNN, MIOpen or oneDNN: PyTorch calls them itself, and XLA has its own",
    r"(ipu|xpu|mtia|maia|hpu|vulkan|metal|mps)|.*vulkan.*": "this device: 'cuda' means the accelerator that JAX has",
    r"(\w+)?Type|Script(?!Module$)\w*|LiteScript\w*|(Alias|Code|Graph|Node|Block|Value|Use|Gradient|Argument|IODescriptor|TracingState|"
    r"Capsule|ConcreteModule|CompilationUnit|CompleteArgument|ErrorReport|Execution|FileCheck|FunctionSchema|JIT|Static|Lock|"
    r"Logger|Noop|Operator|DeserializationStorage|SerializationStorage|CallStack|DeepCopyMemo|ThroughputBenchmark|"
    r"Benchmark)\w*|AVG|SUM|Await|(ModuleDict|ParameterDict|BufferDict)|fork|wait|"
    r"(import|parse|merge|unify)_\w+|get_file_path|prepare_multiprocessing_environment|FatalError|\w*StreamObjType|classproperty":
        "TorchScript and the internals of PyTorch's runtime: torchish compiles what runs",
    r"Dispatch\w*|ExcludeDispatch\w*|sym_fresh_size":
        "PyTorch's dispatcher and tracer: every call is recorded on a tape instead",
    r"onnx": "export to ONNX: `torchish.export` writes a file that any process with JAX can run, StableHLO inside",
    r"fx|package|_subclasses|_prims|_refs|_export": "PyTorch's own tracers: a tape is what torchish records of a function",
    r"cpp_builder|get_cpp_backtrace|Cpp\w+|CUDAExtension|BuildExtension|include_paths|verify_ninja_.*":
        "C++ extensions: they belong to PyTorch's own runtime",
    r"ao|qat|quantization": "quantization: a type with a scale is not one of XLA's",
    r"rpc|fsdp|pipelining|device_mesh|init_device_mesh|DeviceMesh|FullyShardedDataParallel":
        "more than one process: several devices are JAX's to use, through `torchish.to_jax`",
    r"volatile|slice_inverse|index|__setstate__": "left from PyTorch's early days, undocumented",
}
_PATTERNS = {re.compile(pattern): why for pattern, why in OUT_OF_SCOPE.items()}


@cache
def reason(name: str) -> str | None:
    """Why `name` stays out of scope; None where it does not."""
    return next((why for pattern, why in _PATTERNS.items() if pattern.fullmatch(name)), None)


def explain(name: str, known_names: Iterable[str]) -> str:
    """`Out of scope: ...`, or `Nearest: ...; torchish does not have it (yet)`."""
    why = reason(name)
    if why is not None:
        return f"Out of scope: {why}"
    public = [known for known in known_names if not known.startswith("_")]
    near = get_close_matches(name, public, n=3, cutoff=0.7)
    return (f"Nearest: {', '.join(near)}; " if near else "") + "torchish does not have it (yet)"


def missing(module_name: str, known_names: Iterable[str], late: Collection[str] = (),
            objects: Mapping[str, str] = MappingProxyType({})) -> Callable[[str], Any]:
    """The `__getattr__` of a module: AttributeError as torch's, and why, or the nearest names.

    `module_name` is the public one, "torch.nn".  `known_names` may be the module's `globals()`: it is read when asked.
    `late` names submodules that are imported when they are first asked for; `objects` names what such a submodule has.
    """

    def look_up(name: str) -> Any:
        if name in objects:
            return getattr(look_up(objects[name]), name)
        if name in late:
            return import_module(f"{__package__}{module_name.removeprefix('torch')}.{name}")
        sentence = f"module '{module_name}' has no attribute '{name}'"
        # Python asks for __path__, __wrapped__ and the like by itself: no search for those
        if not name.startswith("__"):
            sentence += f". {explain(name, list(known_names))}"
        raise AttributeError(sentence, name=name)

    return look_up


class Absent:
    """Stands on a class for a name that stays out of scope: AttributeError as Python's, and why.

    A `__getattr__` would say the same, but every read of any attribute would be slower for it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        name = self.name
        raise AttributeError(f"'{owner.__name__}' object has no attribute '{name}'. Out of scope: {reason(name)}", name=name,
                             obj=owner if instance is None else instance)


# the names of this kind that Tensor has in PyTorch
TENSOR_NAMES = [
    "ccol_indices", "chalf", "col_indices", "crow_indices", "dequantize", "index", "int_repr", "ipu", "mtia",
    "q_per_channel_axis", "q_per_channel_scales", "q_per_channel_zero_points", "q_scale", "q_zero_point", "qscheme",
    "row_indices", "slice_inverse", "to_mkldnn", "to_padded_tensor", "to_sparse_bsc", "to_sparse_bsr",
    "to_sparse_csc", "to_sparse_csr", "volatile", "xpu"]
