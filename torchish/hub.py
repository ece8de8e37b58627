"""torch.hub: models that a folder's hubconf.py names, and files from the net.

In: a folder (`source="local"`), addresses of files.  Out: what the entry points of hubconf.py return; files, kept in a folder.
Source: https://docs.pytorch.org/docs/stable/hub.html
"""
from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import urllib.request
import uuid
import zipfile
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

from .config import launcher
from .missing import missing
from .serialization import load as torch_load

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
CHUNK = 128 * 1024


class _Kept:
    """What was set."""
    folder: str | None = None


class tqdm:
    """The share of a download that has arrived, on stderr; as a context it ends its line.

    `total` is in bytes, None where it is not known.  Other options of the tqdm package are accepted.
    """

    def __init__(self, total: int | None = None, disable: bool = False, unit: str | None = None, *args: Any, **kwargs: Any) -> None:
        self.total, self.disable, self.n = total, disable, 0

    def update(self, n: int) -> None:
        """`n` more bytes are there."""
        self.n += n
        if not self.disable:
            sys.stderr.write(f"\r{100 * self.n / self.total:.1f}%" if self.total else f"\r{self.n:.1f} bytes")
            sys.stderr.flush()

    def set_description(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: there is no room for a description."""

    def close(self) -> None:
        """Ends the line."""
        if not self.disable:
            self.disable = True
            sys.stderr.write("\n")

    def __enter__(self) -> tqdm:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_kept = _Kept()


def _get_torch_home() -> str:
    """$TORCH_HOME, else torch in $XDG_CACHE_HOME, else ~/.cache/torch. torchvision and others keep their files there, too."""
    cache = launcher("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    return os.path.expanduser(launcher("TORCH_HOME") or os.path.join(cache, "torch"))


def get_dir() -> str:
    """The folder of downloads: what set_dir was given, else hub in torch's folder of files."""
    return _kept.folder or os.path.join(_get_torch_home(), "hub")


def set_dir(d: str | os.PathLike) -> None:
    """Sets the folder of downloads."""
    _kept.folder = os.path.expanduser(d)


def _folder(repo_or_dir: Any, source: str) -> str:
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        raise NotImplementedError(f"torchish.hub reads folders: get the files of {repo_or_dir} and give their folder with "
                                  'source="local"')
    return os.fspath(repo_or_dir)


def _module(folder: str) -> ModuleType:
    """The module hubconf.py of a folder, which may import its neighbours while it runs."""
    spec = importlib.util.spec_from_file_location("hubconf", os.path.join(folder, "hubconf.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} has no hubconf.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    needed = getattr(module, "dependencies", ())
    lacking = [name for name in needed if name != "torch" and importlib.util.find_spec(name) is None]
    if lacking:
        raise RuntimeError(f"Missing dependencies: {', '.join(lacking)}")
    return module


def _entry(module: ModuleType, name: Any) -> Callable:
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    found = getattr(module, name, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found


def list(github: Any, force_reload: bool = False, skip_validation: bool = False, trust_repo: Any = None,
         verbose: bool = True, *, source: str = "local") -> Any:
    """The names of the entry points of a folder."""
    module = _module(_folder(github, source))
    return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]


def help(github: Any, model: str, force_reload: bool = False, skip_validation: bool = False,
         trust_repo: Any = None, *, source: str = "local") -> str | None:
    """The docstring of an entry point of a folder."""
    return _entry(_module(_folder(github, source)), model).__doc__


def load(repo_or_dir: Any, model: str, *args: Any, source: str = "github", trust_repo: Any = None, force_reload: bool = False,
         verbose: bool = True, skip_validation: bool = False, **kwargs: Any) -> Any:
    """What the entry point `model` of the folder's hubconf.py returns for the arguments.

    Differs from torch: source="github" is NotImplementedError.
    """
    return _entry(_module(_folder(repo_or_dir, source)), model)(*args, **kwargs)


def download_url_to_file(url: str, dst: str | os.PathLike, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Writes what is at `url` to the file `dst`. RuntimeError where its SHA-256 does not begin with `hash_prefix`."""
    target = os.path.expanduser(dst)
    partial = f"{target}.{uuid.uuid4().hex}.partial"
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url) as answer, open(partial, "wb") as file:    # the user's address
            length = answer.headers.get("Content-Length")
            with tqdm(total=int(length) if length else None, disable=not progress) as shown:
                while chunk := answer.read(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
                    shown.update(len(chunk))
        if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")')
        shutil.move(partial, target)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def load_state_dict_from_url(url: str, model_dir: Any = None, map_location: Any = None, progress: bool = True,
                             check_hash: bool = False, file_name: str | None = None, weights_only: bool = False) -> Any:
    """torch.load of the file at `url`, which is downloaded to `model_dir` unless it is there already."""
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else os.fspath(model_dir)
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        sys.stderr.write(f'Downloading: "{url}" to {path}\n')
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, path, found and found.group(1), progress)
    if not zipfile.is_zipfile(path):
        return torch_load(path, map_location=map_location, weights_only=weights_only)
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        if any(member.endswith("/data.pkl") for member in members):     # torch's own files are archives, too
            return torch_load(path, map_location=map_location, weights_only=weights_only)
        if len(members) != 1:
            raise RuntimeError("Only one file(not dir) is allowed in the zipfile")
        with tempfile.TemporaryDirectory() as inner:
            return torch_load(archive.extract(members[0], inner), map_location=map_location, weights_only=weights_only)


__getattr__ = missing("torch.hub", globals())
