//! Cursor: where the merge is in one of its inputs, a stretch of rows decoded.

use std::path::{Path, PathBuf};

use super::CompactOptions;
use crate::error::{Error, Result};
use crate::segment::{Doubles, Integers, SegmentReader, SeriesRows, TextRun, WindowValues, Workspace};
use crate::types::SeriesName;

/// What a row is sorted by within its series: step, timestamp, seq.
pub(super) type RowKey = (i64, i64, i64);

/// Goes through the rows of a segment in order.
pub(super) struct Cursor<'a> {
    segment: SegmentReader,
    path: PathBuf,
    options: &'a CompactOptions<'a>,
    /// Rows of a batch.
    batch_rows: usize,
    group: usize,
    group_rows: usize,
    /// The series of the row group, and which of them it is in.
    series: Vec<SeriesRows>,
    at: usize,
    /// The writers of the row group's rows from `row` on, the first one's run cut short.
    writers: std::vec::IntoIter<TextRun>,
    writer: Option<TextRun>,
    /// The next row of the row group.
    row: usize,
    batch: Batch,
    /// Series and row before, of which the next one comes after.
    last: Option<(SeriesName, RowKey)>,
    dropped: u64,
}

/// Decoded rows of a row group, from `start` on.
#[derive(Default)]
struct Batch {
    start: usize,
    step: Vec<i64>,
    timestamp_ms: Vec<i64>,
    value: Vec<f64>,
    seq: Vec<i64>,
    /// Empty in segments without windows.
    windows: WindowValues,
}

impl Batch {
    fn end(&self) -> usize {
        self.start + self.step.len()
    }
}

/// Rows of one series, by column.
#[derive(Clone, Copy)]
pub(super) struct Slices<'a> {
    pub(super) step: &'a [i64],
    pub(super) timestamp_ms: &'a [i64],
    pub(super) value: &'a [f64],
    pub(super) seq: &'a [i64],
}

impl Slices<'_> {
    pub(super) fn len(&self) -> usize {
        self.step.len()
    }

    pub(super) fn key(&self, row: usize) -> RowKey {
        (self.step[row], self.timestamp_ms[row], self.seq[row])
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(segment: SegmentReader, path: &Path, batch_rows: usize, options: &'a CompactOptions<'a>) -> Self {
        Self {
            segment,
            path: path.to_owned(),
            options,
            batch_rows,
            group: 0,
            group_rows: 0,
            series: Vec::new(),
            at: 0,
            writers: Vec::new().into_iter(),
            writer: None,
            row: 0,
            batch: Batch::default(),
            last: None,
            dropped: 0,
        }
    }

    /// The series of the next row; None at the end.
    pub(super) fn name(&self) -> Option<&SeriesName> {
        self.series.get(self.at).map(|series| &series.name)
    }

    /// Rows that were left out so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The decoded rows of the series of the next row, from that on.
    pub(super) fn rows(&self) -> Slices<'_> {
        let end = self.series.get(self.at).map_or(self.row, |series| series.rows.end);
        let rows = self.row - self.batch.start..end.min(self.batch.end()) - self.batch.start;
        Slices {
            step: &self.batch.step[rows.clone()],
            timestamp_ms: &self.batch.timestamp_ms[rows.clone()],
            value: &self.batch.value[rows.clone()],
            seq: &self.batch.seq[rows],
        }
    }

    /// Adds to `into` what the rows `from..upto` of those that are decoded stand for.
    pub(super) fn windows(&self, from: usize, upto: usize, into: &mut WindowValues) {
        let first = self.row - self.batch.start;
        into.extend(&self.batch.windows, first + from..first + upto);
    }

    /// Takes the writer of the next rows, and how many of `rows` have it.
    pub(super) fn take_writer(&mut self, rows: usize) -> Result<TextRun> {
        let Some((name, left)) = self.writer.take().or_else(|| self.writers.next()) else {
            return Err(Error::damaged(&self.path, "a row group has rows without a writer"));
        };
        let count = left.min(rows);
        if count < left {
            self.writer = Some((name.clone(), left - count));
        }
        Ok((name, count))
    }

    /// Goes `rows` rows further, whose writers have been taken, and decodes what comes then.
    pub(super) fn advance(&mut self, rows: usize, workspace: &mut Workspace) -> Result<()> {
        self.row += rows;
        self.settle(workspace)
    }

    /// Decodes the next row that is not left out, unless it is.
    pub(super) fn settle(&mut self, workspace: &mut Workspace) -> Result<()> {
        loop {
            match self.series.get(self.at) {
                Some(series) if self.row < series.rows.end => {
                    if self.options.drops(&series.name.run_id) {
                        self.leave_out(series.rows.end - self.row)?;
                        continue;
                    }
                    if self.row >= self.batch.end() {
                        self.decode(workspace)?;
                    }
                    return Ok(());
                }
                Some(_) => self.at += 1,
                None if self.group == self.segment.row_groups() => return Ok(()),
                None => self.enter_group(workspace)?,
            }
        }
    }

    fn leave_out(&mut self, rows: usize) -> Result<()> {
        let mut left = rows;
        while left > 0 {
            left -= self.take_writer(left)?.1;
        }
        self.dropped += rows as u64;
        self.row += rows;
        Ok(())
    }

    /// Reads the names of the next row group.
    fn enter_group(&mut self, workspace: &mut Workspace) -> Result<()> {
        let (group, rows) = (self.group, self.segment.row_group(self.group).rows);
        self.series = self.segment.series(group, workspace, |_, _| true)?;
        let whole = 0..rows;
        self.writers = self.segment.writers(group, &[whole], workspace)?.into_iter();
        self.writer = None;
        (self.at, self.row, self.group_rows) = (0, 0, rows);
        self.batch.start = 0;
        self.batch.step.clear();
        self.group += 1;
        Ok(())
    }

    /// Decodes rows from `row` up to the next border of batches.
    fn decode(&mut self, workspace: &mut Workspace) -> Result<()> {
        let end = (self.row / self.batch_rows + 1) * self.batch_rows;
        let (group, rows) = (self.group - 1, self.row..end.min(self.group_rows));
        let wanted = std::slice::from_ref(&rows);
        let Batch {
            start,
            step,
            timestamp_ms,
            value,
            seq,
            windows,
        } = &mut self.batch;
        *start = rows.start;
        let segment = &self.segment;
        segment.integers(group, Integers::Step, wanted, workspace, step)?;
        segment.integers(group, Integers::Timestamp, wanted, workspace, timestamp_ms)?;
        segment.values(group, wanted, workspace, value)?;
        segment.seqs(group, wanted, workspace, seq)?;
        if segment.has_windows() {
            *windows = WindowValues {
                count: segment.counts(group, wanted, workspace)?,
                min: segment.aggregates(group, Doubles::Min, wanted, workspace)?,
                max: segment.aggregates(group, Doubles::Max, wanted, workspace)?,
                mean: segment.aggregates(group, Doubles::Mean, wanted, workspace)?,
            };
        }
        self.check_order()
    }

    /// Checks that the decoded rows come in order, and after those before: a merge of others would be out of order as well.
    fn check_order(&mut self) -> Result<()> {
        let mut at = self.at;
        let mut row = self.row;
        while row < self.batch.end() {
            let series = &self.series[at];
            let rows = row..series.rows.end.min(self.batch.end());
            let key = |row: usize| {
                let row = row - self.batch.start;
                (self.batch.step[row], self.batch.timestamp_ms[row], self.batch.seq[row])
            };
            let follows = match &self.last {
                Some((name, last)) if *name == series.name => *last <= key(rows.start),
                Some((name, _)) => *name < series.name,
                None => true,
            };
            let sorted = rows.clone().skip(1).all(|row| key(row - 1) <= key(row));
            if !(follows && sorted) {
                return Err(Error::damaged(&self.path, "its rows are out of order"));
            }
            self.last = Some((series.name.clone(), key(rows.end - 1)));
            row = rows.end;
            at += 1;
        }
        Ok(())
    }
}
