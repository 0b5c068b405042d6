//! A disk that fills, empties and fails to sync at random, against plain vectors: no point is lost, doubled or moved.
//!
//! `RUNLAKE_TORTURE` is the number of seeds, a dozen without it; `make torture` takes hundreds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lake::{Dice, FailingDisk, Lake, point, torture};
use runlake_engine::{Config, Keeping, Outcome, SeriesId, Times, Writer, adopt};

const ACTIONS: usize = 400;

/// A writer, and what should be in its journal.
struct Trial {
    lake: Lake,
    writer: Arc<Writer>,
    disk: Arc<FailingDisk>,
    dice: Dice,
    series: Vec<SeriesId>,
    /// (step, series) of each point that a call has accepted, in order.
    stored: Vec<(i64, u64)>,
    dropped: u64,
    next_step: i64,
    outbox: Vec<u64>,
    delivered: u64,
    took_no_write_at_the_end: bool,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let config = Config {
            max_block: Duration::from_millis(5),
            sync_interval: Duration::from_millis([1, 5, 3_600_000][dice.below(3) as usize]),
            min_chunk_bytes: (5 + dice.below(12)) * 4096,
            max_chunk_bytes: (16 + dice.below(40)) * 4096,
            merge_without_room: false,
            ..lake::ordinary()
        };
        let (lake, disk) = (Lake::new(), Arc::new(FailingDisk::default()));
        let writer = Writer::open_on(lake.path(), 7, config, disk.clone()).unwrap();
        let count = 1 + dice.below(120);
        let series = (0..count)
            .map(|n| writer.series("run", &format!("k{n}")).unwrap())
            .collect();
        Self {
            lake,
            writer,
            disk,
            dice,
            series,
            stored: Vec::new(),
            dropped: 0,
            next_step: 0,
            outbox: Vec::new(),
            delivered: 0,
            took_no_write_at_the_end: false,
        }
    }

    fn act(&mut self) {
        match self.dice.below(16) {
            0 => self.disk.full.store(self.dice.below(3) == 0, Ordering::SeqCst),
            1 => self.disk.sync_fails.store(self.dice.below(3) == 0, Ordering::SeqCst),
            2 => self.disk.sync_fails_once.store(true, Ordering::SeqCst),
            3 => drop(self.writer.flush(Some(Duration::from_millis(50)))),
            4 => {
                let payload = vec![7; self.dice.below(3000) as usize];
                self.outbox.extend(self.writer.push_outbox(&payload));
            }
            5 => {
                let upto = self.outbox.last().copied().unwrap_or(0);
                if self.writer.finish_outbox(upto).is_ok() {
                    self.delivered = upto;
                }
            }
            15 => {
                let error = [0, 0, libc::ENOSPC, libc::EIO][self.dice.below(4) as usize];
                self.disk
                    .takes_writes
                    .store(self.dice.below(4) as u32, Ordering::SeqCst);
                self.disk.write_error.store(error, Ordering::SeqCst);
            }
            6..=8 => self.log_column(),
            9 => (0..self.series.len() as u64).for_each(|series| self.log_point(series, 0)),
            _ => (0..self.dice.below(100)).for_each(|_| {
                let series = self.dice.below(self.series.len() as u64);
                self.log_point(series, 1);
            }),
        }
    }

    fn log_column(&mut self) {
        let (count, series) = (self.dice.below(900) as i64, self.dice.below(self.series.len() as u64));
        let steps: Vec<i64> = (self.next_step..self.next_step + count).collect();
        let values: Vec<f64> = steps.iter().map(|step| *step as f64).collect();
        let id = self.series[series as usize];
        let stored = self
            .writer
            .append_column(id, &steps, Times::Constant(1), &values)
            .unwrap();
        self.stored
            .extend(steps[..stored as usize].iter().map(|step| (*step, series)));
        self.dropped += count as u64 - stored;
        self.next_step += count;
    }

    fn log_point(&mut self, series: u64, advance: i64) {
        match self
            .writer
            .append(self.series[series as usize], point(self.next_step))
            .unwrap()
        {
            Outcome::Stored(_) => self.stored.push((self.next_step, series)),
            Outcome::Dropped => self.dropped += 1,
            Outcome::Held => panic!("nothing is throttled"),
        }
        self.next_step += advance;
    }

    /// What a reader in another process sees.
    fn seen(&self) -> Vec<(i64, u64)> {
        self.lake
            .rows()
            .iter()
            .map(|row| (row.step, row.key[1..].parse().unwrap()))
            .collect()
    }

    /// A reader sees what calls have accepted, in that order. Says no more than the first difference: there are ten thousands.
    fn check_seen(&self, when: &str) {
        let (seen, stored) = (self.seen(), &self.stored);
        let same = seen.iter().zip(stored).take_while(|(a, b)| a == b).count();
        assert!(
            seen.len() == same && stored.len() == same,
            "{when}: of {} points {} are seen; number {same} is {:?}, not {:?}",
            stored.len(),
            seen.len(),
            seen.get(same),
            stored.get(same)
        );
    }

    fn check_adoption(&self, seed: u64) {
        let adopted = adopt(self.lake.path(), self.writer.id())
            .unwrap()
            .expect("the writer is closed");
        assert_eq!(
            (adopted.upto, adopted.missing),
            (self.stored.len() as u64, 0),
            "seed {seed}"
        );
        let waiting: Vec<u64> = adopted.outbox.iter().map(|(id, _)| *id).collect();
        let wanted: Vec<u64> = self.outbox.iter().copied().filter(|id| *id > self.delivered).collect();
        assert_eq!(waiting, wanted, "seed {seed}: the outbox");
        let counted: u64 = adopted.ledger.iter().map(|entry| entry.tally.points()).sum();
        let counted = counted + adopted.unrecorded;
        let told = match lake::keeping() {
            Keeping::Mapped => counted == self.dropped,
            // A disk that refuses every write takes no count either; what was dropped meanwhile is in the writer's memory alone.
            Keeping::Written => counted == self.dropped || counted < self.dropped && self.took_no_write_at_the_end,
        };
        assert!(
            told,
            "seed {seed}: {counted} of {} dropped points are in the ledger",
            self.dropped
        );
    }
}

#[test]
fn no_point_is_lost_doubled_or_moved_whatever_the_disk_does() {
    for seed in 0..torture(12) {
        let mut trial = Trial::new(seed);
        for _ in 0..ACTIONS {
            trial.act();
            if trial.dice.below(40) == 0 {
                trial.check_seen(&format!("seed {seed}"));
            }
        }
        let stats = trial.writer.stats();
        assert_eq!(
            (stats.stored, stats.dropped),
            (trial.stored.len() as u64, trial.dropped),
            "seed {seed}"
        );
        if trial.dice.below(2) == 0 {
            trial.disk.full.store(false, Ordering::SeqCst);
            trial.disk.sync_fails.store(false, Ordering::SeqCst);
        }
        trial.took_no_write_at_the_end = trial.disk.write_error.load(Ordering::SeqCst) != 0;
        drop(trial.writer.close());
        trial.check_seen(&format!("seed {seed}, closed"));
        trial.check_adoption(seed);
    }
}
