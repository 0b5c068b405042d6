//! Files: reserved space, syncing, and locks that die with their owner.
#![expect(
    unsafe_code,
    reason = "locks of an open file description are reached through fcntl only, and files are mapped"
)]

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::platform::{Registered, keeps_mappings, random_u128};

/// What a disk can refuse; tests pass one that does.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Gives `file` a size, with every byte of it reserved.
    ///
    /// # Errors
    /// What the system says, above all that the disk is full.
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()>;

    /// Writes `bytes` at `offset`: a point, where points are not stored into a mapping.
    ///
    /// # Errors
    /// What the system says; a part of the bytes, from the front, may be in the file then.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Returns when the content of `file` is on the disk.
    ///
    /// # Errors
    /// What the system says; the content may then be lost, whatever a second call answers.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Bytes that are free for this user in the file system of `folder`.
    ///
    /// # Errors
    /// What the system says.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let answer = statvfs(folder)?;
        Ok(answer.f_bavail.saturating_mul(answer.f_frsize))
    }

    /// Gives a range of a file back to the disk; it reads as zeros, and the file's size stays.
    ///
    /// # Errors
    /// What the system says; the content is as it was.
    fn punch_hole(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        Ok(fallocate(
            file,
            FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE,
            from,
            to - from,
        )?)
    }
}

/// The real disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxDisk;

impl Disk for LinuxDisk {
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        Ok(fallocate(file, FallocateFlags::empty(), 0, bytes)?)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// Makes the names in a folder durable: what was created, renamed or removed in it.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|f| sync_names(&f))
        .map_err(Error::io("sync", folder))
}

/// As [`sync_folder`], for an open one. A file system that does not know how to sync a folder keeps its names by itself.
///
/// # Errors
/// What the system says.
pub fn sync_names(folder: &File) -> io::Result<()> {
    match folder.sync_all() {
        Err(e) if is_unsupported(&e) || e.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        synced => synced,
    }
}

/// Whether the system has no such call for that file.
pub fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS))
}

/// Beginning and end of the name of a lock file until it is locked.
const NEW_LOCK: &str = "new-";
const NEW_LOCK_SUFFIX: &str = ".lock.tmp";

/// How often a lock is made anew when somebody else removes it as a leftover.
const ATTEMPTS: usize = 10;

/// An exclusive lock on a file of its own. The kernel frees it when its owner dies.
///
/// It belongs to the open file description: no other descriptor that this process opens or closes can drop it, and a
/// forked child that closes its copy does not free it.
#[derive(Debug)]
pub struct LockFile {
    file: Registered,
    path: PathBuf,
}

impl LockFile {
    /// Makes a lock file that is locked from the moment it has its name.
    ///
    /// # Errors
    /// [`Error::Io`]; a file of that name is replaced, so the name must be one that nobody else uses.
    pub fn create(path: &Path) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            if let Some(lock) = Self::try_create(path)? {
                return Ok(lock);
            }
        }
        let taken = io::Error::other("other processes take it for a leftover again and again");
        Err(Error::io("lock", path)(taken))
    }

    /// `None` when [`LockFile::remove_leftover`] came between making the file and locking it.
    fn try_create(path: &Path) -> Result<Option<Self>> {
        // NOTE: the temporary name must not begin with the writer's id. A journal without its lock file belongs to a dead
        // writer, and whoever adopts it would remove this file, or the lock under its final name.
        let temporary = path.with_file_name(format!("{NEW_LOCK}{:032x}{NEW_LOCK_SUFFIX}", random_u128()?));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&temporary);
        let file = Registered::new(file.map_err(Error::io("create", &temporary))?);
        failpoint!(LockMade);
        match try_lock(&file).and_then(|locked| Ok(locked && rename_if_there(&temporary, path)?)) {
            Ok(true) => Ok(Some(Self {
                file,
                path: path.to_owned(),
            })),
            Ok(false) => Ok(None),
            Err(e) => {
                // The error matters more than a leftover, which has no points in it.
                let _ = fs::remove_file(&temporary);
                Err(Error::io("lock", path)(e))
            }
        }
    }

    /// Whether a file of that name is a lock that [`LockFile::create`] makes, before it has its own name.
    pub fn is_new(name: &str) -> bool {
        name.starts_with(NEW_LOCK) && name.ends_with(NEW_LOCK_SUFFIX)
    }

    /// Removes a lock that was never given its name, unless its maker is about to; returns whether it did.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove_leftover(path: &Path) -> Result<bool> {
        let file = match File::options().write(true).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(Error::io("open", path)(e)),
        };
        if !try_lock(&file).map_err(Error::io("lock", path))? {
            return Ok(false);
        }
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io("remove", path)(e)),
        }
    }

    /// Locks an existing file, or a new one where there is none; `None` while somebody else holds it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn acquire(path: &Path) -> Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = Registered::new(file.map_err(Error::io("open", path))?);
        failpoint!(LockOpened);
        if !try_lock(&file).map_err(Error::io("lock", path))? {
            return Ok(None);
        }
        failpoint!(LockTaken);
        // The name may have been removed, or given to another file, between open and lock.
        let ours = file.metadata().map_err(Error::io("stat", path))?;
        let named = fs::metadata(path).is_ok_and(|m| (m.dev(), m.ino()) == (ours.dev(), ours.ino()));
        Ok(named.then(|| Self {
            file,
            path: path.to_owned(),
        }))
    }

    /// Whether somebody, possibly this process, holds the lock of `path`. Asking does not take it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_held(path: &Path) -> Result<bool> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(Error::io("open", path)(e)),
        };
        let mut lock = whole_file(libc::F_WRLCK);
        fcntl(&file, libc::F_OFD_GETLK, &mut lock).map_err(Error::io("ask for the lock of", path))?;
        Ok(i32::from(lock.l_type) != libc::F_UNLCK)
    }

    /// Removes the name while the lock is still held, then frees the lock.
    ///
    /// # Errors
    /// [`Error::Io`] where the name cannot be removed.
    pub fn remove(self) -> Result<()> {
        fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
        failpoint!(LockRemoved);
        drop(self.file);
        Ok(())
    }
}

/// Whether the file was still there to be renamed.
fn rename_if_there(from: &Path, to: &Path) -> io::Result<bool> {
    failpoint!(LockHeld);
    let renamed = fs::rename(from, to);
    failpoint!(LockNamed);
    match renamed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        renamed => renamed.map(|()| true),
    }
}

fn whole_file(kind: i32) -> libc::flock {
    // Length 0 means to the end of the file, however long; l_pid must be 0 for locks of an open file description.
    libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match fcntl(file, libc::F_OFD_SETLK, &mut whole_file(libc::F_WRLCK)) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) => Err(e),
    }
}

fn fcntl(file: &File, command: i32, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: the descriptor is open for the length of the call, and the three commands used read and write one flock.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, std::ptr::from_mut(lock)) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The bytes of a file that nobody changes in place. They are mapped, so that a page is read when it is touched, where the
/// file system keeps mappings; elsewhere they are read, because there a failure would be a signal and no error.
///
/// # Errors
/// [`Error::Io`] where the file is not there or cannot be mapped or read; an empty one gives no bytes.
pub fn map_file(path: &Path) -> Result<Bytes> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let len = file.metadata().map_err(Error::io("examine", path))?.len();
    if len == 0 {
        return Ok(Bytes::new());
    }
    if !keeps_mappings(&file) {
        let mut bytes = Vec::with_capacity(len as usize);
        file.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        return Ok(bytes.into());
    }
    // SAFETY: the file was written under another name and renamed, and is replaced as a whole from then on: its bytes do
    // not change while they are mapped. What they hold is checked before it is believed.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(Error::io("map", path))?;
    Ok(Bytes::from_owner(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_its_owner_lets_go_and_asking_does_not_take_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        assert!(!LockFile::is_held(&path).unwrap());
        let lock = LockFile::create(&path).unwrap();
        assert!(LockFile::is_held(&path).unwrap());
        assert!(LockFile::acquire(&path).unwrap().is_none());
        drop(lock);
        assert!(!LockFile::is_held(&path).unwrap());
        LockFile::acquire(&path).unwrap().unwrap().remove().unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
