"""Training a network without references, as one visible loop.

One process trains on a CPU or a GPU; started by `torchrun`, every process takes its share of each
batch's scenes (distributed data parallel) and the first one validates, logs and saves.
"""

import copy
import gc
import importlib
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler
from torch.utils.tensorboard import SummaryWriter

from edge_mef.calibration.qat import FakeQuantized, Imitation
from edge_mef.checkpoints import latest_checkpoint, read_checkpoint, write_checkpoint
from edge_mef.data.pairs import PairDataset
from edge_mef.data.scenes import choose, load_scenes
from edge_mef.data.stacks import StackDataset
from edge_mef.errors import InputError, MissingError, OutputError, missing_extra
from edge_mef.metrics.pixels import psnr
from edge_mef.models import create_model, find_network
from edge_mef.models.weights import read_weights, weights_digest, write_weights
from edge_mef.objectives import Objective, make_objective
from edge_mef.pipeline import make_pipeline
from edge_mef.train_settings import TrainSettings
from edge_mef.validation import Fuse, ScenePair, mean_score, read_pairs, score_pairs, torch_fuse


@dataclass(frozen=True)
class TrainResult:
    """The best epoch's weights, what it reached in validation, and where all was written.

    `best_score` is in `measure`: mean MEF-SSIM, or where weights were trained for int8 the mean
    PSNR in dB against the pictures of the given weights in float.
    """

    weights: Path
    best_epoch: int
    best_score: float
    digest: str
    measure: str = "MEF-SSIM"


def train(
    data: str | Path,
    output: str | Path,
    *,
    settings: TrainSettings | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    command: str = "",
) -> TrainResult | None:
    """Train on the split "train", choose the epoch on "val", and write the best weights.

    The folder `output` gets best.safetensors, the newest checkpoint and TensorBoard events. With
    `resume` a training goes on after its last finished epoch and ends with the same weights as one
    that was never stopped. With `settings.qat` the weights of `init` are trained for int8: see
    `edge_mef.calibration.qat`.

    Returns:
        The result; None in the helping processes of a distributed training.

    Raises:
        InputError: the data lack a split, the output holds another training, the settings differ
            from those of the checkpoint, or there are no weights to train for int8.
        MissingError: the device asked for is not here.
    """
    settings = settings or TrainSettings()
    for name, value in asdict(settings).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"expected a finite {name.replace('_', ' ')}, found {value}")
    with _distributed(device) as workers:
        return _Training(Path(output), settings, workers, command).run(data, init, resume)


_Dataset = PairDataset | StackDataset
_OBSERVED = 64  # samples on which the ranges of activations are measured, for int8


class _Workers:
    """This process among those of the training, and its device."""

    def __init__(self, device: torch.device, rank: int, count: int) -> None:
        self.device, self.rank, self.count = device, rank, count

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def __enter__(self) -> "_Workers":
        return self

    def __exit__(self, *_: object) -> None:
        if dist.is_initialized():
            gc.collect()  # what holds the group keeps threads running that can abort the exit
            dist.destroy_process_group()


def _distributed(device: str | None) -> _Workers:
    rank, count = _whole_number("RANK", 0), _whole_number("WORLD_SIZE", 1)
    if not 0 <= rank < count:
        raise InputError(f"expected RANK below WORLD_SIZE, as torchrun sets them, found {rank}")
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if chosen.partition(":")[0] not in ("cpu", "cuda"):
        raise InputError(f"expected the device cpu, cuda or cuda:NUMBER, found '{chosen}'")
    if chosen.startswith("cuda") and not torch.cuda.is_available():
        raise MissingError("no CUDA device was found here: train with --device cpu")
    if count > 1:
        if chosen == "cuda":
            chosen = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(chosen)
        # Imported later, as DistributedDataParallel does, its default arguments hold the group.
        importlib.import_module("torch.distributed.nn.functional")
        dist.init_process_group("nccl" if chosen.startswith("cuda") else "gloo")
    try:
        return _Workers(torch.device(chosen), rank, count)
    except RuntimeError as error:
        raise InputError(
            f"expected the device cpu, cuda or cuda:NUMBER, found '{chosen}'"
        ) from error


def _whole_number(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"expected a whole number in the variable {variable}, found '{text}'")
    return int(text)


class _Training:
    def __init__(
        self, output: Path, settings: TrainSettings, workers: _Workers, command: str
    ) -> None:
        self.output, self.settings, self.workers, self.command = output, settings, workers, command
        self.spec = find_network(settings.model)
        self.objective = make_objective(self.spec, settings)
        self.learned: Objective | Imitation = self.objective
        self.epoch, self.best_epoch, self.best_score = 0, 0, -math.inf
        self.is_resumed = False

    def run(self, data: str | Path, init: str | Path | None, resume: bool) -> TrainResult | None:
        s = self.settings
        if s.qat and init is None and not (resume and latest_checkpoint(self.output)):
            raise InputError(
                "expected trained weights to train for int8, found none: give them with --init"
            )
        scenes = load_scenes(data)
        validation = read_pairs(choose(scenes, "val"), s.validation_side)
        training = choose(scenes, "train")
        torch.manual_seed(s.seed)
        self.network = create_model(s.model, s.channels, init, kernel_sizes=s.kernel_sizes)
        if s.qat:
            self.given = copy.deepcopy(self.network).to(self.workers.device)
            self.learned = Imitation(self.objective, self.given, self.network)
        # What computes: in a training for int8 the network with rounded convolutions.
        self.model = (self._rounded() if s.qat else self.network).to(self.workers.device)
        self.parallel = (
            DistributedDataParallel(self.model) if self.workers.count > 1 else self.model
        )
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), s.learning_rate, weight_decay=s.weight_decay
        )
        self._start(resume)
        dataset = self.objective.dataset(training, s.crops, s.seed)
        self.log = SummaryWriter(str(self.output)) if self.workers.is_first else None
        with self._progress() as bar:
            first = 0 if s.qat and not self.is_resumed else self.epoch + 1
            for epoch in range(first, s.epochs + 1):
                if epoch:  # 0 is what was given, and only looked at
                    self._train_epoch(epoch, dataset, bar)
                if isinstance(self.model, FakeQuantized):
                    self._observe(self.model, dataset)
                if self.workers.is_first:
                    self._finish_epoch(epoch, validation, bar)
                if dist.is_initialized():
                    dist.barrier()
        if self.log is not None:
            self.log.close()
        return self._result() if self.workers.is_first else None

    def _start(self, resume: bool) -> None:
        checkpoint = latest_checkpoint(self.output)
        if checkpoint is not None and not resume:
            raise InputError(
                f"{self.output} already holds a training: go on with --resume, or choose another "
                "folder"
            )
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the folder '{self.output}' for the training cannot be made "
                f"({error.strerror}): name another"
            ) from error
        if checkpoint is None:
            return
        state = read_checkpoint(checkpoint)
        if state["settings"] != asdict(self.settings):
            raise InputError(
                f"{checkpoint} was made with other settings: resume with the same ones, or choose "
                "another folder"
            )
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.epoch, self.best_epoch = int(state["epoch"]), int(state["best_epoch"])
            self.best_score = float(state["best_score"])
            if isinstance(self.model, FakeQuantized):
                self.model.set_ranges(state["ranges"])
                self.given.load_state_dict(state["given"])
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{checkpoint} is damaged ({str(error).splitlines()[0]}): choose another folder"
            ) from error
        self.is_resumed = True

    def _rounded(self) -> FakeQuantized:
        try:
            return FakeQuantized(self.spec, self.network)
        except ModuleNotFoundError as error:
            raise missing_extra("edge-mef train --qat", error.name or "torchao", "train") from error

    def _observe(self, model: FakeQuantized, dataset: _Dataset) -> None:
        """Measure the ranges of activations, on samples of epoch 0, which no epoch trains on."""
        model.eval()
        dataset.epoch = 0
        with model.observing():
            for index in range(min(len(dataset), _OBSERVED)):
                for given in self.objective.inputs([dataset[index].to(self.workers.device)]):
                    model(given)

    def _train_epoch(self, epoch: int, dataset: _Dataset, bar: "_Bar") -> None:
        self.model.train()
        dataset.epoch = epoch
        loader = self._loader(dataset, epoch)
        started, losses = time.perf_counter(), []
        for step, samples in enumerate(loader):
            self._set_rate((epoch - 1 + step / len(loader)) / self.settings.epochs)
            moved = [sample.to(self.workers.device) for sample in samples]
            loss = self.learned.loss(self.parallel, moved)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise InputError(
                    f"the loss became {losses[-1]} in epoch {epoch}: lower --learning-rate"
                )
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            bar.step(epoch, step, len(loader), losses[-1])
        if self.log is not None:
            self.log.add_scalar("loss/train", float(np.mean(losses)), epoch)
            self.log.add_scalar("seconds/epoch", time.perf_counter() - started, epoch)

    def _loader(self, dataset: _Dataset, epoch: int) -> DataLoader[Any]:
        s, workers = self.settings, self.workers
        sampler: DistributedSampler[Any] = DistributedSampler(
            dataset, workers.count, workers.rank, shuffle=True, seed=s.seed, drop_last=False
        )
        sampler.set_epoch(epoch)
        # Samples may differ in their number of exposures: a batch is a list of them.
        return DataLoader(dataset, batch_size=s.batch, sampler=sampler, collate_fn=list)

    def _set_rate(self, done: float) -> None:
        s = self.settings
        share = s.final_rate + (1.0 - s.final_rate) * 0.5 * (1.0 + math.cos(math.pi * done))
        for group in self.optimizer.param_groups:
            group["lr"] = s.learning_rate * share

    def _finish_epoch(self, epoch: int, validation: list[ScenePair], bar: "_Bar") -> None:
        s = self.settings
        self.model.eval()
        if not all(bool(torch.isfinite(p).all()) for p in self.network.parameters()):
            raise InputError(
                f"the weights are not finite after epoch {epoch}: lower --learning-rate"
            )
        fuse = self._fuser(self.model)
        mean = mean_score(score_pairs(fuse, validation))
        reached = self._closeness(fuse, validation) if s.qat else mean
        if reached > self.best_score:
            self.best_epoch, self.best_score = epoch, reached
            self._write_best(epoch, mean)
        self._write_checkpoint(epoch)
        if self.log is not None:
            self.log.add_scalar("mef-ssim/val", mean, epoch)
            if s.qat:
                self.log.add_scalar("int8-psnr/val", reached, epoch)
        text = f"val {self.measure} {reached:.4f}" + f", MEF-SSIM {mean:.4f}" * s.qat
        bar.validated(epoch, f"{text} (best: epoch {self.best_epoch})")

    def _fuser(self, network: nn.Module) -> Fuse:
        return torch_fuse(make_pipeline(self.spec, network).to(self.workers.device))

    def _closeness(self, fuse: Fuse, validation: list[ScenePair]) -> float:
        """The mean PSNR in dB against what the given weights fuse in float, each at most 99."""
        expected = self._fuser(self.given)
        pairs = [(pair.under, pair.over) for pair in validation]
        return float(np.mean([min(99.0, psnr(expected(*p), fuse(*p))) for p in pairs]))

    @property
    def measure(self) -> str:
        """What chooses the best epoch."""
        return "int8 PSNR" if self.settings.qat else "MEF-SSIM"

    def _tensors(self) -> dict[str, Any]:
        return {k: v.detach().cpu().float().numpy() for k, v in self.network.state_dict().items()}

    def _write_best(self, epoch: int, mean: float) -> None:
        s = self.settings
        about = {
            "network": s.model,
            "channels": str(s.channels),
            "kernel_sizes": ",".join(map(str, s.kernel_sizes)),
            "epoch": str(epoch),
            "val_mef_ssim": f"{mean:.6f}",
            "command": self.command,
        }
        if s.qat:
            about |= {"qat": "int8", "val_int8_psnr": f"{self.best_score:.4f}"}
        write_weights(self.output / "best.safetensors", self._tensors(), about)

    def _write_checkpoint(self, epoch: int) -> None:
        state: dict[str, Any] = {
            "settings": asdict(self.settings),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": epoch,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score,
        }
        if isinstance(self.model, FakeQuantized):
            state |= {"ranges": self.model.ranges, "given": self.given.state_dict()}
        write_checkpoint(self.output, state)

    def _result(self) -> TrainResult:
        path = self.output / "best.safetensors"
        return TrainResult(
            path,
            self.best_epoch,
            self.best_score,
            weights_digest(read_weights(path)),
            self.measure,
        )

    def _progress(self) -> "_Bar":
        return _Bar(self.settings.epochs, self.epoch, shown=self.workers.is_first)


class _Bar:
    """A progress bar over epochs, with the loss, and a line for every validated epoch."""

    def __init__(self, epochs: int, done: int, shown: bool) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}"),
            console=Console(stderr=True),
            disable=not shown,
        )
        self.task = self.progress.add_task("epochs", total=epochs, completed=done, state="")
        self.loss, self.score = math.nan, ""
        self.shown = shown

    def __enter__(self) -> "_Bar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        self.loss = loss if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * loss
        done = epoch - 1 + (step + 1) / steps
        self.progress.update(self.task, completed=done, state=self._state())

    def _state(self) -> str:
        return f"loss {self.loss:.4f} {self.score}" if math.isfinite(self.loss) else self.score

    def validated(self, epoch: int, text: str) -> None:
        self.score = text
        self.progress.update(self.task, completed=epoch, state=self._state())
        if self.shown:
            loss = "as given" if epoch == 0 else f"loss {self.loss:.4f}"
            self.progress.console.print(f"epoch {epoch}: {loss}, {self.score}")
