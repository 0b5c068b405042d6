//! A chunk file of this writer, from its making to its end.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::files::chunk_path;
use crate::journal::layout::{
    BLOCK_BYTES, COMMITTED_AT, DURABLE_AT, Header, POISONED_AT, SIDE_COMMITTED_AT, block_count_offset, block_offset,
    side_place,
};
use crate::platform::{self, Disk, Keeping, Registered};
use crate::types::{Seq, WriterId};

/// Zeros written at once. The page cache keeps them as one unit, which is then written to the disk as one.
const WARM_BYTES: usize = 256 << 10;

/// An allocated file with its final name. Until its header is written it counts as not begun.
#[derive(Debug)]
pub struct Chunk {
    file: Registered,
    path: PathBuf,
    number: u64,
    len: u64,
    place: (u64, u64),
    named_on_disk: AtomicBool,
}

impl Chunk {
    /// Makes a chunk file, reserves all of its space, and gives it its name. Where nothing can be reserved, a file that is to
    /// be written gets its size alone.
    ///
    /// # Errors
    /// [`Error::Io`], above all that the disk is full; nothing is left behind.
    pub fn create(
        journals: &Path,
        writer: WriterId,
        number: u64,
        len: u64,
        keeping: Keeping,
        disk: &dyn Disk,
    ) -> Result<Self> {
        let chunk = Self::create_hidden(journals, writer, number, len, keeping, disk)?;
        match chunk.give_name() {
            Ok(()) => Ok(chunk),
            Err(e) => Self::remove(&chunk.temporary()).and(Err(Error::io("make", &chunk.path)(e))),
        }
    }

    /// As [`Chunk::create`], under a temporary name: no reader sees it before [`Chunk::give_name`].
    ///
    /// # Errors
    /// As [`Chunk::create`].
    pub fn create_hidden(
        journals: &Path,
        writer: WriterId,
        number: u64,
        len: u64,
        keeping: Keeping,
        disk: &dyn Disk,
    ) -> Result<Self> {
        let path = chunk_path(journals, writer, number);
        let temporary = temporary(&path);
        let made = Self::allocate(&temporary, len, keeping, disk).map(|(file, place)| Self {
            file,
            path: path.clone(),
            number,
            len,
            place,
            named_on_disk: AtomicBool::new(false),
        });
        made.map_err(|e| {
            // The error matters more than a leftover, which recovery removes.
            let _ = fs::remove_file(&temporary);
            Error::io("make", &path)(e)
        })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn give_name(&self) -> io::Result<()> {
        failpoint!(ChunkAllocated);
        fs::rename(self.temporary(), &self.path)?;
        failpoint!(ChunkNamed);
        Ok(())
    }

    /// The path until it has its name.
    pub fn temporary(&self) -> PathBuf {
        temporary(&self.path)
    }

    /// Opens a chunk that another process has made and begun, for its last sync. Its writer's lock is the caller's.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn reopen(path: &Path, number: u64) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = Registered::new(file.map_err(Error::io("open", path))?);
        let metadata = file.metadata().map_err(Error::io("stat", path))?;
        Ok(Self {
            path: path.to_owned(),
            number,
            len: metadata.len(),
            place: (metadata.dev(), metadata.ino()),
            named_on_disk: AtomicBool::new(false),
            file,
        })
    }

    fn allocate(temporary: &Path, len: u64, keeping: Keeping, disk: &dyn Disk) -> io::Result<(Registered, (u64, u64))> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(temporary)?;
        let file = Registered::new(file);
        match disk.allocate(&file, len) {
            Err(e) if keeping == Keeping::Written && platform::is_unsupported(&e) => file.set_len(len)?,
            allocated => allocated?,
        }
        let metadata = file.metadata()?;
        Ok((file, (metadata.dev(), metadata.ino())))
    }

    /// The header of this chunk when its points begin at `first_seq`.
    pub fn header(&self, identity: &Identity, first_seq: Seq) -> Header {
        Header {
            store_id: identity.store_id,
            writer: identity.writer,
            chunk_no: self.number,
            first_seq,
            file_len: self.len,
            boot_id: identity.boot_id,
            device: self.place.0,
            inode: self.place.1,
            created_ms: crate::clock::now_ms(),
            counted_in_blocks: false,
        }
    }

    /// The open file.
    pub fn file(&self) -> &fs::File {
        &self.file
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number in its name.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Size of the file.
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// Blocks of points and side log that fit.
    pub fn blocks(&self) -> u64 {
        self.len / BLOCK_BYTES as u64 - 1
    }

    /// Puts the whole chunk into the page cache, so that a fault of its mapping costs 0.1 µs instead of 1 to 8.
    ///
    /// Only for a chunk that has not begun: what it holds would be overwritten. A failure costs speed and nothing else.
    pub fn warm(&self) {
        let zeros = vec![0; WARM_BYTES.min(self.len as usize)];
        let mut at = 0;
        while at < self.len {
            let piece = &zeros[..zeros.len().min((self.len - at) as usize)];
            if self.file.write_all_at(piece, at).is_err() {
                return;
            }
            at += piece.len() as u64;
        }
    }

    /// Writes whole blocks of points, beginning with the block of point `index`, past the mapping.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_blocks(&self, index: u64, blocks: &[u8]) -> io::Result<()> {
        self.file.write_all_at(blocks, block_offset(index))
    }

    /// Appends to the side log of a chunk whose mapping is gone, and publishes the new length, which it returns.
    ///
    /// # Errors
    /// What the system says.
    pub fn append_side(&self, at: u64, bytes: &[u8]) -> io::Result<u64> {
        for (offset, piece) in side_pieces(self.len, at, bytes) {
            self.file.write_all_at(piece, offset)?;
        }
        let end = at + bytes.len() as u64;
        self.file.write_all_at(&end.to_le_bytes(), SIDE_COMMITTED_AT as u64)?;
        Ok(end)
    }

    /// Brings the content and the name to the disk.
    ///
    /// # Errors
    /// What the system says; then what was not on the disk before may never be.
    pub fn sync(&self, disk: &dyn Disk) -> io::Result<()> {
        self.sync_content(disk)?;
        if !self.named_on_disk.load(Ordering::Relaxed) {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            platform::sync_names(&fs::File::open(folder)?)?;
            failpoint!(NameSynced);
            self.named_on_disk.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Brings the content to the disk.
    ///
    /// # Errors
    /// As [`Chunk::sync`].
    pub fn sync_content(&self, disk: &dyn Disk) -> io::Result<()> {
        disk.sync(&self.file)?;
        failpoint!(ContentSynced);
        Ok(())
    }

    /// Notes in the header how many points are on the disk. Who goes on with the stream saves a sync by it, so that a failure
    /// is no error.
    pub fn note_durable(&self, points: u64) {
        let _ = self.file.write_all_at(&points.to_le_bytes(), DURABLE_AT as u64);
        failpoint!(DurableNoted);
    }

    /// Notes in the header that a sync has failed, for who goes on with the stream on this boot.
    pub fn note_poisoned(&self) {
        let _ = self.file.write_all_at(&1_u64.to_le_bytes(), POISONED_AT as u64);
    }

    /// Takes the points from number `points` on, one of which there is, out of what the chunk counts.
    ///
    /// # Errors
    /// What the system says.
    pub fn lower_committed(&self, points: u64) -> io::Result<()> {
        self.file.write_all_at(&points.to_le_bytes(), COMMITTED_AT as u64)?;
        self.file.write_all_at(&[0; 8], block_count_offset(points))
    }

    /// Gives the blocks between the points and the side log back to the disk. That saves space only, so a failure is no error.
    pub fn cut(&self, disk: &dyn Disk, point_blocks: u64, side_blocks: u64) {
        let block = BLOCK_BYTES as u64;
        let (from, to) = ((1 + point_blocks) * block, self.len - side_blocks * block);
        if from < to {
            let _ = disk.punch_hole(&self.file, from, to);
            failpoint!(MiddleCut);
        }
    }

    /// Removes the file's name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(path: &Path) -> Result<()> {
        let removed = fs::remove_file(path);
        failpoint!(ChunkRemoved);
        match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
            _ => Ok(()),
        }
    }
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension("journal.tmp")
}

/// What all chunks of a writer have in common.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Store that the writer belongs to.
    pub store_id: u128,
    /// The writer.
    pub writer: WriterId,
    /// This boot.
    pub boot_id: u128,
}

/// Where the bytes of a side-log append go: pieces that end where a block does.
pub fn side_pieces(file_len: u64, mut at: u64, mut bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let (offset, room) = side_place(file_len, at);
        let (piece, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        bytes = rest;
        at += piece.len() as u64;
        (!piece.is_empty()).then_some((offset, piece))
    })
}
