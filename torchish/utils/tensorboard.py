"""torch.utils.tensorboard: the writer of the package tensorboardX (the optional extra `tensorboard`), which takes tensors here.

In: tensors, arrays, numbers, text.  Out: event files that TensorBoard shows.
Source: https://docs.pytorch.org/docs/stable/tensorboard.html
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..missing import missing
from ..tensor import Tensor
from ._pytree import tree_map_only

try:
    from tensorboardX import FileWriter
    from tensorboardX import SummaryWriter as _Writer
except ModuleNotFoundError as e:
    if e.name != "tensorboardX":
        raise
    raise ModuleNotFoundError("torch.utils.tensorboard writes by the package tensorboardX: pip install 'torchish[tensorboard]'",
                              name=e.name) from None

__all__ = ["FileWriter", "SummaryWriter"]


class SummaryWriter(_Writer):
    """Writes scalars, histograms, pictures, text and the like into event files below `log_dir`.

    Errors: NotImplementedError of `add_graph`; those of tensorboardX.
    """

    def __init__(self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
                 flush_secs: int = 120, filename_suffix: str = "") -> None:
        super().__init__(None if log_dir is None else str(log_dir), comment, purge_step, max_queue, flush_secs, filename_suffix)

    @property
    def log_dir(self) -> str:
        """Where the files are."""
        return self.logdir

    def get_logdir(self) -> str:
        """Where the files are."""
        return self.logdir

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
                   new_style: bool = False, double_precision: bool = False) -> None:
        """One number; `new_style` and `double_precision` change nothing here: TensorBoard shows the same."""
        super().add_scalar(tag, _plain(scalar_value), global_step, walltime)

    def add_hparams(self, hparam_dict: dict, metric_dict: dict, hparam_domain_discrete: dict | None = None,
                    run_name: str | None = None, global_step: int | None = None) -> None:
        """Hyperparameters and what came of them, as a run of its own; their domains are not written."""
        super().add_hparams(_plain(hparam_dict), _plain(metric_dict), run_name, global_step)

    def add_graph(self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True) -> None:
        """NotImplementedError: the graph that is shown is one of TorchScript."""
        raise NotImplementedError("SummaryWriter.add_graph: Out of scope: TorchScript; `torchish.draw(loss)` draws the graph")


def _plain(value: Any) -> Any:
    """`value` with arrays in place of the tensors in it; of those without dims, numbers."""
    return tree_map_only(Tensor, lambda x: x.detach().numpy() if x.ndim else x.item(), value)


def _taking_tensors(add: Callable) -> Callable:
    @functools.wraps(add)
    def method(self: SummaryWriter, *args: Any, **kwargs: Any) -> Any:
        return add(self, *_plain(args), **_plain(kwargs))
    return method


for _name in dir(_Writer):
    if _name.startswith("add_") and _name not in SummaryWriter.__dict__:
        setattr(SummaryWriter, _name, _taking_tensors(getattr(_Writer, _name)))
del _name

__getattr__ = missing("torch.utils.tensorboard", globals())
