//! Parts: which rows of which row groups, and which points of journals, belong to the series that are asked for.
//!
//! The footer answers for most row groups of a long series: they hold one run and one key. In the others, at the borders between
//! series, names and steps are decoded to find the rows and how far they reach.

use std::ops::{Range, RangeInclusive};

use super::bucket::WindowRow;
use super::reduce::{Rows, bounds};
use super::{Axis, Request};
use crate::error::Result;
use crate::segment::{Choice, Doubles, Integers, RowGroup, SegmentReader, SeriesRows, Workspace};
use crate::summary::point_order;
use crate::tail::Unsealed;
use crate::types::{Point, SeriesName};

/// Smallest and largest.
pub(super) type Bounds = (i64, i64);

/// Rows of one series that lie together.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: SeriesName,
    pub(super) rows: Range<usize>,
    /// Of the places on the axis, those outside the limits included.
    pub(super) x: Bounds,
    pub(super) steps: Bounds,
}

/// A row group that may hold points that are asked for.
pub(super) struct Candidate {
    pub(super) group: usize,
    /// The series that has all of it, where the footer says so.
    pub(super) whole: Option<Part>,
}

/// What a request selects, prepared for many questions.
pub(super) struct Wanted<'a> {
    request: &'a Request,
    choice: Choice<'a>,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(request: &'a Request) -> Self {
        Self {
            request,
            choice: request.select.choice(),
        }
    }

    /// Row groups of a segment that may hold points that are asked for.
    pub(super) fn candidates(&self, segment: &SegmentReader) -> Vec<Candidate> {
        (0..segment.row_groups())
            .filter_map(|index| self.candidate(index, segment.row_group(index)))
            .collect()
    }

    fn candidate(&self, index: usize, group: RowGroup<'_>) -> Option<Candidate> {
        if !self.choice.meets(&group) {
            return None;
        }
        let only_run = group.run_ids().and_then(|bounds| bounds.only());
        let x = group.integers(self.request.axis.column());
        // Runs have limits of their own on a relative axis.
        let limits = match (&self.request.axis, only_run) {
            (Axis::Relative(_), None) => i64::MIN..=i64::MAX,
            (_, run) => self.request.limits(run.unwrap_or_default()),
        };
        if x.is_some_and(|x| !meet(x, &limits)) {
            return None;
        }
        let whole = || {
            Some(Part {
                name: group.only_series()?,
                rows: 0..group.rows,
                x: x?,
                steps: group.integers(Integers::Step)?,
            })
        };
        Some(Candidate {
            group: index,
            whole: whole(),
        })
    }

    /// Looks for the wanted series in a row group that the footer does not tell enough of.
    ///
    /// # Errors
    /// As of [`SegmentReader`].
    pub(super) fn search(&self, segment: &SegmentReader, group: usize, columns: &mut Columns) -> Result<Vec<Part>> {
        let found = segment.series(group, &mut columns.workspace, |run, key| self.choice.has(run, key))?;
        let (Some(first), Some(last)) = (found.first(), found.last()) else {
            return Ok(Vec::new());
        };
        let span = first.rows.start..last.rows.end;
        let start = span.start;
        columns.read(segment, group, span, self.request.axis.column())?;
        let part = |series: SeriesRows| {
            let rows = series.rows.start - start..series.rows.end - start;
            let of = |column: &[i64]| bounds(&column[rows.clone()], false);
            Part {
                x: of(columns.x(self.request.axis.column())),
                steps: of(&columns.step),
                name: series.name,
                rows: series.rows,
            }
        };
        let within = |part: &Part| meet(part.x, &self.request.limits(&part.name.run_id));
        Ok(found.into_iter().map(part).filter(within).collect())
    }

    /// Finds how far the wanted series reach that a chunk of a journal has points of.
    ///
    /// # Errors
    /// As of [`Unsealed::visit`].
    pub(super) fn live(&self, chunk: &Unsealed<'_>) -> Result<Vec<Part>> {
        let axis = self.request.axis.column();
        let mut reach: Vec<Option<Reach>> = vec![None; chunk.names().len()];
        chunk.visit(|series, point, _| {
            let x = place(&point, axis);
            reach[series].get_or_insert(Reach::NONE).add(x, point.step);
        })?;
        let part = |(name, reach): (&Option<SeriesName>, Option<Reach>)| {
            let (name, reach) = (name.clone()?, reach?);
            let within = meet(reach.x, &self.request.limits(&name.run_id));
            within.then_some(Part {
                name,
                rows: 0..reach.points,
                x: reach.x,
                steps: reach.steps,
            })
        };
        Ok(chunk.names().iter().zip(reach).filter_map(part).collect())
    }
}

/// How many points there are, and where.
#[derive(Clone, Copy)]
struct Reach {
    points: usize,
    x: Bounds,
    steps: Bounds,
}

impl Reach {
    const NONE: Self = Self {
        points: 0,
        x: (i64::MAX, i64::MIN),
        steps: (i64::MAX, i64::MIN),
    };

    fn add(&mut self, x: i64, step: i64) {
        self.points += 1;
        self.x = (self.x.0.min(x), self.x.1.max(x));
        self.steps = (self.steps.0.min(step), self.steps.1.max(step));
    }
}

fn place(point: &Point, axis: Integers) -> i64 {
    match axis {
        Integers::Step => point.step,
        Integers::Timestamp => point.timestamp_ms,
    }
}

/// Columns of some rows, sorted by (step, timestamp); the memory is used again.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) step: Vec<i64>,
    pub(super) timestamp_ms: Vec<i64>,
    pub(super) value: Vec<f64>,
    windows: Vec<WindowRow>,
    workspace: Workspace,
}

impl Columns {
    /// Decodes steps, and timestamps where they are the axis.
    pub(super) fn read(
        &mut self,
        segment: &SegmentReader,
        group: usize,
        rows: Range<usize>,
        axis: Integers,
    ) -> Result<()> {
        if axis == Integers::Timestamp {
            self.read_times(segment, group, rows.clone())?;
        }
        segment.integers(group, Integers::Step, &[rows], &mut self.workspace, &mut self.step)
    }

    /// Decodes timestamps.
    pub(super) fn read_times(&mut self, segment: &SegmentReader, group: usize, rows: Range<usize>) -> Result<()> {
        segment.integers(
            group,
            Integers::Timestamp,
            &[rows],
            &mut self.workspace,
            &mut self.timestamp_ms,
        )
    }

    /// Decodes values.
    pub(super) fn read_values(&mut self, segment: &SegmentReader, group: usize, rows: Range<usize>) -> Result<()> {
        self.read_windows(segment, group, rows.clone())?;
        segment.values(group, &[rows], &mut self.workspace, &mut self.value)
    }

    /// Decodes what rows stand for, where some do.
    fn read_windows(&mut self, segment: &SegmentReader, group: usize, rows: Range<usize>) -> Result<()> {
        self.windows.clear();
        if !segment.has_windows() {
            return Ok(());
        }
        let rows = [rows];
        let counts = segment.counts(group, &rows, &mut self.workspace)?;
        let mut of = |column| segment.aggregates(group, column, &rows, &mut self.workspace);
        let (min, max, mean) = (of(Doubles::Min)?, of(Doubles::Max)?, of(Doubles::Mean)?);
        let windows = counts.iter().zip(min).zip(max).zip(mean).enumerate();
        let windows = windows.map(|(row, (((count, min), max), mean))| WindowRow {
            row,
            count: *count,
            min,
            max,
            mean,
        });
        self.windows.extend(windows.filter(|window| !window.is_empty()));
        Ok(())
    }

    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            step: Vec::with_capacity(rows),
            timestamp_ms: Vec::with_capacity(rows),
            value: Vec::with_capacity(rows),
            windows: Vec::new(),
            workspace: Workspace::default(),
        }
    }

    /// Adds a row, for now in any order, and what it stands for.
    pub(super) fn push(&mut self, point: Point, window: Option<WindowRow>) {
        let row = self.step.len();
        self.windows.extend(window.map(|window| WindowRow { row, ..window }));
        self.step.push(point.step);
        self.timestamp_ms.push(point.timestamp_ms);
        self.value.push(point.value);
    }

    /// Puts rows into the order of (step, timestamp).
    pub(super) fn sort(&mut self) {
        let order = self.step.iter().zip(&self.timestamp_ms);
        if order.is_sorted() {
            return;
        }
        let times = self.step.drain(..).zip(self.timestamp_ms.drain(..));
        let mut windows = self.windows.drain(..).peekable();
        let mut points: Vec<(Point, Option<WindowRow>)> = times
            .zip(self.value.drain(..))
            .enumerate()
            .map(|(row, ((step, timestamp_ms), value))| {
                let point = Point {
                    step,
                    timestamp_ms,
                    value,
                };
                (point, windows.next_if(|window| window.row == row))
            })
            .collect();
        drop(windows);
        points.sort_by(|a, b| point_order(&a.0, &b.0));
        points.into_iter().for_each(|(point, window)| self.push(point, window));
    }

    /// The places on the axis.
    pub(super) fn x(&self, axis: Integers) -> &[i64] {
        match axis {
            Integers::Step => &self.step,
            Integers::Timestamp => &self.timestamp_ms,
        }
    }

    /// All rows; `timed` when the timestamps are theirs.
    pub(super) fn rows(&self, axis: Integers, timed: bool) -> Rows<'_> {
        Rows {
            x: self.x(axis),
            step: &self.step,
            timestamp_ms: timed.then_some(&self.timestamp_ms),
            value: &self.value,
            windows: &self.windows,
            first: 0,
        }
    }
}

fn meet((low, high): Bounds, limits: &RangeInclusive<i64>) -> bool {
    low <= *limits.end() && high >= *limits.start()
}
