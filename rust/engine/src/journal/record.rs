//! Records of the side log: what a chunk holds beside points.
//!
//! A record is `kind u32 | payload_len u32 | crc32c u32 | reserved u32 | payload`, padded to 8 bytes. The crc covers kind,
//! length and payload. Kinds that a reader does not know are skipped, so that later versions can add some.

use std::ops::Range;

use crc32c::{crc32c, crc32c_append};

use crate::journal::entry::{self, Entry};
use crate::journal::layout::{u32_at, u64_at};
use crate::ledger::Window;
use crate::types::{MAX_KEY_BYTES, MAX_RUN_BYTES, MAX_SERIES, SeriesName};

/// Bytes before a payload.
pub const HEAD_BYTES: usize = 16;
/// Longest payload of an outbox item.
pub const MAX_OUTBOX_BYTES: usize = 64 << 20;
/// Longest payload of any record: an outbox item with its id.
pub const MAX_PAYLOAD_BYTES: usize = MAX_OUTBOX_BYTES + 8;
/// Size of a sync frame in the side log.
pub const FRAME_BYTES: u64 = (HEAD_BYTES + 32) as u64;

/// Kind of [`Record::Lost`].
const LOST: u32 = 10;
/// Kind of [`Record::Settled`].
const SETTLED: u32 = 11;

/// Checksum of a range of points that were on their way to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// First point of the chunk that it covers.
    pub from: u64,
    /// End of the range, exclusive.
    pub to: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub synced_ms: i64,
    /// crc32c of the points' bytes: block by block, column by column, the slots in the range.
    pub crc: u32,
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// What a series number stands for; before the first point that uses it.
    Series(u32, SeriesName),
    /// See [`Frame`].
    Frame(Frame),
    /// Something that the catalog could not take yet.
    Outbox(u64, Vec<u8>),
    /// Every outbox item up to this id has reached the catalog.
    OutboxDone(u64),
    /// The writer was closed with this many points in the chunk.
    Closed(u64),
    /// The chunk has a copy of the other records of the chunk with this number, whose sync failed.
    Replaces(u64),
    /// See [`Entry`]; of several of one series the one with most points counts.
    Ledger(Box<Entry>),
    /// See [`Window`]; before its point. Without that point it means nothing.
    Window(Window),
    /// These points of the chunk are not what was logged: the system dropped them from memory after a failed sync.
    Lost(Range<u64>),
    /// The chunk has all that was in the slots of a writer that is gone: they count no more.
    Settled,
    /// A kind of a later version.
    Unknown(u32),
}

impl Record {
    /// The record's bytes, with head and padding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD_BYTES];
        let kind = self.put_payload(&mut bytes);
        let len = (bytes.len() - HEAD_BYTES) as u32;
        bytes[..4].copy_from_slice(&u32::to_le_bytes(kind));
        bytes[4..8].copy_from_slice(&len.to_le_bytes());
        let crc = crc_of(&bytes[..8], &bytes[HEAD_BYTES..]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn put_payload(&self, out: &mut Vec<u8>) -> u32 {
        let mut u64s = |values: &[u64]| values.iter().for_each(|v| out.extend(v.to_le_bytes()));
        match self {
            Record::Series(id, name) => {
                out.extend(id.to_le_bytes());
                out.extend((name.run_id.len() as u16).to_le_bytes());
                out.extend((name.key.len() as u16).to_le_bytes());
                out.extend(name.run_id.as_bytes());
                out.extend(name.key.as_bytes());
                1
            }
            Record::Frame(f) => {
                u64s(&[f.from, f.to, f.synced_ms as u64, u64::from(f.crc)]);
                2
            }
            Record::Outbox(id, payload) => {
                u64s(&[*id]);
                out.extend(payload);
                3
            }
            Record::OutboxDone(upto) => {
                u64s(&[*upto]);
                4
            }
            Record::Closed(committed) => {
                u64s(&[*committed]);
                6
            }
            Record::Replaces(number) => {
                u64s(&[*number]);
                7
            }
            Record::Ledger(entry) => {
                entry.encode(out);
                8
            }
            Record::Window(window) => {
                entry::put_window(out, window);
                9
            }
            Record::Lost(points) => {
                u64s(&[points.start, points.end]);
                LOST
            }
            Record::Settled => SETTLED,
            Record::Unknown(kind) => *kind,
        }
    }

    /// Reads the record at the start of `bytes`: the record and its size with padding, or `None` if none is there whole.
    pub fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        if bytes.len() < HEAD_BYTES {
            return None;
        }
        let (kind, len) = (u32_at(bytes, 0), u32_at(bytes, 4) as usize);
        if kind == 0 || len > MAX_PAYLOAD_BYTES || bytes.len() < HEAD_BYTES + len {
            return None;
        }
        let payload = &bytes[HEAD_BYTES..HEAD_BYTES + len];
        if u32_at(bytes, 8) != crc_of(&bytes[..8], payload) {
            return None;
        }
        Some((Self::of(kind, payload)?, (HEAD_BYTES + len).next_multiple_of(8)))
    }

    fn of(kind: u32, payload: &[u8]) -> Option<Self> {
        let u64_of = |i: usize| u64_at(payload, 8 * i);
        let long = |n: usize| payload.len() >= n;
        Some(match kind {
            1 if long(8) => Record::Series(u32_at(payload, 0), series_name(payload)?),
            2 if long(32) => Record::Frame(Frame {
                from: u64_of(0),
                to: u64_of(1),
                synced_ms: u64_of(2) as i64,
                crc: u32_at(payload, 24),
            }),
            3 if long(8) => Record::Outbox(u64_of(0), payload[8..].to_vec()),
            4 if long(8) => Record::OutboxDone(u64_of(0)),
            6 if long(8) => Record::Closed(u64_of(0)),
            7 if long(8) => Record::Replaces(u64_of(0)),
            8 => Record::Ledger(Box::new(Entry::decode(payload)?)),
            9 => Record::Window(entry::window(payload)?),
            LOST if long(16) => Record::Lost(u64_of(0)..u64_of(1)),
            SETTLED => Record::Settled,
            1..=4 | 6 | 7 | LOST => return None,
            other => Record::Unknown(other),
        })
    }
}

fn crc_of(head: &[u8], payload: &[u8]) -> u32 {
    crc32c_append(crc32c(head), payload)
}

fn series_name(payload: &[u8]) -> Option<SeriesName> {
    let lens = u32_at(payload, 4);
    let (run_len, key_len) = ((lens & 0xffff) as usize, (lens >> 16) as usize);
    let text = payload.get(8..8 + run_len + key_len)?;
    if u32_at(payload, 0) >= MAX_SERIES || run_len > MAX_RUN_BYTES || key_len > MAX_KEY_BYTES {
        return None;
    }
    let text = |range| std::str::from_utf8(&text[range]).ok();
    Some(SeriesName {
        run_id: text(0..run_len)?.into(),
        key: text(run_len..run_len + key_len)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Aggregate, Keep, Pending, Tally};
    use crate::types::{DropReason, Point};

    fn point(step: i64, value: f64) -> Point {
        Point {
            step,
            timestamp_ms: !step,
            value,
        }
    }

    fn aggregate() -> Aggregate {
        let mut aggregate = Aggregate::of(-0.0, Keep::MIN | Keep::MEAN);
        [f64::NAN, f64::INFINITY]
            .into_iter()
            .for_each(|value| aggregate.push(value));
        aggregate
    }

    fn entry() -> Entry {
        let mut tally = Tally::default();
        tally.merge(point(i64::MIN, -1.5));
        tally.drop(DropReason::NoSpace, point(7, f64::NAN), false);
        tally.drop(DropReason::Throttled, point(8, 4e-320), false);
        Entry {
            series: 5,
            at: 1 << 33,
            recorded: 6,
            tally,
            pending: Some(Pending {
                point: point(9, -0.0),
                aggregate: Some(aggregate()),
            }),
        }
    }

    fn records() -> Vec<Record> {
        let name = SeriesName {
            run_id: "run".into(),
            key: "träin/loss".into(),
        };
        vec![
            Record::Series(5, name),
            Record::Frame(Frame {
                from: 1,
                to: 9,
                synced_ms: -4,
                crc: 0xdead_beef,
            }),
            Record::Outbox(3, b"seven b".to_vec()),
            Record::OutboxDone(3),
            Record::Closed(77),
            Record::Replaces(4),
            Record::Ledger(Box::new(entry())),
            Record::Ledger(Box::new(Entry {
                tally: Tally::default(),
                pending: None,
                ..entry()
            })),
            Record::Window(Window {
                seq: 1 << 40,
                aggregate: aggregate(),
            }),
            Record::Lost(5..9),
            Record::Settled,
            Record::Unknown(99),
        ]
    }

    #[test]
    fn every_record_comes_back_padded_to_eight_bytes() {
        for record in records() {
            let bytes = record.encode();
            assert_eq!(bytes.len() % 8, 0);
            assert_eq!(Record::decode(&bytes), Some((record, bytes.len())));
        }
    }

    #[test]
    fn a_changed_or_cut_record_is_none() {
        for record in records() {
            let bytes = record.encode();
            let whole = HEAD_BYTES + u32_at(&bytes, 4) as usize;
            for cut in 0..whole {
                assert_eq!(Record::decode(&bytes[..cut]), None);
            }
            for at in (0..whole).filter(|at| !(12..16).contains(at)) {
                let mut changed = bytes.clone();
                changed[at] ^= 0x10;
                assert_eq!(Record::decode(&changed), None, "byte {at} of {record:?}");
            }
        }
    }
}
