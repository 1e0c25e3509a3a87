"""How the form of a new job looks."""

JOB_FORM_CSS = """
JobForm {
    height: 1fr;
    .columns { height: 1fr; }
    .fields { width: 1fr; max-width: 76; padding: 0 1; scrollbar-size-vertical: 1; }
    .kinds { width: 33; padding: 0 1 0 2; border-left: vkey $border-blurred; }
    KindCounts { height: auto; max-height: 1fr; scrollbar-size-vertical: 1; }
    .kinds .what { display: none; }
    .title { text-style: bold; color: $primary; margin-bottom: 1; }
    .row { height: 1; }
    .row > .name { width: 13; color: $text-muted; }
    .row.-bad > .name { color: $text-error; text-style: bold; }
    Input {
        border: none;
        height: 1;
        width: 1fr;
        padding: 0 1;
        background: $surface;
        &:focus { border: none; background: $panel; }
        &:nocolor:focus { text-style: underline; }
    }
    .kind Input { width: 11; }
    #concurrency, #seed, #all { max-width: 20; }
    .wrong { display: none; padding-left: 13; color: $text-error; height: auto; }
    .wrong.-shown { display: block; }
    .buttons { height: 1; margin: 1 0 0 13; }
    Button { margin-right: 2; }
    #total { height: 2; padding: 1 0 0 0; }
    #form-help { height: auto; min-height: 1; max-height: 2; padding: 0 1; color: $text-muted; }
    &.-wide .fields { max-width: 54; padding: 1 3; }
    &.-wide .kinds { width: 1fr; padding: 1 3; }
    &.-wide .kinds .what { display: block; }
    &.-wide .row { margin-bottom: 1; }
}
"""
