//! One writer on a disk that remembers, and what may and must be found after the power has gone.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runlake_engine::platform::Keeping;
use runlake_engine::{
    Config, Error, JournalRange, Outcome, Point, SealOptions, SeriesId, Times, Writer, WriterId, seal,
};

use crate::disk::Disk;
use crate::found::check;
use crate::lake::{Dice, FailingDisk, in_memory};

/// What is known of a stream at one moment.
#[derive(Clone, Default)]
pub struct Promise {
    /// Every point handed over, with its series; the last ones may not be there yet.
    pub logged: Vec<(usize, Point)>,
    /// Points below it were on the disk.
    pub durable: u64,
    /// Points below it are in segments, says the catalog.
    pub sealed: u64,
    /// Segments that the catalog lists, and their bytes.
    pub segments: Vec<(PathBuf, Vec<u8>)>,
    /// Outbox items handed over.
    pub outbox: Vec<(u64, Vec<u8>)>,
    /// Items up to it were on the disk.
    pub outbox_durable: u64,
    /// Items up to it had been delivered; and this was on the disk.
    pub delivered: u64,
    pub delivered_durable: u64,
    /// Points refused.
    pub dropped: u64,
    /// The writer waits for a sync and logs nothing.
    waiting: bool,
}

/// What the checks have met, for the line that is printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub scenarios: u64,
    pub points: u64,
    pub durable: u64,
    pub missing: u64,
    pub reported: u64,
    pub failed_syncs: u64,
    pub seals: u64,
}

impl Figures {
    pub fn add(&mut self, other: Self) {
        self.scenarios += other.scenarios;
        self.points += other.points;
        self.durable += other.durable;
        self.missing += other.missing;
        self.reported += other.reported;
        self.failed_syncs += other.failed_syncs;
        self.seals += other.seals;
    }
}

pub const SERIES: usize = 60;

pub fn name(series: usize) -> (String, String) {
    (format!("run-{}", series % 3), format!("key-{series}"))
}

/// What a trial shares with the moments within its system calls.
struct Shared {
    promise: Promise,
    dice: Dice,
    figures: Figures,
    failure: Option<String>,
}

pub struct Trial {
    root: tempfile::TempDir,
    disk: Arc<Disk>,
    writer: Arc<Writer>,
    full: Arc<FailingDisk>,
    config: Config,
    dice: Dice,
    series: Vec<SeriesId>,
    shared: Arc<Mutex<Shared>>,
    syncs_itself: bool,
    closed: bool,
    /// Its outbox counts from 1 again where all chunks that knew it are trimmed.
    resumed: bool,
}

impl Trial {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let root = in_memory();
        fs::create_dir(root.path().join("journals")).unwrap();
        fs::create_dir(root.path().join("segments")).unwrap();
        let disk = Disk::watch(root.path());
        let syncs_itself = dice.below(8) == 0;
        let config = Config {
            sync_interval: Duration::from_millis(if syncs_itself { 1 } else { 3_600_000 }),
            min_chunk_bytes: (5 + dice.below(8)) * 4096,
            max_chunk_bytes: (13 + dice.below(12)) * 4096,
            max_block: Duration::from_millis(200),
            // What is merged is the other trial's; here, points are stored or refused.
            merge_without_room: false,
            keeping: if dice.below(4) == 0 {
                Keeping::Written
            } else {
                Keeping::Mapped
            },
            ..Config::default()
        };
        let full = Arc::new(FailingDisk::default());
        let writer = Writer::open_on(&root.path().join("journals"), 7, config.clone(), full.clone()).unwrap();
        let shared = Shared {
            promise: Promise::default(),
            dice: dice.split(),
            figures: Figures::default(),
            failure: None,
        };
        let mut trial = Self {
            root,
            disk,
            writer,
            full,
            config,
            dice,
            series: Vec::new(),
            shared: Arc::new(Mutex::new(shared)),
            syncs_itself,
            closed: false,
            resumed: false,
        };
        trial.name_series();
        trial.watch_moments();
        trial
    }

    fn name_series(&mut self) {
        let number = |n| {
            let (run, key) = name(n);
            self.writer.series(&run, &key).unwrap()
        };
        self.series = (0..SERIES).map(number).collect();
    }

    /// The power may go within a system call, and points may come while one is waited for.
    fn watch_moments(&self) {
        let (shared, writer) = (Arc::downgrade(&self.shared), Arc::downgrade(&self.writer));
        let (series, id) = (self.series.clone(), self.writer.id());
        self.disk.at_moments(Arc::new(move |disk, syncing| {
            let Some(shared) = shared.upgrade() else { return };
            let Ok(mut shared) = shared.try_lock() else { return };
            let shared = &mut *shared;
            if shared.dice.below(6) == 0 {
                shared.cut(disk, id);
            }
            let writer = writer.upgrade().filter(|_| syncing && shared.promise.waiting);
            if let Some(writer) = writer.filter(|_| shared.dice.below(2) == 0) {
                for _ in 0..shared.dice.below(20) {
                    let number = shared.dice.below(SERIES as u64) as usize;
                    let point = shared.promise.next(0);
                    // Only what needs no waiting: the thread that could make room may be this one.
                    shared.promise.logged.push((number, point));
                    if writer.try_append(series[number], point).is_none() {
                        _ = shared.promise.logged.pop();
                    }
                }
            }
        }));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Promise) -> T) -> T {
        change(&mut self.shared.lock().unwrap().promise)
    }

    /// Does `actions` things and lets the power go after each, `cuts` times in all.
    pub fn run(mut self, actions: usize) -> Result<Figures, String> {
        for _ in 0..actions {
            self.act();
            self.look();
            if self.closed {
                break;
            }
        }
        if !self.closed {
            self.close(false);
            self.look();
        }
        self.disk.forget();
        let mut shared = self.shared.lock().unwrap();
        shared.figures.failed_syncs = self.disk.failures();
        shared.failure.take().map_or(Ok(shared.figures), Err)
    }

    fn look(&mut self) {
        self.disk.look();
        if self.syncs_itself && !self.closed {
            let durable = self.writer.stats().durable;
            self.with(|promise| promise.durable = promise.durable.max(durable));
        }
        let id = self.writer.id();
        for _ in 0..self.dice.below(4) {
            self.shared.lock().unwrap().cut(&self.disk, id);
        }
    }

    fn act(&mut self) {
        match self.dice.below(22) {
            0..=6 => self.log(),
            7..=9 => self.log_column(),
            10 => self.log_row(),
            11..=14 => self.flush(),
            15 if !self.resumed => {
                let payload = vec![self.dice.below(256) as u8; self.dice.below(6000) as usize];
                let next = self.with(|promise| {
                    let next = promise.outbox.last().map_or(0, |item| item.0) + 1;
                    promise.outbox.push((next, payload.clone()));
                    next
                });
                match self.writer.push_outbox(&payload) {
                    Ok(id) => assert_eq!(id, next),
                    Err(_) => drop(self.with(|promise| promise.outbox.pop())),
                }
            }
            16 => {
                let upto = self.with(|promise| promise.outbox.last().map_or(0, |item| item.0));
                // What is said to be delivered may be on the disk before the call returns.
                let before = self.with(|promise| std::mem::replace(&mut promise.delivered, upto));
                if self.writer.finish_outbox(upto).is_err() {
                    self.with(|promise| promise.delivered = before);
                }
            }
            17 if !self.syncs_itself => self.disk.fail_next_sync(self.dice.split()),
            18..=19 => self.seal(),
            20 => self.full.full.store(self.dice.below(3) == 0, Ordering::SeqCst),
            21 if self.dice.below(4) == 0 => self.close(true),
            _ => self.log(),
        }
    }

    fn log(&mut self) {
        for _ in 0..self.dice.below(60) {
            let series = self.dice.below(SERIES as u64) as usize;
            let point = self.with(|promise| {
                let point = promise.next(0);
                promise.logged.push((series, point));
                point
            });
            if self.writer.append(self.series[series], point).unwrap() == Outcome::Dropped {
                self.with(|promise| promise.refuse(1));
            }
            if self.dice.below(20) == 0 {
                self.disk.look();
            }
        }
    }

    fn log_column(&mut self) {
        let (count, series) = (self.dice.below(500) as usize, self.dice.below(SERIES as u64) as usize);
        let points: Vec<Point> = self.with(|promise| {
            let points: Vec<_> = (0..count).map(|offset| promise.next(offset)).collect();
            promise.logged.extend(points.iter().map(|point| (series, *point)));
            points
        });
        let steps: Vec<_> = points.iter().map(|point| point.step).collect();
        let times: Vec<_> = points.iter().map(|point| point.timestamp_ms).collect();
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        let stored = self
            .writer
            .append_column(self.series[series], &steps, Times::Slice(&times), &values);
        self.with(|promise| promise.refuse(count - stored.unwrap() as usize));
    }

    fn log_row(&mut self) {
        let point = self.with(|promise| {
            let point = promise.next(0);
            promise.logged.extend((0..SERIES).map(|series| (series, point)));
            point
        });
        let row: Vec<_> = self.series.iter().map(|id| (*id, point.value)).collect();
        let stored = self.writer.append_row(point.step, point.timestamp_ms, &row).unwrap();
        self.with(|promise| promise.refuse(SERIES - stored));
    }

    fn flush(&mut self) {
        let before = self.with(|promise| {
            promise.waiting = true;
            promise.clone()
        });
        let flushed = self.writer.flush(Some(Duration::from_secs(20)));
        self.with(|promise| {
            promise.waiting = false;
            if flushed.is_ok() {
                promise.durable = before.logged.len() as u64;
                promise.outbox_durable = before.outbox.last().map_or(0, |item| item.0);
                promise.delivered_durable = before.delivered;
            }
        });
    }

    fn seal(&mut self) {
        let (from, end) = self.with(|promise| (promise.sealed, promise.logged.len() as u64));
        if from == end || !self.disk.evicted().is_empty() {
            return;
        }
        let to = from + 1 + self.dice.below(end - from);
        let range = JournalRange {
            writer: self.writer.id(),
            from,
            to,
        };
        let (journals, segments) = (self.root.path().join("journals"), self.root.path().join("segments"));
        let experiments: HashMap<_, _> = [("run-0", "a"), ("run-1", "b"), ("run-2", "a")]
            .map(|(run, experiment)| (run.to_owned(), experiment.to_owned()))
            .into();
        let sealed = match seal(&journals, &segments, &[range], &experiments, SealOptions::default()) {
            Ok(sealed) => sealed,
            // A sync that fails is no catastrophe for a seal: nothing is committed.
            Err(Error::Io { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        self.disk.look();
        let mut shared = self.shared.lock().unwrap();
        for segment in sealed {
            let bytes = fs::read(segments.join(&segment.path)).unwrap();
            shared
                .promise
                .segments
                .push((Path::new("segments").join(segment.path), bytes));
        }
        shared.promise.sealed = to;
        shared.figures.seals += 1;
        drop(shared);
        self.writer.trim(to).unwrap();
    }

    /// Ends the writer; with `resume`, another one goes on with its stream where that can be.
    fn close(&mut self, resume: bool) {
        let synced = self.writer.close().is_ok();
        self.with(|promise| {
            if synced {
                promise.durable = promise.logged.len() as u64;
                promise.outbox_durable = promise.outbox.last().map_or(0, |item| item.0);
                promise.delivered_durable = promise.delivered;
            }
        });
        self.closed = true;
        let sealed = self.with(|promise| promise.sealed);
        let journals = self.root.path().join("journals");
        if !resume || !journals.join(format!("{}.lock", self.writer.id())).exists() {
            return;
        }
        match Writer::resume(&journals, 7, self.writer.id(), sealed, self.config.clone()) {
            Ok(writer) => {
                self.writer = writer.expect("nobody else holds the lock");
                self.name_series();
                self.watch_moments();
                (self.closed, self.resumed) = (false, true);
            }
            Err(Error::Unresumable { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.disk.forget();
    }
}

impl Promise {
    /// A point that no other is like, and that no zeros are like.
    fn next(&self, offset: usize) -> Point {
        let n = (self.logged.len() + offset) as i64 + 1;
        Point {
            step: n.wrapping_mul(0x5851_f42d_4c95_7f2d),
            timestamp_ms: n,
            value: f64::from_bits((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }

    fn refuse(&mut self, count: usize) {
        self.logged.truncate(self.logged.len() - count);
        self.dropped += count as u64;
    }
}

impl Shared {
    /// Lets the power go: recovers what may be left, in a folder of its own.
    fn cut(&mut self, disk: &Disk, id: WriterId) {
        if self.failure.is_some() {
            return;
        }
        let image = in_memory();
        let mut dice = self.dice.split();
        disk.image(image.path(), &mut dice);
        let evicted: Vec<Range<u64>> = disk.evicted();
        match check(image.path(), id, &self.promise, &evicted, &mut dice) {
            Ok(figures) => self.figures.add(figures),
            Err(reason) => self.failure = Some(format!("{reason}\nfound in {}", image.keep().display())),
        }
    }
}
