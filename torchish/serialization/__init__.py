"""torch.save and torch.load: torch's own files, read and written without torch.

In: objects, files.  Out: files, objects.  A file is a zip archive: data.pkl, data/N for each storage, version, byteorder; the
older form is one stream of pickles.
Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""
from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .. import dtypes
from ..devices import device
from ..missing import missing
from ..warned import warn
from . import records
from .names import STORAGES, StorageType, add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .names import layout_named as _get_layout
from .places import default_restore_location, location_tag, register_package, validate_cuda_device
from .reader import Reading, Stored, unsafe_names
from .writer import Storages, pickled

__all__ = ["LoadEndianness", "SourceChangeWarning", "StorageType", "add_safe_globals", "clear_safe_globals",
           "default_restore_location", "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options",
           "get_safe_globals", "get_unsafe_globals_in_checkpoint", "load", "location_tag", "register_package", "safe_globals",
           "save", "set_crc32_options", "set_default_load_endianness", "set_default_mmap_options", "skip_data",
           "validate_cuda_device"]

# what map_location may be
MAP_LOCATION: TypeAlias = Callable[[Any, str], Any] | device | str | dict[str, str] | None
MAGIC_NUMBER, PROTOCOL_VERSION, DEFAULT_PROTOCOL = 0x1950a86a20f9469cfc6c, 1001, 2
SYSTEM = {"protocol_version": PROTOCOL_VERSION, "little_endian": sys.byteorder == "little",
          "type_sizes": {"short": 2, "int": 4, "long": 4}}
BROKEN = ("PytorchStreamReader failed reading zip archive: {}. This is an internal miniz error. If you are seeing this error, "
          "there is a high likelihood that your checkpoint file is corrupted. This can happen if the checkpoint was not saved "
          "properly, was transferred incorrectly, or the file was modified after saving.")
SCRIPTED = ("Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``. torchish has no TorchScript: "
            "load the file with torch and save its state_dict")


# what libraries open files with
_is_zipfile, _open_file_like, _open_zipfile_reader, _open_zipfile_writer = \
    records.is_zipfile, records.opened, records.reader, records.writer


class SourceChangeWarning(Warning):
    """Told by torch when a module's source differs from that in an old file."""


class LoadEndianness(Enum):
    """The byte order of files that do not tell theirs."""
    NATIVE = 1
    LITTLE = 2
    BIG = 3


class _Options:
    endianness: LoadEndianness | None = None
    crc32 = True
    mmap_flags = 2
    skip = False


_options = _Options()


def get_default_load_endianness() -> LoadEndianness | None:
    """The byte order of files that do not tell theirs; None: the machine's."""
    return _options.endianness


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Sets the byte order of files that do not tell theirs."""
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _options.endianness = endianness


def get_crc32_options() -> bool:
    """What set_crc32_options was told."""
    return _options.crc32


def set_crc32_options(compute_crc32: bool) -> None:
    """Kept: checksums are always written."""
    _options.crc32 = compute_crc32


def get_default_mmap_options() -> int:
    """What set_default_mmap_options was told."""
    return _options.mmap_flags


class set_default_mmap_options:
    """Kept, as a call or a `with` block: values are copied out of the file, so nothing is ever written to it."""

    def __init__(self, flags: int) -> None:
        self.before, _options.mmap_flags = _options.mmap_flags, flags

    def __enter__(self) -> None:
        """The options hold."""

    def __exit__(self, *_: object) -> None:
        _options.mmap_flags = self.before


class skip_data:
    """Inside, `save` writes zeros in place of values."""

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        self.materialize_fake_tensors = materialize_fake_tensors

    def __enter__(self) -> None:
        _options.skip = True

    def __exit__(self, *_: object) -> None:
        _options.skip = False


def save(obj: object, f: Any, pickle_module: Any = pickle, pickle_protocol: int = DEFAULT_PROTOCOL,
         _use_new_zipfile_serialization: bool = True, _disable_byteorder_record: bool = False) -> None:
    """Writes `obj` (tensors and what holds them) to a file, given by its path or open for writing.

    Tensors that share storage share it in the file. Source: https://docs.pytorch.org/docs/stable/generated/torch.save.html
    """
    if not isinstance(f, (str, os.PathLike)) and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    storages = Storages()
    text = pickled(obj, pickle_protocol, storages, pickle_module, legacy=not _use_new_zipfile_serialization)
    if _use_new_zipfile_serialization:
        _write_archive(f, text, storages, _disable_byteorder_record)
    else:
        with records.opened(f, "wb") as file:
            _write_stream(file, text, storages, pickle_protocol)
    if hasattr(f, "flush"):     # another handle of the same file may read it next
        f.flush()


def _write_stream(file: Any, text: bytes, storages: Storages, protocol: int) -> None:
    for part in (MAGIC_NUMBER, PROTOCOL_VERSION, SYSTEM):
        pickle.dump(part, file, protocol=protocol)
    file.write(text)
    pickle.dump(sorted(key for key, _ in storages), file, protocol=protocol)
    for _, elements in sorted(storages, key=lambda s: s[0]):
        count = elements.size if dtypes.from_numpy(elements.dtype).name in STORAGES else elements.nbytes
        file.write(np.int64(count).tobytes() + elements.tobytes())


def _write_archive(f: Any, text: bytes, storages: Storages, no_byteorder: bool) -> None:
    out = records.PyTorchFileWriter(f)
    for name, data in (("data.pkl", text), (".format_version", b"1"), (".storage_alignment", str(records.ALIGNMENT).encode())):
        out.write_record(name, data)
    if not no_byteorder:
        out.write_record("byteorder", sys.byteorder.encode())
    for key, elements in storages:
        out.write_record(f"data/{key}", bytes(elements.nbytes) if _options.skip else np.ascontiguousarray(elements).tobytes())
    out.write_end_of_file()


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: Any) -> Any:
    """The object in a file that `save`, torchish's or torch's, has written.

    With weights_only (the default, unless pickle_module is given) a file may hold nothing but tensors, plain containers and
    what `add_safe_globals` allows: pickle.UnpicklingError otherwise. `mmap` is accepted: values are copied to the device.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.load.html
    """
    if weights_only is None:
        weights_only = pickle_module is None
    elif weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if weights_only and pickle_load_args:
        warn("pickle_load_args only works if `weights_only=False`.")
    reading = Reading(map_location, weights_only, pickle_load_args)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file, reading, pickle_module or pickle, f if mmap else None)
    if mmap:
        raise ValueError("f must be a file path in order to use the mmap argument")
    for needed in ("seek", "read"):
        if not hasattr(f, needed):
            raise AttributeError(f"'{type(f).__name__}' object has no attribute '{needed}'. You can only torch.load from a file "
                                 "that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from "
                                 "it instead.")
    return _read(f, reading, pickle_module or pickle, None)


def _read(file: Any, reading: Reading, pickle_module: Any, mapped: Any) -> Any:
    start = file.tell()
    if _is_zipfile(file):
        return _read_archive(file, reading, pickle_module)
    if mapped is not None:
        raise RuntimeError(f"mmap can only be used with files saved with `torch.save({mapped}, "
                           "_use_new_zipfile_serialization=True), please torch.save your checkpoint with this option in order to "
                           "use mmap.")
    if not file.read(1):
        raise EOFError("Ran out of input")
    file.seek(start)
    return _read_stream(file, reading, pickle_module)


def _read_archive(file: Any, reading: Reading, pickle_module: Any) -> Any:
    start = file.tell()
    try:
        archive = zipfile.ZipFile(file if start == 0 and hasattr(file, "seekable") else io.BytesIO(file.read()))
    except zipfile.BadZipFile:
        raise RuntimeError(BROKEN.format("failed finding central directory")) from None
    with archive:
        names = set(archive.namelist())
        root = archive.namelist()[0].partition("/")[0]
        if f"{root}/constants.pkl" in names:
            raise RuntimeError(SCRIPTED)
        if f"{root}/data.pkl" not in names:
            raise RuntimeError(BROKEN.format("file not found"))
        swap = _swapped(archive.read(f"{root}/byteorder") if f"{root}/byteorder" in names else None)
        obj = reading.unpickle(io.BytesIO(archive.read(f"{root}/data.pkl")), pickle_module)

        def elements(key: str, storage: Stored) -> np.ndarray:
            if f"{root}/data/{key}" not in names:
                raise RuntimeError(BROKEN.format(f"file not found: {root}/data/{key}"))
            found = np.frombuffer(archive.read(f"{root}/data/{key}"), storage.kind.np)
            return found.byteswap() if swap else found
        reading.fill(elements)
    return obj


def _swapped(byteorder: bytes | None) -> bool:
    """Whether the bytes of a file stand in the other order than this machine's."""
    if byteorder is not None:
        if byteorder not in (b"little", b"big"):
            raise ValueError("Unknown endianness type: " + byteorder.decode())
        return byteorder.decode() != sys.byteorder
    default = _options.endianness
    return default not in (None, LoadEndianness.NATIVE) and default.name.lower() != sys.byteorder     # type: ignore[union-attr]


def _read_stream(file: Any, reading: Reading, pickle_module: Any) -> Any:
    """The older form: magic number, version, system, the object, the keys, and each storage's size and elements."""
    if reading.unpickle(file, pickle_module) != MAGIC_NUMBER:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = reading.unpickle(file, pickle_module)
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    system = reading.unpickle(file, pickle_module)
    obj = reading.unpickle(file, pickle_module)
    keys = reading.unpickle(file, pickle_module)
    swap = system.get("little_endian", True) != (sys.byteorder == "little")
    data = {}
    for key in keys:
        storage = reading.storages[str(key)]
        count = np.frombuffer(file.read(8), np.int64)[0]
        count = count.byteswap() if swap else count
        found = np.frombuffer(file.read(int(count) * storage.kind.itemsize), storage.kind.np)
        data[str(key)] = found.byteswap() if swap else found
    reading.fill(lambda key, storage: data[key])
    return obj


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The names in a file that `load` with weights_only would refuse."""
    with zipfile.ZipFile(f) as archive:
        return unsafe_names(archive.read(archive.namelist()[0].partition("/")[0] + "/data.pkl"))


__getattr__ = missing("torch.serialization", globals())
