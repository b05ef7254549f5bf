//! Registers of 256 bits.
#![expect(unsafe_code, reason = "the processor's own operations")]

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm256_abs_epi8, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256,
    _mm256_castsi256_ps, _mm256_cvtepi32_ps, _mm256_cvtepi8_epi32, _mm256_cvtepu16_epi32, _mm256_cvtph_ps,
    _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps,
    _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_epi8, _mm256_set1_ps, _mm256_setzero_si256, _mm256_sign_epi8,
    _mm256_slli_epi32, _mm256_srli_epi16, _mm256_storeu_ps, _mm256_xor_si256, _mm_loadl_epi64, _mm_loadu_si128,
    _mm_prefetch, _MM_HINT_T1,
};

use super::{Lanes, GROUP};

/// AVX2, FMA and F16C.
pub(in super::super) struct Avx2;

/// Bytes from one run of a group's rows to the next.
const RUN: usize = GROUP * 4;

// SAFETY of all blocks below: the caller promises the instruction set and where pointers point.
impl Lanes for Avx2 {
    const WIDTH: usize = 8;
    const TILE: usize = 4;
    const WIDE_IS_CENTRED: bool = true;
    type F = __m256;
    type I = __m256i;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> Self::F {
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast::<__m128i>())) }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self::F {
        unsafe {
            let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast::<__m128i>()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
        }
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self::F {
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast::<__m128i>()))) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        unsafe { _mm256_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn from_int(value: Self::I) -> Self::F {
        unsafe { _mm256_cvtepi32_ps(value) }
    }

    #[inline(always)]
    unsafe fn splat_int(value: i32) -> Self::I {
        unsafe { _mm256_set1_epi32(value) }
    }

    #[inline(always)]
    unsafe fn shift_left(value: Self::I, bits: u32) -> Self::I {
        unsafe {
            match bits {
                3 => _mm256_slli_epi32::<3>(value),
                4 => _mm256_slli_epi32::<4>(value),
                5 => _mm256_slli_epi32::<5>(value),
                _ => _mm256_slli_epi32::<7>(value),
            }
        }
    }

    #[inline(always)]
    fn prefetch(from: *const u8) {
        // The second level of caches: the first waits for few lines at a time.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
    }

    /// Pairs of products fit sixteen bits with room for all eight of a block: 8 * 2 * 15 * 127 < 2^15.
    #[inline(always)]
    unsafe fn dot_nibbles<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        unsafe {
            let mask = _mm256_set1_epi8(15);
            let mut pairs = [_mm256_setzero_si256(); N];
            let (mut low_x, mut high_x) = (x, x.add(4 * stride));
            for run in 0..4 {
                let both = _mm256_loadu_si256(quants.add(run * RUN).cast());
                let low = _mm256_and_si256(both, mask);
                let high = _mm256_and_si256(_mm256_srli_epi16::<4>(both), mask);
                for (token, pairs) in pairs.iter_mut().enumerate() {
                    let products = _mm256_maddubs_epi16(low, _mm256_set1_epi32(*low_x.add(token)));
                    *pairs = _mm256_add_epi16(*pairs, products);
                    let products = _mm256_maddubs_epi16(high, _mm256_set1_epi32(*high_x.add(token)));
                    *pairs = _mm256_add_epi16(*pairs, products);
                }
                low_x = low_x.add(stride);
                high_x = high_x.add(stride);
            }
            for (sum, pairs) in sums.iter_mut().zip(pairs) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
            }
        }
    }

    /// A pair of products fits sixteen bits: 2 * 127 * 127 < 2^15.
    #[inline(always)]
    unsafe fn dot_small<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut x = x;
            for run in 0..4 {
                let quants = _mm256_loadu_si256(quants.add(run * RUN).cast());
                for (token, sum) in sums.iter_mut().enumerate() {
                    let pairs = _mm256_maddubs_epi16(quants, _mm256_set1_epi32(*x.add(token)));
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                }
                x = x.add(stride);
            }
        }
    }

    /// The sign of a quant moves to the activation, so that a pair of products fits: 2 * 128 * 127 < 2^15.
    #[inline(always)]
    unsafe fn dot_wide<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut x = x;
            for run in 0..4 {
                let unsigned = _mm256_loadu_si256(quants.add(run * RUN).cast());
                let signed = _mm256_xor_si256(unsigned, _mm256_set1_epi8(i8::MIN));
                let magnitudes = _mm256_abs_epi8(signed);
                for (token, sum) in sums.iter_mut().enumerate() {
                    let activations = _mm256_sign_epi8(_mm256_set1_epi32(*x.add(token)), signed);
                    let pairs = _mm256_maddubs_epi16(magnitudes, activations);
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                }
                x = x.add(stride);
            }
        }
    }
}
