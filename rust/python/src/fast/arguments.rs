//! Arguments of a call in the interpreter's own form, sorted to parameters without allocating.

#![expect(unsafe_code, reason = "arguments by address")]

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// The arguments of a call as the interpreter passes them: positional ones, then the values of the keywords.
#[derive(Clone, Copy)]
pub struct Arguments<'py> {
    py: Python<'py>,
    first: *const *mut PyObject,
    positional: usize,
    keywords: *mut PyObject,
}

impl<'py> Arguments<'py> {
    /// What a METH_FASTCALL | METH_KEYWORDS function was called with.
    ///
    /// # Safety
    /// The caller is that function, `first` and the others are its own arguments, and this is gone when it returns.
    #[inline]
    pub unsafe fn new(
        py: Python<'py>,
        first: *const *mut PyObject,
        positional: ffi::Py_ssize_t,
        keywords: *mut PyObject,
    ) -> Self {
        Self {
            py,
            first,
            positional: positional.unsigned_abs(),
            keywords,
        }
    }

    /// The token that the call was made with.
    #[inline]
    pub fn py(self) -> Python<'py> {
        self.py
    }

    /// Both arguments, if they are two and none is passed by keyword.
    #[inline(always)]
    pub fn pair(self) -> Option<[Borrowed<'py, 'py, PyAny>; 2]> {
        (self.positional == 2 && self.keywords.is_null()).then(|| [self.object(0), self.object(1)])
    }

    /// One place a parameter, empty for those that are not given or None. Nothing when the call is not plain.
    #[inline(always)]
    pub fn sort<const N: usize>(self, names: &[Name; N]) -> Option<[Option<Borrowed<'py, 'py, PyAny>>; N]> {
        let mut places = [None; N];
        if self.positional > N {
            return None;
        }
        for (at, place) in places.iter_mut().enumerate().take(self.positional) {
            *place = self.value(at);
        }
        for at in 0..self.keyword_count() {
            let keyword = self.keyword(at);
            let parameter = (self.positional..N).find(|parameter| names[*parameter].is(keyword))?;
            places[parameter] = self.value(self.positional + at);
        }
        Some(places)
    }

    /// An argument by its place in the call.
    #[inline]
    fn object(self, at: usize) -> Borrowed<'py, 'py, PyAny> {
        // SAFETY: callers stay below the number of arguments, positional and keyword ones; each is a valid object
        // during the call.
        unsafe { Borrowed::from_ptr(self.py, *self.first.add(at)) }
    }

    /// An argument, unless it is None.
    #[inline]
    fn value(self, at: usize) -> Option<Borrowed<'py, 'py, PyAny>> {
        let value = self.object(at);
        (!value.is_none()).then_some(value)
    }

    #[inline]
    fn keyword_count(self) -> usize {
        if self.keywords.is_null() {
            return 0;
        }
        // SAFETY: the interpreter passes null or a tuple.
        unsafe { ffi::PyTuple_Size(self.keywords) }.unsigned_abs()
    }

    #[inline]
    fn keyword(self, at: usize) -> *mut PyObject {
        // SAFETY: `keywords` is a tuple, and callers stay below its length; so `at` also fits.
        unsafe { ffi::PyTuple_GetItem(self.keywords, at.cast_signed()) }
    }

    /// The arguments as `function(*args, **kwargs)` takes them, after `slf`.
    pub fn to_python(self, slf: Option<&Bound<'py, PyAny>>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let given = (0..self.positional).map(|at| self.object(at).to_owned());
        let positional = PyTuple::new(self.py, slf.cloned().into_iter().chain(given).collect::<Vec<_>>())?;
        let named = PyDict::new(self.py);
        for at in 0..self.keyword_count() {
            // SAFETY: keywords are strings, and the tuple that holds them outlives the call.
            let keyword = unsafe { Borrowed::from_ptr(self.py, self.keyword(at)) };
            named.set_item(keyword, self.object(self.positional + at))?;
        }
        Ok((positional, named))
    }
}

/// An interned parameter name. Keywords written in source code are interned, so one comparison of addresses finds them.
pub struct Name {
    text: &'static str,
    interned: AtomicPtr<PyObject>,
}

impl Name {
    /// Nothing until it is interned.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            interned: AtomicPtr::new(null_mut()),
        }
    }

    /// Makes the name comparable; the string stays for good.
    pub fn intern(&self, py: Python<'_>) {
        self.interned
            .store(PyString::intern(py, self.text).into_ptr(), Ordering::Relaxed);
    }

    #[inline]
    fn is(&self, keyword: *mut PyObject) -> bool {
        self.interned.load(Ordering::Relaxed) == keyword
    }
}
