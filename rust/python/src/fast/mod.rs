//! The shortcut: `Metric.log`, `RunLogger.log` and `log_metric` for the calls that a training loop makes.
//!
//! PyO3's own entry costs 19 ns a call of `Metric.log` and 45 ns a call of `log_metric` more than these functions,
//! which is more than the journal itself. They are registered as METH_FASTCALL | METH_KEYWORDS, the form that the
//! specialising interpreter calls directly, and take what they know: values, steps and times that are exact floats and
//! ints, keywords that are interned, keys seen before. They store the point or do nothing at all; whatever they do not
//! take goes, with the same arguments, to PyO3's `Metric.log` or to the Python function given to `set_slow_path`.

#![expect(unsafe_code, reason = "C calling convention, and arguments by address")]

mod arguments;

use std::cell::RefCell;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyString};
use runlake_engine::{Point, SeriesId, Writer, now_ms};

use crate::errors::{BoundaryError, BoundaryResult};
use crate::logger::{Metric, RunLogger};
use crate::row::Row;
use crate::run::Run;
use crate::{append, number, plain};
use arguments::{Arguments, Name};

const METRIC_LOG_DOC: &CStr = c"log($self, /, value, step, timestamp=None)\n--\n\n";
const ROW_LOG_DOC: &CStr = c"log($self, /, metrics, step=None, timestamp=None)\n--\n\n";
const LOG_METRIC_DOC: &CStr =
    c"log_metric($module, /, key, value, step=None, synchronous=None, timestamp=None, run_id=None, \
model_id=None, dataset=None)\n--\n\n";

/// Parameters of `Metric.log`, of `RunLogger.log` and of `log_metric`.
static METRIC_LOG: [Name; 3] = [Name::new("value"), Name::new("step"), Name::new("timestamp")];
static ROW_LOG: [Name; 3] = [Name::new("metrics"), Name::new("step"), Name::new("timestamp")];
static LOG_METRIC: [Name; 8] = [
    Name::new("key"),
    Name::new("value"),
    Name::new("step"),
    Name::new("synchronous"),
    Name::new("timestamp"),
    Name::new("run_id"),
    Name::new("model_id"),
    Name::new("dataset"),
];

/// PyO3's `Metric.log` and `RunLogger.log`, which take every form of call.
static WHOLE_METRIC_LOG: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static WHOLE_ROW_LOG: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// What takes the calls that `log_metric` does not.
static SLOW_PATH: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

thread_local! {
    /// What `log_metric` logs to in this thread.
    static ACTIVE: RefCell<Option<Arc<Run>>> = const { RefCell::new(None) };
}

/// Sets the run of the calling thread.
#[pyfunction]
pub fn set_active_logger(logger: Option<&Bound<'_, RunLogger>>) {
    let run = logger.map(|logger| logger.get().run().clone());
    // A thread that is past its thread-locals logs no more.
    let former = ACTIVE.try_with(|active| active.replace(run));
    drop(former);
}

/// Sets what takes the calls that the shortcut does not.
#[pyfunction]
pub fn set_slow_path(function: Py<PyAny>) {
    let former = SLOW_PATH.lock().replace(function);
    drop(former);
}

/// Puts the shortcut before `Metric.log` and `RunLogger.log`, and `log_metric` into the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    METRIC_LOG
        .iter()
        .chain(&ROW_LOG)
        .chain(&LOG_METRIC)
        .for_each(|name| name.intern(py));
    shorten::<Metric>(py, &WHOLE_METRIC_LOG, metric_log, METRIC_LOG_DOC)?;
    shorten::<RunLogger>(py, &WHOLE_ROW_LOG, row_log, ROW_LOG_DOC)?;
    let log_metric = definition(c"log_metric", log_metric, LOG_METRIC_DOC);
    let name = module.name()?;
    // SAFETY: the module and its name are alive, and the definition is never freed; a new reference or an error comes
    // back.
    let log_metric = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyCFunction_NewEx(log_metric, module.as_ptr(), name.as_ptr()))
    }?;
    module.add("log_metric", log_metric)
}

/// Puts `call` before the method `log` of a class, and keeps that.
fn shorten<T: PyTypeInfo>(
    py: Python<'_>,
    whole: &PyOnceLock<Py<PyAny>>,
    call: ffi::PyCFunctionFastWithKeywords,
    doc: &'static CStr,
) -> PyResult<()> {
    let class = py.get_type::<T>();
    whole.get_or_try_init(py, || class.getattr("log").map(Bound::unbind))?;
    let short = definition(c"log", call, doc);
    // SAFETY: the class is alive, and the definition is never freed; a new reference or an error comes back.
    let short = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(class.as_type_ptr(), short)) }?;
    class.setattr("log", short)
}

/// A method definition that is never freed, because the interpreter keeps its address.
fn definition(
    name: &'static CStr,
    call: ffi::PyCFunctionFastWithKeywords,
    doc: &'static CStr,
) -> *mut ffi::PyMethodDef {
    Box::into_raw(Box::new(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFastWithKeywords: call,
        },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }))
}

unsafe extern "C" fn metric_log(
    slf: *mut PyObject,
    first: *const *mut PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut PyObject,
) -> *mut PyObject {
    guarded(|| {
        // SAFETY: method descriptors are called with the GIL held, by callers that hold references to all objects, and
        // check the class of `slf`.
        let (metric, arguments) = unsafe {
            let py = Python::assume_attached();
            let slf = Borrowed::from_ptr(py, slf).cast_unchecked::<Metric>();
            (slf, Arguments::new(py, first, positional, keywords))
        };
        match log_to_metric(metric.get(), arguments) {
            Attempt::Stored => none(arguments.py()),
            Attempt::NotTaken => call(|py| whole(py, &WHOLE_METRIC_LOG), Some(metric.as_any()), arguments),
            Attempt::Raised(error) => raise(error),
        }
    })
}

unsafe extern "C" fn row_log(
    slf: *mut PyObject,
    first: *const *mut PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut PyObject,
) -> *mut PyObject {
    guarded(|| {
        // SAFETY: as in `metric_log`.
        let (logger, arguments) = unsafe {
            let py = Python::assume_attached();
            let slf = Borrowed::from_ptr(py, slf).cast_unchecked::<RunLogger>();
            (slf, Arguments::new(py, first, positional, keywords))
        };
        match log_row(logger.get(), arguments) {
            Attempt::Stored => none(arguments.py()),
            Attempt::NotTaken => call(|py| whole(py, &WHOLE_ROW_LOG), Some(logger.as_any()), arguments),
            Attempt::Raised(error) => raise(error),
        }
    })
}

fn whole(py: Python<'_>, method: &PyOnceLock<Py<PyAny>>) -> Option<Py<PyAny>> {
    method.get(py).map(|method| method.clone_ref(py))
}

unsafe extern "C" fn log_metric(
    _module: *mut PyObject,
    first: *const *mut PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut PyObject,
) -> *mut PyObject {
    guarded(|| {
        // SAFETY: functions are called with the GIL held, by callers that hold references to all arguments.
        let arguments = unsafe { Arguments::new(Python::assume_attached(), first, positional, keywords) };
        match log_to_active(arguments) {
            Attempt::Stored => none(arguments.py()),
            Attempt::NotTaken => call(
                |py| SLOW_PATH.lock().as_ref().map(|slow| slow.clone_ref(py)),
                None,
                arguments,
            ),
            Attempt::Raised(error) => raise(error),
        }
    })
}

/// What came of a call.
enum Attempt {
    Stored,
    /// Nothing was done.
    NotTaken,
    /// Not an error but an interrupt, met in Python code that was called: KeyboardInterrupt, SystemExit.
    Raised(PyErr),
}

impl From<BoundaryError> for Attempt {
    fn from(error: BoundaryError) -> Self {
        match error {
            BoundaryError::Python(error) if Python::attach(|py| !error.is_instance_of::<PyException>(py)) => {
                Self::Raised(*error)
            }
            _ => Self::NotTaken,
        }
    }
}

#[inline(always)]
fn log_to_metric(metric: &Metric, arguments: Arguments<'_>) -> Attempt {
    let point = match arguments.exactly() {
        Some([value, step]) => point(&value, Some(&step), None),
        None => match arguments.sort(&METRIC_LOG) {
            Some([Some(value), Some(step), timestamp]) => point(&value, Some(&step), timestamp.as_deref()),
            _ => return Attempt::NotTaken,
        },
    };
    let point = match point {
        Ok(point) => point,
        Err(error) => return error.into(),
    };
    match metric.bound().map(|(writer, series)| writer.try_append(series, point)) {
        Some(Some(_)) => Attempt::Stored,
        _ => Attempt::NotTaken,
    }
}

#[inline]
fn log_row(logger: &RunLogger, arguments: Arguments<'_>) -> Attempt {
    let Some([Some(metrics), step, timestamp]) = arguments.sort(&ROW_LOG) else {
        return Attempt::NotTaken;
    };
    let Ok(metrics) = metrics.cast_exact::<PyDict>() else {
        return Attempt::NotTaken;
    };
    let (step, timestamp_ms) = match (step.as_deref().map(plain::integer), timestamp) {
        (None, None) => (logger.run().next_step(), now_ms()),
        (Some(Some(step)), None) => (step, now_ms()),
        _ => return Attempt::NotTaken,
    };
    let mut row = Row::new();
    let Some(writer) = row.read_plain(logger.run(), &metrics) else {
        return Attempt::NotTaken;
    };
    let points = row.points();
    if points.is_empty() {
        return Attempt::Stored;
    }
    let stored = writer.try_append_row(step, timestamp_ms, points);
    if stored == 0 {
        // The writer may be a parent's.
        return Attempt::NotTaken;
    }
    logger.run().passed(step);
    if stored < points.len() {
        rest_of_row(writer, step, timestamp_ms, &points[stored..])
    } else {
        Attempt::Stored
    }
}

#[cold]
fn rest_of_row(writer: &Writer, step: i64, timestamp_ms: i64, points: &[(SeriesId, f64)]) -> Attempt {
    let stored = Python::attach(|py| append::row(py, writer, step, timestamp_ms, points));
    stored.map_or_else(|error| Attempt::Raised(error.into()), |()| Attempt::Stored)
}

#[inline]
fn log_to_active(arguments: Arguments<'_>) -> Attempt {
    let Some([Some(key), Some(value), step, synchronous, timestamp, None, None, None]) = arguments.sort(&LOG_METRIC)
    else {
        return Attempt::NotTaken;
    };
    if synchronous.is_some_and(|synchronous| !synchronous.is(&*PyBool::new(arguments.py(), true))) {
        return Attempt::NotTaken;
    }
    let point = match point(&value, step.as_deref(), timestamp.as_deref()) {
        Ok(point) => point,
        Err(error) => return error.into(),
    };
    let stored = ACTIVE.try_with(|active| {
        let active = active.borrow();
        let run = active.as_ref()?;
        run.writer()?.try_append(run.known(&key)?, point)
    });
    match stored {
        Ok(Some(_)) => Attempt::Stored,
        _ => log_unhurried(&key, point),
    }
}

/// A key that is new, or the same text in another object; a point that has to wait; the first one after a fork.
#[cold]
fn log_unhurried(key: &Bound<'_, PyAny>, point: Point) -> Attempt {
    Python::attach(|py| {
        let run = ACTIVE.try_with(|active| active.borrow().clone()).ok().flatten();
        let (Some(run), Ok(key)) = (run, key.cast::<PyString>()) else {
            return Attempt::NotTaken;
        };
        let stored = run.with_writer(py, |writer| append::point(py, writer, run.bind(key)?.series(), point));
        stored.map_or_else(Attempt::from, |()| Attempt::Stored)
    })
}

#[inline(always)]
fn point(
    value: &Bound<'_, PyAny>,
    step: Option<&Bound<'_, PyAny>>,
    timestamp: Option<&Bound<'_, PyAny>>,
) -> BoundaryResult<Point> {
    let value = match plain::value(value) {
        Some(value) => value,
        None => unusual(|| number::value(value, ""))?,
    };
    let step = match step.map(|step| (step, plain::integer(step))) {
        None => 0,
        Some((_, Some(step))) => step,
        Some((step, None)) => unusual(|| number::step(step))?,
    };
    let timestamp_ms = match timestamp {
        None => now_ms(),
        Some(timestamp) => unusual(|| number::timestamp(timestamp))?,
    };
    Ok(Point {
        step,
        timestamp_ms,
        value,
    })
}

/// Runs what may call Python, and so needs PyO3 to know that this thread holds the GIL.
#[cold]
fn unusual<T>(convert: impl FnOnce() -> BoundaryResult<T>) -> BoundaryResult<T> {
    Python::attach(|_| convert())
}

/// Calls the function that takes every form of call, with the same arguments.
#[cold]
fn call<'py>(
    find: impl FnOnce(Python<'py>) -> Option<Py<PyAny>>,
    slf: Option<&Bound<'py, PyAny>>,
    arguments: Arguments<'py>,
) -> *mut PyObject {
    let py = arguments.py();
    let called = Python::attach(|_| {
        let Some(function) = find(py) else {
            return Err(PyRuntimeError::new_err("set_slow_path was not called"));
        };
        let (positional, named) = arguments.to_python(slf)?;
        function.call(py, positional, Some(&named))
    });
    called.map_or_else(raise, Py::into_ptr)
}

fn none(py: Python<'_>) -> *mut PyObject {
    py.None().into_ptr()
}

#[cold]
fn raise(error: PyErr) -> *mut PyObject {
    Python::attach(|py| error.restore(py));
    null_mut()
}

/// Turns a panic, which must not cross into C, into a RuntimeError.
#[inline]
fn guarded(body: impl FnOnce() -> *mut PyObject) -> *mut PyObject {
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| raise(PyRuntimeError::new_err("the engine panicked; this is a bug in runlake")))
}
