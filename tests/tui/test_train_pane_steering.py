"""Steering a run from the Train pane, over a directory written as by a worker: each key, the end."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from seen import screen_text
from textual.widgets import Static
from written_run import Driven, Worker, drive

from ysnakes_core.runs.control import acknowledge, pending, send
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_tui.train import run_watch
from ysnakes_tui.train.ask_screen import AskScreen
from ysnakes_tui.widgets.key_footer import KeyFooter

# Early stopping and the end.


def test_early_stopping_says_when_and_why_it_would_stop(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.shows("#words", "after 3 validations in a row that do not beat the 1.9000 of step 40")
        worker.train(10)
        worker.validate(1.95, 1, 1.9, 40)
        await d.shows(
            "#words", "one of the next 2 validations beats the 1.9000", "near step 70, in 0:0", "z: not yet"
        )
        await d.shows("#patience", "1 of 3")
        worker.train(10)
        worker.validate(1.95, 2, 1.9, 40)
        await d.shows("#words", "Unless the next validation beats", "it stops near step 70")
        worker.validate(1.95, 0, 1.9, 40)  # put off
        await d.shows("#words", "after 3 validations in a row")
        await d.shows("#patience", "0 of 3")

    drive(test, size=(120, 40), home=home)


def test_what_counts_as_an_improvement_is_said_and_what_else_stops_it(worker: Worker, home: Path) -> None:
    config = worker.run.read_config()
    early = replace(config.early_stopping, min_delta=0.1, target=1.2)
    worker.run.write_config(replace(config, early_stopping=early))

    async def test(d: Driven) -> None:
        worker.train(10)
        worker.validate(1.95, 1, 1.9, 40, reference=1.97)
        await d.shows("#words", "gets below 1.8700 (0.1 better than 1.9700)", "also stops at 1.2 bits")

    drive(test, size=(120, 40), home=home)


def test_where_the_budget_ends_first_early_stopping_says_so(worker: Worker, home: Path) -> None:
    config = worker.run.read_config()
    worker.run.write_config(replace(config, training=replace(config.training, steps=60)))

    async def test(d: Driven) -> None:
        worker.train(10)
        worker.validate(1.95, 1, 1.9, 40)
        await d.shows("#words", "Its budget ends before 2 more validations")

    drive(test, size=(120, 40), home=home)


def test_without_a_number_of_steps_validations_are_expected_by_the_budget(worker: Worker, home: Path) -> None:
    config = worker.run.read_config()
    worker.run.write_config(replace(config, validation=replace(config.validation, validate_every=0)))

    async def test(d: Driven) -> None:
        worker.train(8)
        worker.validate(1.95, 1, 1.9, 40)
        await d.shows("#words", "near step 120")  # ten over 400 steps, of which the second is the next

    drive(test, size=(120, 40), home=home)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_run_that_stopped_early_says_why_and_how_far_it_was(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    async def test(d: Driven) -> None:
        worker.validate(1.95, 3, 1.9, 40, stopping=True, reason="no improvement in 3 [b]validations[/]")
        name = worker.save(best=True)
        worker.end("finished", "stopped early: no improvement")
        await d.shows("#ending", "Stopped early: no improvement in 3 [b]validations[/]", name)
        await d.shows("#ending", "1.9000 bits per byte at step 40", "space train on all the same")
        await d.shows("#progress", "10 % of 400 steps")

    drive(test, size=size, home=home)


def test_a_run_that_reached_its_target_goes_on_with_another(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[float] = []

    def start(run: RunDirectory, **how: object) -> int:
        begun.append(run.read_config().early_stopping.target)
        return 1

    monkeypatch.setattr(run_watch, "start_worker", start)
    config = worker.run.read_config()
    worker.run.write_config(replace(config, early_stopping=replace(config.early_stopping, target=2.0)))

    async def test(d: Driven) -> None:
        worker.validate(1.9, 0, 1.9, 40, stopping=True, reason="the target is reached")
        worker.end("finished", "stopped early: the target is reached")
        await d.shows("#ending", "the target is reached")
        await d.press("space")
        await d.type_over(target="1.95")
        assert "reached already" in str(d.app.screen.query_one("#problem", Static).content)
        await d.type_over(target="1.5")
        await d.until(lambda: begun == [1.5])

    drive(test, home=home)


def test_the_footer_says_what_the_keys_do_now(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        def hints() -> dict[str, str]:
            footer = d.app.screen_stack[0].query_one(KeyFooter)
            return {hint.action: hint.label for hint in footer.shown if hint.enabled}

        await d.until(lambda: hints().get("pause") == "Pause")
        assert "attach" not in hints()
        assert "stop" in hints()
        worker.stand(status="paused")
        await d.until(lambda: hints().get("pause") == "Resume")
        worker.end("stopped", "asked to")
        await d.until(lambda: "stop" not in hints() and hints().get("pause") == "Resume")
        assert "attach" not in hints()  # the same, with another key
        worker.end("finished", "the budget is spent")
        await d.until(lambda: (hints().get("pause"), hints().get("attach")) == ("Train on", None))
        d.pane.action_runs()
        await d.until(lambda: hints().get("attach") == "Open")

    drive(test, home=home)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_run_that_ended_says_what_was_best_and_what_is_next(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    async def test(d: Driven) -> None:
        name = worker.save(best=True)
        assert not d.dashboard.query_one("#ending").display
        worker.end("stopped", "no improvement in 3 validations")
        await d.until(lambda: d.dashboard.query_one("#ending").display)
        await d.shows("#ending", "Stopped: no improvement", "1.9000 bits per byte at step 40", name)
        await d.shows("#ending", "space train on", "3 talk to it", "y copy the command")
        assert not d.dashboard.query_one("#stopping").display

    drive(test, size=size, home=home)


def test_a_crash_is_told_with_the_last_words(worker: Worker, home: Path) -> None:
    worker.run.worker_log.write_text("=== worker 1\nan earlier line\n\x1b[2Jout of memory\n")
    worker.run.write_state(replace(worker.state, process_started=-1.0))  # a pid that another process has now

    async def test(d: Driven) -> None:
        await d.shows("#ending", "Crashed", "step 40", "␛[2Jout of memory", "space train on")
        assert d.dashboard.status().state == "crashed"

    drive(test, home=home)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
def test_however_much_a_worker_said_what_to_do_next_is_seen(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    worker.save(best=True)
    said = ["a first line", "RuntimeError: " + "not enough memory, " * 40, "x" * 390, "Killed"]
    worker.run.worker_log.write_text("=== worker 1\n" + "\n".join(said) + "\n")
    worker.stand(pid=2**22 + 1)

    async def test(d: Driven) -> None:
        await d.until(lambda: d.dashboard.query_one("#ending").display)
        wanted = ("Crashed at step 40", "│ Killed", "Best: 1.9000", "Next: 3 talk", "n new run")
        await d.until(lambda: all(words in screen_text(d.app) for words in wanted))
        shown = screen_text(d.app)
        quoted = d.dashboard.query_one("#ending-said")
        assert quoted.size.height == d.text("#ending").count("│")  # a row each
        if size[0] >= 80:
            assert "│ " + "x" * 60 in shown
            assert "step-00000040" in shown
            assert d.dashboard.query_one("#upper").size.height > 4

    drive(test, size=size, home=home)


PLACE = "/home/someone/Library/Application Support/ysnakes/some-long-folder/runs/quiet-cobra"


@pytest.mark.parametrize(
    "words",
    [
        f"could not save the checkpoint {PLACE}/checkpoints/step-00000000: the disk is full",
        f"the tokenizer of {PLACE} is not the one that the run was begun with, and its {'text ' * 6}is "
        "another; use a tokenizer.json that ysnakes has made",
    ],
)
def test_the_last_words_of_a_failure_are_seen(worker: Worker, home: Path, words: str) -> None:
    log = f"error: could not append to {PLACE}/events.jsonl: the disk is full"
    worker.run.worker_log.write_text(f"=== worker 1\n{log}\n")
    worker.end("failed", words)

    async def test(d: Driven) -> None:
        last = " ".join(words.split()[-4:])
        await d.until(lambda: last in " ".join(screen_text(d.app).split()))
        await d.until(lambda: "events.jsonl: the disk is full" in screen_text(d.app))
        assert "Next: " in screen_text(d.app)

    drive(test, home=home)


def test_a_refusal_s_reason_stands_in_the_strip(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("c")
        await d.until(lambda: pending(worker.run))
        (command,) = pending(worker.run)
        reason = f"could not save the checkpoint {PLACE}/checkpoints/step-00000040: the disk is full"
        acknowledge(command, reason, log=worker.log, now=time.time(), step=40, tokens=0, accepted=False)
        await d.until(lambda: "the disk is full" in screen_text(d.app).splitlines()[-2])
        assert "✗ checkpoint" in screen_text(d.app).splitlines()[-2]

    drive(test, home=home)


# Commands.


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("space", "pause {}"),
        ("x", "stop {}"),
        ("v", "validate {}"),
        ("c", "checkpoint {}"),
        ("]", "set {'learning_rate_scale': 1.25}"),
        ("[", "set {'learning_rate_scale': 0.8}"),
        ("e", "set {'early_stopping.enabled': False}"),
        ("z", "snooze {}"),
    ],
)
def test_a_key_is_requested_and_then_acknowledged(worker: Worker, home: Path, key: str, sent: str) -> None:
    async def test(d: Driven) -> None:
        await d.press(key)
        await d.until(lambda: pending(worker.run))
        await d.shows("#log", "requested")
        await d.until(lambda: "requested" in d.dashboard.status().command)
        assert worker.answer("as you wish") == sent
        await d.shows("#log", "✓ ", "as you wish")
        await d.until(lambda: "as you wish" in d.dashboard.status().command)
        assert "requested" not in d.text("#log")

    drive(test, home=home)


def test_a_paused_run_goes_on_with_the_same_key(worker: Worker, home: Path) -> None:
    worker.stand(status="paused")

    async def test(d: Driven) -> None:
        await d.press("space")
        await d.until(lambda: pending(worker.run))
        assert worker.answer() == "resume {}"

    drive(test, home=home)


def test_a_refusal_is_shown(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("v")
        await d.until(lambda: pending(worker.run))
        (command,) = pending(worker.run)
        acknowledge(command, "not now", log=worker.log, now=1.0, step=40, tokens=0, accepted=False)
        await d.shows("#log", "✗ validate: refused: not now")
        assert "refused" not in d.dashboard.status().command  # it was said long ago
        acknowledge(command, "nor now", log=worker.log, now=time.time(), step=40, tokens=0, accepted=False)
        await d.until(lambda: d.dashboard.status().command == "✗ validate: refused: nor now")

    drive(test, home=home)


@pytest.mark.parametrize(
    ("key", "values", "sent"),
    [
        (".", {"n": "25"}, "run_steps {'n': 25}"),
        ("s", {"prompt": "[b]Once\u202e"}, "sample {'prompt': '[b]Once\\u202e'}"),
        (
            "E",
            {"patience": "9", "min_delta": "0.01", "target": "1.5"},
            "set {'early_stopping.patience': 9, 'early_stopping.min_delta': 0.01, "
            "'early_stopping.target': 1.5}",
        ),
    ],
)
def test_what_needs_a_value_asks_for_it(
    worker: Worker, home: Path, key: str, values: dict[str, str], sent: str
) -> None:
    async def test(d: Driven) -> None:
        await d.press(key)
        await d.type_over(**values)
        await d.until(lambda: pending(worker.run))
        assert worker.answer() == sent

    drive(test, home=home)


@pytest.mark.parametrize(
    ("key", "field", "wrong"),
    [(".", "n", "many"), (".", "n", "0"), ("E", "patience", "-1"), ("E", "patience", "3.5")],
)
def test_a_value_that_cannot_be_used_is_refused_in_the_dialog(
    worker: Worker, home: Path, key: str, field: str, wrong: str
) -> None:
    async def test(d: Driven) -> None:
        await d.press(key)
        await d.type_over(**{field: wrong})
        assert isinstance(d.app.screen, AskScreen)
        problem = str(d.app.screen.query_one("#problem", Static).content)
        assert wrong in problem
        assert ("something like 100" in problem) is (wrong == "many")
        await d.press("escape")
        assert not isinstance(d.app.screen, AskScreen)
        assert not pending(worker.run)

    drive(test, home=home)


def test_repeated_keys_build_on_what_was_asked_for(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("]", "]")
        await d.until(lambda: len(pending(worker.run)) == 2)
        scales = [command.arguments["learning_rate_scale"] for command in pending(worker.run)]
        assert scales == [1.25, 1.56]

    drive(test, home=home)


def test_a_key_takes_back_what_it_asked_for_though_the_worker_has_not_come_to_it(
    worker: Worker, home: Path
) -> None:
    async def test(d: Driven) -> None:
        await d.press("space", "space", "space", "e", "e")
        await d.until(lambda: len(pending(worker.run)) == 5)
        asked = [(command.name, *command.arguments.values()) for command in pending(worker.run)]
        assert asked == [("pause",), ("resume",), ("pause",), ("set", False), ("set", True)]

    drive(test, home=home)


def test_what_another_app_asked_for_counts_too(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        send(worker.run, "pause")
        send(worker.run, "set", **{"early_stopping.enabled": False})
        send(worker.run, "set", learning_rate_scale=0.5)
        watch, footer = d.dashboard.run_watch, d.app.screen_stack[0].query_one(KeyFooter)
        assert watch is not None
        await d.until(lambda: len(watch.requested) == 3)  # it also says “Resume” of a run not looked at yet
        await d.until(lambda: {hint.action: hint.label for hint in footer.shown}.get("pause") == "Resume")
        await d.press("space", "e", "]")
        await d.until(lambda: len(pending(worker.run)) == 6)
        asked = [(command.name, *command.arguments.values()) for command in pending(worker.run)][3:]
        assert asked == [("resume",), ("set", True), ("set", 0.625)]

    drive(test, home=home)


def test_what_was_asked_for_once_does_not_outlive_what_others_change_since(
    worker: Worker, home: Path
) -> None:
    def is_scaled_by(scale: float) -> None:
        config = worker.run.read_config()
        training = replace(config.training, learning_rate_scale=scale)
        worker.run.write_config(replace(config, training=training))

    async def test(d: Driven) -> None:
        await d.press("[")
        await d.until(lambda: pending(worker.run))
        is_scaled_by(0.8)
        assert worker.answer() == "set {'learning_rate_scale': 0.8}"
        await d.shows("#facts", "0.8")
        is_scaled_by(0.41)  # another app has asked for less
        await d.shows("#facts", "0.41")
        await d.press("]")
        await d.until(lambda: pending(worker.run))
        assert worker.answer() == "set {'learning_rate_scale': 0.512}"

    drive(test, home=home)


def test_without_a_worker_nothing_is_asked_of_it(worker: Worker, home: Path) -> None:
    worker.end("stopped", "asked to stop")

    async def test(d: Driven) -> None:
        await d.until(lambda: d.dashboard.status().state == "stopped")
        for key in ("x", "v", "c", "s", ".", "[", "]", "e", "E", "z"):
            await d.press(key)
            assert d.app.screen is d.app.screen_stack[0]
        assert not pending(worker.run)

    drive(test, home=home)


def test_the_command_that_resumes_it_is_copied(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("y")
        assert d.app.clipboard == "ysnakes train --resume quiet-cobra"

    drive(test, home=home)
