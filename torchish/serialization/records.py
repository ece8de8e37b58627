"""torch.PyTorchFileReader and PyTorchFileWriter: the records of a `.pt` file, one by one.

In: the path of a file that `torch.save` wrote, or the open file; names and bytes.  Out: names of records and their
bytes; a file.
"""
from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

__all__ = ["PyTorchFileReader", "PyTorchFileWriter", "is_zipfile", "opened", "reader", "writer"]

ALIGNMENT, VERSION = 64, b"3\n"


class PyTorchFileReader:
    """Reads the records of an archive.  RuntimeError, as PyTorch's, for files that are none and for records that are not there."""

    def __init__(self, file: Any) -> None:
        if isinstance(file, str | os.PathLike) and not os.path.exists(file):
            raise RuntimeError("open file failed because of errno 2 on fopen: No such file or directory, file path: "
                               f"{os.fspath(file)}")
        try:
            self._archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as e:
            raise RuntimeError("PytorchStreamReader failed reading zip archive: not a ZIP archive.") from e
        # all records are in one folder, named after the file that was written
        self._records = {str(PurePosixPath(*PurePosixPath(name).parts[1:])): name for name in self._archive.namelist()}

    def get_all_records(self) -> list[str]:
        """The names of all records."""
        return list(self._records)

    def has_record(self, name: str) -> bool:
        """Whether there is a record of that name."""
        return name in self._records

    def get_record(self, name: str) -> bytes:
        """The bytes of a record."""
        return self._archive.read(self._place(name))

    def get_record_size(self, name: str) -> int:
        """How many bytes a record has."""
        return self._archive.getinfo(self._place(name)).file_size

    def serialization_id(self) -> str:
        """The number that stands for the contents of the file; an empty string where it has none."""
        return self.get_record(".data/serialization_id").decode() if self.has_record(".data/serialization_id") else ""

    def _place(self, name: str) -> str:
        if name not in self._records:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found.")
        return self._records[name]


class PyTorchFileWriter:
    """Writes an archive, record by record; `write_end_of_file` ends it.

    file: a path or what is open for writing.  compute_crc32: accepted, checksums are always written.  storage_alignment: records
    begin at multiples of so many bytes.
    """

    def __init__(self, file: Any, compute_crc32: bool = True, storage_alignment: int = ALIGNMENT) -> None:
        path = Path(os.fspath(file)) if isinstance(file, str | os.PathLike) else None
        if path is not None and not path.parent.is_dir():
            raise RuntimeError(f"Parent directory {path.parent} does not exist.")
        self._name, self._alignment = "archive" if path is None else path.stem, storage_alignment
        self._archive = zipfile.ZipFile(file if path is None else path, "w", zipfile.ZIP_STORED)
        self._written: set[str] = set()

    def write_record(self, name: str, data: Any, size: int | None = None) -> None:
        """Writes the first `size` bytes of `data`, bytes or a storage, as the record `name`. RuntimeError where it is there."""
        if name in self._written:
            raise RuntimeError(f"Tried to serialize file twice: {name}")
        info = zipfile.ZipInfo(f"{self._name}/{name}", (1980, 1, 1, 0, 0, 0))
        used = self._archive.fp.tell() + 30 + len(info.filename.encode()) + 4      # type: ignore[union-attr]
        fill = -used % self._alignment      # values begin at multiples of 64 bytes, as mmap likes them
        info.extra = b"FB" + fill.to_bytes(2, "little") + b"Z" * fill
        whole = data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else bytes(data)
        self._archive.writestr(info, whole if size is None else whole[:size])
        self._written.add(name)

    def get_all_written_records(self) -> set[str]:
        """The names of what has been written."""
        return set(self._written)

    def archive_name(self) -> str:
        """The name of the folder in which the records are."""
        return self._name

    def write_end_of_file(self) -> None:
        """Writes the version of the format and the list of records; nothing can be written afterwards."""
        self.write_record("version", VERSION)
        self._archive.close()


def is_zipfile(f: Any) -> bool:
    """Whether an open file begins as archives do; it is where it was."""
    start = f.tell()
    head = f.read(4)
    f.seek(start)
    return head == b"PK\x03\x04"


@contextmanager
def reader(name_or_buffer: Any) -> Iterator[PyTorchFileReader]:
    """The records of a file in a `with` block."""
    yield PyTorchFileReader(name_or_buffer)


@contextmanager
def writer(name_or_buffer: Any) -> Iterator[PyTorchFileWriter]:
    """A file to write records to, which ends with the `with` block. AttributeError, TypeError for what cannot be written to."""
    if not isinstance(name_or_buffer, str | os.PathLike) and not callable(getattr(name_or_buffer, "write", None)):
        text = f"Buffer of {str(type(name_or_buffer)).strip('<>')} has no callable attribute 'write'"
        raise TypeError(text) if hasattr(name_or_buffer, "write") else AttributeError(text)
    file = PyTorchFileWriter(name_or_buffer)
    try:
        yield file
    finally:
        file.write_end_of_file()
    if hasattr(name_or_buffer, "flush"):        # another handle of the same file may read it next
        name_or_buffer.flush()


@contextmanager
def opened(name_or_buffer: Any, mode: str) -> Iterator[Any]:
    """The file of a path, open in a `with` block, or the file that is given. RuntimeError where `mode` is neither of r and w."""
    if isinstance(name_or_buffer, str | os.PathLike):
        with open(name_or_buffer, mode) as file:
            yield file
        return
    if "w" not in mode and "r" not in mode:
        raise RuntimeError(f"Expected 'r' or 'w' in mode but got {mode}")
    yield name_or_buffer
    if "w" in mode and hasattr(name_or_buffer, "flush"):
        name_or_buffer.flush()
