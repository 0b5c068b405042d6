//! The extension module `runlake._engine`.
