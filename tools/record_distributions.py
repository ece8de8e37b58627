"""Records what real torch says about torch.distributions, into tests/golden/distributions.json.

    python tools/record_distributions.py        # needs torch

In: the tables below.  Out: a list of [expression, result]; a result is a text, an error, or the numbers and shapes of tensors.
`tests/test_distributions.py` evaluates the same expressions with torchish through `evaluate`.
"""
from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden" / "distributions.json"

# class -> arguments; g(...) is a tensor that requires grad, t(...) one that does not
DISTRIBUTIONS = {
    "Bernoulli": "g(.2, .7)", "Beta": "g(.5, 2.), g(3., .2)", "Binomial": "5, g(.2, .7)", "Categorical": "logits=g(1., 2.)",
    "Cauchy": "g(0., 1.), g(1., 2.)", "Chi2": "g(1., 3.)", "Dirichlet": "g(.5, 2.)", "Exponential": "g(.5, 2.)",
    "FisherSnedecor": "g(3., 5.), g(3., 6.)", "Gamma": "g(.5, 2.), g(1., 2.)", "Geometric": "g(.2, .7)",
    "Gumbel": "g(0., 1.), g(1., 2.)", "HalfCauchy": "g(1., 2.)", "HalfNormal": "g(1., 2.)",
    "Independent": "D.Normal(g(0., 1.), g(1., 2.)), 1", "InverseGamma": "g(.5, 3.), g(1., 2.)",
    "Kumaraswamy": "g(1., 2.), g(1.5, .5)", "Laplace": "g(0., 1.), g(1., 2.)", "LogNormal": "g(0., 1.), g(1., .5)",
    "LogisticNormal": "g(0., 1.), g(1., .5)", "MixtureSameFamily": "D.Categorical(g(.2, .8)), D.Normal(g(1., 2.), g(.5, 1.))",
    "Multinomial": "3, g(.2, .8)", "MultivariateNormal": "g(0., 1.), torch.tensor([[2., .5], [.5, 1.]])",
    "NegativeBinomial": "5, g(.2, .7)", "Normal": "g(0., 1.), g(1., 2.)", "OneHotCategorical": "g(.2, .8)",
    "OneHotCategoricalStraightThrough": "logits=g(.2, .8)", "Pareto": "g(1., 2.), g(1.5, 3.5)", "Poisson": "g(.5, 9.)",
    "RelaxedBernoulli": "t(.5), g(.2, .8)", "RelaxedOneHotCategorical": "t(.5), g(.2, .8)",
    "StudentT": "g(1., 3.), g(0., 1.), g(1., 2.)", "Uniform": "g(0., 1.), g(2., 3.)", "Weibull": "g(1., 2.), g(1.5, .5)",
    "Wishart": "g(3., 4.), torch.tensor([[2., .5], [.5, 1.]])",
}
READ = ["[repr(d), d.batch_shape, d.event_shape, d.has_rsample, repr(d.support)]", "[d.sample(), d.sample((3,))]",
        "d.log_prob(d.sample((3,)))", "d.entropy()", "[d.mean, d.variance]", "d.mode", "d.cdf(d.sample((3,)))",
        "d.expand((3,) + d.batch_shape).sample()", "d.enumerate_support()"]
GRADIENTS = ["x = d.log_prob(d.sample((3,)))", "x = d.rsample((3,))"]
FAILS_IN_TORCH = {("Wishart", GRADIENTS[1])}        # its backward needs a mask that it has overwritten
DIVERGENCES = {
    "Bernoulli": ["t(.2, .7)", "t(.3, .5)"], "Beta": ["t(1., 2.), t(3., .5)", "t(2., 2.), t(1., .5)"],
    "Categorical": ["t(.2, .8)", "t(.3, .7)"], "Dirichlet": ["t(1., 2.)", "t(2., .3)"],
    "Gamma": ["t(1., 2.), t(3., .5)", "t(2., 2.), t(1., .5)"], "Gumbel": ["t(1., 2.), t(3., .5)", "t(2., 2.), t(1., .5)"],
    "Laplace": ["t(1., 2.), t(3., .5)", "t(2., 2.), t(1., .5)"], "Normal": ["t(1., 2.), t(3., .5)", "t(2., 2.), t(1., .5)"],
    "MultivariateNormal": ["t(1., 2.), torch.eye(2)", "t(0., 2.), torch.tensor([[2., .5], [.5, 1.]])"],
    "Poisson": ["t(1., 2.)", "t(2., .3)"], "LogNormal": ["t(1., 2.), t(3., .5)", "t(2., 2.), t(1., .5)"],
}
# of two classes: p, q
CROSS = ["D.Exponential(t(1., 2.)), D.Gumbel(t(0., 1.), t(1., 2.))",
         "D.Gamma(t(1., 2.), t(2., 3.)), D.Gumbel(t(0., 1.), t(1., 2.))",
         "D.Uniform(t(-1., 1.), t(1., 2.)), D.Gumbel(t(0., 1.), t(1., 2.))", "D.Normal(t(0., 1.), t(1., 2.)), D.Gumbel(0., 2.)",
         "D.Uniform(t(.1, .5, -1.), t(.2, .9, 2.)), D.Beta(t(2., 3., 1.), 1.5)",
         "D.Uniform(t(2., 1.), t(3., 4.)), D.Pareto(1.5, 2.)",
         "D.ContinuousBernoulli(.25), D.Uniform(t(0., -1., .5), t(1., 2., .7))", "D.Beta(1., 2.), D.Uniform(t(0., .5), t(1., 1.))"]
TRANSFORMS = ["AffineTransform(1., -2.)", "SigmoidTransform()", "TanhTransform()", "PowerTransform(t(2.))",
              "StickBreakingTransform()", "CorrCholeskyTransform()", "SoftmaxTransform()",
              "IndependentTransform(D.ExpTransform(), 1)",
              "ComposeTransform([D.AffineTransform(1., 2.), D.StickBreakingTransform()])",
              "CatTransform([D.ExpTransform(), D.AffineTransform(0., 2.)], -1, [1, 2])"]
CONSTRAINTS = ["real", "positive", "unit_interval", "simplex", "lower_cholesky", "positive_definite", "less_than(1.)",
               "interval(1., 3.)", "boolean", "one_hot"]
MISTAKES = ["D.Normal(t(0., 1.), t(-1., 1.))", "D.Normal(0., 1.).log_prob(3)", "D.Bernoulli(.3).log_prob(t(.5))",
            "D.Normal(torch.zeros(3), torch.ones(3)).log_prob(torch.ones(2))", "D.Categorical()", "D.Normal('a', 1)",
            "D.Categorical(torch.tensor(.3))", "D.Independent(D.Normal(0., 1.), 1)",
            "D.Distribution(validate_args=False).rsample()",
            "D.kl_divergence(D.Normal(0., 1.), D.Categorical(t(.5, .5)))", "D.TransformedDistribution(D.Normal(0., 1.), 3)",
            "D.Wishart(1.5, torch.eye(3))", "D.Wishart(3.)", "D.Wishart(3., torch.ones(3))", "D.Dirichlet(t(.5, .2)).mode",
            "D.Beta(t(.5, 2.), t(.5, 2.)).mode"]


def expressions() -> list[str]:
    """Every expression; statements are divided by `;;`, the last part is the result."""
    found = []
    for name, arguments in DISTRIBUTIONS.items():
        leaves = re.findall(r"g\([^)]*\)", arguments)
        named = arguments
        for i, leaf in enumerate(leaves):
            named = named.replace(leaf, f"p{i}", 1)
        setup = ";; ".join([*(f"p{i} = {leaf}" for i, leaf in enumerate(leaves)), f"d = D.{name}({named})"])
        gradients = "[" + ", ".join(f"p{i}.grad" for i in range(len(leaves))) + "]"
        found += [f"{setup};; {read}" for read in READ]
        found += [f"{setup};; {draw};; (x * x).sum().backward();; {gradients}" for draw in GRADIENTS
                  if (name, draw) not in FAILS_IN_TORCH]
    for name, (p, q) in DIVERGENCES.items():
        found.append(f"[D.kl_divergence(D.{name}({p}), D.{name}({q})), D.kl_divergence(D.{name}({q}), D.{name}({p}))]")
    found += [f"D.kl_divergence({pair})" for pair in CROSS]
    for transform in TRANSFORMS:
        setup = f"f = D.{transform};; x = torch.tensor([[.3, .5, .8], [.1, .2, .9]]);; y = f(x)"
        found += [f"{setup};; [y, f.inv(y), repr(f), repr(f.domain), repr(f.codomain)]", f"{setup};; f.log_abs_det_jacobian(x, y)",
                  f"{setup};; [f.forward_shape(x.shape), f.inverse_shape(y.shape)]"]
    for name in CONSTRAINTS:
        found.append(f"c = D.constraints.{name};; [c.check(torch.tensor([[1., 0.], [.3, .7]])), repr(c)]")
        found += [f"repr(D.{registry}(D.constraints.{name}))" for registry in ("transform_to", "biject_to")]
    return found + MISTAKES


def evaluate(torch: Any, expression: str) -> Any:
    """The expression's result as JSON keeps it."""
    torch.manual_seed(3)
    scope = {"torch": torch, "D": torch.distributions, "t": lambda *v: torch.tensor(v if len(v) > 1 else v[0]),
             "g": lambda *v: torch.tensor(v, requires_grad=True)}
    *statements, result = (part.strip() for part in expression.split(";;"))
    try:
        for statement in statements:
            exec(statement, scope)
        return _plain(eval(result, scope))
    except Exception as error:
        return {"error": type(error).__name__, "says": str(error).split("\n")[0]}


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "values": [f"{x:.8g}" for x in value.detach().double()
                                                                                  .reshape(-1).tolist()]}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if isinstance(value, (bool, str)) or value is None else str(value)


def main() -> None:
    """Writes the file."""
    import torch
    import torch.distributions
    warnings.simplefilter("ignore")
    rows = [json.dumps([expression, evaluate(torch, expression)]) for expression in expressions()]
    GOLDEN.write_text("[\n" + ",\n".join(rows) + "\n]\n")


if __name__ == "__main__":
    main()
