"""Structures of trees as JSON, in the form of torch.utils._pytree.treespec_dumps.

In: a `TreeSpec`, or the text.  Out: the text, or what is needed to make the `TreeSpec`: types are written by the names they were
registered with, contexts as JSON or as their types say.
Source: https://docs.pytorch.org/docs/stable/pytree.html
"""
from __future__ import annotations

import enum
import importlib
import json
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["EnumEncoder", "PROTOCOL", "Serial", "announce", "dumps", "loads", "names", "types"]

PROTOCOL = 1


class Serial(NamedTuple):
    """How a type is written: its name, and its contexts if they are not JSON as they are."""
    serialized_type_name: str | None
    to_dumpable_context: Callable[[Any], Any] | None
    from_dumpable_context: Callable[[Any], Any] | None


class EnumEncoder(json.JSONEncoder):
    """Writes members of an enumeration by name."""

    def default(self, o: Any) -> Any:
        """What json cannot write by itself."""
        if isinstance(o, enum.Enum):
            return {"__enum__": True, "fqn": f"{type(o).__module__}:{type(o).__qualname__}", "name": o.name}
        return super().default(o)


def _member(d: dict) -> Any:
    if "__enum__" not in d:
        return d
    module, path = d["fqn"].split(":", 1)
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return getattr(found, d["name"])


names: dict[Any, Serial] = {}       # type -> how it is written
types: dict[str, Any] = {}          # name -> type


def announce(cls: Any, name: str | None, to: Any = None, back: Any = None) -> None:
    """Notes how `cls` is written; name None: not at all."""
    if (to is None) ^ (back is None):
        raise ValueError(f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered.")
    names[cls] = Serial(name, to, back)
    if name is not None:
        types[name] = cls


def _class_name(cls: type) -> str:
    if cls not in names:
        raise NotImplementedError(f"Can't serialize TreeSpec of namedtuple class {cls} because we didn't register a "
                                  "serializated_type_name. Please register using `_register_namedtuple`.")
    return _name(cls)


def _name(cls: Any) -> str:
    name = names[cls].serialized_type_name
    if name is None:
        raise NotImplementedError(f"No registered serialization name for {cls} found. Please update your _register_pytree_node "
                                  "call with a `serialized_type_name` kwarg.")
    return name


def _factory(context: list) -> dict:
    made, keys = context
    return {"default_factory_module": made.__module__, "default_factory_name": made.__qualname__, "dict_context": keys}


def _factory_back(data: dict) -> list:
    return [getattr(importlib.import_module(data["default_factory_module"]), data["default_factory_name"]), data["dict_context"]]


for _cls, _label, *_how in (
        (tuple, "builtins.tuple"), (list, "builtins.list"), (dict, "builtins.dict"), (OrderedDict, "collections.OrderedDict"),
        (deque, "collections.deque"), (defaultdict, "collections.defaultdict", _factory, _factory_back),
        (namedtuple, "collections.namedtuple", _class_name, types.__getitem__)):
    announce(_cls, _label, *_how)


def _written(spec: Any) -> dict:
    if spec.type is None:
        return {"type": None, "context": None, "children_spec": []}
    if spec.type not in names:
        raise NotImplementedError(f"Serializing {spec.type} in pytree is not registered.")
    name, to = _name(spec.type), names[spec.type].to_dumpable_context
    if to is None:
        try:
            context = json.dumps(spec.context, cls=EnumEncoder)
        except TypeError as e:
            raise TypeError("Unable to serialize context. Please make the context json dump-able, or register a custom serializer "
                            "using _register_pytree_node.") from e
    else:
        context = to(spec.context)
    return {"type": name, "context": context, "children_spec": [_written(c) for c in spec.children_specs]}


def _read(data: dict, make: Callable) -> Any:
    if data["type"] is None and data["context"] is None and not data["children_spec"]:
        return make(None)
    if data["type"] not in types:
        raise NotImplementedError(f"Deserializing {data['type']} in pytree is not registered.")
    cls, context = types[data["type"]], data["context"]
    back = names[cls].from_dumpable_context
    context = json.loads(context, object_hook=_member) if back is None else back(context)
    return make(cls, context, [_read(c, make) for c in data["children_spec"]])


def dumps(spec: Any, protocol: int | None) -> str:
    """The text of a structure."""
    protocol = PROTOCOL if protocol is None else protocol
    if protocol != PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{PROTOCOL}]")
    return json.dumps((protocol, _written(spec)), cls=EnumEncoder)


def loads(text: str, make: Callable) -> Any:
    """make(type, context, children) of what the text says."""
    protocol, data = json.loads(text)
    if protocol != PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{PROTOCOL}]")
    return _read(data, make)
