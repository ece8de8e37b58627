"""Compares modules and optimizers with PyTorch on the inputs of PyTorch's own databases of them, and prints where they differ.

In: the torch that is installed (with `expecttest`), names as a regular expression.  Out: one line for each name, check and kind of
difference, as tools/op_database.py prints them.

    python tools/module_database.py --names "nn.Conv.*|Adam.*" --checks forward,grad,optimizer --samples 3
"""
from __future__ import annotations

import argparse
import copy
import io
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import op_database as ops
import torch
from op_checks import asked, gradients, short
from op_database import Foreign, difference
from op_golden import cotangent, flat_tensors
from torch.testing._internal.common_modules import FunctionInput, ModuleErrorEnum, module_db
from torch.testing._internal.common_optimizers import _get_optim_inputs_including_global_cliquey_kwargs as with_flags
from torch.testing._internal.common_optimizers import optim_db

import torchish

Found = tuple[str, Any, Any] | None     # what differs, torch's, torchish's


def moved(x: Any, seen: dict) -> Any:
    """What op_database moves, and parameters, modules, classes of modules and the inputs of modules."""
    if isinstance(x, FunctionInput):
        return FunctionInput(*moved(x.args, seen), **moved(x.kwargs, seen))
    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        return torchish.nn.utils.rnn.PackedSequence(*[moved(v, seen) for v in x])
    if isinstance(x, torch.nn.Parameter):
        return seen.setdefault(id(x), (x, torchish.nn.Parameter(ops.tensor(x), x.requires_grad)))[1]
    if isinstance(x, torch.nn.Module):
        file = io.BytesIO()
        torch.save(x, file)
        file.seek(0)
        return torchish.load(file, weights_only=False)
    if isinstance(x, type) and x.__module__.startswith("torch.nn"):
        return getattr(torchish.nn, x.__name__)
    return plain(x, seen)


plain, ops.moved = ops.moved, moved


def text(x: Any) -> str:
    return str(x).replace("torchish", "torch")


def both(ask: Callable[..., Any], theirs: tuple, ours: tuple, compare: Callable[[Any, Any], Found]) -> Found:
    """What differs between what `ask(torch, ...)` and `ask(torchish, ...)` return or raise."""
    results = []
    for lib, given in ((torch, theirs), (torchish, ours)):
        lib.manual_seed(0)
        results.append(asked(lambda lib=lib, given=given: ask(lib, *given)))
    (a, error), (b, own_error) = results
    if error or own_error:
        return ("error", error or "(none)", own_error or "(none)") if error != own_error else None
    return compare(a, b)


def alike(a: Any, b: Any) -> Found:
    """Both in text and in their tensors: of nests of dicts, lists and tensors."""
    def shown(x: Any) -> str:
        if isinstance(x, dict):
            return str({k: shown(v) for k, v in x.items()})
        return f"{short(x.dtype)}{list(x.shape)}" if hasattr(x, "requires_grad") else \
            str([shown(v) for v in x]) if isinstance(x, (list, tuple)) else text(x)

    def inside(x: Any) -> list:
        values = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
        return [x] if hasattr(x, "requires_grad") and hasattr(x, "shape") else [t for v in values for t in inside(v)]
    return ("text", shown(a), shown(b)) if shown(a) != shown(b) else difference(inside(a), inside(b))


# ---- modules ----
def built(lib: Any, cls: type, given: FunctionInput) -> list:
    module = cls(*given.args, **given.kwargs)
    lazy = issubclass(cls, lib.nn.modules.lazy.LazyModuleMixin)
    return [repr(module), {} if lazy else dict(module.state_dict()), [(n, p.requires_grad) for n, p in module.named_parameters()]]


def forward(lib: Any, module: Any, given: FunctionInput) -> list:
    out = module(*given.args, **given.kwargs)
    return [out, [x.stride() for x in flat_tensors(out)]]


def grad(lib: Any, module: Any, given: FunctionInput) -> list:
    """The gradients of inputs and parameters."""
    leaves = [*flat_tensors([*given.args, *given.kwargs.values()]), *module.parameters()]
    return gradients(lib, flat_tensors(module(*given.args, **given.kwargs)), [x for x in leaves if x.requires_grad])


def hooks(lib: Any, module: Any, given: FunctionInput) -> list:
    """What full backward hooks see."""
    seen: list = []
    module.register_full_backward_hook(lambda m, gi, go: seen.append([gi, go]))
    return [grad(lib, module, given), seen]


def saved(lib: Any, module: Any, given: FunctionInput) -> list:
    """The results of copies, and the state."""
    copies = [pickle.loads(pickle.dumps(module)), copy.deepcopy(module)]
    return [[m(*given.args, **given.kwargs) for m in copies if not m.training], dict(module.state_dict())]


def cast(lib: Any, module: Any, given: FunctionInput) -> list:
    return [dict(copy.deepcopy(module).to(getattr(lib, name)).state_dict()) for name in ("float64", "float16")]


MODULE_CHECKS: dict[str, Callable] = {"forward": forward, "grad": grad, "hooks": hooks, "saved": saved, "cast": cast}


def of_module(info: Any, checks: list[str], limit: int, dtypes: list[str]) -> Iterator[tuple[str, str, Found]]:
    """(check, case, what differs) for the inputs of one module."""
    cls, own = info.module_cls, ops.counterpart(f"nn.{info.module_cls.__name__}")
    for dtype in [d for d in info.supported_dtypes("cpu") if short(d) in dtypes]:
        for training in (True, False) if info.train_and_eval_differ else (True,):
            torch.manual_seed(0)
            inputs = list(info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training))
            for given in inputs[::max(1, len(inputs) // limit)]:
                case, seen = f"{short(dtype)} {'train' if training else 'eval'} {given.desc}", {}
                made, fed = moved(given.constructor_input, seen), moved(given.forward_input, seen)
                wrong = both(built, (cls, given.constructor_input), (own, made), alike)
                yield "built", case, wrong
                if wrong or info.is_lazy:
                    continue
                torch.manual_seed(0)
                a = cls(*given.constructor_input.args, **given.constructor_input.kwargs).to(dtype).train(training)
                for check in checks:
                    if check in MODULE_CHECKS:
                        theirs, ours = (copy.deepcopy(a), given.forward_input), (moved(a, {}), fed)
                        yield check, case, both(MODULE_CHECKS[check], theirs, ours, alike)
    if "errors" in checks and info.module_error_inputs_func:
        yield from of_errors(info, cls, own)


def of_errors(info: Any, cls: type, own: type) -> Iterator[tuple[str, str, Found]]:
    """The same for the inputs that a module refuses."""
    def refused(lib: Any, kind: type, made: FunctionInput, fed: FunctionInput | None) -> None:
        module = kind(*made.args, **made.kwargs)
        if fed is not None:
            module(*fed.args, **fed.kwargs)
    for wrong in info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=True):
        given, seen = wrong.module_error_input, {}
        fed = given.forward_input if wrong.error_on is ModuleErrorEnum.FORWARD_ERROR else None
        theirs = (cls, given.constructor_input, fed)
        ours = (own, moved(given.constructor_input, seen), moved(fed, seen))
        yield "errors", given.desc, both(refused, theirs, ours, lambda a, b: None)


# ---- optimizers ----
def stepped(lib: Any, name: str, options: dict, dtype: str) -> list:
    """Parameters, state and text after some steps, of two groups where there may be two; the state is loaded again between them."""
    given = {k: lib.tensor(v.item()) if isinstance(v, torch.Tensor) else v for k, v in options.items()}
    shapes = [(3, 4), (4, 2)] if name == "Muon" else [(3, 4), (4,), ()]
    params = [lib.nn.Parameter(lib.tensor(cotangent(s, dtype) * (i + 1))) for i, s in enumerate(shapes)]
    groups: Any = params if name == "LBFGS" else [{"params": params[:1], "lr": 0.03}, {"params": params[1:]}]

    def closure() -> Any:
        for p in params:
            p.grad = None
        loss = sum(((p.abs() - 1.1) ** 2).sum() for p in params)
        if name == "LBFGS":
            loss.backward()
        else:       # gradients to the last bit, as Muon rounds to few
            for i, p in enumerate(params):
                p.grad = lib.tensor(cotangent(shapes[i], dtype) * (0.5 + i))
        return loss
    optimizer = getattr(lib.optim, name)(groups, **given)
    for k in range(4):
        if k == 2:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = getattr(lib.optim, name)(groups, **given)
            optimizer.load_state_dict(state)
        optimizer.step(closure)
    return [[p.detach() for p in params], optimizer.state_dict(), repr(optimizer)]


def refused_options(lib: Any, name: str, params: Any, options: dict) -> None:
    default = [lib.nn.Parameter(lib.ones(2, 3))]
    getattr(lib.optim, name)(default if params is None else params, **options).step()


def of_optimizer(info: Any, checks: list[str], limit: int, dtypes: list[str]) -> Iterator[tuple[str, str, Found]]:
    """(check, case, what differs) for the options of one optimizer."""
    if "optimizer" in checks and not info.only_supports_sparse_grads:
        for given in with_flags("cpu", None, info):
            for dtype in [d for d in dtypes if d != "complex128" or (info.supports_complex and info.name != "Muon")]:
                yield "optimizer", f"{dtype} {given.kwargs}", both(stepped, *[(info.name, given.kwargs, dtype)] * 2, alike)
    if "errors" in checks:
        for wrong in info.optim_error_inputs_func("cpu", torch.float32):
            given, seen = wrong.optimizer_error_input, {}
            try:
                ours = (info.name, moved(given.params, seen), moved(given.kwargs, seen))
            except Foreign:
                continue
            for theirs, own in seen.values():
                if isinstance(theirs, torch.Tensor) and theirs.grad is not None:
                    own.grad = ops.tensor(theirs.grad)
            yield "errors", given.desc, both(refused_options, (info.name, given.params, given.kwargs), ours, lambda a, b: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--names", default=".*")
    parser.add_argument("--checks", default="forward,grad,hooks,saved,cast,errors,optimizer")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--dtypes", default="float64,complex128", help="of these, what PyTorch's databases list")
    asked_for = parser.parse_args()
    warnings.simplefilter("ignore")
    modules = [info for info in module_db if info.module_cls.__module__.startswith("torch.nn.")]
    names, calls = set(), 0
    for info, cases in [*((i, of_module) for i in modules), *((i, of_optimizer) for i in optim_db)]:
        if re.fullmatch(asked_for.names, info.name):
            found: dict[tuple[str, str], list] = {}
            names.add(info.name)
            try:
                for check, case, wrong in cases(info, asked_for.checks.split(","), asked_for.samples, asked_for.dtypes.split(",")):
                    calls += 1
                    if wrong:
                        found.setdefault((check, wrong[0]), []).append((case, *wrong[1:]))
            except Foreign as e:
                found["left out", ""] = [("", e, "")]
            for (check, what), wrongs in found.items():
                print(info.name, check, f"{what} x{len(wrongs)}", *wrongs[0], sep=" | ", flush=True)
    print(f"compared {calls} cases of {len(names)} modules and optimizers")


if __name__ == "__main__":
    main()
