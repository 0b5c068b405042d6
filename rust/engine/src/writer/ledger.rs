//! Ledger of the series that have no gate: points for which there was no room, and what gates have left.

use std::collections::{BTreeSet, HashMap};

use crate::ledger::Tally;
use crate::types::{DropReason, Point, Seq, SeriesId};

/// What is known of one series.
#[derive(Debug, Default)]
struct Account {
    tally: Tally,
    /// Points that no record of the journal has.
    unrecorded: u64,
    /// Number of the writer's next point when the last one was dropped.
    at: Seq,
}

/// Tallies by series, and which of them the journal does not have.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: HashMap<u32, Account>,
    unwritten: BTreeSet<u32>,
    /// Points dropped for lack of room since the writer was opened.
    dropped: u64,
    /// Points that met a shortage: dropped, or merged with others.
    met_no_room: u64,
    /// As the header of the current chunk says: points dropped since it began, and those before it that no record has.
    in_chunk: u64,
    /// How many of these the records of the current chunk have.
    recorded: u64,
}

impl Ledger {
    /// Counts a point that was dropped. `at` is the number of the next point: one that was stored since the last drop ends a
    /// stretch.
    pub(super) fn drop(&mut self, series: SeriesId, reason: DropReason, point: Point, at: Seq) {
        let account = self.accounts.entry(series.0).or_default();
        account.tally.drop(reason, point, account.at == at);
        account.at = at;
        account.unrecorded += 1;
        self.unwritten.insert(series.0);
        (self.dropped, self.met_no_room, self.in_chunk) = (self.dropped + 1, self.met_no_room + 1, self.in_chunk + 1);
    }

    /// What the header of the current chunk is to say.
    pub(super) fn in_chunk(&self) -> u64 {
        self.in_chunk
    }

    /// Counts a point that is merged with others because there was no room.
    pub(super) fn note_merged(&mut self) {
        self.met_no_room += 1;
    }

    /// Points dropped for lack of room since the writer was opened.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Points for which there was no room, be they dropped or merged.
    pub(super) fn met_no_room(&self) -> u64 {
        self.met_no_room
    }

    /// Begins the count of a new chunk, whose header says what is [`Ledger::unrecorded`].
    pub(super) fn begin_chunk(&mut self) {
        self.in_chunk = self.unrecorded();
        self.recorded = 0;
    }

    /// Series with something that the journal does not have.
    pub(super) fn unwritten(&self) -> Vec<u32> {
        self.unwritten.iter().copied().collect()
    }

    /// Dropped points that no record has.
    pub(super) fn unrecorded(&self) -> u64 {
        self.in_chunk - self.recorded
    }

    /// Whether the journal lacks something of a series.
    pub(super) fn is_unwritten(&self, series: u32) -> bool {
        self.unwritten.contains(&series)
    }

    /// The tally of a series.
    pub(super) fn tally(&self, series: u32) -> Tally {
        self.accounts
            .get(&series)
            .map(|account| account.tally.clone())
            .unwrap_or_default()
    }

    /// How many dropped points the records will have when there is one of this series.
    pub(super) fn recorded_with(&self, series: u32) -> u64 {
        self.recorded + self.accounts.get(&series).map_or(0, |account| account.unrecorded)
    }

    /// The journal has a record of this series.
    pub(super) fn note_recorded(&mut self, series: u32) {
        if let Some(account) = self.accounts.get_mut(&series) {
            self.recorded += std::mem::take(&mut account.unrecorded);
        }
        self.unwritten.remove(&series);
    }

    /// Takes the tally of a series that gets a gate; `None` while the journal does not have all of it.
    pub(super) fn take(&mut self, series: u32) -> Option<Tally> {
        if self.unwritten.contains(&series) {
            return None;
        }
        Some(
            self.accounts
                .remove(&series)
                .map(|account| account.tally)
                .unwrap_or_default(),
        )
    }

    /// Takes over from a gate what the journal has a record of.
    pub(super) fn give(&mut self, series: u32, tally: Tally) {
        if tally.points() > 0 {
            let account = Account {
                tally,
                ..Account::default()
            };
            self.accounts.insert(series, account);
        }
    }

    /// All tallies, by series.
    pub(super) fn tallies(&self) -> impl Iterator<Item = (u32, &Tally)> {
        self.accounts.iter().map(|(series, account)| (*series, &account.tally))
    }
}
