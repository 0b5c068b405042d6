//! Table file: many small Arrow tables in one file, of which a reader maps all and touches what it asks for.
//!
//! ```text
//! "RLTABLE\x01"
//! tables        each an Arrow IPC stream of one record batch, at a multiple of 64
//! directory     what is where, with a checksum for each table
//! trailer       where the directory is; 32 bytes
//! ```
//!
//! It holds derived data: it is not synced, and whoever finds it damaged makes it anew. It is written under another
//! name and renamed, and never changed in place, so that what has been mapped stays as it is.

mod directory;
mod read;
mod write;

pub use directory::Entry;
pub use read::TableFile;
pub use write::TableFileWriter;

/// First bytes of a file; the last one is the format.
const MAGIC: [u8; 8] = *b"RLTABLE\x01";

/// Each table begins at a multiple of this, as Arrow's buffers do.
const ALIGNMENT: u64 = 64;
