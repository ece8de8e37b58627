"""torch.nn.utils: gradient clipping, parameters as one vector, packed sequences, parametrizations, pruning.

In: the files of this folder.  Out: their functions, also under the paths that PyTorch has them at.
"""
from __future__ import annotations

import sys

from . import fusion, memory_format, parametrizations, parametrize, prune, rnn, stateless, weight_hooks
from .clip_grad import clip_grad_norm, clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .fusion import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval, fuse_linear_bn_weights, skip_init
from .memory_format import convert_conv2d_weight_memory_format, convert_conv3d_weight_memory_format
from .weight_hooks import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "convert_conv2d_weight_memory_format",
           "convert_conv3d_weight_memory_format", "fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval",
           "fuse_linear_bn_weights", "get_total_norm", "memory_format", "parameters_to_vector", "parametrizations", "parametrize",
           "prune", "remove_spectral_norm", "remove_weight_norm", "rnn", "skip_init", "spectral_norm", "stateless",
           "vector_to_parameters", "weight_norm"]

init = fusion
for _name, _file in (("init", fusion), ("spectral_norm", weight_hooks), ("weight_norm", weight_hooks)):
    sys.modules[f"{__name__}.{_name}"] = _file
