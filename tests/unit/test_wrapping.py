"""Lines of a text that grows: nothing is lost, words stay whole, and what stands never moves."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ysnakes_tui.complete.wrapping import Wrapping, offset_at, spans_of

ODD = "aé 日本\t\n👩\u200d💻\u0301\ufe0f1❤️ שא-"
TEXTS = st.one_of(st.text(st.sampled_from(ODD), max_size=120), st.text("ab \n", max_size=120), st.text())


def lines_of(text: str, width: int) -> list[str]:
    wrapping = Wrapping(width)
    wrapping.advance(text, 10**9)
    assert wrapping.is_done(text)
    found = [wrapping.line(text, number) for number in range(wrapping.height(text))]
    assert wrapping.line(text, len(found)) is None
    return [text[slice(*each)] for each in found if each is not None]


def cells_of(text: str) -> int:
    return sum(cells for _, _, cells in spans_of(text))


@given(TEXTS, st.integers(1, 30))
@example("x" * 10_000, 7)
@example("a" + "\u0301" * 5000 + "b", 5)
def test_lines_hold_all_of_the_text_and_fit(text: str, width: int) -> None:
    lines = lines_of(text, width)
    assert "".join(lines) == text
    assert all(lines)
    for line in lines:
        assert "\n" not in line[:-1]
        *_, (last, _, _) = spans = list(spans_of(line))
        spare = 1 if line[last] in " \n" else 0
        assert cells_of(line) <= max(width, spans[0][2]) + spare


@given(TEXTS, st.integers(1, 30), st.lists(st.integers(1, 9), min_size=1))
def test_a_text_that_grows_has_the_lines_it_has_at_once(text: str, width: int, steps: list[int]) -> None:
    wrapping, end = Wrapping(width), 0
    before: list[tuple[int, int] | None] = []
    while end < len(text):
        end = min(len(text), end + steps[end % len(steps)])
        grown = text[:end]
        wrapping.advance(grown, 10**9)
        now = [wrapping.line(grown, number) for number in range(wrapping.height(grown))]
        complete = max(0, len(before) - 1)  # into the last one more may come
        assert now[:complete] == before[:complete]
        before = now
    assert [text[slice(*each)] for each in before if each is not None] == lines_of(text, width)


@given(TEXTS, st.integers(1, 30))
def test_every_character_is_in_the_line_that_is_said(text: str, width: int) -> None:
    wrapping = Wrapping(width)
    wrapping.advance(text, 10**9)
    for offset in range(len(text)):
        found = wrapping.line(text, wrapping.line_of(offset))
        assert found is not None
        assert found[0] <= offset < found[1]


@given(st.text(st.sampled_from(ODD.replace("\n", "")), min_size=1, max_size=40))
def test_a_column_is_of_the_character_that_is_drawn_there(text: str) -> None:
    column = 0
    for start, _, cells in spans_of(text):
        for inside in range(cells):
            assert offset_at(text, column + inside) == start
        column += cells


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("the snake was slow", 10, ["the snake ", "was slow"]),
        ("the snakes", 10, ["the snakes"]),
        ("the snakes ", 10, ["the snakes "]),
        ("the snakes  x", 10, ["the snakes ", " x"]),
        ("a rattlesnake", 6, ["a ", "rattle", "snake"]),
        ("日本語 abc", 5, ["日本", "語 abc"[:2], "abc"]),
        ("a\tb\tc", 8, ["a\tb\t", "c"]),
        ("one\n\ntwo\n", 8, ["one\n", "\n", "two\n"]),
    ],
)
def test_where_lines_are_broken(text: str, width: int, lines: list[str]) -> None:
    assert lines_of(text, width) == lines


def test_laying_out_can_be_done_in_parts() -> None:
    text = "the snake was slow\n" * 1000
    wrapping, turns = Wrapping(12), 0
    while not wrapping.is_done(text):
        assert wrapping.height(text) > 0
        wrapping.advance(text, 100)
        turns += 1
    assert turns > 10
    assert [text[slice(*(wrapping.line(text, n) or (0, 0)))] for n in range(4)] == lines_of(text, 12)[:4]
    assert wrapping.height(text) == len(lines_of(text, 12))
