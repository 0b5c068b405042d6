//! Folder of one experiment's segments, and when its names are on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::platform::sync_folder;

const MAX_EXPERIMENT_BYTES: usize = 200;

/// `segments/experiment_id=<e>`.
pub(crate) struct Folder {
    path: PathBuf,
    name: String,
}

impl Folder {
    /// Makes the folder unless it is there, so that it is on the disk when this returns.
    pub(crate) fn create(segments: &Path, experiment_id: &str) -> Result<Self> {
        check(experiment_id)?;
        let name = format!("experiment_id={experiment_id}");
        let path = segments.join(&name);
        if !path.is_dir() {
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
            sync_folder(segments)?;
        }
        Ok(Self { path, name })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Puts the names in it onto the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        sync_folder(&self.path)
    }
}

fn check(experiment_id: &str) -> Result<()> {
    let legal = !experiment_id.is_empty()
        && experiment_id.len() <= MAX_EXPERIMENT_BYTES
        && experiment_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if legal {
        return Ok(());
    }
    Err(Error::Unsealable {
        reason: format!(
            "an experiment id is 1 to {MAX_EXPERIMENT_BYTES} letters, digits, '-' and '_', not {experiment_id:?}"
        ),
    })
}
