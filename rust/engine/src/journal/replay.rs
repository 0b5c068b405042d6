//! Replay of one chunk: which of its points can be believed, and why the others cannot.

use std::ops::Range;

use crate::error::Result;
use crate::journal::chunk_file::{ChunkFile, u32s};
use crate::journal::record::Frame;
use crate::journal::side::Side;

/// Points of a chunk that are there by its counters but cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Which, by their place in the chunk.
    pub points: Range<u64>,
    /// What does not hold.
    pub reason: &'static str,
}

impl Doubt {
    /// Whether something is wrong with the file, rather than not written before the machine stopped.
    pub fn is_damage(&self) -> bool {
        self.reason != NO_FRAME
    }
}

/// Verdict over a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Points that can be believed, in order, without overlaps.
    pub whole: Vec<Range<u64>>,
    /// The others.
    pub doubts: Vec<Doubt>,
    /// When the last frame that verifies was made, in milliseconds since 1970-01-01 UTC.
    pub last_verified_ms: Option<i64>,
}

const BAD_FRAME: &str = "the checksum of a sync frame does not match";
const NO_FRAME: &str = "written after the last sync before the machine stopped, or copied from elsewhere";
const CUT: &str = "the file is shorter than its header says";
const LOST: &str = "they were lost from memory after a sync had failed";
const NO_NAME: &str = "their series has no definition left";

/// Checks every frame of a chunk of which `claimed` points were counted.
///
/// # Errors
/// [`crate::Error::Io`].
pub fn replay(chunk: &ChunkFile, side: &Side, claimed: u64, trusted: bool) -> Result<Replay> {
    let held = claimed.min(chunk.capacity());
    let mut replay = Replay::default();
    let mut next = 0;
    for (range, frame) in claims(side).into_iter().filter(|(range, _)| range.end <= held) {
        if range.start < next {
            continue;
        }
        replay.unframed(next..range.start, trusted);
        next = range.end;
        match frame {
            None => replay.doubt(range, LOST),
            Some(frame) if chunk.crc(range.clone())? == frame.crc => {
                replay.believe(range);
                replay.last_verified_ms = replay.last_verified_ms.max(Some(frame.synced_ms));
            }
            Some(_) => replay.doubt(range, BAD_FRAME),
        }
    }
    replay.unframed(next..held, trusted);
    replay.doubt(held..claimed, CUT);
    Ok(replay)
}

/// What a side log says of points, in their order: a frame, or that they are lost.
fn claims(side: &Side) -> Vec<(Range<u64>, Option<&Frame>)> {
    let frames = side.frames.iter().map(|frame| (frame.from..frame.to, Some(frame)));
    let lost = side.lost.iter().map(|points| (points.clone(), None));
    let mut claims: Vec<_> = frames.chain(lost).filter(|(range, _)| !range.is_empty()).collect();
    claims.sort_by_key(|(range, frame)| (range.start, frame.is_some(), range.end));
    claims
}

impl Replay {
    /// A verdict that believes all of a chunk's points without looking.
    pub fn trusting(points: u64) -> Self {
        let mut replay = Self::default();
        replay.believe(0..points);
        replay
    }

    /// Takes points out whose series nobody has named.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn require_names(&mut self, chunk: &ChunkFile, is_named: impl Fn(u32) -> bool) -> Result<()> {
        for range in std::mem::take(&mut self.whole) {
            let mut at = range.start;
            let mut good_from = range.start;
            chunk.blocks(range.clone(), |block| {
                for series in u32s(block.series) {
                    if !is_named(series) {
                        self.believe(good_from..at);
                        self.doubt(at..at + 1, NO_NAME);
                        good_from = at + 1;
                    }
                    at += 1;
                }
            })?;
            self.believe(good_from..range.end);
        }
        self.doubts.sort_by_key(|d| d.points.start);
        Ok(())
    }

    fn unframed(&mut self, range: Range<u64>, trusted: bool) {
        if trusted {
            self.believe(range);
        } else {
            self.doubt(range, NO_FRAME);
        }
    }

    fn believe(&mut self, range: Range<u64>) {
        match self.whole.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.whole.push(range),
        }
    }

    fn doubt(&mut self, points: Range<u64>, reason: &'static str) {
        match self.doubts.last_mut() {
            _ if points.is_empty() => {}
            Some(last) if last.points.end == points.start && last.reason == reason => last.points.end = points.end,
            _ => self.doubts.push(Doubt { points, reason }),
        }
    }
}
