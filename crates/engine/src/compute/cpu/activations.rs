//! Activations, laid out for the kernels: in tiles of tokens, and rounded to bytes where weights are quantised.

use std::sync::Arc;

use super::{
    packed::BLOCK,
    pool::Pool,
    rows::Rows,
    shelf::{Loan, Shelf},
};

/// Tokens of a tile; the last tile may have fewer.
pub(super) const TILE: usize = 12;

/// Words for each token and block of [`BLOCK`] inputs. A tile's block holds the words of each kind for all its tokens
/// before those of the next kind: eight words of four activations, then what follows.
pub(super) const WORDS: usize = 13;
/// Sum of all activations, negated.
pub(super) const SUM: usize = 8;
/// Sum of the first sixteen, negated.
pub(super) const FIRST_SUM: usize = 9;
/// Sum of the last sixteen, negated.
pub(super) const LAST_SUM: usize = 10;
/// Scale, an `f32`.
pub(super) const SCALE: usize = 11;
/// Scale times sum, an `f32`; not negated.
pub(super) const SCALED_SUM: usize = 12;

/// Adding it rounds small numbers to whole ones, ties to even, which then are in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// Tokens that are worth sharing the work of laying out.
const SHARED_FROM_TOKENS: usize = 2 * TILE;

/// Activations in tiles of up to [`TILE`] tokens.
pub(super) struct Tiles<T> {
    words: Loan<T>,
    tokens: usize,
    /// Of a token.
    words_per_token: usize,
}

impl<T: Copy + Default + Send> Tiles<T> {
    pub(super) fn count(&self) -> usize {
        self.tokens.div_ceil(TILE)
    }

    /// A tile's words, and the tokens in it.
    pub(super) fn tile(&self, index: usize) -> (&[T], usize) {
        let tokens = (self.tokens - index * TILE).min(TILE);
        (&self.words[index * TILE * self.words_per_token..][..tokens * self.words_per_token], tokens)
    }

    fn fill(
        x: &Rows,
        words_per_token: usize,
        shelf: &Arc<Shelf<T>>,
        pool: &Pool,
        fill_tile: impl Fn(&[f32], &mut [T]) + Sync,
    ) -> Self {
        let mut words = shelf.lend(x.count * words_per_token);
        let tiles = x.numbers.chunks(TILE * x.width).zip(words.chunks_mut(TILE * words_per_token));
        if x.count >= SHARED_FROM_TOKENS {
            pool.each(tiles, |(rows, words)| fill_tile(rows, words));
        } else {
            tiles.for_each(|(rows, words)| fill_tile(rows, words));
        }
        Self { words, tokens: x.count, words_per_token }
    }
}

impl Tiles<i32> {
    /// Rounds each block of [`BLOCK`] activations to bytes of -127 to 127 times a scale of its own. The width of `x` is
    /// a multiple of [`BLOCK`].
    pub(super) fn quantised(x: &Rows, shelf: &Arc<Shelf<i32>>, pool: &Pool) -> Self {
        let width = x.width;
        Self::fill(x, width / BLOCK * WORDS, shelf, pool, |rows, words| {
            let tokens = rows.len() / width;
            for (token, row) in rows.chunks_exact(width).enumerate() {
                let places = words.chunks_exact_mut(WORDS * tokens);
                row.as_chunks().0.iter().zip(places).for_each(|(block, words)| quantise(block, words, tokens, token));
            }
        })
    }
}

impl Tiles<f32> {
    /// Lays activations out as they are: of each tile input by input.
    pub(super) fn plain(x: &Rows, shelf: &Arc<Shelf<f32>>, pool: &Pool) -> Self {
        let width = x.width;
        Self::fill(x, width, shelf, pool, |rows, words| {
            let tokens = rows.len() / width;
            for (token, row) in rows.chunks_exact(width).enumerate() {
                let places = words.iter_mut().skip(token).step_by(tokens);
                row.iter().zip(places).for_each(|(number, word)| *word = *number);
            }
        })
    }
}

/// Writes one token's words of a block.
fn quantise(block: &[f32; BLOCK], words: &mut [i32], tokens: usize, token: usize) {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let sixteen: [f32; 16] = std::array::from_fn(|lane| larger(block[lane].abs(), block[lane + 16].abs()));
    let eight: [f32; 8] = std::array::from_fn(|lane| larger(sixteen[lane], sixteen[lane + 8]));
    let four: [f32; 4] = std::array::from_fn(|lane| larger(eight[lane], eight[lane + 4]));
    let largest = larger(larger(four[0], four[2]), larger(four[1], four[3]));
    let scale = largest / 127.0;
    let inverse = 127.0 / largest;
    // Numbers so small that the inverse is infinite are zeroes.
    let (scale, inverse) = if inverse.is_finite() { (scale, inverse) } else { (0.0, 0.0) };
    let mut whole = [0i32; BLOCK];
    for (whole, number) in whole.iter_mut().zip(block) {
        let shifted = (number * inverse + ROUNDER).to_bits() as i32;
        *whole = shifted.wrapping_sub(ROUNDER.to_bits() as i32).clamp(-127, 127);
    }
    let mut bytes = [0u8; BLOCK];
    bytes.iter_mut().zip(whole).for_each(|(byte, whole)| *byte = whole as u8);
    // At most 16 * 127 each.
    let sum = |whole: &[i32]| whole.iter().fold(0i32, |sum, whole| sum.wrapping_add(*whole));
    let (first, last) = (sum(&whole[..16]), sum(&whole[16..]));
    let fours = bytes.chunks_exact(4).map(|four| i32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    let scaled_sum = scale * (first + last) as f32;
    let others = [-(first + last), -first, -last, scale.to_bits() as i32, scaled_sum.to_bits() as i32];
    let places = words[token..].iter_mut().step_by(tokens);
    places.zip(fours.chain(others)).for_each(|(place, word)| *place = word);
}
