//! A store without Python: what a catalog would know is in a small file that is replaced as a whole.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use runlake_engine::failpoint::Failpoint;
use runlake_engine::{
    Column, JournalRange, LedgerEntry, PointsRequest, SealOptions, Selection, Writer, WriterId, adopt, read_points,
    remove_leftovers, seal, survey,
};

use crate::lake::{Row, rows_of_batches};

pub struct Store(pub PathBuf);

/// What has been committed: up to where journals are sealed, which segments count, and what was not stored.
#[derive(Default)]
pub struct Catalog {
    pub sealed: BTreeMap<WriterId, u64>,
    segments: Vec<String>,
    pub unstored: BTreeMap<(WriterId, String), Unstored>,
}

/// Points of a key that are not stored and never will be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unstored {
    pub merged: u64,
    pub dropped: u64,
    pub sum: f64,
    pub first: i64,
    pub last: i64,
    pub min: f64,
    pub max: f64,
}

impl Unstored {
    fn of(entry: &LedgerEntry) -> Option<Self> {
        let totals = entry.tally.totals?;
        assert_eq!(totals.count, entry.tally.points());
        Some(Self {
            merged: entry.tally.merged,
            dropped: entry.tally.dropped.iter().sum(),
            sum: totals.sum,
            first: totals.first.step,
            last: totals.last.step,
            min: totals.min,
            max: totals.max,
        })
    }

    pub fn points(&self) -> u64 {
        self.merged + self.dropped
    }

    fn parse(words: &[&str]) -> Self {
        let integer = |i: usize| words[i].parse().unwrap();
        let double = |i: usize| words[i].parse().unwrap();
        Self {
            merged: words[0].parse().unwrap(),
            dropped: words[1].parse().unwrap(),
            sum: double(2),
            first: integer(3),
            last: integer(4),
            min: double(5),
            max: double(6),
        }
    }
}

impl Catalog {
    fn parse(text: &str) -> Self {
        let mut catalog = Self::default();
        for line in text.lines() {
            match *line.split(' ').collect::<Vec<_>>() {
                ["sealed", writer, end] => {
                    _ = catalog.sealed.insert(writer.parse().unwrap(), end.parse().unwrap());
                }
                ["segment", path] => catalog.segments.push(path.to_owned()),
                ["ledger", writer, key, ref words @ ..] => {
                    let series = (writer.parse().unwrap(), key.to_owned());
                    _ = catalog.unstored.insert(series, Unstored::parse(words));
                }
                _ => panic!("{line}"),
            }
        }
        catalog
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (writer, end) in &self.sealed {
            writeln!(text, "sealed {writer} {end}").unwrap();
        }
        for path in &self.segments {
            writeln!(text, "segment {path}").unwrap();
        }
        for ((writer, key), u) in &self.unstored {
            let Unstored {
                merged, dropped, sum, ..
            } = u;
            let (first, last, min, max) = (u.first, u.last, u.min, u.max);
            writeln!(
                text,
                "ledger {writer} {key} {merged} {dropped} {sum} {first} {last} {min} {max}"
            )
            .unwrap();
        }
        text
    }

    /// Of two entries of a series the one with more points is the newer.
    fn take(&mut self, writer: WriterId, ledger: &[LedgerEntry]) {
        for (entry, said) in ledger.iter().filter_map(|entry| Some((entry, Unstored::of(entry)?))) {
            let known = self
                .unstored
                .entry((writer, entry.name.key.to_string()))
                .or_insert(said);
            if known.points() < said.points() {
                *known = said;
            }
        }
    }
}

impl Store {
    pub fn journals(&self) -> PathBuf {
        self.0.join("journals")
    }

    pub fn catalog(&self) -> Catalog {
        Catalog::parse(&fs::read_to_string(self.0.join("catalog")).unwrap_or_default())
    }

    fn commit(&self, change: impl FnOnce(&mut Catalog)) {
        let mut catalog = self.catalog();
        change(&mut catalog);
        fs::write(self.0.join("catalog.tmp"), catalog.text()).unwrap();
        fs::rename(self.0.join("catalog.tmp"), self.0.join("catalog")).unwrap();
    }

    /// Seals a range and commits it, with what is known of points that were not stored.
    pub fn seal(&self, writer: WriterId, range: Range<u64>, ledger: &[LedgerEntry]) {
        let ranges = [JournalRange {
            writer,
            from: range.start,
            to: range.end,
        }];
        let experiments = HashMap::from([("run".to_owned(), "e".to_owned()), ("other".to_owned(), "e".to_owned())]);
        let folder = self.0.join("segments");
        let sealed = seal(&self.journals(), &folder, &ranges, &experiments, SealOptions::default()).unwrap();
        self.commit(|catalog| {
            catalog.segments.extend(sealed.into_iter().map(|segment| segment.path));
            _ = catalog.sealed.insert(writer, range.end);
            catalog.take(writer, ledger);
        });
    }

    /// Seals all that a living writer has stored, and trims its journal.
    pub fn seal_all(&self, writer: &Writer) {
        let (ledger, end) = (writer.ledger().unwrap(), writer.committed().unwrap());
        let from = self.catalog().sealed.get(&writer.id()).copied().unwrap_or(0);
        self.seal(writer.id(), from..end, &ledger);
        writer.trim(end).unwrap();
    }

    /// Adopts what a writer has left, seals what is whole of it, and removes its journal; returns the items that wait.
    pub fn adopt(&self, writer: WriterId) -> Vec<u64> {
        let adopted = adopt(&self.journals(), writer).unwrap().expect("its holder is dead");
        let sealed = self.catalog().sealed.get(&writer).copied().unwrap_or(0);
        assert!(adopted.ledger.iter().all(|entry| entry.pending.is_none()));
        assert_eq!(adopted.unrecorded, 0);
        for whole in &adopted.whole {
            let unsealed = whole.start.max(sealed)..whole.end;
            if !unsealed.is_empty() {
                self.seal(writer, unsealed, &adopted.ledger);
            }
        }
        self.commit(|catalog| catalog.take(writer, &adopted.ledger));
        let items = adopted.outbox.iter().map(|(id, _)| *id).collect();
        adopted.finish(true).unwrap();
        items
    }
}

/// A stored point, and what it stands for: how many points, their smallest and largest value.
pub struct Stored {
    pub row: Row,
    pub window: Option<(u64, f64, f64)>,
}

/// What is found, and what waits in outboxes.
pub struct Found {
    /// By writer, sorted by number.
    pub points: HashMap<String, Vec<Stored>>,
    pub waiting: HashMap<WriterId, Vec<u64>>,
}

/// Recovers everything, seals it and reads it. Of files that are damaged, only those of one writer may be left.
pub fn recover(store: &Store, damaged: Option<WriterId>, place: Failpoint) -> Found {
    _ = remove_leftovers(&store.journals()).unwrap();
    let writers = survey(&store.journals()).unwrap();
    let waiting = writers.iter().map(|files| (files.id, store.adopt(files.id))).collect();
    let left = fs::read_dir(store.journals()).unwrap();
    let left: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let kept =
        |name: &String| damaged.is_some_and(|id| name.starts_with(&id.to_string()) && name.ends_with(".damaged"));
    assert!(left.iter().all(kept), "{place:?}: {left:?} is left");
    Found {
        points: read(store),
        waiting,
    }
}

fn read(store: &Store) -> HashMap<String, Vec<Stored>> {
    let segments = store.catalog().segments;
    let segments: Vec<_> = segments
        .iter()
        .map(|path| store.0.join("segments").join(path))
        .collect();
    let request = PointsRequest {
        select: Selection::default(),
        steps: i64::MIN..=i64::MAX,
        timestamps: i64::MIN..=i64::MAX,
        columns: Column::ALL.to_vec(),
    };
    let (_, batches) = read_points(&segments, &request, &|| true).unwrap();
    let windows: Vec<_> = batches.iter().flat_map(windows_of).collect();
    let mut found = HashMap::<_, Vec<_>>::new();
    for (row, window) in rows_of_batches(batches).into_iter().zip(windows) {
        found
            .entry(row.writer.clone())
            .or_default()
            .push(Stored { row, window });
    }
    found
        .values_mut()
        .for_each(|points| points.sort_unstable_by_key(|point| point.row.seq));
    found
}

fn windows_of(batch: &RecordBatch) -> Vec<Option<(u64, f64, f64)>> {
    let Some(counts) = batch.column_by_name("count") else {
        return vec![None; batch.num_rows()];
    };
    let counts = counts.as_primitive::<Int64Type>();
    let doubles = |name| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
    let (min, max) = (doubles("min"), doubles("max"));
    let window = |row| (!counts.is_null(row)).then(|| (counts.value(row) as u64, min.value(row), max.value(row)));
    (0..batch.num_rows()).map(window).collect()
}
