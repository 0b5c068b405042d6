//! The tests of `throttle.rs` once more, over journals and slots that are written with `pwrite`; and what only then can happen: the
//! system refuses the slot of a point. They start processes, so they have a program of their own, as `written_crash.rs` says.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::duplicate_mod, reason = "each program brings the folder of its tests")]

mod lake;
#[path = "throttle.rs"]
mod throttle;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lake::{FailingDisk, Lake, log, point, small, steps};
use runlake_engine::{Keep, Length, Outcome, Policy, Rule, Writer, adopt};

#[test]
fn a_slot_that_the_system_refuses_is_there_as_a_whole_with_the_next_point() {
    let policies = [
        Policy::Every { steps: 10 },
        Policy::Window {
            length: Length::Steps(10),
            keep: Keep::ALL,
        },
    ];
    for policy in policies {
        let (lake, disk) = (Lake::new(), Arc::new(FailingDisk::default()));
        let writer = Writer::open_on(lake.path(), 7, small(), disk.clone()).unwrap();
        let (pattern, policy) = ("loss".to_owned(), Some(policy));
        writer.set_throttle(vec![Rule { pattern, policy }]).unwrap();
        let series = writer.series("run", "loss").unwrap();
        log(&writer, series, 0..5);
        for error in [libc::ENOSPC, libc::EIO] {
            disk.write_error.store(error, Ordering::SeqCst);
            for step in 5..9 {
                assert_eq!(writer.append(series, point(step)).unwrap(), Outcome::Held);
            }
            disk.write_error.store(0, Ordering::SeqCst);
            assert_eq!(writer.append(series, point(9)).unwrap(), Outcome::Held);
        }
        // Others see the file, which has to have what was refused.
        let before = writer.ledger().unwrap();
        let left = lake::rows_of(&runlake_engine::Snapshot::open(lake.path(), None).unwrap());
        assert_eq!(steps(&left), [0]);
        let seen = runlake_engine::Snapshot::open(lake.path(), None)
            .unwrap()
            .ledger()
            .unwrap();
        assert_eq!(seen[0].1, before);
        writer.close().unwrap();
        let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
        let points = adopted.ledger[0].tally.points() + lake.rows().len() as u64;
        assert_eq!((points, adopted.missing), (5 + 2 * 5, 0));
        assert_eq!(steps(&lake.rows()), [0, 9]);
    }
}
