//! `f32` to Q8_0.

use super::f32_to_f16;

const BLOCK: usize = 32;

/// Q8_0 blocks of `values`, whose number 32 divides; what is left over is ignored. Rounds as GGML does: by the scale
/// before it becomes a half, halves away from zero.
pub(crate) fn quantise_q8_0(values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() / BLOCK * (BLOCK + 2));
    for block in values.chunks_exact(BLOCK) {
        let largest = block.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let scale = largest / 127.0;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        bytes.extend(f32_to_f16(scale).to_le_bytes());
        bytes.extend(block.iter().map(|value| (value * inverse).round() as i8 as u8));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{dequantise, Stored, StoredType};

    #[test]
    fn blocks_are_those_of_another_implementation() {
        use candle_core::quantized::{GgmlDType, QTensor};
        use candle_core::{Device, Tensor};
        let values: Vec<f32> = (0..64 * 32).map(|index| ((index * 7919 % 1009) as f32 - 500.0) * 1e-3).collect();
        let tensor = Tensor::from_vec(values.clone(), (64, 32), &Device::Cpu).unwrap();
        let theirs = QTensor::quantize(&tensor, GgmlDType::Q8_0).unwrap();
        assert_eq!(quantise_q8_0(&values), &theirs.data().unwrap()[..]);
    }

    #[test]
    fn zeros_and_single_large_numbers_survive() {
        let mut values = [0f32; 64];
        values[40] = -254.0;
        let bytes = quantise_q8_0(&values);
        let stored = Stored { name: "t", dtype: StoredType::Q8_0, rows: 1, columns: 64, bytes: &bytes };
        assert_eq!(dequantise(stored), values);
    }
}
