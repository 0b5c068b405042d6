//! Recovery: adopt what a writer that is gone left behind.
//!
//! Nobody adopts a writer that lives: its lock, which the kernel frees at its death, says so. The adopter holds that lock until
//! what the journal held is sealed and committed, so that no two adopt the same. Nothing that cannot be read is ever deleted.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk_file::{ChunkFile, counted, i64s, is_untouched, u32s};
use crate::journal::entry::Entry;
use crate::journal::files::{self, Name, lock_path};
use crate::journal::layout::Header;
use crate::journal::reader::{Folder, WriterJournal, pending_outbox};
use crate::journal::replay::Replay;
use crate::journal::settle::settle;
use crate::ledger::LedgerEntry;
use crate::platform::{Disk, LinuxDisk, LockFile};
use crate::types::{Seq, SeriesName, WriterId};

/// The journal files of one writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterFiles {
    /// Whose.
    pub id: WriterId,
    /// Somebody holds its lock: the writer itself, or an adopter.
    pub alive: bool,
    /// Its last chunk ends with the record of a clean close.
    pub closed_cleanly: bool,
    /// Disk space of its files.
    pub bytes: u64,
    /// End of the points that its chunks count.
    pub committed: Seq,
    /// Files that cannot be read, or that an earlier recovery kept aside.
    pub damaged: Vec<PathBuf>,
}

/// Points that a journal counted and no longer gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First sequence number.
    pub from: Seq,
    /// End, exclusive.
    pub to: Seq,
    /// What does not hold, as part of a sentence.
    pub reason: String,
    /// The file concerned, or the folder where a file is missing.
    pub file: PathBuf,
}

/// What a journal holds of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPoints {
    /// Run id.
    pub run_id: String,
    /// Points that can be believed.
    pub points: u64,
    /// Latest time of one, in milliseconds since 1970-01-01 UTC.
    pub last_timestamp_ms: i64,
}

/// A journal that is now in the caller's care.
#[derive(Debug)]
pub struct Adopted {
    /// Whose it was.
    pub writer: WriterId,
    /// First sequence number that its chunks hold; 0 where the header of a chunk before them is damaged.
    pub from: Seq,
    /// End of what its chunks counted.
    pub upto: Seq,
    /// Parts of `from..upto` that can be believed: what to seal.
    pub whole: Vec<Range<Seq>>,
    /// The other parts. Those before the first readable chunk may have been sealed long ago: the catalog knows.
    pub gaps: Vec<Gap>,
    /// Points in the gaps: proven missing.
    pub missing: u64,
    /// What the catalog had not taken yet, oldest first.
    pub outbox: Vec<(u64, Vec<u8>)>,
    /// The runs that it logged to.
    pub runs: Vec<RunPoints>,
    /// Of every series that has not stored all of its points. Nothing is pending, unless the disk was full.
    pub ledger: Vec<LedgerEntry>,
    /// Points dropped for lack of room that are in no entry.
    pub unrecorded: u64,
    /// When the last sync frame that verifies was made, in milliseconds since 1970-01-01 UTC.
    pub last_verified_ms: Option<i64>,
    /// Whether the writer had been closed.
    pub closed_cleanly: bool,
    /// What does not hold, as a sentence about each file: also where no point is concerned.
    pub faults: Vec<(PathBuf, String)>,
    /// Files of which nothing can be read; how many points were in one is known only where a gap names it.
    pub unreadable: Vec<PathBuf>,
    /// The store that it was made in, as far as a header says so.
    pub store_id: Option<u128>,
    /// By series number, if there is something to store.
    pending: BTreeMap<u32, Entry>,
    /// The same, if there is nothing, but the disk does not know that.
    unsynced: Option<BTreeMap<u32, Entry>>,
    names: Vec<Option<SeriesName>>,
    like: Option<Header>,
    next_number: u64,
    lock: Option<LockFile>,
    slots: Vec<PathBuf>,
    healthy: Vec<PathBuf>,
    suspect: Vec<PathBuf>,
}

/// Lists every writer that has files in the folder.
///
/// # Errors
/// [`Error::Io`].
pub fn survey(journals: &Path) -> Result<Vec<WriterFiles>> {
    let files = files::list(journals)?;
    let folder = Folder::of(&files);
    let mut writers = BTreeMap::<WriterId, (u64, Vec<PathBuf>, bool)>::new();
    for (name, path) in files {
        let (bytes, damaged, in_use) = writers.entry(name.writer()).or_default();
        // A file that is gone by now is no part of the answer.
        *bytes += fs::metadata(&path).map_or(0, |m| m.blocks() * 512);
        match name {
            Name::Damaged(_) => damaged.push(path),
            _ => *in_use = true,
        }
    }
    let in_use = writers.into_iter().filter(|(_, (_, _, in_use))| *in_use);
    in_use
        .map(|(id, (bytes, damaged, _))| look(journals, &folder, id, bytes, damaged))
        .collect()
}

/// Returns those of some writers whose lock nobody holds; no other file is looked at.
///
/// # Errors
/// [`Error::Io`].
pub fn dead(journals: &Path, writers: &[WriterId]) -> Result<Vec<WriterId>> {
    let mut found = Vec::new();
    for &writer in writers {
        if !LockFile::is_held(&lock_path(journals, writer))? {
            found.push(writer);
        }
    }
    Ok(found)
}

fn look(journals: &Path, folder: &Folder, id: WriterId, bytes: u64, kept: Vec<PathBuf>) -> Result<WriterFiles> {
    let journal = folder.journal(id)?;
    let damaged = kept
        .into_iter()
        .chain(journal.unreadable.iter().map(|(path, _)| path.clone()))
        .collect();
    let alive = LockFile::is_held(&lock_path(journals, id))?;
    let closed_cleanly = is_closed(&journal);
    Ok(WriterFiles {
        id,
        alive,
        closed_cleanly,
        bytes,
        committed: journal.bounds().end,
        damaged,
    })
}

fn is_closed(journal: &WriterJournal) -> bool {
    journal.chunks.last().is_some_and(|c| c.side.closed.is_some())
}

/// Takes a writer's journal over and checks all of it; `None` while the writer, or another adopter, holds it.
///
/// # Errors
/// [`Error::Io`].
pub fn adopt(journals: &Path, writer: WriterId) -> Result<Option<Adopted>> {
    adopt_on(journals, writer, &LinuxDisk)
}

/// As [`adopt`], with a disk that can be made to fail.
///
/// # Errors
/// As [`adopt`].
pub fn adopt_on(journals: &Path, writer: WriterId, disk: &dyn Disk) -> Result<Option<Adopted>> {
    let Some(lock) = LockFile::acquire(&lock_path(journals, writer))? else {
        return Ok(None);
    };
    let files = files::list_of(journals, writer)?;
    adopt_locked(journals, writer, lock, files, disk).map(Some)
}

/// As [`adopt`], of many writers those that nobody holds; the folder, which has many files then, is listed once.
///
/// # Errors
/// [`Error::Io`]; none is adopted then.
pub fn adopt_all(journals: &Path, writers: &[WriterId]) -> Result<Vec<Adopted>> {
    let mut locks = Vec::with_capacity(writers.len());
    for &writer in writers {
        locks.extend(LockFile::acquire(&lock_path(journals, writer))?.map(|lock| (writer, lock)));
    }
    // After the locks: a writer makes files as long as it lives.
    let mut files = files::by_writer(journals)?;
    let mut files_of = |writer| files.remove(&writer).unwrap_or_default();
    locks
        .into_iter()
        .map(|(writer, lock)| adopt_locked(journals, writer, lock, files_of(writer), &LinuxDisk))
        .collect()
}

fn adopt_locked(journals: &Path, writer: WriterId, lock: LockFile, files: Listing, disk: &dyn Disk) -> Result<Adopted> {
    failpoint!(AdoptLocked);
    let mut adopted = take(journals, writer, lock, files)?;
    if !adopted.pending.is_empty() || adopted.unsynced.is_some() {
        // On a full disk, what is pending stays in its file, and is shown in the ledger, until another adopter stores it.
        adopted = match adopted.settle(journals, disk) {
            Ok(lock) => take(journals, writer, lock, files::list_of(journals, writer)?)?,
            Err(found) => *found,
        };
    }
    failpoint!(AdoptChecked);
    Ok(adopted)
}

fn take(journals: &Path, writer: WriterId, lock: LockFile, files: Listing) -> Result<Adopted> {
    let (mut adopted, journal) = examine(journals, writer, &files)?;
    adopted.lock = Some(lock);
    adopted.sort_other_files(files, &journal)?;
    Ok(adopted)
}

/// Checks a journal as [`adopt`] does and changes nothing, also while its writer lives; there is nothing to finish then.
///
/// # Errors
/// [`Error::Io`].
pub fn inspect(journals: &Path, writer: WriterId) -> Result<Adopted> {
    Ok(examine(journals, writer, &files::list_of(journals, writer)?)?.0)
}

/// As [`inspect`], of many writers, and with one listing of the folder: of a writer that lives it may be old by now.
///
/// # Errors
/// [`Error::Io`].
pub fn inspect_all(journals: &Path, writers: &[WriterId]) -> Result<Vec<Adopted>> {
    let files = files::by_writer(journals)?;
    let inspected = |writer: &WriterId| {
        let of_writer = files.get(writer).map_or(&[][..], Vec::as_slice);
        Ok(examine(journals, *writer, of_writer)?.0)
    };
    writers.iter().map(inspected).collect()
}

type Listing = Vec<(Name, PathBuf)>;

fn examine(journals: &Path, writer: WriterId, files: &[(Name, PathBuf)]) -> Result<(Adopted, WriterJournal)> {
    let journal = Folder::of(files).journal(writer)?;
    let names = journal.names(|_| true);
    let mut adopted = Adopted {
        pending: journal.entries()?,
        unsynced: None,
        ledger: journal.ledger()?,
        unrecorded: journal.unrecorded()?,
        like: journal.chunks.last().map(|chunk| *chunk.file.header()),
        next_number: files
            .iter()
            .filter_map(|(_, path)| chunk_number(path))
            .max()
            .map_or(0, |last| last + 1),
        slots: Vec::new(),
        writer,
        from: journal.bounds().start,
        upto: journal.bounds().end,
        whole: Vec::new(),
        gaps: Vec::new(),
        missing: 0,
        outbox: pending_outbox(&journal),
        runs: Vec::new(),
        last_verified_ms: None,
        closed_cleanly: is_closed(&journal),
        faults: faults(&journal),
        unreadable: Vec::new(),
        store_id: journal.chunks.last().map(|c| c.file.header().store_id),
        names: Vec::new(),
        lock: None,
        healthy: Vec::new(),
        suspect: Vec::new(),
    };
    adopted.find_unreadable(files, &journal)?;
    adopted.check(journals, &journal, &names)?;
    adopted.mourn_ends(&journal)?;
    adopted.count_runs(&journal, &names)?;
    adopted.missing = adopted.gaps.iter().map(|g| g.to - g.from).sum();
    let named = |series: &u32| names.get(*series as usize).is_some_and(Option::is_some);
    let to_store = |(series, entry): (&u32, &Entry)| entry.pending.is_some() && named(series);
    if !adopted.pending.iter().any(to_store) {
        let entries = std::mem::take(&mut adopted.pending);
        if journal.is_behind(&entries)? {
            adopted.unsynced = Some(entries);
        }
    }
    adopted.names = names;
    Ok((adopted, journal))
}

fn faults(journal: &WriterJournal) -> Vec<(PathBuf, String)> {
    let headers = journal
        .unreadable
        .iter()
        .map(|(path, why)| (path.clone(), why.to_string()));
    let cut = journal.chunks.iter().filter(|c| !c.file.has_its_size());
    let cut = cut.map(|c| {
        (
            c.file.path().to_owned(),
            "it is shorter than its header says".to_owned(),
        )
    });
    let garbled = journal.chunks.iter().filter(|c| !c.side.damaged.is_empty());
    let garbled = garbled.map(|c| {
        let bytes: u64 = c.side.damaged.iter().map(|range| range.end - range.start).sum();
        (
            c.file.path().to_owned(),
            format!("{bytes} bytes of its side log are no record"),
        )
    });
    let slots = journal.garbled_slots.iter();
    let slots = slots.map(|(path, count)| {
        let fault = format!("the counts of {count} of its slots do not add up, and what these held back is not known");
        (path.clone(), fault)
    });
    headers.chain(cut).chain(garbled).chain(slots).collect()
}

fn chunk_number(path: &Path) -> Option<u64> {
    match Name::parse(path.file_name()?.to_str()?)? {
        Name::Chunk(_, number) => Some(number),
        _ => None,
    }
}

impl Adopted {
    /// Finds chunks whose header is damaged, and those that have lost all of it: they look as if they had not begun.
    fn find_unreadable(&mut self, files: &[(Name, PathBuf)], journal: &WriterJournal) -> Result<()> {
        let damaged = journal
            .unreadable
            .iter()
            .filter(|(_, e)| matches!(e, Error::Damaged { .. }));
        self.unreadable = damaged.map(|(path, _)| path.clone()).collect();
        for (name, path) in files.iter().filter(|(name, _)| matches!(name, Name::Chunk(..))) {
            let begun = journal.chunks.iter().any(|c| c.file.path() == path);
            if begun || journal.unreadable.iter().any(|(p, _)| p == path) {
                continue;
            }
            // Asked in this order, a writer that lives cannot begin the chunk in between.
            match is_untouched(path)
                .and_then(|untouched| Ok(untouched || ChunkFile::open(path, name.writer())?.is_some()))
            {
                Ok(false) => {
                    self.faults
                        .push((path.clone(), "its header is empty, and what follows is not".to_owned()));
                    self.unreadable.push(path.clone());
                }
                Ok(true) => {}
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn check(&mut self, journals: &Path, journal: &WriterJournal, names: &[Option<SeriesName>]) -> Result<()> {
        let is_named = |series: u32| names.get(series as usize).is_some_and(Option::is_some);
        let mut end = self.from;
        for chunk in &journal.chunks {
            if chunk.range.start > end {
                self.gap(end..chunk.range.start, "no readable chunk holds them", journals);
            }
            end = chunk.range.end.max(end);
            let mut replay = chunk.replay(true)?;
            replay.require_names(&chunk.file, is_named)?;
            let damaged = self.take(&replay, chunk.file.header().first_seq, chunk.file.path());
            let suspect = damaged || !chunk.side.damaged.is_empty() || !chunk.file.has_its_size();
            let files = if suspect { &mut self.suspect } else { &mut self.healthy };
            files.push(chunk.file.path().to_owned());
        }
        Ok(())
    }

    /// Adds the points of chunks with a damaged header before the first readable chunk, and behind the last one. Between
    /// two readable ones the numbers themselves tell what is gone.
    fn mourn_ends(&mut self, journal: &WriterJournal) -> Result<()> {
        let readable = || journal.chunks.iter().map(|c| c.file.header().chunk_no);
        let (first, last) = (readable().min(), readable().max());
        let damaged = journal
            .unreadable
            .iter()
            .filter(|(_, e)| matches!(e, Error::Damaged { .. }));
        for (number, path, why) in damaged.filter_map(|(path, e)| Some((chunk_number(path)?, path, e.to_string()))) {
            if first.is_some_and(|first| number < first) && self.from > 0 {
                self.gap(0..self.from, &why, path);
                self.from = 0;
            } else if last.is_none_or(|last| number > last) {
                let end = self.upto + counted(path)?;
                self.gap(self.upto..end, &why, path);
                self.upto = end;
            }
        }
        self.gaps.retain(|gap| gap.from < gap.to);
        self.gaps.sort_by_key(|gap| gap.from);
        Ok(())
    }

    /// Adds a chunk's verdict; true when something in it is damaged, rather than not synced.
    fn take(&mut self, replay: &Replay, first_seq: Seq, path: &Path) -> bool {
        let seqs = |points: &Range<u64>| first_seq + points.start..first_seq + points.end;
        for range in replay.whole.iter().map(seqs) {
            match self.whole.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => self.whole.push(range),
            }
        }
        for doubt in &replay.doubts {
            self.gap(seqs(&doubt.points), doubt.reason, path);
        }
        self.last_verified_ms = self.last_verified_ms.max(replay.last_verified_ms);
        replay.doubts.iter().any(|d| d.is_damage())
    }

    fn gap(&mut self, seqs: Range<Seq>, reason: &str, file: &Path) {
        self.gaps.push(Gap {
            from: seqs.start,
            to: seqs.end,
            reason: reason.to_owned(),
            file: file.to_owned(),
        });
    }

    fn count_runs(&mut self, journal: &WriterJournal, names: &[Option<SeriesName>]) -> Result<()> {
        let mut series = vec![(0_u64, i64::MIN); names.len()];
        for chunk in &journal.chunks {
            for whole in &self.whole {
                let part = whole.start.max(chunk.range.start)..whole.end.min(chunk.range.end);
                if part.is_empty() {
                    continue;
                }
                chunk.file.blocks(chunk.places(part), |block| {
                    for (id, timestamp) in u32s(block.series).zip(i64s(block.timestamp_ms)) {
                        let (points, last) = &mut series[id as usize];
                        *points += 1;
                        *last = timestamp.max(*last);
                    }
                })?;
            }
        }
        let mut runs = BTreeMap::<&str, (u64, i64)>::new();
        for (name, (points, last)) in names.iter().zip(series) {
            if let Some(name) = name {
                let run = runs.entry(&name.run_id).or_insert((0, i64::MIN));
                *run = (run.0 + points, last.max(run.1));
            }
        }
        let found = runs.into_iter().filter(|(_, (points, _))| *points > 0);
        self.runs = found
            .map(|(run, (points, last_timestamp_ms))| RunPoints {
                run_id: run.to_owned(),
                points,
                last_timestamp_ms,
            })
            .collect();
        Ok(())
    }

    /// Finds what the writer left beside chunks that have begun: leftovers, chunks made ahead, chunks that lost their header.
    fn sort_other_files(&mut self, files: Listing, journal: &WriterJournal) -> Result<()> {
        for (name, path) in files {
            let begun = journal.chunks.iter().any(|c| c.file.path() == path);
            let unreadable = journal.unreadable.iter().any(|(p, _)| *p == path);
            match name {
                Name::Temporary(_) => self.healthy.push(path),
                Name::Chunk(..) if begun || unreadable => {}
                Name::Chunk(..) if is_untouched(&path)? => self.healthy.push(path),
                Name::Chunk(..) => self.suspect.push(path),
                Name::Slots(_) => self.slots.push(path),
                Name::Lock(_) | Name::Damaged(_) => {}
            }
        }
        Ok(())
    }

    /// Stores what is pending, or says on the disk that nothing is, and returns the lock; itself where that cannot be done.
    fn settle(mut self, journals: &Path, disk: &dyn Disk) -> std::result::Result<LockFile, Box<Self>> {
        let Some(like) = &self.like else {
            return Err(Box::new(self));
        };
        let written = settle(
            journals,
            like,
            self.next_number,
            self.upto,
            self.unsynced.as_ref().unwrap_or(&self.pending),
            &self.names,
            disk,
        );
        match self.lock.take_if(|_| written.is_ok()) {
            Some(lock) => Ok(lock),
            None => Err(Box::new(self)),
        }
    }

    /// Ends the adoption. With `sealed_all`, when the catalog has committed all of [`Adopted::whole`] and [`Adopted::ledger`],
    /// the files are removed and damaged chunks renamed to `*.damaged`; without, or where something could not be stored,
    /// everything stays for the next adopter.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self, sealed_all: bool) -> Result<()> {
        let Some(lock) = self.lock.filter(|_| sealed_all && self.pending.is_empty()) else {
            return Ok(());
        };
        for path in &self.suspect {
            let mut aside = path.clone().into_os_string();
            aside.push(".damaged");
            fs::rename(path, aside).map_err(Error::io("rename", path))?;
            failpoint!(DamagedKept);
        }
        // The slots first: what they say is in the catalog now, and without chunks nobody could tell what of it is stored.
        for path in &self.slots {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
            failpoint!(SlotsRemoved);
        }
        for path in &self.healthy {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
            failpoint!(AdoptedRemoved);
        }
        lock.remove()
    }
}
