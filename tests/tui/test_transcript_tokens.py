"""Single tokens in the transcript: the cursor, how likely they were, and what else could have stood there."""

from __future__ import annotations

import pytest
from transcript_app import PROMPT, Driven, answer, drive, numbered

from ysnakes_core.completion.transcript_records import Token
from ysnakes_tui.complete.probability import LIMITS, band_of
from ysnakes_tui.complete.transcript_view import Block

pytestmark = pytest.mark.usefixtures("home")

# Probabilities.


@pytest.mark.parametrize("ascii", [False, True])
def test_the_token_cursor_is_seen_on_every_token(ascii: bool) -> None:
    texts = (
        "One",
        "",
        "",
        "é",
        "\n",
        "\n\n",
        "日",
        " ",
        "\t",
        "👩",
        "\u200d",
        "💻",
        "e",
        "\u0301",
        "x" * 300,
        "\n",
        "",
    )

    async def test(d: Driven) -> None:
        d.view.show([answer(*texts), PROMPT, answer("", key="b")])
        d.view.by_probability = True
        await d.press("home")
        count = len(texts) + 1
        told = []
        for _ in range(count):
            token = d.view.token
            assert token is not None
            assert [text for line in d.styles for text, style in line if style.reverse]
            told.append((d.host.told[-1].key, d.host.told[-1].index))
            await d.press("right")
        assert told == [*(("a", n) for n in range(len(texts))), ("b", 0)]
        for _ in range(count):
            d.view.action_token(-1)
        await d.pilot.pause()
        assert (d.host.told[-1].key, d.host.told[-1].index) == ("a", 0)
        d.view.by_probability = False
        await d.pilot.pause()
        assert d.host.told[-1].token is None
        assert d.view.token is None

    drive(test, ascii=ascii, size=(60, 24))


def test_up_and_down_go_from_line_to_line_and_then_scroll() -> None:
    async def test(d: Driven) -> None:
        long = Block("p", "prompt", "You", "\n".join(f"asked {n}" for n in range(30)))
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(8))), long])
        await d.press("home")
        d.view.by_probability = True
        await d.press("down", "down")
        assert d.view.token is not None
        assert d.view.token.text == "line 2\n"
        await d.press(*["down"] * 5)
        assert d.view.token.text == "line 7\n"
        await d.press(*["down"] * 12)  # past the answer, through the prompt
        assert "line 7" not in d.text
        assert "asked 20" in d.text
        await d.press("home")
        assert d.view.token.text == "line 0\n"

    drive(test)


def test_the_cursor_comes_along_and_the_view_goes_to_it() -> None:
    async def test(d: Driven) -> None:
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(200)), waiting=True)])
        d.view.by_probability = True
        await d.pilot.pause()
        assert d.view.token == numbered(200)[-1]
        await d.press("pageup")
        assert d.view.token is not None
        assert d.view.token.text.strip() in d.text
        await d.press("left")
        before, token = d.lines, d.view.token
        d.view.extend("a", numbered(30, 500))
        await d.until(lambda: "30 new" in d.lines[-1])
        assert (d.lines[:-1], d.view.token) == (before[:-1], token)

    drive(test)


def test_a_click_chooses_the_token_under_it() -> None:
    async def test(d: Driven) -> None:
        d.view.show([PROMPT, answer("One", " viper", " 日本", " slept", "\n", "long")])
        d.view.by_probability = True
        await d.pilot.pause()
        for text in ("viper", "slept", "One"):
            await d.pilot.click(offset=d.place_of(text))
            await d.pilot.pause()
            assert d.view.token is not None
            assert d.view.token.text.strip() == text
        await d.pilot.click(offset=d.place_of("Tell me"))
        await d.pilot.pause()
        assert d.view.selected == "p"

    drive(test)


def test_every_band_has_a_look_of_its_own_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    chances = (*(limit / 2 for limit in LIMITS), 0.99)
    assert [band_of(chance) for chance in chances] != [0] * 5

    async def test(d: Driven) -> None:
        chances = (0.01, 0.1, 0.3, 0.7, 0.99)
        words = tuple(Token(f"word{n} ", n, chance) for n, chance in enumerate(chances))
        d.view.show([Block("a", "answer", "one", tokens=(*words, Token("last", 9, float("nan"))))])
        d.view.by_probability = True
        await d.press("end")
        found = {}
        for text, style in d.styles[1]:
            assert style.color is None or style.color.is_default
            for n in range(5):
                if f"word{n}" in text:
                    found[n] = (bool(style.bold), bool(style.italic), bool(style.underline), bool(style.dim))
        assert len(found) == 5
        assert len(set(found.values())) == 5

    drive(test)


@pytest.mark.parametrize("theme", ["snake-dark", "snake-light", "textual-ansi"])
def test_every_band_has_a_look_of_its_own_in_every_theme(theme: str) -> None:
    async def test(d: Driven) -> None:
        if theme not in d.app.available_themes:
            d.app.theme = next(name for name, each in d.app.available_themes.items() if each.ansi)
        await d.pilot.pause()
        looks = [d.view.look.styles[f"band-{band}"] for band in range(5)]
        assert len({(str(look.color), look.bold, look.underline, look.dim) for look in looks}) == 5
        if theme.startswith("snake"):
            for look in looks:
                assert look.color is not None
                assert look.color != look.bgcolor
        legend = d.view.legend(60)
        assert "90%" in legend.plain
        assert "5%" in legend.plain
        assert d.view.legend(30).cell_len < legend.cell_len

    drive(test, theme=theme if theme.startswith("snake") else "snake-dark")


# Alternatives.


@pytest.mark.parametrize("ascii", [False, True])
def test_the_alternatives_of_a_token_are_shown(ascii: bool) -> None:
    others = ((" the", 0.5), ("\n", 0.25), ("[b]\x1b", 0.05))

    async def test(d: Driven) -> None:
        likely = Token(" the", 3, 0.5, others)
        rare = Token("\t日", 4, 0.004, others)
        d.view.show([Block("a", "answer", "one", tokens=(likely, rare, Token("", 5, 0.1)))])
        assert "No token is chosen" in d.text
        d.view.by_probability = True
        await d.press("home")
        shown = d.text
        assert ("> " if ascii else "▸ ") + ('" the"' if ascii else "␣the") in shown
        assert "50% likely" in shown
        assert ('"\\n"' if ascii else "⏎") in shown
        assert "[b]" in shown
        assert "25%" in shown
        bars = [line.count("#" if ascii else "█") for line in shown.split("\n")]
        assert max(bars) >= 1
        await d.press("right")
        assert "0.40%" in d.text
        assert ("\\t" if ascii else "⇥日") in d.text
        await d.press("right")
        assert "part of a character" in d.text
        assert "No alternatives were kept" in d.text
        if ascii:
            assert d.text.isascii()

    drive(test, ascii=ascii)
