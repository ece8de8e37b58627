"""torch.library and torch.ops: operators of one's own, ATen's names, what libraries ask of PyTorch's core at import."""
from __future__ import annotations

import copy
import itertools
import subprocess
import sys
from typing import List, Optional  # noqa: UP035  the spelling of older code

import numpy as np
import pytest

import torchish as torch
from torchish import library

fresh = map("fresh{}".format, itertools.count())


def scaled_sine(name):
    def sine(x: torch.Tensor, k: float = 2.0) -> torch.Tensor:
        return torch.from_numpy(np.sin(x.detach().numpy()) * np.float32(k))
    return library.custom_op(f"mine::{name}", sine, mutates_args=())


def test_a_function_that_leaves_the_tape_has_a_gradient():
    sine = scaled_sine("sine")
    x = torch.tensor([0.5, 1.0], requires_grad=True)
    assert type(sine(x).grad_fn).__name__ == "GeneratedBackwardFor_mine_sine_defaultBackward"
    with pytest.raises(RuntimeError, match="^Trying to backward through mine.sine.default but no autograd formula was registered. "
                                           "Please use register_autograd"):
        sine(x).sum().backward()
    seen = []

    def setup_context(ctx, inputs, output):
        seen.append((len(inputs), ctx.needs_input_grad))
        ctx.save_for_backward(inputs[0])
        ctx.k = inputs[1]

    sine.register_autograd(lambda ctx, g: (g * ctx.saved_tensors[0].cos() * ctx.k, None), setup_context=setup_context)
    torch.ops.mine.sine(x, k=3.0).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * np.cos([0.5, 1.0]), rtol=1e-6)
    assert seen == [(2, (True, False))]
    assert (str(sine), str(torch.ops.mine.sine), str(torch.ops.mine.sine.default)) == ("<CustomOpDef(mine::sine)>", "mine.sine",
                                                                                      "mine.sine.default")
    assert str(torch.ops.mine.sine.default._schema) == "mine::sine(Tensor x, float k=2.) -> Tensor"


@pytest.mark.parametrize(("args", "said"), [
    ((3,), "mine::sine2() Expected a value of type 'Tensor' for argument 'x' but instead found type 'int'.\nPosition: 0\nValue: 3\n"
           "Declaration: mine::sine2(Tensor x, float k=2.) -> Tensor"),
    ((), "mine::sine2() is missing value for argument 'x'. Declaration: mine::sine2(Tensor x, float k=2.) -> Tensor"),
    ((torch.ones(1), 1.0, 2), "mine::sine2() expected at most 2 argument(s) but received 3 argument(s). Declaration: "
                              "mine::sine2(Tensor x, float k=2.) -> Tensor")])
def test_arguments_that_do_not_fit(args, said):
    with pytest.raises(RuntimeError) as e:
        scaled_sine("sine2")(*args)
    assert str(e.value) == said


def test_lists_of_tensors_are_lists_in_the_rules():
    @library.custom_op("mine::total", mutates_args=())
    def total(xs: List[torch.Tensor], scale: int) -> List[torch.Tensor]:    # noqa: UP006
        return [x * scale for x in xs]

    total.register_autograd(lambda ctx, grads: ([g * ctx.scale for g in grads], None),
                            setup_context=lambda ctx, inputs, output: setattr(ctx, "scale", inputs[1]))
    a, b = torch.ones(2, requires_grad=True), torch.ones(3)
    first, second = total([a, b], 5)
    first.sum().backward()
    assert a.grad.tolist() == [5, 5] and second.tolist() == [5, 5, 5]


def test_what_it_writes_to_is_written_and_results_are_its_own():
    @library.custom_op("mine::inc", mutates_args={"x"})
    def inc(x: torch.Tensor) -> None:
        x.add_(1)

    x = torch.zeros(2)
    assert inc(x) is None and x.tolist() == [1, 1]
    assert str(inc._opoverload._schema) == "mine::inc(Tensor(a0!) x) -> ()"
    with pytest.raises(RuntimeError, match="^Cannot register autograd formula for non-functional operator mine.inc.default"):
        inc.register_autograd(lambda ctx: None)

    def same(x: torch.Tensor) -> torch.Tensor:
        return x
    with pytest.raises(RuntimeError, match=r"^same \(with implementation in .*\): The output of this custom operator"):
        library.custom_op("mine::same", same, mutates_args=())(x)


def test_vmap_and_autocast_ask_the_rules():
    sine = scaled_sine("sine3")
    sine.register_vmap(lambda info, in_dims, x, k: (x.sin() * k + info.batch_size, in_dims[0]))
    x = torch.tensor([[0.5, 1.0]] * 3)
    np.testing.assert_allclose(torch.vmap(sine)(x).numpy(), 2 * np.sin(x.numpy()) + 3, rtol=1e-6)

    @library.custom_op("mine::kind", mutates_args=())
    def kind(x: torch.Tensor) -> torch.Tensor:
        return x + 1
    kind.register_autocast("cpu", torch.bfloat16)
    with torch.autocast("cpu"):
        assert kind(x).dtype is torch.bfloat16
    assert kind(x).dtype is torch.float32


def test_a_library_defines_and_implements():
    space = next(fresh)
    lib = library.Library(space, "DEF")
    assert lib.define("foo(Tensor x, int n=2, *, float? s=None) -> (Tensor, Tensor)") == "foo"
    foo = getattr(torch.ops, space).foo
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match=f"^Could not run '{space}::foo' with arguments from the 'CPU' backend."):
        foo(x)
    lib.impl("foo", lambda x, n, *, s: (x * n, x + (s or 0)), "CompositeImplicitAutograd")
    first, second = foo(x, s=0.5)
    first.sum().backward()
    assert x.grad.tolist() == [2, 2] and second.tolist() == [1.5, 1.5]
    with pytest.raises(RuntimeError, match=r"^Tried to register an operator .* with the same name and overload name"):
        lib.define("foo(Tensor x) -> Tensor")
    lib.define("foo.other(Tensor x, str how) -> Tensor")
    lib.impl("foo.other", lambda x, how: x * len(how), "CPU")
    assert foo(x, "abc").tolist() == [3, 3] and foo.overloads() == ["default", "other"]
    with pytest.raises(AttributeError, match=f"^The underlying op of '{space}.foo' has no overload name 'third'"):
        foo.third
    with pytest.raises(RuntimeError, match="^expected a schema of the form"):
        lib.define("bar Tensor x) -> Tensor")
    library.define(f"{space}::bar", "(Tensor x) -> Tensor")
    library.impl(f"{space}::bar", "default")(lambda x: x * x)
    assert getattr(torch.ops, space).bar(x).tolist() == [1, 1]


@pytest.mark.parametrize("name", ["foo", "a::b::c", "a::", "::b"])
def test_an_operator_has_a_namespace_and_a_name(name):
    for call in (lambda: library.define(name, "(Tensor x) -> Tensor"), lambda: library.register_fake(name, abs),
                 lambda: library.custom_op(name, abs, mutates_args=(), schema="(Tensor x) -> Tensor"),
                 lambda: library.register_vmap(name, abs)):
        with pytest.raises(ValueError, match='^Expected `qualname` to be of the form "namespace::name", but got ' + name):
            call()


def test_what_waits_for_an_operator_is_used_when_it_comes():
    space = next(fresh)
    library.register_autograd(f"{space}::cube", lambda ctx, g: g * 7)
    library.define(f"{space}::cube", "(Tensor x) -> Tensor")
    library.impl(f"{space}::cube", "cpu", lambda x: x ** 3)
    x = torch.ones(2, requires_grad=True)
    getattr(torch.ops, space).cube(x).sum().backward()
    assert x.grad.tolist() == [7, 7]


def test_schemas_are_those_of_annotations():
    def f(a: torch.Tensor, b: Optional[torch.Tensor], c: List[int], e: bool = False, f: str = "s",     # noqa: UP006, UP045
          g: torch.dtype = torch.float32, i: Optional[float] = None, *, j: int = 3) -> torch.Tensor: ...    # noqa: UP045
    assert library.infer_schema(f, mutates_args={"a"}) == (
        '(Tensor(a0!) a, Tensor? b, SymInt[] c, bool e=False, str f="s", ScalarType g=float32, float? i=None, *, SymInt j=3) -> '
        "Tensor")
    with pytest.raises(ValueError, match=r"^infer_schema\(func\): Parameter b has unsupported type <class 'dict'>."):
        library.infer_schema(lambda_of(dict), mutates_args=())


def lambda_of(kind):
    def f(b: kind) -> torch.Tensor: ...
    f.__annotations__["b"] = kind
    return f


def test_aten_slice_and_safe_softmax():
    aten, x = torch.ops.aten, torch.arange(12.0).view(3, 4)
    assert aten.slice.Tensor(x, -1, 1, 2**63 - 1, 2)[0].tolist() == [1, 3] and aten.slice(x)._is_view()
    with pytest.raises(IndexError, match="slice\\(\\) cannot be applied to a 0-dim tensor"):
        aten.slice(torch.tensor(1.0))
    masked = torch.tensor([[0.0, 0.0], [-float("inf")] * 2])
    assert aten._safe_softmax.default(masked.requires_grad_(), 1).tolist() == [[0.5, 0.5], [0, 0]]
    aten._safe_softmax.default(masked, 1)[:, 0].sum().backward()
    assert masked.grad.tolist() == [[0.25, -0.25], [0, 0]]


def test_aten_ops_can_be_copied():
    assert str(copy.deepcopy(torch.ops.aten.add)) == "aten.add"


def test_safe_softmax_of_what_is_masked_has_no_gradient():
    x = torch.tensor([[0.0, 1.0], [float("-inf")] * 2], requires_grad=True)
    torch.ops.aten._safe_softmax(x, 1)[:, 0].sum().backward()
    assert x.grad[1].tolist() == [0, 0] and torch.allclose(x.grad[0], torch.tensor([0.1966, -0.1966]), atol=1e-4)


def test_operators_have_tags():
    lib = torch.library.Library("tagged", "FRAGMENT")
    lib.define("one(Tensor x) -> Tensor", tags=torch.Tag.pointwise)
    torch.library.define("tagged::two", "(Tensor x) -> Tensor", tags=(torch.Tag.core, torch.Tag.out))
    made = torch.library.custom_op("tagged::three", torch.clone, mutates_args=(), schema="(Tensor x) -> Tensor",
                                   tags=torch.Tag.core)
    assert repr(torch.ops.tagged.one.default.tags) == "[<Tag.pointwise: 16>]"
    assert torch.ops.tagged.two.default.tags == [torch.Tag.core, torch.Tag.out]
    assert made._opoverload.tags == [torch.Tag.pt2_compliant_tag, torch.Tag.core]
    assert (str(torch.Tag.core), int(torch.Tag.view_copy), torch.Tag.core.name) == ("Tag.core", 19, "core")
    with pytest.raises(TypeError, match="tags is to be a torch.Tag"):
        lib.define("four(Tensor x) -> Tensor", tags="core")


def test_aten_names():
    aten = torch.ops.aten
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    assert aten.add.Tensor(x, x, alpha=2).tolist() == (3 * x).tolist()
    assert aten.sum.dim_IntList(x, [1]).tolist() == [3, 8] and aten.mm.default(self=x, mat2=x).shape == (2, 2)
    assert aten._softmax.default(x, 1, False).sum().item() == pytest.approx(2)
    assert aten.mse_loss(x, x + 1, 2).item() == 4 and aten.relu_(x - 2).tolist() == [[0, 0], [1, 3]]
    assert aten.view.default(x, [4]).tolist() == [1, 2, 3, 5] and aten._to_copy.default(x, dtype=torch.int64).dtype is torch.int64
    assert (str(aten.mm), str(aten.mm.default), aten.add.Tensor.name()) == ("aten.mm", "aten.mm.default", "aten::add.Tensor")
    assert aten.mm.default is aten.mm.default and aten.to.dtype(x, torch.int64).dtype is torch.int64
    with pytest.raises(NotImplementedError, match="^torch.ops.aten._sparse_addmm: out of scope: compressed sparse layouts"):
        aten._sparse_addmm.default(x, x, x)
    with pytest.raises(AttributeError, match="^'_OpNamespace' 'aten' object has no attribute 'adddd'"):
        aten.adddd
    with pytest.raises(AttributeError, match="^The underlying op of 'aten.mm' has no overload name 'nope'"):
        aten.mm.nope
    with pytest.raises(OSError, match="^Could not load this library: no.so"):
        torch.ops.load_library("no.so")


# a name of ATen, a call of it, and what PyTorch gives: x is (arange(8) - 3.5) as an image, f a row
KERNELS = [
    ("max_pool2d_with_indices_backward", lambda a, x, f: a(
        torch.ones(1, 2, 1, 1), x, [2, 2], [2, 2], [0, 0], [1, 1], False, torch.full((1, 2, 1, 1), 3)),
     [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
    ("native_dropout_backward", lambda a, x, f: a(torch.ones(1, 3), f > 0, 2.0), [0.0, 2.0, 2.0]),
    ("threshold_backward", lambda a, x, f: a(torch.ones(1, 3), f, 0), [0.0, 1.0, 1.0]),
    ("gelu_backward", lambda a, x, f: a(torch.ones(1, 3), f, approximate="tanh"), [-0.127711, 0.86737, 1.0861]),
    ("leaky_relu_backward", lambda a, x, f: a(torch.ones(1, 3), f, 0.1, False), [0.1, 1.0, 1.0]),
    ("hardtanh_backward", lambda a, x, f: a(torch.ones(1, 3), f, -1, 1), [0.0, 1.0, 0.0]),
    ("elu_backward", lambda a, x, f: a(torch.ones(1, 3), 1.0, 1.0, 1.0, False, f), [0.22313, 1.0, 1.0]),
    ("_log_softmax_backward_data", lambda a, x, f: a(f, f.log_softmax(1), 1, torch.float32),
     [-1.52409, 0.32197, 1.20212]),
    ("nll_loss_backward", lambda a, x, f: a(torch.tensor(1.0), f, torch.tensor([1]), None, 1, -100, torch.tensor(2.0)),
     [0.0, -0.5, 0.0]),
    ("convolution_backward", lambda a, x, f: a(
        torch.ones(1, 2, 1, 1), x, torch.ones(2, 1, 2, 2), [2], [1, 1], [0, 0], [1, 1], False, [0, 0], 2, [False, True,
        True])[1],
     [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5]),
    ("native_layer_norm_backward", lambda a, x, f: a(
        f, f * 2, [3], torch.tensor([[0.5]]), torch.tensor([[2.0]]), torch.ones(3), None, [True, True, False])[0],
     [113.0, -16.3333, -113.333]),
    ("native_group_norm_backward", lambda a, x, f: a(
        x, x * 2, torch.tensor([[0.5]]), torch.tensor([[2.0]]), torch.ones(2), 1, 2, 4, 1, [True, True, True])[1],
     [92.0, 76.0]),
    ("native_batch_norm_backward", lambda a, x, f: a(
        x, x * 2, None, None, None, torch.tensor([0.5, 1]), torch.tensor([2.0, 1]), True, 1e-5, [True, False, False])[0],
     [687.0, 505.0, 323.0, 141.0, -1.5, -17.5, -33.5, -49.5]),
    ("upsample_bilinear2d_backward", lambda a, x, f: a(torch.ones(1, 2, 3, 3), [3, 3], [1, 2, 2, 2], False),
     [2.25, 2.25, 2.25, 2.25, 2.25, 2.25, 2.25, 2.25]),
    ("_upsample_bilinear2d_aa", lambda a, x, f: a(x, [1, 1], False), [-2.0, 2.0]),
    ("upsample_nearest2d", lambda a, x, f: a.vec(x[:, :, :1], None, [2.0, 2.0]),
     [-3.5, -3.5, -2.5, -2.5, -3.5, -3.5, -2.5, -2.5, 0.5, 0.5, 1.5, 1.5, 0.5, 0.5, 1.5, 1.5]),
    ("reflection_pad2d", lambda a, x, f: a(x[:, :1], [1, 0, 0, 1]),
     [-2.5, -3.5, -2.5, -0.5, -1.5, -0.5, -2.5, -3.5, -2.5]),
    ("embedding_dense_backward", lambda a, x, f: a(f, torch.tensor([1]), 2, -1, False),
     [0.0, 0.0, 0.0, -1.5, 0.5, 2.0]),
    ("slice_backward", lambda a, x, f: a(f, [1, 6], 1, 0, 6, 2), [-1.5, 0.0, 0.5, 0.0, 2.0, 0.0]),
    ("col2im", lambda a, x, f: a(torch.ones(1, 4, 4), [3, 3], [2, 2], [1, 1], [0, 0], [1, 1]),
     [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]),
    ("_batch_norm_with_update", lambda a, x, f: a(x, None, None, torch.zeros(2), torch.ones(2), 0.1, 1e-5)[2],
     [0.894424, 0.894424]),
    ("_scaled_dot_product_flash_attention_for_cpu", lambda a, x, f: a(x, x, x, 0.0, True)[1],
     [13.0815, 4.65362, 1.76777, 13.0817]),
    ("special_erf", lambda a, x, f: a(f), [-0.966105, 0.5205, 0.995322]),
    ("_fft_r2c", lambda a, x, f: a(f, [1], 1, True).real, [0.57735, -1.58771]),
    ("_unique2", lambda a, x, f: a(torch.tensor([3, 1, 1]), True, False, True)[2], [2.0, 1.0]),
    ("_int_mm", lambda a, x, f: a(f.T.to(torch.int8), f.to(torch.int8)),
     [1.0, 0.0, -2.0, 0.0, 0.0, 0.0, -2.0, 0.0, 4.0]),
]


@pytest.mark.parametrize(("name", "call", "wanted"), KERNELS, ids=[k[0] for k in KERNELS])
def test_aten_kernels(name, call, wanted):
    x, f = (torch.arange(8.0) - 3.5).reshape(1, 2, 2, 2), torch.tensor([[-1.5, 0.5, 2.0]])
    assert call(getattr(torch.ops.aten, name), x, f).flatten().tolist() == pytest.approx(wanted, rel=1e-4)


def test_aten_backward_has_a_gradient():
    f = torch.tensor([-1.0, 0.5], requires_grad=True)
    torch.ops.aten.tanh_backward(f, f.tanh()).sum().backward()
    torch.ops.aten.gelu_backward(torch.ones(2), f).sum().backward()
    assert f.grad.tolist() == pytest.approx([0.0222451, 1.03913], rel=1e-4)


def test_scaled_mm():
    """The product of float8 matrices: one scale, one for each row and column, and what PyTorch refuses."""
    kind = torch.float8_e4m3fn
    a, b, one = torch.tensor([[2.0, 4], [-8, 16]]).to(kind), torch.tensor([[1.0, 2], [3, 40]]).t().to(kind), torch.tensor(1.0)
    made = torch._scaled_mm(a, b, one, one)
    assert made.dtype is kind and made.float().tolist() == [[10, 160], [24, 448]]
    scales, bias = (torch.tensor([[1.0], [0.5]]), torch.tensor([[2.0, 1]])), torch.tensor([1.0, 2])
    rows = torch._scaled_mm(a, b, *scales, bias, out_dtype=torch.float32)
    assert rows.tolist() == [[21, 168], [25, 310]]
    wide = torch._scaled_mm(a.to(torch.float8_e5m2), b, one, one * 1000)
    assert wide.float().isinf().tolist() == [[False, True], [False, True]]
    with pytest.raises(ValueError, match="^Invalid scaling configuration"):
        torch._scaled_mm(a, b, one, torch.ones(2))
    with pytest.raises(RuntimeError, match=r"^mat_a and mat_b shapes cannot be multiplied \(2x2 and 1x2\)"):
        torch._scaled_mm(a, b[1:], one, one)


IMPORTS = """
import importlib.metadata, torch, torch._custom_ops, torch.fx, torch.library, torch.onnx
from torch._dynamo.utils import is_compile_supported
from torch.ao.quantization import DeQuantStub, QuantStub
from torch._dynamo.eval_frame import OptimizedModule
from torch._tensor_str import PRINT_OPTS, _tensor_str
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.tensor import DTensor
from torch.distributions.transforms import _InverseTransform
from torch.hub import HASH_REGEX, _get_torch_home
from torch.jit.annotations import BroadcastingList2
from torch.nn.modules.batchnorm import BatchNorm2d
from torch.nn.parallel.scatter_gather import scatter_kwargs
from torch.onnx import symbolic_opset11
from torch.onnx.symbolic_helper import parse_args
from torch.serialization import MAP_LOCATION
from torch.utils.checkpoint import get_device_states, set_device_states
from torch.utils.data.dataloader import _BaseDataLoaderIter, _MultiProcessingDataLoaderIter
from torch.utils.model_zoo import tqdm

@torch.fx.wrap
@torch.jit._script_if_tracing
def f(x, size: BroadcastingList2[int] = (1, 1)):
    return x

@torch.library.register_fake("vision::nms")
def g(x):
    return x

keys = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU) | torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCUDA)
x = torch.ones(2, 2)
with torch.autocast("cpu"):
    with torch._C._ExcludeDispatchKeyGuard(keys):
        assert (x @ x).dtype is torch.float32
    assert (x @ x).dtype is torch.bfloat16
assert f(QuantStub()(x)) is x and torch._C._get_tracing_state() is None and not is_compile_supported("cpu")
assert BatchNorm2d is torch.nn.BatchNorm2d and not hasattr(torch.ops.vision, "nms")
assert torch.__name__ == "torch" and importlib.metadata.version("torch") == str(torch.__version__)
set_device_states(*get_device_states(x))
assert not isinstance(x, DTensor) and not isinstance(torch.nn.ReLU(), (OptimizedModule, FullyShardedDataParallel))
assert torch.Future is torch.futures.Future and isinstance(iter(torch.utils.data.DataLoader(x)), _BaseDataLoaderIter)
assert scatter_kwargs((x,), None, [0, 1])[1] == ({}, {}) and _tensor_str(x, 2) == "[[1., 1.],\\n   [1., 1.]]"
PRINT_OPTS.precision = 2
assert PRINT_OPTS.precision == 2 and str(x[0] / 3) == "tensor([0.33, 0.33])"
print("done")
"""


PRIVATE = """
import typing, torch
import torch._guards, torch.distributed.checkpoint.hf_storage
from torch._C._functorch import get_unwrapped, is_batchedtensor, is_gradtrackingtensor, is_legacy_batchedtensor
from torch._C._nn import _parse_to
from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
from torch._dynamo.exc import TorchRuntimeError, Unsupported
from torch._functorch.vmap import _add_batch_dim
from torch._jit_internal import _copy_to_script_wrapper
from torch._subclasses.fake_tensor import FakeTensor, is_fake
from torch._utils import _flatten_dense_tensors, _get_device_module, _unflatten_dense_tensors
from torch.distributed._composable.fsdp import fully_shard
from torch.distributed._functional_collectives import wait_tensor
from torch.distributed._tensor.experimental import implicit_replication
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy
from torch.distributed.tensor import Partial, Replicate, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset
from torch.distributed.tensor.placement_types import _StridedShard
from torch.fx import Graph, GraphModule, Tracer
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.nn.modules.transformer import _get_activation_fn
from torch.nn.utils._named_member_accessor import swap_tensor
from torch.nn.utils.stateless import _reparametrize_module
from torch.optim.optimizer import ParamsT, _default_to_fused_or_foreach, _use_grad_for_differentiable
from torch.utils._contextlib import _DecoratorContextManager
from torch.utils._foreach_utils import _group_tensors_by_device_and_dtype
from torch.utils._python_dispatch import is_traceable_wrapper_subclass
from torch.utils._pytree import _dict_flatten_with_keys, _list_flatten
from torch.utils.data._utils.worker import _generate_state
from torch.utils.data.dataloader import _collate_fn_t

x, linear = torch.ones(2), torch.nn.Linear(2, 1, bias=False)
assert torch.torch is torch and str([Shard(1), Replicate(), Partial()]) == "[Shard(dim=1), Replicate(), Partial(sum)]"
assert Shard(1) == Shard(1) != Shard(2) and Shard(1).is_shard(1) and not Replicate().is_shard() and str(Partial("max")) == "P(max)"
assert compute_local_shape_and_global_offset((2, 3), None, []) == ((2, 3), (0, 0)) and wait_tensor(x) is x
assert not isinstance(linear, (GraphModule, FSDPModule)) and not isinstance(x, FakeTensor) and not is_fake(x)
for refused in (GraphModule, Tracer, init_device_mesh, DeviceMesh, fully_shard, FakeTensor, _add_batch_dim):
    try:
        refused(linear)
    except NotImplementedError as e:
        assert "torchish" in str(e) or "tape" in str(e)
    else:
        raise AssertionError(refused)
seen = []
def look(a):
    seen.append((is_batchedtensor(a), is_gradtrackingtensor(a), is_batchedtensor(x), get_unwrapped(a).shape))
    return a.sum()
torch.vmap(look)(torch.ones(3, 2))
torch.func.grad(look)(x)
assert seen == [(True, False, False, (3, 2)), (False, True, False, (2,))] and not is_legacy_batchedtensor(x)
assert _parse_to("cpu", torch.float64, True) == (torch.device("cpu"), torch.float64, True, None)
with torch._dynamo.config.patch(cache_size_limit=3), torch._inductor.config.patch("freezing", True):
    assert torch._dynamo.config.cache_size_limit == 3 and torch._inductor.config.freezing
assert torch._dynamo.config.cache_size_limit == 8 and not torch._inductor.config.freezing
flat = _flatten_dense_tensors([x, torch.zeros(1, 2)])
assert [list(t.shape) for t in _unflatten_dense_tensors(flat, [x, torch.zeros(1, 2)])] == [[2], [1, 2]]
assert _get_device_module("cpu") is torch.cpu and _copy_to_script_wrapper(look) is look
assert _get_activation_fn("relu") is torch.nn.functional.relu
with _reparametrize_module(linear, {"weight": torch.full((1, 2), 3.0)}):
    assert linear(x).item() == 6
old = linear.weight
assert swap_tensor(linear, "weight", torch.zeros(1, 2)) is old and linear(x).item() == 0
groups = _group_tensors_by_device_and_dtype([[x, x.double(), x]], with_indices=True)
assert {k[1]: v[1] for k, v in groups.items()} == {torch.float32: [0, 2], torch.float64: [1]}
assert _default_to_fused_or_foreach([x], False) == (False, False) and _generate_state(5, 1)[0] == 3025039489
assert _dict_flatten_with_keys({"a": 1})[1] == ["a"] and _list_flatten([1, 2]) == ([1, 2], None)
assert torch._softmax_backward_data(x, torch.tensor([0.25, 0.75]), 0, torch.float32).tolist() == [0, 0]
assert torch._shape_as_tensor(torch.ones(2, 3)).tolist() == [2, 3] and get_proxy_mode() is torch._guards.active_fake_mode() is None
torch._assert_async(x[0])
for bad, text in ((x[0] - 1, "hey"), (x, "Boolean value of Tensor with more than one value is ambiguous")):
    try:
        torch._assert_async(bad, "hey")
    except RuntimeError as e:
        assert str(e) == text
    else:
        raise AssertionError(bad)

class Counted(_DecoratorContextManager):
    inside = 0
    def __enter__(self):
        Counted.inside += 1
    def __exit__(self, *error):
        Counted.inside -= 1

assert Counted()(lambda: Counted.inside)() == 1 and Counted.inside == 0
for module in (torch, torch.nn, torch.optim, torch.utils.data):
    for name in dir(module):
        if isinstance(getattr(module, name), type):
            typing.get_type_hints(getattr(module, name))        # every annotation of a class can be looked up
assert not is_traceable_wrapper_subclass(x) and torch.export.ExportedProgram
try:
    torch.cuda.CUDAGraph()
except RuntimeError as e:
    assert str(e).startswith("Tried to instantiate dummy base class CUDAGraph")
print("done")
"""


def test_what_libraries_import_by_private_names():
    done = subprocess.run([sys.executable, "-m", "torchish", "-c", PRIVATE], capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


def test_what_libraries_import():
    done = subprocess.run([sys.executable, "-m", "torchish", "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_an_optimizer_around_another_one():
    class Around(torch.optim.Optimizer):
        def __init__(self, inner):
            self.inner = inner

        def step(self, closure=None):
            return self.inner.step(closure)

    w = torch.ones(2, requires_grad=True)
    w.sum().backward()
    Around(torch.optim.SGD([w], lr=0.5)).step()
    assert w.tolist() == [0.5, 0.5]


def test_joining_one_process():
    class Part(torch.distributed.algorithms.join.Joinable):
        join_device = join_process_group = None

        def __init__(self):
            super().__init__()
            self.ended = []

        def join_hook(self, **kwargs):
            hook = torch.distributed.algorithms.join.JoinHook()
            hook.post_hook = lambda is_last_joiner: self.ended.append((is_last_joiner, kwargs))
            return hook

    part = Part()
    with torch.distributed.algorithms.join.Join([part], divide=True):
        assert part.ended == []
    assert part.ended == [(True, {"divide": True})]
    with pytest.raises(ValueError, match="^The join context manager requires at least one joinable"):
        torch.distributed.algorithms.join.Join([])


def test_a_copy_of_what_holds_an_operator_holds_the_same_one():
    @torch.library.custom_op("copied::f", mutates_args=())
    def f(x: torch.Tensor) -> torch.Tensor:
        return x.clone()
    for held in (torch.ops.copied.f, torch.ops.copied.f.default):
        assert copy.deepcopy({"op": held})["op"] is held


def test_operators_of_aten_are_copied_as_themselves():
    add = torch.ops.aten.add
    assert copy.deepcopy(add) is add and copy.deepcopy(add.Tensor) is add.Tensor


def test_a_library_declares_and_implements_by_decorators():
    lib = library.Library(next(fresh), "DEF")

    @library.define(lib, "twice(Tensor x) -> Tensor")
    def twice(x):
        return x * 2

    lib.define("five(Tensor x) -> Tensor")

    @library.impl(lib, "five", "CPU")
    def five(x):
        return x * 5

    library.impl(lib, "five", dispatch_key="Meta")(lambda x: torch.empty_like(x))
    ops = getattr(torch.ops, lib.ns)
    assert (twice.__name__, five.__name__) == ("twice", "five")
    assert (ops.twice(torch.ones(2)).tolist(), ops.five(torch.ones(1)).tolist()) == ([2.0, 2.0], [5.0])
    assert ops.five(torch.ones(3, device="meta")).shape == (3,)
    with pytest.raises(RuntimeError, match=r'^def\("six"\): Cannot define an operator inside of a TORCH_LIBRARY_IMPL block'):
        library.define(library.Library(lib.ns, "IMPL"), "six(Tensor x) -> Tensor")(twice)
