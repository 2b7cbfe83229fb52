//! What the programs allocate with, and how often they did.
//!
//! Programs set it themselves (`#[global_allocator]`), so that a test can set another one.

/// Threads allocate and free what others use: the system's allocator took a third of the time that
/// the program itself needed at full load.
#[cfg(not(feature = "count-allocations"))]
pub type Allocator = mimalloc::MiMalloc;

/// Counts for `onboarding bench`. Three atomic counters a call are too dear to be always on.
#[cfg(feature = "count-allocations")]
pub type Allocator = &'static stats_alloc::StatsAlloc<std::alloc::System>;

/// The one of this program.
#[cfg(not(feature = "count-allocations"))]
pub const ALLOCATOR: Allocator = mimalloc::MiMalloc;

/// The one of this program.
#[cfg(feature = "count-allocations")]
pub const ALLOCATOR: Allocator = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Allocations since the start of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocations {
    /// How many, with those that made one larger or smaller.
    pub(crate) count: u64,
    /// How many bytes were asked for.
    pub(crate) bytes: u64,
}

/// `None` in a program that does not count.
#[cfg(not(feature = "count-allocations"))]
pub(crate) const fn allocated() -> Option<Allocations> {
    None
}

/// `None` in a program that does not count.
#[cfg(feature = "count-allocations")]
pub(crate) fn allocated() -> Option<Allocations> {
    let stats = ALLOCATOR.stats();
    let count = (stats.allocations + stats.reallocations) as u64;
    Some(Allocations { count, bytes: stats.bytes_allocated as u64 })
}
