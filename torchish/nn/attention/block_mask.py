"""BlockMask: which blocks of a matrix of scores a mask leaves, as `flex_attention` takes it.

In: a mask as a function of (batch, head, query, key), or lists of blocks.  Out: for each row of blocks the columns with something
in them, and the function. XLA computes the whole matrix: the blocks are for those who look at them, the function is what masks.
Source: https://docs.pytorch.org/docs/stable/nn.attention.flex_attention.html
"""
from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ... import api as torch
from ...tensor import Tensor

__all__ = ["BlockMask", "noop_mask"]

_DEFAULT_SPARSE_BLOCK_SIZE = 128
_BLOCKS = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices", "full_q_num_blocks",
           "full_q_indices")
_ORDERS = ("dq_write_order", "dq_write_order_full", "dq_kv_order", "dq_kv_order_spt")


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """True: nothing is masked."""
    return batch.new_ones(size=(), dtype=torch.bool, device=batch.device)


def ordered(dense: Tensor) -> tuple[Tensor, Tensor]:
    """(how many, which first) of a matrix of 0 and 1, row by row, int32."""
    return dense.sum(-1, dtype=torch.int32), dense.int().argsort(dim=-1, descending=True, stable=True).int()


def dense_of(count: Tensor, indices: Tensor) -> Tensor:
    """The matrix of 0 and 1 (int32) of `ordered`."""
    columns = torch.arange(indices.shape[-1], device=indices.device)
    return torch.zeros_like(indices, dtype=torch.int32).scatter(-1, indices.long(), (columns < count[..., None]).int())


class BlockMask:
    """The blocks of a mask: kv_num_blocks (B, H, rows) and kv_indices (B, H, rows, columns) tell, row by row of blocks of queries,
    which columns of keys hold something; full_* those without a gap; q_* the same column by column. int32.

    `seq_lengths` (queries, keys), `BLOCK_SIZE` (queries, keys), `mask_mod`: the function of (batch, head, query, key).
    """

    def __init__(self, seq_lengths: tuple[int, int], kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None,
                 full_kv_indices: Tensor | None, q_num_blocks: Tensor | None, q_indices: Tensor | None,
                 full_q_num_blocks: Tensor | None, full_q_indices: Tensor | None,
                 BLOCK_SIZE: tuple[int, int] = (_DEFAULT_SPARSE_BLOCK_SIZE, _DEFAULT_SPARSE_BLOCK_SIZE),
                 mask_mod: Callable = noop_mask, *, dq_write_order: Any = None, dq_write_order_full: Any = None,
                 dq_kv_order: Any = None, dq_kv_order_spt: Any = None) -> None:
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        given = locals()
        self.seq_lengths, self.BLOCK_SIZE, self.mask_mod = seq_lengths, BLOCK_SIZE, mask_mod
        for name in _BLOCKS + _ORDERS:
            setattr(self, name, given[name])

    kv_num_blocks: Tensor
    kv_indices: Tensor
    full_kv_num_blocks: Any
    full_kv_indices: Any
    q_indices: Any
    dq_kv_order_spt: Any

    @classmethod
    def from_kv_blocks(cls, kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None = None,
                       full_kv_indices: Tensor | None = None, BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE,
                       mask_mod: Callable | None = None, seq_lengths: tuple[int, int] | None = None,
                       compute_q_blocks: bool = True, *, dq_write_order: Any = None, dq_write_order_full: Any = None,
                       dq_kv_order: Any = None) -> BlockMask:
        """The mask of which the rows are known; the columns follow from them. RuntimeError for fewer than 2 dimensions."""
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError("full_kv_num_blocks and full_kv_indices must be both provided or omitted")
        columns: list[Tensor | None] = [None] * 4
        if compute_q_blocks:
            columns[:2] = ordered(dense_of(kv_num_blocks, kv_indices).mT)
            if full_kv_num_blocks is not None:
                columns[2:] = ordered(dense_of(full_kv_num_blocks, full_kv_indices).mT)     # type: ignore[arg-type]
        block = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
        lengths = seq_lengths or (kv_indices.shape[-2] * block[0], kv_indices.shape[-1] * block[1])
        return cls(lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, *columns, BLOCK_SIZE=block,
                   mask_mod=mask_mod or noop_mask, dq_write_order=dq_write_order, dq_write_order_full=dq_write_order_full,
                   dq_kv_order=dq_kv_order)

    def as_tuple(self, flatten: bool = True) -> tuple[Any, ...]:
        """All of it: lengths, blocks, block sizes, the function."""
        lengths, block = (self.seq_lengths, self.BLOCK_SIZE) if flatten else ((self.seq_lengths,), (self.BLOCK_SIZE,))
        return (*lengths, *(getattr(self, name) for name in _BLOCKS + _ORDERS[:3]), self.dq_kv_order_spt, *block, self.mask_mod)

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, queries, keys)."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """The number of scores."""
        return prod(self.shape)

    def sparsity(self) -> float:
        """The part of the scores that lies in empty blocks, in percent."""
        blocks = self.kv_num_blocks.sum()
        if self.full_kv_num_blocks is not None:
            blocks = blocks + self.full_kv_num_blocks.sum()
        return 100 * (1 - blocks.item() * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> Tensor:
        """(B, H, rows, columns) of 0 and 1, int32: the blocks that hold something."""
        part = dense_of(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is None:
            return part
        return part | dense_of(self.full_kv_num_blocks, self.full_kv_indices)

    def _with(self, change: Callable[[Tensor], Tensor], mask_mod: Callable | None = None) -> BlockMask:
        """The mask with `change` done to each tensor."""
        def changed(name: str) -> Any:
            value = getattr(self, name)
            return change(value) if isinstance(value, Tensor) else value
        return BlockMask(self.seq_lengths, *map(changed, _BLOCKS), BLOCK_SIZE=self.BLOCK_SIZE,     # type: ignore[arg-type]
                         mask_mod=mask_mod or self.mask_mod, **{name: changed(name) for name in _ORDERS})

    def to(self, device: Any) -> BlockMask:
        """The mask with its tensors on `device`."""
        return self._with(lambda x: x.to(device))

    def __getitem__(self, index: Any) -> BlockMask:
        """Some of the batch, the heads and the rows of blocks, as a mask without a function: RuntimeError where it is used."""
        index = index if isinstance(index, tuple) else (index,)
        index = tuple(slice(i, i + 1 or None) if isinstance(i, int) else i for i in index)
        rows = BlockMask.from_kv_blocks(self.kv_num_blocks[index], self.kv_indices[index], BLOCK_SIZE=self.BLOCK_SIZE,
                                        mask_mod=_sliced, compute_q_blocks=False)
        lengths = self.seq_lengths if len(index) < 3 else (rows.kv_indices.shape[-2] * self.BLOCK_SIZE[0], self.seq_lengths[1])
        full = [None if x is None else x[index] for x in (self.full_kv_num_blocks, self.full_kv_indices)]
        return BlockMask.from_kv_blocks(rows.kv_num_blocks, rows.kv_indices, *full, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=_sliced,
                                        seq_lengths=lengths, compute_q_blocks=self.q_indices is not None)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The upper left corner for other lengths, with the same function."""
        rows, columns = (-(-n // size) for n, size in zip((new_q_len, new_kv_len), self.BLOCK_SIZE, strict=True))

        def corner(count: Tensor | None, indices: Tensor | None) -> list:
            if count is None or indices is None:
                return [None, None]
            return [*ordered(dense_of(count, indices)[..., :rows, :columns])]
        return BlockMask.from_kv_blocks(*corner(self.kv_num_blocks, self.kv_indices),
                                        *corner(self.full_kv_num_blocks, self.full_kv_indices),
                                        BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=self.mask_mod, seq_lengths=(new_q_len, new_kv_len))

    def __repr__(self) -> str:
        def shown(name: str) -> Any:
            value = getattr(self, name)
            return value.shape if isinstance(value, Tensor) else value
        lines = [f"    {name}={shown(name)},\n" for name in (*_BLOCKS, "BLOCK_SIZE", "shape")]
        name = self.mask_mod.__name__ if hasattr(self.mask_mod, "__name__") else self.mask_mod
        return f"BlockMask(\n{''.join(lines)}    sparsity={self.sparsity():.2f}%,\n    mask_mod={name}\n)"

    def __str__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string().strip()}\n)"

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """The blocks drawn, for at most `limit` members of the batch."""
        dense, wanted = self.to_dense(), (grid_size, grid_size) if isinstance(grid_size, int) else grid_size
        rows, columns = (n if w == -1 else min(n, w) for n, w in zip(dense.shape[-2:], wanted, strict=True))
        high, wide = -(-dense.shape[-2] // rows), -(-dense.shape[-1] // columns)
        pictures = []
        members = [tuple(i) for i in torch.ones(dense.shape[:-2]).nonzero().tolist()]
        for member in members[:limit]:
            whole = dense[member].bool().numpy()
            lines = ["".join(_shade(whole[r:r + high, c:c + wide].mean()) for c in range(0, whole.shape[1], wide))
                     for r in range(0, whole.shape[0], high)]
            pictures.append(f"{member}\n" + "\n".join(lines) + "\n")
        return "\n".join(pictures) + ("\n...\nTo print out more, set BlockMask.to_string(limit=N)" if len(members) > limit else "")


def _shade(filled: float) -> str:
    return "██" if filled == 1 else "░░" if filled > 0 else "  "


def _sliced(b: Any, h: Any, q: Any, kv: Any) -> Any:
    """The function of a slice: RuntimeError."""
    raise RuntimeError("Cannot use mask_mod from a sliced BlockMask")
