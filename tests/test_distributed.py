"""torch.distributed for one process: the group's life, collectives, stores, and what is refused."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish import distributed as dist
from torchish import multiprocessing as mp
from torchish.nn.parallel import DistributedDataParallel


@pytest.fixture
def world(monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    dist.init_process_group("gloo")
    yield dist.group.WORLD
    if dist.is_initialized():
        dist.destroy_process_group()


def error(call, *args, **kwargs):
    with pytest.raises(Exception) as caught:
        call(*args, **kwargs)
    return caught.type.__name__, str(caught.value).splitlines()[0]


def test_without_a_group(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    unset = ("ValueError", "Default process group has not been initialized, please make sure to call init_process_group.")
    x = torch.ones(2)
    assert dist.is_available() and not dist.is_initialized()
    assert {error(dist.get_rank), error(dist.get_world_size), error(dist.barrier), error(dist.all_reduce, x)} == {unset}
    assert error(dist.destroy_process_group) == ("AssertionError", "Process group cannot be None")
    begin = "Error initializing torch.distributed using "
    assert error(dist.init_process_group, "gloo") == (
        "ValueError", begin + "env:// rendezvous: environment variable RANK expected, but not set")
    assert error(dist.init_process_group, init_method="tcp://a:1") == (
        "ValueError", begin + "tcp:// rendezvous: rank parameter missing")
    assert error(dist.init_process_group, init_method="x://a") == ("RuntimeError", "No rendezvous handler for x://")
    one = {"rank": 0, "world_size": 1, "init_method": "tcp://a:1"}
    assert error(dist.init_process_group, "foo", **one) == ("AssertionError", "Unknown backend type foo")
    assert error(dist.init_process_group, "nccl", **one) == ("RuntimeError", "Distributed package doesn't have NCCL built in")
    assert error(dist.init_process_group, **{**one, "world_size": 2})[0] == "NotImplementedError"
    assert not dist.is_initialized()


def test_the_group(world):
    assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "gloo")
    assert (world.rank(), world.size(), world.name()) == (0, 1, "gloo")
    assert error(dist.init_process_group) == ("ValueError", "trying to initialize the default process group twice!")
    inner = dist.new_group([0])
    assert (dist.get_rank(inner), dist.get_process_group_ranks(inner), dist.get_global_rank(inner, 0)) == (0, [0], 0)
    assert error(dist.new_group, [0, 1]) == (
        "ValueError", "the new group's world size should be less or equal to the world size set by init_process_group")
    wrapped = DistributedDataParallel(torch.nn.Linear(2, 2))
    wrapped(torch.ones(1, 2)).sum().backward()
    assert wrapped.module.weight.grad.tolist() == [[1, 1], [1, 1]]
    dist.destroy_process_group(inner)
    assert dist.new_subgroups(group_desc="halves")[0].group_desc == "halves"
    assert dist.is_initialized()
    dist.destroy_process_group()
    assert dist.group.WORLD is None


@pytest.mark.parametrize("text", [
    "dist.all_reduce(x)", "dist.reduce(x, 0)", "dist.broadcast(x, 0)", "dist.all_gather([y], x)", "dist.gather(x, [y], 0)",
    "dist.scatter(y, [x], 0)", "dist.reduce_scatter(y, [x])", "dist.all_to_all([y], [x])", "dist.all_to_all_single(y, x)",
    "dist.all_gather_into_tensor(y, x)", "dist.reduce_scatter_tensor(y, x)"])
def test_a_collective_of_one(world, text):
    x, y = torch.arange(4.), torch.zeros(4)
    assert eval(text) is None and x.tolist() == [0, 1, 2, 3]
    assert y.tolist() == ([0, 1, 2, 3] if "y" in text.partition("(")[2] else [0] * 4)
    work = eval(text[:-1] + ", async_op=True)")
    assert work.wait() and work.is_completed() and work.get_future().wait() == work.result()


def test_objects_and_gradients(world):
    got: list = [None, None, None]
    for i, call in enumerate((dist.all_gather_object, dist.gather_object)):
        one: list = [None]
        call(*((one, {"a": 1}) if i == 0 else ({"a": 1}, one)))
        got[i] = one[0]
    dist.scatter_object_list(got[2:], [{"a": 1}])
    assert got[:2] == [{"a": 1}] * 2
    w = torch.ones(2, requires_grad=True)
    dist.nn.all_reduce(w).sum().backward()
    assert w.grad.tolist() == [1, 1]


def test_what_collectives_refuse(world):
    x = torch.ones(4)
    assert [error(*call) for call in (
        (dist.broadcast, x), (dist.broadcast, x, 1), (dist.all_gather, [x, x], x), (dist.all_gather, [torch.ones(3)], x),
        (dist.gather, x), (dist.scatter, x), (dist.send, x, 0), (dist.all_reduce, [x]))] == [
        ("ValueError", "Must specify global_rank or group_rank"),
        ("RuntimeError", "ProcessGroupGloo::broadcast: invalid root rank: 1"),
        ("RuntimeError", "ProcessGroupGloo::allgather: invalid output tensor list at index 0 (expected length 1, got 2)"),
        ("RuntimeError", "ProcessGroupGloo::allgather: invalid tensor size at index 0 (expected (4), got (3))"),
        ("ValueError", "Argument ``gather_list`` must be specified on destination rank."),
        ("ValueError", "Argument ``scatter_list`` must be specified on source rank."),
        ("ValueError", "Invalid destination rank: destination rank should not be the same as the rank of the current process."),
        ("TypeError", "Invalid function argument. Expected parameter `tensor` of type torch.Tensor")]
    assert error(lambda: dist.all_reduce(x, op="sum"))[0] == "TypeError"
    assert error(dist.batch_isend_irecv, [dist.P2POp(dist.irecv, x, group_peer=0)]) == (
        "ValueError", "Invalid source rank: source rank should not be the same as the rank of the current process.")


def test_stores():
    store = dist.HashStore()
    store.set("a", "b")
    assert (store.get("a"), store.add("n", 2), store.add("n", 3), store.get("n"), store.num_keys()) == (b"b", 2, 5, b"5", 2)
    assert (store.compare_set("n", "5", "9"), store.compare_set("n", "5", "7")) == (b"9", b"9")
    assert (store.delete_key("a"), store.delete_key("a")) == (True, False)
    assert error(store.wait, ["q"]) == ("DistStoreError", "Wait timeout")
    inner = dist.PrefixStore("p", store)
    inner.set("k", "v")
    assert (inner.get("k"), store.get("p/k"), inner.num_keys()) == (b"v", b"v", 2)
    dist.init_process_group(store=store, rank=0, world_size=1)
    dist.destroy_process_group()


def test_spawn_of_one_process_runs_here():
    seen: list = []
    mp.spawn(lambda rank, size: seen.append((rank, size)), args=(1,), nprocs=1)
    assert seen == [(0, 1)]
    assert mp.spawn(print, nprocs=1, join=False, args=("",)).join()
    with pytest.raises(mp.ProcessRaisedException, match=r"-- Process 0 terminated with the following error:[\s\S]*ZeroDivision"):
        mp.spawn(lambda rank: 1 / rank)
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    with pytest.raises(AssertionError, match="invalid sharing strategy: x"):
        mp.set_sharing_strategy("x")


def test_what_is_asked_of_an_optimizer():
    from torchish.distributed import constants, optim
    ours = torch.optim.SGD([torch.ones(1)], lr=0.1)
    assert constants.default_pg_timeout == dist.distributed_c10d.default_pg_timeout and constants.default_pg_nccl_timeout is None
    for name in optim.__all__:
        assert not isinstance(ours, getattr(optim, name))
        assert error(getattr(optim, name), [torch.ones(1)])[0] == "NotImplementedError"


def test_there_is_no_backward_through_several_processes():
    assert dist.autograd.is_available() is False
    with pytest.raises(NotImplementedError, match="more than one process"), dist.autograd.context():
        pass
