"""Ledger of a run: how many of the points that it accepted are stored, and what became of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from runlake.catalog import NOTHING_KNOWN, KnownUnstored, RunAccount, UnstoredPoints, unstored_points
from runlake.entities import DroppedStretch, KeyLedger, RunLedger
from runlake.query.reader import Hook, Lake, ReadStep, arrow_frame, no_hook, open_journals, writers_of
from runlake.query.unstored import Entries, is_pending


def run_ledger(lake: Lake, run_id: str, *, hook: Hook = no_hook) -> RunLedger:
    """Return what became of the points of a run, by key, those of live processes included.

    Raises:
        NotFound: there is no such run.
    """
    lake.catalog.get_run(run_id)
    journals = open_journals(lake, [run_id], hook)
    live = {writer: [e for e in found if e.run_id == run_id] for writer, found in journals.ledger().items()}
    account = lake.catalog.run_account(run_id, writers_of(journals))
    hook(ReadStep.PLANNED)
    unsealed = arrow_frame(journals.summaries(account.sealed, [run_id]))
    counts = Counter(account.counts) + Counter(dict(zip(unsealed["key"], unsealed["count"], strict=True)))
    accounts = {key: _Account(counts[key]) for key in counts}
    for writer, entries in account.entries.items():
        for known in entries:  # the summaries of the catalog are over these as well
            accounts.setdefault(known.key, _Account(0)).stored -= known.summary.count if known.summary else 0
        _add(accounts, entries, live.get(writer, ()))
    for writer in live.keys() - account.entries.keys():
        _add(accounts, [], live[writer])
    _add_pending(accounts, live, account)
    return RunLedger(run_id, [accounts[key].of(key) for key in sorted(accounts)])


class _Account:
    """What is known of one key."""

    def __init__(self, stored: int) -> None:
        self.stored = stored
        self.in_flight = 0
        self.unstored: list[UnstoredPoints] = []

    def of(self, key: str) -> KeyLedger:
        merged = sum(entry.merged for entry in self.unstored)
        dropped: Counter[str] = Counter()
        for entry in self.unstored:
            dropped.update(entry.dropped)
        stretches = [DroppedStretch(*stretch) for entry in self.unstored for stretch in entry.stretches]
        return KeyLedger(
            key,
            accepted=self.stored + merged + dropped.total() + self.in_flight,
            stored=self.stored,
            merged=merged,
            dropped=dict(sorted(dropped.items())),
            in_flight=self.in_flight,
            stretches=sorted(stretches, key=lambda stretch: (stretch.first_step, stretch.reason)),
        )


def _add(accounts: dict[str, _Account], known: Sequence[UnstoredPoints], live: Sequence[UnstoredPoints]) -> None:
    """Add the entries of one writer; of two of a key the later one says everything."""
    newest: dict[str, UnstoredPoints] = {}
    for entry in (*known, *live):
        before = newest.get(entry.key)
        if before is None or unstored_points(entry) > unstored_points(before):
            newest[entry.key] = entry
    for key, entry in newest.items():
        accounts.setdefault(key, _Account(0)).unstored.append(entry)


def _add_pending(accounts: dict[str, _Account], live: Entries, account: RunAccount) -> None:
    for writer, entries in live.items():
        known = _known(account.entries.get(writer, ()))
        for entry in entries:
            if is_pending(entry, known.get(entry.key, NOTHING_KNOWN)):
                accounts.setdefault(entry.key, _Account(0)).in_flight += 1


def _known(entries: Sequence[UnstoredPoints]) -> Mapping[str, KnownUnstored]:
    return {entry.key: KnownUnstored(unstored_points(entry), 0, 0, 0.0) for entry in entries}
