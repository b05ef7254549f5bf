//! Buffers that are used again: fresh pages for every operation would cost more than many operations.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use parking_lot::Mutex;

/// More than a step of a model holds at once.
const KEPT: usize = 16;

/// Buffers that wait for use.
pub(super) struct Shelf<T> {
    buffers: Mutex<Vec<Vec<T>>>,
}

/// A buffer that goes back to its shelf.
pub(super) struct Loan<T> {
    /// At least `len` long.
    buffer: Vec<T>,
    len: usize,
    shelf: Arc<Shelf<T>>,
}

impl<T: Copy + Default> Shelf<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { buffers: Mutex::default() })
    }

    /// `len` numbers, of any value.
    pub(super) fn lend(self: &Arc<Self>, len: usize) -> Loan<T> {
        let mut buffers = self.buffers.lock();
        let fitting = buffers.iter().enumerate().filter(|(_, buffer)| buffer.len() >= len);
        let smallest = fitting.min_by_key(|(_, buffer)| buffer.len()).map(|(index, _)| index);
        let buffer = smallest.map(|index| buffers.swap_remove(index));
        drop(buffers);
        Loan { buffer: buffer.unwrap_or_else(|| vec![T::default(); len]), len, shelf: self.clone() }
    }
}

impl<T> Drop for Loan<T> {
    fn drop(&mut self) {
        let mut buffers = self.shelf.buffers.lock();
        buffers.push(mem::take(&mut self.buffer));
        if buffers.len() > KEPT {
            let smallest = buffers.iter().enumerate().min_by_key(|(_, buffer)| buffer.len()).map(|(index, _)| index);
            smallest.map(|index| buffers.swap_remove(index));
        }
    }
}

impl<T> Deref for Loan<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.buffer[..self.len]
    }
}

impl<T> DerefMut for Loan<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.buffer[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_lent_again_once_it_is_back() {
        let shelf = Shelf::<f32>::new();
        let first = shelf.lend(100);
        let address = first.as_ptr();
        assert_ne!(shelf.lend(100).as_ptr(), address);
        drop(first);
        let (again, other) = (shelf.lend(50), shelf.lend(100));
        assert_eq!((again.len(), other.len()), (50, 100));
        assert!([again.as_ptr(), other.as_ptr()].contains(&address));
    }

    #[test]
    fn the_shelf_has_an_end() {
        let shelf = Shelf::<i32>::new();
        drop((0..3 * KEPT).map(|index| shelf.lend(index + 1)).collect::<Vec<_>>());
        assert_eq!(shelf.buffers.lock().len(), KEPT);
        assert_eq!(shelf.lend(3 * KEPT).len(), 3 * KEPT);
    }
}
