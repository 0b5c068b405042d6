//! Power cuts: whatever of the unsynced bytes and names is left, what was on the disk is there, what is missing is said, and
//! nothing is there twice or was never logged.
//!
//! Each trial is one writer that logs, syncs, seals and trims as its seed says, on a disk that remembers (`disk.rs`); again and
//! again, also in the middle of a system call, what may be left of it is recovered and compared with what was promised.
//! `RUNLAKE_TORTURE` is the number of trials, each of some 80 cuts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are printed")]
#![allow(unsafe_code, reason = "system calls are observed by defining them")]

mod disk;
mod found;
#[path = "../lake/mod.rs"]
mod lake;
mod throttled;
mod trial;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use lake::torture;
use throttled::Throttled;
use trial::{Figures, Trial};

const ACTIONS: usize = 40;

/// Runs trials by their seeds, on all cores; returns what they have met.
fn run(trials: u64, trial: impl Fn(u64) -> Result<Figures, String> + Sync) -> Figures {
    let (first, trials) = match std::env::var("RUNLAKE_SEED") {
        Ok(seed) => (seed.parse().unwrap(), 1),
        Err(_) => (0, trials),
    };
    let (next, total) = (AtomicU64::new(first), Mutex::new(Figures::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + trials {
                return;
            }
            match trial(seed) {
                Ok(figures) => total.lock().unwrap().add(figures),
                Err(reason) => panic!("seed {seed}: {reason}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let total = total.into_inner().unwrap();
    assert!(total.scenarios >= trials * 20, "{total:?}");
    total
}

#[test]
fn what_was_on_the_disk_survives_a_power_cut_and_the_rest_is_whole_or_said_to_be_missing() {
    let total = run(torture(6), |seed| Trial::new(seed).run(ACTIONS));
    println!(
        "proof: power-loss scenarios={} points={} durable={} unsynced-missing={} reported={} durable-lost=0 doubled=0 \
         invented=0 failed-syncs={} seals={}",
        total.scenarios, total.points, total.durable, total.missing, total.reported, total.failed_syncs, total.seals
    );
}

#[test]
fn the_ledger_of_throttled_series_after_a_power_cut_is_that_of_the_last_frame() {
    let total = run(torture(6), |seed| Throttled::new(seed).run(ACTIONS));
    println!(
        "proof: ledger-after-power-loss scenarios={} points={} durable={} unsynced-missing={} wrong=0 failed-syncs={} \
         seals={}",
        total.scenarios, total.points, total.durable, total.missing, total.failed_syncs, total.seals
    );
}
