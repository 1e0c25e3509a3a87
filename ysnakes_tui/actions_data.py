"""What one can do in the Data pane."""

from __future__ import annotations

import functools

from ysnakes_tui.action import Action

_data = functools.partial(Action, context="data")
_DATA = (
    _data("new_job", ("n",), "New job", "Say what text is to be written, and by which teacher.", rank=5),
    _data("jobs", ("j",), "Jobs", "Watch the job that is writing, and go on with earlier ones.", rank=6),
    _data("curate", ("c",), "Curate", "Look at records one by one: accept, reject, edit.", rank=7),
    _data(
        "statistics", ("v",), "Statistics", "See how much there is, and of what.", rank=15, short="Figures"
    ),
    _data("library", ("l",), "Library", "List all records: search, filter and read them.", rank=9),
    _data(
        "send_to_training",
        ("T",),
        "Train on this text",
        "Write the text of the library to files and open the form of a new run for them.",
        rank=8,
        short="Train on it",
    ),
)

_job_form = functools.partial(Action, context="job_form")
_JOB_FORM = (
    _job_form(
        "start_job", ("enter", "f5"), "Start the job", "Write what the form says.", rank=4, short="Start"
    ),
    _job_form(
        "pull_model",
        ("P", "f6"),
        "Get the model",
        "Let Ollama get the model that is missing; esc stops it.",
        rank=5,
        short="Get model",
    ),
    _job_form(
        "copy_server_command",
        ("y", "f7"),
        "Copy what mends it",
        "Copy the command line that gets Ollama ready.",
        rank=6,
        short="Copy command",
    ),
)

_job = functools.partial(Action, context="job")
_JOB = (
    _job("pause_job", ("space",), "Pause the job", "Begin no more records, or go on.", rank=4, short="Pause"),
    _job("cancel_job", ("x",), "End the job", "End it; what is finished is kept.", rank=5, short="End"),
    _job(
        "resume_job",
        ("enter",),
        "Go on with a job",
        "Write what is missing of the job under the cursor.",
        rank=4,
        short="Go on",
    ),
    _job(
        "next_writing",
        ("w",),
        "Another record",
        "Watch another one of the records that are being written.",
        rank=10,
        short="Next record",
    ),
    _job(
        "copy_job_command",
        ("y",),
        "Copy the job's command",
        "Copy the command line that mends what is wrong, or that goes on with the job.",
        rank=11,
        short="Copy command",
    ),
)

_records = functools.partial(Action, context="records")
_RECORDS = (
    _records("accept", ("a",), "Accept", "This record is good.", rank=3),
    _records(
        "reject", ("x",), "Reject", "This record is not to be trained on; it stays in the library.", rank=3
    ),
    _records("edit_record", ("e",), "Edit", "Change the answer; the teacher's own is kept too.", rank=4),
    _records("keep_edit", ("ctrl+s", "f5"), "Keep the edit", "Keep the answer as it was typed.", rank=3),
    _records(
        "regenerate",
        ("R",),
        "Write anew",
        "Ask the record's teacher again; the old answer stays until the new one is there.",
        rank=7,
    ),
    _records(
        "undo_change",
        ("u",),
        "Undo",
        "Take back the last change of any record; again for earlier ones.",
        rank=6,
    ),
    _records(
        "clean",
        ("m",),
        "Take out what is marked",
        "Take out of the answer what the rules marked as not belonging there.",
        rank=6,
        short="Mend",
    ),
    _records("next_finding", (".",), "Next flag", "Go to the next place that the rules marked.", rank=13),
    _records("copy_record", ("y",), "Copy the answer", "Copy the whole answer of this record."),
)

_library = functools.partial(Action, context="library")
_LIBRARY = (
    _library("search_records", ("/",), "Search", "Show only records with some words in them.", rank=5),
    _library("filter_kind", ("k",), "Kind", "Show only records of one kind."),
    _library(
        "filter_decision",
        ("d",),
        "Decision",
        "Show only records that are pending, accepted, edited or rejected.",
    ),
    _library(
        "filter_flags", ("!",), "Flags", "Show only records in which rules found something, or nothing."
    ),
    _library("filter_teacher", ("w",), "Teacher", "Show only records that one teacher wrote."),
    _library("clear_filters", ("0",), "Show all", "Show all records again.", rank=14),
    _library(
        "write_builtin",
        ("b",),
        "Built-in teacher",
        "Have the built-in teacher write text: at once, without a server.",
        rank=4,
        short="Built-in",
    ),
    _library(
        "write_ollama",
        ("o",),
        "A model in Ollama",
        "Have a model in Ollama write text.",
        rank=4,
        short="Ollama",
    ),
)

_curation = functools.partial(Action, context="curation")
_CURATION = (_curation("skip", ("s",), "Skip", "Leave this record for later.", rank=4),)

_statistics = functools.partial(Action, context="statistics")
_STATISTICS = (
    _statistics("count_again", ("r",), "Count again", "Read the whole library again.", rank=4),
    _statistics(
        "near_duplicates",
        ("d",),
        "Look for near-duplicates",
        "Find records that say nearly the same. In a large library this takes a while.",
        rank=4,
        short="Duplicates",
    ),
)

DATA_ACTIONS: tuple[Action, ...] = (
    *_DATA,
    *_JOB_FORM,
    *_JOB,
    *_RECORDS,
    *_LIBRARY,
    *_CURATION,
    *_STATISTICS,
)
