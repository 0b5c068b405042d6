//! Tail: what journals hold beyond the segments, for readers in any process.
//!
//! A reader opens the journals first and asks the catalog second. What is sealed in between is then in both, and skipped here
//! by the catalog's word; what is unlinked in between stays readable through the descriptors that are already open.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;

use crate::error::{Error, Result};
use crate::journal::chunk_file::{Block, f64s, i64s, u32s};
use crate::journal::reader::{Folder, Held, WriterJournal};
use crate::journal::side_cache::SideCache;
use crate::ledger::{Aggregate, LedgerEntry, Window};
use crate::live::LiveSummaries;
use crate::packed;
use crate::segment::{Choice, with_windows};
use crate::summary::Summary;
use crate::types::{Point, Seq, SeriesName, WriterId};

/// Rows of a batch.
const BATCH_ROWS: usize = 128 << 10;
/// Chunks whose files stay open; what more there is (small chunks of many dead writers) is read into memory at once, so that
/// a process with the usual limit of 1,024 descriptors can read any folder.
const OPEN_CHUNKS: usize = 256;

/// Which points to read; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Run ids.
    pub runs: Option<Vec<String>>,
    /// Metric keys.
    pub keys: Option<Vec<String>>,
}

/// Journals as they were at one moment.
#[derive(Debug)]
pub struct Snapshot {
    journals: Vec<WriterJournal>,
}

/// The seven columns of a segment, none of them nullable; texts are `Utf8View`.
pub fn schema() -> SchemaRef {
    let field = |name, kind| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("run_id", DataType::Utf8View),
        field("key", DataType::Utf8View),
        field("step", DataType::Int64),
        field("timestamp", DataType::Int64),
        field("value", DataType::Float64),
        field("writer", DataType::Utf8View),
        field("seq", DataType::Int64),
    ]))
}

/// The same and, nullable, what points stand for: `count`, `min`, `max`, `mean`.
pub fn schema_with_windows() -> SchemaRef {
    Arc::new(with_windows(&schema()))
}

impl Snapshot {
    /// Opens the journals of some writers, by default of all.
    ///
    /// # Errors
    /// [`crate::Error::Io`]. A chunk with a damaged header is left out; [`crate::survey`] names it.
    pub fn open(journals: &Path, writers: Option<&[WriterId]>) -> Result<Self> {
        Self::open_again(journals, writers, None)
    }

    /// The same, for a process that opens them time and again: `known` has what it has read of them.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_again(journals: &Path, writers: Option<&[WriterId]>, known: Option<&SideCache>) -> Result<Self> {
        let folder = Folder::list(journals)?;
        let mut wanted: Vec<WriterId> = match writers {
            Some(writers) => writers.to_vec(),
            None => folder.writers().collect(),
        };
        wanted.sort();
        wanted.dedup();
        let mut snapshot = Self { journals: Vec::new() };
        let mut open = 0;
        for writer in wanted {
            let mut journal = folder.journal_again(writer, known)?;
            open += journal.chunks.len();
            if open > OPEN_CHUNKS {
                open -= journal.chunks.len();
                journal.load()?;
            }
            snapshot.journals.push(journal);
        }
        snapshot.journals.retain(|j| !j.chunks.is_empty());
        if let (Some(known), None) = (known, writers) {
            known.keep(snapshot.journals.iter().flat_map(|j| &j.chunks).map(|c| &c.file));
        }
        Ok(snapshot)
    }

    /// Every writer with a chunk: first sequence number held, and end of what was committed.
    pub fn writers(&self) -> Vec<(WriterId, Seq, Seq)> {
        let bounds = |j: &WriterJournal| (j.writer, j.bounds().start, j.bounds().end);
        self.journals.iter().map(bounds).collect()
    }

    /// The ledger of the open journals, by writer: of every series that has not stored all of its points. What is pending in it
    /// is in none of the points of this snapshot.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn ledger(&self) -> Result<Vec<(WriterId, Vec<LedgerEntry>)>> {
        let entries = |journal: &WriterJournal| Ok((journal.writer, journal.ledger()?));
        let mut ledger = self.journals.iter().map(entries).collect::<Result<Vec<_>>>()?;
        ledger.retain(|(_, entries)| !entries.is_empty());
        Ok(ledger)
    }

    /// Reads the selected points that are not sealed, writer by writer in the order of arrival.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Arrow`].
    pub fn read(&self, sealed: &HashMap<WriterId, Seq>, select: &Selection) -> Result<Vec<RecordBatch>> {
        self.read_columns(sealed, select, false)
    }

    /// The same with the columns of [`schema_with_windows`].
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_with_windows(&self, sealed: &HashMap<WriterId, Seq>, select: &Selection) -> Result<Vec<RecordBatch>> {
        self.read_columns(sealed, select, true)
    }

    fn read_columns(
        &self,
        sealed: &HashMap<WriterId, Seq>,
        select: &Selection,
        windows: bool,
    ) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        for journal in &self.journals {
            let from = sealed.get(&journal.writer).copied().unwrap_or(0);
            if from >= journal.bounds().end {
                continue;
            }
            let names = journal.names(|_| true);
            let mask = select.mask(&names);
            let windows = windows.then(|| journal.windows(from..journal.bounds().end));
            let mut rows = Rows::new(journal.writer, &names, windows);
            let mut outcome = Ok(());
            journal.visit(from, |seq, block| {
                rows.push(seq, block, &mask);
                if rows.len() >= BATCH_ROWS && outcome.is_ok() {
                    outcome = rows.flush(&mut batches);
                }
            })?;
            outcome?;
            rows.flush(&mut batches)?;
        }
        Ok(batches)
    }

    /// Packs points of a writer from number `first` on, at most `max_points` and what a batch may have, and returns the
    /// number of the point after the last; none where the journal ends.
    ///
    /// # Errors
    /// [`Error::Gone`] where `first` is in none of the writer's chunks, [`Error::Damaged`] where a point cannot be believed,
    /// [`Error::Io`].
    pub fn pack(&self, writer: WriterId, first: Seq, max_points: usize) -> Result<(Vec<u8>, Seq)> {
        let gone = |to| Error::Gone {
            writer,
            from: first,
            to,
        };
        let journal = self.journals.iter().find(|journal| journal.writer == writer);
        let journal = journal.ok_or_else(|| gone(first + 1))?;
        let end = journal.bounds().end;
        if first > end {
            return Err(gone(first + 1));
        }
        let most = max_points.clamp(1, packed::MAX_POINTS) as u64;
        let columns = journal.read(first, end.min(first.saturating_add(most)))?;
        packed::pack(&packed::Points {
            writer,
            first,
            series: &columns.series,
            names: &columns.names,
            step: &columns.step,
            timestamp_ms: &columns.timestamp_ms,
            value: &columns.value,
            windows: &columns.windows,
        })
    }

    /// The chunks with points that are not sealed, writer by writer in the order of arrival.
    pub(crate) fn unsealed(&self, sealed: &HashMap<WriterId, Seq>, select: &Selection) -> Vec<Unsealed<'_>> {
        let mut found = Vec::new();
        for journal in &self.journals {
            let from = sealed.get(&journal.writer).copied().unwrap_or(0);
            if from >= journal.bounds().end {
                continue;
            }
            let names = journal.names(|_| true);
            let windows = journal.windows(from..journal.bounds().end);
            let series = Arc::new(Numbered {
                mask: select.mask(&names),
                names,
                windows: windows.into_iter().map(|w| (w.seq, w.aggregate)).collect(),
            });
            let with_points = |chunk: &&Held| chunk.range.end > from && !chunk.range.is_empty();
            found.extend(journal.chunks.iter().filter(with_points).map(|chunk| Unsealed {
                chunk,
                from,
                series: series.clone(),
            }));
        }
        found
    }

    /// Names of the series that are defined in the open journals, whether they have points that are not sealed or not.
    pub fn names(&self) -> BTreeSet<SeriesName> {
        let names = self.journals.iter().flat_map(|journal| journal.names(|_| true));
        names.flatten().collect()
    }

    /// What [`Self::summaries`] gives of `runs`, with what is known of earlier questions.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn summaries_again(
        &self,
        sealed: &HashMap<WriterId, Seq>,
        runs: &[String],
        known: &LiveSummaries,
    ) -> Result<Vec<Summary>> {
        let mut merged = BTreeMap::<SeriesName, Summary>::new();
        for journal in &self.journals {
            let from = sealed.get(&journal.writer).copied().unwrap_or(0);
            if from < journal.bounds().end && !known.add(journal, from, runs, &mut merged)? {
                return self.summaries(sealed, Some(runs));
            }
        }
        Ok(merged.into_values().collect())
    }

    /// Summaries of the points that are not sealed, sorted by run and key.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn summaries(&self, sealed: &HashMap<WriterId, Seq>, runs: Option<&[String]>) -> Result<Vec<Summary>> {
        let select = Selection {
            runs: runs.map(<[String]>::to_vec),
            keys: None,
        };
        let mut merged = BTreeMap::<SeriesName, Summary>::new();
        for journal in &self.journals {
            let from = sealed.get(&journal.writer).copied().unwrap_or(0);
            if from >= journal.bounds().end {
                continue;
            }
            let names = journal.names(|_| true);
            for (name, summary) in names
                .iter()
                .zip(summarize(journal, from, &names, &select.mask(&names))?)
            {
                if let (Some(name), Some(summary)) = (name, summary) {
                    match merged.get_mut(name) {
                        Some(known) => known.merge(&summary),
                        None => _ = merged.insert(name.clone(), summary),
                    }
                }
            }
        }
        Ok(merged.into_values().collect())
    }
}

impl Selection {
    /// The same, as segments are asked.
    pub(crate) fn choice(&self) -> Choice<'_> {
        Choice::new(self.runs.as_deref(), self.keys.as_deref())
    }

    /// Whether to read a series, by its number. One without a name is nobody's.
    fn mask(&self, names: &[Option<SeriesName>]) -> Vec<bool> {
        let set = |wanted: &Option<Vec<String>>| wanted.as_ref().map(|w| w.iter().cloned().collect::<HashSet<_>>());
        let (runs, keys) = (set(&self.runs), set(&self.keys));
        let passes = |set: &Option<HashSet<String>>, text: &str| set.as_ref().is_none_or(|s| s.contains(text));
        let wanted = |n: &SeriesName| passes(&runs, &n.run_id) && passes(&keys, &n.key);
        names.iter().map(|name| name.as_ref().is_some_and(wanted)).collect()
    }
}

/// What one chunk holds of the selected series and no segment does.
#[derive(Debug)]
pub(crate) struct Unsealed<'a> {
    chunk: &'a Held,
    from: Seq,
    series: Arc<Numbered>,
}

/// The series of one writer, by number.
#[derive(Debug)]
struct Numbered {
    names: Vec<Option<SeriesName>>,
    mask: Vec<bool>,
    windows: HashMap<Seq, Aggregate>,
}

impl Unsealed<'_> {
    /// Names of the writer's series by number; some have no points here.
    pub(crate) fn names(&self) -> &[Option<SeriesName>] {
        &self.series.names
    }

    /// Hands every selected point to `sink`, with the number of its series and what it stands for besides itself.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub(crate) fn visit(&self, mut sink: impl FnMut(usize, Point, Option<&Aggregate>)) -> Result<()> {
        let windows = &self.series.windows;
        let window = |seq| if windows.is_empty() { None } else { windows.get(&seq) };
        self.chunk.visit(self.from, &mut |first: Seq, block: &Block<'_>| {
            let points = i64s(block.step).zip(i64s(block.timestamp_ms)).zip(f64s(block.value));
            for ((series, ((step, timestamp_ms), value)), seq) in u32s(block.series).zip(points).zip(first..) {
                let series = series as usize;
                if self.series.mask.get(series) == Some(&true) {
                    let point = Point {
                        step,
                        timestamp_ms,
                        value,
                    };
                    sink(series, point, window(seq));
                }
            }
        })
    }
}

fn summarize(
    journal: &WriterJournal,
    from: Seq,
    names: &[Option<SeriesName>],
    mask: &[bool],
) -> Result<Vec<Option<Summary>>> {
    let mut summaries: Vec<Option<Summary>> = vec![None; names.len()];
    journal.visit(from, |_, block| {
        let points = i64s(block.step).zip(i64s(block.timestamp_ms)).zip(f64s(block.value));
        for (series, ((step, timestamp_ms), value)) in u32s(block.series).zip(points) {
            let series = series as usize;
            if mask.get(series) != Some(&true) {
                continue;
            }
            let point = Point {
                step,
                timestamp_ms,
                value,
            };
            match &mut summaries[series] {
                Some(summary) => summary.push(point),
                empty => *empty = names[series].as_ref().map(|name| Summary::of(name, point)),
            }
        }
    })?;
    Ok(summaries)
}

/// Points on their way into batches.
struct Rows {
    runs: StringViewArray,
    keys: StringViewArray,
    writer: StringViewArray,
    series: Vec<u32>,
    step: Vec<i64>,
    timestamp_ms: Vec<i64>,
    value: Vec<f64>,
    seq: Vec<i64>,
    /// What points stand for, in the order of their numbers, where that is asked for.
    windows: Option<Vec<Window>>,
}

impl Rows {
    fn new(writer: WriterId, names: &[Option<SeriesName>], windows: Option<Vec<Window>>) -> Self {
        let texts = |get: fn(&SeriesName) -> &str| {
            StringViewArray::from_iter_values(names.iter().map(|name| name.as_ref().map_or("", get)))
        };
        Self {
            runs: texts(|n| &n.run_id),
            keys: texts(|n| &n.key),
            writer: StringViewArray::from_iter_values([writer.to_string()]),
            series: Vec::new(),
            step: Vec::new(),
            timestamp_ms: Vec::new(),
            value: Vec::new(),
            seq: Vec::new(),
            windows,
        }
    }

    fn len(&self) -> usize {
        self.series.len()
    }

    fn push(&mut self, first_seq: Seq, block: &Block<'_>, mask: &[bool]) {
        let points = i64s(block.step).zip(i64s(block.timestamp_ms)).zip(f64s(block.value));
        for ((series, ((step, timestamp_ms), value)), seq) in u32s(block.series).zip(points).zip(first_seq..) {
            if mask.get(series as usize) == Some(&true) {
                self.series.push(series);
                self.step.push(step);
                self.timestamp_ms.push(timestamp_ms);
                self.value.push(value);
                self.seq.push(seq.cast_signed());
            }
        }
    }

    fn flush(&mut self, batches: &mut Vec<RecordBatch>) -> Result<()> {
        if self.series.is_empty() {
            return Ok(());
        }
        let series = UInt32Array::from(std::mem::take(&mut self.series));
        let writer = UInt32Array::from(vec![0; series.len()]);
        let of_windows = self.windows.as_ref().map(|windows| window_columns(windows, &self.seq));
        let schema = if of_windows.is_some() {
            schema_with_windows()
        } else {
            schema()
        };
        let mut columns: Vec<ArrayRef> = vec![
            take(&self.runs, &series, None)?,
            take(&self.keys, &series, None)?,
            Arc::new(Int64Array::from(std::mem::take(&mut self.step))),
            Arc::new(Int64Array::from(std::mem::take(&mut self.timestamp_ms))),
            Arc::new(Float64Array::from(std::mem::take(&mut self.value))),
            take(&self.writer, &writer, None)?,
            Arc::new(Int64Array::from(std::mem::take(&mut self.seq))),
        ];
        columns.extend(of_windows.into_iter().flatten());
        batches.push(RecordBatch::try_new(schema, columns)?);
        Ok(())
    }
}

/// What the points of these numbers stand for: count, min, max and mean, as segments have them.
pub(crate) fn window_columns(windows: &[Window], seqs: &[i64]) -> [ArrayRef; 4] {
    let window = |seq: &i64| {
        let place = windows.binary_search_by_key(&seq.cast_unsigned(), |window| window.seq);
        place.ok().map(|place| &windows[place].aggregate)
    };
    let found: Vec<Option<&Aggregate>> = seqs.iter().map(window).collect();
    let column = |get: fn(&Aggregate) -> Option<f64>| {
        let values = found.iter().map(|window| window.and_then(get));
        Arc::new(values.collect::<Float64Array>()) as ArrayRef
    };
    let counts = found.iter().map(|window| window.and_then(Aggregate::kept_count));
    [
        Arc::new(counts.collect::<Int64Array>()),
        column(Aggregate::kept_min),
        column(Aggregate::kept_max),
        column(Aggregate::kept_mean),
    ]
}
