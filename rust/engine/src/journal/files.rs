//! Names in the journals folder.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::platform::LockFile;
use crate::types::WriterId;

/// One file of the journals folder, by what its name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// `<writer>.<n>.journal`
    Chunk(WriterId, u64),
    /// `<writer>.lock`
    Lock(WriterId),
    /// `<writer>.slots`
    Slots(WriterId),
    /// `<writer>.<anything>.tmp`: begun by a writer, not in use.
    Temporary(WriterId),
    /// `<writer>.<anything>.damaged`: kept aside by recovery.
    Damaged(WriterId),
}

impl Name {
    /// Reads a file name; `None` for what is no part of a journal.
    pub fn parse(name: &str) -> Option<Self> {
        let (writer, rest) = name.split_once('.')?;
        let writer = writer.parse().ok()?;
        if rest == "lock" {
            return Some(Name::Lock(writer));
        }
        if rest == "slots" {
            return Some(Name::Slots(writer));
        }
        match rest.rsplit_once('.') {
            Some((_, "tmp")) => Some(Name::Temporary(writer)),
            Some((_, "damaged")) => Some(Name::Damaged(writer)),
            Some((number, "journal")) => {
                let chunk_no = number.parse::<u64>().ok()?;
                (chunk_no.to_string() == number).then_some(Name::Chunk(writer, chunk_no))
            }
            _ => None,
        }
    }

    /// The writer that the file belongs to.
    pub fn writer(&self) -> WriterId {
        match self {
            Name::Chunk(w, _) | Name::Lock(w) | Name::Slots(w) | Name::Temporary(w) | Name::Damaged(w) => *w,
        }
    }
}

/// Every file of the journals folder that is part of a journal, with its path, sorted by writer within a kind.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read.
pub fn list(journals: &Path) -> Result<Vec<(Name, PathBuf)>> {
    list_where(journals, |_| true)
}

/// As [`list`], for one writer: the other names, which may be many, are not even parsed.
///
/// # Errors
/// As [`list`].
pub fn list_of(journals: &Path, writer: WriterId) -> Result<Vec<(Name, PathBuf)>> {
    let prefix = format!("{writer}.");
    list_where(journals, |name| name.starts_with(&prefix))
}

fn list_where(journals: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<(Name, PathBuf)>> {
    let entries = fs::read_dir(journals).map_err(Error::io("list", journals))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("list", journals))?;
        let name = entry.file_name();
        if let Some(name) = name.to_str().filter(|n| wanted(n)).and_then(Name::parse) {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

/// As [`list`], by writer.
///
/// # Errors
/// As [`list`].
pub fn by_writer(journals: &Path) -> Result<HashMap<WriterId, Vec<(Name, PathBuf)>>> {
    let mut found = HashMap::<_, Vec<_>>::new();
    for (name, path) in list(journals)? {
        found.entry(name.writer()).or_default().push((name, path));
    }
    Ok(found)
}

/// Removes the locks of writers that died before they had begun, and returns how many there were.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_leftovers(journals: &Path) -> Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(journals).map_err(Error::io("list", journals))? {
        let entry = entry.map_err(Error::io("list", journals))?;
        if entry.file_name().to_str().is_some_and(LockFile::is_new) {
            removed += usize::from(LockFile::remove_leftover(&entry.path())?);
        }
    }
    Ok(removed)
}

/// Path of a chunk.
pub fn chunk_path(journals: &Path, writer: WriterId, chunk_no: u64) -> PathBuf {
    journals.join(format!("{writer}.{chunk_no}.journal"))
}

/// Path of a writer's slots.
pub fn slots_path(journals: &Path, writer: WriterId) -> PathBuf {
    journals.join(format!("{writer}.slots"))
}

/// Path of a writer's lock.
pub fn lock_path(journals: &Path, writer: WriterId) -> PathBuf {
    journals.join(format!("{writer}.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_that_never_got_their_name_are_removed_and_those_being_made_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let [left, held] = ["0", "1"].map(|digit| folder.path().join(format!("new-{}.lock.tmp", digit.repeat(32))));
        fs::write(&left, b"").unwrap();
        let maker = LockFile::acquire(&held).unwrap().unwrap();
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 1);
        assert_eq!((left.exists(), held.exists()), (false, true));
        drop(maker);
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 1);
    }

    #[test]
    fn writers_that_begin_while_leftovers_are_removed_have_their_locks() {
        let folder = tempfile::tempdir().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    remove_leftovers(folder.path()).unwrap();
                }
            });
            for number in 0..500 {
                let path = lock_path(folder.path(), WriterId(number));
                let lock = LockFile::create(&path);
                let held = LockFile::is_held(&path);
                if number == 499 || lock.is_err() {
                    done.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                lock.unwrap().remove().unwrap();
                assert!(held.unwrap());
            }
        });
    }

    #[test]
    fn names_are_read_strictly() {
        let w = WriterId(0xab);
        assert_eq!(Name::parse(&format!("{w}.12.journal")), Some(Name::Chunk(w, 12)));
        assert_eq!(Name::parse(&format!("{w}.lock")), Some(Name::Lock(w)));
        assert_eq!(Name::parse(&format!("{w}.slots")), Some(Name::Slots(w)));
        assert_eq!(Name::parse(&format!("{w}.slots.tmp")), Some(Name::Temporary(w)));
        assert_eq!(Name::parse(&format!("{w}.3.journal.tmp")), Some(Name::Temporary(w)));
        assert_eq!(Name::parse(&format!("{w}.3.journal.damaged")), Some(Name::Damaged(w)));
        for other in [
            "",
            "x.lock",
            &format!("{w}.01.journal"),
            &format!("{w}.journal"),
            &format!("{w}.-1.journal"),
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
