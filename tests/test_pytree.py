"""torch.utils._pytree: order, leaves, structures and their text, registered classes."""
from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest

import torchish as torch
from torchish.utils import _pytree as tree

Pair = namedtuple("Pair", "a b")


def test_flatten_and_back():
    nested = {"b": 1, "a": [2, (3, None)], "c": OrderedDict(z=4), "d": deque([5], maxlen=3), "e": defaultdict(int, {"k": 6}),
              "p": Pair(7, 8)}
    leaves, spec = tree.tree_flatten(nested)
    assert leaves == [1, 2, 3, None, 4, 5, 6, 7, 8] and (spec.num_leaves, spec.num_children) == (9, 6)
    again = spec.unflatten(leaves)
    assert again == nested and type(again["p"]) is Pair and again["d"].maxlen == 3
    assert repr(tree.tree_structure(([1],))) == "TreeSpec(tuple, None, [TreeSpec(list, None, [*])])"
    assert repr(tree.tree_structure({"a": 1, "b": 2})) == "TreeSpec(dict, ['a', 'b'], [*,\n  *])"
    with pytest.raises(ValueError, match="`leaves` has length 1 but the spec refers to a pytree that holds 9 items"):
        tree.tree_unflatten([1], spec)


def test_maps():
    assert tree.tree_map(lambda a, b: (a, b), (1, 2), ((3, 4), 5)) == ((1, (3, 4)), (2, 5))
    assert tree.tree_map_only(int, lambda v: v + 1, [1, 2.0, "a"]) == [2, 2.0, "a"]
    assert tree.tree_all(lambda v: v > 0, [1, 2]) and tree.tree_any_only(int, lambda v: v > 1, [2, "a"])
    with pytest.raises(ValueError, match="Node arity mismatch; expected 2, but got 3"):
        tree.tree_map(lambda a, b: a, (1, 2), (1, 2, 3))
    with pytest.raises(ValueError, match="Node keys mismatch; missing key"):
        tree.tree_map(lambda a, b: a, {"a": 1}, {"b": 1})
    assert [tree.keystr(path) for path, _ in tree.tree_leaves_with_path({"a": [1, Pair(2, 3)]})] == ["['a'][0]", "['a'][1].a",
                                                                                                  "['a'][1].b"]
    assert tree.broadcast_prefix((0, 1), tree.tree_structure((1, (2, 3)))) == [0, 1, 1]
    assert tree.broadcast_prefix((0, (1,)), tree.tree_structure((1, (2, 3)))) is None


def test_registered_classes():
    class Box:
        def __init__(self, inside):
            self.inside = inside
    tree.register_pytree_node(Box, lambda b: ([b.inside], "label"), lambda children, _: Box(*children))
    assert tree.tree_map(lambda v: v * 2, Box(3)).inside == 6
    with pytest.raises(ValueError, match="is already registered as pytree node"):
        tree.register_pytree_node(Box, lambda b: ([], None), lambda c, _: Box(0))


def test_structures_as_json():
    Point = namedtuple("Point", "a b")
    for nested in ([1, (2, {"a": 3})], OrderedDict(b=1), deque([1], maxlen=2), defaultdict(list, {"a": [1]}), None):
        spec = tree.tree_structure(nested)
        assert tree.treespec_loads(tree.treespec_dumps(spec)) == spec
    leaf = '{"type": null, "context": null, "children_spec": []}'
    assert tree.treespec_dumps(tree.tree_structure({"k": 1})) == (
        '[1, {"type": "builtins.dict", "context": "[\\"k\\"]", "children_spec": [' + leaf + ']}]')
    spec = tree.tree_structure(Point(1, 2))
    assert spec.type is namedtuple
    with pytest.raises(NotImplementedError, match="Can't serialize TreeSpec of namedtuple class"):
        tree.treespec_dumps(spec)
    tree._register_namedtuple(Point, serialized_type_name="tests.Point")
    assert tree.treespec_loads(tree.treespec_dumps(spec)) == spec
    for call, kind, text in (
            (lambda: tree.treespec_dumps("x"), TypeError, "Expected `treespec` to be an instance of PyTreeSpec but got item of"),
            (lambda: tree.treespec_dumps(spec, -1), ValueError, "Unknown protocol -1"),
            (lambda: tree.treespec_loads(f"[99, {leaf}]"), ValueError, "Unknown protocol 99"),
            (lambda: tree.tree_unflatten([1], "x"), TypeError, "Expected `treespec` to be an instance of PyTreeSpec"),
            (lambda: tree.tree_map_only(1, str, [1]), TypeError, "Argument must be a type, a tuple of types, or a callable")):
        with pytest.raises(kind, match=text):
            call()


def test_what_may_be_registered():
    @dataclasses.dataclass
    class Kept:
        x: int
        y: int = 3
    tree.register_dataclass(Kept, field_names=["x"], drop_field_names=["y"])
    assert tree.tree_map(lambda v: v + 1, Kept(1, 9)) == Kept(2, 3)
    with pytest.raises(NotImplementedError, match="No registered serialization name for"):
        tree.treespec_dumps(tree.tree_structure(Kept(1)))
    tree._deregister_pytree_node(Kept)
    assert tree.tree_leaves(Kept(1)) == [Kept(1)]
    for cls, names, text in ((Kept, ["x"], "field_names does not include all dataclass fields"),
                             (Kept, ["x", "y", "z"], "field_names does not include all dataclass fields"),
                             (int, None, "field_names must be specified with a list of all fields")):
        with pytest.raises(ValueError, match=text):
            tree.register_dataclass(cls, field_names=names)
    with pytest.raises(TypeError, match="expects `cls` to have a non-default `__eq__`"):
        tree.register_constant(type("Plain", (), {}))
    assert not tree.is_constant_class(Kept) and tree.is_structseq_class(type(torch.ones(2, 2).max(0)))


def test_how_builtin_containers_are_taken_apart_by_private_name():
    assert tree._dict_flatten({"b": 1, "a": 2}) == ([1, 2], ["b", "a"]) and tree._dict_unflatten([1], ["a"]) == {"a": 1}
    assert tree._tuple_unflatten([1], None) == (1,) and tree._namedtuple_flatten(Pair(1, 2)) == ([1, 2], Pair)
    assert tree._deque_flatten(deque([1], 2)) == ([1], 2) and {dict, OrderedDict, defaultdict} == tree.STANDARD_DICT_TYPES


def test_old_names_and_second_registrations():
    nested = {"b": 1, "a": (2, [3])}
    spec = tree.tree_structure(nested)
    with pytest.warns(FutureWarning, match="`pytree_to_str` is deprecated"):
        text = tree.pytree_to_str(spec)
    with pytest.warns(FutureWarning, match="`str_to_pytree` is deprecated"):
        assert tree.str_to_pytree(text) == spec
    with pytest.raises(ValueError, match="Node arity mismatch; expected 2, but got 1."):
        tree.tree_map(lambda a, b: a, nested, {"b": 1})

    @dataclasses.dataclass
    class Pair:
        a: int
        b: int
    tree.register_dataclass(Pair)
    with pytest.warns(UserWarning, match="is already registered as pytree node. Overwriting the previous registration."):
        tree.register_dataclass(Pair)
    assert tree.tree_map(lambda x: x + 1, Pair(1, 2)) == Pair(2, 3)


def test_a_constant_is_held_by_a_node_of_its_own():
    class Unit:
        def __eq__(self, other):
            return isinstance(other, Unit)

        def __hash__(self):
            return 1

        def __repr__(self):
            return "Unit"
    tree.register_constant(Unit)
    leaves, spec = tree.tree_flatten([Unit(), 1])
    held = tree.tree_structure(Unit())
    assert leaves == [1] and tree.tree_unflatten([5], spec) == [Unit(), 5]
    assert held.context == tree.ConstantNode(Unit()) and repr(held.context) == "ConstantNode(value=Unit)"
    assert tree._is_constant_holder(held) and not tree._is_constant_holder(spec) and tree._retrieve_constant(held) == Unit()
    tree._deregister_pytree_node(Unit)
