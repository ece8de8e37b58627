"""Where a storage that was saved on one device goes: `map_location` in all its forms.

In: map_location, the location written in the file.  Out: the device of the tensors.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..devices import META, cuda_is_available, device, place
from ..untyped_storage import UntypedStorage

__all__ = ["default_restore_location", "location_tag", "placed", "register_package", "validate_cuda_device"]

NO_CUDA = ("Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a "
           "CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.")
_registered: list[tuple[int, Callable, Callable]] = []


def validate_cuda_device(location: Any) -> int:
    """The index in "cuda:1"; torch's error where there is no accelerator."""
    if not cuda_is_available():
        raise RuntimeError(NO_CUDA)
    return device(str(location)).index or 0


def location_tag(storage: Any) -> str:
    """The name that a file gives to where a storage is."""
    for _, tagger, _ in _registered:
        found = tagger(storage)
        if found is not None:
            return found
    return str(storage.device)


def register_package(priority: int, tagger: Callable, deserializer: Callable) -> None:
    """Adds functions that name, and restore from, further locations."""
    _registered.append((priority, tagger, deserializer))
    _registered.sort(key=lambda entry: entry[0])


def default_restore_location(storage: Any, location: Any) -> Any:
    """The storage where the file says; RuntimeError for a location that is not known."""
    for _, _, deserializer in _registered:
        found = deserializer(storage, location)
        if found is not None:
            return found
    location = str(location)
    if location == "cpu":
        return storage
    if location == META:
        return UntypedStorage(_of=storage._base.to(META))
    if location.startswith("cuda"):
        validate_cuda_device(location)
        return storage.cuda(location)
    raise RuntimeError(f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location})")


def placed(map_location: Any, location: str, storage: Callable[[], Any]) -> str:
    """The device for a storage saved at `location`; `storage()` makes it for functions that ask for it."""
    if map_location is None:
        wanted: Any = location
    elif isinstance(map_location, dict):
        wanted = map_location.get(location, location)
    elif isinstance(map_location, (str, device)):
        wanted = map_location
    else:
        given = storage()
        moved = map_location(given, location)
        if moved is not None:
            return str(place(moved.device))
        wanted = location
    wanted = str(wanted)
    if wanted in ("cpu", META) and not _registered:
        return wanted
    moved = default_restore_location(storage(), wanted)
    return str(place(moved.device))
