//! Pool: tasks of one call on a few threads, of which the caller's is one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// More threads would wait for memory.
const MOST_THREADS: usize = 16;

/// Where tasks are done, and who may stop them.
pub(crate) struct Pool<'a> {
    threads: usize,
    keep_going: &'a dyn Fn() -> bool,
}

impl<'a> Pool<'a> {
    /// A thread for each core. `keep_going` is asked before each task, in the caller's thread only.
    pub(crate) fn new(keep_going: &'a dyn Fn() -> bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: cores.min(MOST_THREADS),
            keep_going,
        }
    }

    /// Asks whether to keep going.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    fn check(&self) -> Result<()> {
        if (self.keep_going)() {
            Ok(())
        } else {
            Err(Error::Interrupted)
        }
    }

    /// Does the tasks `0..tasks` and returns what they gave, in their order. `S` is what a thread keeps between tasks.
    ///
    /// # Errors
    /// [`Error::Interrupted`], or that of a task; the others are not begun any more.
    pub(crate) fn run<S: Default, T: Send>(
        &self,
        tasks: usize,
        task: impl Fn(&mut S, usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let queue = Queue {
            next: AtomicUsize::new(0),
            tasks,
            stopped: AtomicBool::new(false),
        };
        let parts = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads.min(tasks))
                .map(|_| scope.spawn(|| queue.work(&task, || Ok(()))))
                .collect();
            let own = queue.work(&task, || self.check());
            let others = others
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(own).chain(others).collect::<Result<Vec<_>>>()
        })?;
        let mut done: Vec<(usize, T)> = parts.into_iter().flatten().collect();
        done.sort_unstable_by_key(|(number, _)| *number);
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }
}

struct Queue {
    next: AtomicUsize,
    tasks: usize,
    stopped: AtomicBool,
}

impl Queue {
    fn next(&self) -> Option<usize> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.tasks).then_some(number)
    }

    /// Does tasks until there are none, or one fails, or somebody says stop.
    fn work<S: Default, T>(
        &self,
        task: &impl Fn(&mut S, usize) -> Result<T>,
        check: impl Fn() -> Result<()>,
    ) -> Result<Vec<(usize, T)>> {
        let mut state = S::default();
        let mut done = Vec::new();
        while !self.stopped.load(Ordering::Relaxed) {
            // Before a task is taken: a thread that finds none left has asked too.
            let result = check().and_then(|()| {
                self.next()
                    .map(|number| Ok((number, task(&mut state, number)?)))
                    .transpose()
            });
            if result.is_err() {
                self.stopped.store(true, Ordering::Relaxed);
            }
            match result? {
                Some(result) => done.push(result),
                None => break,
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        let made = Pool::new(&|| true).run(1000, |_: &mut (), task| Ok(task * 2));
        assert_eq!(made.unwrap(), (0..1000).map(|task| task * 2).collect::<Vec<_>>());
        assert!(Pool::new(&|| true).run(0, |_: &mut (), _| Ok(())).unwrap().is_empty());
    }

    #[test]
    fn a_task_that_fails_ends_the_others() {
        let failed = Pool::new(&|| true).run(1_000_000, |_: &mut (), task| match task {
            3 => Err(Error::Closed),
            _ => Ok(()),
        });
        assert!(matches!(failed, Err(Error::Closed)), "{failed:?}");
    }

    #[test]
    fn the_caller_can_stop_it() {
        let stopped = Pool::new(&|| false).run(10, |_: &mut (), _| Ok(()));
        assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    }
}
