"""``python -m ysnakes_tui``."""

from ysnakes_tui.cli import main

if __name__ == "__main__":
    main()
