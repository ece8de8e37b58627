"""torch.distributions against what real torch said: samples of the same seeds, densities, moments, gradients, errors."""
from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import torchish as torch

_HERE = Path(__file__).resolve().parent
_spec = importlib.util.spec_from_file_location("record_distributions", _HERE.parent / "tools" / "record_distributions.py")
recorder = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recorder)
GOLDEN = json.loads(recorder.GOLDEN.read_text())
FAMILIES = sorted({expression.split("d = D.")[1].split("(")[0] for expression, _ in GOLDEN if "d = D." in expression})
OTHERS = [row for row in GOLDEN if "d = D." not in row[0]]


def close(got: Any, wanted: Any, tolerance: float) -> bool:
    """Equal, numbers within the tolerance."""
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(close(g, w, tolerance) for g, w in zip(got, wanted))
    if not isinstance(wanted, dict) or "values" not in wanted:
        return str(got).replace("torchish", "torch") == str(wanted)
    if (got.get("dtype"), got.get("shape")) != (wanted["dtype"], wanted["shape"]):
        return False
    pairs = [(float(g), float(w)) for g, w in zip(got["values"], wanted["values"], strict=True)]
    return all((math.isnan(g) and math.isnan(w)) or math.isclose(g, w, rel_tol=tolerance, abs_tol=tolerance / 10)
               for g, w in pairs)


def check(rows: list) -> None:
    wrong = []
    for expression, wanted in rows:
        got = recorder.evaluate(torch, expression)
        # torch's own derivatives of gamma and Dirichlet numbers are approximations of 1e-3; gradients are sums that cancel
        tolerance = 2e-3 if "rsample" in expression else 1e-4 if "backward" in expression else 1e-5
        if not close(got, wanted, tolerance):
            wrong.append(f"{expression}\n  {got}\n  {wanted}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.filterwarnings("ignore:Singular sample detected")      # of every sample of a Wishart distribution, as in torch
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family(family):
    rows = [row for row in GOLDEN if f"d = D.{family}(" in row[0]]
    left_out = sum(name == family for name, _ in recorder.FAILS_IN_TORCH)
    assert len(rows) == len(recorder.READ) + len(recorder.GRADIENTS) - left_out
    check(rows)


def test_divergences_transforms_constraints_and_mistakes():
    assert len(OTHERS) == (len(recorder.DIVERGENCES) + len(recorder.CROSS) + 3 * len(recorder.TRANSFORMS)
                           + 3 * len(recorder.CONSTRAINTS) + len(recorder.MISTAKES))
    check(OTHERS)


def test_it_is_loaded_when_it_is_asked_for():
    code = ("import sys, torchish as torch; assert 'torchish.distributions' not in sys.modules; torch.distributions.Normal; "
            "from torchish.distributions.normal import Normal; assert Normal is torch.distributions.Normal; print('fine')")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "fine\n"


def test_a_policy_gradient_step():
    """log_prob of sampled actions reaches the weights; the gradient is the one of the formula."""
    logits = torch.tensor([[0.1, 0.2, -0.3]], requires_grad=True)
    policy = torch.distributions.Categorical(logits=logits)
    action = policy.sample()
    (-policy.log_prob(action) * 2.0).sum().backward()
    expected = 2 * (torch.softmax(logits.detach(), -1) - torch.nn.functional.one_hot(action, 3))
    assert torch.allclose(logits.grad, expected, atol=1e-6)


def test_gamma_samples_of_a_large_shape_have_exact_gradients():
    torch.manual_seed(0)
    alpha = torch.full((3,), 1e5, requires_grad=True)
    torch.distributions.Gamma(alpha, 1.0).rsample().sum().backward()
    assert alpha.grad.tolist() == pytest.approx([1.0024365186691284, 0.9995360374450684, 0.9982852339744568], rel=1e-6)


def test_continuous_bernoulli_is_an_exponential_family():
    given = torch.distributions.ContinuousBernoulli(torch.tensor([0.1, 0.499, 0.5, 0.9], dtype=torch.float64))
    theta, = given._natural_params
    assert given._log_normalizer(theta).tolist() == pytest.approx([-0.9050, -0.0020, 0, 1.2922], abs=1e-4)
    other = torch.distributions.ContinuousBernoulli(torch.tensor(0.4, dtype=torch.float64))
    divergence = torch.distributions.kl._kl_expfamily_expfamily(given, other)
    assert torch.allclose(divergence, torch.distributions.kl_divergence(given, other))
