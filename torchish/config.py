"""Every flag of torchish: name, environment variable, default, what it may be, and what it does.

In: the environment, at import; assignments such as `torchish.config.logs = "compile"`.  Out: attributes of `config`.
To add a flag, add a row to FLAGS.
"""
from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

__all__ = ["FLAGS", "Config", "Flag", "config", "launcher"]

DRAFTS = ("auto", "never", "always", "entries")
LOGS = ("compile", "flush", "graph")
OFF = ("", "0", "false", "off", "no", "none")
ON = ("1", "true", "on", "yes")


@dataclass(frozen=True)
class Flag:
    """One row of the table. `read` turns a given value into the stored one and raises ValueError if it may not be."""
    name: str
    variable: str
    default: Any
    read: Callable[[Any], Any]
    allowed: str
    help: str


def boolean(value: Any) -> bool:
    """True or False; of strings, "0", "false", "off" and "no" are False."""
    word = str(value).strip().lower()
    if word not in OFF + ON:
        raise ValueError("not a boolean")
    return word in ON


def _count(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)) or int(value) < least:
            raise ValueError("not such a number")
        return int(value)
    return read


def _topics(value: Any) -> frozenset[str]:
    """A set of LOGS, given as one string with commas or as strings."""
    words = value.split(",") if isinstance(value, str) else () if value is None else tuple(value)
    topics = frozenset(word.strip().lower() for word in words) - frozenset(OFF)
    if topics - frozenset(LOGS):
        raise ValueError("unknown topic")
    return topics


def _folder(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise ValueError("not a path")
    return os.path.expanduser(os.fspath(value))


def _drafts(value: Any) -> str:
    if value not in DRAFTS:
        raise ValueError("unknown word")
    return value


_AT_LEAST_1 = "an integer from 1"
FLAGS: dict[str, Flag] = {flag.name: flag for flag in (
    Flag("logs", "TORCHISH_LOGS", frozenset(), _topics, f"any of {', '.join(LOGS)}, joined by commas",
         "what is told on stderr: each compilation with its cause, each end of a tape, each graph"),
    Flag("compilation_cache_dir", "TORCHISH_CACHE_DIR", None, _folder, "a folder",
         "where compiled programs are kept between runs; without it they are not"),
    Flag("max_programs", "TORCHISH_MAX_PROGRAMS", 512, _count(1), _AT_LEAST_1,
         "how many compiled programs are held; the least recently used goes first"),
    Flag("max_tape", "TORCHISH_MAX_TAPE", 5000, _count(1), _AT_LEAST_1,
         "how many entries a tape may have before it is run"),
    Flag("soft_tape", "TORCHISH_SOFT_TAPE", 256, _count(1), _AT_LEAST_1,
         "from how many entries on a tape is cut where its loop turns, if the loop cannot be rolled up"),
    Flag("drafts", "TORCHISH_DRAFTS", "auto", _drafts, " or ".join(DRAFTS),
         "whether a new graph is compiled in haste until it is run again, or run entry by entry: auto, where graphs have been "
         "changing all the time"),
    Flag("max_nodes", "TORCHISH_MAX_NODES", 200_000, _count(1), _AT_LEAST_1,
         "how many nodes the tree of recorded tapes may have before old branches are dropped"),
)}


class Config:
    """The values in force. Reading one is a plain attribute; an assignment is checked."""
    __slots__ = tuple(FLAGS)

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Defaults, and what the environment says otherwise. ValueError where it says what may not be."""
        for flag in FLAGS.values():
            value = environment.get(flag.variable)
            object.__setattr__(self, flag.name, flag.default if value is None else _read(flag, value, flag.variable))
        variables = {flag.variable for flag in FLAGS.values()}
        for unknown in sorted(name for name in environment if name.startswith("TORCHISH_") and name not in variables):
            warnings.warn(f"{unknown} means nothing to torchish.{_nearest(unknown, variables)}", stacklevel=2)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, _read(_flag(name), value, f"torchish.config.{name}"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _flag(name)

    @contextmanager
    def override(self, **values: Any) -> Iterator[Config]:
        """Other values inside a `with` block: `with torchish.config.override(logs="compile"): ...`."""
        checked = {name: _read(_flag(name), value, f"torchish.config.{name}") for name, value in values.items()}
        before = {name: getattr(self, name) for name in checked}
        try:
            for name, value in checked.items():
                object.__setattr__(self, name, value)
            yield self
        finally:
            for name, value in before.items():
                object.__setattr__(self, name, value)

    def describe(self) -> str:
        """The table of flags, for reading."""
        lines = []
        for flag in FLAGS.values():
            lines += [f"{flag.name} = {_show(getattr(self, flag.name))}",
                      f"    {flag.help}",
                      f"    {flag.allowed}; default {_show(flag.default)}; environment: {flag.variable}"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "torchish.config(" + ", ".join(f"{name}={_show(getattr(self, name))}" for name in FLAGS) + ")"


def _flag(name: str) -> Flag:
    if name not in FLAGS:
        raise AttributeError(f"torchish.config has no flag '{name}'.{_nearest(name, FLAGS)}")
    return FLAGS[name]


def _nearest(name: str, names: Any) -> str:
    found = get_close_matches(name, sorted(names), n=1, cutoff=0.5)
    return f" Nearest: {found[0]}" if found else f" There are: {', '.join(sorted(names))}"


def _read(flag: Flag, value: Any, place: str) -> Any:
    try:
        return flag.read(value)
    except (TypeError, ValueError, AttributeError):
        raise ValueError(f"{place} = {value!r}: it must be {flag.allowed}") from None


def _show(value: Any) -> str:
    if isinstance(value, frozenset):
        return repr(",".join(sorted(value)))
    return repr(value)


def launcher(name: str) -> str | None:
    """A variable that is not torchish's own but of who started the process: RANK, WORLD_SIZE, TORCH_HOME and the like."""
    return os.environ.get(name)


config = Config(os.environ)
