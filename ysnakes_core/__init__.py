"""The engine of ysnakes: text, model, training, runs, completion. It knows no front end."""

__version__ = "0.2.0"
