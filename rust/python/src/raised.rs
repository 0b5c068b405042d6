//! Raised: what Python functions that a piece of work calls, on the thread that does it, have raised.

use std::cell::RefCell;

use pyo3::prelude::*;

/// An exception that is to be raised when the work is over.
#[derive(Default)]
pub struct Raised(RefCell<Option<PyErr>>);

impl Raised {
    /// Calls a hook, if there is one, with the name of a step; once something was raised it is called no more.
    pub fn call(&self, hook: Option<&Py<PyAny>>, step: &'static str) {
        if self.0.borrow().is_none()
            && let Some(hook) = hook
            && let Err(error) = Python::attach(|py| hook.call1(py, (step,)))
        {
            self.note(error);
        }
    }

    /// Keeps an exception.
    pub fn note(&self, error: PyErr) {
        self.0.replace(Some(error));
    }

    /// The exception, if there was one.
    pub fn into_inner(self) -> Option<PyErr> {
        self.0.into_inner()
    }
}
