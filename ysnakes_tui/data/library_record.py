"""One record in full: what is known of it, its request, its answer, and what the rules found in that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.theme import Theme
from textual.widgets import Static

from ysnakes_core.files import printable
from ysnakes_core.synthesis.library_records import Record
from ysnakes_tui.data.curation_flags import Finding, findings, looks_of, pieces, told
from ysnakes_tui.data.library_row import ASCII_SIGNS, SIGNS
from ysnakes_tui.panes.interface import shell_of

if TYPE_CHECKING:
    from ysnakes_tui.data.curation_editor import AnswerEditor

_REQUEST = 2000  # characters of a request that are shown


class RecordPanel(Vertical):
    """Shows a record; its texts can be selected. ``note`` is said beside what is known of it."""

    DEFAULT_CSS = """
    RecordPanel {
        #facts { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        #text { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
        #text:focus { background: $surface; }
        #request { height: auto; color: $primary; text-style: bold; margin-bottom: 1; }
        .answer { height: auto; }
        #findings { height: auto; max-height: 7; padding: 0 1; border-top: solid $border-blurred; }
        #findings { text-wrap: nowrap; text-overflow: ellipsis; display: none; }
        &.-flagged #findings { display: block; }
        &.-editing #text { display: none; }
        &.-nothing > * { visibility: hidden; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.record: Record | None = None
        self._found: list[Finding] = []
        self._pieces: list[Text] = []
        self._put = 0  # pieces that are laid out
        self._chosen = -1
        self._note = ""
        self._editor: AnswerEditor | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="facts", markup=False)
        with VerticalScroll(id="text"):
            yield Static(id="request", markup=False)
            yield Static(classes="answer", markup=False)
        yield Static(id="findings", markup=False)

    def on_mount(self) -> None:
        self.set_class(self.record is None, "-nothing")
        self.app.theme_changed_signal.subscribe(self, self._look_changed)

    def _look_changed(self, _: Theme) -> None:
        if self.record is not None:
            self._show_texts(self.record)
            self._show_facts(self.record)

    @property
    def scroll(self) -> VerticalScroll:
        """What scrolls, and takes the focus."""
        return self.query_one("#text", VerticalScroll)

    def show(self, record: Record | None, note: str = "") -> None:
        """Show a record, from its beginning if it is another one; None: nothing."""
        before, self.record = self.record, record
        changed = note != self._note
        self._note = note
        if record is None:
            self.set_class(True, "-nothing")
            return
        if record != before:
            self.set_class(False, "-nothing")
            self._found = findings(record.checks, record.answer)
            self._chosen = -1
            if (
                before is None
                or (before.request, before.answer) != (record.request, record.answer)
                or (before.checks != record.checks)
            ):
                self._show_texts(record)
            if before is None or before.id != record.id:
                self.scroll.scroll_home(animate=False, immediate=True)
            changed = True
        if changed:
            self._show_facts(record)

    def _show_texts(self, record: Record) -> None:
        self.query_one("#request", Static).update(
            Text(printable(record.request.strip(), _REQUEST, keep_lines=True))
        )
        self._pieces = pieces(record.answer, self._found, looks_of(self.app.theme_variables))
        self._put = 0
        self._put_next(record)
        self.set_class(bool(self._found), "-flagged")
        self._show_findings()

    def _put_next(self, record: Record) -> None:
        """Lay out one more piece, and come again for the next: a long text is no reason to wait."""
        if record is not self.record and self._put:
            return
        answers = list(self.query(".answer").results(Static))
        if self._put < len(answers):
            answers[self._put].update(self._pieces[self._put])
            answers[self._put].display = True
        else:
            self.scroll.mount(Static(self._pieces[self._put], classes="answer", markup=False))
        self._put += 1
        for spare in answers[len(self._pieces) :]:
            spare.display = False
        if self._put < len(self._pieces):
            self.set_timer(0.005, lambda: self._put_next(record))

    def _show_facts(self, record: Record) -> None:
        ascii = shell_of(self).glyphs == "ascii"
        made = record.model if record.model != record.teacher else ""
        sign = "" if record.decision == "pending" else (ASCII_SIGNS if ascii else SIGNS)[record.decision]
        parts = [
            f"{sign} {record.decision}".strip(),
            printable(record.kind, 30),
            printable(record.teacher, 40) + (f" ({printable(made, 40)})" if made else ""),
            f"{record.words:,} words",
        ]
        if record.answer != record.original:
            parts.append("text changed")
        if record.source:
            parts.append(f"from {printable(record.source, 60)}")
        text = Text(no_wrap=True, overflow="ellipsis")
        if self._note:
            text.append(f"{printable(self._note, 120)} ", "bold")
        text.append((" - " if ascii else " · ").join([f"record {record.id:,}", *parts]))
        self.query_one("#facts", Static).update(text, layout=False)

    # Editing.

    @property
    def editor(self) -> AnswerEditor | None:
        """The field with the answer, while it is edited."""
        return self._editor

    async def edit(self) -> None:
        """Put the answer into a field, in its place."""
        if self.record is None or self.editor is not None:
            return
        from ysnakes_tui.data.curation_editor import AnswerEditor  # not needed before

        editor = self._editor = AnswerEditor(self.record.answer)
        await self.mount(editor, after="#text")
        self.add_class("-editing")
        editor.focus()

    async def leave_editor(self) -> None:
        self.remove_class("-editing")
        if (editor := self._editor) is not None:
            self._editor = None
            await editor.remove()

    # What the rules found.

    @property
    def found(self) -> Sequence[Finding]:
        return self._found

    def go_to_next_finding(self) -> None:
        """Bring the next place that was marked into sight, after the last the first."""
        places = [number for number, each in enumerate(self._found) if each.is_marked]
        if self.record is None or not places:
            return
        self._chosen = next((number for number in places if number > self._chosen), places[0])
        self._show_findings()
        self.scroll.scroll_to(y=self._line_of(self._found[self._chosen].start), animate=False)

    def _line_of(self, offset: int) -> int:
        """About the line of the panel that a character of the answer is on, a few above it."""
        assert self.record is not None
        answers = [each for each in self.query(".answer").results(Static) if each.display]
        height = sum(each.size.height for each in answers)
        before = self.record.answer[:offset]
        share = (before.count("\n") + len(before) / max(20, self.scroll.size.width)) / max(
            1.0, self.record.answer.count("\n") + len(self.record.answer) / max(20, self.scroll.size.width)
        )
        first = answers[0].virtual_region.y if answers else 0
        return max(0, first + int(share * height) - self.scroll.size.height // 3)

    def _show_findings(self) -> None:
        assert self.record is not None
        ascii = shell_of(self).glyphs == "ascii"
        looks = looks_of(self.app.theme_variables)
        text = told(self._found, self.record.answer, looks=looks, chosen=self._chosen, ascii=ascii)
        self.query_one("#findings", Static).update(text)
