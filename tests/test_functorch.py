"""functorch: modules as functions of tuples, and the names that torch.func has now, with their warnings."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish import functorch, nn
from torchish._functorch import make_functional as plain
from torchish.functorch import experimental


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(2, 2)
        self.two = self.one

    def forward(self, x):
        return self.two(self.one(x))


@pytest.mark.parametrize(("name", "args"), [
    ("vmap", (torch.sin,)), ("grad", (torch.sin,)), ("hessian", (torch.sin,)), ("vjp", (torch.sin, torch.ones(1))),
    ("make_functional", (nn.Linear(1, 1),)), ("combine_state_for_ensemble", ([nn.Linear(1, 1)],))])
def test_every_name_says_what_has_taken_its_place(name, args):
    with pytest.warns(FutureWarning, match=f"`functorch.{name}` is deprecated as of PyTorch 2.0") as said:
        getattr(functorch, name)(*args)
    assert said[0].filename == __file__


def test_a_module_as_a_function_of_its_parameters():
    torch.manual_seed(0)
    module, x = nn.Linear(2, 3), torch.randn(4, 2)
    function, params = plain.make_functional(module)
    assert isinstance(function, functorch.FunctionalModule) and function.param_names == ("weight", "bias")
    assert [type(p) for p in params] == [nn.Parameter] * 2 and params[0] is not module.weight
    assert torch.equal(function(params, x), module(x))
    assert all(p.is_meta and p.requires_grad for p in function.parameters())
    found = torch.func.grad(lambda p: function(p, x).sum())(params)
    module(x).sum().backward()
    assert torch.equal(found[0], module.weight.grad)
    assert not any(p.requires_grad for p in plain.make_functional(module, disable_autograd_tracking=True)[1])
    with pytest.raises(RuntimeError, match=r"make_functional\(model\): `model` has buffers"):
        plain.make_functional(nn.BatchNorm1d(2))
    function, params = plain.make_functional(Tied())
    assert function.param_names == ("one.weight", "one.bias") and function(params, x).shape == (4, 2)


def test_buffers_that_are_written_are_those_given():
    module = nn.BatchNorm1d(2)
    function, params, buffers = plain.make_functional_with_buffers(module)
    assert function.buffer_names == ("running_mean", "running_var", "num_batches_tracked")
    function(params, buffers, torch.arange(8.).view(4, 2))
    assert buffers[0].tolist() == pytest.approx([0.3, 0.4]) and buffers[2].item() == 1
    assert module.running_mean.tolist() == [0, 0]


def test_an_ensemble():
    models, x = [nn.Linear(2, 3) for _ in range(4)], torch.randn(5, 2)
    function, params, buffers = plain.combine_state_for_ensemble(models)
    assert [p.shape for p in params] == [(4, 3, 2), (4, 3)] and buffers == () and not params[0].requires_grad
    got = torch.vmap(function, in_dims=(0, 0, None))(params, buffers, x)
    assert torch.allclose(got, torch.stack([m(x) for m in models]), atol=1e-6)


@pytest.mark.parametrize(("models", "said"), [
    ([], "Expected at least one model, got 0"),
    ([nn.Linear(1, 1), nn.ReLU()], "Expected all models to be of the same class"),
    ([nn.ReLU(), nn.ReLU().eval()], "Expected all models to have the same training/eval mode")])
def test_models_that_are_no_ensemble(models, said):
    with pytest.raises(RuntimeError, match=f"combine_state_for_ensemble: {said}"):
        plain.combine_state_for_ensemble(models)


def test_a_name_that_is_missing():
    with pytest.raises(AttributeError, match="module 'functorch' has no attribute 'jacref'. Nearest: jacrev"):
        functorch.jacref


def test_names_that_were_experimental():
    assert experimental.jvp is torch.func.jvp and experimental.control_flow.cond is torch.cond
    x = torch.arange(10.).view(5, 2)
    calls = []

    def f(row):
        calls.append(row.shape)
        return row.sum()
    assert experimental.chunk_vmap(f, chunks=4)(x).tolist() == [1, 5, 9, 13, 17] and calls == [(2,)]
    assert experimental.chunk_vmap(f, in_dims=1, chunks=1)(x).tolist() == [20, 25]
    with pytest.raises(RuntimeError, match="Only allowed values for randomness"):
        experimental.chunk_vmap(f, randomness="none")


def test_modules_made_as_functions():
    torch.manual_seed(0)
    weights, function, names = plain.functional_init(nn.Linear)(2, 3)
    assert names == ("weight", "bias") and function(weights, (torch.ones(1, 2),)).shape == (1, 3)
    weights, function, _ = plain.functional_init(nn.Linear, (4,))(2, 3)
    assert [tuple(w.shape) for w in weights] == [(4, 3, 2), (4, 3)] and not weights[0].requires_grad
    x = torch.ones(5, 2)
    each = torch.vmap(function, in_dims=(0, None))(weights, (x,))
    assert torch.allclose(each, torch.stack([nn.functional.linear(x, w, b) for w, b in zip(*weights, strict=True)]))
    found = plain.functional_init_with_buffers(nn.BatchNorm1d, [2])(3)
    assert [tuple(b.shape) for b in found[1]] == [(2, 3), (2, 3), (2,)]
    assert found[3:] == (("weight", "bias"), ("running_mean", "running_var", "num_batches_tracked"))
    with pytest.raises(RuntimeError, match="`model` has buffers"):
        plain.functional_init(nn.BatchNorm1d)(3)
    with pytest.raises(ValueError, match="num_models 0 should be > 0"):
        plain.functional_init(nn.Linear, (0,))(1, 1)
    with pytest.raises(ValueError, match="ensemble_shape with more than 1 element"):
        plain.functional_init(nn.Linear, (1, 2))(1, 1)


def test_arguments_by_number():
    pick = torch._functorch.eager_transforms._slice_argnums
    assert pick((7, 8, 9), -1) == (9,) and pick((7, 8, 9), (2, 0)) == (9, 7) and pick((7, 8), 1, as_tuple=False) == 8
    for argnums, said in (((), "argnums must be non-empty"), ((0, -2), r"must be unique, got \(0, 0\)"), (2, "Got argnum=2, but"),
                          (0.0, "argnums must be int or Tuple"), ((0.0,), "argnum must be int, got")):
        with pytest.raises(RuntimeError, match=said):
            pick((7, 8), argnums)


def test_what_libraries_ask_about_the_transform_that_runs():
    ask = torch._C._functorch
    seen = []

    def f(x):
        top = ask.peek_interpreter_stack()
        seen.append((top.key(), top.level(), len(ask.get_interpreter_stack()), ask.maybe_get_level(x), ask.maybe_get_bdim(x)))
        return x.sum()
    x = torch.ones(2, 3)
    torch.vmap(f)(x)
    torch.vmap(torch.func.grad(f), in_dims=1)(x)
    kinds = ask.TransformType
    assert seen == [(kinds.Vmap, 1, 1, 1, 0), (kinds.Grad, 2, 2, 2, -1)]
    assert ask.peek_interpreter_stack() is None and ask.maybe_get_level(x) == -1 and ask.maybe_current_level() is None
    y = torch.arange(24.).view(2, 3, 4)
    assert torch.equal(ask.reshape_dim_into(0, -1, y), y.movedim(0, 1).reshape(3, 8))
    assert torch.equal(ask.reshape_dim_outof(-1, 2, y), y.reshape(2, 3, 2, 2))
    with pytest.raises(RuntimeError, match="to be a multiple of 3"):
        ask.reshape_dim_outof(-1, 3, y)
