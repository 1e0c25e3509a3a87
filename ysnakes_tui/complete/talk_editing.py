"""Going on from another place than the end: other prompts, answers that a person changes, and branches."""

from __future__ import annotations

from rich.text import Text

from ysnakes_core.completion.transcript import Answer, Transcript, Turn
from ysnakes_core.errors import UsageError
from ysnakes_tui.complete.blocks import ANSWER, NOTE, PROMPT
from ysnakes_tui.complete.talk_base import TalkBase
from ysnakes_tui.panes.interface import key_of

STILL_WRITING = UsageError("an answer is still being written", "wait for it, or stop it with esc")


class TalkEditing(TalkBase):
    """The actions on turns that are there. What is changed is changed in the field, in place of a draft."""

    @property
    def selected(self) -> tuple[Turn, Answer | None] | None:
        """The turn under the cursor with its answer; the last one where that is on none."""
        path = self.transcript.path()
        key = self.view.selected or ""
        for turn, answer in path:
            keys = {f"{PROMPT}{turn.id}", f"{NOTE}{turn.id}"}
            if answer is not None:
                keys |= {f"{ANSWER}{answer.id}", f"{NOTE}{answer.id}"}
            if key in keys:
                return turn, answer
        return path[-1] if path else None

    @property
    def is_busy(self) -> bool:
        """Whether this transcript is being written to."""
        return any(self.conversation.open(self.transcript))

    @property
    def is_editing(self) -> bool:
        """Whether what is in the field goes elsewhere than to the end."""
        return bool(self.editing or self.edited_answer)

    def action_edit_turn(self) -> None:
        """Have a prompt changed; an answer, where the cursor of the transcript is in one."""
        if self.is_busy:
            raise STILL_WRITING
        if (selected := self.selected) is None:
            raise UsageError("nothing was said yet that could be changed", "write something first")
        turn, answer = selected
        if (
            answer is not None
            and self.view.has_focus
            and self.view.selected in (f"{ANSWER}{answer.id}", f"{NOTE}{answer.id}")
        ):
            self._edit_answer(turn, answer)
        else:
            self._edit_turn(turn, turn.prompt)

    def action_branch_here(self) -> None:
        """Write another turn after the answer under the cursor, beside the one that follows it now."""
        if (selected := self.selected) is None:
            raise UsageError("nothing was said yet that one could go on from", "write something first")
        turns = [turn for turn, _ in self.transcript.path()]
        following_turns = turns[turns.index(selected[0]) + 1 :]
        if following_turns:
            self._edit_turn(following_turns[0], "")
        self.field.focus()

    def _edit_turn(self, turn: Turn, text: str) -> None:
        """The next turn goes beside this one."""
        self._edit(text, f"another {self._where(turn)}: what is there stays as a branch")
        self.editing = turn.id

    def _edit_answer(self, turn: Turn, answer: Answer) -> None:
        """What is kept next is an answer beside this one."""
        keep = key_of(self, "send")
        self._edit(answer.text, f"the answer of {self._where(turn)}: {keep} keeps yours beside it")
        self.edited_answer = answer.id
        self._text_before = self.field.text
        self.field.holds_answer = True

    def _where(self, turn: Turn) -> str:
        turns = [each for each, _ in self.transcript.path()]
        return f"turn {turns.index(turn) + 1} of {len(turns)}"

    def _edit(self, text: str, what: str) -> None:
        draft = self._draft if self.is_editing else self.field.text
        self.leave_editing()
        self._draft = draft
        self.mode.set_class(True, "-shown")
        self.mode.update(Text(f"{what} ({key_of(self, 'back')} leaves it)"))
        self.field.put(text)
        self.field.focus()

    def leave_editing(self) -> None:
        """The next turn goes to the end again, and what was in the field is there again."""
        if self.is_editing:
            self.editing = self.edited_answer = ""
            self.mode.set_class(False, "-shown")
            self.field.holds_answer = False
            self.field.put(self._draft)
            self._draft = ""
            self.refresh_bindings()

    def keep_answer(self) -> None:
        """Put what a person made of an answer beside it, and go there."""
        text, before = self.field.text, self.transcript.answer(self.edited_answer)
        if text == self._text_before:  # the field may hold other line breaks than it was given
            text = before.text
        answer = self.transcript.edit_answer(before.id, text)
        self.leave_editing()
        self.save(self.transcript)
        self.draw()
        self.view.focus()
        self.view.select(f"{ANSWER}{answer.id}")
        self.refresh_bindings()

    def open_transcript(self, transcript: Transcript) -> None:
        self.leave_editing()
        super().open_transcript(transcript)

    def action_branch_before(self) -> None:
        self._go_beside(-1)

    def action_branch_after(self) -> None:
        self._go_beside(1)

    def _go_beside(self, by: int) -> None:
        """Show another answer of the turn under the cursor, or another turn in its place."""
        if (selected := self.selected) is None:
            return
        turn, answer = selected
        on_prompt = (self.view.selected or "").startswith(PROMPT)
        turns = self.transcript.siblings(turn.id)
        if answer is not None and len(turn.answers) > 1 and not (on_prompt and len(turns) > 1):
            ids = [each.id for each in turn.answers]
            chosen = ids[(ids.index(answer.id) + by) % len(ids)]
            self.transcript.choose_answer(turn.id, chosen)
            shown = f"{ANSWER}{chosen}"
        elif len(turns) > 1:
            ids = [each.id for each in turns]
            chosen = ids[(ids.index(turn.id) + by) % len(ids)]
            self.transcript.choose_turn(chosen)
            shown = f"{PROMPT}{chosen}"
        else:
            raise UsageError("there is no other branch at this turn", "answer it again, or edit it")
        self.save(self.transcript)
        self.draw()
        self.view.select(shown)  # where the other keys, and the next of these, mean the same turn
        self.refresh_bindings()
