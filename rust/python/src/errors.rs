//! Errors on their way to Python: what the engine says, and what the boundary finds in its arguments.
//!
//! The classes live in `runlake.errors` and are looked up when one is raised, so that importing this module imports
//! nothing.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use runlake_engine::Error as EngineError;

/// Result of everything that Python calls.
pub type BoundaryResult<T> = Result<T, BoundaryError>;

/// An error before it has become a Python exception; boxed, so that results of calls that succeed stay small.
pub enum BoundaryError {
    /// The engine's own.
    Engine(Box<EngineError>),
    /// Raised by Python code that was called.
    Python(Box<PyErr>),
    /// Raised by the boundary.
    Raised(Box<Raised>),
}

/// A class of `runlake.errors` and what it says.
pub struct Raised {
    class: &'static str,
    message: String,
    hint: Option<&'static str>,
    cause: Option<PyErr>,
}

/// A wrong value.
pub fn invalid_input(message: impl Into<String>) -> BoundaryError {
    raised("InvalidInput", message)
}

/// A value of a wrong type.
pub fn invalid_type(message: impl Into<String>) -> BoundaryError {
    raised("InvalidType", message)
}

/// Logging after the end of a run.
pub fn run_ended(run_id: &str) -> BoundaryError {
    raised(
        "RunEnded",
        format!("run {run_id} has ended in this process and takes no more points"),
    )
    .hint("start_run(run_id=...) continues a run")
}

fn raised(class: &'static str, message: impl Into<String>) -> BoundaryError {
    BoundaryError::Raised(Box::new(Raised {
        class,
        message: message.into(),
        hint: None,
        cause: None,
    }))
}

impl BoundaryError {
    /// What the engine said, if it was the engine.
    pub fn engine(&self) -> Option<&EngineError> {
        match self {
            Self::Engine(error) => Some(error),
            _ => None,
        }
    }

    /// Adds what the reader can do about it.
    pub fn hint(mut self, hint: &'static str) -> Self {
        if let Self::Raised(raised) = &mut self {
            raised.hint = Some(hint);
        }
        self
    }

    /// The error for a conversion by Python that failed: a complaint about the argument where Python says TypeError,
    /// ValueError or OverflowError; anything else (Ctrl-C, a device error) is passed on as it is.
    pub fn from_conversion(py: Python<'_>, cause: PyErr, message: impl Into<String>) -> Self {
        let class = if cause.is_instance_of::<PyTypeError>(py) {
            "InvalidType"
        } else if cause.is_instance_of::<PyValueError>(py) || cause.is_instance_of::<PyOverflowError>(py) {
            "InvalidInput"
        } else {
            return cause.into();
        };
        Self::Raised(Box::new(Raised {
            class,
            message: message.into(),
            hint: None,
            cause: Some(cause),
        }))
    }
}

impl From<EngineError> for BoundaryError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<PyErr> for BoundaryError {
    fn from(error: PyErr) -> Self {
        Self::Python(Box::new(error))
    }
}

impl From<BoundaryError> for PyErr {
    fn from(error: BoundaryError) -> Self {
        match error {
            BoundaryError::Python(error) => *error,
            BoundaryError::Engine(error) => Python::attach(|py| from_engine(&error).into_exception(py)),
            BoundaryError::Raised(raised) => Python::attach(|py| raised.into_exception(py)),
        }
    }
}

impl Raised {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        let made = py.import("runlake.errors").and_then(|errors| {
            let options = PyDict::new(py);
            if let Some(hint) = self.hint {
                options.set_item("hint", hint)?;
            }
            errors.getattr(self.class)?.call((self.message,), Some(&options))
        });
        match made {
            Ok(exception) => {
                let exception = PyErr::from_value(exception);
                exception.set_cause(py, self.cause);
                exception
            }
            Err(failure) => failure,
        }
    }
}

fn from_engine(error: &EngineError) -> Raised {
    let class = match error {
        EngineError::UnknownSeries(_)
        | EngineError::TooManySeries
        | EngineError::TooLong { .. }
        | EngineError::LengthMismatch { .. }
        | EngineError::NotAWriterId { .. }
        | EngineError::Unsealable { .. }
        | EngineError::Uncompactable { .. }
        | EngineError::NotPoints { .. } => "InvalidInput",
        EngineError::Gone { .. } => "NotFound",
        EngineError::Damaged { .. } | EngineError::Unresumable { .. } | EngineError::Parquet(_) => "Corrupt",
        EngineError::NewerFormat { .. } => "NewerFormat",
        _ => "StoreError",
    };
    Raised {
        class,
        message: error.to_string(),
        hint: None,
        cause: None,
    }
}
