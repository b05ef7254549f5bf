//! Activations in memory.

use super::shelf::Loan;

/// A matrix, row by row; one row for each token.
pub(crate) struct Rows {
    pub(super) numbers: Loan<f32>,
    pub(super) width: usize,
    pub(super) count: usize,
}

impl Rows {
    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.numbers[index * self.width..][..self.width]
    }
}
