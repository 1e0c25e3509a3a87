"""What was said in the app: copied, exported, listed, searched, renamed, deleted and brought back."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, drive
from textual.widgets import Input

from ysnakes_core.completion.transcript import Outcome, Token
from ysnakes_tui.complete.alternatives_panel import AlternativesPanel


@pytest.fixture(autouse=True)
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_run(home)
    monkeypatch.chdir(tmp_path)


def test_a_turn_and_the_whole_are_copied(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.said("two")
        await d.press("escape", "y")
        assert d.app.clipboard == d.answer.text
        await d.press("k", "y")
        assert d.app.clipboard == "two"
        await d.press("Y")
        assert d.app.clipboard == d.transcript.to_text()

    drive(test, home)


@pytest.mark.parametrize(("key", "suffix"), [("x", "md"), ("X", "txt"), ("X", "json")])
def test_what_was_said_is_exported_and_never_over_something(
    home: Path, tmp_path: Path, key: str, suffix: str
) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.said("two")
        await d.press("escape", key)
        await d.until(lambda: d.app.screen.query("#ask-path"))
        assert d.app.screen.query_one("#ask-path", Input).value == str(tmp_path / "one.md")
        await d.fill_in(path=str(tmp_path / "said.pdf"))
        await d.sees("the ending does not say how to write it")
        await d.fill_in(path=str(tmp_path / "nowhere" / "said.md"))
        await d.sees("there is no such folder")
        place = tmp_path / f"said.{suffix}"
        place.write_text("mine")
        await d.fill_in(path=str(place))
        await d.sees("there is already a file of that name")
        place.unlink()
        await d.fill_in(path=str(place))
        await d.notified("Exported", place.name)
        turn = d.path[-1][0].id if key == "x" else None
        wanted = {"md": d.transcript.to_markdown, "txt": d.transcript.to_text, "json": d.transcript.to_json}
        assert place.read_text(encoding="utf-8") == wanted[suffix](turn)
        if suffix == "json":
            assert [each["prompt"] for each in json.loads(place.read_text())["turns"]] == ["one", "two"]

    drive(test, home)


async def listed(d: TalkApp, *prompts: str) -> None:
    """A transcript for each prompt, and the list of them."""
    for prompt in prompts:
        await d.said(prompt)
        await d.press("escape", "n")
    await d.until(lambda: len(d.store.list()) == len(prompts))
    await d.press("f12")
    await d.until(lambda: len(d.pane.transcripts._found) == len(prompts))


def test_transcripts_are_listed_searched_and_opened(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await listed(d, "a snake", "a stone", "a cloud")
        assert d.place == "transcripts"
        assert [each.title for each in d.pane.transcripts._found] == ["a cloud", "a stone", "a snake"]
        await d.press("/")
        await d.write("SNAKE")
        await d.until(lambda: [each.title for each in d.pane.transcripts._found] == ["a snake"])
        await d.press("enter", "enter")
        await d.until(lambda: [turn.prompt for turn, _ in d.path] == ["a snake"])
        await d.sees("after 0, as auto: 7.1")
        assert d.place == "prompt"
        await d.said("another turn")
        await d.press("escape", "l")
        await d.press("/", "escape", "escape", "escape")
        assert d.place == "transcript"

    drive(test, home)


def test_what_was_searched_for_is_in_sight_when_its_transcript_is_opened(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        transcript = d.store.create()
        long = "".join(f"line {n}\n" for n in range(300))
        for prompt, text in (("one", long.replace("line 150", "a badger")), ("two", long), ("three", long)):
            turn = transcript.add_turn(prompt, "text")
            answer = transcript.add_answer(turn.id, run="quiet-cobra", checkpoint="c", step=1)
            transcript.write(answer.id, [Token(each, 5, 0.5) for each in text.splitlines(True)], "text")
            transcript.end(answer.id, Outcome("text", "end", 3, tokens=300))
        transcript.edit_turn(transcript.path()[1][0].id, "another branch")
        d.store.save(transcript)
        await d.press("f12")
        await d.until(lambda: d.pane.transcripts._found)
        for words, prompts in (("badger", ["one", "another branch"]), ("THREE", ["one", "two", "three"])):
            await d.press("/")
            d.pane.transcripts.query_one("#find", Input).value = words
            await d.until(partial(_has_found, d, words))
            await d.press("enter", "enter")
            await d.until(lambda: d.place == "prompt")
            await d.sees(" a badger " if words == "badger" else " three ")
            assert [turn.prompt for turn, _ in d.path] == prompts
            await d.press("f12")

    drive(test, home)


def _has_found(d: TalkApp, words: str) -> bool:
    """Whether the list is that of these words already."""
    found = d.pane.transcripts._found
    return bool(found) and found[0].found is not None and found[0].found.match.lower() == words.lower()


def test_nothing_found_is_said(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await listed(d, "a snake")
        await d.press("/")
        await d.write("zebra")
        await d.sees("Nothing that was said has these words.")
        await d.press("escape", "escape")
        await d.sees("a snake")

    drive(test, home)


def test_they_are_renamed_deleted_and_brought_back(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await listed(d, "a snake", "a stone")
        await d.press("e")
        await d.fill_in(title="The best one")
        await d.sees("The best one")
        await d.until(lambda: [each.title for each in d.store.list()] == ["The best one", "a snake"])
        await d.press("d")
        await d.until(lambda: [each.title for each in d.store.list()] == ["a snake"])
        await d.notified("u brings it back")
        await d.press("u")
        await d.until(lambda: len(d.store.list()) == 2)
        await d.sees("The best one")

    drive(test, home)


def test_the_open_one_is_renamed_and_deleted_too(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("a snake")
        await d.until(lambda: d.store.list())
        await d.press("escape", "l")
        await d.until(lambda: d.pane.transcripts._found)
        await d.press("e")
        await d.fill_in(title="Mine")
        await d.until(lambda: [each.title for each in d.store.list()] == ["Mine"])
        assert d.transcript.title == "Mine"
        await d.press("d")
        await d.until(lambda: not d.store.list())
        assert d.transcript.is_empty
        await d.press("u")
        await d.until(lambda: [each.title for each in d.store.list()] == ["Mine"])

    drive(test, home)


def test_how_likely_each_token_was_and_what_else_could_have_stood_there(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("escape", "p")
        assert d.talk.view.by_probability
        await d.press("a")
        await d.until(lambda: d.talk.query(AlternativesPanel))
        await d.press("left")
        panel = d.talk.query_one(AlternativesPanel)
        await d.until(lambda: panel.token is d.answer.tokens[-2] or panel.token == d.answer.tokens[-2])
        await d.sees("7.10", "other", "5.0%")
        await d.press("escape")
        await d.until(lambda: not d.talk.query(AlternativesPanel))
        await d.press("escape")
        assert not d.talk.view.by_probability

    drive(test, home)


def test_answers_are_drawn_as_markdown_or_as_they_are(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("escape", "M")
        assert d.talk.view.markdown
        await d.notified("as Markdown")
        await d.press("M")
        assert not d.talk.view.markdown

    drive(test, home)


def test_a_damaged_transcript_is_one_sentence(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await listed(d, "a snake")
        (file,) = (home / "transcripts").glob("*.jsonl")
        file.write_text('{"type":"transcript","format":99}\n')
        await d.press("enter")
        await d.notified("has format 99; this version reads")
        assert d.transcript.is_empty

    drive(test, home)


def test_the_alternatives_leave_room_for_what_they_are_of(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("escape", "a")
        await d.until(lambda: d.talk.has_alternatives)
        await d.until(lambda: d.talk.query_one(AlternativesPanel).size.height == 5)
        await d.sees("▌ after 0, as auto: 7.1", "▸ ␣7.11")

    drive(test, home, size=(60, 15))


def test_what_is_found_while_the_app_closes_does_no_harm(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await listed(d, "a snake")
        view = d.pane.transcripts
        await d.press("escape")
        await view.remove_children()  # as closing does, before the view itself goes
        heard: list[object] = []
        view.look()
        d.talk.keeper.list("", lambda found: heard.extend(found))
        await d.until(lambda: heard)

    drive(test, home)
