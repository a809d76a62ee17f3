"""The training loop: steps until the time or the number of steps is used up, validations, saves, and the best model so far."""

from __future__ import annotations

import time
from importlib.metadata import version

import cv2
import numpy as np
import torch

from videostyle.config import TrainJob
from videostyle.events import Progress, TrainingProgress
from videostyle.media.workdir import WorkFolder, write_atomically, writing
from videostyle.models.model_file import StyleModel, to_bytes
from videostyle.models.transformer_net import arrays_of
from videostyle.provenance import LIBRARIES, Identity
from videostyle.tensors import to_array
from videostyle.training.dataset import Dataset
from videostyle.training.schedule import TrainingSchedule
from videostyle.training.state import TrainState, Validation, save_state, state_path
from videostyle.training.trainer import Trainer


class TrainingLoop:
    """A training under way. The output file always holds the network with the lowest validation loss so far."""

    def __init__(
        self,
        job: TrainJob,
        identity: Identity,
        trainer: Trainer,
        dataset: Dataset,
        thumbnails: dict[str, bytes],
        work: WorkFolder,
        progress: Progress,
        schedule: TrainingSchedule,
    ):
        """thumbnails: the style images as small JPEGs by file name, to be stored in the style model."""
        self.job, self.identity, self.thumbnails = job, identity, thumbnails
        self.trainer, self.dataset, self.schedule = trainer, dataset, schedule
        self.work, self.progress = work, progress
        self.validations: list[Validation] = []
        self._earlier_seconds = 0.0
        self._started = self._saved = time.monotonic()

    def resume(self, state: TrainState) -> None:
        """Continue an interrupted training."""
        self.trainer.restore(state.trainer, state.steps)
        self._earlier_seconds, self.validations = state.seconds, list(state.validations)

    @property
    def seconds(self) -> float:
        """Time spent on training, earlier runs included."""
        return self._earlier_seconds + time.monotonic() - self._started

    def _share(self, steps: int, seconds: float) -> float:
        """The share of the whole training that so many steps and seconds are; 1 or more is the end."""
        return seconds / (60 * self.job.minutes) if self.job.steps is None else steps / self.job.steps

    def run(self) -> None:
        """Train to the end. If it is stopped before, the state is saved, so that the same job can continue."""
        self._started = time.monotonic()
        try:
            while (done := self._share(self.trainer.steps, self.seconds)) < 1:
                self.progress.stop_if_cancelled()
                self._step(done)
            self._validate()
        except BaseException:
            self._save()
            raise

    def _step(self, done: float) -> None:
        last = self.validations[-1] if self.validations else None
        if self.schedule.validation_due(self._share(last.steps, last.seconds) if last else 0.0, done):
            self._validate()
        example = self.dataset.example(self.trainer.steps, self.schedule.crop(done))
        value = self.trainer.step(example, self.schedule.rate(done))
        self._report(value.total)
        if time.monotonic() - self._saved >= self.schedule.seconds_between_saves:  # a killed process saves nothing
            self._save()

    def _report(self, loss: float) -> None:
        done = min(1.0, self._share(self.trainer.steps, self.seconds))
        validation_loss = self.validations[-1].loss if self.validations else None
        remaining = self.seconds * (1 - done) / done if done > 0.01 else None
        self.progress(TrainingProgress(self.trainer.steps, loss, validation_loss, done, remaining))

    def _validate(self) -> None:
        """Evaluate the validation frames, write the network if it is the best so far, and save everything."""
        loss, spatial_loss = self.trainer.mean_losses(self.dataset.validation_examples())
        validation = Validation(self.trainer.steps, self.seconds, loss, spatial_loss)
        if all(loss < earlier.loss for earlier in self.validations):
            self._write_model(validation)
        self.validations.append(validation)
        self._show_preview()
        self._save()

    def _write_model(self, validation: Validation) -> None:
        assert self.job.output is not None
        network = self.trainer.network
        model = StyleModel(
            shape={name: int(value) for name, value in vars(network.shape).items()},
            styles=self.thumbnails,
            clips=[path.name for path in self.job.on],
            settings=self.identity,
            trained={
                "steps": validation.steps,
                "seconds": validation.seconds,
                "loss": validation.loss,
                "loss_star": validation.spatial_loss,
            },
            versions={name: version(name) for name in LIBRARIES},
            weights=arrays_of(network),
        )
        with writing(self.job.output):
            write_atomically(self.job.output, to_bytes(model))

    def _show_preview(self) -> None:
        """Draw the first validation frame, stylized by the network as it is now."""
        with torch.no_grad():
            picture = to_array(self.trainer.network(self.dataset.validation_examples()[0].frame))
        image = cv2.cvtColor((picture * 255).round().astype(np.uint8), cv2.COLOR_RGB2BGR)
        with writing(self.work.output):
            self.work.show_preview(cv2.imencode(".png", image)[1].tobytes())

    def _save(self) -> None:
        """Save the state to resume from. Before the first step there is none."""
        if self.trainer.steps:
            steps, validations = self.trainer.steps, tuple(self.validations)
            state = TrainState(self.identity, steps, self.seconds, validations, self.trainer.state())
            with writing(self.work.output):
                save_state(state_path(self.work.output), state)
            self._saved = time.monotonic()
