//! Arithmetic of processors, with kernels of our own.
//!
//! Weights stay packed as the file has them and are multiplied, as integers, with activations rounded to bytes by blocks
//! of 32. Every result is the same to the last bit whatever the number of threads, the rows beside it, the pieces that a
//! text is read in, and the instruction set: no sum's order depends on any of them.

mod activations;
mod affinity;
mod aligned;
mod attention;
mod attention_kernel;
mod dense_kernel;
mod elementwise;
mod kv;
mod lanes;
mod math;
mod matmul;
mod packed;
mod pool;
mod quant_kernel;
mod rope;
mod rows;
mod scatter;
mod shelf;
#[cfg(test)]
mod tests;

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

pub(crate) use self::{kv::Kv, packed::Packed, rows::Rows};
use self::{lanes::Isa, matmul::Workshop, pool::Pool, rope::LastTurns, shelf::Shelf};
use super::{Compute, ComputeError, KvShape, Prepare, Rope, Span};
use crate::{
    error::LoadError,
    weights::{dequantise, Stored},
};

/// Changes whenever a kernel changes results.
const KERNELS: &str = "int8-1";

/// A processor's arithmetic, with threads of its own.
pub(crate) struct CpuCompute {
    isa: Isa,
    pool: Pool,
    numbers: Arc<Shelf<f32>>,
    words: Arc<Shelf<i32>>,
    turns: LastTurns,
}

impl CpuCompute {
    /// Starts `threads` threads, less the one that will call. Pinned ones stay on a processor each. `avx512`: whether that may be
    /// used.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn new(threads: NonZeroUsize, pin: bool, avx512: bool) -> Result<Self, LoadError> {
        let isa = if avx512 { Isa::best() } else { Isa::best_without_avx512() };
        Self::with(isa, threads, pin)
    }

    fn with(isa: Isa, threads: NonZeroUsize, pin: bool) -> Result<Self, LoadError> {
        let pool = Pool::new(threads, pin)?;
        Ok(Self { isa, pool, numbers: Shelf::new(), words: Shelf::new(), turns: LastTurns::default() })
    }

    fn rows(&self, count: usize, width: usize) -> Rows {
        Rows { numbers: self.numbers.lend(count * width), width, count }
    }

    /// Rows that `work` computes from the rows of `x`, run of `length` numbers by run.
    fn by_runs(&self, x: &Rows, length: usize, work: impl Fn(&[f32], &mut [f32]) + Sync) -> Rows {
        let mut results = self.rows(x.count, x.width);
        elementwise::by_rows(&self.pool, &mut results.numbers, x.width, |first, results| {
            let x = x.numbers[first * x.width..].chunks_exact(length);
            results.chunks_exact_mut(length).zip(x).for_each(|(result, x)| work(x, result));
        });
        results
    }
}

impl Prepare for CpuCompute {
    type Matrix = Packed;
    type Vector = Vec<f32>;

    fn matrix(&self, stored: Stored<'_>) -> Result<Packed, LoadError> {
        Packed::new(stored, &self.pool).map_err(|reason| LoadError::File { path: PathBuf::from(stored.name), reason })
    }

    fn vector(&self, stored: Stored<'_>) -> Result<Vec<f32>, LoadError> {
        let vector = dequantise(stored);
        if stored.rows.checked_mul(stored.columns) == Some(vector.len()) {
            return Ok(vector);
        }
        let reason = format!("{} bytes are not {} rows of {} numbers", stored.bytes.len(), stored.rows, stored.columns);
        Err(LoadError::File { path: PathBuf::from(stored.name), reason })
    }
}

impl Compute for CpuCompute {
    type Rows = Rows;
    type Kv = Kv;

    fn class(&self) -> String {
        let guaranteed = if self.isa == Isa::Scalar { "portable" } else { "x86-64-v3" };
        format!("{KERNELS}/{guaranteed}/cpu")
    }

    fn kv(&self, shape: KvShape, blocks: usize) -> Result<Kv, LoadError> {
        Kv::new(shape, blocks)
            .ok_or_else(|| LoadError::Device(format!("no memory for keys and values of {blocks} blocks of {shape:?}")))
    }

    fn kv_block_bytes(&self, shape: KvShape) -> u64 {
        kv::block_bytes(shape)
    }

    fn lookup(&self, table: &Packed, ids: &[u32]) -> Result<Rows, ComputeError> {
        if let Some(id) = ids.iter().find(|id| **id as usize >= table.rows) {
            return Err(ComputeError(format!("row {id} of a table of {}", table.rows)));
        }
        let mut rows = self.rows(ids.len(), table.columns);
        elementwise::by_rows(&self.pool, &mut rows.numbers, table.columns, |first, rows| {
            let ids = &ids[first..];
            rows.chunks_exact_mut(table.columns).zip(ids).for_each(|(row, id)| table.read_row(*id as usize, row));
        });
        Ok(rows)
    }

    fn matmul<const N: usize>(
        &self,
        x: &Rows,
        weights: [(&Packed, Option<&Vec<f32>>); N],
    ) -> Result<[Rows; N], ComputeError> {
        let shop = Workshop { isa: self.isa, pool: &self.pool, numbers: &self.numbers, words: &self.words };
        matmul::matmul(&shop, x, weights.map(|(matrix, bias)| (matrix, bias.map(Vec::as_slice))))
    }

    fn rms_norm(&self, x: &Rows, weight: &Vec<f32>, epsilon: f32) -> Result<Rows, ComputeError> {
        if weight.is_empty() || !x.width.is_multiple_of(weight.len()) {
            return Err(ComputeError(format!("a norm of {} numbers for rows of {}", weight.len(), x.width)));
        }
        Ok(self.by_runs(x, weight.len(), |x, result| elementwise::rms_norm(x, weight, epsilon, result)))
    }

    fn layer_norm(&self, x: &Rows, weight: &Vec<f32>, bias: &Vec<f32>, epsilon: f32) -> Result<Rows, ComputeError> {
        if weight.is_empty() || x.width != weight.len() || x.width != bias.len() {
            let (weights, biases) = (weight.len(), bias.len());
            return Err(ComputeError(format!("a norm of {weights} and {biases} numbers for rows of {}", x.width)));
        }
        Ok(self.by_runs(x, x.width, |x, result| elementwise::layer_norm(x, weight, bias, epsilon, result)))
    }

    fn rotate(&self, x: &mut Rows, rope: &Rope, positions: &[u32]) -> Result<(), ComputeError> {
        let head_len = 2 * rope.frequencies.len();
        if head_len == 0 || !x.width.is_multiple_of(head_len) || positions.len() != x.count {
            let (count, width, given) = (x.count, x.width, positions.len());
            return Err(ComputeError(format!("{given} positions of heads of {head_len} for {count} rows of {width}")));
        }
        let turns = self.turns.of(rope, positions);
        let width = x.width;
        elementwise::by_rows(&self.pool, &mut x.numbers, width, |first, rows| {
            let rows = rows.chunks_exact_mut(width).enumerate();
            rows.for_each(|(index, row)| turns.turn(first + index, rope.pairs, row));
        });
        Ok(())
    }

    fn attend(
        &self,
        kv: &mut Kv,
        layer: usize,
        queries: &Rows,
        keys: &Rows,
        values: &Rows,
        spans: &[Span<'_>],
    ) -> Result<Rows, ComputeError> {
        let kept = kv.shape.kv_heads * kv.shape.head_len;
        let fits = kept > 0 && keys.width == kept && values.width == kept && queries.width.is_multiple_of(kept);
        if !fits || queries.width == 0 || keys.count != queries.count || values.count != queries.count {
            let widths = [queries.width, keys.width, values.width];
            return Err(ComputeError(format!("queries, keys and values of {widths:?} numbers for {:?}", kv.shape)));
        }
        kv.check(layer, queries.count, spans)?;
        kv.write(layer, keys, values, spans);
        let mut results = self.rows(queries.count, queries.width);
        attention::attend(self.isa, &self.pool, kv, layer, queries, spans, &mut results.numbers);
        Ok(results)
    }

    fn attend_whole(
        &self,
        queries: &Rows,
        keys: &Rows,
        values: &Rows,
        heads: usize,
        lengths: &[usize],
    ) -> Result<Rows, ComputeError> {
        let alike = |rows: &Rows| rows.width == queries.width && rows.count == queries.count;
        let tokens = lengths.iter().copied().fold(0, usize::saturating_add);
        let cuts = heads > 0 && queries.width > 0 && queries.width.is_multiple_of(heads);
        if !cuts || !alike(keys) || !alike(values) || tokens != queries.count {
            let (count, width) = (queries.count, queries.width);
            return Err(ComputeError(format!(
                "{heads} heads and texts of {tokens} tokens for {count} rows of {width}"
            )));
        }
        let mut results = self.rows(queries.count, queries.width);
        let operands = [queries, keys, values];
        attention::attend_whole(self.isa, &self.pool, operands, heads, lengths, &mut results.numbers);
        Ok(results)
    }

    fn silu_mul(&self, mut gate: Rows, up: &Rows) -> Result<Rows, ComputeError> {
        same_shape(&gate, up)?;
        elementwise::zip_with(&self.pool, &mut gate.numbers, &up.numbers, |gate, up| math::silu(gate) * up);
        Ok(gate)
    }

    fn gelu(&self, mut x: Rows) -> Result<Rows, ComputeError> {
        elementwise::by_rows(&self.pool, &mut x.numbers, 1, |_, x| x.iter_mut().for_each(|x| *x = math::gelu(*x)));
        Ok(x)
    }

    fn add(&self, x: &mut Rows, y: &Rows) -> Result<(), ComputeError> {
        same_shape(x, y)?;
        elementwise::zip_with(&self.pool, &mut x.numbers, &y.numbers, |x, y| x + y);
        Ok(())
    }

    fn select(&self, x: &Rows, rows: &[usize]) -> Result<Rows, ComputeError> {
        if let Some(row) = rows.iter().find(|row| **row >= x.count) {
            return Err(ComputeError(format!("row {row} of {}", x.count)));
        }
        let mut selected = self.rows(rows.len(), x.width);
        for (selected, row) in selected.numbers.chunks_exact_mut(x.width.max(1)).zip(rows) {
            selected.copy_from_slice(x.row(*row));
        }
        Ok(selected)
    }

    fn to_vec(&self, x: &Rows) -> Result<Vec<f32>, ComputeError> {
        Ok(x.numbers.to_vec())
    }
}

fn same_shape(x: &Rows, y: &Rows) -> Result<(), ComputeError> {
    if (x.count, x.width) == (y.count, y.width) {
        return Ok(());
    }
    let (count, width) = (x.count, x.width);
    Err(ComputeError(format!("{count} rows of {width} numbers and {} of {}", y.count, y.width)))
}
