//! Seals of points that are in memory, read back with the Parquet library's own reader.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;

use super::*;
use crate::ledger::{Aggregate, Keep, LedgerEntry, Tally, Window};
use crate::points::{PointsRequest, read_points};
use crate::segment::{Column, ROW_GROUP_ROWS, info, verify};
use crate::summary::{Summary, Totals};
use crate::tail::Selection;
use crate::types::{Point, SeriesName};

/// A row of a segment in the order of its columns, the value as bits.
type Row = (String, String, i64, i64, u64, String, i64);

/// Points of one writer, each with the number of its series.
#[derive(Debug, Clone)]
struct Part {
    writer: u128,
    first_seq: u64,
    points: Vec<(u32, Point)>,
}

/// Series are shared by all parts: series `s` is key `s` of run `s / 3`, and of experiment `s / 6`.
fn name(series: u32) -> SeriesName {
    SeriesName {
        run_id: format!("run{}", series / 3).into(),
        key: format!("key {series}").into(),
    }
}

const SERIES: u32 = 12;

fn experiments() -> HashMap<String, String> {
    (0..SERIES)
        .filter(|series| *series < 9)
        .map(|series| (name(series).run_id.to_string(), (series / 6).to_string()))
        .collect()
}

impl Part {
    fn new(points: impl IntoIterator<Item = (u32, i64, i64, f64)>) -> Self {
        let point = |(series, step, timestamp_ms, value)| {
            let point = Point {
                step,
                timestamp_ms,
                value,
            };
            (series, point)
        };
        Self {
            writer: 0xabc,
            first_seq: 0,
            points: points.into_iter().map(point).collect(),
        }
    }

    fn range(&self) -> JournalRange {
        JournalRange {
            writer: WriterId(self.writer),
            from: self.first_seq,
            to: self.first_seq + self.points.len() as u64,
        }
    }

    fn columns(&self) -> Columns {
        Columns {
            writer: WriterId(self.writer),
            first_seq: self.first_seq,
            series: self.points.iter().map(|(series, _)| *series).collect(),
            step: self.points.iter().map(|(_, point)| point.step).collect(),
            timestamp_ms: self.points.iter().map(|(_, point)| point.timestamp_ms).collect(),
            value: self.points.iter().map(|(_, point)| point.value).collect(),
            names: (0..SERIES.max(self.largest_series() + 1))
                .map(|series| Some(name(series)))
                .collect(),
            windows: Vec::new(),
        }
    }

    fn largest_series(&self) -> u32 {
        self.points.iter().map(|(series, _)| *series).max().unwrap_or(0)
    }

    fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.points.iter().zip(self.first_seq..).map(|((series, point), seq)| {
            let name = name(*series);
            let writer = WriterId(self.writer).to_string();
            let bits = point.value.to_bits();
            (
                name.run_id.to_string(),
                name.key.to_string(),
                point.step,
                point.timestamp_ms,
                bits,
                writer,
                seq as i64,
            )
        })
    }
}

struct Lake(tempfile::TempDir);

impl Lake {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn seal(&self, parts: &[Part], options: SealOptions<'_>) -> Result<Vec<Sealed>> {
        let ranges: Vec<_> = parts.iter().map(Part::range).collect();
        check_disjoint(&ranges)?;
        let columns = parts.iter().map(Part::columns).collect();
        write(columns, self.0.path(), &ranges, &experiments(), options)
    }

    fn seal_one(&self, part: Part) -> PathBuf {
        let sealed = self.seal(&[part], SealOptions::default()).unwrap();
        assert_eq!(sealed.len(), 1);
        self.0.path().join(&sealed[0].path)
    }

    /// Names of all files, relative to the folder of segments.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for folder in fs::read_dir(self.0.path()).unwrap() {
            for file in fs::read_dir(folder.unwrap().path()).unwrap() {
                files.push(file.unwrap().file_name().into_string().unwrap());
            }
        }
        files
    }
}

fn read_rows(path: &Path) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let text = |column: usize, row| batch.column(column).as_string::<i32>().value(row).to_owned();
        let integer = |column: usize, row| batch.column(column).as_primitive::<Int64Type>().value(row);
        let bits = |row| batch.column(4).as_primitive::<Float64Type>().value(row).to_bits();
        rows.extend((0..batch.num_rows()).map(|row| {
            (
                text(0, row),
                text(1, row),
                integer(2, row),
                integer(3, row),
                bits(row),
                text(5, row),
                integer(6, row),
            )
        }));
    }
    rows
}

fn metadata(path: &Path) -> ParquetMetaData {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    reader.metadata().clone()
}

/// Sorts as the contract says, with the standard library's stable sort.
fn expected(parts: &[Part], experiment: &str) -> Vec<Row> {
    let experiments = experiments();
    let mut rows: Vec<Row> = parts
        .iter()
        .flat_map(Part::rows)
        .filter(|row| experiments.get(&row.0).map_or(LOST, String::as_str) == experiment)
        .collect();
    rows.sort_by(|a, b| (&a.0, &a.1, a.2, a.3, a.6).cmp(&(&b.0, &b.1, b.2, b.3, b.6)));
    rows
}

fn points() -> impl Strategy<Value = Vec<(u32, Point)>> {
    let value = prop_oneof![any::<u64>().prop_map(f64::from_bits), (0..9u8).prop_map(f64::from)];
    let step = prop_oneof![any::<i64>(), 0..20i64];
    let point = (0..SERIES, step, 0..5i64, value).prop_map(|(series, step, timestamp_ms, value)| {
        let point = Point {
            step,
            timestamp_ms,
            value,
        };
        (series, point)
    });
    prop::collection::vec(point, 1..120)
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    prop::collection::vec((points(), 0..1u64 << 40), 1..4).prop_map(|parts| {
        let part = |(writer, (points, first_seq))| Part {
            writer,
            first_seq,
            points,
        };
        (1u128..).zip(parts).map(part).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_point_is_in_the_segment_of_its_experiment_bit_for_bit_and_in_order(parts in parts(), threads in 0..3usize) {
        let lake = Lake::new();
        let sealed = lake.seal(&parts, SealOptions { threads, ..SealOptions::default() }).unwrap();
        let mut total = 0;
        for segment in &sealed {
            let path = lake.0.path().join(&segment.path);
            let rows = read_rows(&path);
            prop_assert_eq!(&rows, &expected(&parts, &segment.experiment_id));
            let info = verify(&path).unwrap();
            prop_assert_eq!(info.rows, rows.len() as u64);
            prop_assert_eq!(info.bytes, segment.bytes);
            prop_assert_eq!(&info.ranges, &parts.iter().map(Part::range).collect::<Vec<_>>());
            prop_assert_eq!(info.siblings.len(), sealed.len());
            prop_assert_eq!(segment.runs.iter().map(|(_, rows)| rows).sum::<u64>(), info.rows);
            total += rows.len();
        }
        prop_assert_eq!(total, parts.iter().map(|part| part.points.len()).sum::<usize>());
    }

    #[test]
    fn a_segment_that_is_read_anew_is_reported_as_the_seal_reported_it(parts in parts()) {
        let lake = Lake::new();
        for sealed in lake.seal(&parts, SealOptions::default()).unwrap() {
            let again = summarise_segment(&lake.0.path().join(&sealed.path)).unwrap();
            prop_assert_eq!(format!("{again:?}"), format!("{sealed:?}"));
        }
    }

    #[test]
    fn summaries_are_those_of_the_points_as_they_came(parts in parts()) {
        let lake = Lake::new();
        let mut summaries: BTreeMap<SeriesName, Summary> = BTreeMap::new();
        for (series, point) in parts.iter().flat_map(|part| &part.points) {
            let name = name(*series);
            match summaries.get_mut(&name) {
                Some(summary) => summary.push(*point),
                None => { summaries.insert(name.clone(), Summary::of(&name, *point)); }
            }
        }
        let sealed = lake.seal(&parts, SealOptions::default()).unwrap();
        let mut reported = 0;
        for summary in sealed.iter().flat_map(|segment| &segment.summaries) {
            let name = SeriesName { run_id: summary.run_id.clone(), key: summary.key.clone() };
            // A sum depends on the order of its terms.
            let shown = |summary: &Summary| format!("{:?}", Totals { sum: 0.0, ..summary.totals });
            prop_assert_eq!(shown(summary), shown(&summaries[&name]));
            reported += 1;
        }
        prop_assert_eq!(reported, summaries.len());
    }
}

#[test]
fn sorted_reversed_and_repeated_steps_are_all_kept() {
    let sorted = (0..1000).map(|step| (0, step, step, 0.5));
    let reversed = (0..1000).rev().map(|step| (1, step, step, 1.5));
    let repeated = (0..1000).map(|row| (2, row % 3, 7, row as f64));
    let part = Part::new(sorted.chain(reversed).chain(repeated));
    let rows = read_rows(&Lake::new().seal_one(part.clone()));
    assert_eq!(rows, expected(&[part], "0"));
}

#[test]
fn a_series_of_many_batches_has_one_summary() {
    let rows = (ROW_GROUP_ROWS + 100) as i64;
    let part = Part::new((0..rows).map(|row| (u32::from(row > 90_000), row, -row, row as f64)));
    let lake = Lake::new();
    let sealed = lake.seal(&[part], SealOptions::default()).unwrap();
    let again = summarise_segment(&lake.0.path().join(&sealed[0].path)).unwrap();
    assert_eq!(again.summaries.len(), 2);
    assert_eq!(format!("{again:?}"), format!("{:?}", sealed[0]));
}

#[test]
fn rows_of_many_row_groups_are_read_back() {
    let rows = (2 * ROW_GROUP_ROWS + 100) as i64;
    for value in [(|row| row as f64 * 1.37) as fn(i64) -> f64, |row| {
        (row % 50) as f64 / 4.0
    }] {
        let part =
            Part::new((0..rows).map(|row| ((row % 3) as u32, row / 3, 1_700_000_000_000 + row * 20, value(row))));
        let lake = Lake::new();
        let segment = lake.seal_one(part.clone());
        assert_eq!(read_rows(&segment), expected(&[part], "0"));
        verify(&segment).unwrap();
    }
}

#[test]
fn runs_of_very_few_rows_are_read_back() {
    // Every row changes the writer, every second one the key: too often for run lengths.
    let shared: Vec<_> = (0..4000).map(|row| (row % 2, i64::from(row), 0, 0.0)).collect();
    let mut parts = [Part::new(shared.clone()), Part::new(shared)];
    parts[1].writer = 7;
    let lake = Lake::new();
    let sealed = lake.seal(&parts, SealOptions::default()).unwrap();
    let path = lake.0.path().join(&sealed[0].path);
    assert_eq!(read_rows(&path), expected(&parts, "0"));
    verify(&path).unwrap();
}

#[test]
fn values_keep_their_bits_and_a_nan_leaves_no_minimum_or_maximum() {
    let odd = [
        f64::NAN,
        f64::from_bits(0xfff8_0000_dead_beef),
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::from_bits(1),
    ];
    let part = Part::new((0..).zip(odd).map(|(step, value)| (0, step, 0, value)));
    let lake = Lake::new();
    let segment = lake.seal_one(part);
    let bits: Vec<u64> = read_rows(&segment).iter().map(|row| row.4).collect();
    assert_eq!(bits, odd.map(f64::to_bits));
    let statistics = metadata(&segment).row_group(0).column(4).statistics().cloned();
    assert!(statistics.is_none_or(|s| s.min_bytes_opt().is_none() && s.max_bytes_opt().is_none()));

    let lake = Lake::new();

    let finite = lake.seal_one(Part::new([(0, 0, 0, 2.0), (0, 1, 0, -1.0)]));
    let statistics = metadata(&finite).row_group(0).column(4).statistics().cloned().unwrap();
    assert_eq!(statistics.min_bytes_opt(), Some(&(-1f64).to_le_bytes()[..]));
}

#[test]
fn row_groups_say_which_runs_keys_steps_times_and_numbers_they_hold() {
    let part = Part::new([(2, 5, 50, 0.0), (1, -7, 70, 0.0), (4, 9, 60, 0.0)]);
    let lake = Lake::new();
    let segment = lake.seal_one(part);
    let metadata = metadata(&segment);
    let extremes = |column: usize| {
        let statistics = metadata.row_group(0).column(column).statistics().unwrap().clone();
        (
            statistics.min_bytes_opt().unwrap().to_vec(),
            statistics.max_bytes_opt().unwrap().to_vec(),
        )
    };
    let integers = |min: i64, max: i64| (min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec());
    assert_eq!(extremes(0), (b"run0".to_vec(), b"run1".to_vec()));
    assert_eq!(extremes(1), (b"key 1".to_vec(), b"key 4".to_vec()));
    assert_eq!(extremes(2), integers(-7, 9));
    assert_eq!(extremes(3), integers(50, 70));
    assert_eq!(extremes(6), integers(0, 2));
}

#[test]
fn the_encoding_of_values_follows_from_the_values() {
    let noise = |row: i64| f64::from_bits((row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2 | 1 << 61);
    for (value, encoding) in [
        (noise as fn(i64) -> f64, Encoding::BYTE_STREAM_SPLIT),
        (|row| (row * 7 % 100) as f64 / 100.0, Encoding::RLE_DICTIONARY),
    ] {
        let lake = Lake::new();
        let segment = lake.seal_one(Part::new((0..50_000).map(|row| (0, row, row, value(row)))));
        let metadata = metadata(&segment);
        let encodings: Vec<_> = metadata.row_group(0).column(4).encodings().collect();
        assert!(encodings.contains(&encoding), "{encodings:?}");
    }
}

#[test]
fn segments_of_one_seal_name_each_other_and_all_its_ranges() {
    let mut parts = [
        Part::new([(0, 0, 0, 0.0), (6, 0, 0, 0.0)]),
        Part::new([(11, 0, 0, 0.0), (1, 0, 0, 0.0)]),
    ];
    parts[1].writer = 9;
    let lake = Lake::new();
    let sealed = lake.seal(&parts, SealOptions::default()).unwrap();
    let experiments: Vec<_> = sealed.iter().map(|segment| &segment.experiment_id[..]).collect();
    assert_eq!(experiments, ["0", "1", LOST]);
    let infos: Vec<_> = sealed
        .iter()
        .map(|segment| info(&lake.0.path().join(&segment.path)).unwrap())
        .collect();
    for (segment, info) in sealed.iter().zip(&infos) {
        assert_eq!(info.segment_id, segment.segment_id);
        assert_eq!(info.seal_id, infos[0].seal_id);
        assert_eq!(info.siblings, infos[0].siblings);
        assert_eq!(info.ranges, [parts[0].range(), parts[1].range()]);
        assert_eq!(
            segment.path,
            format!("experiment_id={}/{}.parquet", segment.experiment_id, segment.segment_id)
        );
    }
    assert_eq!(infos[0].siblings.iter().map(|sibling| sibling.rows).sum::<u64>(), 4);
}

#[test]
fn a_changed_byte_anywhere_is_found_and_the_file_named() {
    let lake = Lake::new();
    let segment = lake.seal_one(Part::new(
        (0..40).map(|step| (step as u32 % 2, step, step * 3, step as f64)),
    ));
    let whole = fs::read(&segment).unwrap();
    for position in 0..whole.len() {
        let mut garbled = whole.clone();
        garbled[position] ^= 0x10;
        fs::write(&segment, &garbled).unwrap();
        let error = verify(&segment)
            .expect_err(&format!("byte {position} changed"))
            .to_string();
        assert!(error.contains(segment.to_str().unwrap()), "{error}");
        let _ = info(&segment);
    }
}

#[test]
fn a_file_that_was_cut_short_is_found_and_the_file_named() {
    let lake = Lake::new();
    let segment = lake.seal_one(Part::new((0..40).map(|step| (0, step, step, 0.0))));
    let whole = fs::read(&segment).unwrap();
    for length in 0..whole.len() {
        fs::write(&segment, &whole[..length]).unwrap();
        let error = verify(&segment).expect_err(&format!("cut to {length}")).to_string();
        assert!(error.contains(segment.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_segment_of_a_newer_format_is_refused_by_its_number() {
    let lake = Lake::new();
    let segment = lake.seal_one(Part::new([(0, 0, 0, 0.0)]));
    let mut bytes = fs::read(&segment).unwrap();
    bytes[11] = 2;
    fs::write(&segment, &bytes).unwrap();
    assert!(matches!(verify(&segment), Err(Error::NewerFormat { found: 2, .. })));
}

#[test]
fn until_it_is_renamed_there_is_nothing_but_temporary_files() {
    let lake = Lake::new();
    let seen = RefCell::new(Vec::new());
    let hook = |step| seen.borrow_mut().push((step, lake.files()));
    let part = Part::new([(0, 0, 0, 0.0), (6, 0, 0, 0.0)]);
    lake.seal(
        &[part],
        SealOptions {
            hook: Some(&hook),
            ..SealOptions::default()
        },
    )
    .unwrap();
    let steps: Vec<_> = seen.borrow().iter().map(|(step, _)| *step).collect();
    assert_eq!(
        steps,
        [SealStep::Sorted, SealStep::Written, SealStep::Synced, SealStep::Renamed]
    );
    for (step, files) in seen.borrow().iter() {
        let suffix = if *step == SealStep::Renamed { ".parquet" } else { ".tmp" };
        assert_eq!(files.len(), if *step == SealStep::Sorted { 0 } else { 2 });
        assert!(files.iter().all(|file| file.ends_with(suffix)), "{step:?}: {files:?}");
        let hidden = files.iter().filter(|file| file.starts_with('.')).count();
        assert_eq!(
            hidden,
            if suffix == ".tmp" { files.len() } else { 0 },
            "{step:?}: {files:?}"
        );
    }
}

#[test]
fn a_seal_that_fails_leaves_no_temporary_file() {
    let lake = Lake::new();
    let lose_one = |step| {
        if step == SealStep::Written {
            let folder = lake.0.path().join("experiment_id=0");
            let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
            fs::remove_file(file.path()).unwrap();
        }
    };
    let part = Part::new([(0, 0, 0, 0.0), (6, 0, 0, 0.0)]);
    let error = lake
        .seal(
            &[part],
            SealOptions {
                hook: Some(&lose_one),
                ..SealOptions::default()
            },
        )
        .unwrap_err();
    assert!(error.to_string().contains("experiment_id=0"), "{error}");
    assert_eq!(lake.files(), [""; 0]);
}

#[test]
fn overlapping_ranges_and_experiments_that_are_no_names_are_refused() {
    let part = Part::new([(0, 0, 0, 0.0)]);
    let overlap = Lake::new()
        .seal(&[part.clone(), part.clone()], SealOptions::default())
        .unwrap_err();
    assert!(overlap.to_string().contains("overlap"), "{overlap}");
    let lake = Lake::new();
    let outside = HashMap::from([("run0".to_owned(), "../outside".to_owned())]);
    let refused = write(
        vec![part.columns()],
        lake.0.path(),
        &[part.range()],
        &outside,
        SealOptions::default(),
    );
    assert!(refused.unwrap_err().to_string().contains("\"../outside\""));
}

#[test]
fn a_point_of_an_undefined_series_is_refused_and_named() {
    let part = Part::new([(2, 0, 0, 0.0)]);
    let mut columns = part.columns();
    columns.names[2] = None;
    let sealed = write(
        vec![columns],
        Lake::new().0.path(),
        &[part.range()],
        &experiments(),
        SealOptions::default(),
    );
    assert!(sealed.unwrap_err().to_string().contains("series 2"));
}

#[test]
fn no_points_make_no_segment() {
    let lake = Lake::new();
    assert!(lake.seal(&[], SealOptions::default()).unwrap().is_empty());
    assert_eq!(lake.files(), [""; 0]);
}

#[test]
fn long_keys_of_many_series_are_kept() {
    let names: Vec<_> = (0..500)
        .map(|series| {
            Some(SeriesName {
                run_id: Arc::from("run0"),
                key: format!("{}é{series:03}", "k".repeat(900)).into(),
            })
        })
        .collect();
    let part = Part::new((0..5000).map(|row| ((row % 500) as u32, row, row, 0.0)));
    let mut columns = part.columns();
    columns.names = names.clone();
    let lake = Lake::new();
    let sealed = write(
        vec![columns],
        lake.0.path(),
        &[part.range()],
        &experiments(),
        SealOptions::default(),
    )
    .unwrap();
    let rows = read_rows(&lake.0.path().join(&sealed[0].path));
    for (row, name) in rows.chunks(10).zip(names.iter().flatten()) {
        assert!(row.iter().all(|row| *row.1 == *name.key));
    }
}

/// A window of these values, of which all or some aggregates are kept.
fn window(seq: u64, values: &[f64], keep: Keep) -> Window {
    let mut aggregate = Aggregate::of(values[0], keep);
    values[1..].iter().for_each(|value| aggregate.push(*value));
    Window { seq, aggregate }
}

/// Count, min, max and mean of each row of a segment, by sequence number, as the segment reader gives them.
fn windows_of(path: &Path) -> BTreeMap<i64, [Option<f64>; 4]> {
    let request = PointsRequest {
        select: Selection::default(),
        steps: i64::MIN..=i64::MAX,
        timestamps: i64::MIN..=i64::MAX,
        columns: vec![Column::Mean, Column::Seq, Column::Count, Column::Min, Column::Max],
    };
    let (_, batches) = read_points(&[path.to_owned()], &request, &|| true).unwrap();
    let mut found = BTreeMap::new();
    for batch in batches {
        let double = |column: usize, row| {
            let column = batch.column(column).as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        let counts = batch.column(2).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let count = counts.is_valid(row).then(|| counts.value(row) as f64);
            let seq = batch.column(1).as_primitive::<Int64Type>().value(row);
            found.insert(seq, [count, double(3, row), double(4, row), double(0, row)]);
        }
    }
    found
}

#[test]
fn what_points_stand_for_follows_them_into_the_segment() {
    let rows = (ROW_GROUP_ROWS + 1000) as i64;
    // Series 0 comes backwards and mixed with series 2, so that every row moves.
    let part = Part::new((0..rows).map(|row| ((row % 2 * 2) as u32, rows - row, 0, row as f64)));
    let mut columns = part.columns();
    columns.windows = (0..rows as u64)
        .step_by(7)
        .map(|seq| window(seq, &[seq as f64, -1.0, 5.0], Keep::ALL))
        .collect();
    columns.windows[3] = window(21, &[f64::NAN, f64::NAN], Keep::ALL);
    columns.windows[4] = window(28, &[2.0, 4.0], Keep::MEAN | Keep::MAX);
    let lake = Lake::new();
    let experiments = HashMap::from([("run0".to_owned(), "0".to_owned())]);
    let sealed = write(
        vec![columns],
        lake.0.path(),
        &[part.range()],
        &experiments,
        SealOptions::default(),
    )
    .unwrap();
    let path = lake.0.path().join(&sealed[0].path);
    verify(&path).unwrap();
    assert_eq!(read_rows(&path), expected(&[part], "0"));
    let found = windows_of(&path);
    assert_eq!(found.len(), rows as usize);
    for (seq, found) in found {
        let largest = (seq as f64).max(5.0);
        let wanted = match seq {
            21 => [Some(2.0), None, None, None],
            28 => [None, None, Some(4.0), Some(3.0)],
            _ if seq % 7 > 0 => [None; 4],
            _ => [Some(3.0), Some(-1.0), Some(largest), Some((seq as f64 + 4.0) / 3.0)],
        };
        assert_eq!(found, wanted, "of point {seq}");
    }
}

#[test]
fn what_points_stand_for_follows_them_through_a_compaction() {
    let with = Part::new((0..90_000).map(|row| (0, row, 0, row as f64)));
    let without = Part {
        writer: 0xdef,
        first_seq: 1 << 20,
        ..Part::new((0..9000).map(|row| (0, row * 10, 1, row as f64)))
    };
    let mut columns = with.columns();
    columns.windows = (0..90_000)
        .step_by(3)
        .map(|seq| window(seq, &[seq as f64, -1.0], Keep::COUNT | Keep::MEAN))
        .collect();
    let lake = Lake::new();
    let parts = [(with.range(), columns), (without.range(), without.columns())];
    let paths = parts.map(|(range, columns)| {
        let options = SealOptions::default();
        let sealed = write(vec![columns], lake.0.path(), &[range], &experiments(), options).unwrap();
        PathBuf::from(&sealed[0].path)
    });
    let new = crate::compact(lake.0.path(), &paths, crate::CompactOptions::default()).unwrap();
    let path = lake.0.path().join(&new.path);
    assert_eq!(verify(&path).unwrap().rows, 99_000);
    let mut expected = windows_of(&lake.0.path().join(&paths[0]));
    expected.extend(windows_of(&lake.0.path().join(&paths[1])));
    assert_eq!(expected.values().filter(|values| values[0].is_some()).count(), 30_000);
    assert!(windows_of(&path) == expected);
}

#[test]
fn a_segment_has_columns_for_windows_only_where_it_has_windows() {
    let part = Part::new([(0, 0, 0, 1.0), (6, 0, 0, 2.0)]);
    let mut columns = part.columns();
    columns.windows = vec![window(1, &[1.0, 2.0], Keep::ALL)];
    let lake = Lake::new();
    let sealed = write(
        vec![columns],
        lake.0.path(),
        &[part.range()],
        &experiments(),
        SealOptions::default(),
    )
    .unwrap();
    let widths = sealed.iter().map(|segment| {
        let path = lake.0.path().join(&segment.path);
        verify(&path).unwrap();
        metadata(&path).file_metadata().schema_descr().num_columns()
    });
    assert_eq!(widths.collect::<Vec<_>>(), [7, 11]);
    assert_eq!(windows_of(&lake.0.path().join(&sealed[0].path))[&0], [None; 4]);
}

#[test]
fn points_that_stand_for_themselves_are_written_as_ever() {
    let part = Part::new((0..5000).map(|row| ((row % 3) as u32, row, row * 20, (row % 90) as f64 / 7.0)));
    let lake = Lake::new();
    let path = lake.seal_one(part);
    let file = fs::read(&path).unwrap();
    let groups = metadata(&path);
    let columns = groups.row_group(0).columns().iter();
    let range = |column: &parquet::file::metadata::ColumnChunkMetaData| {
        let (start, length) = column.byte_range();
        start as usize..(start + length) as usize
    };
    let crcs: Vec<u32> = columns.map(|column| crc32c::crc32c(&file[range(column)])).collect();
    assert_eq!(crcs, AS_EVER);
}

/// Checksums of the seven columns of a segment as they were before there were windows.
const AS_EVER: [u32; 7] = [
    3_646_578_528,
    3_642_910_023,
    1_683_814_098,
    3_473_266_966,
    3_529_881_806,
    1_425_754_240,
    1_683_814_098,
];

#[test]
fn a_segment_keeps_the_accounts_of_its_writers_and_of_runs_of_its_experiment() {
    let part = Part::new([(0, 0, 0, 1.0), (6, 0, 0, 2.0)]);
    let account = |writer, series, points| {
        let mut tally = Tally::default();
        (0..points).for_each(|_| tally.merge(part.points[0].1));
        Account {
            writer: WriterId(writer),
            entry: LedgerEntry {
                name: name(series),
                tally,
                pending: None,
            },
        }
    };
    let ledger = [
        account(0xabc, 0, 3),
        account(0xabc, 1, 0),
        account(0xabc, 7, 2),
        account(0xabc, 11, 2),
        account(0xdef, 0, 4),
    ];
    let lake = Lake::new();
    let options = SealOptions {
        ledger: &ledger,
        ..SealOptions::default()
    };
    let sealed = lake.seal(&[part], options).unwrap();
    let of = |segment: &Sealed| info(&lake.0.path().join(&segment.path)).unwrap().ledger;
    assert_eq!(of(&sealed[0]), [ledger[0].clone()]);
    assert_eq!(of(&sealed[1]), [ledger[2].clone()]);
    let silent = lake.seal_one(Part::new([(0, 0, 0, 1.0)]));
    let entries = metadata(&silent).file_metadata().key_value_metadata().cloned().unwrap();
    assert!(entries.iter().all(|entry| entry.key != "runlake.ledger"));
}
