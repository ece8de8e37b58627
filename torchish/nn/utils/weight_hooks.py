"""The older weight_norm and spectral_norm: a hook computes the weight anew before each forward.

In: a module and the name of a weight.  Out: the same module, which has `weight_g` and `weight_v`, or `weight_orig` and the buffers
`weight_u` and `weight_v`.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html
"""
from __future__ import annotations

from typing import Any

from ... import api as torch
from ...tensor import Tensor
from ...warned import warn
from .. import functional as F
from ..module import Module
from ..parameter import Parameter, is_lazy
from .parametrizations import TRANSPOSED

__all__ = ["SpectralNorm", "WeightNorm", "remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


class _WeightHook:
    """A forward pre-hook that sets module.<name>."""

    kind: str

    def __init__(self, name: str) -> None:
        self.name = name

    def check_alone(self, module: Module) -> None:
        """One hook of a kind is enough for a weight."""
        if any(isinstance(hook, type(self)) and hook.name == self.name for hook in module._forward_pre_hooks.values()):
            raise RuntimeError(f"Cannot register two {self.kind} hooks on the same parameter {self.name}")

    def initialized(self, module: Module) -> Tensor:
        """The weight as it is, refused where it has no shape yet."""
        weight = getattr(module, self.name)
        if is_lazy(weight):
            raise ValueError(f"The module passed to `{type(self).__name__}` can't have uninitialized parameters. Make sure to run "
                             f"the dummy forward before applying {self.kind.replace('_norm', '')} normalization")
        return weight

    def compute_weight(self, module: Module) -> Tensor:
        """The weight from what it is made of."""
        raise NotImplementedError(f"{type(self).__name__} computes nothing")

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def _removed(cls: type, module: Module, name: str) -> Module:
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, cls) and hook.name == name:
            hook.remove(module)
            module._drop_pre_hook(key)
            return module
    raise ValueError(f"{cls.kind} of '{name}' not found in {module}")


class WeightNorm(_WeightHook):
    """weight = g v / |v|."""

    kind = "weight_norm"

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """g v / |v|."""
        return torch._weight_norm(getattr(module, self.name + "_v"), getattr(module, self.name + "_g"), self.dim)

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        weight = self.compute_weight(module)
        for name in (self.name, self.name + "_g", self.name + "_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight.detach()))


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """The weight as g v / |v|; parametrizations.weight_norm is the newer form."""
    warn("`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.", FutureWarning)
    hook = WeightNorm(name, dim)
    hook.check_alone(module)
    weight = hook.initialized(module)
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(torch.norm_except_dim(weight, 2, hook.dim).detach()))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Takes weight_norm from a module."""
    return _removed(WeightNorm, module, name)


class SpectralNorm(_WeightHook):
    """weight = weight_orig / its largest singular value."""

    kind = "spectral_norm"

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__(name)
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim, self.n_power_iterations, self.eps = dim, n_power_iterations, eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        """The weight with dim `dim` first and all others as one."""
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.dim()) if d != self.dim))
        return weight.reshape(weight.size(0), -1)

    def compute_weight(self, module: Module, do_power_iteration: bool | None = None) -> Tensor:
        """The weight by the present estimate, which is improved first in training."""
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = self.reshape_weight_to_matrix(weight)
        if module.training if do_power_iteration is None else do_power_iteration:
            with torch.no_grad():
                new_u, new_v = u, v
                for _ in range(self.n_power_iterations):
                    new_v = F.normalize(torch.mv(matrix.t(), new_u), dim=0, eps=self.eps)
                    new_u = F.normalize(torch.mv(matrix, new_v), dim=0, eps=self.eps)
                u.copy_(new_u)
                v.copy_(new_v)
                u, v = u.clone(), v.clone()             # the next step changes the buffers in place
        return weight / torch.dot(u, torch.mv(matrix, v))

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        with torch.no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for end in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))


class _SpectralVersion:
    """Notes in what is saved which form of spectral_norm the values are of."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Module, state_dict: dict, prefix: str, local_metadata: dict) -> None:
        versions = local_metadata.setdefault("spectral_norm", {})
        if self.name + ".version" in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {self.name}.version")
        versions[self.name + ".version"] = 1


class _SpectralUpgrade:
    """Finds v in values saved by a version that did not keep it, before they are loaded.

    That version kept weight_orig, u and weight = weight_orig / (u' W v).  v is the vector for which W'W v = W'u up to a factor, and
    the factor follows from weight.
    """

    def __init__(self, hook: SpectralNorm) -> None:
        self.hook = hook

    def __call__(self, state_dict: dict, prefix: str, local_metadata: dict, strict: bool, missing_keys: list, unexpected_keys: list,
                 error_msgs: list) -> None:
        name = self.hook.name
        version = local_metadata.get("spectral_norm", {}).get(name + ".version")
        key = prefix + name
        there = {end for end in ("_orig", "", "_u", "_v") if key + end in state_dict}
        if (version is not None and version >= 1) or (version is None and there == {"_orig", "_u", "_v"}):
            return      # of this version, as it says or, put together by hand, shows
        lost = [key + end for end in ("_orig", "", "_u") if end not in there]
        if lost:
            missing_keys += lost if strict else []
            return
        with torch.no_grad():
            original, u = state_dict[key + "_orig"], state_dict[key + "_u"]
            sigma = (original / state_dict.pop(key)).mean()
            matrix = self.hook.reshape_weight_to_matrix(original)
            v = torch.mv(torch.mm(matrix.t(), matrix).pinverse(), torch.mv(matrix.t(), u))
            state_dict[key + "_v"] = v * (sigma / torch.dot(u, torch.mv(matrix, v)))


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """The weight divided by its largest singular value; parametrizations.spectral_norm is the newer form."""
    hook = SpectralNorm(name, n_power_iterations, (1 if isinstance(module, TRANSPOSED) else 0) if dim is None else dim, eps)
    hook.check_alone(module)
    weight = hook.initialized(module)
    with torch.no_grad():
        matrix = hook.reshape_weight_to_matrix(weight)
        u = F.normalize(weight.new_empty(matrix.size(0)).normal_(0, 1), dim=0, eps=eps)
        v = F.normalize(weight.new_empty(matrix.size(1)).normal_(0, 1), dim=0, eps=eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module._register_state_dict_hook(_SpectralVersion(name))
    module._register_load_state_dict_pre_hook(_SpectralUpgrade(hook))
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Takes spectral_norm from a module."""
    module = _removed(SpectralNorm, module, name)
    for key, hook in list(module._state_dict_hooks.items()):
        if isinstance(hook, _SpectralVersion) and hook.name == name:
            del module._state_dict_hooks[key]
    for key, bound in list(module._load_state_dict_pre_hooks.items()):
        if isinstance(bound.hook, _SpectralUpgrade) and bound.hook.hook.name == name:
            del module._load_state_dict_pre_hooks[key]
    return module
