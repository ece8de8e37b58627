"""From a list of samples to a batch: tensors are stacked, numbers become tensors, containers are gone through."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import Any

import numpy as np

from ... import api as torch
from ...tensor import Tensor

__all__ = ["collate", "collate_float_fn", "collate_int_fn", "collate_numpy_array_fn", "collate_numpy_scalar_fn", "collate_str_fn",
           "collate_tensor_fn", "default_collate", "default_collate_err_msg_format", "default_collate_fn_map", "default_convert",
           "np_str_obj_array_pattern"]

np_str_obj_array_pattern = re.compile("[SaUO]")         # dtypes of numpy that no tensor has
default_collate_err_msg_format = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _from_array(array: np.ndarray) -> Any:
    if np_str_obj_array_pattern.search(array.dtype.str):
        raise TypeError(default_collate_err_msg_format.format(array.dtype))
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
        return data if np_str_obj_array_pattern.search(data.dtype.str) else torch.as_tensor(data)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(d) for d in data))
    if isinstance(data, tuple):
        return [default_convert(d) for d in data]
    if isinstance(data, Mapping) or (isinstance(data, Sequence) and not isinstance(data, (str, bytes))):
        return _rebuild(data, lambda key: default_convert(data[key]))
    return data


def collate(batch: Any, *, collate_fn_map: dict | None = None) -> Any:
    """A list of samples as one batch. `collate_fn_map`: types, or tuples of types, and what makes a batch of a list of such values,
    called with the list and `collate_fn_map=`; mappings and sequences are gone through.

    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.default_collate
    """
    first = batch[0]
    found = collate_fn_map or {}
    if type(first) in found:
        return found[type(first)](batch, collate_fn_map=collate_fn_map)
    for kind, made in found.items():
        if isinstance(first, kind):
            return made(batch, collate_fn_map=collate_fn_map)

    def part(values: Any) -> Any:
        return collate(values, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        return _rebuild(first, lambda key: part([sample[key] for sample in batch]))
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(part(column) for column in zip(*batch)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = list(zip(*batch))
        if isinstance(first, tuple):
            return [part(column) for column in columns]
        return _rebuild(first, lambda i: part(columns[i]))
    raise TypeError(default_collate_err_msg_format.format(type(first)))


def collate_tensor_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Tensors of one shape, stacked."""
    return torch.stack(list(batch), 0)


def collate_numpy_array_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Arrays or numbers of numpy, stacked. TypeError for strings and objects."""
    first = batch[0]
    if np_str_obj_array_pattern.search(first.dtype.str):
        raise TypeError(default_collate_err_msg_format.format(first.dtype))
    if any(np.shape(b) != np.shape(first) for b in batch):
        return torch.stack([torch.as_tensor(b) for b in batch], 0)      # for its error
    return _from_array(np.stack(batch))


collate_numpy_scalar_fn = collate_numpy_array_fn


def collate_float_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Python floats, float64."""
    return torch.tensor(batch, dtype=torch.float64)


def collate_int_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Python ints."""
    return torch.tensor(batch)


def collate_str_fn(batch: Any, *, collate_fn_map: Any = None) -> Any:
    """Strings stay a list."""
    return batch


# What default_collate knows; a type that is put here is known from then on, also to a DataLoader.
default_collate_fn_map: dict[Any, Callable] = {
    Tensor: collate_tensor_fn, np.ndarray: collate_numpy_array_fn, (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn, int: collate_int_fn, str: collate_str_fn, bytes: collate_str_fn}


def default_collate(batch: Any) -> Any:
    """A list of samples as one batch."""
    return collate(batch, collate_fn_map=default_collate_fn_map)
