"""Works ahead of its consumer in one thread, never by more than a fixed number of items."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

S = TypeVar("S")

T = TypeVar("T")


class Prefetch(Generic[T]):
    """An iterator over `prepare(item)` for each of `items`, in order, computed in a thread of its own.

    At most `depth` (at least 1) results wait, and one more is being made. What `items` or `prepare` raises comes out of
    the iteration as itself, after the results before it. `close()`, which leaving the `with` block calls too, discards
    what waits, lets the item in work finish, ends the thread and closes `items` where it can be closed.
    """

    def __init__(self, items: Iterable[S], prepare: Callable[[S], T], depth: int):
        if depth < 1:
            raise ValueError(f"depth is at least 1, not {depth}")
        self._depth = depth
        self._ready: deque[T] = deque()
        self._error: BaseException | None = None
        self._ended = False  # the thread will add nothing more
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, args=(items, prepare), name="prefetch", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended or self._closed)
            if self._ready:
                self._changed.notify_all()
                return self._ready.popleft()
            error, self._error = self._error, None
        self.close()
        raise error or StopIteration

    def __enter__(self) -> Prefetch[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread and forget what waits. Returns when the thread is gone; calling it again does nothing."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._changed.notify_all()
        self._thread.join()

    def _work(self, items: Iterable[S], prepare: Callable[[S], T]) -> None:
        try:
            self._fill(items, prepare)
        except BaseException as error:  # handed to the consumer, whatever it is
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _fill(self, items: Iterable[S], prepare: Callable[[S], T]) -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                result = prepare(item)
                del item  # else the source's item would live on while the result waits for a place
                if not self._put(result):
                    return
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    def _put(self, result: T) -> bool:
        """Wait for a free place; False where there will be none because the consumer has closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._ready) < self._depth)
            if self._closed:
                return False
            self._ready.append(result)
            self._changed.notify_all()
            return True
