//! Every operation beside a naive one in `f64`, and bit for bit beside itself: on other instruction sets, on other
//! numbers of threads, alone and among other rows, in one piece and in several.

mod attention;
mod matmul;
mod rowwise;

use std::num::NonZeroUsize;

use super::{lanes::Isa, CpuCompute, Rows};
use crate::weights::{f32_to_f16, Stored, StoredType};

const TYPES: [StoredType; 11] = [
    StoredType::F32,
    StoredType::F16,
    StoredType::Bf16,
    StoredType::Q4_0,
    StoredType::Q4_1,
    StoredType::Q5_0,
    StoredType::Q5_1,
    StoredType::Q8_0,
    StoredType::Q4K,
    StoredType::Q5K,
    StoredType::Q6K,
];

fn compute(isa: Isa, threads: usize) -> CpuCompute {
    CpuCompute::with(isa, NonZeroUsize::new(threads).unwrap(), false).unwrap()
}

#[test]
fn avx512_is_not_used_where_it_may_not_be() {
    let narrow = Isa::best_without_avx512();
    assert!(Isa::available().contains(&narrow));
    assert!(!format!("{narrow:?}").contains("512"));
    assert_eq!(CpuCompute::new(NonZeroUsize::MIN, false, false).unwrap().isa, narrow);
    assert_eq!(CpuCompute::new(NonZeroUsize::MIN, false, true).unwrap().isa, Isa::best());
}

/// The reference: plain code on one thread.
fn reference() -> CpuCompute {
    compute(Isa::Scalar, 1)
}

/// All instruction sets of this machine on some numbers of threads.
fn variants() -> impl Iterator<Item = CpuCompute> {
    Isa::available().into_iter().flat_map(|isa| [1, 2, 3, 4].map(|threads| compute(isa, threads)))
}

/// Numbers that look random; the same for the same seed.
struct Source(u64);

impl Source {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between -1 and 1.
    fn number(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number()).collect()
    }

    /// Bytes of a matrix of any type; scales are sensible numbers, quants any.
    fn weights(&mut self, dtype: StoredType, rows: usize, columns: usize) -> Vec<u8> {
        let halves: &[usize] = match dtype {
            StoredType::F32 | StoredType::F16 | StoredType::Bf16 => &[],
            StoredType::Q4_0 | StoredType::Q5_0 | StoredType::Q8_0 => &[0],
            StoredType::Q4_1 | StoredType::Q5_1 | StoredType::Q4K | StoredType::Q5K => &[0, 2],
            StoredType::Q6K => &[208],
        };
        let mut bytes = Vec::new();
        for _ in 0..rows * columns / dtype.block_len() {
            match dtype {
                StoredType::F32 => bytes.extend(self.number().to_le_bytes()),
                StoredType::F16 => bytes.extend(f32_to_f16(self.number()).to_le_bytes()),
                StoredType::Bf16 => bytes.extend(&self.number().to_le_bytes()[2..]),
                _ => {
                    let mut block: Vec<u8> = (0..dtype.block_bytes()).map(|_| self.next() as u8).collect();
                    for at in halves {
                        block[*at..at + 2].copy_from_slice(&f32_to_f16(self.number() * 0.1).to_le_bytes());
                    }
                    bytes.extend(block);
                }
            }
        }
        bytes
    }
}

fn rows(compute: &CpuCompute, width: usize, numbers: &[f32]) -> Rows {
    let mut rows = compute.rows(numbers.len() / width, width);
    rows.numbers.copy_from_slice(numbers);
    rows
}

fn stored(dtype: StoredType, rows: usize, columns: usize, bytes: &[u8]) -> Stored<'_> {
    Stored { name: "weights", dtype, rows, columns, bytes }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
