"""Long paths in a line: what is said last stays."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from ysnakes_tui.short_paths import shortened, with_short_paths

PATH = "/home/some/where/runs/cobra/checkpoints/step-00000000"


@pytest.mark.parametrize("width", range(80))
@pytest.mark.parametrize("text", [f"it could not save {PATH}: the disk is full", "語" * 60, "x" * 90, ""])
def test_it_is_as_short_as_is_wanted(text: str, width: int) -> None:
    assert cell_len(shortened(text, width)) <= width


def test_what_is_short_enough_stays() -> None:
    text = f"could not save {PATH}: full"
    assert shortened(text, 200) == with_short_paths(text, 200) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"no {PATH}: full", "no …/checkpoints/step-00000000: full"),
        (
            r"no C:\\Users\\me\\runs\\events.jsonl: full".replace("\\\\", "\\"),
            "no …\\runs\\events.jsonl: full",
        ),
        ("“~/a/b/c/events.jsonl” is locked", "“…/c/events.jsonl” is locked"),
        ("no /a/Application Support/b/c.json here", "no …/b/c.json here"),
        ("from /a/b to /c/d/e", "from /a/b to …/d/e"),
        ("1/2/3/4 of a/b/c", "1/2/3/4 of a/b/c"),
    ],
)
def test_of_a_path_the_end_is_said(text: str, told: str) -> None:
    assert with_short_paths(text, 10) == told


def test_where_that_is_not_enough_the_middle_is_left_out() -> None:
    text = shortened(f"checkpoint: refused: could not save {PATH}: the disk is full", 40)
    assert text == "checkpoint: r…00000000: the disk is full"
