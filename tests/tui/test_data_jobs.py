"""Jobs in the Data pane: the form and what it finds out, a job as it is written, its end, and going on."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from data_app import DataApp, drive
from fake_ollama import FakeOllama, Faults

from ysnakes_core.files import try_lock
from ysnakes_core.synthesis.job import lock_path
from ysnakes_core.synthesis.job_answers import JobManners
from ysnakes_core.synthesis.job_opening import new_settings
from ysnakes_core.synthesis.library import open_library
from ysnakes_core.synthesis.teachers import Backoff
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.data import job_server_panel
from ysnakes_tui.data.job_form_check import JobFormValues, check, count_of
from ysnakes_tui.data.job_hints import command_in, in_the_app

pytestmark = pytest.mark.usefixtures("home")
ONE_TRY = JobManners(attempts=1, backoff=Backoff(0.01, 0.01), rng=random.Random(1))


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_server_panel, "DEBOUNCE_SECONDS", 0.01)
    monkeypatch.setattr(job_server_panel, "LOOK_AGAIN_SECONDS", 0.05)


class Gated(FakeOllama):
    """Begins no more than ``allowed`` answers."""

    allowed = 0
    _begun = 0

    async def _write(self, writer: asyncio.StreamWriter, chat: bool, body: dict[str, Any]) -> bool:
        self._begun += 1
        number = self._begun
        while number > self.allowed:
            await asyncio.sleep(0.002)
        return await super()._write(writer, chat, body)


@contextlib.contextmanager
def gated(allowed: int) -> Iterator[Gated]:
    server = Gated()
    server.allowed = allowed
    with server:
        yield server


EVERYTHING = 10**9


class Says(FakeOllama):
    """Answers always the same."""

    says = ""

    def text(self, prompt: str, seed: int = 0) -> str:
        return self.says


def saying(text: str, **more: float) -> Says:
    server = Says(**more)  # type: ignore[arg-type]
    server.says = text
    return server


def asked(server: FakeOllama) -> list[str]:
    return [body["messages"][-1]["content"] for body in server.asked]


# The form.


def test_a_server_that_is_missing_is_told_with_what_starts_it_and_found_when_it_comes(home: Path) -> None:
    with FakeOllama() as gone:
        port = gone.port

    async def test(d: DataApp) -> None:
        await d.open_form(hosts=f"127.0.0.1:{port}", blog="1")
        await d.sees("No Ollama answers at", "ollama serve", "F7 copies the command line")
        assert "--" not in d.text("#server"), "an option of the command line is of no use here"
        await d.press("f5")
        await d.sees("Ollama is not ready")
        assert not d.pane.is_writing
        await d.press("f7")
        assert d.app.clipboard == "ollama serve"
        with FakeOllama(port=port):
            await d.sees("llama3.1 is there", "Ollama 0.12.0")
        assert d.form.check_action("copy_server_command", ()) is False

    drive(test, home)


@pytest.mark.parametrize("key", ["P", "f6"])
def test_a_model_that_is_missing_can_be_had(home: Path, key: str) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama() as server:
            await d.open_form(hosts=server.address, model="tiny", blog="1")
            await d.sees("“tiny” is not on the Ollama", "F6 gets it here", "There are: llama3.1.")
            assert "--pull" not in d.screen
            await d.press("y")
            assert d.app.clipboard == f"OLLAMA_HOST={server.address} ollama pull tiny"
            await d.press(key)
            await d.sees("tiny is there")
            assert server.models == ["llama3.1:latest", "tiny:latest"]
            await d.press(key)
            assert not d.form.server.is_pulling

    drive(test, home)


def test_a_model_that_does_not_exist_is_told(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama() as server:
            await d.open_form(hosts=server.address, model="nosuch", blog="1")
            await d.sees("F6 gets it here")
            await d.press("f6")
            await d.notified("The model was not fetched", "file does not exist")

    drive(test, home)


def test_what_is_being_fetched_is_shown_and_esc_ends_it(home: Path) -> None:
    class Slow(FakeOllama):
        async def _pull(self, writer: object, name: str) -> None:
            from fake_ollama import _begin_stream, _chunk

            _begin_stream(writer)  # type: ignore[arg-type]
            _chunk(writer, {"status": "pulling abc", "total": 4_000_000_000, "completed": 10**9})  # type: ignore[arg-type]
            await self._ending.wait()

    async def test(d: DataApp) -> None:
        with Slow() as server:
            await d.open_form(hosts=server.address, model="tiny", blog="1")
            await d.sees("F6 gets it here")
            await d.press("f6")
            await d.sees("Ollama gets tiny.", "1.0 GB of 4.0 GB")
            await d.press("f5")
            await d.sees("The model is being fetched")
            await d.press("escape")
            await d.until(lambda: not d.form.server.is_pulling)
            await d.sees("F6 gets it here")
            assert d.pane.context == "job_form", "the second esc leaves the form"
            await d.press("escape")
            assert d.pane.context == "library"

    drive(test, home)


def test_a_start_waits_for_the_servers_answer(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama() as server:
            await d.open_form(hosts=server.address, blog="2")
            d.form.server.ask(d.form.values, "", soon=True)
            d.form.action_start_job()
            assert d.form.server.found is None
            await d.ends()
        assert len(d.records()) == 2

    drive(test, home)


def test_a_bad_field_is_told_and_gets_the_focus(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama() as server:
            for field, text, told in (
                ("blog", "many", "Give a number of records up to 10,000,000, like 500 or 5k."),
                ("blog", "11000k", "Give a number of records up to 10,000,000"),
                ("blog", "0", "Give a number of records for one kind at least."),
                ("concurrency", "x[b]", "Give a number from 1 to 256."),
                ("seed", "-1", "Give a number from 0 to"),
            ):
                usual = {"hosts": server.address, "blog": "1", "concurrency": "", "seed": ""}
                await d.open_form(**{**usual, field: text})
                await d.sees("llama3.1 is there")
                await d.press("f5")
                await d.sees(told)
                focused = d.app.focused
                assert focused is not None
                assert field in (focused.id, getattr(focused, "kind", ""))
                assert not d.pane.is_writing
                await d.press("escape")
        assert not d.folder.exists(), "nothing was made"

    drive(test, home)


def test_a_host_that_is_none_is_told(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.open_form(hosts="what is this", blog="1")
        await d.until(lambda: "is no address of an Ollama server" in d.text("#server"))
        assert "Write HOST:PORT" in d.text("#server")

    drive(test, home)


def test_the_values_of_a_form() -> None:
    assert [count_of(text) for text in ("", " 7 ", "1,000", "2_000", "5k", "0")] == [
        0,
        7,
        1000,
        2000,
        5000,
        0,
    ]
    assert [count_of(text) for text in ("k", "-1", "1.5", "99999999999999", "10000001", "\x1b")] == [None] * 6
    found = check(JobFormValues(hosts="a:1, b:2 ,", counts={"wiki": "1k", "blog": ""}, seed="7"))
    assert found.settings is not None
    assert (found.settings.hosts, found.settings.wanted) == (("a:1", "b:2"), 1000)
    assert (found.settings.seed, found.settings.model) == (7, "llama3.1")
    assert check(JobFormValues(hosts=",".join(f"h{i}" for i in range(65)), counts={"wiki": "1"})).errors


def test_one_number_for_all_kinds_and_the_kinds_of_each_teacher(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.open_form()
        await d.sees("600 records of 6 kinds", "slice-of-life")
        await d.press("right")
        await d.sees("always there", "2,000 records of 10 kinds", "diary")
        assert "slice-of-life" not in d.screen
        await d.press("down", "down", "down", "3")
        await d.sees("30 records of 10 kinds")
        await d.press("up", "up", "up", "left")
        await d.sees("600 records of 6 kinds", "slice-of-life")

    drive(test, home)


def test_the_same_teacher_is_there_again_next_time(home: Path) -> None:
    with FakeOllama() as server:

        async def test(d: DataApp) -> None:
            await d.start(hosts=server.address, blog="1")
            await d.ends()

        async def again(d: DataApp) -> None:
            await d.press("n")
            await d.sees(server.address, "llama3.1 is there")

        drive(test, home)
        drive(again, home)


def test_hints_lose_what_only_a_command_line_has() -> None:
    hint = "get it with: ollama pull tiny (or give --pull)"
    assert in_the_app(hint) == "get it with: ollama pull tiny"
    assert command_in(hint) == "ollama pull tiny"
    assert command_in("start it with: ollama serve (from x), or name another") == "ollama serve"
    assert command_in("check its name") == ""


# A job.


def test_a_job_is_written_and_seen_at_it(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama(seconds=0.05) as server:
            await d.start(hosts=server.address, blog="3", wiki="4", seed="5", concurrency="2")
            assert d.pane.context == "job"
            await d.sees("job-1", "llama3.1", "2 at a time", "seed 5")
            await d.ends()
            assert server.most_busy == 2
            assert len(set(asked(server))) == 7
        await d.sees("✓ finished", "7 of 7 records, 100 %", "3 of 3", "4 of 4")
        await d.until(lambda: "blog 3, wiki 4. All of it is in the library." in d.text("#job-about"))
        await d.notified("job-1 is finished", "7 records are in the library")
        records = d.records()
        assert sorted(record.kind for record in records) == ["blog"] * 3 + ["wiki"] * 4
        assert {record.model for record in records} == {"llama3.1"}
        assert records[-1].answer[:20] in d.screen, "the latest one can be read"

    drive(test, home)


def test_the_record_that_is_being_written_streams_and_w_shows_another(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama(seconds=60.0, pieces=200) as server:  # it is ended long before
            await d.start(hosts=server.address, blog="2", concurrency="2")
            await d.until(lambda: len(server.asked) == 2)
            requests = asked(server)
            answers = [
                server.text(text, body["options"]["seed"])
                for text, body in zip(requests, server.asked, strict=True)
            ]
            await d.until(lambda: any(f"\n {answer[:4]}" in d.screen for answer in answers))
            shown, other = sorted(("(1 of 2)", "(2 of 2)"), key=lambda which: which not in d.screen)
            await d.press("w")
            await d.sees(f"being written: blog {other}")
            await d.press("w")
            await d.sees(f"being written: blog {shown}")
            await d.press("x")
            await d.ends()
        await d.notified("job-1 was ended", "nothing was written, so it is forgotten")
        await d.sees("not finished: blog", "job-1  forgotten, for nothing of it was written")
        await d.press("l", "j")
        assert "job-1" not in d.text("#job-about")

    drive(test, home)


def test_of_a_server_that_answers_one_after_the_other_that_one_is_seen(home: Path) -> None:
    async def test(d: DataApp) -> None:
        waiting = Faults(script=lambda prompt, number: "silent" if number == 1 else None)
        with FakeOllama(seconds=60.0, pieces=200, faults=waiting) as server:
            await d.start(hosts=server.address, blog="2", concurrency="2")
            await d.until(lambda: len(server.asked) == 2)
            body = server.asked[1]
            answer = server.text(asked(server)[1], body["options"]["seed"])
            await d.until(lambda: f"\n {answer[:4]}" in d.screen)
            await d.press("w")  # the other one, as it was asked for
            await d.until(lambda: f"\n {answer[:4]}" not in d.screen)
            await d.press("x")
            await d.ends()

    drive(test, home)


def test_pausing_begins_no_more_and_going_on_does(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with gated(4) as server:
            await d.start(hosts=server.address, sentences="30", concurrency="2")
            await d.until(lambda: len(d.records()) == 4)
            await d.sees("4 of 30", "(1 of 2)", "space Pause", "x End")
            assert d.app.can_perform("resume_job") is False
            await d.press("space")
            await d.sees("pausing")
            server.allowed = EVERYTHING
            await d.sees("‖ paused", "Go on")
            assert d.pane.status().state == "paused"
            assert len(d.records()) == len(server.asked) == 6, "those that were begun are finished"
            await d.press("space")
            await d.ends()
            assert len(set(asked(server))) == len(server.asked) == 30
        assert d.app.can_perform("pause_job") is False

    drive(test, home)


def test_what_is_ended_keeps_what_was_made_and_is_gone_on_with(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with gated(4) as server:
            await d.start(hosts=server.address, sentences="20", concurrency="2")
            await d.until(lambda: len(d.records()) == 4)
            await d.press("x")
            await d.ends()
            kept = {record.key for record in d.records()}
            await d.notified("job-1 was ended", "4 of 20 records are kept")
            await d.until(lambda: "enter goes on with it: 16 records are missing." in d.text("#job-about"))
            await d.press("y")
            assert d.app.clipboard == "ysnakes data generate --resume job-1"
            server.asked.clear()
            server.allowed = EVERYTHING
            await d.press("enter")
            await d.until(lambda: len(d.records()) == 20)
            await d.ends()
            records = d.records()
            assert len({record.key for record in records}) == 20
            assert kept < {record.key for record in records}
            assert len(server.asked) == 16 + 2, "and the two that were waiting when it was ended"
        await d.sees("✓ finished", "20 of 20")

    drive(test, home)


def test_leaving_the_app_ends_the_job_and_it_is_there_next_time(home: Path) -> None:
    left: list[YsnakesApp] = []
    with gated(4) as server:

        async def leave(d: DataApp) -> None:
            await d.start(hosts=server.address, sentences="20", concurrency="2")
            await d.until(lambda: len(d.records()) == 4)
            await d.press("q")
            left.append(d.app)

        async def again(d: DataApp) -> None:
            with d.library() as library:
                assert library.jobs.get("job-1").status == "interrupted"
            kept = {record.key for record in d.records()}
            await d.press("j")
            await d.sees("interrupted", "4 of 20", "enter goes on with it")
            server.allowed = EVERYTHING
            await d.press("enter")
            await d.until(lambda: len(d.records()) == 20)
            await d.ends()
            keys = {record.key for record in d.records()}
            assert len(keys) == 20
            assert kept < keys

        drive(leave, home)
        said = "job-1 was ended with 4 of 20 records; go on with: ysnakes data generate --resume job-1"
        assert left[0].afterwards == [said]
        drive(again, home)


def test_a_server_that_goes_away_is_waited_for(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with gated(4) as server:
            await d.start(hosts=server.address, sentences="20", concurrency="2")
            await d.until(lambda: len(d.records()) == 4)
        await d.sees("waiting", "No Ollama answers at", "ollama serve")
        assert d.pane.status().state == "waiting"
        await d.press("y")
        assert d.app.clipboard == "ollama serve"
        with FakeOllama(port=server.port):
            await d.ends()
        assert len({record.key for record in d.records()}) == 20

    drive(test, home)


def test_what_fails_is_told_with_its_reason_and_tried_again(home: Path) -> None:
    faults = Faults(script=lambda prompt, number: "empty" if number <= 2 else None)

    async def test(d: DataApp) -> None:
        with FakeOllama(faults=faults) as server:
            await d.start(hosts=server.address, sentences="6", concurrency="1")
            await d.ends()
            await d.sees("put aside at once", "the answer is empty", "2 failed", "4 of 6")
            await d.notified("job-1 is finished", "2 failed; go on with it to try them again")
            await d.until(lambda: "2 records are missing" in d.text("#job-about"))
            await d.press("enter")
            await d.until(lambda: len(d.records()) == 6)
            await d.ends()
        await d.sees("6 of 6")

    drive(test, home, manners=ONE_TRY)


def test_a_job_that_cannot_begin_says_why_and_leaves_nothing(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama() as server:
            await d.open_form(hosts=server.address, blog="1")
            await d.sees("llama3.1 is there")
            server.models.clear()  # after the form has looked
            await d.press("f5")
            await d.ends()
            await d.notified("job-1 stopped", "is not on the Ollama", "nothing was written")
            await d.sees("ollama pull llama3.1")
            await d.press("y")
            assert d.app.clipboard.endswith("ollama pull llama3.1")
        with d.library() as library:
            assert library.jobs.all() == []

    drive(test, home)


def test_the_rules_clean_and_reject_or_only_flag(home: Path) -> None:
    refusal = "I'm sorry, but I can't help with that request."

    async def test(d: DataApp) -> None:
        with saying(refusal) as server:
            await d.start(hosts=server.address, blog="1")
            await d.ends()
            await d.open_form(hosts=server.address, blog="1")
            d.form.query_one("#curate").focus()
            await d.press("right", "f5")
            await d.until(lambda: len(d.records()) == 2)
            await d.ends()
        first, second = d.records()
        assert (first.decision, second.decision) == ("rejected", "pending")
        assert second.checks

    drive(test, home)


def test_the_built_in_teacher_needs_no_server_and_each_job_asks_for_other_things(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.start("builtin", story="30", poem="20")
        await d.ends()
        await d.sees("50 of 50 records", "the built-in teacher")
        assert {record.teacher for record in d.records()} == {"builtin"}
        assert d.records()[-1].answer.splitlines()[0][:30] in d.screen
        await d.start("builtin", story="30", poem="20")
        await d.until(lambda: len(d.records()) == 100)
        assert len({(record.request, record.answer) for record in d.records()}) == 100, "others, not the same"

    drive(test, home)


def test_one_job_at_a_time(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama(seconds=30.0) as server:
            await d.start(hosts=server.address, blog="1")
            await d.open_form("builtin", story="1")
            await d.press("enter")
            await d.sees("job-1 is being written; end it first, or wait for it.")
            await d.press("j", "x")
            await d.ends()
            await d.press("n", "f5")
            await d.until(lambda: d.records())
            await d.ends()

    drive(test, home)


def test_a_job_of_another_process_is_left_alone(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    with open_library(home / "data") as library:
        stored = library.jobs.create(new_settings([("story", 5)], "builtin"))
        library.jobs.set_status(stored.id, "running")
        path = lock_path(library, stored)

    async def test(d: DataApp) -> None:
        lock = try_lock(path)
        assert lock is not None
        await d.press("j")
        await d.sees("running elsewhere", "Another process is at it.")
        assert d.jobs.check_action("resume_job", ()) is None
        await d.press("enter")
        assert d.pane.session is None
        lock.release()
        await d.press("l", "j")
        await d.sees("interrupted", "enter goes on with it: 5 records are missing.")
        await d.press("enter")
        await d.until(lambda: len(d.records()) == 5)
        await d.ends()

    drive(test, home)


def test_text_of_models_and_servers_is_shown_literally(home: Path) -> None:
    evil = "[red]hot[/red] \x1b[2J\x1b]0;title\x07 ‮end."

    async def test(d: DataApp) -> None:
        with saying(evil) as server:
            server.models.append("[b]bad\x1b[31m")
            await d.start(hosts=server.address, model="[b]bad\x1b[31m", blog="1")
            await d.ends()
            await d.sees("[red]hot[/red] ␛[2J", "[b]bad␛[31m")
            assert "\x1b" not in d.screen

    drive(test, home)


def test_plain_characters_are_enough(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.open_form()
        assert d.screen.isascii()
        await d.open_form("builtin", story="20", poem="3")
        assert d.screen.isascii()
        await d.press("f5")
        await d.ends()
        await d.sees("+ finished", "20 of 20", "####")
        assert d.screen.isascii()

    drive(test, home, ascii=True)


def test_all_of_a_form_can_be_reached_in_80_by_24(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.open_form()
        seen = set()
        for _ in range(20):
            focused = d.app.focused
            assert focused is not None
            seen.add(focused.id or getattr(focused, "kind", ""))
            await d.pilot.press("down")
            shown = d.app.focused
            assert shown is not None
            place = d.app.screen.find_widget(shown)
            await d.until(lambda place=place: place.visible_region)  # type: ignore[misc]
        assert {"teacher", "model", "hosts", "concurrency", "seed", "curate", "all", "start"} <= seen
        assert {"blog", "sentiment"} <= seen

    drive(test, home)
