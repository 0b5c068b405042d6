//! Memory: what the allocator keeps for later, and large pages for what is large.
#![expect(unsafe_code, reason = "C calls")]

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

/// Smaller memory is not worth a system call.
const LARGE: usize = 4 << 20;

/// Asks for large pages under memory that nothing has been written to yet, where they save most of the faults.
///
/// It changes no content, and where the system has no large pages it does nothing.
pub fn prefer_large_pages<T>(memory: &[T]) {
    const PAGE: usize = 4096;
    let start = memory.as_ptr().map_addr(|start| start.next_multiple_of(PAGE));
    let end = memory.as_ptr_range().end.addr() / PAGE * PAGE;
    let bytes = end.saturating_sub(start.addr());
    if bytes >= LARGE {
        // SAFETY: the range lies within `memory`, and this advice is about how it is backed, not about what is in it.
        unsafe {
            libc::madvise(start.cast_mut().cast(), bytes, libc::MADV_HUGEPAGE);
        }
    }
}
