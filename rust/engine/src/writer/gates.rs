//! Which series have gates: rules, slots, and the end of runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::entry::Entry;
use crate::journal::record::Record;
use crate::journal::slots::Commit;
use crate::journal::slots::{MAX_SLOTS, SlotsFile};
use crate::ledger::{LedgerEntry, Pending, Tally};
use crate::platform::MutexGuard;
use crate::throttle::{Policy, Rule};
use crate::types::{Seq, SeriesId};
use crate::writer::Writer;
use crate::writer::gate::Gate;
use crate::writer::lane::{Cold, Hot};
use crate::writer::room::{Patience, Use, after};

/// Most slots that are made ahead for series without a policy, in case there is no room one day: 4 MiB.
const MOST_SPARE_SLOTS: usize = 4096;

/// Most records of gates that one pass of the syncer writes that nobody waits for, some 300 bytes each.
pub(super) const MOST_RECORDS: usize = 1000;
/// How soon slots are asked for again after the disk has refused.
const RETRY: Duration = Duration::from_secs(1);

/// Rules of this process and of single runs.
#[derive(Debug, Default)]
pub(super) struct Rules {
    process: Vec<Rule>,
    runs: HashMap<Arc<str>, Vec<Rule>>,
}

impl Rules {
    fn find(&self, run_id: &str, key: &str) -> Option<Policy> {
        let of_run = self.runs.get(run_id).and_then(|rules| Rule::find(rules, key));
        of_run.or_else(|| Rule::find(&self.process, key)).flatten()
    }

    fn is_empty(&self) -> bool {
        self.process.is_empty() && self.runs.is_empty()
    }
}

/// The slots file and which of its slots are free.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub file: Option<Arc<SlotsFile>>,
    free: Vec<u32>,
    /// There should be more.
    wanted: bool,
    /// When it may be asked for again, after the disk has refused.
    not_before: Option<Instant>,
    /// Series that have a policy and no slot.
    waiting: Vec<SeriesId>,
}

impl Slots {
    /// Whether the preparer has not been asked yet for more, and may be.
    fn ask(&mut self) -> bool {
        let may = self.not_before.is_none_or(|not_before| Instant::now() >= not_before);
        may && !std::mem::replace(&mut self.wanted, may)
    }

    fn put(&mut self, file: SlotsFile) {
        let old = self.file.as_ref().map_or(0, |file| file.len());
        // The lowest is taken first.
        let new = (old..file.len()).rev();
        self.free.splice(0..0, new);
        self.file = Some(Arc::new(file));
    }
}

impl Writer {
    /// Sets the rules of this process for all runs of this writer. Each key has one policy: the last rule that matches it.
    ///
    /// # Errors
    /// [`Error::Io`] where the slots cannot be made; then nothing has changed. [`Error::Forked`], [`Error::Closed`].
    pub fn set_throttle(&self, rules: Vec<Rule>) -> Result<()> {
        self.change_rules(|all| all.process = rules)
    }

    /// Sets the rules of one run, which come before those of the process.
    ///
    /// # Errors
    /// As [`Writer::set_throttle`].
    pub fn set_run_throttle(&self, run_id: &str, rules: Vec<Rule>) -> Result<()> {
        self.change_rules(|all| {
            if rules.is_empty() {
                all.runs.remove(run_id);
            } else {
                all.runs.insert(run_id.into(), rules);
            }
        })
    }

    fn change_rules(&self, change: impl FnOnce(&mut Rules)) -> Result<()> {
        self.in_this_process()?;
        let making = self.inner.making.lock();
        if self.inner.cold.lock().slots.file.is_none() {
            let file = self.create_slots(0)?;
            self.inner.cold.lock().slots.put(file);
        }
        drop(making);
        let mut cold = self.inner.cold.lock();
        if cold.closed_at.is_some() {
            return Err(Error::Closed);
        }
        change(&mut cold.rules);
        for number in 0..cold.names.len() {
            self.fit_gate(&mut cold, SeriesId(number))?;
        }
        Ok(())
    }

    fn create_slots(&self, slots: u32) -> Result<SlotsFile> {
        SlotsFile::create(
            &self.inner.journals,
            &self.inner.identity,
            slots,
            self.inner.config.keeping,
            &self.inner.disk,
        )
    }

    /// Gives a series the gate that its policy asks for, or takes it away. Only where there are rules.
    pub(super) fn fit_new_gate(&self, cold: &mut Cold, series: SeriesId) -> Result<()> {
        if cold.rules.is_empty() {
            Ok(())
        } else {
            self.fit_gate(cold, series)
        }
    }

    fn fit_gate(&self, cold: &mut Cold, series: SeriesId) -> Result<()> {
        let name = cold.names.get(series)?;
        let policy = cold.rules.find(&name.run_id, &name.key);
        let known = self.hot.lock().gates.get(series.0).map(|gate| {
            gate.ending &= policy.is_none();
            gate.policy
        });
        match (known, policy) {
            (Some(known), _) if known == policy => {}
            (Some(_), _) => {
                // Where there is no room for what is pending, it is stored later, and the former policy holds until then.
                if self.release(cold, series)? {
                    match policy {
                        Some(_) => self.with_gate(series, |gate| gate.follow(policy)),
                        None => _ = self.retire_gate(cold, series)?,
                    }
                }
            }
            (None, Some(_)) => {
                if !self.give_gate(cold, series, policy) && !cold.slots.waiting.contains(&series) {
                    cold.slots.waiting.push(series);
                }
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// Changes a gate, if there is one.
    pub(super) fn with_gate(&self, series: SeriesId, change: impl FnOnce(&mut Gate)) {
        if let Some(gate) = self.hot.lock().gates.get(series.0) {
            change(gate);
        }
    }

    /// Puts a gate before a series; false where there is no slot, or the journal has no record of what was dropped before.
    pub(super) fn give_gate(&self, cold: &mut Cold, series: SeriesId, policy: Option<Policy>) -> bool {
        self.write_account(cold, series.0, Use::Ordinary);
        let slots = &mut cold.slots;
        let enough = slots
            .file
            .as_ref()
            .is_some_and(|file| slots.free.len() > file.len() as usize / 2);
        if !enough && slots.file.as_ref().is_none_or(|file| file.len() < MAX_SLOTS) && slots.ask() {
            self.inner.signals.ask_to_prepare();
        }
        let (Some(file), Some(index)) = (&slots.file, slots.free.pop()) else {
            return false;
        };
        let Some(tally) = cold.ledger.take(series.0) else {
            slots.free.push(index);
            return false;
        };
        let mut hot = self.hot.lock();
        let gate = Gate::new(policy, file.slot(index), index, series.0, tally, hot.next_seq());
        hot.put_gate(series, gate);
        true
    }

    /// Takes the gate of a series away once the journal has a record of what it has counted; false, and it stays, where there
    /// is no room for that. Nothing may be pending.
    pub(super) fn retire_gate(&self, cold: &mut Cold, series: SeriesId) -> Result<bool> {
        let at = self.next_seq(cold);
        let entry = self
            .hot
            .lock()
            .gates
            .get(series.0)
            .map(|gate| gate.entry(series.0, at).0);
        let Some(mut entry) = entry else { return Ok(true) };
        if entry.tally.points() > 0 {
            entry.recorded = cold.ledger.recorded_with(series.0);
            let defined = self.define(cold, series)?;
            if !defined || !self.append_side(cold, &Record::Ledger(Box::new(entry)).encode(), Use::Ordinary) {
                return Ok(false);
            }
            failpoint!(GateAccounted);
        }
        let gate = self.hot.lock().take_gate(series);
        if let Some((index, tally)) = gate.map(Gate::end) {
            cold.slots.free.push(index);
            cold.ledger.give(series.0, tally);
        }
        Ok(true)
    }

    /// Stores the pending points of a run, which ends in this process. What finds no room is stored when there is some.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Closed`].
    pub fn finish_run(&self, run_id: &str) -> Result<()> {
        self.in_this_process()?;
        let mut cold = self.inner.cold.lock();
        if cold.closed_at.is_some() {
            return Err(Error::Closed);
        }
        cold.rules.runs.remove(run_id);
        let all: Vec<u32> = self.hot.lock().gates.iter().map(|(series, _)| series).collect();
        let of_run = |series: &SeriesId| cold.names.get(*series).is_ok_and(|name| *name.run_id == *run_id);
        let ending: Vec<SeriesId> = all.into_iter().map(SeriesId).filter(of_run).collect();
        // All of them first: whatever keeps one from its place in the journal, the syncing thread tries each again.
        for series in &ending {
            self.with_gate(*series, |gate| gate.ending = true);
        }
        let mut patience = Patience::new(&self.inner.config);
        for series in ending {
            while !self.end_gate(&mut cold, series)? {
                if self.wait_for_room(&mut cold, &mut patience, 0)?.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Stores what is pending and gives the slot back; false where there is no room for that.
    fn end_gate(&self, cold: &mut Cold, series: SeriesId) -> Result<bool> {
        Ok(self.release(cold, series)? && self.retire_gate(cold, series)?)
    }

    /// Stores what need not wait for another point: windows that are over, what there was no room for, what ended.
    pub(super) fn release_due(&self, cold: &mut MutexGuard<'_, Cold>) -> Result<()> {
        let now = crate::clock::monotonic_ns();
        let due: Vec<(u32, bool)> = {
            let hot = self.hot.lock();
            let due = hot.gates.iter().filter(|(_, gate)| gate.is_due(now) || gate.ending);
            due.map(|(series, gate)| (series, gate.ending || gate.is_free()))
                .collect()
        };
        for (series, ends) in due {
            let series = SeriesId(series);
            loop {
                let done = if ends {
                    self.end_gate(cold, series)?
                } else {
                    self.release(cold, series)?
                };
                if done {
                    break;
                }
                if self.is_over_the_cap(cold) || !self.try_roll(cold, 0) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Makes the slots file, or more room in it; the preparer's task.
    pub(super) fn prepare_slots(&self) {
        let _making = self.inner.making.lock();
        let (wanted, spare) = {
            let mut cold = self.inner.cold.lock();
            let wanted = std::mem::take(&mut cold.slots.wanted) && cold.closed_at.is_none();
            (wanted, cold.names.len().min(MOST_SPARE_SLOTS as u32))
        };
        if !wanted {
            return;
        }
        // Only this thread and the holder of `making` change the file, so that what is grown is what there is.
        let file = self.inner.cold.lock().slots.file.clone();
        let made = match file {
            Some(file) => file.grow(self.inner.config.keeping, &self.inner.disk),
            None => self.create_slots(spare),
        };
        let mut cold = self.inner.cold.lock();
        match made {
            Ok(file) => {
                cold.slots.put(file);
                for series in std::mem::take(&mut cold.slots.waiting) {
                    // One that finds no slot waits again, and asks again.
                    let _ = self.fit_gate(&mut cold, series);
                }
            }
            Err(e) => {
                cold.last_error = Some(e.to_string());
                cold.slots.not_before = Some(after(RETRY));
            }
        }
    }

    /// Asks for slots for series without a policy, in case there is no room one day.
    pub(super) fn ask_for_spare_slots(&self, cold: &mut Cold) {
        if self.inner.config.merge_without_room && cold.slots.file.is_none() && cold.slots.ask() {
            self.inner.signals.ask_to_prepare();
        }
    }

    /// Defines the series of all gates in the current chunk, so that those before it are not needed for their names; false
    /// where it has no room.
    pub(super) fn define_gated(&self, cold: &mut Cold) -> bool {
        let undefined: Vec<u32> = {
            let hot = self.hot.lock();
            hot.gates
                .iter()
                .filter(|(_, gate)| !gate.defined)
                .map(|(series, _)| series)
                .collect()
        };
        undefined
            .into_iter()
            .all(|series| self.define(cold, SeriesId(series)).unwrap_or(false))
    }

    /// What gates have counted since the journal's records of them, at most [`MOST_RECORDS`]; each pass begins with another.
    ///
    /// A record is true together with the points before `at`: nobody stores a point while this looks.
    pub(super) fn news(&self, hot: &mut Hot, turn: u32, at: Seq) -> Vec<(Entry, Commit)> {
        let news = |from: u32, to: u32| {
            let gates = hot.gates.iter().filter(move |(series, _)| (from..to).contains(series));
            gates.filter(|(_, gate)| gate.is_news() && !gate.busy)
        };
        let all = news(turn, u32::MAX).chain(news(0, turn));
        all.take(MOST_RECORDS)
            .map(|(series, gate)| gate.entry(series, at))
            .collect()
    }

    /// Writes records into the current chunk; false where it has no room for all.
    pub(super) fn append_news(&self, cold: &mut Cold, news: Vec<(Entry, Commit)>) -> bool {
        for (mut entry, commit) in news {
            let series = SeriesId(entry.series);
            cold.ledger_turn = entry.series + 1;
            entry.recorded = cold.ledger.recorded_with(entry.series);
            let defined = self.define(cold, series).unwrap_or(false);
            if !defined || !self.append_side(cold, &Record::Ledger(Box::new(entry)).encode(), Use::Ordinary) {
                return false;
            }
            failpoint!(GateRecorded);
            self.with_gate(series, |gate| gate.note_recorded(commit));
        }
        true
    }

    /// Whether a gate has counted what no record has, or holds what is to be stored.
    pub(super) fn has_news(&self) -> bool {
        let now = crate::clock::monotonic_ns();
        let hot = self.hot.lock();
        hot.gates.iter().any(|(_, gate)| gate.is_news() || gate.is_due(now))
    }

    /// Stores everything that is pending and gives the slots back, as far as there is room.
    pub(super) fn end_all_gates(&self, cold: &mut MutexGuard<'_, Cold>) -> Result<()> {
        let all: Vec<u32> = self.hot.lock().gates.iter().map(|(series, _)| series).collect();
        let mut patience = Patience::new(&self.inner.config);
        for series in all {
            while !self.end_gate(cold, SeriesId(series))? {
                if self.wait_for_room(cold, &mut patience, 0)?.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The ledger of every series that has not stored all of its points.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn ledger(&self) -> Result<Vec<LedgerEntry>> {
        self.in_this_process()?;
        let cold = self.inner.cold.lock();
        let mut entries = Vec::new();
        let mut add = |series: u32, tally: Tally, pending: Option<Pending>| {
            if (tally.points() > 0 || pending.is_some())
                && let Ok(name) = cold.names.get(SeriesId(series))
            {
                let name = name.clone();
                entries.push(LedgerEntry { name, tally, pending });
            }
        };
        cold.ledger
            .tallies()
            .for_each(|(series, tally)| add(series, tally.clone(), None));
        let hot = self.hot.lock();
        hot.gates
            .iter()
            .for_each(|(series, gate)| add(series, gate.tally(), gate.pending_whole()));
        drop(hot);
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}
