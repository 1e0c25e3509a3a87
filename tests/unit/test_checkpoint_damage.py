"""Checkpoints that were damaged, met a full disk, or whose saver was killed: a whole one is always found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ysnakes_core.errors import RunError, YsnakesError
from ysnakes_core.training import checkpoint as checkpoints
from ysnakes_core.training.checkpoint import checkpoint_name, load_checkpoint, load_newest, save_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def save(folder: Path, step: int, value: float = 0.0) -> str:
    name = checkpoint_name(step)
    weight = torch.full((3, 2), value)
    save_checkpoint(folder, name, model={"w": weight}, optimizer={"m": weight * 2}, state={"step": step})
    return name


def edit_record(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(place: Path) -> None:
        record = json.loads((place / "state.json").read_text())
        change(record)
        (place / "state.json").write_text(json.dumps(record))

    return edit


def flip_a_bit(place: Path) -> None:
    content = bytearray((place / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (place / "model.safetensors").write_bytes(content)


def pipe(name: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        (place / name).unlink()
        os.mkfifo(place / name)

    return make


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit": (flip_a_bit, "its hash differs"),
    "short": (lambda p: (p / "optimizer.safetensors").write_bytes(b"x"), "has 1 bytes instead of"),
    "no model": (lambda p: (p / "model.safetensors").unlink(), "model.safetensors is missing"),
    "no optimizer": (lambda p: (p / "optimizer.safetensors").unlink(), "optimizer.safetensors is missing"),
    "no state": (lambda p: (p / "state.json").unlink(), "state.json is missing"),
    "torn state": (lambda p: (p / "state.json").write_text('{"format": 1'), "no valid JSON"),
    "deep state": (lambda p: (p / "state.json").write_text("[" * 100_000), "no valid JSON"),
    "huge state": (lambda p: (p / "state.json").write_bytes(b" " * (33 * 2**20)), "larger than"),
    "list": (lambda p: (p / "state.json").write_text("[]"), "not in the form"),
    "model pipe": (pipe("model.safetensors"), "model.safetensors is missing"),
    "state pipe": (pipe("state.json"), "plain file is expected"),
    "no hash": (edit_record(lambda r: r["files"]["model.safetensors"].pop("sha256")), "has no hash"),
    "no files": (edit_record(lambda r: r.pop("files")), "not in the form"),
    "later": (edit_record(lambda r: r.update(format=2)), "has format 2"),
    "tied": (edit_record(lambda r: r["tied"].update({"model.safetensors": {"a": "zz"}})), "shared tensors"),
    "tied list": (edit_record(lambda r: r["tied"].update({"model.safetensors": [1]})), "shared tensors"),
    "tied to a list": (
        edit_record(lambda r: r["tied"].update({"model.safetensors": {"a": []}})),
        "shared tensors",
    ),
    "bytes": (edit_record(lambda r: r["state"].update({"r": {"$bytes": "?"}})), "cannot be decoded"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_used(folder: Path, damage: str) -> None:
    save(folder, 1, 1.0)
    save(folder, 2, 2.0)
    break_it, reason = DAMAGE[damage]
    break_it(folder / "step-00000002")
    with pytest.raises(RunError, match=reason):
        load_checkpoint(folder, "step-00000002")
    for prefer in (None, "latest", "step-00000002"):
        found, notes = load_newest(folder, prefer)
        assert found.name == "step-00000001"
        assert len(notes) == 1
        assert "step-00000002" in notes[0]
    (folder / "step-00000001" / "state.json").unlink()
    with pytest.raises(RunError, match="no usable checkpoint") as caught:
        load_newest(folder)
    assert "step-00000001" in str(caught.value)


def test_rightly_hashed_nonsense_is_refused_too(folder: Path) -> None:
    save(folder, 1)
    place = folder / "step-00000001"
    (place / "model.safetensors").write_bytes(b"\xff" * 64)
    digest = checkpoints._sha256(place / "model.safetensors")
    edit_record(lambda r: r["files"].update({"model.safetensors": {"bytes": 64, "sha256": digest}}))(place)
    with pytest.raises(RunError, match="cannot be read"):
        load_checkpoint(folder, "step-00000001")


def test_a_full_disk_leaves_what_was_there(folder: Path) -> None:
    save(folder, 1, 1.0)
    script = """
        import resource, sys
        from pathlib import Path
        import torch
        from ysnakes_core.errors import YsnakesError
        from ysnakes_core.training.checkpoint import save_checkpoint
        folder, tensors, state = Path(sys.argv[1]), {"w": torch.zeros(100_000)}, {"x": "x" * 900_000}
        for limit in (10_000, 600_000):  # within the tensors, and within the state
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                save_checkpoint(folder, "step-00000002", model=tensors, optimizer={}, state=state)
            except YsnakesError as error:
                print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("could not save the checkpoint") == 2
    assert sorted(p.name for p in folder.iterdir()) == ["latest", "step-00000001"]
    assert load_newest(folder)[0].model["w"][0, 0] == 1.0


def test_a_folder_that_cannot_be_made_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(YsnakesError, match="could not save the checkpoint"):
        save(tmp_path / "file", 1)


# Forks savers that save, point, prune and save again, and kills each at a random moment; after each kill the
# reader must find whole checkpoints behind both pointers, without falling back, and never an older step.
KILLED_SAVERS = """
    import os, random, signal, sys, time
    from pathlib import Path
    import torch
    from ysnakes_core.training.checkpoint import available, checkpoint_name, load_checkpoint, load_newest
    from ysnakes_core.training.checkpoint import point, prune, save_checkpoint
    torch.set_num_threads(1)
    folder, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))

    def save(step):
        weights = torch.full((200, 50), float(step))
        save_checkpoint(folder, checkpoint_name(step), model={"w": weights, "tied": weights},
                        optimizer={"m": weights * 2}, state={"step": step, "best": float("inf")})

    def saver(step):
        while True:
            step += 1
            save(step)
            if step % 3 == 0:
                point(folder, "best", checkpoint_name(step))
                save(step)  # the same step again
            prune(folder, 2)

    began = time.perf_counter()
    save(1)
    one_save = time.perf_counter() - began
    point(folder, "best", checkpoint_name(1))
    newest, kills = 1, 0
    while kills < 25 or (newest < 12 and kills < 400):
        kills += 1
        child = os.fork()
        if child == 0:
            saver(newest)
        time.sleep(rng.uniform(0.0, 3 * one_save))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found, notes = load_newest(folder)
        assert notes == [], notes
        best = load_checkpoint(folder, "best")
        assert load_checkpoint(folder, "latest").name == found.name
        for checkpoint in (found, best):
            step = checkpoint.state["step"]
            assert checkpoint.name == checkpoint_name(step)
            assert torch.equal(checkpoint.model["w"], torch.full((200, 50), float(step)))
            assert torch.equal(checkpoint.optimizer["m"], torch.full((200, 50), 2.0 * step))
        for name in available(folder):
            load_checkpoint(folder, name)  # whatever has a good name is whole
        assert found.state["step"] >= newest, "went back"
        if found.state["step"] == newest:
            one_save *= 1.1  # the machine may be busier than it was
        newest = found.state["step"]
    save(newest + 1)
    prune(folder, 2)
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".") and not p.name.endswith(".tmp")]
    print(newest)
"""


@pytest.mark.slow
def test_a_reader_always_finds_whole_checkpoints_however_savers_are_killed(folder: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(KILLED_SAVERS), str(folder), "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) >= 12, "the savers hardly saved, so nothing was tried"
