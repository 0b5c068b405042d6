//! Balance of one writer's journal: the ledger entry of each series, from its slots and its side logs.
//!
//! Slots know it up to the last call, records up to a sync. Either may say that a point is pending which the journal has by now,
//! because a point is stored first and the slot says so next. Then the points decide.

use std::collections::{BTreeMap, HashMap};

use crate::error::Result;
use crate::journal::chunk_file::{Block, f64s, i64s, u32s};
use crate::journal::entry::Entry;
use crate::journal::reader::{Held, WriterJournal};
use crate::ledger::{LedgerEntry, Tally};
use crate::types::{DropReason, Point, Seq};

impl WriterJournal {
    /// The newest entry of each series that has not stored all of its points, by series number. What is pending in it is in
    /// none of the points of this journal.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn entries(&self) -> Result<BTreeMap<u32, Entry>> {
        let mut entries = self.recorded()?;
        let mut from: HashMap<u32, Seq> = entries.values().map(|entry| (entry.series, entry.at)).collect();
        for slot in &self.slots {
            // A point and its slot change together: only the last point can be ahead of the slot.
            from.insert(slot.series, slot.at.max(self.slots_read_at.saturating_sub(1)));
            let stretches = entries.remove(&slot.series).map(|entry| entry.tally.stretches);
            entries.insert(slot.series, with_stretches(slot.clone(), stretches.unwrap_or_default()));
        }
        from.retain(|series, _| entries.get(series).is_some_and(|entry| entry.pending.is_some()));
        self.settle(&mut entries, from)?;
        entries.retain(|_, entry| entry.tally.points() > 0 || entry.pending.is_some());
        Ok(entries)
    }

    /// Whether the disk knows less than `entries`: records say of points that they are pending which have been stored, or
    /// superseded, by points that are not on the disk.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn is_behind(&self, entries: &BTreeMap<u32, Entry>) -> Result<bool> {
        let is_unsynced = |chunk: &Held| Ok::<_, crate::Error>(chunk.file.durable()? < chunk.file.committed()?);
        if self.chunks.iter().any(|chunk| chunk.side.settled) {
            return Ok(false);
        }
        let is_pending = |series: &u32| entries.get(series).is_some_and(|entry| entry.pending.is_some());
        let recorded = self.recorded()?;
        let superseded = recorded
            .iter()
            .any(|(series, entry)| entry.pending.is_some() && !is_pending(series));
        let unsynced = self.chunks.iter().map(is_unsynced).collect::<Result<Vec<_>>>()?;
        Ok(superseded && unsynced.contains(&true))
    }

    /// The same with names; a series whose name is lost is nobody's.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn ledger(&self) -> Result<Vec<LedgerEntry>> {
        let entries = self.entries()?;
        let names = self.names_by(|series| entries.contains_key(&series));
        let named = entries.into_iter().filter_map(|(series, entry)| {
            Some(LedgerEntry {
                name: (*names.get(&series)?).clone(),
                tally: entry.tally,
                pending: entry.pending,
            })
        });
        let mut ledger: Vec<LedgerEntry> = named.collect();
        ledger.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(ledger)
    }

    /// Points that were dropped for lack of room and are in no entry: a process was killed before it could write one.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn unrecorded(&self) -> Result<u64> {
        // Each chunk takes over what the one before it still had; one that only copies another has none.
        let own = self.chunks.iter().filter(|chunk| chunk.side.replaces.is_none());
        let Some(last) = own.max_by_key(|chunk| chunk.file.header().chunk_no) else {
            return Ok(0);
        };
        let recorded = last.side.ledger.iter().map(|entry| entry.recorded).max().unwrap_or(0);
        Ok(last.file.met_no_room()?.saturating_sub(recorded))
    }

    /// The newest record of each series. Where the memory of its writer is gone, one that goes with points which are gone too
    /// is none; and where somebody has settled the journal, what was believed then is what counts.
    fn recorded(&self) -> Result<BTreeMap<u32, Entry>> {
        let settled = self.chunks.iter().filter(|chunk| chunk.side.settled);
        if let Some(last) = settled.max_by_key(|chunk| chunk.file.header().chunk_no) {
            let entries = last.side.ledger.iter().map(|entry| (entry.series, entry.clone()));
            return Ok(entries.collect());
        }
        // What is before the first chunk has been sealed.
        let mut end = self.bounds().start;
        for chunk in &self.chunks {
            end = end.max(proven(chunk)?);
        }
        let records = self.chunks.iter().flat_map(|chunk| &chunk.side.ledger);
        Ok(newest(records.filter(|entry| entry.at <= end)))
    }

    /// Looks for the first point of each series in `from`, from that number on.
    fn settle(&self, entries: &mut BTreeMap<u32, Entry>, mut from: HashMap<u32, Seq>) -> Result<()> {
        let Some(start) = from.values().min().copied() else {
            return Ok(());
        };
        self.visit(start, |first, block| supersede_by(entries, &mut from, first, block))
    }
}

/// The newest of the records of each series.
pub(crate) fn newest<'a>(records: impl Iterator<Item = &'a Entry>) -> BTreeMap<u32, Entry> {
    let mut newest = BTreeMap::<u32, Entry>::new();
    for entry in records {
        let age = |entry: &Entry| (entry.tally.points(), entry.at);
        if newest.get(&entry.series).is_none_or(|known| age(known) <= age(entry)) {
            newest.insert(entry.series, entry.clone());
        }
    }
    newest
}

/// Takes pending points away that the points of a block, which are numbered from `first` on, supersede: of each series in
/// `from` it is the first one from that number on, and then the series is out of it.
pub(crate) fn supersede_by(
    entries: &mut BTreeMap<u32, Entry>,
    from: &mut HashMap<u32, Seq>,
    first: Seq,
    block: &Block<'_>,
) {
    let points = i64s(block.step).zip(i64s(block.timestamp_ms)).zip(f64s(block.value));
    for ((series, ((step, timestamp_ms), value)), seq) in u32s(block.series).zip(points).zip(first..) {
        if from.get(&series).is_some_and(|from| seq >= *from) {
            from.remove(&series);
            let point = Point {
                step,
                timestamp_ms,
                value,
            };
            if let Some(entry) = entries.get_mut(&series) {
                supersede(entry, point);
            }
        }
    }
}

/// End of the points of a chunk that were there for certain, 0 where none was.
fn proven(chunk: &Held) -> Result<Seq> {
    if chunk.trusted {
        return Ok(chunk.range.end);
    }
    let whole = chunk.replay(false)?.whole;
    Ok(whole
        .last()
        .map_or(0, |whole| chunk.file.header().first_seq + whole.end))
}

/// Takes the pending point away: it is `stored`, or that one has taken its place.
fn supersede(entry: &mut Entry, stored: Point) {
    let Some(pending) = entry.pending.take() else { return };
    let (a, b) = (pending.point, stored);
    if (a.step, a.timestamp_ms, a.value.to_bits()) == (b.step, b.timestamp_ms, b.value.to_bits()) {
        return;
    }
    match pending.aggregate {
        Some(_) => entry.tally.merge(a),
        None => entry.tally.drop(DropReason::Throttled, a, true),
    }
}

/// A slot has no room for the stretches of points dropped before it was given; the record has them.
fn with_stretches(mut slot: Entry, recorded: Vec<crate::ledger::Stretch>) -> Entry {
    let Tally { stretches, .. } = &mut slot.tally;
    let earlier = recorded
        .into_iter()
        .filter(|stretch| stretch.reason != DropReason::Throttled);
    stretches.splice(0..0, earlier);
    slot
}
