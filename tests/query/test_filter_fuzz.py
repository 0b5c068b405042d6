"""Whatever text a filter is, it is read or refused in one short sentence.

The texts begin with those of filter_corpus.txt, where one that was ever answered in another way is added.
"""

import random
from pathlib import Path

from runlake.errors import InvalidInput
from runlake.query.filter.parser import parse_filter
from tests.endurance import proofs
from tests.query.test_filter_docs import SHOWN

CORPUS = [*Path(__file__).with_name("filter_corpus.txt").read_text().splitlines(), *SHOWN]
TEXTS = proofs.size(3_000, 300_000)
LONGEST_ANSWER = 600

PIECES = [
    *(
        "(",
        ")",
        "'",
        '"',
        "`",
        "''",
        ",",
        ".",
        "=",
        "!=",
        "<",
        ">=",
        "-",
        "%",
        "\\",
        "\0",
        "\n",
        "\ufeff",
        "é",
        "\U0001d538",
    ),
    *(" AND ", " OR ", " NOT ", " IN (", " BETWEEN ", " LIKE ", " IS NULL", " RLIKE ", "min(", "params.", "metrics."),
    *("1", "-0", "1e999", "0x1", "9" * 30, "nan", "7d", "-1h", "true", "(?i)", "[", "*", "a{9999}", "\\x", "\udcff"),
]


def changed(text: str, dice: random.Random) -> str:
    """Change a text in a few places: pieces go, come, move, or are taken from another text."""
    for _ in range(dice.randint(1, 6)):
        first, end = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
        end = min(end, first + 12)
        other = dice.choice(CORPUS)
        start = dice.randint(0, len(other))
        piece = dice.choice(["", dice.choice(PIECES), other[start : start + dice.randint(1, 12)], 2 * text[first:end]])
        text = text[:first] + piece + text[dice.choice([first, end]) :]
    return text


def answered(text: str) -> str:
    """Return why a filter is refused, or nothing when it is read."""
    try:
        parse_filter(text)
    except InvalidInput as error:
        return str(error)
    except Exception as error:
        raise AssertionError(f"{text!r} is answered with {type(error).__name__}") from error
    return ""


def test_any_text_is_read_or_refused_in_one_short_sentence() -> None:
    dice = random.Random(7)
    read = refused = 0
    for number in range(TEXTS):
        text = CORPUS[number] if number < len(CORPUS) else changed(dice.choice(CORPUS), dice)
        answer = answered(text)
        assert len(answer) < LONGEST_ANSWER, text
        read += not answer
        refused += bool(answer)
    proofs.say("fuzz-filter", corpus=len(CORPUS), texts=TEXTS, read=read, refused=refused, other=0)
    assert read > TEXTS // 50
    assert refused > TEXTS // 50
