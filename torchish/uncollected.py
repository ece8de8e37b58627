"""The garbage collector held back while thousands of objects are made that all stay.

In: a block of code, as a context.  Out: the collector as it was before, also after an exception.
"""
from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """No collection inside: it would walk all that JAX has made as well (a quarter of the time of this import) and find nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():       # what was made counts as old at once, without a walk; what the user froze stays so
            gc.freeze()
            gc.unfreeze()
        if collecting:
            gc.enable()
