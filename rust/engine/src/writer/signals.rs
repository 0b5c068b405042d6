//! Signals to the background threads, which outlive nothing: they hold a writer only while they work.

use std::time::{Duration, Instant};

use crate::platform::{Condvar, Mutex};
use crate::writer::room::after;

/// What the threads are asked to do.
#[derive(Debug, Default)]
pub(super) struct Signals {
    asked: Mutex<Asked>,
    prepare: Condvar,
    sync: Condvar,
}

#[derive(Debug, Default)]
struct Asked {
    prepare: bool,
    sync: bool,
    stop: bool,
}

impl Signals {
    /// Asks for a chunk, or for the unmapping of old ones.
    pub(super) fn ask_to_prepare(&self) {
        self.asked.lock().prepare = true;
        self.prepare.notify_one();
    }

    /// Asks for a sync now.
    pub(super) fn ask_to_sync(&self) {
        self.asked.lock().sync = true;
        self.sync.notify_one();
    }

    /// Asks the threads to end.
    pub(super) fn ask_to_stop(&self) {
        self.asked.lock().stop = true;
        self.prepare.notify_all();
        self.sync.notify_all();
    }

    /// Waits until there is something to prepare, or `retry` has passed; false when it is time to end.
    pub(super) fn wait_to_prepare(&self, retry: Option<Duration>) -> bool {
        let mut asked = self.asked.lock();
        let until = retry.map(after);
        while !asked.prepare && !asked.stop {
            match until {
                None => self.prepare.wait(&mut asked),
                Some(until) if self.prepare.wait_until(&mut asked, until) => break,
                Some(_) => {}
            }
        }
        asked.prepare = false;
        !asked.stop
    }

    /// Waits until `next`, or until somebody asks for a sync; false when it is time to end.
    pub(super) fn wait_to_sync(&self, next: Instant) -> bool {
        let mut asked = self.asked.lock();
        while !asked.sync && !asked.stop && !self.sync.wait_until(&mut asked, next) {}
        asked.sync = false;
        !asked.stop
    }
}
