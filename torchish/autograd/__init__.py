"""torch.autograd: gradients of graphs built by tensors.

In: roots, cotangents, inputs.  Out: `.grad` filled (`backward`), or gradients returned (`grad`).
Source: https://docs.pytorch.org/docs/stable/autograd.html
"""
from __future__ import annotations

from ..missing import missing
from . import anomaly_mode, forward_ad, function, functional, grad_mode, graph, profiler, profiler_util, variable
from .anomaly_mode import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from .calls import backward, grad
from .function import Function, NestedIOFunction
from .grad_mode import (
    _force_original_view_tracking,
    _unsafe_preserve_version_counter,
    enable_grad,
    enforce_grad_layout_policy,
    inference_mode,
    is_multithreading_enabled,
    is_view_replay_enabled,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .profiler import DeviceType, kineto_available
from .saving import SavedTensor
from .variable import Variable

__all__ = ["DeviceType", "Function", "GradcheckError", "NestedIOFunction", "SavedTensor", "Variable", "anomaly_mode", "backward",
           "detect_anomaly", "enable_grad", "enforce_grad_layout_policy", "forward_ad", "function", "functional", "grad",
           "grad_mode", "gradcheck", "gradgradcheck", "graph", "inference_mode", "is_anomaly_enabled",
           "is_multithreading_enabled", "is_view_replay_enabled", "kineto_available", "no_grad", "profiler",
           "profiler_util", "set_detect_anomaly",
           "set_grad_enabled", "set_multithreading_enabled", "variable",
           "_force_original_view_tracking", "_unsafe_preserve_version_counter"]

__getattr__ = missing("torch.autograd", globals())
