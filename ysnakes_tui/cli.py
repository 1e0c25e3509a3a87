"""The command line: parse, call the engine, print. What is heavy is imported by the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ysnakes_core.errors import UsageError
from ysnakes_core.thread_waiting import let_threads_sleep
from ysnakes_tui import (
    cli_complete,
    cli_config,
    cli_data,
    cli_doctor,
    cli_eval,
    cli_keys,
    cli_plan,
    cli_runs,
    cli_steer,
    cli_train,
)
from ysnakes_tui.failures import WRONG_USAGE, Debugging, ParserError, parser_message, tell
from ysnakes_tui.output import has_terminal_for_app, prepare_streams, put, say, say_error


class Commands(TyperGroup):
    """The root: every ending in this program's own words, and ``--debug`` allowed anywhere."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **named: Any) -> Any:
        named["standalone_mode"] = False
        try:
            code = super().main(_debug_first(sys.argv[1:] if args is None else args), *rest, **named)
        except ParserError as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # a group named without a command
                say(str(error))
            else:
                say_error(*parser_message(error))
            code = WRONG_USAGE
        except (Exception, KeyboardInterrupt) as error:
            code = tell(error)
        sys.exit(code if isinstance(code, int) else 0)


def _debug_first(args: Sequence[str]) -> list[str]:
    """``--debug`` belongs to the root but is typed at the end, after a failure."""
    before = list(args[: args.index("--")]) if "--" in args else list(args)
    rest = list(args[len(before) :])
    if "--debug" in before:
        before = ["--debug", *(word for word in before if word != "--debug")]
    return before + rest


app = typer.Typer(
    name="ysnakes",
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
    help="Write the text, train a small state-space language model on it, and talk to it.\n\n"
    "Without a command it opens the app.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped early by request, 130 interrupted.",
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with errors.")] = False,
    ascii: Annotated[
        bool | None,
        typer.Option("--ascii/--unicode", help="What the app may draw with.", show_default=False),
    ] = None,
    runs_dir: Annotated[
        Path | None,
        typer.Option("--runs-dir", metavar="DIR", help="The folder of the app's runs.", show_default=False),
    ] = None,
) -> None:
    Debugging.on = debug
    if version:
        put(f"ysnakes {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit(_open_app(context, ascii, runs_dir))
    for name, given in (("--ascii or --unicode", ascii), ("--runs-dir", runs_dir)):
        if given is not None:
            raise UsageError(
                f"{name} before a command is only for the app", "leave it out, or give it after the command"
            )


def _open_app(context: typer.Context, ascii: bool | None, folder: Path | None) -> int:
    """The app, where there is a terminal for it; else the help."""
    if not has_terminal_for_app():
        say(context.get_help())
        say("\nThe app needs a terminal for its input and output; the commands above do not.")
        return WRONG_USAGE

    from ysnakes_core.paths import runs_dir
    from ysnakes_tui.app_opening import run_app

    return run_app(runs_dir(folder), ascii=ascii)


def _version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("ysnakes")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "(not installed)"


cli_train.register(app)
cli_complete.register(app)
cli_data.register(app)
runs = typer.Typer(help="See, steer and delete runs.", no_args_is_help=True)
cli_runs.register(runs)
cli_steer.register(runs)
app.add_typer(runs, name="runs")
cli_eval.register(app)
cli_plan.register(app)
cli_doctor.register(app)
cli_keys.register(app)
settings = typer.Typer(help="Your own defaults for new runs, and your keys.", no_args_is_help=True)
cli_config.register(settings)
app.add_typer(settings, name="config")


def main() -> None:
    """The console script."""
    prepare_streams()
    let_threads_sleep()
    app(prog_name="ysnakes")
