//! Replicas: streams that go on where another process has left them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use lake::{Lake, log, rows, small, steps};
use runlake_engine::{
    Aggregate, Config, Error, Packed, Points, Replica, SealOptions, Selection, SeriesName, Snapshot, Window, Writer,
    WriterId, adopt, pack, read_range, seal, survey, unpack,
};

const WRITER: WriterId = WriterId(0xfeed);
const STORE: u128 = 7;

fn open(lake: &Lake, sealed: u64) -> Replica {
    Replica::open(lake.path(), STORE, WRITER, sealed, small())
        .unwrap()
        .unwrap()
}

/// Points `first..upto`, the step of each its number; every third is of another key.
fn batch(first: u64, upto: u64) -> Packed {
    let name = |key: &str| {
        Some(SeriesName {
            run_id: "run".into(),
            key: key.into(),
        })
    };
    let numbers: Vec<u64> = (first..upto).collect();
    let packed = pack(&Points {
        writer: WRITER,
        first,
        series: &numbers.iter().map(|n| u32::from(n % 3 == 0)).collect::<Vec<_>>(),
        names: &[name("a"), name("b")],
        step: &numbers.iter().map(|n| *n as i64).collect::<Vec<_>>(),
        timestamp_ms: &vec![5; numbers.len()],
        value: &numbers.iter().map(|n| *n as f64).collect::<Vec<_>>(),
        windows: &[],
    });
    unpack(&packed.unwrap().0).unwrap()
}

/// Every point of the replica, in order, is there once and what it was.
fn assert_holds(lake: &Lake, from: u64, upto: u64) {
    let rows = lake.rows();
    assert_eq!(steps(&rows), (from as i64..upto as i64).collect::<Vec<_>>());
    for row in rows {
        assert_eq!((row.seq, row.writer.as_str()), (row.step, WRITER.to_string().as_str()));
        assert_eq!(row.key, if row.step % 3 == 0 { "b" } else { "a" });
        assert_eq!(f64::from_bits(row.bits), row.step as f64);
    }
}

/// What a process leaves that is killed: files as they are, and a lock that nobody holds.
fn kill(lake: Lake, replica: Replica) -> Lake {
    let copy = Lake::new();
    // Hard links keep the inode, so that the copy counts as the same boot's.
    for name in lake.files() {
        match fs::hard_link(lake.path().join(&name), copy.path().join(&name)) {
            // A file that is being made has its name by now.
            Err(e) if e.kind() == ErrorKind::NotFound && name.ends_with(".tmp") => {}
            linked => linked.unwrap(),
        }
    }
    fs::remove_file(copy.path().join(format!("{WRITER}.lock"))).unwrap();
    std::mem::forget((lake, replica));
    copy
}

#[test]
fn a_batch_is_stored_once_however_often_and_in_whatever_parts_it_comes() {
    let lake = Lake::new();
    let replica = open(&lake, 0);
    assert_eq!(replica.append(&batch(0, 1_000)).unwrap(), 1_000);
    assert_eq!(replica.append(&batch(0, 1_000)).unwrap(), 1_000);
    assert_eq!(replica.append(&batch(500, 1_200)).unwrap(), 1_200);
    assert_eq!(replica.append(&batch(1_200, 1_200)).unwrap(), 1_200);
    assert_eq!(replica.append(&batch(1_199, 1_201)).unwrap(), 1_201);
    assert_holds(&lake, 0, 1_201);
}

#[test]
fn a_batch_that_would_leave_a_hole_is_refused_and_says_what_is_there() {
    let lake = Lake::new();
    let replica = open(&lake, 0);
    replica.append(&batch(0, 10)).unwrap();
    let refused = replica.append(&batch(11, 20)).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Ahead {
                first: 11,
                have: 10,
                ..
            }
        ),
        "{refused}"
    );
    assert_holds(&lake, 0, 10);
}

#[test]
fn a_closed_stream_goes_on_where_it_ended() {
    let lake = Lake::new();
    for part in 0..5 {
        let replica = open(&lake, 0);
        assert_eq!(
            replica.append(&batch(700 * part, 700 * part + 700)).unwrap(),
            700 * part + 700
        );
        replica.close().unwrap();
    }
    assert_holds(&lake, 0, 3_500);
    let columns = read_range(lake.path(), WRITER, 0, 3_500).unwrap();
    assert_eq!(columns.step, (0..3_500).collect::<Vec<_>>());
    let adopted = adopt(lake.path(), WRITER).unwrap().unwrap();
    assert_eq!(
        (&adopted.whole, adopted.missing),
        (&vec![Range { start: 0, end: 3_500 }], 0)
    );
}

#[test]
fn a_stream_whose_process_was_killed_goes_on_and_reaches_the_disk() {
    let mut lake = Lake::new();
    for part in 0..6 {
        let replica = open(&lake, 0);
        assert_eq!(replica.stats().committed, 900 * part);
        replica.append(&batch(900 * part, 900 * part + 900)).unwrap();
        if part % 2 == 0 {
            replica.flush(None).unwrap();
        }
        lake = kill(lake, replica);
        assert_holds(&lake, 0, 900 * (part + 1));
    }
    let replica = open(&lake, 0);
    assert!(replica.stats().durable < 5_400);
    assert_eq!(replica.flush(None).unwrap(), 5_400);
    replica.close().unwrap();
    // Every point is in a frame that verifies: what a machine that stops now would give back.
    let adopted = adopt(lake.path(), WRITER).unwrap().unwrap();
    assert_eq!(
        (&adopted.whole, adopted.missing),
        (&vec![Range { start: 0, end: 5_400 }], 0)
    );
    assert!(adopted.closed_cleanly);
}

#[test]
fn what_is_sealed_is_trimmed_by_the_writer_that_goes_on() {
    let lake = Lake::new();
    let replica = open(&lake, 0);
    replica.append(&batch(0, 2_000)).unwrap();
    replica.close().unwrap();
    let replica = open(&lake, 0);
    replica.append(&batch(2_000, 2_100)).unwrap();
    let segments = Lake::new();
    let range = runlake_engine::JournalRange {
        writer: WRITER,
        from: 0,
        to: 2_050,
    };
    let sealed = seal(
        lake.path(),
        segments.path(),
        &[range],
        &Default::default(),
        SealOptions::default(),
    )
    .unwrap();
    assert_eq!(sealed.iter().map(|s| s.rows).sum::<u64>(), 2_050);
    replica.trim(2_050).unwrap();
    assert_holds(&lake, 2_000, 2_100);
    replica.close().unwrap();
    let replica = open(&lake, 2_050);
    assert_eq!(replica.stats().committed, 2_100);
    replica.trim(2_100).unwrap();
    replica.close().unwrap();
    assert_eq!(lake.files(), Vec::<String>::new());
    // Nothing is left in the folder, and the numbers go on all the same.
    let replica = open(&lake, 2_100);
    assert_eq!(replica.append(&batch(2_100, 2_200)).unwrap(), 2_200);
    assert_holds(&lake, 2_100, 2_200);
}

#[test]
fn series_keep_their_numbers_so_that_chunks_of_both_processes_are_read_together() {
    let lake = Lake::new();
    let replica = open(&lake, 0);
    replica.append(&batch(0, 2)).unwrap(); // b is number 0 of the batch, then a
    replica.close().unwrap();
    let replica = open(&lake, 0);
    replica.append(&batch(2, 9)).unwrap(); // a first
    replica.close().unwrap();
    assert_holds(&lake, 0, 9);
}

#[test]
fn one_process_at_a_time_has_the_stream() {
    let lake = Lake::new();
    let replica = open(&lake, 0);
    assert!(Replica::open(lake.path(), STORE, WRITER, 0, small()).unwrap().is_none());
    assert!(adopt(lake.path(), WRITER).unwrap().is_none());
    replica.append(&batch(0, 10)).unwrap();
    replica.close().unwrap();
    let adopter = adopt(lake.path(), WRITER).unwrap().unwrap();
    assert!(Replica::open(lake.path(), STORE, WRITER, 0, small()).unwrap().is_none());
    adopter.finish(true).unwrap();
    assert_eq!(open(&lake, 10).stats().committed, 10);
    assert!(matches!(replica.append(&batch(10, 11)), Err(Error::Closed)));
}

#[test]
fn a_journal_that_recovery_has_to_see_is_left_alone() {
    let lake = Lake::new();
    let replica = open(&lake, 0);
    replica.append(&batch(0, 100)).unwrap();
    replica.close().unwrap();
    let chunk = lake.path().join(format!("{WRITER}.0.journal"));
    let unresumable = |lake: &Lake, sealed| {
        let files = lake.files();
        let error = Replica::open(lake.path(), STORE, WRITER, sealed, small()).unwrap_err();
        assert!(matches!(error, Error::Unresumable { .. }), "{error}");
        assert_eq!(files, lake.files());
        error.to_string()
    };
    // A copy: another inode, so nobody knows whether what was not synced is whole.
    let copy = Lake::new();
    fs::copy(&chunk, copy.path().join(format!("{WRITER}.0.journal"))).unwrap();
    fs::write(copy.path().join(format!("{WRITER}.lock")), b"").unwrap();
    assert!(unresumable(&copy, 0).contains("copied from elsewhere"));
    // A side log with garbage.
    let file = OpenOptions::new().write(true).open(&chunk).unwrap();
    let end = file.metadata().unwrap().len();
    file.write_all_at(&[0xaa; 8], end - 4096).unwrap();
    assert!(unresumable(&lake, 0).contains("side log"));
    // No chunk at all where points should be.
    let header = OpenOptions::new().write(true).open(&chunk).unwrap();
    header.write_all_at(&[0xaa; 32], 8).unwrap();
    assert!(unresumable(&lake, 0).contains("damaged"));
}

#[test]
fn points_that_are_neither_sealed_nor_in_a_chunk_are_for_recovery() {
    let lake = Lake::new();
    let replica = open(&lake, 50);
    replica.append(&batch(50, 60)).unwrap();
    replica.close().unwrap();
    let error = Replica::open(lake.path(), STORE, WRITER, 40, small()).unwrap_err();
    assert!(error.to_string().contains("points 40..50 are missing"), "{error}");
}

#[test]
fn what_finds_no_room_stays_the_senders_and_is_not_counted_as_dropped() {
    let lake = Lake::new();
    let config = Config {
        max_unsealed_bytes: 64 * 4096,
        max_block: Duration::from_millis(1),
        ..small()
    };
    let replica = Replica::open(lake.path(), STORE, WRITER, 0, config).unwrap().unwrap();
    let mut have = 0;
    for _ in 0..5 {
        have = replica.append(&batch(have, have + 10_000)).unwrap();
    }
    assert!((8_000..20_000).contains(&have), "{have}");
    let stats = replica.stats();
    assert_eq!((stats.dropped, stats.accepted, stats.committed), (0, have, have));
    assert_holds(&lake, 0, have);
    replica.trim(have).unwrap();
    assert!(replica.append(&batch(have, have + 1_000)).unwrap() > have);
}

#[test]
fn an_ordinary_writers_stream_is_replicated_from_its_journal() {
    let source = Lake::new();
    let writer: Arc<Writer> = source.open(small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..3_000);
    let columns = read_range(source.path(), writer.id(), 100, 3_000).unwrap();
    let (bytes, upto) = pack(&Points {
        writer: writer.id(),
        first: 100,
        series: &columns.series,
        names: &columns.names,
        step: &columns.step,
        timestamp_ms: &columns.timestamp_ms,
        value: &columns.value,
        windows: &columns.windows,
    })
    .unwrap();
    assert_eq!(upto, 3_000);
    let lake = Lake::new();
    let replica = Replica::open(lake.path(), STORE, writer.id(), 100, small())
        .unwrap()
        .unwrap();
    assert_eq!(replica.append(&unpack(&bytes).unwrap()).unwrap(), 3_000);
    assert_eq!(lake.rows(), source.rows()[100..]);
    assert_eq!(survey(lake.path()).unwrap()[0].id, writer.id());
    assert_eq!(rows(lake.path()).len(), 2_900);
}

/// Of each point that stands for others its number and how many these are, as a reader has it.
fn counts(lake: &Lake) -> Vec<(i64, i64)> {
    let snapshot = Snapshot::open(lake.path(), None).unwrap();
    let batches = snapshot
        .read_with_windows(&HashMap::new(), &Selection::default())
        .unwrap();
    let mut found = Vec::new();
    for batch in batches {
        let (seqs, counts) = (batch.column(6), batch.column(7));
        let (seqs, counts) = (seqs.as_primitive::<Int64Type>(), counts.as_primitive::<Int64Type>());
        let rows = (0..batch.num_rows()).filter(|row| counts.is_valid(*row));
        found.extend(rows.map(|row| (seqs.value(row), counts.value(row))));
    }
    found
}

#[test]
fn what_points_stand_for_comes_with_them_once_and_outlives_the_files_before_them() {
    let lake = Lake::new();
    let replica = open(&lake, 0);
    let with_windows = |first, upto| {
        let mut batch = batch(first, upto);
        let aggregate = |seq| Aggregate::from_kept(Some(seq as i64 + 2), None, None, Some(0.5)).unwrap();
        let window = |seq| Window {
            seq,
            aggregate: aggregate(seq),
        };
        batch.windows = (first..upto).filter(|seq| seq % 2 == 0).map(window).collect();
        batch
    };
    let expected = |from: i64, upto: i64| -> Vec<(i64, i64)> {
        (from..upto)
            .filter(|seq| seq % 2 == 0)
            .map(|seq| (seq, seq + 2))
            .collect()
    };
    // Over many chunks, some of it twice.
    assert_eq!(replica.append(&with_windows(0, 5_000)).unwrap(), 5_000);
    assert_eq!(replica.append(&with_windows(3_000, 9_000)).unwrap(), 9_000);
    assert_eq!(counts(&lake), expected(0, 9_000));
    replica.trim(7_000).unwrap();
    let held = lake.rows()[0].seq;
    assert!(held > 0, "no file was removed");
    assert_eq!(counts(&lake), expected(held, 9_000));
    replica.close().unwrap();
}
