"""The words of everything the program tells: events, times, tables. Nothing is printed here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videostyle.report import Event, Lesson, Measurement, Plan


def one_line(text: str) -> str:
    return " ".join(text.split())


def spoken(seconds: float) -> str:
    """A length of time for people: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plan_lines(plan: Plan) -> list[str]:
    source, painted = (f"{width}x{height}" for height, width in (plan.source_size, plan.size))
    return [
        f"{plan.input}: {source}, {counted(plan.frames, 'frame')} in {counted(plan.shots, 'shot')} -> {plan.output}",
        f"painting at {painted} on {plan.device}; the newest frame is always in {plan.look}",
    ]


def lesson_lines(lesson: Lesson) -> list[str]:
    height, width = lesson.size
    chosen = f"{counted(lesson.pairs, 'pair')} of frames from {counted(lesson.clips, 'clip')}"
    return [
        f"learning on {chosen} at {width}x{height} on {lesson.device} -> {lesson.output}",
        f"what it paints so far is always in {lesson.look}",
    ]


def lines_of(event: Event) -> list[str]:
    """What is worth a line of its own; nothing for the many small steps."""
    from videostyle.report import Estimate, Lesson, Notice, Plan

    match event:
        case Notice(text):
            return [f"note: {text}"]
        case Plan():
            return plan_lines(event)
        case Lesson():
            return lesson_lines(event)
        case Estimate(seconds):
            return [f"this will take about {spoken(seconds)}"]
    return []


def step_of(event: Event) -> str:
    """A small step in a few words, without the time left."""
    from videostyle.report import Counting, Learning, Measuring, Painting

    match event:
        case Counting(frame):
            return f"counting frames and finding cuts: {frame}"
        case Painting():
            loss = "" if math.isnan(event.loss) else f", loss {event.loss:.3f}"
            return f"frame {event.frame}/{event.frames}, shot {event.shot}/{event.shots}{loss}"
        case Measuring():
            return f"measuring frame {event.frame}/{event.frames}"
        case Learning():
            held = "" if event.held is None else f", {event.held:.3f} on frames held back"
            return f"learning, step {event.step}, loss {event.loss:.3f}{held}"
    return ""


def time_left(event: Event) -> str:
    remaining = getattr(event, "remaining", None)
    return "" if remaining is None else f"{spoken(remaining)} left"


def table_lines(measurement: Measurement) -> list[str]:
    """Each metric's mean over the frames: of the output, and of the source itself."""
    width = max(map(len, measurement.summary))
    rows = [("", "output", "source")] + [
        (name, *("-" if each is None else f"{each:.4g}" for each in (value, measurement.floor.get(name))))
        for name, value in measurement.summary.items()
    ]
    return [f"{name:<{width}}  {output:>9}  {source:>9}" for name, output, source in rows]
