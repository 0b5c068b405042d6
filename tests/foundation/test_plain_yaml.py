"""Plain YAML: what a hostile file cannot do to the process that reads it."""

import pytest

from runlake.plain_yaml import NotPlain, read_yaml


def read(content: bytes | str) -> object:
    return read_yaml(content, "to test")


def test_plain_values_are_read() -> None:
    assert read("a: [1, 2.5, true, null, 'x']\nb: &x {c: d}\ne: *x") == {
        "a": [1, 2.5, True, None, "x"],
        "b": {"c": "d"},
        "e": {"c": "d"},
    }
    assert read(b"") is None
    assert read("[" * 64 + "]" * 64)


MANY = "a0: &a0 v\nb: [" + "*a0, " * 40 + "]"
MERGED = f"a0: &a0 {{{', '.join(f'k{n}: 1' for n in range(2000))}}}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 17)
)
LONG = f"a0: &a0 {'x' * 100_000}\n" + "b: [" + "*a0, " * 20 + "]"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 1_000_000, "line 1: it is nested deeper than 64 levels"),
        ("- " * 100_000, "line 1: it is nested deeper"),
        ("? " * 100_000, "line 1: it is nested deeper"),
        ("\n".join(" " * depth + "a:" for depth in range(200)), "line 65: it is nested deeper"),
        (MANY, "line 2: it has more than 32 aliases"),
        (MERGED, "line 7: its aliases stand for more than 1,048,576 characters and values"),
        (LONG, "line 2: its aliases stand for more"),
        ("a: &a [*a]", "line 1: it has an alias of what the alias is in"),
        ("a: [1\nb: 2\n", "line 2: did not find expected ',' or ']'"),
        ("a: *nothing", "line 1: found undefined alias"),
        ("!!python/object/apply:os.system ['false']", "line 1: could not determine a constructor"),
        ("a: 2020-13-45", "month must be in 1..12"),
        (b"\xff\xfe\x00", "incomplete UTF-16 character"),
        (b"\x00", "control characters are not allowed"),
    ],
    ids=[
        *("flow", "lists", "keys", "block", "aliases", "merged", "long", "itself"),
        *("open", "undefined", "object", "date", "bytes", "control"),
    ],
)
def test_what_would_do_harm_is_refused_with_its_line(content: bytes | str, said: str) -> None:
    with pytest.raises(NotPlain) as caught:
        read(content)
    assert said in str(caught.value)
