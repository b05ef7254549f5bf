//! Any type to `f32`.

use super::{bf16_to_f32, f16_to_f32, Decoded, Quantisation, Stored, StoredType};

/// The numbers of a tensor, row by row. Bytes that do not make a whole block are ignored.
pub(crate) fn dequantise(stored: Stored<'_>) -> Vec<f32> {
    let blocks = stored.bytes.chunks_exact(stored.dtype.block_bytes());
    let Some(quantisation) = Quantisation::of(stored.dtype) else {
        return blocks.map(|number| plain(stored.dtype, number)).collect();
    };
    let mut values = Vec::with_capacity(blocks.len() * quantisation.block_len);
    let mut decoded = Decoded::default();
    for block in blocks {
        decoded.read(stored.dtype, block);
        values.extend((0..quantisation.block_len).map(|index| decoded.value(&quantisation, index)));
    }
    values
}

impl Decoded {
    /// The number at `index` of the block.
    pub(crate) fn value(&self, quantisation: &Quantisation, index: usize) -> f32 {
        let quant = (i32::from(self.quants[index]) - quantisation.zero()) as f32;
        let product = self.scale_of(index / quantisation.scale_len) * quant;
        if quantisation.has_mins {
            product + self.min_of(index / 32)
        } else {
            product
        }
    }
}

/// A number of a type without blocks; `bytes` are as many as it takes.
pub(crate) fn plain(dtype: StoredType, bytes: &[u8]) -> f32 {
    match (dtype, bytes) {
        (StoredType::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        (StoredType::F16, &[a, b]) => f16_to_f32(u16::from_le_bytes([a, b])),
        (StoredType::Bf16, &[a, b]) => bf16_to_f32(u16::from_le_bytes([a, b])),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::{GgmlDType, QTensor};
    use candle_core::{Device, Tensor};

    use super::*;

    fn ours(dtype: StoredType) -> GgmlDType {
        match dtype {
            StoredType::F32 => GgmlDType::F32,
            StoredType::F16 => GgmlDType::F16,
            StoredType::Bf16 => GgmlDType::BF16,
            StoredType::Q4_0 => GgmlDType::Q4_0,
            StoredType::Q4_1 => GgmlDType::Q4_1,
            StoredType::Q5_0 => GgmlDType::Q5_0,
            StoredType::Q5_1 => GgmlDType::Q5_1,
            StoredType::Q8_0 => GgmlDType::Q8_0,
            StoredType::Q4K => GgmlDType::Q4K,
            StoredType::Q5K => GgmlDType::Q5K,
            StoredType::Q6K => GgmlDType::Q6K,
        }
    }

    #[test]
    fn every_type_means_what_another_implementation_reads() {
        let values: Vec<f32> = (0..3 * 512).map(|index| ((index * 37 % 101) as f32 - 43.0) * 0.07).collect();
        let tensor = Tensor::from_vec(values, (3, 512), &Device::Cpu).unwrap();
        for number in 0..=30 {
            let Some(dtype) = StoredType::from_gguf(number) else { continue };
            let theirs = QTensor::quantize(&tensor, ours(dtype)).unwrap();
            let bytes = theirs.data().unwrap();
            let read = dequantise(Stored { name: "t", dtype, rows: 3, columns: 512, bytes: &bytes });
            let expected = theirs.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(read, expected, "{}", dtype.name());
        }
    }
}
