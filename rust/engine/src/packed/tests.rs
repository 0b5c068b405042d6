use super::*;
use crate::error::Error;
use crate::ledger::{Aggregate, Keep, Window};
use crate::types::SeriesName;

fn name(run_id: &str, key: &str) -> Option<SeriesName> {
    Some(SeriesName {
        run_id: run_id.into(),
        key: key.into(),
    })
}

fn some_points() -> (Vec<u8>, Seq) {
    let names = [name("a", "loss"), None, name("b", "loss"), name("a", "träin/acc")];
    pack(&Points {
        writer: WriterId(0xab),
        first: 1_000,
        series: &[0, 0, 2, 3, 0],
        names: &names,
        step: &[i64::MIN, -1, 0, 1, i64::MAX],
        timestamp_ms: &[0, 1, 2, 3, i64::MAX],
        value: &[-0.0, f64::from_bits(0x7ff8_0000_dead_beef), f64::INFINITY, 5e-324, 0.1],
        windows: &[],
    })
    .unwrap()
}

#[test]
fn points_come_back_bit_for_bit() {
    let (bytes, upto) = some_points();
    let packed = unpack(&bytes).unwrap();
    assert_eq!(
        (packed.writer, packed.first, packed.upto(), upto),
        (WriterId(0xab), 1_000, 1_005, 1_005)
    );
    let named: Vec<_> = packed
        .series
        .iter()
        .map(|s| (&*packed.names[*s as usize].run_id, &*packed.names[*s as usize].key))
        .collect();
    assert_eq!(
        named,
        [
            ("a", "loss"),
            ("a", "loss"),
            ("b", "loss"),
            ("a", "träin/acc"),
            ("a", "loss")
        ]
    );
    assert_eq!(packed.step, [i64::MIN, -1, 0, 1, i64::MAX]);
    assert_eq!(packed.timestamp_ms, [0, 1, 2, 3, i64::MAX]);
    let bits: Vec<u64> = packed.value.iter().map(|v| v.to_bits()).collect();
    assert_eq!(
        bits,
        [1 << 63, 0x7ff8_0000_dead_beef, 0x7ff << 52, 1, 0.1_f64.to_bits()]
    );
}

#[test]
fn a_batch_without_points_is_one() {
    let points = Points {
        writer: WriterId(1),
        first: 7,
        series: &[],
        names: &[],
        step: &[],
        timestamp_ms: &[],
        value: &[],
        windows: &[],
    };
    let (bytes, upto) = pack(&points).unwrap();
    assert_eq!((unpack(&bytes).unwrap().upto(), upto), (7, 7));
}

#[test]
fn more_than_a_batch_may_have_is_packed_in_parts() {
    let rows = MAX_POINTS + 10;
    let points = Points {
        writer: WriterId(1),
        first: 0,
        series: &vec![0; rows],
        names: &[name("a", "loss")],
        step: &vec![1; rows],
        timestamp_ms: &vec![1; rows],
        value: &vec![1.0; rows],
        windows: &[],
    };
    let (bytes, upto) = pack(&points).unwrap();
    assert_eq!(
        (upto, unpack(&bytes).unwrap().upto()),
        (MAX_POINTS as u64, MAX_POINTS as u64)
    );
    let long: Vec<_> = (0..40_000).map(|i| name("a", &format!("{i:0>900}"))).collect();
    let points = Points {
        series: &(0..40_000).collect::<Vec<_>>(),
        names: &long,
        step: &vec![1; 40_000],
        timestamp_ms: &vec![1; 40_000],
        value: &vec![1.0; 40_000],
        ..points
    };
    let (bytes, upto) = pack(&points).unwrap();
    assert!(upto < 20_000, "{upto}");
    assert_eq!(unpack(&bytes).unwrap().names.len() as u64, upto);
}

#[test]
fn a_series_without_a_name_is_an_error() {
    let points = Points {
        writer: WriterId(1),
        first: 0,
        series: &[1],
        names: &[name("a", "loss"), None],
        step: &[1],
        timestamp_ms: &[1],
        value: &[1.0],
        windows: &[],
    };
    assert!(matches!(pack(&points), Err(Error::UnknownSeries(1))));
}

#[test]
fn whatever_is_changed_or_cut_off_is_an_error_or_points_and_never_a_panic() {
    let (bytes, _) = some_points();
    for length in 0..bytes.len() {
        let _ = unpack(&bytes[..length]);
    }
    let mut state = 1_u64;
    for _ in 0..50_000 {
        let mut changed = bytes.clone();
        for _ in 0..=state % 3 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % changed.len();
            changed[at] = (state >> 20) as u8;
        }
        if let Err(e) = unpack(&changed) {
            let e = e.to_string();
            assert!(!e.contains("cannot be decoded"), "a panic was caught: {e}");
        }
    }
}

#[test]
fn a_buffer_that_says_it_is_huge_is_refused_before_it_is_made() {
    let (bytes, _) = some_points();
    // The sizes of compressed buffers are the eight bytes before their content.
    let mut refused = 0;
    for at in (0..bytes.len() - 8).step_by(8) {
        let mut bomb = bytes.clone();
        bomb[at..at + 8].copy_from_slice(&(1_i64 << 40).to_le_bytes());
        let error = unpack(&bomb).map(|_| ()).map_err(|e| e.to_string());
        refused += usize::from(error.is_err_and(|e| e.contains("too large")));
    }
    assert!(refused >= 5, "{refused}");
}

#[test]
fn what_points_stand_for_comes_back_with_them() {
    let mut aggregate = Aggregate::of(2.0, Keep::ALL);
    [8.0, -4.0].into_iter().for_each(|value| aggregate.push(value));
    let some = Aggregate {
        keep: Keep::MAX | Keep::LAST,
        ..aggregate
    };
    let window = |seq, aggregate| Window { seq, aggregate };
    let windows = [window(6, some), window(8, aggregate), window(9, some), window(10, some)];
    let points = Points {
        writer: WriterId(1),
        first: 7,
        series: &[0; 3],
        names: &[name("a", "loss")],
        step: &[1, 2, 3],
        timestamp_ms: &[1, 2, 3],
        value: &[0.5; 3],
        windows: &windows,
    };
    let packed = unpack(&pack(&points).unwrap().0).unwrap();
    let kept = |w: &Window| {
        let a = &w.aggregate;
        (w.seq, a.kept_count(), a.kept_min(), a.kept_max(), a.kept_mean())
    };
    let found: Vec<_> = packed.windows.iter().map(kept).collect();
    assert_eq!(
        found,
        [
            (8, Some(3), Some(-4.0), Some(8.0), Some(2.0)),
            (9, None, None, Some(8.0), None)
        ]
    );
    assert!(packed.windows.iter().all(|window| window.aggregate.count > 1));
}
