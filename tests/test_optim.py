"""Optimizers, schedules and gradient clipping against recorded trajectories of torch."""
from __future__ import annotations

import copy
import math
import pickle
import warnings

import numpy as np
import pytest
from counting import counting
from nn_golden import cases, recorder

import torchish as torch
from torchish import nn, optim
from torchish.optim.lr_scheduler import StepLR


@pytest.mark.parametrize(("text", "expected"), cases("optimizers"))
def test_trajectory(text: str, expected: list) -> None:
    np.testing.assert_allclose(recorder.train(torch, text), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("text", "expected"), cases("schedules"))
def test_rates(text: str, expected: list) -> None:
    assert recorder.rates(torch, text) == expected


@pytest.mark.parametrize(("text", "expected"), cases("errors", "optim.", "sched."))
def test_error(text: str, expected: list) -> None:
    assert recorder.error(torch, text) == tuple(expected)


def model() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return nn.Linear(3, 2), torch.ones(4, 3)


def step(m: nn.Module, x: torch.Tensor, o: optim.Optimizer) -> float:
    o.zero_grad()
    loss = (m(x) - 1).pow(2).mean()
    loss.backward()
    o.step()
    return loss.item()


@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5), optim.Adam, optim.NAdam,
                                  lambda p: optim.AdamW(p, amsgrad=True), optim.RMSprop, optim.Adagrad])
def test_saved_state_goes_on_where_it_was(make: object) -> None:
    m, x = model()
    o = make(m.parameters())
    for _ in range(3):
        step(m, x, o)
    saved, twin = copy.deepcopy(o.state_dict()), copy.deepcopy(m)
    p = make(twin.parameters())
    p.load_state_dict(pickle.loads(pickle.dumps(saved)))
    assert [step(m, x, o) for _ in range(3)] == [step(twin, x, p) for _ in range(3)]


def test_state_has_torch_names_and_types() -> None:
    m, x = model()
    o = optim.Adam(m.parameters(), amsgrad=True)
    assert o.state_dict()["state"] == {}
    step(m, x, o)
    step(m, x, o)
    state = o.state[m.weight]
    assert list(state) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    assert state["step"].dtype == torch.float32 and state["step"].shape == () and state["step"].item() == 2
    assert type(o.state_dict()["state"][0]) is dict and o.state_dict()["param_groups"][0]["params"] == [0, 1]
    state["step"] += 3
    step(m, x, o)
    assert o.state[m.weight]["step"].item() == 6 and o.state[m.bias]["step"].item() == 3


def test_a_parameter_that_is_a_view_in_a_step_known_to_end_after_the_update() -> None:
    def train(first: torch.Tensor) -> list:
        second = nn.Parameter(torch.ones(3))
        o = optim.SGD([first, second], lr=0.5, momentum=0.5)
        seen = []
        for _ in range(3):
            o.zero_grad()
            (first * second).sum().backward()
            o.step()
            seen.append((first + second).tolist()[0])
        return seen

    memory = torch.ones(3)
    memory.tolist()
    expected = train(nn.Parameter(torch.ones(3)))
    view = memory.detach().requires_grad_()
    assert train(view) == expected == [1.0, 0.0, -0.5]
    assert memory.tolist() == view.tolist() == [-0.25] * 3


def test_parameters_without_gradient_stay() -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    o = optim.SGD([a, b], lr=0.5, momentum=0.9)
    a.sum().backward()
    o.step()
    assert b.tolist() == [1, 1] and a.tolist() == [0.5, 0.5] and b not in o.state


def test_closure_hooks_and_groups() -> None:
    m, x = model()
    o = optim.SGD([{"params": [m.weight], "lr": 0.0}, {"params": [m.bias]}], lr=0.1)
    log = []
    o.register_step_pre_hook(lambda opt, args, kwargs: log.append("before") if args[0] is opt and args[1:] == (closure,) else None)
    o.register_step_post_hook(lambda opt, args, kwargs: log.append("after"))
    before = m.weight.tolist()

    def closure() -> torch.Tensor:
        o.zero_grad()
        loss = m(x).sum()
        loss.backward()
        return loss

    assert isinstance(o.step(closure), torch.Tensor)
    assert log == ["before", "after"] and m.weight.tolist() == before
    o.register_step_pre_hook(lambda opt, args, kwargs: ((opt, lambda: 7), {}))
    assert o.step(closure) == 7


DIFFERENTIABLE = {
    "SGD": ({"lr": 0.9, "momentum": 0.5}, ["momentum_buffer"]),
    "Adam": ({"amsgrad": True}, ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]),
    "RMSprop": ({"momentum": 0.9, "centered": True, "maximize": True},
                ["square_avg", "momentum_buffer", "grad_avg"]),
    "Adadelta": ({"weight_decay": 0.1}, ["square_avg", "acc_delta"]), "Adagrad": ({}, ["sum"]), "ASGD": ({}, ["ax"]),
    "Adamax": ({}, ["exp_avg", "exp_inf"]), "RAdam": ({}, ["exp_avg", "exp_avg_sq"]), "Rprop": ({}, ["prev", "step_size"]),
    "NAdam": ({"decoupled_weight_decay": True, "weight_decay": 0.1}, ["exp_avg", "exp_avg_sq", "mu_product"])}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_differentiable_step(name: str) -> None:
    """The new parameter has the gradients of finite differences, with respect to the old one, its gradient and its states."""
    options, states = DIFFERENTIABLE[name]
    torch.manual_seed(0)
    old = [torch.rand(() if n == "mu_product" else 2, dtype=torch.float64) * (0.01 if n == "grad_avg" else 0.9)
           for n in ["p", "g", *states]]

    def after(p: torch.Tensor, g: torch.Tensor, *values: torch.Tensor) -> tuple:
        p = p.clone()
        p.grad = g
        o = getattr(optim, name)([p], differentiable=True, **options)
        count = {"step": torch.tensor(10.0)} if name != "SGD" else {}
        o.state[p].update({k: v.clone() for k, v in zip(states, values, strict=True)} | count)
        o.step()
        return p, *[o.state[p][k] for k in states]

    assert torch.autograd.gradcheck(after, tuple(x.requires_grad_() for x in old))


def test_differentiable_step_through_its_numbers() -> None:
    lr, decay = (torch.tensor(v, requires_grad=True, dtype=torch.float64) for v in (0.1, 0.3))
    p = torch.tensor([1.0, -2.0], dtype=torch.float64).requires_grad_().clone()
    o = optim.SGD([p], lr=lr, weight_decay=decay, differentiable=True)
    p.grad = torch.tensor([0.5, 1.0], dtype=torch.float64)
    o.step()                                                            # p - lr (g + decay p)
    assert p.tolist() == pytest.approx([1 - 0.1 * 0.8, -2 - 0.1 * 0.4])
    assert torch.autograd.grad(p.sum(), [lr, decay]) == (pytest.approx(-1.2), pytest.approx(0.1))


def test_differentiable_step_of_a_leaf_is_refused() -> None:
    p = nn.Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        optim.Adam([p], differentiable=True).step()
    with pytest.raises(AssertionError, match="_foreach ops don't support autograd"):
        optim.Adam([p], differentiable=True, foreach=True).step()


def test_first_momentum_of_a_differentiable_step_is_a_constant() -> None:
    g = torch.ones(2, requires_grad=True)
    p = torch.ones(2, requires_grad=True).clone()
    p.grad = g * 3
    o = optim.SGD([p], lr=0.5, momentum=0.9, differentiable=True)
    o.step()
    assert p.tolist() == [-0.5, -0.5] and torch.autograd.grad(p.sum(), g, allow_unused=True) == (None,)


@pytest.mark.parametrize(("name", "what"), [("Adam", ""), ("NAdam", ", mu_products"), ("ASGD", ", mus, etas,")])
def test_capturable_steps_are_refused_on_the_cpu(name: str, what: str) -> None:
    p = nn.Parameter(torch.ones(2))
    o = getattr(optim, name)([p], capturable=True)
    o.step()                    # nothing to do
    p.grad = torch.ones(2)
    with pytest.raises(AssertionError, match=f"If capturable=True, params{what} and state_steps must be on supported devices: "):
        o.step()
    assert p.tolist() == [1, 1]


def test_fused_is_refused_for_what_is_not_floating_point() -> None:
    for made in ({"dtype": torch.complex64}, {"device": "meta"}):
        w = torch.ones(2, requires_grad=True, **made)
        optimizer = optim.SGD([w], fused=True)
        optimizer.step()
        w.grad = torch.ones_like(w)
        with pytest.raises(RuntimeError, match="^`fused=True` requires all the params to be floating point Tensors"):
            optimizer.step()


def test_counts_in_a_loaded_state_may_be_numbers() -> None:
    m, x = model()
    o = optim.Adam(m.parameters())
    step(m, x, o)
    saved = copy.deepcopy(o.state_dict())
    for values in saved["state"].values():
        values["step"] = 5
    o.load_state_dict(saved)
    assert o.state[m.weight]["step"].dtype == torch.float32
    step(m, x, o)
    assert o.state[m.bias]["step"].item() == 6


def test_counts_are_wide_where_the_default_dtype_is() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        m, x = nn.Linear(3, 2), torch.ones(4, 3)
        o = optim.Adam(m.parameters())
        step(m, x, o)
        assert o.state[m.weight]["step"].dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_rates_of_a_swa_schedule_asked_for_outside_a_step() -> None:
    s = optim.swa_utils.SWALR(optim.SGD(model()[0].parameters(), lr=0.1), 0.05)
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        s.get_lr()


def test_a_step_is_checked_with_states_that_have_a_history() -> None:
    """gradcheck changes inputs where they lie, also those that are no leaves."""
    mean = 0.1 * torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: mean * mean, (mean,)) and mean.grad_fn is not None


def test_own_optimizer() -> None:
    class Plain(optim.Optimizer):
        def __init__(self, params: object, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self, closure: object = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["step"] = state.get("step", 0) + 1
                    p.add_(p.grad, alpha=-group["lr"])

    m, x = model()
    o = Plain(m.parameters(), 0.1)
    losses = [step(m, x, o) for _ in range(3)]
    assert losses[2] < losses[0] and o.state[m.weight]["step"] == 3


def test_order_of_steps_is_checked() -> None:
    m, x = model()
    o = optim.SGD(m.parameters(), lr=0.1)
    s = StepLR(o, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        s.step()
    o = optim.SGD(m.parameters(), lr=0.1)
    s = StepLR(o, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(m, x, o)
        s.step()
    with pytest.warns(UserWarning, match="get_last_lr"):
        s.get_lr()
    again = StepLR(optim.SGD(m.parameters(), lr=0.1), 1)
    again.load_state_dict(s.state_dict())
    assert again.last_epoch == 1 and again.get_last_lr() == s.get_last_lr()


def test_steps_before_the_scheduler_do_not_count_and_an_overridden_step_is_noticed() -> None:
    m, x = model()
    o = optim.SGD(m.parameters(), lr=0.1)
    step(m, x, o)
    s = StepLR(o, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        s.step()
    o = optim.SGD(m.parameters(), lr=0.1)
    o.step = lambda inner=o.step: inner()               # overridden before: it is watched like any other
    s = StepLR(o, 1)
    step(m, x, o)
    s.step()
    s = StepLR(o, 1)
    o.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden after learning rate scheduler initialization"):
        s.step()


GOLDEN = {
    'Adafactor(p, lr=0.1)':
        [1.140822, 0.919781, 0.695072, 0.820193, 1.044259, 1.339647, 0.644071, 1.355929, 0.643916],
    'Adafactor(p, weight_decay=0.1, maximize=True)':
        [0.982469, 1.004097, 1.025989, 1.013388, 0.991422, 0.962502, 1.032181, 0.959831, 1.0325],
    'Muon(p[:1], lr=0.1)':
        [0.788606, 0.76004, 0.917211, 0.76044, 0.936748, 1.136692, 1.0, 1.0, 1.0],
    "Muon(p[:1], lr=0.1, nesterov=False, adjust_lr_fn='match_rms_adamw', weight_decay=0)":
        [0.918675, 0.928451, 1.00477, 0.930718, 1.012043, 1.08322, 1.0, 1.0, 1.0],
}
# after four steps from ones with the gradients below, and the states of the first parameter; from torch
MATRIX = [("Adafactor(p, lr=0.1)", 1e-5, "step row_var col_var"), ("Adafactor(p, weight_decay=0.1, maximize=True)", 1e-5, ""),
          ("Muon(p[:1], lr=0.1)", 2e-2, "momentum_buffer"),
          ("Muon(p[:1], lr=0.1, nesterov=False, adjust_lr_fn='match_rms_adamw', weight_decay=0)", 2e-2, "")]


@pytest.mark.parametrize(("text", "tolerance", "names"), MATRIX)
def test_methods_for_matrices(text: str, tolerance: float, names: str) -> None:
    p = [nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(3))]
    o = eval(f"optim.{text}")
    for k in range(4):
        p[0].grad, p[1].grad = (torch.arange(1.0, 7).reshape(2, 3) - k).sin(), torch.tensor([0.5, -1.0, k])
        o.step()
    np.testing.assert_allclose(torch.cat([x.detach().reshape(-1) for x in p]).numpy(), GOLDEN[text], atol=tolerance)
    if names:
        assert list(o.state[p[0]]) == names.split()
    twin = eval(f"optim.{text}")
    twin.load_state_dict(pickle.loads(pickle.dumps(o.state_dict())))
    assert twin.state_dict()["param_groups"] == o.state_dict()["param_groups"] and repr(twin) == repr(o)


def test_sparse_adam_updates_the_rows_that_were_taken() -> None:
    table = nn.Embedding(4, 2, sparse=True)
    nn.init.ones_(table.weight)
    o = optim.SparseAdam(table.parameters(), lr=0.1)
    for rows in ([1, 2], [1, 1], [3, 0]):
        o.zero_grad()
        table(torch.tensor(rows)).sum().backward()
        o.step()
    assert table.weight[:, 0].tolist() == pytest.approx([0.93611866, 0.80348188, 0.9, 0.93611866])
    state = o.state_dict()["state"][0]
    assert state["step"] == 3 and state["exp_avg"][:, 1].tolist() == pytest.approx([0.1, 0.29, 0.1, 0.1])
    bag = nn.EmbeddingBag(2, 1, sparse=True, mode="sum", _weight=torch.ones(2, 1))
    o = optim.SparseAdam(bag.parameters(), lr=0.1, maximize=True)
    bag(torch.tensor([[1, 1]])).sum().backward()
    o.step()
    assert bag.weight.flatten().tolist() == pytest.approx([1, 1.1])


@pytest.mark.parametrize(("text", "error", "message"), [
    ("Muon([torch.ones(2)])", ValueError, "Muon only supports 2D parameters whereas we found a parameter with size"),
    ("Muon(p, adjust_lr_fn='x')", ValueError, "Adjust learning rate function x is not supported"),
    ("Muon(p, lr=-1)", ValueError, "Learning rate should be >= 0 but is: -1"),
    ("Adafactor(p, d=0.5)", ValueError, "Clipping threshold d should be >= 1 but is: 0.5"),
    ("Adafactor(p, beta2_decay=1)", ValueError, "beta2_decay should be <= 0 but is: 1"),
    ("SparseAdam(p).step()", RuntimeError, "SparseAdam does not support dense gradients"),
    ("SparseAdam(p, lr=0)", ValueError, "Invalid learning rate: 0"),
    ("SparseAdam([torch.ones(2).to_sparse().requires_grad_()])", ValueError,
     "Sparse params at indices \\[\\[0, 0\\]\\]: SparseAdam requires dense parameter tensors"),
    ("Adam(p, lr=torch.tensor(0.1), foreach=True)", ValueError, "lr as a Tensor is not supported for capturable=False and foreach"),
    ("Adam(p, betas=(torch.tensor(0.9), 0.99))", ValueError, "betas must be either both floats or both Tensors"),
    ("Adam(p, betas=(0, 0.9))", ValueError, "betas must be either both floats or both Tensors"),
])
def test_what_optimizers_refuse(text: str, error: type, message: str) -> None:
    p = [nn.Parameter(torch.ones(2, 2))]
    p[0].grad = torch.ones(2, 2)
    with pytest.raises(error, match=message):
        eval(f"optim.{text}")


def test_methods_for_matrices_refuse_complex_parameters() -> None:
    p = nn.Parameter(torch.ones(2, 2, dtype=torch.complex64))
    p.grad = torch.ones(2, 2, dtype=torch.complex64)
    for kind in (optim.Adafactor, optim.Muon):
        with pytest.raises(RuntimeError, match=f"{kind.__name__} does not support complex parameters"):
            kind([p]).step()


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
def test_clip_grad_norm(norm_type: float) -> None:
    a, b = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))
    ga, gb = np.array([3.0, -4.0, 1.0], np.float32), np.array([[1.0, 2.0], [-2.0, 0.5]], np.float32)
    a.grad, b.grad = torch.tensor(ga), torch.tensor(gb)
    flat = np.concatenate([ga, gb.ravel()])
    total = np.linalg.norm(flat, norm_type)
    norm = nn.utils.clip_grad_norm_([a, b], 2.0, norm_type)
    np.testing.assert_allclose(norm.item(), total, rtol=1e-6)
    np.testing.assert_allclose(a.grad.tolist(), ga * 2 / (total + 1e-6), rtol=1e-6)
    nn.utils.clip_grad_value_([a, b], 0.25)
    assert max(a.grad.abs().max().item(), b.grad.abs().max().item()) == 0.25
    assert nn.utils.clip_grad_norm_([nn.Parameter(torch.ones(1))], 1.0).item() == 0


def test_clip_nonfinite_and_vectors() -> None:
    a = nn.Parameter(torch.zeros(2))
    a.grad = torch.tensor([1.0, math.inf])
    with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_([a], 1.0, error_if_nonfinite=True)
    m, _ = model()
    vector = nn.utils.parameters_to_vector(m.parameters())
    nn.utils.vector_to_parameters(torch.arange(8.0), m.parameters())
    assert vector.shape == (8,) and m.bias.tolist() == [6, 7] and m.weight.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_schedules_keep_copies_of_tensors_they_are_given() -> None:
    top, low, swa = torch.tensor(0.2), torch.tensor(0.8), torch.tensor(0.05)
    make = [lambda o: optim.lr_scheduler.CyclicLR(o, 0.1, top, base_momentum=low, max_momentum=0.9),
            lambda o: optim.lr_scheduler.OneCycleLR(o, top, total_steps=10, base_momentum=low),
            lambda o: optim.swa_utils.SWALR(o, swa)]
    opts = [optim.SGD(model()[0].parameters(), lr=0.1, momentum=0.9) for _ in make]
    schedules = [f(o) for f, o in zip(make, opts, strict=True)]
    for t in (top, low, swa):
        t.mul_(0.5)
    assert [round(float(x), 4) for x in schedules[0].max_lrs] == [0.2]
    assert round(float(opts[0].param_groups[0]["base_momentum"]), 4) == 0.8
    assert round(float(opts[1].param_groups[0]["max_lr"]), 4) == 0.2
    assert round(float(opts[2].param_groups[0]["swa_lr"]), 4) == 0.05
    with pytest.warns(UserWarning) as seen:
        StepLR(opts[0], 2).step(1)
    assert optim.lr_scheduler.EPOCH_DEPRECATION_WARNING in [str(w.message) for w in seen]


def test_the_history_of_lbfgs_grows_without_a_program_for_each_length() -> None:
    """The lists of the state show what it remembers; loaded, and copied, it goes on."""
    x, y = torch.linspace(-1, 1, 40).reshape(10, 4), torch.linspace(0, 2, 10)
    w = torch.zeros(4, requires_grad=True)

    def closure() -> torch.Tensor:
        made.zero_grad()
        loss = ((x @ w.tanh()).exp() - y).square().mean() + (w ** 4).sum()
        loss.backward()
        return loss

    made = optim.LBFGS([w], lr=0.02, max_iter=9)
    made.step(closure)
    made.step(closure)      # from the fourth step remembered to the sixteenth
    with counting() as count:
        made.step(closure)
        made.step(closure)
    state = made.state[w]
    assert count.compiled <= 6 and len(state["old_dirs"]) == len(state["old_stps"]) == len(state["ro"]) == 35
    assert len(state["al"]) == 100 and [v is None for v in state["al"]] == [k > 34 for k in range(100)]
    for s, d, ro in zip(state["old_dirs"], state["old_stps"], state["ro"]):
        assert (s @ d).item() * ro.item() == pytest.approx(1, rel=1e-4)
    saved, before = copy.deepcopy(made.state_dict()), w.detach().clone()
    made.step(closure)
    after = w.tolist()
    for again in (optim.LBFGS([w], lr=0.02, max_iter=9), made):
        w.data.copy_(before)
        again.load_state_dict(copy.deepcopy(saved))
        made = again
        made.step(closure)
        assert w.tolist() == pytest.approx(after, rel=1e-4) and len(made.state[w]["ro"]) == 44
    short = optim.LBFGS([w], lr=0.02, max_iter=9, history_size=6)
    short.load_state_dict({**short.state_dict(), "state": {}})
    made = short
    for _ in range(3):
        made.step(closure)
    state = made.state[w]
    assert len(state["ro"]) == 6 and torch.equal(state["old_dirs"][-1], state["old_dirs"][5])
    kept = [s.clone() for s in state["old_stps"]]
    made.param_groups[0]["max_iter"] = 2
    made.step(closure)
    assert [torch.equal(a, b) for a, b in zip(made.state[w]["old_stps"], kept[2:])] == [True] * 4


@pytest.mark.parametrize("kind", [optim.Adadelta, optim.Adagrad, optim.AdamW, optim.NAdam, optim.RMSprop, optim.Rprop, optim.SGD])
def test_a_file_from_before_an_option_was_there(kind):
    found = []
    for lost in ([], ["maximize", "foreach", "capturable", "differentiable", "fused", "amsgrad", "nesterov", "centered"]):
        w = nn.Parameter(torch.tensor([1.0, 2.0]))
        o = kind([w], lr=0.1)
        w.grad = torch.tensor([1.0, -1.0])
        o.step()
        saved = o.state_dict()
        for name in lost:
            saved["param_groups"][0].pop(name, None)
        o.load_state_dict(saved)
        o.step()
        found.append((w.tolist(), o.param_groups[0]["maximize"], set(o.param_groups[0])))
    assert found[0] == found[1]
