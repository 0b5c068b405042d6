//! Numbers in another object's memory, through the buffer protocol: any width, contiguous or strided.

#![expect(unsafe_code, reason = "PyO3 reads strided buffers only by copying them whole")]

use std::ops::Range;

use half::f16;
use pyo3::buffer::PyUntypedBuffer;

use crate::errors::BoundaryResult;
use crate::number::{Fraction, out_of_range, whole};

/// What one element is: the letter of the `struct` module, and a width in bytes that goes with it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

/// Why a buffer is no column of numbers.
pub enum Unfit {
    /// Not one-dimensional.
    Shape,
    /// The other byte order.
    ByteOrder,
    /// Complex numbers, texts, objects, records.
    Kind,
}

/// A one-dimensional buffer of numbers.
pub struct Strided {
    /// Keeps the memory where it is.
    buffer: PyUntypedBuffer,
    kind: Kind,
    stride: isize,
    len: usize,
}

impl Strided {
    /// Looks at what the buffer says of itself.
    pub fn new(buffer: PyUntypedBuffer) -> Result<Self, Unfit> {
        let (&[len], &[stride], None) = (buffer.shape(), buffer.strides(), buffer.suboffsets()) else {
            return Err(Unfit::Shape);
        };
        let kind = kind(buffer.format().to_bytes(), buffer.item_size())?;
        Ok(Self {
            buffer,
            kind,
            stride,
            len,
        })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Appends elements to `out` as doubles; integers beyond 2^53 are rounded, as `float()` does.
    pub fn read_doubles(&self, range: Range<usize>, out: &mut Vec<f64>) {
        match self.kind {
            Kind::Bool | Kind::U8 => self.read(range, out, |v: u8| f64::from(v)),
            Kind::I8 => self.read(range, out, |v: i8| f64::from(v)),
            Kind::I16 => self.read(range, out, |v: i16| f64::from(v)),
            Kind::I32 => self.read(range, out, |v: i32| f64::from(v)),
            Kind::I64 => self.read(range, out, |v: i64| v as f64),
            Kind::U16 => self.read(range, out, |v: u16| f64::from(v)),
            Kind::U32 => self.read(range, out, |v: u32| f64::from(v)),
            Kind::U64 => self.read(range, out, |v: u64| v as f64),
            Kind::F16 => self.read(range, out, |v: u16| f16::from_bits(v).to_f64()),
            Kind::F32 => self.read(range, out, |v: f32| f64::from(v)),
            Kind::F64 => self.read(range, out, |v: f64| v),
        }
    }

    /// Appends elements to `out` as integers. Those that [`Self::check_integers`] would refuse are cut to fit.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "checked before, in a pass of its own"
    )]
    pub fn read_integers(&self, range: Range<usize>, out: &mut Vec<i64>) {
        match self.kind {
            Kind::Bool | Kind::U8 => self.read(range, out, |v: u8| i64::from(v)),
            Kind::I8 => self.read(range, out, |v: i8| i64::from(v)),
            Kind::I16 => self.read(range, out, |v: i16| i64::from(v)),
            Kind::I32 => self.read(range, out, |v: i32| i64::from(v)),
            Kind::I64 => self.read(range, out, |v: i64| v),
            Kind::U16 => self.read(range, out, |v: u16| i64::from(v)),
            Kind::U32 => self.read(range, out, |v: u32| i64::from(v)),
            Kind::U64 => self.read(range, out, |v: u64| v as i64),
            Kind::F16 => self.read(range, out, |v: u16| f16::from_bits(v).to_f64() as i64),
            Kind::F32 => self.read(range, out, |v: f32| v as i64),
            Kind::F64 => self.read(range, out, |v: f64| v as i64),
        }
    }

    /// Refuses elements that are not 64-bit integers. `what` names one of them.
    pub fn check_integers(&self, what: &str, fraction: Fraction) -> BoundaryResult<()> {
        match self.kind {
            Kind::U64 => self.check(|v: u64| {
                if i64::try_from(v).is_ok() {
                    Ok(())
                } else {
                    Err(out_of_range(what, v))
                }
            }),
            Kind::F16 => self.check(|v: u16| whole(f16::from_bits(v).to_f64(), what, fraction).map(drop)),
            Kind::F32 => self.check(|v: f32| whole(f64::from(v), what, fraction).map(drop)),
            Kind::F64 => self.check(|v: f64| whole(v, what, fraction).map(drop)),
            _ => Ok(()),
        }
    }

    fn check<T: Copy>(&self, check: impl Fn(T) -> BoundaryResult<()>) -> BoundaryResult<()> {
        (0..self.len).try_for_each(|index| check(self.at(index, self.stride)))
    }

    #[inline]
    fn read<T: Copy, U>(&self, range: Range<usize>, out: &mut Vec<U>, convert: impl Fn(T) -> U) {
        let dense = size_of::<T>().cast_signed();
        if self.stride == dense {
            out.extend(range.map(|index| convert(self.at(index, dense))));
        } else {
            out.extend(range.map(|index| convert(self.at(index, self.stride))));
        }
    }

    /// An element; `T` has the width of `kind`, every bit pattern of it is a value, and `stride` is the buffer's.
    #[inline]
    fn at<T: Copy>(&self, index: usize, stride: isize) -> T {
        assert!(index < self.len, "an index outside the buffer");
        let start = self.buffer.buf_ptr().cast::<u8>().cast_const();
        // SAFETY: the exporter promises `len` elements of the width of T, `stride` bytes apart from `start` on, as long as
        // `buffer` lives. Alignment is not assumed. Other threads may write to the memory meanwhile, as with every reader of
        // the buffer protocol; any bit pattern is a T.
        unsafe { start.offset(index.cast_signed() * stride).cast::<T>().read_unaligned() }
    }
}

fn kind(format: &[u8], width: usize) -> Result<Kind, Unfit> {
    let native = if cfg!(target_endian = "little") { b'<' } else { b'>' };
    let letter = match format {
        [letter] | [b'@' | b'=', letter] => *letter,
        [order @ (b'<' | b'>'), letter] if *order == native => *letter,
        [b'<' | b'>' | b'!', letter] if b"?bhilqnBHILQNefd".contains(letter) => return Err(Unfit::ByteOrder),
        _ => return Err(Unfit::Kind),
    };
    match (letter, width) {
        (b'?', 1) => Ok(Kind::Bool),
        (b'b' | b'h' | b'i' | b'l' | b'q' | b'n', 1) => Ok(Kind::I8),
        (b'h' | b'i' | b'l' | b'q' | b'n', 2) => Ok(Kind::I16),
        (b'i' | b'l' | b'q' | b'n', 4) => Ok(Kind::I32),
        (b'i' | b'l' | b'q' | b'n', 8) => Ok(Kind::I64),
        (b'B' | b'H' | b'I' | b'L' | b'Q' | b'N', 1) => Ok(Kind::U8),
        (b'H' | b'I' | b'L' | b'Q' | b'N', 2) => Ok(Kind::U16),
        (b'I' | b'L' | b'Q' | b'N', 4) => Ok(Kind::U32),
        (b'I' | b'L' | b'Q' | b'N', 8) => Ok(Kind::U64),
        (b'e', 2) => Ok(Kind::F16),
        (b'f', 4) => Ok(Kind::F32),
        (b'd', 8) => Ok(Kind::F64),
        _ => Err(Unfit::Kind),
    }
}
