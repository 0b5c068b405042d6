//! Plain numbers: exact floats and ints, read without running Python code.
//!
//! PyO3's own reading is not inlined where the link is not optimised as a whole, and costs twice as much.

#![expect(
    unsafe_code,
    reason = "the interpreter's own functions, on objects that PyO3 keeps alive"
)]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The value of an exact float, or of an exact int of 64 bits; None for anything else.
#[inline]
pub fn value(object: &Bound<'_, PyAny>) -> Option<f64> {
    // SAFETY: the token of `object` says that the GIL is held, and the object is alive. For an exact float, this call
    // only reads a field.
    unsafe {
        if ffi::PyFloat_CheckExact(object.as_ptr()) != 0 {
            return Some(ffi::PyFloat_AsDouble(object.as_ptr()));
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounded to the nearest double, as float() does"
    )]
    integer(object).map(|integer| integer as f64)
}

/// The value of an exact int of 64 bits; None for anything else.
#[inline]
pub fn integer(object: &Bound<'_, PyAny>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: the GIL is held and the object is alive, as above. For an exact int, this call only reads digits, and
    // raises nothing.
    unsafe {
        if ffi::PyLong_CheckExact(object.as_ptr()) == 0 {
            return None;
        }
        let integer = ffi::PyLong_AsLongLongAndOverflow(object.as_ptr(), &mut overflow);
        (overflow == 0).then_some(integer)
    }
}

/// The items of an exact dict, one after the other, as long as `each` wants more and runs no code that could change the
/// dict. False when it wanted no more.
#[inline]
pub fn each_item(dict: &Bound<'_, PyDict>, mut each: impl FnMut(&Bound<'_, PyAny>, &Bound<'_, PyAny>) -> bool) -> bool {
    let mut position = 0;
    let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the GIL is held and the dict is alive. PyDict_Next lends references that are good until the dict changes;
    // `each` has them for the time of its own call. A dict that did change between calls is still read within its
    // bounds.
    unsafe {
        while ffi::PyDict_Next(dict.as_ptr(), &mut position, &mut key, &mut value) != 0 {
            let key = Borrowed::from_ptr(dict.py(), key);
            if !each(&key, &Borrowed::from_ptr(dict.py(), value)) {
                return false;
            }
        }
    }
    true
}
