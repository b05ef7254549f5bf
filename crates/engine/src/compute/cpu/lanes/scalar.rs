//! The reference: registers that are arrays.
#![expect(unsafe_code, reason = "numbers are read where kernels point, as the other instruction sets do")]

use super::{Lanes, GROUP};
use crate::weights::{bf16_to_f32, f16_to_f32};

/// Plain code.
pub(in super::super) struct Scalar;

const WIDTH: usize = GROUP;

/// # Safety
/// As [`Lanes`] says.
#[inline(always)]
unsafe fn read<T: Copy>(from: *const T) -> [T; WIDTH] {
    // SAFETY: the caller points to `WIDTH` numbers; arrays are read without alignment.
    unsafe { from.cast::<[T; WIDTH]>().read_unaligned() }
}

#[inline(always)]
fn each<T: Copy, U: Copy>(a: [T; WIDTH], b: [T; WIDTH], f: impl Fn(T, T) -> U) -> [U; WIDTH] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

/// Dot products of `GROUPS` times four inputs.
///
/// # Safety
/// As [`Lanes`] says.
#[inline(always)]
unsafe fn dot<const GROUPS: usize, const N: usize>(
    quant: impl Fn(usize) -> u8,
    x: *const i32,
    stride: usize,
    sums: &mut [[i32; WIDTH]; N],
) {
    for group in 0..GROUPS {
        for (token, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's `x` has `GROUPS` runs of `stride` words, each with those of `N` tokens.
            let activations = unsafe { *x.add(group * stride + token) }.to_le_bytes();
            for (lane, sum) in sums.iter_mut().enumerate() {
                for (index, activation) in activations.into_iter().enumerate() {
                    let quant = i32::from(quant(group * WIDTH * 4 + lane * 4 + index));
                    *sum = sum.wrapping_add(quant * i32::from(activation as i8));
                }
            }
        }
    }
}

impl Lanes for Scalar {
    const WIDTH: usize = WIDTH;
    const TILE: usize = 1;
    const WIDE_IS_CENTRED: bool = false;
    type F = [f32; WIDTH];
    type I = [i32; WIDTH];

    unsafe fn splat(value: f32) -> Self::F {
        [value; WIDTH]
    }

    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: the caller's promise.
        unsafe { read(from) }
    }

    unsafe fn load_f16(from: *const u16) -> Self::F {
        // SAFETY: the caller's promise.
        unsafe { read(from) }.map(f16_to_f32)
    }

    unsafe fn load_bf16(from: *const u16) -> Self::F {
        // SAFETY: the caller's promise.
        unsafe { read(from) }.map(bf16_to_f32)
    }

    unsafe fn load_i8(from: *const i8) -> Self::F {
        // SAFETY: the caller's promise.
        unsafe { read(from) }.map(f32::from)
    }

    unsafe fn store(to: *mut f32, value: Self::F) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<Self::F>().write_unaligned(value) }
    }

    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        each(a, b, |a, b| a * b)
    }

    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    unsafe fn from_int(value: Self::I) -> Self::F {
        value.map(|value| value as f32)
    }

    unsafe fn splat_int(value: i32) -> Self::I {
        [value; WIDTH]
    }

    unsafe fn shift_left(value: Self::I, bits: u32) -> Self::I {
        value.map(|value| value.wrapping_shl(bits))
    }

    fn prefetch(_: *const u8) {}

    unsafe fn dot_nibbles<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        const HALF: usize = 4 * WIDTH * 4;
        // SAFETY: the caller points to 256 bytes and to eight runs of words.
        unsafe {
            dot::<4, N>(|at| *quants.add(at) & 15, x, stride, sums);
            dot::<4, N>(|at| *quants.add(at % HALF) >> 4, x.add(4 * stride), stride, sums);
        }
    }

    unsafe fn dot_small<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        // SAFETY: the caller points to 256 bytes and to four runs of words.
        unsafe { dot::<4, N>(|at| *quants.add(at), x, stride, sums) }
    }

    unsafe fn dot_wide<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        // SAFETY: the caller's promise.
        unsafe { Self::dot_small(quants, x, stride, sums) }
    }
}
