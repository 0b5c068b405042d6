//! The runlake engine: journal, sealing and recovery of metric time series.

pub mod clock;
pub mod config;
pub mod error;
pub mod journal;
pub mod platform;
pub mod recover;
pub mod seal;
pub mod segment;
pub mod summary;
pub mod tail;
pub mod types;
pub mod writer;

pub use clock::now_ms;
pub use config::Config;
pub use error::{Error, Result};
pub use journal::reader::{Columns, Folder, read_range};
pub use platform::{check_filesystem, fork_generation};
pub use recover::{Adopted, Gap, RunPoints, WriterFiles, adopt, survey};
pub use seal::{SealOptions, SealStep, Sealed, runs_in, seal};
pub use segment::{JournalRange, SegmentInfo, verify};
pub use summary::Summary;
pub use tail::{Selection, Snapshot};
pub use types::{DropReason, Outcome, Point, Seq, SeriesId, SeriesName, Stats, Times, WriterId};
pub use writer::Writer;
