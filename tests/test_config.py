"""The flags: defaults, the environment, assignment, and what is refused."""
from __future__ import annotations

from typing import Any

import pytest

from torchish.config import FLAGS, Config, boolean


def test_defaults_and_environment() -> None:
    assert {name: getattr(Config({}), name) for name in FLAGS} == {flag.name: flag.default for flag in FLAGS.values()}
    told = Config({"TORCHISH_LOGS": "compile, flush", "TORCHISH_MAX_TAPE": "12", "TORCHISH_CACHE_DIR": "/a", "A": "x"})
    assert (told.logs, told.max_tape, told.compilation_cache_dir) == ({"compile", "flush"}, 12, "/a")


@pytest.mark.parametrize("off", ["", "0", "false"])
def test_off_is_off(off: str) -> None:
    assert Config({"TORCHISH_LOGS": off}).logs == frozenset()
    assert boolean(off) is False and boolean("1") is boolean("True") is boolean(True) is True


@pytest.mark.parametrize(("name", "value", "allowed"), [
    ("logs", "compil", "any of compile, flush, graph"), ("logs", 3, "any of compile"), ("logs", ["flush", 1], "any of"),
    ("max_programs", 0, "an integer from 1"), ("max_tape", "many", "an integer from 1"),
    ("soft_tape", 2.5, "an integer from 1"), ("max_nodes", True, "an integer from 1"),
    ("compilation_cache_dir", 3, "a folder")])
def test_wrong_value_is_refused(name: str, value: Any, allowed: str) -> None:
    config = Config({})
    with pytest.raises(ValueError, match=rf"torchish\.config\.{name} = .*: it must be {allowed}"):
        setattr(config, name, value)
    assert getattr(config, name) == FLAGS[name].default


def test_wrong_environment_is_refused() -> None:
    with pytest.raises(ValueError, match="TORCHISH_MAX_TAPE = '-1': it must be an integer from 1"):
        Config({"TORCHISH_MAX_TAPE": "-1"})
    with pytest.warns(UserWarning, match="TORCHISH_LOG means nothing to torchish. Nearest: TORCHISH_LOGS"):
        Config({"TORCHISH_LOG": "compile"})


def test_unknown_flag_names_the_nearest() -> None:
    config = Config({})
    with pytest.raises(AttributeError, match="torchish.config has no flag 'log'. Nearest: logs"):
        config.log = "compile"
    with pytest.raises(AttributeError, match="torchish.config has no flag 'maxtape'. Nearest: max_tape"):
        config.maxtape
    assert not hasattr(config, "__wrapped__")


def test_override_sets_back() -> None:
    config = Config({})
    with pytest.raises(KeyError), config.override(logs=["graph"], max_tape=7):
        assert (config.logs, config.max_tape) == ({"graph"}, 7)
        raise KeyError
    assert (config.logs, config.max_tape) == (frozenset(), 5000)
    with pytest.raises(ValueError, match="max_tape"), config.override(logs="graph", max_tape=0):
        pass
    assert config.logs == frozenset()


def test_describe_shows_every_flag() -> None:
    config = Config({})
    config.logs = "flush,compile"
    text = config.describe()
    assert all(flag.name in text and flag.variable in text and flag.help in text for flag in FLAGS.values())
    assert "logs = 'compile,flush'" in text and "max_nodes=200000" in repr(config)
