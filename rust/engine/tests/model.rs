//! A journal against a plain vector: any order of logging, syncing, trimming and reading gives the same points.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use lake::{Lake, Row, cases, small};
use proptest::prelude::*;
use runlake_engine::{Error, Outcome, Point, SeriesId, Times, Writer, adopt, read_range};

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
    writer: std::sync::Arc<Writer>,
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

    fn go_on_with(&mut self, writer: std::sync::Arc<Writer>) {
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
