//! Ledger of points for which there was no room, until the journal has room for the ledger.

use std::collections::HashMap;

use crate::journal::record::DroppedPoints;
use crate::types::{DropReason, SeriesId};

/// Counts by series and reason.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pending: HashMap<(u32, u32), DroppedPoints>,
    total: u64,
}

impl Ledger {
    /// Counts `count` points that were dropped together.
    pub(super) fn add(&mut self, series: SeriesId, reason: DropReason, count: u64, first_step: i64, last_step: i64) {
        let key = (series.0, reason as u32);
        let empty = DroppedPoints {
            series: key.0,
            reason: key.1,
            count: 0,
            first_step,
            last_step,
        };
        let entry = self.pending.entry(key).or_insert(empty);
        entry.count += count;
        entry.last_step = last_step;
        self.total += count;
    }

    /// Points dropped since the writer was opened.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Takes one entry that the journal does not have yet.
    pub(super) fn take(&mut self) -> Option<DroppedPoints> {
        let key = *self.pending.keys().next()?;
        self.pending.remove(&key)
    }

    /// Gives an entry back that found no room.
    pub(super) fn put_back(&mut self, entry: DroppedPoints) {
        self.pending.insert((entry.series, entry.reason), entry);
    }
}
