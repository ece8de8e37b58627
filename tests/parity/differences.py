"""Where torchish answers otherwise than torch on purpose.

In: an expression, the case of it, both results.  Out: the reason, or None if the difference is a fault.
"""
from __future__ import annotations

import re
from typing import Any

__all__ = ["DIFFERENCES", "differs"]

# (pattern of the expression, pattern of the case or of torch's error, reason)
DIFFERENCES: list[tuple[str, str, str]] = [
    (r".*", r"not implemented for '(Half|BFloat16|Bool|Byte|Long|Char|Short|Int)'",
     "torch has no CPU kernel for this dtype; XLA computes it"),
    (r".*", r"derivative for .* is not implemented|does not support automatic differentiation",
     "torch has no derivative; here the gradient is that of the formula, mostly zero"),
    (r".*", r"float16.* complex64\[\]|complex64\[\] float16", "no complex32: XLA has none"),
    (r"x \* 1j", r"float16", "no complex32: XLA has none"),
    (r"(log_)?softmax0", r"(int64|uint8|bool) empty", "torch looks at the dtype only where there is something to compute"),
    (r"median", r"bool empty", "torch looks at the dtype only where there is something to compute"),
    (r"x\.clamp_\(0, 1\)", r"desired output type bool", "torch writes this dtype in small letters here only"),
    (r"var|std", r"complex64 0-dim gradient", "not a number either way"),
    (r"t\.logaddexp\(x, y\)", r"complex", "the imaginary part is an angle: another multiple of 2 pi"),
    (r"t\.clamp\(x, min=y\)", r"maximum_cpu", "one text for all complex operands"),
    (r"(log_)?softmax0", r"0-dim", "torch names another kernel for 0-dim tensors"),
    (r"x\.ravel\(\)", r"transposed|expanded|sliced", "a copy is not a view of a hidden tensor"),
    (r"x\[:, ::2\]|x\.t\(\) \+ 1", r"empty", "the stride of a dimension without elements"),
    (r"F\.scaled_dot_product_attention\(.*", r"value cannot be converted to type int64_t without overflow",
     "torch casts the scale before it looks at the dtype"),
    (r"t\.special\.softmax\(x, 0\)|F\.softmin\(x, 0\)", r"(int64|uint8|bool) empty|0-dim",
     "torch looks at the dtype only where there is something to compute, and names another kernel for 0-dim tensors"),
    (r"t\.(var|std)_mean\(x\)|t\.linalg\.vector_norm\(x, 3\)|t\.nanmedian\(x\)", r"second gradient",
     "the spread of one number has no derivative, the norm of none has: torch says 0 and not a number"),
    (r"x\[-1\]|x\.expand\(-1, -1\)", r"0-dim", "torch's own text is about another mistake"),
]


def differs(expression: str, at: str, theirs: Any, ours: Any) -> str | None:
    """The reason why these results may differ, or None."""
    error = theirs.get("error", "") if isinstance(theirs, dict) else ""
    for pattern, case, reason in DIFFERENCES:
        if re.fullmatch(pattern, expression) and (re.search(case, at) or error and re.search(case, error)):
            return reason
    return None
