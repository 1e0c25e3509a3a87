from __future__ import annotations

import pytest

from ysnakes_core.errors import UsageError
from ysnakes_core.training.stages import Stage, parse_stages, stage_over


def test_the_written_form() -> None:
    assert parse_stages("64x32@1.0,128x16@0.5,192", 256, 8) == (
        Stage(64, 32, 1.0),
        Stage(128, 16, 0.5),
        Stage(192, 11),  # as near as possible to the 2,048 tokens of the stage before
    )


def test_auto_is_one_two_and_three_times_the_length_at_about_as_many_tokens() -> None:
    stages = parse_stages("auto", 256, 12)
    assert [(s.seq_len, s.batch_size) for s in stages] == [(256, 12), (512, 6), (768, 4)]
    assert [s.batch_size for s in parse_stages("auto", 1024, 1)] == [1, 1, 1]


def test_nothing_is_one_stage() -> None:
    assert parse_stages(" ", 128, 4) == (Stage(128, 4),)


@pytest.mark.parametrize("text", ["64x", "x32", "64@", "0x3", "64x0", "64,,128", "a", "64x32@-1", "-64"])
def test_what_is_not_understood_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="stages has a part") as error:
        parse_stages(text, 256, 8)
    assert "64x32@1.0" in error.value.hint


def test_a_stage_ends_by_its_loss_or_by_its_share_of_the_budget() -> None:
    stages = parse_stages("64x32@1.0,128x16,192x8", 256, 8)
    assert stage_over(stages, 0, 1.5, 0.1) == ""
    assert "1" in stage_over(stages, 0, 1.0, 0.1)
    assert "budget" in stage_over(stages, 0, 1.5, 0.34)
    assert stage_over(stages, 1, 0.1, 0.5) == ""
    assert stage_over(stages, 2, 0.1, 0.99) == ""  # the last one has nowhere to go
