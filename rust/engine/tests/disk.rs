//! Bad disks: full ones, ones that fail to sync, and a sealer that falls behind.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lake::{FailingDisk, Lake, log, point, small, steps};
use runlake_engine::{Config, DropReason, Error, Folder, Outcome, Times, Writer, adopt, read_range};

fn open(lake: &Lake, config: Config) -> (Arc<Writer>, Arc<FailingDisk>) {
    let disk = Arc::new(FailingDisk::default());
    (Writer::open_on(lake.path(), 7, config, disk.clone()).unwrap(), disk)
}

fn impatient() -> Config {
    Config {
        max_block: Duration::from_millis(20),
        ..small()
    }
}

/// Logs until a point is stored; the disk is tried again by another thread.
fn log_until_stored(writer: &Writer, series: runlake_engine::SeriesId, step: i64) -> u64 {
    let mut dropped = 0;
    while writer.append(series, point(step)).unwrap() == Outcome::Dropped {
        dropped += 1;
        assert!(dropped < 1_000_000_000);
    }
    dropped
}

#[test]
fn a_full_disk_drops_points_counts_them_and_takes_points_again_when_there_is_space() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, impatient());
    let series = writer.series("run", "loss").unwrap();
    disk.full.store(true, Ordering::SeqCst);
    let mut stored = 0;
    while writer.append(series, point(stored)).unwrap() != Outcome::Dropped {
        stored += 1;
    }
    let start = Instant::now();
    for step in stored + 1..stored + 1000 {
        assert_eq!(writer.append(series, point(step)).unwrap(), Outcome::Dropped);
    }
    let numbers: Vec<i64> = (0..500).collect();
    let values = vec![1.0; 500];
    assert_eq!(
        writer
            .append_column(series, &numbers, Times::Constant(0), &values)
            .unwrap(),
        0
    );
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "only the first call waits"
    );
    let stats = writer.stats();
    assert_eq!(
        (stats.stored, stats.dropped, stats.accepted),
        (stored as u64, 1500, stored as u64 + 1500)
    );
    assert!(stats.last_error.unwrap().contains("cannot make"));

    disk.full.store(false, Ordering::SeqCst);
    let more = log_until_stored(&writer, series, -1);
    log(&writer, series, 0..5000);
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!(adopted.upto, stored as u64 + 5001);
    let entry = &adopted.ledger[0];
    assert_eq!((&*entry.name.key, entry.tally.points()), ("loss", 1500 + more));
    assert_eq!(entry.tally.dropped[DropReason::NoSpace.index()], 1500 + more);
    let [stretch] = &entry.tally.stretches[..] else {
        panic!("{entry:?}")
    };
    assert_eq!(
        (stretch.reason, stretch.count, stretch.first_step, stretch.last_step),
        (
            DropReason::NoSpace,
            1500 + more,
            stored,
            if more > 0 { -1 } else { 499 }
        )
    );
}

#[test]
fn a_writer_does_not_open_on_a_full_disk_and_leaves_nothing() {
    let lake = Lake::new();
    let disk = Arc::new(FailingDisk::default());
    disk.full.store(true, Ordering::SeqCst);
    let refused = Writer::open_on(lake.path(), 7, small(), disk);
    assert!(matches!(refused, Err(Error::Io { .. })));
    assert_eq!(lake.files(), Vec::<String>::new());
}

#[test]
fn a_real_full_file_system_drops_points_and_never_kills_the_process() {
    let Some(tiny) = TinyDisk::mount() else { return };
    let writer = Writer::open(
        tiny.0.path(),
        7,
        Config {
            max_block: Duration::from_millis(20),
            ..lake::ordinary()
        },
    )
    .unwrap();
    let series = writer.series("run", "loss").unwrap();
    let numbers: Vec<i64> = (0..10_000).collect();
    let values = vec![1.0; 10_000];
    for _ in 0..30 {
        writer
            .append_column(series, &numbers, Times::Constant(0), &values)
            .unwrap();
        log(&writer, series, 0..10_000);
    }
    let stats = writer.stats();
    let unstored = stats.merged + stats.pending + stats.dropped;
    assert!(stats.stored < 300_000 && unstored > 0 && stats.stored + unstored == 600_000);
    assert_eq!(stats.accepted, 600_000);
    assert_eq!(lake::rows(tiny.0.path()).len() as u64, stats.stored);
    drop(writer);
}

/// A tmpfs of 2 MiB, where this process may mount one.
struct TinyDisk(tempfile::TempDir);

impl TinyDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|o| o.status.success()).then_some(Self(folder))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
        assert!(unmounted.unwrap().success());
    }
}

#[test]
fn a_flush_that_fails_tells_what_the_disk_has_answered() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..100);
    disk.sync_fails.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        let said = writer.flush(None).unwrap_err().to_string();
        assert!(said.contains("points up to 100 are not on the disk yet"), "{said}");
        // By and by a copy of the chunk is refused as well.
        assert!(
            said.contains("cannot sync '") || said.contains("cannot rescue '"),
            "{said}"
        );
        assert!(said.contains(".journal': Input/output error"), "{said}");
    }
    disk.sync_fails.store(false, Ordering::SeqCst);
    while writer.flush(None).is_err() {}
    assert_eq!(writer.stats().durable, 100);
}

#[test]
fn points_of_a_chunk_whose_sync_failed_reach_the_disk_in_another() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..500);
    writer.flush(None).unwrap();
    writer.push_outbox(b"item").unwrap();
    log(&writer, series, 500..777);
    disk.sync_fails_once.store(true, Ordering::SeqCst);
    // The next chunk may not be ready at the failure; then the pass after it goes on.
    while writer.flush(None).is_err() {}
    let stats = writer.stats();
    assert_eq!((stats.durable, stats.poisoned_chunks), (777, 1));
    assert!(stats.last_error.unwrap().contains("cannot sync"));
    log(&writer, series, 777..3000);
    assert_eq!(steps(&lake.rows()), (0..3000).collect::<Vec<_>>());
    assert_eq!(
        read_range(lake.path(), writer.id(), 400, 1000).unwrap().step,
        (400..1000).collect::<Vec<_>>()
    );
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!(
        (adopted.whole.len(), adopted.whole[0].clone(), adopted.missing),
        (1, 0..3000, 0)
    );
    assert_eq!(adopted.outbox, [(1, b"item".to_vec())]);
}

#[test]
fn points_that_the_system_forgot_after_a_failed_sync_are_said_to_be_lost_and_never_made_up() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    // 146 points a block: the second frame is whole, of the first one a block is forgotten.
    log(&writer, series, 0..200);
    disk.sync_fails_once.store(true, Ordering::SeqCst);
    disk.forgets.store(true, Ordering::SeqCst);
    while writer.flush(None).is_err() {}
    log(&writer, series, 200..300);
    writer.flush(None).unwrap();
    assert!(writer.stats().last_error.unwrap().contains("points 0..200 are lost"));
    assert_eq!(steps(&lake.rows()), (200..300).collect::<Vec<_>>());
    assert!(matches!(
        read_range(lake.path(), writer.id(), 0, 300),
        Err(Error::Damaged { .. })
    ));
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!(
        (adopted.whole.len(), adopted.whole[0].clone(), adopted.missing),
        (1, 200..300, 200)
    );
    assert!(adopted.gaps[0].reason.contains("after a sync had failed"));
}

#[test]
fn a_stream_whose_sync_has_failed_is_recovered_before_it_is_gone_on_with() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..100);
    writer.flush(None).unwrap();
    log(&writer, series, 100..200);
    disk.sync_fails.store(true, Ordering::SeqCst);
    assert!(writer.close().is_err());
    // Another sync of the same file might succeed, and the points would be called durable.
    let resumed = Writer::resume(lake.path(), 7, writer.id(), 0, small());
    assert!(matches!(resumed, Err(Error::Unresumable { .. })), "{resumed:?}");
    assert_eq!(steps(&lake.rows()), (0..200).collect::<Vec<_>>());
}

#[test]
fn an_outbox_item_of_a_resumed_stream_is_not_taken_for_a_delivered_one() {
    let lake = Lake::new();
    let (writer, _) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    let item = writer.push_outbox(b"first").unwrap();
    log(&writer, series, 0..3000);
    writer.finish_outbox(item).unwrap();
    writer.trim(2900).unwrap();
    writer.close().unwrap();
    let writer = Writer::resume(lake.path(), 7, writer.id(), 2900, small())
        .unwrap()
        .unwrap();
    _ = writer.push_outbox(b"second").unwrap();
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    let waiting: Vec<_> = adopted.outbox.into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(waiting, [b"second".to_vec()]);
}

#[test]
fn a_reader_that_listed_the_folder_before_a_sync_failed_sees_every_point_after_it() {
    for later in [0, 200] {
        let lake = Lake::new();
        let (writer, disk) = open(&lake, small());
        let series = writer.series("run", "loss").unwrap();
        log(&writer, series, 0..500);
        writer.flush(None).unwrap();
        log(&writer, series, 500..777);
        let listed = Folder::list(lake.path()).unwrap();
        disk.sync_fails_once.store(true, Ordering::SeqCst);
        while writer.flush(None).is_err() {}
        assert_eq!(writer.stats().poisoned_chunks, 1);
        log(&writer, series, 777..777 + later);
        let seen = listed.read_range(writer.id(), 0, 777 + later as u64).unwrap();
        assert_eq!(seen.step, (0..777 + later).collect::<Vec<_>>());
    }
}

#[test]
fn a_disk_that_takes_no_space_back_poisons_no_chunk() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    disk.keeps_all.store(true, Ordering::SeqCst);
    log(&writer, series, 0..300);
    // A rescue cuts its copy as well.
    disk.sync_fails_once.store(true, Ordering::SeqCst);
    while writer.flush(None).is_err() {}
    log(&writer, series, 300..2000);
    writer.flush(None).unwrap();
    writer.close().unwrap();
    let stats = writer.stats();
    assert_eq!((stats.durable, stats.poisoned_chunks), (2000, 1));
    assert_eq!(steps(&lake.rows()), (0..2000).collect::<Vec<_>>());
}

#[test]
fn a_disk_that_fails_every_sync_is_reported_and_loses_no_point_of_a_living_machine() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..100);
    disk.sync_fails.store(true, Ordering::SeqCst);
    for round in 0..5 {
        log(&writer, series, 100 + round * 100..200 + round * 100);
        assert!(matches!(writer.flush(None), Err(Error::NotDurable { durable: 0, .. })));
    }
    assert!(lake.files().len() < 12, "no pile of chunks: {:?}", lake.files());
    assert_eq!(steps(&lake.rows()), (0..600).collect::<Vec<_>>());
    disk.sync_fails.store(false, Ordering::SeqCst);
    while writer.flush(None).is_err() {}
    assert_eq!(writer.stats().durable, 600);
    disk.sync_fails.store(true, Ordering::SeqCst);
    log(&writer, series, 600..700);
    assert!(writer.close().is_err());
    assert_eq!(steps(&lake.rows()), (0..700).collect::<Vec<_>>());
}

#[test]
fn a_backlog_beyond_the_cap_waits_for_the_sealer_and_then_drops() {
    let lake = Lake::new();
    let (writer, _) = open(
        &lake,
        Config {
            max_unsealed_bytes: 100_000,
            ..impatient()
        },
    );
    let series = writer.series("run", "loss").unwrap();
    let mut stored = 0;
    while writer.append(series, point(stored)).unwrap() != Outcome::Dropped {
        stored += 1;
    }
    assert!(stored * 28 > 90_000 && stored * 28 < 300_000, "{stored}");
    writer.trim(stored as u64).unwrap();
    assert_eq!(
        log_until_stored(&writer, series, 1),
        0,
        "room again, as soon as it is sealed"
    );
}

#[test]
fn a_rescue_with_nothing_to_copy_hides_no_point_of_the_chunk_after_it() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..100);
    writer.flush(None).unwrap();
    // Only the side log is new when the sync fails: every point of the chunk is on the disk already.
    writer.push_outbox(b"item").unwrap();
    disk.sync_fails_once.store(true, Ordering::SeqCst);
    while writer.flush(None).is_err() {}
    assert_eq!(writer.stats().poisoned_chunks, 1);
    log(&writer, series, 100..200);
    assert_eq!(steps(&lake.rows()), (0..200).collect::<Vec<_>>());
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    assert_eq!((adopted.upto, adopted.missing), (200, 0));
    assert_eq!(adopted.outbox, [(1, b"item".to_vec())]);
}

#[test]
fn a_ledger_that_fills_the_side_log_at_the_close_overwrites_no_point() {
    for keys in [40, 70, 80, 90, 100, 110, 120, 160, 200] {
        let lake = Lake::new();
        let (writer, disk) = open(&lake, impatient());
        let series: Vec<_> = (0..keys)
            .map(|i| writer.series("run", &format!("k{i}")).unwrap())
            .collect();
        disk.full.store(true, Ordering::SeqCst);
        let mut stored = 0;
        while writer.append(series[0], point(stored)).unwrap() != Outcome::Dropped {
            stored += 1;
        }
        for id in &series {
            assert_eq!(writer.append(*id, point(-1)).unwrap(), Outcome::Dropped);
        }
        let before = lake.rows();
        assert_eq!(before.len() as i64, stored);
        writer.close().unwrap();
        assert_eq!(lake.rows(), before, "{keys} keys");
        let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
        assert_eq!((adopted.upto, adopted.missing), (stored as u64, 0), "{keys} keys");
    }
}

#[test]
fn the_next_chunk_is_made_ahead_for_a_slow_run_too() {
    let lake = Lake::new();
    let (writer, _) = open(&lake, small());
    let series = writer.series("run", "loss").unwrap();
    // A frame a point: the side log takes more of the chunk than the points do, and there is room for 292 of them.
    for step in 0..250 {
        log(&writer, series, step..step + 1);
        writer.flush(None).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while !lake.chunk(&writer, 1).exists() {
        assert!(Instant::now() < deadline, "the point that fills the chunk would wait");
        std::thread::yield_now();
    }
}

#[test]
fn points_dropped_before_a_failed_sync_are_counted_once() {
    let lake = Lake::new();
    let (writer, disk) = open(&lake, impatient());
    let series = writer.series("run", "loss").unwrap();
    disk.full.store(true, Ordering::SeqCst);
    let mut step = 0;
    while writer.append(series, point(step)).unwrap() != Outcome::Dropped {
        step += 1;
    }
    disk.full.store(false, Ordering::SeqCst);
    log_until_stored(&writer, series, -1);
    // The counts are in the chunk that takes points now; it is the one whose sync fails.
    while writer.flush(None).is_err() {}
    log(&writer, series, 0..10);
    disk.sync_fails_once.store(true, Ordering::SeqCst);
    while writer.flush(None).is_err() {}
    assert_eq!(writer.stats().poisoned_chunks, 1);
    let dropped = writer.stats().dropped;
    writer.close().unwrap();
    let adopted = adopt(lake.path(), writer.id()).unwrap().unwrap();
    let counted: u64 = adopted.ledger.iter().map(|entry| entry.tally.points()).sum();
    assert_eq!(counted, dropped);
}

#[test]
fn points_that_were_not_synced_are_there_after_a_container_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = folder.path().join("mounted");
    for name in ["lower", "upper", "work", "mounted", "other"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    if !run(folder.path(), OVERLAY) {
        return;
    }
    let writer = Writer::open(&mounted, 7, small()).unwrap();
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..500);
    let id = writer.id();
    let chunk = mounted.join(format!("{id}.0.journal"));
    let device = std::fs::metadata(&chunk).unwrap().dev();
    // What a kill leaves; a lazy unmount lets the writer, which is still open, keep what it has.
    assert!(run(folder.path(), "umount -l mounted && mount -t tmpfs tmpfs other"));
    assert!(run(folder.path(), OVERLAY));
    let renumbered = std::fs::metadata(&chunk).unwrap().dev() != device;
    let rows = lake::rows(&mounted);
    assert!(run(folder.path(), "umount mounted other"));
    drop(writer);
    assert!(renumbered);
    assert_eq!(steps(&rows), (0..500).collect::<Vec<_>>());
}

const OVERLAY: &str = "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work mounted";

fn run(folder: &std::path::Path, command: &str) -> bool {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", command]).current_dir(folder);
    shell.output().is_ok_and(|output| output.status.success())
}
