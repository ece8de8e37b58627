"""The Tensor: a value (lazy on a tape, or an array), its flags, and what users ask of it.

In: results of entries, arrays.  Out: `Tensor`.  No op is written here; the methods that compute are made from the table
(derive.py), those that hand values out stand in exchange.py, `x[...]` in subscript.py.
"""
from __future__ import annotations

from typing import Any

from . import accumulate, torch_function
from .anomaly import anomaly
from .avals import Aval, Out
from .convert import Convert
from .devices import META
from .devices import device as Device
from .dtypes import c_name, c_type
from .dtypes import dtype as Dtype
from .exchange import Exchange
from .given import Given, Instance
from .grad_fn import GradFn, edge_of, grad_fn_of
from .graph import first_backward
from .inference import NO_VERSION, is_inference, used
from .recorder import hooks
from .sharing import Sharing, storage_of
from .sizes import Size
from .stops import DEFAULT, PostHook, add_hook, retain
from .storage import refresh, share_new
from .strides import lies_as, strides_of
from .subscript import Subscript
from .tape import INFERENCE, Tape, state
from .warned import warn
from .writes import Writes

__all__ = ["Tensor", "make", "twin", "wrap"]

NON_LEAF_GRAD = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated during "
    "autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the "
    "non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead. See "
    "github.com/pytorch/pytorch/pull/30531 for more informations.")


class Tensor(Subscript, Writes, Convert, Exchange, Instance):
    """A multi-dimensional array of one dtype that may take part in automatic differentiation.

    Source: https://docs.pytorch.org/docs/stable/tensors.html

    Attributes of the engine:
    `_node` tells shape, dtype and requires_grad; `_tape` is the tape on which `_node.slot` may be read at once, `_home` the
    tape on which it lives but must be looked at first (a written leaf, a view that fell behind); `_data` the array once there
    is one; `_pending` the number that fills a tensor which nothing has read yet; `_graph` its place in the graph of an ended
    tape; `_leaf` whether it is a leaf that requires a gradient; `_view` how it sees its base; `_shared` what its views
    have in common; `_owner` the thread whose tapes it may stand on; `_by_rows` whether rows of it have been taken by a lookup
    with `sparse=True`.
    """
    _node: Out
    _tape: Tape | None = None
    _home: Tape | None = None
    _data: Any = None
    _pending: tuple | None = None
    _graph: tuple | None = None
    _grad: Tensor | None = None
    _leaf: bool = False
    _view: Any = None
    _shared: Sharing | None = None
    _owner: int | None = None
    _version_count: int = 0
    _unseen_writes: int = 0
    _hooks: dict | None = None
    _retains: Any = None
    _post_hooks: dict | None = None
    _accumulator: Any = None
    _guard: Any = None
    _looked: Any = None
    _inference: bool | None = None
    _grad_dtype: Any = DEFAULT
    _by_rows: bool = False

    __array_priority__ = 1000
    is_sparse = is_quantized = is_nested = is_mkldnn = is_mps = is_xpu = False

    __torch_function__ = classmethod(torch_function.default)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        torch_function.declared(cls)

    @property
    def __dict__(self) -> dict[str, Any]:       # type: ignore[override]
        """What the user has set on this tensor."""
        return Given(self)

    @__dict__.setter
    def __dict__(self, values: dict[str, Any]) -> None:
        given = Given(self)
        given.clear()
        given.update(values)

    @staticmethod
    def _make_subclass(cls: type, data: Tensor, require_grad: bool = False) -> Tensor:
        """A leaf of class `cls` that shares the memory of `data`; a part of other memory is copied."""
        x = object.__new__(cls)
        if data._pending is None:
            data._array()
        x._node, x._data, x._pending = data._node.aval.plain, data._data, data._pending
        x._inference = data._inference
        x._begun(require_grad)
        share_new(x, data)
        return x

    # what it is

    @property
    def _aval(self) -> Aval:
        return self._node.aval

    @property
    def shape(self) -> Size:
        """The sizes, as torch.Size."""
        return self._node.aval.shape

    @property
    def dtype(self) -> Dtype:
        """The type of the elements."""
        return self._node.aval.dtype

    @property
    def device(self) -> Device:
        """Where the elements are."""
        return Device(self._node.aval.device)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._node.aval.shape)

    layout = property(lambda self: hooks.strided)
    is_cuda = property(lambda self: self._node.aval.device[:4] == "cuda")
    is_meta = property(lambda self: self._node.aval.device == META)
    is_cpu = property(lambda self: self._node.aval.device == "cpu")
    itemsize = property(lambda self: self._node.aval.dtype.itemsize)
    nbytes = property(lambda self: self._node.aval.dtype.itemsize * self._node.aval.numel)

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._node.aval.shape)

    ndimension = dim

    def size(self, dim: int | None = None) -> Size | int:
        """All sizes, or that of one dimension."""
        shape = self._node.aval.shape
        if dim is None:
            return shape
        if not -max(len(shape), 1) <= dim < max(len(shape), 1) or not shape:
            n = max(len(shape), 1)
            raise IndexError("Dimension specified as 0 but tensor has no dimensions" if not shape and dim in (0, -1) else
                             f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
        return shape[dim]

    def numel(self) -> int:
        """The number of elements."""
        return self._node.aval.numel

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Distance, in elements, of neighbours along each dimension (or one): logical, XLA may lay memory out otherwise."""
        strides = strides_of(self._node.aval)
        if dim is None:
            return strides
        self.size(dim)      # refuses what is out of range
        return strides[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in row-major order, or in the order of a memory format."""
        aval = self._node.aval
        return memory_format is None and aval.strides is None or lies_as(aval.shape, strides_of(aval), memory_format)

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating one."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has a sign."""
        return self.dtype.is_signed

    # the graph

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are wanted for it."""
        if self._view is not None:
            refresh(self)
        return self._leaf or self._node.rg

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value.__class__ is not bool:
            raise RuntimeError("requires_grad must be a bool")
        if value and not self._node.aval.differentiable:
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self._require_grad(value)

    @requires_grad.deleter
    def requires_grad(self) -> None:
        raise RuntimeError("requires_grad must be a bool")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets whether gradients are wanted; only leaves may change it."""
        _outside_transforms("requires_grad_() (or perhaps using torch.autograd.functional.* APIs)")
        return self._require_grad(requires_grad)

    def _begun(self, requires_grad: bool) -> Tensor:
        """A tensor just made, which is to be a leaf where it requires grad."""
        if requires_grad:
            if not self._node.aval.differentiable:
                raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
            self._require_grad()
        return self

    def _require_grad(self, requires_grad: bool = True) -> Tensor:
        if requires_grad.__class__ is not bool:
            raise TypeError("requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                            f"{type(requires_grad).__name__}")
        if requires_grad == self.requires_grad:
            return self
        aval = self._node.aval
        if requires_grad:
            if self.is_inference() and not state.tape.extra & INFERENCE:
                raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
            if not aval.differentiable:
                raise RuntimeError("only Tensors of floating point dtype can require gradients")
            self._leaf = True
            if self._data is not None or self._pending is not None:
                self._node, self._tape, self._home = aval.grad, None, None
            else:
                self._home, self._tape = self._tape or self._home, None
                if self._home.nested is not None and self._home.nested.lift is not None:
                    self._home.nested.lift(self)
            return self
        if not self._leaf:
            raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a computed "
                               "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().")
        self._leaf = False
        if self._data is not None or self._pending is not None:
            self._node, self._tape, self._home = aval.plain, None, None
        elif self._tape is not None and self._node.rg:
            self._node = self._tape.outs()[self._node.operands[0]]   # type: ignore[attr-defined]
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user rather than by a differentiable op."""
        return self._leaf or not self.requires_grad

    @property
    def grad_fn(self) -> GradFn | None:
        """The backward node that made it; None for leaves."""
        if self._leaf or not self.requires_grad:
            return None
        return grad_fn_of(self)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() has accumulated."""
        if self._grad is None and not self._retains and not self._leaf and self.requires_grad:
            warn(NON_LEAF_GRAD)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self.shape:
                raise RuntimeError(f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size "
                                   f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size")
            if value._node.aval.device != self._node.aval.device:
                raise RuntimeError(f"attempting to assign a gradient with device type '{value.device.type}' to a tensor with "
                                   f"device type '{self.device.type}'. Please ensure that the gradient and the tensor are on the "
                                   "same device")
            wanted = self.dtype if self._grad_dtype is DEFAULT else self._grad_dtype
            if wanted is not None and value.dtype is not wanted:
                raise RuntimeError(f"attempting to assign a gradient with dtype '{c_type(value.dtype)}' to a tensor with "
                                   f"grad_dtype '{c_name(wanted)}'. The gradient must match the tensor's grad_dtype "
                                   "(defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a "
                                   "specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes "
                                   "of a tensor and its gradient may break downstream systems that assume they match.")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_dtype(self) -> Dtype | None:
        """The dtype of this leaf's gradient: that of the tensor unless it was set; None allows any."""
        if not self.is_leaf:
            raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
        return self.dtype if self._grad_dtype is DEFAULT else self._grad_dtype

    @grad_dtype.setter
    def grad_dtype(self, value: Dtype | None) -> None:
        if not self.is_leaf:
            raise RuntimeError("grad_dtype can only be set on leaf tensors.")
        if value is not None and not isinstance(value, Dtype):
            raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {type(value).__name__}")
        if value is not None and self._grad is not None and self._grad.dtype is not value:
            raise RuntimeError(f"Cannot set grad_dtype to '{c_name(value)}' because there is already a gradient with dtype "
                               f"'{c_type(self._grad.dtype)}'. Please clear the gradient (.grad = None) before changing "
                               "grad_dtype, or ensure the new grad_dtype matches the existing gradient's dtype.")
        if self._grad_dtype is DEFAULT and self._leaf:      # from now on gradients do not arrive here unseen
            add_hook(self, "_post_hooks", PostHook(lambda *grads: None))
        self._grad_dtype = value

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
                 inputs: Any = None) -> None:
        """Accumulates the gradient of this tensor into the leaves it was computed from.

        Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html
        """
        # a backward that is known here has been checked before
        if gradient is None and inputs is None and not (create_graph or anomaly.check) and first_backward(self, bool(retain_graph)):
            return
        hooks.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def retain_grad(self) -> None:
        """Asks for `.grad` of a tensor that is no leaf."""
        _outside_transforms("retain_grad()")
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if not self._leaf:
            retain(self)

    @property
    def retains_grad(self) -> bool:
        """Whether `.grad` is kept although it is no leaf."""
        return bool(self._retains) and not self._leaf

    def register_hook(self, hook: Any) -> Any:
        """Calls `hook(grad)` whenever a gradient of this tensor is computed; what it returns replaces the gradient."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return add_hook(self, "_hooks", hook)

    def register_post_accumulate_grad_hook(self, hook: Any) -> Any:
        """Calls `hook(tensor)` after a gradient has been accumulated into this leaf."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not self._leaf:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        return add_hook(self, "_post_hooks", hook)

    def detach(self) -> Tensor:
        """The same values, cut from the graph; shares storage with this tensor."""
        tape = self._tape
        if tape is not None and tape.thread != state.tape.thread and state.tape.nested is None:
            return wrap(self._array())      # another thread's step: its value is taken as it is now
        return hooks.public["detach"](self)

    @property
    def data(self) -> Tensor:
        """The same storage without history: writes show in this tensor and leave no trace in the graph."""
        x = self.detach()
        if x._view is not None:
            x._view.quiet = True
        return x

    @data.setter
    def data(self, value: Tensor) -> None:
        accumulate.set_data(self, value)

    @data.deleter
    def data(self) -> None:
        raise RuntimeError("Deleting tensor data is not allowed. Delete tensor instead!")

    @property
    def output_nr(self) -> int:
        """Which result of its backward node this is."""
        return 0 if self._leaf or not self.requires_grad else edge_of(self)[1]

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        return is_inference(self)

    @property
    def _version(self) -> int:
        if used.ever and is_inference(self):
            raise RuntimeError(NO_VERSION)
        base = storage_of(self)
        return base._version_count - base._unseen_writes

    @property
    def _base(self) -> Tensor | None:
        return storage_of(self) if self._is_view() else None

    def _is_view(self) -> bool:
        if used.ever and is_inference(self):
            return False
        return self._guard is not None or bool(self._view and self._view.chain) and self._view.chain[-1][0].name != "detach"

    __hash__ = object.__hash__


def _outside_transforms(what: str) -> None:
    """torch's error inside a function that is given to a transform."""
    nested = state.tape.nested
    if nested is not None and nested.in_transform():
        raise RuntimeError(f"You are attempting to call Tensor.{what} inside of a function being transformed by a functorch "
                           "transform. This is unsupported, please attempt to use the functorch transforms (e.g. grad, vjp, "
                           "jacrev, jacfwd, hessian) or call " + what.split(" ")[0] +
                           " outside of a function being transformed instead.")


def make(tape: Tape, out: Out) -> Tensor:
    """The tensor of a result on the current tape."""
    x = object.__new__(Tensor)
    x._tape, x._node = tape, out
    tape.tensors.append(x)
    return x


def twin(x: Tensor) -> Tensor:
    """Another tensor with the value that `x` has now; later writes to `x` leave it alone."""
    if x._view is not None:
        return hooks.public["_alias"](x)
    same = object.__new__(Tensor)
    same._node, same._data, same._pending, same._graph = x._node, x._data, x._pending, x._graph
    same._inference = x._inference
    tape = x._tape or x._home
    if tape is not None and x._data is None:
        same._tape = tape
        tape.tensors.append(same)
    elif x._data is not None:
        same._node = x._node.aval.grad if x._node.rg else x._node.aval.plain
    return same


def wrap(array: Any, source: Any = None) -> Tensor:
    """A tensor around an array (on meta: its aval). `source`: a place in a graph it came from, or a leaf whose value it is."""
    from_graph = isinstance(source, tuple)
    x = object.__new__(Tensor)
    aval = array_aval(array)
    x._node = aval.grad if from_graph else aval.plain
    if aval is array:       # on meta
        x._pending = (0,)
    else:
        x._data = array
    if state.tape.extra & INFERENCE:
        x._inference = True
    if from_graph:
        x._graph = source
    elif source is not None:
        x._leaf = True
        x._node = aval.grad
    return x


def array_aval(array: Any) -> Aval:
    """The abstract value of an array or tracer."""
    return hooks.aval_of_array(array)


