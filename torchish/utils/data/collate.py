"""From a list of samples to a batch: tensors are stacked, numbers become tensors, containers are gone through."""
from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import Any

import numpy as np

from ... import api as torch
from ...tensor import Tensor

__all__ = ["default_collate", "default_convert"]

_UNKNOWN = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _from_array(array: np.ndarray) -> Any:
    if array.dtype.kind in "SaUO":
        raise TypeError(_UNKNOWN.format(array.dtype))
    return torch.as_tensor(array)


def _rebuild(like: Any, convert: Callable[[Any], Any]) -> Any:
    """A mapping or sequence of the same kind with every value converted; a plain one where the kind cannot be built."""
    if isinstance(like, Mapping):
        values = {key: convert(key) for key in like}
        try:
            if isinstance(like, MutableMapping):
                clone = copy(like)
                clone.update(values)
                return clone
            return type(like)(values)
        except TypeError:
            return values
    values = [convert(i) for i in range(len(like))]
    try:
        if isinstance(like, MutableSequence):
            clone = copy(like)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return type(like)(values)
    except TypeError:
        return values


def default_convert(data: Any) -> Any:
    """One sample with numpy arrays and numpy numbers as tensors."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SaUO" else torch.as_tensor(data)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(d) for d in data))
    if isinstance(data, tuple):
        return [default_convert(d) for d in data]
    if isinstance(data, Mapping) or (isinstance(data, Sequence) and not isinstance(data, (str, bytes))):
        return _rebuild(data, lambda key: default_convert(data[key]))
    return data


def default_collate(batch: Any) -> Any:
    """A list of samples as one batch."""
    first = batch[0]
    if isinstance(first, Tensor):
        return torch.stack(list(batch), 0)
    if isinstance(first, (np.ndarray, np.generic)) and not isinstance(first, (str, bytes)):
        if first.dtype.kind in "SaUO":
            raise TypeError(_UNKNOWN.format(first.dtype))
        if any(np.shape(b) != np.shape(first) for b in batch):
            return torch.stack([torch.as_tensor(b) for b in batch], 0)      # for its error
        return _from_array(np.stack(batch))
    if isinstance(first, float):
        return torch.tensor(batch, dtype=torch.float64)
    if isinstance(first, int):
        return torch.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _rebuild(first, lambda key: default_collate([sample[key] for sample in batch]))
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(column) for column in zip(*batch)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = list(zip(*batch))
        if isinstance(first, tuple):
            return [default_collate(column) for column in columns]
        return _rebuild(first, lambda i: default_collate(columns[i]))
    raise TypeError(_UNKNOWN.format(type(first)))
