//! Crashes: processes killed at any moment, and forks.
//!
//! The processes are this program again, told by the environment what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "fork and kill are C calls")]

mod lake;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lake::{Lake, log, point, rows, small, steps};
use runlake_engine::{Config, Error, Times, Writer, WriterId, adopt, survey};

const FOLDER: &str = "RUNLAKE_TEST_FOLDER";
const THREADS: usize = 4;

/// Starts this program again to run one of the `child_…` functions below.
fn start(function: &str, folder: &Path) -> Child {
    let module = module_path!().split_once("::");
    let name = module.map_or(function.to_owned(), |(_, module)| format!("{module}::{function}"));
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture", "--test-threads", "1"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn acknowledged_path(folder: &Path, process: u32, thread: usize) -> PathBuf {
    folder.join(format!("acknowledged-{process}-{thread}"))
}

fn acknowledged(path: &Path) -> i64 {
    let mut bytes = [0; 8];
    File::open(path)
        .and_then(|f| f.read_exact_at(&mut bytes, 0))
        .map_or(0, |()| i64::from_le_bytes(bytes))
}

#[test]
fn child_that_logs_until_it_is_killed() {
    let Some(folder) = folder() else { return };
    let config = Config {
        sync_interval: Duration::from_millis(3),
        max_chunk_bytes: 1 << 20,
        ..small()
    };
    let writer = Writer::open(&folder, 7, config).unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|t| {
            let (writer, folder) = (Arc::clone(&writer), folder.clone());
            thread::spawn(move || log_and_acknowledge(&writer, &folder, t))
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

fn log_and_acknowledge(writer: &Writer, folder: &Path, thread: usize) {
    let process = std::process::id();
    let series = writer.series(&format!("run-{process}-{thread}"), "loss").unwrap();
    let acknowledged = File::create(acknowledged_path(folder, process, thread)).unwrap();
    let mut next = 0_i64;
    loop {
        if thread == 0 && next % 50 == 0 {
            let steps: Vec<i64> = (next..next + 700).collect();
            let values = vec![1.5; 700];
            assert_eq!(
                writer
                    .append_column(series, &steps, Times::Constant(0), &values)
                    .unwrap(),
                700
            );
            next += 700;
        } else {
            writer.append(series, point(next)).unwrap();
            next += 1;
        }
        acknowledged.write_all_at(&next.to_le_bytes(), 0).unwrap();
    }
}

#[test]
fn every_point_whose_call_returned_survives_a_kill() {
    for round in 0..10_u32 {
        let lake = Lake::new();
        let mut children = [0, 1].map(|_| start("child_that_logs_until_it_is_killed", lake.path()));
        let enough = i64::from(100 * round * round + 1);
        let processes: Vec<u32> = children.iter().map(Child::id).collect();
        let threads: Vec<_> = processes
            .iter()
            .flat_map(|p| (0..THREADS).map(move |t| (*p, t)))
            .collect();
        let done = |(p, t): &(u32, usize)| acknowledged(&acknowledged_path(lake.path(), *p, *t)) >= enough;
        while !threads.iter().all(done) {
            thread::yield_now();
        }
        for child in &mut children {
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        }
        let before = lake.rows();
        for (process, thread) in threads {
            let run = format!("run-{process}-{thread}");
            let logged: Vec<_> = before.iter().filter(|r| r.run == run).cloned().collect();
            let promised = acknowledged(&acknowledged_path(lake.path(), process, thread));
            assert!(logged.len() as i64 >= promised, "{} of {promised}", logged.len());
            assert_eq!(steps(&logged), (0..logged.len() as i64).collect::<Vec<_>>());
        }
        adopt_all(lake.path(), before.len());
    }
}

fn adopt_all(folder: &Path, points: usize) {
    let mut whole = 0;
    for files in survey(folder).unwrap() {
        assert!(!files.alive && !files.closed_cleanly);
        let adopted = adopt(folder, files.id).unwrap().unwrap();
        assert_eq!((adopted.missing, adopted.gaps.len()), (0, 0));
        whole += adopted.whole.iter().map(|r| r.end - r.start).sum::<u64>();
        adopted.finish(true).unwrap();
    }
    assert_eq!(whole, points as u64);
    assert!(survey(folder).unwrap().is_empty());
}

/// Runs `child` in a forked process and returns whether it ended well.
fn in_fork(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs ordinary code in a copy of a process with several threads. That is what a user's fork does, and
    // what this test is about; it ends with _exit, so that nothing of the test program runs on.
    unsafe {
        match libc::fork() {
            0 => libc::_exit(i32::from(!child())),
            pid => {
                let mut status = 0;
                assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
                libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
            }
        }
    }
}

#[test]
fn a_forked_child_logs_with_a_writer_of_its_own_while_its_parent_goes_on() {
    let lake = Lake::new();
    let writer = lake.open(Config {
        sync_interval: Duration::from_millis(1),
        ..small()
    });
    let series = writer.series("parent", "loss").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let logger = {
        let (writer, stop) = (Arc::clone(&writer), Arc::clone(&stop));
        thread::spawn(move || {
            (0..500_000)
                .take_while(|_| !stop.load(Ordering::Relaxed))
                .map(|i| log(&writer, series, i..i + 1))
                .count()
        })
    };
    for round in 0..30 {
        assert!(
            in_fork(|| child_of_a_fork(&writer, lake.path(), round)),
            "round {round}"
        );
        assert!(
            adopt(lake.path(), writer.id()).unwrap().is_none(),
            "the child's end does not unlock the parent"
        );
    }
    stop.store(true, Ordering::Relaxed);
    let logged = logger.join().unwrap() as i64;
    writer.flush(None).unwrap();
    let all = rows(lake.path());
    for round in 0..30 {
        let run: Vec<_> = all
            .iter()
            .filter(|r| r.run == format!("child-{round}"))
            .cloned()
            .collect();
        assert_eq!(steps(&run), (0..3000).collect::<Vec<_>>());
    }
    let parent: Vec<_> = all.iter().filter(|r| r.run == "parent").cloned().collect();
    assert_eq!(steps(&parent), (0..logged).collect::<Vec<_>>());
}

fn child_of_a_fork(parents: &Arc<Writer>, folder: &Path, round: usize) -> bool {
    let series = runlake_engine::SeriesId(0);
    let refused = matches!(parents.append(series, point(0)), Err(Error::Forked))
        && parents.try_append(series, point(0)).is_none()
        && matches!(parents.append_row(0, 0, &[(series, 1.0)]), Err(Error::Forked))
        && matches!(
            parents.append_column(series, &[1], Times::Constant(0), &[1.0]),
            Err(Error::Forked)
        )
        && matches!(parents.series("a", "b"), Err(Error::Forked))
        && matches!(parents.flush(None), Err(Error::Forked))
        && matches!(parents.trim(1), Err(Error::Forked))
        && matches!(parents.close(), Err(Error::Forked));
    let Ok(own) = Writer::open(folder, 7, small()) else {
        return false;
    };
    let Ok(series) = own.series(&format!("child-{round}"), "loss") else {
        return false;
    };
    let logged = (0..3000).all(|step| own.append(series, point(step)).is_ok());
    refused && logged && own.flush(None).is_ok() && own.close().is_ok()
}

#[test]
fn child_that_forks_and_waits() {
    let Some(folder) = folder() else { return };
    let writer = Writer::open(&folder, 7, small()).unwrap();
    log(&writer, writer.series("run", "loss").unwrap(), 0..100);
    let (mut heard, mut says) = std::io::pipe().unwrap();
    // SAFETY: the grandchild only writes, reads and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // It has let go of what it inherited as soon as it runs, and not before.
        says.write_all(b"!").unwrap();
        // The end of the pipe is held by the test: this lives until the test has looked.
        let _ = std::io::stdin().read(&mut [0]);
        // SAFETY: ends this process without running anything else.
        unsafe { libc::_exit(0) };
    }
    heard.read_exact(&mut [0]).unwrap();
    let mut out = std::io::stdout();
    out.write_all(b"ready ").unwrap();
    writeln!(out, "{}", writer.id()).unwrap();
    out.flush().unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn a_forked_child_that_lives_on_does_not_hold_the_lock_of_its_dead_parent() {
    let lake = Lake::new();
    let mut child = start("child_that_forks_and_waits", lake.path());
    let mut said = String::new();
    let mut out = child.stdout.take().unwrap();
    while !said.contains("ready ") || !said.ends_with('\n') {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        said.push(char::from(byte[0]));
    }
    let id: WriterId = said.split("ready ").nth(1).unwrap().trim().parse().unwrap();
    assert!(adopt(lake.path(), id).unwrap().is_none());
    let grandchild_waits_on = child.stdin.take();
    child.kill().unwrap();
    child.wait().unwrap();
    let adopted = adopt(lake.path(), id).unwrap().expect("nobody holds the lock");
    assert_eq!((adopted.upto, adopted.missing), (100, 0));
    drop(grandchild_waits_on);
}
