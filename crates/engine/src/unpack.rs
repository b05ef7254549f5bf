//! A GGUF file as if its tensors had been stored as `f32`.
//!
//! candle multiplies packed weights with activations that it first rounds to eight bits, and a small model pays for
//! that with wrong answers; with unpacked weights it computes in `f32` throughout, reads prompts faster and does not
//! spin while the processor is busy with other programs. The price is memory, so this is for models that are small.

use std::io::{self, Read, Seek, SeekFrom};

use candle_core::{
    quantized::{
        gguf_file::{Content, TensorInfo},
        GgmlDType,
    },
    Device,
};

const BYTES_PER_VALUE: u64 = 4;

/// Reads like a file of `f32` tensors and unpacks each when its bytes are asked for, so that memory never holds more
/// than one besides those that are loaded already.
pub(crate) struct UnpackingReader<R> {
    packed: R,
    packed_data_offset: u64,
    /// By the place where their unpacked bytes begin.
    tensors: Vec<PackedTensor>,
    length: u64,
    position: u64,
    /// Index of a tensor, and its unpacked bytes.
    unpacked: Option<(usize, Vec<u8>)>,
}

struct PackedTensor {
    start: u64,
    info: TensorInfo,
}

/// Memory that the weights of `content` take when they are unpacked.
pub(crate) fn unpacked_bytes(content: &Content) -> u64 {
    content.tensor_infos.values().map(bytes_of).sum()
}

fn bytes_of(info: &TensorInfo) -> u64 {
    (info.shape.elem_count() as u64).saturating_mul(BYTES_PER_VALUE)
}

impl<R: Read + Seek> UnpackingReader<R> {
    /// The header of the unpacked file, and its reader. `packed` is the file that `content` was read from.
    pub(crate) fn new(mut content: Content, packed: R) -> (Content, Self) {
        let packed_data_offset = content.tensor_data_offset;
        let mut tensors = Vec::with_capacity(content.tensor_infos.len());
        let mut length = 0u64;
        for info in content.tensor_infos.values_mut() {
            let start = length;
            length = length.saturating_add(bytes_of(info));
            let unpacked = TensorInfo { ggml_dtype: GgmlDType::F32, shape: info.shape.clone(), offset: start };
            tensors.push(PackedTensor { start, info: std::mem::replace(info, unpacked) });
        }
        content.tensor_data_offset = 0;
        (content, Self { packed, packed_data_offset, tensors, length, position: 0, unpacked: None })
    }

    /// The unpacked bytes from the current position to the end of their tensor.
    fn rest_of_tensor(&mut self) -> io::Result<&[u8]> {
        let after = self.tensors.partition_point(|tensor| tensor.start <= self.position);
        let Some((index, tensor)) = after.checked_sub(1).and_then(|index| Some((index, self.tensors.get(index)?)))
        else {
            return Ok(&[]);
        };
        if self.unpacked.as_ref().is_none_or(|(unpacked, _)| *unpacked != index) {
            self.unpacked = None;
            let bytes = unpack(&tensor.info, &mut self.packed, self.packed_data_offset).map_err(io::Error::other)?;
            self.unpacked = Some((index, bytes));
        }
        let within = usize::try_from(self.position - tensor.start).unwrap_or(usize::MAX);
        Ok(self.unpacked.as_ref().and_then(|(_, bytes)| bytes.get(within..)).unwrap_or_default())
    }
}

fn unpack(info: &TensorInfo, packed: &mut (impl Read + Seek), data_offset: u64) -> candle_core::Result<Vec<u8>> {
    let tensor = info.read(packed, data_offset, &Device::Cpu)?.dequantize(&Device::Cpu)?;
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.into_iter().flat_map(f32::to_le_bytes).collect())
}

impl<R: Read + Seek> Read for UnpackingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.rest_of_tensor()?;
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for UnpackingReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use candle_core::{
        quantized::{gguf_file, QTensor},
        Tensor,
    };

    use super::*;

    fn packed_file() -> Cursor<Vec<u8>> {
        let ramp = Tensor::arange(0f32, 128.0, &Device::Cpu).unwrap().reshape((2, 64)).unwrap();
        let q4 = QTensor::quantize(&ramp, GgmlDType::Q4_1).unwrap();
        let q8 = QTensor::quantize(&(ramp * -3.0).unwrap(), GgmlDType::Q8_0).unwrap();
        let norm = QTensor::quantize(&Tensor::new(&[1f32, 2.0, 3.0], &Device::Cpu).unwrap(), GgmlDType::F32).unwrap();
        let mut file = Cursor::new(Vec::new());
        gguf_file::write(&mut file, &[], &[("q4", &q4), ("q8", &q8), ("norm", &norm)]).unwrap();
        file.set_position(0);
        file
    }

    fn values(content: &Content, reader: &mut (impl Read + Seek), name: &str) -> Vec<f32> {
        let tensor = content.tensor(reader, name, &Device::Cpu).unwrap();
        tensor.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn unpacked_tensors_hold_the_same_values() {
        let mut file = packed_file();
        let packed = Content::read(&mut file).unwrap();
        let expected: Vec<_> = ["q8", "norm", "q4"].map(|name| (name, values(&packed, &mut file, name))).into();
        assert_eq!(unpacked_bytes(&packed), (128 + 128 + 3) * 4);
        let (unpacked, mut reader) = UnpackingReader::new(packed, file);
        for (name, expected) in expected {
            assert_eq!(unpacked.tensor_infos[name].ggml_dtype, GgmlDType::F32);
            assert_eq!(values(&unpacked, &mut reader, name), expected);
        }
    }

    #[test]
    fn reading_ends_at_the_end() {
        let mut file = packed_file();
        let (_, mut reader) = UnpackingReader::new(Content::read(&mut file).unwrap(), file);
        assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), (128 + 128 + 3) * 4);
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
        assert!(reader.seek(SeekFrom::Current(-10_000)).is_err());
    }
}
