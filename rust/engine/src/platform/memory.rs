//! Memory that the allocator keeps for later.
#![expect(unsafe_code, reason = "a C call")]

/// Gives memory that nobody uses back to the system; false where there was none, or the allocator knows no such thing.
///
/// glibc keeps what threads have freed, a part for each of them: after batches of megabytes in many threads that is
/// hundreds of them.
pub fn release_memory() -> bool {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes the allocator's own locks, and moves nothing that is in use.
    let released = unsafe { libc::malloc_trim(0) } == 1;
    #[cfg(not(target_env = "gnu"))]
    let released = false;
    released
}
