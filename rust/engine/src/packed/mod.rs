//! Packed points: a part of one writer's stream as bytes for the network.
//!
//! An Arrow IPC stream, its buffers compressed with zstd. The schema's metadata has `runlake.writer` (32 hexadecimal
//! digits) and `runlake.first` (decimal), the number of the first row; row `i` is point `first + i`. Columns, none
//! nullable: `run_id` and `key` (dictionaries of `utf8` with `i32` keys), `step`, `timestamp` (`i64`, ms) and `value`. Where points
//! stand for others, there are `count` (`i64`), `min`, `max` and `mean` besides, nullable, as in segments.
//!
//! What comes in is checked in whole before anything is made of it, so that no sender can make a receiver use more memory
//! than [`MAX_BYTES`] allow, store a part of a batch, or panic.

mod check;
mod pack;
mod unpack;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

pub use pack::{Points, pack};
pub use unpack::{Packed, unpack};

use crate::ledger::{Aggregate, Window};
use crate::segment::with_windows;
use crate::types::{Seq, WriterId};

/// Most points of a batch.
pub const MAX_POINTS: usize = 1 << 18;
/// Most bytes that the buffers of a batch may have when they are not compressed.
pub const MAX_BYTES: u64 = 64 << 20;
/// Most bytes of the names that one batch is made with: with the columns, they stay below [`MAX_BYTES`].
const MAX_NAME_BYTES: usize = 16 << 20;

const WRITER: &str = "runlake.writer";
const FIRST: &str = "runlake.first";

/// The schema without metadata.
fn columns() -> Schema {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |name, kind: &DataType| Field::new(name, kind.clone(), false);
    Schema::new(vec![
        field("run_id", &dictionary),
        field("key", &dictionary),
        field("step", &DataType::Int64),
        field("timestamp", &DataType::Int64),
        field("value", &DataType::Float64),
    ])
}

/// What points from `first` on stand for, by the columns `count`, `min`, `max` and `mean`.
pub fn windows(first: Seq, count: &Int64Array, doubles: [&Float64Array; 3]) -> Vec<Window> {
    let [min, max, mean] = doubles.map(|column| column.iter());
    let rows = (first..).zip(count.iter().zip(min).zip(max).zip(mean));
    let window = |(seq, (((count, min), max), mean))| {
        let aggregate = Aggregate::from_kept(count, min, max, mean)?;
        Some(Window { seq, aggregate })
    };
    rows.filter_map(window).collect()
}

fn schema(writer: WriterId, first: Seq, windows: bool) -> SchemaRef {
    let columns = if windows { with_windows(&columns()) } else { columns() };
    let metadata = [(WRITER, writer.to_string()), (FIRST, first.to_string())];
    let metadata: HashMap<_, _> = metadata.map(|(name, text)| (name.to_owned(), text)).into();
    Arc::new(columns.with_metadata(metadata))
}

#[cfg(test)]
mod tests;
