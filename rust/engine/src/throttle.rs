//! Throttle: which points of a key are stored, decided by its policy alone.
//!
//! Nothing here reads a clock or touches a journal: time comes in nanoseconds of any monotonic clock, and what is decided
//! takes effect only once the caller says that it was done. The first point of a key is always stored; which point is kept
//! pending until then is the caller's part.

use std::time::Duration;

use crate::ledger::Keep;

/// What is stored of the points of one key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// A point whose step is at least so many beyond that of the last stored one, or below it.
    Every {
        /// Distance; 0 and 1 store everything.
        steps: u64,
    },
    /// At most so many points a second, on average.
    Rate {
        /// Points a second, above 0.
        per_second: f64,
        /// Points that may come at once after a pause, at least 1.
        burst: f64,
    },
    /// The last point of every window, with aggregates of the others.
    Window {
        /// How long a window is.
        length: Length,
        /// Which aggregates.
        keep: Keep,
    },
}

/// Length of a window, which opens with its first point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// In time.
    Time(Duration),
    /// In steps.
    Steps(u64),
}

/// The policy of the keys that a pattern matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `*` stands for any characters, `?` for one.
    pub pattern: String,
    /// `None` says that they are not throttled.
    pub policy: Option<Policy>,
}

impl Rule {
    /// The policy of a key: that of the last of these rules which matches it. `None` where none matches.
    pub fn find(rules: &[Self], key: &str) -> Option<Option<Policy>> {
        let rule = rules.iter().rev().find(|rule| matches(&rule.pattern, key));
        rule.map(|rule| rule.policy)
    }
}

/// Whether a whole key is what a pattern with `*` and `?` says.
pub fn matches(pattern: &str, key: &str) -> bool {
    let (mut pattern, mut key) = (pattern.chars(), key.chars());
    // Where to go on when what was tried fails: behind the last `*`, with one more character given to it.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let rest = (pattern.clone(), key.clone());
        let fits = match (pattern.next(), key.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                key = rest.1;
                retry = Some((pattern.clone(), key.clone()));
                true
            }
            (Some(wanted), Some(found)) => wanted == '?' || wanted == found,
            _ => false,
        };
        if !fits {
            let Some((after_star, mut taken)) = retry else {
                return false;
            };
            if taken.next().is_none() {
                return false;
            }
            (pattern, key) = (after_star.clone(), taken.clone());
            retry = Some((after_star, taken));
        }
    }
}

/// What is to be done with a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Store it; then say [`Pace::stored`].
    Store,
    /// Keep it pending, in place of the one that is; then say [`Pace::held`].
    Hold,
    /// Store what is pending, say [`Pace::stored`], and ask again.
    Close,
}

/// How far one key has come under its policy.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    gait: Gait,
    begun: bool,
    /// A window is open.
    open: bool,
    /// Step of the last stored point, or of the first one of the open window.
    step: i64,
    /// When the open window began; of a rate, when the next point is due, as far as it is on time.
    time_ns: u64,
}

/// A policy in the units in which it is decided.
#[derive(Clone, Copy, Debug)]
enum Gait {
    Free,
    Every(u64),
    Rate { interval_ns: u64, slack_ns: u64 },
    Steps(u64),
    Time(u64),
}

impl Pace {
    /// Before the first point; without a policy, everything is stored.
    pub fn new(policy: Option<Policy>) -> Self {
        let gait = match policy {
            None => Gait::Free,
            Some(Policy::Every { steps }) => Gait::Every(steps.max(1)),
            Some(Policy::Rate { per_second, burst }) => {
                // Saturating: a rate of one point in 600 years is none.
                let interval = 1e9 / per_second;
                Gait::Rate {
                    interval_ns: interval as u64,
                    slack_ns: ((burst - 1.0).max(0.0) * interval) as u64,
                }
            }
            Some(Policy::Window { length, .. }) => match length {
                Length::Steps(steps) => Gait::Steps(steps.max(1)),
                Length::Time(time) => Gait::Time(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            },
        };
        Self {
            gait,
            begun: false,
            open: false,
            step: 0,
            time_ns: 0,
        }
    }

    /// Steps whose points are held whatever the time, and without a word to [`Pace::held`]: so many from the first on.
    pub fn held_steps(&self) -> (i64, u64) {
        match self.gait {
            Gait::Every(steps) if self.begun => (self.step, steps),
            Gait::Steps(steps) if self.open => (self.step, steps),
            _ => (0, 0),
        }
    }

    /// Says what to do with a point of this step. `now_ns` is asked only where time decides.
    #[inline]
    pub fn judge(&self, step: i64, now_ns: impl FnOnce() -> u64) -> Verdict {
        if !self.begun {
            return Verdict::Store;
        }
        let hold_unless = |over: bool, then: Verdict| if over { then } else { Verdict::Hold };
        match self.gait {
            Gait::Free => Verdict::Store,
            Gait::Every(steps) => hold_unless(self.is_beyond(step, steps), Verdict::Store),
            Gait::Rate { slack_ns, .. } => {
                hold_unless(now_ns().saturating_add(slack_ns) >= self.time_ns, Verdict::Store)
            }
            Gait::Steps(steps) => hold_unless(self.open && self.is_beyond(step, steps), Verdict::Close),
            Gait::Time(_) => hold_unless(self.open && self.is_over(now_ns()), Verdict::Close),
        }
    }

    /// A point below the last one is beyond it too: the run went back.
    #[inline]
    fn is_beyond(&self, step: i64, steps: u64) -> bool {
        step < self.step || step.wrapping_sub(self.step).cast_unsigned() >= steps
    }

    /// Whether an open window of time is over, whatever comes.
    pub fn is_over(&self, now_ns: u64) -> bool {
        matches!(self.gait, Gait::Time(time) if self.open && now_ns.saturating_sub(self.time_ns) >= time)
    }

    /// A point was stored: the one judged, or the pending one.
    #[inline]
    pub fn stored(&mut self, step: i64, now_ns: impl FnOnce() -> u64) {
        (self.begun, self.open, self.step) = (true, false, step);
        if let Gait::Rate { interval_ns, .. } = self.gait {
            self.time_ns = self.time_ns.max(now_ns()).saturating_add(interval_ns);
        }
    }

    /// A point was kept pending: it opens a window if none is open.
    #[inline]
    pub fn held(&mut self, step: i64, now_ns: impl FnOnce() -> u64) {
        match self.gait {
            Gait::Steps(_) if !self.open => (self.open, self.step) = (true, step),
            Gait::Time(_) if !self.open => (self.open, self.time_ns) = (true, now_ns()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// What becomes of points at these steps and times: the indices of those stored, in the order of storing.
    fn run(policy: Policy, points: &[(i64, u64)]) -> Vec<usize> {
        let (mut pace, mut stored, mut pending) = (Pace::new(Some(policy)), Vec::new(), None);
        for (i, (step, now)) in points.iter().enumerate() {
            loop {
                let (first, count) = pace.held_steps();
                if *step >= first && step.wrapping_sub(first).cast_unsigned() < count {
                    assert_eq!(pace.judge(*step, || *now), Verdict::Hold);
                }
                match pace.judge(*step, || *now) {
                    Verdict::Store => {
                        pace.stored(*step, || *now);
                        stored.push(i);
                        pending = None;
                    }
                    Verdict::Hold => {
                        pace.held(*step, || *now);
                        pending = Some(i);
                    }
                    Verdict::Close => {
                        let last: usize = pending.take().unwrap();
                        pace.stored(points[last].0, || *now);
                        stored.push(last);
                        continue;
                    }
                }
                break;
            }
        }
        stored.extend(pending);
        stored
    }

    fn at_steps(steps: impl IntoIterator<Item = i64>) -> Vec<(i64, u64)> {
        steps.into_iter().map(|step| (step, 0)).collect()
    }

    fn steps_window(steps: u64) -> Policy {
        Policy::Window {
            length: Length::Steps(steps),
            keep: Keep::ALL,
        }
    }

    #[test]
    fn every_tenth_step_is_stored_with_the_first_and_the_last() {
        let stored = run(Policy::Every { steps: 10 }, &at_steps(0..35));
        assert_eq!(stored, [0, 10, 20, 30, 34]);
        let uneven = run(Policy::Every { steps: 10 }, &at_steps([0, 9, 11, 20, 21]));
        assert_eq!(uneven, [0, 2, 4]);
    }

    #[test]
    fn steps_that_go_back_begin_anew_and_the_whole_range_of_steps_is_legal() {
        assert_eq!(run(Policy::Every { steps: 10 }, &at_steps([100, 0, 5, 10])), [0, 1, 3]);
        let ends = [i64::MIN, i64::MAX, i64::MIN];
        assert_eq!(run(Policy::Every { steps: u64::MAX }, &at_steps(ends)), [0, 1, 2]);
        assert_eq!(
            run(steps_window(u64::MAX), &at_steps([0, i64::MIN, i64::MAX, 0])),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn a_window_opens_with_the_first_point_after_a_stored_one_and_gives_its_last() {
        // 0 | 1..=10 | 11..=20 | 21..
        assert_eq!(run(steps_window(10), &at_steps(0..25)), [0, 10, 20, 24]);
    }

    #[test]
    fn a_window_of_time_is_over_when_its_time_is() {
        let policy = Policy::Window {
            length: Length::Time(Duration::from_secs(1)),
            keep: Keep::ALL,
        };
        let points: Vec<_> = (0..25).map(|i| (0, i * SECOND / 10)).collect();
        assert_eq!(run(policy, &points), [0, 10, 20, 24]);
        let mut pace = Pace::new(Some(policy));
        pace.stored(0, || 0);
        assert!(!pace.is_over(u64::MAX), "no window is open");
        pace.held(1, || 5 * SECOND);
        assert!(!pace.is_over(6 * SECOND - 1) && pace.is_over(6 * SECOND));
    }

    #[test]
    fn a_rate_allows_its_burst_and_then_one_an_interval() {
        let policy = Policy::Rate {
            per_second: 10.0,
            burst: 3.0,
        };
        let points: Vec<_> = (0..100).map(|i| (0, i * SECOND / 100)).collect();
        assert_eq!(run(policy, &points), [0, 1, 2, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99]);
        let after_a_pause: Vec<_> = (0..5).map(|i| (0, 10 * SECOND + i)).collect();
        assert_eq!(run(policy, &after_a_pause), [0, 1, 2, 4]);
    }

    #[test]
    fn patterns_match_whole_keys() {
        for (pattern, key) in [
            ("*", ""),
            ("*", "a/b"),
            ("grad/*", "grad/"),
            ("grad/*", "grad/a/b"),
            ("*/loss", "train/x/loss"),
            ("a*b*c", "a-b-b-c"),
            ("l?ss", "lüss"),
            ("loss", "loss"),
            ("*a*a*a*b", "aaaaaaaaab"),
        ] {
            assert!(matches(pattern, key), "{pattern} {key}");
        }
        for (pattern, key) in [
            ("", "a"),
            ("grad/*", "grad"),
            ("*/loss", "loss"),
            ("l?ss", "lss"),
            ("loss", "losses"),
            ("*a*a*a*b", "aaaaaaaaaa"),
        ] {
            assert!(!matches(pattern, key), "{pattern} {key}");
        }
    }

    #[test]
    fn the_last_rule_that_matches_wins() {
        let rule = |pattern: &str, policy| Rule {
            pattern: pattern.to_owned(),
            policy,
        };
        let every = |steps| Some(Policy::Every { steps });
        let rules = [rule("*", every(10)), rule("loss", None), rule("grad/*", every(100))];
        assert_eq!(Rule::find(&rules, "acc"), Some(every(10)));
        assert_eq!(Rule::find(&rules, "loss"), Some(None));
        assert_eq!(Rule::find(&rules, "grad/a"), Some(every(100)));
        assert_eq!(Rule::find(&rules[1..], "acc"), None);
    }

    fn policy() -> impl Strategy<Value = Policy> {
        let window = |length| Policy::Window {
            length,
            keep: Keep::ALL,
        };
        prop_oneof![
            (0..20_u64).prop_map(|steps| Policy::Every { steps }),
            (0.5..50.0, 1.0..10.0).prop_map(|(per_second, burst)| Policy::Rate { per_second, burst }),
            (0..20_u64).prop_map(move |steps| window(Length::Steps(steps))),
            (0..2000_u64).prop_map(move |ms| window(Length::Time(Duration::from_millis(ms)))),
        ]
    }

    proptest! {
        #[test]
        fn the_first_and_the_last_are_stored_and_none_twice(
            policy in policy(),
            walk in prop::collection::vec((-3..10_i64, 0..SECOND), 1..200),
        ) {
            let mut at = (0, 0);
            let points: Vec<_> = walk.iter().map(|(steps, time)| { at = (at.0 + steps, at.1 + time); at }).collect();
            let stored = run(policy, &points);
            prop_assert_eq!((stored[0], *stored.last().unwrap()), (0, points.len() - 1));
            prop_assert!(stored.is_sorted_by(|a, b| a < b));
        }

        #[test]
        fn a_rate_is_never_exceeded(per_second in 0.5..50.0, burst in 1.0..10.0, gaps in prop::collection::vec(0..SECOND / 5, 1..300)) {
            let mut pace = Pace::new(Some(Policy::Rate { per_second, burst }));
            let (mut now, mut stored) = (0, 0.0);
            for gap in gaps {
                now += gap;
                if pace.judge(0, || now) == Verdict::Store {
                    pace.stored(0, || now);
                    stored += 1.0;
                }
                // Intervals are cut to whole nanoseconds.
                prop_assert!(stored <= burst + now as f64 / 1e9 * per_second * 1.000_001 + 1.0);
            }
        }

        #[test]
        fn a_pattern_matches_what_its_expression_does(pattern in "[ab*?]{0,8}", key in "[ab]{0,10}") {
            prop_assert_eq!(matches(&pattern, &key), slowly(&pattern, &key));
        }
    }

    fn slowly(pattern: &str, key: &str) -> bool {
        let rest = |text: &str| text.get(1..).unwrap_or_default().to_owned();
        match pattern.chars().next() {
            None => key.is_empty(),
            Some('*') => slowly(&rest(pattern), key) || (!key.is_empty() && slowly(pattern, &rest(key))),
            Some(c) => key.chars().next().is_some_and(|k| c == '?' || c == k) && slowly(&rest(pattern), &rest(key)),
        }
    }
}
