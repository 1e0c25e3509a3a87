"""What all tests share: properties are checked without deadlines, since machines differ."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ysnakes", deadline=None)
settings.load_profile("ysnakes")
