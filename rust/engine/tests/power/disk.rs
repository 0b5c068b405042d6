//! Disk that remembers: what each file and each name of a folder has been since it was last synced.
//!
//! This program defines `fsync`, `fdatasync`, `rename` and `unlink` itself, so that it sees the real calls of the real engine, in
//! their order. A cut of the power leaves, of every 512 bytes, any state since the last sync of that file, and of every name any
//! state since the last sync of its folder, each chosen by itself: less than any disk or file system guarantees. Only removals of
//! names reach the disk in their order, as they do with a journal of metadata.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, c_char, c_int};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::fd::RawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runlake_engine::journal::layout::{COMMITTED_AT, MAGIC, POINTS_PER_BLOCK, u64_at};

use crate::lake::Dice;

const SECTOR: usize = 512;
const PAGE: usize = 4096;
/// Place of the number of a chunk's first point.
const FIRST_SEQ_AT: usize = 56;
/// States of a file that are remembered at most, besides the synced one and the latest.
const MOST_STATES: usize = 10;

/// Called within a system call, at a moment when the power may go; with true where a sync has begun.
pub type Moment = Arc<dyn Fn(&Disk, bool) + Send + Sync>;

/// A folder under observation.
pub struct Disk {
    root: PathBuf,
    state: Mutex<State>,
    moment: Mutex<Option<Moment>>,
}

#[derive(Default)]
struct State {
    files: HashMap<u64, History>,
    /// Inodes that a name has had since its folder was synced, that of then first.
    names: BTreeMap<PathBuf, Vec<Option<u64>>>,
    /// Names that are gone, in the order of their removal.
    removed: Vec<PathBuf>,
    /// The next sync of a file fails, and this many of its pages are read from the disk again.
    failure: Option<Dice>,
    failures: u64,
    /// Points whose bytes the system has dropped from its cache after a failure.
    evicted: Vec<Range<u64>>,
}

/// One file.
struct History {
    file: Option<File>,
    synced: Arc<Vec<u8>>,
    later: Vec<Arc<Vec<u8>>>,
    /// A sync has failed: no later one proves anything.
    failed: bool,
}

static DISKS: Mutex<Vec<Arc<Disk>>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Observes a folder from now on; what is in it counts as synced.
    pub fn watch(root: &Path) -> Arc<Self> {
        let disk = Arc::new(Self {
            root: root.to_owned(),
            state: Mutex::default(),
            moment: Mutex::new(None),
        });
        disk.look();
        let first_of = |inodes: &mut Vec<_>| _ = inodes.remove(0);
        lock(&disk.state).names.values_mut().for_each(first_of);
        lock(&DISKS).push(Arc::clone(&disk));
        disk
    }

    /// Ends the observation.
    pub fn forget(&self) {
        *lock(&self.moment) = None;
        lock(&DISKS).retain(|disk| disk.root != self.root);
    }

    /// What to call at each moment within a system call.
    pub fn at_moments(&self, moment: Moment) {
        *lock(&self.moment) = Some(moment);
    }

    /// Lets the next sync of a file fail.
    pub fn fail_next_sync(&self, dice: Dice) {
        lock(&self.state).failure = Some(dice);
    }

    /// Syncs that have failed.
    pub fn failures(&self) -> u64 {
        lock(&self.state).failures
    }

    /// Numbers of points that the system has dropped from its cache after a failure, before they were on the disk.
    pub fn evicted(&self) -> Vec<Range<u64>> {
        lock(&self.state).evicted.clone()
    }

    /// Notes the present state of everything.
    pub fn look(&self) {
        lock(&self.state).look(&self.root);
    }

    /// Writes a folder as it may be found when the power is back.
    pub fn image(&self, target: &Path, dice: &mut Dice) {
        let mut state = lock(&self.state);
        state.look(&self.root);
        let everything = dice.below(3) == 0;
        let gone = dice.below(state.removed.len() as u64 + 1) as usize;
        for (name, inodes) in &state.names {
            let removed = state.removed.iter().position(|other| other == name);
            let chosen = match removed {
                Some(place) if place < gone => inodes.len() - 1,
                Some(_) if inodes.len() > 1 => dice.below(inodes.len() as u64 - 1) as usize,
                None if !everything => dice.below(inodes.len() as u64) as usize,
                _ => inodes.len() - 1,
            };
            let (Some(inode), Some(parent)) = (inodes[chosen], target.join(name).parent().map(Path::to_owned)) else {
                continue;
            };
            if !parent.is_dir() {
                continue; // The folder itself has not survived.
            }
            match &state.files[&inode].file {
                None => fs::create_dir(target.join(name)).unwrap(),
                Some(_) => fs::write(target.join(name), state.files[&inode].content(dice)).unwrap(),
            }
        }
    }

    fn moment(&self, syncing: bool) {
        let moment = lock(&self.moment).clone();
        if let Some(moment) = moment {
            moment(self, syncing);
        }
    }

    fn sync(&self, fd: RawFd) -> io::Result<()> {
        let inode = inode_of(fd)?;
        let begun = {
            let mut state = lock(&self.state);
            state.look(&self.root);
            state.latest(inode)
        };
        self.moment(true);
        let mut state = lock(&self.state);
        match begun {
            None => {
                let folder = fs::read_link(format!("/proc/self/fd/{fd}"))?;
                state.sync_folder(folder.strip_prefix(&self.root).map_err(io::Error::other)?);
            }
            Some(begun) => state.sync_file(inode, &begun)?,
        }
        drop(state);
        self.moment(false);
        Ok(())
    }
}

impl State {
    fn look(&mut self, root: &Path) {
        let mut found = BTreeMap::new();
        walk(root, root, &mut found);
        for (name, inode) in &found {
            self.files
                .entry(*inode)
                .or_insert_with(|| History::of(&root.join(name)));
        }
        for (name, inodes) in &mut self.names {
            let now = found.remove(name);
            if *inodes.last().unwrap() != now {
                inodes.push(now);
                self.removed.retain(|other| other != name);
                self.removed.extend(now.is_none().then(|| name.clone()));
            }
        }
        for (name, inode) in found {
            self.names.insert(name, vec![None, Some(inode)]);
        }
        self.files.values_mut().for_each(History::look);
    }

    /// The content of a file, or `None` for a folder.
    fn latest(&self, inode: u64) -> Option<Arc<Vec<u8>>> {
        let history = self.files.get(&inode)?;
        history.file.as_ref()?;
        Some(Arc::clone(history.later.last().unwrap_or(&history.synced)))
    }

    fn sync_folder(&mut self, folder: &Path) {
        for (name, inodes) in &mut self.names {
            if name.parent() == Some(folder) {
                inodes.drain(..inodes.len() - 1);
            }
        }
    }

    fn sync_file(&mut self, inode: u64, begun: &Arc<Vec<u8>>) -> io::Result<()> {
        let history = self.files.get_mut(&inode).unwrap();
        if let Some(mut dice) = self.failure.take() {
            self.failures += 1;
            history.failed = true;
            self.evicted.extend(history.evict(begun, &mut dice));
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        if !history.failed {
            let place = history.later.iter().position(|state| Arc::ptr_eq(state, begun));
            history.later.drain(..place.map_or(0, |place| place + 1));
            history.synced = Arc::clone(begun);
        }
        Ok(())
    }
}

impl History {
    fn of(path: &Path) -> Self {
        let file = (!path.is_dir()).then(|| OpenOptions::new().read(true).write(true).open(path));
        Self {
            file: file.transpose().ok().flatten(),
            synced: Arc::default(),
            later: Vec::new(),
            failed: false,
        }
    }

    fn look(&mut self) {
        let Some(file) = &self.file else { return };
        let mut now = vec![0; file.metadata().unwrap().len() as usize];
        if file.read_exact_at(&mut now, 0).is_err() {
            return; // Cut at this moment; the next look sees it.
        }
        if **self.later.last().unwrap_or(&self.synced) != now {
            self.later.push(Arc::new(now));
        }
        if self.later.len() > MOST_STATES {
            self.later.remove(MOST_STATES / 2);
        }
    }

    fn states(&self) -> Vec<&Arc<Vec<u8>>> {
        std::iter::once(&self.synced).chain(&self.later).collect()
    }

    /// What may be left of it.
    fn content(&self, dice: &mut Dice) -> Vec<u8> {
        let states = self.states();
        let any = |dice: &mut Dice| states[dice.below(states.len() as u64) as usize];
        let unit = match dice.below(6) {
            0 => return self.synced.to_vec(),
            1 => return states[states.len() - 1].to_vec(),
            2 => return any(dice).to_vec(),
            3 => PAGE,
            _ => SECTOR,
        };
        let lagging = dice.below(2) == 0;
        let mut content = vec![0; any(dice).len()];
        for (at, piece) in (0..).step_by(unit).zip(content.chunks_mut(unit)) {
            // Often most of a file has reached the disk, and a few sectors have not.
            let state = match lagging && dice.below(8) > 0 {
                true => states[states.len() - 1],
                false => any(dice),
            };
            let held = state.get(at..).unwrap_or(&[]);
            let len = held.len().min(piece.len());
            piece[..len].copy_from_slice(&held[..len]);
        }
        content
    }

    /// Drops pages from the cache, as a system may do with pages that it calls clean though they never reached the disk. What is
    /// read then is what the disk has. Only full pages, which the writer has made checksums of. Returns what was in them.
    fn evict(&self, begun: &[u8], dice: &mut Dice) -> Vec<Range<u64>> {
        let mut evicted = Vec::new();
        let Some(file) = self.file.as_ref().filter(|_| dice.below(2) == 0) else {
            return evicted;
        };
        if begun.get(..MAGIC.len()) != Some(&MAGIC[..]) {
            return evicted;
        }
        let committed = u64_at(begun, COMMITTED_AT);
        for page in 1..=committed / POINTS_PER_BLOCK as u64 {
            let at = page as usize * PAGE..(page as usize + 1) * PAGE;
            let zeros = [0; PAGE];
            let synced = self.synced.get(at.clone()).unwrap_or(&zeros);
            if synced != &begun[at.clone()] && dice.below(4) == 0 {
                file.write_all_at(synced, at.start as u64).unwrap();
                let first = u64_at(begun, FIRST_SEQ_AT) + (page - 1) * POINTS_PER_BLOCK as u64;
                evicted.push(first..first + POINTS_PER_BLOCK as u64);
            }
        }
        evicted
    }
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, u64>) {
    for entry in fs::read_dir(folder).unwrap() {
        // A file may be gone between the list and the look.
        let Ok(metadata) = entry.as_ref().unwrap().metadata() else {
            continue;
        };
        let path = entry.unwrap().path();
        found.insert(path.strip_prefix(root).unwrap().to_owned(), metadata.ino());
        if metadata.is_dir() {
            walk(root, &path, found);
        }
    }
}

fn inode_of(fd: RawFd) -> io::Result<u64> {
    Ok(fs::metadata(format!("/proc/self/fd/{fd}"))?.ino())
}

fn watching(path: &Path) -> Option<Arc<Disk>> {
    lock(&DISKS).iter().find(|disk| path.starts_with(&disk.root)).cloned()
}

fn answer(result: io::Result<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            // SAFETY: errno is this thread's own.
            unsafe { *libc::__errno_location() = error.raw_os_error().unwrap_or(libc::EIO) };
            -1
        }
    }
}

fn sync(fd: c_int, number: libc::c_long) -> c_int {
    let path = fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
    match watching(&path) {
        Some(disk) => answer(disk.sync(fd)),
        // SAFETY: the call that would have been made.
        None => unsafe { libc::syscall(number, fd) as c_int },
    }
}

/// Runs a system call between two moments.
fn between_moments(path: *const c_char, call: impl FnOnce() -> libc::c_long) -> c_int {
    // SAFETY: who calls rename or unlink passes a C string.
    let path = unsafe { CStr::from_ptr(path) }.to_string_lossy().into_owned();
    let disk = watching(Path::new(&path));
    if let Some(disk) = &disk {
        disk.look();
    }
    let result = call();
    if let Some(disk) = &disk {
        disk.moment(false);
    }
    result as c_int
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fsync)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fdatasync)
}

#[unsafe(no_mangle)]
extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the call that would have been made.
    between_moments(to, || unsafe {
        libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0)
    })
}

#[unsafe(no_mangle)]
extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the call that would have been made.
    between_moments(path, || unsafe {
        libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0)
    })
}
