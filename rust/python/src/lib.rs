//! The extension module `runlake._engine`: arguments are converted, the GIL is released where something may wait,
//! errors are mapped; nothing is decided here. What each name does is said in `_engine.pyi`.

mod append;
mod arrow;
mod buffer;
mod columns;
mod compacting;
mod downsample;
mod errors;
mod fast;
mod file_system;
mod identity;
mod journals;
mod kept;
mod key;
mod logger;
mod number;
mod packed;
mod plain;
mod points;
mod raised;
mod reading;
mod recovery;
mod replica;
mod row;
mod run;
mod sealing;
mod table;
mod table_file;
mod throttle;
mod writer;

use std::path::Path;

use pyo3::prelude::*;

use crate::errors::BoundaryResult;

// NOTE: `gil_used`: the caches of `run.rs` and `identity.rs` change under the GIL only.
#[pymodule(gil_used = true)]
mod _engine {
    use super::*;

    #[pymodule_export]
    use crate::arrow::ArrowStream;
    #[pymodule_export]
    use crate::compacting::compact;
    #[pymodule_export]
    use crate::downsample::downsample;
    #[pymodule_export]
    use crate::fast::{set_active_logger, set_slow_path};
    #[pymodule_export]
    use crate::file_system::FileSystem;
    #[pymodule_export]
    use crate::journals::{JournalCache, Journals};
    #[pymodule_export]
    use crate::logger::{Metric, RunLogger};
    #[pymodule_export]
    use crate::packed::{PackedPoints, pack_points, unpack_points};
    #[pymodule_export]
    use crate::points::read_points;
    #[pymodule_export]
    use crate::recovery::{Adopted, Gap, WriterFiles, adopt, adopt_all, dead, inspect, inspect_all, survey};
    #[pymodule_export]
    use crate::replica::Replica;
    #[pymodule_export]
    use crate::sealing::{
        Sealed, SegmentInfo, Summary, runs_in, seal, segment_info, summarise_segment, verify_segment,
    };
    #[pymodule_export]
    use crate::table_file::{TableFile, write_table_file};
    #[pymodule_export]
    use crate::throttle::{LedgerEntry, Throttle};
    #[pymodule_export]
    use crate::writer::{Writer, WriterStats};

    /// How many forks lie between this process and the one that loaded the engine.
    #[pyfunction]
    fn fork_generation() -> u64 {
        runlake_engine::fork_generation()
    }

    /// What the file system of a path can be trusted with.
    #[pyfunction]
    fn check_filesystem(py: Python<'_>, path: &str) -> BoundaryResult<FileSystem> {
        Ok(py.detach(|| runlake_engine::FileSystem::of(Path::new(path)))?.into())
    }

    /// What is wrong with the locks of a folder.
    #[pyfunction]
    fn probe_locks(py: Python<'_>, folder: &str) -> BoundaryResult<Option<String>> {
        Ok(py.detach(|| runlake_engine::probe_locks(Path::new(folder)))?)
    }

    /// Gives memory that nobody uses back to the system.
    #[pyfunction]
    fn release_memory(py: Python<'_>) -> bool {
        py.detach(runlake_engine::release_memory)
    }

    /// Removes the locks of writers that died before they had begun.
    #[pyfunction]
    fn remove_leftovers(py: Python<'_>, journals: &str) -> BoundaryResult<usize> {
        Ok(py.detach(|| runlake_engine::remove_leftovers(Path::new(journals)))?)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__debug_build__", cfg!(debug_assertions))?;
        fast::register(module)
    }
}
