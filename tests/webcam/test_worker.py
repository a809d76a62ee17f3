"""The worker thread: the newest request, no pictures of canceled ones, and the stylizer's errors in the main thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from videostyle.errors import MissingModel
from videostyle.webcam.interfaces import Publish, Request
from videostyle.webcam.worker import StylizerWorker

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Scripted:
    """A stylizer that publishes a picture whenever the test allows it; its value is the number of pictures so far."""

    def __init__(self) -> None:
        self.turn, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.begun: list[int] = []
        self.count = 0

    def stylize(self, request: Request, publish: Publish) -> None:
        self.begun.append(request.style)
        for _ in range(3):
            self.turn.acquire()
            self.count += 1
            try:
                publish(np.full((4, 4, 3), self.count, np.float32))
            finally:
                self.done.release()

    def go_on(self, times: int = 1) -> None:
        for _ in range(times):
            self.turn.release()
            assert self.done.acquire(timeout=10)


def started(scripted: Scripted) -> StylizerWorker:
    worker = StylizerWorker(lambda: scripted)
    worker.start()
    assert worker.wait_until_idle(10)
    return worker


def test_results_have_newest_picture_and_tag() -> None:
    scripted = Scripted()
    worker = started(scripted)
    worker.submit("first", Request(IMAGE, 0))
    assert not worker.idle
    scripted.go_on(2)
    [(tag, picture)] = worker.results()
    assert (tag, picture[0, 0, 0]) == ("first", 2)
    assert worker.results() == []
    scripted.go_on()
    assert worker.wait_until_idle(10)
    assert worker.idle
    assert [tag for tag, _ in worker.results()] == ["first"]
    worker.close()


def test_cancel_stops_publishing() -> None:
    scripted = Scripted()
    worker = started(scripted)
    worker.submit("first", Request(IMAGE, 0))
    scripted.go_on()
    worker.cancel()
    scripted.go_on()
    assert worker.wait_until_idle(10)
    assert worker.results() == []
    worker.submit("second", Request(IMAGE, 1))
    scripted.go_on(3)
    assert worker.wait_until_idle(10)
    assert [tag for tag, _ in worker.results()] == ["second"]
    assert scripted.begun == [0, 1]
    worker.close()


def test_not_idle_before_stylizer_is_ready() -> None:
    ready = threading.Event()

    def make() -> Scripted:
        assert ready.wait(10)
        return Scripted()

    worker = StylizerWorker(make)
    assert not worker.idle
    worker.start()
    assert not worker.idle
    ready.set()
    assert worker.wait_until_idle(10)
    assert worker.idle
    worker.close()
    assert not worker.is_alive()


def test_error_is_raised_in_main_thread() -> None:
    def make() -> Scripted:
        raise MissingModel("no weights here")

    worker = StylizerWorker(make)
    worker.start()
    worker.join(10)
    with pytest.raises(MissingModel, match="no weights here"):
        worker.results()
    worker.close()
