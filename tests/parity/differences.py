"""Where torchish answers otherwise than torch on purpose.

In: an expression, the case of it, both results.  Out: the reason, or None if the difference is a fault.
"""
from __future__ import annotations

import re
from typing import Any

__all__ = ["DIFFERENCES", "differs"]

# (pattern of the expression, pattern of the case or of torch's error, reason)
DIFFERENCES: list[tuple[str, str, str]] = [
    (r".*", r"not implemented for '(Half|BFloat16|Bool|Byte|Long|Char|Short|Int|Complex\w+)'",
     "torch has no CPU kernel for this dtype; XLA computes it"),
]


def differs(expression: str, at: str, theirs: Any, ours: Any) -> str | None:
    """The reason why these results may differ, or None."""
    error = theirs.get("error", "") if isinstance(theirs, dict) else ""
    for pattern, case, reason in DIFFERENCES:
        if re.fullmatch(pattern, expression) and (re.search(case, at) or error and re.search(case, error)):
            return reason
    return None
