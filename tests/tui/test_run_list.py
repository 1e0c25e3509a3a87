"""What is read for the list of runs, without the app: a run anew only if it changed, its size, the order."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs_app import NOW, a_run

from ysnakes_core.configuration import RunConfig, apply_settings, preset_config
from ysnakes_core.runs.state import RunState
from ysnakes_tui.train.run_list import SORTS, Order, RunList, size_of


@pytest.mark.parametrize("text", ["", "nonsense", "name, backwards", ", reversed"])
def test_an_order_that_is_none_is_the_usual_one(text: str) -> None:
    assert Order.from_text(text) == Order("when")


@pytest.mark.parametrize("order", [Order(sort, reverse) for sort in SORTS for reverse in (False, True)])
def test_an_order_is_the_same_after_being_kept(order: Order) -> None:
    assert Order.from_text(order.to_text()) == order


def test_a_run_that_did_not_change_is_not_read_again_but_its_death_is_seen(runs: Path) -> None:
    run = a_run(runs, "one", "running")
    reader = RunList(runs)
    assert reader.read(NOW)[0].status == "running"
    dead = RunState(status="running", heartbeat=NOW, pid=1, boot_id="another", step=100)
    run.write_state(dead)
    assert reader.read(NOW)[0].status == "running"  # its heartbeat is fresh
    run.config_file.chmod(0)  # it would be a broken run if it were read now
    assert reader.read(NOW + 1000)[0].status == "crashed"
    run.config_file.chmod(0o600)


def test_the_size_is_the_preset_only_where_the_shape_is() -> None:
    config = preset_config("ys-4m")
    assert size_of(config) == "ys-4m"
    assert size_of(apply_settings(config, ["d_model=128"])) == "128×4"
    assert size_of(apply_settings(RunConfig(), ["n_layers=3"])) == "256×3"
