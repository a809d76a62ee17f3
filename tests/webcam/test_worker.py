"""The painter's thread: always the newest frame, only styles that are still wanted, and failures that are heard of."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from videostyle.errors import MissingModel
from videostyle.webcam.interfaces import Publish, Request
from videostyle.webcam.worker import Background

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Scripted:
    """Paints when the test lets it: each release publishes one picture, of the number of pictures so far."""

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


def started(scripted: Scripted) -> Background:
    background = Background(lambda: scripted)
    background.start()
    wait_until_free(background)
    return background


def wait_until_free(background: Background) -> None:
    with background.news:
        assert background.news.wait_for(lambda: not background.busy, 10)


def test_the_newest_painting_of_a_frame_comes_with_its_mark() -> None:
    scripted = Scripted()
    background = started(scripted)
    background.give("first", Request(IMAGE, 0))
    assert not background.free
    scripted.go_on(2)
    [(mark, picture)] = background.take()
    assert (mark, picture[0, 0, 0]) == ("first", 2)
    assert background.take() == []
    scripted.go_on()
    wait_until_free(background)
    assert background.free
    assert [mark for mark, _ in background.take()] == ["first"]
    background.close()


def test_what_is_broken_off_publishes_no_more_and_the_next_frame_is_painted() -> None:
    scripted = Scripted()
    background = started(scripted)
    background.give("first", Request(IMAGE, 0))
    scripted.go_on()
    background.break_off()
    scripted.go_on()
    wait_until_free(background)
    assert background.take() == []
    background.give("second", Request(IMAGE, 1))
    scripted.go_on(3)
    wait_until_free(background)
    assert [mark for mark, _ in background.take()] == ["second"]
    assert scripted.begun == [0, 1]
    background.close()


def test_it_is_not_free_before_the_painter_is_there() -> None:
    ready = threading.Event()

    def make() -> Scripted:
        assert ready.wait(10)
        return Scripted()

    background = Background(make)
    assert not background.free
    background.start()
    assert not background.free
    ready.set()
    wait_until_free(background)
    assert background.free
    background.close()
    assert not background.is_alive()


def test_what_ends_the_painter_is_heard_of() -> None:
    def make() -> Scripted:
        raise MissingModel("no weights here")

    background = Background(make)
    background.start()
    background.join(10)
    with pytest.raises(MissingModel, match="no weights here"):
        background.take()
    background.close()
