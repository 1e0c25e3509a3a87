"""Everything one can do in the app, once: its key, its name, what it does and where it holds.

Bindings, footer, command palette, F1 help and ``ysnakes keys`` are all made from ``ACTIONS``. An action of
the context ``app`` is done by the app's method ``action_<id>``, any other by the same method of the pane
that is shown. A pane says which context holds in it (``Pane.context``); what holds in a context also holds
in those inside it.

Letters go to a text field while one has the focus. Lists, buttons and fields keep the keys they need for
themselves (enter, space, arrows): there the widget's own message (``Input.Submitted``,
``DataTable.RowSelected``) is what the pane answers to.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ysnakes_tui.action import Action, Context
from ysnakes_tui.actions_complete import COMPLETE_ACTIONS
from ysnakes_tui.actions_data import DATA_ACTIONS

__all__ = [
    "ACTIONS",
    "CONTEXTS",
    "Action",
    "Context",
    "actions_for",
    "actions_of",
    "bindings_for",
    "enclosing",
]

if TYPE_CHECKING:
    from textual.binding import Binding

    from ysnakes_tui.keymap import Keymap


CONTEXTS: dict[str, Context] = {
    context.name: context
    for context in (
        Context("app", "Everywhere"),
        Context("run", "A run", "app"),
        Context("train", "Watching a run", "run"),
        Context("runs", "The list of runs", "run"),
        Context("form", "A new run", "app"),
        Context("data", "Text", "app"),
        Context("records", "A record of text", "data"),
        Context("library", "The library of text", "records"),
        Context("curation", "Curation", "records"),
        Context("statistics", "Statistics", "data"),
        Context("job_form", "A new job", "data"),
        Context("job", "Jobs", "data"),
        Context("complete", "Talking to a model", "app"),
        Context("prompt", "Writing to a model", "complete"),
        Context("transcript", "Reading what it wrote", "complete"),
        Context("variants", "Side by side", "app"),
        Context("settings", "How it writes", "app"),
        Context("transcripts", "The list of transcripts", "app"),
        Context("no_model", "No model yet", "app"),
    )
}

_APP = (
    Action("show_data", ("1", "f2"), "Data", "Go to the Data pane: text to train on."),
    Action("show_train", ("2", "f3"), "Train", "Go to the Train pane: start, watch and steer training."),
    Action("show_complete", ("3", "f4"), "Complete", "Go to the Complete pane: talk to a model."),
    Action("help", ("f1", "?"), "Help", "Show every key that works where you are.", rank=1),
    Action("palette", (":", "ctrl+p"), "Commands", "Find anything one can do here by its name.", rank=3),
    Action("back", ("escape",), "Back", "Cancel what is running and keep what was made; leave a field."),
    Action("jump", ("g",), "Go to", "Put a letter on every part that takes keys; press one to go there."),
    Action("maximize", ("f",), "Full screen", "Give the focused panel the whole screen; esc brings it back."),
    Action("theme", ("t",), "Theme", "Choose the colours, seeing them at once."),
    Action("toggle_ascii", (), "Plain characters", "Draw with ASCII characters only, or with all of them."),
    Action("copy_selection", ("ctrl+c",), "Copy", "Copy the text that was selected with the mouse."),
    Action("save_picture", (), "Save a picture", "Save what is on the screen as an SVG picture."),
    Action("quit", ("q",), "Quit", "Leave the app. Training goes on without it.", rank=2),
)

_run = functools.partial(Action, context="run")
_RUN = (
    _run("new_run", ("n",), "New run", "Say what to train, and see what it takes before it starts.", rank=5),
    _run("runs", ("r",), "Runs", "List all runs: find, compare, rename and delete them.", rank=6),
    _run(
        "attach",
        ("enter",),
        "Follow or resume",
        "Follow this run; go on with it if it ended or crashed.",
        rank=7,
        short="Open",
    ),
    _run("compare", ("m",), "Compare", "Draw this run and others on one chart."),
    _run("copy_resume", ("y",), "Copy command", "Copy the command line that goes on with this run."),
    _run("open_folder", ("o",), "Open folder", "Open the run's folder in the system's file manager."),
    _run("delete", ("d",), "Delete", "Delete this run, after a question; undo brings it back."),
    _run("undo", ("u",), "Undo", "Bring back what was deleted last, until the app closes."),
)

_train = functools.partial(Action, context="train")
_TRAIN = (
    _train("pause", ("space",), "Pause or resume", "Save and wait, or go on.", rank=4, short="Pause"),
    _train("stop", ("x",), "Stop and finish", "Validate, save and end the run.", rank=7, short="Stop"),
    _train("validate", ("v",), "Validate now", "Score the validation text.", rank=8, short="Validate"),
    _train("sample", ("s",), "Sample now", "Let the model write something.", rank=9, short="Sample"),
    _train("checkpoint", ("c",), "Checkpoint now", "Save a checkpoint.", rank=10, short="Save"),
    _train("run_steps", (".",), "Run some steps", "Train that many, then pause.", rank=11, short="Steps"),
    _train("rate_down", ("[",), "Lower learning rate", "Scale the learning rate down."),
    _train("rate_up", ("]",), "Raise learning rate", "Scale the learning rate up."),
    _train("early_stopping", ("e",), "Early stopping", "Turn early stopping on or off.", rank=12),
    _train("edit_stopping", ("E",), "Edit early stopping", "Change its patience, min_delta and target."),
    _train("snooze", ("z",), "Not yet", "Give early stopping its whole patience again.", rank=13),
    _train("checkpoints", ("k",), "Checkpoints", "See all checkpoints and go on from any of them."),
    _train("event_log", ("w",), "What happened", "Read the run's log of events."),
    _train("log_scale", ("l",), "Log scale", "Draw values linearly or as logarithms.", rank=14),
    _train("zoom_in", ("+", "="), "Zoom in", "Show fewer steps on the chart."),
    _train("zoom_out", ("-",), "Zoom out", "Show more steps on the chart."),
    _train("zoom_reset", ("0",), "Whole chart", "Show all steps on the chart again."),
    _train("pan_left", ("<",), "Earlier steps", "Move the chart to earlier steps."),
    _train("pan_right", (">",), "Later steps", "Move the chart to later steps."),
    _train(
        "crosshair", ("i",), "Crosshair", "Read values off the chart at one step.", rank=15, short="Inspect"
    ),
    _train("crosshair_left", ("left",), "Crosshair left", "Move the crosshair to an earlier step."),
    _train("crosshair_right", ("right",), "Crosshair right", "Move the crosshair to a later step."),
)

_runs = functools.partial(Action, context="runs")
_RUNS = (
    _runs("mark", ("space",), "Mark", "Mark this run, to compare it with other marked ones.", rank=7),
    _runs("filter", ("/",), "Filter", "Show only the runs whose name has some letters in it.", rank=8),
    _runs("sort", ("s",), "Sort", "Sort the list by the next column.", rank=9),
    _runs("sort_reverse", ("S",), "Reverse order", "Turn the order of the list around."),
    _runs("rename", ("e",), "Rename", "Give this run another name.", rank=10),
)

_FORM = (Action("start", ("enter", "f5"), "Start", "Start training as the form says.", "form", rank=4),)

ACTIONS: dict[str, Action] = {
    action.id: action
    for action in (
        *_APP,
        *_RUN,
        *_TRAIN,
        *_RUNS,
        *_FORM,
        *DATA_ACTIONS,
        *COMPLETE_ACTIONS,
    )
}


def enclosing(context: str) -> Iterator[str]:
    """``context`` and those it lies in, innermost first; a context that is not known lies in ``app``."""
    name: str | None = context if context in CONTEXTS else "app"
    while name is not None:
        yield name
        name = CONTEXTS[name].parent


@functools.cache
def actions_of(context: str) -> tuple[Action, ...]:
    """What is said to hold in ``context`` itself, in the registry's order."""
    return tuple(action for action in ACTIONS.values() if action.context == context)


def actions_for(context: str) -> tuple[Action, ...]:
    """All that holds in ``context``, what is most particular to it first."""
    return tuple(action for name in enclosing(context) for action in actions_of(name))


def bindings_for(context: str, keymap: Keymap) -> list[Binding]:
    """Textual's bindings of the actions of ``context`` itself, under the keys that ``keymap`` gives them.

    Each asks the app to do the action (``app.perform``), wherever the binding stands.
    """
    from textual.binding import Binding

    return [
        Binding(key, f"app.perform('{action.id}')", action.title, tooltip=action.help, id=action.id)
        for action in actions_of(context)
        for key in keymap.names(action.id)
    ]
