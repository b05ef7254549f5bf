//! Arithmetic of a device, as the models need it.
//!
//! Models are written once over [`Compute`]. Activations are matrices of `f32` with one row for each token; the tokens of
//! all texts that a step reads are rows of one matrix, so that weights are read once for all of them.

pub(crate) mod candle;
pub(crate) mod cpu;

use crate::{error::LoadError, weights::Stored};

/// Tokens whose keys and values lie in one block.
pub(crate) const BLOCK_TOKENS: usize = 16;

/// Number of a block of keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BlockId(pub(crate) u32);

/// A piece of one text that a step reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    /// How many tokens of the text were read before: the position of the piece's first token.
    pub(crate) position: usize,
    /// Tokens of the piece, at least one.
    pub(crate) length: usize,
    /// Where the text's keys and values lie: block `i` holds positions `i * BLOCK_TOKENS` and on. Enough for the piece.
    /// Blocks before the one of `position` are only read, so texts may share them.
    pub(crate) blocks: &'a [BlockId],
}

/// Shape of the keys and values that a model keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KvShape {
    pub(crate) layers: usize,
    /// Heads that keys and values have; each serves `heads / kv_heads` heads of queries.
    pub(crate) kv_heads: usize,
    /// Numbers in a head.
    pub(crate) head_len: usize,
}

/// Which pairs of numbers of a head rotary positions turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RopePairs {
    /// Neighbours: (0, 1), (2, 3), ... as GGUF files of the llama architecture store heads.
    Neighbours,
    /// The first half with the second: (0, n/2), (1, n/2 + 1), ...
    Halves,
}

/// Rotary positions: cosine and sine of `position * frequency` for each pair.
#[derive(Clone, Debug)]
pub(crate) struct Rope {
    pub(crate) pairs: RopePairs,
    /// One for each pair of a head, in radians per position.
    pub(crate) frequencies: Vec<f32>,
}

/// Why arithmetic failed; on the CPU nothing does.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ComputeError(pub(crate) String);

/// What a device makes of weights.
pub(crate) trait Prepare {
    /// A matrix of weights, prepared for this device.
    type Matrix: Send + Sync;
    /// A vector of weights.
    type Vector: Send + Sync;

    /// Prepares a matrix (outputs, inputs).
    fn matrix(&self, stored: Stored<'_>) -> Result<Self::Matrix, LoadError>;

    /// Prepares a vector.
    fn vector(&self, stored: Stored<'_>) -> Result<Self::Vector, LoadError>;
}

/// Arithmetic of one device. What a row of a result is depends on its own inputs alone, never on the rows beside it;
/// on the CPU to the last bit.
pub(crate) trait Compute: Prepare + Send + Sync + 'static {
    /// Activations: (tokens, width).
    type Rows: Send;
    /// Keys and values of all layers, in blocks.
    type Kv: Send;

    /// Names kernels, instruction set and device, as a part of the numeric class.
    fn class(&self) -> String;

    /// Bytes that are left on the device for keys and values, none where that is the operating system's affair.
    fn memory_left(&self) -> Result<Option<u64>, LoadError> {
        Ok(None)
    }

    /// Memory of keys and values for `blocks` blocks. Memory that is never touched need not be there.
    fn kv(&self, shape: KvShape, blocks: usize) -> Result<Self::Kv, LoadError>;

    /// Bytes that a block of this shape takes.
    fn kv_block_bytes(&self, shape: KvShape) -> u64;

    /// Rows `ids` of the table.
    fn lookup(&self, table: &Self::Matrix, ids: &[u32]) -> Result<Self::Rows, ComputeError>;

    /// `x * w^T + bias` for each of `weights`, which all read the same `x`.
    fn matmul<const N: usize>(
        &self,
        x: &Self::Rows,
        weights: [(&Self::Matrix, Option<&Self::Vector>); N],
    ) -> Result<[Self::Rows; N], ComputeError>;

    /// Root mean square normalisation of each run of `weight.len()` numbers in a row, times `weight`. With a weight as
    /// long as a row that is the whole row, with one as long as a head each head by itself.
    fn rms_norm(&self, x: &Self::Rows, weight: &Self::Vector, epsilon: f32) -> Result<Self::Rows, ComputeError>;

    /// Mean and variance normalisation of each row, times `weight`, plus `bias`.
    fn layer_norm(
        &self,
        x: &Self::Rows,
        weight: &Self::Vector,
        bias: &Self::Vector,
        epsilon: f32,
    ) -> Result<Self::Rows, ComputeError>;

    /// Turns each head of each row by its position.
    fn rotate(&self, x: &mut Self::Rows, rope: &Rope, positions: &[u32]) -> Result<(), ComputeError>;

    /// Keeps keys and values of `spans` in `layer` and attends causally: each token of a piece to all before it in its
    /// text, and to itself. Scores are scaled by `1 / sqrt(head_len)`.
    fn attend(
        &self,
        kv: &mut Self::Kv,
        layer: usize,
        queries: &Self::Rows,
        keys: &Self::Rows,
        values: &Self::Rows,
        spans: &[Span<'_>],
    ) -> Result<Self::Rows, ComputeError>;

    /// Attention without memory, each token to all of its own text: texts of `lengths` tokens lie behind each other.
    fn attend_whole(
        &self,
        queries: &Self::Rows,
        keys: &Self::Rows,
        values: &Self::Rows,
        heads: usize,
        lengths: &[usize],
    ) -> Result<Self::Rows, ComputeError>;

    /// `silu(gate) * up`, with `silu(x) = x / (1 + exp(-x))`.
    fn silu_mul(&self, gate: Self::Rows, up: &Self::Rows) -> Result<Self::Rows, ComputeError>;

    /// `gelu(x)` by the error function.
    fn gelu(&self, x: Self::Rows) -> Result<Self::Rows, ComputeError>;

    /// `x + y`, which is put in the place of `x`.
    fn add(&self, x: &mut Self::Rows, y: &Self::Rows) -> Result<(), ComputeError>;

    /// The rows of these numbers.
    fn select(&self, x: &Self::Rows, rows: &[usize]) -> Result<Self::Rows, ComputeError>;

    /// All numbers, row by row.
    fn to_vec(&self, x: &Self::Rows) -> Result<Vec<f32>, ComputeError>;
}
