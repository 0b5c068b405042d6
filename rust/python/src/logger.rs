//! `RunLogger` and `Metric`: what Python holds of a run.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;
use runlake_engine::{Point, SeriesId, Writer as EngineWriter, now_ms};

use crate::errors::BoundaryResult;
use crate::row::{self, Row};
use crate::run::{Binding, Run};
use crate::throttle::{self, PythonRule};
use crate::{append, columns, key, number, table};

/// One run in one writer.
#[pyclass(frozen, module = "runlake._engine")]
pub struct RunLogger {
    run: Arc<Run>,
    metrics: Mutex<HashMap<Box<str>, Py<Metric>>>,
}

impl RunLogger {
    /// A logger of `run`.
    pub fn new(run: Run) -> Self {
        Self {
            run: Arc::new(run),
            metrics: Mutex::new(HashMap::new()),
        }
    }

    /// The run, for whoever logs to it without Python.
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// Converts any mapping of keys to values, and stores the points; without a step, at the run's next one.
    pub fn log_row(&self, metrics: &Bound<'_, PyAny>, step: Option<i64>, timestamp_ms: i64) -> BoundaryResult<()> {
        let pairs = row::convert(metrics)?;
        let mut row = Row::new();
        self.run.with_writer(metrics.py(), |writer| {
            row.bind(&self.run, &pairs)?;
            if row.points().is_empty() {
                return Ok(());
            }
            let step = step.unwrap_or_else(|| self.run.next_step());
            append::row(metrics.py(), writer, step, timestamp_ms, row.points())?;
            self.run.passed(step);
            Ok(())
        })
    }
}

#[pymethods]
impl RunLogger {
    #[getter]
    fn run_id(&self) -> &str {
        self.run.run_id()
    }

    #[getter]
    fn closed(&self) -> bool {
        self.run.closed()
    }

    #[getter]
    fn next_step(&self) -> i64 {
        self.run.next_step()
    }

    fn metric(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> BoundaryResult<Py<Metric>> {
        let key = key::string(key)?;
        let text = key::text(key)?;
        let binding = self.run.with_writer(py, |_| self.run.bind(key))?;
        if let Some(metric) = self.metrics.lock().get(text) {
            return Ok(metric.clone_ref(py));
        }
        let metric = Py::new(
            py,
            Metric::new(self.run.clone(), PyString::new(py, text).unbind(), binding),
        )?;
        Ok(self.metrics.lock().entry(text.into()).or_insert(metric).clone_ref(py))
    }

    /// The whole of `log`; `fast` puts a shortcut before it.
    #[pyo3(signature = (metrics, step=None, timestamp=None))]
    fn log(
        &self,
        metrics: &Bound<'_, PyAny>,
        step: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> BoundaryResult<()> {
        let step = step.map(number::step).transpose()?;
        let timestamp_ms = timestamp_or_now(timestamp)?;
        self.log_row(metrics, step, timestamp_ms)
    }

    #[pyo3(signature = (key, value, step=None, timestamp=None))]
    fn log_metric(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        step: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> BoundaryResult<()> {
        let key = key::string(key)?;
        let point = Point {
            value: number::value(value, key::text(key)?)?,
            step: step.map_or(Ok(0), number::step)?,
            timestamp_ms: timestamp_or_now(timestamp)?,
        };
        self.run.with_writer(py, |writer| {
            let series = self.run.bind(key)?.series();
            append::point(py, writer, series, point)
        })
    }

    #[pyo3(signature = (key, steps, values, timestamps=None))]
    fn log_arrays(
        &self,
        key: &Bound<'_, PyAny>,
        steps: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        timestamps: Option<&Bound<'_, PyAny>>,
    ) -> BoundaryResult<u64> {
        columns::log(&self.run, key::string(key)?, steps, values, timestamps)
    }

    fn set_throttle(&self, py: Python<'_>, rules: Vec<PythonRule>) -> BoundaryResult<()> {
        let rules = throttle::rules(rules);
        self.run.with_writer(py, |writer| {
            Ok(py.detach(|| writer.set_run_throttle(self.run.run_id(), rules.clone()))?)
        })
    }

    fn log_points(&self, table: &Bound<'_, PyAny>) -> BoundaryResult<u64> {
        table::log(&self.run, table)
    }

    fn close(&self) {
        self.run.close();
    }
}

/// A bound key of a run.
#[pyclass(frozen, module = "runlake._engine")]
pub struct Metric {
    run: Arc<Run>,
    key: Py<PyString>,
    /// The word of the latest [`Binding`].
    binding: AtomicU64,
}

impl Metric {
    fn new(run: Arc<Run>, key: Py<PyString>, binding: Binding) -> Self {
        Self {
            run,
            key,
            binding: AtomicU64::new(binding.word()),
        }
    }

    /// The run's writer and this key's series in it; None when the run has ended, or has another writer now.
    #[inline]
    pub fn bound(&self) -> Option<(&EngineWriter, SeriesId)> {
        let binding = Binding::from_word(self.binding.load(Ordering::Relaxed));
        self.run.writer_of(binding).map(|writer| (writer, binding.series()))
    }

    fn bind(&self, py: Python<'_>) -> BoundaryResult<SeriesId> {
        let binding = self.run.bind(self.key.bind(py))?;
        self.binding.store(binding.word(), Ordering::Relaxed);
        Ok(binding.series())
    }
}

#[pymethods]
impl Metric {
    #[getter]
    fn key(&self) -> &Py<PyString> {
        &self.key
    }

    #[getter]
    fn run_id(&self) -> &str {
        self.run.run_id()
    }

    /// The whole of `log`; `fast` puts a shortcut before it.
    #[pyo3(signature = (value, step, timestamp=None))]
    fn log(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyAny>,
        step: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> BoundaryResult<()> {
        let point = Point {
            value: number::value(value, self.key.to_str(py)?)?,
            step: number::step(step)?,
            timestamp_ms: timestamp_or_now(timestamp)?,
        };
        self.run
            .with_writer(py, |writer| append::point(py, writer, self.bind(py)?, point))
    }
}

fn timestamp_or_now(timestamp: Option<&Bound<'_, PyAny>>) -> BoundaryResult<i64> {
    timestamp.map_or_else(|| Ok(now_ms()), number::timestamp)
}
