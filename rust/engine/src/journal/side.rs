//! Side log of one chunk, read back: names, frames, ledger, outbox.

use std::ops::Range;

use crate::error::Result;
use crate::journal::chunk_file::ChunkFile;
use crate::journal::entry::Entry;
use crate::journal::record::{Frame, HEAD_BYTES, Record};
use crate::ledger::Window;
use crate::types::SeriesName;

/// What a side log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// Series defined in the chunk.
    pub series: Vec<(u32, SeriesName)>,
    /// Sync frames, in the order written.
    pub frames: Vec<Frame>,
    /// Outbox items.
    pub outbox: Vec<(u64, Vec<u8>)>,
    /// Largest outbox id that is done, 0 for none.
    pub outbox_done: u64,
    /// Ledger entries, in the order written.
    pub ledger: Vec<Entry>,
    /// Windows, in the order written; one whose point was not stored means nothing.
    pub windows: Vec<Window>,
    /// Points of the chunk that are not what was logged.
    pub lost: Vec<Range<u64>>,
    /// The chunk has what was in the writer's slots.
    pub settled: bool,
    /// Number of the chunk that this one replaces, if it does.
    pub replaces: Option<u64>,
    /// Number of points at the clean close, if there was one.
    pub closed: Option<u64>,
    /// Bytes of the log that hold no record.
    pub damaged: Vec<Range<u64>>,
    /// Bytes that were read, damage included.
    pub bytes: u64,
}

impl Side {
    /// Reads the side log of a chunk.
    ///
    /// With `trusted`, what `side_committed` counts is all there is. Without, that counter may be older than what reached
    /// the disk, so that reading goes on as long as whole records follow.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn read(chunk: &ChunkFile, trusted: bool) -> Result<Self> {
        let counted = chunk.side_committed()?;
        let log = chunk.side_bytes(0..if trusted { counted } else { u64::MAX })?;
        Ok(Self::parse(&log, (counted as usize).min(log.len())))
    }

    /// Reads every record of `log`. Up to `counted` damage is skipped and noted; after it, it is the end.
    pub fn parse(log: &[u8], counted: usize) -> Self {
        let mut side = Self::default();
        let mut at = 0;
        while at + HEAD_BYTES <= log.len() {
            match Record::decode(&log[at..]) {
                Some((record, bytes)) => {
                    side.add(record);
                    at += bytes;
                }
                None if at < counted => {
                    side.note_damage(at);
                    at += 8;
                }
                None => break,
            }
        }
        side.bytes = at as u64;
        side
    }

    /// Adds the records of the part of a log that follows what was read. False, with some of them added, when it holds
    /// anything but whole records.
    pub fn extend(&mut self, log: &[u8]) -> bool {
        let mut at = 0;
        while at < log.len() {
            let Some((record, bytes)) = log.get(at..).and_then(Record::decode) else {
                return false;
            };
            self.add(record);
            at += bytes;
        }
        self.bytes += log.len() as u64;
        at == log.len()
    }

    fn add(&mut self, record: Record) {
        match record {
            Record::Series(id, name) => self.series.push((id, name)),
            Record::Frame(frame) => self.frames.push(frame),
            Record::Outbox(id, payload) => self.outbox.push((id, payload)),
            Record::OutboxDone(upto) => self.outbox_done = self.outbox_done.max(upto),
            Record::Settled => self.settled = true,
            Record::Closed(committed) => self.closed = Some(committed),
            Record::Lost(points) => self.lost.push(points),
            Record::Replaces(number) => self.replaces = Some(number),
            Record::Ledger(entry) => self.ledger.push(*entry),
            Record::Window(window) => self.windows.push(window),
            Record::Unknown(_) => {}
        }
    }

    fn note_damage(&mut self, at: usize) {
        let at = at as u64;
        match self.damaged.last_mut() {
            Some(range) if range.end == at => range.end = at + 8,
            _ => self.damaged.push(at..at + 8),
        }
    }

    /// Largest number of points that a frame covers.
    pub fn framed(&self) -> u64 {
        self.frames.iter().map(|f| f.to).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_after_garbage_are_found_again() {
        let frame = |from| {
            Record::Frame(Frame {
                from,
                to: from + 10,
                synced_ms: 1,
                crc: 2,
            })
        };
        let mut log: Vec<u8> = (0..5).flat_map(|i| frame(i * 10).encode()).collect();
        let size = frame(0).encode().len();
        log[size..2 * size].fill(0x5a);
        let side = Side::parse(&log, log.len());
        assert_eq!(side.frames.iter().map(|f| f.from).collect::<Vec<_>>(), [0, 20, 30, 40]);
        assert_eq!(
            (side.damaged.len(), &side.damaged[0]),
            (1, &(size as u64..2 * size as u64))
        );
    }

    #[test]
    fn what_follows_the_counter_is_read_only_while_it_is_whole() {
        let record = Record::Closed(1).encode();
        let mut log = record.repeat(3);
        log.extend([1; 24]);
        log.extend(&record);
        let side = Side::parse(&log, record.len());
        assert_eq!((side.closed, side.damaged.len()), (Some(1), 0));
    }
}
