//! The life of a writer whose series are throttled, and what its ledger must say afterwards.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use runlake_engine::failpoint::Failpoint;
use runlake_engine::{Config, Keep, Length, Outcome, Policy, Rule, Times, Writer, WriterId};

use crate::config;
use crate::lake::{FailingDisk, point};
use crate::store::{Store, Stored, Unstored, recover};

/// Keys of one run under a policy each, but for the last one, for which there is no room once.
const KEYS: [&str; 6] = ["every", "window", "last", "time", "rate", "free"];
/// Keys of another run: more than a slots file has slots at first.
const MANY: usize = 70;

fn rules(every: u64) -> Vec<Rule> {
    let window = |length, keep| Policy::Window { length, keep };
    let policies = [
        ("every", Policy::Every { steps: every }),
        ("window", window(Length::Steps(every + 2), Keep::ALL)),
        ("last", window(Length::Steps(5), Keep::LAST)),
        ("time", window(Length::Time(Duration::from_micros(100)), Keep::ALL)),
        (
            "rate",
            Policy::Rate {
                per_second: 2000.0,
                burst: 3.0,
            },
        ),
        ("many-*", Policy::Every { steps: 10 }),
    ];
    policies
        .map(|(pattern, policy)| Rule {
            pattern: pattern.to_owned(),
            policy: Some(policy),
        })
        .into()
}

fn key(number: usize) -> (&'static str, String) {
    match KEYS.get(number) {
        Some(key) => ("run", (*key).to_owned()),
        None => ("other", format!("many-{number}")),
    }
}

/// What a life says of each key before a call, and as soon as it has returned: points handed over, and points accepted.
struct Log {
    writer: Arc<Writer>,
    accepted: [u64; KEYS.len() + MANY],
    file: File,
}

impl Log {
    fn of(store: &Store, writer: Arc<Writer>) -> Self {
        let file = File::create(store.0.join("throttled.counts")).unwrap();
        fs::write(store.0.join("throttled.id"), writer.id().to_string()).unwrap();
        let accepted = [0; KEYS.len() + MANY];
        Self { writer, accepted, file }
    }

    fn note(&self, key: usize, handed_over: u64) {
        let bytes = [handed_over, self.accepted[key]].map(u64::to_le_bytes).concat();
        self.file.write_all_at(&bytes, 16 * key as u64).unwrap();
    }

    /// Logs the next `count` points of a key by one call.
    fn call<T>(
        &mut self,
        number: usize,
        count: u64,
        call: impl FnOnce(&Writer, runlake_engine::SeriesId, i64) -> T,
    ) -> T {
        let (run, key) = key(number);
        let series = self.writer.series(run, &key).unwrap();
        let first = self.accepted[number];
        self.note(number, first + count);
        let answer = call(&self.writer, series, first as i64);
        self.accepted[number] += count;
        self.note(number, first + count);
        answer
    }

    fn point(&mut self, key: usize) -> Outcome {
        self.call(key, 1, |writer, series, step| {
            writer.append(series, point(step)).unwrap()
        })
    }

    fn points(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for key in 0..KEYS.len() {
                _ = self.point(key);
            }
        }
    }

    fn column(&mut self, key: usize, count: u64) {
        let stored = self.call(key, count, |writer, series, first| {
            let points: Vec<_> = (first..first + count as i64).map(point).collect();
            let steps: Vec<_> = points.iter().map(|point| point.step).collect();
            let times: Vec<_> = points.iter().map(|point| point.timestamp_ms).collect();
            let values: Vec<_> = points.iter().map(|point| point.value).collect();
            writer
                .append_column(series, &steps, Times::Slice(&times), &values)
                .unwrap()
        });
        assert_eq!(stored, count);
    }

    /// Logs until points have met a shortage of room.
    fn points_without_room(&mut self) {
        let before = self.writer.stats().met_no_room;
        while self.writer.stats().met_no_room < before + 40 {
            self.points(10);
        }
    }
}

/// All that throttled series meet: rules that change, more series than slots, the end of a run, a full disk, a sealed and trimmed
/// journal, and a writer that closes without room and leaves to others what is pending.
pub fn live(store: &Store) {
    let disk = Arc::new(FailingDisk::default());
    let config = Config {
        merge_without_room: true,
        max_block: Duration::ZERO,
        ..config()
    };
    let writer = Writer::open_on(&store.journals(), 7, config, disk.clone()).unwrap();
    let mut log = Log::of(store, writer.clone());
    writer.set_throttle(rules(7)).unwrap();
    log.points(40);
    writer.flush(None).unwrap();
    log.column(0, 50);
    log.column(1, 50);
    many(&mut log, store);
    writer.set_throttle(rules(3)).unwrap();
    log.points(30);
    writer.finish_run("other").unwrap();
    store.seal_all(&writer);
    disk.full.store(true, Ordering::SeqCst);
    log.points_without_room();
    disk.full.store(false, Ordering::SeqCst);
    while !matches!(log.point(KEYS.len() - 1), Outcome::Stored(_)) {
        // Fails for as long as there is no room for a frame.
        drop(writer.flush(None));
    }
    log.points(30);
    store.seal_all(&writer);
    disk.full.store(true, Ordering::SeqCst);
    log.points_without_room();
    drop(writer.close());
    _ = store.adopt(writer.id());
}

/// Logs to more series than there are slots, until all of them have one.
fn many(log: &mut Log, store: &Store) {
    let slots = store.journals().join(format!("{}.slots", log.writer.id()));
    let len = || fs::metadata(&slots).unwrap().len();
    let before = len();
    while len() == before {
        for key in KEYS.len()..KEYS.len() + MANY {
            _ = log.point(key);
        }
    }
    for key in KEYS.len()..KEYS.len() + MANY {
        log.column(key, 25);
    }
}

/// What is acknowledged: the writer, and of each key the points accepted and handed over.
fn promised(store: &Store) -> Option<(WriterId, Vec<(u64, u64)>)> {
    let id = fs::read_to_string(store.0.join("throttled.id")).ok()?.parse().ok()?;
    let mut counts = fs::read(store.0.join("throttled.counts")).unwrap();
    counts.resize(16 * (KEYS.len() + MANY), 0);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let pairs = counts.chunks(16).map(|pair| (number(&pair[8..]), number(&pair[..8])));
    Some((id, pairs.collect()))
}

/// Recovers what is left and adds it up; returns the number of accepted points.
pub fn check(store: &Store, place: Failpoint) -> u64 {
    let found = recover(store, None, place);
    let Some((id, promised)) = promised(store) else {
        return 0;
    };
    let points = found.points.get(&id.to_string()).map_or(&[][..], Vec::as_slice);
    let numbers: Vec<i64> = points.iter().map(|stored| stored.row.seq).collect();
    assert_eq!(numbers, (0..numbers.len() as i64).collect::<Vec<_>>(), "{place:?}");
    let mut of_key = BTreeMap::<&str, Vec<&Stored>>::new();
    for stored in points {
        of_key.entry(&stored.row.key).or_default().push(stored);
    }
    let unstored = store.catalog().unstored;
    let mut sum = 0;
    for (number, (accepted, handed_over)) in promised.into_iter().enumerate() {
        let (_, key) = key(number);
        let stored = of_key.get(&*key).map_or(&[][..], Vec::as_slice);
        let unstored = unstored.get(&(id, key.clone())).copied();
        let all = stored.len() as u64 + unstored.map_or(0, |unstored| unstored.points());
        let what = format!(
            "{place:?}, {key}: {accepted} to {handed_over} points, {} stored, {unstored:?}",
            stored.len()
        );
        assert!((accepted..=handed_over).contains(&all), "{what}");
        add_up(stored, unstored, all as i64, &what);
        stands_for(&key, stored, unstored.map_or(0, |unstored| unstored.merged), &what);
        sum += all;
    }
    sum
}

/// Points 0 to `all` are each stored, or in the ledger; the first and the last of them are stored, and all bit by bit.
fn add_up(stored: &[&Stored], unstored: Option<Unstored>, all: i64, what: &str) {
    let steps: Vec<i64> = stored.iter().map(|stored| stored.row.step).collect();
    assert!(steps.is_sorted_by(|a, b| a < b), "{what}: {steps:?}");
    if all > 0 {
        assert_eq!((steps.first(), steps.last()), (Some(&0), Some(&(all - 1))), "{what}");
    }
    for row in stored.iter().map(|stored| &stored.row) {
        let wanted = point(row.step);
        assert_eq!(
            (row.timestamp_ms, row.bits),
            (wanted.timestamp_ms, wanted.value.to_bits()),
            "{what}"
        );
    }
    let missing: Vec<i64> = (0..all).filter(|step| steps.binary_search(step).is_err()).collect();
    let (Some(first), Some(last), Some(unstored)) = (missing.first(), missing.last(), unstored) else {
        assert_eq!((missing.len(), unstored), (0, None), "{what}");
        return;
    };
    let value = |step: i64| point(step).value;
    let (merged, dropped) = (unstored.merged, unstored.dropped);
    assert_eq!(merged + dropped, missing.len() as u64, "{what}");
    let wanted = Unstored {
        merged,
        dropped,
        sum: missing.iter().copied().map(value).sum(),
        first: *first,
        last: *last,
        min: value(*first),
        max: value(*last),
    };
    assert_eq!(unstored, wanted, "{what}");
}

/// Stored points say for how many others they stand, and with which extremes.
fn stands_for(key: &str, stored: &[&Stored], merged: u64, what: &str) {
    if key == "last" {
        assert!(stored.iter().all(|stored| stored.window.is_none()), "{what}");
        return;
    }
    let told: u64 = stored
        .iter()
        .filter_map(|stored| stored.window)
        .map(|(count, ..)| count - 1)
        .sum();
    assert_eq!(told, merged, "{what}");
    for pair in stored.windows(2).filter(|_| key == "window" || key == "time") {
        let (from, to) = (pair[0].row.step + 1, pair[1].row.step);
        let window = pair[1].window.unwrap_or((1, point(to).value, point(to).value));
        let wanted = ((to - from + 1) as u64, point(from).value, point(to).value);
        assert_eq!(window, wanted, "{what}, step {to}");
    }
}
