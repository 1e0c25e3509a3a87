"""The Complete pane: talking to a model, and the list of what was talked earlier."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from textual.app import ComposeResult
from textual.widget import Widget

from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.complete.talk_view import TalkView
from ysnakes_tui.widgets.status_strip import Status
from ysnakes_tui.widgets.views import give_focus

if TYPE_CHECKING:
    from ysnakes_tui.complete.transcripts_view import TranscriptsView

View = Literal["talk", "transcripts"]
_TALK = frozenset(("complete", "prompt", "transcript", "variants", "settings", "no_model"))


class CompletePane(Widget):
    """Shows one of its views; whatever the registry has, the view that is shown does, if it can.

    ``talk`` makes the view of the talk; another may stand in for it.
    """

    DEFAULT_CSS = """
    CompletePane { height: 1fr; }
    CompletePane > * { height: 1fr; }
    """

    def __init__(self, talk: Callable[[], TalkView] = lambda: TalkView(id="talk-view")) -> None:
        super().__init__(id="complete")
        self.talk = talk()
        self._transcripts: TranscriptsView | None = None
        self._view: View = "talk"
        self._focus_in_talk: Widget | None = None  # what had it before the list was shown

    def compose(self) -> ComposeResult:
        yield self.talk

    @property
    def transcripts(self) -> TranscriptsView:
        assert self._transcripts is not None
        return self._transcripts

    @property
    def view(self) -> Widget:
        """What is shown."""
        return self.talk if self._view == "talk" else self.transcripts

    @property
    def context(self) -> str:
        if self._view == "transcripts":
            return "transcripts"
        return self.talk.context if self.is_whole else "complete"

    @property
    def is_whole(self) -> bool:
        """Its parts are there; not so while it is being made or about to go."""
        return self.talk.is_whole

    @property
    def is_typing(self) -> bool:
        """Whether letters are text where the focus is."""
        return self.is_whole and bool(getattr(self.view, "is_typing", False))

    def status(self) -> Status:
        return self.talk.status() if self.is_whole else Status()

    def idle_status(self) -> Status:
        """Which model stands ready while nothing is written."""
        return self.talk.idle_status() if self.is_whole else Status()

    def focus_first(self) -> None:
        if not self.is_whole:
            return
        before = self._focus_in_talk
        if self._view == "talk" and before is not None and before.is_attached and before.focusable:
            before.focus()
        else:
            give_focus(self.view)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_whole:
            return False
        if action in _FORWARDED:
            return self.view.check_action(action, parameters) if _does(self.view, action) else False
        return super().check_action(action, parameters)

    def label_for(self, action: str) -> str:
        """What the footer calls an action in the view that is shown; "" for what the registry calls it."""
        label_for = getattr(self.view, "label_for", None) if self.is_whole else None
        return str(label_for(action)) if callable(label_for) else ""

    async def action_back(self) -> None:
        """Close what is open in the view, else leave it for the talk."""
        closed = self.talk.action_back() if self._view == "talk" else self.transcripts.action_back()
        if inspect.isawaitable(closed):
            closed = await closed
        if not closed and self._view != "talk":
            self._show("talk")

    # The list of transcripts.

    async def action_list_transcripts(self) -> None:
        from ysnakes_tui.complete.transcripts_view import TranscriptsView

        if self._transcripts is None:
            self._transcripts = TranscriptsView(self.talk.keeper, id="transcripts-view")
            await self.mount(self._transcripts)
        self._show("transcripts")
        self.transcripts.look()

    def _show(self, view: View) -> None:
        if view != "talk" and self._view == "talk":
            self._focus_in_talk = self.screen.focused
        self._view = view
        self.talk.display = view == "talk"
        if self._transcripts is not None:
            self._transcripts.display = view == "transcripts"
        self.call_after_refresh(self.focus_first)
        self.refresh_bindings()

    def on_transcripts_view_chosen(self, event: TranscriptsView.Chosen) -> None:
        event.stop()
        self._focus_in_talk = None
        self._show("talk")
        if event.transcript is None:
            self.talk.action_new_transcript()
        else:
            self.talk.find_transcript(event.transcript, event.found)

    def on_transcripts_view_renamed(self, event: TranscriptsView.Renamed) -> None:
        event.stop()
        talk, view = self.talk, self.transcripts
        if event.transcript == talk.transcript.id:
            talk.transcript.rename(event.title)
            talk.save(talk.transcript)
            talk.draw()
            view.look()
        else:
            talk.keeper.rename(event.transcript, event.title, view.look)

    def on_transcripts_view_deleted(self, event: TranscriptsView.Deleted) -> None:
        event.stop()
        self.talk.leave_transcript(event.transcript)
        self.talk.keeper.delete(event.transcript, self.transcripts.look)


def _does(view: Widget, action: str) -> bool:
    return hasattr(view, f"action_{action}")


def _forwarding(name: str) -> Callable[[CompletePane], Any]:
    def act(pane: CompletePane) -> Any:
        return getattr(pane.view, f"action_{name}")()

    return act


_FORWARDED = frozenset(
    action.id for action in ACTIONS.values() if action.context in (*_TALK, "transcripts")
) - {"list_transcripts"}
for _name in _FORWARDED:
    setattr(CompletePane, f"action_{_name}", _forwarding(_name))
