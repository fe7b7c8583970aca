//! The heap of the process, counted: what is resident also says how the system's allocator laid it out.

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The bytes that were taken and not given back.
pub fn live() -> isize {
    HEAP.current_usage() as isize
}

/// From now on, the peak is that of what comes.
pub fn forget_peak() {
    HEAP.reset_peak_usage();
}

/// The most bytes that were in use at a time.
pub fn peak() -> isize {
    HEAP.peak_usage() as isize
}
