//! Preparer: makes chunks before they are needed, and takes the mappings of old ones away.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::journal::chunk::Chunk;
use crate::journal::layout::BLOCK_BYTES;
use crate::platform::{Builder, block_signals};
use crate::writer::Writer;
use crate::writer::lane::{Cold, Current, Prepared};
use crate::writer::room::after;
use crate::writer::signals::Signals;

/// How soon making a chunk is tried again after the disk has refused.
const RETRY: Duration = Duration::from_millis(200);
/// A chunk that fills sooner has its pages put into the cache ahead.
const SOON: Duration = Duration::from_secs(2);
const POINT_BYTES: u64 = 28;

impl Writer {
    /// Starts the two background threads. They hold the writer only while they work, so that dropping it ends them.
    pub(super) fn start_threads(self: &Arc<Self>) -> Result<()> {
        let start = |name: &str, run: fn(&Weak<Self>, &Signals)| {
            let (writer, signals) = (Arc::downgrade(self), Arc::clone(&self.inner.signals));
            let body = move || {
                block_signals();
                run(&writer, &signals);
            };
            // The handle is not kept: a forked child must not have one of a thread that it does not have.
            Builder::new().name(name.to_owned()).spawn(body).map(drop)
        };
        start("runlake-prepare", prepare)
            .and_then(|()| start("runlake-sync", sync))
            .map_err(Error::io("start a thread for", &self.inner.journals))
    }

    /// Makes the chunk that is asked for; returns when to try again if the disk refuses.
    fn prepare_chunk(&self) -> Option<Duration> {
        let _making = self.inner.making.lock();
        let (bytes, least_bytes, number, warm) = {
            let mut cold = self.inner.cold.lock();
            let bytes = cold.wanted_bytes.filter(|_| cold.closed_at.is_none())?;
            cold.next_number += 1;
            (
                bytes,
                cold.least_bytes,
                cold.next_number - 1,
                self.is_soon_full_through_the_map(&cold, bytes),
            )
        };
        let made = self.make_chunk_that_fits(number, bytes, least_bytes, warm);
        let mut cold = self.inner.cold.lock();
        match made {
            Ok(prepared) if cold.closed_at.is_none() => {
                if cold.wanted_bytes == Some(bytes) {
                    cold.wanted_bytes = None;
                }
                if let Some(other) = cold.prepared.replace(prepared) {
                    cold.discarded.push(other.chunk.path().to_owned());
                }
                cold.refused = None;
                self.ask_for_spare_slots(&mut cold);
                self.inner.room.notify_all();
                None
            }
            Ok(prepared) => {
                cold.discarded.push(prepared.chunk.path().to_owned());
                None
            }
            Err(e) => {
                cold.refused = Some(e.to_string());
                cold.last_error = cold.refused.clone();
                Some(RETRY)
            }
        }
    }

    /// Makes a chunk of `bytes`, or of half of it and so on where the disk is nearly full.
    fn make_chunk_that_fits(&self, number: u64, bytes: u64, least_bytes: u64, warm: bool) -> Result<Prepared> {
        let mut bytes = bytes;
        loop {
            let made = self.make_chunk(number, bytes, warm);
            let smaller = (bytes / 2).next_multiple_of(BLOCK_BYTES as u64);
            match made {
                Err(Error::Io { source, .. }) if is_full(&source) && smaller >= least_bytes => bytes = smaller,
                made => return made,
            }
        }
    }

    /// Whether a new chunk of `bytes` will be full within [`SOON`], at the rate at which single points filled the last two.
    ///
    /// A slow run is better off with the faults: pages warmed together are written to the disk together, at every sync.
    fn is_soon_full_through_the_map(&self, cold: &Cold, bytes: u64) -> bool {
        let count = self.hot.lock().cursor.count();
        let now = cold.current.as_ref().map_or(0.0, |c| self.pace(c, count));
        bytes as f64 <= now.max(cold.last_pace) * SOON.as_secs_f64()
    }

    /// Bytes a second that single points brought to the current chunk, which has `count` points.
    pub(super) fn pace(&self, current: &Current, count: u64) -> f64 {
        let single = count.saturating_sub(current.written_past_map);
        (single * POINT_BYTES) as f64 / current.since.elapsed().as_secs_f64()
    }

    /// Unmaps one chunk that gets no more points, or removes one file that nobody needs; false when there was neither.
    ///
    /// One at a time, because a caller may be waiting for a new chunk meanwhile.
    fn tidy_one(&self) -> bool {
        let (map, file) = {
            let mut cold = self.inner.cold.lock();
            let map = cold.past.iter_mut().find_map(|p| p.map.take());
            let file = if map.is_none() { cold.discarded.pop() } else { None };
            (map, file)
        };
        if let Some(path) = &file
            && let Err(e) = Chunk::remove(path)
        {
            self.inner.cold.lock().last_error = Some(e.to_string());
        }
        map.is_some() || file.is_some()
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn prepare(writer: &Weak<Writer>, signals: &Signals) {
    let mut retry = None;
    while signals.wait_to_prepare(retry) {
        let Some(writer) = writer.upgrade() else { return };
        retry = writer.prepare_chunk();
        writer.prepare_slots();
        if retry.is_none() && writer.tidy_one() {
            signals.ask_to_prepare();
        }
    }
}

fn sync(writer: &Weak<Writer>, signals: &Signals) {
    let Some(interval) = writer.upgrade().map(|w| w.inner.config.sync_interval) else {
        return;
    };
    let mut next = after(interval);
    while signals.wait_to_sync(next) {
        let Some(writer) = writer.upgrade() else { return };
        next = after(interval);
        writer.sync_pass();
    }
}
