//! Series: the parts that make up each, its grid, and the buckets of all of it.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bucket::{Bucket, WindowRow};
use super::distinct::Distinct;
use super::grid::Grid;
use super::parts::{Bounds, Columns, Part};
use super::reduce::{Rows, TimesNeeded, coalesce, reduce};
use super::{Reduced, Request};
use crate::error::Result;
use crate::pool::Pool;
use crate::segment::{Integers, SegmentReader};
use crate::tail::Unsealed;
use crate::types::SeriesName;

/// Where a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a row group of a segment.
    Rows { segment: usize, group: usize },
    /// In a chunk of a journal.
    Chunk { chunk: usize },
}

/// Where parts are read.
pub(super) struct Source<'a> {
    pub(super) readers: &'a [SegmentReader],
    pub(super) chunks: &'a [Unsealed<'a>],
    pub(super) axis: Integers,
}

/// All series, and the tasks that reduce them.
pub(super) struct Plan {
    series: Vec<Series>,
    pieces: Vec<Piece>,
    most: usize,
}

struct Series {
    name: SeriesName,
    grid: Grid,
    limits: RangeInclusive<i64>,
    origin: i64,
    /// False once there are known to be more places than buckets.
    few: AtomicBool,
}

/// A part of a series, by number.
struct Piece {
    series: usize,
    place: Place,
    part: Part,
    /// Whether another part may have a point of the same step.
    ties: bool,
}

/// What one task gives for one series.
struct Share {
    series: usize,
    buckets: Vec<Bucket>,
    distinct: Distinct,
}

/// What comes of one series.
struct Outcome {
    buckets: Vec<Bucket>,
    /// The places of its points on the axis, where there are no more than buckets.
    places: Option<Vec<i64>>,
}

impl Outcome {
    /// Whether different places share a bucket.
    fn is_crowded(&self) -> bool {
        self.buckets.iter().any(|bucket| bucket.first_x < bucket.last_x)
    }
}

impl Plan {
    pub(super) fn new(request: &Request, found: Vec<(Place, Part)>) -> Self {
        let mut by_name: BTreeMap<SeriesName, Vec<usize>> = BTreeMap::new();
        for (index, (_, part)) in found.iter().enumerate() {
            by_name.entry(part.name.clone()).or_default().push(index);
        }
        let mut pieces: Vec<Piece> = found
            .into_iter()
            .map(|(place, part)| Piece {
                series: 0,
                place,
                part,
                ties: false,
            })
            .collect();
        let mut series = Vec::with_capacity(by_name.len());
        for (name, own) in by_name {
            own.iter().for_each(|&index| pieces[index].series = series.len());
            mark_ties(&mut pieces, own.clone());
            let x = own.iter().map(|&index| pieces[index].part.x);
            let x = x.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
            series.push(Series::new(request, name, x));
        }
        Self {
            series,
            pieces,
            most: usize::try_from(request.buckets.get()).unwrap_or(usize::MAX),
        }
    }

    /// Reads every part and merges the buckets of each series.
    pub(super) fn reduce(mut self, pool: &Pool<'_>, source: &Source<'_>) -> Result<Vec<Reduced>> {
        let mut outcomes = self.pass(pool, source, |_| true)?;
        // Few places, unevenly spread: now that they are known, each gets a bucket of its own.
        let mut again = vec![false; self.series.len()];
        for (index, outcome) in outcomes.iter_mut().enumerate() {
            if let Some(places) = outcome.places.take().filter(|_| outcome.is_crowded()) {
                self.series[index].grid = Grid::Each(places);
                again[index] = true;
            }
        }
        if again.contains(&true) {
            let finer = self.pass(pool, source, |series| again[series])?;
            for (index, finer) in finer.into_iter().enumerate().filter(|(index, _)| again[*index]) {
                outcomes[index] = finer;
            }
        }
        let reduced = self.series.into_iter().zip(outcomes);
        Ok(reduced
            .filter(|(_, outcome)| !outcome.buckets.is_empty())
            .map(|(series, outcome)| series.into_reduced(outcome.buckets))
            .collect())
    }

    /// What comes of each chosen series; nothing of the others.
    fn pass(&self, pool: &Pool<'_>, source: &Source<'_>, chosen: impl Fn(usize) -> bool) -> Result<Vec<Outcome>> {
        let pieces: Vec<&Piece> = self.pieces.iter().filter(|piece| chosen(piece.series)).collect();
        let tasks: Vec<&[&Piece]> = pieces.chunk_by(|a, b| a.place == b.place).collect();
        let shares = pool.run(tasks.len(), |columns: &mut Columns, task| {
            self.read(source, tasks[task], columns)
        })?;
        let mut merged: Vec<_> = self
            .series
            .iter()
            .map(|_| (Vec::new(), Distinct::new(self.most)))
            .collect();
        for share in shares.into_iter().flatten() {
            let (buckets, distinct) = &mut merged[share.series];
            buckets.extend(share.buckets);
            distinct.merge(share.distinct);
        }
        let outcome = |(mut buckets, distinct): (Vec<Bucket>, Distinct)| {
            coalesce(&mut buckets);
            let places = distinct.into_sorted();
            Outcome { buckets, places }
        };
        Ok(merged.into_iter().map(outcome).collect())
    }

    /// Reduces pieces that are at one place.
    fn read(&self, source: &Source<'_>, pieces: &[&Piece], columns: &mut Columns) -> Result<Vec<Share>> {
        let axis = source.axis;
        let span = pieces[0].part.rows.start..pieces[pieces.len() - 1].part.rows.end;
        let (segment, group) = match pieces[0].place {
            Place::Rows { segment, group } => (&source.readers[segment], group),
            Place::Chunk { chunk } => return self.read_chunk(&source.chunks[chunk], axis, pieces),
        };
        columns.read(segment, group, span.clone(), axis)?;
        columns.read_values(segment, group, span.clone())?;
        let own = |piece: &Piece| piece.part.rows.start - span.start..piece.part.rows.end - span.start;
        let timed = axis == Integers::Timestamp;
        if !timed && !pieces.iter().any(|piece| piece.ties) {
            let rows = columns.rows(axis, false);
            let shares = pieces.iter().map(|piece| self.share(piece, &rows.slice(own(piece))));
            if let Ok(shares) = shares.collect() {
                return Ok(shares);
            }
        }
        if !timed {
            columns.read_times(segment, group, span.clone())?;
        }
        let rows = columns.rows(axis, true);
        let shares = pieces
            .iter()
            .map(|piece| self.timed_share(piece, &rows.slice(own(piece))));
        Ok(shares.collect())
    }

    /// Reduces pieces that are in a chunk of a journal.
    fn read_chunk(&self, chunk: &Unsealed<'_>, axis: Integers, pieces: &[&Piece]) -> Result<Vec<Share>> {
        let by_name: HashMap<&SeriesName, usize> = pieces.iter().map(|p| &p.part.name).zip(0..).collect();
        let piece_of = |name: &Option<SeriesName>| name.as_ref().and_then(|name| by_name.get(name).copied());
        let piece_of: Vec<Option<usize>> = chunk.names().iter().map(piece_of).collect();
        let mut columns: Vec<Columns> = pieces
            .iter()
            .map(|piece| Columns::with_capacity(piece.part.rows.len()))
            .collect();
        chunk.visit(|series, point, window| {
            if let Some(piece) = piece_of[series] {
                columns[piece].push(point, window.map(WindowRow::of));
            }
        })?;
        let share = |(piece, mut columns): (&&Piece, Columns)| {
            columns.sort();
            self.timed_share(piece, &columns.rows(axis, true))
        };
        Ok(pieces.iter().zip(columns).map(share).collect())
    }

    /// Reduces the rows of a piece.
    fn share(&self, piece: &Piece, rows: &Rows<'_>) -> std::result::Result<Share, TimesNeeded> {
        let series = &self.series[piece.series];
        Ok(Share {
            series: piece.series,
            buckets: reduce(rows, &series.grid, &series.limits)?,
            distinct: series.distinct(rows.x, self.most),
        })
    }

    /// Reduces rows that have their times.
    fn timed_share(&self, piece: &Piece, rows: &Rows<'_>) -> Share {
        match self.share(piece, rows) {
            Ok(share) => share,
            Err(TimesNeeded) => unreachable!("they are there"),
        }
    }
}

impl Series {
    fn new(request: &Request, name: SeriesName, x: Bounds) -> Self {
        let origin = request.axis.origin(&name.run_id);
        let place = |asked: Option<i128>| asked.map(|asked| asked.saturating_add(origin.into()));
        let start = place(request.start).unwrap_or(x.0.into());
        let end = place(request.end).unwrap_or(i128::from(x.1) + 1);
        let grid = Grid::equal(start..end, request.buckets.get());
        Self {
            few: AtomicBool::new(!grid.is_finest()),
            limits: request.limits(&name.run_id),
            grid,
            name,
            origin,
        }
    }

    /// The places of some rows, unless others have seen too many by now.
    fn distinct(&self, x: &[i64], most: usize) -> Distinct {
        if !self.few.load(Ordering::Relaxed) {
            return Distinct::over();
        }
        let mut distinct = Distinct::new(most);
        distinct.extend(x, &self.limits);
        if distinct.is_over() {
            self.few.store(false, Ordering::Relaxed);
        }
        distinct
    }

    fn into_reduced(self, mut buckets: Vec<Bucket>) -> Reduced {
        for bucket in &mut buckets {
            bucket.first_x = bucket.first_x.saturating_sub(self.origin);
            bucket.last_x = bucket.last_x.saturating_sub(self.origin);
        }
        Reduced {
            name: self.name,
            buckets,
        }
    }
}

/// Marks pieces of one series whose steps overlap, or meet, those of another one.
fn mark_ties(pieces: &mut [Piece], mut own: Vec<usize>) {
    own.sort_by_key(|&index| pieces[index].part.steps);
    let mut reach: Option<(usize, i64)> = None;
    for index in own {
        let (low, high) = pieces[index].part.steps;
        match reach {
            Some((earlier, end)) if low <= end => {
                pieces[index].ties = true;
                pieces[earlier].ties = true;
                // A piece that reaches less far meets only pieces that meet the farther one too; it has been marked.
                if high > end {
                    reach = Some((index, high));
                }
            }
            _ => reach = Some((index, high)),
        }
    }
}
