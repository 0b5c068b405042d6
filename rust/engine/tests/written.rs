//! The tests of the journal once more, with points that are written with `pwrite` as on NFS and btrfs; and what only then
//! can happen: the system refuses a point.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::duplicate_mod, reason = "each program brings the folder of its tests")]

#[path = "damage.rs"]
mod damage;
#[path = "disk.rs"]
mod disk;
#[path = "faults.rs"]
mod faults;
#[path = "journal.rs"]
mod journal;
mod lake;
#[path = "model.rs"]
mod model;
#[path = "replica.rs"]
mod replica;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lake::{FailingDisk, Lake, log, point, small, steps};
use runlake_engine::journal::layout::POINTS_PER_BLOCK;
use runlake_engine::{DropReason, Outcome, Times, Writer, adopt};

#[test]
fn a_point_that_the_system_refuses_is_counted_and_the_next_one_takes_its_place() {
    for error in [libc::ENOSPC, libc::EDQUOT, libc::EIO] {
        let (lake, disk) = (Lake::new(), Arc::new(FailingDisk::default()));
        let writer = Writer::open_on(lake.path(), 7, small(), disk.clone()).unwrap();
        let series = writer.series("run", "loss").unwrap();
        for round in 0..300 {
            log(&writer, series, round..round + 1);
            disk.write_error.store(error, Ordering::SeqCst);
            assert_eq!(writer.append(series, point(-1)).unwrap(), Outcome::Dropped);
            assert_eq!(writer.append_row(-1, 0, &[(series, 1.0), (series, 2.0)]).unwrap(), 0);
            let refused = writer.append_column(series, &[-1; 400], Times::Constant(0), &[0.0; 400]);
            assert_eq!(refused.unwrap(), 0);
            assert_eq!(steps(&lake.rows()), (0..=round).collect::<Vec<_>>());
            disk.write_error.store(0, Ordering::SeqCst);
        }
        let stats = writer.stats();
        assert_eq!((stats.stored, stats.dropped), (300, 300 * 403));
        assert!(stats.last_error.unwrap().contains("cannot write"));
        writer.close().unwrap();
        let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
        assert_eq!((adopted.upto, adopted.missing), (300, 0));
        let tally = &adopted.ledger[0].tally;
        assert_eq!(
            (tally.points(), tally.dropped[DropReason::NoSpace.index()]),
            (300 * 403, 300 * 403)
        );
        assert!(tally.stretches.len() > 1, "points were stored in between");
    }
}

#[test]
fn nobody_sees_a_part_of_what_is_refused_whichever_block_it_begins_with_and_whichever_write_is_the_one() {
    let several = 3 * POINTS_PER_BLOCK;
    for already in [0, 1, POINTS_PER_BLOCK - 1, POINTS_PER_BLOCK, 2 * POINTS_PER_BLOCK] {
        // Blocks that are begun, others, and the counter in the header are up to three writes.
        for taken in 0..4 {
            let (lake, disk) = (Lake::new(), Arc::new(FailingDisk::default()));
            let writer = Writer::open_on(lake.path(), 7, small(), disk.clone()).unwrap();
            let series = writer.series("run", "loss").unwrap();
            let all: Vec<i64> = (0..(already + several) as i64).collect();
            let column = |steps: &[i64]| {
                let values = vec![0.0; steps.len()];
                writer
                    .append_column(series, steps, Times::Constant(0), &values)
                    .unwrap() as usize
            };
            assert_eq!(column(&all[..already]), already);
            // A record with the series' name, and its counter, come before the first point.
            let names = if already == 0 { 2 } else { 0 };
            disk.takes_writes.store(names + taken, Ordering::SeqCst);
            disk.write_error.store(libc::ENOSPC, Ordering::SeqCst);
            let stored = already + column(&all[already..]);
            let what = format!("{already} points, then {taken} writes");
            assert!(steps(&lake.rows()) == all[..stored], "{what}: {stored} are stored");
            drop(writer.close());
            assert!(
                steps(&lake.rows()) == all[..stored],
                "{what}: {stored} are stored, and closed"
            );
            let adopted = adopt(lake.path(), writer.id()).unwrap();
            assert_eq!(adopted.map_or(0, |adopted| adopted.upto), stored as u64, "{what}");
        }
    }
}

#[test]
fn a_reader_beside_a_writer_sees_whole_points_only_and_never_fewer_than_before() {
    let lake = Lake::new();
    let writer = lake.open(small());
    let series = writer.series("run", "loss").unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 0;
            for round in 0..400 {
                log(&writer, series, next..next + 3);
                let column: Vec<i64> = (next + 3..next + 3 + round).collect();
                let (times, values): (Vec<_>, Vec<_>) = column.iter().map(|s| (1_000 + s, *s as f64 / 2.0)).unzip();
                writer
                    .append_column(series, &column, Times::Slice(&times), &values)
                    .unwrap();
                next += 3 + round;
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut before = 0;
        while !done.load(Ordering::SeqCst) {
            let rows = lake.rows();
            assert!(rows.len() >= before);
            before = rows.len();
            for (row, step) in rows.iter().zip(0..) {
                let expected = point(step);
                assert_eq!((row.step, row.timestamp_ms), (step, expected.timestamp_ms));
                assert_eq!(row.bits, expected.value.to_bits());
            }
        }
    });
}

#[test]
fn a_written_journal_is_made_where_nothing_can_be_reserved() {
    let (lake, disk) = (Lake::new(), Arc::new(FailingDisk::default()));
    disk.reserves_nothing.store(true, Ordering::SeqCst);
    let writer = Writer::open_on(lake.path(), 7, small(), disk).unwrap();
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..5_000);
    writer.flush(None).unwrap();
    assert_eq!(steps(&lake.rows()), (0..5_000).collect::<Vec<_>>());
}
