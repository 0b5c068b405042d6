//! Output: rows on their way into the new segment, a block of several row groups at a time.

use std::collections::HashMap;
use std::sync::Arc;

use super::cursor::Cursor;
use super::{CompactOptions, SUFFIX};
use crate::error::Result;
use crate::seal::{Extent, Sealed};
use crate::segment::{Blocks, MAX_GROUP_ROWS, Rows, SegmentInfo, Series, WindowValues, Windows};
use crate::summary::extremes;
use crate::types::SeriesName;

/// Rows of a block: as many as the largest row group has.
const BLOCK_ROWS: usize = MAX_GROUP_ROWS;

/// Collects rows, and what the catalog is told of all of them.
pub(super) struct Output<'a> {
    options: &'a CompactOptions<'a>,
    block: Block,
    rows: u64,
    extent: Extent,
}

#[derive(Default)]
struct Block {
    series: Vec<Series>,
    step: Vec<i64>,
    timestamp_ms: Vec<i64>,
    value: Vec<f64>,
    seq: Vec<i64>,
    writer: Vec<u32>,
    writer_names: Vec<String>,
    writer_index: HashMap<Arc<str>, u32>,
    /// None where no input has such columns.
    windows: Option<WindowValues>,
}

impl<'a> Output<'a> {
    /// With `windows` the segment has the columns of what points of windows stand for.
    pub(super) fn new(options: &'a CompactOptions<'a>, windows: bool) -> Self {
        let windows = windows.then(WindowValues::default);
        Self {
            options,
            block: Block {
                windows,
                ..Block::default()
            },
            rows: 0,
            extent: Extent::default(),
        }
    }

    /// Rows so far, once they are flushed.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the next rows of a cursor, all of one series.
    pub(super) fn take(&mut self, cursor: &mut Cursor<'_>, rows: usize, blocks: &mut Blocks<'_>) -> Result<()> {
        let mut from = 0;
        while from < rows {
            let upto = rows.min(from + BLOCK_ROWS - self.block.step.len());
            self.block.take(cursor, from, upto)?;
            from = upto;
            if self.block.step.len() == BLOCK_ROWS {
                self.flush(blocks)?;
            }
        }
        Ok(())
    }

    /// Writes what has been collected.
    pub(super) fn flush(&mut self, blocks: &mut Blocks<'_>) -> Result<()> {
        if self.block.step.is_empty() {
            return Ok(());
        }
        blocks.push(self.block.rows())?;
        self.rows += self.block.step.len() as u64;
        let (steps, times) = (extremes(&self.block.step), extremes(&self.block.timestamp_ms));
        self.extent.reach_steps(steps.0, steps.1);
        self.extent.reach_times(times.0, times.1);
        for series in &self.block.series {
            self.extent.count(&series.run_id, series.rows.len() as u64);
        }
        self.block.clear();
        self.options.report(self.rows)
    }

    /// What the catalog is told of the segment.
    pub(super) fn sealed(self, info: SegmentInfo, bytes: u64, folder: &str) -> Sealed {
        let path = format!("{folder}/.{}.parquet{SUFFIX}", info.segment_id);
        self.extent.sealed(info, path, bytes, Vec::new())
    }
}

impl Block {
    /// Takes the rows `from..upto` of what a cursor has decoded; those before were taken.
    fn take(&mut self, cursor: &mut Cursor<'_>, from: usize, upto: usize) -> Result<()> {
        let start = self.step.len();
        let rows = cursor.rows();
        self.step.extend_from_slice(&rows.step[from..upto]);
        self.timestamp_ms.extend_from_slice(&rows.timestamp_ms[from..upto]);
        self.value.extend_from_slice(&rows.value[from..upto]);
        self.seq.extend_from_slice(&rows.seq[from..upto]);
        if let Some(windows) = &mut self.windows {
            cursor.windows(from, upto, windows);
        }
        let mut left = upto - from;
        while left > 0 {
            let (writer, count) = cursor.take_writer(left)?;
            let index = self.index_of(writer);
            self.writer.resize(self.writer.len() + count, index);
            left -= count;
        }
        if let Some(name) = cursor.name() {
            self.name(name, start);
        }
        Ok(())
    }

    fn index_of(&mut self, writer: Arc<str>) -> u32 {
        let names = &mut self.writer_names;
        *self.writer_index.entry(writer).or_insert_with_key(|writer| {
            names.push(writer.to_string());
            names.len() as u32 - 1
        })
    }

    /// Says of which series the rows from `start` on are.
    fn name(&mut self, name: &SeriesName, start: usize) {
        let end = self.step.len();
        match self.series.last_mut() {
            Some(last) if last.run_id == name.run_id && last.key == name.key => last.rows.end = end,
            _ => self.series.push(Series {
                run_id: name.run_id.clone(),
                key: name.key.clone(),
                rows: start..end,
            }),
        }
    }

    fn rows(&self) -> Rows<'_> {
        let one_writer = self.writer_names.len() < 2;
        Rows {
            series: &self.series,
            step: &self.step,
            timestamp_ms: &self.timestamp_ms,
            value: &self.value,
            seq: &self.seq,
            writer: if one_writer { &[] } else { &self.writer },
            writer_names: &self.writer_names,
            windows: self.windows.as_ref().map_or(Windows::None, Windows::Columns),
        }
    }

    /// Empties it and keeps its memory.
    fn clear(&mut self) {
        self.series.clear();
        self.step.clear();
        self.timestamp_ms.clear();
        self.value.clear();
        self.seq.clear();
        self.writer.clear();
        self.writer_names.clear();
        self.writer_index.clear();
        if let Some(windows) = &mut self.windows {
            windows.clear();
        }
    }
}
