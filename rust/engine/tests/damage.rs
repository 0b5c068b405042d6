//! Damaged journals: what is whole is recovered, what is not is named, and nothing is deleted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod lake;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use lake::{Lake, cases, log, point, small, steps};
use proptest::prelude::*;
use runlake_engine::journal::chunk_file::ChunkFile;
use runlake_engine::journal::layout::{BLOCK_BYTES, Header};
use runlake_engine::{
    Adopted, Config, Error, SeriesId, Writer, WriterId, adopt, inspect, platform, read_range, survey,
};

/// Points of the patient: framed in three parts, the rest not synced.
const FRAMES: [i64; 3] = [0, 400, 1000];
const POINTS: i64 = 1100;

/// A journal of one chunk, as a machine leaves it that stopped at once.
struct Patient {
    lake: Lake,
    id: WriterId,
}

/// Whether the header says that the file is where, and when, it was made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Same,
    OtherBoot,
    Copied,
}

impl Patient {
    fn new(place: Place) -> Self {
        let origin = Lake::new();
        let writer = origin.open(Config {
            min_chunk_bytes: 16 * 4096,
            ..small()
        });
        let series: Vec<SeriesId> = (0..3)
            .map(|i| writer.series("run", &format!("k{i}")).unwrap())
            .collect();
        log_synced(&writer, &series);
        Self::copy(&origin, writer.id(), place)
    }

    /// Copies files from under a living writer, which is what a crash of the machine looks like.
    fn copy(origin: &Lake, id: WriterId, place: Place) -> Self {
        let patient = Self { lake: Lake::new(), id };
        for name in origin.files() {
            // The chunk that the writer makes ahead gets its name at any moment.
            let copied = fs::copy(origin.path().join(&name), patient.lake.path().join(&name));
            if copied.is_err() || name.ends_with(".tmp") {
                let _ = fs::remove_file(patient.lake.path().join(&name));
            } else if name.ends_with(".journal") {
                settle(&patient.lake.path().join(&name), place);
            }
        }
        patient
    }

    fn chunk(&self) -> std::path::PathBuf {
        self.lake.path().join(format!("{}.0.journal", self.id))
    }

    fn edit(&self) -> fs::File {
        OpenOptions::new().read(true).write(true).open(self.chunk()).unwrap()
    }

    fn adopt(&self) -> Adopted {
        adopt(self.lake.path(), self.id).unwrap().unwrap()
    }

    /// Checks that what is said to be whole is what was logged, and that every number is accounted for; returns how many are whole.
    fn check(&self, adopted: &Adopted) -> u64 {
        let mut pieces: Vec<_> = adopted.whole.clone();
        pieces.extend(adopted.gaps.iter().map(|g| g.from..g.to));
        pieces.sort_by_key(|r| r.start);
        let mut next = adopted.from;
        for piece in pieces {
            assert_eq!(piece.start, next, "{:?} {:?}", adopted.whole, adopted.gaps);
            next = piece.end;
        }
        assert_eq!(next, adopted.upto);
        for whole in &adopted.whole {
            let columns = read_range(self.lake.path(), self.id, whole.start, whole.end).unwrap();
            let wanted: Vec<_> = (whole.start as i64..whole.end as i64).map(point).collect();
            assert_eq!(columns.step, wanted.iter().map(|p| p.step).collect::<Vec<_>>());
            assert_eq!(columns.value, wanted.iter().map(|p| p.value).collect::<Vec<_>>());
            for (series, step) in columns.series.iter().zip(&columns.step) {
                let name = columns.names[*series as usize].as_ref().unwrap();
                assert_eq!(*name.key, *format!("k{}", step % 3));
            }
        }
        assert_eq!(adopted.missing, adopted.gaps.iter().map(|g| g.to - g.from).sum::<u64>());
        let whole = adopted.whole.iter().map(|r| r.end - r.start).sum();
        assert_eq!(adopted.runs.iter().map(|r| r.points).sum::<u64>(), whole);
        whole
    }
}

fn log_synced(writer: &Writer, series: &[SeriesId]) {
    for step in 0..POINTS {
        if FRAMES.contains(&step) && step > 0 {
            writer.flush(None).unwrap();
        }
        writer.append(series[step as usize % 3], point(step)).unwrap();
    }
}

/// Makes the header of a copied file fit its new place, or not.
fn settle(path: &Path, place: Place) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut block = [0; BLOCK_BYTES];
    file.read_exact_at(&mut block, 0).unwrap();
    let Some(mut header) = Header::decode(&block, path).unwrap() else {
        return;
    };
    if place != Place::Copied {
        let metadata = file.metadata().unwrap();
        (header.device, header.inode) = (metadata.dev(), metadata.ino());
    }
    if place == Place::OtherBoot {
        header.boot_id ^= 1;
    }
    assert_eq!(
        header.boot_id == platform::boot_id().unwrap(),
        place != Place::OtherBoot
    );
    file.write_all_at(&header.encode(), 0).unwrap();
}

#[test]
fn the_same_boot_and_file_keep_every_point() {
    let patient = Patient::new(Place::Same);
    let adopted = patient.adopt();
    assert_eq!(patient.check(&adopted), POINTS as u64);
    assert!(adopted.last_verified_ms.is_some() && !adopted.closed_cleanly);
    adopted.finish(true).unwrap();
    assert_eq!(patient.lake.files(), Vec::<String>::new());
}

#[test]
fn after_another_boot_or_a_copy_only_synced_points_are_believed() {
    for place in [Place::OtherBoot, Place::Copied] {
        let patient = Patient::new(place);
        assert_eq!(steps(&patient.lake.rows()), (0..1000).collect::<Vec<_>>());
        let Err(Error::Damaged { .. }) = read_range(patient.lake.path(), patient.id, 0, 1001) else {
            panic!("believed")
        };
        let adopted = patient.adopt();
        assert_eq!((patient.check(&adopted), adopted.missing), (1000, 100));
        adopted.finish(true).unwrap();
        assert_eq!(
            patient.lake.files(),
            Vec::<String>::new(),
            "losing what was not synced is no damage"
        );
    }
}

#[test]
fn looking_at_a_journal_says_what_adopting_it_says_and_takes_nothing() {
    for (place, at) in [
        (Place::Same, 0),
        (Place::OtherBoot, 4 * 4096 + 3000),
        (Place::Copied, 60),
    ] {
        let patient = Patient::new(place);
        if at > 0 {
            patient.edit().write_all_at(&[0x55], at).unwrap();
        }
        let before = fs::read(patient.chunk()).unwrap();
        let files = patient.lake.files();
        let seen = inspect(patient.lake.path(), patient.id).unwrap();
        let adopted = patient.adopt();
        assert_eq!((&seen.whole, &seen.gaps), (&adopted.whole, &adopted.gaps));
        assert_eq!((&seen.faults, seen.upto), (&adopted.faults, adopted.upto));
        assert_eq!(seen.faults.len(), usize::from(at == 60), "{:?}", seen.faults);
        seen.finish(true).unwrap();
        assert_eq!(
            (fs::read(patient.chunk()).unwrap(), files),
            (before, patient.lake.files())
        );
    }
}

#[test]
fn a_chunk_that_has_lost_all_of_its_header_is_no_chunk_that_has_not_begun() {
    let patient = Patient::new(Place::Same);
    patient.edit().write_all_at(&[0; 4096], 0).unwrap();
    let seen = inspect(patient.lake.path(), patient.id).unwrap();
    assert_eq!(seen.unreadable, [patient.chunk()]);
    assert!(seen.faults[0].1.contains("header is empty"), "{:?}", seen.faults);
    let adopted = patient.adopt();
    assert_eq!(adopted.unreadable, seen.unreadable);
    adopted.finish(true).unwrap();
    assert_eq!(patient.lake.files(), [format!("{}.0.journal.damaged", patient.id)]);
}

#[test]
fn a_chunk_that_was_about_to_begin_after_points_were_dropped_holds_nothing() {
    let patient = Patient::new(Place::Same);
    let next = patient.lake.path().join(format!("{}.1.journal", patient.id));
    let mut empty = vec![0; 64 << 10];
    empty[448..456].copy_from_slice(&7_u64.to_le_bytes());
    fs::write(&next, empty).unwrap();
    let adopted = patient.adopt();
    assert_eq!((adopted.unreadable.len(), adopted.missing), (0, 0));
    adopted.finish(true).unwrap();
    assert!(patient.lake.files().is_empty(), "{:?}", patient.lake.files());
}

#[test]
fn a_journal_whose_writer_lives_can_be_looked_at() {
    let origin = Lake::new();
    let writer = origin.open(small());
    let series = writer.series("run", "k0").unwrap();
    log(&writer, series, 0..2000);
    writer.flush(None).unwrap();
    log(&writer, series, 2000..3000);
    assert!(adopt(origin.path(), writer.id()).unwrap().is_none());
    let seen = inspect(origin.path(), writer.id()).unwrap();
    assert_eq!((seen.upto, seen.missing, seen.faults.len()), (3000, 0, 0));
    assert!(seen.store_id.is_some());
}

#[test]
fn frames_count_where_the_counters_did_not_reach_the_disk() {
    let patient = Patient::new(Place::OtherBoot);
    let zeros = [0; 8];
    patient.edit().write_all_at(&zeros, 256).unwrap();
    patient.edit().write_all_at(&zeros, 320).unwrap();
    let adopted = patient.adopt();
    assert_eq!((patient.check(&adopted), adopted.missing), (1000, 0));
}

#[test]
fn a_bad_frame_in_the_middle_costs_its_points_and_keeps_the_file_aside() {
    for place in [Place::Same, Place::OtherBoot] {
        let patient = Patient::new(place);
        // The value of point 500, in the fourth block of points.
        patient
            .edit()
            .write_all_at(&[0x55], 4 * 4096 + 2920 + 8 * (500 - 3 * 146))
            .unwrap();
        let adopted = patient.adopt();
        patient.check(&adopted);
        let gap = &adopted.gaps[0];
        assert_eq!((gap.from, gap.to, gap.file.clone()), (400, 1000, patient.chunk()));
        assert!(gap.reason.contains("checksum"), "{}", gap.reason);
        let bytes = fs::read(patient.chunk()).unwrap();
        adopted.finish(true).unwrap();
        let kept = patient.chunk().with_extension("journal.damaged");
        assert_eq!(fs::read(&kept).unwrap(), bytes, "kept aside as it was");
        assert_eq!(patient.lake.files().len(), 1);
        assert!(survey(patient.lake.path()).unwrap().is_empty());
    }
}

#[test]
fn a_damaged_header_is_named_and_the_file_not_touched() {
    let patient = Patient::new(Place::Same);
    patient.edit().write_all_at(&[0xff], 60).unwrap();
    let bytes = fs::read(patient.chunk()).unwrap();
    let files = survey(patient.lake.path()).unwrap();
    assert_eq!(files[0].damaged, [patient.chunk()]);
    assert!(patient.lake.rows().is_empty());
    let adopted = patient.adopt();
    assert_eq!(patient.check(&adopted), 0);
    assert!(
        adopted.missing > 0 && adopted.missing == adopted.upto,
        "{}",
        adopted.missing
    );
    assert!(adopted.gaps[0].reason.contains("header"), "{}", adopted.gaps[0].reason);
    adopted.finish(true).unwrap();
    assert_eq!(fs::read(patient.chunk()).unwrap(), bytes);
}

#[test]
fn the_points_of_chunks_with_damaged_headers_are_missing_wherever_they_are() {
    let origin = Lake::new();
    let writer = origin.open(small());
    let series = writer.series("run", "loss").unwrap();
    log(&writer, series, 0..3000);
    let end_of = |number| {
        let chunk = ChunkFile::open(&origin.chunk(&writer, number), writer.id())
            .unwrap()
            .unwrap();
        chunk.header().first_seq + chunk.committed().unwrap()
    };
    let ends: Vec<u64> = (0..)
        .map_while(|n| origin.chunk(&writer, n).exists().then(|| end_of(n)))
        .take_while(|end| *end < 3000)
        .collect();
    let last = ends.len() as u64;
    for damaged in [
        vec![0],
        vec![0, 1],
        vec![1],
        vec![last],
        vec![last - 1, last],
        vec![0, last],
        (0..=last).collect(),
    ] {
        let copy = Patient::copy(&origin, writer.id(), Place::Same);
        let mut lost = 0;
        for number in &damaged {
            let path = copy.lake.path().join(format!("{}.{number}.journal", writer.id()));
            OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .write_all_at(&[0xff], 60)
                .unwrap();
            let from = if *number == 0 { 0 } else { ends[*number as usize - 1] };
            lost += ends.get(*number as usize).copied().unwrap_or(3000) - from;
        }
        let adopted = copy.adopt();
        assert_eq!(
            (adopted.from, adopted.upto, adopted.missing),
            (0, 3000, lost),
            "{damaged:?}"
        );
        let whole: u64 = adopted.whole.iter().map(|range| range.end - range.start).sum();
        assert_eq!(whole, 3000 - lost, "{damaged:?}");
    }
}

#[test]
fn a_chunk_of_a_newer_format_is_left_alone() {
    let patient = Patient::new(Place::Same);
    let mut bytes = fs::read(patient.chunk()).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..112]);
    bytes[112..116].copy_from_slice(&crc.to_le_bytes());
    fs::write(patient.chunk(), &bytes).unwrap();
    assert_eq!(survey(patient.lake.path()).unwrap()[0].damaged, [patient.chunk()]);
    patient.adopt().finish(true).unwrap();
    assert_eq!(fs::read(patient.chunk()).unwrap(), bytes);
}

#[test]
fn definitions_lost_in_one_chunk_are_found_in_another() {
    let origin = Lake::new();
    let writer = origin.open(small());
    let series: Vec<SeriesId> = (0..3)
        .map(|i| writer.series("run", &format!("k{i}")).unwrap())
        .collect();
    for step in 0..2000 {
        writer.append(series[step as usize % 3], point(step)).unwrap();
    }
    writer.flush(None).unwrap();
    let patient = Patient::copy(&origin, writer.id(), Place::Same);
    let file = patient.edit();
    let end = file.metadata().unwrap().len();
    // The last block, which is the first of the side log, becomes garbage.
    file.write_all_at(&[0xa7; 4096], end - 4096).unwrap();
    let adopted = patient.adopt();
    assert_eq!(patient.check(&adopted), 2000);
    adopted.finish(true).unwrap();
    assert_eq!(patient.lake.files(), [format!("{}.0.journal.damaged", writer.id())]);
}

#[test]
fn chunks_made_ahead_and_leftovers_are_removed() {
    let patient = Patient::new(Place::Same);
    let ahead = patient.lake.path().join(format!("{}.7.journal", patient.id));
    fs::write(&ahead, vec![0; 65536]).unwrap();
    let lost_header = patient.lake.path().join(format!("{}.8.journal", patient.id));
    fs::write(&lost_header, [vec![0; 4096], vec![1; 61440]].concat()).unwrap();
    fs::write(
        patient.lake.path().join(format!("{}.9.journal.tmp", patient.id)),
        b"half",
    )
    .unwrap();
    fs::write(patient.lake.path().join("notes.txt"), b"a stranger").unwrap();
    let adopted = patient.adopt();
    assert_eq!(patient.check(&adopted), POINTS as u64);
    adopted.finish(true).unwrap();
    assert_eq!(
        patient.lake.files(),
        [format!("{}.8.journal.damaged", patient.id), "notes.txt".to_owned()]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(150), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_cut_anywhere_gives_whole_points_only(length in 0..=65536_u64, boot in any::<bool>()) {
        let patient = Patient::new(if boot { Place::Same } else { Place::OtherBoot });
        patient.edit().set_len(length).unwrap();
        let adopted = patient.adopt();
        patient.check(&adopted);
        adopted.finish(true).unwrap();
        let left = patient.lake.files();
        prop_assert!(length == 65536 || left.len() == 1 && !left[0].ends_with(".lock"), "{:?}", left);
    }

    #[test]
    fn sectors_that_came_back_as_they_were_before_never_give_a_wrong_point(
        old in prop::collection::vec(any::<bool>(), 128),
        swapped in (0..16_u64, 0..16_u64),
    ) {
        let patient = Patient::new(Place::OtherBoot);
        let edit = patient.edit();
        // Half of the sectors are as they were when the file was made; and two blocks were written to each other's place.
        for sector in (8..128_u64).filter(|sector| old[*sector as usize]) {
            edit.write_all_at(&[0; 512], sector * 512).unwrap();
        }
        let read = |block: u64| {
            let mut bytes = [0; 4096];
            edit.read_exact_at(&mut bytes, block * 4096).map(|()| bytes)
        };
        let (a, b) = (swapped.0.max(1), swapped.1.max(1));
        let (of_a, of_b) = (read(a).unwrap(), read(b).unwrap());
        edit.write_all_at(&of_a, b * 4096).unwrap();
        edit.write_all_at(&of_b, a * 4096).unwrap();
        for row in patient.lake.rows() {
            let wanted = point(row.seq);
            prop_assert_eq!((row.step, row.bits), (wanted.step, wanted.value.to_bits()));
        }
        patient.check(&patient.adopt());
    }

    #[test]
    fn changed_bytes_anywhere_never_give_a_wrong_point(
        places in prop::collection::vec((0..65536_u64, any::<u8>()), 1..20),
    ) {
        let patient = Patient::new(Place::OtherBoot);
        let before = fs::read(patient.chunk()).unwrap();
        for (at, byte) in &places {
            patient.edit().write_all_at(&[*byte], *at).unwrap();
        }
        for row in patient.lake.rows() {
            let wanted = point(row.seq);
            prop_assert_eq!((row.step, row.bits), (wanted.step, wanted.value.to_bits()));
        }
        let changed = fs::read(patient.chunk()).unwrap();
        let adopted = patient.adopt();
        let whole = patient.check(&adopted);
        adopted.finish(true).unwrap();
        let kept = patient.lake.files().into_iter().find(|f| f.contains(".journal"));
        match kept {
            Some(name) => prop_assert_eq!(fs::read(patient.lake.path().join(name)).unwrap(), changed),
            None => prop_assert!(whole == 1000, "removed with {} whole points, {} bytes differ", whole,
                before.iter().zip(&changed).filter(|(a, b)| a != b).count()),
        }
    }
}

#[test]
fn a_counter_that_counts_more_than_any_file_holds_gives_no_wrong_point() {
    for byte in [0x05, 0x7f, 0xff] {
        let patient = Patient::new(Place::OtherBoot);
        patient.edit().write_all_at(&[byte], 263).unwrap();
        for row in patient.lake.rows() {
            let wanted = point(row.seq);
            assert_eq!((row.step, row.bits), (wanted.step, wanted.value.to_bits()));
        }
        patient.check(&patient.adopt());
    }
}

#[test]
fn a_log_of_a_killed_writer_without_its_lock_file_is_still_adopted() {
    let patient = Patient::new(Place::Same);
    fs::remove_file(patient.lake.path().join(format!("{}.lock", patient.id))).unwrap();
    assert!(!survey(patient.lake.path()).unwrap()[0].alive);
    let adopted = patient.adopt();
    assert_eq!(patient.check(&adopted), POINTS as u64);
    adopted.finish(true).unwrap();
    assert_eq!(patient.lake.files(), Vec::<String>::new());
}

#[test]
fn a_copy_of_a_living_writers_folder_is_read_without_disturbing_it() {
    let origin = Lake::new();
    let writer = origin.open(small());
    let series = writer.series("run", "k0").unwrap();
    log(&writer, series, 0..10);
    writer.flush(None).unwrap();
    log(&writer, series, 10..20);
    let patient = Patient::copy(&origin, writer.id(), Place::Copied);
    assert_eq!(steps(&patient.lake.rows()), (0..10).collect::<Vec<_>>());
    assert_eq!(steps(&origin.rows()), (0..20).collect::<Vec<_>>());
}
