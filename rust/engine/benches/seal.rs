//! Sealing: how fast journals become segments, and how many bytes a point takes, over kinds of values and shapes of runs.
//!
//! `cargo bench -p runlake-engine --bench seal` seals 64 MiB ranges and prints the best of five for each step, in ns a
//! point, then logs and seals 50 M points side by side; with `-- sustained` only the latter. Every segment is verified before its figures are printed.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints figures or stops"
)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use runlake_engine::{Config, JournalRange, SealOptions, Sealed, Seq, Times, Writer, seal, verify};

const RUN: &str = "3f2a9b7c1d5e8f603f2a9b7c1d5e8f60";
const ROUNDS: usize = 5;
/// 64 MiB of journal.
const RANGE: u64 = (64 << 20) / 28;
const SUSTAINED_POINTS: usize = 50_000_000;
const CALL_POINTS: usize = 1_000_000;

fn main() {
    if !std::env::args().any(|argument| argument == "sustained") {
        tables();
    }
    for threads in [1, 2] {
        sustained(threads);
    }
}

fn tables() {
    println!(
        "series × points                              times     B/point   read   sort  write   sync    sum  M points/s"
    );
    for shape in SHAPES {
        for kind in Kind::ALL {
            for jitter in [false, true] {
                shape.measure(kind, jitter);
            }
        }
    }
}

/// How many series, how long, and whether they are logged one after the other or a step of all at a time.
struct Shape {
    series: usize,
    points: usize,
    interleaved: bool,
}

const SHAPES: [Shape; 4] = [
    Shape {
        series: 1,
        points: 1_000_000,
        interleaved: false,
    },
    Shape {
        series: 100,
        points: 100_000,
        interleaved: false,
    },
    Shape {
        series: 10,
        points: 240_000,
        interleaved: true,
    },
    Shape {
        series: 1000,
        points: 2400,
        interleaved: true,
    },
];

#[derive(Clone, Copy)]
enum Kind {
    Uniform,
    Loss,
    RoundedUniform,
    RoundedLoss,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Uniform, Self::Loss, Self::RoundedUniform, Self::RoundedLoss];

    fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Loss => "float32 loss",
            Self::RoundedUniform => "uniform, 4 dec.",
            Self::RoundedLoss => "loss, 4 decimals",
        }
    }

    fn value(self, random: &mut Random, progress: f64) -> f64 {
        let rounded = |value: f64| (value * 1e4).round() / 1e4;
        match self {
            Self::Uniform => random.uniform(),
            Self::Loss => f64::from(random.loss(progress) as f32),
            Self::RoundedUniform => rounded(random.uniform()),
            Self::RoundedLoss => rounded(random.loss(progress)),
        }
    }
}

/// SplitMix64: the same points in every run.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn loss(&mut self, progress: f64) -> f64 {
        2.0 * (-5.0 * progress).exp() + 0.1 + 0.05 * self.normal()
    }
}

impl Shape {
    fn measure(&self, kind: Kind, jitter: bool) {
        let lake = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let writer = Writer::open(lake.path(), 1, Config::default()).unwrap();
        self.log(&writer, kind, jitter);
        let committed = writer.stats().committed;
        let mut best = [f64::MAX; 5];
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let (round, sealed) = seal_all(lake.path(), &writer, committed);
            bytes = sealed;
            for (best, step) in best.iter_mut().zip(round) {
                *best = best.min(step * 1e9 / committed as f64);
            }
        }
        let total: f64 = best[..3].iter().sum();
        println!(
            "{:5} × {:7} {:11} {:16} {:9} {:6.3}  {:5.1}  {:5.1}  {:5.1}  {:5.1}  {total:8.1}  {:11.1}",
            self.series,
            self.points,
            if self.interleaved { "interleaved" } else { "" },
            kind.name(),
            if jitter { "jittered" } else { "constant" },
            bytes as f64 / committed as f64,
            best[0],
            best[1],
            best[2],
            best[3] + best[4],
            1e3 / total,
        );
    }

    fn log(&self, writer: &Writer, kind: Kind, jitter: bool) {
        let mut random = Random(3);
        let keys: Vec<_> = (0..self.series)
            .map(|series| writer.series(RUN, &format!("train/metric_{series:04}")).unwrap())
            .collect();
        let mut now = 1.7e12;
        let mut tick = |random: &mut Random| {
            now += if jitter {
                20.0 * (1.0 + 0.2 * random.normal())
            } else {
                0.0
            };
            now as i64
        };
        let progress = |step: usize| step as f64 / self.points as f64;
        if self.interleaved {
            for step in 0..self.points {
                let time = tick(&mut random);
                let row: Vec<_> = keys
                    .iter()
                    .map(|key| (*key, kind.value(&mut random, progress(step))))
                    .collect();
                writer.append_row(step as i64, time, &row).unwrap();
            }
        } else {
            let steps: Vec<i64> = (0..self.points as i64).collect();
            for key in keys {
                let times: Vec<i64> = steps.iter().map(|_| tick(&mut random)).collect();
                let values: Vec<f64> = (0..self.points)
                    .map(|step| kind.value(&mut random, progress(step)))
                    .collect();
                writer
                    .append_column(key, &steps, Times::Slice(&times), &values)
                    .unwrap();
            }
        }
    }
}

/// Seals everything, 64 MiB at a time, and returns the seconds of each step and the bytes of all segments.
fn seal_all(lake: &Path, writer: &Writer, committed: Seq) -> ([f64; 5], u64) {
    let mut seconds = [0.0; 5];
    let mut bytes = 0;
    for from in (0..committed).step_by(RANGE as usize) {
        let range = JournalRange {
            writer: writer.id(),
            from,
            to: (from + RANGE).min(committed),
        };
        let marks = RefCell::new(vec![Instant::now()]);
        let hook = |_| marks.borrow_mut().push(Instant::now());
        let sealed = seal_range(
            lake,
            range,
            SealOptions {
                hook: Some(&hook),
                ..SealOptions::default()
            },
        );
        for (seconds, marks) in seconds.iter_mut().zip(marks.borrow().windows(2)) {
            *seconds += (marks[1] - marks[0]).as_secs_f64();
        }
        bytes += check_and_remove(lake, &sealed, range);
    }
    (seconds, bytes)
}

fn seal_range(lake: &Path, range: JournalRange, options: SealOptions<'_>) -> Vec<Sealed> {
    let experiments = HashMap::from([(RUN.to_owned(), "1".to_owned())]);
    seal(lake, &lake.join("segments"), &[range], &experiments, options).unwrap()
}

fn check_and_remove(lake: &Path, sealed: &[Sealed], range: JournalRange) -> u64 {
    let paths = sealed.iter().map(|segment| lake.join("segments").join(&segment.path));
    let infos: Vec<_> = paths.clone().map(|path| verify(&path).unwrap()).collect();
    assert_eq!(infos.iter().map(|info| info.rows).sum::<u64>(), range.len());
    paths.for_each(|path| std::fs::remove_file(path).unwrap());
    infos.iter().map(|info| info.bytes).sum()
}

/// Logs arrays on one thread while another seals and trims, until the last point is in a segment.
fn sustained(threads: usize) {
    let lake = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let writer = Writer::open(lake.path(), 1, Config::default()).unwrap();
    let key = writer.series(RUN, "train/loss").unwrap();
    let mut random = Random(3);
    let values: Vec<f64> = (0..CALL_POINTS).map(|_| random.uniform()).collect();
    let logged = AtomicBool::new(false);
    let start = Instant::now();
    let (logging, rows) = std::thread::scope(|scope| {
        let sealing = scope.spawn(|| seal_until_logged(lake.path(), &writer, &logged, threads));
        for call in 0..SUSTAINED_POINTS / CALL_POINTS {
            let first = (call * CALL_POINTS) as i64;
            let steps: Vec<i64> = (first..first + CALL_POINTS as i64).collect();
            writer
                .append_column(key, &steps, Times::Constant(first), &values)
                .unwrap();
        }
        logged.store(true, Ordering::Release);
        (start.elapsed(), sealing.join().unwrap())
    });
    let total = start.elapsed();
    assert_eq!((rows, writer.stats().dropped), (SUSTAINED_POINTS as u64, 0));
    println!(
        "sustained, {threads} encoding thread(s): logged at {:.1} M points/s, sealed at {:.1} M points/s",
        SUSTAINED_POINTS as f64 / logging.as_secs_f64() / 1e6,
        SUSTAINED_POINTS as f64 / total.as_secs_f64() / 1e6,
    );
}

fn seal_until_logged(lake: &Path, writer: &Writer, logged: &AtomicBool, threads: usize) -> u64 {
    let (mut sealed, mut rows) = (0, 0);
    loop {
        let last = logged.load(Ordering::Acquire);
        writer.wait_unsealed(RANGE * 28, Duration::from_millis(10));
        let to = writer.stats().committed.min(sealed + RANGE);
        if to == sealed && last {
            return rows;
        }
        if to - sealed < RANGE && !last {
            continue;
        }
        let range = JournalRange {
            writer: writer.id(),
            from: sealed,
            to,
        };
        let segments = seal_range(
            lake,
            range,
            SealOptions {
                threads,
                ..SealOptions::default()
            },
        );
        rows += segments.iter().map(|segment| segment.rows).sum::<u64>();
        writer.trim(to).unwrap();
        sealed = to;
    }
}
