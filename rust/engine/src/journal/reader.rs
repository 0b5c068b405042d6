//! Reader: the points that one writer's chunks hold, by sequence number.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk_file::{Block, ChunkFile, f64s, i64s, u32s};
use crate::journal::entry::Entry;
use crate::journal::files::{self, Name};
use crate::journal::replay::{Replay, replay};
use crate::journal::side::Side;
use crate::journal::side_cache::SideCache;
use crate::journal::slots;
use crate::ledger::Window;
use crate::platform;
pub use crate::types::SeriesName;
use crate::types::{Seq, WriterId};

/// Points of one writer, column by column; point `i` has the sequence number `first_seq + i`.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Who logged them.
    pub writer: WriterId,
    /// Sequence number of the first.
    pub first_seq: Seq,
    /// Series numbers.
    pub series: Vec<u32>,
    /// Steps.
    pub step: Vec<i64>,
    /// Times in milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: Vec<i64>,
    /// Values, bit for bit.
    pub value: Vec<f64>,
    /// Names by series number.
    pub names: Vec<Option<SeriesName>>,
    /// Points that stand for more than themselves, in the order of their numbers.
    pub windows: Vec<Window>,
}

/// Reads points `[from, to)` of a writer.
///
/// # Errors
/// [`Error::Gone`] where no chunk holds a part of the range, [`Error::Damaged`] where one does but cannot be believed
/// ([`crate::adopt`] tells which parts can), [`Error::Io`].
pub fn read_range(journals: &Path, writer: WriterId, from: Seq, to: Seq) -> Result<Columns> {
    Folder::of(&files::list_of(journals, writer)?).read_range(writer, from, to)
}

/// The chunks of a journals folder by writer, listed once for many reads.
#[derive(Debug)]
pub struct Folder {
    chunks: HashMap<WriterId, Vec<PathBuf>>,
    slots: HashMap<WriterId, PathBuf>,
}

impl Folder {
    /// Lists the folder.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn list(journals: &Path) -> Result<Self> {
        Ok(Self::of(&files::list(journals)?))
    }

    /// The chunks among files that are listed already.
    pub fn of(files: &[(Name, PathBuf)]) -> Self {
        let (mut chunks, mut slots) = (HashMap::<_, Vec<_>>::new(), HashMap::new());
        for (name, path) in files {
            match name {
                Name::Chunk(writer, _) => chunks.entry(*writer).or_default().push(path.clone()),
                Name::Slots(writer) => _ = slots.insert(*writer, path.clone()),
                _ => {}
            }
        }
        Self { chunks, slots }
    }

    /// Writers that have a chunk here.
    pub fn writers(&self) -> impl Iterator<Item = WriterId> {
        self.chunks.keys().copied()
    }

    /// As the function [`read_range`].
    ///
    /// # Errors
    /// As the function [`read_range`].
    pub fn read_range(&self, writer: WriterId, from: Seq, to: Seq) -> Result<Columns> {
        self.journal(writer)?.read(from, to)
    }

    /// Opens the chunks of one writer. A chunk with a damaged header is skipped: its range counts as gone.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn journal(&self, writer: WriterId) -> Result<WriterJournal> {
        self.journal_again(writer, None)
    }

    /// The same, with what is known already of the side logs.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn journal_again(&self, writer: WriterId, known: Option<&SideCache>) -> Result<WriterJournal> {
        let paths = self.chunks.get(&writer).map_or(&[][..], Vec::as_slice);
        let slots = self.slots.get(&writer).map(PathBuf::as_path);
        let journal = WriterJournal::open(writer, paths, slots, known)?;
        let folder = paths.first().and_then(|path| path.parent());
        match folder.filter(|_| journal.lacks_a_chunk()) {
            Some(folder) => {
                let listed = Self::of(&files::list_of(folder, writer)?);
                let paths = listed.chunks.get(&writer).map_or(&[][..], Vec::as_slice);
                WriterJournal::open(writer, paths, slots, known)
            }
            None => Ok(journal),
        }
    }
}

/// One writer's chunks, opened at one moment.
#[derive(Debug)]
pub struct WriterJournal {
    /// Whose.
    pub writer: WriterId,
    /// Its chunks in the order of their points.
    pub chunks: Vec<Held>,
    /// Chunk files whose header cannot be read, and why; in the order of their names.
    pub unreadable: Vec<(PathBuf, Error)>,
    /// What is not stored of series with a slot, as it was when its points were counted up to here, or later.
    pub slots: Vec<Entry>,
    /// The file of slots, if some of them say what cannot be, and how many.
    pub garbled_slots: Option<(PathBuf, u64)>,
    /// End of the points when the slots were read.
    pub slots_read_at: Seq,
}

/// A chunk and the part of the writer's stream that is read from it.
#[derive(Debug)]
pub struct Held {
    /// The file.
    pub file: ChunkFile,
    /// Its side log.
    pub side: Arc<Side>,
    /// Sequence numbers to read from here; a later chunk that begins below this one's end has the better copy.
    pub range: Range<Seq>,
    /// Whether what was not synced can be believed.
    pub trusted: bool,
}

impl WriterJournal {
    fn open(writer: WriterId, paths: &[PathBuf], slots: Option<&Path>, known: Option<&SideCache>) -> Result<Self> {
        let boot_id = platform::boot_id()?;
        let (mut files, mut unreadable) = (Vec::new(), Vec::new());
        failpoint!(FolderListed);
        for path in paths {
            match ChunkFile::open(path, writer) {
                Ok(Some(file)) => files.push(file),
                // Unlinked since the folder was listed, so sealed; or not begun.
                Ok(None) => {}
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(e @ (Error::Damaged { .. } | Error::NewerFormat { .. })) => {
                    unreadable.push((path.clone(), e));
                }
                Err(e) => return Err(e),
            }
        }
        failpoint!(ChunksOpened);
        // Before the counters: a point that is stored meanwhile is then in both, which can be told, and not in none.
        let slots_read_at = match slots {
            Some(_) => files
                .iter()
                .map(end)
                .try_fold(0, |most, end| Ok::<_, Error>(most.max(end?)))?,
            None => 0,
        };
        let (mut entries, mut garbled_slots) = (Vec::new(), None);
        if let Some(path) = slots {
            let found = slots::read(path, writer, boot_id)?;
            entries = found.entries;
            garbled_slots = (found.garbled > 0).then(|| (path.to_owned(), found.garbled));
        }
        // The counters are read only now: a chunk that has a successor among the files gets no more points.
        let mut chunks = files
            .into_iter()
            .map(|f| Held::look(f, boot_id, known))
            .collect::<Result<Vec<_>>>()?;
        // A chunk without points claims none: it must not end the one that has points from the same number on.
        chunks.sort_by_key(|c| (c.range.start, !c.range.is_empty(), c.file.header().chunk_no));
        for i in 1..chunks.len() {
            let next = chunks[i].range.start;
            let range = &mut chunks[i - 1].range;
            range.end = range.end.min(next);
        }
        let settled = chunks.iter().any(|chunk| chunk.side.settled);
        Ok(Self {
            writer,
            chunks,
            unreadable,
            slots: if settled { Vec::new() } else { entries },
            garbled_slots,
            slots_read_at,
        })
    }

    /// Whether points are missing that may have moved to a chunk which was made after the folder was listed: that is so after
    /// a sync failed. Then a chunk counts less than its frames cover, or than its successor begins with.
    fn lacks_a_chunk(&self) -> bool {
        let has_heir = |number| self.chunks.iter().any(|c| c.side.replaces == Some(number));
        let counts_less = |c: &Held| c.trusted && c.side.framed() > c.range.end - c.range.start;
        let lost = |c: &Held| counts_less(c) && !has_heir(c.file.header().chunk_no);
        let follows = |pair: &[Held]| pair[0].range.end >= pair[1].range.start;
        self.chunks.iter().any(lost) || !self.chunks.windows(2).all(follows)
    }

    /// First sequence number and end of what the chunks hold; gaps are possible in between.
    pub fn bounds(&self) -> Range<Seq> {
        let from = self.chunks.first().map_or(0, |c| c.range.start);
        from..self.chunks.last().map_or(from, |c| c.range.end)
    }

    /// Names by series number, from the chunks that pass `wanted`.
    pub fn names(&self, wanted: impl Fn(&Held) -> bool) -> Vec<Option<SeriesName>> {
        let definitions = || self.chunks.iter().filter(|c| wanted(c)).flat_map(|c| &c.side.series);
        let len = definitions().map(|(id, _)| *id as usize + 1).max().unwrap_or(0);
        let mut names = vec![None; len];
        for (id, name) in definitions() {
            names[*id as usize] = Some(name.clone());
        }
        names
    }

    /// Names of the series whose number passes `wanted`, by number.
    pub fn names_by(&self, wanted: impl Fn(u32) -> bool) -> HashMap<u32, &SeriesName> {
        let definitions = self.chunks.iter().flat_map(|c| &c.side.series);
        definitions
            .filter(|(number, _)| wanted(*number))
            .map(|(number, name)| (*number, name))
            .collect()
    }

    /// Windows whose points have numbers in `range`, in the order of these. A window of one point is none.
    pub fn windows(&self, range: Range<Seq>) -> Vec<Window> {
        // A number that was not used, because the process died, may have been given out again: the last one counts.
        let written = self.chunks.iter().flat_map(|c| &c.side.windows);
        let within: BTreeMap<Seq, Window> = written
            .filter(|window| range.contains(&window.seq))
            .map(|window| (window.seq, *window))
            .collect();
        within
            .into_values()
            .filter(|window| window.aggregate.count > 1)
            .collect()
    }

    /// Hands every believable block from sequence number `from` on to `sink`, with the number of its first point.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn visit(&self, from: Seq, mut sink: impl FnMut(Seq, &Block<'_>)) -> Result<()> {
        self.chunks.iter().try_for_each(|chunk| chunk.visit(from, &mut sink))
    }

    /// Reads all points into memory and closes the files.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn load(&mut self) -> Result<()> {
        self.chunks.iter_mut().try_for_each(|chunk| {
            let points = chunk.places(chunk.range.clone()).end;
            chunk.file.load(points)
        })
    }

    /// Reads points `[from, to)`, as the function [`read_range`].
    ///
    /// # Errors
    /// As the function [`read_range`].
    pub fn read(&self, from: Seq, to: Seq) -> Result<Columns> {
        let touched = |c: &&Held| c.range.start < to && c.range.end > from && !c.range.is_empty();
        // Room for what the chunks hold, not for what was asked for: columns that grow cost as much as reading them.
        let overlap = |c: &Held| c.range.end.min(to) - c.range.start.max(from);
        let held: u64 = self.chunks.iter().filter(touched).map(overlap).sum();
        let mut columns = Columns::with_capacity(self.writer, from, held as usize);
        let mut next = from;
        for chunk in self.chunks.iter().filter(touched) {
            if chunk.range.start > next {
                return Err(Error::Gone {
                    writer: self.writer,
                    from: next,
                    to: chunk.range.start.min(to),
                });
            }
            let part = next..to.min(chunk.range.end);
            next = part.end;
            columns.extend(chunk, part)?;
        }
        if next < to {
            return Err(Error::Gone {
                writer: self.writer,
                from: next,
                to,
            });
        }
        columns.windows = self.windows(from..to);
        columns.names = self.names(|c| touched(&c));
        let unnamed = |id: &u32| columns.names.get(*id as usize).is_none_or(Option::is_none);
        if columns.series.iter().any(unnamed) {
            // Definitions lost here may be in another chunk of the writer, where the numbers mean the same.
            columns.names = self.names(|_| true);
        }
        Ok(columns)
    }
}

/// End of the points that a chunk counts now.
fn end(file: &ChunkFile) -> Result<Seq> {
    Ok(file.header().first_seq.saturating_add(file.committed()?))
}

impl Held {
    fn look(file: ChunkFile, boot_id: u128, known: Option<&SideCache>) -> Result<Self> {
        let trusted = file.is_trusted(boot_id);
        let committed = file.committed()?;
        failpoint!(PointsCounted);
        let side = match known {
            Some(known) if trusted => known.read(&file)?,
            _ => Arc::new(Side::read(&file, trusted)?),
        };
        let first = file.header().first_seq;
        let points = if trusted {
            committed
        } else {
            committed.max(side.framed())
        };
        // A garbled counter must not reach beyond what the file can have held.
        let points = points.min(crate::journal::layout::capacity(file.header().file_len));
        Ok(Self {
            range: first..first.saturating_add(points),
            file,
            side,
            trusted,
        })
    }

    /// Hands every believable block from sequence number `from` on to `sink`, with the number of its first point.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn visit(&self, from: Seq, sink: &mut impl FnMut(Seq, &Block<'_>)) -> Result<()> {
        if self.range.end <= from || self.range.is_empty() {
            return Ok(());
        }
        let part = self.places(from.max(self.range.start)..self.range.end);
        for whole in self.replay(false)?.whole {
            let points = whole.start.max(part.start)..whole.end.min(part.end);
            let mut seq = self.file.header().first_seq + points.start;
            self.file.blocks(points, |block| {
                sink(seq, &block);
                seq += block.len() as u64;
            })?;
        }
        Ok(())
    }

    /// A range of sequence numbers as places in this chunk.
    pub fn places(&self, range: Range<Seq>) -> Range<u64> {
        let first = self.file.header().first_seq;
        range.start - first..range.end - first
    }

    /// Verdict over the chunk's points. Those of a trusted chunk are checked when `verify` asks for it only.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn replay(&self, verify: bool) -> Result<Replay> {
        let points = self.places(self.range.clone()).end;
        if self.trusted && !verify && self.side.lost.is_empty() && points <= self.file.capacity() {
            return Ok(Replay::trusting(points));
        }
        replay(&self.file, &self.side, points, self.trusted)
    }
}

/// Room for so many values.
fn column<T>(points: usize) -> Vec<T> {
    let mut column = Vec::with_capacity(points);
    platform::prefer_large_pages(column.spare_capacity_mut());
    column
}

impl Columns {
    fn with_capacity(writer: WriterId, first_seq: Seq, points: usize) -> Self {
        Self {
            writer,
            first_seq,
            series: column(points),
            step: column(points),
            timestamp_ms: column(points),
            value: column(points),
            names: Vec::new(),
            windows: Vec::new(),
        }
    }

    fn extend(&mut self, chunk: &Held, range: Range<Seq>) -> Result<()> {
        let places = chunk.places(range);
        let replay = chunk.replay(false)?;
        if !replay
            .whole
            .iter()
            .any(|w| w.start <= places.start && places.end <= w.end)
        {
            let overlaps = |r: &Range<u64>| r.start < places.end && places.start < r.end;
            let reason = replay
                .doubts
                .iter()
                .find(|d| overlaps(&d.points))
                .map_or("unreadable points", |d| d.reason);
            return Err(Error::damaged(chunk.file.path(), reason));
        }
        let points = (places.end - places.start) as usize;
        self.series.reserve(points);
        self.step.reserve(points);
        self.timestamp_ms.reserve(points);
        self.value.reserve(points);
        chunk.file.blocks(places, |block| self.push(&block))
    }

    fn push(&mut self, block: &Block<'_>) {
        self.series.extend(u32s(block.series));
        self.step.extend(i64s(block.step));
        self.timestamp_ms.extend(i64s(block.timestamp_ms));
        self.value.extend(f64s(block.value));
    }
}

/// Outbox items of a journal that are not done, oldest first.
pub fn pending_outbox(journal: &WriterJournal) -> Vec<(u64, Vec<u8>)> {
    let done = journal.chunks.iter().map(|c| c.side.outbox_done).max().unwrap_or(0);
    let items = journal
        .chunks
        .iter()
        .flat_map(|c| &c.side.outbox)
        .filter(|(id, _)| *id > done);
    items
        .map(|(id, payload)| (*id, payload.clone()))
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect()
}
