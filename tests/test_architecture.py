"""Holds the contracts of the design: one road, single doors, no cycles, short files, nothing swallowed."""
from __future__ import annotations

import ast
import re
from statistics import median

import pytest
from architecture import ROOT, Function, cycle, sources

import torchish

FILES = sources()

# Who may pass which door (files, or folders with a trailing slash).
DOORS = {
    "jax.jit": ["torchish/xla.py"],
    "jax.vjp": ["torchish/xla.py", "torchish/replay.py", "torchish/ops/transforms.py"],
    "jax.numpy": ["torchish/ops/", "torchish/rng/", "torchish/replay.py", "torchish/segment.py", "torchish/xla.py"],
    "jax.lax.map": ["torchish/ops/turns.py"],
    "jax.lax.scan": ["torchish/ops/turns.py"],
    "os.environ": ["torchish/config.py"],
    "os.getenv": ["torchish/config.py"],
}
# Below the facade: what must not know that Tensor exists.
BELOW = ["torchish/ops/", "torchish/rng/", "torchish/config.py", "torchish/errors.py", "torchish/dtypes.py",
         "torchish/devices.py", "torchish/sizes.py", "torchish/avals.py", "torchish/tape.py", "torchish/infer.py",
         "torchish/plan.py", "torchish/programs.py", "torchish/replay.py", "torchish/xla.py"]
ABOVE = ("torchish.tensor", "torchish.derive", "torchish.api", "torchish.nn", "torchish.optim",
         "torchish.utils", "torchish.func")
# Imports inside functions, allowed for optional extras only: (file, module) -> why.
LATE_IMPORTS: dict[tuple[str, str], str] = {}


def inside(name: str, places: list[str]) -> bool:
    return any(name.startswith(place) if place.endswith("/") else name == place for place in places)


@pytest.mark.parametrize("door", DOORS)
def test_single_doors(door):
    offenders = sorted({f"{file.name}:{line}" for file in FILES for name, line in file.dotted()
                        if (name == door or name.startswith(door + ".")) and not inside(file.name, DOORS[door])})
    assert not offenders, f"{door} belongs in {DOORS[door]}:\n" + "\n".join(offenders)


@pytest.mark.parametrize("method", ["lower", "compile"])
def test_programs_are_compiled_in_one_place(method):
    """`x.lower(arguments)` and `x.compile()`; text.lower(), re.compile() and derive's source.compile() are not that."""
    def lowers(call: ast.Call) -> bool:
        if not isinstance(call.func, ast.Attribute) or call.func.attr != method:
            return False
        if method == "lower":
            return bool(call.args or call.keywords)
        return ast.unparse(call.func.value) not in ("re", "source")
    offenders = [f"{file.name}:{node.lineno}" for file in FILES if file.name != "torchish/xla.py"
                 for node in ast.walk(file.tree) if isinstance(node, ast.Call) and lowers(node)]
    assert not offenders, "\n".join(offenders)


def test_nothing_private_of_jax_is_used():
    assert [file.name for file in FILES if re.search(r"\bjax\._|\bjaxlib\._|\bjax\.interpreters", file.text)] == []


def test_torch_is_never_imported():
    assert [file.name for file in FILES if re.search(r"^\s*(import|from) torch\b", file.text, re.M)] == []


def test_nothing_below_the_facade_knows_it():
    modules = {file.module for file in FILES}
    offenders = [f"{file.name} imports {target}" for file in FILES if inside(file.name, BELOW)
                 for target in file.imports(modules) if target == "torchish" or target.startswith(ABOVE)]
    assert not offenders, "\n".join(offenders)


def test_imports_have_no_cycle():
    modules = {file.module for file in FILES}
    graph = {file.module: file.imports(modules) - {file.module} for file in FILES}
    assert not cycle(graph), " -> ".join(cycle(graph))


def test_imports_stand_at_the_top():
    offenders = []
    for file in FILES:
        for function in (node for node in ast.walk(file.tree) if isinstance(node, Function)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                    if (file.name, module) not in LATE_IMPORTS:
                        offenders.append(f"{file.name}:{node.lineno} {module}")
    assert not offenders, "\n".join(offenders)


def test_no_error_is_swallowed():
    """`except ...: pass` and `contextlib.suppress` of everything."""
    offenders = [f"{file.name}:{node.lineno}" for file in FILES for node in ast.walk(file.tree)
                 if (isinstance(node, ast.ExceptHandler) and (node.type is None or isinstance(node.body[0], ast.Pass)))
                 or (isinstance(node, ast.Call) and re.search(r"\bsuppress\((Base)?Exception\)", ast.unparse(node)))]
    assert not offenders, "\n".join(offenders)


def test_a_users_mistake_is_an_exception_and_not_an_assert():
    assert [f"{file.name}:{node.lineno}" for file in FILES for node in ast.walk(file.tree)
            if isinstance(node, ast.Assert)] == []


def test_files_are_short():
    lengths = {file.name: len(file.code_lines) for file in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
    assert median(lengths.values()) < 150


def test_functions_are_short():
    assert [f"{file.name} {name}: {lines} lines" for file in FILES
            for name, lines in file.functions() if lines > 60] == []


def test_files_begin_with_what_they_are():
    for file in FILES:
        if file.code_lines:
            assert ast.get_docstring(file.tree), f"{file.name} has no docstring"
            assert "from __future__ import annotations" in file.text, f"{file.name} lacks the annotations import"


def test_nothing_is_left_for_later():
    everything = [*FILES, *sources(ROOT / "examples"), *sources(ROOT / "benchmarks")]
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [file.name for file in everything if words.search(file.text)] == []


DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_what_exists(document):
    """Names written as `torchish.name` resolve, and links to files of the repository lead somewhere."""
    text = document.read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"`torchish\.([a-z_]+(?:\.[A-Za-z_]+)*)", text))):
        found = torchish
        for part in name.split("."):
            found = getattr(found, part)
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in link:
            assert (document.parent / link).exists(), f"{document.name} links to {link}"
    for path in re.findall(r"`((?:torchish|tests|tools|docs|examples|benchmarks)/[\w./]*)`", text):
        assert (ROOT / path).exists(), f"{document.name} names {path}"
