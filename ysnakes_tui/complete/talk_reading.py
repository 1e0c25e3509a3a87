"""Reading a transcript: from turn to turn, how likely it was, copies of it, and files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ysnakes_core.completion.transcript import Transcript
from ysnakes_core.completion.transcript_export import to_text
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_tui.complete import export_screen
from ysnakes_tui.complete.blocks import PROMPT
from ysnakes_tui.complete.talk_asking import TalkAsking
from ysnakes_tui.panes.interface import shell_of

NOTHING = UsageError("nothing was said yet", "write something first")


class TalkReading(TalkAsking):
    """The actions that change nothing of what was said."""

    def action_write_prompt(self) -> None:
        self.field.focus()

    def action_next_turn(self) -> None:
        self.view.select_next(1)

    def action_previous_turn(self) -> None:
        self.view.select_next(-1)

    def action_probabilities(self) -> None:
        self.view.by_probability = not self.view.by_probability
        self.view.focus()

    def action_markdown(self) -> None:
        self.view.markdown = not self.view.markdown
        self.notify(
            "answers are drawn as Markdown" if self.view.markdown else "answers are drawn as they are"
        )

    # Copies and files.

    def action_copy_turn(self) -> None:
        if (selected := self.selected) is None:
            raise NOTHING
        turn, answer = selected
        key = self.view.selected or ""
        if answer is None or key == f"{PROMPT}{turn.id}":
            shell_of(self).copy(turn.prompt, "what you wrote")
        else:
            shell_of(self).copy(answer.text, "the answer")

    def action_copy_all(self) -> None:
        if self.transcript.is_empty:
            raise NOTHING
        shell_of(self).copy(to_text(self.transcript, None), "the whole transcript")

    def action_export_turn(self) -> None:
        if (selected := self.selected) is None:
            raise NOTHING
        self._export(self.transcript, selected[0].id)

    def action_export_all(self) -> None:
        if self.transcript.is_empty:
            raise NOTHING
        self._export(self.transcript, None)

    def _export(self, transcript: Transcript, turn_id: str | None) -> None:
        def asked(values: Mapping[str, str] | None) -> None:
            if values is not None:
                place = export_screen.place_of(values)
                content = export_screen.exported(transcript, turn_id, place)
                work = partial(self._write, place, content)
                self.run_worker(work, thread=True, group="export", exit_on_error=False)

        self.app.push_screen(export_screen.export_screen(transcript, turn_id, Path.cwd()), asked)

    def _write(self, place: Path, content: str) -> None:
        """In a thread."""
        try:
            export_screen.write(place, content)
        except YsnakesError as error:
            self.app.call_from_thread(shell_of(self).tell, error, title="It is not exported")
        else:
            self.app.call_from_thread(self.notify, str(place), title="Exported")

    # Alternatives.

    def action_alternatives(self) -> None:
        self.show_alternatives(not self.has_alternatives)

    @property
    def has_alternatives(self) -> bool:
        raise NotImplementedError

    def show_alternatives(self, shown: bool) -> None:
        raise NotImplementedError
