"""Prefetching: prepares items in one background thread, ahead of their consumer, with a bound on how many wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

S = TypeVar("S")

T = TypeVar("T")

_END = object()


class Prefetch(Generic[T]):
    """An iterator over `prepare(item)` for every item of `items`, in order, computed in one background thread.

    At most `depth` (at least 1) results wait while one more is being prepared. An exception raised by `items` or `prepare`
    is raised from the iteration after the results before it, and ends it. `close()`, which leaving the `with` block calls
    too, discards waiting results, lets the item being prepared finish, ends the thread and closes `items` where it has a
    `close` method.
    """

    def __init__(self, items: Iterable[S], prepare: Callable[[S], T], depth: int):
        if depth < 1:
            raise ValueError(f"depth is at least 1, not {depth}")
        self._results = _prepared(items, prepare)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
        self._futures: deque[Future] = deque()
        self._closed = False
        self._closing = threading.Lock()  # an executor that is shutting down refuses new work
        for _ in range(depth + 1):
            self._submit()

    def _submit(self) -> None:
        self._futures.append(self._executor.submit(next, self._results, _END))

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._closing:
            if self._closed:
                raise StopIteration
            future = self._futures.popleft()
            self._submit()
        try:
            result = future.result()
        except CancelledError:  # closed by another thread
            raise StopIteration from None
        except BaseException:
            self.close()
            raise
        if result is _END:
            self.close()
        if self._closed:
            raise StopIteration
        return result

    def __enter__(self) -> Prefetch[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread and discard what waits. Returns when the thread has ended; calling it again does nothing."""
        with self._closing:
            self._closed = True
            self._futures.clear()
        self._executor.shutdown(cancel_futures=True)
        self._results.close()


def _prepared(items: Iterable[S], prepare: Callable[[S], T]) -> Generator[T]:
    """`map(prepare, items)` that is over after an exception, and then closes the iterator it takes items from."""
    iterator = iter(items)
    try:
        yield from map(prepare, iterator)  # unlike a loop variable, map does not keep an item alive once it is prepared
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
