//! Entry points: what the interpreter calls, and how they get where it finds them.

#![expect(unsafe_code, reason = "C calling convention, and arguments by address")]

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use pyo3::PyTypeInfo;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::arguments::Arguments;
use super::{Attempt, LOG_METRIC, METRIC_LOG, ROW_LOG, log_row, log_to_active, log_to_metric, slow_path};
use crate::logger::{Metric, RunLogger};

const METRIC_LOG_DOC: &CStr = c"log($self, /, value, step, timestamp=None)\n--\n\n";
const ROW_LOG_DOC: &CStr = c"log($self, /, metrics, step=None, timestamp=None)\n--\n\n";
const LOG_METRIC_DOC: &CStr =
    c"log_metric($module, /, key, value, step=None, synchronous=None, timestamp=None, run_id=None, \
model_id=None, dataset=None)\n--\n\n";

/// PyO3's `Metric.log` and `RunLogger.log`, which take every form of call.
static WHOLE_METRIC_LOG: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static WHOLE_ROW_LOG: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

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
            Attempt::NotTaken => call(slow_path, None, arguments),
            Attempt::Raised(error) => raise(error),
        }
    })
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
