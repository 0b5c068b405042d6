//! What is found after the power was cut, compared with what was promised before.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use runlake_engine::journal::layout::{BLOCK_BYTES, Header};
use runlake_engine::{Adopted, Selection, Snapshot, WriterId, adopt, read_range, survey, verify};

use crate::lake::{Dice, rows_of_batches};
use crate::trial::{Figures, Promise, name};

pub type Verdict = Result<(), String>;

pub fn require(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}

/// Recovers an image and compares it.
pub fn check(
    image: &Path,
    writer: WriterId,
    promise: &Promise,
    evicted: &[Range<u64>],
    dice: &mut Dice,
) -> Result<Figures, String> {
    let journals = image.join("journals");
    let say = |error: runlake_engine::Error| error.to_string();
    settle(&journals, writer);
    segments(image, &promise.segments, dice)?;
    survey(&journals).map_err(say)?;
    let seen = seen(&journals, writer, promise.sealed)?;
    let adopted = adopt(&journals, writer).map_err(say)?.ok_or("the lock is held")?;
    covers(&adopted)?;
    let logged = promise.logged.len() as u64;
    require(adopted.upto <= logged.max(promise.sealed), || {
        format!("{} points of {logged}", adopted.upto)
    })?;
    for range in &adopted.whole {
        points(&journals, writer, range.clone(), promise)?;
    }
    durable(&adopted, promise, evicted)?;
    outbox(&adopted, promise)?;
    let whole = adopted.whole.iter().flat_map(Clone::clone);
    let whole: Vec<u64> = whole.filter(|seq| *seq >= promise.sealed).collect();
    require(seen == whole, || {
        format!("a reader sees {seen:?}, recovery {:?}", adopted.whole)
    })?;
    let dropped: u64 = adopted.ledger.iter().map(|entry| entry.tally.points()).sum();
    require(dropped <= promise.dropped, || {
        format!("{dropped} dropped points of {}", promise.dropped)
    })?;
    let figures = Figures {
        scenarios: 1,
        points: logged,
        durable: promise.durable.max(promise.sealed),
        missing: logged - promise.sealed.min(logged) - whole.len() as u64,
        reported: adopted.missing,
        ..Figures::default()
    };
    again(&journals, writer, adopted, dice)?;
    Ok(figures)
}

/// Makes the headers fit their files, but for the boot: as after a restart, where inodes stay what they are.
pub fn settle(journals: &Path, writer: WriterId) {
    for entry in fs::read_dir(journals).unwrap() {
        let path = entry.unwrap().path();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut block = [0; BLOCK_BYTES];
        if file.read_exact_at(&mut block, 0).is_err() {
            continue;
        }
        if let Ok(Some(mut header)) = Header::decode(&block, &path) {
            assert_eq!(header.writer, writer);
            let metadata = file.metadata().unwrap();
            (header.device, header.inode) = (metadata.dev(), metadata.ino());
            header.boot_id ^= 1;
            file.write_all_at(&header.encode(), 0).unwrap();
        }
    }
}

/// Segments that the catalog lists are there to the byte.
pub fn segments(image: &Path, listed: &[(PathBuf, Vec<u8>)], dice: &mut Dice) -> Verdict {
    for (path, bytes) in listed {
        let found = fs::read(image.join(path)).map_err(|e| format!("{}: {e}", path.display()))?;
        require(found == *bytes, || format!("{} is not what was listed", path.display()))?;
    }
    match listed.last().filter(|_| dice.below(20) == 0) {
        Some((path, _)) => verify(&image.join(path)).map(drop).map_err(|e| e.to_string()),
        None => Ok(()),
    }
}

/// Numbers of the points that a reader of the journals sees.
fn seen(journals: &Path, writer: WriterId, sealed: u64) -> Result<Vec<u64>, String> {
    let snapshot = Snapshot::open(journals, None).map_err(|e| e.to_string())?;
    let batches = snapshot.read(&HashMap::from([(writer, sealed)]), &Selection::default());
    let rows = rows_of_batches(batches.map_err(|e| e.to_string())?);
    Ok(rows.iter().map(|row| row.seq as u64).collect())
}

/// Whole ranges and gaps are all numbers from the first to the end, each once.
pub fn covers(adopted: &Adopted) -> Verdict {
    let gaps = adopted.gaps.iter().map(|gap| gap.from..gap.to);
    let mut pieces: Vec<_> = adopted.whole.iter().cloned().chain(gaps).collect();
    pieces.sort_by_key(|piece| piece.start);
    let mut next = adopted.from;
    for piece in pieces {
        require(piece.start == next && piece.end > next, || {
            format!("{:?} and {:?} do not add up", adopted.whole, adopted.gaps)
        })?;
        next = piece.end;
    }
    let missing: u64 = adopted.gaps.iter().map(|gap| gap.to - gap.from).sum();
    require(next == adopted.upto && missing == adopted.missing, || {
        format!(
            "{missing} missing, {} said; end {next}, {} said",
            adopted.missing, adopted.upto
        )
    })
}

/// Every point of a range is the one that was logged under its number.
fn points(journals: &Path, writer: WriterId, range: Range<u64>, promise: &Promise) -> Verdict {
    let columns = read_range(journals, writer, range.start, range.end).map_err(|e| e.to_string())?;
    for (i, (series, point)) in promise.logged[range.start as usize..range.end as usize]
        .iter()
        .enumerate()
    {
        let named = columns.names.get(columns.series[i] as usize).and_then(Option::as_ref);
        let (run, key) = name(*series);
        let same = named.is_some_and(|n| *n.run_id == *run && *n.key == *key)
            && (columns.step[i], columns.timestamp_ms[i]) == (point.step, point.timestamp_ms)
            && columns.value[i].to_bits() == point.value.to_bits();
        require(same, || {
            format!("point {} is not what was logged", range.start + i as u64)
        })?;
    }
    Ok(())
}

/// What was on the disk is there, unless the disk itself has lost it and recovery says so.
fn durable(adopted: &Adopted, promise: &Promise, evicted: &[Range<u64>]) -> Verdict {
    let mut next = promise.sealed;
    let end = adopted.upto.max(promise.durable);
    let ends = adopted.whole.iter().cloned().chain(std::iter::once(end..end));
    for whole in ends {
        let hole = next..whole.start.min(promise.durable);
        if hole.start < hole.end {
            let told = |seq: u64| adopted.gaps.iter().find(|gap| (gap.from..gap.to).contains(&seq));
            let by_the_disk = hole.clone().all(|seq| {
                told(seq).is_some_and(|gap| evicted.iter().any(|lost| lost.start < gap.to && gap.from < lost.end))
            });
            require(by_the_disk, || {
                format!(
                    "points {hole:?} were on the disk ({} sealed, {} durable): {:?} {:?}",
                    promise.sealed, promise.durable, adopted.whole, adopted.gaps
                )
            })?;
        }
        next = next.max(whole.end);
    }
    Ok(())
}

/// Items that were on the disk wait, none waits that was delivered, and each is what was handed over.
fn outbox(adopted: &Adopted, promise: &Promise) -> Verdict {
    let found: Vec<u64> = adopted.outbox.iter().map(|(id, _)| *id).collect();
    require(found.is_sorted_by(|a, b| a < b), || {
        format!("items {found:?} are doubled")
    })?;
    let handed_over = adopted.outbox.iter().all(|item| promise.outbox.contains(item));
    require(handed_over, || format!("items {found:?} are not what was handed over"))?;
    let awaited = promise.outbox.iter().map(|(id, _)| *id);
    let mut awaited = awaited.filter(|id| *id > promise.delivered && *id <= promise.outbox_durable);
    require(awaited.all(|id| found.contains(&id)), || {
        format!("of the items only {found:?} wait")
    })?;
    let delivered = found.first().is_none_or(|id| *id > promise.delivered_durable);
    require(delivered, || {
        format!("items {found:?} wait, {} were delivered", promise.delivered_durable)
    })
}

/// A second adoption finds the same, and one that ends leaves only what is damaged.
fn again(journals: &Path, writer: WriterId, adopted: Adopted, dice: &mut Dice) -> Verdict {
    let say = |error: runlake_engine::Error| error.to_string();
    if dice.below(4) > 0 {
        return Ok(());
    }
    let (whole, gaps) = (adopted.whole.clone(), adopted.gaps.clone());
    adopted.finish(false).map_err(say)?;
    let second = adopt(journals, writer).map_err(say)?.ok_or("the lock is held")?;
    require((&second.whole, &second.gaps) == (&whole, &gaps), || {
        "a second adoption finds something else".to_owned()
    })?;
    second.finish(true).map_err(say)?;
    let left = survey(journals).map_err(say)?;
    let harmless = left
        .iter()
        .all(|files| files.committed == 0 && !files.damaged.is_empty());
    require(harmless, || format!("{left:?} is left"))
}
