"""What the architecture tests look at: the package's files as syntax trees, and the graph of their imports."""
from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "torchish"
BLANK = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
         tokenize.ENCODING}
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One Python file."""
    path: Path

    @property
    def name(self) -> str:
        """Where it lies: "torchish/ops/table.py"."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        """How it is imported: "torchish.ops.table", "torchish.ops" for a package's `__init__.py`."""
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def code_lines(self) -> set[int]:
        """The numbers of the lines that hold code: no blanks, comments or docstrings."""
        lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in BLANK:
                lines.update(range(token.start[0], token.end[0] + 1))
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Module, ast.ClassDef, *Function)) and ast.get_docstring(node) is not None:
                lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        return lines

    def functions(self) -> list[tuple[str, int]]:
        """Each function with its number of code lines."""
        return [(node.name, len(self.code_lines & set(range(node.lineno, node.end_lineno + 1))))
                for node in ast.walk(self.tree) if isinstance(node, Function)]

    def dotted(self) -> list[tuple[str, int]]:
        """Every dotted name that is used ("jax.jit") or imported ("jax.numpy", "jax.jit"), with its line."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
                found.append((ast.unparse(node), node.lineno))
            elif isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
        return found

    def imports(self, modules: set[str]) -> set[str]:
        """The package's own modules that are imported while this one is being imported."""
        return {target for node in running(self.tree) for target in self._targets(node) if target in modules}

    def _targets(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        package = self.module.split(".")
        if self.path.name != "__init__.py":
            package = package[:-1]
        base = ".".join(package[:len(package) - node.level + 1]) if node.level else ""
        base = ".".join(part for part in (base, node.module) if part)
        inner = [f"{base}.{alias.name}" for alias in node.names]
        # `from .ops import table` reads the module ops.table where there is one; else a name of ops itself.
        return [target if (PACKAGE.parent / Path(*target.split("."))).with_suffix(".py").exists()
                or (PACKAGE.parent / Path(*target.split("."))).is_dir() else base for target in inner]


def running(tree: ast.AST):
    """The nodes of a module that run while it is imported: function bodies and `if TYPE_CHECKING` are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            continue
        yield node
        yield from running(node)


def sources(folder: Path = PACKAGE) -> list[Source]:
    return [Source(path) for path in sorted(folder.rglob("*.py"))]


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """A cycle of the graph as the names along it, or [] where there is none."""
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node):], node]
        if node in done:
            return []
        for following in sorted(graph.get(node, ())):
            if found := visit(following, [*trail, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])
