//! Choice of series: by run id, by key, or by both.

use std::collections::HashSet;

use super::read::{RowGroup, TextBounds};

/// Wanted runs and keys, prepared for many questions.
pub(crate) struct Choice<'a> {
    runs: Option<Names<'a>>,
    keys: Option<Names<'a>>,
}

struct Names<'a> {
    set: HashSet<&'a str>,
    sorted: Vec<&'a [u8]>,
}

impl<'a> Choice<'a> {
    /// A choice of runs and keys; None is all.
    pub(crate) fn new(runs: Option<&'a [String]>, keys: Option<&'a [String]>) -> Self {
        Self {
            runs: runs.map(Names::of),
            keys: keys.map(Names::of),
        }
    }

    /// Whether a series is wanted.
    pub(crate) fn has(&self, run_id: &str, key: &str) -> bool {
        let has = |names: &Option<Names<'_>>, name| names.as_ref().is_none_or(|names| names.set.contains(name));
        has(&self.keys, key) && has(&self.runs, run_id)
    }

    /// Whether a row group may have rows of a wanted series, by what the footer says.
    pub(crate) fn meets(&self, group: &RowGroup<'_>) -> bool {
        let meets = |names: &Option<Names<'_>>, bounds: Option<TextBounds<'_>>| match (names, bounds) {
            (Some(names), Some(bounds)) => names.meet(&bounds),
            _ => true,
        };
        group.rows > 0 && meets(&self.runs, group.run_ids()) && meets(&self.keys, group.keys())
    }
}

impl<'a> Names<'a> {
    fn of(names: &'a [String]) -> Self {
        let mut sorted: Vec<_> = names.iter().map(String::as_bytes).collect();
        sorted.sort_unstable();
        Self {
            set: names.iter().map(String::as_str).collect(),
            sorted,
        }
    }

    /// Whether one of the names may be within bounds.
    fn meet(&self, bounds: &TextBounds<'_>) -> bool {
        let first = self.sorted.partition_point(|name| *name < bounds.min);
        self.sorted.get(first).is_some_and(|name| *name <= bounds.max)
    }
}
