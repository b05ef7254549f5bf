//! Registers of several numbers, whatever the processor has.
//!
//! Kernels are written once over [`Lanes`] and compiled for each instruction set. No operation adds across lanes and all
//! operations round alike, so results do not depend on the instruction set.
#![expect(unsafe_code, reason = "the processor's own operations, and numbers behind pointers")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::Avx512;
pub(super) use scalar::Scalar;

/// Rows of weights that lie beside each other; a multiple of every register's lanes.
pub(super) const GROUP: usize = 16;

/// Instruction sets that kernels exist for. All give the same results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    /// Whatever the compiler makes of it; the reference.
    Scalar,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with dot products of bytes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// What this processor can do, best last.
    pub(super) fn available() -> Vec<Self> {
        let mut available = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
                available.push(Self::Avx2);
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
                {
                    available.push(Self::Avx512);
                }
            }
        }
        available
    }

    /// The best that this processor can do.
    pub(super) fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Scalar)
    }

    /// The best that this processor can do without AVX-512.
    pub(super) fn best_without_avx512() -> Self {
        let narrower = Self::available().into_iter().rfind(|isa| match isa {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => false,
            _ => true,
        });
        narrower.unwrap_or(Self::Scalar)
    }
}

/// Registers of one instruction set.
///
/// # Safety
/// Whoever calls any of the functions runs on a processor that has the instruction set, and calls from within a function
/// that is compiled for it. Pointers are read or written for `WIDTH` numbers, unless said otherwise, and need no
/// alignment.
pub(super) trait Lanes: 'static {
    /// Numbers in a register.
    const WIDTH: usize;
    /// Tokens that a kernel best computes at once.
    const TILE: usize;
    /// Whether [`Lanes::dot_wide`] takes quants less 128, so that nothing is left to correct.
    const WIDE_IS_CENTRED: bool;
    /// `f32`s.
    type F: Copy;
    /// `i32`s.
    type I: Copy;

    unsafe fn splat(value: f32) -> Self::F;
    unsafe fn load(from: *const f32) -> Self::F;
    unsafe fn load_f16(from: *const u16) -> Self::F;
    unsafe fn load_bf16(from: *const u16) -> Self::F;
    unsafe fn load_i8(from: *const i8) -> Self::F;
    unsafe fn store(to: *mut f32, value: Self::F);
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// Rounded to nearest, ties to even.
    unsafe fn from_int(value: Self::I) -> Self::F;
    unsafe fn splat_int(value: i32) -> Self::I;
    /// Shifts left by 3, 4, 5 or 7 bits.
    unsafe fn shift_left(value: Self::I, bits: u32) -> Self::I;

    /// Asks for the memory around `from`, whether there is any or not.
    fn prefetch(from: *const u8);

    /// Adds to each of `N` sums, for each lane, the product of its row's 32 quants and a token's 32 activations.
    ///
    /// `quants` are nibbles `[4][16 rows][4]`: the low ones are those of inputs 0..16, the high ones of 16..32. Word
    /// `i * stride + n` of `x` holds activations `4 * i` to `4 * i + 3` of token `n`.
    unsafe fn dot_nibbles<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]);

    /// The same for quants below 128 as bytes `[4][16 rows][4]`: of 16 inputs.
    unsafe fn dot_small<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]);

    /// The same for any quants; see [`Lanes::WIDE_IS_CENTRED`]. Activations are above -128.
    unsafe fn dot_wide<const N: usize>(quants: *const u8, x: *const i32, stride: usize, sums: &mut [Self::I; N]);
}
