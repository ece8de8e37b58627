"""torchish.export: a recorded function as a file that any process with JAX can run; StableHLO by `jax.export`.

In: a function or module, example tensors.  Out: a file.  `load_exported` gives the function back, without its Python.
The file is a zip archive: about.json (structure, shapes, versions), program.bin (jax.export's), program.mlir (the same to read),
state.pt (as of `save`): what the function closes over, parameters and buffers, are inputs of the program and stand in the file
once; what it writes into them stays in the loaded function.
"""
from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import jax
import numpy as np

from . import dtypes, serialization
from .avals import Aval
from .bodies import Body, body_of, flatten, tensors_of
from .creation import as_tensor
from .devices import to_jax
from .from_jax import jax_op
from .modes import no_grad
from .nested import put_outside
from .nn.module import Module
from .recorder import record
from .structure import decoded, encoded, matched
from .tensor import Tensor
from .xla import export_program, import_program

__all__ = ["Exported", "export", "load_exported"]

FORMAT = 1
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def export(step: Callable, path: Any, args: Sequence[Any] = (), kwargs: dict | None = None, *,
           platforms: Sequence[str] | None = None, differentiable: bool = True) -> Exported:
    """Writes what `step(*args, **kwargs)` computes to the file `path`, for tensors of these shapes; returns it loaded.

    step: a function or module; its Python runs once, here. args, kwargs: nested in lists, tuples and dicts; what is no tensor
    becomes part of the program. platforms: where it shall run ("cpu", "cuda", "tpu"); here, unless said. differentiable: whether
    gradients shall pass through the loaded function (its first derivative is written, too).
    """
    if not callable(step):
        raise TypeError(f"export(): argument 'step' must be callable, not {type(step).__name__}")
    if isinstance(args, Tensor):
        raise TypeError("export(): argument 'args' must be a tuple of arguments, not Tensor: write (tensor,)")
    if platforms is not None:
        platforms = _checked_platforms(platforms)
    leaves, structure = flatten((tuple(args), dict(kwargs or {})))
    tensors = tensors_of(leaves)
    body = body_of("export", step, leaves, structure, repeated=True)
    if body.written:
        raise RuntimeError(f"export: {_name(step)} writes into its arguments, which a loaded function cannot: return the new value")
    closed = body.closed
    captured = closed.operands[len(tensors):]
    pure = closed.pure(closed.floats, closed.ints)
    avals = [x._node.aval for x in closed.operands]
    program = export_program(lambda *arrays: tuple(pure(list(arrays))), [(a.shape, a.dtype.np) for a in avals], platforms,
                             _name(step))
    about = {"format": FORMAT, "jax": version("jax"), "platforms": list(program.platforms), "name": _name(step),
             "inputs": [[list(a.shape), a.dtype.name] for a in avals[:len(tensors)]],
             "arguments": encoded(jax.tree_util.tree_unflatten(structure, _numbered(leaves))),
             "results": encoded(body.build([_Place(k) for k in range(closed.wanted)])),
             "names": _names(step, captured), "updates": _updates(body, captured), "flags": list(closed.flags()),
             "differentiable": differentiable}
    out = io.BytesIO()
    serialization.save([x.detach() if not x._leaf else x for x in captured], out)
    with zipfile.ZipFile(os.fspath(path), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", json.dumps(about, indent=1))
        archive.writestr("program.bin", bytes(program.serialize(vjp_order=1 if differentiable else 0)))
        archive.writestr("program.mlir", str(program.mlir_module()))
        archive.writestr("state.pt", out.getvalue())
    return load_exported(path)


def _checked_platforms(platforms: Any) -> tuple[str, ...]:
    """The names of platforms; TypeError and ValueError where they are none."""
    if isinstance(platforms, str) or not all(isinstance(p, str) for p in platforms):
        raise TypeError(f"export(): argument 'platforms' must be a tuple of names, such as ('cpu', 'cuda'), not {platforms!r}")
    unknown = [p for p in platforms if p not in PLATFORMS]
    if unknown or not platforms:
        raise ValueError(f"export(): argument 'platforms' must name some of {', '.join(PLATFORMS)}; got "
                         f"{', '.join(unknown) or 'none'}")
    return tuple(platforms)


class _Place:
    """Where a tensor stands in a structure."""

    def __init__(self, number: int) -> None:
        self.number = number


def _numbered(leaves: list) -> list:
    numbers = iter(range(len(leaves)))
    return [_Place(next(numbers)) if isinstance(x, Tensor) else x for x in leaves]


def _name(step: Callable) -> str:
    return getattr(step, "__name__", type(step).__name__)


def _names(step: Callable, captured: list) -> list[str]:
    """The name of each captured tensor: a module's own for its parameters and buffers."""
    module = step if isinstance(step, Module) else getattr(step, "__self__", None)
    known = {}
    if isinstance(module, Module):
        known = {id(x): name for name, x in [*module.named_buffers(), *module.named_parameters()]}
    return [known.get(id(x), f"captured_{k}") for k, x in enumerate(captured)]


def _updates(body: Body, captured: list) -> list[list[int]]:
    """(captured tensor, result): what the function writes, and the states of generators it draws from."""
    closed = body.closed
    places = {id(x): k for k, x in enumerate(captured)}
    found = [[places[id(s)], closed.wanted + 2 * k + part] for k, g in enumerate(closed.generators)
             for part, s in enumerate(g._lazy)]
    at = closed.wanted + 2 * len(closed.generators)
    for k, effect in enumerate(closed.effects):
        x = effect.args[0]      # type: ignore[attr-defined]
        if effect.func is put_outside and id(x) in places:     # type: ignore[attr-defined]
            found.append([places[id(x)], at + k])
    return found


class Exported:
    """A loaded function: call it with tensors of the shapes and dtypes it was exported for.

    state: what it closes over, by name (parameters, buffers, states of generators): tensors that may be
    trained or written into.
    stablehlo: the program as text.  platforms: where it runs.
    """

    def __init__(self, path: str, about: dict, program: Any, text: str, state: list[Tensor]) -> None:
        self.path, self.about, self.stablehlo, self.platforms = path, about, text, tuple(about["platforms"])
        self.state: dict[str, Tensor] = dict(zip(about["names"], state, strict=True))
        self._inputs = [(tuple(shape), dtypes.NAMES[name]) for shape, name in about["inputs"]]
        self._program = program
        self._op: Any = None

    def parameters(self) -> list[Tensor]:
        """The tensors of the state that require a gradient."""
        return [x for x in self.state.values() if x.requires_grad]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found: list = []
        matched(self.about["arguments"], (args, kwargs), found, "arguments")
        tensors = [self._checked(k, x) for k, x in enumerate(found)]
        state = list(self.state.values())
        operands = [*tensors, *state]
        if self._op is None:
            self._op = jax_op(lambda arrays: self._program.call(*arrays), operands, self.about["name"], True)[0]
            self._op.differentiable = tuple(self.about["flags"]) if self.about["differentiable"] else False
        results = record(self._op, (operands,))
        with no_grad():
            for at, k in self.about["updates"]:
                state[at].copy_(results[k])
        return decoded(self.about["results"], results)

    def _checked(self, k: int, x: Any) -> Tensor:
        shape, dtype = self._inputs[k]
        if not isinstance(x, Tensor):
            if not isinstance(x, (np.ndarray, np.generic, jax.Array)):
                raise TypeError(f"{self._where(k)}: wanted a tensor, got {type(x).__name__}")
            x = as_tensor(x)
        if x.is_sparse or x.is_meta:
            raise TypeError(f"{self._where(k)}: wanted a dense tensor with data, got one that is "
                            f"{'sparse' if x.is_sparse else 'on meta'}")
        if tuple(x.shape) != shape:
            raise ValueError(f"{self._where(k)}: wanted shape {list(shape)}, got {list(x.shape)}. An exported function takes the "
                             "shapes of the examples it was exported with; export it once more for others")
        if x.dtype is not dtype:
            raise TypeError(f"{self._where(k)}: wanted dtype {dtype}, got {x.dtype}")
        platform = _platform(x._node.aval)
        if platform not in self.platforms:
            raise RuntimeError(f"{self._where(k)} is on {x.device}, but {self.path} was exported for {', '.join(self.platforms)}; "
                               f"export(..., platforms=({', '.join(map(repr, (*self.platforms, platform)))}))")
        return x

    def _where(self, k: int) -> str:
        return f"{self.about['name']} (exported), tensor {k}"

    def __repr__(self) -> str:
        inputs = ", ".join(f"{dtype}{list(shape)}" for shape, dtype in self._inputs)
        return f"<{self.about['name']}, exported for {inputs or 'no tensors'}; {len(self.state)} tensors of state>"


def _platform(aval: Aval) -> str:
    if aval.device == "cpu":
        return "cpu"
    found = to_jax(aval.device).platform
    return "cuda" if found == "gpu" else found


def load_exported(path: Any) -> Exported:
    """The function in a file written by `export`, as a callable of tensors.

    ValueError where the file is none of these; RuntimeError where this version cannot read it.
    """
    name = os.fspath(path)
    try:
        with zipfile.ZipFile(name) as archive:
            about = json.loads(archive.read("about.json"))
            program, text, state = (archive.read(part) for part in ("program.bin", "program.mlir", "state.pt"))
    except (zipfile.BadZipFile, KeyError) as e:
        raise ValueError(f"{name} is no file written by torchish.export ({e})") from None
    except ValueError as e:
        raise ValueError(f"{name} is no file written by torchish.export (about.json: {e})") from None
    if about["format"] > FORMAT:
        raise RuntimeError(f"{name} has format {about['format']}; this torchish reads up to {FORMAT}: a newer one wrote it")
    try:
        loaded = import_program(program)
    except Exception as e:
        raise RuntimeError(f"{name} was written with jax {about['jax']}, and jax {version('jax')} cannot read it: {e}") from e
    return Exported(name, about, loaded, text.decode(), serialization.load(io.BytesIO(state)))


class ExportedProgram:
    """No object is one; libraries annotate with it. NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("torchish makes no ExportedProgram: `torchish.export(model, *inputs)` gives a file that any "
                                  "process with JAX can run, StableHLO inside")


export.ExportedProgram = ExportedProgram      # type: ignore[attr-defined]    # torch.export is a module in PyTorch
