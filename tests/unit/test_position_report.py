"""What is told of scores by position: tables, plot and sentences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ysnakes_core.training.position_curve import Band, ByPosition, Context, Curve, Drift
from ysnakes_core.training.position_scores import borders
from ysnakes_tui import position_report as report
from ysnakes_tui.formats import width_of

BITS = math.log(2.0)


def band(first: int, last: int, level: float, above: float = 0.0, error: float | None = 0.01) -> Band:
    size = 400
    nats = level * size * BITS
    return Band(first, last, 100, size, 9, nats, nats - above * size * BITS, error, error)


def curve(length: int, seq_len: int, above: float = 0.0, drift: Drift | None = None) -> Curve:
    bands = [
        band(first, last, 1.0 + 1.0 / (1 + first), above * (first > 0)) for first, last in borders(length)
    ]
    beyond = band(seq_len, length - 1, 1.0, above) if length > seq_len else None
    return Curve(tuple(bands), 4, band(0, min(seq_len, length) - 1, 1.2), beyond, drift)


def context(length: int, above: float, error: float | None = 0.001) -> Context:
    return Context(length, 900, 3600, (1.0 + above) * 3600 * BITS, 3600 * BITS, error)


def found(**changes: object) -> ByPosition:
    contexts = (context(64, 0.2), context(128, 0.005), context(256, 0.0))
    usual = ByPosition(
        256, 30, 9_000, 40_000, curve(177, 256), curve(13_866, 256, 0.1, Drift(512, 0.0, 0.02)), contexts, 1.0
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_every_band_has_a_line_and_the_trained_length_a_place_between_them() -> None:
    result = found()
    lines = report.end_to_end_lines(result)
    assert result.on_end is not None
    names = [line.split()[0] for line in lines]
    assert names[0] == "position"
    assert names[1:6] == ["0–15", "16–31", "32–63", "64–127", "128–255"]
    assert "up to 256 tokens" in lines[6]
    assert names[7:] == [f"{b.first:,}–{b.last:,}" for b in result.on_end.bands[5:]]
    assert all("+0.100 ±0.010" in line for line in (*lines[2:6], *lines[7:]))
    alone = report.alone_lines(result)
    assert len(alone) == 1 + len(result.alone.bands)  # nothing of it lies beyond
    assert "above training" not in alone[0]
    assert "above training" in report.alone_lines(found(alone=curve(900, 256)))[0]


@pytest.mark.parametrize("length", [1, 16, 177, 13_866, 1_000_000])
@pytest.mark.parametrize("width", [60, 79, 118])
def test_the_plot_fits_and_shows_every_band(length: int, width: int) -> None:
    result = found(alone=curve(length, 256), on_end=None)
    lines = report.plot_lines(result, width)
    assert sum(line.count(report.ALONE) for line in lines) == len(result.alone.bands)
    assert any(report.BORDER in line for line in lines) == (length > 256)
    if len(result.alone.bands) * 4 + 8 <= width:
        assert max(map(width_of, lines)) <= width


def test_a_higher_value_stands_higher_and_farther_on_stands_to_the_right() -> None:
    lines = report.plot_lines(found(on_end=None))
    places = [(line.index(report.ALONE), row) for row, line in enumerate(lines) if report.ALONE in line]
    first = min(places)
    assert first[1] == 0  # the highest of all
    assert first[0] < max(places)[0]


def test_two_curves_at_one_place_are_one_sign() -> None:
    both = report.plot_lines(found(on_end=curve(177, 256)))
    assert sum(line.count(report.SEVERAL) for line in both) == len(curve(177, 256).bands)
    assert not any(report.ALONE in line for line in both)


def test_tables_are_no_wider_than_a_terminal() -> None:
    long = found(alone=curve(131_072, 256, -0.1), on_end=curve(131_072, 256, -0.1))
    for lines in (report.alone_lines(long), report.end_to_end_lines(long), report.context_lines(long)):
        assert max(map(width_of, lines)) <= 80


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "It levels off at 128 tokens of context"),
        ({"contexts": (context(64, 0.2), context(256, 0.1))}, "not surely level off by 256 tokens"),
        ({"contexts": (context(64, 0.0, None),)}, "cannot be told: there is too little text"),
        ({"contexts": ()}, "cannot be told"),
        ({}, "11.1 % worse"),
        ({"on_end": curve(9_000, 256, -0.1)}, "better than with each document alone"),
        ({"on_end": curve(9_000, 256, 0.005)}, "cannot be told"),
        ({"on_end": replace(curve(9_000, 256), beyond=band(256, 8_999, 1.0, 0.002, 0.001))}, "to within 1 %"),
        ({"on_end": None}, "one document only"),
        ({"on_end": curve(100, 256)}, "no longer than the trained length"),
        ({}, "gets worse by 0.020 bits per byte at most, if at all"),
        (
            {"on_end": curve(9_000, 256, 0.1, Drift(512, 0.004, 0.002))},
            "stays so, to within 1 %",
        ),
        ({"on_end": curve(9_000, 256, 0.1, Drift(512, 0.05, 0.02))}, "gets worse the farther"),
        ({"on_end": curve(9_000, 256, 0.1, Drift(512, -0.05, 0.02))}, "gets better the farther"),
        ({"alone": curve(900, 256, 0.1)}, "In documents longer than the trained 256 tokens"),
    ],
)
def test_what_the_figures_say(changes: dict[str, object], told: str) -> None:
    sentences = report.findings(found(**changes))
    assert any(told in sentence for sentence in sentences), sentences
    assert all(sentence.endswith(".") for sentence in sentences)


def test_too_little_text_is_no_verdict() -> None:
    sure = curve(9_000, 256)
    unsure = replace(sure, beyond=band(256, 8_999, 1.0, 0.3, error=None))
    assert any("too little text to be sure" in sentence for sentence in report.findings(found(on_end=unsure)))
