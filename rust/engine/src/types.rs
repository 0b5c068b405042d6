//! Identifiers and values: what a point is, who wrote it, and in which unit each number is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::platform;

/// 0-based position of a point in its writer's own stream; it goes on across chunks.
pub type Seq = u64;

/// 128-bit name of a writer: one process's stream of points.
///
/// Shown and parsed as 32 lower-case hexadecimal digits, which is also how file names carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WriterId(pub u128);

impl WriterId {
    /// Makes an id from the operating system's randomness, untouched by any seed the user sets.
    ///
    /// # Errors
    /// [`Error::Io`] where the system has no source of randomness.
    pub fn random() -> Result<Self> {
        platform::random_u128().map(Self)
    }
}

impl fmt::Display for WriterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for WriterId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(lower_hex) {
            return Err(Error::NotAWriterId { text: text.to_owned() });
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| Error::NotAWriterId { text: text.to_owned() })
    }
}

/// Number of a (run, key) pair within one writer, given in the order of first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

/// What a [`SeriesId`] stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesName {
    /// Run id, at most [`MAX_RUN_BYTES`].
    pub run_id: Arc<str>,
    /// Metric key, at most [`MAX_KEY_BYTES`].
    pub key: Arc<str>,
}

/// Longest run id in bytes that a journal can hold.
pub const MAX_RUN_BYTES: usize = 256;
/// Longest metric key in bytes that a journal can hold.
pub const MAX_KEY_BYTES: usize = 1_000;
/// Most series that one writer can define.
pub const MAX_SERIES: u32 = 1 << 24;

/// One measurement: any step, any time, any bit pattern of a double.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Training step.
    pub step: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    /// Value, kept bit for bit (NaN payloads, infinities, -0.0, subnormals).
    pub value: f64,
}

/// What became of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the journal under this number.
    Stored(Seq),
    /// It is kept pending, in a file that survives the process: its policy holds it back, or there was no room.
    Held,
    /// There was no room, and no slot to keep it in; it is counted in [`Stats::dropped`] and in the journal's ledger.
    Dropped,
}

/// Timestamps of a column, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug)]
pub enum Times<'a> {
    /// One time for every point.
    Constant(i64),
    /// One time a point.
    Slice(&'a [i64]),
}

/// Why points were dropped; the number is what a journal's ledger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum DropReason {
    /// No chunk could be made: the disk is full or refuses to write.
    NoSpace = 1,
    /// More unsealed bytes than the cap.
    Backlog = 2,
    /// A chunk was not ready within the bound.
    Late = 3,
    /// A policy said so.
    Throttled = 4,
}

impl DropReason {
    /// All of them, by [`Self::index`].
    pub const ALL: [Self; 4] = [Self::NoSpace, Self::Backlog, Self::Late, Self::Throttled];

    /// The reason that a journal's number stands for.
    pub fn of(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u32 == number)
    }

    /// Place among [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize - 1
    }

    /// Its name for people and for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSpace => "no space",
            Self::Backlog => "backlog",
            Self::Late => "late",
            Self::Throttled => "throttled",
        }
    }
}

/// Counters of one writer at one moment. `accepted = stored + merged + throttled + dropped + pending`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Points handed over by callers.
    pub accepted: u64,
    /// Points in the journal or already sealed.
    pub stored: u64,
    /// Points for which the stored, or pending, point of a window stands.
    pub merged: u64,
    /// Points that were dropped as a policy says.
    pub throttled: u64,
    /// Points for which there was no room, and no slot to keep them in.
    pub dropped: u64,
    /// Points that are neither stored nor superseded yet, at most one a series.
    pub pending: u64,
    /// Points that met a shortage of room: those dropped, and those merged although no policy asks for it.
    pub met_no_room: u64,
    /// Number that the next point gets; equals `stored`.
    pub committed: Seq,
    /// Every point below it is on the disk.
    pub durable: Seq,
    /// Every point below it is in a committed segment.
    pub sealed: Seq,
    /// Journal bytes of the points in `[sealed, committed)`.
    pub unsealed_bytes: u64,
    /// Chunks given up after a failed sync.
    pub poisoned_chunks: u64,
    /// Latest failure of a background thread, as one sentence.
    pub last_error: Option<String>,
}
