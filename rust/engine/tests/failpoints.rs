//! A process is killed at every failpoint in turn, and what it leaves is recovered: no point whose call returned is lost, none is
//! there twice, and nothing is in the way of who comes next.
//!
//! `RUNLAKE_TORTURE` is the number of rounds; each kills at every place, at a later time than the round before, and
//! every second one in journals that are written instead of mapped.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are printed")]
#![allow(unsafe_code, reason = "kill is a C call")]

mod lake;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lake::{FailingDisk, point, rows_of_batches, torture};
use runlake_engine::failpoint::{Failpoint, at_failpoints};
use runlake_engine::{
    Column, Config, JournalRange, Keeping, PointsRequest, SealOptions, Selection, Writer, WriterId, adopt, read_points,
    remove_leftovers, seal, survey,
};

const FOLDER: &str = "RUNLAKE_TEST_FOLDER";
const PLACE: &str = "RUNLAKE_TEST_FAILPOINT";
/// The writers of a life: the second one is resumed, of the third one a block of a chunk is overwritten.
const LABELS: [&str; 3] = ["first", "resumed", "damaged"];

/// A store without Python: what a catalog would know is in a small file that is replaced as a whole.
struct Store(PathBuf);

#[derive(Default)]
struct Catalog {
    sealed: BTreeMap<WriterId, u64>,
    segments: Vec<String>,
}

impl Store {
    fn journals(&self) -> PathBuf {
        self.0.join("journals")
    }

    fn catalog(&self) -> Catalog {
        let text = fs::read_to_string(self.0.join("catalog")).unwrap_or_default();
        let mut catalog = Catalog::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some((writer, sealed)) => _ = catalog.sealed.insert(writer.parse().unwrap(), sealed.parse().unwrap()),
                None => catalog.segments.push(line.to_owned()),
            }
        }
        catalog
    }

    /// Seals a range and commits it.
    fn seal(&self, writer: WriterId, range: Range<u64>) {
        let ranges = [JournalRange {
            writer,
            from: range.start,
            to: range.end,
        }];
        let experiments = HashMap::from([("run".to_owned(), "e".to_owned())]);
        let folder = self.0.join("segments");
        let sealed = seal(&self.journals(), &folder, &ranges, &experiments, SealOptions::default()).unwrap();
        let mut catalog = self.catalog();
        catalog.segments.extend(sealed.into_iter().map(|segment| segment.path));
        _ = catalog.sealed.insert(writer, range.end);
        let sealed = catalog
            .sealed
            .iter()
            .map(|(writer, sealed)| format!("{writer} {sealed}"));
        let lines: Vec<_> = sealed.chain(catalog.segments.iter().cloned()).collect();
        fs::write(self.0.join("catalog.tmp"), lines.join("\n")).unwrap();
        fs::rename(self.0.join("catalog.tmp"), self.0.join("catalog")).unwrap();
    }

    /// What is acknowledged of a writer: its id, points, outbox items handed over and delivered.
    fn promised(&self, label: &str) -> Option<(WriterId, [u64; 3])> {
        let id = fs::read_to_string(self.0.join(format!("{label}.id"))).ok()?;
        let mut bytes = [0; 24];
        let file = File::open(self.0.join(format!("{label}.counts"))).ok()?;
        file.read_exact_at(&mut bytes, 0).unwrap();
        let number = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
        Some((id.parse().ok()?, [number(0), number(1), number(2)]))
    }
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

fn config() -> Config {
    Config {
        max_chunk_bytes: 16 * 4096,
        max_block: Duration::from_secs(60),
        keeping: match WRITTEN.load(Ordering::SeqCst) {
            true => Keeping::Written,
            false => Keeping::Mapped,
        },
        ..lake::small()
    }
}

/// Everything that a writer does in its life, and what others do with what it leaves.
fn live(store: &Store) {
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
    store.seal(writer.id(), 0..2500);
    writer.trim(2500).unwrap();
    log.column(900);
    writer.close().unwrap();
    let adopted = adopt(&store.journals(), writer.id()).unwrap().unwrap();
    store.seal(writer.id(), 2500..adopted.upto);
    adopted.finish(true).unwrap();
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
    store.seal(writer.id(), 0..1000);
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

static WANTED: OnceLock<(String, u64)> = OnceLock::new();
static WRITTEN: AtomicBool = AtomicBool::new(false);
static TIMES: AtomicU64 = AtomicU64::new(0);

fn reached(place: Failpoint) {
    let Some((wanted, time)) = WANTED.get() else { return };
    if format!("{place:?}") == *wanted && TIMES.fetch_add(1, Ordering::SeqCst) == *time {
        // SAFETY: ends this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

#[test]
fn child_that_lives_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let wanted = std::env::var(PLACE).unwrap();
    let [place, time, keeping] = *wanted.split(' ').collect::<Vec<_>>() else {
        panic!("{wanted}")
    };
    WANTED.set((place.to_owned(), time.parse().unwrap())).unwrap();
    WRITTEN.store(keeping == "written", Ordering::SeqCst);
    at_failpoints(reached);
    live(&Store(folder.into()));
}

/// Lives until the `time`-th arrival at a place; false if there were not so many.
fn kill(store: &Store, place: Failpoint, time: u64, keeping: &str) -> bool {
    for folder in ["journals", "segments"] {
        fs::create_dir(store.0.join(folder)).unwrap();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_lives_until_it_is_killed", "--test-threads", "1"])
        .env(FOLDER, &store.0)
        .env(PLACE, format!("{place:?} {time} {keeping}"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let killed = child.signal() == Some(libc::SIGKILL);
    assert!(killed || child.success(), "{place:?}: {child}");
    killed
}

/// What is found, and what waits in outboxes.
struct Found {
    /// By writer: number, step and value of each point, sorted.
    points: HashMap<String, Vec<(u64, i64, u64)>>,
    waiting: HashMap<WriterId, Vec<u64>>,
}

/// Recovers everything, seals it and reads it.
fn recover(store: &Store, place: Failpoint) -> Found {
    _ = remove_leftovers(&store.journals()).unwrap();
    let mut waiting = HashMap::new();
    for files in survey(&store.journals()).unwrap() {
        let adopted = adopt(&store.journals(), files.id).unwrap().expect("its holder is dead");
        let items = adopted.outbox.iter().map(|(id, _)| *id).collect();
        _ = waiting.insert(files.id, items);
        let sealed = store.catalog().sealed.get(&files.id).copied().unwrap_or(0);
        for whole in &adopted.whole {
            let unsealed = whole.start.max(sealed)..whole.end;
            if !unsealed.is_empty() {
                store.seal(files.id, unsealed);
            }
        }
        adopted.finish(true).unwrap();
    }
    let left = fs::read_dir(store.journals()).unwrap();
    let left: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let damaged = store.promised(LABELS[2]).map(|(id, _)| id.to_string());
    let kept = |name: &String| {
        damaged
            .as_ref()
            .is_some_and(|id| name.starts_with(id) && name.ends_with(".damaged"))
    };
    assert!(left.iter().all(kept), "{place:?}: {left:?} is left");
    Found {
        points: read(store),
        waiting,
    }
}

fn read(store: &Store) -> HashMap<String, Vec<(u64, i64, u64)>> {
    let segments = store.catalog().segments;
    let segments: Vec<_> = segments
        .iter()
        .map(|path| store.0.join("segments").join(path))
        .collect();
    let request = PointsRequest {
        select: Selection::default(),
        steps: i64::MIN..=i64::MAX,
        timestamps: i64::MIN..=i64::MAX,
        columns: Column::ALL.to_vec(),
    };
    let (_, batches) = read_points(&segments, &request, &|| true).unwrap();
    let mut found = HashMap::<_, Vec<_>>::new();
    for row in rows_of_batches(batches) {
        assert_eq!(row.key, format!("k{}", row.step % 5));
        found
            .entry(row.writer)
            .or_default()
            .push((row.seq as u64, row.step, row.bits));
    }
    found.values_mut().for_each(|points| points.sort_unstable());
    found
}

/// Compares what is found of one writer with what was acknowledged; returns the number of points.
fn compare(store: &Store, label: &str, found: &Found, place: Failpoint) -> u64 {
    let Some((id, [promised, items, delivered])) = store.promised(label) else {
        return 0;
    };
    let points = found.points.get(&id.to_string()).map_or(&[][..], Vec::as_slice);
    for (seq, step, bits) in points {
        let wanted = point(*seq as i64);
        assert_eq!(
            (*step, *bits),
            (wanted.step, wanted.value.to_bits()),
            "{place:?}, {label}"
        );
    }
    let numbers: Vec<u64> = points.iter().map(|point| point.0).collect();
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

#[test]
fn a_process_killed_at_any_failpoint_loses_and_doubles_nothing() {
    let (next, rounds) = (AtomicU64::new(0), torture(2));
    let (kills, points) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (round, place) = (
                number / Failpoint::ALL.len() as u64,
                number as usize % Failpoint::ALL.len(),
            );
            if round >= rounds {
                return;
            }
            let (place, folder) = (Failpoint::ALL[place], tempfile::tempdir().unwrap());
            let store = Store(folder.path().to_owned());
            let keeping = if round % 2 == 0 { "mapped" } else { "written" };
            let killed = kill(&store, place, round * round, keeping);
            assert!(killed || round > 0, "{place:?} is never reached");
            let found = recover(&store, place);
            let sum: u64 = LABELS.iter().map(|label| compare(&store, label, &found, place)).sum();
            _ = kills.fetch_add(u64::from(killed), Ordering::Relaxed);
            _ = points.fetch_add(sum, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            _ = scope.spawn(work);
        }
    });
    println!(
        "proof: failpoint-matrix places={} kills={} points={} lost=0 doubled=0",
        Failpoint::ALL.len(),
        kills.into_inner(),
        points.into_inner()
    );
}
