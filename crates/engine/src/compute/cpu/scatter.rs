//! Results that several threads write, each to places of its own.
#![expect(unsafe_code, reason = "places of a thread are no contiguous slice, so the compiler cannot keep them apart")]

use std::marker::PhantomData;

/// A slice whose parts are written by whichever thread computes them.
pub(super) struct Scatter<'a> {
    start: *mut f32,
    len: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: nothing is read through it; see `put` for writing.
unsafe impl Sync for Scatter<'_> {}
// SAFETY: as above.
unsafe impl Send for Scatter<'_> {}

impl<'a> Scatter<'a> {
    pub(super) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrowed: PhantomData }
    }

    /// Writes `numbers` from place `at` on.
    ///
    /// # Safety
    /// No other thread writes these places.
    ///
    /// # Panics
    /// If there are no such places.
    #[inline]
    pub(super) unsafe fn put(&self, at: usize, numbers: &[f32]) {
        assert!(at <= self.len && numbers.len() <= self.len - at, "a place within the results");
        // SAFETY: within the borrowed slice, which nobody reads meanwhile; the caller keeps other writers away.
        unsafe { std::ptr::copy_nonoverlapping(numbers.as_ptr(), self.start.add(at), numbers.len()) }
    }
}
