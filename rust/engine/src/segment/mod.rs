//! Segment: one immutable Parquet file with the sealed points of one experiment.
//!
//! Rows are sorted by (run_id, key, step, timestamp, seq), strings in byte order. Anything that reads
//! Parquet reads a segment; what runlake alone knows (which journal ranges it holds, which segments were
//! made with it) is in the file's key-value metadata, and a checksum of the whole file is in its first
//! bytes. `docs/design.md`, "Segments", describes the file to the byte.

mod accounts;
mod bytes;
mod choice;
mod column;
mod layout;
mod metadata;
mod pages;
mod read;
mod schema;
mod strings;
mod texts;
mod verify;
mod write;

pub use accounts::Account;
pub(crate) use choice::Choice;
pub use metadata::{Seal, SegmentInfo, Sibling};
pub(crate) use pages::Workspace;
pub(crate) use read::{Doubles, Integers, RowGroup, SegmentReader};
pub use schema::{Column, FORMAT, ROW_GROUP_ROWS};
pub(crate) use schema::{MAX_GROUP_ROWS, with_windows};
pub(crate) use texts::{SeriesRows, TextRun};
pub(crate) use verify::{checked_info, verified};
pub use verify::{info, verify};
pub(crate) use write::{Blocks, Rows, SegmentFile, Series, WindowValues, Windows};

use crate::types::{Seq, WriterId};

/// Points `from..to` of one writer's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JournalRange {
    /// Whose stream.
    pub writer: WriterId,
    /// First sequence number.
    pub from: Seq,
    /// One past the last sequence number.
    pub to: Seq,
}

impl JournalRange {
    /// Number of points.
    pub fn len(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// Whether there is no point in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
