from __future__ import annotations

import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.media.prefetch import Prefetch

WAIT = 20  # seconds after which something hangs; nothing here takes a noticeable time


class Source:
    """Counts what was taken, remembers being closed and in which thread, and raises `error` at the end."""

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


def threads_of_prefetch() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 5))
def test_gives_each_prepared_item_once_and_in_order(items, depth):
    with Prefetch(items, lambda item: item * 2 + 1, depth) as ahead:
        assert list(ahead) == [item * 2 + 1 for item in items]
    assert threads_of_prefetch() == []


def test_the_work_is_done_in_one_other_thread():
    with Prefetch(range(5), lambda item: threading.get_ident(), 2) as ahead:
        seen = set(ahead)
    assert len(seen) == 1
    assert threading.get_ident() not in seen


@pytest.mark.parametrize("depth", [1, 3])
def test_works_ahead_by_depth_and_no_further(depth):
    source, reached, beyond = Source(50), threading.Event(), threading.Event()

    def prepare(item):
        if item == depth:  # `depth` results wait and this one is in work
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


def test_an_error_of_the_source_comes_out_as_itself_after_the_items_before_it():
    error = LookupError("broken after three")
    with Prefetch(Source(3, error), lambda item: item, 1) as ahead:
        assert [next(ahead) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(LookupError) as caught:
            next(ahead)
        assert list(ahead) == []  # once is enough
    assert caught.value is error


def test_an_error_of_prepare_comes_out_as_itself_and_closes_the_source():
    source = Source(10)
    with Prefetch(source, lambda item: 10 // (2 - item), 4) as ahead:
        assert (next(ahead), next(ahead)) == (5, 10)
        with pytest.raises(ZeroDivisionError):
            next(ahead)
    assert source.closed.is_set()
    assert source.taken == 3


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_stopping_early_ends_the_thread_and_closes_the_source(taken):
    source, full = Source(1000), threading.Event()

    def prepare(item):
        if item == taken + 2:  # two wait: the thread will stand before a full queue
            full.set()
        return item

    ahead = Prefetch(source, prepare, 2)
    assert [next(ahead) for _ in range(taken)] == list(range(taken))
    assert full.wait(WAIT)
    ahead.close()
    assert source.closed.is_set()
    assert threads_of_prefetch() == []
    assert list(ahead) == []
    ahead.close()


def test_closing_from_another_thread_wakes_a_waiting_consumer():
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
    """Something whose end can be seen."""

    def __init__(self, alive: weakref.WeakSet[Thing]):
        alive.add(self)


def test_what_is_alive_waits_or_is_in_work_or_is_being_looked_at():
    alive: weakref.WeakSet[Thing] = weakref.WeakSet()
    most = 0
    with Prefetch((Thing(alive) for _ in range(12)), lambda thing: thing, 3) as ahead:
        for _ in ahead:
            most = max(most, len(alive))
    assert most <= 3 + 1 + 1


def test_an_item_is_let_go_of_while_its_result_waits():
    alive: weakref.WeakSet[Thing] = weakref.WeakSet()
    made = []
    with Prefetch((Thing(alive) for _ in range(9)), lambda thing: made.append(1), 1):
        for _ in range(WAIT * 100):
            if len(made) == 2 and not alive:  # one result waits in the queue, one for a place there
                break
            threading.Event().wait(0.01)
        assert (len(made), len(alive)) == (2, 0)


def test_depth_is_at_least_one():
    with pytest.raises(ValueError, match="at least 1"):
        Prefetch([], lambda item: item, 0)
