//! GGUF's block formats, taken apart in one place.
//!
//! Every format comes down to `scale * (quant - zero) + min`, where scale and min of a sub-block are those of the whole
//! block times small integers. Products of a half and such an integer are exact in `f32`.

use super::{f16_to_f32, StoredType};

/// Numbers in the largest block.
const MAX_BLOCK: usize = 256;

/// What all blocks of a type have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantisation {
    /// Numbers in a block.
    pub(crate) block_len: usize,
    /// Numbers that share a scale: 16 or 32.
    pub(crate) scale_len: usize,
    /// Bits that hold every quant.
    pub(crate) bits: u32,
    /// The quant that stands for zero is two to this power; none: it is 0.
    pub(crate) zero_shift: Option<u32>,
    /// Whether there are mins; one for each 32 numbers.
    pub(crate) has_mins: bool,
}

/// A block, taken apart. What lies beyond the block's length is not meant.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    /// Unsigned.
    pub(crate) quants: [u8; MAX_BLOCK],
    /// A half.
    pub(crate) scale: u16,
    /// A half; added to, not taken from.
    pub(crate) min: u16,
    /// By which `scale` is multiplied, for each [`Quantisation::scale_len`] numbers.
    pub(crate) scales: [i8; 16],
    /// By which `min` is multiplied, for each 32 numbers.
    pub(crate) mins: [i8; 8],
}

impl Quantisation {
    /// How blocks of this type are made, none for types that have no blocks.
    pub(crate) const fn of(dtype: StoredType) -> Option<Self> {
        let (bits, zero_shift, has_mins) = match dtype {
            StoredType::F32 | StoredType::F16 | StoredType::Bf16 => return None,
            StoredType::Q4_0 => (4, Some(3), false),
            StoredType::Q4_1 | StoredType::Q4K => (4, None, true),
            StoredType::Q5_0 => (5, Some(4), false),
            StoredType::Q5_1 | StoredType::Q5K => (5, None, true),
            StoredType::Q6K => (6, Some(5), false),
            StoredType::Q8_0 => (8, Some(7), false),
        };
        let scale_len = if matches!(dtype, StoredType::Q6K) { 16 } else { 32 };
        Some(Self { block_len: dtype.block_len(), scale_len, bits, zero_shift, has_mins })
    }

    /// The quant that stands for zero.
    pub(crate) fn zero(&self) -> i32 {
        self.zero_shift.map_or(0, |shift| 1 << shift)
    }

    /// Whether integers refine the block's scale.
    pub(crate) fn is_fine(&self) -> bool {
        self.block_len > 32
    }
}

impl Default for Decoded {
    fn default() -> Self {
        Self { quants: [0; MAX_BLOCK], scale: 0, min: 0, scales: [1; 16], mins: [1; 8] }
    }
}

impl Decoded {
    /// Takes a block apart. `bytes` are [`StoredType::block_bytes`] of a type that has blocks.
    pub(crate) fn read(&mut self, dtype: StoredType, bytes: &[u8]) {
        self.scale = half_at(bytes, 0);
        match dtype {
            StoredType::F32 | StoredType::F16 | StoredType::Bf16 => {}
            StoredType::Q4_0 => nibbles(&bytes[2..], &mut self.quants),
            StoredType::Q4_1 => {
                self.min = half_at(bytes, 2);
                nibbles(&bytes[4..], &mut self.quants);
            }
            StoredType::Q5_0 => fives(&bytes[2..], &mut self.quants),
            StoredType::Q5_1 => {
                self.min = half_at(bytes, 2);
                fives(&bytes[4..], &mut self.quants);
            }
            StoredType::Q8_0 => {
                for (quant, byte) in self.quants.iter_mut().zip(&bytes[2..34]) {
                    *quant = byte ^ 0x80;
                }
            }
            StoredType::Q4K | StoredType::Q5K => self.read_with_mins(dtype, bytes),
            StoredType::Q6K => self.read_sixes(bytes),
        }
    }

    /// Q4_K and Q5_K: eight sub-blocks of 32 with six bits of scale and of min each; Q5_K's fifth bits lie apart.
    fn read_with_mins(&mut self, dtype: StoredType, bytes: &[u8]) {
        // The file's min is taken from the product.
        self.min = half_at(bytes, 2) ^ 0x8000;
        let packed = &bytes[4..16];
        for sub in 0..4 {
            let (first, second, third) = (packed[sub], packed[sub + 4], packed[sub + 8]);
            self.scales[sub] = (first & 63) as i8;
            self.mins[sub] = (second & 63) as i8;
            self.scales[sub + 4] = ((third & 15) | (first >> 6) << 4) as i8;
            self.mins[sub + 4] = ((third >> 4) | (second >> 6) << 4) as i8;
        }
        let fifths = matches!(dtype, StoredType::Q5K).then(|| &bytes[16..48]);
        let low = &bytes[if fifths.is_some() { 48 } else { 16 }..];
        for (pair, (quants, low)) in self.quants.chunks_exact_mut(64).zip(low.chunks_exact(32)).enumerate() {
            for (index, byte) in low.iter().enumerate() {
                let fifth = fifths.map_or(0, |fifths| fifths[index] >> (2 * pair));
                quants[index] = (byte & 15) | (fifth & 1) << 4;
                quants[index + 32] = (byte >> 4) | (fifth >> 1 & 1) << 4;
            }
        }
    }

    /// Q6_K: sixteen sub-blocks of 16, the upper two bits of each quant apart, the scale at the end.
    fn read_sixes(&mut self, bytes: &[u8]) {
        self.scale = half_at(bytes, 208);
        for (scale, byte) in self.scales.iter_mut().zip(&bytes[192..208]) {
            *scale = *byte as i8;
        }
        let halves = bytes[..128].chunks_exact(64).zip(bytes[128..192].chunks_exact(32));
        for (quants, (low, high)) in self.quants.chunks_exact_mut(128).zip(halves) {
            for index in 0..32 {
                let (first, second, high) = (low[index], low[index + 32], high[index]);
                quants[index] = (first & 15) | (high & 3) << 4;
                quants[index + 32] = (second & 15) | (high >> 2 & 3) << 4;
                quants[index + 64] = (first >> 4) | (high >> 4 & 3) << 4;
                quants[index + 96] = (second >> 4) | (high >> 6) << 4;
            }
        }
    }

    /// Scale of the sub-block, which is one of [`Quantisation::scale_len`] numbers.
    pub(crate) fn scale_of(&self, sub: usize) -> f32 {
        f16_to_f32(self.scale) * f32::from(self.scales[sub])
    }

    /// Min of the sub-block, which is one of 32 numbers.
    pub(crate) fn min_of(&self, sub: usize) -> f32 {
        f16_to_f32(self.min) * f32::from(self.mins[sub])
    }
}

fn half_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Low nibbles are the first half of the block.
fn nibbles(bytes: &[u8], quants: &mut [u8; MAX_BLOCK]) {
    for (index, byte) in bytes[..16].iter().enumerate() {
        quants[index] = byte & 15;
        quants[index + 16] = byte >> 4;
    }
}

/// Four bytes of fifth bits, then nibbles.
fn fives(bytes: &[u8], quants: &mut [u8; MAX_BLOCK]) {
    let fifths = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    nibbles(&bytes[4..], quants);
    for (index, quant) in quants[..32].iter_mut().enumerate() {
        *quant |= ((fifths >> index & 1) << 4) as u8;
    }
}
