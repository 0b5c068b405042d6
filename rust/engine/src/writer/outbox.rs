//! Outbox: what the catalog could not take yet, kept in the journal meanwhile.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::journal::layout::BLOCK_BYTES;
use crate::journal::record::{MAX_OUTBOX_BYTES, Record};
use crate::writer::Writer;
use crate::writer::room::{Patience, Use};
use crate::writer::sync::not_ready;

/// How long an item waits for room at least: unlike a point, it has nowhere else to go.
const PATIENCE: Duration = Duration::from_secs(1);

impl Writer {
    /// Keeps a payload until [`Writer::finish_outbox`], over crashes too; returns its id. Ids go up from 1.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::NoRoom`] where no chunk can be made within the bound, [`Error::Forked`],
    /// [`Error::Closed`].
    pub fn push_outbox(&self, payload: &[u8]) -> Result<u64> {
        self.in_this_process()?;
        if payload.len() > MAX_OUTBOX_BYTES {
            return Err(Error::TooLong {
                what: "an outbox item",
                bytes: payload.len(),
                limit: MAX_OUTBOX_BYTES,
            });
        }
        let mut patience = Patience::of(self.inner.config.max_block.max(PATIENCE));
        let least_bytes = (payload.len() + 8 * BLOCK_BYTES) as u64;
        let mut cold = self.inner.cold.lock();
        loop {
            let id = cold.outbox.0 + 1;
            let record = Record::Outbox(id, payload.to_vec()).encode();
            if self.append_side(&mut cold, &record, Use::Ordinary) {
                cold.outbox.0 = id;
                if let Some(current) = &mut cold.current {
                    current.book.outbox = id;
                }
                return Ok(id);
            }
            if let Some(reason) = self.wait_for_room(&mut cold, &mut patience, least_bytes)? {
                let reason = cold.refused.clone().unwrap_or_else(|| format!("{reason:?}"));
                return Err(Error::NoRoom { reason });
            }
        }
    }

    /// Says that every item up to `upto` has reached the catalog.
    ///
    /// # Errors
    /// As [`Writer::push_outbox`].
    pub fn finish_outbox(&self, upto: u64) -> Result<()> {
        self.in_this_process()?;
        let mut patience = Patience::of(self.inner.config.max_block.max(PATIENCE));
        let mut cold = self.inner.cold.lock();
        let upto = upto.min(cold.outbox.0);
        while upto > cold.outbox.1 {
            if self.append_side(&mut cold, &Record::OutboxDone(upto).encode(), Use::Reserve) {
                cold.outbox.1 = upto;
            } else if self.wait_for_room(&mut cold, &mut patience, 0)?.is_some() {
                let reason = not_ready(&cold);
                return Err(Error::NoRoom { reason });
            }
        }
        Ok(())
    }
}
