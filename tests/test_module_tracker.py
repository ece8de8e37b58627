"""torch.utils.module_tracker: the modules at work, forwards and backwards, nested, and called in their own forward."""
from __future__ import annotations

import torchish as torch
from torchish import nn
from torchish.utils.checkpoint import checkpoint
from torchish.utils.module_tracker import ModuleTracker


def test_parents_forwards_and_backwards() -> None:
    seen = []

    class Leaf(nn.Module):
        def forward(self, given: dict) -> dict:
            x = given["x"].sin()
            seen.append((sorted(tracker.parents), tracker.is_bw))
            x.register_hook(lambda grad: seen.append((sorted(tracker.parents), tracker.is_bw)))
            return {"x": x * x}

    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.rest = Leaf(), nn.ModuleList([Leaf()])

        def forward(self, given: dict) -> dict:
            return self.rest[0](self.first(given))

    m = Pair()
    with ModuleTracker() as tracker:
        for _ in range(2):
            m({"x": torch.ones(2, requires_grad=True).clone()})["x"].sum().backward()
            assert tracker.parents == {"Global"} and not tracker.is_bw
    first, rest = ["Global", "Pair", "Pair.first"], ["Global", "Pair", "Pair.rest.0"]
    assert seen == [(first, False), (rest, False), (rest, True), (first, True)] * 2
    m({"x": torch.ones(2, requires_grad=True)})
    assert len(seen) == 10 and seen[-1] == (["Global"], False)


def test_a_module_that_calls_itself_or_is_called_again_in_a_backward() -> None:
    class Twice(nn.Linear):
        inside = False

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.inside = not self.inside
            return self(x) if self.inside else super().forward(x)

    m, x = Twice(2, 2), torch.ones(1, 2, requires_grad=True)
    with ModuleTracker() as tracker:
        m(x).sum().backward()
        checkpoint(m, x, use_reentrant=False).sum().backward()
        assert tracker.parents == {"Global"}
