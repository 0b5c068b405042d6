//! Compactions of segments that were sealed from journals, read back as any reader would.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::points::{PointsRequest, read_points};
use crate::seal::{SealOptions, seal};
use crate::segment::{Column, JournalRange, verify};
use crate::tail::Selection;
use crate::types::Point;
use crate::writer::Writer;

/// A row: run, key, step, time, bits of the value, writer, seq.
type Row = (String, String, i64, i64, u64, String, i64);

/// Journals and segments in a folder, and what a catalog would list.
struct Lake {
    folder: tempfile::TempDir,
    listed: Vec<Sealed>,
}

/// Run `r` is of experiment `r % 2`.
fn experiments() -> HashMap<String, String> {
    (0..6).map(|run| (format!("run{run}"), (run % 2).to_string())).collect()
}

impl Lake {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["journals", "segments"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            listed: Vec::new(),
        }
    }

    fn segments(&self) -> PathBuf {
        self.folder.path().join("segments")
    }

    /// Logs points with a writer of its own and seals them, `piece` points at a time.
    fn log(&mut self, points: &[(u8, u8, Point)], piece: usize) {
        let journals = self.folder.path().join("journals");
        let config = Config {
            sync_interval: Duration::from_secs(3600),
            ..Config::default()
        };
        let writer = Writer::open(&journals, 7, config).unwrap();
        for (run, key, point) in points {
            let series = writer.series(&format!("run{run}"), &format!("key{key}")).unwrap();
            writer.append(series, *point).unwrap();
        }
        for from in (0..points.len()).step_by(piece) {
            let range = JournalRange {
                writer: writer.id(),
                from: from as u64,
                to: (from + piece).min(points.len()) as u64,
            };
            let sealed = seal(
                &journals,
                &self.segments(),
                &[range],
                &experiments(),
                SealOptions::default(),
            );
            self.listed.extend(sealed.unwrap());
        }
    }

    fn inputs(&self, experiment: &str) -> Vec<PathBuf> {
        let of = self.listed.iter().filter(|sealed| sealed.experiment_id == experiment);
        of.map(|sealed| PathBuf::from(&sealed.path)).collect()
    }

    /// Compacts some of what is listed, and lists the result in its place.
    fn compact(&mut self, inputs: &[PathBuf]) -> Sealed {
        let new = compact(&self.segments(), inputs, CompactOptions::default()).unwrap();
        self.listed.retain(|old| !inputs.contains(&PathBuf::from(&old.path)));
        self.listed.push(new.clone());
        new
    }

    fn rows(&self, paths: &[PathBuf]) -> Vec<Row> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| self.segments().join(path)).collect();
        rows_of(&paths)
    }

    /// All segments in the folder, the temporary ones left out.
    fn files(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.segments()).unwrap();
        let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
        let paths = files.map(|file| file.unwrap().path());
        paths.filter(|path| path.extension().unwrap() != "tmp").collect()
    }

    fn temporaries(&self) -> usize {
        let folders = fs::read_dir(self.segments()).unwrap();
        let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
        files.count() - self.files().len()
    }
}

fn rows_of(paths: &[PathBuf]) -> Vec<Row> {
    let request = PointsRequest {
        select: Selection::default(),
        steps: i64::MIN..=i64::MAX,
        timestamps: i64::MIN..=i64::MAX,
        columns: Column::ALL.to_vec(),
    };
    let (_, batches) = read_points(paths, &request, &|| true).unwrap();
    let mut rows = Vec::new();
    for batch in batches {
        let text = |column: usize, row| batch.column(column).as_string_view().value(row).to_owned();
        let integer = |column: usize, row| batch.column(column).as_primitive::<Int64Type>().value(row);
        let bits = |row| batch.column(4).as_primitive::<Float64Type>().value(row).to_bits();
        rows.extend((0..batch.num_rows()).map(|row| {
            let name = (text(0, row), text(1, row));
            (
                name.0,
                name.1,
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

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

fn point(step: i64) -> Point {
    Point {
        step,
        timestamp_ms: 1000 + step,
        value: step as f64 / 8.0,
    }
}

/// Two writers whose points go to both experiments, each sealed in three pieces.
fn lake() -> Lake {
    let mut lake = Lake::new();
    let points: Vec<_> = (0..60).map(|n| (n % 6, n % 5, point(i64::from(n)))).collect();
    lake.log(&points, 20);
    lake.log(&points, 20);
    lake
}

fn points() -> impl Strategy<Value = Vec<(u8, u8, Point)>> {
    let value = prop_oneof![any::<u64>().prop_map(f64::from_bits), (0..9u8).prop_map(f64::from)];
    let step = prop_oneof![any::<i64>(), 0..20i64];
    let point = (0..6u8, 0..3u8, step, 0..4i64, value).prop_map(|(run, key, step, timestamp_ms, value)| {
        let point = Point {
            step,
            timestamp_ms,
            value,
        };
        (run, key, point)
    });
    prop::collection::vec(point, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_compacted_segment_has_the_rows_of_its_inputs_in_order(
        writers in prop::collection::vec((points(), 5..40usize), 1..4),
        drop in prop::option::of(0..6u8),
    ) {
        let mut lake = Lake::new();
        for (points, piece) in &writers {
            lake.log(points, *piece);
        }
        for experiment in ["0", "1"] {
            let inputs = lake.inputs(experiment);
            if inputs.is_empty() {
                continue;
            }
            let dropped: HashSet<String> = drop.iter().map(|run| format!("run{run}")).collect();
            let options = CompactOptions { drop_runs: Some(&dropped), ..CompactOptions::default() };
            let new = compact(&lake.segments(), &inputs, options).unwrap();
            let info = verify(&lake.segments().join(&new.path)).unwrap();
            let rows = lake.rows(&[PathBuf::from(&new.path)]);
            let mut expected = lake.rows(&inputs);
            expected.retain(|row| !dropped.contains(&row.0));
            prop_assert_eq!(sorted(rows.clone()), sorted(expected));
            prop_assert_eq!(new.rows, rows.len() as u64);
            prop_assert_eq!((info.rows, info.bytes), (new.rows, new.bytes));
            let counted: u64 = new.runs.iter().map(|(_, rows)| rows).sum();
            prop_assert_eq!(counted, new.rows);
            if let Some((low, high)) = rows.iter().map(|row| row.2).min().zip(rows.iter().map(|row| row.2).max()) {
                prop_assert_eq!((new.min_step, new.max_step), (low, high));
            }
        }
    }
}

#[test]
fn series_longer_than_a_block_pass_in_stretches() {
    let mut lake = Lake::new();
    let long: Vec<_> = (0..700_000).map(|n| (0, 0, point(n / 2))).collect();
    lake.log(&long, 300_000);
    lake.log(&long[..200_000], 200_000);
    let inputs = lake.inputs("0");
    let told = RefCell::new(Vec::new());
    let progress = |rows| {
        told.borrow_mut().push(rows);
        true
    };
    let options = CompactOptions {
        progress: Some(&progress),
        ..CompactOptions::default()
    };
    let new = compact(&lake.segments(), &inputs, options).unwrap();
    assert_eq!(verify(&lake.segments().join(&new.path)).unwrap().rows, 900_000);
    assert_eq!(
        sorted(lake.rows(&[PathBuf::from(&new.path)])),
        sorted(lake.rows(&inputs))
    );
    assert_eq!(told.borrow().last(), Some(&900_000));
}

#[test]
fn a_compacted_segment_is_compacted_again_and_names_all_that_it_replaces() {
    let mut lake = lake();
    let inputs = lake.inputs("0");
    let first = lake.compact(&inputs[..2]);
    let both = lake.compact(&[PathBuf::from(&first.path), inputs[2].clone()]);
    let info = verify(&lake.segments().join(&both.path)).unwrap();
    let ids = |paths: &[PathBuf]| -> BTreeSet<String> {
        let stems = paths
            .iter()
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        stems.collect()
    };
    let mut expected = ids(&inputs[..3]);
    expected.insert(first.segment_id);
    assert_eq!(info.replaces.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(info.seals.len(), 3);
    assert_eq!(info.ranges.len(), 3);
}

#[test]
fn a_segment_whose_runs_are_all_left_out_stays_as_one_without_rows() {
    let lake = lake();
    let inputs = lake.inputs("1");
    let all: HashSet<String> = experiments().into_keys().collect();
    let options = CompactOptions {
        drop_runs: Some(&all),
        ..CompactOptions::default()
    };
    let new = compact(&lake.segments(), &inputs, options).unwrap();
    let info = verify(&lake.segments().join(&new.path)).unwrap();
    assert_eq!((info.rows, info.seals.len(), new.runs), (0, inputs.len(), vec![]));
    assert_eq!(lake.rows(&[PathBuf::from(&new.path)]), []);
}

#[test]
fn inputs_that_do_not_go_together_or_are_damaged_are_refused() {
    let lake = lake();
    let (zero, one) = (lake.inputs("0"), lake.inputs("1"));
    let refused = |inputs: &[PathBuf]| compact(&lake.segments(), inputs, CompactOptions::default()).unwrap_err();
    let twice = [zero[0].clone(), zero[0].clone()];
    for inputs in [&[][..], &[zero[0].clone(), one[0].clone()], &twice] {
        assert!(matches!(refused(inputs), Error::Uncompactable { .. }), "{inputs:?}");
    }
    let path = lake.segments().join(&zero[1]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(refused(&zero), Error::Damaged { .. }));
    fs::remove_file(&path).unwrap();
    match refused(&zero) {
        Error::Io { source, .. } => assert_eq!(source.kind(), std::io::ErrorKind::NotFound),
        other => panic!("{other}"),
    }
    assert_eq!(lake.temporaries(), 0);
}

#[test]
fn work_that_is_stopped_leaves_nothing_behind() {
    let lake = lake();
    let asked = Cell::new(0);
    let progress = |_| {
        asked.set(asked.get() + 1);
        asked.get() < 4
    };
    let options = CompactOptions {
        progress: Some(&progress),
        ..CompactOptions::default()
    };
    let files = lake.files().len();
    let stopped = compact(&lake.segments(), &lake.inputs("0"), options);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    assert_eq!((lake.files().len(), lake.temporaries()), (files, 0));
}
