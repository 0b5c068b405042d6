//! A journals folder for one test, and disks that fail on command.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use runlake_engine::journal::layout::BLOCK_BYTES;
use runlake_engine::platform::{Disk, LinuxDisk};
use runlake_engine::{Config, Keeping, Point, Selection, SeriesId, Snapshot, Writer};

/// One point as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub run: String,
    pub key: String,
    pub step: i64,
    pub timestamp_ms: i64,
    pub bits: u64,
    pub writer: String,
    pub seq: i64,
}

/// Numbers that a seed determines (xorshift).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Dice of their own, for another purpose.
    pub fn split(&mut self) -> Self {
        Self::new(self.below(u64::MAX))
    }
}

/// How much `make torture` asks for: `RUNLAKE_TORTURE`, or `otherwise` in a default run.
pub fn torture(otherwise: u64) -> u64 {
    std::env::var("RUNLAKE_TORTURE").map_or(otherwise, |text| text.parse().unwrap())
}

/// Cases that are drawn at random: `PROPTEST_CASES`, which says nothing to a configuration that names a number.
pub fn cases(otherwise: u32) -> u32 {
    std::env::var("PROPTEST_CASES").map_or(otherwise, |text| text.parse().unwrap())
}

/// A folder in memory, where there is one: for tests that need no disk.
pub fn in_memory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    tempfile::tempdir_in(folder).unwrap()
}

pub struct Lake(tempfile::TempDir);

impl Lake {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn open(&self, config: Config) -> Arc<Writer> {
        Writer::open(self.path(), 7, config).unwrap()
    }

    pub fn rows(&self) -> Vec<Row> {
        rows(self.path())
    }

    /// Every file, by name.
    pub fn files(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    pub fn chunk(&self, writer: &Writer, number: u64) -> PathBuf {
        self.path().join(format!("{}.{number}.journal", writer.id()))
    }
}

/// The tests of `written.rs`, `written_crash.rs` and `written_throttle.rs` are those of other programs once more, with points that are written and
/// not mapped.
pub fn keeping() -> Keeping {
    match module_path!().starts_with("written") {
        true => Keeping::Written,
        false => Keeping::Mapped,
    }
}

/// The default configuration, with points kept as this test program has it.
pub fn ordinary() -> Config {
    Config {
        keeping: keeping(),
        ..Config::default()
    }
}

/// Small chunks, and syncs on demand only.
pub fn small() -> Config {
    Config {
        sync_interval: Duration::from_secs(3600),
        min_chunk_bytes: 8 * 4096,
        max_chunk_bytes: 32 * 4096,
        merge_without_room: false,
        ..ordinary()
    }
}

pub fn rows(journals: &Path) -> Vec<Row> {
    rows_of(&Snapshot::open(journals, None).unwrap())
}

pub fn rows_of(snapshot: &Snapshot) -> Vec<Row> {
    rows_of_batches(snapshot.read(&HashMap::new(), &Selection::default()).unwrap())
}

pub fn rows_of_batches(batches: Vec<RecordBatch>) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let text = |i: usize, row: usize| batch.column(i).as_string_view().value(row).to_owned();
        let integer = |i: usize, row: usize| batch.column(i).as_primitive::<Int64Type>().value(row);
        for row in 0..batch.num_rows() {
            rows.push(Row {
                run: text(0, row),
                key: text(1, row),
                step: integer(2, row),
                timestamp_ms: integer(3, row),
                bits: batch.column(4).as_primitive::<Float64Type>().value(row).to_bits(),
                writer: text(5, row),
                seq: integer(6, row),
            });
        }
    }
    rows
}

pub fn point(step: i64) -> Point {
    Point {
        step,
        timestamp_ms: 1_000 + step,
        value: step as f64 / 2.0,
    }
}

/// Logs points with these steps.
pub fn log(writer: &Writer, series: SeriesId, steps: std::ops::Range<i64>) {
    for step in steps {
        writer.append(series, point(step)).unwrap();
    }
}

pub fn steps(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|r| r.step).collect()
}

/// Bytes that a chunk begins with; a write of as many is one.
const HEADER_BYTES: usize = 116;

/// The real disk, until it is told to fail.
#[derive(Debug, Default)]
pub struct FailingDisk {
    pub full: AtomicBool,
    pub sync_fails: AtomicBool,
    /// Only the next sync fails.
    pub sync_fails_once: AtomicBool,
    /// With a sync that fails the first block of points is gone from memory.
    pub forgets: AtomicBool,
    /// As on file systems that cannot give back a part of a file.
    pub keeps_all: AtomicBool,
    /// As on NFS before 4.2, and most of FUSE.
    pub reserves_nothing: AtomicBool,
    /// What the system says to whoever writes a point of a journal that is written; 0 for nothing.
    pub write_error: AtomicI32,
    /// Writes that the system still takes before it says that.
    pub takes_writes: AtomicU32,
}

impl FailingDisk {
    fn takes_one_more_write(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.takes_writes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .is_ok()
    }
}

impl Disk for FailingDisk {
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.reserves_nothing.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(95));
        }
        LinuxDisk.allocate(file, bytes)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.write_error.load(Ordering::SeqCst) {
            0 => LinuxDisk.write(file, bytes, offset),
            _ if self.takes_one_more_write() => LinuxDisk.write(file, bytes, offset),
            error => {
                // A write that fails may have brought its front to the file; but counters, and headers, are there as a whole
                // or not at all.
                let front = if bytes.len() > HEADER_BYTES { bytes.len() / 2 } else { 0 };
                LinuxDisk.write(file, &bytes[..front], offset)?;
                Err(io::Error::from_raw_os_error(error))
            }
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.sync_fails.load(Ordering::SeqCst) || self.sync_fails_once.swap(false, Ordering::SeqCst) {
            if self.forgets.load(Ordering::SeqCst) {
                file.write_all_at(&[0; BLOCK_BYTES], BLOCK_BYTES as u64)?;
            }
            return Err(io::Error::from_raw_os_error(5));
        }
        LinuxDisk.sync(file)
    }

    fn punch_hole(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        if self.keeps_all.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(95));
        }
        LinuxDisk.punch_hole(file, from, to)
    }
}
