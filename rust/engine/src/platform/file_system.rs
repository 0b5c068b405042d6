//! File systems: what each can be trusted with, by the number that the kernel gives it.
//!
//! What is not known is treated like the worst: points are written, not mapped, and a file is told by its content alone.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, flock, fstatfs, statfs};

use crate::error::{Error, Result};
use crate::platform::files::try_lock;
use crate::platform::random_u128;

/// How points reach a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// They are stored into a shared mapping of reserved space.
    Mapped,
    /// Each is written with `pwrite`.
    Written,
}

/// What tells one file from another, as long as the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Its device and inode.
    DeviceAndInode,
    /// Its inode: each mount takes a device number that is free.
    Inode,
    /// Nothing: inode numbers are made up when a name is looked up.
    Nothing,
}

/// A file system as a journal meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Its usual name, or its number where it is not known.
    pub name: Name,
    /// How points are kept on it.
    pub keeping: Keeping,
    /// Whether other hosts may have it mounted as well.
    pub shared: bool,
    /// Why points are not mapped, as part of a sentence; empty where they are.
    pub reason: &'static str,
    numbering: Numbering,
}

/// Name of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// As people call it.
    Known(&'static str),
    /// The kernel's number of one that is not in the table.
    Number(u64),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Known(name) => f.write_str(name),
            Name::Number(number) => write!(f, "a file system of type {number:#x}"),
        }
    }
}

const NOT_RESERVED: &str =
    "it needs new space to overwrite what is reserved, so that a full disk would kill the process";
const NOT_COHERENT: &str = "it promises neither coherent mappings nor reserved space";
const NOT_KNOWN: &str = "it is not known to keep mappings and reserved space";

impl FileSystem {
    /// What the file system of a path, which must exist, can be trusted with.
    ///
    /// # Errors
    /// [`Error::Io`] where the path cannot be examined.
    pub fn of(path: &Path) -> Result<Self> {
        let answer = statfs(path).map_err(|e| Error::io("examine", path)(e.into()))?;
        Ok(Self::numbered(answer.f_type as u64))
    }

    /// The table. The numbers are those of linux/magic.h and of the file systems' own headers.
    fn numbered(number: u64) -> Self {
        match number & 0xffff_ffff {
            0xef53 => Self::mapped("ext4", Numbering::DeviceAndInode),
            0x5846_5342 => Self::mapped("XFS", Numbering::DeviceAndInode),
            0x0102_1994 => Self::mapped("tmpfs", Numbering::DeviceAndInode),
            // It takes a free device number at each mount, that is at each start of a container, and has its inode
            // numbers from the file system below.
            0x794c_7630 => Self::mapped("overlayfs", Numbering::Inode),
            0x9123_683e => Self::copying("btrfs"),
            0x2fc1_2fc1 => Self::copying("ZFS"),
            0xca45_1a4e => Self::copying("bcachefs"),
            0x6969 => Self::shared("NFS", Numbering::Inode),
            0x0bd0_0bd0 => Self::shared("Lustre", Numbering::Inode),
            0x6573_5546 => Self::shared("FUSE", Numbering::Nothing),
            0xff53_4d42 | 0xfe53_4d42 | 0x517b => Self::shared("CIFS", Numbering::Nothing),
            0x0102_1997 => Self::shared("9p", Numbering::Nothing),
            0x4750_4653 => Self::shared("GPFS", Numbering::Inode),
            0x00c3_6400 => Self::shared("Ceph", Numbering::Inode),
            0x1983_0326 => Self::shared("BeeGFS", Numbering::Nothing),
            0x7461_636f => Self::shared("OCFS2", Numbering::Inode),
            0x0116_1970 => Self::shared("GFS2", Numbering::Inode),
            0x5346_414f | 0x6b41_4653 => Self::shared("AFS", Numbering::Nothing),
            0x7375_7245 => Self::shared("Coda", Numbering::Nothing),
            unknown => Self {
                name: Name::Number(unknown),
                keeping: Keeping::Written,
                shared: true,
                reason: NOT_KNOWN,
                numbering: Numbering::Nothing,
            },
        }
    }

    fn mapped(name: &'static str, numbering: Numbering) -> Self {
        Self {
            name: Name::Known(name),
            keeping: Keeping::Mapped,
            shared: false,
            reason: "",
            numbering,
        }
    }

    fn copying(name: &'static str) -> Self {
        Self {
            keeping: Keeping::Written,
            reason: NOT_RESERVED,
            ..Self::mapped(name, Numbering::Inode)
        }
    }

    fn shared(name: &'static str, numbering: Numbering) -> Self {
        Self {
            keeping: Keeping::Written,
            shared: true,
            reason: NOT_COHERENT,
            ..Self::mapped(name, numbering)
        }
    }
}

fn of_file(file: &File) -> Option<FileSystem> {
    fstatfs(file)
        .ok()
        .map(|answer| FileSystem::numbered(answer.f_type as u64))
}

/// Whether a file can be mapped without the danger of a signal where reading gives an error.
pub fn keeps_mappings(file: &File) -> bool {
    of_file(file).is_some_and(|system| system.keeping == Keeping::Mapped)
}

/// What tells this file from others.
pub fn numbering(file: &File) -> Numbering {
    of_file(file).map_or(Numbering::DeviceAndInode, |system| system.numbering)
}

/// Says what is wrong with the locks of a folder, `None` where they do what a store needs: both those of `fcntl`, which
/// SQLite takes as well, and those of `flock` keep a second owner out, and closing the file frees them.
///
/// # Errors
/// [`Error::Io`] where no file can be made in the folder.
pub fn probe_locks(folder: &Path) -> Result<Option<String>> {
    let path = folder.join(format!("new-{:032x}.lock.tmp", random_u128()?));
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
    };
    let opened = open().and_then(|first| Ok((first, open()?, open()?)));
    let removed = fs::remove_file(&path);
    let (first, second, third) = opened.map_err(Error::io("make", &path))?;
    removed.map_err(Error::io("remove", &path))?;
    let by_flock = |file: &File| match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(e) => Err(e.into()),
    };
    let wrong =
        wrong_with("fcntl", try_lock, [&first, &second]).or_else(|| wrong_with("flock", by_flock, [&first, &second]));
    if wrong.is_some() {
        return Ok(wrong);
    }
    drop(first);
    let freed = |lock: &dyn Fn(&File) -> std::io::Result<bool>| lock(&third).unwrap_or(false);
    if freed(&try_lock) && freed(&by_flock) {
        return Ok(None);
    }
    Ok(Some("a lock stays taken when its owner has closed the file".to_owned()))
}

fn wrong_with(kind: &str, lock: impl Fn(&File) -> std::io::Result<bool>, files: [&File; 2]) -> Option<String> {
    match files.map(lock) {
        [Ok(true), Ok(false)] => None,
        [Ok(true), Ok(true)] => Some(format!("a lock of {kind} does not keep a second owner out")),
        [Err(e), _] | [_, Err(e)] => Some(format!("{kind} cannot lock a file: {e}")),
        [Ok(false), _] => Some(format!("a lock of {kind} is taken before anybody took it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_mapped_only_where_that_is_known_to_be_right() {
        for (number, name) in [
            (0xef53, "ext4"),
            (0x5846_5342, "XFS"),
            (0x0102_1994, "tmpfs"),
            (0x794c_7630, "overlayfs"),
        ] {
            let system = FileSystem::numbered(number);
            assert_eq!((system.name, system.keeping), (Name::Known(name), Keeping::Mapped));
        }
        for (number, name, shared) in [
            (0x6969, "NFS", true),
            (0x6573_5546, "FUSE", true),
            (0x9123_683e, "btrfs", false),
        ] {
            let system = FileSystem::numbered(number);
            assert_eq!(
                (system.name, system.keeping, system.shared),
                (Name::Known(name), Keeping::Written, shared)
            );
        }
        let unknown = FileSystem::of(Path::new("/proc")).unwrap();
        assert_eq!(
            (unknown.keeping, unknown.name),
            (Keeping::Written, Name::Number(0x9fa0))
        );
        assert_eq!(unknown.name.to_string(), "a file system of type 0x9fa0");
    }

    #[test]
    fn locks_of_a_local_folder_are_right_and_the_probe_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(probe_locks(folder.path()).unwrap(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(probe_locks(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_lock_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("a")).unwrap();
        let said = |answers: [std::io::Result<bool>; 2]| {
            let answers = std::cell::RefCell::new(answers.into_iter());
            wrong_with("fcntl", |_| answers.borrow_mut().next().unwrap(), [&file, &file])
        };
        assert_eq!(said([Ok(true), Ok(false)]), None);
        assert!(said([Ok(true), Ok(true)]).unwrap().contains("second owner"));
        assert!(said([Ok(false), Ok(false)]).unwrap().contains("before anybody"));
        let refused = std::io::Error::from_raw_os_error(libc::ENOSYS);
        assert!(said([Err(refused), Ok(true)]).unwrap().contains("cannot lock"));
    }
}
