//! A process is killed at every failpoint in turn, and what it leaves is recovered: no point whose call returned is lost, none is
//! there twice, and nothing is in the way of who comes next.
//!
//! There are two lives: of writers that store all of their points, and of one whose series are throttled, of which the ledger has
//! to add up for every key. `RUNLAKE_TORTURE` is the number of rounds; each kills at every place of both lives, at a later time than
//! the round before, and every second one in journals that are written instead of mapped. A default run does each place in
//! the life that has it for sure.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are printed")]
#![allow(unsafe_code, reason = "kill is a C call")]

#[path = "../lake/mod.rs"]
mod lake;
mod plain;
mod store;
mod throttled;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lake::torture;
use runlake_engine::failpoint::{Failpoint, at_failpoints};
use runlake_engine::{Config, Keeping};
use store::Store;

const FOLDER: &str = "RUNLAKE_TEST_FOLDER";
const PLACE: &str = "RUNLAKE_TEST_FAILPOINT";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Plain,
    Throttled,
}

impl Life {
    /// In which a place is reached whatever threads do.
    fn of(place: Failpoint) -> Self {
        match (place as usize) < Failpoint::SlotsMade as usize {
            true => Self::Plain,
            false => Self::Throttled,
        }
    }

    fn live(self, store: &Store) {
        match self {
            Self::Plain => plain::live(store),
            Self::Throttled => throttled::live(store),
        }
    }

    fn check(self, store: &Store, place: Failpoint) -> u64 {
        match self {
            Self::Plain => plain::check(store, place),
            Self::Throttled => throttled::check(store, place),
        }
    }
}

fn config() -> Config {
    Config {
        max_chunk_bytes: 16 * 4096,
        max_block: Duration::from_secs(60),
        keeping: match WRITTEN.load(Ordering::SeqCst) {
            true => Keeping::Written,
            false => Keeping::Mapped,
        },
        ..lake::small()
    }
}

static WANTED: OnceLock<(String, u64)> = OnceLock::new();
static WRITTEN: AtomicBool = AtomicBool::new(false);
static TIMES: AtomicU64 = AtomicU64::new(0);

fn reached(place: Failpoint) {
    let Some((wanted, time)) = WANTED.get() else { return };
    if format!("{place:?}") == *wanted && TIMES.fetch_add(1, Ordering::SeqCst) == *time {
        // SAFETY: ends this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

#[test]
fn child_that_lives_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let wanted = std::env::var(PLACE).unwrap();
    let [place, time, keeping, life] = *wanted.split(' ').collect::<Vec<_>>() else {
        panic!("{wanted}")
    };
    WANTED.set((place.to_owned(), time.parse().unwrap())).unwrap();
    WRITTEN.store(keeping == "written", Ordering::SeqCst);
    at_failpoints(reached);
    let life = if life == "Plain" { Life::Plain } else { Life::Throttled };
    life.live(&Store(folder.into()));
}

/// Lives until the `time`-th arrival at a place; false if there were not so many.
fn kill(store: &Store, life: Life, place: Failpoint, time: u64, keeping: &str) -> bool {
    for folder in ["journals", "segments"] {
        fs::create_dir(store.0.join(folder)).unwrap();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_lives_until_it_is_killed", "--test-threads", "1"])
        .env(FOLDER, &store.0)
        .env(PLACE, format!("{place:?} {time} {keeping} {life:?}"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let killed = child.signal() == Some(libc::SIGKILL);
    assert!(killed || child.success(), "{life:?}, {place:?} {time}: {child}");
    killed
}

/// How often a kind of kill was, and what was found after it.
#[derive(Default)]
struct Figures {
    kills: AtomicU64,
    points: AtomicU64,
}

#[test]
fn a_process_killed_at_any_failpoint_loses_and_doubles_nothing() {
    let rounds = torture(2);
    let is_tried = |round: u64, place, life| Life::of(place) == life || (rounds > 2 && round > 0);
    let tries: Vec<(u64, Failpoint, Life)> = (0..rounds)
        .flat_map(|round| Failpoint::ALL.iter().map(move |place| (round, *place)))
        .flat_map(|(round, place)| [Life::Plain, Life::Throttled].map(|life| (round, place, life)))
        .filter(|(round, place, life)| is_tried(*round, *place, *life))
        .collect();
    let (next, figures) = (AtomicU64::new(0), [Figures::default(), Figures::default()]);
    let work = || {
        while let Some(&(round, place, life)) = tries.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let folder = tempfile::tempdir().unwrap();
            let store = Store(folder.path().to_owned());
            let keeping = if round % 2 == 0 { "mapped" } else { "written" };
            let killed = kill(&store, life, place, round * round, keeping);
            assert!(killed || round > 0, "{place:?} is never reached");
            let points = life.check(&store, place);
            let figures = &figures[life as usize];
            _ = figures.kills.fetch_add(u64::from(killed), Ordering::Relaxed);
            _ = figures.points.fetch_add(points, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            _ = scope.spawn(work);
        }
    });
    let [plain, throttled] = figures.map(|f| (f.kills.into_inner(), f.points.into_inner()));
    println!(
        "proof: failpoint-matrix places={} kills={} points={} lost=0 doubled=0",
        Failpoint::ALL.len(),
        plain.0 + throttled.0,
        plain.1 + throttled.1
    );
    println!(
        "proof: ledger-after-kill kills={} accepted={} wrong=0",
        throttled.0, throttled.1
    );
}
