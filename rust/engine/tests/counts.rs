//! Counts: how many instructions storing and sealing a point take, which is the same on every machine of one compiler.
//!
//! This program runs itself under callgrind and compares with `counts/expected.txt`, so that what makes a path longer is
//! seen where timing would see noise. Without valgrind, or with another compiler than the counts are of, nothing is compared.
//! `make counts` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use runlake_engine::{Config, JournalRange, Point, SealOptions, SeriesId, Times, Writer, seal};

/// More than this, either way, is a change: what got shorter is written down as well.
const TOLERANCE: f64 = 0.03;
const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/counts/expected.txt");
const RUN: &str = "3f2a9b7c1d5e8f603f2a9b7c1d5e8f60";

const POINTS: usize = 1000;
const KEYS: usize = 10;
const COLUMN_POINTS: usize = 100_000;
const SEALED_POINTS: usize = 100_000;

/// What is counted, in the order of its doing, and of how many points.
const PATHS: [(&str, usize); 6] = [
    ("try_append", POINTS),
    ("append_row", POINTS * KEYS),
    ("append_column", COLUMN_POINTS),
    ("seal_read", SEALED_POINTS),
    ("seal_sort", SEALED_POINTS),
    ("seal_write", SEALED_POINTS),
];

#[test]
#[cfg_attr(feature = "failpoints", ignore = "failpoints would be counted")]
fn storing_and_sealing_a_point_take_as_many_instructions_as_before() {
    let counted = match count() {
        Ok(counted) => counted,
        Err(reason) => return eprintln!("instructions are not counted: {reason}"),
    };
    let compiler = compiler();
    if env::var("RUNLAKE_COUNTS").is_ok_and(|wanted| wanted == "write") {
        return fs::write(EXPECTED, written(&compiler, &counted)).unwrap();
    }
    let expected = fs::read_to_string(EXPECTED).unwrap();
    let (of, counts) = expected.split_once('\n').unwrap();
    if of != compiler {
        return eprintln!("instructions are not compared: they were counted with {of}, and this is {compiler}");
    }
    let expected: HashMap<&str, f64> = counts.lines().filter_map(entry).collect();
    let changed: Vec<_> = counted
        .iter()
        .filter(|(path, count)| (count / expected[path] - 1.0).abs() > TOLERANCE)
        .map(|(path, count)| {
            format!(
                "{path} takes {count:.2} instructions a point, and took {}",
                expected[path]
            )
        })
        .collect();
    assert!(
        changed.is_empty(),
        "{}; `make counts` keeps what is meant",
        changed.join(", ")
    );
}

fn entry(line: &str) -> Option<(&str, f64)> {
    let (path, count) = line.split_once(' ')?;
    Some((path, count.trim().parse().ok()?))
}

fn written(compiler: &str, counted: &[(&str, f64)]) -> String {
    let mut text = format!("{compiler}\n");
    for (path, count) in counted {
        writeln!(text, "{path:14} {count:.2}").unwrap();
    }
    text
}

/// Runs the paths under callgrind and returns instructions a point, or why that cannot be done.
fn count() -> Result<Vec<(&'static str, f64)>, &'static str> {
    if !cfg!(target_arch = "x86_64") {
        return Err("they are of x86-64");
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let out = folder.path().join("out");
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .args(["--toggle-collect=counts::counted_*", "--dump-before=counts::done*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().unwrap())
        .args(["--exact", "paths", "--ignored", "--test-threads=1"])
        .stdout(Stdio::null())
        .status();
    let Ok(status) = status else {
        return Err("valgrind is missing; apt-get install valgrind");
    };
    assert!(status.success(), "under valgrind: {status}");
    let parts = (1..).zip(PATHS);
    Ok(parts
        .map(|(part, (path, points))| {
            let instructions = total(&PathBuf::from(format!("{}.{part}", out.display())));
            (path, instructions as f64 / points as f64)
        })
        .collect())
}

/// The instructions of one part of a profile.
fn total(part: &Path) -> u64 {
    let profile = fs::read_to_string(part).unwrap();
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    total.unwrap().trim().parse().unwrap()
}

/// What the linker has noted of the compiler in this program.
fn compiler() -> String {
    let program = fs::read(env::current_exe().unwrap()).unwrap();
    let mark = b"rustc version ";
    let at = program.windows(mark.len()).rposition(|bytes| bytes == mark).unwrap();
    let note = program[at..].split(|byte| *byte == 0).next().unwrap();
    String::from_utf8_lossy(note).into_owned()
}

#[test]
#[ignore = "what is run under callgrind"]
fn paths() {
    let lake = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = Config {
        min_chunk_bytes: 16 << 20,
        ..Config::default()
    };
    let writer = Writer::open(lake.path(), 1, config).unwrap();
    let series: Vec<_> = (0..KEYS)
        .map(|key| writer.series(RUN, &format!("train/metric_{key}")).unwrap())
        .collect();
    let row: Vec<_> = series.iter().map(|id| (*id, 0.5)).collect();
    // What a new series and a new chunk take is not counted.
    assert_eq!(writer.append_row(0, 0, &row).unwrap(), KEYS);
    counted_append(&writer, series[0]);
    done(());
    counted_rows(&writer, &row);
    done(());
    let (steps, values) = column();
    writer
        .append_column(series[0], &steps, Times::Constant(0), &values)
        .unwrap();
    counted_column(&writer, series[0], &steps, &values);
    done(());
    let first = writer.committed().unwrap();
    for (step, value) in (0..).zip(&values[..SEALED_POINTS / KEYS]) {
        let row: Vec<_> = (0..)
            .zip(&series)
            .map(|(key, id)| (*id, value + f64::from(key)))
            .collect();
        writer.append_row(step, 20 * step, &row).unwrap();
    }
    let range = JournalRange {
        writer: writer.id(),
        from: first,
        to: writer.committed().unwrap(),
    };
    assert_eq!(range.len(), SEALED_POINTS as u64);
    counted_seal(lake.path(), range);
}

#[inline(never)]
fn counted_append(writer: &Writer, series: SeriesId) {
    for step in 0..POINTS as i64 {
        let point = Point {
            step,
            timestamp_ms: step,
            value: black_box(0.5),
        };
        assert!(black_box(writer.try_append(series, point)).is_some());
    }
}

#[inline(never)]
fn counted_rows(writer: &Writer, row: &[(SeriesId, f64)]) {
    for step in 0..POINTS as i64 {
        assert_eq!(writer.append_row(step, step, black_box(row)).unwrap(), KEYS);
    }
}

#[inline(never)]
fn counted_column(writer: &Writer, series: SeriesId, steps: &[i64], values: &[f64]) {
    let stored = writer.append_column(series, steps, Times::Constant(1), values);
    assert_eq!(stored.unwrap(), COLUMN_POINTS as u64);
}

#[inline(never)]
fn counted_seal(lake: &Path, range: JournalRange) {
    let experiments = HashMap::from([(RUN.to_owned(), "1".to_owned())]);
    let hook = |step| done(step);
    let options = SealOptions {
        hook: Some(&hook),
        threads: 1,
        ..SealOptions::default()
    };
    let sealed = seal(lake, &lake.join("segments"), &[range], &experiments, options).unwrap();
    assert_eq!(sealed.len(), 1);
}

/// Where the profile of one path ends.
#[inline(never)]
fn done<T>(path: T) {
    black_box(path);
}

/// Noisy losses of single precision that fall, the same in every run.
fn column() -> (Vec<i64>, Vec<f64>) {
    let mut state = 20_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    let loss = |step: usize| 2.0 * (-5.0 * step as f64 / COLUMN_POINTS as f64).exp() + 0.1;
    let values = (0..COLUMN_POINTS).map(|step| f64::from((loss(step) + 0.05 * noise()) as f32));
    ((0..COLUMN_POINTS as i64).collect(), values.collect())
}
