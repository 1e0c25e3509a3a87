"""Opening the model of a run to complete text: which checkpoint, in which numbers, what is said otherwise."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from run_with_model import add_checkpoint, run_with_model

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.sampling import SamplingOptions
from ysnakes_core.errors import RunError, UsageError
from ysnakes_core.model.precision import PRECISIONS
from ysnakes_core.runs import opening
from ysnakes_core.runs.opening import open_model
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_core.training.checkpoint import checkpoint_name, load_checkpoint, save_checkpoint

GREEDY = SamplingOptions(max_tokens=8, temperature=0.0, repetition_penalty=1.0)


@pytest.fixture
def run(tmp_path):
    """Two checkpoints, of which the earlier is the best."""
    run = run_with_model(tmp_path, steps=(40,))
    add_checkpoint(run, 80, best=False)
    return run


def test_the_best_is_opened_and_of_a_run_that_trains_the_latest(run):
    assert (open_model(run).step, open_model(run).training) == (40, False)
    for status in ("running", "paused"):
        run.write_state(RunState(status=status).of_process(this_process()))
        opened = open_model(run)
        assert (opened.step, opened.training, opened.checkpoint) == (80, True, "step-00000080")
    assert open_model(run, "best").step == 40
    run.write_state(RunState(status="finished").of_process(this_process()))
    assert open_model(run).step == 40


def test_a_run_whose_worker_is_gone_or_unknown_does_not_train(run):
    run.write_state(RunState(status="running", pid=2**22 + 1, boot_id="another", heartbeat=1.0))
    assert open_model(run, now=10_000.0).step == 40
    assert open_model(run, now=2.0).step == 80  # of another machine: it lived a second ago
    run.state_file.write_text("{")
    assert open_model(run).step == 40


def test_a_checkpoint_that_goes_while_it_is_read_is_no_broken_one(run, monkeypatch):
    """A worker prunes what is no longer the latest, and points to a new one first."""
    load, seen = opening.load_newest, []

    def slow(folder, wanted, **kwargs):
        seen.append(wanted)
        if len(seen) == 1:
            add_checkpoint(run, 120, best=False)
            (folder / "step-00000080" / "model.safetensors").unlink()
        return load(folder, wanted, **kwargs)

    monkeypatch.setattr(opening, "load_newest", slow)
    opened = open_model(run, "latest")
    assert (opened.step, opened.notes, len(seen)) == (120, [], 2)


def test_a_broken_checkpoint_is_passed_over_and_that_is_said(run):
    (run.checkpoints_folder / "step-00000040" / "model.safetensors").write_bytes(b"nothing")
    opened = open_model(run)
    assert opened.step == 80
    assert len(opened.notes) == 1
    assert "step-00000040" in opened.notes[0]


@pytest.mark.parametrize(
    "score", ['{"$float":"nan"}', '{"$float":"inf"}', "-1e300", "1" + "0" * 400, '"2.0"']
)
def test_a_score_that_is_none_is_not_told(run, score):
    file = run.checkpoints_folder / "step-00000040" / "state.json"
    text = file.read_text()
    assert '"bits_per_byte": 2.0' in text or '"bits_per_byte":2.0' in text
    file.write_text(re.sub(r'"bits_per_byte": ?2.0', f'"bits_per_byte":{score}', text))
    opened = open_model(run, "step-00000040")
    assert (opened.step, opened.bits_per_byte) == (40, None)


def test_the_optimizer_plays_no_part(run):
    (run.checkpoints_folder / "step-00000040" / "optimizer.safetensors").unlink()
    assert (open_model(run).step, open_model(run).notes) == (40, [])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_model_opens_in_every_precision_and_says_much_the_same(run, precision):
    opened, exact = open_model(run, precision=precision), open_model(run)
    assert opened.precision == precision
    assert not opened.model.training
    assert opened.model.n_parameters() == exact.model.n_parameters()
    assert not any(parameter.requires_grad for parameter in opened.model.parameters())
    ids = torch.arange(2, 40)[None]
    with torch.inference_mode():
        apart = opened.model(ids)[0] - exact.model(ids)[0]
        assert apart.norm() < 0.03 * exact.model(ids)[0].norm()
    assert Completer(opened.model, opened.tokenizer).complete("What is 7?", GREEDY).pieces


def test_an_opened_model_has_nothing_of_the_file(run):
    opened = open_model(run)
    before = {name: t.clone() for name, t in opened.model.state_dict().items()}
    file = run.checkpoints_folder / "step-00000040" / "model.safetensors"
    file.write_bytes(bytes(file.stat().st_size))
    for name, tensor in opened.model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_tied_head_stays_one_matrix(run):
    model = open_model(run).model
    assert model.head.weight is model.embedding.weight
    assert model.n_parameters() == sum(
        t.numel()
        for name, t in load_checkpoint(run.checkpoints_folder, "best").model.items()
        if name != "head.weight"
    )


def test_weights_of_another_type_are_made_float32(run):
    found = load_checkpoint(run.checkpoints_folder, "best")
    halves = {name: t.to(torch.bfloat16) for name, t in found.model.items()}
    save_checkpoint(
        run.checkpoints_folder, checkpoint_name(90), model=halves, optimizer={}, state=found.state
    )
    model = open_model(run, "step-00000090").model
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    "change", [{"d_model": 48}, {"n_layers": 3}, {"n_layers": 1}, {"n_layers": 10**9}, {"d_model": 10**9}]
)
def test_a_checkpoint_of_another_shape_is_refused(run, change):
    config = run.read_config()
    run.write_config(replace(config, model=replace(config.model, **change)))
    with pytest.raises(RunError, match="does not fit"):
        open_model(run)


def test_what_there_is_not_is_said_before_anything_is_read(run, tmp_path):
    with pytest.raises(UsageError, match="int4"):
        open_model(run, precision="int4")  # type: ignore[arg-type]
    empty = run_with_model(tmp_path / "other", steps=())
    with pytest.raises(RunError, match="no checkpoint yet"):
        open_model(empty)
