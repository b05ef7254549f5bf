//! Zeroed memory that begins at a cache line.
#![expect(unsafe_code, reason = "the allocator's alignment and lazy zeroes are not to be had through Vec")]

use std::{
    alloc::{alloc_zeroed, dealloc, Layout},
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    slice,
};

/// Alignment in bytes: a cache line, and the widest register.
const LINE: usize = 64;
/// What allocators give zeroed without touching it: beyond this alignment the standard library writes the zeroes itself.
const ALLOCATED: usize = 16;

/// Numbers of which every pattern of bits is one, zeroes too.
///
/// # Safety
/// That is what implementors promise, and that they need no dropping.
pub(super) unsafe trait Plain: Copy + Send + Sync {}

// SAFETY: integers and floats are.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for u16 {}
// SAFETY: as above.
unsafe impl Plain for f32 {}

/// A slice of its own. Pages that nobody wrote to take no memory.
pub(super) struct Aligned<T: Plain> {
    allocated: NonNull<u8>,
    layout: Layout,
    start: NonNull<T>,
    len: usize,
    owns: PhantomData<T>,
}

// SAFETY: it owns plain numbers.
unsafe impl<T: Plain> Send for Aligned<T> {}
// SAFETY: shared access only reads.
unsafe impl<T: Plain> Sync for Aligned<T> {}

impl<T: Plain> Aligned<T> {
    /// `len` zeroes; none if there is no such memory.
    pub(super) fn zeroed(len: usize) -> Option<Self> {
        let bytes = len.checked_mul(size_of::<T>())?.checked_add(LINE)?;
        let layout = Layout::from_size_align(bytes, ALLOCATED).ok()?;
        // SAFETY: the layout is not empty.
        let allocated = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let skipped = allocated.addr().get().wrapping_neg() % LINE;
        // SAFETY: less than a line, and a line more than needed was allocated.
        let start = unsafe { allocated.add(skipped) }.cast();
        Some(Self { allocated, layout, start, len, owns: PhantomData })
    }

    /// Asks for large pages, which memory that is read from one end to the other gains from; what is touched rarely
    /// would only take more.
    pub(super) fn in_large_pages(self) -> Self {
        #[cfg(target_os = "linux")]
        {
            const PAGE: usize = 4096;
            let skipped = self.allocated.addr().get().wrapping_neg() % PAGE;
            if let Some(bytes) = self.layout.size().checked_sub(skipped) {
                // SAFETY: whole pages of an allocation that `self` owns; the advice changes nothing that can be read.
                // A refusal leaves small pages.
                unsafe {
                    let first_page = self.allocated.as_ptr().add(skipped);
                    libc::madvise(first_page.cast(), bytes / PAGE * PAGE, libc::MADV_HUGEPAGE);
                }
            }
        }
        self
    }
}

impl<T: Plain> Drop for Aligned<T> {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout and given back once.
        unsafe { dealloc(self.allocated.as_ptr(), self.layout) }
    }
}

impl<T: Plain> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `len` zeroed numbers begin here, aligned to more than any of them needs, and live as long as `self`.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Plain> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_and_begins_at_a_line() {
        for len in [0, 1, 63, 64, 1000] {
            let mut memory = Aligned::<f32>::zeroed(len).unwrap();
            assert_eq!(memory.len(), len);
            assert_eq!(memory.as_ptr() as usize % LINE, 0);
            assert!(memory.iter().all(|number| *number == 0.0));
            memory.fill(1.0);
        }
    }

    #[test]
    fn what_no_memory_holds_is_refused() {
        assert!(Aligned::<u16>::zeroed(usize::MAX).is_none());
        assert!(Aligned::<u16>::zeroed(usize::MAX / 4).is_none());
    }
}
