//! Sort: points as they came into the order of a segment.
//!
//! Series are few, so their names are sorted once and points are counted into place; within a series points
//! mostly come in order, which is checked before anything is moved. No string is made for a row.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::journal::reader::Columns;
use crate::ledger::Aggregate;
use crate::platform;
use crate::segment::{Rows, Series, Windows};
use crate::types::{SeriesName, WriterId};

/// Points in the order (experiment, run, key, step, timestamp, seq).
pub(super) struct Sorted {
    pub(super) experiments: Vec<Experiment>,
    step: Vec<i64>,
    timestamp_ms: Vec<i64>,
    value: Vec<f64>,
    seq: Vec<i64>,
    writer: Vec<u32>,
    writer_names: Vec<String>,
    /// For each row the number of its aggregate, from 1, and 0 for none; empty where there are no aggregates.
    window: Vec<u32>,
    aggregates: Vec<Aggregate>,
}

/// The part of one experiment.
pub(super) struct Experiment {
    pub(super) id: String,
    pub(super) rows: Range<usize>,
    /// Their rows are counted from the experiment's first.
    series: Vec<Series>,
}

impl Sorted {
    /// The rows of one experiment.
    pub(super) fn rows<'a>(&'a self, experiment: &'a Experiment) -> Rows<'a> {
        let rows = experiment.rows.clone();
        Rows {
            series: &experiment.series,
            step: &self.step[rows.clone()],
            timestamp_ms: &self.timestamp_ms[rows.clone()],
            value: &self.value[rows.clone()],
            seq: &self.seq[rows.clone()],
            writer: self.writer.get(rows.clone()).unwrap_or_default(),
            writer_names: &self.writer_names,
            windows: match self.window.get(rows) {
                Some(numbers) if has_windows(numbers) => Windows::Numbered(numbers, &self.aggregates),
                _ => Windows::None,
            },
        }
    }
}

fn has_windows(numbers: &[u32]) -> bool {
    numbers.iter().any(|number| *number > 0)
}

/// Sorts the points of some journal ranges.
///
/// # Errors
/// [`Error::Unsealable`] for a point whose series has no name, and for more points than a u32 counts.
pub(super) fn sort(parts: Vec<Columns>, experiment_of: &HashMap<String, String>) -> Result<Sorted> {
    check_total(&parts)?;
    let ranks = Ranks::new(&parts, experiment_of)?;
    let places = Places::new(&parts, &ranks);
    let mut sorted = gather(parts, &places);
    for series in 0..ranks.names.len() {
        sorted.order_series(places.rows(series));
    }
    sorted.name(&ranks, &places);
    Ok(sorted)
}

fn check_total(parts: &[Columns]) -> Result<()> {
    let total: usize = parts.iter().map(|part| part.series.len()).sum();
    if u32::try_from(total).is_ok() {
        return Ok(());
    }
    let reason = format!("{total} points are too many at once; the limit is {}", u32::MAX);
    Err(Error::Unsealable { reason })
}

/// Experiment, run and key of a series.
type Name = (Arc<str>, Arc<str>, Arc<str>);

/// Position of each series in the order of names.
struct Ranks {
    /// In order.
    names: Vec<Name>,
    /// For each part, by series id.
    of: Vec<Vec<u32>>,
    /// For each part, how many points each series id has.
    counts: Vec<Vec<u32>>,
}

/// The rank of a series id that has no name.
const UNNAMED: u32 = u32::MAX;

impl Ranks {
    fn new(parts: &[Columns], experiment_of: &HashMap<String, String>) -> Result<Self> {
        let mut experiments: HashMap<&str, Arc<str>> = HashMap::new();
        let mut by_part: Vec<Vec<Option<Name>>> = Vec::with_capacity(parts.len());
        let mut counts = Vec::with_capacity(parts.len());
        for part in parts {
            let of_part = count_series(part)?;
            let name = |(name, count): (&Option<_>, &u32)| -> Option<Name> {
                let name: &SeriesName = name.as_ref().filter(|_| *count > 0)?;
                let id = experiment_of.get(&*name.run_id).map_or(super::LOST, String::as_str);
                let experiment = experiments.entry(id).or_insert_with(|| id.into()).clone();
                Some((experiment, name.run_id.clone(), name.key.clone()))
            };
            by_part.push(part.names.iter().zip(&of_part).map(name).collect());
            counts.push(of_part);
        }
        let mut names: Vec<Name> = by_part.iter().flatten().flatten().cloned().collect();
        names.sort_unstable();
        names.dedup();
        let rank = |name: Option<Name>| {
            name.and_then(|name| names.binary_search(&name).ok())
                .map_or(UNNAMED, |rank| rank as u32)
        };
        let of = by_part
            .into_iter()
            .map(|names| names.into_iter().map(rank).collect())
            .collect();
        Ok(Self { names, of, counts })
    }
}

/// How many points each series id of a part has.
fn count_series(part: &Columns) -> Result<Vec<u32>> {
    let mut counts = vec![0; part.names.len()];
    for &series in &part.series {
        match counts.get_mut(series as usize) {
            Some(count) => *count += 1,
            None => return Err(unnamed(part, series)),
        }
    }
    let nameless = |(&count, name): (&u32, &Option<_>)| count > 0 && name.is_none();
    match counts.iter().zip(&part.names).position(nameless) {
        Some(series) => Err(unnamed(part, series as u32)),
        None => Ok(counts),
    }
}

fn unnamed(part: &Columns, series: u32) -> Error {
    let reason = format!(
        "writer {} has points of series {series}, which its journal does not define",
        part.writer
    );
    Error::Unsealable { reason }
}

/// Where each point goes.
struct Places {
    /// First row of each series, and the number of rows last.
    starts: Vec<u32>,
    /// For each part, the row of each point; empty when no point moves.
    of: Vec<Vec<u32>>,
}

impl Places {
    fn new(parts: &[Columns], ranks: &Ranks) -> Self {
        let mut starts = vec![0u32; ranks.names.len() + 1];
        for (ranks, counts) in ranks.of.iter().zip(&ranks.counts) {
            for (&rank, &count) in ranks.iter().zip(counts).filter(|(_, count)| **count > 0) {
                starts[rank as usize + 1] += count;
            }
        }
        for series in 1..starts.len() {
            starts[series] += starts[series - 1];
        }
        let mut places = Self { starts, of: Vec::new() };
        if !in_order(parts, ranks) {
            places.of = places.count_in(parts, ranks);
        }
        places
    }

    fn count_in(&self, parts: &[Columns], ranks: &Ranks) -> Vec<Vec<u32>> {
        let mut next = self.starts.clone();
        let mut place = |rank: u32| {
            let next = &mut next[rank as usize];
            *next += 1;
            *next - 1
        };
        parts
            .iter()
            .zip(&ranks.of)
            .map(|(part, ranks)| {
                let series = part.series.iter();
                series.map(|&series| place(ranks[series as usize])).collect()
            })
            .collect()
    }

    fn rows(&self, series: usize) -> Range<usize> {
        self.starts[series] as usize..self.starts[series + 1] as usize
    }
}

/// Whether there is one part and its series come one after the other, as arrays do.
fn in_order(parts: &[Columns], ranks: &Ranks) -> bool {
    match (parts, &ranks.of[..]) {
        ([part], [ranks]) => part.series.is_sorted_by_key(|&series| ranks[series as usize]),
        _ => false,
    }
}

/// Moves the columns to their places, one at a time so that only one is in memory twice.
fn gather(parts: Vec<Columns>, places: &Places) -> Sorted {
    let mut writers: Vec<WriterId> = parts.iter().map(|part| part.writer).collect();
    writers.sort_unstable();
    writers.dedup();
    let (mut step, mut timestamp_ms, mut value) = (vec![], vec![], vec![]);
    let (mut seq, mut writer) = (vec![], vec![]);
    let (window, aggregates) = windows(&parts);
    for part in parts {
        let first = part.first_seq as i64;
        seq.push(first..first + part.step.len() as i64);
        let index = writers.partition_point(|writer| *writer < part.writer) as u32;
        writer.push(std::iter::repeat_n(index, part.step.len()));
        step.push(part.step);
        timestamp_ms.push(part.timestamp_ms);
        value.push(part.value);
    }
    Sorted {
        experiments: Vec::new(),
        step: places.scatter(step),
        timestamp_ms: places.scatter(timestamp_ms),
        value: places.scatter(value),
        seq: places.scatter(seq),
        writer: if writers.len() < 2 {
            Vec::new()
        } else {
            places.scatter(writer)
        },
        writer_names: writers.iter().map(ToString::to_string).collect(),
        window: if aggregates.is_empty() {
            Vec::new()
        } else {
            places.scatter(window)
        },
        aggregates,
    }
}

/// What points stand for, and for each point of each part the number of that, from 1; nothing where no point stands for others.
fn windows(parts: &[Columns]) -> (Vec<Vec<u32>>, Vec<Aggregate>) {
    let mut aggregates = Vec::new();
    if parts.iter().all(|part| part.windows.is_empty()) {
        return (Vec::new(), aggregates);
    }
    let numbers = parts.iter().map(|part| {
        let mut numbers = vec![0; part.step.len()];
        for window in &part.windows {
            let place = window.seq.checked_sub(part.first_seq).map(|place| place as usize);
            if let Some(number) = place.and_then(|place| numbers.get_mut(place)) {
                aggregates.push(window.aggregate);
                *number = aggregates.len() as u32;
            }
        }
        numbers
    });
    (numbers.collect(), aggregates)
}

impl Places {
    /// One column, given by part.
    fn scatter<T: Copy + Default>(&self, parts: Vec<impl IntoIterator<Item = T>>) -> Vec<T> {
        if self.of.is_empty() {
            // There is one part at most, and a vector that is collected from its own elements is not copied.
            return parts
                .into_iter()
                .next()
                .map_or_else(Vec::new, |part| part.into_iter().collect());
        }
        let mut column = vec![T::default(); self.starts.last().map_or(0, |&rows| rows as usize)];
        platform::prefer_large_pages(&column);
        for (part, places) in parts.into_iter().zip(&self.of) {
            for (value, &place) in part.into_iter().zip(places) {
                column[place as usize] = value;
            }
        }
        column
    }
}

impl Sorted {
    /// Brings the rows of one series into order, unless they are.
    fn order_series(&mut self, rows: Range<usize>) {
        let step = &self.step[rows.clone()];
        let timestamp_ms = &self.timestamp_ms[rows.clone()];
        let seq = &self.seq[rows.clone()];
        // Most series have one point a step.
        if step.is_sorted_by(|before, after| before < after) {
            return;
        }
        let key = |row: usize| (step[row], timestamp_ms[row], seq[row]);
        if (1..rows.len()).all(|row| key(row - 1) <= key(row)) {
            return;
        }
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_by_key(|&row| key(row as usize));
        permute(&mut self.step[rows.clone()], &order);
        permute(&mut self.timestamp_ms[rows.clone()], &order);
        permute(&mut self.value[rows.clone()], &order);
        permute(&mut self.seq[rows.clone()], &order);
        for optional in [&mut self.writer, &mut self.window] {
            if !optional.is_empty() {
                permute(&mut optional[rows.clone()], &order);
            }
        }
    }

    /// Says which rows are of which experiment and series.
    fn name(&mut self, ranks: &Ranks, places: &Places) {
        for (rank, (experiment, run_id, key)) in ranks.names.iter().enumerate() {
            let rows = places.rows(rank);
            if self.experiments.last().is_none_or(|last| *last.id != **experiment) {
                self.experiments.push(Experiment {
                    id: experiment.to_string(),
                    rows: rows.start..rows.start,
                    series: Vec::new(),
                });
            }
            if let Some(last) = self.experiments.last_mut() {
                last.rows.end = rows.end;
                last.series.push(Series {
                    run_id: run_id.clone(),
                    key: key.clone(),
                    rows: rows.start - last.rows.start..rows.end - last.rows.start,
                });
            }
        }
    }
}

fn permute<T: Copy>(column: &mut [T], order: &[u32]) {
    let sorted: Vec<T> = order.iter().map(|&row| column[row as usize]).collect();
    column.copy_from_slice(&sorted);
}
