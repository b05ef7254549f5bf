//! Activations times weights.
#![expect(unsafe_code, reason = "threads write results of their own rows into one matrix")]

use std::sync::Arc;

use super::{
    activations::{Tiles, TILE},
    dense_kernel::DenseKernel,
    lanes::{Isa, GROUP},
    packed::{Packed, BLOCK},
    pool::Pool,
    quant_kernel::{QuantKernel, TileSums},
    rows::Rows,
    scatter::Scatter,
    shelf::Shelf,
};
use crate::{compute::ComputeError, weights::Quantisation};

/// Chunks of work for each thread: enough that threads that are held up leave work to the others.
const CHUNKS_PER_THREAD: usize = 8;
/// Products that are not worth another chunk.
const PRODUCTS_PER_CHUNK: usize = 64 * 1024;
/// Tiles that stay near the processor while a chunk's rows go over them.
const TILES_AT_ONCE: usize = 16;

/// Weights and what is added to their results.
pub(super) type Layer<'a> = (&'a Packed, Option<&'a [f32]>);

/// What a call needs besides its operands.
pub(super) struct Workshop<'a> {
    pub(super) isa: Isa,
    pub(super) pool: &'a Pool,
    pub(super) numbers: &'a Arc<Shelf<f32>>,
    pub(super) words: &'a Arc<Shelf<i32>>,
}

/// Activations as a layer's kernel reads them.
#[derive(Clone, Copy)]
enum Kernel {
    Quant(QuantKernel),
    Dense(DenseKernel),
}

/// One layer at work.
struct Job<'a> {
    weights: &'a Packed,
    bias: Option<&'a [f32]>,
    kernel: Kernel,
    results: Scatter<'a>,
    /// Number of its first chunk, and groups of rows in each.
    first_chunk: usize,
    groups_per_chunk: usize,
}

/// `x` times each of `layers`.
pub(super) fn matmul<const N: usize>(
    shop: &Workshop<'_>,
    x: &Rows,
    layers: [Layer<'_>; N],
) -> Result<[Rows; N], ComputeError> {
    for (weights, bias) in &layers {
        check(x, weights, *bias)?;
    }
    let mut results = layers.map(|(weights, _)| Rows {
        numbers: shop.numbers.lend(x.count * weights.rows),
        width: weights.rows,
        count: x.count,
    });
    let is_quantised = |(weights, _): &Layer<'_>| Quantisation::of(weights.dtype).is_some();
    let quantised = layers.iter().any(is_quantised).then(|| Tiles::quantised(x, shop.words, shop.pool));
    let plain = (!layers.iter().all(is_quantised)).then(|| Tiles::plain(x, shop.numbers, shop.pool));
    let (jobs, chunks) = plan(shop, x, layers, &mut results)?;
    shop.pool.run(chunks, &|chunk| {
        if let Some(job) = jobs.iter().rev().find(|job| job.first_chunk <= chunk) {
            let first = (chunk - job.first_chunk) * job.groups_per_chunk;
            let groups = first..(first + job.groups_per_chunk).min(job.weights.groups());
            match (job.kernel, &quantised, &plain) {
                (Kernel::Quant(kernel), Some(tiles), _) => job
                    .run(groups, tiles, |group, tile, tokens, sums| kernel.run(job.weights, group, tile, tokens, sums)),
                (Kernel::Dense(kernel), _, Some(tiles)) => job
                    .run(groups, tiles, |group, tile, tokens, sums| kernel.run(job.weights, group, tile, tokens, sums)),
                _ => {}
            }
        }
    });
    drop(jobs);
    Ok(results)
}

fn check(x: &Rows, weights: &Packed, bias: Option<&[f32]>) -> Result<(), ComputeError> {
    if x.width != weights.columns {
        return Err(ComputeError(format!("rows of {} numbers times a matrix of {} inputs", x.width, weights.columns)));
    }
    match bias {
        Some(bias) if bias.len() != weights.rows => {
            Err(ComputeError(format!("{} biases for {} outputs", bias.len(), weights.rows)))
        }
        _ => Ok(()),
    }
}

/// Cuts the layers into chunks. Returns how many there are.
fn plan<'a, const N: usize>(
    shop: &Workshop<'_>,
    x: &Rows,
    layers: [Layer<'a>; N],
    results: &'a mut [Rows; N],
) -> Result<(Vec<Job<'a>>, usize), ComputeError> {
    let products = |weights: &Packed| x.count.saturating_mul(weights.rows).saturating_mul(weights.columns);
    let all: usize = layers.iter().fold(0, |sum, (weights, _)| sum.saturating_add(products(weights)));
    let per_chunk = (all / (shop.pool.threads() * CHUNKS_PER_THREAD)).max(PRODUCTS_PER_CHUNK);
    let mut jobs = Vec::with_capacity(N);
    let mut chunks = 0;
    for ((weights, bias), result) in layers.into_iter().zip(results) {
        let quant = QuantKernel::of(weights.dtype, shop.isa).map(Kernel::Quant);
        let kernel = quant.or_else(|| DenseKernel::of(weights.dtype, shop.isa).map(Kernel::Dense));
        let kernel = kernel.ok_or_else(|| ComputeError(format!("no kernel for {}", weights.dtype.name())))?;
        let per_group = (x.count * weights.columns).saturating_mul(GROUP).max(1);
        let groups_per_chunk = (per_chunk / per_group).clamp(1, weights.groups());
        let results = Scatter::new(&mut result.numbers);
        jobs.push(Job { weights, bias, kernel, results, first_chunk: chunks, groups_per_chunk });
        chunks += weights.groups().div_ceil(groups_per_chunk);
    }
    Ok((jobs, if x.count == 0 { 0 } else { chunks }))
}

impl Job<'_> {
    fn run<T: Copy + Default + Send>(
        &self,
        groups: std::ops::Range<usize>,
        tiles: &Tiles<T>,
        kernel: impl Fn(usize, &[T], usize, &mut TileSums),
    ) {
        let mut sums: TileSums = [0.0; TILE * GROUP];
        for first_tile in (0..tiles.count()).step_by(TILES_AT_ONCE) {
            for group in groups.clone() {
                for index in first_tile..tiles.count().min(first_tile + TILES_AT_ONCE) {
                    let (tile, tokens) = tiles.tile(index);
                    kernel(group, tile, tokens, &mut sums);
                    self.put(group, index * TILE, tokens, &mut sums);
                }
            }
        }
    }

    /// Adds the bias and writes a tile's results of a group to their places.
    fn put(&self, group: usize, first_token: usize, tokens: usize, sums: &mut TileSums) {
        let first_row = group * GROUP;
        let rows = (self.weights.rows - first_row).min(GROUP);
        for (token, sums) in sums.chunks_exact_mut(GROUP).take(tokens).enumerate() {
            let sums = &mut sums[..rows];
            if let Some(bias) = self.bias {
                sums.iter_mut().zip(&bias[first_row..]).for_each(|(sum, bias)| *sum += bias);
            }
            let at = (first_token + token) * self.weights.rows + first_row;
            // SAFETY: a row belongs to one group, a group to one chunk, and a chunk is run once.
            unsafe {
                match sums.first_chunk::<GROUP>() {
                    // A length that the compiler knows is no call.
                    Some(whole) => self.results.put(at, whole),
                    None => self.results.put(at, sums),
                }
            }
        }
    }
}

const _: () = assert!(BLOCK.is_multiple_of(16), "a block has two halves of whole words");
