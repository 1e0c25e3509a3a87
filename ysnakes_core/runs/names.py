"""Names for runs that nobody named: an adjective and a snake, like ``patient-python``."""

from __future__ import annotations

import random
from collections.abc import Callable

_ADJECTIVES = (
    *(
        "amber",
        "ancient",
        "autumn",
        "bold",
        "brave",
        "bright",
        "bronze",
        "calm",
        "candid",
        "clever",
        "copper",
    ),
    *(
        "coral",
        "cosmic",
        "curious",
        "dapper",
        "daring",
        "deft",
        "dreamy",
        "eager",
        "early",
        "earnest",
        "electric",
    ),
    *(
        "emerald",
        "fabled",
        "fearless",
        "fleet",
        "fluent",
        "gallant",
        "gentle",
        "gilded",
        "glad",
        "golden",
        "happy",
    ),
    *(
        "hidden",
        "honest",
        "humble",
        "indigo",
        "ivory",
        "jade",
        "jolly",
        "keen",
        "kind",
        "lively",
        "lucid",
        "lucky",
    ),
    *(
        "lunar",
        "mellow",
        "merry",
        "midnight",
        "mighty",
        "misty",
        "modest",
        "mossy",
        "musing",
        "nimble",
        "noble",
    ),
    *(
        "opal",
        "patient",
        "pearly",
        "placid",
        "plucky",
        "polite",
        "prudent",
        "quiet",
        "quick",
        "rapid",
        "rosy",
    ),
    *(
        "royal",
        "ruby",
        "rustic",
        "sage",
        "scarlet",
        "serene",
        "shy",
        "silent",
        "silver",
        "sleek",
        "smooth",
        "snug",
    ),
    *(
        "solar",
        "spry",
        "steady",
        "sterling",
        "stoic",
        "sunny",
        "supple",
        "swift",
        "tidal",
        "tidy",
        "tranquil",
    ),
    *(
        "trusty",
        "velvet",
        "verdant",
        "vivid",
        "wandering",
        "warm",
        "wild",
        "willing",
        "winter",
        "wise",
        "witty",
    ),
)
_SNAKES = (
    *("adder", "anaconda", "asp", "boa", "boomslang", "bushmaster", "cobra", "copperhead", "coral-snake"),
    *("cornsnake", "garter", "gopher", "hognose", "keelback", "kingsnake", "krait", "lancehead", "mamba"),
    *("milksnake", "moccasin", "mudsnake", "python", "racer", "rattler", "ribbon", "sidewinder", "taipan"),
    *("treesnake", "viper", "watersnake", "whipsnake", "wolfsnake"),
)


def friendly_name(rng: random.Random, taken: Callable[[str], bool]) -> str:
    """A name that is not ``taken``, determined by ``rng``; numbered once the plain ones run short."""
    name = ""
    for _ in range(20):
        name = f"{rng.choice(_ADJECTIVES)}-{rng.choice(_SNAKES)}"
        if not taken(name):
            return name
    number = 2
    while taken(f"{name}-{number}"):
        number += 1
    return f"{name}-{number}"
