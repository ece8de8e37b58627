"""torch.utils.flop_counter: the numbers are PyTorch's on the CPU, found by running the same lines there."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish import nn
from torchish.nn import functional as F
from torchish.utils.flop_counter import FlopCounterMode, flop_registry, register_flop_formula

aten = torch.ops.aten


def T(*shape, grad=False):
    return torch.zeros(shape, requires_grad=grad)


def pulled(y):
    y.sum().backward()


@pytest.mark.parametrize(("call", "counts"), [
    (lambda: torch.mm(T(4, 5), T(5, 6)), {"mm": 240}),
    (lambda: T(4, 5) @ T(5), {}),
    (lambda: T(5) @ T(5, 6), {"mm": 60}),
    (lambda: T(3, 4, 5) @ T(5, 6), {"mm": 720}),
    (lambda: T(4, 5) @ T(3, 5, 6), {"bmm": 720}),
    (lambda: T(2, 3, 4, 5) @ T(3, 5, 6), {"bmm": 1440}),
    (lambda: torch.addmm(T(6), T(4, 5), T(5, 6)), {"addmm": 240}),
    (lambda: torch.einsum("ab,bc->ac", T(6, 7), T(7, 8)), {"bmm": 672}),
    (lambda: torch.einsum("...i,ij->...j", T(2, 3, 4), T(4, 5)), {"bmm": 240}),
    (lambda: torch.einsum("i,j->ij", T(6), T(5)), {}),
    (lambda: torch.tensordot(T(5, 3), T(3, 2), 1), {"mm": 60}),
    (lambda: F.conv2d(T(2, 3, 6, 6), T(6, 3, 4, 4), padding=1), {"convolution": 28800}),
    (lambda: F.conv1d(T(3, 6), T(6, 3, 4), padding=1), {"convolution": 720}),
    (lambda: F.scaled_dot_product_attention(T(2, 3, 4, 8), T(2, 3, 5, 8), T(2, 3, 5, 6)), {"bmm": 3360}),
    (lambda: nn.GRU(3, 4, 2)(T(5, 2, 3)), {"addmm": 3600}),
    (lambda: nn.LSTMCell(3, 4)(T(2, 3)), {"addmm": 448}),
    (lambda: nn.MultiheadAttention(8, 2)(*[T(5, 2, 8)] * 3), {"addmm": 5120, "bmm": 1600}),
    (lambda: T(3).cos(), {}),
    # backwards
    (lambda: pulled(T(3, 4, 5, grad=True) @ T(5, 6, grad=True)), {"mm": 2160}),
    (lambda: pulled(T(3, 4, 5, grad=True) @ T(3, 5, 6)), {"bmm": 1440}),
    (lambda: pulled(nn.Linear(5, 6)(T(3, 4, 5))), {"addmm": 720, "mm": 720}),
    (lambda: pulled(torch.einsum("bij,bjk->bik", T(2, 6, 7, grad=True), T(2, 7, 8, grad=True))), {"bmm": 4032}),
    (lambda: pulled(torch.baddbmm(T(3, 4, 6), T(3, 4, 5, grad=True), T(3, 5, 6))), {"baddbmm": 720, "bmm": 720}),
    (lambda: pulled(nn.Conv2d(4, 6, 3, padding=1, groups=2)(T(2, 4, 8, 8))), {"convolution": 27648, "convolution_backward": 55296}),
    (lambda: pulled(nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2)(T(2, 4, 8, 8, grad=True))),
     {"convolution": 27648, "convolution_backward": 82944}),
    (lambda: pulled(nn.GRU(3, 4, 2)(T(5, 2, 3))[0]), {"addmm": 3600, "mm": 6096}),
])
def test_counts(call, counts):
    with FlopCounterMode(display=False) as counter:
        call()
    found = counter.get_flop_counts().get("Global", {})
    assert found == {getattr(aten, name): n for name, n in counts.items()} and counter.get_total_flops() == sum(counts.values())


def test_modules_and_the_table(capsys):
    model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Sequential(nn.Linear(6, 7)))
    with FlopCounterMode(depth=1) as counter:
        pulled(model(T(4, 5)))
    counts = counter.get_flop_counts()
    assert counts["Sequential.0"] == {aten.addmm: 240, aten.mm: 240}
    assert counts["Sequential.2.0"] == counts["Sequential.2"] == {aten.addmm: 336, aten.mm: 672}
    assert counts["Global"] == counts["Sequential"] == {aten.addmm: 576, aten.mm: 912}
    assert capsys.readouterr().out == counter.get_table() + "\n" == """\
Module             FLOP    % Total
-------------  --------  ---------
Sequential     1488.000    100.00%
 - aten.addmm   576.000     38.71%
 - aten.mm      912.000     61.29%
"""
    assert counter.get_table(3).splitlines()[-1] == "   - aten.mm       672.000     45.16%"
    with counter:
        model(T(4, 5)), torch.mm(T(400, 500), T(500, 600))
    assert counter.get_table().splitlines()[2:5] == ["Global          240.001M    100.00%", " - aten.addmm     0.001M      0.00%",
                                                     " - aten.mm      240.000M    100.00%"]
    with counter:
        pass
    assert counter.get_table().splitlines()[-1].split() == ["Global", "0.000", "0%"]


def test_what_is_counted():
    a = T(5, 5, grad=True)
    with FlopCounterMode(display=False) as counter:
        loss = (a @ a).sum()
        gradient, = torch.autograd.grad(loss, a, retain_graph=True)
        assert gradient.tolist() == a.tolist() and counter.get_total_flops() == 750
        loss.backward()                             # the step has ended: its graph is gone through
    assert counter.get_total_flops() == 1250
    a @ a
    assert counter.get_total_flops() == 1250        # the block has ended
    with counter, torch.no_grad():
        b = a @ a
    assert counter.get_total_flops() == 250 and b.tolist() == a.tolist()


def test_formulas_of_ones_own():
    with FlopCounterMode(display=False, custom_mapping={aten.add: lambda *args, out_shape: 5}) as counter:
        T(4, 5) + T(5)
    assert counter.get_total_flops() == 5

    def raw(*args, out_val):
        return out_val.numel()
    raw._get_raw = True
    with FlopCounterMode(display=False, custom_mapping={aten.add: raw}) as counter:
        T(4, 5) + T(5)
    assert counter.get_total_flops() == 20

    @torch.library.custom_op("flops::squared", mutates_args=())
    def squared(x: torch.Tensor) -> torch.Tensor:
        return x @ x
    with FlopCounterMode(display=False) as counter:
        squared(T(3, 3))
    assert counter.get_flop_counts()["Global"] == {aten.mm: 54}
    try:
        @register_flop_formula(torch.ops.flops.squared)
        def formula(x, out_shape=None):
            return 1000 * x[0] + out_shape[1]
        with FlopCounterMode(display=False) as counter:
            squared(T(3, 3))
        assert counter.get_flop_counts()["Global"] == {torch.ops.flops.squared: 3003}
        with pytest.raises(RuntimeError, match="^duplicate registrations for flops.squared"):
            register_flop_formula(torch.ops.flops.squared)(formula)
    finally:
        flop_registry.pop(torch.ops.flops.squared, None)
    with pytest.raises(ValueError, match="expected each target to be OpOverloadPacket"):
        register_flop_formula(torch.ops.flops.squared.default)(lambda x: 0)
    with pytest.warns(UserWarning, match="^mods argument is not needed anymore"):
        FlopCounterMode(nn.ReLU(), display=False)
