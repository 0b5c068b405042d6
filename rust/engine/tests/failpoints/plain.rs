//! The life of writers whose points are all stored, and what must be left of it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use runlake_engine::failpoint::Failpoint;
use runlake_engine::{Writer, WriterId, adopt};

use crate::config;
use crate::lake::{FailingDisk, point};
use crate::store::{Found, Store, recover};

/// The writers of a life: the second one is resumed, of the third one a block of a chunk is overwritten.
const LABELS: [&str; 3] = ["first", "resumed", "damaged"];

/// What is acknowledged of a writer: its id, points, outbox items handed over and delivered.
fn promised(store: &Store, label: &str) -> Option<(WriterId, [u64; 3])> {
    let id = fs::read_to_string(store.0.join(format!("{label}.id"))).ok()?;
    let mut bytes = [0; 24];
    let file = File::open(store.0.join(format!("{label}.counts"))).ok()?;
    file.read_exact_at(&mut bytes, 0).unwrap();
    let number = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
    Some((id.parse().ok()?, [number(0), number(1), number(2)]))
}

/// What a life says of one writer as soon as a call has returned.
struct Log {
    writer: Arc<Writer>,
    counts: [u64; 3],
    file: File,
}

impl Log {
    fn of(store: &Store, label: &str, writer: Arc<Writer>) -> Self {
        let path = store.0.join(format!("{label}.counts"));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let log = Self {
            counts: [writer.committed().unwrap(), 0, 0],
            file: file.unwrap(),
            writer,
        };
        log.note();
        fs::write(store.0.join(format!("{label}.id")), log.writer.id().to_string()).unwrap();
        log
    }

    fn note(&self) {
        let bytes: Vec<u8> = self.counts.iter().flat_map(|count| count.to_le_bytes()).collect();
        self.file.write_all_at(&bytes, 0).unwrap();
    }

    fn points(&mut self, count: u64) {
        for _ in 0..count {
            let step = self.counts[0] as i64;
            let series = self.writer.series("run", &format!("k{}", step % 5)).unwrap();
            self.writer.append(series, point(step)).unwrap();
            self.counts[0] += 1;
            self.note();
        }
    }

    /// All of one series, so that blocks are written past the mapping.
    fn column(&mut self, count: i64) {
        let first = self.counts[0] as i64;
        let points: Vec<_> = (first..first + count).map(point).collect();
        let series = |step| self.writer.series("run", &format!("k{}", step % 5)).unwrap();
        let series: Vec<_> = (first..first + count).map(series).collect();
        let steps: Vec<_> = points.iter().map(|point| point.step).collect();
        let times: Vec<_> = points.iter().map(|point| point.timestamp_ms).collect();
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        let stored = self.writer.append_columns(&series, &steps, &times, &values).unwrap();
        assert_eq!(stored, count as u64);
        self.counts[0] += stored;
        self.note();
    }

    fn item(&mut self) {
        self.counts[1] = self.writer.push_outbox(b"item").unwrap();
        self.note();
    }

    fn deliver(&mut self) {
        // Whether the journal says it too is open until the call returns.
        self.counts[2] = self.counts[1];
        self.note();
        self.writer.finish_outbox(self.counts[2]).unwrap();
    }
}

/// Everything that a writer does in its life, and what others do with what it leaves.
pub fn live(store: &Store) {
    let disk = Arc::new(FailingDisk::default());
    let writer = Writer::open_on(&store.journals(), 7, config(), disk.clone()).unwrap();
    let mut log = Log::of(store, LABELS[0], writer.clone());
    log.points(700);
    log.item();
    writer.flush(None).unwrap();
    log.column(2000);
    log.points(10);
    disk.sync_fails_once.store(true, Ordering::SeqCst);
    while writer.flush(None).is_err() {}
    log.deliver();
    log.item();
    log.points(300);
    writer.flush(None).unwrap();
    store.seal(writer.id(), 0..2500, &[]);
    writer.trim(2500).unwrap();
    log.column(900);
    writer.close().unwrap();
    _ = store.adopt(writer.id());
    resume(store);
    damage(store);
}

/// Closes a writer and goes on with its stream.
fn resume(store: &Store) {
    let writer = Writer::open(&store.journals(), 7, config()).unwrap();
    Log::of(store, LABELS[1], writer.clone()).points(500);
    writer.flush(None).unwrap();
    writer.close().unwrap();
    let resumed = Writer::resume(&store.journals(), 7, writer.id(), 0, config());
    let writer = resumed.unwrap().unwrap();
    Log::of(store, LABELS[1], writer.clone()).points(500);
    store.seal(writer.id(), 0..1000, &[]);
    writer.trim(1000).unwrap();
    writer.close().unwrap();
}

/// Overwrites a block of a chunk and adopts the rest.
fn damage(store: &Store) {
    let writer = Writer::open(&store.journals(), 7, config()).unwrap();
    Log::of(store, LABELS[2], writer.clone()).points(500);
    writer.close().unwrap();
    let chunk = store.journals().join(format!("{}.0.journal", writer.id()));
    let file = File::options().write(true).open(chunk).unwrap();
    file.write_all_at(&[9; 64], 4096).unwrap();
    let adopted = adopt(&store.journals(), writer.id()).unwrap().unwrap();
    adopted.finish(true).unwrap();
}

/// Recovers what is left and compares it with what was acknowledged; returns the number of points.
pub fn check(store: &Store, place: Failpoint) -> u64 {
    let damaged = promised(store, LABELS[2]).map(|(id, _)| id);
    let found = recover(store, damaged, place);
    LABELS.iter().map(|label| compare(store, label, &found, place)).sum()
}

/// The same of one writer.
fn compare(store: &Store, label: &str, found: &Found, place: Failpoint) -> u64 {
    let Some((id, [promised, items, delivered])) = promised(store, label) else {
        return 0;
    };
    let points = found.points.get(&id.to_string()).map_or(&[][..], Vec::as_slice);
    for row in points.iter().map(|stored| &stored.row) {
        let wanted = point(row.seq);
        assert_eq!(row.key, format!("k{}", row.step % 5));
        assert_eq!(
            (row.step, row.bits),
            (wanted.step, wanted.value.to_bits()),
            "{place:?}, {label}"
        );
    }
    let numbers: Vec<u64> = points.iter().map(|stored| stored.row.seq as u64).collect();
    // What was overwritten is lost indeed, but not doubled either.
    if label == LABELS[2] {
        assert!(numbers.is_sorted_by(|a, b| a < b), "{place:?}, {label}");
    } else {
        assert_eq!(
            numbers,
            (0..numbers.len() as u64).collect::<Vec<_>>(),
            "{place:?}, {label}"
        );
        assert!(
            numbers.len() as u64 >= promised,
            "{place:?}, {label}: {} of {promised}",
            numbers.len()
        );
    }
    // Where no journal is left, everything that it held was adopted before the kill, and its outbox handed over.
    if let Some(waiting) = found.waiting.get(&id) {
        let owed = (delivered + 1..=items).all(|item| waiting.contains(&item));
        let adopted = waiting.is_empty() && store.catalog().sealed.get(&id).is_some_and(|sealed| *sealed > 2500);
        assert!(
            owed || adopted,
            "{place:?}, {label}: {waiting:?} of {items}, {delivered} delivered"
        );
    }
    points.len() as u64
}
