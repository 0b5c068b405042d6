//! Resident memory of a process that logs much; alone in its program, so that no other test adds to it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use lake::{Lake, point};
use runlake_engine::{Config, Outcome, Times};

/// Resident bytes of this process, mapped files included.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn what_is_logged_leaves_memory_as_it_is_logged() {
    let lake = Lake::new();
    let writer = lake.open(Config::default());
    let series = writer.series("run", "loss").unwrap();
    let before = resident();
    let numbers: Vec<i64> = (0..100_000).collect();
    let values = vec![0.25; 100_000];
    for _ in 0..40 {
        assert_eq!(
            writer
                .append_column(series, &numbers, Times::Slice(&numbers), &values)
                .unwrap(),
            100_000
        );
    }
    let columns = resident().saturating_sub(before);
    // A page touched by a single point may bring a huge page of the cache with it.
    assert!(columns < 40 << 20, "112 MB in columns left {columns} bytes resident");
    let mut most = 0;
    for step in 0..4_000_000 {
        assert_ne!(writer.append(series, point(step)).unwrap(), Outcome::Dropped);
        if step % 100_000 == 0 {
            most = most.max(resident().saturating_sub(before));
        }
    }
    // The current chunk, the next one, and those that wait to be unmapped, of 16 MiB each.
    assert!(most < 100 << 20, "112 MB in single points had {most} bytes resident");
    writer.trim(8_000_000).unwrap();
    writer.close().unwrap();
}
