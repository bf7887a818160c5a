//! How the program takes memory from the system.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Takes memory by small pages also where the system gives huge ones to whoever does not ask: of a huge page two megabytes
/// are cleared while a request waits for its first bytes, and all of it is taken for one small thing that stays.
pub(crate) fn set_up() {
    // An old kernel, or one that forbids it, gives what it gives.
    rustix::thread::disable_transparent_huge_pages(true).ok();
}
