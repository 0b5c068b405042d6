//! A journal against a plain vector: any order of logging, syncing, trimming and reading gives the same points.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lake::{FailingDisk, Lake, Row, cases, point, small};
use proptest::prelude::*;
use runlake_engine::{
    Config, Error, Keep, LedgerEntry, Length, Outcome, Point, Policy, Rule, SeriesId, Times, Writer, adopt, read_range,
    survey,
};

#[derive(Clone, Debug)]
enum Step {
    Log {
        series: usize,
        points: usize,
    },
    Row,
    Column {
        series: usize,
        points: usize,
    },
    Columns {
        points: usize,
    },
    Outbox {
        bytes: usize,
    },
    Flush,
    /// Seals this share of what there is, in percent.
    Trim(u64),
    /// Reads a range that begins and ends at these shares.
    Read(u64, u64),
    /// Closes the writer and goes on with its stream, or adopts it where that cannot be.
    Resume,
    /// Closes the writer, adopts what it leaves, and begins with another one.
    Adopt,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..40_usize, 1..600_usize).prop_map(|(series, points)| Step::Log { series, points }),
        Just(Step::Row),
        (0..40_usize, 0..4000_usize).prop_map(|(series, points)| Step::Column { series, points }),
        (0..3000_usize).prop_map(|points| Step::Columns { points }),
        (0..20_000_usize).prop_map(|bytes| Step::Outbox { bytes }),
        Just(Step::Flush),
        (0..=100_u64).prop_map(Step::Trim),
        (0..=100_u64, 0..=100_u64).prop_map(|(a, b)| Step::Read(a, b)),
        Just(Step::Resume),
        Just(Step::Adopt),
    ]
}

/// The writer, and what should be in it.
struct Model {
    lake: Lake,
    writer: Arc<Writer>,
    series: Vec<SeriesId>,
    points: Vec<(usize, Point)>,
    outbox: Vec<(u64, Vec<u8>)>,
}

impl Model {
    fn new() -> Self {
        let lake = Lake::new();
        let writer = lake.open(small());
        let series = Self::name_series(&writer);
        Self {
            lake,
            writer,
            series,
            points: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// The next point: numbers that no other has.
    fn next(&self, offset: usize) -> Point {
        let n = (self.points.len() + offset) as i64;
        Point {
            step: n.wrapping_mul(0x5851_f42d_4c95_7f2d),
            timestamp_ms: -n,
            value: f64::from_bits((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Log { series, points } => self.log(*series, *points),
            Step::Row => self.row(),
            Step::Column { series, points } => self.columns(*points, Some(*series)),
            Step::Columns { points } => self.columns(*points, None),
            Step::Outbox { bytes } => {
                let payload = vec![*bytes as u8; *bytes];
                self.outbox.push((self.writer.push_outbox(&payload).unwrap(), payload));
            }
            Step::Flush => assert_eq!(self.writer.flush(None).unwrap(), self.points.len() as u64),
            Step::Trim(percent) => self.writer.trim(self.share(*percent)).unwrap(),
            Step::Read(a, b) => self.read(self.share(*a.min(b)), self.share(*a.max(b))),
            Step::Resume => self.resume(),
            Step::Adopt => self.adopt(),
        }
    }

    fn resume(&mut self) {
        let sealed = self.writer.stats().sealed;
        self.writer.close().unwrap();
        match Writer::resume(self.lake.path(), 7, self.writer.id(), sealed, small()) {
            Ok(writer) => {
                assert!(self.outbox.is_empty(), "items are for who adopts");
                self.go_on_with(writer.expect("nobody else holds the lock"));
            }
            Err(Error::Unresumable { .. }) => {
                assert!(!self.outbox.is_empty(), "it is as a writer leaves it");
                self.take_over(sealed);
            }
            Err(e) => panic!("{e}"),
        }
    }

    fn adopt(&mut self) {
        let sealed = self.writer.stats().sealed;
        self.writer.close().unwrap();
        self.take_over(sealed);
    }

    /// Adopts what a closed writer has left, twice, and begins anew.
    fn take_over(&mut self, sealed: u64) {
        let find = || {
            adopt(self.lake.path(), self.writer.id())
                .unwrap()
                .expect("the writer is closed")
        };
        let (first, end) = (find(), self.points.len() as u64);
        let found = (first.from, first.upto, first.outbox.clone());
        first.finish(false).unwrap();
        let again = find();
        assert_eq!((again.from, again.upto, again.outbox.clone()), found);
        if sealed < end {
            assert!(again.from <= sealed && again.upto == end && again.gaps.is_empty());
            self.check();
        }
        assert_eq!(again.outbox, self.outbox);
        again.finish(true).unwrap();
        assert!(self.lake.files().is_empty());
        (self.points, self.outbox) = (Vec::new(), Vec::new());
        self.go_on_with(self.lake.open(small()));
    }

    fn go_on_with(&mut self, writer: Arc<Writer>) {
        self.writer = writer;
        self.series = Self::name_series(&self.writer);
    }

    fn name_series(writer: &Writer) -> Vec<SeriesId> {
        let number = |i| writer.series(&format!("run-{}", i % 3), &format!("key-{i}")).unwrap();
        (0..40).map(number).collect()
    }

    fn share(&self, percent: u64) -> u64 {
        self.points.len() as u64 * percent / 100
    }

    fn log(&mut self, series: usize, points: usize) {
        for _ in 0..points {
            let point = self.next(0);
            let stored = self.writer.append(self.series[series], point).unwrap();
            assert_eq!(stored, Outcome::Stored(self.points.len() as u64));
            self.points.push((series, point));
        }
    }

    fn row(&mut self) {
        let point = self.next(0);
        let row: Vec<_> = self.series.iter().map(|id| (*id, point.value)).collect();
        assert_eq!(
            self.writer.append_row(point.step, point.timestamp_ms, &row).unwrap(),
            row.len()
        );
        self.points.extend((0..row.len()).map(|series| (series, point)));
    }

    fn columns(&mut self, points: usize, one: Option<usize>) {
        let points: Vec<_> = (0..points).map(|i| (one.unwrap_or(i * 7 % 40), self.next(i))).collect();
        let ids: Vec<_> = points.iter().map(|(series, _)| self.series[*series]).collect();
        let steps: Vec<_> = points.iter().map(|(_, p)| p.step).collect();
        let times: Vec<_> = points.iter().map(|(_, p)| p.timestamp_ms).collect();
        let values: Vec<_> = points.iter().map(|(_, p)| p.value).collect();
        let stored = match one {
            Some(series) => self
                .writer
                .append_column(self.series[series], &steps, Times::Slice(&times), &values),
            None => self.writer.append_columns(&ids, &steps, &times, &values),
        };
        assert_eq!(stored.unwrap(), points.len() as u64);
        self.points.extend(points);
    }

    fn read(&self, from: u64, to: u64) {
        match read_range(self.lake.path(), self.writer.id(), from, to) {
            Ok(columns) => {
                assert!(columns.names.iter().flatten().all(|n| n.key.starts_with("key-")));
                let found = columns.series.iter().zip(&columns.step).zip(&columns.value);
                let found: Vec<_> = found.map(|((s, step), v)| (*s, *step, v.to_bits())).collect();
                let wanted = &self.points[from as usize..to as usize];
                let wanted: Vec<_> = wanted
                    .iter()
                    .map(|(s, p)| (self.series[*s].0, p.step, p.value.to_bits()))
                    .collect();
                assert_eq!(found, wanted);
            }
            Err(Error::Gone { .. }) => assert!(from < self.writer.stats().sealed, "only what is sealed may be gone"),
            Err(e) => panic!("{e}"),
        }
    }

    /// What a reader sees is the end of what was logged, and all that is not sealed.
    fn check(&self) {
        let rows = self.lake.rows();
        let stats = self.writer.stats();
        assert_eq!((stats.committed, stats.dropped), (self.points.len() as u64, 0));
        assert!(rows.len() as u64 >= stats.committed - stats.sealed);
        let gone = self.points.len() - rows.len();
        for (seq, (row, (series, point))) in rows.iter().zip(&self.points[gone..]).enumerate() {
            assert!(
                is_same(row, *series, point) && row.seq == (seq + gone) as i64,
                "{row:?} is not {point:?}"
            );
        }
    }
}

fn is_same(row: &Row, series: usize, point: &Point) -> bool {
    row.run == format!("run-{}", series % 3)
        && row.key == format!("key-{series}")
        && (row.step, row.timestamp_ms, row.bits) == (point.step, point.timestamp_ms, point.value.to_bits())
}

/// What throttled series meet.
#[derive(Clone, Debug)]
enum Held {
    Log { series: usize, points: usize },
    Column { series: usize, points: usize },
    Row,
    Rules(usize, u64),
    FinishRun,
    Flush,
    Trim(u64),
    Full(bool),
}

fn held() -> impl Strategy<Value = Held> {
    let log = || (0..HELD, 1..200_usize);
    prop_oneof![
        log().prop_map(|(series, points)| Held::Log { series, points }),
        log().prop_map(|(series, points)| Held::Column { series, points }),
        Just(Held::Row),
        (0..4_usize, 1..20_u64).prop_map(|(kind, steps)| Held::Rules(kind, steps)),
        Just(Held::FinishRun),
        Just(Held::Flush),
        (0..=100_u64).prop_map(Held::Trim),
        any::<bool>().prop_map(Held::Full),
    ]
}

const HELD: usize = 4;

fn rules(kind: usize, steps: u64) -> Vec<Rule> {
    let window = |length| Policy::Window {
        length,
        keep: Keep::ALL,
    };
    let policy = match kind {
        0 => None,
        1 => Some(Policy::Every { steps }),
        2 => Some(window(Length::Steps(steps))),
        _ => Some(window(Length::Time(Duration::from_micros(steps)))),
    };
    // The last series is never throttled, but merged where there is no room.
    let rule = |pattern: &str, policy| Rule {
        pattern: pattern.to_owned(),
        policy,
    };
    vec![rule("*", policy), rule("key-3", None)]
}

/// A writer whose series are throttled; of each the points are those of steps 0, 1, 2 and so on.
struct HeldModel {
    lake: Lake,
    disk: Arc<FailingDisk>,
    writer: Arc<Writer>,
    series: Vec<SeriesId>,
    accepted: [i64; HELD],
    /// What left the journal as sealed: the steps of each series.
    sealed: (u64, Vec<Vec<i64>>),
    was_full: bool,
}

impl HeldModel {
    fn new() -> Self {
        let (lake, disk) = (Lake::new(), Arc::new(FailingDisk::default()));
        let config = Config {
            merge_without_room: true,
            ..small()
        };
        let writer = Writer::open_on(lake.path(), 7, config, disk.clone()).unwrap();
        // Which makes the slots, as long as there is room for them.
        writer.set_throttle(rules(0, 0)).unwrap();
        let series = (0..HELD).map(|i| writer.series("run", &format!("key-{i}")).unwrap());
        Self {
            series: series.collect(),
            lake,
            disk,
            writer,
            accepted: [0; HELD],
            sealed: (0, vec![Vec::new(); HELD]),
            was_full: false,
        }
    }

    fn apply(&mut self, step: &Held) {
        match *step {
            Held::Log { series, points } => {
                for _ in 0..points {
                    let outcome = self
                        .writer
                        .append(self.series[series], point(self.accepted[series]))
                        .unwrap();
                    assert_ne!(outcome, Outcome::Dropped);
                    self.accepted[series] += 1;
                }
            }
            Held::Column { series, points } => {
                let steps: Vec<_> = (self.accepted[series]..).take(points).collect();
                let (times, values): (Vec<_>, Vec<_>) =
                    steps.iter().map(|step| (1_000 + step, point(*step).value)).unzip();
                let series_id = self.series[series];
                let stored = self
                    .writer
                    .append_column(series_id, &steps, Times::Slice(&times), &values);
                assert_eq!(stored.unwrap(), points as u64);
                self.accepted[series] += points as i64;
            }
            Held::Row => {
                for (id, accepted) in self.series.iter().zip(&mut self.accepted) {
                    let next = point(*accepted);
                    let row = [(*id, next.value)];
                    assert_eq!(self.writer.append_row(next.step, next.timestamp_ms, &row).unwrap(), 1);
                    *accepted += 1;
                }
            }
            Held::Rules(kind, steps) => self.writer.set_throttle(rules(kind, steps)).unwrap(),
            Held::FinishRun => self.writer.finish_run("run").unwrap(),
            // On a full disk there may be no room for a frame.
            Held::Flush => drop(self.writer.flush(None)),
            Held::Trim(percent) => self.trim(percent),
            Held::Full(full) => {
                self.disk.full.store(full, Ordering::SeqCst);
                self.was_full |= full;
            }
        }
    }

    fn trim(&mut self, percent: u64) {
        let upto = self.writer.committed().unwrap() * percent / 100;
        if upto > self.sealed.0 {
            let columns = read_range(self.lake.path(), self.writer.id(), self.sealed.0, upto).unwrap();
            for (series, step) in columns.series.iter().zip(&columns.step) {
                let place = self.series.iter().position(|id| id.0 == *series).unwrap();
                self.sealed.1[place].push(*step);
            }
            self.sealed.0 = upto;
            self.writer.trim(upto).unwrap();
        }
    }

    /// Every accepted point is stored, counted, or the pending one, which is the last.
    fn check(&self, ledger: &[LedgerEntry]) {
        let rows: Vec<_> = self
            .lake
            .rows()
            .into_iter()
            .filter(|row| row.seq as u64 >= self.sealed.0)
            .collect();
        for (series, accepted) in self.accepted.iter().enumerate() {
            let key = format!("key-{series}");
            let in_journal = rows.iter().filter(|row| row.key == key).map(|row| row.step);
            let stored: Vec<_> = self.sealed.1[series].iter().copied().chain(in_journal).collect();
            let entry = ledger.iter().find(|entry| *entry.name.key == key);
            let pending = entry.and_then(|entry| entry.pending).map(|pending| pending.point);
            let counted: Vec<_> = (0..*accepted)
                .filter(|step| stored.binary_search(step).is_err() && pending.is_none_or(|p| p.step != *step))
                .collect();
            assert!(stored.is_sorted_by(|a, b| a < b), "{key}: {stored:?}");
            // Where a series begins on a full disk, the first is in the window of the one that is stored.
            let begun = *accepted == 0 || self.was_full || stored.first() == Some(&0);
            assert!(begun, "the first point of {key} is stored");
            let last = pending.map_or_else(|| stored.last().copied(), |p| Some(p.step));
            assert_eq!(last.unwrap_or(-1), accepted - 1, "{key}");
            assert!(pending.is_none_or(|p| p == point(accepted - 1)));
            let totals = entry.and_then(|entry| entry.tally.totals);
            let sum: f64 = counted.iter().map(|step| point(*step).value).sum();
            let wanted = counted
                .first()
                .zip(counted.last())
                .map(|(a, b)| (counted.len() as u64, *a, *b, sum));
            assert_eq!(
                totals.map(|t| (t.count, t.first.step, t.last.step, t.sum)),
                wanted,
                "{key}"
            );
            assert_eq!(
                entry.map_or(0, |entry| entry.tally.points()),
                counted.len() as u64,
                "{key}"
            );
        }
        assert!(rows.iter().all(|row| row.bits == point(row.step).value.to_bits()));
    }

    /// Closes the writer, on a disk that may be full, adopts what it leaves, and checks that.
    fn end(self) {
        let closed = self.writer.close();
        self.disk.full.store(false, Ordering::SeqCst);
        drop(closed);
        match survey(self.lake.path()).unwrap().is_empty() {
            true => assert_eq!(self.sealed.0, self.writer.stats().committed),
            false => {
                let adopted = adopt(self.lake.path(), self.writer.id()).unwrap().unwrap();
                assert_eq!((adopted.missing, adopted.unrecorded), (0, 0));
                assert!(adopted.ledger.iter().all(|entry| entry.pending.is_none()));
                self.check(&adopted.ledger);
                adopted.finish(true).unwrap();
            }
        }
        assert!(self.lake.files().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_is_a_vector(steps in prop::collection::vec(step(), 1..25)) {
        let mut model = Model::new();
        for step in &steps {
            model.apply(step);
            model.check();
        }
        model.adopt();
    }
}

proptest! {
    // A call waits a second for a chunk that is late, before it is known that the disk is full.
    #![proptest_config(ProptestConfig { cases: cases(20), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_a_throttled_series_every_point_is_stored_counted_or_the_pending_one(
        steps in prop::collection::vec(held(), 1..25),
    ) {
        let mut model = HeldModel::new();
        for step in &steps {
            model.apply(step);
            model.check(&model.writer.ledger().unwrap());
        }
        model.end();
    }
}
