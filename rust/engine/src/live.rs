//! Live summaries: those of a few runs, kept up to date by a process that asks for them time and again.
//!
//! Who asks for one run has to look at every unsealed point of its writers. What was looked at once is kept by series, so
//! that the next question looks at what has come since.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::error::Result;
use crate::journal::chunk_file::{f64s, i64s, u32s};
use crate::journal::reader::WriterJournal;
use crate::platform::Mutex;
use crate::summary::Summary;
use crate::types::{Point, Seq, SeriesName, WriterId};

/// Series that are kept at most, some 200 bytes each; of a writer with more nothing is.
const MOST_SERIES: usize = 250_000;

/// What one process knows of the unsealed points of a store's writers.
#[derive(Debug, Default)]
pub struct LiveSummaries {
    writers: Mutex<HashMap<WriterId, Seen>>,
}

/// The summaries of points `start..upto` of one writer.
#[derive(Debug, Default)]
struct Seen {
    start: Seq,
    upto: Seq,
    /// By series number.
    series: Vec<Option<Summary>>,
    /// Series numbers by run.
    runs: HashMap<Arc<str>, Vec<u32>>,
    /// Series that have a summary.
    count: usize,
    /// Whether there were more than are kept, so that nothing is.
    too_many: bool,
}

impl LiveSummaries {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the summaries of `runs` from number `from` of a journal on, and from what is known of it, to `merged`; false
    /// where the journal has too many series to keep. Of points that came after the journal was opened there may be some.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub(crate) fn add(
        &self,
        journal: &WriterJournal,
        from: Seq,
        runs: &[String],
        merged: &mut BTreeMap<SeriesName, Summary>,
    ) -> Result<bool> {
        let bounds = journal.bounds();
        let start = from.max(bounds.start);
        let mut writers = self.writers.lock();
        let others: usize = writers
            .iter()
            .filter(|w| *w.0 != journal.writer)
            .map(|w| w.1.count)
            .sum();
        let seen = writers.entry(journal.writer).or_default();
        if seen.start != start {
            *seen = Seen {
                start,
                upto: start,
                ..Seen::default()
            };
        }
        if seen.too_many {
            return Ok(false);
        }
        if seen.upto < bounds.end
            && let Err(error) = seen.read_on(journal, bounds.end)
        {
            _ = writers.remove(&journal.writer);
            return Err(error);
        }
        if others + seen.count > MOST_SERIES {
            *seen = Seen {
                start,
                too_many: true,
                ..Seen::default()
            };
            return Ok(false);
        }
        for run in runs {
            for number in seen.runs.get(run.as_str()).into_iter().flatten() {
                let Some(summary) = &seen.series[*number as usize] else {
                    continue;
                };
                match merged.get_mut(&summary.name()) {
                    Some(known) => known.merge(summary),
                    None => _ = merged.insert(summary.name(), summary.clone()),
                }
            }
        }
        Ok(true)
    }

    /// Forgets the writers that are not among those `held`: they are sealed.
    pub fn keep(&self, held: &HashSet<WriterId>) {
        self.writers.lock().retain(|writer, _| held.contains(writer));
    }
}

impl Seen {
    fn read_on(&mut self, journal: &WriterJournal, upto: Seq) -> Result<()> {
        let names = journal.names_by(|number| self.series.get(number as usize).is_none_or(Option::is_none));
        let most = names.keys().max().map_or(0, |number| *number as usize + 1);
        if self.series.len() < most {
            self.series.resize(most, None);
        }
        journal.visit(self.upto, |_, block| {
            let points = i64s(block.step).zip(i64s(block.timestamp_ms)).zip(f64s(block.value));
            for (number, ((step, timestamp_ms), value)) in u32s(block.series).zip(points) {
                let point = Point {
                    step,
                    timestamp_ms,
                    value,
                };
                match self.series.get_mut(number as usize) {
                    Some(Some(summary)) => summary.push(point),
                    Some(empty) => {
                        // One without a name is nobody's.
                        if let Some(name) = names.get(&number) {
                            *empty = Some(Summary::of(name, point));
                            self.runs.entry(name.run_id.clone()).or_default().push(number);
                            self.count += 1;
                        }
                    }
                    None => {}
                }
            }
        })?;
        self.upto = upto;
        Ok(())
    }
}
