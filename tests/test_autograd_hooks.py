"""Hooks of tensors and of backward nodes: when they run, what they see, what they may return."""
from __future__ import annotations

import pytest
from counting import counting

import torchish as torch
from torchish.autograd.graph import register_multi_grad_hook


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize("look", [False, True])
def test_order_is_torchs_and_hooks_may_look(x, look):
    log = []

    def note(name):
        def hook(*args):
            log.append((name, args[0].tolist()) if look else name)
        return hook
    w1, w2 = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    for name, w in (("w1", w1), ("w2", w2)):
        w.register_hook(note(name))
        w.register_post_accumulate_grad_hook(note("post " + name))
    h = x.detach() * w1
    h.register_hook(note("h"))
    h.retain_grad()
    h.register_hook(note("h again"))
    loss = (h * w2).sum()
    loss.register_hook(note("loss"))
    loss.backward()
    assert [e[0] if look else e for e in log] == ["loss", "w2", "post w2", "h", "h again", "w1", "post w1"]
    assert (w1.grad.tolist(), w2.grad.tolist(), h.grad.tolist()) == ([1, 2], [1, 2], [1, 1])


@pytest.mark.parametrize("look", [False, True])
def test_a_hook_runs_once_with_the_whole_gradient(x, look):
    log = []
    a = x * 2
    a.register_hook(lambda g: log.append(("a", g.tolist() if look else 0)))
    b = a * 3
    b.register_hook(lambda g: log.append(("b", g.tolist() if look else 0)))
    (a + b).sum().backward()
    assert log == [("b", [1, 1] if look else 0), ("a", [4, 4] if look else 0)]
    assert x.grad.tolist() == [8, 8]


def test_a_hook_waits_for_a_function_that_came_later(x):
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    log = []
    b = x * 1
    b.register_hook(lambda g: log.append(g.tolist()))
    (Twice.apply(b) + b * 3).sum().backward()
    assert log == [[5, 5]] and x.grad.tolist() == [5, 5]


def test_returns_that_do_not_fit(x):
    def size(g):
        return g.sum()
    for hook, error, message in ((size, RuntimeError, "hook 'size' has changed the size of value"),
                                 (lambda g: 3, TypeError, "expected Variable, but hook returned 'int'"),
                                 (lambda g: g.double(), RuntimeError,
                                  "hook '<lambda>' has changed the type of value (was torch.FloatTensor got torch.DoubleTensor)")):
        y = x * 1
        y.register_hook(hook)
        with pytest.raises(error) as e:
            y.sum().backward()
        assert str(e.value) == message
    for hook, message in ((lambda i, o: 3, "expected tuple, but hook returned 'int'"),
                          (lambda i, o: (i[0],) * 3,
                           "hook '<lambda>' has returned an incorrect number of values (got 3, but expected 2)")):
        y = x * 1
        y.grad_fn.register_hook(hook)
        with pytest.raises((TypeError, RuntimeError)) as e:
            y.sum().backward()
        assert str(e.value) == message
    assert x.grad is None


@pytest.mark.parametrize("seen", [False, True])
def test_hooks_of_nodes(x, seen):
    log = []
    y = x * 3
    y.grad_fn.register_prehook(lambda outs: (outs[0] * 2,))
    y.grad_fn.register_hook(lambda ins, outs: log.append((ins[0].tolist(), ins[1], outs[0].tolist())))
    handle = y.grad_fn.register_hook(lambda ins, outs: (ins[0] * 10, None))
    loss = (y * 5).sum()
    if seen:
        assert loss.item() == 45
    loss.backward(retain_graph=True)
    assert log == [([30, 30], None, [10, 10])]
    assert x.grad.tolist() == [300, 300]
    handle.remove()
    x.grad = None
    loss.backward()
    assert x.grad.tolist() == [30, 30]


def test_hooks_of_a_node_with_several_results(x):
    log = []
    a, _ = x.split(1)
    a.grad_fn.register_prehook(lambda outs: log.append([None if g is None else g.tolist() for g in outs]))
    (a * 2).sum().backward()
    assert log == [[[2], None]] and x.grad.tolist() == [2, 0]


def test_hooks_of_the_accumulating_node(x):
    log = []
    node = (x * 1).grad_fn.next_functions[0][0]
    assert node.variable is x and node is (x * 2).grad_fn.next_functions[0][0]
    node.register_prehook(lambda grads: (grads[0] * 3,))
    node.register_hook(lambda ins, outs: log.append((ins, outs[0].tolist())))
    (x * 2).sum().backward()
    assert x.grad.tolist() == [6, 6] and log == [((), [6, 6])]
    assert torch.autograd.grad((x * 2).sum(), x)[0].tolist() == [2, 2]


def test_hooks_stay_with_the_value_and_retain_grad_follows_the_tensor(x):
    log = []
    y = x * 2
    y.register_hook(lambda g: log.append(("old", g.tolist())))
    y.retain_grad()
    y.mul_(3)
    y.register_hook(lambda g: log.append(("new", g.tolist())))
    (y * 5).sum().backward()
    assert log == [("new", [5, 5]), ("old", [15, 15])]
    assert y.grad.tolist() == [5, 5] and y.retains_grad


def test_several_gradients_at_once():
    log = []
    a, b, d = (torch.ones(2, requires_grad=True) for _ in range(3))
    c = a * b
    handle = register_multi_grad_hook((a, c, d), lambda gs: log.append([None if g is None else g.tolist() for g in gs]))
    (c * 3).sum().backward(retain_graph=True)
    (c * d).sum().backward()
    assert log == [[[3, 3], [3, 3], None], [[1, 1], [1, 1], [1, 1]]]
    handle.remove()
    (a * d).sum().backward()
    assert len(log) == 2
    first = []
    register_multi_grad_hook((a, d), lambda g: first.append(g.tolist()), mode="any")
    (a * d * 2).sum().backward()
    assert first == [[2, 2]]


def test_a_training_step_with_a_hook_is_compiled_once(x):
    w = torch.ones(2, requires_grad=True)

    def step():
        h = x.detach() * w
        h.register_hook(lambda g: g * 2)
        h.sum().backward()
        with torch.no_grad():
            w.sub_(0.125 * w.grad)
        w.grad = None
        return w.sum().item()
    step(), step()
    with counting() as count:
        step(), step()
    assert count.compiled == 0
    assert w.tolist() == [1 - 4 * 0.25, 1 - 4 * 0.5]


@pytest.mark.parametrize("look", [False, True])
def test_python_on_the_way_may_end_the_tape_and_the_graph_is_freed_after_all(x, look):
    class Squared(torch.autograd.Function):
        @staticmethod
        def forward(ctx, b):
            ctx.save_for_backward(b)
            return b * b

        @staticmethod
        def backward(ctx, g):
            if look:
                g.tolist()
            return g * 2 * ctx.saved_tensors[0]

    b = x * x
    b.register_hook(lambda g: g.tolist() and None if look else None)
    loss = (Squared.apply(b) + b * b).sum()
    loss.backward()
    assert x.grad.tolist() == [8, 64]
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    assert x.grad.tolist() == [8, 64]


def test_what_hooks_after_accumulation_return() -> None:
    """Nothing, or their tensor, as in-place methods do."""
    v = torch.zeros(3, requires_grad=True)
    v.register_post_accumulate_grad_hook(lambda p: p.add_(p.grad, alpha=-1))
    v.backward(torch.tensor([1.0, 2.0, 3.0]))
    assert v.tolist() == [-1, -2, -3]


def test_a_gradient_that_a_hook_has_kept_is_not_accumulated_into(x):
    kept = []
    x.register_hook(kept.append)
    for _ in range(2):
        (x * 2).sum().backward()
    assert [g.tolist() for g in kept] == [[2, 2], [2, 2]] and x.grad.tolist() == [4, 4]


def test_hooks_of_the_accumulating_node_come_after_those_of_its_leaf(x):
    log = []
    node = (x * 2).grad_fn.next_functions[0][0]
    node.register_hook(lambda gi, go: log.append("node"))
    x.register_post_accumulate_grad_hook(lambda p: log.append("leaf"))
    (x * 2).sum().backward()
    assert log == ["leaf", "node"] and node(torch.ones(2)) == () and x.grad.tolist() == [3, 3]


@pytest.mark.parametrize(("returned", "kind", "words"), [
    (5, TypeError, "expected Variable, but hook returned 'int'"),
    (torch.ones(2), RuntimeError, "Tensor post accumulate grad hooks should return None.")])
def test_hooks_after_accumulation_return_nothing(x, returned, kind, words):
    x.register_post_accumulate_grad_hook(lambda p: returned)
    with pytest.raises(kind, match=words):
        (x * 2).sum().backward()
    assert x.grad is None


def test_no_hook_for_several_gradients_where_one_tensor_has_none():
    with pytest.raises(AssertionError, match="Expected gradient function to be set"):
        register_multi_grad_hook([torch.ones(1)], lambda grads: None)


def test_hooks_of_one_nodes_results_run_as_they_were_registered(x):
    for first, second in ((0, 1), (1, 0)):
        log: list = []
        parts = (x * 1).unbind()
        for k in (first, second):
            parts[k].register_hook(lambda g, k=k, log=log: log.append(k))
        (parts[0] * parts[1]).backward()
        assert log == [first, second]


class Both(torch.autograd.Function):
    """Twice and three times its input."""

    @staticmethod
    def forward(ctx, x):
        return x * 2, x * 3

    @staticmethod
    def backward(ctx, g, h):
        return g * 2 + h * 3


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("make, used, asked, calls", [
    (lambda h: h.chunk(2), [1], None, [(1, [1.0]), (0, None)]),
    (lambda h: torch.var_mean(h, 0), [0], None, [(1, None), (0, 1.0)]),
    (lambda h: Both.apply(h), [1], None, [(1, [1.0, 1.0]), (0, None)]),
    (lambda h: h.chunk(2), [0, 1], 0, [(1, [1.0]), (0, [1.0])]),
    (lambda h: Both.apply(h), [0, 1], 0, [(1, [1.0, 1.0]), (0, [1.0, 1.0])]),
    (lambda h: h.tensor_split(2), [1], None, [(1, [1.0])]),         # two nodes in torch
], ids=["chunk", "var_mean", "function", "chunk asked", "function asked", "tensor_split"])
def test_hooks_of_a_nodes_other_results_run_too(x, make, used, asked, calls, read):
    for _ in range(3):
        seen, outs = [], make(x * 1)
        if read:
            outs[0].sum().item()
        for k in (1, 0):
            outs[k].register_hook(lambda g, k=k, seen=seen: seen.append((k, None if g is None else g.tolist())))
        loss = sum(outs[k].sum() for k in used)
        if asked is None:
            loss.backward()
        else:
            torch.autograd.grad(loss, outs[asked])
        assert seen == calls


def test_hooks_of_a_function_from_before_a_read_run_after_those_of_younger_activations(x):
    for _ in range(3):
        calls = []
        old, _ = Both.apply(x)
        old.register_hook(lambda g, calls=calls: calls.append("old"))
        old.sum().item()
        young = x + 0.5
        young.register_hook(lambda g, calls=calls: calls.append("young"))
        a = x * old
        b, _ = Both.apply(young)
        (a * b).sum().backward()
        assert calls == ["young", "old"]


def test_a_hook_cannot_make_a_gradient_where_none_comes(x):
    a, b = (x * 1).chunk(2)
    a.register_hook(lambda g: torch.ones(1))
    with pytest.raises(RuntimeError, match="^can't replace a None gradient with a non-None value$"):
        b.sum().backward()
    assert x.grad is None


def test_a_hook_sees_no_gradient_of_what_was_not_asked_for(x):
    w, seen = torch.ones(2, requires_grad=True), []
    y = x * w
    y.grad_fn.register_hook(lambda gi, go: seen.append([g is not None for g in gi]))
    torch.autograd.grad(y.sum(), w, retain_graph=True)
    y.sum().backward()
    assert seen == [[False, True], [True, True]]


def test_callbacks_run_when_the_gradients_are_there(x):
    log = []
    x.register_hook(lambda g: torch.autograd.Variable._execution_engine.queue_callback(lambda: log.append(x.grad.tolist())))
    (x * 2).sum().backward()
    assert log == [[2, 2]]
    with pytest.raises(RuntimeError, match="Final callbacks can only be installed during backward pass"):
        torch.autograd.Variable._execution_engine.queue_callback(print)


def test_hooks_by_their_private_names():
    x = torch.ones(2, requires_grad=True)
    assert x._backward_hooks is None and x._post_accumulate_grad_hooks is None
    handle = x.register_hook(lambda g: g * 2)
    x.register_post_accumulate_grad_hook(lambda leaf: None)
    assert list(x._backward_hooks) == [handle.id] and len(x._post_accumulate_grad_hooks) == 1
    x._backward_hooks = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]
    assert torch.autograd.graph._get_grad_fn_or_grad_acc(x).variable is x


def test_each_leaf_is_done_before_the_next_ones_hooks_run():
    log = []
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    for name, t in (("a", a), ("b", b)):
        t.register_hook(lambda g, name=name: log.append(name))
        t.register_post_accumulate_grad_hook(lambda t, name=name: log.append(f"after {name}"))
    (a * b).sum().backward()
    assert log == ["a", "after a", "b", "after b"]


def test_a_hook_that_raises_undoes_what_a_hooked_leaf_has_got_already(x):
    v = torch.ones(2, requires_grad=True)
    v.grad = known = torch.ones(2)
    v.register_hook(lambda g: None)
    y = x * 3
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (y.exp() + v.sin()).sum().backward()
    assert v.grad is known and v.grad.tolist() == [1, 1] and x.grad is None


@pytest.mark.parametrize("post", [False, True])
@pytest.mark.parametrize("looked", [False, True])       # the forward has ended before the backward comes
def test_hooks_of_leaves_run_in_the_order_of_torchs_engine(post, looked):
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5, bias=False),
                          nn.LayerNorm(5), nn.Linear(5, 3))
    order = []
    for name, p in model.named_parameters():
        if post:
            p.register_post_accumulate_grad_hook(lambda p, name=name: order.append(name))
        else:
            p.register_hook(lambda g, name=name: order.append(name))
    for _ in range(2):
        loss = model(torch.ones(2, 1, 6, 6)).sum()
        if looked:
            loss.item()
        loss.backward()
        assert order == ["6.bias", "6.weight", "5.weight", "5.bias", "4.weight", "1.weight", "1.bias", "0.weight", "0.bias"]
        order.clear()


def test_a_leaf_that_is_read_twice_has_its_turn_when_its_gradient_is_complete():
    order, leaves = [], {name: torch.ones(2, requires_grad=True) for name in "abc"}
    for name, x in leaves.items():
        x.register_hook(lambda g, name=name: order.append(name))
    a, b, c = leaves.values()
    (a.exp() + b.sin() * c).sum().backward()
    assert order == ["c", "b", "a"]
    order.clear()
    (a * (b * c) + a).sum().backward()
    assert order == ["a", "b", "c"]
    order.clear()
    ((b * c) * (a * 2) * c).sum().backward()
    assert order == ["a", "b", "c"]


def test_leaves_behind_a_node_with_a_hook_have_their_turns():
    order = []
    layer = torch.nn.Linear(3, 2)
    for name, p in layer.named_parameters():
        p.register_hook(lambda g, name=name: order.append(name))
    y = layer(torch.ones(1, 3))
    y.grad_fn.register_hook(lambda *grads: order.append("node"))
    y.sum().backward()
    assert order == ["node", "bias", "weight"]


IH_LAST = ["bias_hh_l0", "weight_hh_l0", "bias_ih_l0", "weight_ih_l0"]
CELL = ["bias_ih", "weight_ih", "bias_hh", "weight_hh"]


@pytest.mark.parametrize(("make", "order"), [
    (lambda nn: nn.GRU(3, 3), IH_LAST), (lambda nn: nn.RNN(3, 3), IH_LAST),
    (lambda nn: nn.LSTM(3, 3, num_layers=2), ["weight_ih_l1", "weight_hh_l1", "bias_hh_l1", "bias_ih_l1",
                                              "weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0"]),
    (lambda nn: nn.LSTM(3, 3, proj_size=2), ["weight_hr_l0", *IH_LAST]),
    (lambda nn: nn.LSTM(3, 3, proj_size=2, bias=False), ["weight_hr_l0", "weight_hh_l0", "weight_ih_l0"]),
    (lambda nn: nn.LSTMCell(3, 3), CELL), (lambda nn: nn.RNNCell(3, 3), CELL),
    (lambda nn: nn.GRUCell(3, 3), ["bias_hh", "weight_hh", "bias_ih", "weight_ih"])])
def test_the_weights_of_recurrent_layers_have_torchs_turns(make, order):
    layer, found = make(torch.nn), []
    for name, p in layer.named_parameters():
        p.register_hook(lambda g, name=name: found.append(name))
    out = layer(torch.ones(2, 3))
    (out[0] if isinstance(out, tuple) else out).sum().backward()
    assert found == order


@pytest.mark.parametrize("reentrant", [False, True])
def test_leaves_of_a_checkpoint_have_their_turns(reentrant):
    net, found = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)), []
    for name, p in net.named_parameters():
        p.register_hook(lambda g, name=name: found.append(name))
    torch.utils.checkpoint.checkpoint(net, torch.ones(2, 3, requires_grad=True), use_reentrant=reentrant).sum().backward()
    assert found == ["2.bias", "2.weight", "0.bias", "0.weight"]


@pytest.mark.parametrize(("fn", "number", "order"), [
    (torch.addcmul, 3, [0, 1, 2]), (lambda *a: torch.cat(a), 5, [0, 2, 4, 1, 3]),
    (lambda a, b, c, d: a * b + c * d - a / d, 4, [2, 3, 0, 1])])
def test_leaves_that_wait_together_come_as_from_torchs_heap(fn, number, order):
    found, leaves = [], [torch.ones(2, requires_grad=True) for _ in range(number)]
    for k, x in enumerate(leaves):
        x.register_hook(lambda g, k=k: found.append(k))
    fn(*leaves).sum().backward()
    assert found == order


@pytest.mark.parametrize(("fn", "shapes", "order"), [
    (lambda *a: torch.einsum("ij,jk->ki", *a), [(2, 3), (3, 4)], [1, 0]),
    (lambda *a: torch.einsum("ab,bc,cd,de->ae", *a), [(2, 3), (3, 4), (4, 5), (5, 2)], [3, 2, 1, 0]),
    (lambda *a: torch.linalg.multi_dot(a), [(30, 35), (35, 15), (15, 5), (5, 10), (10, 20), (20, 25)], [0, 1, 2, 5, 3, 4]),
    (lambda *a: torch.linalg.multi_dot(a), [(4, 4)] * 3, [2, 0, 1]),
    (lambda *a: torch.linalg.multi_dot(a), [(4, 4)] * 4, [0, 1, 2, 3]),
    (lambda *a: torch.linalg.multi_dot(a), [(3,), (3, 4), (4,)], [1, 2, 0]),
    (lambda *a: torch.linalg.multi_dot(a), [(3,), (3, 4)], [1, 0]),
    (lambda *a: torch.linalg.multi_dot(a), [(2, 3), (3,)], [0, 1]),
    (torch.nn.functional.conv1d, [(2, 7), (3, 2, 2), (3,)], [1, 2, 0]),
    (torch.nn.functional.cosine_similarity, [(1, 4), (3, 4)], [0, 1]),
    (torch.nn.functional.scaled_dot_product_attention, [(2, 2, 4, 3)] * 3, [0, 1, 2]),
    (torch.nn.functional.scaled_dot_product_attention, [(2, 4, 3)] * 3, [2, 1, 0]),
    (torch.nn.functional.scaled_dot_product_attention, [(2, 2, 4, 3)] * 3 + [(4, 4)], [2, 3, 1, 0]),
    (lambda x, p, a: torch.diff(x, 1, 0, p, a), [(2, 5), (1, 5), (1, 5)], [1, 0, 2])])
def test_leaves_of_what_torch_composes_have_its_turns(fn, shapes, order):
    found, leaves = [], [torch.rand(s, requires_grad=True) for s in shapes]
    for k, x in enumerate(leaves):
        x.register_hook(lambda g, k=k: found.append(k))
    fn(*leaves).sum().backward()
    assert found == order


def test_the_nodes_of_an_unbatched_convolution_are_torchs():
    y = torch.nn.functional.conv1d(torch.ones(2, 7, requires_grad=True), torch.ones(3, 2, 2), padding="same")
    node, names = y.grad_fn, []
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    assert names[:-1] == ["SqueezeBackward1", "ConvolutionBackward0", "ConstantPadNdBackward0", "UnsqueezeBackward0"]
