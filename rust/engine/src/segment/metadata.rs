//! Key-value metadata of a segment: what a catalog needs to list it without reading a row.

use parquet::file::metadata::KeyValue;
use serde_json::{Value, json};

use super::JournalRange;
use super::accounts::Account;
use super::schema::FORMAT;

const PREFIX: &str = "runlake.";

/// What a segment says about itself.
///
/// All segments of one seal carry the same `seal_id`, `ranges` and `siblings`. The ranges are sealed when every
/// sibling is there (or a segment that replaces it): only together do they hold every point of them. A compacted segment
/// has a `seal_id` of its own and says in `seals` which seals its rows come from.
#[derive(Debug, Clone, PartialEq)]
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
    /// Ids of the segments whose rows it took over, and of those that these had taken over.
    pub replaces: Vec<String>,
    /// The seals that the rows come from, in the order of `ranges`; none where that is its own.
    pub seals: Vec<Seal>,
    /// What the writers of these ranges had not stored of runs of this experiment when it was made.
    pub ledger: Vec<Account>,
    /// Number of points.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// What a seal made of which journal ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// 32 hexadecimal digits.
    pub seal_id: String,
    /// Every segment of it, one an experiment.
    pub siblings: Vec<Sibling>,
    /// The ranges, not empty, which no other seal shares.
    pub ranges: Vec<JournalRange>,
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
    /// The seals that the rows come from.
    pub fn origins(&self) -> Vec<Seal> {
        if !self.seals.is_empty() {
            return self.seals.clone();
        }
        vec![Seal {
            seal_id: self.seal_id.clone(),
            siblings: self.siblings.clone(),
            ranges: self.ranges.clone(),
        }]
    }

    pub(super) fn to_key_values(&self) -> Vec<KeyValue> {
        let siblings: Vec<Value> = self.siblings.iter().map(Sibling::to_json).collect();
        let ranges: Vec<Value> = self.ranges.iter().map(range_to_json).collect();
        let seals: Vec<Value> = self.seals.iter().map(Seal::to_json).collect();
        let seals = (!seals.is_empty()).then(|| ("seals", Value::from(seals).to_string()));
        let ledger: Vec<Value> = self.ledger.iter().map(Account::to_json).collect();
        let ledger = (!ledger.is_empty()).then(|| ("ledger", Value::from(ledger).to_string()));
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
        .chain(seals)
        .chain(ledger)
        .map(|(name, value)| KeyValue::new(format!("{PREFIX}{name}"), value))
        .collect()
    }

    /// Reads the metadata; the error says which entry is wrong.
    pub(super) fn from_key_values(entries: &[KeyValue], rows: u64, bytes: u64) -> Result<Self, String> {
        let entries = Entries(entries);
        let ranges = entries.list("ranges", range_from_json)?;
        Ok(Self {
            format: entries.parse("format", |text| text.parse().ok())?,
            segment_id: entries.text("segment_id")?.to_owned(),
            experiment_id: entries.text("experiment_id")?.to_owned(),
            seal_id: entries.text("seal_id")?.to_owned(),
            siblings: entries.list("siblings", Sibling::from_json)?,
            replaces: entries.list("replaces", |id| id.as_str().map(str::to_owned))?,
            seals: entries.seals(&ranges)?,
            ranges,
            ledger: match entries.has("ledger") {
                true => entries.list("ledger", Account::from_json)?,
                false => Vec::new(),
            },
            rows,
            bytes,
        })
    }
}

impl Seal {
    /// Of the ranges only how many there are: they stand in the segment's own list.
    fn to_json(&self) -> Value {
        let siblings: Vec<Value> = self.siblings.iter().map(Sibling::to_json).collect();
        json!({"seal_id": self.seal_id, "siblings": siblings, "ranges": self.ranges.len()})
    }

    /// Takes its ranges from the front of `ranges`.
    fn from_json(value: &Value, ranges: &mut &[JournalRange]) -> Option<Self> {
        let count = usize::try_from(value.get("ranges")?.as_u64()?).ok()?;
        let (own, rest) = ranges.split_at_checked(count)?;
        *ranges = rest;
        let siblings = value.get("siblings")?.as_array()?.iter();
        Some(Self {
            seal_id: value.get("seal_id")?.as_str()?.to_owned(),
            siblings: siblings.map(Sibling::from_json).collect::<Option<_>>()?,
            ranges: own.to_vec(),
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
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|entry| entry.key.strip_prefix(PREFIX) == Some(name))
    }

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

    /// The seals of a compacted segment, which together have all of its ranges.
    fn seals(&self, ranges: &[JournalRange]) -> Result<Vec<Seal>, String> {
        if self.text("seals").is_err() {
            return Ok(Vec::new());
        }
        self.parse("seals", |text| {
            let mut ranges = ranges;
            let value: Value = serde_json::from_str(text).ok()?;
            let seals = value.as_array()?.iter().map(|seal| Seal::from_json(seal, &mut ranges));
            let seals = seals.collect::<Option<Vec<_>>>()?;
            (ranges.is_empty() && !seals.is_empty()).then_some(seals)
        })
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
            seals: Vec::new(),
            ledger: Vec::new(),
            rows: 3,
            bytes: 9,
        }
    }

    fn compacted() -> SegmentInfo {
        let range = |from| JournalRange {
            writer: WriterId(9),
            from,
            to: from + 1,
        };
        let seal = |number: u8, ranges| Seal {
            seal_id: format!("{number:02x}").repeat(16),
            siblings: example().siblings,
            ranges,
        };
        SegmentInfo {
            ranges: vec![range(0), range(1), range(2)],
            seals: vec![seal(1, vec![range(0), range(1)]), seal(2, vec![range(2)])],
            ..example()
        }
    }

    #[test]
    fn metadata_is_read_back_as_written() {
        for info in [example(), compacted()] {
            assert_eq!(
                SegmentInfo::from_key_values(&info.to_key_values(), 3, 9),
                Ok(info.clone())
            );
        }
    }

    #[test]
    fn a_missing_or_malformed_entry_is_named() {
        let mut entries = example().to_key_values();
        entries[5].value = Some("[{\"writer\": 1}]".into());
        let malformed = SegmentInfo::from_key_values(&entries, 3, 9).unwrap_err();
        assert!(malformed.contains("runlake.ranges"), "{malformed}");
        let mut entries = compacted().to_key_values();
        entries[5].value = Some("[]".into());
        let short = SegmentInfo::from_key_values(&entries, 3, 9).unwrap_err();
        assert!(short.contains("runlake.seals"), "{short}");
        let missing = SegmentInfo::from_key_values(&example().to_key_values()[1..], 3, 9).unwrap_err();
        assert!(missing.contains("runlake.format"), "{missing}");
    }
}
