"""Process groups of one process: how one begins and ends, who is in it.

In: a backend's name, a rank and a world size, given or from the environment of a launcher.  Out: the group, kept until it is
destroyed.
Source: https://docs.pytorch.org/docs/stable/distributed.html#initialization
"""
from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..config import launcher
from .stores import HashStore, Store

__all__ = ["Backend", "GroupMember", "ProcessGroup", "default_pg_timeout", "destroy_process_group", "get_backend",
           "get_backend_config", "get_global_rank", "get_group_rank", "get_node_local_rank", "get_pg_count",
           "get_process_group_ranks", "get_rank", "get_world_size", "group", "init_process_group", "is_available",
           "is_backend_available", "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
           "is_torchelastic_launched", "is_ucc_available", "is_xccl_available", "new_group", "new_subgroups",
           "split_group", "supports_complex"]

default_pg_timeout = datetime.timedelta(minutes=30)
NOT_BUILT = {"nccl": "NCCL", "mpi": "MPI", "ucc": "UCC", "xccl": "XCCL"}
MISSING = "Default process group has not been initialized, please make sure to call init_process_group."
ALONE = "torchish runs in one process: a process group has world_size 1, not {}. Several devices are JAX's to use"


class Backend(str):
    """The name of a backend in small letters. ValueError for what is no string."""
    UNDEFINED, GLOO, NCCL, UCC, MPI, XCCL, FAKE = "undefined", "gloo", "nccl", "ucc", "mpi", "xccl", "fake"
    backend_list = [UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI, FAKE]
    default_device_backend_map = {"cpu": GLOO, "cuda": NCCL, "xpu": XCCL, "mps": GLOO}

    def __new__(cls, name: str) -> Backend:
        if not isinstance(name, str):
            raise ValueError("Backend constructor parameter must be string-ish")
        return super().__new__(cls, name.lower())


class ProcessGroup:
    """The one process, rank 0 of 1."""

    def __init__(self, backend: str, store: Store | None = None, name: str = "", timeout: datetime.timedelta = default_pg_timeout,
                 desc: str = "undefined") -> None:
        self._backend, self.store, self.group_name, self.timeout = backend, store, name, timeout
        self.group_desc = desc

    def size(self) -> int:
        """1."""
        return 1

    def rank(self) -> int:
        """0."""
        return 0

    def name(self) -> str:
        """The backend's name."""
        return self._backend

    __module__ = "torch.distributed.distributed_c10d"


class _Kept:
    """The group of all processes, and those made after it."""
    world: ProcessGroup | None = None
    others: list[ProcessGroup] = []
    made = 0


_kept = _Kept()


class _GroupMember(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:
        return _kept.world


class group(metaclass=_GroupMember):
    """group.WORLD is the group of all processes."""


class GroupMember(metaclass=_GroupMember):
    """GroupMember.WORLD is the group of all processes, NON_GROUP_MEMBER what new_group gives to those outside."""
    NON_GROUP_MEMBER = -100


def is_available() -> bool:
    """True: groups of one process are there."""
    return True


def is_initialized() -> bool:
    """Whether init_process_group was called."""
    return _kept.world is not None


def is_gloo_available() -> bool:
    """True."""
    return True


def is_nccl_available() -> bool:
    """False: one process needs no library to talk to itself."""
    return False


is_mpi_available = is_ucc_available = is_xccl_available = is_nccl_available


def is_backend_available(backend: str) -> bool:
    """Whether it is gloo."""
    return backend.lower() == "gloo"


def is_torchelastic_launched() -> bool:
    """Whether torchrun has started this process."""
    return launcher("TORCHELASTIC_RUN_ID") is not None


def current(given: Any = None) -> ProcessGroup:
    """The group given, or that of all processes. ValueError where there is none."""
    if isinstance(given, ProcessGroup):
        return given
    if _kept.world is None:
        raise ValueError(MISSING)
    return _kept.world


def _from_environment(name: str) -> str:
    value = launcher(name)
    if value is None:
        raise ValueError(f"Error initializing torch.distributed using env:// rendezvous: environment variable {name} expected, "
                         "but not set")
    return value


def _agreed(url: str, rank: int, world_size: int) -> tuple[int, int]:
    """Rank and world size as an init_method tells them where they are not given."""
    parts = urlsplit(url)
    if parts.scheme not in ("env", "tcp", "file"):
        raise RuntimeError(f"No rendezvous handler for {parts.scheme}://")
    asked = parse_qs(parts.query)
    rank = int(asked["rank"][0]) if rank < 0 and "rank" in asked else rank
    world_size = int(asked["world_size"][0]) if world_size < 0 and "world_size" in asked else world_size
    if parts.scheme == "env":
        rank = int(_from_environment("RANK")) if rank < 0 else rank
        world_size = int(_from_environment("WORLD_SIZE")) if world_size < 0 else world_size
        for name in ("MASTER_ADDR", "MASTER_PORT"):
            _from_environment(name)
    for what, value in (("rank", rank), ("world size", world_size)):
        if value < 0:
            raise ValueError(f"Error initializing torch.distributed using {parts.scheme}:// rendezvous: {what} parameter missing")
    return rank, world_size


def _usable(backend: str) -> str:
    for name in backend.lower().split(","):
        name = name.partition(":")[2] or name       # "cpu:gloo,cuda:nccl" names one for each device
        if name in NOT_BUILT and ":" not in backend:
            raise RuntimeError(f"Distributed package doesn't have {NOT_BUILT[name]} built in")
        if name not in Backend.backend_list:
            raise AssertionError(f"Unknown backend type {name}")
    return backend.lower()


def init_process_group(backend: str | None = None, init_method: str | None = None, timeout: datetime.timedelta | None = None,
                       world_size: int = -1, rank: int = -1, store: Store | None = None, group_name: str = "",
                       pg_options: Any = None, device_id: Any = None, _ranks: Any = None) -> None:
    """Begins the group of all processes: this one.

    Differs from torch: world_size has to be 1 (NotImplementedError), and no socket is opened.
    Source: https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.init_process_group
    """
    if _kept.world is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if timeout is not None and not isinstance(timeout, datetime.timedelta):
        raise TypeError(f"Expected timeout argument to be of type datetime.timedelta, got {timeout}")
    if store is not None:
        if init_method is not None:
            raise AssertionError("Cannot specify both init_method and store.")
        if world_size <= 0:
            raise AssertionError("world_size must be positive if using store")
        if rank < 0:
            raise AssertionError("rank must be non-negative if using store")
    else:
        rank, world_size = _agreed("env://" if init_method is None else init_method, rank, world_size)
    if world_size != 1:
        raise NotImplementedError(ALONE.format(world_size))
    if rank != 0:
        raise ValueError(f"rank {rank} is not below the world size 1")
    name = "undefined" if backend is None else _usable(backend)
    _kept.world = ProcessGroup(name, store or HashStore(), group_name or "0", timeout or default_pg_timeout, "default_pg")


def destroy_process_group(group: Any = None) -> None:
    """Ends a group; without an argument that of all processes and every other."""
    if group is None and _kept.world is None:
        raise AssertionError("Process group cannot be None")
    if group is None or group is _kept.world:
        _kept.world = None
        _kept.others.clear()
    elif group in _kept.others:
        _kept.others.remove(group)
    else:
        raise ValueError("Invalid process group specified or has been destroyed")


def get_rank(group: Any = None) -> int:
    """0."""
    return current(group).rank()


def get_world_size(group: Any = None) -> int:
    """1."""
    return current(group).size()


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """LOCAL_RANK of the environment, or `fallback_rank`. RuntimeError where there is neither."""
    value = launcher("LOCAL_RANK")
    if value is not None:
        return int(value)
    if fallback_rank is None:
        raise RuntimeError("LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow `get_node_local_rank` "
                           "to work, assuming you are not running in a multi-device context and want the code to run "
                           "locally instead.")
    return int(fallback_rank)


def get_backend(group: Any = None) -> str:
    """The name that init_process_group was given."""
    return Backend(current(group).name())


def get_backend_config(group: Any = None) -> str:
    """The backend of each kind of device."""
    name = current(group).name()
    return name if ":" in name else ",".join(f"{kind}:{'gloo' if name == 'undefined' else name}" for kind in ("cpu", "cuda"))


def get_pg_count() -> int:
    """How many groups there are."""
    return (_kept.world is not None) + len(_kept.others)


def new_group(ranks: Any = None, timeout: datetime.timedelta | None = None, backend: str | None = None, pg_options: Any = None,
              use_local_synchronization: bool = False, group_desc: str | None = None, device_id: Any = None,
              sort_ranks: bool = True) -> ProcessGroup:
    """Another group of the one process. ValueError where `ranks` names others."""
    world = current()
    ranks = [0] if ranks is None else list(ranks)
    if len(ranks) > 1:
        raise ValueError("the new group's world size should be less or equal to the world size set by init_process_group")
    if any(rank != 0 for rank in ranks):
        raise ValueError("The new group's rank should be within the world_size set by init_process_group")
    _kept.made += 1
    made = ProcessGroup(world.name() if backend is None else _usable(backend), world.store, str(_kept.made),
                        timeout or world.timeout, group_desc or "undefined")
    _kept.others.append(made)
    return made


def new_subgroups(group_size: int | None = None, group: Any = None, timeout: datetime.timedelta | None = None,
                  backend: str | None = None, pg_options: Any = None,
                  group_desc: str | None = None) -> tuple[ProcessGroup, list[ProcessGroup]]:
    """The group of this process and all groups: one."""
    if group_size is not None and group_size != 1:
        raise ValueError(f"The arg 'group_size' ({group_size}) must not exceed the world size (1)")
    made = new_group([0], timeout, backend, group_desc=group_desc)
    return made, [made]


def split_group(parent_pg: Any = None, split_ranks: Any = None, timeout: datetime.timedelta | None = None, pg_options: Any = None,
                group_desc: str | None = None) -> ProcessGroup:
    """Another group of the one process."""
    current(parent_pg)
    return new_group(None, timeout, group_desc=group_desc)


def get_process_group_ranks(group: Any = None) -> list[int]:
    """[0]."""
    current(group)
    return [0]


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """0 for 0; ValueError for any other."""
    if group_rank != 0:
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return 0


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """0 for 0; ValueError for any other."""
    if global_rank != 0:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return 0


def supports_complex(reduceOp: Any) -> bool:
    """Whether a reduction knows complex numbers."""
    return str(reduceOp).rpartition(".")[2] not in ("MAX", "MIN", "PRODUCT", "BAND", "BOR", "BXOR")
