//! Downsampling: long series become a few buckets that keep every extreme.
//!
//! ```text
//!   footers ──► row groups that may hold a wanted series          pruned by run, key and place on the axis
//!                 │ one series has all of it: the footer says how far it reaches
//!                 │ several have it: names and steps are decoded to find that out
//!   journals ─────┤ read once to find how far they reach, and once more to reduce them
//!                 ▼
//!   series ─────► grid of each                                    equal buckets over the range asked for, or the data's
//!                 ▼
//!   parts ──────► buckets of each part, on all threads            one row group, or chunk of a journal, in memory a thread
//!                 ▼
//!   merged in the order of the parts, so that each call adds up the same sums in the same order
//! ```
//!
//! Decoded are steps and values; timestamps only where they are the axis, or where parts of one series may share a step, so
//! that the time decides which of two points is the last.

mod bucket;
mod distinct;
mod grid;
mod parts;
mod reduce;
mod series;

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;

pub use bucket::{Bucket, HAS_INFINITY, HAS_NAN, HAS_NEGATIVE_INFINITY};

use crate::error::Result;
use crate::pool::Pool;
use crate::segment::{Integers, SegmentReader};
use crate::tail::{Selection, Snapshot};
use crate::types::{Seq, SeriesName, WriterId};
use grid::clamped;
use parts::{Candidate, Columns, Part, Wanted};
use series::{Place, Plan, Source};

/// What buckets are divided by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Steps.
    Step,
    /// Milliseconds since 1970-01-01 UTC.
    Timestamp,
    /// Milliseconds since the time that each run id is mapped to; since 1970-01-01 UTC for a run that is not in it.
    Relative(HashMap<String, i64>),
}

/// What to reduce, and to how much.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which series.
    pub select: Selection,
    /// What buckets are divided by.
    pub axis: Axis,
    /// First place on the axis; the data's when None.
    pub start: Option<i128>,
    /// End of the range on the axis, excluded; the data's when None.
    pub end: Option<i128>,
    /// Most buckets of a series.
    pub buckets: NonZeroU64,
}

/// One series, reduced.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// Which.
    pub name: SeriesName,
    /// Its buckets, in the order of the axis; those without points are left out.
    pub buckets: Vec<Bucket>,
}

/// Reduces each selected series to buckets of equal width, or to one for each place on the axis where these are few enough.
///
/// # Arguments
/// * `segments`: files that may hold points of the runs.
/// * `journals`, `sealed`: opened before the list of segments was read; what is below `sealed` is left to the segments.
/// * `keep_going`: asked now and then, in the calling thread.
///
/// # Returns
/// The series that have points in the range, sorted by run and key.
///
/// # Errors
/// [`crate::Error::Io`], of kind `NotFound` where a segment is gone; [`crate::Error::Damaged`];
/// [`crate::Error::Interrupted`] when `keep_going` said no.
pub fn downsample(
    segments: &[PathBuf],
    journals: &Snapshot,
    sealed: &HashMap<WriterId, Seq>,
    request: &Request,
    keep_going: &dyn Fn() -> bool,
) -> Result<Vec<Reduced>> {
    let pool = Pool::new(keep_going);
    let wanted = Wanted::new(request);
    let opened = pool.run(segments.len(), |_: &mut (), index| {
        let segment = SegmentReader::open(&segments[index])?;
        let candidates = wanted.candidates(&segment);
        Ok((segment, candidates))
    })?;
    let (readers, candidates): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    let mut found = find_parts(&pool, &wanted, &readers, candidates)?;
    let chunks = journals.unsealed(sealed, &request.select);
    let live = pool.run(chunks.len(), |_: &mut (), chunk| wanted.live(&chunks[chunk]))?;
    let parts = live.into_iter().enumerate();
    found.extend(parts.flat_map(|(chunk, parts)| parts.into_iter().map(move |part| (Place::Chunk { chunk }, part))));
    let source = Source {
        readers: &readers,
        chunks: &chunks,
        axis: request.axis.column(),
    };
    Plan::new(request, found).reduce(&pool, &source)
}

/// The parts of all series in segments, in the order of segments and rows.
fn find_parts(
    pool: &Pool<'_>,
    wanted: &Wanted<'_>,
    readers: &[SegmentReader],
    candidates: Vec<Vec<Candidate>>,
) -> Result<Vec<(Place, Part)>> {
    let places: Vec<(usize, &Candidate)> = candidates
        .iter()
        .enumerate()
        .flat_map(|(segment, candidates)| candidates.iter().map(move |candidate| (segment, candidate)))
        .collect();
    let shared: Vec<_> = places
        .iter()
        .filter(|(_, candidate)| candidate.whole.is_none())
        .collect();
    let searched = pool.run(shared.len(), |columns: &mut Columns, task| {
        let (segment, candidate) = shared[task];
        wanted.search(&readers[*segment], candidate.group, columns)
    })?;
    let mut searched = searched.into_iter();
    let parts = places.iter().flat_map(|(segment, candidate)| {
        let (segment, group) = (*segment, candidate.group);
        let parts = match &candidate.whole {
            Some(part) => vec![part.clone()],
            None => searched.next().unwrap_or_default(),
        };
        parts
            .into_iter()
            .map(move |part| (Place::Rows { segment, group }, part))
    });
    Ok(parts.collect())
}

impl Axis {
    fn column(&self) -> Integers {
        match self {
            Self::Step => Integers::Step,
            Self::Timestamp | Self::Relative(_) => Integers::Timestamp,
        }
    }

    /// The place in the column at which a run's axis is 0.
    fn origin(&self, run_id: &str) -> i64 {
        match self {
            Self::Step | Self::Timestamp => 0,
            Self::Relative(origins) => origins.get(run_id).copied().unwrap_or(0),
        }
    }
}

impl Request {
    /// The places in a run's column that are in the range. A range that ends before it begins has none.
    fn limits(&self, run_id: &str) -> RangeInclusive<i64> {
        let origin = i128::from(self.axis.origin(run_id));
        let start = self.start.map(|start| start.saturating_add(origin));
        let last = self.end.map(|end| end.saturating_add(origin - 1));
        let (lowest, highest) = (i128::from(i64::MIN), i128::from(i64::MAX));
        if start.is_some_and(|start| start > highest) || last.is_some_and(|last| last < lowest) {
            return RangeInclusive::new(0, -1);
        }
        clamped(start.unwrap_or(lowest))..=clamped(last.unwrap_or(highest))
    }
}
