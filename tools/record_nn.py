"""Records what real torch says about nn.Module, optimizers, schedules and data loading.

In: an installed torch (`python tools/record_nn.py tests/golden/nn.json`).  Out: expressions and their results, which
the tests evaluate again with `torch` bound to torchish.
"""
from __future__ import annotations

import json
import sys
import warnings
from typing import Any

REPRS = """
nn.Sequential(nn.Linear(2, 3), nn.ReLU(inplace=True), nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 1, bias=False)))
nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)])
nn.ModuleDict({"a": nn.ReLU(), "b": nn.Sequential()})
nn.ParameterList([nn.Parameter(torch.ones(2, 3)), "x"])
nn.ParameterDict({"b": nn.Parameter(torch.ones(2, 3)), "a": torch.ones(())})
nn.Threshold(0.1, 20)
nn.RReLU()
nn.Hardtanh(-2, 2, True)
nn.ReLU6(True)
nn.ELU(inplace=True)
nn.GELU("tanh")
nn.GLU()
nn.Softshrink()
nn.LeakyReLU(0.2, True)
nn.Softplus()
nn.PReLU(3)
nn.Softmax(dim=1)
nn.CrossEntropyLoss()
nn.Dropout2d(0.3)
nn.Flatten()
nn.Unflatten(1, (2, 3))
nn.Upsample(scale_factor=2)
nn.UpsamplingBilinear2d(size=3)
nn.PixelShuffle(2)
nn.Unfold(3)
nn.MaxPool2d((2, 3), stride=(2, 1), padding=1)
nn.AvgPool1d(2)
nn.AvgPool3d(2)
nn.AdaptiveAvgPool2d((None, 3))
nn.MaxUnpool2d(2)
nn.ZeroPad2d(1)
nn.ConstantPad2d((1, 2, 3, 4), 3.5)
nn.ReflectionPad1d(2)
nn.LocalResponseNorm(2)
nn.GroupNorm(2, 4)
nn.LayerNorm((3, 4), bias=False)
nn.RMSNorm(3)
nn.BatchNorm2d(3)
nn.BatchNorm1d(3, affine=False, momentum=None)
nn.InstanceNorm2d(3)
nn.Embedding(3, 4, padding_idx=-1, max_norm=1.0, norm_type=1, scale_grad_by_freq=True)
nn.EmbeddingBag(3, 4)
nn.Bilinear(2, 3, 4)
nn.Conv1d(2, 4, 3)
nn.Conv2d(2, 4, (3, 2), stride=2, padding=1, dilation=2, groups=2, bias=False, padding_mode="reflect")
nn.Conv2d(2, 4, 3, padding="same")
nn.ConvTranspose2d(2, 4, 3, output_padding=1, stride=2)
optim.SGD([nn.Parameter(torch.ones(1))], lr=1)
optim.AdamW([{"params": [nn.Parameter(torch.ones(1))], "lr": 3}, {"params": [nn.Parameter(torch.ones(1))]}])
nn.Linear(2, 2).load_state_dict({"weight": torch.ones(2, 2), "bias": torch.ones(2)})
""".strip().splitlines()

ERRORS = """
nn.Module().forward()
nn.Module().x
nn.Module(3)
nn.Module(a=3)
setattr(nn.Module.__new__(nn.Module), "a", nn.Parameter(torch.ones(1)))
setattr(nn.Module.__new__(nn.Module), "a", nn.ReLU())
nn.Module.__new__(nn.Module).register_buffer("a", None)
setattr(nn.Linear(2, 2), "weight", torch.ones(2))
setattr(nn.Sequential(nn.ReLU()), "0", 3)
setattr(nn.BatchNorm1d(2), "running_mean", 3)
nn.Module().register_buffer("a.b", None)
nn.Module().register_buffer("", None)
nn.Module().register_buffer("forward", None)
nn.Module().register_buffer("a", 3)
nn.Module().register_buffer(3, None)
nn.Module().register_parameter("a", torch.ones(1))
nn.Module().register_parameter("a.b", None)
nn.Module().add_module("a", 3)
nn.Module().add_module("a.b", None)
nn.Module().add_module("", None)
nn.Module().add_module("forward", None)
nn.Sequential(nn.ReLU()).get_submodule("1.x")
nn.Linear(2, 2).get_submodule("weight")
nn.Linear(2, 2).get_parameter("in_features")
nn.Linear(2, 2).get_buffer("weight")
nn.Linear(2, 2).train("yes")
nn.Linear(2, 2).to(torch.int64)
nn.Linear(2, 2).load_state_dict(3)
nn.Linear(2, 2).load_state_dict({})
nn.Linear(2, 2).load_state_dict({"weight": torch.ones(3, 2), "bias": torch.ones(2), "x": torch.ones(1), "a.b": 1})
nn.Sequential(nn.Linear(2, 2)).load_state_dict({"0.weight": torch.ones(2, 2), "0.q": torch.ones(1)})
nn.Linear(2, 2).load_state_dict({"weight": 3, "bias": torch.ones(2)})
nn.Sequential(nn.ReLU())[1]
nn.ModuleList([nn.ReLU()])[-2]
nn.ParameterList([torch.ones(1)])[1]
nn.ParameterDict({"a": 1})["b"]
nn.ParameterDict({"a": 1})(3)
nn.Dropout(1.5)
nn.Conv2d(3, 4, 3, groups=2)
nn.Conv2d(4, 3, 3, groups=2)
nn.Conv2d(4, 3, 3, groups=0)
nn.Conv2d(3, 4, 3, padding="same", stride=2)
nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect")
nn.GroupNorm(3, 4)
nn.Embedding(3, 4, padding_idx=5)
nn.Embedding(3, 4, _weight=torch.ones(2, 2))
nn.Embedding.from_pretrained(torch.ones(3))
nn.Unflatten(1, 3)
nn.BatchNorm1d(3)(torch.ones(3))
nn.BatchNorm2d(3)(torch.ones(3))
nn.InstanceNorm2d(3)(torch.ones(3))
nn.ConvTranspose2d(1, 1, 3)(torch.ones(1, 1, 4, 4), output_size=(1, 2, 3))
nn.ConvTranspose2d(1, 1, 3, stride=2)(torch.ones(1, 1, 4, 4), output_size=(100, 100))
nn.Bilinear(0, 1, 2)
nn.Softmax2d()(torch.ones(1))
nn.MultiMarginLoss(p=3)
nn.TripletMarginLoss(margin=-1)
nn.Hardtanh(2, 1)
nn.init.calculate_gain("x")
nn.init.kaiming_uniform_(torch.ones(2, 2), mode="x")
nn.init.xavier_uniform_(torch.ones(2))
nn.init.dirac_(torch.ones(2))
nn.init.eye_(torch.ones(2))
nn.init.orthogonal_(torch.ones(2))
nn.init.sparse_(torch.ones(2), 0.1)
optim.SGD([], lr=1)
optim.SGD(torch.ones(1), lr=1)
optim.SGD([3], lr=1)
optim.SGD([nn.Parameter(torch.ones(1)) * 2], lr=1)
optim.SGD([torch.ones(1)], lr=-1)
optim.SGD([torch.ones(1)], momentum=-1)
optim.SGD([torch.ones(1)], weight_decay=-1)
optim.SGD([torch.ones(1)], nesterov=True)
optim.SGD([{"lr": 1}], lr=1)
optim.SGD([torch.ones(1)], lr=1).add_param_group(3)
optim.Adam([torch.ones(1)], betas=(1, 0))
optim.Adam([torch.ones(1)], betas=(0, 1))
optim.Adam([torch.ones(1)], eps=-1)
optim.Adam([torch.ones(1)], fused=True, foreach=True)
optim.AdamW([torch.ones(1)], lr=torch.tensor([1.0, 2.0]))
optim.RMSprop([torch.ones(1)], alpha=-1)
optim.Adagrad([torch.ones(1)], lr_decay=-1)
optim.Adadelta([torch.ones(1)], rho=2)
optim.Rprop([torch.ones(1)], etas=(2, 1))
optim.SGD([torch.ones(1)], lr=1).load_state_dict({"state": {}, "param_groups": []})
optim.SGD([torch.ones(1)], lr=1).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]})
sched.StepLR(3, 1)
sched.LambdaLR(optim.SGD([torch.ones(1)], lr=1), [1, 2])
sched.StepLR(optim.SGD([torch.ones(1)], lr=1), 1, last_epoch=3)
sched.OneCycleLR(optim.SGD([torch.ones(1)], lr=1), 1)
sched.CosineAnnealingWarmRestarts(optim.SGD([torch.ones(1)], lr=1), 0)
sched.LinearLR(optim.SGD([torch.ones(1)], lr=1), start_factor=2)
sched.ConstantLR(optim.SGD([torch.ones(1)], lr=1), factor=2)
sched.ReduceLROnPlateau(optim.SGD([torch.ones(1)], lr=1), factor=2)
sched.SequentialLR(optim.SGD([torch.ones(1)], lr=1), [], [])
sched.ChainedScheduler([])
data.DataLoader(range(5), batch_size=0)
data.DataLoader(range(5), batch_size=None, drop_last=True)
data.DataLoader(range(5), sampler=[1], shuffle=True)
data.DataLoader(range(5), batch_sampler=[[1]], batch_size=2)
data.DataLoader(range(5), num_workers=-1)
data.DataLoader(range(5), prefetch_factor=2)
data.DataLoader(range(5), persistent_workers=True)
setattr(data.DataLoader(range(5)), "batch_size", 3)
data.TensorDataset(torch.ones(2), torch.ones(3))
data.ConcatDataset([])
data.random_split(range(5), [1, 2])
data.RandomSampler([])
data.RandomSampler(range(3), replacement=3)
data.BatchSampler(range(3), 0, False)
data.WeightedRandomSampler(torch.ones(2, 2), 3)
data.default_collate([object()])
data.default_collate([[1, 2], [3]])
data.Dataset()[0]
data.StackDataset()
""".strip().splitlines()

# The parameters of a freshly made module after torch.manual_seed(0).
FRESH = """
nn.Linear(5, 3)
nn.Linear(64, 32)
nn.Conv2d(3, 8, 3)
nn.ConvTranspose1d(4, 6, 3, groups=2)
nn.Bilinear(3, 4, 2)
nn.Embedding(5, 4, padding_idx=1)
nn.Sequential(nn.Conv1d(2, 3, 5), nn.BatchNorm1d(3), nn.PReLU(), nn.Linear(4, 2))
nn.ParameterList([nn.init.xavier_uniform_(torch.empty(4, 5)), nn.init.xavier_normal_(torch.empty(4, 5), 2.0)])
nn.ParameterList([nn.init.kaiming_normal_(torch.empty(4, 5, 3), mode="fan_out", nonlinearity="relu")])
nn.ParameterList([nn.init.trunc_normal_(torch.empty(4, 5)), nn.init.trunc_normal_(torch.empty(30), 3.0, 1.0, 4.0, 5.0)])
nn.ParameterList([nn.init.orthogonal_(torch.empty(4, 6)), nn.init.orthogonal_(torch.empty(6, 2, 2), 3.0)])
nn.ParameterList([nn.init.sparse_(torch.empty(6, 4), 0.3), nn.init.dirac_(torch.empty(4, 2, 3), 2), \
nn.init.eye_(torch.empty(2, 3))])
""".strip().splitlines()

OPTIMIZERS = """
optim.SGD(ps, lr=0.1)
optim.SGD(ps, lr=0.1, momentum=0.9)
optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)
optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.3, maximize=True)
optim.Adam(ps, lr=0.01)
optim.Adam(ps, lr=0.01, betas=(0.3, 0.9), weight_decay=0.05, amsgrad=True)
optim.AdamW(ps, lr=0.01)
optim.AdamW(ps, lr=0.01, amsgrad=True, maximize=True)
optim.NAdam(ps, weight_decay=0.1)
optim.RAdam(ps, lr=0.01)
optim.Adamax(ps, weight_decay=0.1)
optim.RMSprop(ps)
optim.RMSprop(ps, momentum=0.9, centered=True)
optim.Adagrad(ps, lr_decay=0.1, initial_accumulator_value=0.5)
optim.Adadelta(ps)
optim.Rprop(ps)
""".strip().splitlines()

SCHEDULES = """
sched.StepLR(o, 3, 0.5)
sched.MultiStepLR(o, [3, 7, 7, 9], 0.5)
sched.ConstantLR(o, 0.3, 4)
sched.LinearLR(o, 0.3, 0.9, 6)
sched.ExponentialLR(o, 0.93)
sched.PolynomialLR(o, 7, 2.0)
sched.CosineAnnealingLR(o, 9, 0.01)
sched.CosineAnnealingWarmRestarts(o, 4, 2, 0.01)
sched.OneCycleLR(o, [1.0, 2.0], 45)
sched.OneCycleLR(o, 1.0, epochs=5, steps_per_epoch=9, three_phase=True, anneal_strategy="linear")
sched.CyclicLR(o, 0.1, 1.0, 5, 7)
sched.CyclicLR(o, 0.1, 1.0, 5, mode="triangular2")
sched.CyclicLR(o, 0.1, 1.0, 5, mode="exp_range", gamma=0.98)
sched.LambdaLR(o, lambda e: 0.9**e)
sched.MultiplicativeLR(o, lambda e: 0.95)
sched.SequentialLR(o, [sched.LinearLR(o, 0.1, 1.0, 5), sched.CosineAnnealingLR(o, 20), sched.ExponentialLR(o, 0.9)], [5, 25])
sched.ChainedScheduler([sched.ConstantLR(o, 0.1, 5), sched.ExponentialLR(o, 0.9)])
sched.ReduceLROnPlateau(o, patience=2)
sched.ReduceLROnPlateau(o, mode="max", factor=0.5, patience=1, cooldown=2, threshold_mode="abs")
""".strip().splitlines()

# After torch.manual_seed(0); each result is a plain list.
DATA = """
[b.tolist() for b in data.DataLoader(range(10), 3)]
[b.tolist() for b in data.DataLoader(range(10), 3, shuffle=True, drop_last=True)] + [torch.rand(()).item()]
[[b.tolist() for b in l] for l in [data.DataLoader(range(7), 2, shuffle=True)] * 2]
[[b.tolist() for b in l] for l in [data.DataLoader(range(7), 2, shuffle=True, generator=torch.Generator().manual_seed(3))] * 2]
[[t.tolist() for t in b] for b in data.DataLoader(data.TensorDataset(torch.arange(5), torch.arange(10.0).view(5, 2)), 2)]
[b.tolist() for s in data.random_split(data.TensorDataset(torch.arange(10)), [0.5, 0.3, 0.2]) for b, in data.DataLoader(s, 4)]
[s.indices for s in data.random_split(range(9), [4, 5], generator=torch.Generator().manual_seed(1))]
list(data.RandomSampler(range(10)))
list(data.RandomSampler(range(10), num_samples=25))
list(data.RandomSampler(range(10), replacement=True, num_samples=40))
list(data.SubsetRandomSampler([5, 6, 7, 8]))
list(data.WeightedRandomSampler([0.1, 0.9, 0.4], 8))
list(data.WeightedRandomSampler([0.1, 0.9, 0.4], 2, replacement=False))
list(data.BatchSampler(data.SequentialSampler(range(7)), 3, False))
list(data.distributed.DistributedSampler(range(10), 3, 1))
[b.tolist() for b in data.DataLoader(data.ConcatDataset([range(3), range(4)]), 3)]
[b.tolist() for b in data.DataLoader(range(4), batch_size=None, shuffle=True, collate_fn=torch.tensor)]
[b for b in data.DataLoader(["a", "b", "c"], 2)]
data.default_collate([{"a": 1, "b": (1.5, [2])}, {"a": 2, "b": (2.5, [3])}])["b"][1][0].tolist()
str(data.default_collate([1.5, 2.5]).dtype) + str(data.default_collate([True]).dtype) + str(data.default_collate([1]).dtype)
len(data.DataLoader(range(10), 3)) + len(data.DataLoader(range(10), 3, drop_last=True))
""".strip().splitlines()


def names(torch: Any) -> dict[str, Any]:
    """The names that the expressions use."""
    return {"torch": torch, "nn": torch.nn, "optim": torch.optim, "sched": torch.optim.lr_scheduler,
            "data": torch.utils.data}


def fresh(torch: Any, expression: str) -> dict[str, list[float]]:
    """Name and values of every tensor in the state of a module made after seeding."""
    torch.manual_seed(0)
    module = eval(expression, names(torch))
    return {name: value.detach().double().reshape(-1)[:24].tolist() for name, value in module.state_dict().items()}


def train(torch: Any, expression: str, steps: int = 8) -> list[float]:
    """Losses of a small regression in which one parameter has no gradient at every third step, and the last values."""
    values = [((i * 7) % 11 - 5) / 5 for i in range(12)]
    w = torch.nn.Parameter(torch.tensor(values).view(4, 3))
    b = torch.nn.Parameter(torch.tensor([0.1, -0.2, 0.3, 0.5]))
    extra = torch.nn.Parameter(torch.tensor([1.5]))
    x = torch.tensor([((i * 5) % 13 - 6) / 6 for i in range(15)]).view(5, 3)
    optimizer = eval(expression, {**names(torch), "ps": [{"params": [w, b]}, {"params": [extra]}]})
    losses = []
    for i in range(steps):
        optimizer.zero_grad()
        loss = ((x @ w.t() + b) * (extra if i % 3 else 1.0) - 0.5).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses + [float(v) for p in (w, b, extra) for v in p.detach().reshape(-1)]


def rates(torch: Any, expression: str, steps: int = 40) -> list[list[float]]:
    """The learning rates (and momenta) of two groups over `steps` epochs."""
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))]},
                                 {"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.3}], lr=0.1, momentum=0.9)
    schedule = eval(expression, {**names(torch), "o": optimizer})
    metrics = [(3.0 if i < 5 else 1.0) + ((i * 7) % 5) / 10 for i in range(steps)]
    out = []
    for i in range(steps):
        optimizer.step()
        schedule.step(*([metrics[i]] if "Plateau" in expression else []))
        out.append([*schedule.get_last_lr(), *(group["momentum"] for group in optimizer.param_groups)])
    return out


def error(torch: Any, expression: str) -> tuple[str, str] | None:
    """Class and message of what an expression raises."""
    try:
        eval(expression, names(torch))
    except Exception as e:
        return type(e).__name__, str(e)
    return None


def seeded(torch: Any, expression: str) -> Any:
    """The value of an expression after seeding."""
    torch.manual_seed(0)
    return eval(expression, names(torch))


def record(torch: Any) -> dict[str, list]:
    """Everything, as lists of [expression, result]."""
    return {"reprs": [[e, repr(eval(e, names(torch)))] for e in REPRS],
            "errors": [[e, error(torch, e)] for e in ERRORS],
            "fresh": [[e, fresh(torch, e)] for e in FRESH],
            "optimizers": [[e, train(torch, e)] for e in OPTIMIZERS],
            "schedules": [[e, rates(torch, e)] for e in SCHEDULES],
            "data": [[e, seeded(torch, e)] for e in DATA]}


if __name__ == "__main__":
    import torch
    import torch.utils.data.distributed

    warnings.simplefilter("ignore")
    sections = record(torch)
    with open(sys.argv[1], "w") as file:
        body = ",\n".join(f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, rows)) + "\n]"
                          for name, rows in {"meta": [["torch", torch.__version__]], **sections}.items())
        file.write("{\n" + body + "\n}\n")
