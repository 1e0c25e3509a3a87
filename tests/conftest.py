"""What all tests share.

Properties are checked without deadlines, since machines differ. The models here are tiny: two threads would
spend their time waiting for one another, and many times more of it on a busy machine.
"""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; the processes that tests start inherit it

settings.register_profile("ysnakes", deadline=None)
settings.load_profile("ysnakes")
