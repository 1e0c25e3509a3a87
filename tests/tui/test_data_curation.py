"""Curation in the Data pane: one record at a time, single keys, what the rules marked, and a way back."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest
from data_app import DataApp, drive
from fake_ollama import FakeOllama, Faults
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static
from written_library import NOTE, a_record, decisions, flagged, read, write

from ysnakes_core.files import printable
from ysnakes_core.synthesis.builtin import generate
from ysnakes_core.synthesis.library import open_library
from ysnakes_core.synthesis.library_records import RecordFilter
from ysnakes_tui.actions import actions_of
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.data.curation_flags import PIECE, findings, pieces, told
from ysnakes_tui.data.curation_queue import Queue, Waiting
from ysnakes_tui.data.curation_view import CurationView


async def curating(d: DataApp) -> CurationView:
    """Go to the curation, until its first record is there."""
    await d.press("c")
    await d.until(lambda: d.pane.query(CurationView))
    view = d.pane.query_one(CurationView)
    await d.until(lambda: view.record is not None and view.record.id == view.queue.current)
    return view


async def at(d: DataApp, view: CurationView, record: int) -> None:
    await d.until(lambda: view.record is not None and view.record.id == record == view.queue.current)


# Going through them.


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_flagged_records_come_first_and_decided_ones_not_at_all(home: Path, size: tuple[int, int]) -> None:
    ids = write(home, [a_record(0), a_record(1, decision="accepted"), flagged(2), a_record(3), flagged(4)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.sees("4 left", "2 with flags", "Tell me of snake 2.", "Added note (to be taken out)")
        for record in (ids[2], ids[4], ids[0], ids[3]):
            await at(d, view, record)
            await d.press("a")
        await d.sees("Nothing is left to decide about", "0 left", "4 decided")
        await d.until(lambda: decisions(home, ids) == "aaaaa")

    drive(test, home, size=size)


def test_single_keys_accept_reject_and_skip(home: Path) -> None:
    ids = write(home, [a_record(number) for number in range(4)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.press("a", "x", "s")
        await at(d, view, ids[3])
        await d.sees("2 left", "1 skipped", "2 decided")
        await d.press("a")
        await at(d, view, ids[2])  # what was skipped comes last
        await d.press("x")
        await d.until(lambda: decisions(home, ids) == "axxa")

    drive(test, home)


def test_keys_pressed_faster_than_records_are_read_each_count(home: Path) -> None:
    ids = write(home, [a_record(number) for number in range(40)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.pilot.press(*["a", "x"] * 10)
        await at(d, view, ids[20])
        await d.until(lambda: decisions(home, ids) == "ax" * 10 + "p" * 20)

    drive(test, home)


def test_undo_goes_back_without_limit_over_decisions_and_skips(home: Path) -> None:
    ids = write(home, [a_record(number) for number in range(8)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.press(*"axsaxsa")
        await d.until(lambda: decisions(home, ids) == "axpaxpap")
        await at(d, view, ids[7])
        for place in (6, 5, 4, 3, 2, 1, 0):
            await d.press("u")
            await at(d, view, ids[place])
        await d.until(lambda: decisions(home, ids) == "pppppppp")
        await d.sees("8 left")
        assert "decided" not in d.text("#left")
        await d.press("u")
        await d.notified("nothing to take back")
        assert view.record is not None
        await d.press("a")
        await at(d, view, ids[1])  # and on again, in the old order

    drive(test, home)


def test_undo_also_takes_back_what_was_decided_before_the_app_was_opened(home: Path) -> None:
    ids = write(home, [a_record(0), a_record(1)])

    async def first(d: DataApp) -> None:
        await curating(d)
        await d.press("a", "x")
        await d.until(lambda: decisions(home, ids) == "ax")

    async def again(d: DataApp) -> None:
        await d.press("c")
        await d.sees("Nothing is left", "u  take back the last decision")
        await d.press("u")
        await d.sees("Tell me of snake 1.")
        await d.press("u")
        await d.until(lambda: decisions(home, ids) == "pp")

    drive(first, home)
    drive(again, home)


def test_what_is_left_is_what_is_asked_for(home: Path) -> None:
    ids = write(home, [a_record(0), a_record(1, kind="blog"), a_record(2, kind="blog", decision="rejected")])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        view.curate(RecordFilter(kinds=("blog",)))
        await at(d, view, ids[1])
        await d.sees("1 left")
        view.curate(RecordFilter(decisions=("rejected",)))
        await at(d, view, ids[2])
        await d.press("a")
        await d.until(lambda: decisions(home, ids) == "ppa")

    drive(test, home)


def test_a_record_that_another_process_decided_about_is_passed_over(home: Path) -> None:
    ids = write(home, [a_record(number) for number in range(6)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        with open_library(home / "data") as other:
            other.decide(ids[3:5], "rejected")
        await d.press("a", "a", "a")
        await at(d, view, ids[5])
        await d.until(lambda: decisions(home, ids) == "aaaxxp")

    drive(test, home)


def test_new_records_come_in_while_one_is_looked_at(home: Path) -> None:
    [first] = write(home, [a_record(0)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        write(home, [flagged(1), a_record(2)])
        view.library_changed()
        await d.sees("3 left")
        await at(d, view, first)

    drive(test, home)


def test_without_a_record_it_says_what_to_do(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.press("c")
        await d.sees("There is no record yet", "n  have more text written")

    drive(test, home)


# Editing.


def test_an_edit_is_kept_with_ctrl_s_and_the_next_record_comes(home: Path) -> None:
    ids = write(home, [flagged(0), a_record(1)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.press("e")
        await d.until(lambda: view.panel.editor is not None and view.panel.editor.has_focus)
        await d.press("end", *["backspace"] * (len(NOTE) + 1))
        await d.press("ctrl+s")
        await at(d, view, ids[1])
        await d.until(lambda: decisions(home, ids) == "ep")
        assert read(home, ids[0]).answer == "Snake 0 slept."
        await d.press("u")
        await at(d, view, ids[0])
        await d.sees(NOTE)

    drive(test, home)


def test_escape_leaves_an_edit_and_letters_decide_nothing_meanwhile(home: Path) -> None:
    ids = write(home, [a_record(0), a_record(1)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.press("e")
        await d.until(lambda: view.panel.editor is not None and view.panel.editor.has_focus)
        await d.press(*"axsuR")
        await d.press("escape")
        assert view.panel.editor is None
        assert d.pane.context == "curation"
        await at(d, view, ids[0])
        assert decisions(home, ids) == "pp"
        await d.press("a")
        await d.until(lambda: decisions(home, ids) == "ap")

    drive(test, home)


def test_what_is_marked_is_taken_out_with_one_key(home: Path) -> None:
    ids = write(home, [flagged(0), a_record(1)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.press("m")
        await d.until(lambda: view.record is not None and view.record.answer == "Snake 0 slept.")
        await d.sees("text changed", "pending")
        await d.press("u")
        await d.until(lambda: view.record is not None and NOTE in view.record.answer)
        await d.press("m", "a")
        await at(d, view, ids[1])
        await d.until(lambda: decisions(home, ids) == "ap")
        assert read(home, ids[0]).answer == "Snake 0 slept."
        assert view.check_action("clean", ()) is None  # nothing is marked in this one

    drive(test, home)


# Written anew.


def test_an_answer_is_written_anew_while_the_old_one_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [identity] = write(home, [a_record(0, model="llama3.1", seed=7, decision="pending")])
    old = read(home, identity)
    with FakeOllama(seconds=0.6) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.address)

        async def test(d: DataApp) -> None:
            view = await curating(d)
            await d.press("R")
            await d.sees("being written anew", "esc stops it")
            assert read(home, identity) == old
            await d.sees("Snake 0 slept")
            await d.until(lambda: read(home, identity).answer != old.answer)
            record = read(home, identity)
            assert record.answer == server.text(record.prompt, record.seed or 0)
            assert (record.decision, record.model) == ("pending", "llama3.1")
            assert server.asked[-1]["options"]["seed"] == record.seed != 7
            await d.until(lambda: view.record == record and view.note_of(record) == "")
            await d.press("u")
            await d.until(lambda: read(home, identity).answer == old.answer)
            await d.sees("Snake 0 slept")

        drive(test, home)


def test_escape_stops_writing_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [identity] = write(home, [a_record(0)])
    with FakeOllama(faults=Faults(script=lambda prompt, number: "hang")) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.address)

        async def test(d: DataApp) -> None:
            view = await curating(d)
            await d.press("R")
            await d.until(lambda: server.asked)
            await d.sees("being written anew")
            await d.press("escape")
            await d.until(lambda: "being written anew" not in d.screen)
            assert d.pane.context == "curation"
            await d.until(lambda: not [t for t in threading.enumerate() if t.name == f"record {identity}"])
            await at(d, view, identity)

        drive(test, home)


@pytest.mark.parametrize("models", [["llama3.1:latest"], []])
def test_what_keeps_a_teacher_from_answering_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, models: list[str]
) -> None:
    [identity] = write(home, [a_record(0)])
    with FakeOllama(models=models, faults=Faults(script=lambda prompt, number: 500)) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.address)

        async def test(d: DataApp) -> None:
            await curating(d)
            await d.press("R")
            await d.notified("an injected failure" if models else "ollama pull llama3.1")
            assert read(home, identity).answer.startswith("Snake 0 slept")
            await d.until(lambda: "being written anew" not in d.screen)

        drive(test, home)


def test_the_built_in_teacher_writes_another_or_says_that_it_knows_none(home: Path) -> None:
    made = {kind: next(generate(kind, 1, 0)) for kind in ("poem", "story")}
    poem, story = write(
        home,
        [
            a_record(kind=kind, teacher="builtin", request=said[0], answer=said[1], seed=0, request_index=0)
            for kind, said in made.items()
        ],
    )

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.press("R")
        await d.until(lambda: read(home, poem).answer != made["poem"][1])
        assert read(home, poem).request == made["poem"][0]
        await d.press("s")
        await at(d, view, story)
        await d.press("R")
        await d.notified("knows no other answer")
        assert read(home, story).answer == made["story"][1]

    drive(test, home)


# What is marked.


def test_marked_places_stand_out_without_colour(home: Path) -> None:
    write(home, [flagged(0)])

    async def test(d: DataApp) -> None:
        view = await curating(d)
        await d.sees(NOTE)
        strips = d.app.screen._compositor.render_strips()
        marked = [s.text for strip in strips for s in strip if s.style and s.style.underline and s.style.bold]
        assert NOTE in marked
        assert view.panel.query_one("#findings", Static).display

    drive(test, home)


TEXTS = st.text(st.sampled_from("ab \n\t\x1b\u202e日é[]"), max_size=60)


@given(
    answer=TEXTS,
    spans=st.lists(
        st.tuples(st.integers(-5, 70), st.integers(-5, 70), st.sampled_from(["flag", "strip", "reject"])),
        max_size=6,
    ),
)
def test_exactly_the_marked_characters_are_marked(answer: str, spans: list[tuple[int, int, str]]) -> None:
    checks = [{"rule": "r", "start": a, "end": b, "action": action, "why": ""} for a, b, action in spans]
    found = findings(checks, answer)
    (text,) = pieces(answer, found)
    assert text.plain == printable(answer, keep_lines=True)
    wanted = [
        bool([each for each in found if each.start <= place < each.end])
        for place, character in enumerate(answer)
        for _ in printable(character, keep_lines=True)
    ]
    marked = [any(span.start <= place < span.end for span in text.spans) for place in range(len(text.plain))]
    assert marked == wanted


def test_what_means_the_whole_of_a_long_answer_is_said_not_marked() -> None:
    answer = "Many words. " * 40
    checks = [
        {"rule": "long", "start": 0, "end": len(answer.strip()), "action": "reject", "why": "Too long"},
        {"rule": "part", "start": 0, "end": 4, "action": "flag", "why": ""},
    ]
    found = findings(checks, answer)
    (text,) = pieces(answer, found)
    assert [(span.start, span.end) for span in text.spans] == [(0, 4)]
    lines = told(found, answer).plain.splitlines()
    assert any("long (to be rejected) the whole answer Too long" in line for line in lines)
    assert any("part (flagged) “Many”" in line for line in lines)


@given(st.integers(0, 3), st.data())
def test_a_long_text_comes_in_pieces_that_are_the_whole(length: int, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(["a", "bb", "\n", "\n\n", "ccc ddd"]), min_size=1, max_size=8))
    answer = " ".join(words * (1 + length * PIECE // 8))
    made = pieces(answer, [])
    assert all(len(each.plain) <= PIECE for each in made)
    joined = "\n".join(each.plain for each in made)
    assert joined.replace("\n", "").replace(" ", "") == answer.replace("\n", "").replace(" ", "")


def test_text_can_be_selected_and_copied(home: Path) -> None:
    write(home, [a_record(0, answer="Once [b]upon[/b] a time\nthere was a snake.")])

    async def test(d: DataApp) -> None:
        await curating(d)
        await d.sees("there was a snake")
        lines = d.screen.splitlines()
        start = next((line.index("upon"), y) for y, line in enumerate(lines) if "upon" in line)
        end = next((line.index("a snake"), y) for y, line in enumerate(lines) if "a snake" in line)
        assert d.app._driver is not None
        sent: list[str] = []
        d.app._driver.write = sent.append  # type: ignore[method-assign,assignment]
        await d.pilot.mouse_down(offset=start)
        await d.pilot.hover(offset=(end[0] + 6, end[1]))
        await d.pilot.mouse_up(offset=(end[0] + 6, end[1]))
        await d.press("ctrl+c")
        assert d.app.clipboard == "upon[/b] a time\nthere was a snake"
        coded = base64.b64encode(d.app.clipboard.encode()).decode()
        assert f"\x1b]52;c;{coded}\a" in "".join(sent)

    drive(test, home)


# The queue.


@given(st.lists(st.sampled_from(["done", "skip", "load", "back"]), max_size=40), st.data())
def test_the_queue_loses_no_record_and_has_none_twice(steps: list[str], data: st.DataObject) -> None:
    waiting = dict.fromkeys(range(12))
    marked = frozenset(range(0, 12, 3))
    queue, done = Queue(), []

    def load() -> None:
        order = sorted(waiting, key=lambda each: (each not in marked, each))
        queue.load(Waiting(order, marked & waiting.keys(), 1))

    load()
    for step in steps:
        current = queue.current
        if step == "load":
            load()
            assert queue.current == current or current is None
        elif step == "skip":
            queue.skip()
        elif step == "done" and current is not None:
            queue.done()
            del waiting[current]
            done.append(current)
        elif step == "back" and done:
            record = done.pop()
            waiting[record] = None
            queue.put_back(record, flagged=record in marked)
            assert queue.current == record
        left = ([queue.current] if queue.current is not None else []) + queue.ahead(100)
        assert sorted(left) == sorted(waiting)
        assert queue.flagged == len(marked & waiting.keys())


def test_ascii_has_only_ascii(home: Path) -> None:
    write(home, [flagged(0)])

    async def test(d: DataApp) -> None:
        await curating(d)
        await d.sees("Added note (to be taken out)")
        assert d.screen.isascii()

    drive(test, home, ascii=True)


@pytest.mark.parametrize("theme", ["snake-light", "ansi-dark", "ansi-light", "textual-dark"])
def test_every_view_is_drawn_in_every_kind_of_theme(home: Path, theme: str) -> None:
    reject = {"rule": "refusal", "start": 0, "end": 5, "action": "reject", "why": "Refusal: it is one"}
    write(home, [flagged(0), a_record(1, checks=[reject])])

    async def test(d: DataApp) -> None:
        await d.sees("Tell me of snake 0.", "k kind")
        await curating(d)
        await d.press("s")
        await d.sees("Refusal (to be rejected)")
        await d.press("v")
        await d.sees("In all")
        await d.until(lambda: "note" in d.text("#rules"))

    drive(test, home, memory=AppMemory(pane="data", theme=theme))


def test_every_key_of_the_context_has_its_method() -> None:
    for context in ("curation", "records"):
        for action in actions_of(context):
            assert hasattr(CurationView, f"action_{action.id}"), action.id
