"""Random run names."""

import random
import re

from runlake.run_names import random_run_name


def test_a_name_is_two_words_and_a_number() -> None:
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", random_run_name())


def test_names_do_not_follow_the_users_seed_and_do_not_move_it() -> None:
    names = set()
    for _ in range(5):
        random.seed(1)
        names.add(random_run_name())
    drawn = random.random()
    random.seed(1)
    assert random.random() == drawn
    assert len(names) > 1
