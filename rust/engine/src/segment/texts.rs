//! Columns of texts, read as runs of rows that are equal, so that nothing is made for a row.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::Result as ParquetResult;

use crate::types::SeriesName;

/// A text, and how many rows hold it.
pub(crate) type TextRun = (Arc<str>, usize);

/// Rows of one series within a row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeriesRows {
    pub(crate) name: SeriesName,
    pub(crate) rows: Range<usize>,
}

/// Reads pages that hold nothing but a dictionary and runs of its entries, as `strings.rs` writes them. None where they
/// hold anything else.
pub(super) fn runs_of_pages(pages: &mut impl PageReader) -> ParquetResult<Option<Vec<TextRun>>> {
    let (mut texts, mut runs) = (Vec::new(), Vec::new());
    while let Some(page) = pages.get_next_page()? {
        let known = match page {
            Page::DictionaryPage { buf, num_values, .. } => {
                dictionary(&buf, num_values as usize).map(|found| texts = found)
            }
            Page::DataPage {
                buf,
                num_values,
                encoding: Encoding::RLE_DICTIONARY,
                ..
            } => runs_of_page(&buf, num_values as usize, &texts).map(|found| runs.extend(found)),
            _ => None,
        };
        if known.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(runs))
}

/// The entries of a PLAIN dictionary page: each text behind its length in four bytes.
fn dictionary(mut page: &[u8], entries: usize) -> Option<Vec<Arc<str>>> {
    let mut texts = Vec::new();
    for _ in 0..entries {
        let (length, rest) = page.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(std::str::from_utf8(text).ok()?.into());
        page = rest;
    }
    Some(texts)
}

/// Source: Parquet's "Run Length Encoding / Bit-Packing Hybrid"; an even header is a run.
fn runs_of_page(page: &Bytes, rows: usize, texts: &[Arc<str>]) -> Option<Vec<TextRun>> {
    let (bits, mut rest) = page.split_first()?;
    let width = usize::from(*bits).div_ceil(8);
    let mut left = rows;
    let mut runs = Vec::new();
    while left > 0 {
        let header = take_varint(&mut rest)?;
        let count = usize::try_from(header >> 1).ok()?;
        if header & 1 == 1 || count == 0 || count > left || width > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(width)?;
        let mut index = [0; 4];
        index[..width].copy_from_slice(bytes);
        runs.push((texts.get(u32::from_le_bytes(index) as usize)?.clone(), count));
        (rest, left) = (after, left - count);
    }
    Some(runs)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Adds the runs of a column of dictionary-encoded texts. None where it is something else.
pub(super) fn push_runs_of_batch(batch: &RecordBatch, runs: &mut Vec<TextRun>) -> Option<()> {
    let column = batch.column(0).as_dictionary_opt::<Int32Type>()?;
    let texts = column.values().as_string_opt::<i32>()?;
    if column.null_count() > 0 || texts.null_count() > 0 {
        return None;
    }
    let texts: Vec<Arc<str>> = texts.iter().flatten().map(Arc::from).collect();
    let same = column.keys().values().chunk_by(|a, b| a == b);
    runs.extend(same.map(|rows| (texts[rows[0] as usize].clone(), rows.len())));
    Some(())
}

/// The wanted series, from the runs of both columns of names, which are equally long.
pub(super) fn series(run_ids: &[TextRun], keys: &[TextRun], wanted: impl Fn(&str, &str) -> bool) -> Vec<SeriesRows> {
    let mut keys = keys.iter().cloned();
    let (mut key, mut of_key) = Default::default();
    let mut found: Vec<SeriesRows> = Vec::new();
    let mut start = 0;
    for (run_id, rows) in run_ids {
        let end = start + rows;
        while start < end {
            while of_key == 0 {
                let Some(next) = keys.next() else {
                    return found;
                };
                (key, of_key) = next;
            }
            let count = of_key.min(end - start);
            if wanted(run_id, &key) {
                push(&mut found, run_id, &key, start..start + count);
            }
            of_key -= count;
            start += count;
        }
    }
    found
}

/// Adds rows, to the series before if they go on with it.
fn push(found: &mut Vec<SeriesRows>, run_id: &Arc<str>, key: &Arc<str>, rows: Range<usize>) {
    if let Some(last) = found.last_mut()
        && last.rows.end == rows.start
        && last.name.run_id == *run_id
        && last.name.key == *key
    {
        last.rows.end = rows.end;
        return;
    }
    let name = SeriesName {
        run_id: run_id.clone(),
        key: key.clone(),
    };
    found.push(SeriesRows { name, rows });
}

/// The runs of some rows, which ascend.
pub(super) fn sliced(runs: Vec<TextRun>, rows: &[Range<usize>]) -> Vec<TextRun> {
    let mut start = 0;
    let mut wanted = rows.iter().peekable();
    let mut found = Vec::new();
    for (text, count) in runs {
        let end = start + count;
        while let Some(rows) = wanted.peek()
            && rows.start < end
        {
            let own = rows.start.max(start)..rows.end.min(end);
            if !own.is_empty() {
                found.push((text.clone(), own.len()));
            }
            if rows.end > end {
                break;
            }
            wanted.next();
        }
        start = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(runs: &[(&str, usize)]) -> Vec<TextRun> {
        runs.iter().map(|(text, rows)| ((*text).into(), *rows)).collect()
    }

    #[test]
    fn series_end_where_either_name_changes() {
        let (run_ids, keys) = (
            runs(&[("a", 5), ("b", 4)]),
            runs(&[("k", 2), ("l", 5), ("k", 1), ("k", 1)]),
        );
        let found = |wanted: fn(&str, &str) -> bool| -> Vec<(String, Range<usize>)> {
            let found = series(&run_ids, &keys, wanted).into_iter();
            found
                .map(|s| (format!("{}{}", s.name.run_id, s.name.key), s.rows))
                .collect()
        };
        let all = [("ak", 0..2), ("al", 2..5), ("bl", 5..7), ("bk", 7..9)];
        assert_eq!(
            found(|_, _| true),
            all.clone().map(|(name, rows)| (name.to_owned(), rows))
        );
        assert_eq!(
            found(|_, key| key == "k"),
            [("ak".to_owned(), 0..2), ("bk".to_owned(), 7..9)]
        );
    }

    #[test]
    fn runs_are_cut_to_the_rows_that_are_wanted() {
        let all = runs(&[("a", 5), ("b", 4), ("c", 1)]);
        assert_eq!(
            sliced(all.clone(), &[0..4, 4..10]),
            [&runs(&[("a", 4), ("a", 1)])[..], &all[1..]].concat()
        );
        assert_eq!(
            sliced(all.clone(), &[1..2, 3..6, 9..10]),
            runs(&[("a", 1), ("a", 2), ("b", 1), ("c", 1)])
        );
        assert_eq!(sliced(all, &[]), []);
    }

    #[test]
    fn pages_that_are_no_runs_are_left_to_the_library() {
        let texts = [Arc::from("a"), Arc::from("b")];
        let page = |bytes: &[u8], rows| runs_of_page(&Bytes::copy_from_slice(bytes), rows, &texts);
        assert_eq!(page(&[1, 6, 0, 0x88, 0x01, 1], 71), Some(runs(&[("a", 3), ("b", 68)])));
        for (bad, rows) in [
            (&[1, 6, 0][..], 4),   // ends too early
            (&[1, 6, 2], 3),       // no such entry
            (&[1, 3, 0b1010], 8),  // bit-packed
            (&[1, 6, 0], 2),       // too many rows
            (&[1, 0, 0, 6, 0], 3), // a run without rows
            (&[64, 6, 0], 3),      // wider than any index
            (&[1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0], 3),
            (&[], 1),
        ] {
            assert_eq!(page(bad, rows), None, "{bad:?}");
        }
        assert_eq!(
            dictionary(&[1, 0, 0, 0, b'a', 0, 0, 0, 0], 2),
            Some(vec!["a".into(), "".into()])
        );
        for bad in [&[2, 0, 0, 0, b'a'][..], &[1, 0, 0], &[1, 0, 0, 0, 0xFF]] {
            assert_eq!(dictionary(bad, 1), None, "{bad:?}");
        }
    }
}
