//! Speed of the calls that store points; run with `cargo test --release --test speed -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use runlake_engine::{
    Config, Keep, Keeping, Length, Outcome, Point, Policy, Rule, Selection, Snapshot, Times, Writer, adopt, survey,
};

fn best<T>(times: usize, mut work: impl FnMut() -> T) -> Duration {
    let time = |work: &mut dyn FnMut() -> T| {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed()
    };
    (0..times).map(|_| time(&mut work)).min().unwrap()
}

#[test]
#[ignore = "a measurement"]
fn storing_points() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let writer = Writer::open(folder.path(), 1, Config::default()).unwrap();
    let series = writer.series("run", "loss").unwrap();
    const N: usize = 3_000_000;
    for _ in 0..5 {
        let one = best(1, || {
            for i in 0..N as i64 {
                let stored = writer
                    .append(
                        series,
                        Point {
                            step: i,
                            timestamp_ms: i,
                            value: i as f64,
                        },
                    )
                    .unwrap();
                debug_assert!(matches!(stored, Outcome::Stored(_)));
            }
        });
        writer.trim(u64::MAX).unwrap();
        println!("append {:.2} ns", one.as_secs_f64() * 1e9 / N as f64);
    }
    let window = best(300, || {
        for i in 0..10_000 {
            writer
                .append(
                    series,
                    Point {
                        step: i,
                        timestamp_ms: i,
                        value: i as f64,
                    },
                )
                .unwrap();
        }
    });
    println!("append, best of 10,000 in a row: {:.2} ns", window.as_secs_f64() * 1e5);
    let row: Vec<_> = (0..10)
        .map(|i| (writer.series("run", &format!("k{i}")).unwrap(), i as f64))
        .collect();
    let rows = best(5, || {
        for i in 0..(N / 10) as i64 {
            assert_eq!(writer.append_row(i, i, &row).unwrap(), 10);
        }
    });
    println!("append_row {:.2} ns a value", rows.as_secs_f64() * 1e9 / N as f64);
    let steps: Vec<i64> = (0..1_000_000).collect();
    let values: Vec<f64> = steps.iter().map(|s| *s as f64).collect();
    for _ in 0..8 {
        let column = best(1, || {
            writer
                .append_column(series, &steps, Times::Slice(&steps), &values)
                .unwrap()
        });
        writer.trim(u64::MAX).unwrap();
        println!("append_column {:.1} M points/s", 1.0 / column.as_secs_f64());
    }
    let stats = writer.stats();
    println!("{stats:?}");
    assert_eq!(stats.dropped, 0);
    let open = best(20, || drop(Writer::open(folder.path(), 1, Config::default()).unwrap()));
    println!("open and close {open:?}");
    writer.trim(stats.committed).unwrap();
}

#[test]
#[ignore = "a measurement"]
fn first_million() {
    let folder = tempfile::tempdir_in(".").unwrap();
    for _ in 0..15 {
        let writer = Writer::open(folder.path(), 1, Config::default()).unwrap();
        let series = writer.series("run", "loss").unwrap();
        let (mut slowest, mut waits) = (Duration::ZERO, 0);
        let start = Instant::now();
        for i in 0..1_000_000_i64 {
            let point = Point {
                step: i,
                timestamp_ms: i,
                value: i as f64,
            };
            if writer.try_append(series, point).is_none() {
                let begin = Instant::now();
                assert!(matches!(writer.append(series, point), Ok(Outcome::Stored(_))));
                slowest = slowest.max(begin.elapsed());
                waits += 1;
            }
        }
        let all = start.elapsed();
        println!(
            "{:.1} ns a point; {waits} slow calls, the slowest {slowest:?}",
            all.as_secs_f64() * 1e3
        );
        writer.trim(u64::MAX).unwrap();
        writer.close().unwrap();
    }
}

#[test]
#[ignore = "a measurement"]
fn a_thousand_journals() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let write = best(1, || {
        for _ in 0..1000 {
            let writer = Writer::open(folder.path(), 1, Config::default()).unwrap();
            for key in 0..10 {
                let series = writer.series("run", &format!("key-{key}")).unwrap();
                for i in 0..100 {
                    writer
                        .append(
                            series,
                            Point {
                                step: i,
                                timestamp_ms: i,
                                value: i as f64,
                            },
                        )
                        .unwrap();
                }
            }
            writer.close().unwrap();
        }
    });
    println!("open, 1,000 points, close: {:?} each", write / 1000);
    println!(
        "survey {:?}",
        best(3, || assert_eq!(survey(folder.path()).unwrap().len(), 1000))
    );
    let everything = || {
        let snapshot = Snapshot::open(folder.path(), None).unwrap();
        snapshot.read(&HashMap::new(), &Selection::default()).unwrap().len()
    };
    println!("read all {:?}", best(3, everything));
    let adopt_all = || {
        for files in survey(folder.path()).unwrap() {
            adopt(folder.path(), files.id).unwrap().unwrap().finish(true).unwrap();
        }
    };
    println!("adopt all {:?}", best(1, adopt_all));
}

/// Mapped and written journals by turns, so that the ratio is one of the same minutes. `RUNLAKE_SPEED_FOLDER` names a folder
/// on the file system that is meant; where that keeps no mappings, `RUNLAKE_SPEED_WRITTEN` leaves the mapped ones out.
#[test]
#[ignore = "a measurement"]
fn points_that_are_written() {
    let place = std::env::var("RUNLAKE_SPEED_FOLDER").unwrap_or_else(|_| ".".to_owned());
    let folder = tempfile::tempdir_in(place).unwrap();
    let kinds = match std::env::var_os("RUNLAKE_SPEED_WRITTEN") {
        None => vec![("mapped", Keeping::Mapped), ("written", Keeping::Written)],
        Some(_) => vec![("written", Keeping::Written)],
    };
    for round in 0..5 {
        for &(name, keeping) in &kinds {
            let config = Config {
                keeping,
                ..Config::default()
            };
            let writer = Writer::open(folder.path(), 1, config).unwrap();
            let row: Vec<_> = (0..10)
                .map(|i| (writer.series("run", &format!("k{i}")).unwrap(), i as f64))
                .collect();
            const N: i64 = 100_000;
            let one = best(1, || {
                for i in 0..N {
                    let point = Point {
                        step: i,
                        timestamp_ms: i,
                        value: i as f64,
                    };
                    assert!(matches!(writer.append(row[0].0, point), Ok(Outcome::Stored(_))));
                }
            });
            let rows = best(1, || {
                for i in 0..N / 10 {
                    assert_eq!(writer.append_row(i, i, &row).unwrap(), 10);
                }
            });
            let steps: Vec<i64> = (0..1_000_000).collect();
            let values: Vec<f64> = steps.iter().map(|s| *s as f64).collect();
            let column = best(1, || {
                writer.append_column(row[0].0, &steps, Times::Slice(&steps), &values)
            });
            println!(
                "{round} {name}: a point {:.3} µs, a value of a row of ten {:.3} µs, columns {:.1} M points/s",
                one.as_secs_f64() * 1e6 / N as f64,
                rows.as_secs_f64() * 1e6 / N as f64,
                1.0 / column.as_secs_f64()
            );
            writer.trim(u64::MAX).unwrap();
            writer.close().unwrap();
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn throttled_points() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let writer = Writer::open(folder.path(), 1, Config::default()).unwrap();
    let rule = |pattern: &str, policy| Rule {
        pattern: pattern.to_owned(),
        policy: Some(policy),
    };
    let window = Policy::Window {
        length: Length::Steps(100),
        keep: Keep::ALL,
    };
    let rules = vec![
        rule("every", Policy::Every { steps: 100 }),
        rule("window", window),
        rule(
            "rate",
            Policy::Rate {
                per_second: 10.0,
                burst: 1.0,
            },
        ),
    ];
    writer.set_throttle(rules).unwrap();
    let stored = cost(&writer, "stored");
    for key in ["every", "window", "rate"] {
        let held = cost(&writer, key);
        println!(
            "{key}: {held:.2} ns, {:.2} of a stored point's {stored:.2} ns",
            held / stored
        );
    }
    println!(
        "clocks: {:.2} ns, coarse {:.2} ns",
        clock(runlake_engine::clock::now_ms),
        clock(runlake_engine::clock::coarse_ms)
    );
}

fn clock(read: fn() -> i64) -> f64 {
    best(300, || (0..1000).map(|_| std::hint::black_box(read())).sum::<i64>()).as_secs_f64() * 1e6
}

/// Nanoseconds a point of now, at best.
fn cost(writer: &Writer, key: &str) -> f64 {
    let series = writer.series("run", key).unwrap();
    let mut next = 0..;
    let log = || {
        for step in next.by_ref().take(10_000) {
            let value = 1.0 + (step % 1013) as f64;
            if writer.try_append_now(series, step, value).is_none() {
                let point = Point {
                    step,
                    timestamp_ms: 0,
                    value,
                };
                writer.append(series, point).unwrap();
            }
        }
    };
    best(300, log).as_secs_f64() * 1e5
}
