//! Slots of a writer: for each throttled series the pending point and the ledger, in a mapped file beside its chunks.
//!
//! A slot changes with every point that is not stored, and has to be right after a kill at any instruction. So nothing that is
//! committed is ever changed: points are added to a ring, and from time to time all but the last are folded into the state,
//! which is written to the other one of two halves. One word says which half and which part of the ring count; storing it is
//! what commits. `docs/design.md`, "Throttling", has every byte.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32c::crc32c;

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk::Identity;
use crate::journal::entry::{Entry, aggregate_at, aggregate_words, point_at, point_words, totals_at, totals_words};
use crate::journal::files::slots_path;
use crate::journal::layout::{BLOCK_BYTES, u32_at, u64_at, u128_at};
use crate::journal::map::{Map, Slot};
use crate::ledger::{Aggregate, Keep, Pending, Stretch, Tally};
use crate::platform::{self, Disk, Keeping, Numbering, Registered};
use crate::summary::Totals;
use crate::types::{DropReason, Point, Seq, WriterId};

/// Words of a slot.
pub const SLOT_WORDS: usize = SLOT_BYTES / 8;
/// Size of a slot.
pub const SLOT_BYTES: usize = 1024;
/// Points that a ring holds.
pub const RING: usize = 16;
/// Slots in a file at first.
const FIRST_SLOTS: u32 = 60;
/// Most slots of a file: 256 MiB.
pub const MAX_SLOTS: u32 = 1 << 18;

const MAGIC: [u8; 8] = *b"RLSLOTS\x01";
const FORMAT: u32 = 1;
const HEADER_CRC_AT: usize = 88;

/// Words of a slot: what counts, the series and what had been dropped before, the two halves, the ring.
const COMMIT: usize = 0;
const SERIES: usize = 1;
const BASE: usize = 2;
const HALVES: usize = BASE + ROOM_REASONS;
const RING_AT: usize = HALVES + 2 * STATE_WORDS;
const STATE_WORDS: usize = 25;
/// Reasons for which there is no room; throttling is the last reason, and no slot has any of the others.
pub const ROOM_REASONS: usize = DropReason::Throttled as usize - 1;

const _: () = assert!(RING_AT + 3 * RING <= SLOT_WORDS && RING.is_power_of_two());

/// What counts in a slot: the parity of the epoch says which half, and the ring has `count` points from `head` on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// How often the state was written.
    pub epoch: u64,
    /// Place of the oldest point in the ring.
    pub head: usize,
    /// Points in the ring. The last of them is pending, and the others are superseded.
    pub count: usize,
}

impl Commit {
    fn word(self) -> u64 {
        self.epoch << 16 | (self.head as u64) << 8 | self.count as u64
    }

    fn of(word: u64) -> Self {
        Self {
            epoch: word >> 16,
            head: (word >> 8 & 0xff) as usize % RING,
            count: ((word & 0xff) as usize).min(RING),
        }
    }

    /// Place in the ring of its point number `i`.
    pub fn place(self, i: usize) -> usize {
        (self.head + i) % RING
    }
}

/// Ledger of one series without the points in the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    /// Points that a stored one stands for.
    pub merged: u64,
    /// Points that nothing stands for, because a policy says so.
    pub throttled: u64,
    /// Step of the first of these.
    pub first_throttled: i64,
    /// Step of the last of these.
    pub last_throttled: i64,
    /// Number of the next point when the series last stored one: what is pending has been stored if the series has a point of
    /// that number or a later one.
    pub at: Seq,
    /// Of all points that are neither stored nor pending.
    pub totals: Option<Totals>,
    /// What the pending point will stand for beside itself and the ring; `None` for a policy without windows.
    pub window: Option<Aggregate>,
}

/// A window without points.
pub fn empty_window(keep: Keep) -> Aggregate {
    Aggregate {
        count: 0,
        nan_count: 0,
        min: f64::NAN,
        max: f64::NAN,
        sum: 0.0,
        keep,
    }
}

impl State {
    /// Counts points that are superseded.
    pub fn fold(&mut self, points: &[Point]) {
        let (Some(oldest), Some(newest)) = (points.first(), points.last()) else {
            return;
        };
        let count = points.len() as u64;
        match &mut self.totals {
            Some(totals) => totals.push_all(points),
            none => none.insert(Totals::of(*oldest)).push_all(&points[1..]),
        }
        if let Some(window) = &mut self.window {
            self.merged += count;
            window.push_all(points);
            return;
        }
        if self.throttled == 0 {
            self.first_throttled = oldest.step;
        }
        self.throttled += count;
        self.last_throttled = newest.step;
    }

    /// The tally with what had been dropped for lack of room before there was a slot.
    pub fn tally(&self, room: [u64; ROOM_REASONS], stretches: &[Stretch]) -> Tally {
        let mut dropped = [0; DropReason::ALL.len()];
        dropped[..ROOM_REASONS].copy_from_slice(&room);
        dropped[ROOM_REASONS] = self.throttled;
        let throttled = (self.throttled > 0).then_some(Stretch {
            reason: DropReason::Throttled,
            count: self.throttled,
            first_step: self.first_throttled,
            last_step: self.last_throttled,
        });
        Tally {
            merged: self.merged,
            dropped,
            stretches: stretches.iter().copied().chain(throttled).collect(),
            totals: self.totals,
        }
    }

    /// What is pending with what it stands for.
    pub fn pending(&self, point: Point) -> Pending {
        let aggregate = self.window.map(|mut window| {
            window.push(point.value);
            window
        });
        Pending { point, aggregate }
    }

    /// Whether its counts can be those of points: nothing tells a garbled slot from another one but that they do not add up.
    fn is_sound(&self, room: &[u64; ROOM_REASONS]) -> bool {
        let mut counts = [self.merged, self.throttled].into_iter().chain(room.iter().copied());
        let counted = counts.try_fold(0_u64, |sum, count| sum.checked_add(count));
        let of_window = |window: &Aggregate| window.nan_count <= window.count && window.count <= self.merged;
        counted.is_some_and(|counted| counted <= MOST_POINTS && counted == self.totals.map_or(0, |totals| totals.count))
            && self.at <= MOST_POINTS
            && self.totals.is_none_or(|totals| totals.nan_count <= totals.count)
            && self.window.as_ref().is_none_or(of_window)
    }

    fn words(&self) -> [u64; STATE_WORDS] {
        let mut words = [0; STATE_WORDS];
        (words[0], words[1]) = (self.merged, self.throttled);
        (words[2], words[3]) = (
            self.first_throttled.cast_unsigned(),
            self.last_throttled.cast_unsigned(),
        );
        words[4] = self.at;
        if let Some(totals) = &self.totals {
            words[5..19].copy_from_slice(&totals_words(totals));
        }
        match &self.window {
            Some(window) => words[19..].copy_from_slice(&aggregate_words(window)),
            None => words[STATE_WORDS - 1] = NO_WINDOW,
        }
        words
    }

    fn of(bytes: &[u8]) -> Self {
        let word = |i: usize| u64_at(bytes, 8 * i);
        Self {
            merged: word(0),
            throttled: word(1),
            first_throttled: word(2) as i64,
            last_throttled: word(3) as i64,
            at: word(4),
            totals: totals_at(&bytes[40..]),
            window: (word(STATE_WORDS - 1) != NO_WINDOW).then(|| aggregate_at(&bytes[19 * 8..])),
        }
    }
}

const NO_WINDOW: u64 = u64::MAX;
/// No writer counts as far.
const MOST_POINTS: u64 = 1 << 60;

impl Slot {
    /// Takes the slot for a series.
    pub fn begin(&self, series: u32, base: [u64; ROOM_REASONS], state: &State) -> Commit {
        self.write(BASE, &base);
        self.write(HALVES, &state.words());
        self.commit(COMMIT, Commit::default().word());
        failpoint!(SlotFilled);
        self.commit(SERIES, u64::from(series) + 1);
        failpoint!(SlotTaken);
        Commit::default()
    }

    /// Gives the slot back.
    pub fn end(&self) {
        self.commit(SERIES, 0);
        failpoint!(SlotGivenBack);
    }

    /// Adds a point to the ring, which must have room.
    #[inline]
    pub fn add(&self, commit: &mut Commit, point: &Point) {
        self.write(RING_AT + 3 * commit.place(commit.count), &point_words(point));
        failpoint!(RingWritten);
        commit.count += 1;
        self.commit(COMMIT, commit.word());
        failpoint!(RingCounted);
    }

    /// Writes the state, and with it which part of the ring counts from now on.
    pub fn write_state(&self, commit: &mut Commit, state: &State, head: usize, count: usize) {
        let epoch = commit.epoch + 1;
        self.write(HALVES + (epoch & 1) as usize * STATE_WORDS, &state.words());
        failpoint!(StateWritten);
        *commit = Commit { epoch, head, count };
        self.commit(COMMIT, commit.word());
        failpoint!(StateCounted);
    }

    /// Writes a point into the ring, where it does not count yet.
    pub fn place(&self, place: usize, point: &Point) {
        self.write(RING_AT + 3 * place, &point_words(point));
    }
}

/// The file of a writer that lives.
#[derive(Debug)]
pub struct SlotsFile {
    file: Registered,
    path: PathBuf,
    map: Arc<Map>,
    len: u32,
}

impl SlotsFile {
    /// Makes the file with room for at least `slots`.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing is left behind.
    pub fn create(
        journals: &Path,
        identity: &Identity,
        slots: u32,
        keeping: Keeping,
        disk: &Arc<dyn Disk>,
    ) -> Result<Self> {
        let path = slots_path(journals, identity.writer);
        let temporary = path.with_extension("slots.tmp");
        let made = Self::make(&temporary, identity, slots.max(FIRST_SLOTS), keeping, disk).and_then(|made| {
            failpoint!(SlotsMade);
            fs::rename(&temporary, &path)?;
            failpoint!(SlotsNamed);
            Ok(made)
        });
        match made {
            Ok((file, map, len)) => Ok(Self { file, path, map, len }),
            Err(e) => {
                // The error matters more than a leftover, which recovery removes.
                let _ = fs::remove_file(&temporary);
                Err(Error::io("make", &path)(e))
            }
        }
    }

    fn make(
        path: &Path,
        identity: &Identity,
        slots: u32,
        keeping: Keeping,
        disk: &Arc<dyn Disk>,
    ) -> io::Result<(Registered, Arc<Map>, u32)> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let file = Registered::new(file);
        let bytes = bytes_of(slots);
        allocate(&file, bytes, keeping, &**disk)?;
        file.write_all_at(&header(identity, &file.metadata()?), 0)?;
        let map = Arc::new(Map::of(&file, bytes, keeping, disk)?);
        Ok((file, map, slots_in(bytes)))
    }

    /// Makes room for twice as many.
    ///
    /// # Errors
    /// [`Error::Io`]; the file is as it was.
    pub fn grow(&self, keeping: Keeping, disk: &Arc<dyn Disk>) -> Result<Self> {
        let bytes = bytes_of((2 * self.len).min(MAX_SLOTS));
        // What a written map had is in the file, and in the memory of the slots that were given.
        let grown =
            allocate(&self.file, bytes, keeping, &**disk).and_then(|()| Map::of(&self.file, bytes, keeping, disk));
        failpoint!(SlotsGrown);
        let file = self
            .file
            .try_clone()
            .map(Registered::new)
            .map_err(Error::io("open", &self.path))?;
        Ok(Self {
            file,
            path: self.path.clone(),
            map: Arc::new(grown.map_err(Error::io("grow", &self.path))?),
            len: slots_in(bytes),
        })
    }

    /// Number of slots.
    #[expect(clippy::len_without_is_empty, reason = "it always has some")]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// One of its slots.
    pub fn slot(&self, index: u32) -> Slot {
        Map::slot(&self.map, BLOCK_BYTES + index as usize * SLOT_BYTES)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Gives the file a size; where a written file cannot have its space reserved, without that.
fn allocate(file: &File, bytes: u64, keeping: Keeping, disk: &dyn Disk) -> io::Result<()> {
    match disk.allocate(file, bytes) {
        Err(e) if keeping == Keeping::Written && platform::is_unsupported(&e) => file.set_len(bytes),
        allocated => allocated,
    }
}

fn bytes_of(slots: u32) -> u64 {
    (BLOCK_BYTES + slots as usize * SLOT_BYTES).next_multiple_of(BLOCK_BYTES) as u64
}

fn slots_in(bytes: u64) -> u32 {
    (bytes.saturating_sub(BLOCK_BYTES as u64) / SLOT_BYTES as u64) as u32
}

fn header(identity: &Identity, metadata: &fs::Metadata) -> [u8; HEADER_CRC_AT + 4] {
    let mut bytes = [0; HEADER_CRC_AT + 4];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &MAGIC);
    put(8, &FORMAT.to_le_bytes());
    put(12, &(SLOT_BYTES as u32).to_le_bytes());
    put(16, &identity.store_id.to_le_bytes());
    put(32, &identity.writer.0.to_le_bytes());
    put(48, &identity.boot_id.to_le_bytes());
    put(64, &metadata.dev().to_le_bytes());
    put(72, &metadata.ino().to_le_bytes());
    let crc = crc32c(&bytes[..HEADER_CRC_AT]);
    bytes[HEADER_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// What the slots of a writer say.
#[derive(Debug, Default)]
pub struct Found {
    /// Of each series that has one.
    pub entries: Vec<Entry>,
    /// How many say what cannot be.
    pub garbled: u64,
}

/// A slot says what cannot be.
struct Garbled;

type Decoded = std::result::Result<Option<Entry>, Garbled>;

/// What the slots of a writer say; empty where there is no file, or one that the memory of this boot never held.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path, writer: WriterId, boot_id: u128) -> Result<Found> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
        Err(e) => return Err(Error::io("open", path)(e)),
    };
    let read = || -> io::Result<Found> {
        let mut head = [0; HEADER_CRC_AT + 4];
        match file.read_exact_at(&mut head, 0) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(Found::default()),
            outcome => outcome?,
        }
        if is_trusted(&head, &file, writer, boot_id)? {
            read_slots(&file)
        } else {
            Ok(Found::default())
        }
    };
    read().map_err(Error::io("read", path))
}

fn is_trusted(head: &[u8], file: &File, writer: WriterId, boot_id: u128) -> io::Result<bool> {
    let metadata = file.metadata()?;
    let whole = head[..8] == MAGIC && u32_at(head, HEADER_CRC_AT) == crc32c(&head[..HEADER_CRC_AT]);
    let known = (u32_at(head, 8), u32_at(head, 12)) == (FORMAT, SLOT_BYTES as u32);
    let ours = (u128_at(head, 32), u128_at(head, 48)) == (writer.0, boot_id);
    let inode = u64_at(head, 72) == metadata.ino();
    let place = match platform::numbering(file) {
        Numbering::DeviceAndInode => inode && u64_at(head, 64) == metadata.dev(),
        Numbering::Inode => inode,
        Numbering::Nothing => true,
    };
    Ok(whole && known && ours && place)
}

/// Reads the file three times: what counts in a slot of the second reading is what the first says, if the third says the same.
/// The others, which are changing just now, are read again one by one.
fn read_slots(file: &File) -> io::Result<Found> {
    let len = slots_in(file.metadata()?.len()) as usize * SLOT_BYTES;
    let read = || {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, BLOCK_BYTES as u64).map(|()| bytes)
    };
    let (before, bytes, after) = (read()?, read()?, read()?);
    let slots = before.chunks_exact(SLOT_BYTES).zip(bytes.chunks_exact(SLOT_BYTES));
    let mut found = Found::default();
    for (i, ((before, slot), after)) in slots.zip(after.chunks_exact(SLOT_BYTES)).enumerate() {
        let slot = match is_whole(before, after) {
            true => decode(slot, Commit::of(u64_at(before, 0))),
            false => read_slot(file, (BLOCK_BYTES + i * SLOT_BYTES) as u64)?,
        };
        match slot {
            Ok(entry) => found.entries.extend(entry),
            Err(Garbled) => found.garbled += 1,
        }
    }
    Ok(found)
}

/// How often a slot is read that changes at the same time. Its writer would have to commit a state in each of them.
const TRIES: usize = 10_000;

fn read_slot(file: &File, offset: u64) -> io::Result<Decoded> {
    let (mut before, mut slot, mut after) = ([0; 16], [0; SLOT_BYTES], [0; 16]);
    for _ in 0..TRIES {
        file.read_exact_at(&mut before, offset)?;
        file.read_exact_at(&mut slot, offset)?;
        file.read_exact_at(&mut after, offset)?;
        if is_whole(&before, &after) {
            break;
        }
    }
    Ok(decode(&slot, Commit::of(u64_at(&before, 0))))
}

/// Whether what counted before was still there after: within one epoch the ring is only added to, and no half is written that
/// counts.
fn is_whole(before: &[u8], after: &[u8]) -> bool {
    let epoch = |bytes| Commit::of(u64_at(bytes, 0)).epoch;
    epoch(before) == epoch(after) && u64_at(before, 8) == u64_at(after, 8)
}

/// The entry in a slot, `None` for one that is free.
fn decode(slot: &[u8], commit: Commit) -> Decoded {
    let word = |i: usize| u64_at(slot, 8 * i);
    let Some(series) = word(SERIES).checked_sub(1) else {
        return Ok(None);
    };
    let series = u32::try_from(series).map_err(|_| Garbled)?;
    let mut state = State::of(&slot[8 * (HALVES + (commit.epoch & 1) as usize * STATE_WORDS)..][..8 * STATE_WORDS]);
    let room = std::array::from_fn(|i| word(BASE + i));
    if !state.is_sound(&room) {
        return Err(Garbled);
    }
    let point = |i: usize| point_at(&slot[8 * (RING_AT + 3 * commit.place(i))..]);
    let superseded = commit.count.saturating_sub(1);
    state.fold(&(0..superseded).map(point).collect::<Vec<_>>());
    Ok(Some(Entry {
        series,
        at: state.at,
        recorded: 0,
        tally: state.tally(room, &[]),
        pending: (commit.count > 0).then(|| state.pending(point(superseded))),
    }))
}
