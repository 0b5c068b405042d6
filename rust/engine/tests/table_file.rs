//! Table files: what was written comes back, and whatever was changed is found, never believed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray};
use runlake_engine::{Error, TableFile, TableFileWriter};

fn numbers(from: i64) -> RecordBatch {
    let steps = Int64Array::from_iter_values(from..from + 100);
    let values = Float64Array::from_iter((0..100).map(|n| (n % 7 != 0).then_some(f64::from(n))));
    RecordBatch::try_from_iter([("step", Arc::new(steps) as ArrayRef), ("value", Arc::new(values))]).unwrap()
}

fn texts() -> RecordBatch {
    let texts = StringViewArray::from_iter_values((0..50).map(|n| format!("a text that is longer than a view, {n}")));
    RecordBatch::try_from_iter([("value", Arc::new(texts) as ArrayRef)]).unwrap()
}

fn write(path: &Path) {
    let mut writer = TableFileWriter::create(path).unwrap();
    writer.add("metrics", "loss", &numbers(5)).unwrap();
    writer.add("metrics", "acc", &numbers(-5)).unwrap();
    writer.add("tags", "loss", &texts()).unwrap();
    writer.add("tags", "", &texts().slice(0, 0)).unwrap();
    writer.finish("{\"tx\": 7}").unwrap();
}

#[test]
fn tables_come_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.tables");
    write(&path);
    let file = TableFile::open(&path).unwrap();
    assert_eq!(file.metadata(), "{\"tx\": 7}");
    let listed: Vec<_> = file
        .entries()
        .iter()
        .map(|e| (e.section.as_str(), e.key.as_str(), e.rows))
        .collect();
    assert_eq!(
        listed,
        [
            ("metrics", "loss", 100),
            ("metrics", "acc", 100),
            ("tags", "loss", 50),
            ("tags", "", 0)
        ]
    );
    assert_eq!(file.table("metrics", "loss").unwrap(), Some(numbers(5)));
    assert_eq!(file.table("metrics", "acc").unwrap(), Some(numbers(-5)));
    assert_eq!(file.table("tags", "loss").unwrap(), Some(texts()));
    assert_eq!(file.table("tags", "").unwrap().unwrap().num_rows(), 0);
    assert_eq!(file.table("tags", "acc").unwrap(), None);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn a_table_cut_from_a_larger_one_takes_no_more_than_its_own_text() {
    let folder = tempfile::tempdir().unwrap();
    let all = StringViewArray::from_iter_values((0..10_000).map(|n| format!("a text that is longer than a view, {n}")));
    let all = RecordBatch::try_from_iter([("value", Arc::new(all) as ArrayRef)]).unwrap();
    let path = folder.path().join("cut.tables");
    let mut writer = TableFileWriter::create(&path).unwrap();
    writer.add("tags", "one", &all.slice(9_999, 1)).unwrap();
    writer.finish("").unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 4_096);
    assert_eq!(
        TableFile::open(&path).unwrap().table("tags", "one").unwrap(),
        Some(all.slice(9_999, 1))
    );
}

#[test]
fn what_was_handed_out_outlives_the_file_and_its_successor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.tables");
    write(&path);
    let file = TableFile::open(&path).unwrap();
    let table = file.table("tags", "loss").unwrap().unwrap();
    let mut writer = TableFileWriter::create(&path).unwrap();
    writer.add("tags", "other", &texts()).unwrap();
    writer.finish("new").unwrap();
    assert_eq!(file.table("metrics", "loss").unwrap(), Some(numbers(5)));
    drop(file);
    fs::remove_file(&path).unwrap();
    assert_eq!(table, texts());
}

#[test]
fn a_file_that_is_not_finished_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = TableFileWriter::create(&folder.path().join("runs.tables")).unwrap();
    writer.add("metrics", "loss", &numbers(0)).unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Everything that a file holds, or the first thing that is wrong with it.
fn read_all(path: &Path) -> Result<Vec<RecordBatch>, Error> {
    let file = TableFile::open(path)?;
    let tables = file.entries().iter().map(|e| file.table(&e.section, &e.key));
    tables.map(|table| Ok(table?.unwrap())).collect()
}

#[test]
fn no_prefix_of_a_file_is_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.tables");
    write(&path);
    let whole = fs::read(&path).unwrap();
    for len in (0..whole.len()).step_by(13).chain([whole.len() - 1]) {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(
            matches!(read_all(&path), Err(Error::Damaged { .. })),
            "cut to {len} bytes"
        );
    }
}

#[test]
fn a_changed_byte_is_found_or_is_of_no_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.tables");
    write(&path);
    let whole = fs::read(&path).unwrap();
    let right = read_all(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x5a;
        fs::write(&path, &changed).unwrap();
        match read_all(&path) {
            Err(Error::Damaged { .. }) => {}
            Ok(read) => assert_eq!(read, right, "byte {at}"), // between two tables
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_of_the_disk() {
    assert!(matches!(
        TableFile::open(Path::new("/nowhere/runs.tables")),
        Err(Error::Io { .. })
    ));
}
