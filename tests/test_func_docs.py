"""The examples of docs/transforms.md and docs/jax.md print what stands there."""
from __future__ import annotations

import contextlib
import io
import re

import pytest


@pytest.mark.parametrize("page", ["transforms.md", "jax.md"])
def test_examples_print_what_stands_there(page, root):
    text = (root / "docs" / page).read_text(encoding="utf-8")
    names: dict = {}
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.S)
    assert len(blocks) == text.count("```python")
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page, "exec"), names)
        assert printed.getvalue() == expected
