"""Trains a small GPT on the characters of Shakespeare's "As You Like It" and lets it write on.

In: `--steps`, `--batch-size`, `--lr`, `--sample`, `--seed`, `--text`.  Out: losses every so many steps, then a sample.
"""
from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torchish as torch
import torchish.nn.functional as F
from torchish import nn

TEXT = Path(__file__).parent / "data" / "as_you_like_it.txt"


class Attention(nn.Module):
    """Causal self-attention with several heads: (batch, time, width) to the same shape."""

    def __init__(self, width, heads, context):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        future = torch.ones(context, context, dtype=torch.bool).triu(diagonal=1)
        self.register_buffer("future", future, persistent=False)

    def forward(self, x):
        batch, time, width = x.shape
        q, k, v = (part.view(batch, time, self.heads, width // self.heads).transpose(1, 2)
                   for part in self.qkv(x).split(width, dim=2))
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
        scores = scores.masked_fill(self.future[:time, :time], float("-inf"))
        mixed = F.softmax(scores, dim=-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    """One layer: attention, then two linear layers; each reads a normalised input and adds to the stream."""

    def __init__(self, width, heads, context):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, context)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Character numbers (batch, time) in, scores of the next character (batch, time, characters) out."""

    def __init__(self, characters, width=96, layers=3, heads=4, context=64):
        super().__init__()
        self.context = context
        self.token = nn.Embedding(characters, width)
        self.position = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, context) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, characters, bias=False)

    def forward(self, tokens):
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.scores(self.norm(x))


def batch_of(text, context, size):
    """`size` random pieces of the text and the same pieces one character later."""
    starts = torch.randint(len(text) - context, (size, 1))
    places = starts + torch.arange(context)
    return text[places], text[places + 1]


def loss_of(model, inputs, targets):
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@torch.no_grad()
def write(model, window, length, temperature=0.8):
    """`length` characters that follow `window` (context numbers); the window keeps its length, so one program does."""
    model.eval()
    written = []
    for _ in range(length):
        probabilities = F.softmax(model(window.unsqueeze(0))[0, -1] / temperature, dim=-1)
        token = torch.multinomial(probabilities, 1)
        window = torch.cat([window[1:], token])
        written.append(token)
    return torch.cat(written).tolist() if written else []


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--steps", type=int, default=600)
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--lr", type=float, default=2e-3)
    options.add_argument("--sample", type=int, default=400, help="characters to write at the end")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--text", type=Path, default=TEXT)
    options = options.parse_args()

    torch.manual_seed(options.seed)
    text = options.text.read_text()
    alphabet = sorted(set(text))
    number = {character: i for i, character in enumerate(alphabet)}
    data = torch.tensor([number[character] for character in text])
    training, held_out = data[:len(data) * 9 // 10], data[len(data) * 9 // 10:]

    model = GPT(len(alphabet))
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / options.steps)))
    print(f"{len(text)} characters, {len(alphabet)} different, {sum(p.numel() for p in model.parameters())} parameters")
    start = time.perf_counter()
    for step in range(1, options.steps + 1):
        loss = loss_of(model, *batch_of(training, model.context, options.batch_size))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step in (1, options.steps):
            with torch.no_grad():
                check = loss_of(model, *batch_of(held_out, model.context, options.batch_size))
            print(f"step {step:4d}   loss {loss.item():.3f}   held-out {check.item():.3f}   "
                  f"{time.perf_counter() - start:5.1f} s", flush=True)
    sample = write(model, held_out[:model.context], options.sample)
    print("\n--- sample ---")
    print("".join(alphabet[token] for token in sample))


if __name__ == "__main__":
    main()
