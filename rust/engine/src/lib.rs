//! The runlake engine: journal, sealing and recovery of metric time series.
//!
//! Data flows one way. No reader looks into a writer's memory: everything below the first line is files.
//!
//! ```text
//!   append · append_row · append_column            any thread; no system call a point
//!        │
//!   [Writer] ── hot: cursor into a mapped chunk    the columns, then `committed` with Release
//!        │   └─ cold: names, ledger, outbox, roll to the next chunk
//!        │        ▲ preparer: makes chunks ahead, unmaps old ones
//!        │        ▲ syncer: frame with checksum, fdatasync, `durable`
//!        ▼
//!   journals/<writer>.<n>.journal ─────────────►  [Snapshot]   what is not sealed yet, as Arrow, in any process
//!        │                      └──────────────►  [adopt]      the same after a crash, checked, with its gaps named
//!        │ [read_range]
//!        ▼
//!   [seal()] ── sorted by run, key, step ──────►  segments/experiment_id=<e>/<segment>.parquet
//!        │                                           ├──►  [read_points()]  rows of chosen series, as Arrow
//!        │                                           ├──►  [downsample()]   long series as few buckets, with a snapshot
//!        │                                           └──►  [compact()]      many segments as one
//!        ▼ once the catalog has committed that
//!   [Writer::trim] · [Adopted::finish]             whole chunks are unlinked
//! ```
//!
//! A stream may go on in another store, under the same numbers: [pack()] · the network · [unpack()] ──► [Replica].
//!
//! `docs/design.md` describes every byte. Only [`platform`] and [`journal::map`] contain unsafe code for files and memory.

pub mod clock;
pub mod compact;
pub mod config;
pub mod downsample;
pub mod error;
pub mod failpoint;
pub mod journal;
pub mod ledger;
pub mod live;
pub mod packed;
pub mod platform;
pub mod points;
mod pool;
pub mod recover;
pub mod replica;
pub mod seal;
pub mod segment;
pub mod summary;
pub mod table_file;
pub mod tail;
pub mod throttle;
pub mod types;
pub mod writer;

pub use clock::now_ms;
pub use compact::{CompactOptions, CompactStep, compact};
pub use config::Config;
pub use downsample::downsample;
pub use error::{Error, Result};
pub use journal::files::remove_leftovers;
pub use journal::reader::{Columns, Folder, read_range};
pub use journal::side_cache::SideCache;
pub use ledger::{Aggregate, Keep, LedgerEntry, Pending, Stretch, Tally, Window};
pub use live::LiveSummaries;
pub use packed::{Packed, Points, pack, unpack};
pub use platform::{FileSystem, Keeping, fork_generation, probe_locks, release_memory};
pub use points::{PointsRequest, read_points};
pub use recover::{
    Adopted, Gap, RunPoints, WriterFiles, adopt, adopt_all, adopt_on, dead, inspect, inspect_all, survey,
};
pub use replica::Replica;
pub use seal::{SealOptions, SealStep, Sealed, runs_in, seal, summarise_segment};
pub use segment::{Account, Column, JournalRange, SegmentInfo, verify};
pub use summary::{Summary, Totals};
pub use table_file::{TableFile, TableFileWriter};
pub use tail::{Selection, Snapshot};
pub use throttle::{Length, Policy, Rule};
pub use types::{DropReason, Outcome, Point, Seq, SeriesId, SeriesName, Stats, Times, WriterId};
pub use writer::Writer;
