"""The device meta as torch has it: what is printed, which errors are raised, how modules without values are built and filled.

In: expressions that both evaluate.  Out: the same text, or the same class of error with the same first sentence.
"""
from __future__ import annotations

import copy
import io
import pickle
import re
import warnings

import pytest
import torch

import torchish

pytestmark = pytest.mark.parity
SENTENCE = re.compile(r"[.;] |\n")


def saved(t, value, **options):
    """`value` after torch.save and torch.load."""
    file = io.BytesIO()
    t.save(value, file)
    return t.load(io.BytesIO(file.getvalue()), **options)


def names(t):
    m, r = t.empty(3, 4, device="meta"), t.ones(3, 4, device="meta", requires_grad=True)
    return {"t": t, "nn": t.nn, "F": t.nn.functional, "m": m, "r": r, "s": t.empty((), device="meta"), "c": t.ones(3, 4),
            "z": t.tensor(2.0), "i": t.zeros(3, dtype=t.int64, device="meta"), "b": t.zeros(3, 4, dtype=t.bool, device="meta"),
            "linear": lambda **k: t.nn.Linear(3, 4, **k), "copy": copy, "pickle": pickle,
            "saved": lambda value, **options: saved(t, value, **options)}


def told(t, expression):
    """The text of a value, or the class and first sentence of an error; with the warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            text = repr(eval(expression, names(t)))
        except Exception as error:
            text = f"{type(error).__name__}: {SENTENCE.split(str(error))[0]}"
    return text.replace("torchish", "torch"), [(w.category.__name__, str(w.message)) for w in seen]


PRINTED = """
m | s | i | b | r | r * 2 | (r * 2).sum() | m.t() | [m, (s,)] | f"{s}" | t.zeros(0, device='meta') | m.to(t.complex64)
t.empty(*[1] * 30, device='meta', dtype=t.float64, requires_grad=True) | nn.Parameter(m) | m.max(1) | m.expand(2, 3, 4)
nn.ParameterList([m]) | m.untyped_storage() | m.type() | m.device | t.empty(2, device='meta:1').device | m.data_ptr()
(m.is_meta, m.is_cpu, m.is_cuda, c.is_meta, m.get_device()) | c.to('meta', t.float16) | c.t().to('meta').stride()
c.to('meta') is c | m.to('meta') is m | m + z | z + m | m * z.to(t.float64) | 2 ** m | m.copy_(c) | m.fill_(2) | t.where(m > 0, z, m)
t.arange(0, 1, 0.1, device='meta') | t.linspace(0, 1, 5, device='meta') | t.eye(3, device='meta') | t.tensor([1, 2], device='meta')
t.full((2,), 1.5, device='meta') | t.arange(10 ** 13, device='meta').shape | t.as_tensor(c, device='meta') | t.hann_window(5, device='meta')
t.empty_like(m, device='cpu').device | t.zeros_like(c, device='meta') | m.new_tensor([1]) | m.new_zeros(2) | c.new_ones(2, device='meta')
t.rand(2, device='meta') | t.randperm(4, device='meta') | t.normal(m, m) | t.multinomial(m, 2) | m.bernoulli_(0.3) | F.dropout(m)
m[0, 1:].storage_offset() | m[i] | m[t.tensor([0, 1])] | m[c > 0] | m[None, ..., 1].stride() | m.resize_(2, 3) | m.type_as(b)
copy.deepcopy(r) | copy.deepcopy(m.t()).stride() | pickle.loads(pickle.dumps(nn.Parameter(m))) | saved(m.t()).stride()
saved(nn.Parameter(m)) | saved(c, map_location='meta') | saved(m, map_location='cpu') | saved([c, c[1]], map_location='meta')[1]
linear(device='meta') | linear(device='meta').state_dict() | linear(device='meta').double().weight
linear(device='meta').to_empty(device='cpu').weight.device | nn.utils.skip_init(nn.Linear, 3, 4).weight.device
linear(device='meta').load_state_dict(linear().state_dict()) | linear(device='meta').load_state_dict(linear().state_dict(), assign=True)
nn.BatchNorm1d(4, device='meta').running_var | nn.init.trunc_normal_(m) | nn.init.orthogonal_(m) | linear(device='meta')(t.empty(2, 3, device='meta'))
nn.Conv2d(3, 4, 3, 2, 1, device='meta')(t.empty(1, 3, 8, 8, device='meta')) | F.cross_entropy(m, i) | F.one_hot(i, 5)
t.autograd.grad((r ** 3).sum(), r, create_graph=True)[0].requires_grad | t.func.grad(lambda x: (x * 2).sum())(m) | t.vmap(t.sum)(m)
t.repeat_interleave(m, i, 0, output_size=5)
"""
ERRORS = """
s.item() | m.item() | bool(s) | bool(m) | int(s) | float(m) | m.tolist() | m.numpy() | r.numpy() | r.detach().numpy(force=True)
m.cpu() | m.to('cpu') | c.copy_(m) | c.__setitem__(0, m[0]) | m + c | c + m | c == m | t.cat([m, c])
t.add(m, m, out=t.empty(3, 4)) | m.__array__() | m.__dlpack__() | f"{s:.2f}" | range(3)[i[0]] | 1.0 in m | t.is_nonzero(s)
m.nonzero() | t.nonzero(m, as_tuple=True) | m[b] | c[b] | t.where(b) | t.masked_select(m, b) | t.unique(m) | t.equal(m, m)
t.allclose(m, m) | t.bincount(i) | t.full((2,), s) | t.arange(s) | t.tensor([s, s]) | F.one_hot(i) | t.tensor(c.to('meta'), device='cpu')
linear(device='meta').to('cpu') | linear(device='meta').cpu() | linear().load_state_dict(linear(device='meta').state_dict())
setattr(nn.Parameter(m), 'data', c) | setattr(nn.Parameter(c), 'data', m) | setattr(nn.Parameter(m), 'grad', c) | r.add_(1) | i.requires_grad_()
(r * 1).backward() | (r * 1).backward(c) | m.sum().backward() | t.repeat_interleave(m, i, 0)
m.pin_memory() | i.pin_memory() | m.share_memory_() | c.requires_grad_().to('meta').sum().backward()
"""


def listed(text):
    return [e.strip() for line in text.strip().splitlines() for e in line.split(" | ")]


@pytest.mark.parametrize("expression", listed(PRINTED))
def test_printed(expression):
    assert told(torchish, expression) == told(torch, expression)


@pytest.mark.parametrize("expression", listed(ERRORS))
def test_errors(expression):
    wanted, _ = told(torch, expression)
    assert "Error: " in wanted
    assert told(torchish, expression)[0] == wanted


FACTORIES = listed("""
t.zeros(2) | t.empty(2, 3) | t.full((2,), 1.) | t.arange(3) | t.linspace(0, 1, 3) | t.eye(2) | t.rand(2) | t.randn(2) | t.randint(3, (2,))
t.randperm(3) | t.tensor([1, 2]) | t.as_tensor([1]) | t.asarray([1]) | t.scalar_tensor(2) | t.tril_indices(3, 3) | t.hann_window(3)
t.fft.fftfreq(3) | t.signal.windows.hann(3) | t.zeros(2, device='cpu') | t.empty_strided((2, 3), (1, 2)).stride() | t.Tensor([1, 2])
t.empty_permuted((2, 3), (1, 0)).stride() | t.zeros_like(c) | c.new_zeros(2) | nn.Linear(2, 3).weight | nn.BatchNorm1d(3).running_var
nn.LSTM(2, 3).weight_ih_l0 | nn.TransformerEncoderLayer(8, 2, 16).linear1.weight | t.as_tensor(c)
""")


@pytest.mark.parametrize("expression", FACTORIES)
def test_default_device(expression):
    """`with torch.device("meta")` and set_default_device mean the same factories as in torch, which draw nothing."""
    found = {}
    for t in (torch, torchish):
        given = names(t)
        t.manual_seed(0)
        before = t.get_rng_state()
        with t.device("meta"):
            inside = repr(eval(expression, given))
        t.set_default_device("meta")
        assert repr(eval(expression, given)) == inside
        t.set_default_device(None)
        assert (t.get_rng_state() == before).all()
        found[t] = inside
    assert found[torchish] == found[torch]


def test_backward_and_step():
    """A training step without values: shapes and dtypes of gradients and of the optimizer's state."""
    def run(t):
        m = t.nn.Sequential(t.nn.Conv2d(3, 4, 3), t.nn.BatchNorm2d(4), t.nn.ReLU(), t.nn.Flatten(), t.nn.Linear(144, 5)).to("meta")
        seen = []
        for make in (lambda p: t.optim.SGD(p, lr=0.1, momentum=0.9), t.optim.Adam, t.optim.RMSprop):
            o = make(m.parameters())
            for _ in range(2):
                o.zero_grad()
                t.nn.functional.cross_entropy(m(t.empty(2, 3, 8, 8, device="meta")), t.zeros(2, dtype=t.int64, device="meta")).backward()
                t.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
                o.step()
            seen += [(p.grad, o.state[p]) for p in m.parameters()]
        return repr(seen)
    assert run(torchish) == run(torch)


def test_parameters_change_their_kind():
    """A parameter that comes to have data, or loses it, is another object; an optimizer keeps the old one."""
    for t in (torch, torchish):
        m = t.nn.Linear(3, 4, device="meta")
        old = m.weight
        m.to_empty(device="meta")
        assert m.weight is old
        m.to_empty(device="cpu")
        assert m.weight is not old and old.is_meta and m.weight.requires_grad and not m.weight.is_meta
        old = m.weight
        m.to("meta")
        assert m.weight is not old and m.weight.is_meta
