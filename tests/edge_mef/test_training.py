"""Training: it learns, resumes to the same weights, and runs distributed."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from edge_mef import training
from edge_mef.checkpoints import read_checkpoint, write_checkpoint
from edge_mef.errors import InputError, MissingError, OutputError
from edge_mef.models import create_model
from edge_mef.models.weights import read_metadata, read_weights, weights_digest
from edge_mef.render.brackets import random_bracket
from edge_mef.saving import write_picture
from edge_mef.train_settings import CropSettings, TrainSettings, train_settings
from edge_mef.training import train

QUICK = TrainSettings(
    channels=2, epochs=2, seed=7, validation_side=96, crops=CropSettings(size=64, smallest=0.7)
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small rendered scenes as files, so that they are rendered once."""
    folder = tmp_path_factory.mktemp("scenes")
    for seed in range(4):
        (folder / f"s{seed}").mkdir()
        bracket = random_bracket(seed, height=72, width=96, frames=3)
        for index, frame in enumerate(bracket.exposures):
            write_picture(folder / f"s{seed}" / f"{index}.png", frame)
    return folder


def _digest(folder: Path) -> str:
    state = read_checkpoint(folder / "checkpoint.pt")
    return weights_digest({k: v.numpy() for k, v in state["network"].items()})


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "run"
    train(data, folder, settings=QUICK, command="edge-mef train", device="cpu")
    return folder


def test_leaves_weights_checkpoint_and_log(finished: Path) -> None:
    about = read_metadata(finished / "best.safetensors")
    assert about["network"] == "ffmef"
    assert about["channels"] == "2"
    assert about["command"] == "edge-mef train"
    assert 0 < float(about["val_mef_ssim"]) <= 1
    assert list(finished.glob("events.out.tfevents.*"))
    assert read_checkpoint(finished / "checkpoint.pt")["epoch"] == 2


def test_the_same_seed_gives_the_same_weights(finished: Path, data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "again", settings=QUICK, device="cpu")
    assert _digest(tmp_path / "again") == _digest(finished)


def interrupt_after_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    finish = training._Training._finish_epoch

    def stop(self: training._Training, epoch: int, *rest: object) -> None:
        finish(self, epoch, *rest)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(training._Training, "_finish_epoch", stop)


def test_an_interrupted_training_ends_with_the_same_weights(
    finished: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    interrupt_after_an_epoch(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(data, folder, settings=QUICK, device="cpu")
    monkeypatch.undo()
    assert read_checkpoint(folder / "checkpoint.pt")["epoch"] == 1
    result = train(data, folder, settings=QUICK, resume=True, device="cpu")
    assert result is not None
    assert _digest(folder) == _digest(finished)


def test_another_training_is_not_overwritten(finished: Path, data: Path) -> None:
    before = _digest(finished)
    with pytest.raises(InputError, match="--resume"):
        train(data, finished, settings=QUICK, device="cpu")
    other = dataclasses.replace(QUICK, learning_rate=1e-4)
    with pytest.raises(InputError, match="other settings"):
        train(data, finished, settings=other, resume=True, device="cpu")
    assert _digest(finished) == before


def test_a_damaged_checkpoint_is_named(finished: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes((finished / "checkpoint.pt").read_bytes()[:500])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        train(data, tmp_path, settings=QUICK, resume=True, device="cpu")


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": {}},
        {"epoch": "many"},
        {"best_score": None},
        {"network": {"stem.weight": torch.zeros(1)}},
    ],
)
def test_an_edited_checkpoint_is_named(
    finished: Path, data: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    state = read_checkpoint(finished / "checkpoint.pt")
    write_checkpoint(tmp_path, state | change)
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged"):
        train(data, tmp_path, settings=QUICK, resume=True, device="cpu")


@pytest.mark.parametrize("name", ["final_rate", "tone_weight", "weight_decay"])
def test_settings_that_are_not_finite(data: Path, tmp_path: Path, name: str) -> None:
    change: dict[str, Any] = {name: float("inf")}
    settings = dataclasses.replace(QUICK, **change)
    with pytest.raises(InputError, match=f"finite {name.replace('_', ' ')}, found inf"):
        train(data, tmp_path / "run", settings=settings, device="cpu")


def test_weights_that_are_not_finite_are_not_kept(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(self: Any, epoch: int, *_: object) -> None:
        with torch.no_grad():
            next(self.network.parameters()).fill_(float("nan"))

    monkeypatch.setattr(training._Training, "_train_epoch", spoil)
    with pytest.raises(InputError, match="not finite after epoch 1: lower"):
        train(data, tmp_path / "run", settings=QUICK, device="cpu")
    assert not list((tmp_path / "run").glob("*.safetensors"))


def test_without_scenes_to_train_on_nothing_is_made(tmp_path: Path, data: Path) -> None:
    only = tmp_path / "manifest.csv"
    rows = [f"{data}/s0/{i}.png,mef,one,frame,{i},val" for i in range(2)]
    only.write_text("\n".join(["file,task,scene,role,order,split", *rows]) + "\n")
    with pytest.raises(InputError, match="no scene of the split 'train'"):
        train(only, tmp_path / "run", settings=QUICK, device="cpu")
    assert not (tmp_path / "run").exists()


def test_learning_lowers_the_loss(data: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, epochs=1, mef_ssim_weight=1.0, tone_weight=1.0)
    first = train(data, tmp_path / "one", settings=settings, device="cpu")
    longer = dataclasses.replace(settings, epochs=12, learning_rate=5e-3)
    later = train(data, tmp_path / "more", settings=longer, device="cpu")
    assert first is not None
    assert later is not None
    assert later.best_score > first.best_score + 0.02


def test_starts_from_given_weights(finished: Path, data: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, epochs=1, learning_rate=0.0)
    best = finished / "best.safetensors"
    train(data, tmp_path / "init", settings=settings, init=best, device="cpu")
    assert _digest(tmp_path / "init") == weights_digest(read_weights(best))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_a_missing_device_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no CUDA device"):
        train(data, tmp_path, settings=QUICK, device="cuda")


@pytest.mark.parametrize("model", ["ffmef", "ffmef-edge"])
def test_two_processes_train_one_network(data: Path, tmp_path: Path, model: str) -> None:
    """Distributed training: both processes end with the same weights, and only one saves."""
    program = tmp_path / "worker.py"
    program.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from edge_mef.train_settings import train_settings\n"
        "from edge_mef.training import train\n"
        f"settings = train_settings('{model}', channels=2, epochs=1, batch=2, size=64,\n"
        "                          validation_side=96)\n"
        f"result = train('{data}', '{tmp_path}/run', settings=settings, device='cpu')\n"
        "rank = os.environ['RANK']\n"
        f"Path('{tmp_path}/' + rank).write_text('saved' if result else 'helped')\n"
        "tasks = [task / 'comm' for task in Path('/proc/self/task').glob('*')]\n"
        "names = ' '.join(task.read_text().strip() for task in tasks)\n"
        f"Path('{tmp_path}/' + rank + '-threads').write_text(names)\n"
    )
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(program)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "0").read_text() == "saved"
    assert (tmp_path / "1").read_text() == "helped"
    assert (tmp_path / "run" / "best.safetensors").is_file()
    # Threads that outlive the training abort a process now and then as it ends.
    assert not any("gloo" in (tmp_path / f"{rank}-threads").read_text() for rank in (0, 1))


def test_unusable_requests_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the device cpu, cuda"):
        train(data, tmp_path / "run", settings=QUICK, device="tpu")
    small = dataclasses.replace(QUICK, validation_side=50)
    with pytest.raises(InputError, match="MEF-SSIM needs sides of 44"):
        train(data, tmp_path / "run", settings=small, device="cpu")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="name another"):
        train(data, tmp_path / "file", settings=QUICK, device="cpu")


EDGE = train_settings(
    "ffmef-edge", channels=2, epochs=2, seed=7, validation_side=96, size=64, smallest=0.7
)


@pytest.fixture(scope="module")
def finished_edge(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training-edge") / "run"
    train(data, folder, settings=EDGE, command="edge-mef train", device="cpu")
    return folder


def test_networks_on_views_leave_weights_that_can_be_used(finished_edge: Path) -> None:
    best = finished_edge / "best.safetensors"
    about = read_metadata(best)
    assert (about["network"], about["channels"], about["kernel_sizes"]) == ("ffmef-edge", "2", "")
    assert 0 < float(about["val_mef_ssim"]) <= 1
    assert create_model("ffmef-edge", weights=best).get_parameter("stem.weight").shape[0] == 2


def test_networks_on_views_resume_to_the_same_weights(
    finished_edge: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after_an_epoch(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", settings=EDGE, device="cpu")
    monkeypatch.undo()
    started = _digest(tmp_path / "run")
    train(data, tmp_path / "run", settings=EDGE, resume=True, device="cpu")
    assert _digest(tmp_path / "run") == _digest(finished_edge)
    assert started != _digest(finished_edge), "the second epoch changed something"


@pytest.mark.parametrize(
    "change",
    [{"colour_weight": 0.1}, {"range_weight": 0.1}, {"crops": CropSettings(size=65)}],
)
def test_a_checkpoint_with_other_settings_is_refused(
    finished_edge: Path, data: Path, change: dict[str, Any]
) -> None:
    other = dataclasses.replace(EDGE, **change)
    before = _digest(finished_edge)
    with pytest.raises(InputError, match="made with other settings: resume with the same ones"):
        train(data, finished_edge, settings=other, resume=True, device="cpu")
    assert _digest(finished_edge) == before


def test_networks_on_views_learn(data: Path, tmp_path: Path) -> None:
    """From the mean of the exposures, which is where it starts."""
    short = dataclasses.replace(EDGE, epochs=1, learning_rate=0.0)
    first = train(data, tmp_path / "one", settings=short, device="cpu")
    longer = dataclasses.replace(EDGE, epochs=10, learning_rate=1e-2)
    later = train(data, tmp_path / "more", settings=longer, device="cpu")
    assert first is not None
    assert later is not None
    print(f"{first.best_score:.4f} to {later.best_score:.4f}")
    assert later.best_score > first.best_score + 0.01
