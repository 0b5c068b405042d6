//! The tests of `crash.rs` once more, with points that are written with `pwrite`. They fork, so they have a program of their own: a
//! forked child has its parent's locks for a moment, and the tests of `written.rs` look whether theirs are free.

#[path = "crash.rs"]
mod crash;
