"""`--engine learned`: train a style model on the clip itself before it is rendered."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from videostyle.config import LEARNED, SETTLED, Job, TrainJob
from videostyle.errors import BadOutput
from videostyle.events import Progress
from videostyle.rendering.plan import RunPlan


def with_learned(job: Job, chosen: RunPlan, tell: Progress) -> Job:
    """The same job with a painting that a network has learned on its very clip, now or before: it stays beside the output."""
    from videostyle.training.train import (
        is_begun,
        is_trained,
        train,  # which imports this module
    )

    output = chosen.output.with_suffix(LEARNED)
    anew = job.restart and job.overwrite  # --overwrite alone means the clip that is painted
    names = {each.name for each in fields(TrainJob)} & {each.name for each in fields(Job)} - {
        "output",
        "size",
        "overwrite",
    }
    same = {name: getattr(job, name) for name in names}
    limits = TrainJob.__dataclass_fields__["size"].metadata
    size = min(max(limits["low"], *chosen.size), limits["high"])
    if size < max(chosen.size):
        tell.notice(
            f"the network learns at {size} pixels, the most it can: at {max(chosen.size)} its strokes are finer"
        )
    training = TrainJob(on=(job.input,), output=output, size=size, overwrite=anew, **same)
    if not job.restart and is_trained(training):
        tell.notice(f"painting with {output}, which was learned before; --restart --overwrite learn it anew")
    elif output.exists() and not anew and not is_begun(training):
        todo = f"`videostyle run {job.input} {output}` paints with it; --restart --overwrite learn it anew; or give another -o"
        raise BadOutput(f"{output} exists, and was learned on other frames or with other options", todo=todo)
    else:
        for line in train(training, tell.progress, tell.cancel).notices:
            tell.notices.append(line)
    settled: dict[str, Any] = {name: Job.__dataclass_fields__[name].default for name in SETTLED}
    return replace(job, styles=(output,), **settled)
