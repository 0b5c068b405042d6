//! Gate: what stands before the journal for one series whose points are not all stored.
//!
//! It keeps the latest point pending and counts those before it, in a slot that survives the process. It is changed under the
//! hot latch, or, while it is busy, by whoever holds the cold lock.

use crate::clock::monotonic_ns;
use crate::journal::entry::Entry;
use crate::journal::map::Slot;
use crate::journal::slots::{Commit, RING, ROOM_REASONS, State, empty_window};
use crate::ledger::{Keep, Pending, Stretch, Tally};
use crate::throttle::{Pace, Policy, Verdict};
use crate::types::{DropReason, Point, Seq};

/// A series with a slot.
#[derive(Debug)]
pub(super) struct Gate {
    pace: Pace,
    /// What it follows; `None` for one that is there because there was no room once.
    pub policy: Option<Policy>,
    /// Which aggregates the policy asks for; `None` for one without windows.
    keep: Option<Keep>,
    commit: Commit,
    state: State,
    /// The points that the slot's ring has, oldest first.
    ring: [Point; RING],
    slot: Slot,
    /// Steps whose points are held without more ado: so many from the first on. None where there is something else to do.
    held_from: i64,
    held_steps: u64,
    /// Number of the slot.
    pub index: u32,
    /// Whether the current chunk says what the series is.
    pub defined: bool,
    /// What is pending is being stored: nobody else may touch it.
    pub busy: bool,
    /// Its run has ended here: what is pending is to be stored as soon as there is room, and the slot to be given back.
    pub ending: bool,
    /// Points dropped for lack of room before there was a slot.
    room: [u64; ROOM_REASONS],
    stretches: Vec<Stretch>,
    /// What counted when the current chunk's record of it was made; `None` where that has none.
    recorded: Option<Commit>,
    /// Time of the latest stored point, for those whose time is read from a clock that may be a little behind.
    latest_ms: i64,
}

impl Gate {
    /// Takes a slot for a series of which `tally` is known already.
    pub(super) fn new(policy: Option<Policy>, slot: Slot, index: u32, series: u32, tally: Tally, at: Seq) -> Self {
        let keep = keep(policy);
        let throttled = tally.stretches.iter().find(|s| s.reason == DropReason::Throttled);
        let state = State {
            merged: tally.merged,
            throttled: tally.dropped[DropReason::Throttled.index()],
            first_throttled: throttled.map_or(0, |s| s.first_step),
            last_throttled: throttled.map_or(0, |s| s.last_step),
            at,
            totals: tally.totals,
            window: keep.map(empty_window),
        };
        let room = std::array::from_fn(|i| tally.dropped[i]);
        let commit = slot.begin(series, room, &state);
        let mut stretches = tally.stretches;
        stretches.retain(|s| s.reason != DropReason::Throttled);
        Self {
            pace: Pace::new(policy),
            policy,
            keep,
            commit,
            state,
            ring: [Point {
                step: 0,
                timestamp_ms: 0,
                value: 0.0,
            }; RING],
            slot,
            held_from: 0,
            held_steps: 0,
            index,
            defined: false,
            busy: false,
            ending: false,
            room,
            stretches,
            recorded: None,
            latest_ms: i64::MIN,
        }
    }

    /// What the policy says of a point.
    #[inline]
    pub(super) fn judge(&self, step: i64) -> Verdict {
        self.pace.judge(step, monotonic_ns)
    }

    /// The pending point.
    #[inline]
    pub(super) fn pending(&self) -> Option<Point> {
        let last = self.commit.count.checked_sub(1)?;
        Some(self.ring[last])
    }

    /// The pending point with what it will stand for.
    pub(super) fn pending_whole(&self) -> Option<Pending> {
        let point = self.pending()?;
        Some(self.whole_state(1).pending(point))
    }

    /// Whether the pending point stands for others, so that it must be stored and not dropped.
    #[inline]
    pub(super) fn has_window(&self) -> bool {
        self.state.window.is_some() && self.commit.count > 0
    }

    /// Whether what is pending should be stored now, without another point.
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        let crowded_out = self.keep.is_none() && self.has_window();
        self.commit.count > 0 && (crowded_out || self.ending || self.pace.is_over(now_ns))
    }

    /// Whether a point of this step is held, whatever else there is to say about it.
    #[inline]
    pub(super) fn holds(&self, step: i64) -> bool {
        step >= self.held_from && step.wrapping_sub(self.held_from).cast_unsigned() < self.held_steps
    }

    /// Keeps a point pending of which [`Gate::holds`] says yes.
    #[inline]
    pub(super) fn add(&mut self, point: Point) {
        if self.commit.count == RING {
            self.fold();
        }
        self.ring[self.commit.count] = point;
        self.slot.add(&mut self.commit, &point);
    }

    /// Keeps a point pending, in place of the one that is; what that one stood for, this one stands for. `crowded` says that
    /// there was no room for it.
    #[inline]
    pub(super) fn hold(&mut self, point: Point, crowded: bool) {
        self.pace.held(point.step, monotonic_ns);
        if crowded && self.state.window.is_none() {
            self.begin_window(point);
        } else {
            self.add(point);
        }
        (self.held_from, self.held_steps) = self.pace.held_steps();
    }

    /// Counts what is superseded.
    #[cold]
    fn fold(&mut self) {
        let head = self.commit.place(self.commit.count - 1);
        self.fold_into_state(1);
        self.write(head, 1);
    }

    /// Counts the points of the ring but for the last `spared`. Until the state is written, the slot counts them by itself.
    fn fold_into_state(&mut self, spared: usize) {
        let count = self.commit.count.saturating_sub(spared);
        self.state.fold(&self.ring[..count]);
        if spared > 0 {
            self.ring[0] = self.ring[count];
        }
    }

    /// The state with the points of the ring but for the last `spared`.
    fn whole_state(&self, spared: usize) -> State {
        let mut state = self.state;
        state.fold(&self.ring[..self.commit.count.saturating_sub(spared)]);
        state
    }

    /// Begins a window without end.
    #[cold]
    fn begin_window(&mut self, point: Point) {
        if self.commit.count == RING {
            self.fold();
        }
        let place = self.commit.place(self.commit.count);
        self.fold_into_state(0);
        self.state.window = Some(empty_window(Keep::ALL));
        self.ring[0] = point;
        self.slot.place(place, &point);
        self.write(place, 1);
    }

    fn write(&mut self, head: usize, count: usize) {
        self.slot.write_state(&mut self.commit, &self.state, head, count);
    }

    /// A point was stored as number `seq`. What was pending is dropped.
    pub(super) fn stored(&mut self, point: &Point, seq: Seq) {
        debug_assert!(!self.has_window(), "what others are merged into is stored first");
        self.latest_ms = point.timestamp_ms;
        self.settle(point.step, seq, 0);
    }

    /// The pending point was stored as number `seq`.
    pub(super) fn released(&mut self, seq: Seq) {
        if let Some(point) = self.pending() {
            self.settle(point.step, seq, 1);
        }
    }

    fn settle(&mut self, step: i64, seq: Seq, spared: usize) {
        self.pace.stored(step, monotonic_ns);
        self.fold_into_state(spared);
        (self.state.at, self.state.window) = (seq + 1, self.keep.map(empty_window));
        self.write(0, 0);
        (self.held_from, self.held_steps) = self.pace.held_steps();
    }

    /// Goes on under another policy. Nothing may be pending.
    pub(super) fn follow(&mut self, policy: Option<Policy>) {
        (self.pace, self.policy, self.keep) = (Pace::new(policy), policy, keep(policy));
        self.state.window = self.keep.map(empty_window);
        self.write(0, 0);
        (self.held_from, self.held_steps) = self.pace.held_steps();
    }

    /// Whether no policy asked for it: there was no room once.
    pub(super) fn is_free(&self) -> bool {
        self.policy.is_none()
    }

    /// A time of now that is not before that of the latest stored point.
    #[inline]
    pub(super) fn about_now_ms(&self) -> i64 {
        crate::clock::coarse_ms().max(self.latest_ms)
    }

    /// What is neither stored nor pending.
    pub(super) fn tally(&self) -> Tally {
        self.whole_state(1).tally(self.room, &self.stretches)
    }

    /// Whether it has changed since [`Self::note_recorded`] was told.
    pub(super) fn is_news(&self) -> bool {
        Some(self.commit) != self.recorded && self.has_counted()
    }

    fn has_counted(&self) -> bool {
        self.commit.count > 0 || self.state.totals.is_some()
    }

    /// Whether the current chunk has a record of it, though perhaps not the newest, or needs none.
    pub(super) fn is_in_chunk(&self) -> bool {
        self.recorded.is_some() || !self.has_counted()
    }

    /// A record of the current chunk has the state that `commit` stood for.
    pub(super) fn note_recorded(&mut self, commit: Commit) {
        self.recorded = Some(commit);
    }

    /// There is another chunk, which neither defines the series nor has a record.
    pub(super) fn forget_chunk(&mut self) {
        (self.defined, self.recorded) = (false, None);
    }

    /// For a record of the journal, with what [`Self::note_recorded`] is to be told.
    pub(super) fn entry(&self, series: u32, at: Seq) -> (Entry, Commit) {
        let entry = Entry {
            series,
            at,
            recorded: 0,
            tally: self.tally(),
            pending: self.pending_whole(),
        };
        (entry, self.commit)
    }

    /// Gives the slot back. A record must have the tally.
    pub(super) fn end(self) -> (u32, Tally) {
        self.slot.end();
        (self.index, self.tally())
    }
}

fn keep(policy: Option<Policy>) -> Option<Keep> {
    match policy {
        Some(Policy::Window { keep, .. }) => Some(keep),
        _ => None,
    }
}

/// The gates of a writer, by series number.
#[derive(Debug, Default)]
pub(super) struct Gates {
    by_series: Vec<Option<Box<Gate>>>,
    count: usize,
}

impl Gates {
    /// The gate of a series.
    #[inline]
    pub(super) fn get(&mut self, series: u32) -> Option<&mut Gate> {
        self.by_series.get_mut(series as usize)?.as_deref_mut()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Puts a gate before a series that has none.
    pub(super) fn insert(&mut self, series: u32, gate: Gate) {
        let place = series as usize;
        if place >= self.by_series.len() {
            self.by_series.resize_with(place + 1, || None);
        }
        self.by_series[place] = Some(Box::new(gate));
        self.count += 1;
    }

    /// Takes a gate away.
    pub(super) fn remove(&mut self, series: u32) -> Option<Gate> {
        let gate = self.by_series.get_mut(series as usize)?.take()?;
        self.count -= 1;
        Some(*gate)
    }

    /// All of them, with their series.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Gate)> {
        (0..)
            .zip(&self.by_series)
            .filter_map(|(series, gate)| Some((series, gate.as_deref()?)))
    }

    /// All of them, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Gate)> {
        (0..)
            .zip(&mut self.by_series)
            .filter_map(|(series, gate)| Some((series, gate.as_deref_mut()?)))
    }
}
