"""torch.autograd.anomaly_mode: backward looks for nan and tells the line of the forward op that is to blame.

In: the mode.  Out: backward raises torch's error, after a warning with the user's line.
Source: https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..anomaly import anomaly, is_anomaly_check_nan_enabled, is_anomaly_enabled
from ..tape import Node
from ..warned import warn
from ..watching import watchers
from ..where import user_line

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]


class _Lines:
    """A watcher that notes at each entry the line which records it now; a known one has that of the first call like it."""

    def recorded(self, node: Node, values: Any, result: Any) -> None:
        node.where = user_line()

    def pulled(self, found: list[Node], outs: Any, wrt: Iterable[int]) -> None:
        """Backward entries are not blamed."""

    def takes(self, operator: Any) -> bool:
        return False

    def called(self, operator: Any, args: list, kwargs: dict, result: Any) -> None:
        """Never: it takes none."""


_lines = _Lines()


def _set(enabled: bool, check_nan: bool) -> tuple[bool, bool]:
    """Switches the mode; returns what it was."""
    before = anomaly.enabled, anomaly.check_nan
    anomaly.enabled, anomaly.check_nan, anomaly.check = enabled, check_nan, enabled and check_nan
    watchers.set(_lines, enabled)
    return before


class detect_anomaly:
    """Inside, backward is first gone through op by op, not compiled, so it is slow."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
             "debugging.")

    def __enter__(self) -> None:
        self.before = _set(True, self.check_nan)

    def __exit__(self, *args: object) -> None:
        _set(*self.before)


class set_detect_anomaly:
    """Sets the mode at once; as a context it goes back afterwards."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = _set(bool(mode), check_nan)

    def __enter__(self) -> None:
        """The switch was made when the object was built."""

    def __exit__(self, *args: object) -> None:
        _set(*self.before)
