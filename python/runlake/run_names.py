"""Random run names: three words a person can say, read and search for.

Drawn from the operating system's randomness, so that a seeded `random` or NumPy never gives two runs one name, and so
that naming a run never moves the user's own random streams.
"""

from __future__ import annotations

import secrets

_MANNERS = (
    "agile", "alert", "amber", "ample", "arctic", "autumn", "balmy", "bold", "brave", "breezy", "bright", "brisk",
    "calm", "candid", "cedar", "clear", "cobalt", "copper", "coral", "cosmic", "crisp", "daring", "dapper", "deep",
    "early", "earnest", "eager", "fair", "fleet", "fluent", "fresh", "frosty", "gentle", "gilded", "golden", "green",
    "hardy", "hazel", "hidden", "humble", "indigo", "ivory", "jade", "jolly", "keen", "kind", "lively", "lucid",
    "lunar", "mellow", "merry", "mild", "misty", "modest", "nimble", "noble", "north", "olive", "patient", "placid",
    "polar", "proud", "quick", "quiet", "rapid", "ready", "rosy", "rustic", "sage", "scarlet", "serene", "sharp",
    "silent", "silver", "sincere", "smooth", "snowy", "solar", "steady", "still", "sturdy", "subtle", "sunny", "swift",
    "tidal", "tidy", "tranquil", "true", "upbeat", "velvet", "violet", "vivid", "warm", "wild", "wise", "young",
)  # fmt: skip
_WATERS = (
    "bay", "beach", "bight", "brook", "canal", "cascade", "channel", "coast", "cove", "creek", "current", "dam",
    "delta", "dune", "eddy", "estuary", "falls", "fen", "ferry", "firth", "fjord", "ford", "fountain", "geyser",
    "glacier", "grotto", "gulf", "harbor", "heron", "inlet", "island", "isthmus", "jetty", "kayak", "kelp", "lagoon",
    "lake", "lighthouse", "lock", "loch", "marina", "marsh", "mere", "mist", "moor", "oasis", "otter", "oxbow",
    "pelican", "pier", "pike", "pond", "pool", "port", "quay", "rain", "rapids", "reed", "reef", "reservoir",
    "ripple", "river", "rivulet", "salmon", "sandbar", "schooner", "shoal", "shore", "skiff", "sloop", "snow", "sound",
    "source", "spring", "strait", "strand", "stream", "sturgeon", "surf", "swan", "tarn", "tern", "tide", "torrent",
    "trout", "wader", "water", "wave", "weir", "well", "wetland", "wharf", "willow", "yacht",
)  # fmt: skip


def random_run_name() -> str:
    """Return a name such as `quiet-fjord-482`; names may repeat, ids do not."""
    return f"{secrets.choice(_MANNERS)}-{secrets.choice(_WATERS)}-{secrets.randbelow(1000)}"
