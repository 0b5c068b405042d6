//! Failpoints: named places in the order of what is written, at which a test ends the process or lets another thread go on.
//!
//! They exist with the feature `failpoints` only; without it `failpoint!` is nothing at all, and wheels are built without it. A
//! test that goes through [`Failpoint::ALL`] fails for one that is never reached.

/// Tells a test that a place is reached.
macro_rules! failpoint {
    ($place:ident) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::Failpoint::$place.reach();
    };
}
pub(crate) use failpoint;

#[cfg(feature = "failpoints")]
pub use enabled::{Failpoint, at_failpoints};

#[cfg(feature = "failpoints")]
mod enabled {
    use std::sync::OnceLock;

    static REACHED: OnceLock<fn(Failpoint)> = OnceLock::new();

    /// Has `reached` called at every failpoint from now on, on the thread that is there. Once a process.
    pub fn at_failpoints(reached: fn(Failpoint)) {
        _ = REACHED.set(reached);
    }

    impl Failpoint {
        #[inline]
        pub(crate) fn reach(self) {
            if let Some(reached) = REACHED.get() {
                reached(self);
            }
        }
    }

    macro_rules! places {
        ($($(#[$doc:meta])* $place:ident,)*) => {
            /// A place, named by what has just been done there.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Failpoint { $($(#[$doc])* $place,)* }

            impl Failpoint {
                /// Every place.
                pub const ALL: &[Self] = &[$(Self::$place,)*];
            }
        };
    }

    places! {
        /// Open: the lock file is made and nobody holds it.
        LockMade,
        /// It is held and has a temporary name.
        LockHeld,
        /// It has its name.
        LockNamed,
        /// Chunk: its space is reserved.
        ChunkAllocated,
        /// It has its name.
        ChunkNamed,
        /// Roll: the chunk before gets no more points.
        ChunkRetired,
        /// The header is there without its magic.
        HeaderWritten,
        /// The chunk has begun.
        ChunkBegun,
        /// Append: the columns of a point are stored and not published.
        PointStored,
        /// A point is published.
        PointPublished,
        /// Blocks of columns are written and not published.
        BlocksWritten,
        /// They are published.
        BlocksPublished,
        /// A record is in the side log and not published.
        RecordWritten,
        /// It is published.
        RecordPublished,
        /// Sync: the frame of what is new is written.
        FrameWritten,
        /// The content of a chunk is on the disk.
        ContentSynced,
        /// Its name is.
        NameSynced,
        /// What is durable is noted in its header.
        DurableNoted,
        /// A retired chunk has its last frame.
        LastFrameWritten,
        /// Its middle is given back.
        MiddleCut,
        /// A chunk has the record of a clean close.
        CloseWritten,
        /// Failed sync: the chunk is poisoned.
        ChunkPoisoned,
        /// Its records and points are in another chunk, which has a temporary name.
        RescueCopied,
        /// That has its name.
        RescueNamed,
        /// It is on the disk.
        RescueSynced,
        /// The old chunk counts what it has brought to the disk.
        RescueDone,
        /// Seal: the rows are in a file with a temporary name.
        SegmentWritten,
        /// They are on the disk.
        SegmentSynced,
        /// The segment has its name.
        SegmentNamed,
        /// The name is on the disk.
        SegmentNameSynced,
        /// Trim: the catalog's word is taken, nothing is removed.
        TrimBegun,
        /// A chunk is removed.
        ChunkRemoved,
        /// Close: no more points are taken.
        CloseBegun,
        /// Everything is synced.
        CloseSynced,
        /// What nobody needs is removed.
        CloseTidied,
        /// Resume: the lock is held, nothing is changed.
        ResumeLocked,
        /// Files that hold nothing are removed.
        ResumeTidied,
        /// Adoption: the lock file is open and not locked.
        LockOpened,
        /// It is locked, and may have lost its name.
        LockTaken,
        /// The lock is held.
        AdoptLocked,
        /// Reading: the folder is listed.
        FolderListed,
        /// The chunks are open.
        ChunksOpened,
        /// A chunk's points are counted.
        PointsCounted,
        /// The journal is checked.
        AdoptChecked,
        /// A damaged file is renamed.
        DamagedKept,
        /// A sealed file is removed.
        AdoptedRemoved,
        /// The lock is removed.
        LockRemoved,
        /// Slots: the file is made and has a temporary name.
        SlotsMade,
        /// It has its name.
        SlotsNamed,
        /// It is longer, and nobody uses what is new.
        SlotsGrown,
        /// Slot: its state is there, and it is nobody's.
        SlotFilled,
        /// It belongs to a series.
        SlotTaken,
        /// It is free again.
        SlotGivenBack,
        /// Held point: it is in the ring and does not count.
        RingWritten,
        /// It counts, and is the pending one.
        RingCounted,
        /// The state is in the other half and does not count.
        StateWritten,
        /// It counts, and no other point of the ring does.
        StateCounted,
        /// Release: what the pending point stands for is in the journal.
        WindowRecorded,
        /// The pending point is stored, and its slot does not know.
        PendingStored,
        /// What a slot has counted is in the journal.
        GateRecorded,
        /// The same of a slot that is given back next.
        GateAccounted,
        /// Settling: the chunk is written, under a temporary name.
        SettleWritten,
        /// It is on the disk.
        SettleSynced,
        /// It has its name.
        SettleNamed,
        /// So has the disk.
        SettleNameSynced,
        /// A slots file is removed.
        SlotsRemoved,
    }
}
