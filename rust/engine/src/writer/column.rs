//! Columns of points: block images, built in a buffer and written past the mapping.
//!
//! `pwrite` into the page cache is several times faster than faulting a mapping in, and leaves no resident memory. One slice
//! is at most 1 MiB, so that other threads do not wait long for the lane.

use crate::platform::MutexGuard;

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::layout::{BLOCK_BYTES, COMMITTED_AT, POINTS_PER_BLOCK, STEP_AT, TIMESTAMP_AT, VALUE_AT, blocks_of};
use crate::journal::map::Cursor;
use crate::types::{DropReason, Outcome, Point, SeriesId, Times};
use crate::writer::Writer;
use crate::writer::lane::Cold;
use crate::writer::room::Patience;

/// Points in a slice: 255 blocks, so that a slice that begins within a block stays within 1 MiB.
const SLICE_POINTS: usize = 255 * POINTS_PER_BLOCK;
/// Below this many points, storing them one by one costs less than a system call.
const SMALL: usize = 2 * POINTS_PER_BLOCK;

/// Series of the points of a batch.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    One(SeriesId),
    Each(&'a [SeriesId]),
}

/// Points as columns of equal length.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub series: Which<'a>,
    pub steps: &'a [i64],
    pub times: Times<'a>,
    pub values: &'a [f64],
}

impl<'a> Batch<'a> {
    /// Checks that the columns have one length.
    pub(super) fn checked(self) -> Result<Self> {
        let expected = self.steps.len();
        let same = |what, got| {
            if got == expected {
                Ok(())
            } else {
                Err(Error::LengthMismatch { what, got, expected })
            }
        };
        same("values", self.values.len())?;
        if let Times::Slice(times) = self.times {
            same("timestamps", times.len())?;
        }
        if let Which::Each(series) = self.series {
            same("series", series.len())?;
        }
        Ok(self)
    }

    fn len(&self) -> usize {
        self.steps.len()
    }

    fn part(&self, from: usize, to: usize) -> Self {
        Self {
            series: match self.series {
                Which::One(_) => self.series,
                Which::Each(series) => Which::Each(&series[from..to]),
            },
            steps: &self.steps[from..to],
            times: match self.times {
                Times::Constant(_) => self.times,
                Times::Slice(times) => Times::Slice(&times[from..to]),
            },
            values: &self.values[from..to],
        }
    }

    fn series_at(&self, i: usize) -> SeriesId {
        match self.series {
            Which::One(series) => series,
            Which::Each(series) => series[i],
        }
    }

    fn point_at(&self, i: usize) -> Point {
        let timestamp_ms = match self.times {
            Times::Constant(time) => time,
            Times::Slice(times) => times[i],
        };
        Point {
            step: self.steps[i],
            timestamp_ms,
            value: self.values[i],
        }
    }

    /// Writes the images of the blocks that hold the batch, which begins at a block's first slot.
    fn build(&self, image: &mut Vec<u8>) {
        let blocks = self.len().div_ceil(POINTS_PER_BLOCK);
        image.resize(blocks * BLOCK_BYTES, 0);
        if let Some(last) = image.last_chunk_mut::<BLOCK_BYTES>() {
            // The other blocks are overwritten in full; here, slots without a point are zeros.
            last.fill(0);
        }
        for (block, from) in image.chunks_exact_mut(BLOCK_BYTES).zip((0..).step_by(POINTS_PER_BLOCK)) {
            self.part(from, self.len().min(from + POINTS_PER_BLOCK))
                .build_block(block);
        }
    }

    fn build_block(&self, block: &mut [u8]) {
        let (series, rest) = block.split_at_mut(STEP_AT);
        let (step, rest) = rest.split_at_mut(TIMESTAMP_AT - STEP_AT);
        let (timestamp, value) = rest.split_at_mut(VALUE_AT - TIMESTAMP_AT);
        match self.series {
            Which::One(id) => put(&mut series[..4 * self.len()], std::iter::repeat(id.0.to_le_bytes())),
            Which::Each(ids) => put(series, ids.iter().map(|id| id.0.to_le_bytes())),
        }
        put(step, self.steps.iter().map(|s| s.to_le_bytes()));
        match self.times {
            Times::Constant(time) => put(&mut timestamp[..8 * self.len()], std::iter::repeat(time.to_le_bytes())),
            Times::Slice(times) => put(timestamp, times.iter().map(|t| t.to_le_bytes())),
        }
        put(value, self.values.iter().map(|v| v.to_bits().to_le_bytes()));
    }
}

fn put<const N: usize>(column: &mut [u8], values: impl Iterator<Item = [u8; N]>) {
    column
        .as_chunks_mut::<N>()
        .0
        .iter_mut()
        .zip(values)
        .for_each(|(slot, value)| *slot = value);
}

impl Writer {
    /// Stores a batch in slices; what finds no room within the bound is merged or dropped.
    pub(super) fn append_batch(&self, batch: Batch<'_>) -> Result<u64> {
        self.store_batch(batch, true)
    }

    /// Stores a batch in slices. What finds no room within the bound is merged or dropped, or ends it, as `all` says; returns
    /// how many points are not dropped.
    pub(super) fn store_batch(&self, batch: Batch<'_>, all: bool) -> Result<u64> {
        let batch = batch.checked()?;
        let mut patience = Patience::new(&self.inner.config);
        let (mut done, mut dropped) = (0, 0);
        while done < batch.len() {
            let rest = batch.part(done, batch.len());
            let mut cold = self.inner.cold.lock();
            match self.append_slice(&mut cold, &rest, &mut patience)? {
                Ok(points) => done += points,
                Err(_) if !all => break,
                Err(reason) => {
                    let refused = rest.part(0, rest.len().min(SLICE_POINTS));
                    dropped += self.hold_or_drop_all(&mut cold, &refused, reason);
                    done += refused.len();
                }
            }
            cold.unlock_fair();
        }
        Ok((done - dropped) as u64)
    }

    /// Stores the first points of a batch, at least one where there is room.
    fn append_slice(
        &self,
        cold: &mut MutexGuard<'_, Cold>,
        batch: &Batch<'_>,
        patience: &mut Patience,
    ) -> Result<std::result::Result<usize, DropReason>> {
        loop {
            if cold.closed_at.is_some() {
                return Err(Error::Closed);
            }
            let ungated = self.ungated(batch);
            if ungated == 0 {
                match self.append_gated_points(cold, batch)? {
                    0 => {}
                    points => return Ok(Ok(points)),
                }
                if let Some(reason) = self.wait_for_room(cold, patience, 0)? {
                    return Ok(Err(reason));
                }
                continue;
            }
            let batch = &batch.part(0, ungated);
            let defined = self.define_all(cold, &batch.part(0, batch.len().min(SLICE_POINTS)))?;
            if defined > 0 {
                let stored = self.store(cold, &batch.part(0, defined));
                match stored {
                    Ok(0) if self.grant(cold) => continue,
                    Ok(0) => {}
                    Ok(points) => return Ok(Ok(points)),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            if let Some(reason) = self.wait_for_room(cold, patience, 0)? {
                return Ok(Err(reason));
            }
        }
    }

    /// How many points from the front have no gate before them, at most a slice.
    fn ungated(&self, batch: &Batch<'_>) -> usize {
        let most = batch.len().min(SLICE_POINTS);
        let mut hot = self.hot.lock();
        match batch.series {
            _ if hot.gates.is_empty() => most,
            Which::One(series) => {
                if hot.gates.get(series.0).is_some() {
                    0
                } else {
                    most
                }
            }
            Which::Each(series) => {
                let gated = |id: &SeriesId| hot.gates.get(id.0).is_some();
                series[..most].iter().position(gated).unwrap_or(most)
            }
        }
    }

    /// Does with points of series behind gates what these say, one by one; returns how many there were, none where there is no
    /// room for the first.
    fn append_gated_points(&self, cold: &mut Cold, batch: &Batch<'_>) -> Result<usize> {
        let most = batch.len().min(SLICE_POINTS);
        let mut done = 0;
        while done < most {
            let mut hot = self.hot.lock();
            while done < most
                && hot.gates.get(batch.series_at(done).0).is_some()
                && hot.push(batch.series_at(done), batch.point_at(done)).is_some()
            {
                done += 1;
            }
            let gated = done < most && hot.gates.get(batch.series_at(done).0).is_some();
            drop(hot);
            if !gated
                || self
                    .append_gated(cold, batch.series_at(done), batch.point_at(done))?
                    .is_none()
            {
                break;
            }
            done += 1;
        }
        Ok(done)
    }

    /// Merges or drops points for which there is no room; returns how many were dropped.
    fn hold_or_drop_all(&self, cold: &mut Cold, batch: &Batch<'_>, reason: DropReason) -> usize {
        let mut refuse = |i| self.hold_or_drop(cold, batch.series_at(i), batch.point_at(i), reason);
        (0..batch.len()).filter(|i| refuse(*i) == Outcome::Dropped).count()
    }

    /// How many points from the front have a series that the chunk defines, after defining what it has room for.
    fn define_all(&self, cold: &mut Cold, batch: &Batch<'_>) -> Result<usize> {
        let Which::Each(series) = batch.series else {
            let defined = self.define(cold, batch.series_at(0))?;
            return Ok(if defined { batch.len() } else { 0 });
        };
        let mut previous = None;
        for (i, id) in series.iter().enumerate() {
            if previous != Some(*id) && !self.define(cold, *id)? {
                return Ok(i);
            }
            previous = Some(*id);
        }
        Ok(series.len())
    }

    /// Stores points with defined series as far as the cursor's room goes, and says how many.
    fn store(&self, cold: &mut Cold, batch: &Batch<'_>) -> std::result::Result<usize, DropReason> {
        let mut cursor = self.take_cursor();
        if cursor.is_written() {
            let (stored, written) = cursor.write((0..batch.len()).map(|i| (batch.series_at(i).0, batch.point_at(i))));
            self.put_cursor(cursor);
            return written.map_or_else(|e| self.refused(cold, stored, &e), |()| Ok(stored));
        }
        let to_block_end = (cursor.count().next_multiple_of(POINTS_PER_BLOCK as u64) - cursor.count()) as usize;
        let one_by_one = if batch.len() <= SMALL {
            batch.len()
        } else {
            to_block_end
        };
        let mut stored = 0;
        while stored < one_by_one && cursor.push(batch.series_at(stored).0, batch.point_at(stored)).is_some() {
            stored += 1;
        }
        if stored < one_by_one || stored == batch.len() {
            self.put_cursor(cursor);
            return Ok(stored);
        }
        let room = cursor.blocks_left() as usize * POINTS_PER_BLOCK;
        let end = batch.len().min(stored + room);
        let written = self.write_blocks(cold, &mut cursor, &batch.part(stored, end));
        self.put_cursor(cursor);
        match written {
            Ok(()) => Ok(end),
            Err(_) if stored > 0 => Ok(stored),
            Err(reason) => Err(reason),
        }
    }

    /// Writes a batch that begins at a block's first slot, and moves the cursor behind it.
    fn write_blocks(
        &self,
        cold: &mut Cold,
        cursor: &mut Cursor,
        batch: &Batch<'_>,
    ) -> std::result::Result<(), DropReason> {
        let Cold {
            current: Some(current),
            image,
            last_error,
            ..
        } = cold
        else {
            return Err(DropReason::Late);
        };
        let count = cursor.count() + batch.len() as u64;
        if batch.len() > 0 {
            batch.build(image);
            let written = current.chunk.write_blocks(cursor.count(), image);
            failpoint!(BlocksWritten);
            if let Err(e) = written.and_then(|()| current.map.publish(COMMITTED_AT, count)) {
                *last_error = Some(format!("cannot write '{}': {e}", current.chunk.path().display()));
                return Err(DropReason::NoSpace);
            }
        }
        debug_assert!(blocks_of(count) <= current.granted, "room was computed from the grant");
        *cursor = Cursor::new(current.map.clone(), count, current.granted);
        current.written_past_map += batch.len() as u64;
        failpoint!(BlocksPublished);
        Ok(())
    }

    /// What the system refused to write beyond the first `stored` points has no room.
    fn refused(
        &self,
        cold: &mut Cold,
        stored: usize,
        error: &std::io::Error,
    ) -> std::result::Result<usize, DropReason> {
        self.note_refusal(cold, error);
        if stored > 0 {
            Ok(stored)
        } else {
            Err(DropReason::NoSpace)
        }
    }

    /// Stores a row of a written journal: its points are one batch, for one write.
    pub(super) fn write_row(&self, step: i64, timestamp_ms: i64, values: &[(SeriesId, f64)]) -> Result<usize> {
        let (series, values): (Vec<_>, Vec<_>) = values.iter().copied().unzip();
        let batch = Batch {
            series: Which::Each(&series),
            steps: &vec![step; values.len()],
            times: Times::Constant(timestamp_ms),
            values: &values,
        };
        Ok(self.append_batch(batch)? as usize)
    }
}
