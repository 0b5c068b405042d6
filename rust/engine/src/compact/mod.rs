//! Compact: many segments of one experiment become one, sorted as a whole.
//!
//! ```text
//!   segments ──► a [Cursor] each: a stretch of rows, decoded      memory is shared out among them
//!                  │ the smallest series; within it the smallest (step, timestamp, seq)
//!                  ▼
//!   [Output] ──► blocks of rows, encoded as they fill ──► one segment under a temporary name ──► its name
//! ```
//!
//! Nothing here changes the catalog. Until that has committed the swap the new file is an orphan, and the rows
//! are where they were.

mod cursor;
mod merge;
mod origins;
mod output;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::seal::{Folder, Sealed, random_id};
use crate::segment::{SegmentFile, SegmentInfo, SegmentReader, Workspace, checked_info};
use cursor::Cursor;
use output::Output;

/// Bytes of decoded rows of all inputs together.
const ROWS_BYTES: usize = 128 << 20;
/// Decoded bytes of a row, about.
const ROW_BYTES: usize = 48;
/// Rows that are decoded at a time: the largest page has as many, and no page is decompressed twice then.
const MOST_ROWS: usize = 1 << 16;
const FEWEST_ROWS: usize = 1 << 12;

/// What the name of a new segment ends with, behind a dot and before which stands its usual name.
///
/// Programs that are given the pattern of all segments would count its rows twice as long as the inputs are there.
pub const SUFFIX: &str = ".merged";

/// A step of [`compact`] that has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactStep {
    /// The inputs have been checked.
    Checked,
    /// The segment is written, under a temporary name.
    Written,
    /// Its content is on the disk.
    Synced,
    /// It has its name, and the name is on the disk.
    Renamed,
}

/// How to compact.
#[derive(Default, Clone, Copy)]
pub struct CompactOptions<'a> {
    /// Rows of these runs are left out.
    pub drop_runs: Option<&'a HashSet<String>>,
    /// Called after each step, on the calling thread.
    pub hook: Option<&'a dyn Fn(CompactStep)>,
    /// Told now and then how many rows are written, on the calling thread; stops the work by returning false.
    pub progress: Option<&'a dyn Fn(u64) -> bool>,
    /// Threads that encode; 0 is one.
    pub threads: usize,
}

impl CompactOptions<'_> {
    fn done(&self, step: CompactStep) {
        if let Some(hook) = self.hook {
            hook(step);
        }
    }

    /// # Errors
    /// [`Error::Interrupted`].
    fn report(&self, rows: u64) -> Result<()> {
        match self.progress {
            Some(progress) if !progress(rows) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }

    fn drops(&self, run_id: &str) -> bool {
        self.drop_runs.is_some_and(|runs| runs.contains(run_id))
    }
}

/// Writes the rows of `inputs`, paths below `segments`, into one new segment of their experiment, bit for bit.
///
/// When this returns the segment is on the disk under its name; on an error no temporary file is left. A segment without rows
/// is written all the same: it says that its seals have nothing more in this experiment. There are no summaries in the answer, for
/// they are what they were.
///
/// # Errors
/// [`Error::Io`], of kind `NotFound` where an input is gone; [`Error::Damaged`] for an input that is not what was written;
/// [`Error::Uncompactable`] for inputs of two experiments and for a seal that two of them have;
/// [`Error::Interrupted`] when `progress` said no.
pub fn compact(segments: &Path, inputs: &[PathBuf], options: CompactOptions<'_>) -> Result<Sealed> {
    let paths: Vec<PathBuf> = inputs.iter().map(|input| segments.join(input)).collect();
    let infos = checked(&paths, &options)?;
    let mut info = origins::joined(&infos)?;
    options.done(CompactStep::Checked);
    let folder = Folder::create(segments, &info.experiment_id)?;
    let segment_id = random_id()?;
    info.segment_id.clone_from(&segment_id);
    info.seal_id = random_id()?;
    let readers = open(&paths)?;
    let windows = readers.iter().any(SegmentReader::has_windows);
    let mut output = Output::new(&options, windows);
    let file = SegmentFile::write_blocks(folder.path(), &segment_id, SUFFIX, windows, options.threads, |blocks| {
        let mut cursors = cursors(readers, &paths, &options);
        let mut workspace = Workspace::default();
        merge::merge(&mut cursors, &mut workspace, &mut |cursor, rows| {
            output.take(cursor, rows, blocks)
        })?;
        output.flush(blocks)?;
        let dropped: u64 = cursors.iter().map(Cursor::dropped).sum();
        origins::count(&mut info, &infos, output.rows(), dropped)?;
        Ok(info.clone())
    })?;
    options.done(CompactStep::Written);
    file.sync()?;
    options.done(CompactStep::Synced);
    let bytes = file.bytes();
    file.rename()?;
    folder.sync()?;
    options.done(CompactStep::Renamed);
    Ok(output.sealed(info, bytes, folder.name()))
}

/// Reads what the inputs say of themselves, and their checksums: damage must not get a checksum that is right.
fn checked(paths: &[PathBuf], options: &CompactOptions<'_>) -> Result<Vec<SegmentInfo>> {
    paths
        .iter()
        .map(|path| {
            options.report(0)?;
            checked_info(path)
        })
        .collect()
}

fn open(paths: &[PathBuf]) -> Result<Vec<SegmentReader>> {
    paths.iter().map(|path| SegmentReader::open(path)).collect()
}

fn cursors<'a>(readers: Vec<SegmentReader>, paths: &[PathBuf], options: &'a CompactOptions<'a>) -> Vec<Cursor<'a>> {
    let share = ROWS_BYTES / ROW_BYTES / paths.len().max(1);
    let batch_rows = share.clamp(FEWEST_ROWS, MOST_ROWS).next_power_of_two().min(MOST_ROWS);
    let cursor = |(reader, path): (SegmentReader, &PathBuf)| Cursor::new(reader, path, batch_rows, options);
    readers.into_iter().zip(paths).map(cursor).collect()
}

#[cfg(test)]
mod tests;
