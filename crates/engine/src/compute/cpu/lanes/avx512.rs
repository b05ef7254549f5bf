//! Registers of 512 bits.

#![expect(clippy::needless_range_loop, reason = "these are unrolled, into registers")]
#![expect(unsafe_code, reason = "the processor's own operations")]

use std::arch::x86_64::{
    __m128i, __m256i, __m512, __m512i, _mm256_loadu_si256, _mm512_and_si512, _mm512_castsi512_ps, _mm512_cvtepi32_ps,
    _mm512_cvtepi8_epi32, _mm512_cvtepu16_epi32, _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_epi8, _mm512_set1_ps,
    _mm512_slli_epi32, _mm512_srli_epi16, _mm512_storeu_ps, _mm_loadu_si128, _mm_prefetch, _MM_HINT_T1,
};

use super::{Lanes, GROUP};

/// AVX-512 F, BW, VL and VNNI.
pub(in super::super) struct Avx512;

/// Bytes from one run of a group's rows to the next.
const RUN: usize = GROUP * 4;

// SAFETY of all blocks below: the caller promises the instruction set and where pointers point.
impl Lanes for Avx512 {
    const WIDTH: usize = 16;
    const TILE: usize = 12;
    const WIDE_IS_CENTRED: bool = false;
    type F = __m512;
    type I = __m512i;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> Self::F {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast::<__m256i>())) }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self::F {
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast::<__m256i>()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        }
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self::F {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast::<__m128i>()))) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        unsafe { _mm512_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn from_int(value: Self::I) -> Self::F {
        unsafe { _mm512_cvtepi32_ps(value) }
    }

    #[inline(always)]
    unsafe fn splat_int(value: i32) -> Self::I {
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    unsafe fn shift_left(value: Self::I, bits: u32) -> Self::I {
        unsafe {
            match bits {
                3 => _mm512_slli_epi32::<3>(value),
                4 => _mm512_slli_epi32::<4>(value),
                5 => _mm512_slli_epi32::<5>(value),
                _ => _mm512_slli_epi32::<7>(value),
            }
        }
    }

    #[inline(always)]
    fn prefetch(from: *const u8) {
        // The second level of caches: the first waits for few lines at a time.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn dot_nibbles<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        unsafe {
            let mask = _mm512_set1_epi8(15);
            let (mut low_x, mut high_x) = (x, x.add(4 * stride));
            for run in 0..4 {
                let both = _mm512_loadu_si512(quants.add(run * RUN).cast());
                let low = _mm512_and_si512(both, mask);
                let high = _mm512_and_si512(_mm512_srli_epi16::<4>(both), mask);
                for token in 0..N {
                    sums[token] = _mm512_dpbusd_epi32(sums[token], low, _mm512_set1_epi32(*low_x.add(token)));
                }
                for token in 0..N {
                    sums[token] = _mm512_dpbusd_epi32(sums[token], high, _mm512_set1_epi32(*high_x.add(token)));
                }
                low_x = low_x.add(stride);
                high_x = high_x.add(stride);
            }
        }
    }

    #[inline(always)]
    unsafe fn dot_small<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        unsafe {
            let mut x = x;
            for run in 0..4 {
                let quants = _mm512_loadu_si512(quants.add(run * RUN).cast());
                for token in 0..N {
                    sums[token] = _mm512_dpbusd_epi32(sums[token], quants, _mm512_set1_epi32(*x.add(token)));
                }
                x = x.add(stride);
            }
        }
    }

    #[inline(always)]
    unsafe fn dot_wide<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]) {
        unsafe { Self::dot_small(quants, x, stride, sums) }
    }
}
