//! The journal as its users see it: what goes in comes out, from any process, until it is sealed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lake::{Lake, log, point, rows_of, small, steps};
use runlake_engine::{
    Config, Error, LiveSummaries, Outcome, Point, Selection, SideCache, Snapshot, Times, Writer, adopt, read_range,
    survey,
};

#[test]
fn every_bit_pattern_comes_back_as_it_went_in() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    let bits = [
        0,
        1 << 63,
        1,
        0x000f_ffff_ffff_ffff,
        0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0000,
        0x7ff0_0000_0000_0001,
        0x7ff8_dead_beef_0001,
        0xffff_ffff_ffff_ffff,
        f64::MAX.to_bits(),
    ];
    let extremes = [i64::MIN, -1, 0, 1, i64::MAX];
    let mut expected = Vec::new();
    for value in bits {
        for step in extremes {
            for timestamp_ms in extremes {
                let point = Point {
                    step,
                    timestamp_ms,
                    value: f64::from_bits(value),
                };
                assert_eq!(
                    writer.append(series, point).unwrap(),
                    Outcome::Stored(expected.len() as u64)
                );
                expected.push((step, timestamp_ms, value));
            }
        }
    }
    let column: Vec<f64> = bits.iter().map(|b| f64::from_bits(*b)).collect();
    let times = vec![-5; bits.len()];
    writer
        .append_column(series, &times, Times::Slice(&times), &column)
        .unwrap();
    expected.extend(bits.iter().map(|b| (-5, -5, *b)));
    let found: Vec<_> = lake.rows().iter().map(|r| (r.step, r.timestamp_ms, r.bits)).collect();
    assert_eq!(found, expected);
}

#[test]
fn points_are_visible_at_once_and_without_a_sync() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    for n in 0..20 {
        writer.append(series, point(n)).unwrap();
        assert_eq!(lake.rows().len() as i64, n + 1);
    }
    assert_eq!(writer.stats().durable, 0);
    assert_eq!(writer.flush(None).unwrap(), 20);
    assert_eq!(writer.stats().durable, 20);
}

#[test]
fn a_row_and_columns_of_any_length_land_in_order() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let ids: Vec<_> = (0..3)
        .map(|i| writer.series("run", &format!("k{i}")).unwrap())
        .collect();
    let mut expected = Vec::new();
    for length in [0, 1, 2, 145, 146, 147, 291, 292, 293, 1000, 5000] {
        let from = expected.len() as i64;
        let numbers: Vec<i64> = (from..from + length).collect();
        let values: Vec<f64> = numbers.iter().map(|n| *n as f64).collect();
        let each: Vec<_> = numbers.iter().map(|n| ids[*n as usize % 3]).collect();
        if length % 2 == 0 {
            assert_eq!(
                writer.append_columns(&each, &numbers, &numbers, &values).unwrap(),
                length as u64
            );
            expected.extend(numbers.iter().map(|n| (format!("k{}", n % 3), *n, *n)));
        } else {
            assert_eq!(
                writer
                    .append_column(ids[1], &numbers, Times::Constant(9), &values)
                    .unwrap(),
                length as u64
            );
            expected.extend(numbers.iter().map(|n| ("k1".to_owned(), *n, 9)));
        }
        let row: Vec<_> = ids.iter().map(|id| (*id, 0.5)).collect();
        assert_eq!(writer.append_row(-1, -2, &row).unwrap(), 3);
        expected.extend((0..3).map(|i| (format!("k{i}"), -1, -2)));
    }
    let rows = lake.rows();
    let found: Vec<_> = rows.iter().map(|r| (r.key.clone(), r.step, r.timestamp_ms)).collect();
    assert_eq!(found, expected);
    assert!(rows.iter().zip(0..).all(|(row, seq)| row.seq == seq));
}

#[test]
fn ten_thousand_series_are_named_in_every_chunk_that_uses_them() {
    let lake = Lake::new();
    let writer = lake.open(Config {
        max_chunk_bytes: 1 << 20,
        ..small()
    });
    let ids: Vec<_> = (0..10_000)
        .map(|i| writer.series("a-run", &format!("layer/{i}/norm")).unwrap())
        .collect();
    for step in 0..3 {
        for id in &ids {
            writer.append(*id, point(step)).unwrap();
        }
    }
    assert!(lake.files().len() > 3, "more than one chunk");
    let columns = read_range(lake.path(), writer.id(), 12_345, 30_000).unwrap();
    for (i, series) in columns.series.iter().enumerate() {
        let name = columns.names[*series as usize].as_ref().unwrap();
        assert_eq!(&*name.key, format!("layer/{}/norm", (i + 12_345) % 10_000));
    }
}

#[test]
fn a_selection_reads_the_runs_and_keys_asked_for_beyond_what_is_sealed() {
    let lake = Lake::new();
    let writer = lake.open(small());
    for (i, (run, key)) in [("a", "x"), ("a", "y"), ("b", "x")]
        .iter()
        .cycle()
        .take(3000)
        .enumerate()
    {
        writer
            .append(writer.series(run, key).unwrap(), point(i as i64))
            .unwrap();
    }
    let snapshot = Snapshot::open(lake.path(), Some(&[writer.id()])).unwrap();
    let count = |sealed: u64, runs: Option<&str>, keys: Option<&str>| {
        let list = |text: Option<&str>| text.map(|t| vec![t.to_owned()]);
        let select = Selection {
            runs: list(runs),
            keys: list(keys),
        };
        let batches = snapshot.read(&HashMap::from([(writer.id(), sealed)]), &select).unwrap();
        batches.iter().map(|b| b.num_rows()).sum::<usize>()
    };
    assert_eq!(count(0, None, None), 3000);
    assert_eq!(count(0, Some("a"), None), 2000);
    assert_eq!(count(0, Some("a"), Some("x")), 1000);
    assert_eq!(count(1500, None, Some("x")), 1000);
    assert_eq!(count(0, Some("c"), None), 0);
    assert_eq!(count(3000, None, None), 0);
    let summaries = snapshot
        .summaries(&HashMap::from([(writer.id(), 3)]), Some(&["a".to_owned()]))
        .unwrap();
    let seen: Vec<_> = summaries
        .iter()
        .map(|s| (&*s.key, s.count, s.first.step, s.last.step))
        .collect();
    assert_eq!(seen, [("x", 999, 3, 2997), ("y", 999, 4, 2998)]);
}

#[test]
fn a_snapshot_does_not_move_and_outlives_the_files() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..2000);
    let snapshot = Snapshot::open(lake.path(), None).unwrap();
    log(&writer, series, 2000..4000);
    writer.trim(4000).unwrap();
    assert!(!lake.chunk(&writer, 0).exists());
    let batches = snapshot.read(&HashMap::new(), &Selection::default()).unwrap();
    assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 2000);
    assert_eq!(snapshot.writers(), [(writer.id(), 0, 2000)]);
}

#[test]
fn a_reader_that_comes_again_sees_what_a_new_one_sees() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let (known, live) = (SideCache::new(), LiveSummaries::new());
    let mut held = Vec::new();
    for turn in 0..40_i64 {
        for key in 0..turn % 7 {
            let series = writer
                .series(&format!("run{turn}"), &format!("a longer key {key}"))
                .unwrap();
            log(&writer, series, 0..30);
        }
        if turn % 9 == 5 {
            writer.flush(None).unwrap();
        }
        if turn == 30 {
            writer.trim(1000).unwrap();
        }
        let again = Snapshot::open_again(lake.path(), None, Some(&known)).unwrap();
        assert_eq!(rows_of(&again), lake.rows(), "turn {turn}");
        assert_summaries(&again, &live, &writer, turn);
        held.push((again, lake.rows()));
    }
    for (snapshot, rows) in held {
        assert_eq!(rows_of(&snapshot), rows, "what was opened earlier has changed");
    }
    let other = Snapshot::open_again(lake.path(), Some(&[writer.id()]), Some(&known)).unwrap();
    assert_eq!(rows_of(&other), lake.rows());
}

/// What is known of earlier questions changes no answer, also when points have been sealed since.
fn assert_summaries(snapshot: &Snapshot, live: &LiveSummaries, writer: &Writer, turn: i64) {
    let runs: Vec<String> = (turn - 8..=turn).map(|turn| format!("run{turn}")).collect();
    for sealed in [0, 0, (turn / 10 * 100) as u64] {
        let sealed = HashMap::from([(writer.id(), sealed)]);
        let again = snapshot.summaries_again(&sealed, &runs, live).unwrap();
        let anew = snapshot.summaries(&sealed, Some(&runs)).unwrap();
        assert_eq!(format!("{again:?}"), format!("{anew:?}"), "turn {turn}");
    }
}

#[test]
fn more_journals_than_descriptors_are_readable() {
    let lake = Lake::new();
    for i in 0..600 {
        let writer = lake.open(small());
        writer.append(writer.series("run", "loss").unwrap(), point(i)).unwrap();
        writer.close().unwrap();
    }
    let snapshot = Snapshot::open(lake.path(), None).unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(open < 450, "{open} descriptors");
    let batches = snapshot.read(&HashMap::new(), &Selection::default()).unwrap();
    assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 600);
}

#[test]
fn trimming_removes_whole_sealed_chunks_and_nothing_else() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..10_000);
    let before = lake.files();
    writer.trim(5_000).unwrap();
    assert!(lake.files().len() < before.len());
    let left = lake.rows();
    assert!(left[0].step <= 5_000, "nothing above the sealed points is gone");
    assert_eq!(steps(&left), (left[0].step..10_000).collect::<Vec<_>>());
    let Err(Error::Gone { from: 0, .. }) = read_range(lake.path(), writer.id(), 0, 10) else {
        panic!("trimmed")
    };
    assert_eq!(
        read_range(lake.path(), writer.id(), 5_000, 10_000).unwrap().step,
        (5_000..10_000).collect::<Vec<_>>()
    );
    let stats = writer.stats();
    assert_eq!((stats.sealed, stats.committed, stats.accepted), (5_000, 10_000, 10_000));
}

#[test]
fn a_clean_close_gives_the_unused_middle_back() {
    let lake = Lake::new();
    let writer = lake.open(lake::ordinary());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..1000);
    writer.close().unwrap();
    writer.close().unwrap();
    let used: u64 = lake
        .files()
        .iter()
        .map(|f| lake.path().join(f).metadata().unwrap().blocks() * 512)
        .sum();
    // A header, seven blocks of points and one of the side log.
    assert_eq!(used, 9 * 4096);
    assert_eq!(
        lake.files().len(),
        2,
        "one chunk and the lock, which waits for the sealer"
    );
    assert_eq!(lake.rows().len(), 1000);
    assert!(matches!(writer.append(series, point(0)), Err(Error::Closed)));
    assert!(matches!(
        writer.append_column(series, &[1], Times::Constant(1), &[1.0]),
        Err(Error::Closed)
    ));
    assert!(matches!(writer.push_outbox(b"x"), Err(Error::Closed)));
    let files = survey(lake.path()).unwrap();
    assert!(files[0].closed_cleanly && !files[0].alive && files[0].committed == 1000);
}

#[test]
fn a_writer_with_nothing_left_to_seal_leaves_no_file() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..3000);
    writer.trim(3000).unwrap();
    writer.close().unwrap();
    lake.open(small()).close().unwrap();
    drop(lake.open(small()));
    assert_eq!(lake.files(), Vec::<String>::new());
}

#[test]
fn outbox_items_stay_until_they_are_done() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    let large = vec![7; 300_000];
    assert_eq!(writer.push_outbox(b"one").unwrap(), 1);
    assert_eq!(writer.push_outbox(&large).unwrap(), 2);
    log(&writer, series, 0..5000);
    assert_eq!(writer.push_outbox(b"three").unwrap(), 3);
    writer.trim(5000).unwrap();
    writer.finish_outbox(1).unwrap();
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!(adopted.outbox, [(2, large), (3, b"three".to_vec())]);
    adopted.finish(true).unwrap();
    assert_eq!(lake.files(), Vec::<String>::new());
}

#[test]
fn names_and_lengths_are_checked() {
    let lake = Lake::new();
    let writer = lake.open(small());
    assert!(matches!(
        writer.series(&"r".repeat(257), "k"),
        Err(Error::TooLong { limit: 256, .. })
    ));
    assert!(matches!(
        writer.series("r", &"k".repeat(1001)),
        Err(Error::TooLong { limit: 1000, .. })
    ));
    let series = writer.series("r", &"k".repeat(1000)).unwrap();
    assert_eq!(writer.series("r", &"k".repeat(1000)).unwrap(), series);
    assert!(matches!(
        writer.append_column(series, &[1, 2], Times::Constant(0), &[1.0]),
        Err(Error::LengthMismatch { .. })
    ));
    let unknown = runlake_engine::SeriesId(99);
    assert!(matches!(
        writer.append(unknown, point(0)),
        Err(Error::UnknownSeries(99))
    ));
    assert!(lake.rows().is_empty());
}

#[test]
fn a_living_writer_is_not_adopted_and_a_dead_one_by_one_only() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..10);
    assert!(adopt(lake.path(), writer.id()).unwrap().is_none());
    assert!(survey(lake.path()).unwrap()[0].alive);
    writer.close().unwrap();
    let first = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert!(adopt(lake.path(), writer.id()).unwrap().is_none());
    assert_eq!(
        (first.from, first.upto, first.missing, first.closed_cleanly),
        (0, 10, 0, true)
    );
    assert_eq!(first.runs[0].points, 10);
    first.finish(false).unwrap();
    assert_eq!(lake.rows().len(), 10, "not sealed, so all is there for the next");
    adopt(lake.path(), writer.id()).unwrap().unwrap().finish(true).unwrap();
    assert_eq!(lake.files(), Vec::<String>::new());
    let nothing = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!((nothing.from, nothing.upto), (0, 0));
    nothing.finish(true).unwrap();
    assert_eq!(lake.files(), Vec::<String>::new());
}

#[test]
fn threads_share_a_writer_and_lose_nothing() {
    let lake = Lake::new();
    let writer = lake.open(Config {
        sync_interval: Duration::from_millis(1),
        ..small()
    });
    let threads: Vec<_> = (0..4)
        .map(|t| {
            let writer = Arc::clone(&writer);
            thread::spawn(move || log_in_every_way(&writer, t))
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    let rows = lake.rows();
    assert!(rows.iter().zip(0..).all(|(row, seq)| row.seq == seq));
    for t in 0..4 {
        let of_thread: Vec<_> = rows.iter().filter(|r| r.run == format!("run-{t}")).cloned().collect();
        assert_eq!(steps(&of_thread), (0..30_000).collect::<Vec<_>>());
    }
    writer.flush(None).unwrap();
    assert_eq!(writer.stats().durable, 120_000);
}

fn log_in_every_way(writer: &Writer, thread: usize) {
    let series = writer.series(&format!("run-{thread}"), "loss").unwrap();
    for from in (0..30_000).step_by(1000) {
        log(writer, series, from..from + 400);
        let numbers: Vec<i64> = (from + 400..from + 1000).collect();
        let values = vec![0.5; 600];
        writer
            .append_column(series, &numbers, Times::Constant(0), &values)
            .unwrap();
    }
}

#[test]
fn a_sealing_thread_is_woken_by_bytes_and_by_the_close() {
    let lake = Lake::new();
    let writer = lake.open(small());
    assert!(!writer.wait_unsealed(1, Duration::ZERO));
    let waiter = {
        let writer = Arc::clone(&writer);
        thread::spawn(move || writer.wait_unsealed(100_000, Duration::MAX))
    };
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..20_000);
    assert!(waiter.join().unwrap());
    let waiter = {
        let writer = Arc::clone(&writer);
        thread::spawn(move || writer.wait_unsealed(u64::MAX, Duration::MAX))
    };
    writer.close().unwrap();
    assert!(!waiter.join().unwrap());
}
