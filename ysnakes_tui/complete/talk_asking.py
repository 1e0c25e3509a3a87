"""Asking a model: for an answer, another one, several, those of two models; from any turn on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from textual.containers import Vertical

from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript import Answer, Turn
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.files import printable
from ysnakes_tui.complete.conversation import Exchange, following, seeded
from ysnakes_tui.complete.model_screen import ModelScreen
from ysnakes_tui.complete.models import ModelChoice
from ysnakes_tui.complete.prompt_history import keep_prompt
from ysnakes_tui.complete.side_by_side import Column, SideBySide
from ysnakes_tui.complete.talk_editing import STILL_WRITING, TalkEditing
from ysnakes_tui.panes.interface import key_of, shell_of

NO_MODEL = UsageError("there is no model to talk to yet", "train one in the Train pane")


class TalkAsking(TalkEditing):
    """The actions that have something written."""

    @property
    def has_text(self) -> bool:
        """Whether something is being written that a model could be asked."""
        return self.field.has_focus and not self.edited_answer and bool(self.field.text.strip())

    def _need_model(self) -> ModelChoice:
        if self.choice is None:
            raise NO_MODEL
        if self.is_busy:
            raise STILL_WRITING
        if self.edited_answer:
            keep, leave = key_of(self, "send"), key_of(self, "back")
            raise UsageError("you are changing an answer", f"keep it with {keep}, or leave it with {leave}")
        if self.run_of(self.choice) is None:
            gone, key = printable(self.choice.run, 40), self.key_here("choose_model")
            raise UsageError(f"the run {gone} is gone", f"choose another model: {key}")
        self.stay_with(self.choice)
        return self.choice

    # Asking.

    def _ask(
        self, turn: Turn, model: ModelChoice, options: Sequence[SamplingOptions], precision: str = ""
    ) -> Exchange:
        """Have a turn answered: once for each of ``options``."""
        exchange = self.conversation.ask(
            self.transcript,
            turn.id,
            model,
            self.runs,
            options=options,
            precision=precision or self.settings.precision,
        )
        self.save(self.transcript)
        self.remember_transcript()
        self.refresh_bindings()
        return exchange

    def _take_prompt(self) -> Turn:
        """A turn of what was written in the field, where it is to go."""
        text, reading = self.field.text, self.settings.reading
        if self.editing:
            turn = self.transcript.edit_turn(self.editing, text, reading)
        else:
            turn = self.transcript.add_turn(text, reading)
        if self.field.earlier.add(text):
            work = partial(self._keep_prompt, text)
            self.run_worker(work, thread=True, group="prompts", exit_on_error=False)
        self.field.put("")
        self.leave_editing()
        return turn

    def _keep_prompt(self, text: str) -> None:
        """In a thread."""
        try:
            keep_prompt(self.prompts_file, text)
        except YsnakesError as error:
            self.app.call_from_thread(shell_of(self).tell, error, title="What you wrote is not kept")

    def _turn_to_answer(self) -> Turn:
        """What is written in the field, else the turn under the cursor."""
        if self.has_text:
            return self._take_prompt()
        if (selected := self.selected) is None:
            raise UsageError("nothing was said yet", "write something first, then have it answered")
        return selected[0]

    def action_send(self) -> None:
        if self.edited_answer:
            self.keep_answer()
            return
        if not self.field.text.strip():
            key = key_of(self, "go_on")
            raise UsageError(
                "nothing is written yet",
                f"write something; to have the last answer go on, leave the field (esc) and press {key}",
            )
        model = self._need_model()
        self._ask(self._take_prompt(), model, [self.settings.options])
        self.show_end()

    def action_answer_again(self) -> None:
        model = self._need_model()
        turn = self._turn_to_answer()
        self._ask(turn, model, [self.settings.options])
        self.draw()

    def action_go_on(self) -> None:
        """Have the last answer go on: an empty prompt after it."""
        model = self._need_model()
        path = self.transcript.path()
        if not path or path[-1][1] is None:
            raise UsageError("there is no answer that could go on", "write something first")
        self._ask(self.transcript.add_turn("", "text"), model, [self.settings.options])
        self.show_end()

    def show_end(self) -> None:
        """What was just asked is to be seen."""
        self.draw()
        self.view.action_last()

    # Side by side.

    def action_variants(self) -> None:
        model = self._need_model()
        self._write_variants(self._turn_to_answer(), model, seeded(self.settings.options))

    def action_more_variants(self) -> None:
        if self.side is not None:
            turn = self.side.turn
            self._write_variants(turn, self._need_model(), following(turn.answers, self.settings.options))

    def _write_variants(self, turn: Turn, model: ModelChoice, options: SamplingOptions) -> None:
        exchange = self._ask(turn, model, options.variants(self.settings.variants))
        columns = [Column(exchange, row) for row in range(len(exchange.options))]
        self._show_side(turn, columns, f"{len(columns)} answers")

    def action_compare_models(self) -> None:
        """The same prompt and seed for another model."""
        model = self._need_model()
        if not self.has_text and self.selected is None:
            raise UsageError("nothing was said yet", "write something first, then compare what is answered")

        def chosen(other: ModelChoice | None) -> None:
            if other is not None:
                try:
                    self._compare(model, other)
                except YsnakesError as error:
                    shell_of(self).tell(error)

        self.app.push_screen(ModelScreen("Compare with", self.runs, model), chosen)

    def _compare(self, model: ModelChoice, other: ModelChoice) -> None:
        before = None if self.has_text or self.selected is None else self.selected[1]
        turn = self._turn_to_answer()
        as_it_was = None if before is None else _as_it_was(before)
        if as_it_was is not None:
            options, first = as_it_was, Column(before=before)
        else:
            options = seeded(self.settings.options)
            first = Column(self._ask(turn, model, [options]))
        second = Column(self._ask(turn, other, [options]))
        self._show_side(turn, [first, second], "Two models, the same seed")

    def _show_side(self, turn: Turn, columns: Sequence[Column], what: str) -> None:
        self.run_worker(self._open_side(turn, columns, what), group="side", exclusive=True)

    async def _open_side(self, turn: Turn, columns: Sequence[Column], what: str) -> None:
        if self.side is not None:
            await self.side.remove()
        self.side = side = SideBySide(turn, columns, self.conversation, what=what)
        await self.query_one("#talk-main", Vertical).mount(side)
        self.set_class(True, "-beside")
        side.focus_first()
        self.draw()
        self.refresh_bindings()

    async def close_side(self) -> None:
        """Back to the transcript."""
        if (side := self.side) is not None:
            self.side = None
            await side.remove()
        self.set_class(False, "-beside")
        self.draw()
        self.view.focus()
        self.save(self.transcript)
        self.refresh_bindings()

    async def action_keep_variant(self) -> None:
        if self.side is None:
            return
        answer = self.side.answer
        if answer is None:
            raise UsageError("nothing is written there yet", "wait for it, or choose another")
        if answer.outcome is not None:
            self.conversation.cancel(self.transcript)  # the others
        self.transcript.choose_answer(answer.turn, answer.id)
        await self.close_side()
        self.field.focus()

    def action_next_variant(self) -> None:
        if self.side is not None:
            self.side.move(1)

    def action_previous_variant(self) -> None:
        if self.side is not None:
            self.side.move(-1)

    def action_copy_variant(self) -> None:
        answer = self.side.answer if self.side is not None else None
        if answer is not None:
            shell_of(self).copy(answer.text, "the answer")


def _as_it_was(answer: Answer) -> SamplingOptions | None:
    """The options that make an answer again; None where there is nothing of it, or nobody knows its seed."""
    if answer.outcome is None or answer.outcome.seed is None or not answer.tokens:
        return None
    return replace(answer.options, seed=answer.outcome.seed)
