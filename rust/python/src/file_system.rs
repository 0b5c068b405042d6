//! `FileSystem`: what a store may rely on in a folder.

use pyo3::prelude::*;
use runlake_engine::{FileSystem as EngineFileSystem, Keeping};

/// A file system as a store meets it.
#[pyclass(frozen, get_all, module = "runlake._engine")]
pub struct FileSystem {
    name: String,
    written: bool,
    shared: bool,
    reason: &'static str,
}

impl From<EngineFileSystem> for FileSystem {
    fn from(system: EngineFileSystem) -> Self {
        Self {
            name: system.name.to_string(),
            written: system.keeping == Keeping::Written,
            shared: system.shared,
            reason: system.reason,
        }
    }
}

/// How points are kept, as a flag says it.
pub fn keeping(written: bool) -> Keeping {
    if written { Keeping::Written } else { Keeping::Mapped }
}
