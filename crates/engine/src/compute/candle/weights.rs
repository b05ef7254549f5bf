//! Weights as candle multiplies with them.

use std::{borrow::Cow, sync::Arc};

use candle_core::{
    quantized::{GgmlDType, QMatMul, QStorage, QTensor},
    DType, Device, Tensor,
};

use crate::{
    error::LoadError,
    weights::{Stored, StoredType},
};

/// A matrix on a device. Quantised ones stay as they are; the others become `f32`, since activations may lie beyond
/// what `f16` reaches.
pub(crate) struct CandleMatrix {
    pub(super) weights: QMatMul,
    pub(super) rows: usize,
}

/// How a type is computed with.
enum Kind {
    Dense(DType),
    Blocks(GgmlDType),
}

impl CandleMatrix {
    pub(super) fn new(stored: Stored<'_>, device: &Device) -> candle_core::Result<Self> {
        let weights = match kind(stored.dtype) {
            Kind::Dense(_) => QMatMul::Tensor(dense(stored, device)?),
            // Not by QMatMul's own constructors: environment variables change what these do, and with it the results.
            Kind::Blocks(dtype) => QMatMul::QTensor(Arc::new(blocks(stored, dtype, device)?)),
        };
        Ok(Self { weights, rows: stored.rows })
    }
}

/// The numbers as `f32`: (rows, columns).
pub(super) fn dense(stored: Stored<'_>, device: &Device) -> candle_core::Result<Tensor> {
    match kind(stored.dtype) {
        Kind::Dense(dtype) => {
            let shape = [stored.rows, stored.columns];
            Tensor::from_raw_buffer(stored.bytes, dtype, &shape, device)?.to_dtype(DType::F32)
        }
        Kind::Blocks(dtype) => blocks(stored, dtype, device)?.dequantize(device),
    }
}

pub(super) fn refused(stored: &Stored<'_>, error: &candle_core::Error) -> LoadError {
    LoadError::Device(format!("{} cannot be put on the device: {error}", stored.name))
}

fn blocks(stored: Stored<'_>, dtype: GgmlDType, device: &Device) -> candle_core::Result<QTensor> {
    let numbers = stored.rows.saturating_mul(stored.columns);
    if stored.bytes.len() != (numbers / stored.dtype.block_len()).saturating_mul(stored.dtype.block_bytes()) {
        candle_core::bail!("{} bytes for {numbers} numbers", stored.bytes.len());
    }
    let mut copy = Vec::new();
    let storage = QStorage::from_data(Cow::Borrowed(aligned(stored.bytes, &mut copy)), device, dtype)?;
    QTensor::new(storage, (stored.rows, stored.columns))
}

/// `bytes`, or a copy of them at an even address: candle reads the scales of blocks in place, and panics at odd ones.
fn aligned<'a>(bytes: &'a [u8], copy: &'a mut Vec<u8>) -> &'a [u8] {
    if bytes.as_ptr().addr().is_multiple_of(2) {
        return bytes;
    }
    copy.reserve_exact(bytes.len() + 1);
    let padding = copy.as_ptr().addr() % 2;
    copy.resize(padding, 0);
    copy.extend_from_slice(bytes);
    copy.get(padding..).unwrap_or_default()
}

fn kind(dtype: StoredType) -> Kind {
    match dtype {
        StoredType::F32 => Kind::Dense(DType::F32),
        StoredType::F16 => Kind::Dense(DType::F16),
        StoredType::Bf16 => Kind::Dense(DType::BF16),
        StoredType::Q4_0 => Kind::Blocks(GgmlDType::Q4_0),
        StoredType::Q4_1 => Kind::Blocks(GgmlDType::Q4_1),
        StoredType::Q5_0 => Kind::Blocks(GgmlDType::Q5_0),
        StoredType::Q5_1 => Kind::Blocks(GgmlDType::Q5_1),
        StoredType::Q8_0 => Kind::Blocks(GgmlDType::Q8_0),
        StoredType::Q4K => Kind::Blocks(GgmlDType::Q4K),
        StoredType::Q5K => Kind::Blocks(GgmlDType::Q5K),
        StoredType::Q6K => Kind::Blocks(GgmlDType::Q6K),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_at_an_odd_address_are_read_too() {
        let ramp = Tensor::arange(0f32, 64.0, &Device::Cpu).unwrap().reshape((2, 32)).unwrap();
        let quantised = QTensor::quantize(&ramp, GgmlDType::Q8_0).unwrap();
        let expected = quantised.dequantize(&Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        let data = quantised.data().unwrap();
        for padding in [0, 1] {
            // One of the two begins at an odd address.
            let mut bytes = vec![0; padding];
            bytes.extend_from_slice(&data);
            let bytes = &bytes[padding..];
            let stored = Stored { name: "w", dtype: StoredType::Q8_0, rows: 2, columns: 32, bytes };
            assert_eq!(dense(stored, &Device::Cpu).unwrap().to_vec2::<f32>().unwrap(), expected);
        }
    }

    #[test]
    fn too_few_bytes_are_refused() {
        let stored = Stored { name: "w", dtype: StoredType::Q8_0, rows: 2, columns: 32, bytes: &[0; 67] };
        assert!(CandleMatrix::new(stored, &Device::Cpu).is_err());
        let stored = Stored { name: "w", dtype: StoredType::F32, rows: 2, columns: 32, bytes: &[0; 67] };
        assert!(CandleMatrix::new(stored, &Device::Cpu).is_err());
    }
}
