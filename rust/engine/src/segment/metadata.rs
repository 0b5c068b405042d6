//! Key-value metadata of a segment: what a catalog needs to list it without reading a row.

use parquet::file::metadata::KeyValue;
use serde_json::{Value, json};

use super::JournalRange;
use super::schema::FORMAT;

const PREFIX: &str = "runlake.";

/// What a segment says about itself.
///
/// All segments of one seal carry the same `seal_id`, `ranges` and `siblings`. The ranges are sealed when every
/// sibling is there (or a segment that replaces it): only together do they hold every point of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Version of the format.
    pub format: u32,
    /// 32 hexadecimal digits; also the name of the file.
    pub segment_id: String,
    /// The experiment whose points these are.
    pub experiment_id: String,
    /// The seal that made it, 32 hexadecimal digits.
    pub seal_id: String,
    /// Every segment of that seal, itself included.
    pub siblings: Vec<Sibling>,
    /// The journal ranges of that seal; a point of them is in this segment or in a sibling.
    pub ranges: Vec<JournalRange>,
    /// Ids of the segments whose rows it took over.
    pub replaces: Vec<String>,
    /// Number of points.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// One segment of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// Its id.
    pub segment_id: String,
    /// Its experiment.
    pub experiment_id: String,
    /// Number of points.
    pub rows: u64,
}

impl SegmentInfo {
    pub(super) fn to_key_values(&self) -> Vec<KeyValue> {
        let siblings: Vec<Value> = self.siblings.iter().map(Sibling::to_json).collect();
        let ranges: Vec<Value> = self.ranges.iter().map(range_to_json).collect();
        [
            ("format", FORMAT.to_string()),
            ("segment_id", self.segment_id.clone()),
            ("experiment_id", self.experiment_id.clone()),
            ("seal_id", self.seal_id.clone()),
            ("siblings", Value::from(siblings).to_string()),
            ("ranges", Value::from(ranges).to_string()),
            ("replaces", json!(self.replaces).to_string()),
        ]
        .into_iter()
        .map(|(name, value)| KeyValue::new(format!("{PREFIX}{name}"), value))
        .collect()
    }

    /// Reads the metadata; the error says which entry is wrong.
    pub(super) fn from_key_values(entries: &[KeyValue], rows: u64, bytes: u64) -> Result<Self, String> {
        let entries = Entries(entries);
        Ok(Self {
            format: entries.parse("format", |text| text.parse().ok())?,
            segment_id: entries.text("segment_id")?.to_owned(),
            experiment_id: entries.text("experiment_id")?.to_owned(),
            seal_id: entries.text("seal_id")?.to_owned(),
            siblings: entries.list("siblings", Sibling::from_json)?,
            ranges: entries.list("ranges", range_from_json)?,
            replaces: entries.list("replaces", |id| id.as_str().map(str::to_owned))?,
            rows,
            bytes,
        })
    }
}

impl Sibling {
    fn to_json(&self) -> Value {
        json!({"segment_id": self.segment_id, "experiment_id": self.experiment_id, "rows": self.rows})
    }

    fn from_json(value: &Value) -> Option<Self> {
        Some(Self {
            segment_id: value.get("segment_id")?.as_str()?.to_owned(),
            experiment_id: value.get("experiment_id")?.as_str()?.to_owned(),
            rows: value.get("rows")?.as_u64()?,
        })
    }
}

fn range_to_json(range: &JournalRange) -> Value {
    json!({"writer": range.writer.to_string(), "from": range.from, "to": range.to})
}

fn range_from_json(value: &Value) -> Option<JournalRange> {
    Some(JournalRange {
        writer: value.get("writer")?.as_str()?.parse().ok()?,
        from: value.get("from")?.as_u64()?,
        to: value.get("to")?.as_u64()?,
    })
}

struct Entries<'a>(&'a [KeyValue]);

impl<'a> Entries<'a> {
    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.0
            .iter()
            .find(|entry| entry.key.strip_prefix(PREFIX) == Some(name))
            .and_then(|entry| entry.value.as_deref())
            .ok_or_else(|| format!("it has no metadata entry {PREFIX}{name}"))
    }

    fn parse<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let text = self.text(name)?;
        parse(text).ok_or_else(|| format!("its metadata entry {PREFIX}{name} is malformed: {text}"))
    }

    fn list<T>(&self, name: &str, item: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, String> {
        self.parse(name, |text| {
            let value: Value = serde_json::from_str(text).ok()?;
            value.as_array()?.iter().map(&item).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::WriterId;

    fn example() -> SegmentInfo {
        SegmentInfo {
            format: FORMAT,
            segment_id: "0a".repeat(16),
            experiment_id: "7 \"quoted\"".into(),
            seal_id: "0b".repeat(16),
            siblings: vec![Sibling {
                segment_id: "0a".repeat(16),
                experiment_id: "7".into(),
                rows: u64::MAX,
            }],
            ranges: vec![JournalRange {
                writer: WriterId(5),
                from: 0,
                to: u64::MAX,
            }],
            replaces: vec!["0c".repeat(16)],
            rows: 3,
            bytes: 9,
        }
    }

    #[test]
    fn metadata_is_read_back_as_written() {
        let info = example();
        assert_eq!(SegmentInfo::from_key_values(&info.to_key_values(), 3, 9), Ok(info));
    }

    #[test]
    fn a_missing_or_malformed_entry_is_named() {
        let mut entries = example().to_key_values();
        entries[5].value = Some("[{\"writer\": 1}]".into());
        let malformed = SegmentInfo::from_key_values(&entries, 3, 9).unwrap_err();
        assert!(malformed.contains("runlake.ranges"), "{malformed}");
        let missing = SegmentInfo::from_key_values(&entries[1..], 3, 9).unwrap_err();
        assert!(missing.contains("runlake.format"), "{missing}");
    }
}
