//! The end of chunks, and of the writer.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk::Chunk;
use crate::platform::LockFile;
use crate::types::Seq;
use crate::writer::Writer;
use crate::writer::lane::{Cold, Past};
use crate::writer::room::Use;

/// A sealed current chunk smaller than this stays in use: it can still take points, and making another costs more.
const BIG: u64 = 1 << 20;

impl Writer {
    /// Removes the chunks whose points are all below `sealed`, which the catalog must have committed.
    ///
    /// The current chunk is retired first if it is large and all of it is sealed. Chunks with outbox items that are not done
    /// stay, and so do those after them.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Forked`], [`Error::Closed`].
    pub fn trim(&self, sealed: Seq) -> Result<()> {
        self.in_this_process()?;
        let mut cold = self.inner.cold.lock();
        if cold.closed_at.is_some() {
            return Err(Error::Closed);
        }
        let committed = self.next_seq(&cold);
        failpoint!(TrimBegun);
        cold.sealed = cold.sealed.max(sealed.min(committed));
        (cold.starved, cold.records_bytes) = (false, 0);
        self.inner.room.notify_all();
        if !self.define_gated(&mut cold) {
            // What is removed may have the only names of series whose points are pending. The next trim removes it.
            return Ok(());
        }
        let mut files = self.take_sealed(&mut cold, 0);
        let all_sealed = cold.past.is_empty() && cold.sealed == committed;
        let current = cold.current.as_ref().filter(|c| c.book.first_seq < committed);
        if all_sealed
            && current.is_some_and(|c| c.chunk.bytes() >= BIG && c.book.outbox <= cold.outbox.1)
            && self.try_roll(&mut cold, 0)
        {
            files.extend(self.take_sealed(&mut cold, 0));
        }
        drop(cold);
        files.iter().try_for_each(|path| Chunk::remove(path))
    }

    /// Ends the writer: syncs the rest, gives unused space back and frees the lock.
    ///
    /// The lock file stays as long as there is a point that is not sealed, for whoever seals it. A second call does nothing.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::NoRoom`] where the rest could not be synced; it is closed all the same. [`Error::Forked`].
    pub fn close(&self) -> Result<()> {
        self.in_this_process()?;
        if !self.stop_taking_points() {
            return Ok(());
        }
        failpoint!(CloseBegun);
        self.inner.signals.ask_to_stop();
        // A chunk that is being made now is discarded by its maker; after this, none is made.
        drop(self.inner.making.lock());
        let turn = self.inner.turn.lock();
        // What is sealed needs no journal, so it need not be synced to be removed.
        let removable = {
            let mut cold = self.inner.cold.lock();
            // With points still pending, who stores them needs a chunk that says where the stream ends.
            let spared = usize::from(!self.hot.lock().gates.is_empty() || cold.ledger.unrecorded() > 0);
            self.take_sealed(&mut cold, spared)
        };
        let synced = self.sync_everything(true);
        failpoint!(CloseSynced);
        drop(turn);
        let lock = self.inner.lock.lock().take();
        let removed = self.remove_files(removable, lock);
        synced.and(removed)
    }

    /// False when somebody else has done it.
    fn stop_taking_points(&self) -> bool {
        let mut cold = self.inner.cold.lock();
        if cold.closed_at.is_some() {
            return false;
        }
        if let Err(e) = self.end_all_gates(&mut cold) {
            cold.last_error = Some(e.to_string());
        }
        self.write_ledger(&mut cold, Use::Reserve);
        self.count_what_has_no_record(&mut cold);
        let end = self.next_seq(&cold);
        self.retire(&mut cold);
        cold.closed_at = Some(end);
        if let Some(last) = cold.past.back_mut() {
            last.closing = true;
        }
        if let Some(prepared) = cold.prepared.take() {
            cold.discarded.push(prepared.chunk.path().to_owned());
        }
        self.inner.room.notify_all();
        self.inner.grown.notify_all();
        true
    }

    fn remove_files(&self, mut files: Vec<PathBuf>, lock: Option<LockFile>) -> Result<()> {
        let mut cold = self.inner.cold.lock();
        files.append(&mut cold.discarded);
        cold.past.iter_mut().for_each(|past| past.map = None);
        if let Some(slots) = cold.slots.file.take()
            && self.hot.lock().gates.is_empty()
        {
            files.push(slots.path().to_owned());
        }
        let nothing_left = cold.past.is_empty();
        drop(cold);
        files.iter().try_for_each(|path| Chunk::remove(path))?;
        failpoint!(CloseTidied);
        match lock {
            Some(lock) if nothing_left => lock.remove(),
            _ => Ok(()),
        }
    }

    /// Takes the chunks off the front that nobody needs any more, but for the last `spared`.
    ///
    /// After a power cut, what is pending is in records only. Where the disk is full, room is worth more than that.
    fn take_sealed(&self, cold: &mut Cold, spared: usize) -> Vec<PathBuf> {
        let (sealed, done) = (cold.sealed, cold.outbox.1);
        let accounted = match cold.refused.is_some() || self.hot.lock().gates.is_empty() {
            true => u64::MAX,
            false => cold.accounted,
        };
        let needless = |past: &Past| {
            let book = &past.book;
            book.first_seq + past.points <= sealed && book.outbox <= done && past.number < accounted
        };
        let most = cold.past.len().saturating_sub(spared);
        let count = cold.past.iter().take(most).take_while(|past| needless(past)).count();
        cold.past.drain(..count).map(|past| past.path).collect()
    }
}
