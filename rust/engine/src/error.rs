//! Errors of the engine: one sentence each, with the fact, the value, and the limit or the cure.

use std::io;
use std::path::{Path, PathBuf};

use crate::types::{Seq, WriterId};

/// Result of the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that the engine can refuse or fail at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system failed at something.
    #[error("cannot {action} '{}': {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The writer belongs to the process that forked this one.
    #[error("this writer belongs to the parent process; a forked child opens its own")]
    Forked,
    /// The writer has been closed.
    #[error("the writer is closed")]
    Closed,
    /// A series number that this writer never gave.
    #[error("series {0} was never defined by this writer")]
    UnknownSeries(u32),
    /// One writer has too many series.
    #[error("a writer holds at most {} series", crate::types::MAX_SERIES)]
    TooManySeries,
    /// A name, or a payload, is longer than its field.
    #[error("{what} has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The largest legal size.
        limit: usize,
    },
    /// Columns of one call differ in length.
    #[error("{what} has {got} values and the others have {expected}")]
    LengthMismatch {
        /// The column.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A range of a journal that no chunk on disk holds (any longer).
    #[error("points {from}..{to} of writer {writer} are not in the journals folder")]
    Gone {
        /// Writer asked for.
        writer: WriterId,
        /// First number that is missing.
        from: Seq,
        /// End of the missing range, exclusive.
        to: Seq,
    },
    /// A file that does not say what it should.
    #[error("'{}' is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// A file made by a newer version.
    #[error("'{}' has format {found} and this version reads up to {known}", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// A text that is no writer id.
    #[error("'{text}' is not a writer id of 32 lower-case hexadecimal digits")]
    NotAWriterId {
        /// The text.
        text: String,
    },
    /// A journal that recovery has to look at before its writer's stream can go on.
    #[error("the journal of writer {writer} cannot be gone on with: {reason}")]
    Unresumable {
        /// Whose.
        writer: WriterId,
        /// What is not as a writer leaves it.
        reason: String,
    },
    /// Points that do not follow those that are there.
    #[error("the batch begins at point {first} of writer {writer}, of which {have} are here")]
    Ahead {
        /// Whose.
        writer: WriterId,
        /// Number that the batch begins with.
        first: Seq,
        /// Number of the point that is expected.
        have: Seq,
    },
    /// Bytes from elsewhere that are not a batch of points.
    #[error("not a batch of points: {reason}")]
    NotPoints {
        /// What does not hold.
        reason: String,
    },
    /// No chunk could be made within the bound.
    #[error("no room in the journal: {reason}")]
    NoRoom {
        /// Why.
        reason: String,
    },
    /// A sync failed, and what it was to cover has not been brought into another chunk yet.
    #[error("{cause}; {state}, and it is tried again")]
    NotRescued {
        /// What the system answered, and on which file.
        cause: String,
        /// What keeps the points from being in another chunk.
        state: String,
    },
    /// Points did not reach the disk in time.
    #[error("points up to {wanted} are not on the disk yet (up to {durable}){}", .last_error.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
    NotDurable {
        /// What was asked for.
        wanted: Seq,
        /// What is on the disk.
        durable: Seq,
        /// What the syncing thread met.
        last_error: Option<String>,
    },
    /// A seal was asked for what it cannot do.
    #[error("cannot seal: {reason}")]
    Unsealable {
        /// What stands in the way.
        reason: String,
    },
    /// A compaction was asked for what it cannot do.
    #[error("cannot compact: {reason}")]
    Uncompactable {
        /// What stands in the way.
        reason: String,
    },
    /// The caller wants no answer any more.
    #[error("stopped before it was done")]
    Interrupted,
    /// Arrow refused a batch.
    #[error("{0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// The Parquet library failed.
    #[error("{0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

impl Error {
    /// Names what failed: `.map_err(Error::io("open", path))`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    }

    /// A file whose content contradicts its format.
    pub fn damaged(path: &Path, reason: impl Into<String>) -> Error {
        Error::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}
