"""Stores: what processes tell each other by keys; here one process tells itself.

In: keys and values.  Out: bytes, counts.
Source: https://docs.pytorch.org/docs/stable/distributed.html#distributed-key-value-store
"""
from __future__ import annotations

import datetime
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

__all__ = ["DistBackendError", "DistError", "DistNetworkError", "DistQueueEmptyError", "DistStoreError",
           "FileStore", "HashStore", "PrefixStore", "Store", "TCPStore"]


class DistError(RuntimeError):
    """What goes wrong among processes."""
    __module__ = "torch.distributed"


class DistBackendError(DistError):
    """A backend's error."""
    __module__ = "torch.distributed"


class DistNetworkError(DistError):
    """A connection's error."""
    __module__ = "torch.distributed"


class DistStoreError(DistError):
    """A store's error."""
    __module__ = "torch.distributed"


class DistQueueEmptyError(DistStoreError):
    """Nothing was left in a store's queue."""
    __module__ = "torch.distributed"


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class Store:
    """A dictionary of bytes. Waiting for a key that is not there fails at once: nobody else could set it."""

    def __init__(self) -> None:
        self._values: MutableMapping[str, bytes] = {}
        self._timeout = datetime.timedelta(seconds=300)

    @property
    def timeout(self) -> datetime.timedelta:
        """What set_timeout was given; 300 s before that."""
        return self._timeout

    def set_timeout(self, timeout: datetime.timedelta) -> None:
        """Keeps the time."""
        self._timeout = timeout

    def set(self, key: str, value: Any) -> None:
        """Sets a key."""
        self._values[key] = _bytes(value)

    def get(self, key: str) -> bytes:
        """The value of a key."""
        self.wait([key])
        return self._values[key]

    def add(self, key: str, amount: int) -> int:
        """Adds to the number under a key, 0 at first, and returns the sum."""
        total = int(self._values.get(key, b"0")) + amount
        self._values[key] = _bytes(total)
        return total

    def append(self, key: str, value: Any) -> None:
        """Puts more behind the value of a key."""
        self._values[key] = self._values.get(key, b"") + _bytes(value)

    def compare_set(self, key: str, expected_value: Any, desired_value: Any) -> bytes:
        """Sets a key if its value is the expected one (or it is not there and nothing is expected); what it is then."""
        expected, desired = _bytes(expected_value), _bytes(desired_value)
        found = self._values.get(key)
        if found == expected or (found is None and not expected):
            self._values[key] = desired
        return self._values.get(key, expected)

    def check(self, keys: Sequence[str]) -> bool:
        """Whether all keys are there."""
        return all(key in self._values for key in keys)

    def wait(self, keys: Sequence[str], timeout: datetime.timedelta | None = None) -> None:
        """Nothing where all keys are there. DistStoreError where one is not."""
        if not self.check(keys):
            raise DistStoreError("Wait timeout")

    def num_keys(self) -> int:
        """How many keys there are."""
        return len(self._values)

    def list_keys(self) -> list[str]:
        """The keys."""
        return list(self._values)

    def delete_key(self, key: str) -> bool:
        """Whether the key was there; it is not any more."""
        return self._values.pop(key, None) is not None

    def multi_get(self, keys: Sequence[str]) -> list[bytes]:
        """The values of the keys."""
        return [self.get(key) for key in keys]

    def multi_set(self, keys: Sequence[str], values: Sequence[Any]) -> None:
        """Sets the keys."""
        for key, value in zip(keys, values, strict=True):
            self.set(key, value)

    def has_extended_api(self) -> bool:
        """True: append, multi_get and multi_set are there."""
        return True


class HashStore(Store):
    """A store in the memory of the process."""


class FileStore(Store):
    """A store that names a file; one process keeps its values in its memory, and the file is not written."""

    def __init__(self, file_name: str, world_size: int = -1) -> None:
        super().__init__()
        self.path, self.world_size = file_name, world_size


class TCPStore(Store):
    """A store that names a host and a port; no socket is opened for one process. NotImplementedError for more."""

    def __init__(self, host_name: str, port: int, world_size: int | None = None, is_master: bool = False,
                 timeout: datetime.timedelta = datetime.timedelta(seconds=300), wait_for_workers: bool = True,
                 multi_tenant: bool = False, master_listen_fd: int | None = None, use_libuv: bool = True) -> None:
        super().__init__()
        if (world_size or 1) > 1 or not is_master:
            raise NotImplementedError("torchish runs in one process: a TCPStore has no others to talk to")
        self.host, self.port, self._timeout = host_name, port, timeout


class PrefixStore(Store):
    """A store whose keys have a prefix in another one."""

    def __init__(self, prefix: str, store: Store) -> None:
        super().__init__()
        self.prefix, self.underlying_store = prefix, store
        self._values = _Prefixed(prefix + "/", store._values)


class _Prefixed(MutableMapping):
    """The entries of a mapping whose keys begin with a prefix, without it."""

    def __init__(self, prefix: str, values: MutableMapping[str, bytes]) -> None:
        self.prefix, self.values_ = prefix, values

    def __getitem__(self, key: str) -> bytes:
        return self.values_[self.prefix + key]

    def __setitem__(self, key: str, value: bytes) -> None:
        self.values_[self.prefix + key] = value

    def __delitem__(self, key: str) -> None:
        del self.values_[self.prefix + key]

    def __iter__(self) -> Iterator[str]:
        return (key.removeprefix(self.prefix) for key in self.values_ if key.startswith(self.prefix))

    def __len__(self) -> int:
        return len(self.values_)        # of all keys: num_keys counts those of the underlying store
