//! Series table of a writer: a number for every (run, key).

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::error::{Error, Result};
use crate::types::{MAX_KEY_BYTES, MAX_RUN_BYTES, MAX_SERIES, SeriesId, SeriesName};

/// Names by number, and numbers by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_number: Vec<SeriesName>,
    by_name: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Names {
    /// The numbers that a journal gave. One without a name, whose definition is gone, stays nobody's.
    pub(super) fn given(names: Vec<Option<SeriesName>>) -> Self {
        let mut given = Self::default();
        for (number, name) in (0..).zip(names) {
            let known = name.is_some();
            let name = name.unwrap_or_else(|| SeriesName {
                run_id: "".into(),
                key: "".into(),
            });
            given.by_number.push(name);
            if known {
                given.enter(number);
            }
        }
        given
    }

    /// Lets a name be found that has its number.
    fn enter(&mut self, number: u32) {
        let (names, hasher) = (&self.by_number, &self.hasher);
        let hash = |n: &u32| hasher.hash_one((&*names[*n as usize].run_id, &*names[*n as usize].key));
        self.by_name.insert_unique(hash(&number), number, hash);
    }

    /// The number of a series, given at its first use.
    pub(super) fn intern(&mut self, run_id: &str, key: &str) -> Result<SeriesId> {
        let hash = self.hasher.hash_one((run_id, key));
        let names = &self.by_number;
        let same = |n: &u32| *names[*n as usize].run_id == *run_id && *names[*n as usize].key == *key;
        if let Some(number) = self.by_name.find(hash, same) {
            return Ok(SeriesId(*number));
        }
        limit("a run id", run_id, MAX_RUN_BYTES)?;
        limit("a metric key", key, MAX_KEY_BYTES)?;
        let number = self.by_number.len() as u32;
        if number >= MAX_SERIES {
            return Err(Error::TooManySeries);
        }
        let name = SeriesName {
            run_id: self.shared_run_id(run_id),
            key: key.into(),
        };
        self.by_number.push(name);
        self.enter(number);
        Ok(SeriesId(number))
    }

    /// How many there are; their numbers are those below.
    pub(super) fn len(&self) -> u32 {
        self.by_number.len() as u32
    }

    /// What a number stands for.
    pub(super) fn get(&self, series: SeriesId) -> Result<&SeriesName> {
        self.by_number
            .get(series.0 as usize)
            .ok_or(Error::UnknownSeries(series.0))
    }

    /// Series of one run usually come one after the other.
    fn shared_run_id(&self, run_id: &str) -> Arc<str> {
        match self.by_number.last() {
            Some(last) if *last.run_id == *run_id => last.run_id.clone(),
            _ => run_id.into(),
        }
    }
}

fn limit(what: &'static str, text: &str, limit: usize) -> Result<()> {
    if text.len() > limit {
        return Err(Error::TooLong {
            what,
            bytes: text.len(),
            limit,
        });
    }
    Ok(())
}
