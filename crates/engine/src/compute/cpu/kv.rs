//! Keys and values of texts, in blocks of sixteen tokens.
//!
//! A block holds, for each head, its keys as halves `[head_len][16 tokens]`, so that a register compares a query with
//! several tokens, then its values `[16 tokens][padded head_len]`, so that a register adds several numbers of a token.

use super::{aligned::Aligned, lanes::GROUP, rows::Rows};
use crate::{
    compute::{BlockId, ComputeError, KvShape, Span, BLOCK_TOKENS},
    weights::f32_to_f16,
};

const _: () = assert!(BLOCK_TOKENS == GROUP, "a register's lanes are the tokens of a block");

/// Keys and values of all layers.
pub(crate) struct Kv {
    pub(super) shape: KvShape,
    blocks: usize,
    halves: Aligned<u16>,
}

/// Numbers of a head's values, padded to whole registers.
pub(super) fn padded(head_len: usize) -> usize {
    head_len.next_multiple_of(GROUP)
}

/// Numbers of a head in a block: keys and values. None if no memory is that large.
fn head_numbers(shape: KvShape) -> Option<usize> {
    let padded = shape.head_len.checked_next_multiple_of(GROUP)?;
    shape.head_len.checked_add(padded)?.checked_mul(BLOCK_TOKENS)
}

/// Bytes of a block of all layers; the largest number if no memory is that large.
pub(super) fn block_bytes(shape: KvShape) -> u64 {
    let numbers = head_numbers(shape).and_then(|numbers| {
        numbers.checked_mul(shape.kv_heads)?.checked_mul(shape.layers)?.checked_mul(size_of::<u16>())
    });
    numbers.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(u64::MAX)
}

impl Kv {
    /// Memory for `blocks` blocks; none if there is no such memory.
    pub(super) fn new(shape: KvShape, blocks: usize) -> Option<Self> {
        let block = head_numbers(shape)?.checked_mul(shape.kv_heads)?;
        let halves = Aligned::zeroed(block.checked_mul(blocks)?.checked_mul(shape.layers)?)?;
        Some(Self { shape, blocks, halves })
    }

    fn head_numbers(&self) -> usize {
        (self.shape.head_len + padded(self.shape.head_len)) * BLOCK_TOKENS
    }

    fn layer_numbers(&self) -> usize {
        self.head_numbers() * self.shape.kv_heads * self.blocks
    }

    /// All blocks of a layer that there is.
    pub(super) fn layer(&self, layer: usize) -> &[u16] {
        &self.halves[layer * self.layer_numbers()..][..self.layer_numbers()]
    }

    /// Whether spans are as long as the rows and lie in blocks that there are.
    pub(super) fn check(&self, layer: usize, rows: usize, spans: &[Span<'_>]) -> Result<(), ComputeError> {
        if layer >= self.shape.layers {
            return Err(ComputeError(format!("layer {layer} of {}", self.shape.layers)));
        }
        let mut tokens = 0usize;
        for span in spans {
            let end = span.position.checked_add(span.length);
            if end.is_none_or(|end| end.div_ceil(BLOCK_TOKENS) > span.blocks.len()) {
                let (position, length, blocks) = (span.position, span.length, span.blocks.len());
                return Err(ComputeError(format!("{length} tokens from {position} on do not fit {blocks} blocks")));
            }
            if let Some(block) = span.blocks.iter().find(|block| block.0 as usize >= self.blocks) {
                return Err(ComputeError(format!("block {} of {}", block.0, self.blocks)));
            }
            tokens = tokens.saturating_add(span.length);
        }
        if tokens != rows {
            return Err(ComputeError(format!("pieces of {tokens} tokens for {rows} rows")));
        }
        Ok(())
    }

    /// Keeps the keys and values of checked spans.
    pub(super) fn write(&mut self, layer: usize, keys: &Rows, values: &Rows, spans: &[Span<'_>]) {
        let (head_len, kv_heads, head_numbers) = (self.shape.head_len, self.shape.kv_heads, self.head_numbers());
        let layer_numbers = self.layer_numbers();
        let halves = &mut self.halves[layer * layer_numbers..][..layer_numbers];
        let mut row = 0;
        for span in spans {
            for position in span.position..span.position + span.length {
                let block = block_start(span.blocks[position / BLOCK_TOKENS], kv_heads, head_numbers);
                let heads = keys.row(row).chunks_exact(head_len).zip(values.row(row).chunks_exact(head_len));
                for (head, (key, value)) in halves[block..].chunks_exact_mut(head_numbers).zip(heads) {
                    let (kept_keys, kept_values) = head.split_at_mut(head_len * BLOCK_TOKENS);
                    put_token(kept_keys, kept_values, position % BLOCK_TOKENS, key, value, f32_to_f16);
                }
                row += 1;
            }
        }
    }
}

/// Where a block begins in its layer.
fn block_start(block: BlockId, kv_heads: usize, head_numbers: usize) -> usize {
    block.0 as usize * kv_heads * head_numbers
}

/// Writes one token's key and value of a head.
pub(super) fn put_token<T>(
    kept_keys: &mut [T],
    kept_values: &mut [T],
    slot: usize,
    key: &[f32],
    value: &[f32],
    rounded: impl Fn(f32) -> T,
) {
    for (kept, number) in kept_keys.iter_mut().skip(slot).step_by(BLOCK_TOKENS).zip(key) {
        *kept = rounded(*number);
    }
    let padded = padded(value.len());
    for (kept, number) in kept_values[slot * padded..].iter_mut().zip(value) {
        *kept = rounded(*number);
    }
}

/// Keys and values of one head of one text.
#[derive(Clone, Copy)]
pub(super) struct Head<'a, T> {
    /// Blocks of whichever texts.
    pub(super) numbers: &'a [T],
    /// The text's blocks.
    pub(super) blocks: &'a [BlockId],
    pub(super) kv_heads: usize,
    pub(super) kv_head: usize,
    pub(super) head_len: usize,
}

impl<'a, T> Head<'a, T> {
    /// Keys and values of a block of the text.
    pub(super) fn block(&self, index: usize) -> (&'a [T], &'a [T]) {
        let padded = padded(self.head_len);
        let head_numbers = (self.head_len + padded) * BLOCK_TOKENS;
        let start = block_start(self.blocks[index], self.kv_heads, head_numbers) + self.kv_head * head_numbers;
        let (keys, values) = self.numbers[start..][..head_numbers].split_at(self.head_len * BLOCK_TOKENS);
        (keys, &values[..padded * BLOCK_TOKENS])
    }
}
