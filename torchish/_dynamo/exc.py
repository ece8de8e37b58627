"""torch._dynamo.exc: the errors of a compiler that torchish does not need, for scripts that catch them."""
from __future__ import annotations

from ..missing import missing

__all__ = ["BackendCompilerFailed", "TorchDynamoException", "TorchRuntimeError", "Unsupported"]


class TorchDynamoException(RuntimeError):
    """None is raised."""


class BackendCompilerFailed(TorchDynamoException):
    """None is raised."""


class TorchRuntimeError(TorchDynamoException):
    """None is raised."""


class Unsupported(TorchDynamoException):
    """None is raised."""


__getattr__ = missing("torch._dynamo.exc", globals())
