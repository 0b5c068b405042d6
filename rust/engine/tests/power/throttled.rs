//! One writer of throttled series on a disk that remembers: after a power cut its ledger is that of the last frame.
//!
//! The points of a key are numbered by their steps, so that what is stored and what the ledger counts can be told to be all of them
//! up to some moment: none twice, none that was not logged, and not fewer than were on the disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runlake_engine::platform::Keeping;
use runlake_engine::{
    Adopted, Config, DropReason, Error, JournalRange, Keep, LedgerEntry, Length, Policy, Rule, SealOptions, SeriesId,
    Tally, Times, Writer, WriterId, adopt, inspect, read_range, seal,
};

use crate::disk::Disk;
use crate::found::{covers, require, segments, settle};
use crate::lake::{Dice, FailingDisk, in_memory, point};
use crate::trial::Figures;

const KEYS: usize = 12;

/// Two keys a policy, one of each kind rarely logged; the last two have none.
fn rules(dice: &mut Dice) -> Vec<Rule> {
    let mut steps = || 2 + dice.below(20);
    let window = |length, keep| Policy::Window { length, keep };
    let policies = [
        Policy::Every { steps: steps() },
        window(Length::Steps(steps()), Keep::ALL),
        window(Length::Steps(steps()), Keep::LAST),
        window(Length::Time(Duration::from_micros(50)), Keep::ALL),
        Policy::Rate {
            per_second: 5000.0,
            burst: 2.0,
        },
    ];
    let rule = |(kind, policy): (usize, Policy)| Rule {
        pattern: format!("k{kind}-*"),
        policy: Some(policy),
    };
    policies.into_iter().enumerate().map(rule).collect()
}

fn key(number: usize) -> String {
    format!("k{}-{}", number / 2, number % 2)
}

/// Points of each key.
type Counts = [u64; KEYS];

/// A stored point: its key, step and value, and for how many it stands.
type Stored = (String, i64, u64, u64);

/// What is known of a stream at one moment.
#[derive(Clone, Default)]
struct Promise {
    handed_over: Counts,
    durable: Counts,
    /// The disk is full, or a sync has failed, and there was no sync since: points may go to the disk without their ledger.
    troubled: bool,
    /// Points below it are in segments, says the catalog; and these are they.
    sealed: u64,
    stored: Vec<Stored>,
    /// Segments that the catalog lists, and their bytes.
    segments: Vec<(PathBuf, Vec<u8>)>,
    /// What the catalog knows of points that were not stored.
    unstored: BTreeMap<String, Tally>,
}

struct Shared {
    promise: Promise,
    dice: Dice,
    figures: Figures,
    failure: Option<String>,
}

/// The trial of one seed.
pub struct Throttled {
    root: tempfile::TempDir,
    disk: Arc<Disk>,
    full: Arc<FailingDisk>,
    writer: Arc<Writer>,
    series: Vec<SeriesId>,
    dice: Dice,
    shared: Arc<Mutex<Shared>>,
}

impl Throttled {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x7407);
        let root = in_memory();
        fs::create_dir(root.path().join("journals")).unwrap();
        fs::create_dir(root.path().join("segments")).unwrap();
        let disk = Disk::watch(root.path());
        let config = Config {
            sync_interval: Duration::from_secs(3600),
            min_chunk_bytes: (8 + dice.below(8)) * 4096,
            max_chunk_bytes: (16 + dice.below(12)) * 4096,
            max_block: Duration::ZERO,
            keeping: if dice.below(3) == 0 {
                Keeping::Written
            } else {
                Keeping::Mapped
            },
            ..Config::default()
        };
        let full = Arc::new(FailingDisk::default());
        let writer = Writer::open_on(&root.path().join("journals"), 7, config, full.clone()).unwrap();
        writer.set_throttle(rules(&mut dice)).unwrap();
        let series = (0..KEYS).map(|number| writer.series("run", &key(number)).unwrap());
        let shared = Arc::new(Mutex::new(Shared {
            promise: Promise::default(),
            dice: dice.split(),
            figures: Figures::default(),
            failure: None,
        }));
        let (weak, id) = (Arc::downgrade(&shared), writer.id());
        disk.at_moments(Arc::new(move |disk, _| {
            let Some(shared) = weak.upgrade() else { return };
            if let Ok(mut shared) = shared.try_lock()
                && shared.dice.below(6) == 0
            {
                shared.cut(disk, id);
            }
        }));
        Self {
            series: series.collect(),
            root,
            disk,
            full,
            writer,
            dice,
            shared,
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Promise) -> T) -> T {
        change(&mut self.shared.lock().unwrap().promise)
    }

    /// Does `actions` things and lets the power go after each, `cuts` times in all.
    pub fn run(mut self, actions: usize) -> Result<Figures, String> {
        for action in 0..=actions {
            match action == actions {
                false => self.act(),
                true => self.close(),
            }
            self.disk.look();
            for _ in 0..self.dice.below(4) {
                self.shared.lock().unwrap().cut(&self.disk, self.writer.id());
            }
        }
        self.disk.forget();
        let mut shared = self.shared.lock().unwrap();
        shared.figures.failed_syncs = self.disk.failures();
        shared.failure.take().map_or(Ok(shared.figures), Err)
    }

    fn act(&mut self) {
        match self.dice.below(20) {
            0..=7 => self.log(),
            8..=9 => self.column(),
            10..=13 => _ = self.flush(),
            14..=16 => self.seal(),
            17 => self.writer.set_throttle(rules(&mut self.dice)).unwrap(),
            18 => self.writer.finish_run("run").unwrap(),
            _ => {
                self.with(|promise| promise.troubled = true);
                match self.dice.below(2) {
                    0 => self.disk.fail_next_sync(self.dice.split()),
                    _ => self.full.full.store(self.dice.below(3) == 0, Ordering::SeqCst),
                }
            }
        }
    }

    /// Odd keys come a tenth as often as even ones.
    fn any_key(&mut self) -> usize {
        let key = self.dice.below(KEYS as u64) as usize;
        if self.dice.below(10) == 0 { key | 1 } else { key & !1 }
    }

    fn log(&mut self) {
        for _ in 0..self.dice.below(200) {
            let key = self.any_key();
            let step = self.with(|promise| {
                promise.handed_over[key] += 1;
                promise.handed_over[key] - 1
            });
            _ = self.writer.append(self.series[key], point(step as i64)).unwrap();
            if self.dice.below(50) == 0 {
                self.disk.look();
            }
        }
    }

    fn column(&mut self) {
        let (key, count) = (self.any_key(), self.dice.below(600));
        let first = self.with(|promise| {
            promise.handed_over[key] += count;
            promise.handed_over[key] - count
        });
        let points: Vec<_> = (first..first + count).map(|step| point(step as i64)).collect();
        let steps: Vec<_> = points.iter().map(|point| point.step).collect();
        let times: Vec<_> = points.iter().map(|point| point.timestamp_ms).collect();
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        let series = self.series[key];
        _ = self
            .writer
            .append_column(series, &steps, Times::Slice(&times), &values)
            .unwrap();
    }

    fn flush(&self) -> bool {
        let before = self.with(|promise| promise.handed_over);
        let flushed = self.writer.flush(Some(Duration::from_secs(20))).is_ok();
        self.with(|promise| {
            promise.troubled = !flushed || self.full.full.load(Ordering::SeqCst);
            if !promise.troubled {
                promise.durable = before;
            }
        });
        flushed
    }

    /// Seals as a store does.
    fn seal(&mut self) {
        let mut ledger = self.writer.ledger().unwrap();
        if !self.flush() {
            let throttled = |tally: &Tally| tally.dropped[DropReason::Throttled.index()];
            ledger.retain(|entry| entry.pending.is_none() && entry.tally.merged + throttled(&entry.tally) == 0);
        }
        let (from, end) = (self.with(|promise| promise.sealed), self.writer.stats().durable);
        if from >= end || !self.disk.evicted().is_empty() {
            return;
        }
        let to = from + 1 + self.dice.below(end - from);
        let writer = self.writer.id();
        let (journals, folder) = (self.root.path().join("journals"), self.root.path().join("segments"));
        let experiments = HashMap::from([("run".to_owned(), "e".to_owned())]);
        let range = JournalRange { writer, from, to };
        let sealed = match seal(&journals, &folder, &[range], &experiments, SealOptions::default()) {
            Ok(sealed) => sealed,
            // A sync that fails is no catastrophe for a seal: nothing is committed.
            Err(Error::Io { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        let stored = stored_in(&journals, writer, from..to).unwrap();
        self.disk.look();
        let mut shared = self.shared.lock().unwrap();
        let promise = &mut shared.promise;
        for segment in sealed {
            let bytes = fs::read(folder.join(&segment.path)).unwrap();
            promise.segments.push((Path::new("segments").join(segment.path), bytes));
        }
        (promise.sealed, promise.unstored) = (to, newest(&promise.unstored, &ledger));
        promise.stored.extend(stored);
        shared.figures.seals += 1;
        drop(shared);
        self.writer.trim(to).unwrap();
    }

    fn close(&mut self) {
        let closed = self.writer.close().is_ok();
        self.with(|promise| {
            promise.troubled |= !closed;
            if !promise.troubled {
                promise.durable = promise.handed_over;
            }
        });
    }
}

impl Drop for Throttled {
    fn drop(&mut self) {
        self.disk.forget();
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
        match check(image.path(), id, &self.promise, &disk.evicted(), &mut dice) {
            Ok(figures) => self.figures.add(figures),
            Err(reason) => self.failure = Some(format!("{reason}\nfound in {}", image.keep().display())),
        }
    }
}

/// Of two tallies of a key the one with more points is the newer.
fn newest(known: &BTreeMap<String, Tally>, ledger: &[LedgerEntry]) -> BTreeMap<String, Tally> {
    let mut newest = known.clone();
    for LedgerEntry { name, tally, .. } in ledger.iter().filter(|entry| entry.tally.points() > 0) {
        let known = newest.entry(name.key.to_string()).or_default();
        if known.points() < tally.points() {
            *known = tally.clone();
        }
    }
    newest
}

fn stored_in(journals: &Path, writer: WriterId, range: Range<u64>) -> Result<Vec<Stored>, String> {
    let columns = read_range(journals, writer, range.start, range.end).map_err(|e| e.to_string())?;
    let windows: HashMap<u64, u64> = columns.windows.iter().map(|w| (w.seq, w.aggregate.count)).collect();
    let stored = |i: usize| {
        let name = columns.names[columns.series[i] as usize].as_ref().unwrap();
        let count = windows.get(&(range.start + i as u64)).copied().unwrap_or(1);
        (name.key.to_string(), columns.step[i], columns.value[i].to_bits(), count)
    };
    Ok((0..columns.step.len()).map(stored).collect())
}

/// Recovers an image and adds everything up.
fn check(
    image: &Path,
    writer: WriterId,
    promise: &Promise,
    evicted: &[Range<u64>],
    dice: &mut Dice,
) -> Result<Figures, String> {
    let journals = image.join("journals");
    let say = |error: Error| error.to_string();
    settle(&journals, writer);
    segments(image, &promise.segments, dice)?;
    let before = inspect(&journals, writer).map_err(say)?;
    let adopted = adopt(&journals, writer).map_err(say)?.ok_or("the lock is held")?;
    covers(&adopted)?;
    require(adopted.ledger.iter().all(|entry| entry.pending.is_none()), || {
        "something is pending still".to_owned()
    })?;
    let mut stored = promise.stored.clone();
    for whole in &adopted.whole {
        let unsealed = whole.start.max(promise.sealed)..whole.end;
        if !unsealed.is_empty() {
            stored.extend(stored_in(&journals, writer, unsealed)?);
        }
    }
    let unstored = newest(&promise.unstored, &adopted.ledger);
    let is_whole = evicted.is_empty() && before.faults.is_empty() && !promise.troubled;
    let holes = holes(&before, promise.sealed);
    let mut lost = 0;
    for number in 0..KEYS {
        let key = key(number);
        let found = Found::of(&key, &stored, &unstored);
        let added_up = found.add_up(
            promise.handed_over[number],
            promise.durable[number],
            is_whole,
            holes > 0,
        );
        lost += added_up.map_err(|why| {
            let (before, sealed) = (&before, promise.sealed);
            format!(
                "{why}\n{sealed} sealed; {:?} {:?}, then {:?}",
                before.whole, before.gaps, adopted.whole
            )
        })?;
    }
    require(lost <= holes || !is_whole, || {
        format!("{lost} points are in no ledger, and {holes} are missing")
    })?;
    adopted.finish(true).map_err(say)?;
    let all: u64 = promise.handed_over.iter().sum();
    Ok(Figures {
        scenarios: 1,
        points: all,
        durable: promise.durable.iter().sum(),
        missing: all.saturating_sub(stored.len() as u64 + unstored.values().map(Tally::points).sum::<u64>()),
        reported: before.missing,
        ..Figures::default()
    })
}

/// Points that a journal has lost in front of others that it has.
fn holes(found: &Adopted, sealed: u64) -> u64 {
    let end = found.whole.iter().map(|range| range.end).max().unwrap_or(0);
    let gaps = found.gaps.iter().filter(|gap| gap.from < end && gap.to > sealed);
    gaps.map(|gap| gap.to - gap.from.max(sealed)).sum()
}

/// What is found of one key.
struct Found<'a> {
    key: &'a str,
    stored: BTreeMap<i64, (u64, u64)>,
    doubled: Vec<i64>,
    tally: Tally,
}

impl<'a> Found<'a> {
    fn of(key: &'a str, stored: &[Stored], unstored: &BTreeMap<String, Tally>) -> Self {
        let mut found = Self {
            key,
            stored: BTreeMap::new(),
            doubled: Vec::new(),
            tally: unstored.get(key).cloned().unwrap_or_default(),
        };
        for (_, step, bits, count) in stored.iter().filter(|stored| stored.0 == key) {
            if found.stored.insert(*step, (*bits, *count)).is_some() {
                found.doubled.push(*step);
            }
        }
        found
    }

    /// Says how many points are neither stored nor counted.
    fn add_up(&self, handed_over: u64, durable: u64, is_whole: bool, has_holes: bool) -> Result<u64, String> {
        let key = self.key;
        let say = |what: &str| {
            let stored = self.stored.keys().collect::<BTreeSet<_>>();
            format!(
                "{key}: {what}; {durable} to {handed_over} points, stored {stored:?}, {:?}",
                self.tally
            )
        };
        require(self.doubled.is_empty(), || {
            say(&format!("{:?} are doubled", self.doubled))
        })?;
        let logged = |(step, (bits, _)): (&i64, &(u64, u64))| point(*step).value.to_bits() == *bits;
        require(self.stored.iter().all(logged), || say("not what was logged"))?;
        let all = self.stored.len() as u64 + self.tally.points();
        require(all <= handed_over, || say("more than was logged"))?;
        if !is_whole {
            return Ok(0);
        }
        let end = self.stored.last_key_value().map_or(0, |(step, _)| step + 1);
        let missing: Vec<i64> = (0..end).filter(|step| !self.stored.contains_key(step)).collect();
        let (missed, counted) = (missing.len() as u64, self.tally.points());
        if has_holes {
            return Ok(missed.saturating_sub(counted));
        }
        require(counted <= missed, || say("more in the ledger than were not stored"))?;
        let lost = missed - counted;
        require(lost == 0, || {
            say(&format!("{lost} points are neither stored nor counted"))
        })?;
        require(all >= durable, || say("fewer than were on the disk"))?;
        let sum: f64 = missing.iter().map(|step| point(*step).value).sum();
        let totals = self.tally.totals.map(|t| (t.count, t.first.step, t.last.step, t.sum));
        let wanted = missing
            .first()
            .zip(missing.last())
            .map(|(first, last)| (all - self.stored.len() as u64, *first, *last, sum));
        require(totals == wanted, || say("totals of something else"))?;
        let told: u64 = self.stored.values().map(|(_, count)| count - 1).sum();
        require(key.starts_with("k2") || told == self.tally.merged, || {
            say(&format!("{told} points have others that stand for them"))
        })?;
        Ok(0)
    }
}
