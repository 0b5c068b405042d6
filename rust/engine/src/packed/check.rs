//! Check: the sizes that an IPC stream claims, before a library that trusts them reads it.
//!
//! The library allocates what a compressed buffer says it holds, and panics at a buffer beyond its message.

use arrow_ipc::{Buffer, Message, MessageHeader, RecordBatch, root_as_message};

use super::MAX_BYTES;

/// Begins a message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Most messages: a schema, two dictionaries for each batch, and batches.
const MAX_MESSAGES: usize = 1 << 12;
/// What a compressed buffer begins with: its size when it is not.
const SIZE_BYTES: usize = 8;
/// Which buffers hold numbers of four bytes: of a batch the places in dictionaries, of a dictionary where its texts end.
const POINTS_FOURS: [usize; 2] = [1, 3];
const TEXTS_FOURS: [usize; 1] = [1];
/// Buffers begin at multiples of this.
const ALIGNMENT: usize = 8;
/// Such a size of a buffer that is not compressed after all.
const AS_IT_IS: i64 = -1;

/// Checks that every buffer lies within its message, and what all of them hold together.
pub(super) fn sizes(mut stream: &[u8]) -> Result<(), &'static str> {
    let mut left = MAX_BYTES;
    for _ in 0..MAX_MESSAGES {
        let Some((Part { message, body }, rest)) = next(stream)? else {
            return Ok(());
        };
        match message.header_type() {
            MessageHeader::Schema => {}
            MessageHeader::DictionaryBatch => {
                let dictionary = message.header_as_dictionary_batch().ok_or("a dictionary is missing")?;
                let data = dictionary.data().ok_or("a dictionary has no data")?;
                check(&data, body, &TEXTS_FOURS, &mut left)?;
            }
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch().ok_or("a batch is missing")?;
                check(&batch, body, &POINTS_FOURS, &mut left)?;
            }
            _ => return Err("it has messages other than a schema, dictionaries and batches"),
        }
        stream = rest;
    }
    Err("it has too many messages")
}

/// A message with its body.
struct Part<'a> {
    message: Message<'a>,
    body: &'a [u8],
}

/// The next message, and what follows; `None` at the end.
fn next(stream: &[u8]) -> Result<Option<(Part<'_>, &[u8])>, &'static str> {
    const CUT: &str = "it ends in the middle of a message";
    if stream.is_empty() {
        return Ok(None);
    }
    let rest = stream
        .strip_prefix(&CONTINUATION)
        .ok_or("a message does not begin as one")?;
    let (length, rest) = rest.split_first_chunk().ok_or(CUT)?;
    let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| "a message has a negative length")?;
    if length == 0 {
        return Ok(None);
    }
    let (metadata, rest) = rest.split_at_checked(length).ok_or(CUT)?;
    let message = root_as_message(metadata).map_err(|_| "a message cannot be read")?;
    let body_length = usize::try_from(message.bodyLength()).map_err(|_| "a body has a negative length")?;
    let (body, rest) = rest.split_at_checked(body_length).ok_or(CUT)?;
    Ok(Some((Part { message, body }, rest)))
}

fn check(batch: &RecordBatch<'_>, body: &[u8], fours: &[usize], left: &mut u64) -> Result<(), &'static str> {
    let is_compressed = batch.compression().is_some();
    for (number, buffer) in batch.buffers().iter().flatten().enumerate() {
        let bytes = content(buffer, body).ok_or("a buffer lies outside its message")?;
        let held = if is_compressed {
            uncompressed(bytes)?
        } else {
            bytes.len() as u64
        };
        *left = left.checked_sub(held).ok_or("its buffers are too large")?;
        if fours.contains(&number) && held % 4 != 0 {
            return Err("a column of four-byte numbers ends within one");
        }
    }
    Ok(())
}

fn content<'a>(buffer: &Buffer, body: &'a [u8]) -> Option<&'a [u8]> {
    let from = usize::try_from(buffer.offset())
        .ok()
        .filter(|from| from.is_multiple_of(ALIGNMENT))?;
    body.get(from..from.checked_add(usize::try_from(buffer.length()).ok()?)?)
}

fn uncompressed(buffer: &[u8]) -> Result<u64, &'static str> {
    if buffer.is_empty() {
        return Ok(0);
    }
    let (size, rest) = buffer
        .split_first_chunk::<SIZE_BYTES>()
        .ok_or("a compressed buffer has no size")?;
    match i64::from_le_bytes(*size) {
        AS_IT_IS => Ok(rest.len() as u64),
        size => u64::try_from(size).map_err(|_| "a compressed buffer has a negative size"),
    }
}
