"""The autograd notebook: gradients, the graph behind them, and the ways to switch it off.

In: nothing.  Out: printed values; `main()` returns them for the tests.
"""
from __future__ import annotations

import warnings

import torchish as torch


def one_layer():
    """A linear layer and its loss: (w, b, z, loss)."""
    x = torch.ones(5)
    y = torch.zeros(3)
    w = torch.rand(5, 3, requires_grad=True)
    b = torch.rand(3, requires_grad=True)
    z = torch.matmul(x, w) + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
    return w, b, z, loss


def show_graph(node, depth=0):
    """Prints the nodes from `node` to the leaves, one a line; returns their names."""
    if node is None:
        return []
    name = node.name().rpartition(":")[2]
    print("  " * depth + name)
    return [name, *(name for child, _ in node.next_functions for name in show_graph(child, depth + 1))]


def gradients():
    """backward() fills .grad of the leaves; a second one is refused, unless the graph is kept."""
    w, b, z, loss = one_layer()
    print("Gradient function for z =", z.grad_fn)
    print("Gradient function for loss =", loss.grad_fn)
    names = show_graph(loss.grad_fn)
    loss.backward()
    print(w.grad)
    print(b.grad)
    try:
        loss.backward()
    except RuntimeError as error:
        print("refused:", str(error).split(" (")[0])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        print("z.grad =", z.grad)
    print("warned:", str(seen[0].message).split(". ")[0])
    return names


def accumulation():
    """With retain_graph=True a second backward() adds to .grad."""
    w, _, _, loss = one_layer()
    loss.backward(retain_graph=True)
    first = w.grad.clone()
    loss.backward()
    print("twice the gradient:", torch.equal(w.grad, 2 * first))
    return first, w.grad


def switched_off():
    """no_grad() and detach() cut the graph; requires_grad_() starts one."""
    x = torch.ones(5)
    w = torch.rand(5, 3)
    b = torch.rand(3)
    w.requires_grad_(True)
    z = torch.matmul(x, w) + b
    print(z.requires_grad)
    with torch.no_grad():
        inside = torch.matmul(x, w) + b
    print(inside.requires_grad)
    print(z.detach().requires_grad)
    return z, inside


def changing_loop(iterations=6):
    """Shapes, sizes and operations change at every iteration; the gradient is checked against a formula each time."""
    operations = [(torch.sin, torch.cos), (torch.exp, torch.exp), (torch.square, lambda t: 2 * t),
                  (torch.tanh, lambda t: 1 - torch.tanh(t) ** 2)]
    worst = 0.0
    for i in range(iterations):
        function, derivative = operations[i % len(operations)]
        shape = (i + 1, 2 * i + 1) if i % 2 else (3 * i + 2,)
        x = torch.rand(*shape, requires_grad=True)
        y = x
        for _ in range(i % 3):
            y = y * 2
        function(y).sum().backward()
        factor = 2 ** (i % 3)
        error = (x.grad - factor * derivative(factor * x.detach())).abs().max().item()
        print(f"iteration {i}: shape {shape}, largest error {error:.1e}")
        worst = max(worst, error)
    return worst


def main():
    torch.manual_seed(0)
    names = gradients()
    first, second = accumulation()
    switched_off()
    return {"names": names, "first": first, "second": second, "worst": changing_loop()}


if __name__ == "__main__":
    main()
