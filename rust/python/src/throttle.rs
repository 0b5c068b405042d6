//! `Throttle` and `LedgerEntry`: what is not stored, before and after.

use std::collections::HashMap;
use std::time::Duration;

use pyo3::prelude::*;
use runlake_engine::{
    Account, DropReason, Keep, LedgerEntry as EngineEntry, Length, Policy, Rule, SeriesName, Stretch, Tally, WriterId,
};

use crate::errors::{BoundaryResult, invalid_input};
use crate::sealing::Summary;

/// A policy.
#[pyclass(frozen, eq, module = "runlake._engine")]
#[derive(Clone, PartialEq)]
pub struct Throttle(Policy);

/// A rule as Python passes it: pattern, policy.
pub type PythonRule = (String, Option<Py<Throttle>>);

#[pymethods]
impl Throttle {
    #[staticmethod]
    fn every(steps: u64) -> BoundaryResult<Self> {
        let steps = at_least(steps, 1, "every", "step")?;
        Ok(Self(Policy::Every { steps }))
    }

    #[staticmethod]
    #[pyo3(signature = (per_second, burst=1.0))]
    fn rate(per_second: f64, burst: f64) -> BoundaryResult<Self> {
        if !(per_second > 0.0 && per_second.is_finite()) {
            return Err(invalid_input(format!(
                "max_per_second is {per_second}; it must be above 0"
            )));
        }
        if !(burst >= 1.0 && burst.is_finite()) {
            return Err(invalid_input(format!("burst is {burst}; it must be at least 1")));
        }
        Ok(Self(Policy::Rate { per_second, burst }))
    }

    #[staticmethod]
    fn window_ms(milliseconds: u64, keep: Vec<String>) -> BoundaryResult<Self> {
        let time = Duration::from_millis(at_least(milliseconds, 1, "window", "millisecond")?);
        window(Length::Time(time), &keep)
    }

    #[staticmethod]
    fn window_steps(steps: u64, keep: Vec<String>) -> BoundaryResult<Self> {
        let steps = at_least(steps, 1, "window", "step")?;
        window(Length::Steps(steps), &keep)
    }

    fn __repr__(&self) -> String {
        format!("Throttle({:?})", self.0)
    }
}

fn at_least(value: u64, least: u64, what: &str, unit: &str) -> BoundaryResult<u64> {
    if value < least {
        return Err(invalid_input(format!(
            "{what} is {value}; it must be at least {least} {unit}"
        )));
    }
    Ok(value)
}

fn window(length: Length, keep: &[String]) -> BoundaryResult<Throttle> {
    let mut kept = Keep::LAST;
    for name in keep {
        kept = kept
            | match name.as_str() {
                "min" => Keep::MIN,
                "max" => Keep::MAX,
                "mean" => Keep::MEAN,
                "last" => Keep::LAST,
                "count" => Keep::COUNT,
                other => {
                    return Err(invalid_input(format!(
                        "keep has '{other}'; a window keeps min, max, mean, last and count"
                    )));
                }
            };
    }
    Ok(Throttle(Policy::Window { length, keep: kept }))
}

/// Rules as the engine has them.
pub fn rules(given: Vec<PythonRule>) -> Vec<Rule> {
    let rule = |(pattern, policy): PythonRule| Rule {
        pattern,
        policy: policy.map(|policy| policy.get().0),
    };
    given.into_iter().map(rule).collect()
}

/// Ledger of one key of one run.
#[pyclass(frozen, get_all, module = "runlake._engine")]
pub struct LedgerEntry {
    run_id: String,
    key: String,
    accepted_unstored: u64,
    merged: u64,
    dropped: HashMap<&'static str, u64>,
    stretches: Vec<(&'static str, u64, i64, i64)>,
    summary: Option<Py<Summary>>,
    pending: Option<(i64, i64, f64)>,
    pending_count: u64,
}

impl LedgerEntry {
    /// From the engine's.
    pub fn new(py: Python<'_>, entry: &EngineEntry) -> PyResult<Py<Self>> {
        let dropped = DropReason::ALL.into_iter().zip(entry.tally.dropped);
        let summary = entry.summary().map(|summary| Py::new(py, Summary::new(summary)));
        let point = entry.pending.map(|pending| pending.point);
        let whole = Self {
            run_id: entry.name.run_id.to_string(),
            key: entry.name.key.to_string(),
            accepted_unstored: entry.tally.points(),
            merged: entry.tally.merged,
            dropped: dropped
                .filter(|(_, count)| *count > 0)
                .map(|(reason, count)| (reason.name(), count))
                .collect(),
            stretches: entry
                .tally
                .stretches
                .iter()
                .map(|stretch| {
                    (
                        stretch.reason.name(),
                        stretch.count,
                        stretch.first_step,
                        stretch.last_step,
                    )
                })
                .collect(),
            summary: summary.transpose()?,
            pending: point.map(|point| (point.step, point.timestamp_ms, point.value)),
            pending_count: entry
                .pending
                .map_or(0, |pending| pending.aggregate.map_or(1, |a| a.count)),
        };
        Py::new(py, whole)
    }

    /// What a segment is told of it.
    pub fn account(&self, writer: WriterId) -> Account {
        let count = |reason: DropReason| self.dropped.get(reason.name()).copied().unwrap_or(0);
        let stretch = |(name, count, first_step, last_step): &(&str, u64, i64, i64)| {
            let reason = DropReason::ALL.into_iter().find(|reason| reason.name() == *name)?;
            Some(Stretch {
                reason,
                count: *count,
                first_step: *first_step,
                last_step: *last_step,
            })
        };
        let tally = Tally {
            merged: self.merged,
            dropped: DropReason::ALL.map(count),
            stretches: self.stretches.iter().filter_map(stretch).collect(),
            totals: self.summary.as_ref().map(|summary| summary.get().engine().totals),
        };
        let name = SeriesName {
            run_id: self.run_id.as_str().into(),
            key: self.key.as_str().into(),
        };
        let pending = None;
        let entry = EngineEntry { name, tally, pending };
        Account { writer, entry }
    }

    /// All of a ledger.
    pub fn all(py: Python<'_>, ledger: &[EngineEntry]) -> PyResult<Vec<Py<Self>>> {
        ledger.iter().map(|entry| Self::new(py, entry)).collect()
    }
}
