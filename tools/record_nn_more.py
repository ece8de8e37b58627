"""Records what real torch says about recurrent layers, attention, parametrizations, lazy modules and further optimizers.

In: an installed torch (`python tools/record_nn_more.py tests/golden/nn_more.json`).  Out: expressions and their results, which
the tests evaluate again with `torch` bound to torchish.
"""
from __future__ import annotations

import json
import sys
import warnings
from typing import Any

# After torch.manual_seed(0): the module, its input, what else it is called with.  x requires a gradient.
RECURRENT = """
nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True, proj_size=2)|torch.randn(2, 5, 3)|x
nn.LSTM(3, 4, 2, bias=False, dropout=0.5)|torch.randn(5, 2, 3)|packed(x, [3, 5])
nn.GRU(3, 4, 2, bidirectional=True)|torch.randn(5, 2, 3)|packed(x, [3, 5])
nn.GRU(3, 4)|torch.randn(5, 3)|x
nn.RNN(3, 4, nonlinearity="relu")|torch.randn(5, 2, 3)|x, torch.ones(1, 2, 4)
nn.LSTMCell(3, 4)|torch.randn(2, 3)|x, (torch.ones(2, 4), torch.ones(2, 4))
nn.GRUCell(3, 4, bias=False)|torch.randn(2, 3)|x
nn.RNNCell(3, 4)|torch.randn(3)|x
""".strip().splitlines()
ATTENTION = """
nn.MultiheadAttention(4, 2, dropout=0.5)|torch.randn(3, 2, 4)|x, x, x
nn.MultiheadAttention(4, 2, batch_first=True)|torch.randn(2, 3, 4)|\
x, x, x, torch.tensor([[False, True, True], [False, False, True]])
nn.MultiheadAttention(4, 2, kdim=3, vdim=2, add_bias_kv=True, add_zero_attn=True)|torch.randn(3, 2, 4)|\
x, torch.ones(5, 2, 3), torch.ones(5, 2, 2)
nn.MultiheadAttention(4, 2)|torch.randn(3, 4)|x, x, x, None, False, torch.ones(3, 3).triu(1).bool()
nn.TransformerEncoderLayer(4, 2, 8, norm_first=True, activation="gelu", batch_first=True)|torch.randn(2, 3, 4)|x
nn.TransformerDecoderLayer(4, 2, 8)|torch.randn(3, 2, 4)|x, torch.ones(5, 2, 4)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2).eval().requires_grad_(False)|\
torch.randn(2, 3, 4).requires_grad_(False)|x.detach(), None, torch.tensor([[False, True, True], [False, False, True]])
nn.Transformer(4, 2, 1, 1, 8, dropout=0.0)|torch.randn(3, 2, 4)|\
x, torch.ones(2, 2, 4), None, nn.Transformer.generate_square_subsequent_mask(2)
""".strip().splitlines()
PARAMETRIZED = """
nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))|torch.randn(2, 3)|x
nn.utils.parametrizations.spectral_norm(nn.ConvTranspose1d(3, 2, 2))|torch.randn(2, 3, 4)|x
nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))|torch.randn(2, 3)|x
nn.utils.weight_norm(nn.Linear(3, 3), dim=None)|torch.randn(2, 3)|x
nn.utils.spectral_norm(nn.Linear(3, 3))|torch.randn(2, 3)|x
""".strip().splitlines()
LAZY = """
nn.LazyLinear(3)|torch.randn(2, 4)|x
nn.LazyConv2d(4, 2, groups=2)|torch.randn(4, 5, 5)|x
nn.LazyConvTranspose1d(3, 2)|torch.randn(2, 4, 5)|x
nn.LazyBatchNorm1d()|torch.randn(3, 4)|x
""".strip().splitlines()
OPTIMIZERS = """
optim.ASGD(ps, lr=0.1, weight_decay=0.1, t0=2, lambd=0.1)
optim.LBFGS(ps, lr=0.5, max_iter=5)
optim.LBFGS(ps, max_iter=5, line_search_fn="strong_wolfe", history_size=3)
""".strip().splitlines()
ERRORS = """
nn.LSTM(3, 4)(torch.ones(2))
nn.LSTM(3, 4)(torch.ones(2, 2, 2))
nn.LSTM(3, 4)(torch.ones(2, 2, 3), (torch.ones(1, 3, 4), torch.ones(1, 2, 4)))
nn.LSTM(3, 4)(torch.ones(2, 3), (torch.ones(1, 1, 4), torch.ones(1, 2, 4)))
nn.GRU(3, 4)(torch.ones(2, 2, 3), torch.ones(1, 4))
nn.GRU(3, 4)(torch.ones(2, 3, dtype=torch.float64))
nn.GRU(3, 4, proj_size=2)
nn.RNN(3, 4, nonlinearity="x")
nn.RNN(3, 4)(torch.ones(0, 2, 3))
nn.LSTMCell(3, 4)(torch.ones(2, 2))
nn.GRUCell(3, 4)(torch.ones(2, 3), torch.ones(1, 4))
nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 1), [1, 3])
nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 1), [3, 0])
nn.utils.rnn.pad_sequence([])
nn.MultiheadAttention(4, 3)
nn.MultiheadAttention(4, 2)(torch.ones(3), torch.ones(3), torch.ones(3))
nn.MultiheadAttention(4, 2)(torch.ones(3, 2, 4), torch.ones(3, 2, 4), torch.ones(3, 2, 4), attn_mask=torch.ones(2, 3))
nn.TransformerEncoderLayer(4, 2, 8, activation="x")
nn.utils.parametrize.remove_parametrizations(nn.Linear(2, 2), "weight")
nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "x", nn.ReLU())
nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "weight", nn.Flatten(0))
nn.LazyLinear(3).weight.shape
nn.LazyConv2d(3, 2)(torch.ones(2, 4))
optim.LBFGS([{"params": [torch.ones(1)]}, {"params": [torch.ones(2)]}])
""".strip().splitlines()
SEQUENCES = """
rnn.pad_sequence([torch.tensor([1, 2, 3]), torch.tensor([4])], True, -1)
rnn.pad_sequence([torch.tensor([1, 2, 3]), torch.tensor([4])], padding_side="left")
list(rnn.pack_sequence([torch.tensor([4]), torch.tensor([1, 2, 3])], enforce_sorted=False))
list(rnn.pad_packed_sequence(rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]), True, 7, 3))
rnn.unpack_sequence(rnn.pack_sequence([torch.tensor([4]), torch.tensor([1, 2, 3])], enforce_sorted=False))
nn.modules.utils._reverse_repeat_tuple((1, 2), 2)
""".strip().splitlines()


def names(torch: Any) -> dict[str, Any]:
    """The names that the expressions use."""
    rnn = torch.nn.utils.rnn

    def packed(x: Any, lengths: list[int]) -> Any:
        return rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    return {"torch": torch, "nn": torch.nn, "optim": torch.optim, "rnn": rnn, "packed": packed}


def flat(value: Any) -> Any:
    """Tensors as lists, inside lists."""
    if isinstance(value, (list, tuple)):
        return [flat(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def run(torch: Any, expression: str) -> dict[str, Any]:
    """Printed form, results, gradients and state of a module called once after seeding."""
    module, x, call = expression.split("|")
    torch.manual_seed(0)
    known = names(torch)
    model = eval(module, known)
    known["x"] = x = eval(x, known)
    x.requires_grad_()
    result = eval(f"({call},)", known)
    out = [t for t in results(model(*result)) if t is not None]
    if out[0].requires_grad:
        sum((t * t).sum() for t in out).backward()
    return {"repr": repr(model), "out": flat(out), "x": None if x.grad is None else flat(x.grad),
            "grads": {n: None if p.grad is None else flat(p.grad) for n, p in model.named_parameters()},
            "state": {n: flat(v.reshape(-1)[:4]) for n, v in model.state_dict().items()}}


def results(value: Any) -> list:
    """The tensors of a result, those of a PackedSequence without its indices."""
    if hasattr(value, "batch_sizes"):
        return [value.data]
    return [t for v in value for t in results(v)] if isinstance(value, (list, tuple)) else [value]


def train(torch: Any, expression: str, steps: int = 4) -> list[float]:
    """Losses of a small regression with a closure, and the last values."""
    w = torch.nn.Parameter(torch.tensor([((i * 7) % 11 - 5) / 5 for i in range(12)]).view(4, 3))
    b = torch.nn.Parameter(torch.tensor([0.1, -0.2, 0.3, 0.5]))
    x = torch.tensor([((i * 5) % 13 - 6) / 6 for i in range(15)]).view(5, 3)
    optimizer = eval(expression, {**names(torch), "ps": [w, b]})

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((x @ w.t() + b).tanh() - 0.5).pow(2).mean()
        loss.backward()
        return loss
    losses = [optimizer.step(closure).item() for _ in range(steps)]
    return losses + [float(v) for p in (w, b) for v in p.detach().reshape(-1)]


def error(torch: Any, expression: str) -> tuple[str, str] | None:
    """Class and first line of what an expression raises."""
    try:
        eval(expression, names(torch))
    except Exception as e:
        return type(e).__name__, str(e).split("\n")[0]
    return None


def rounded(value: Any) -> Any:
    """Floats to six digits: the file stays small."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


def record(torch: Any) -> dict[str, list]:
    """Everything, as lists of [expression, result]."""
    modules = {"recurrent": RECURRENT, "attention": ATTENTION, "parametrized": PARAMETRIZED, "lazy": LAZY}
    return {**{section: [[e, rounded(run(torch, e))] for e in expressions] for section, expressions in modules.items()},
            "optimizers": [[e, rounded(train(torch, e))] for e in OPTIMIZERS],
            "errors": [[e, error(torch, e)] for e in ERRORS],
            "sequences": [[e, flat(eval(e, names(torch)))] for e in SEQUENCES]}


if __name__ == "__main__":
    import torch

    warnings.simplefilter("ignore")
    sections = {"meta": [["torch", torch.__version__]], **record(torch)}
    with open(sys.argv[1], "w") as file:
        body = ",\n".join(f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]"
                          for name, rows in sections.items())
        file.write("{\n" + body + "\n}\n")
