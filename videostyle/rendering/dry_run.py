"""What a dry run finds out: what a run would do, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from videostyle.analysis import ShotList
from videostyle.config import TrainJob
from videostyle.rendering.plan import RunPlan
from videostyle.rendering.render import FrameWork
from videostyle.stylizers.table import STYLIZERS


@dataclass(frozen=True)
class DryRun:
    """What a run would do."""

    plan: RunPlan
    """The run as decided."""
    shots: ShotList
    """The frames and shots that the first pass found."""
    source: tuple[tuple[str, str], ...]
    """Names and values of the source."""
    done: int
    """Frames that an interrupted run has finished, after which this one would resume."""
    notices: tuple[str, ...] = ()
    """Lines that the user should read."""
    training: TrainJob | None = None
    """The training that comes first, with --engine learned; None where there is none, or it is done."""


def described(dry: DryRun) -> list[tuple[str, str]]:
    """The lines of `run --dry-run`, as names and values."""
    plan, shots = dry.plan, dry.shots
    rows = [("input", str(plan.input)), *dry.source, ("output", str(plan.output))]
    if plan.encoder is not None:
        crf = {"crf": plan.encoder.options.get("crf")}
        parts = [
            plan.encoder.encoder,
            *(f"{name} {value}" for name, value in crf.items() if value),
            plan.encoder.pix_fmt,
        ]
        rows += [("encoder", ", ".join(parts)), ("sound", SOUND.get(plan.tracks.audio, plan.tracks.audio))]
    (height, width), (out_height, out_width) = plan.size, plan.out_size
    rows.append(("stylized at", f"{width}x{height} on {plan.device}"))
    if plan.out_size != plan.size:
        rows.append(("written at", f"{out_width}x{out_height}"))
    first = shots.first + 1
    rows.append(("selection", f"{shots.count} frames, {first} to {shots.first + shots.count} of the source"))
    rows += lines_on_shots(plan, shots)
    rows += lines_on_curves(plan)
    rows += lines_on_work(dry)
    rows += lines_on_options(plan)
    return rows


SOUND = {"copy": "the source's", "none": "none"}


def extents(shots: ShotList) -> Iterator[tuple[int, int, int]]:
    """The number of each shot, and the ordinals of its first selected frame and of the one after its last."""
    for number, (start, end) in zip(
        shots.numbers, pairwise([*sorted(shots.starts), shots.first + shots.count]), strict=True
    ):
        yield number, start, end


def lines_on_shots(plan: RunPlan, shots: ShotList) -> Iterator[tuple[str, str]]:
    """Each shot with its number, its frames from 1, its time and length in seconds after the source's first frame, and what it
    has in place of the run's options."""
    last = shots.first + shots.count
    times = [time - shots.origin for time in shots.times]
    end = 2 * times[-1] - times[-2] if len(times) > 1 else times[-1]
    for number, start, following in extents(shots):
        begins = times[start - shots.first]
        ends = times[following - shots.first] if following < last else end
        frames = f"frame {start + 1}" if following == start + 1 else f"frames {start + 1} to {following}"
        own = "".join(f"; {name} {as_text(value)}" for name, value in plan.own_options(number).items())
        yield f"shot {number}", f"{frames}, {seconds(begins)} to {seconds(ends)} ({seconds(ends - begins)} long){own}"


def lines_on_curves(plan: RunPlan) -> Iterator[tuple[str, str]]:
    """The options that change over time: each value with its time in seconds after the source's first frame."""
    for name, curve in plan.curves.items():
        keys = zip(curve.times, curve.values, curve.ways, strict=True)
        parts = [
            f"{','.join(f'{value:g}' for value in values)} at {seconds(at)}" + (f" ({way})" if way != "linear" else "")
            for at, values, way in keys
        ]
        yield f"{name.replace('_', '-')} over time", "; ".join(parts)


def lines_on_work(dry: DryRun) -> Iterator[tuple[str, str]]:
    """How much there is to do, and with how much memory."""
    plan, shots = dry.plan, dry.shots
    if dry.training is not None:
        yield "training", f"{dry.training.minutes:g} minutes into {dry.training.output}, then one pass for each frame"
    elif plan.engine == "feedforward":
        yield "work", f"one pass for each frame, by {plan.stylizer.style_model}"
    else:
        yield "work", iterations_text(plan, shots)
    if plan.device == "cpu":
        yield "memory", f"about {STYLIZERS[plan.engine].memory.needed(plan.size) / 2**30:.1f} GB"
    if dry.done:
        yield "resumes", f"after the first {dry.done} frames, which an interrupted run has finished"


def iterations_text(plan: RunPlan, shots: ShotList) -> str:
    """How many iterations there are to do, and how much that is."""
    total, later = 0.0, plan.stylizer.schedule.expected(shots.change)
    for number, start, end in extents(shots):
        schedule, firsts = plan.of_shot(number).stylizer.schedule, 1 if plan.flow else end - start
        total += firsts * schedule.first + (end - start - firsts) * schedule.expected(shots.change)
    firsts = len(shots.starts) if plan.flow else shots.count
    each = (
        f": {plan.stylizer.schedule.first} for each of {firsts} first frames, "
        f"about {later:.0f} for each of {shots.count - firsts} others"
    )
    share = FrameWork(plan, shots).load.total / 1e6
    return f"about {round(total)} iterations{'' if plan.shot_plans else each} ({share:.0f} megapixel-iterations)"


def as_text(value: object) -> str:
    """An option as text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def lines_on_options(plan: RunPlan) -> Iterator[tuple[str, str]]:
    """The options that were given, and where."""
    for name, origin in plan.origins.items():
        value = plan.options[name]
        if name != "dry_run" and value != []:
            yield f"option {name}", f"{as_text(value)} ({origin})"


def seconds(time: Fraction) -> str:
    """Such as "3.92 s"."""
    return f"{round(float(time), 3):g} s"
