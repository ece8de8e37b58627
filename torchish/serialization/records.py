"""torch.PyTorchFileReader: the records of a `.pt` file, one by one.

In: the path of a file that `torch.save` wrote, or the open file.  Out: the names of its records, and their bytes.
"""
from __future__ import annotations

import os
import zipfile
from pathlib import PurePosixPath
from typing import Any

__all__ = ["PyTorchFileReader"]


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
