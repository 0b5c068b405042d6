//! Throttling and its ledger: what is stored, what is counted, and what a kill, a full disk or a power cut leave of both.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use lake::{FailingDisk, Lake, log, ordinary, point, rows, small, steps};
use runlake_engine::journal::files::list_of;
use runlake_engine::journal::reader::Folder;
use runlake_engine::{
    Adopted, Config, DropReason, Keep, LedgerEntry, Length, Outcome, Policy, Rule, SeriesId, Snapshot, Times, Window,
    Writer, WriterId, adopt_on,
};

/// Adopts what a writer has left: a child that another test starts just now has its lock for a moment.
fn adopt(folder: &Path, writer: WriterId) -> runlake_engine::Result<Option<Adopted>> {
    loop {
        match runlake_engine::adopt(folder, writer)? {
            None => thread::yield_now(),
            found => return Ok(found),
        }
    }
}

fn rule(pattern: &str, policy: Policy) -> Rule {
    Rule {
        pattern: pattern.to_owned(),
        policy: Some(policy),
    }
}

fn every(steps: u64) -> Policy {
    Policy::Every { steps }
}

fn window(length: Length) -> Policy {
    Policy::Window {
        length,
        keep: Keep::ALL,
    }
}

fn of_steps(steps: u64) -> Policy {
    window(Length::Steps(steps))
}

/// A writer with one series under a policy.
fn throttled(lake: &Lake, policy: Policy) -> (Arc<Writer>, SeriesId) {
    let writer = lake.open(small());
    writer.set_throttle(vec![rule("loss", policy)]).unwrap();
    let series = writer.series("run", "loss").unwrap();
    (writer, series)
}

/// The ledger of a writer as another process sees it.
fn seen(lake: &Path, writer: WriterId) -> Vec<LedgerEntry> {
    let ledger = Snapshot::open(lake, Some(&[writer])).unwrap().ledger().unwrap();
    ledger.into_iter().flat_map(|(_, entries)| entries).collect()
}

fn windows(lake: &Path, writer: WriterId) -> Vec<Window> {
    let journal = Folder::of(&list_of(lake, writer).unwrap()).journal(writer).unwrap();
    journal.windows(0..u64::MAX)
}

/// Checks that every accepted point is stored, counted or pending, in the writer and for others.
fn balanced(lake: &Path, writer: &Writer, accepted: u64) {
    let stats = writer.stats();
    assert_eq!(stats.accepted, accepted, "{stats:?}");
    let own = writer.ledger().unwrap();
    let rows = rows(lake).len() as u64;
    let other = seen(lake, writer.id());
    assert_eq!(other, own);
    let unstored: u64 = other
        .iter()
        .map(|entry| entry.tally.points() + u64::from(entry.pending.is_some()))
        .sum();
    assert_eq!(rows + unstored, accepted);
}

#[test]
fn every_tenth_step_is_stored_and_the_others_are_counted() {
    let lake = Lake::new();
    let (writer, series) = throttled(&lake, every(10));
    let free = writer.series("run", "accuracy").unwrap();
    for step in 0..1000 {
        assert_eq!(
            writer.append(free, point(step)).unwrap(),
            Outcome::Stored(step as u64 + step.cast_unsigned().div_ceil(10))
        );
        let stored = matches!(writer.append(series, point(step)).unwrap(), Outcome::Stored(_));
        assert_eq!(stored, step % 10 == 0);
    }
    balanced(lake.path(), &writer, 2000);
    let [entry] = &writer.ledger().unwrap()[..] else {
        panic!()
    };
    assert_eq!(entry.pending.unwrap().point, point(999));
    let [stretch] = &entry.tally.stretches[..] else {
        panic!()
    };
    assert_eq!((stretch.count, stretch.first_step, stretch.last_step), (899, 1, 998));
    let totals = entry.tally.totals.unwrap();
    let of_all: f64 = (0..999)
        .filter(|step| step % 10 != 0)
        .map(|step| step as f64 / 2.0)
        .sum();
    assert_eq!(
        (totals.count, totals.first.step, totals.last.step, totals.sum),
        (899, 1, 998, of_all)
    );
    writer.close().unwrap();
    let loss: Vec<_> = lake.rows().into_iter().filter(|row| row.key == "loss").collect();
    assert_eq!(steps(&loss), (0..1000).step_by(10).chain([999]).collect::<Vec<_>>());
    assert!(!lake.files().iter().any(|name| name.ends_with(".slots")));
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!(
        (adopted.ledger.len(), adopted.ledger[0].pending, adopted.unrecorded),
        (1, None, 0)
    );
    assert_eq!(adopted.ledger[0].tally, entry.tally);
}

#[test]
fn columns_and_rows_obey_as_single_points_do() {
    let lakes = [Lake::new(), Lake::new(), Lake::new(), Lake::new()];
    for policy in [every(7), of_steps(5)] {
        let mut stored = Vec::new();
        for (way, lake) in lakes.iter().enumerate() {
            let (writer, series) = throttled(lake, policy);
            let other = writer.series("run", "other").unwrap();
            let numbers: Vec<i64> = (0..3000).collect();
            let values: Vec<f64> = numbers.iter().map(|step| *step as f64 / 2.0).collect();
            let times: Vec<i64> = numbers.iter().map(|step| 1_000 + step).collect();
            match way {
                0 => log(&writer, series, 0..3000),
                1 => assert_eq!(
                    writer
                        .append_column(series, &numbers, Times::Slice(&times), &values)
                        .unwrap(),
                    3000
                ),
                2 => numbers.iter().for_each(|step| {
                    let row = [(other, 1.0), (series, *step as f64 / 2.0)];
                    assert_eq!(writer.append_row(*step, 1_000 + step, &row).unwrap(), 2);
                }),
                _ => {
                    let both: Vec<SeriesId> = numbers.iter().flat_map(|_| [other, series]).collect();
                    let twice = |of: &[i64]| of.iter().flat_map(|n| [*n, *n]).collect::<Vec<_>>();
                    let values: Vec<f64> = values.iter().flat_map(|v| [*v, *v]).collect();
                    let (steps, times) = (twice(&numbers), twice(&times));
                    assert_eq!(writer.append_columns(&both, &steps, &times, &values).unwrap(), 6000);
                }
            }
            balanced(lake.path(), &writer, if way < 2 { 3000 } else { 6000 });
            let told: Vec<_> = windows(lake.path(), writer.id()).iter().map(|w| w.aggregate).collect();
            writer.close().unwrap();
            let rows = lake
                .rows()
                .into_iter()
                .filter(|row| row.writer == writer.id().to_string() && row.key == "loss");
            stored.push((rows.map(|row| (row.step, row.bits)).collect::<Vec<_>>(), told));
            adopt(lake.path(), writer.id()).unwrap().unwrap().finish(true).unwrap();
        }
        assert!(stored.iter().all(|way| *way == stored[0]));
    }
}

#[test]
fn a_window_is_stored_as_its_last_point_with_what_it_stands_for() {
    let lake = Lake::new();
    let (writer, series) = throttled(&lake, of_steps(10));
    log(&writer, series, 0..25);
    balanced(lake.path(), &writer, 25);
    assert_eq!(steps(&lake.rows()), [0, 10, 20]);
    let told = windows(lake.path(), writer.id());
    let short: Vec<_> = told
        .iter()
        .map(|w| {
            (
                w.seq,
                w.aggregate.count,
                w.aggregate.min,
                w.aggregate.max,
                w.aggregate.mean(),
            )
        })
        .collect();
    assert_eq!(short, [(1, 10, 0.5, 5.0, 2.75), (2, 10, 5.5, 10.0, 7.75)]);
    writer.finish_run("run").unwrap();
    assert_eq!(steps(&lake.rows()), [0, 10, 20, 24]);
    assert_eq!(windows(lake.path(), writer.id())[2].aggregate.count, 4);
    let [entry] = &writer.ledger().unwrap()[..] else {
        panic!()
    };
    assert_eq!(
        (entry.tally.merged, entry.tally.points(), entry.pending),
        (21, 21, None)
    );
    writer.close().unwrap();
}

#[test]
fn the_syncer_stores_a_window_of_time_that_is_over() {
    let lake = Lake::new();
    let writer = lake.open(Config {
        sync_interval: Duration::from_millis(5),
        ..small()
    });
    let policy = window(Length::Time(Duration::from_millis(20)));
    writer.set_throttle(vec![rule("*", policy)]).unwrap();
    log(&writer, writer.series("run", "loss").unwrap(), 0..10);
    while writer.stats().pending > 0 {
        thread::yield_now();
    }
    let stored = steps(&lake.rows());
    assert_eq!((stored[0], *stored.last().unwrap()), (0, 9));
    balanced(lake.path(), &writer, 10);
}

#[test]
fn rules_of_a_run_come_before_those_of_the_process_and_may_change() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let [a, b] = ["a", "b"].map(|run| writer.series(run, "loss").unwrap());
    writer.set_throttle(vec![rule("*", every(10))]).unwrap();
    writer
        .set_run_throttle(
            "b",
            vec![Rule {
                pattern: "loss".to_owned(),
                policy: None,
            }],
        )
        .unwrap();
    for step in 0..15 {
        [a, b].iter().for_each(|series| log(&writer, *series, step..step + 1));
    }
    let of = |run: &str| steps(&lake.rows().into_iter().filter(|row| row.run == run).collect::<Vec<_>>());
    assert_eq!((of("a"), of("b").len()), (vec![0, 10], 15));
    // Nothing that was pending is lost.
    writer.set_throttle(Vec::new()).unwrap();
    assert_eq!(of("a"), [0, 10, 14]);
    log(&writer, a, 15..20);
    assert_eq!(of("a"), [0, 10, 14, 15, 16, 17, 18, 19]);
    balanced(lake.path(), &writer, 35);
}

#[test]
fn a_run_that_goes_on_after_its_end_goes_on_with_its_ledger() {
    let lake = Lake::new();
    let (writer, series) = throttled(&lake, every(10));
    for round in 0..3 {
        let again = writer.series("run", "loss").unwrap();
        assert_eq!(again, series);
        log(&writer, series, 100 * round..100 * round + 25);
        writer.finish_run("run").unwrap();
    }
    balanced(lake.path(), &writer, 75);
    assert_eq!(writer.ledger().unwrap()[0].tally.points(), 75 - 3 * 4);
    writer.close().unwrap();
}

#[test]
fn more_series_than_slots_get_theirs_from_the_preparer() {
    let lake = Lake::new();
    let writer = lake.open(ordinary());
    writer.set_throttle(vec![rule("*", every(1000))]).unwrap();
    let series: Vec<_> = (0..500)
        .map(|i| writer.series("run", &format!("k{i}")).unwrap())
        .collect();
    // Those without a slot are stored until they have one.
    let mut rounds = 0;
    while writer.stats().pending < 500 {
        series
            .iter()
            .for_each(|series| log(&writer, *series, rounds..rounds + 1));
        rounds += 1;
    }
    balanced(lake.path(), &writer, 500 * rounds.cast_unsigned());
    writer.close().unwrap();
    let last: BTreeMap<_, _> = lake.rows().into_iter().map(|row| (row.key, row.step)).collect();
    assert!(last.len() == 500 && last.values().all(|step| *step == rounds - 1));
}

#[test]
fn a_series_can_be_named_after_the_chunks_that_stored_its_points_are_gone() {
    let lake = Lake::new();
    let (writer, series) = throttled(&lake, every(1_000_000));
    let other = writer.series("run", "other").unwrap();
    log(&writer, series, 0..10);
    log(&writer, other, 0..10_000);
    writer.flush(None).unwrap();
    let before = lake.files().len();
    writer.trim(10_001).unwrap();
    assert!(lake.files().len() < before);
    let [entry] = &seen(lake.path(), writer.id())[..] else {
        panic!()
    };
    assert_eq!(
        (
            &*entry.name.key,
            entry.tally.points(),
            entry.pending.unwrap().point.step
        ),
        ("loss", 8, 9)
    );
}

const FOLDER: &str = "RUNLAKE_TEST_FOLDER";
const THREADS: usize = 3;

#[test]
fn child_that_logs_throttled_points() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let config = Config {
        sync_interval: Duration::from_millis(3),
        max_chunk_bytes: 1 << 20,
        ..small()
    };
    let writer = Writer::open(&folder, 7, config).unwrap();
    let rules = [every(10), of_steps(7), window(Length::Time(Duration::from_millis(1)))];
    writer
        .set_throttle(
            (0..)
                .zip(rules)
                .map(|(i, policy)| rule(&format!("k{i}"), policy))
                .collect(),
        )
        .unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|i| {
            let (writer, folder) = (writer.clone(), folder.clone());
            thread::spawn(move || {
                let series = writer.series("run", &format!("k{i}")).unwrap();
                let acknowledged = File::create(folder.join(format!("acknowledged-{i}"))).unwrap();
                for next in 0_i64.. {
                    log(&writer, series, next..next + 1);
                    acknowledged.write_all_at(&(next + 1).to_le_bytes(), 0).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn acknowledged(folder: &Path, thread: usize) -> i64 {
    let mut bytes = [0; 8];
    let read =
        File::open(folder.join(format!("acknowledged-{thread}"))).and_then(|file| file.read_exact_at(&mut bytes, 0));
    read.map_or(0, |()| i64::from_le_bytes(bytes))
}

#[test]
fn a_kill_loses_neither_a_point_nor_a_count() {
    for round in 0..12_i64 {
        let lake = Lake::new();
        let module = module_path!().split_once("::").map(|(_, module)| format!("{module}::"));
        let name = module.unwrap_or_default() + "child_that_logs_throttled_points";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(FOLDER, lake.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while (0..THREADS).any(|thread| acknowledged(lake.path(), thread) < 150 * round * round + 1) {
            thread::yield_now();
        }
        // A reader of the live journal sees a whole, too.
        let live = Snapshot::open(lake.path(), None).unwrap();
        assert!(
            live.ledger()
                .unwrap()
                .iter()
                .all(|(_, entries)| entries.len() <= THREADS)
        );
        child.kill().unwrap();
        child.wait().unwrap();
        let [files] = &runlake_engine::survey(lake.path()).unwrap()[..] else {
            panic!()
        };
        let adopted = adopt(lake.path(), files.id).unwrap().unwrap();
        assert_eq!((adopted.missing, adopted.unrecorded), (0, 0));
        let rows = lake.rows();
        assert_eq!(
            adopted.whole.iter().map(|range| range.end - range.start).sum::<u64>(),
            rows.len() as u64
        );
        for thread in 0..THREADS {
            let key = format!("k{thread}");
            let of_key: Vec<_> = rows.iter().filter(|row| row.key == key).cloned().collect();
            let entry = adopted.ledger.iter().find(|entry| *entry.name.key == key);
            let unstored = entry.map_or(0, |entry| entry.tally.points());
            assert!(entry.is_none_or(|entry| entry.pending.is_none()));
            let promised = acknowledged(lake.path(), thread);
            let all = of_key.len() as i64 + unstored as i64;
            // The last call may have done its work and not returned.
            assert!(
                all == promised || all == promised + 1,
                "{all} of {promised} in round {round}: {entry:?}"
            );
            let logged = steps(&of_key);
            assert!(logged.is_sorted_by(|a, b| a < b), "{logged:?}");
            assert_eq!(
                (logged.first(), logged.last()),
                (Some(&0), Some(&(all - 1))),
                "{entry:?}"
            );
        }
        // What stands for others says for how many, and they are those merged.
        let told: u64 = windows(lake.path(), files.id)
            .iter()
            .map(|w| w.aggregate.count - 1)
            .sum();
        assert_eq!(told, adopted.ledger.iter().map(|entry| entry.tally.merged).sum::<u64>());
        let before = lake.rows();
        drop(adopted);
        let again = adopt(lake.path(), files.id).unwrap().unwrap();
        assert_eq!(lake.rows(), before, "what was pending is stored once");
        again.finish(true).unwrap();
        assert!(runlake_engine::survey(lake.path()).unwrap().is_empty());
    }
}

fn crowded(lake: &Lake) -> (Arc<Writer>, Arc<FailingDisk>) {
    let disk = Arc::new(FailingDisk::default());
    let config = Config {
        merge_without_room: true,
        ..small()
    };
    let writer = Writer::open_on(lake.path(), 7, config, disk.clone()).unwrap();
    (writer, disk)
}

/// Fills the first chunk, upon which there is a slots file.
fn fill(writer: &Writer, series: SeriesId, lake: &Lake) -> i64 {
    let mut step = 0;
    while !lake.files().iter().any(|name| name.ends_with(".slots")) {
        log(writer, series, step..step + 1);
        step += 1;
        thread::yield_now();
    }
    step
}

/// Logs on a disk that is full from now on, until a point finds no room and is held; returns its step.
fn log_until_held(writer: &Writer, series: SeriesId, lake: &Lake, disk: &FailingDisk) -> i64 {
    let mut step = fill(writer, series, lake);
    disk.full.store(true, Ordering::SeqCst);
    while writer.append(series, point(step)).unwrap() != Outcome::Held {
        step += 1;
    }
    step
}

#[test]
fn on_a_full_disk_points_are_merged_and_nothing_waits() {
    let lake = Lake::new();
    let (writer, disk) = crowded(&lake);
    let series = writer.series("run", "loss").unwrap();
    let first = log_until_held(&writer, series, &lake, &disk);
    log(&writer, series, first + 1..first + 1000);
    let stats = writer.stats();
    assert_eq!(
        (stats.dropped, stats.merged, stats.pending, stats.met_no_room),
        (0, 999, 1, 1000)
    );
    balanced(lake.path(), &writer, first.cast_unsigned() + 1000);
    disk.full.store(false, Ordering::SeqCst);
    while writer.stats().pending > 0 {
        drop(writer.flush(None));
    }
    balanced(lake.path(), &writer, first.cast_unsigned() + 1000);
    let [told] = &windows(lake.path(), writer.id())[..] else {
        panic!()
    };
    let aggregate = told.aggregate;
    assert_eq!((told.seq, aggregate.count), (first.cast_unsigned(), 1000));
    assert_eq!(
        (aggregate.min, aggregate.max),
        (first as f64 / 2.0, (first + 999) as f64 / 2.0)
    );
    log(&writer, series, 5000..6000);
    assert_eq!(steps(&lake.rows()).len() as i64, first + 1 + 1000);
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!((adopted.ledger[0].tally.merged, adopted.unrecorded), (999, 0));
}

#[test]
fn the_last_points_of_a_run_that_ends_on_a_full_disk_are_stored_when_there_is_room() {
    for closes in [false, true] {
        let lake = Lake::new();
        let (writer, disk) = crowded(&lake);
        writer.set_throttle(vec![rule("rare/*", every(100))]).unwrap();
        let rare: Vec<_> = (0..3)
            .map(|n| writer.series("ends", &format!("rare/{n}")).unwrap())
            .collect();
        let filler = writer.series("goes on", "loss").unwrap();
        fill(&writer, filler, &lake);
        for series in &rare {
            log(&writer, *series, 0..50);
        }
        let held = log_until_held(&writer, filler, &lake, &disk).cast_unsigned();
        writer.finish_run("ends").unwrap();
        let accepted = writer.stats().accepted;
        assert_eq!(
            writer.stats().pending,
            4,
            "of each throttled series, and what met no room"
        );
        balanced(lake.path(), &writer, accepted);
        if closes {
            drop(writer.close());
        } else {
            disk.full.store(false, Ordering::SeqCst);
            while writer.stats().pending > 0 {
                drop(writer.flush(None)); // as the syncing thread does by itself
            }
            balanced(lake.path(), &writer, accepted);
            writer.close().unwrap();
        }
        let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
        for series in 0..3 {
            let rows = lake.rows();
            let of_series = rows.iter().filter(|row| row.key == format!("rare/{series}"));
            assert_eq!(of_series.map(|row| row.step).collect::<Vec<_>>(), [0, 49]);
        }
        let unstored: u64 = adopted.ledger.iter().map(|entry| entry.tally.points()).sum();
        assert!(adopted.ledger.iter().all(|entry| entry.pending.is_none()));
        assert_eq!((lake.rows().len() as u64 + unstored, held > 0), (accepted, true));
    }
}

#[test]
fn a_close_on_a_full_disk_keeps_what_is_pending_for_who_has_room() {
    let lake = Lake::new();
    let (writer, disk) = crowded(&lake);
    let series = writer.series("run", "loss").unwrap();
    let step = log_until_held(&writer, series, &lake, &disk);
    log(&writer, series, step + 1..step + 10);
    let before = writer.ledger().unwrap();
    drop(writer.close());
    let refused = adopt_on(lake.path(), writer.id(), &*disk).unwrap().unwrap();
    assert_eq!(refused.ledger, before);
    refused.finish(true).unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!((adopted.ledger[0].pending, adopted.ledger[0].tally.merged), (None, 9));
    assert_eq!(steps(&lake.rows()).last(), Some(&(step + 9)));
    assert_eq!(windows(lake.path(), writer.id()).last().unwrap().aggregate.count, 10);
    adopted.finish(true).unwrap();
    assert_eq!(lake.files(), Vec::<String>::new());
}

#[test]
fn drops_that_no_record_has_are_counted_after_a_kill() {
    let lake = Lake::new();
    let disk = Arc::new(FailingDisk::default());
    let writer = Writer::open_on(lake.path(), 7, small(), disk.clone()).unwrap();
    let series = writer.series("run", "loss").unwrap();
    disk.full.store(true, Ordering::SeqCst);
    let mut step = 0;
    while writer.append(series, point(step)).unwrap() != Outcome::Dropped {
        step += 1;
    }
    log(&writer, series, 0..99);
    let journal = || {
        Folder::of(&list_of(lake.path(), writer.id()).unwrap())
            .journal(writer.id())
            .unwrap()
    };
    assert_eq!(journal().unrecorded().unwrap(), 100);
    drop(writer.flush(None));
    let (unrecorded, ledger) = (journal().unrecorded().unwrap(), journal().ledger().unwrap());
    let recorded: u64 = ledger
        .iter()
        .map(|entry| entry.tally.dropped[DropReason::NoSpace.index()])
        .sum();
    assert_eq!((recorded + unrecorded, writer.stats().dropped), (100, 100));
}

#[test]
fn after_a_power_cut_the_ledger_is_that_of_the_last_sync() {
    let lake = Lake::new();
    let (writer, series) = throttled(&lake, of_steps(10));
    log(&writer, series, 0..25);
    writer.flush(None).unwrap();
    log(&writer, series, 25..38);
    // The points after the flush are in memory only: a copy elsewhere is what a power cut leaves.
    let copy = Lake::new();
    for name in lake.files().iter().filter(|name| !name.ends_with(".lock")) {
        std::fs::copy(lake.path().join(name), copy.path().join(name)).unwrap();
    }
    let adopted = adopt(copy.path(), writer.id()).unwrap().unwrap();
    let [entry] = &adopted.ledger[..] else { panic!() };
    // A window whose point was not synced says nothing.
    let is_there = |seq: u64| adopted.whole.iter().any(|range| range.contains(&seq));
    let told: Vec<_> = windows(copy.path(), writer.id())
        .into_iter()
        .filter(|w| is_there(w.seq))
        .collect();
    assert_eq!(steps(&copy.rows()), [0, 10, 20, 24]);
    assert_eq!((entry.tally.merged, entry.pending), (25 - 4, None));
    assert_eq!(told.iter().map(|w| w.aggregate.count).collect::<Vec<_>>(), [10, 10, 4]);
}

#[test]
fn a_flush_leaves_the_ledger_of_all_series_however_many_are_throttled() {
    let lake = Lake::new();
    let config = Config {
        sync_interval: Duration::from_secs(3600),
        ..ordinary()
    };
    let writer = lake.open(config);
    writer.set_throttle(vec![rule("*", every(10))]).unwrap();
    let all: Vec<_> = (0..2500)
        .map(|key| writer.series("run", &format!("{key}")).unwrap())
        .collect();
    // Until the preparer has made a slot for each.
    while writer.stats().pending < 2500 {
        all.iter().for_each(|series| log(&writer, *series, 0..2));
    }
    for steps in [2..5, 5..8] {
        all.iter().for_each(|series| log(&writer, *series, steps.clone()));
        writer.flush(None).unwrap();
    }
    let last: Vec<_> = writer.ledger().unwrap().into_iter().map(|entry| entry.tally).collect();
    let after = cut(&lake);
    let adopted = adopt(after.path(), writer.id()).unwrap().unwrap();
    let found: Vec<_> = adopted.ledger.into_iter().map(|entry| entry.tally).collect();
    assert_eq!(found.len(), 2500);
    assert!(found == last);
}

#[test]
fn a_journal_whose_points_are_held_back_grows_by_records_that_a_trim_lets_go_of() {
    let lake = Lake::new();
    let writer = lake.open(small());
    writer.set_throttle(vec![rule("*", every(1_000_000))]).unwrap();
    let all: Vec<_> = (0..100)
        .map(|key| writer.series("run", &format!("{key}")).unwrap())
        .collect();
    let mut next = 0;
    let mut log_all = || {
        all.iter().for_each(|series| log(&writer, *series, next..next + 1));
        next += 1;
        writer.flush(None).unwrap();
        next
    };
    while writer.stats().pending < 100 {
        log_all();
    }
    let stored = writer.stats().stored;
    writer.trim(stored).unwrap();
    let bytes = || -> u64 {
        let names = lake.files().into_iter().filter(|name| name.ends_with(".journal"));
        names.map(|name| lake.path().join(name).metadata().unwrap().len()).sum()
    };
    let is_due = || writer.wait_unsealed(500_000, Duration::ZERO);
    for _ in 0..3 {
        assert!(!is_due());
        let end = log_all() + 100;
        while log_all() < end && !is_due() {}
        assert!(is_due() && bytes() > 500_000, "{} {:?}", bytes(), writer.stats());
        writer.trim(stored).unwrap();
        assert!(bytes() < 500_000, "{:?}", lake.files());
    }
    assert_eq!(writer.stats().stored, stored);
    writer.close().unwrap();
}

#[test]
fn a_chunk_is_made_smaller_where_the_disk_has_no_room_for_a_large_one() {
    let lake = Lake::new();
    let folder = lake.path().join("journals");
    std::fs::create_dir(&folder).unwrap();
    let disk = Arc::new(SmallDisk(folder.clone(), 600 << 10));
    let writer = Writer::open_on(&folder, 7, ordinary(), disk).unwrap();
    let series = writer.series("run", "loss").unwrap();
    // 64, 128, 256 KiB; then there is no room for 512, and for 128 there is.
    log(&writer, series, 0..18_000);
    assert!(writer.stats().stored > 16_000, "{:?}", writer.stats());
}

/// Has room for so many bytes of files in a folder.
#[derive(Debug)]
struct SmallDisk(PathBuf, u64);

impl runlake_engine::platform::Disk for SmallDisk {
    fn allocate(&self, file: &File, bytes: u64) -> std::io::Result<()> {
        let used: u64 = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().metadata().map_or(0, |m| m.len()))
            .sum();
        if used + bytes > self.1 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        runlake_engine::platform::LinuxDisk.allocate(file, bytes)
    }

    fn sync(&self, file: &File) -> std::io::Result<()> {
        runlake_engine::platform::LinuxDisk.sync(file)
    }
}

#[test]
fn the_journal_does_not_grow_into_what_is_to_be_left_free() {
    let lake = Lake::new();
    let config = Config {
        min_free_bytes: u64::MAX,
        ..small()
    };
    let refused = Writer::open(lake.path(), 7, config).unwrap_err().to_string();
    assert!(refused.contains("are to be left"), "{refused}");
    assert_eq!(lake.files(), Vec::<String>::new());
}

/// Files that a killed writer leaves, in another folder: they are the same files, and only the lock is its own.
fn killed(lake: &Lake) -> Lake {
    let left = Lake::new();
    for name in lake.files().iter().filter(|name| !name.ends_with(".lock")) {
        std::fs::hard_link(lake.path().join(name), left.path().join(name)).unwrap();
    }
    left
}

#[test]
fn a_slot_whose_counts_do_not_add_up_is_named_and_the_others_count() {
    let lake = Lake::new();
    let (writer, first) = throttled(&lake, every(10));
    log(&writer, first, 0..15);
    writer.set_throttle(vec![rule("*", every(10))]).unwrap();
    let second = writer.series("run", "accuracy").unwrap();
    log(&writer, second, 0..15);
    let left = killed(&lake);
    let path = left.path().join(format!("{}.slots", writer.id()));
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&u64::MAX.to_le_bytes(), 4096 + 16).unwrap();
    let adopted = adopt(left.path(), writer.id()).unwrap().unwrap();
    let [(named, fault)] = &adopted.faults[..] else {
        panic!("{:?}", adopted.faults)
    };
    assert!(*named == path && fault.contains("of 1 of its slots"), "{fault}");
    let [entry] = &adopted.ledger[..] else {
        panic!("{:?}", adopted.ledger)
    };
    assert_eq!((&*entry.name.key, entry.tally.points()), ("accuracy", 15 - 3));
}

/// What a power cut leaves: other files, of which only what was synced can be believed.
fn cut(lake: &Lake) -> Lake {
    let left = Lake::new();
    for name in lake.files().iter().filter(|name| !name.ends_with(".lock")) {
        std::fs::copy(lake.path().join(name), left.path().join(name)).unwrap();
    }
    left
}

#[test]
fn a_power_cut_while_somebody_adopts_brings_back_no_point_that_was_superseded() {
    let lake = Lake::new();
    let (writer, series) = throttled(&lake, every(10));
    log(&writer, series, 0..5);
    writer.flush(None).unwrap();
    log(&writer, series, 5..11);
    let left = killed(&lake);
    let adopted = adopt(left.path(), writer.id()).unwrap().unwrap();
    assert_eq!(
        (steps(&left.rows()), adopted.ledger[0].tally.points()),
        (vec![0, 10], 9)
    );
    // The adopter has sealed these two and committed the ledger; then the power goes.
    let after = cut(&left);
    let again = adopt(after.path(), writer.id()).unwrap().unwrap();
    assert!(
        again.whole.iter().all(|range| range.end <= adopted.upto),
        "{:?}",
        again.whole
    );
    assert_eq!(again.ledger[0].tally, adopted.ledger[0].tally);
}
