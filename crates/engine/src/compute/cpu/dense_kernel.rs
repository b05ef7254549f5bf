//! Sixteen rows of plain numbers times a tile of tokens, one fused step for each input in its order.

#![expect(clippy::needless_range_loop, reason = "these are unrolled, into registers")]
#![expect(unsafe_code, reason = "kernels read by pointers and are compiled for instruction sets found at run time")]

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::{
    activations::TILE,
    lanes::{Isa, Lanes, Scalar, GROUP},
    packed::Packed,
    quant_kernel::{TileSums, PREFETCHED_BYTES},
};
use crate::weights::StoredType;

/// The kernel for one type of plain numbers on this processor.
#[derive(Clone, Copy)]
pub(super) struct DenseKernel(unsafe fn(&[u8], &[f32], usize, &mut TileSums));

/// Numbers that registers of `f32` are loaded from.
pub(super) trait Element: 'static {
    type Bits: Copy + Send + Sync;

    /// # Safety
    /// As [`Lanes`].
    unsafe fn load<S: Lanes>(from: *const Self::Bits) -> S::F;
}

pub(super) struct Single;
pub(super) struct Half;
pub(super) struct Brain;

impl Element for Single {
    type Bits = f32;

    #[inline(always)]
    unsafe fn load<S: Lanes>(from: *const f32) -> S::F {
        // SAFETY: the caller's promise.
        unsafe { S::load(from) }
    }
}

impl Element for Half {
    type Bits = u16;

    #[inline(always)]
    unsafe fn load<S: Lanes>(from: *const u16) -> S::F {
        // SAFETY: the caller's promise.
        unsafe { S::load_f16(from) }
    }
}

impl Element for Brain {
    type Bits = u16;

    #[inline(always)]
    unsafe fn load<S: Lanes>(from: *const u16) -> S::F {
        // SAFETY: the caller's promise.
        unsafe { S::load_bf16(from) }
    }
}

impl DenseKernel {
    /// None if the weights are quantised.
    pub(super) fn of(dtype: StoredType, isa: Isa) -> Option<Self> {
        match dtype {
            StoredType::F32 => Some(Self::compiled::<Single>(isa)),
            StoredType::F16 => Some(Self::compiled::<Half>(isa)),
            StoredType::Bf16 => Some(Self::compiled::<Brain>(isa)),
            _ => None,
        }
    }

    fn compiled<E: Element>(isa: Isa) -> Self {
        Self(match isa {
            Isa::Scalar => tile::<Scalar, E>,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => tile_avx2::<E>,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => tile_avx512::<E>,
        })
    }

    /// Multiplies group `group` of `weights`, of this kernel's type, with a tile of `tokens`.
    pub(super) fn run(self, weights: &Packed, group: usize, tile: &[f32], tokens: usize, sums: &mut TileSums) {
        assert!(tokens <= TILE && tile.len() == weights.columns * tokens, "a tile as long as the rows");
        // SAFETY: the instruction set was found at run time; the tile was measured above, and a group of packed weights
        // has sixteen numbers for each column.
        unsafe { (self.0)(weights.group(group), tile, tokens, sums) }
    }
}

/// # Safety
/// As [`tile`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile_avx2<E: Element>(group: &[u8], x: &[f32], tokens: usize, sums: &mut TileSums) {
    // SAFETY: the caller's promise.
    unsafe { tile::<Avx2, E>(group, x, tokens, sums) }
}

/// # Safety
/// As [`tile`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile_avx512<E: Element>(group: &[u8], x: &[f32], tokens: usize, sums: &mut TileSums) {
    // SAFETY: the caller's promise.
    unsafe { tile::<Avx512, E>(group, x, tokens, sums) }
}

/// # Safety
/// The processor has `S`'s instruction set, and `group` has sixteen numbers for each of the inputs that `x` has for each
/// of `tokens`, at most [`TILE`].
#[inline(always)]
unsafe fn tile<S: Lanes, E: Element>(group: &[u8], x: &[f32], tokens: usize, sums: &mut TileSums) {
    let inputs = x.len() / tokens.max(1);
    for lane in (0..GROUP).step_by(S::WIDTH) {
        let first = group.as_ptr().cast::<E::Bits>().wrapping_add(lane);
        let weights =
            Weights::<E> { first, step: GROUP, inputs, prefetched: if lane == 0 { PREFETCHED_BYTES } else { 0 } };
        let x = Inputs { first: x.as_ptr(), step: tokens, apart: 1 };
        // SAFETY: the caller's promise.
        unsafe { multiply::<S, E>(weights, x, tokens, sums.as_mut_ptr().wrapping_add(lane), GROUP, false) };
    }
}

/// Rows of weights, input by input.
pub(super) struct Weights<E: Element> {
    pub(super) first: *const E::Bits,
    /// From an input's numbers to the next input's.
    pub(super) step: usize,
    pub(super) inputs: usize,
    /// Bytes ahead of which weights are asked for; 0: they are near.
    pub(super) prefetched: usize,
}

/// What weights are multiplied with.
#[derive(Clone, Copy)]
pub(super) struct Inputs {
    pub(super) first: *const f32,
    /// From an input to the next one of the same column.
    pub(super) step: usize,
    /// From a column to the next.
    pub(super) apart: usize,
}

/// Multiplies a register of rows with `columns`; sums lie `sums_apart` numbers from each other and are added to what
/// is there if `adds`.
///
/// # Safety
/// The processor has `S`'s instruction set, and pointers lead to as many numbers as steps and counts say.
#[inline(always)]
pub(super) unsafe fn multiply<S: Lanes, E: Element>(
    weights: Weights<E>,
    x: Inputs,
    columns: usize,
    sums: *mut f32,
    sums_apart: usize,
    adds: bool,
) {
    let mut column = 0;
    while column < columns {
        let left = columns - column;
        // SAFETY: columns that there are.
        unsafe {
            let x = Inputs { first: x.first.add(column * x.apart), ..x };
            let sums = sums.add(column * sums_apart);
            column += if S::TILE >= 12 && left >= 12 {
                run::<S, E, 12>(&weights, x, sums, sums_apart, adds)
            } else if S::TILE >= 4 && left >= 8 {
                run::<S, E, 8>(&weights, x, sums, sums_apart, adds)
            } else if left >= 4 {
                run::<S, E, 4>(&weights, x, sums, sums_apart, adds)
            } else if left >= 3 {
                run::<S, E, 3>(&weights, x, sums, sums_apart, adds)
            } else if left >= 2 {
                run::<S, E, 2>(&weights, x, sums, sums_apart, adds)
            } else {
                run::<S, E, 1>(&weights, x, sums, sums_apart, adds)
            };
        }
    }
}

/// `N` columns. Returns `N`.
///
/// # Safety
/// As [`multiply`].
#[inline(always)]
unsafe fn run<S: Lanes, E: Element, const N: usize>(
    weights: &Weights<E>,
    x: Inputs,
    sums: *mut f32,
    sums_apart: usize,
    adds: bool,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let mut totals = [S::splat(0.0); N];
        if adds {
            for column in 0..N {
                totals[column] = S::load(sums.add(column * sums_apart));
            }
        }
        let (mut from, mut input) = (weights.first, x.first);
        for _ in 0..weights.inputs {
            if weights.prefetched > 0 {
                S::prefetch(from.cast::<u8>().wrapping_add(weights.prefetched));
            }
            let row = E::load::<S>(from);
            for column in 0..N {
                totals[column] = S::fma(row, S::splat(*input.add(column * x.apart)), totals[column]);
            }
            // The last step may leave the memory, where it is not read.
            from = from.wrapping_add(weights.step);
            input = input.wrapping_add(x.step);
        }
        for column in 0..N {
            S::store(sums.add(column * sums_apart), totals[column]);
        }
    }
    N
}
