"""Compares the training of random models with PyTorch: layers of all kinds, losses, optimizers, schedules, clipping, dtypes.

In: the torch that is installed; the numbers of the first and of the last model.  Out: a line for each model whose losses,
parameters, buffers, gradients or refusals differ, and how many were compared.  Random numbers (weights, dropout) are PyTorch's.

    python tools/random_models.py 0 100
"""
from __future__ import annotations

import copy
import io
import math
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torchish

Shape = tuple[int, ...]     # without the batch
CLASSES, WORDS, STEPS = 3, 11, 4
TOLERANCE = {"float64": 1e-7, "float32": 2e-3, "bfloat16": 8e-2}
ACTIVATIONS = ["ReLU", "Tanh", "Sigmoid", "GELU", "SiLU", "ELU", "SELU", "CELU", "LeakyReLU", "Softplus", "Mish", "Hardswish",
               "Softsign", "Hardtanh", "ReLU6", "LogSigmoid", "Tanhshrink", "Hardsigmoid", "PReLU", "Softmax"]


def conv(nn: Any, s: Shape, r: Random) -> tuple[Any, Shape]:
    """A convolution of any number of dimensions, forward or transposed."""
    d, k, stride, pad, out = len(s) - 1, r.choice([1, 3]), r.choice([1, 1, 2]), r.choice([0, 1]), r.choice([2, 4])
    groups = r.choice([1, 2]) if s[0] % 2 == 0 else 1
    if min(s[1:]) < 3:
        stride, pad = 1, k // 2
    if r.random() < 0.25:
        layer = getattr(nn, f"ConvTranspose{d}d")(s[0], out, k, stride, k // 2, groups=groups, bias=r.random() < 0.7)
        return layer, (out, *[(n - 1) * stride - 2 * (k // 2) + k for n in s[1:]])
    mode = r.choice(["zeros", "zeros", "reflect", "circular", "replicate"]) if pad and min(s[1:]) > 1 else "zeros"
    layer = getattr(nn, f"Conv{d}d")(s[0], out, k, stride, pad, groups=groups, bias=r.random() < 0.7, padding_mode=mode)
    return layer, (out, *[(n + 2 * pad - k) // stride + 1 for n in s[1:]])


def image_layer(nn: Any, s: Shape, r: Random) -> tuple[Any, Shape]:
    """A layer for (channels, ...) and the shape of what it gives."""
    d = len(s) - 1
    kind = r.choice(["conv", "conv", "conv", "norm", "norm", "pool", "dropout", "up"])
    if kind == "conv":
        return conv(nn, s, r)
    if kind == "norm":
        several = math.prod(s[1:]) > 1
        norms = [lambda: nn.GroupNorm(1, s[0]), lambda: nn.GroupNorm(s[0], s[0]) if several else nn.GroupNorm(1, s[0]),
                 lambda: getattr(nn, f"BatchNorm{d}d")(s[0], momentum=r.choice([0.1, None]), affine=r.random() < 0.7),
                 lambda: nn.LayerNorm(s), lambda: nn.LocalResponseNorm(2),
                 lambda: getattr(nn, f"InstanceNorm{d}d")(s[0], affine=True) if several else nn.Identity()]
        return r.choice(norms)(), s
    if kind == "dropout":
        return r.choice([nn.Dropout(0.3), getattr(nn, f"Dropout{d}d")(0.3), nn.AlphaDropout(0.2)]), s
    if kind == "up":
        if max(s[1:]) > 6:
            return nn.Identity(), s
        linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[d]
        return nn.Upsample(scale_factor=2, mode=r.choice(["nearest", linear])), (s[0], *[n * 2 for n in s[1:]])
    if min(s[1:]) < 2:
        return nn.Identity(), s
    if r.random() < 0.3:
        return getattr(nn, f"Adaptive{r.choice(['Avg', 'Max'])}Pool{d}d")(2), (s[0], *[2] * d)
    return getattr(nn, f"{r.choice(['Avg', 'Max'])}Pool{d}d")(2), (s[0], *[n // 2 for n in s[1:]])


def residual(nn: Any, inner: Any) -> Any:
    """x + inner(x)."""
    class Residual(nn.Module):      # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Any) -> Any:
            return x + self.inner(x)
    return Residual()


def vector_layer(nn: Any, s: Shape, r: Random) -> tuple[Any, Shape]:
    """A layer for vectors."""
    n, = s
    kind = r.choice(["linear", "linear", "residual", "norm", "dropout", "parametrized"])
    if kind == "norm":
        return r.choice([nn.LayerNorm(n), nn.BatchNorm1d(n), nn.RMSNorm(n)]), s
    if kind == "dropout":
        return r.choice([nn.Dropout(0.4), nn.FeatureAlphaDropout(0.2)]), s
    if kind == "residual":
        return residual(nn, nn.Sequential(nn.Linear(n, 5), getattr(nn, r.choice(ACTIVATIONS[:9]))(), nn.Linear(5, n))), s
    out = r.choice([3, 6, 8])
    linear = nn.Linear(n, out, bias=r.random() < 0.8)
    if kind == "parametrized":
        linear = r.choice([nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm])(linear)
    return linear, (out,)


def first_of(nn: Any, layer: Any) -> Any:
    """The first result of a layer that gives several."""
    class First(nn.Module):      # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Any) -> Any:
            found = self.layer(x, x, x) if isinstance(layer, nn.MultiheadAttention) else self.layer(x)
            return found[0]
    return First()


def sequence_layer(nn: Any, s: Shape, r: Random) -> tuple[Any, Shape]:
    """A layer for (times, numbers)."""
    times, n = s
    kind = r.choice(["rnn", "rnn", "attention", "encoder", "linear", "norm"])
    if kind == "rnn":
        both = r.random() < 0.3
        layer = getattr(nn, r.choice(["LSTM", "GRU", "RNN"]))(n, 4, r.choice([1, 2]), batch_first=True, bidirectional=both,
                                                              dropout=r.choice([0, 0.2]))
        return first_of(nn, layer), (times, 8 if both else 4)
    if kind == "attention" and n % 2 == 0:
        return first_of(nn, nn.MultiheadAttention(n, 2, dropout=r.choice([0, 0.2]), batch_first=True)), s
    if kind == "encoder" and n % 2 == 0:
        return nn.TransformerEncoderLayer(n, 2, 8, dropout=r.choice([0.0, 0.1]), batch_first=True, norm_first=r.random() < 0.5,
                                          activation=r.choice(["relu", "gelu"])), s
    if kind == "norm":
        return nn.LayerNorm(n), s
    return nn.Linear(n, 6), (times, 6)


def model(nn: Any, r: Random) -> tuple[Any, str, Shape]:
    """A random model that gives `CLASSES` numbers, and what it takes: "image", "vector" or "words", and its shape."""
    kind = r.choice(["image", "vector", "words"])
    shape: Shape = {"image": (2, *[6] * r.choice([1, 2, 2, 3])), "vector": (6,), "words": (5, 4)}[kind]
    taken, layers = shape, [nn.Embedding(WORDS, 4, padding_idx=r.choice([None, 0]))] if kind == "words" else []
    make = {"image": image_layer, "vector": vector_layer, "words": sequence_layer}[kind]
    for _ in range(r.randint(1, 5)):
        layer, shape = make(nn, shape, r)
        layers.append(layer)
        if r.random() < 0.5:
            name = r.choice(ACTIVATIONS)
            layers.append(nn.Softmax(-1) if name == "Softmax" else getattr(nn, name)())
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(math.prod(shape), CLASSES)), kind, taken


LOSSES: dict[str, Callable] = {
    "CrossEntropyLoss": lambda lib, r, out, t, y: (out, y), "NLLLoss": lambda lib, r, out, t, y: (out.log_softmax(-1), y),
    "MSELoss": lambda lib, r, out, t, y: (out, t), "L1Loss": lambda lib, r, out, t, y: (out, t),
    "SmoothL1Loss": lambda lib, r, out, t, y: (out, t), "HuberLoss": lambda lib, r, out, t, y: (out, t),
    "BCEWithLogitsLoss": lambda lib, r, out, t, y: (out, t.sigmoid()),
    "KLDivLoss": lambda lib, r, out, t, y: (out.log_softmax(-1), t.softmax(-1)),
    "SoftMarginLoss": lambda lib, r, out, t, y: (out, t.sign()), "MultiMarginLoss": lambda lib, r, out, t, y: (out, y),
    "PoissonNLLLoss": lambda lib, r, out, t, y: (out, t.abs()),
    "GaussianNLLLoss": lambda lib, r, out, t, y: (out, t, out.square() + 0.1),
    "CosineEmbeddingLoss": lambda lib, r, out, t, y: (out, t, t[:, 0].sign()),
}
OPTIMIZERS: list[Callable] = [
    lambda o, p: o.SGD(p, 0.05), lambda o, p: o.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda o, p: o.SGD(p, 0.05, momentum=0.5, dampening=0.1, maximize=True), lambda o, p: o.Adam(p, 0.01),
    lambda o, p: o.Adam(p, 0.01, amsgrad=True, weight_decay=0.1), lambda o, p: o.AdamW(p, 0.01), lambda o, p: o.RMSprop(p, 0.01),
    lambda o, p: o.RMSprop(p, 0.01, centered=True, momentum=0.5), lambda o, p: o.Adagrad(p, 0.05), lambda o, p: o.Adadelta(p),
    lambda o, p: o.NAdam(p, 0.01), lambda o, p: o.RAdam(p, 0.01), lambda o, p: o.Adamax(p, 0.01), lambda o, p: o.ASGD(p, 0.05),
    lambda o, p: o.Rprop(p, 0.01), lambda o, p: o.Adafactor(p, 0.01),
]
SCHEDULES: list[Callable] = [
    lambda s, o: None, lambda s, o: s.StepLR(o, 2, 0.5), lambda s, o: s.CosineAnnealingLR(o, 3),
    lambda s, o: s.ExponentialLR(o, 0.8), lambda s, o: s.LambdaLR(o, lambda k: 1 / (k + 1)),
    lambda s, o: s.OneCycleLR(o, 0.1, total_steps=STEPS + 1, cycle_momentum=False),
    lambda s, o: s.LinearLR(o), lambda s, o: s.PolynomialLR(o, 3), lambda s, o: s.CosineAnnealingWarmRestarts(o, 2),
    lambda s, o: s.SequentialLR(o, [s.ConstantLR(o), s.ExponentialLR(o, 0.5)], [2]),
]


def groups(net: Any, r: Random) -> Any:
    """The parameters, sometimes in groups of their own options, sometimes some of them frozen."""
    parameters = list(net.parameters())
    if r.random() < 0.2:
        parameters[0].requires_grad_(False)
    if r.random() < 0.3 and len(parameters) > 1:
        return [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.003}]
    return parameters


def run(lib: Any, number: int) -> tuple[str, list]:
    """What model `number` is, and what it shows: its losses, then parameters, buffers and gradients."""
    r, numbers = Random(number), np.random.RandomState(number)
    lib.manual_seed(number)
    dtype = r.choice(["float64", "float64", "float64", "float32", "bfloat16"])
    net, kind, taken = model(lib.nn, r)
    dt = getattr(lib, dtype)
    net.to(dt)
    # what divides by the size of gradients makes rounding errors visible: of tiny ones, and of zeros (the keys' bias in attention)
    rounds = dtype != "float64" or any(isinstance(m, lib.nn.MultiheadAttention) for m in net.modules())
    optimizer = r.choice(OPTIMIZERS[:3] if rounds else OPTIMIZERS)(lib.optim, groups(net, r))
    schedule = r.choice(SCHEDULES)(lib.optim.lr_scheduler, optimizer)
    loss_name = r.choice(list(LOSSES))
    loss_fn = getattr(lib.nn, loss_name)(reduction=r.choice(["mean", "sum"]))
    clip, average, shown = r.choice(["none", "norm", "value"] if dtype != "bfloat16" else ["none"]), None, []
    if r.random() < 0.3:
        average = lib.optim.swa_utils.AveragedModel(net)
    accumulate, reads, reload = r.choice([1, 1, 2]), r.random() < 0.5, r.random() < 0.3
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=r.random() < 0.7)
        for _ in range(accumulate):
            x = numbers.randint(0, WORDS, (4, 5)) if kind == "words" else numbers.randn(4, *taken)
            given = lib.tensor(x) if kind == "words" else lib.tensor(x).to(dt)
            target, label = lib.tensor(numbers.randn(4, CLASSES)).to(dt), lib.tensor(numbers.randint(0, CLASSES, 4))
            loss = loss_fn(*LOSSES[loss_name](lib, r, net(given), target, label))
            loss.backward()
            if reads:
                shown.append(loss.item())
        trained = [p for p in net.parameters() if p.grad is not None]
        if clip == "norm":
            shown.append(lib.nn.utils.clip_grad_norm_(trained, 0.5))
        elif clip == "value":
            lib.nn.utils.clip_grad_value_(trained, 0.05)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        if average is not None:
            average.update_parameters(net)
        if reload and step == 1:
            file = io.BytesIO()
            lib.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, file)
            file.seek(0)
            saved = lib.load(file)
            net.load_state_dict(saved["net"])
            optimizer.load_state_dict(saved["optimizer"])
            copy.deepcopy(net)
    net.eval()
    with lib.no_grad():
        shown.append(net(given))
    shown += [*(average or net).state_dict().values(), *[p.grad for p in net.parameters()]]
    names = ", ".join(type(m).__name__ for m in net.modules() if not list(m.children()))
    what = f"{dtype} {kind} {taken} [{names}] {loss_name} {type(optimizer).__name__} {type(schedule).__name__} {clip}"
    return what, [x.detach().double().numpy() if hasattr(x, "detach") else x for x in shown]


def same(a: Any, b: Any, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    scale = np.nanmax(np.abs(a), initial=1e-3) if np.size(a) else 1
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, tolerance, tolerance * scale, equal_nan=True))


def tried(lib: Any, number: int) -> tuple[str, list | str]:
    """`run`, or what it raised."""
    try:
        return run(lib, number)
    except Exception as e:
        if "--trace" in sys.argv:
            traceback.print_exc()
        return "", f"{type(e).__name__}: {str(e)[:150]}"


def main(first: int, last: int) -> int:
    warnings.simplefilter("ignore")
    differ = 0
    for number in range(first, last):
        what, theirs = tried(torch, number)
        if isinstance(theirs, str) and theirs.startswith("NotImplementedError"):
            continue        # PyTorch has no kernel for the dtype
        _, ours = tried(torchish, number)
        if isinstance(theirs, str) or isinstance(ours, str):
            if theirs != ours:
                differ += 1
                said = [x if isinstance(x, str) else "fine" for x in (theirs, ours)]
                print(number, what, *said, sep=" | ", flush=True)
            continue
        tolerance = TOLERANCE[what.split()[0]]
        place = next((k for k, pair in enumerate(zip(theirs, ours, strict=False)) if not same(*pair, tolerance)), None)
        if place is not None or len(theirs) != len(ours):
            differ += 1
            at = -1 if place is None else place
            print(number, what, at, np.ravel(theirs[at])[:4], np.ravel(ours[at])[:4], sep=" | ", flush=True)
    print(f"compared {last - first} models, {differ} differ")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
