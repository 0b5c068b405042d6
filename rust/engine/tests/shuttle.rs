//! The order of threads, chosen: the real writer, its syncer and preparer, readers and adopters, one step at a time.
//!
//! Every lock, and every failpoint, is a place where another thread may go on; `shuttle` chooses at random, or prefers threads in
//! an order that it changes a few times (PCT). Files are real. `RUNLAKE_TORTURE` is the number of orders for each test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are printed")]

mod lake;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lake::{FailingDisk, Lake, log, point, rows_of_batches, small, steps, torture};
use runlake_engine::failpoint::{Failpoint, at_failpoints};
use runlake_engine::{Config, Folder, Selection, Snapshot, Times, Writer, WriterId, adopt, remove_leftovers, survey};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, AtomicU64};
use shuttle::thread;

/// Points that go one by one are stored and published one by one: a place for each would be too many.
const SEED: u64 = 5;
const SELDOM: u32 = 40;

fn reached(place: Failpoint) {
    let often = matches!(place, Failpoint::PointStored | Failpoint::PointPublished);
    if !often || thread_rng().gen_ratio(1, SELDOM) {
        let_others_go_on();
    }
}

/// A place where another thread may go on, and no wish that it does: PCT takes those who yield for the least important.
fn let_others_go_on() {
    _ = AtomicBool::new(true).load(Ordering::SeqCst);
}

/// Begins at some time.
fn later() {
    (0..thread_rng().gen_range(0..150)).for_each(|_| let_others_go_on());
}

fn in_every_order(name: &str, test: fn()) {
    at_failpoints(reached);
    let orders = torture(16) as usize;
    let config = || {
        let mut config = shuttle::Config::new();
        config.stack_size = 1 << 20;
        config.silence_warnings = true;
        config.failure_persistence = shuttle::FailurePersistence::None;
        config
    };
    shuttle::Runner::new(RandomScheduler::new_from_seed(SEED, orders.div_ceil(2)), config()).run(test);
    shuttle::Runner::new(PctScheduler::new_from_seed(SEED, 4, orders / 2 + 1), config()).run(test);
    println!(
        "proof: thread-orders test={name} orders={} failures=0",
        orders.div_ceil(2) + orders / 2 + 1
    );
}

/// Chunks that are full after two blocks of points.
fn tiny() -> Config {
    Config {
        min_chunk_bytes: 5 * 4096,
        max_chunk_bytes: 6 * 4096,
        ..small()
    }
}

/// Brings everything to the disk; after a failed sync the next chunk may not be ready at first.
fn flush(writer: &Writer) {
    while writer.flush(None).is_err() {
        thread::yield_now();
    }
}

fn column(writer: &Writer, series: runlake_engine::SeriesId, from: i64, count: i64) {
    let points: Vec<_> = (from..from + count).map(point).collect();
    let steps: Vec<_> = points.iter().map(|point| point.step).collect();
    let times: Vec<_> = points.iter().map(|point| point.timestamp_ms).collect();
    let values: Vec<_> = points.iter().map(|point| point.value).collect();
    let stored = writer.append_column(series, &steps, Times::Slice(&times), &values);
    assert_eq!(stored.unwrap(), count as u64);
}

/// A reader that opens the journals first and asks second sees every acknowledged point that is not sealed, and no hole.
fn read_beside(lake: &Lake, id: WriterId, acknowledged: &AtomicU64, sealed: &AtomicU64) {
    let promised = acknowledged.load(Ordering::SeqCst);
    let snapshot = Snapshot::open(lake.path(), None).unwrap();
    let sealed = sealed.load(Ordering::SeqCst);
    let batches = snapshot.read(&HashMap::from([(id, sealed)]), &Selection::default());
    let rows = rows_of_batches(batches.unwrap());
    let seen: Vec<u64> = rows.iter().map(|row| row.seq as u64).collect();
    assert_eq!(seen, (sealed..sealed + seen.len() as u64).collect::<Vec<_>>());
    assert!(
        sealed + seen.len() as u64 >= promised.max(sealed),
        "{} and {seen:?} of {promised}",
        sealed
    );
    for row in rows {
        let wanted = point(row.seq);
        assert_eq!((row.step, row.bits), (wanted.step, wanted.value.to_bits()));
        assert!(row.key.starts_with('k'));
    }
}

/// One logs, one seals and trims, one reads, while chunks are made, synced, lost and removed.
fn live(sync_fails: bool) {
    let lake = Arc::new(Lake::new());
    let disk = Arc::new(FailingDisk::default());
    let writer = Writer::open_on(lake.path(), 7, tiny(), disk.clone()).unwrap();
    let (acknowledged, sealed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (lake, id) = (lake.clone(), writer.id());
        let (acknowledged, sealed, done) = (acknowledged.clone(), sealed.clone(), done.clone());
        thread::spawn(move || {
            while !done.load(Ordering::SeqCst) {
                read_beside(&lake, id, &acknowledged, &sealed);
                thread::yield_now();
            }
            read_beside(&lake, id, &acknowledged, &sealed);
        })
    };
    let sealer = {
        let (writer, sealed) = (writer.clone(), sealed.clone());
        thread::spawn(move || {
            for _ in 0..2 {
                let upto = writer.committed().unwrap();
                sealed.store(upto, Ordering::SeqCst);
                writer.trim(upto).unwrap();
                thread::yield_now();
            }
        })
    };
    let mut next = 0;
    for round in 0..4 {
        let series = writer.series("run", &format!("k{round}")).unwrap();
        column(&writer, series, next, 130);
        next += 130;
        acknowledged.store(next as u64, Ordering::SeqCst);
        log(&writer, series, next..next + 3);
        next += 3;
        acknowledged.store(next as u64, Ordering::SeqCst);
        if round == 1 && sync_fails {
            disk.sync_fails_once.store(true, Ordering::SeqCst);
        }
        if round % 2 == 1 {
            flush(&writer);
        }
    }
    sealer.join().unwrap();
    done.store(true, Ordering::SeqCst);
    reader.join().unwrap();
    assert_eq!(writer.stats().poisoned_chunks, u64::from(sync_fails));
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    let sealed = sealed.load(Ordering::SeqCst);
    if adopted.upto > sealed {
        assert_eq!((adopted.upto, adopted.missing), (next as u64, 0));
    }
}

#[test]
fn a_reader_sees_every_point_while_chunks_roll_and_are_trimmed() {
    in_every_order("publish-read-roll-trim", || live(false));
}

#[test]
fn a_reader_sees_every_point_while_a_failed_sync_is_made_good() {
    in_every_order("publish-read-rescue", || live(true));
}

#[test]
fn a_reader_that_listed_the_folder_before_sees_the_points_that_have_moved() {
    in_every_order("listed-before-rescue", || {
        let lake = Lake::new();
        let disk = Arc::new(FailingDisk::default());
        let writer = Writer::open_on(lake.path(), 7, tiny(), disk.clone()).unwrap();
        let series = writer.series("run", "k").unwrap();
        log(&writer, series, 0..20);
        let folder = Folder::list(lake.path()).unwrap();
        let reader = {
            let id = writer.id();
            thread::spawn(move || {
                later();
                let columns = folder.read_range(id, 0, 20).unwrap();
                assert_eq!(columns.step, (0..20).collect::<Vec<_>>());
            })
        };
        disk.sync_fails_once.store(true, Ordering::SeqCst);
        flush(&writer);
        log(&writer, series, 20..30);
        reader.join().unwrap();
        assert_eq!(steps(&lake.rows()), (0..30).collect::<Vec<_>>());
        writer.close().unwrap();
    });
}

/// What has been adopted of each writer, and whether it lives.
#[derive(Default)]
struct Known {
    sealed: u64,
    alive: bool,
}
type Adoptions = Arc<Mutex<HashMap<WriterId, Known>>>;

/// Adopts what can be, as a store does that opens: whoever holds the lock commits, then removes.
fn adopt_all(folder: &Path, adoptions: &Adoptions) {
    _ = remove_leftovers(folder).unwrap();
    // A file that is gone by the time it is looked at is somebody else's work.
    let Ok(writers) = survey(folder) else { return };
    for files in writers {
        let Ok(Some(adopted)) = adopt(folder, files.id) else {
            continue;
        };
        let_others_go_on();
        let mut adoptions = adoptions.lock().unwrap();
        let known = adoptions.entry(files.id).or_default();
        assert!(!known.alive, "adopted from under its writer");
        if adopted.upto > known.sealed {
            assert_eq!(
                (adopted.from, adopted.missing),
                (known.sealed, 0),
                "adopted twice, or with a hole"
            );
            known.sealed = adopted.upto;
        }
        drop(adoptions);
        adopted.finish(true).unwrap();
    }
}

/// Logs five points and closes.
fn log_five(writer: &Writer, adoptions: &Adoptions) {
    let series = writer.series("run", "k").unwrap();
    let next = writer.committed().unwrap() as i64;
    log(writer, series, next..next + 5);
    adoptions.lock().unwrap().entry(writer.id()).or_default().alive = false;
    writer.close().unwrap();
}

/// Opens a stream, closes it, and goes on with it where it was adopted up to meanwhile.
fn open_and_resume(folder: &Path, adoptions: &Adoptions) -> WriterId {
    let writer = Writer::open(folder, 7, tiny()).unwrap();
    adoptions.lock().unwrap().entry(writer.id()).or_default().alive = true;
    log_five(&writer, adoptions);
    let resumed = loop {
        let mut adoptions = adoptions.lock().unwrap();
        let known = adoptions.entry(writer.id()).or_default();
        if let Some(resumed) = Writer::resume(folder, 7, writer.id(), known.sealed, tiny()).unwrap() {
            known.alive = true;
            break resumed;
        }
        drop(adoptions);
        thread::yield_now();
    };
    log_five(&resumed, adoptions);
    writer.id()
}

#[test]
fn a_journal_is_adopted_once_and_never_from_under_its_writer() {
    in_every_order("open-close-adopt-resume", || {
        let lake = Arc::new(Lake::new());
        let adoptions = Adoptions::default();
        let adopters: Vec<_> = (0..2)
            .map(|_| {
                let (lake, adoptions) = (lake.clone(), adoptions.clone());
                thread::spawn(move || {
                    for _ in 0..3 {
                        later();
                        adopt_all(lake.path(), &adoptions);
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (lake, adoptions) = (lake.clone(), adoptions.clone());
                thread::spawn(move || open_and_resume(lake.path(), &adoptions))
            })
            .collect();
        let ids: Vec<WriterId> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        adopters.into_iter().for_each(|adopter| adopter.join().unwrap());
        adopt_all(lake.path(), &adoptions);
        for id in ids {
            assert_eq!(adoptions.lock().unwrap()[&id].sealed, 10);
        }
        assert!(lake.files().is_empty(), "{:?}", lake.files());
    });
}
