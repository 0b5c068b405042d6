//! Preparer: makes chunks before they are needed, and takes the mappings of old ones away.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::journal::chunk::Chunk;
use crate::journal::map::Map;
use crate::platform::block_signals;
use crate::writer::Writer;
use crate::writer::signals::Signals;

/// How soon making a chunk is tried again after the disk has refused.
const RETRY: Duration = Duration::from_millis(200);

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
            thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
        };
        start("runlake-prepare", prepare)
            .and_then(|()| start("runlake-sync", sync))
            .map_err(Error::io("start a thread for", &self.inner.journals))
    }

    /// Makes the chunk that is asked for; returns when to try again if the disk refuses.
    fn prepare_chunk(&self) -> Option<Duration> {
        let (bytes, number, populate) = {
            let mut cold = self.inner.cold.lock();
            let Some(bytes) = cold.wanted_bytes.filter(|_| cold.closed_at.is_none()) else {
                return None;
            };
            let number = cold.next_number;
            cold.next_number += 1;
            let mapped = |c: &super::lane::Current| c.written_past_map * 2 <= self.hot.lock().cursor.count();
            (bytes, number, cold.current.as_ref().is_some_and(mapped))
        };
        let made = self.make_chunk(number, bytes);
        let mut cold = self.inner.cold.lock();
        match made {
            Ok(prepared) if cold.closed_at.is_none() => {
                let map = Arc::clone(&prepared.map);
                if cold.wanted_bytes == Some(bytes) {
                    cold.wanted_bytes = None;
                }
                if let Some(other) = cold.prepared.replace(prepared) {
                    cold.discarded.push(other.chunk.path().to_owned());
                }
                cold.refused = None;
                self.inner.room.notify_all();
                drop(cold);
                if populate {
                    self.populate(&map);
                }
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

    /// Takes the page faults of a chunk, unless the writer turns out slow enough to take them itself.
    fn populate(&self, map: &Arc<Map>) {
        let started = Instant::now();
        map.populate(|| {
            let cold = self.inner.cold.lock();
            let waits = cold.prepared.as_ref().is_some_and(|p| Arc::ptr_eq(&p.map, map));
            let fills = cold.current.as_ref().is_some_and(|c| Arc::ptr_eq(&c.map, map));
            cold.closed_at.is_none() && (waits || fills) && started.elapsed() < Duration::from_secs(1)
        });
    }

    /// Unmaps chunks that get no more points, and removes files that nobody needs.
    fn tidy(&self) {
        let (maps, files) = {
            let mut cold = self.inner.cold.lock();
            let maps: Vec<_> = cold.past.iter_mut().filter_map(|p| p.map.take()).collect();
            (maps, std::mem::take(&mut cold.discarded))
        };
        drop(maps);
        for path in files {
            if let Err(e) = Chunk::remove(&path) {
                self.inner.cold.lock().last_error = Some(e.to_string());
            }
        }
    }
}

fn prepare(writer: &Weak<Writer>, signals: &Signals) {
    let mut retry = None;
    while signals.wait_to_prepare(retry) {
        let Some(writer) = writer.upgrade() else { return };
        retry = writer.prepare_chunk();
        writer.tidy();
    }
}

fn sync(writer: &Weak<Writer>, signals: &Signals) {
    let Some(interval) = writer.upgrade().map(|w| w.inner.config.sync_interval) else {
        return;
    };
    let mut next = Instant::now() + interval;
    while signals.wait_to_sync(next) {
        let Some(writer) = writer.upgrade() else { return };
        next = Instant::now() + interval;
        writer.sync_pass();
    }
}
