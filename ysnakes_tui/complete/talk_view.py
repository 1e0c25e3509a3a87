"""The talk with a model, whole: what is beside it and over it, and which keys hold."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

from textual import events
from textual.containers import Container
from textual.widgets import Button
from textual.widgets._toast import ToastRack

from ysnakes_core.errors import UsageError
from ysnakes_tui.complete.alternatives_panel import AlternativesPanel
from ysnakes_tui.complete.model_screen import ModelScreen
from ysnakes_tui.complete.models import ModelChoice
from ysnakes_tui.complete.positions_screen import PositionsScreen
from ysnakes_tui.complete.settings import KEPT, TalkSettings
from ysnakes_tui.complete.settings_drawer import SettingsDrawer
from ysnakes_tui.complete.talk_reading import TalkReading
from ysnakes_tui.complete.transcript_view import TranscriptView
from ysnakes_tui.panes.interface import shell_of

Place = Literal["no_model", "variants", "settings", "prompt", "transcript"]
_NEED_TURN = frozenset(
    (
        *("answer_again", "variants", "compare_models"),
        *("edit_turn", "branch_here", "copy_turn", "copy_all", "export_turn", "export_all"),
        *("branch_before", "branch_after", "next_turn", "previous_turn"),
    )
)
_ASKS = frozenset(("answer_again", "variants", "compare_models", "go_on", "more_variants", "edit_turn"))
_BELOW = 4  # lines below the transcript: of the model, the field, the strip and the keys
_WITH_TEXT = frozenset(("answer_again", "variants", "compare_models"))


class TalkView(TalkReading):
    """Does the actions of all contexts of the pane but that of the list of transcripts."""

    @property
    def context(self) -> str:
        return self._place

    @property
    def _place(self) -> Place:
        if self.has_no_model:
            return "no_model"
        if self.side is not None:
            return "variants"
        focused = self.screen.focused
        if focused is not None and self.drawer is not None and self.drawer in focused.ancestors_with_self:
            return "settings"
        return "prompt" if self.field.has_focus else "transcript"

    @property
    def is_typing(self) -> bool:
        return self._place == "prompt"

    def on_show(self) -> None:
        """Messages stay off the line of the model and the field while these are there."""
        for rack in self.screen.children:
            if isinstance(rack, ToastRack):
                rack.styles.margin = (0, 0, _BELOW, 0)

    def on_hide(self) -> None:
        for rack in self.screen.children:
            if isinstance(rack, ToastRack):
                rack.styles.clear_rule("margin")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.refresh_bindings()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.refresh_bindings()

    # What is possible.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_whole:
            return False
        if action in _NEED_TURN and self.transcript.is_empty and not (action in _WITH_TEXT and self.has_text):
            return None
        if action in _ASKS and (self.is_busy or self.choice is None):
            return None
        if action in _ASKS and self.edited_answer and action != "edit_turn":
            return None
        if action == "show_positions" and self.choice is None:
            return None
        if action == "follow_latest":
            run = self.run_of(self.choice)
            return True if run is not None and run.trains else None
        return super().check_action(action, parameters)

    def label_for(self, action: str) -> str:
        """What the footer calls an action now; "" for what the registry calls it."""
        if action == "back":
            return "Cancel" if self.is_busy else ""
        if action == "send":
            return "Keep" if self.edited_answer else ""
        return ""

    def action_new_line(self) -> None:
        self.field.begin_line()

    async def action_back(self) -> bool:
        """Cancel what is written here, else close what is open, else leave the field; if there was any."""
        if self.conversation.cancel(self.transcript):
            return True
        if self.side is not None:
            await self.close_side()
            return True
        focused = self.screen.focused
        if self.drawer is not None and (focused is None or self.drawer in focused.ancestors_with_self):
            await self.action_close_settings()
        elif self.is_editing:
            self.leave_editing()
        elif self.field.has_focus:
            self.view.focus()
        elif self.drawer is not None:
            await self.action_close_settings()
        elif self.has_alternatives:
            self.show_alternatives(False)
        elif self.view.by_probability:
            self.view.by_probability = False
        else:
            return False
        return True

    # The model.

    def action_choose_model(self) -> None:
        def chosen(choice: ModelChoice | None) -> None:
            if choice is not None:
                self.pick(choice)

        self.app.push_screen(ModelScreen("Talk to", self.runs, self.choice), chosen)

    def action_follow_latest(self) -> None:
        """Let the newest checkpoint answer while it trains, or stay with the one that answered last."""
        choice, run = self.choice, self.run_of(self.choice)
        if choice is None or run is None:
            return
        if choice.checkpoint:
            self.pick(ModelChoice(choice.run))
            self.notify("the newest checkpoint answers, as long as it trains")
            return
        answers = [answer for _, answer in self.transcript.path() if answer is not None]
        names = [answer.checkpoint for answer in answers if answer.run == choice.run]
        saved = run.meant(names[-1] if names else "") or run.meant("")
        if saved is not None:
            self.pick(ModelChoice(choice.run, saved.name))
            self.notify(f"step {saved.step:,} answers from now on")

    def action_show_positions(self) -> None:
        """Score the model by position; the process that holds it does, beside what it writes."""
        choice = self.choice
        if choice is None:
            raise UsageError("there is no model yet", "train one first")
        folder = shell_of(self).runs_folder / choice.run
        ask = partial(self.talker.score_positions, folder, choice.checkpoint or None)
        self.app.push_screen(PositionsScreen(choice.run, ask, self.talker.cancel))

    def action_start_first(self) -> None:
        """Show the form of the first run."""
        from ysnakes_tui.panes.train import TrainPane

        shell_of(self).show_pane("train")
        for pane in self.app.screen_stack[0].query(TrainPane):
            pane.call_later(pane.action_new_run)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_start_first()

    # The drawer, and the panel of alternatives.

    async def action_show_settings(self) -> None:
        if self.drawer is None:
            self.show_alternatives(False)
            settings = replace(self.settings, context=self.transcript.context)
            self.drawer = drawer = SettingsDrawer(settings)
            drawer.add_class("side")
            await self.query_one("#both", Container).mount(drawer)
        if self.drawer is not None:
            self.drawer.focus_first()
        self.refresh_bindings()

    async def action_close_settings(self) -> None:
        if (drawer := self.drawer) is not None:
            self.drawer = None
            await drawer.remove()
        self.field.focus()
        self.refresh_bindings()

    def action_usual_settings(self) -> None:
        if self.drawer is not None:
            settings = TalkSettings()
            self.drawer.show(settings)
            self._take_settings(settings)

    def on_settings_drawer_changed(self, event: SettingsDrawer.Changed) -> None:
        event.stop()
        self._take_settings(event.settings)

    def _take_settings(self, settings: TalkSettings) -> None:
        self.settings = settings
        self.transcript.set_context(settings.context)
        self.save(self.transcript)
        shell = shell_of(self)
        shell.remember(layout={**shell.memory.layout, KEPT: settings.to_text()})
        self.warm()
        self.draw_line()

    @property
    def has_alternatives(self) -> bool:
        return bool(self.query(AlternativesPanel))

    def show_alternatives(self, shown: bool) -> None:
        """Beside the transcript; the cursor then goes from token to token."""
        if not shown:
            self.query(AlternativesPanel).remove()
        elif not self.has_alternatives:
            panel = AlternativesPanel()
            panel.add_class("side")
            self.query_one("#both", Container).mount(panel)
            self.view.by_probability = True
            self.view.focus()

    def on_transcript_view_token_selected(self, event: TranscriptView.TokenSelected) -> None:
        event.stop()
        for panel in self.query(AlternativesPanel):
            panel.show(event.token)

    def on_transcript_view_block_selected(self, event: TranscriptView.BlockSelected) -> None:
        event.stop()
        self.refresh_bindings()

    # Transcripts.

    def action_new_transcript(self) -> None:
        if self.transcript.is_empty:
            self.field.focus()
            return
        self.begin_transcript()
        self.field.focus()
