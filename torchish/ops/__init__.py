"""The op table: importing this package declares every op.

In: the modules of this folder, one family each.  Out: `table.TABLE`, `table.COMPOSITES`.
"""
from __future__ import annotations

import importlib
import pkgutil

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
