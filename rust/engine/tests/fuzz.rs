//! Whatever bytes a decoder is given, it answers: it does not panic, and it takes no more memory than its input allows.
//!
//! Inputs are those kept in `corpus/`, and changed ones: bits, numbers, pieces cut out, put in and taken from others, with checksums made right
//! again now and then so that what is behind them is reached. An input with an answer that none had before is changed
//! further. `RUNLAKE_TORTURE` is the number of changed inputs in thousands, for each decoder. An input that fails is written to
//! `target/fuzz`; kept in the corpus, it is tried by every later run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are printed")]
#![allow(unsafe_code, reason = "an allocator is an unsafe trait")]

mod lake;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use crc32c::crc32c;
use lake::{Dice, Lake, in_memory, point, small, torture};
use runlake_engine::journal::layout::{BLOCK_BYTES, Header, side_place, u32_at};
use runlake_engine::journal::record::Record;
use runlake_engine::journal::side::Side;
use runlake_engine::{
    Column, JournalRange, Keep, Length, Points, PointsRequest, Policy, Rule, SealOptions, Selection, SeriesName,
    Snapshot, TableFile, TableFileWriter, Writer, WriterId, adopt, pack, platform, read_points, seal, survey, unpack,
    verify,
};

/// The system's allocator, counting.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes every call on; the counters touch no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        _ = MOST.fetch_max(in_use, Ordering::Relaxed);
        // SAFETY: as the caller's call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        _ = IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller's call.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One at a time, so that memory is counted for one.
static TURN: Mutex<()> = Mutex::new(());

/// The id of the writer in all inputs.
const WRITER: WriterId = WriterId(0xabcd);

/// A decoder under test.
struct Target {
    name: &'static str,
    /// What it answers, in words; the same words for the same reason.
    answer: fn(&Path, &[u8]) -> String,
    /// Makes checksums right again.
    mend: fn(&mut [u8]),
    /// Bytes of memory that it may take, besides a few times the input.
    memory: usize,
}

const RECORDS: Target = Target {
    name: "records",
    answer: records,
    mend: mend_records,
    memory: 1 << 20,
};
const CHUNK: Target = Target {
    name: "chunk",
    answer: chunk,
    mend: mend_chunk,
    memory: 16 << 20,
};
const PACKED: Target = Target {
    name: "packed",
    answer: packed,
    mend: |_| {},
    memory: 512 << 20,
};
const SEGMENT: Target = Target {
    name: "segment",
    answer: segment,
    mend: mend_segment,
    memory: 512 << 20,
};
const TABLE: Target = Target {
    name: "table",
    answer: table,
    mend: mend_table,
    memory: 64 << 20,
};

const SLOTS: Target = Target {
    name: "slots",
    answer: slots,
    mend: mend_slots,
    memory: 4 << 20,
};

/// Reads the slots as they are, and as recovery does, beside a chunk that defines their series.
fn slots(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join(format!("{WRITER}.slots"));
    let file = File::create(&path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    // Which file it is says its header; what is changed here is only what makes it another one.
    if let Some(header) = bytes.get(..SLOTS_HEADER_BYTES).filter(|header| has_its_crc(header)) {
        let metadata = file.metadata().unwrap();
        let mut header = header.to_vec();
        header[48..64].copy_from_slice(&platform::boot_id().unwrap().to_le_bytes());
        header[64..72].copy_from_slice(&metadata.dev().to_le_bytes());
        header[72..80].copy_from_slice(&metadata.ino().to_le_bytes());
        mend_slots(&mut header);
        file.write_all_at(&header, 0).unwrap();
    }
    let found = runlake_engine::journal::slots::read(&path, WRITER, platform::boot_id().unwrap()).unwrap();
    let entries = found.entries;
    let chunk = &corpus(&CHUNK)[0];
    let chunk_path = folder.join(format!("{WRITER}.0.journal"));
    fs::write(&chunk_path, chunk).unwrap();
    let mut header = Header::decode(&chunk[..BLOCK_BYTES], &chunk_path).unwrap().unwrap();
    let metadata = fs::metadata(&chunk_path).unwrap();
    (header.device, header.inode) = (metadata.dev(), metadata.ino());
    header.boot_id = platform::boot_id().unwrap();
    let file = File::options().write(true).open(&chunk_path).unwrap();
    file.write_all_at(&header.encode(), 0).unwrap();
    let adopted = adopt(folder, WRITER).unwrap().unwrap();
    let answer = format!(
        "{} {} {} {}",
        entries.len().min(5),
        entries.iter().filter(|entry| entry.pending.is_some()).count().min(5),
        adopted.ledger.len(),
        adopted.upto
    );
    assert!(adopted.ledger.iter().all(|entry| entry.pending.is_none()));
    adopted.finish(true).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    answer
}

fn records(_: &Path, bytes: &[u8]) -> String {
    let side = Side::parse(bytes, bytes.len() / 2);
    let again = Side::default().extend(bytes);
    let kinds = Record::decode(bytes).map(|(record, _)| std::mem::discriminant(&record));
    format!(
        "{kinds:?} {again} {} {}",
        side.damaged.len().min(3),
        side.frames.len().min(3)
    )
}

fn chunk(folder: &Path, bytes: &[u8]) -> String {
    fs::write(folder.join(format!("{WRITER}.0.journal")), bytes).unwrap();
    let surveyed = survey(folder).unwrap();
    let rows = Snapshot::open(folder, None).and_then(|s| s.read(&HashMap::new(), &Selection::default()));
    let adopted = adopt(folder, WRITER).unwrap().unwrap();
    let whole: u64 = adopted.whole.iter().map(|range| range.end - range.start).sum();
    let reasons: BTreeSet<_> = adopted.gaps.iter().map(|gap| plain(&gap.reason)).collect();
    let seen: usize = rows
        .as_ref()
        .map_or(0, |batches| batches.iter().map(RecordBatch::num_rows).sum());
    // Sequence numbers beyond what a table holds are nobody's; else a reader sees what recovery finds.
    let answer = format!("{} {whole} {seen} {reasons:?} {}", surveyed.len(), adopted.outbox.len());
    adopted.finish(true).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    answer
}

fn packed(_: &Path, bytes: &[u8]) -> String {
    match unpack(bytes) {
        Ok(packed) => format!("{}", packed.series.len()),
        Err(error) => plain(&error.to_string()),
    }
}

fn segment(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("segment.parquet");
    fs::write(&path, bytes).unwrap();
    let verified = verify(&path).map(|info| info.rows);
    let request = PointsRequest {
        select: Selection::default(),
        steps: i64::MIN..=i64::MAX,
        timestamps: i64::MIN..=i64::MAX,
        columns: Column::ALL.to_vec(),
    };
    let read = read_points(&[path], &request, &|| true);
    let say = |error: runlake_engine::Error| plain(&error.to_string());
    let rows = read.map(|(_, batches)| batches.iter().map(RecordBatch::num_rows).sum::<usize>());
    format!("{:?} {:?}", verified.map_err(say), rows.map_err(say))
}

fn table(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("table");
    // Replaced, never changed in place: it is mapped.
    _ = fs::remove_file(&path);
    fs::write(&path, bytes).unwrap();
    let file = match TableFile::open(&path) {
        Ok(file) => file,
        Err(error) => return plain(&error.to_string()),
    };
    let tables = file
        .entries()
        .iter()
        .map(|entry| match file.table(&entry.section, &entry.key) {
            Ok(batch) => format!("{:?}", batch.map(|batch| batch.num_columns())),
            Err(error) => plain(&error.to_string()),
        });
    tables.take(4).collect::<Vec<_>>().join(" ")
}

/// A message without what differs from input to input.
fn plain(message: &str) -> String {
    let reason = message.rsplit_once("damaged:").map_or(message, |(_, reason)| reason);
    reason.chars().filter(|c| !c.is_ascii_digit()).take(60).collect()
}

/// Walks the records of a side log and makes their checksums right.
fn mend_records(log: &mut [u8]) {
    let mut at = 0;
    while at + 16 <= log.len() {
        let len = u32_at(log, at + 4) as usize;
        let Some(end) = at.checked_add(16 + len).filter(|end| *end <= log.len()) else {
            return;
        };
        let crc = crc32c::crc32c_append(crc32c(&log[at..at + 8]), &log[at + 16..end]);
        log[at + 8..at + 12].copy_from_slice(&crc.to_le_bytes());
        at = end.next_multiple_of(8);
    }
}

/// The header's checksum, and those of the side log of the file as it is.
fn mend_chunk(bytes: &mut [u8]) {
    if bytes.len() < 2 * BLOCK_BYTES || !bytes.len().is_multiple_of(BLOCK_BYTES) {
        return;
    }
    let crc = crc32c(&bytes[..112]);
    bytes[112..116].copy_from_slice(&crc.to_le_bytes());
    let places = |at: usize| side_place(bytes.len() as u64, at as u64).0 as usize;
    let places: Vec<_> = (0..bytes.len() - BLOCK_BYTES)
        .step_by(BLOCK_BYTES)
        .map(places)
        .collect();
    let mut log: Vec<u8> = places
        .iter()
        .flat_map(|at| bytes[*at..*at + BLOCK_BYTES].to_vec())
        .collect();
    mend_records(&mut log);
    for (place, block) in places.iter().zip(log.chunks(BLOCK_BYTES)) {
        bytes[*place..place + BLOCK_BYTES].copy_from_slice(block);
    }
}

/// Bytes of a slots file's header, its checksum included, which is the last of it.
const SLOTS_HEADER_BYTES: usize = 92;

fn has_its_crc(header: &[u8]) -> bool {
    u32_at(header, SLOTS_HEADER_BYTES - 4) == crc32c(&header[..SLOTS_HEADER_BYTES - 4])
}

fn mend_slots(bytes: &mut [u8]) {
    if bytes.len() >= SLOTS_HEADER_BYTES {
        let crc = crc32c(&bytes[..SLOTS_HEADER_BYTES - 4]);
        bytes[SLOTS_HEADER_BYTES - 4..SLOTS_HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    }
}

fn mend_segment(bytes: &mut [u8]) {
    if bytes.len() > 16 {
        bytes[12..16].fill(0);
        let crc = crc32c(bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    }
}

fn mend_table(bytes: &mut [u8]) {
    let Some(at) = bytes.len().checked_sub(32) else { return };
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (from, len) = (number(at), number(at + 8));
    if let Some(directory) = from.checked_add(len).and_then(|end| bytes.get(from..end)) {
        let crc = crc32c(directory);
        bytes[at + 16..at + 20].copy_from_slice(&crc.to_le_bytes());
    }
    let crc = crc32c(&bytes[at..at + 20]);
    bytes[at + 20..at + 24].copy_from_slice(&crc.to_le_bytes());
}

/// Changes an input in one to eight places.
fn change(input: &mut Vec<u8>, others: &[Vec<u8>], dice: &mut Dice) {
    for _ in 0..=dice.below(8) {
        let len = input.len() as u64;
        let at = dice.below(len.max(1)) as usize;
        let some = dice.below(len.min(64) + 1) as usize;
        let to = (at + some).min(input.len());
        match dice.below(9) {
            0 if len > 0 => input[at] ^= 1 << dice.below(8),
            1 if len > 0 => input[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5) as usize],
            2 | 3 => put_number(input, at, dice),
            4 => drop(input.drain(at..to)),
            5 => input.truncate(at),
            6 => input.splice(at..at, vec![dice.below(256) as u8; some]).for_each(drop),
            7 => input[at..to].fill(0),
            _ => {
                let other = &others[dice.below(others.len() as u64) as usize];
                let from = dice.below(other.len() as u64 + 1) as usize;
                let piece = &other[from..(from + some).min(other.len())];
                let end = (at + piece.len()).min(input.len());
                input.splice(at..end, piece.iter().copied()).for_each(drop);
            }
        }
    }
}

/// A number that is often a limit, where a number may be.
fn put_number(input: &mut [u8], at: usize, dice: &mut Dice) {
    let limits = [
        0,
        1,
        8,
        255,
        4096,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        i64::MAX as u64,
        u64::MAX - 1,
    ];
    let number = limits[dice.below(10) as usize]
        .wrapping_add(dice.below(3))
        .to_le_bytes();
    let width = [2, 4, 8][dice.below(3) as usize];
    let at = at / 4 * 4;
    if let Some(place) = input.get_mut(at..at + width) {
        place.copy_from_slice(&number[..width]);
    }
}

/// Gives the decoder one input; returns what it says.
fn attempt(target: &Target, folder: &Path, input: &[u8]) -> String {
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let answer = catch_unwind(AssertUnwindSafe(|| (target.answer)(folder, input)));
    let taken = MOST.load(Ordering::Relaxed).saturating_sub(before);
    let limit = target.memory + 16 * input.len();
    match answer {
        Ok(answer) if taken <= limit => answer,
        Ok(_) => fail(target, input, &format!("it takes {taken} bytes of memory, of {limit}")),
        Err(_) => fail(target, input, "it panics"),
    }
}

fn fail(target: &Target, input: &[u8], why: &str) -> ! {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{}-{:08x}", target.name, crc32c(input)));
    fs::write(&path, input).unwrap();
    panic!("{}: {why}; the input is {}", target.name, path.display());
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(target.name);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn fuzz(target: &Target) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = in_memory();
    let mut inputs = corpus(target);
    assert!(!inputs.is_empty(), "no corpus for {}", target.name);
    let mut answers: BTreeSet<String> = inputs
        .iter()
        .map(|input| attempt(target, folder.path(), input))
        .collect();
    let kept = inputs.len();
    let count = torture(0) * 1000 + 300;
    // What a decoder catches itself is not to be read in the output.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut dice = Dice::new(7);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..count {
            let mut input = inputs[dice.below(inputs.len() as u64) as usize].clone();
            change(&mut input, &inputs, &mut dice);
            if dice.below(4) > 0 {
                (target.mend)(&mut input);
            }
            if answers.insert(attempt(target, folder.path(), &input)) && inputs.len() < 2000 {
                inputs.push(input);
            }
        }
    }));
    std::panic::set_hook(hook);
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    println!(
        "proof: fuzz decoder={} corpus={kept} inputs={count} answers={} panics=0 memory-exceeded=0",
        target.name,
        answers.len()
    );
}

#[test]
fn a_side_log_of_any_bytes_is_read_to_its_end() {
    fuzz(&RECORDS);
}

#[test]
fn a_chunk_of_any_bytes_is_surveyed_read_and_adopted() {
    fuzz(&CHUNK);
}

#[test]
fn slots_of_any_bytes_are_read_and_settled_or_left_alone() {
    fuzz(&SLOTS);
}

#[test]
fn a_packed_batch_of_any_bytes_is_unpacked_or_refused() {
    fuzz(&PACKED);
}

#[test]
fn a_segment_of_any_bytes_is_verified_and_read_or_refused() {
    fuzz(&SEGMENT);
}

#[test]
fn a_table_file_of_any_bytes_is_opened_or_refused() {
    fuzz(&TABLE);
}

/// Writes the inputs that a corpus begins with; a new format of a file needs it anew.
#[test]
#[ignore = "changes the corpus"]
fn write_the_beginning_of_the_corpus() {
    let keep = |target: &Target, name: &str, bytes: &[u8]| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/corpus")
            .join(target.name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    let lake = Lake::new();
    let writer = lake.open(small());
    fill(&writer);
    let mut chunk = fs::read(lake.chunk(&writer, 0)).unwrap();
    chunk[32..48].copy_from_slice(&WRITER.0.to_le_bytes());
    mend_chunk(&mut chunk);
    keep(&CHUNK, "whole", &chunk);
    keep(&RECORDS, "whole", &chunk[chunk.len() - BLOCK_BYTES..]);
    keep(&SLOTS, "whole", &whole_slots());
    let columns = runlake_engine::read_range(lake.path(), writer.id(), 0, 200).unwrap();
    let names: Vec<Option<SeriesName>> = columns.names.clone();
    let points = Points {
        writer: WRITER,
        first: 0,
        series: &columns.series,
        names: &names,
        step: &columns.step,
        timestamp_ms: &columns.timestamp_ms,
        value: &columns.value,
        windows: &columns.windows,
    };
    keep(&PACKED, "whole", &pack(&points).unwrap().0);
    let range = JournalRange {
        writer: writer.id(),
        from: 0,
        to: 200,
    };
    let segments = tempfile::tempdir().unwrap();
    let experiments = HashMap::from([("run".to_owned(), "e".to_owned())]);
    let sealed = seal(
        lake.path(),
        segments.path(),
        &[range],
        &experiments,
        SealOptions::default(),
    )
    .unwrap();
    keep(
        &SEGMENT,
        "whole",
        &fs::read(segments.path().join(&sealed[0].path)).unwrap(),
    );
    let path = segments.path().join("table");
    let mut file = TableFileWriter::create(&path).unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "bc", ""]));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap();
    file.add("params", "lr", &batch).unwrap();
    file.add("tags", "x", &batch).unwrap();
    file.finish("{}").unwrap();
    keep(&TABLE, "whole", &fs::read(path).unwrap());
}

/// Slots of the series of [`fill`]: pending points of a window and of one that drops, the latter with a ring that is full.
fn whole_slots() -> Vec<u8> {
    let lake = Lake::new();
    let writer = lake.open(small());
    let window = Policy::Window {
        length: Length::Steps(1000),
        keep: Keep::ALL,
    };
    let rules = [("k0", window), ("k1", Policy::Every { steps: 1000 })].map(|(pattern, policy)| Rule {
        pattern: pattern.to_owned(),
        policy: Some(policy),
    });
    writer.set_throttle(rules.into()).unwrap();
    fill(&writer);
    // The first slots; the others are free.
    let mut slots = fs::read(lake.path().join(format!("{}.slots", writer.id()))).unwrap();
    slots.truncate(BLOCK_BYTES + 4 * 1024);
    slots[32..48].copy_from_slice(&WRITER.0.to_le_bytes());
    mend_slots(&mut slots);
    slots
}

/// Points, frames, an outbox item, in one chunk.
fn fill(writer: &Writer) {
    let series: Vec<_> = (0..3)
        .map(|i| writer.series("run", &format!("k{i}")).unwrap())
        .collect();
    for step in 0..200_i64 {
        _ = writer.append(series[step as usize % 3], point(step)).unwrap();
        if step % 60 == 0 {
            _ = writer.flush(None).unwrap();
        }
    }
    let item = writer.push_outbox(b"item").unwrap();
    writer.finish_outbox(item).unwrap();
    _ = writer.push_outbox(b"another").unwrap();
    _ = writer.flush(None).unwrap();
}
