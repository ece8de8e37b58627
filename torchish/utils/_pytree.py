"""torch.utils._pytree: nested containers as flat lists of leaves.

In: tuples, lists, dicts (in their own order), namedtuples, deques and registered classes, nested in each other; everything else is
a leaf, None too.  Out: the leaves and a `TreeSpec`, which puts leaves together again; maps over leaves.
(JAX's tree utilities sort dicts and drop None, so the walk here is its own.)
Source: https://docs.pytorch.org/docs/stable/pytree.html
"""
from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from ..warned import warn
from . import pytree_json
from .pytree_json import EnumEncoder

__all__ = ["EnumEncoder", "LeafSpec", "TreeSpec", "register_dataclass", "register_pytree_node", "tree_all", "tree_any",
           "tree_flatten", "tree_flatten_with_path", "tree_iter", "tree_leaves", "tree_map", "tree_map_", "tree_map_only",
           "tree_structure", "tree_unflatten", "treespec_dumps", "treespec_loads"]

PyTree: TypeAlias = Any
Context: TypeAlias = Any
DumpableContext: TypeAlias = Any
FlattenFn = UnflattenFn = FlattenFunc = UnflattenFunc = FlattenWithKeysFunc = ToStrFunc = MaybeFromStrFunc = MapOnlyFn = Callable
ToDumpableContextFn = FromDumpableContextFn = FlattenWithKeysFn = Callable
SUPPORTED_SERIALIZED_TYPES, SERIALIZED_TYPE_TO_PYTHON_TYPE = pytree_json.names, pytree_json.types
DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL = pytree_json.PROTOCOL


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """A place in a sequence."""
    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """What stands there."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """A key of a mapping."""
    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """What stands there."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """A field of an object."""
    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """What stands there."""
        return getattr(obj, self.name)


KeyEntry: TypeAlias = Any        # torch's protocol: what has `get` and can be hashed
KeyPath = tuple[Any, ...]


def keystr(kp: KeyPath) -> str:
    """`['a'][0].b`."""
    return "".join(str(k) for k in kp)


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What stands at a path."""
    for k in kp:
        obj = k.get(obj)
    return obj


@dataclasses.dataclass(frozen=True)
class ConstantNode:
    """The context of a constant: the object itself, which is part of the structure."""
    value: Any


class NodeDef(NamedTuple):
    """How a class of containers is taken apart and put together."""
    type: Any
    flatten_fn: Callable
    unflatten_fn: Callable
    keys_fn: Callable


def _mapping(cls: Callable) -> tuple[Callable, Callable, Callable]:
    return (lambda d: (list(d.values()), list(d)), lambda values, keys: cls(zip(keys, values, strict=True)),
            lambda d: [MappingKey(k) for k in d])


def _sequence(cls: Callable) -> tuple[Callable, Callable, Callable]:
    return lambda s: (list(s), None), lambda values, _: cls(values), lambda s: [SequenceKey(k) for k in range(len(s))]


SUPPORTED_NODES: dict[Any, NodeDef] = {
    tuple: NodeDef(tuple, *_sequence(tuple)),
    list: NodeDef(list, *_sequence(list)),
    dict: NodeDef(dict, *_mapping(dict)),
    OrderedDict: NodeDef(OrderedDict, *_mapping(OrderedDict)),
    defaultdict: NodeDef(defaultdict, lambda d: (list(d.values()), [d.default_factory, list(d)]),
                         lambda values, c: defaultdict(c[0], zip(c[1], values, strict=True)), lambda d: [MappingKey(k) for k in d]),
    deque: NodeDef(deque, lambda d: (list(d), d.maxlen), lambda values, n: deque(values, maxlen=n),
                   lambda d: [SequenceKey(k) for k in range(len(d))]),
}
_NAMED = SUPPORTED_NODES[namedtuple] = NodeDef(namedtuple, lambda t: (list(t), type(t)), lambda values, cls: cls(*values),
                                               lambda t: [GetAttrKey(name) for name in t._fields])
BUILTIN_TYPES = frozenset(SUPPORTED_NODES)
STANDARD_DICT_TYPES = frozenset({dict, OrderedDict, defaultdict})
(_tuple_flatten, _tuple_unflatten), (_list_flatten, _list_unflatten), (_dict_flatten, _dict_unflatten), \
    (_namedtuple_flatten, _namedtuple_unflatten), (_ordereddict_flatten, _ordereddict_unflatten), \
    (_defaultdict_flatten, _defaultdict_unflatten), (_deque_flatten, _deque_unflatten) = [
        SUPPORTED_NODES[cls][1:3] for cls in (tuple, list, dict, namedtuple, OrderedDict, defaultdict, deque)]


def _dict_flatten_with_keys(d: dict) -> tuple[list, list]:
    """(pairs of a key and what it leads to, the keys)."""
    return [(MappingKey(k), v) for k, v in d.items()], list(d)


def _list_flatten_with_keys(d: list) -> tuple[list, None]:
    """(pairs of a place and what stands there, None)."""
    return [(SequenceKey(k), v) for k, v in enumerate(d)], None


CONSTANT_NODES: set[type] = set()


def register_pytree_node(cls: type, flatten_fn: Callable, unflatten_fn: Callable, *, serialized_type_name: str | None = None,
                         to_dumpable_context: Any = None, from_dumpable_context: Any = None,
                         flatten_with_keys_fn: Callable | None = None) -> None:
    """Makes `cls` a container: flatten_fn(object) -> (children, context), unflatten_fn(children, context) -> object."""
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _register(cls, flatten_fn, unflatten_fn, serialized_type_name, to_dumpable_context, from_dumpable_context, flatten_with_keys_fn)


def _register(cls: type, flatten_fn: Callable, unflatten_fn: Callable, serialized_type_name: str | None = None,
              to_dumpable_context: Any = None, from_dumpable_context: Any = None,
              flatten_with_keys_fn: Callable | None = None) -> None:
    if cls in SUPPORTED_NODES:
        warn(f"{cls} is already registered as pytree node. Overwriting the previous registration.")

    def keys(x: Any) -> list:
        if flatten_with_keys_fn is None:
            raise ValueError(f"Did not find a flatten_with_keys_fn for type: {cls}. Please pass a flatten_with_keys_fn argument to "
                             "register_pytree_node.")
        return [k for k, _ in flatten_with_keys_fn(x)[0]]
    pytree_json.announce(cls, serialized_type_name, to_dumpable_context, from_dumpable_context)
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, keys)


_register_pytree_node = _private_register_pytree_node = register_pytree_node


def _deregister_pytree_node(cls: type) -> None:
    """Makes a registered class a leaf again."""
    del SUPPORTED_NODES[cls]
    CONSTANT_NODES.discard(cls)
    pytree_json.types.pop(pytree_json.names.pop(cls).serialized_type_name, None)    # type: ignore[arg-type]


def register_dataclass(cls: type, *, field_names: list[str] | None = None, drop_field_names: list[str] | None = None,
                       serialized_type_name: str | None = None) -> None:
    """Makes a dataclass a container of its fields; another class of those that `field_names` says.

    field_names, drop_field_names: together all fields; those dropped are not looked at and take their defaults again.
    """
    names = field_names
    if dataclasses.is_dataclass(cls):
        known, dropped = [f.name for f in dataclasses.fields(cls) if f.init], set(drop_field_names or ())
        names = [n for n in known if n not in dropped] if names is None else names
        told = dropped.union(names)
        for what, which in (("Missing", set(known) - told), ("Extra", told.difference(known))):
            if which:
                raise ValueError(f"field_names does not include all dataclass fields. {what} fields: {which}.")
    elif names is None:
        raise ValueError(f"field_names must be specified with a list of all fields used to initialize {cls}, as it is not a "
                         "dataclass.")

    def flatten(x: Any) -> tuple[list, list]:
        present = [n for n in names if getattr(x, n) is not None]
        return [getattr(x, n) for n in present], [present, [n for n in names if n not in present]]

    def with_keys(x: Any) -> tuple[list, list]:
        values, context = flatten(x)
        return [(GetAttrKey(n), v) for n, v in zip(context[0], values, strict=True)], context
    _register(cls, flatten, lambda values, c: cls(**dict(zip(c[0], values, strict=True)), **dict.fromkeys(c[1])),
              serialized_type_name=serialized_type_name, flatten_with_keys_fn=with_keys)


def register_constant(cls: type) -> None:
    """Makes `cls` a container without children: part of the structure. It must have an equality and a hash of its own."""
    for name, own in (("__eq__", cls.__eq__ is not object.__eq__), ("__hash__", cls.__hash__ is not None)):
        if not own:
            raise TypeError(f"register_constant(cls) expects `cls` to have a non-default `{name}` implementation.")
    CONSTANT_NODES.add(cls)

    def flatten(x: Any) -> tuple[list, ConstantNode]:
        return [], ConstantNode(x)
    _register(cls, flatten, lambda _, context: context.value, flatten_with_keys_fn=flatten)


def _is_constant_holder(spec: TreeSpec) -> bool:
    """Whether `spec` stands for a constant."""
    return isinstance(spec.context, ConstantNode)


def _retrieve_constant(spec: TreeSpec) -> Any:
    """The constant that `spec` stands for."""
    return spec.unflatten([])


def is_constant_class(cls: type) -> bool:
    """Whether `cls` has been made a part of the structure (`register_constant`)."""
    return isinstance(cls, type) and cls in CONSTANT_NODES


def _register_namedtuple(cls: Any, *, serialized_type_name: str) -> None:
    """Gives a class of namedtuples, a container anyway, a name to be written by."""
    pytree_json.announce(cls, serialized_type_name)


def is_structseq_class(cls: type) -> bool:
    """Whether `cls` is the class of a struct sequence: what `max(dim)` and the like return, `time.struct_time`."""
    return isinstance(cls, type) and issubclass(cls, tuple) and (
        cls.__module__ == "torch.return_types" or all(isinstance(getattr(cls, f"n_{n}", None), int)
                                                      for n in ("fields", "sequence_fields", "unnamed_fields")))


def is_structseq(obj: Any) -> bool:
    """Whether `obj` is a struct sequence, or a class of them."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_instance(obj: Any) -> bool:
    """Whether `obj` is a struct sequence."""
    return is_structseq_class(type(obj))


def is_namedtuple_class(cls: type) -> bool:
    """Whether `cls` is a namedtuple's class."""
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def is_namedtuple(obj: Any) -> bool:
    """Whether `obj` is a namedtuple, or a class of them."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


is_namedtuple_instance = is_namedtuple


def _definition(tree: Any) -> NodeDef | None:
    """How `tree` is taken apart; None for a leaf."""
    cls = type(tree)
    found = SUPPORTED_NODES.get(cls)
    return _NAMED if found is None and isinstance(tree, tuple) and is_namedtuple_class(cls) else found


class TreeSpec:
    """The structure of a tree: the type of its root, a context, and the structures of its children; None: a leaf."""
    __slots__ = ("type", "_context", "_children", "num_leaves", "num_nodes", "num_children")

    def __init__(self, type: Any, context: Context = None, children_specs: Iterable[TreeSpec] = ()) -> None:
        self.type, self._context, self._children = type, context, list(children_specs)
        self.num_nodes = 1 + sum(c.num_nodes for c in self._children)
        self.num_leaves = 1 if type is None else sum(c.num_leaves for c in self._children)
        self.num_children = len(self._children)

    @property
    def context(self) -> Context:
        """Keys of a mapping, the class of a namedtuple, and the like."""
        return self._context

    @property
    def children_specs(self) -> list[TreeSpec]:
        """The structures of the children."""
        return self._children

    def children(self) -> list[TreeSpec]:
        """The structures of the children."""
        return list(self._children)

    def child(self, index: int) -> TreeSpec:
        """The structure of one child."""
        return self._children[index]

    def is_leaf(self) -> bool:
        """Whether it is a leaf's."""
        return self.type is None

    def _label(self) -> str:
        if self.type is namedtuple:
            return f"namedtuple, {self._context}" if self._context.__module__ != "torch.return_types" else \
                f"{self._context.__name__}, None"
        return f"{self.type.__name__}, {self._context}"

    def __repr__(self, indent: int = 0) -> str:
        if self.type is None:
            return "*"
        inner = (",\n" + " " * (indent + 2)).join(c.__repr__(indent + 2) for c in self._children)
        return f"TreeSpec({self._label()}, [{inner}])"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return self is other or (self.type is other.type and self._context == other._context
                                 and self._children == other._children)

    def __hash__(self) -> int:
        context = self._context
        return hash((self.type, repr(context) if isinstance(context, list) else context, tuple(self._children)))

    def unflatten(self, leaves: Iterable[Any]) -> PyTree:
        """The tree of this structure with these leaves."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
                             f"holds {self.num_leaves} items ({self}).")
        return _build(self, iter(leaves))

    def flatten_up_to(self, tree: PyTree) -> list:
        """The subtrees of `tree` that stand where this structure has its leaves."""
        found: list = []
        _up_to(self, tree, found)
        return found


PyTreeSpec = TreeSpec


def LeafSpec() -> TreeSpec:
    """The structure of a leaf."""
    return _LEAF


_LEAF = TreeSpec(None)


def _build(spec: TreeSpec, leaves: Iterator) -> Any:
    kind = spec.type
    if kind is None:
        return next(leaves)
    children = [_build(c, leaves) for c in spec._children]
    if kind is tuple:
        return tuple(children)
    return SUPPORTED_NODES[kind].unflatten_fn(children, spec._context)


def _up_to(spec: TreeSpec, tree: Any, found: list) -> None:
    if spec.type is None:
        found.append(tree)
        return
    definition = _definition(tree)
    kind = None if definition is None else definition.type
    mappings = (dict, OrderedDict, defaultdict)
    if definition is None or (kind is not spec.type and not (kind in mappings and spec.type in mappings)):
        raise ValueError(f"Node type mismatch; expected {spec.type}, but got {type(tree)}.")
    children, context = definition.flatten_fn(tree)
    children = list(children)
    if kind in mappings and len(tree) == spec.num_children:
        keys = spec._context[1] if spec.type is defaultdict else spec._context
        missing, extra = [k for k in keys if k not in tree], [k for k in tree if k not in keys]
        if missing or extra:
            raise ValueError("Node keys mismatch; " + "; ".join(
                f"{name} key(s): {set(ks)}" for name, ks in (("missing", missing), ("extra", extra)) if ks) + ".")
        children = [tree[k] for k in keys]
    elif len(children) != spec.num_children:
        raise ValueError(f"Node arity mismatch; expected {spec.num_children}, but got {len(children)}.")
    elif kind is not deque and context != spec._context:
        raise ValueError(f"Node context mismatch for custom node type {spec.type}.")
    for s, child in zip(spec._children, children, strict=True):
        _up_to(s, child, found)


def _walk(tree: Any, leaves: list, is_leaf: Callable | None) -> TreeSpec:
    definition = None if is_leaf is not None and is_leaf(tree) else _definition(tree)
    if definition is None:
        leaves.append(tree)
        return _LEAF
    children, context = definition.flatten_fn(tree)
    return TreeSpec(definition.type, context, [_walk(c, leaves, is_leaf) for c in children])


def tree_flatten(tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, TreeSpec]:
    """The leaves of a tree, and its structure."""
    leaves: list = []
    spec = _walk(tree, leaves, is_leaf)
    return leaves, spec


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> PyTree:
    """The tree of a structure with these leaves."""
    return _a_spec(treespec).unflatten(leaves)


def _a_spec(treespec: Any) -> TreeSpec:
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")
    return treespec


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """The structure as JSON.

    Errors: TypeError for what is none, ValueError for another protocol than 1, NotImplementedError for types without a name.
    """
    return pytree_json.dumps(_a_spec(treespec), protocol)


def pytree_to_str(treespec: TreeSpec) -> str:
    """The old name of `treespec_dumps`."""
    warn("`pytree_to_str` is deprecated. Please use `treespec_dumps` instead.", FutureWarning)
    return treespec_dumps(treespec)


def str_to_pytree(json: str) -> TreeSpec:
    """The old name of `treespec_loads`."""
    warn("`str_to_pytree` is deprecated. Please use `treespec_loads` instead.", FutureWarning)
    return treespec_loads(json)


def treespec_loads(serialized: str) -> TreeSpec:
    """The structure that `treespec_dumps` wrote."""
    return pytree_json.loads(serialized, TreeSpec)


def tree_leaves(tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> list:
    """The leaves of a tree."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> Iterator:
    """The leaves of a tree, one by one."""
    return iter(tree_leaves(tree, is_leaf))


def arg_tree_leaves(*args: PyTree, **kwargs: PyTree) -> list:
    """The leaves of all arguments."""
    return [leaf for a in (*args, *kwargs.values()) for leaf in tree_leaves(a)]


def tree_structure(tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """The structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def _get_node_type(tree: Any) -> Any:
    """The type that `tree` is taken apart as: its class, or `namedtuple`."""
    definition = _definition(tree)
    return type(tree) if definition is None else definition.type


def tree_is_leaf(tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether a tree is one leaf."""
    return (is_leaf is not None and is_leaf(tree)) or _definition(tree) is None


_is_leaf = tree_is_leaf


def tree_map(func: Callable, tree: PyTree, *rests: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> PyTree:
    """The tree of func(leaf, ...): of each leaf of `tree`, with what stands at its place in `rests`."""
    leaves, spec = tree_flatten(tree, is_leaf)
    return spec.unflatten([func(*group) for group in zip(leaves, *[spec.flatten_up_to(r) for r in rests], strict=True)])


def tree_map_(func: Callable, tree: PyTree, *rests: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> PyTree:
    """Calls func(leaf, ...) for each leaf; returns `tree`."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _of_type(kind: Any) -> Callable[[Any], bool]:
    if not (callable(kind) or isinstance(kind, tuple) or hasattr(kind, "__args__")):
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")
    return kind if callable(kind) and not isinstance(kind, type) else lambda x: isinstance(x, kind)


def map_only(type_or_types_or_pred: Any, /) -> Callable[[Callable], Callable]:
    """Decorates a function that is to leave leaves of other types alone."""
    applies = _of_type(type_or_types_or_pred)
    return lambda func: lambda x: func(x) if applies(x) else x


def tree_map_only(type_or_types_or_pred: Any, /, func: Callable, tree: PyTree,
                  is_leaf: Callable[[Any], bool] | None = None) -> PyTree:
    """`tree_map` over the leaves of one type (or several, or that a predicate holds for); the others stay."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred: Any, /, func: Callable, tree: PyTree,
                   is_leaf: Callable[[Any], bool] | None = None) -> PyTree:
    """Calls func(leaf) for the leaves of one type; returns `tree`."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether `pred` holds for all leaves."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether `pred` holds for a leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: PyTree,
                  is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether `pred` holds for all leaves of one type."""
    applies = _of_type(type_or_types)
    return all(pred(x) for x in tree_iter(tree, is_leaf) if applies(x))


def tree_any_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: PyTree,
                  is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether `pred` holds for a leaf of one type."""
    applies = _of_type(type_or_types)
    return any(pred(x) for x in tree_iter(tree, is_leaf) if applies(x))


def _paths(tree: Any, at: KeyPath, is_leaf: Callable | None) -> Iterator[tuple[KeyPath, Any]]:
    definition = None if is_leaf is not None and is_leaf(tree) else _definition(tree)
    if definition is None:
        yield at, tree
        return
    for key, child in zip(definition.keys_fn(tree), definition.flatten_fn(tree)[0], strict=True):
        yield from _paths(child, (*at, key), is_leaf)


def tree_leaves_with_path(tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> list[tuple[KeyPath, Any]]:
    """(path, leaf) for each leaf."""
    return list(_paths(tree, (), is_leaf))


def tree_flatten_with_path(tree: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, TreeSpec]:
    """(path, leaf) for each leaf, and the structure."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func: Callable, tree: PyTree, *rests: PyTree, is_leaf: Callable[[Any], bool] | None = None) -> PyTree:
    """`tree_map` of func(path, leaf, ...)."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    others = [spec.flatten_up_to(r) for r in rests]
    return spec.unflatten([func(kp, leaf, *group) for (kp, leaf), *group in zip(found, *others, strict=True)])


def broadcast_prefix(tree: PyTree, treespec: TreeSpec, is_leaf: Callable[[Any], bool] | None = None) -> list | None:
    """`tree`, of which a leaf may stand for a whole subtree, as one value for each leaf of `treespec`; None: it does not fit."""
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    if treespec.is_leaf():
        return None
    definition = _definition(tree)
    children, context = definition.flatten_fn(tree)     # type: ignore[union-attr]
    children = list(children)
    if definition.type is not treespec.type or context != treespec.context or len(children) != treespec.num_children:  # type: ignore[union-attr]
        return None
    found: list = []
    for child, spec in zip(children, treespec.children_specs, strict=True):
        part = broadcast_prefix(child, spec, is_leaf)
        if part is None:
            return None
        found += part
    return found


_broadcast_to_and_flatten = broadcast_prefix


def treespec_leaf() -> TreeSpec:
    """The structure of a leaf."""
    return _LEAF


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The structure of a tuple of these."""
    return TreeSpec(tuple, None, iterable)


def treespec_dict(mapping: Any = (), /, **kwargs: TreeSpec) -> TreeSpec:
    """The structure of a dict of these."""
    items = dict(mapping, **kwargs)
    return TreeSpec(dict, list(items), items.values())


def treespec_pprint(treespec: TreeSpec) -> str:
    """The structure as a tree with * for leaves."""
    return repr(treespec.unflatten([_Star()] * treespec.num_leaves))


class _Star:
    def __repr__(self) -> str:
        return "*"
