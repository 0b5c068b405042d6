//! Accounts: ledger entries as the JSON of a segment's metadata.
//!
//! Values are texts, since JSON has neither NaN nor infinities; they are read back bit for bit, but for what a NaN carries.

use serde_json::{Value, json};

use crate::ledger::{LedgerEntry, Stretch, Tally};
use crate::summary::Totals;
use crate::types::{DropReason, Point, SeriesName, WriterId};

/// What a writer has not stored of one series, as of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Whose count it is.
    pub writer: WriterId,
    /// The count, without a pending point.
    pub entry: LedgerEntry,
}

impl Account {
    pub(super) fn to_json(&self) -> Value {
        let LedgerEntry { name, tally, .. } = &self.entry;
        json!({
            "writer": self.writer.to_string(),
            "run_id": &*name.run_id,
            "key": &*name.key,
            "merged": tally.merged,
            "dropped": dropped_to_json(tally),
            "stretches": tally.stretches.iter().map(stretch_to_json).collect::<Vec<_>>(),
            "summary": tally.totals.as_ref().map(totals_to_json),
        })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let text = |name| value.get(name)?.as_str();
        let stretches = value.get("stretches")?.as_array()?.iter().map(stretch_from_json);
        let tally = Tally {
            merged: value.get("merged")?.as_u64()?,
            dropped: dropped_from_json(value.get("dropped")?)?,
            stretches: stretches.collect::<Option<_>>()?,
            totals: match value.get("summary")? {
                Value::Null => None,
                totals => Some(totals_from_json(totals)?),
            },
        };
        let name = SeriesName {
            run_id: text("run_id")?.into(),
            key: text("key")?.into(),
        };
        Some(Self {
            writer: text("writer")?.parse().ok()?,
            entry: LedgerEntry {
                name,
                tally,
                pending: None,
            },
        })
    }
}

fn dropped_to_json(tally: &Tally) -> Value {
    let counts = DropReason::ALL.iter().zip(tally.dropped);
    let some = counts.filter(|(_, count)| *count > 0);
    Value::Object(
        some.map(|(reason, count)| (reason.name().to_owned(), count.into()))
            .collect(),
    )
}

fn dropped_from_json(value: &Value) -> Option<[u64; 4]> {
    let mut dropped = [0; 4];
    for (name, count) in value.as_object()? {
        dropped[reason(name)?.index()] = count.as_u64()?;
    }
    Some(dropped)
}

fn reason(name: &str) -> Option<DropReason> {
    DropReason::ALL.into_iter().find(|reason| reason.name() == name)
}

fn stretch_to_json(stretch: &Stretch) -> Value {
    json!([
        stretch.reason.name(),
        stretch.count,
        stretch.first_step,
        stretch.last_step
    ])
}

fn stretch_from_json(value: &Value) -> Option<Stretch> {
    Some(Stretch {
        reason: reason(value.get(0)?.as_str()?)?,
        count: value.get(1)?.as_u64()?,
        first_step: value.get(2)?.as_i64()?,
        last_step: value.get(3)?.as_i64()?,
    })
}

fn totals_to_json(totals: &Totals) -> Value {
    json!({
        "count": totals.count,
        "nan_count": totals.nan_count,
        "first": point_to_json(&totals.first),
        "last": point_to_json(&totals.last),
        "min": extreme_to_json(totals.min, totals.min_step),
        "max": extreme_to_json(totals.max, totals.max_step),
        "sum": double_to_json(totals.sum),
        "max_timestamp": totals.max_timestamp_ms,
    })
}

fn totals_from_json(value: &Value) -> Option<Totals> {
    let number = |name| value.get(name)?.as_u64();
    let extreme = |name| {
        let extreme: &Value = value.get(name)?;
        Some((double_from_json(extreme.get(0)?)?, extreme.get(1)?.as_i64()?))
    };
    let ((min, min_step), (max, max_step)) = (extreme("min")?, extreme("max")?);
    Some(Totals {
        count: number("count")?,
        nan_count: number("nan_count")?,
        first: point_from_json(value.get("first")?)?,
        last: point_from_json(value.get("last")?)?,
        min,
        min_step,
        max,
        max_step,
        sum: double_from_json(value.get("sum")?)?,
        max_timestamp_ms: value.get("max_timestamp")?.as_i64()?,
    })
}

fn extreme_to_json(value: f64, step: i64) -> Value {
    json!([double_to_json(value), step])
}

fn point_to_json(point: &Point) -> Value {
    json!([point.step, point.timestamp_ms, double_to_json(point.value)])
}

fn point_from_json(value: &Value) -> Option<Point> {
    Some(Point {
        step: value.get(0)?.as_i64()?,
        timestamp_ms: value.get(1)?.as_i64()?,
        value: double_from_json(value.get(2)?)?,
    })
}

/// The shortest text that is read as this double.
fn double_to_json(value: f64) -> Value {
    Value::String(format!("{value:?}"))
}

fn double_from_json(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn account() -> Account {
        let mut tally = Tally::default();
        let values = [-0.0, f64::NAN, f64::NEG_INFINITY, 5e-324, 0.1 + 0.2];
        for (value, step) in values.into_iter().zip(i64::MIN..) {
            let point = Point {
                step,
                timestamp_ms: i64::MAX,
                value,
            };
            tally.merge(point);
            tally.drop(DropReason::Late, point, false);
        }
        let name = SeriesName {
            run_id: "a \"run\"".into(),
            key: "grad/é".into(),
        };
        Account {
            writer: WriterId(77),
            entry: LedgerEntry {
                name,
                tally,
                pending: None,
            },
        }
    }

    #[test]
    fn accounts_are_read_back_as_written() {
        let shown = |account: &Account| format!("{account:?}");
        let read = |account: &Account| Account::from_json(&account.to_json()).unwrap();
        assert_eq!(shown(&read(&account())), shown(&account()));
        let mut unknown = account();
        unknown.entry.tally.totals = None;
        assert_eq!(read(&unknown), unknown);
    }

    #[test]
    fn a_reason_that_nobody_knows_is_an_error() {
        let mut value = account().to_json();
        value["dropped"] = Value::Object(Map::from_iter([("boredom".to_owned(), 1.into())]));
        assert_eq!(Account::from_json(&value), None);
    }
}
