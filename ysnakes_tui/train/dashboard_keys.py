"""What can be done on the dashboard: commands to the worker, going on with the run, and moving the charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

from textual.widgets import OptionList

from ysnakes_core.configuration import EarlyStoppingConfig, RunConfig
from ysnakes_core.errors import UsageError
from ysnakes_core.runs.control import check_command
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.run_lookup import command
from ysnakes_tui.train.ask_screen import AskScreen, ConfirmScreen, Field
from ysnakes_tui.train.chart_keys import ChartKeys
from ysnakes_tui.train.panel_tabs import PanelTabs
from ysnakes_tui.train.run_watch import RunWatch
from ysnakes_tui.train.standing import early_stop, progress, spoken

RATE_FACTOR = 1.25
_PAUSED = ("paused", "pausing")
_HEADING = {"pause": "pausing", "resume": "running", "run_steps": "running", "stop": "stopping"}
_NEED_WORKER = frozenset(
    (
        *("stop", "validate", "sample", "checkpoint", "run_steps", "rate_down", "rate_up"),
        *("early_stopping", "edit_stopping", "snooze"),
    )
)


class DashboardKeys(ChartKeys):
    """The actions of the contexts ``run`` and ``train``, under the registry's names."""

    doable: tuple[object, ...] = ()  # what ``check_action`` depends on

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.checkpoint_rows: list[tuple[str, str]] = []
        self._prompt = ""
        self._steps = "100"

    @property
    def run_watch(self) -> RunWatch | None:
        raise NotImplementedError

    def forget_wishes(self) -> None:
        """Another run is shown now."""
        self._prompt = ""
        self.checkpoint_rows = []
        self.doable = ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        watch = self.run_watch
        if watch is None:
            return None if action in (*_NEED_WORKER, "pause", "attach") else True
        if watch.follower.deleted and action in (*_NEED_WORKER, "pause", "attach", "copy_resume"):
            return None
        busy = watch.follower.has_worker
        if action in _NEED_WORKER:
            return True if busy else None if watch.starting else False
        if action == "attach":
            return True if self._can_go_on(watch) else False if busy else None
        if action == "pause":
            return True if busy or self._can_go_on(watch) else None
        return super().check_action(action, parameters)

    def label_for(self, action: str) -> str:
        """What the footer calls an action now; "" for what the registry calls it."""
        if self.run_watch is None or action not in ("pause", "attach"):
            return ""
        follower = self.run_watch.follower
        if not follower.has_worker:
            return "Train on" if follower.state.status == "finished" else "Resume"
        return "Resume" if action == "pause" and wanted_status(self.run_watch) in _PAUSED else ""

    def _can_go_on(self, watch: RunWatch) -> bool:
        follower = watch.follower
        return not (follower.has_worker or watch.starting or follower.deleted) and follower.caught_up

    def _need(self) -> RunWatch:
        if self.run_watch is None:
            raise UsageError("no run is shown", "choose one from the list of runs")
        return self.run_watch

    @property
    def _config(self) -> RunConfig:
        config = self._need().facts.config
        if config is None:
            raise UsageError("the run's config.toml cannot be read", "see: ysnakes runs show")
        return config

    def _wanted(self, name: str, value: Any) -> Any:
        """A setting as it was asked for last, by anyone; ``value`` if the worker has done all that."""
        wishes = [request.arguments for request in self._need().requested if request.name == "set"]
        return next((wish[name] for wish in reversed(wishes) if name in wish), value)

    # The worker.

    def action_pause(self) -> None:
        watch = self._need()
        if not watch.follower.has_worker:
            self.action_attach()
            return
        watch.ask("resume" if wanted_status(watch) in _PAUSED else "pause")
        self.refresh_bindings()

    def action_stop(self) -> None:
        self._need().ask("stop")

    def action_validate(self) -> None:
        self._need().ask("validate")

    def action_checkpoint(self) -> None:
        self._need().ask("checkpoint")

    def action_sample(self) -> None:
        samples = self._need().follower.samples
        prompt = (
            self._prompt or self._config.validation.sample_prompt or (samples[-1].prompt if samples else "")
        )
        self._ask_for(
            "Sample now", [Field("prompt", "What the model goes on from or answers", prompt)], self._sample
        )

    def _sample(self, values: Mapping[str, str], *, do: bool) -> None:
        check_command("sample", {"prompt": values["prompt"]})
        if do:
            self._prompt = values["prompt"]
            self._need().ask("sample", prompt=values["prompt"])

    def action_run_steps(self) -> None:
        self._ask_for("Run some steps, then pause", [Field("n", "Steps", self._steps)], self._run_steps)

    def _run_steps(self, values: Mapping[str, str], *, do: bool) -> None:
        n = _whole(values["n"], "steps", 100)
        check_command("run_steps", {"n": n})
        if do:
            self._steps = str(n)
            self._need().ask("run_steps", n=n)

    def action_rate_down(self) -> None:
        self._scale_rate(1 / RATE_FACTOR)

    def action_rate_up(self) -> None:
        self._scale_rate(RATE_FACTOR)

    def _scale_rate(self, factor: float) -> None:
        """Relative to what was asked for last, which the worker may not have come to yet."""
        now = self._wanted("learning_rate_scale", self._config.training.learning_rate_scale)
        scale = float(f"{(now or 1.0) * factor:.3g}")
        if abs(scale - 1.0) < 0.02:
            scale = 1.0
        self._need().ask("set", learning_rate_scale=scale)
        self.app.notify(f"learning rate × {scale:g}", timeout=2)

    # Early stopping.

    def action_early_stopping(self) -> None:
        self._set_stopping(enabled=not self._stopping().enabled)

    def _stopping(self) -> EarlyStoppingConfig:
        """As it is once the worker has come to all that was asked for."""
        config = self._config.early_stopping
        names = [field.name for field in fields(config)]
        return replace(
            config, **{name: self._wanted(f"early_stopping.{name}", getattr(config, name)) for name in names}
        )

    def action_snooze(self) -> None:
        self._need().ask("snooze")

    def action_edit_stopping(self) -> None:
        config = self._stopping()
        asked = [
            Field(
                "patience", "Patience: validations without improvement before it stops", str(config.patience)
            ),
            Field("min_delta", "Bits per byte that count as improvement", f"{config.min_delta:g}"),
            Field("target", "Stop at this many bits per byte (0: none)", f"{config.target:g}"),
        ]
        self._ask_for("Early stopping", asked, self._edit_stopping)

    def _edit_stopping(self, values: Mapping[str, str], *, do: bool) -> None:
        changes: dict[str, Any] = {
            "patience": _whole(values["patience"], "patience", 8),
            "min_delta": _number(values["min_delta"], "the least improvement"),
            "target": _number(values["target"], "the target"),
        }
        check_command("set", {f"early_stopping.{name}": value for name, value in changes.items()})
        if do:
            self._set_stopping(**changes)

    def _set_stopping(self, **changes: Any) -> None:
        self._need().ask("set", **{f"early_stopping.{name}": value for name, value in changes.items()})

    # Going on with a run that nobody trains.

    def action_attach(self) -> None:
        self._go_on(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.run_watch is None or not self._can_go_on(self.run_watch):
            self.app.notify("stop the run first; then it can go on from this checkpoint", severity="warning")
            return
        name = self.checkpoint_rows[event.option_index][0]
        question = f"Train on from {name}? What was trained after it is left behind."
        if self.run_watch.facts.best > name:
            question += " The best model is kept all the same, and stays the best until one beats it."
        self.app.push_screen(
            ConfirmScreen("Go back to a checkpoint", question), partial(self._confirmed, name)
        )

    def _confirmed(self, name: str, sure: bool | None) -> None:
        if sure:
            self._go_on(name)

    def _go_on(self, checkpoint: str | None) -> None:
        watch = self._need()
        config, early = watch.facts.config, early_stop(watch.follower)
        if watch.follower.state.status != "finished" or config is None:
            self._resume(checkpoint)
            return
        if early is not None and (progress(watch.follower, watch.facts).value or 0.0) < 1.0:
            if early.best is not None and early.best <= config.early_stopping.target:
                self._ask_for_target(checkpoint, config, early.best)
            else:
                self._resume(checkpoint)
            return
        budget = Budget.of(config.training)
        field = Field(
            "more",
            f"Its budget of {spoken(budget)} is spent. How many more {budget.unit}?",
            f"{budget.amount:g}",
        )
        self._ask_for("Train on", [field], partial(self._go_on_for, checkpoint, budget))

    def _go_on_for(
        self, checkpoint: str | None, budget: Budget, values: Mapping[str, str], *, do: bool
    ) -> None:
        more = _number(values["more"], f"the {budget.unit}")
        if not more > 0:
            raise UsageError(f"{more:g} {budget.unit} are nothing to train for", "give a number above 0")
        if budget.unit in ("steps", "tokens"):
            more = max(1, round(more))
        if do:
            config = self._config
            amount: Any = type(getattr(config.training, budget.unit))(budget.amount + more)
            training = replace(config.training, **{budget.unit: amount})
            self._resume(checkpoint, replace(config, training=training))

    def _ask_for_target(self, checkpoint: str | None, config: RunConfig, best: float) -> None:
        what = (
            f"Its target of {config.early_stopping.target:g} bits per byte is reached. The next one (0: none)"
        )

        def take(values: Mapping[str, str], *, do: bool) -> None:
            target = _number(values["target"], "the target")
            check_command("set", {"early_stopping.target": target})
            if target >= best:
                raise UsageError(f"{target:g} is reached already, with {best:.4f}", "give a lower one, or 0")
            if do:
                early_stopping = replace(config.early_stopping, target=target)
                self._resume(checkpoint, replace(config, early_stopping=early_stopping))

        self._ask_for("Train on", [Field("target", what, "0")], take)

    def _resume(self, checkpoint: str | None, config: RunConfig | None = None) -> None:
        self._need().go_on(checkpoint, config)
        self.doable = ()  # it may have failed before the next news: they are looked at all the same
        self.refresh_bindings()

    def action_copy_resume(self) -> None:
        shell_of(self).copy(command("train --resume", self._need().run, None), "the command that resumes it")

    # Panels and charts.

    def action_checkpoints(self) -> None:
        self._bring("checkpoints")

    def action_event_log(self) -> None:
        self._bring("log")

    def _bring(self, name: str) -> None:
        tabs = self.query_one("#lower-tabs", PanelTabs)
        if tabs.active == name and self.query_one(f"#{name}").has_focus and not self.has_class("-compact"):
            name = "log"
        tabs.active = name
        self.show_beside_samples(name)
        self.query_one(f"#{name}").focus()

    def show_beside_samples(self, name: str) -> None:
        """Where all panels are shown at once, one place is for the log or the checkpoints."""
        wanted = "checkpoints" if name == "checkpoints" else "log"
        for each in ("log", "checkpoints"):
            self.query_one(f"#{each}").set_class(each == wanted, "-beside")

    def _ask_for(self, title: str, fields: list[Field], take: Any) -> None:
        """``take(values, do=False)`` checks, ``take(values, do=True)`` does it."""

        def answered(values: Mapping[str, str] | None) -> None:
            if values is not None:
                take(values, do=True)

        self.app.push_screen(AskScreen(title, fields, partial(take, do=False)), answered)


def wanted_status(watch: RunWatch) -> str:
    """The run's status as it is once the worker has come to all that was asked for."""
    wishes = [_HEADING[request.name] for request in watch.requested if request.name in _HEADING]
    return wishes[-1] if wishes else watch.follower.state.status


def _whole(text: str, what: str, example: int) -> int:
    try:
        return int(text.strip().replace(",", "").replace("_", ""))
    except ValueError:
        raise UsageError(
            f"{what}: “{text[:40]}” is no whole number", f"write something like {example}"
        ) from None


def _number(text: str, what: str) -> float:
    try:
        return float(text.strip())
    except ValueError:
        raise UsageError(f"{what}: “{text[:40]}” is no number", "write something like 0.01") from None
