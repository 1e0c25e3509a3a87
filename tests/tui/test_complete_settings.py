"""How it writes: the drawer, what is wrong in a field, presets, and that it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, drive
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.presets import PRESETS
from ysnakes_tui.complete.settings import NAMES, OWN, TEXTS, TalkSettings, read_texts, texts_of
from ysnakes_tui.complete.settings_drawer import SettingsDrawer

OPTIONS = st.builds(
    SamplingOptions,
    max_tokens=st.integers(1, 10**6),
    temperature=st.integers(0, 400).map(lambda n: n / 100),
    top_k=st.integers(0, 500),
    top_p=st.integers(1, 100).map(lambda n: n / 100),
    min_p=st.integers(0, 100).map(lambda n: n / 100),
    repetition_penalty=st.integers(1, 200).map(lambda n: n / 100),
    seed=st.none() | st.integers(0, 2**63 - 1),
    stop=st.lists(st.text(min_size=1, max_size=8), max_size=3).map(tuple),
)
SETTINGS = st.builds(
    TalkSettings,
    OPTIONS,
    st.sampled_from(("auto", "request", "text")),
    st.sampled_from(("auto", "carry", "fresh")),
    st.sampled_from(("float32", "bfloat16", "int8")),
    st.integers(2, 8),
)


@given(SETTINGS)
def test_what_the_fields_say_is_what_they_were_given(settings: TalkSettings) -> None:
    texts = texts_of(settings)
    read, errors = read_texts(TalkSettings(), {name: texts[name] for name in TEXTS})
    assert errors == {}
    assert (read.options, read.variants) == (settings.options, settings.variants)


@given(SETTINGS)
def test_settings_are_kept_whole(settings: TalkSettings) -> None:
    assert TalkSettings.from_text(settings.to_text()) == settings


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "3", '{"options": {}, "reading": "x"}', "[" * 5000, TalkSettings().to_text()[:-9]],
)
def test_what_is_no_settings_is_the_usual_ones(text: str) -> None:
    assert TalkSettings.from_text(text) == TalkSettings()


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("temperature", "-1", "Give a number from 0 to 100 (0 means greedy)."),
        ("temperature", "warm", "Give a number."),
        ("temperature", "nan", "Give a number."),
        ("top_k", "1.5", "Give a whole number."),
        ("top_p", "0", "Give a number above 0 and up to 1 (1 means off)."),
        ("min_p", "2", "Give a number from 0 to 1 (0 means off)."),
        ("repetition_penalty", "", "Give a number."),
        ("max_tokens", "0", "Give a whole number, 1 or more."),
        ("seed", "-3", "Give a whole number, from 0 to 9223372036854775807."),
        ("variants", "1", "Give a whole number from 2 to 8."),
    ],
)
def test_what_is_wrong_is_said_in_its_field_and_the_rest_holds(
    home: Path, field: str, text: str, told: str
) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.press("f9")
        drawer = d.talk.query_one(SettingsDrawer)
        drawer.query_one(f"#set-{field}", Input).value = text
        other = "seed" if field != "seed" else "max_tokens"
        drawer.query_one(f"#set-{other}", Input).value = "42"
        await d.until(lambda: getattr(d.talk.settings.options, other) == 42)
        shown = str(drawer.query_one(f"#wrong-set-{field}").render())
        assert told in " ".join(shown.split())
        assert drawer.query_one(f"#row-set-{field}").has_class("-bad")
        usual = TalkSettings()
        assert texts_of(d.talk.settings)[field] == texts_of(usual)[field]

    drive(test, home)


def test_what_is_typed_in_a_field_that_was_entered_takes_the_place_of_what_is_there(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.press("f9")
        assert d.talk.drawer is not None
        names = list(NAMES)
        await d.press(*["tab"] * names.index("max_tokens"))
        await d.write("5000")
        await d.until(lambda: d.talk.settings.options.max_tokens == 5000)
        await d.press("shift+tab", "tab", "right")  # to change it, one goes into it
        await d.write("1")
        await d.until(lambda: d.talk.settings.options.max_tokens == 50001)

    drive(test, home)


def test_a_preset_is_chosen_and_holds_for_the_next_answer_and_start(home: Path) -> None:
    a_run(home)

    async def first(d: TalkApp) -> None:
        await d.press("f9")
        assert d.place == "settings"
        await d.press("right")
        assert d.talk.settings.preset == PRESETS[1].name
        await d.sees(PRESETS[1].purpose[1:30], PRESETS[1].name)
        d.talk.query_one("#set-max_tokens", Input).value = "5"
        await d.press("f9")
        assert d.place == "prompt"
        answer = await d.said("one")
        assert answer.options.temperature == PRESETS[1].options.temperature
        assert len(answer.tokens) == 5

    async def second(d: TalkApp) -> None:
        assert d.talk.settings.preset == PRESETS[1].name
        assert d.talk.settings.options.max_tokens == 5
        await d.press("f9")
        d.talk.query_one("#set-temperature", Input).value = "0.77"
        await d.until(lambda: d.talk.settings.preset == OWN)
        await d.press("f5")
        assert d.talk.settings == TalkSettings()
        assert d.talk.query_one("#set-temperature", Input).value == "0.6"

    drive(first, home)
    drive(second, home)


def test_reading_and_context_are_what_was_chosen(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("f9")
        drawer = d.talk.query_one(SettingsDrawer)
        drawer.query_one("#set-reading").focus()
        await d.press("right", "right")
        drawer.query_one("#set-context").focus()
        await d.press("left")
        drawer.query_one("#set-precision").focus()
        await d.press("left")
        await d.press("escape")
        assert d.transcript.context == "fresh"
        answer = await d.said("two")
        assert answer.text.startswith("after 0, as text:")
        assert answer.precision == "int8"
        await d.sees("int8", "reads a text")

    drive(test, home, size=(120, 40))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_drawer_lies_over_the_transcript_or_beside_it(home: Path, size: tuple[int, int]) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        wide = d.talk.view.size.width
        await d.press("escape", "s")
        await d.until(lambda: d.talk.drawer is not None and d.talk.drawer.region.right == size[0])
        assert d.talk.view.size.width == (wide if size[0] < 110 else wide - 40)
        await d.sees("How it writes", "temperature", "weights in")
        await d.press("escape")
        await d.until(lambda: d.talk.drawer is None and d.talk.view.size.width == wide)

    drive(test, home, size=size)
