"""Markdown from strangers: whatever it is, it is shown, fits, steers nothing, and costs little."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_tui.complete.markdown_lines import PIECE, MarkdownBody, Renderer, cut_of, looks_of

STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
PARTS = (
    *("# ", "- ", "1. ", "> ", "```", "~~~\n", "\n", "\n\n", "    ", "\t", "|", "|a|b|\n|-|-|\n|1|2|\n"),
    *(
        "*",
        "**",
        "_",
        "`",
        "[x](y)",
        "[",
        "](",
        ")",
        "![",
        "<b>",
        "<!--",
        "&#x202e;",
        "&#0;",
        "&#27;",
        "---\n",
    ),
    *(
        "word ",
        "日本",
        "\u0301",
        "👩\u200d💻",
        "\x1b[2J",
        "\ud800",
        "\\",
        "~~",
        "http://a.b",
        "[x]: y\n",
        "<kbd>",
    ),
)
TEXTS = st.one_of(st.lists(st.sampled_from(PARTS), max_size=60).map("".join), st.text())


def body_of(text: str, width: int = 60) -> MarkdownBody:
    return MarkdownBody(text, Renderer(width, looks_of({})))


def lines_of(body: MarkdownBody) -> list[str]:
    while body.lay_out(0, body.height + 100):
        pass
    found = [body.line(number) for number in range(body.height)]
    return [line.text for line in found if line is not None]


@given(TEXTS, st.integers(1, 80))
def test_whatever_it_is_fits_and_steers_nothing(text: str, width: int) -> None:
    for line in Renderer(width, looks_of({})).render(text):
        assert sum(segment.cell_length for segment in line) <= max(2, width)
        assert all(segment.style is None or segment.style.link is None for segment in line)
        if width >= 12:  # text as it is has been made printable before
            assert not any(STEERING.search(segment.text) for segment in line if "<" not in text)


@given(st.lists(TEXTS, max_size=8), st.integers(1, 60))
def test_what_grows_is_what_it_is_at_once(parts: list[str], times: int) -> None:
    body, text = body_of(""), ""
    for part in parts:
        text += part * times
        body.grow(text)
        body.lay_out(0, 20)
    assert lines_of(body) == lines_of(body_of(text))


@given(TEXTS.map(lambda text: text * 40))
def test_pieces_are_short_and_hold_all_of_it(text: str) -> None:
    start, ends = 0, []
    while (end := cut_of(text, start)) is not None:
        assert 0 < end - start <= PIECE
        ends.append(start := end)
    assert len(text) - start <= PIECE
    assert len(ends) <= 4 * len(text) / PIECE + 1


def test_a_fence_that_is_cut_is_opened_again() -> None:
    code = "\n".join(f"**x{n}** = {n}" for n in range(400))
    shown = [line.strip() for line in lines_of(body_of(f"before\n\n```python\n{code}\n```\n\n**after**"))]
    assert shown[0] == "before"
    assert shown[-1] == "after"
    assert [line for line in shown if line][1:-1] == code.split("\n")


def test_only_what_is_in_sight_is_rendered() -> None:
    body = body_of("A paragraph that is of some length, for once.\n\n" * 4000)
    assert body.lay_out(0, 40)
    made = [piece for piece in body._pieces if piece.lines is not None]
    assert 0 < len(made) < 5
    assert not body.lay_out(0, 40)
    last = body.height - 1
    body.lay_out(last - 40, last)
    assert sum(piece.lines is not None for piece in body._pieces) < 10


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_a_place_in_the_text_has_a_line_about_there(share: float) -> None:
    words = [f"word{n}" for n in range(3000)]
    text = "\n\n".join(" ".join(words[n : n + 10]) for n in range(0, 3000, 10))
    body = body_of(text)
    offset = min(int(share * len(text)), len(text) - 1)
    body.lay_out(number := body.line_of(offset), number)
    number = body.line_of(offset)  # what is laid out now may have moved it
    around = (body.line(each) for each in range(max(0, number - 20), number + 21))
    near = re.findall(r"word(\d+)", " ".join(line.text for line in around if line is not None))
    wanted = int(re.findall(r"word(\d+)", text[: offset + 8])[-1])
    assert int(near[0]) - 60 <= wanted <= int(near[-1]) + 60
