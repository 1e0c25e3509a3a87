"""Checkpoints: exact there and back, names and pointers that stay in their folder, pruning, sweeping up."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import RunError, UsageError
from ysnakes_core.files import read_limited
from ysnakes_core.training import checkpoint as checkpoint_module
from ysnakes_core.training.checkpoint import (
    available,
    checkpoint_name,
    generator_bytes,
    load_checkpoint,
    load_newest,
    point,
    pointed,
    prune,
    restore_generator,
    save_checkpoint,
    step_of,
)
from ysnakes_core.training.checkpoint_state import decode_state, encode_state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def save(folder: Path, step: int, value: float = 0.0) -> str:
    name = checkpoint_name(step)
    weight = torch.full((3, 2), value)
    save_checkpoint(folder, name, model={"w": weight}, optimizer={"m": weight * 2}, state={"step": step})
    return name


def test_everything_comes_back_bit_for_bit(folder: Path) -> None:
    generator = torch.Generator().manual_seed(3)
    model = {
        "float32": torch.randn(5, 4, generator=generator),
        "float64": torch.randn(3, dtype=torch.float64, generator=generator),
        "bfloat16": torch.randn(7, generator=generator).bfloat16(),
        "special": torch.tensor([math.nan, math.inf, -0.0, 5e-324], dtype=torch.float64),
        "whole": torch.tensor([2**62, -1]),
        "truth": torch.tensor([True, False]),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    save_checkpoint(folder, "step-00000007", model=model, optimizer={}, state={})
    found = load_checkpoint(folder, "step-00000007")
    assert found.model.keys() == model.keys()
    for name, tensor in model.items():
        assert found.model[name].dtype == tensor.dtype
        assert found.model[name].shape == tensor.shape
        assert (
            found.model[name].numpy(force=True).tobytes() == tensor.numpy(force=True).tobytes()
            if (tensor.dtype != torch.bfloat16)
            else torch.equal(found.model[name], tensor)
        )
    assert found.optimizer == {}


def test_shared_tensors_are_stored_once_and_shared_again(folder: Path) -> None:
    embedding = torch.nn.Parameter(torch.randn(1000, 16))
    save_checkpoint(
        folder, "step-00000001", model={"embedding": embedding, "head": embedding}, optimizer={}, state={}
    )
    size = (folder / "step-00000001" / "model.safetensors").stat().st_size
    assert size < 1.1 * embedding.numel() * 4
    found = load_checkpoint(folder, "latest").model
    assert found["head"] is found["embedding"]
    assert torch.equal(found["head"], embedding)


def test_views_and_strided_tensors_keep_their_values(folder: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    model = {"base": base, "t": base.t(), "rows": base[1:3], "columns": base[:, ::2], "flat": base.view(24)}
    model["expanded"] = torch.tensor([1.0]).expand(5)
    save_checkpoint(folder, "step-00000001", model=model, optimizer={"rows": base[1:3]}, state={})
    found = load_checkpoint(folder, "step-00000001")
    for name, tensor in model.items():
        assert torch.equal(found.model[name], tensor), name
    assert (folder / "step-00000001" / "optimizer.safetensors").stat().st_size < 200


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8).filter(lambda k: not k.startswith("$")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8).filter(lambda k: not k.startswith("$")), json_like, max_size=4))
def test_a_state_comes_back_exactly_through_strict_json(state: dict[str, Any]) -> None:
    text = json.dumps(encode_state(state), allow_nan=False)
    assert repr(decode_state(json.loads(text))) == repr(state)


def test_numpy_numbers_and_tuples_in_a_state(folder: Path) -> None:
    state = {"count": np.int64(5), "loss": np.float64(0.1), "pair": (1, 2)}
    save_checkpoint(folder, "step-00000001", model={}, optimizer={}, state=state)
    assert load_checkpoint(folder, "step-00000001").state == {"count": 5, "loss": 0.1, "pair": [1, 2]}


@pytest.mark.parametrize(
    ("state", "where"),
    [
        *(
            ({"a": {"b": [1, torch.zeros(1)]}}, r"state\.a\.b\[1\]"),
            ({"a": {1: 2}}, r"state\.a has the key 1"),
        ),
        *(
            ({"$float": "1"}, "state has the key"),
            ({"a": {1, 2}}, r"state\.a"),
            ({"a": object()}, r"state\.a"),
        ),
    ],
)
def test_what_cannot_be_stored_exactly_is_refused_before_anything_is_written(
    folder: Path, state: dict[str, Any], where: str
) -> None:
    with pytest.raises(UsageError, match=where):
        save_checkpoint(folder, "step-00000001", model={}, optimizer={}, state=state)
    assert not folder.exists()


def test_random_generators_go_on_where_they_were(folder: Path) -> None:
    generator = torch.Generator().manual_seed(11)
    torch.rand(5, generator=generator)
    save_checkpoint(folder, "step-00000001", model={}, optimizer={}, state={"r": generator_bytes(generator)})
    expected = torch.rand(5, generator=generator)
    restored = torch.Generator()
    restore_generator(load_checkpoint(folder, "latest").state["r"], restored)
    assert torch.equal(torch.rand(5, generator=restored), expected)
    default = generator_bytes()
    expected = torch.rand(3)
    restore_generator(default)
    assert torch.equal(torch.rand(3), expected)
    for damaged in (b"", b"x", b"x" * 5056):
        with pytest.raises(RunError, match="random state"):
            restore_generator(damaged, torch.Generator())


NAMES = [
    "",
    "latest2",
    "step-1",
    "step-000000001",
    "../step-00000001",
    "step-00000001/..",
    "step-0000000a",
    "step-٠٠٠٠٠٠٠١",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_none_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no checkpoint's name"):
        save_checkpoint(folder, name, model={}, optimizer={}, state={})
    with pytest.raises(UsageError, match="no checkpoint's name"):
        load_checkpoint(folder, name)
    with pytest.raises(UsageError, match="no checkpoint's name"):
        load_newest(folder, name)
    with pytest.raises(UsageError, match="no checkpoint's name"):
        point(folder, "best", name)
    assert not folder.exists()


def test_names_and_steps() -> None:
    assert checkpoint_name(1200) == "step-00001200"
    assert step_of("step-00001200") == 1200
    for step in (-1, 10**8):
        with pytest.raises(UsageError):
            checkpoint_name(step)


def test_pointers(folder: Path) -> None:
    assert pointed(folder, "latest") is None
    save(folder, 1)
    assert pointed(folder, "latest") == "step-00000001"
    assert pointed(folder, "best") is None
    with pytest.raises(RunError, match="no “best” checkpoint"):
        load_checkpoint(folder, "best")
    point(folder, "best", "step-00000001")
    save(folder, 2, 2.0)
    assert load_checkpoint(folder, "best").name == "step-00000001"
    assert load_checkpoint(folder, "latest").model["w"][0, 0] == 2.0
    with pytest.raises(UsageError):
        point(folder, "../x", "step-00000001")


@pytest.mark.parametrize(
    "content", ["../../etc/passwd", "step-00000001/../x", "", "\x00", "x" * 10**6, "step-1"]
)
def test_a_pointer_that_leads_elsewhere_counts_as_none(folder: Path, content: str) -> None:
    save(folder, 1)
    (folder / "latest").write_text(content)
    (folder / "best").write_text(content)
    assert pointed(folder, "latest") is None
    assert load_newest(folder)[0].name == "step-00000001"
    assert load_newest(folder, "best")[0].name == "step-00000001"


def test_a_pointer_that_is_a_pipe_does_not_block(folder: Path) -> None:
    save(folder, 1)
    (folder / "latest").unlink()
    os.mkfifo(folder / "latest")
    assert pointed(folder, "latest") is None


def flip_a_bit(place: Path) -> None:
    content = bytearray((place / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (place / "model.safetensors").write_bytes(content)


def test_no_checkpoints(folder: Path) -> None:
    assert available(folder) == []
    with pytest.raises(RunError, match="no usable checkpoint"):
        load_newest(folder)


def test_a_preferred_one_comes_first_and_the_latest_before_abandoned_ones(folder: Path) -> None:
    for step in (1, 2, 5, 3):  # 5 was left by a roll-back to 2
        save(folder, step)
    assert load_newest(folder)[0].name == "step-00000003"
    assert load_newest(folder, "step-00000001")[0].name == "step-00000001"
    flip_a_bit(folder / "step-00000003")
    assert load_newest(folder)[0].name == "step-00000002"
    assert load_newest(folder, "step-00000009")[0].name == "step-00000002"


def test_pruning_keeps_the_newest_the_latest_and_the_best(folder: Path) -> None:
    for step in range(1, 7):
        save(folder, step)
    point(folder, "best", "step-00000002")
    assert prune(folder, 2) == ["step-00000001", "step-00000003", "step-00000004"]
    assert available(folder) == ["step-00000002", "step-00000005", "step-00000006"]
    assert sorted(p.name for p in folder.iterdir()) == sorted([*available(folder), "best", "latest"])
    save(folder, 4)  # a roll-back left 5 and 6
    assert prune(folder, 1) == ["step-00000005", "step-00000006"]
    assert prune(folder, 0) == []
    assert available(folder) == ["step-00000002", "step-00000004"]


@pytest.mark.parametrize("pointer", ["best", "latest"])
def test_nothing_is_deleted_while_it_cannot_be_read_what_matters(
    folder: Path, pointer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(1, 5):
        save(folder, step)
    point(folder, "best", checkpoint_name(1))

    def read(path: Path, max_bytes: int) -> bytes:
        if path.name == pointer:
            raise OSError(errno.EIO, "Input/output error")
        return read_limited(path, max_bytes)

    with monkeypatch.context() as disk:
        disk.setattr(checkpoint_module, "read_limited", read)
        assert prune(folder, 1) == []
    assert prune(folder, 1) == ["step-00000002", "step-00000003"]


def test_saving_a_step_again_replaces_it(folder: Path) -> None:
    save(folder, 1, 1.0)
    save(folder, 1, 5.0)
    assert load_checkpoint(folder, "latest").model["w"][0, 0] == 5.0
    assert sorted(p.name for p in folder.iterdir()) == ["latest", "step-00000001"]


def test_a_kill_between_two_renames_loses_nothing(folder: Path) -> None:
    save(folder, 1, 1.0)
    (folder / "step-00000001").rename(folder / ".replaced-step-00000001")
    assert available(folder) == ["step-00000001"]
    assert load_newest(folder)[0].model["w"][0, 0] == 1.0
    save(folder, 2)
    assert (folder / "step-00000001").is_dir()
    assert load_checkpoint(folder, "step-00000001").model["w"][0, 0] == 1.0


def test_what_kills_left_is_swept_up_by_the_next_save(folder: Path) -> None:
    save(folder, 1, 1.0)
    (folder / ".tmp-123-step-00000009").mkdir()
    (folder / ".tmp-123-step-00000009" / "model.safetensors").write_text("half")
    (folder / ".replaced-step-00000001").mkdir()
    (folder / ".replaced-odd").mkdir()
    save(folder, 2)
    left = {p.name for p in folder.iterdir()}
    assert left - {".replaced-odd"} == {"latest", "step-00000001", "step-00000002"}


def test_a_link_among_the_checkpoints_is_never_followed_when_sweeping(folder: Path, tmp_path: Path) -> None:
    save(folder, 1)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("keep")
    for name in (".tmp-x", ".replaced-step-00000001", "step-00000000"):
        (folder / name).symlink_to(precious)
    save(folder, 2)
    prune(folder, 1)
    assert (precious / "letter").read_text() == "keep"
