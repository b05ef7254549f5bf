//! Sixteen rows of quantised weights times a tile of tokens.
//!
//! Products of bytes are summed as integers, which is exact, block by block; the blocks' sums are scaled and added in
//! their order, one fused step for each. So a result is the same to the last bit whatever computes it.
#![expect(unsafe_code, reason = "kernels read by pointers and are compiled for instruction sets found at run time")]

use std::slice;

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::{
    activations::{FIRST_SUM, LAST_SUM, SCALE, SCALED_SUM, SUM, TILE, WORDS},
    lanes::{Isa, Lanes, Scalar, GROUP},
    packed::{GroupLayout, Packed, BLOCK},
};
use crate::weights::StoredType;

/// Results of a tile: for each token those of sixteen rows.
pub(super) type TileSums = [f32; TILE * GROUP];

/// How far ahead quants are asked for. Groups of rows lie behind each other, and without this a processor follows the
/// many places that a kernel reads at half the speed of its memory. Scales are asked for a group ahead.
pub(super) const PREFETCHED_BYTES: usize = 8192;

/// The kernel for one type of weights on this processor.
#[derive(Clone, Copy)]
pub(super) struct QuantKernel(unsafe fn(&Panel<'_>, &[i32], usize, &mut TileSums));

/// Sixteen rows.
struct Panel<'a> {
    blocks: usize,
    layout: &'a GroupLayout,
    bytes: &'a [u8],
}

impl QuantKernel {
    /// None if the weights are plain numbers.
    pub(super) fn of(dtype: StoredType, isa: Isa) -> Option<Self> {
        Some(match dtype {
            StoredType::F32 | StoredType::F16 | StoredType::Bf16 => return None,
            StoredType::Q4_0 => Self::compiled::<Make<4, 3, false, false, false>>(isa),
            StoredType::Q4_1 => Self::compiled::<Make<4, 0, true, false, false>>(isa),
            StoredType::Q5_0 => Self::compiled::<Make<5, 4, false, false, false>>(isa),
            StoredType::Q5_1 => Self::compiled::<Make<5, 0, true, false, false>>(isa),
            StoredType::Q8_0 => Self::compiled::<Make<8, 7, false, false, false>>(isa),
            StoredType::Q4K => Self::compiled::<Make<4, 0, true, true, false>>(isa),
            StoredType::Q5K => Self::compiled::<Make<5, 0, true, true, false>>(isa),
            StoredType::Q6K => Self::compiled::<Make<6, 5, false, true, true>>(isa),
        })
    }

    fn compiled<F: Form>(isa: Isa) -> Self {
        Self(match isa {
            Isa::Scalar => tile::<Scalar, F>,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => tile_avx2::<F>,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => tile_avx512::<F>,
        })
    }

    /// Multiplies group `group` of `weights`, of this kernel's type, with a tile of `tokens`.
    pub(super) fn run(self, weights: &Packed, group: usize, tile: &[i32], tokens: usize, sums: &mut TileSums) {
        let blocks = weights.columns / BLOCK;
        assert!(tokens <= TILE && tile.len() == blocks * WORDS * tokens, "a tile as long as the rows");
        let panel = Panel { blocks, layout: &weights.layout, bytes: weights.group(group) };
        // SAFETY: the instruction set was found at run time; the tile was measured above, and a group of packed weights
        // has all the parts of its layout.
        unsafe { (self.0)(&panel, tile, tokens, sums) }
    }
}

/// How weights are stored, known when kernels are compiled.
trait Form: 'static {
    const BITS: u32;
    /// The quant for zero is two to this power; 0: it is zero itself.
    const ZERO_SHIFT: u32;
    const MINS: bool;
    /// Integers refine scales and mins.
    const FINE: bool;
    /// Scales are those of sixteen inputs.
    const HALVES: bool;
}

struct Make<const BITS: u32, const ZERO_SHIFT: u32, const MINS: bool, const FINE: bool, const HALVES: bool>;

impl<const BITS: u32, const ZERO_SHIFT: u32, const MINS: bool, const FINE: bool, const HALVES: bool> Form
    for Make<BITS, ZERO_SHIFT, MINS, FINE, HALVES>
{
    const BITS: u32 = BITS;
    const ZERO_SHIFT: u32 = ZERO_SHIFT;
    const MINS: bool = MINS;
    const FINE: bool = FINE;
    const HALVES: bool = HALVES;
}

/// # Safety
/// As [`tile`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile_avx2<F: Form>(panel: &Panel<'_>, x: &[i32], tokens: usize, sums: &mut TileSums) {
    // SAFETY: the caller's promise.
    unsafe { tile::<Avx2, F>(panel, x, tokens, sums) }
}

/// # Safety
/// As [`tile`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile_avx512<F: Form>(panel: &Panel<'_>, x: &[i32], tokens: usize, sums: &mut TileSums) {
    // SAFETY: the caller's promise.
    unsafe { tile::<Avx512, F>(panel, x, tokens, sums) }
}

/// # Safety
/// The processor has `S`'s instruction set, the panel's bytes are a group of its layout with as many blocks, and `x` is a
/// tile of as many blocks and of `tokens`, at most [`TILE`].
#[inline(always)]
unsafe fn tile<S: Lanes, F: Form>(panel: &Panel<'_>, x: &[i32], tokens: usize, sums: &mut TileSums) {
    let mut token = 0;
    while token < tokens {
        let left = tokens - token;
        // SAFETY: each sweep takes no more tokens than are left.
        token += unsafe {
            if S::TILE >= 12 && left >= 12 {
                sweep::<S, F, 12>(panel, x, token, tokens, sums)
            } else if S::TILE >= 8 && left >= 8 {
                sweep::<S, F, 8>(panel, x, token, tokens, sums)
            } else if S::TILE >= 4 && left >= 4 {
                sweep::<S, F, 4>(panel, x, token, tokens, sums)
            } else if S::TILE >= 2 && left >= 2 {
                sweep::<S, F, 2>(panel, x, token, tokens, sums)
            } else {
                sweep::<S, F, 1>(panel, x, token, tokens, sums)
            }
        };
    }
}

/// All sixteen rows times the `N` tokens from `token` on. Returns `N`.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn sweep<S: Lanes, F: Form, const N: usize>(
    panel: &Panel<'_>,
    x: &[i32],
    token: usize,
    tokens: usize,
    sums: &mut TileSums,
) -> usize {
    for lane in (0..GROUP).step_by(S::WIDTH) {
        // SAFETY: the tokens are of the tile, the lanes of the group.
        unsafe {
            let sums = sums.as_mut_ptr().add(token * GROUP + lane);
            columns::<S, F, N>(panel, x.as_ptr().add(token), tokens, lane, sums);
        }
    }
    N
}

/// `N` tokens times the rows from `lane` on. Results are [`GROUP`] numbers apart.
///
/// # Safety
/// As [`tile`]; `x` points to the first token's word of a tile of `stride` tokens, `sums` to the first result.
#[inline(always)]
unsafe fn columns<S: Lanes, F: Form, const N: usize>(
    panel: &Panel<'_>,
    x: *const i32,
    stride: usize,
    lane: usize,
    sums: *mut f32,
) {
    let layout = panel.layout;
    let bytes = panel.bytes.as_ptr();
    let quant_bytes = if F::BITS == 4 { BLOCK * GROUP / 2 } else { BLOCK * GROUP };
    // SAFETY: offsets within a group of the layout, which has sixteen of everything for each block, and within a tile's
    // block, which has `WORDS` words for each of `stride` tokens.
    unsafe {
        let mut quants = bytes.add(lane * 4);
        let scales = bytes.add(layout.scales).cast::<u16>().add(lane);
        let mins = bytes.add(layout.mins).cast::<u16>().add(lane);
        let mut fine_scales = bytes.add(layout.fine_scales).cast::<i8>().add(lane);
        let mut fine_mins = bytes.add(layout.fine_mins).cast::<i8>().add(lane);
        let mut x = x;
        let mut totals = [S::splat(0.0); N];
        for block in 0..panel.blocks {
            let file_block = if F::FINE { block >> 3 } else { block } << 4;
            if lane == 0 {
                for line in 0..quant_bytes / 64 {
                    S::prefetch(quants.wrapping_add(PREFETCHED_BYTES + line * 64));
                }
                S::prefetch(scales.wrapping_add(file_block).cast::<u8>().wrapping_add(layout.stride));
                if F::MINS {
                    S::prefetch(mins.wrapping_add(file_block).cast::<u8>().wrapping_add(layout.stride));
                }
            }
            let word = |kind: usize| slice::from_raw_parts(x.add(kind * stride), N);
            let mut scale = S::load_f16(scales.add(file_block));
            let whole_scale = scale;
            if F::FINE {
                scale = S::mul(whole_scale, S::load_i8(fine_scales));
                fine_scales = fine_scales.add(GROUP);
            }
            if F::HALVES {
                let mut dots = corrections::<S, F, N>(word(FIRST_SUM));
                S::dot_small(quants, x, stride, &mut dots);
                add_scaled::<S, N>(scale, dots, word(SCALE), &mut totals);
                let mut dots = corrections::<S, F, N>(word(LAST_SUM));
                S::dot_small(quants.add(quant_bytes / 2), x.add(4 * stride), stride, &mut dots);
                scale = S::mul(whole_scale, S::load_i8(fine_scales));
                fine_scales = fine_scales.add(GROUP);
                add_scaled::<S, N>(scale, dots, word(SCALE), &mut totals);
            } else {
                let mut dots = corrections::<S, F, N>(word(SUM));
                if F::BITS == 4 {
                    S::dot_nibbles(quants, x, stride, &mut dots);
                } else if F::BITS == 8 {
                    S::dot_wide(quants, x, stride, &mut dots);
                    S::dot_wide(quants.add(quant_bytes / 2), x.add(4 * stride), stride, &mut dots);
                } else {
                    S::dot_small(quants, x, stride, &mut dots);
                    S::dot_small(quants.add(quant_bytes / 2), x.add(4 * stride), stride, &mut dots);
                }
                add_scaled::<S, N>(scale, dots, word(SCALE), &mut totals);
            }
            if F::MINS {
                let mut min = S::load_f16(mins.add(file_block));
                if F::FINE {
                    min = S::mul(min, S::load_i8(fine_mins));
                    fine_mins = fine_mins.add(GROUP);
                }
                let scaled_sums = word(SCALED_SUM);
                for token in 0..N {
                    totals[token] = S::fma(min, S::splat(f32::from_bits(scaled_sums[token] as u32)), totals[token]);
                }
            }
            quants = quants.add(quant_bytes);
            x = x.add(WORDS * stride);
        }
        for (token, total) in totals.into_iter().enumerate() {
            S::store(sums.add(token * GROUP), total);
        }
    }
}

/// Where sums begin so that they come out as if quants had been taken less their zero.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn corrections<S: Lanes, F: Form, const N: usize>(negated_sums: &[i32]) -> [S::I; N] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut dots = [S::splat_int(0); N];
        if F::ZERO_SHIFT != 0 && !(F::BITS == 8 && S::WIDE_IS_CENTRED) {
            for token in 0..N {
                dots[token] = S::shift_left(S::splat_int(negated_sums[token]), F::ZERO_SHIFT);
            }
        }
        dots
    }
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn add_scaled<S: Lanes, const N: usize>(
    scale: S::F,
    dots: [S::I; N],
    token_scales: &[i32],
    totals: &mut [S::F; N],
) {
    for token in 0..N {
        // SAFETY: the caller's promise.
        unsafe {
            let scale = S::mul(scale, S::splat(f32::from_bits(token_scales[token] as u32)));
            totals[token] = S::fma(scale, S::from_int(dots[token]), totals[token]);
        }
    }
}
