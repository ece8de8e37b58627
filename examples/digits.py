"""Trains a small convolutional network on scikit-learn's 1,797 handwritten digits; prints the accuracy on a test part.

In: `--epochs`, `--batch-size`, `--lr`, `--seed`.  Out: one line per epoch, then the test accuracy.
"""
from __future__ import annotations

import argparse
import time

import torchish as torch
import torchish.nn.functional as F
from torchish import nn
from torchish.utils.data import DataLoader, TensorDataset

try:
    from sklearn.datasets import load_digits
except ImportError as error:
    raise SystemExit("this example reads scikit-learn's digits: pip install 'torchish[examples]'") from error


class DigitNet(nn.Module):
    """8 x 8 points in, ten scores out: two convolutions, pooling, two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.hidden = nn.Linear(32 * 4 * 4, 128)
        self.scores = nn.Linear(128, 10)
        self.dropout = nn.Dropout(0.2)

    def forward(self, images):
        x = F.relu(self.conv1(images))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.hidden(x.flatten(1)))
        return self.scores(self.dropout(x))


def load(test_share=0.2):
    """The images as floats between 0 and 1 with their labels: (training set, test set), shuffled."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
    labels = torch.tensor(digits.target, dtype=torch.int64)
    order = torch.randperm(len(images))
    images, labels = images[order], labels[order]
    test = int(len(images) * test_share)
    return TensorDataset(images[test:], labels[test:]), TensorDataset(images[:test], labels[:test])


def train_epoch(model, optimizer, batches):
    """One pass over the data; returns the mean loss and the share of right answers."""
    model.train()
    loss_sum, right, seen = torch.zeros(()), torch.zeros((), dtype=torch.int64), 0
    for images, labels in batches:
        optimizer.zero_grad()
        scores = model(images)
        loss = F.cross_entropy(scores, labels)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(images)
        right += (scores.argmax(dim=1) == labels).sum()
        seen += len(images)
    return loss_sum.item() / seen, right.item() / seen


def accuracy(model, data):
    """The share of right answers on `data`."""
    model.eval()
    images, labels = data.tensors
    with torch.no_grad():
        return (model(images).argmax(dim=1) == labels).float().mean().item()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--batch-size", type=int, default=64)
    options.add_argument("--lr", type=float, default=3e-3)
    options.add_argument("--seed", type=int, default=0)
    options = options.parse_args()

    torch.manual_seed(options.seed)
    training, test = load()
    batches = DataLoader(training, batch_size=options.batch_size, shuffle=True)
    model = DigitNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.epochs)
    print(f"{len(training)} training images, {len(test)} test images, "
          f"{sum(p.numel() for p in model.parameters())} parameters")
    start = time.perf_counter()
    for epoch in range(1, options.epochs + 1):
        loss, right = train_epoch(model, optimizer, batches)
        schedule.step()
        print(f"epoch {epoch:2d}   loss {loss:.4f}   accuracy {right:6.1%}   {time.perf_counter() - start:5.1f} s",
              flush=True)
    print(f"test accuracy: {accuracy(model, test):.1%}")


if __name__ == "__main__":
    main()
