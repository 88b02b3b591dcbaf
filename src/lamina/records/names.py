"""What runs are called: ten hexadecimal digits for programs, two words for people."""

from __future__ import annotations

import secrets

QUALITIES = (
    *("able", "agile", "amber", "ample", "bold", "brave", "breezy", "bright", "brisk", "broad"),
    *(
        "calm",
        "candid",
        "careful",
        "cheery",
        "civil",
        "clear",
        "clever",
        "cosy",
        "crisp",
        "curious",
    ),
    *("daring", "deft", "eager", "early", "earnest", "easy", "elder", "fabled", "fair", "famous"),
    *("fast", "fine", "firm", "fleet", "fond", "frank", "free", "fresh", "gentle", "glad"),
    *("golden", "grand", "happy", "hardy", "hazel", "honest", "humble", "jolly", "keen", "kind"),
    *("lasting", "lean", "light", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mild"),
    *("modest", "neat", "nimble", "noble", "open", "patient", "placid", "plain", "polite", "proud"),
    *("quick", "quiet", "rapid", "ready", "rosy", "round", "serene", "sharp", "silent", "silver"),
    *("simple", "sincere", "smooth", "snowy", "solid", "sound", "spry", "steady", "still", "stout"),
    *("sturdy", "sunny", "swift", "tall", "tender", "tidy", "tranquil", "true", "upbeat", "vivid"),
    *("warm", "wary", "watchful", "wise", "witty", "young", "zesty"),
)
"""First words."""

THINGS = (
    *("acorn", "alder", "anchor", "apple", "aspen", "badger", "basin", "beacon", "beaver", "beech"),
    *("birch", "bison", "brook", "cedar", "cliff", "clover", "comet", "coral", "crane", "creek"),
    *("delta", "dove", "dune", "eagle", "elm", "ember", "falcon", "fern", "finch", "fjord"),
    *("forest", "fox", "garden", "geyser", "glacier", "glade", "grove", "gull", "harbour", "hare"),
    *("harp", "hawk", "heath", "heron", "hill", "island", "ivy", "jay", "juniper", "kestrel"),
    *("lagoon", "lake", "lantern", "larch", "lark", "lichen", "lily", "linden", "lynx", "magpie"),
    *("maple", "marsh", "marten", "meadow", "mole", "moon", "moss", "newt", "oak", "orbit"),
    *("orchid", "osprey", "otter", "owl", "peak", "pebble", "pine", "plover", "plum", "pond"),
    *("poplar", "prairie", "quail", "quartz", "raven", "reef", "ridge", "river", "robin", "rowan"),
    *("sail", "seal", "shore", "sparrow", "spring", "spruce", "star", "stone", "stork", "stream"),
    *("summit", "swallow", "swan", "teal", "tern", "thicket", "thrush", "tide", "trout", "tulip"),
    *("valley", "vole", "walnut", "warbler", "willow", "wren", "yew"),
)
"""Second words."""


def new_id() -> str:
    """Ten hexadecimal digits that no run has."""
    return secrets.token_hex(5)


def name_of(identity: str) -> str:
    """The name of a run by its id: "brave-otter"; two runs may share one, see `Store.create`."""
    number = int(identity, 16)
    quality, thing = number % len(QUALITIES), number // len(QUALITIES) % len(THINGS)
    return f"{QUALITIES[quality]}-{THINGS[thing]}"
