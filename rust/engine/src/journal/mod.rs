//! Journal: what a writer has logged and no segment holds yet.
//!
//! A writer's journal is a row of chunk files. Within a chunk, points fill 4 KiB blocks from the front, and the side log
//! (names, sync frames, the ledger, the outbox) grows from the back. Columns are written first, `committed` is stored last
//! with Release; whoever loads it before the points sees whole points only. `docs/design.md`, "Journal", has every byte.

pub mod balance;
pub mod chunk;
pub mod chunk_file;
pub mod entry;
pub mod files;
pub mod layout;
pub mod map;
pub mod reader;
pub mod record;
pub mod replay;
pub mod settle;
pub mod side;
pub mod side_cache;
pub mod slots;
