"""Prefetching: order, bounds, exceptions, and what is alive."""

from __future__ import annotations

import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.media.prefetch import Prefetch

WAIT = 20  # seconds after which a test gives up; nothing here takes a noticeable time


class Source:
    """Counts the items taken, notes when it is closed, and raises `error` at the end."""

    def __init__(self, count: int, error: BaseException | None = None):
        self.count, self.error = count, error
        self.taken = 0
        self.closed = threading.Event()

    def __iter__(self):
        try:
            while self.taken < self.count:
                self.taken += 1
                yield self.taken - 1
            if self.error:
                raise self.error
        finally:
            self.closed.set()


def prefetch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 5))
def test_order(items, depth):
    with Prefetch(items, lambda item: item * 2 + 1, depth) as ahead:
        assert list(ahead) == [item * 2 + 1 for item in items]
    assert prefetch_threads() == []


def test_single_background_thread():
    with Prefetch(range(5), lambda item: threading.get_ident(), 2) as ahead:
        seen = set(ahead)
    assert len(seen) == 1
    assert threading.get_ident() not in seen


@pytest.mark.parametrize("depth", [1, 3])
def test_bound(depth):
    """It works ahead by `depth` results and one in preparation, no further."""
    source, reached, beyond = Source(50), threading.Event(), threading.Event()

    def prepare(item):
        if item == depth:  # `depth` results wait while this one is prepared
            reached.set()
        if item > depth:
            beyond.set()
        return item

    with Prefetch(source, prepare, depth) as ahead:
        assert reached.wait(WAIT)
        assert not beyond.wait(0.1)
        assert source.taken == depth + 1
        assert next(ahead) == 0
        assert beyond.wait(WAIT)


def test_exception_of_the_source():
    """It is raised as itself, once, after the items before it."""
    error = LookupError("broken after three")
    with Prefetch(Source(3, error), lambda item: item, 1) as ahead:
        assert [next(ahead) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(LookupError) as caught:
            next(ahead)
        assert list(ahead) == []
    assert caught.value is error


def test_exception_of_prepare():
    """It is raised as itself and closes the source; no further item is taken."""
    source = Source(10)
    with Prefetch(source, lambda item: 10 // (2 - item), 4) as ahead:
        assert (next(ahead), next(ahead)) == (5, 10)
        with pytest.raises(ZeroDivisionError):
            next(ahead)
    assert source.closed.is_set()
    assert source.taken == 3


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_close_early(taken):
    """Closing ends the thread and closes the source, and may be repeated."""
    source, full = Source(1000), threading.Event()

    def prepare(item):
        if item == taken + 2:  # two results wait: after this one the bound is reached
            full.set()
        return item

    ahead = Prefetch(source, prepare, 2)
    assert [next(ahead) for _ in range(taken)] == list(range(taken))
    assert full.wait(WAIT)
    ahead.close()
    assert source.closed.is_set()
    assert prefetch_threads() == []
    assert list(ahead) == []
    ahead.close()


def test_close_from_another_thread():
    """A consumer that waits for a result is released without one."""
    allowed, waiting = threading.Event(), threading.Event()

    def prepare(item):
        waiting.set()
        allowed.wait(WAIT)
        return item

    ahead = Prefetch(range(3), prepare, 1)
    got: list[int] = []
    consumer = threading.Thread(target=lambda: got.extend(ahead))
    consumer.start()
    assert waiting.wait(WAIT)
    closer = threading.Thread(target=ahead.close)
    closer.start()
    consumer.join(0.1)
    allowed.set()
    consumer.join(WAIT)
    closer.join(WAIT)
    assert not consumer.is_alive()
    assert not closer.is_alive()
    assert got == []


class Thing:
    """An object that is missing from `alive` once it is freed."""

    def __init__(self, alive: weakref.WeakSet[Thing]):
        alive.add(self)


def test_live_objects():
    """Alive are at most those that wait, the one being prepared and the one the consumer holds."""
    alive: weakref.WeakSet[Thing] = weakref.WeakSet()
    most = 0
    with Prefetch((Thing(alive) for _ in range(12)), lambda thing: thing, 3) as ahead:
        for _ in ahead:
            most = max(most, len(alive))
    assert most <= 3 + 1 + 1


def test_item_is_freed_once_prepared():
    """It does not live on while its result waits."""
    alive: weakref.WeakSet[Thing] = weakref.WeakSet()
    made = []
    with Prefetch((Thing(alive) for _ in range(9)), lambda thing: made.append(1), 1):
        for _ in range(WAIT * 100):
            if len(made) == 2 and not alive:  # the bound is reached: two results, and no item
                break
            threading.Event().wait(0.01)
        assert (len(made), len(alive)) == (2, 0)


def test_depth_below_one():
    with pytest.raises(ValueError, match="at least 1"):
        Prefetch([], lambda item: item, 0)
