"""The talk with a model: its transcript, the field below it, and what keeps both up to date."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import Static

from ysnakes_core import paths
from ysnakes_core.completion.transcript import Transcript
from ysnakes_core.completion.transcript_search import Found
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.runs.talking import Begun, Talker, Told, Written
from ysnakes_tui.complete.blocks import ANSWER, PROMPT, blocks_of, title_of
from ysnakes_tui.complete.conversation import Conversation, Exchange
from ysnakes_tui.complete.keeper import TranscriptKeeper
from ysnakes_tui.complete.model_line import doing_of, model_line
from ysnakes_tui.complete.no_model import NoModel
from ysnakes_tui.complete.positions_screen import PositionsScreen
from ysnakes_tui.complete.prompt_input import PromptInput
from ysnakes_tui.complete.settings import KEPT, TalkSettings
from ysnakes_tui.complete.settings_drawer import SettingsDrawer
from ysnakes_tui.complete.side_by_side import SideBySide
from ysnakes_tui.complete.talk_models import TalkModels
from ysnakes_tui.complete.transcript_view import Block, TranscriptView
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.widgets.status_strip import Status
from ysnakes_tui.widgets.views import is_seen

TITLE_SECONDS = 0.25  # between two looks at how quickly that goes
SAVE_SECONDS = 1.0  # the longest that a token is only in memory
WIDE = 110  # columns from which on the drawer stands beside the transcript
LAST = "complete.transcript"  # in the memory's layout
HONEST = (
    "This is a base model: all it knows is how the texts go on that it was trained on. It reads what you "
    "write as a request, which it answers, or as the beginning of a text, which it goes on with; it judges "
    "itself which, unless you say so in the settings. Small models make things up."
)


class TalkBase(TalkModels):
    """``make_talker`` makes what asks the models, ``clock`` gives seconds."""

    class Heard(Message):
        """The talker told something."""

        def __init__(self, told: Told) -> None:
            super().__init__()
            self.told = told

    DEFAULT_CSS = """
    TalkBase {
        height: 1fr;
        layout: vertical;
        #both { height: 1fr; layout: horizontal; layers: base over; }
        #talk-main { width: 1fr; height: 1fr; layer: base; }
        #talk-title { height: 1; padding: 0 1; color: $text-muted; }
        #talk-title { text-wrap: nowrap; text-overflow: ellipsis; }
        TranscriptView { height: 1fr; }
        #both > .side { layer: over; dock: right; }
        #both > AlternativesPanel.side { layer: base; dock: bottom; width: 100%; height: 9; max-height: 50%; }
        &.-wide #both > .side { layer: base; }
        &.-wide #both > AlternativesPanel.side { dock: right; width: 36; height: 1fr; max-height: 100%; }
        &.-no-model > * { display: none; }
        &.-no-model NoModel { display: block; }
        &.-beside #transcript, &.-beside #talk-title { display: none; }
        #model-line { height: 1; background: $surface; color: $text-muted; }
        #mode { display: none; height: 1; padding: 0 1; color: $primary; text-style: bold; }
        #mode.-shown { display: block; }
        #mark { width: 2; height: 1; padding: 0 0 0 1; color: $primary; text-style: bold; }
        #ask { height: auto; layout: horizontal; background: $surface; }
        #ask PromptInput { width: 1fr; }
    }
    """

    def __init__(
        self,
        *,
        id: str | None = None,
        make_talker: Callable[[Callable[[Told], None]], Talker] = Talker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(id=id)
        self.clock = clock
        self.view = TranscriptView(id="transcript")
        self.field = PromptInput(id="prompt")
        self.mode = Static(id="mode", markup=False)
        self.side: SideBySide | None = None  # what stands side by side
        self.drawer: SettingsDrawer | None = None
        self._title = Static(id="talk-title", markup=False)
        self._line = Static(id="model-line", markup=False)
        self._no_model: NoModel | None = None  # made when there is none
        self._is_whole = False
        self.talker = make_talker(self._heard)
        self.transcript = Transcript()
        self.editing = ""  # id of the turn beside which the next one goes
        self.edited_answer = ""  # id of the answer of which the field has what a person makes of it
        self._draft = self._text_before = ""  # what was in the field before that, and at its beginning
        self._saved_at = 0.0

    def compose(self) -> ComposeResult:
        with Container(id="both"), Vertical(id="talk-main"):
            yield self._title
            yield self.view
        yield self._line
        yield self.mode
        with Container(id="ask"):
            yield Static(">", id="mark", markup=False)
            yield self.field

    def on_mount(self) -> None:
        self._is_whole = True
        shell = shell_of(self)
        self.settings = TalkSettings.from_text(shell.memory.layout.get(KEPT, ""))
        self.transcript.set_context(self.settings.context)
        self.conversation = Conversation(self.talker, shell.runs_folder, self.clock)
        self.keeper = TranscriptKeeper(paths.transcripts_dir(), self.app.call_later, self._not_kept)
        back = key_of(self, "back")
        self.field.placeholder = f"ask something, or begin a text ({back}: to the transcript and its keys)"
        self.set_interval(TITLE_SECONDS, self._tick)
        if last := shell.memory.layout.get(LAST, ""):
            self.keeper.open(last, partial(self._opened_last, self.transcript))
        self.draw()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.draw_line()

    def status(self) -> Status:
        found = self._shown_exchanges() if self._is_whole else []
        if not found:
            return Status()
        state = "loading" if all(exchange.stage != "writing" for exchange in found) else "writing"
        tokens = sum(exchange.tokens for exchange in found)
        most = sum(options.max_tokens for exchange in found for options in exchange.options)
        paces = [pace for exchange in found if (pace := exchange.pace(self.clock())) is not None]
        name = " and ".join(dict.fromkeys(exchange.model.run for exchange in found))
        pace = sum(paces) if paces else None
        return Status(name, state, tokens, most, unit="tokens", tokens_per_second=pace)

    def _shown_exchanges(self) -> list[Exchange]:
        """What is being written to this transcript; to others, where nothing is."""
        return list(self.conversation.open(self.transcript)) or list(self.conversation.open())

    # What the talker tells.

    def _heard(self, told: Told) -> None:
        """Called in a thread of the talker."""
        self.post_message(self.Heard(told))

    def on_talk_base_heard(self, event: Heard) -> None:
        event.stop()
        told = event.told
        if self.take_warm(told) or any(screen.take(told) for screen in self._positions_screens()):
            return
        news = self.conversation.take(told)
        if news is None:
            return
        if not isinstance(told, Written):
            if isinstance(told, Begun):
                self.has_answered(news.exchange.model, news.exchange.precision)
            self.draw()
            self.save(news.exchange.transcript)
            self.refresh_bindings()
            return
        if news.answer is None:
            return
        if self.side is not None:
            self.side.extend(news)
        elif news.exchange.transcript is self.transcript:
            self.view.extend(f"{ANSWER}{news.answer.id}", news.tokens)

    def _positions_screens(self) -> Iterator[PositionsScreen]:
        return (screen for screen in self.app.screen_stack if isinstance(screen, PositionsScreen))

    def _tick(self) -> None:
        """Say how quickly it goes, and keep what was written."""
        found = list(self.conversation.open())
        if not found:
            return
        now = self.clock()
        if now - self._saved_at >= SAVE_SECONDS:
            self._saved_at = now
            for exchange in found:
                self.save(exchange.transcript)
        if is_seen(self):
            self.draw_line()
            self._draw_titles(found, now)

    def _draw_titles(self, found: list[Exchange], now: float) -> None:
        if (side := self.side) is not None:
            side.draw_titles()
            return
        for exchange in found:
            for answer in exchange.answers if exchange.transcript is self.transcript else ():
                if answer.outcome is None:
                    title = title_of(self.transcript.turn(exchange.turn), answer, exchange, now)
                    self.view.update_title(f"{ANSWER}{answer.id}", title, True)

    # Drawing.

    def draw(self) -> None:
        """Show the transcript as it is now, and all that is said around it."""
        if (side := self.side) is not None:
            side.draw()
        else:
            blocks = blocks_of(self.transcript, self.conversation, self.clock())
            self.view.show(blocks or [self._introduction()])
        title = self.transcript.title or "a new transcript"
        self._title.update(Text(printable(title, 200), no_wrap=True))
        self.draw_line()

    def _introduction(self) -> Block:
        choice = self.choice
        title = f"Talk to {choice.run}" if choice is not None else "Talk to a model"
        return Block("introduction", "note", title, HONEST)

    @property
    def has_no_model(self) -> bool:
        """Whether there is nothing to talk to, and nothing that was said."""
        return self.runs_read and self.choice is None and self.transcript.is_empty

    @property
    def is_whole(self) -> bool:
        """Its parts are there; not so while it is being made or about to go."""
        return self._is_whole

    def runs_changed(self) -> None:
        was_without = self.has_class("-no-model")
        self.set_class(self.has_no_model, "-no-model")
        if self.has_no_model and self._no_model is None:
            self._no_model = NoModel()
            self.mount(self._no_model)
        if was_without != self.has_no_model and is_seen(self):
            self.call_after_refresh(self.focus_first)
        if self.transcript.is_empty:
            self.draw()
        self.draw_line()
        self.refresh_bindings()

    def earlier_prompts(self, prompts: list[str]) -> None:
        self.field.earlier.fill(prompts)

    @property
    def is_writing(self) -> bool:
        return any(self.conversation.open())

    def focus_first(self) -> None:
        """Give the focus to what one works with."""
        if self.side is not None:
            self.side.focus_first()
        elif self._no_model is not None and self.has_no_model:
            self._no_model.focus_first()
        else:
            self.field.focus()

    def draw_line(self) -> None:
        """The line of the model."""
        line = self._line
        choice = self.choice
        if choice is None:
            line.update(Text(" there is no model yet" if self.runs_read else " looking for models…"))
            return
        here = list(self.conversation.open(self.transcript))
        doing = doing_of(here, self.clock(), key_of(self, "back")) or {
            "": "",
            "ready": "",
            "loading": "reading the model…",
        }.get(self.warmth, "it cannot be read")
        if not here and self.is_writing:
            doing = "writing elsewhere"
        line.update(
            model_line(
                choice,
                self.run_of(choice),
                self.settings,
                width=self.size.width,
                doing=doing,
                ready=self.warmth == "ready" and self.run_of(choice) is not None,
            )
        )

    def on_prompt_input_page(self, event: PromptInput.Page) -> None:
        event.stop()
        self.view.action_page(event.by)

    # Transcripts.

    def save(self, transcript: Transcript) -> None:
        """Keep what changed, if anything was said at all."""
        if not transcript.is_empty:
            self.keeper.save(transcript)

    def find_transcript(self, transcript_id: str, place: Found | None = None) -> None:
        """Go on with a kept one, as its file stands now; one that is written to here is there already.

        ``place``: what is to be in sight of it.
        """
        found = (exchange.transcript for exchange in self.conversation.open())
        written = next((each for each in found if each.id == transcript_id), None)
        if written is not None:
            self._open_found(place, written)
        else:
            self.save(self.transcript)
            self.keeper.open(transcript_id, partial(self._open_found, place))

    def _open_found(self, place: Found | None, found: Transcript | None) -> None:
        if found is None:
            return
        now = self.transcript
        if found.id != now.id or not (now.unsaved() or any(self.conversation.open(now))):
            self.open_transcript(found)  # else what could not be kept is in memory alone
        if place is not None:
            self._go_to(place)

    def _go_to(self, place: Found) -> None:
        """Lead the path through a place, and bring it into sight."""
        transcript, key = self.transcript, f"{PROMPT}{place.turn}"
        with contextlib.suppress(UsageError):  # it is not there any more
            if place.answer is None:
                transcript.choose_turn(place.turn)
            else:
                key = f"{ANSWER}{place.answer}"
                transcript.choose_answer(place.turn, place.answer)
        self.save(transcript)
        self.draw()
        self.call_after_refresh(self.view.find, key, place.at)

    def open_transcript(self, transcript: Transcript) -> None:
        """Go on with another one; what is being written to this one goes on too."""
        self.transcript = transcript
        self.settings = replace(self.settings, context=transcript.context)
        if (drawer := self.drawer) is not None:
            drawer.show(self.settings)
        self.remember_transcript()
        self.draw()
        self.view.action_last()
        self.refresh_bindings()

    def remember_transcript(self) -> None:
        """Go on with it when the app is opened again."""
        shell = shell_of(self)
        if shell.memory.layout.get(LAST) != self.transcript.id:
            shell.remember(layout={**shell.memory.layout, LAST: self.transcript.id})

    def _opened_last(self, empty: Transcript, found: Transcript | None) -> None:
        """Go on where one left, if nothing else was begun meanwhile."""
        if found is not None and self.transcript is empty and empty.is_empty:
            self.open_transcript(found)

    def leave_transcript(self, transcript_id: str) -> None:
        """It is about to be deleted: end what is written to it; if it is the open one, go on with a new one.

        Nothing may be written to it later: that would make its file anew.
        """
        for transcript in self.conversation.break_off(transcript_id):
            self.save(transcript)  # so that it is there if it is brought back
        if transcript_id == self.transcript.id:
            self.begin_transcript()
        else:
            self.draw()
            self.refresh_bindings()

    def begin_transcript(self) -> None:
        """Go on with an empty one."""
        transcript = Transcript()
        transcript.set_context(self.settings.context)
        self.open_transcript(transcript)

    async def on_unmount(self) -> None:
        """The app closes: what was written is kept, and the process that holds the models ends."""
        self._is_whole = False
        for transcript in self.conversation.break_off():
            self.save(transcript)
        self.talker.close()
        await asyncio.to_thread(self.keeper.close)

    def _not_kept(self, error: YsnakesError) -> None:
        shell_of(self).tell(error, title="The transcript is not kept")
