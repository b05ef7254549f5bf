//! GGUF files taken apart, so that they can be put together again with other weights.
//!
//! They come from this project's own engine or from here; a broken one is an error, and that is all.

use anyhow::{bail, ensure, Context};

use super::numbers::{half, of_half};

/// Numbers in a block of the quantised types.
const BLOCK: usize = 32;
const ALIGNMENT: usize = 32;

/// A file: keys with their values as they are stored, and tensors.
#[derive(Clone, Debug)]
pub(super) struct Gguf {
    pub(super) keys: Vec<(String, Value)>,
    pub(super) tensors: Vec<Tensor>,
}

/// A value: the number of its type, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: u32,
    pub(super) bytes: Vec<u8>,
}

/// A matrix of weights, or a vector.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    /// The first is a row's length.
    pub(super) dimensions: Vec<u64>,
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
}

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    /// Thirty-two whole numbers of four bits, and a factor.
    Q4_0,
    /// As many of eight bits, and a factor.
    Q8_0,
}

impl Kind {
    fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::Q4_0 => 2,
            Self::Q8_0 => 8,
        }
    }

    fn of_number(number: u32) -> anyhow::Result<Self> {
        Ok(match number {
            0 => Self::F32,
            8 => Self::Q8_0,
            other => bail!("tensors of type {other} are not read here: requantise the file first"),
        })
    }

    fn bytes(self, numbers: usize) -> usize {
        match self {
            Self::F32 => 4 * numbers,
            Self::Q4_0 => numbers / BLOCK * 18,
            Self::Q8_0 => numbers / BLOCK * 34,
        }
    }
}

impl Value {
    pub(super) fn number(number: u32) -> Self {
        Self { kind: 4, bytes: number.to_le_bytes().to_vec() }
    }

    pub(super) fn float(number: f32) -> Self {
        Self { kind: 6, bytes: number.to_le_bytes().to_vec() }
    }

    pub(super) fn text(text: &str) -> Self {
        let mut bytes = Vec::new();
        put_text(&mut bytes, text);
        Self { kind: 8, bytes }
    }

    pub(super) fn texts(texts: &[String]) -> Self {
        let mut bytes = 8u32.to_le_bytes().to_vec();
        bytes.extend((texts.len() as u64).to_le_bytes());
        texts.iter().for_each(|text| put_text(&mut bytes, text));
        Self { kind: 9, bytes }
    }

    pub(super) fn numbers(numbers: &[i32]) -> Self {
        let mut bytes = 5u32.to_le_bytes().to_vec();
        bytes.extend((numbers.len() as u64).to_le_bytes());
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        Self { kind: 9, bytes }
    }

    fn as_number(&self) -> Option<u32> {
        (self.kind == 4)
            .then_some(self.bytes.as_slice())
            .and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)))
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

impl Tensor {
    /// Its numbers as `kind`; vectors, whose numbers are few and matter much, stay `f32`.
    pub(super) fn new(name: String, dimensions: Vec<u64>, kind: Kind, numbers: &[f32]) -> Self {
        let kind = if dimensions.len() > 1 { kind } else { Kind::F32 };
        let bytes = match kind {
            Kind::F32 => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Kind::Q4_0 => numbers.chunks(BLOCK).flat_map(four_bits).collect(),
            Kind::Q8_0 => numbers.chunks(BLOCK).flat_map(eight_bits).collect(),
        };
        Self { name, dimensions, kind, bytes }
    }

    pub(super) fn numbers(&self) -> anyhow::Result<Vec<f32>> {
        match self.kind {
            Kind::F32 => Ok(self.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
            Kind::Q8_0 => Ok(self.bytes.as_chunks::<34>().0.iter().flat_map(of_eight_bits).collect()),
            Kind::Q4_0 => bail!("four bits are only written here"),
        }
    }

    pub(super) fn is_matrix(&self) -> bool {
        self.dimensions.len() > 1
    }

    pub(super) fn row_len(&self) -> usize {
        self.dimensions.first().map_or(1, |length| *length as usize).max(1)
    }
}

fn greatest(block: &[f32]) -> f32 {
    block.iter().copied().fold(0.0, |most: f32, number| if number.abs() > most.abs() { number } else { most })
}

fn eight_bits(block: &[f32]) -> Vec<u8> {
    let factor = greatest(block).abs() / 127.0;
    let mut bytes = half(factor).to_le_bytes().to_vec();
    let inverse = if factor > 0.0 { 1.0 / factor } else { 0.0 };
    bytes.extend(block.iter().map(|number| (number * inverse).round() as i8 as u8));
    bytes
}

/// The greatest number by its size becomes -8, the others what is nearest; the first half of the block lies in the low
/// halves of the bytes.
fn four_bits(block: &[f32]) -> Vec<u8> {
    let factor = greatest(block) / -8.0;
    let mut bytes = half(factor).to_le_bytes().to_vec();
    let inverse = if factor == 0.0 { 0.0 } else { 1.0 / factor };
    let level = |number: f32| (number * inverse + 8.5).clamp(0.0, 15.0) as u8;
    let (low, high) = block.split_at(block.len() / 2);
    bytes.extend(low.iter().zip(high).map(|(low, high)| level(*low) | level(*high) << 4));
    bytes
}

fn of_eight_bits(block: &[u8; 34]) -> impl Iterator<Item = f32> + use<'_> {
    let factor = of_half(u16::from_le_bytes([block[0], block[1]]));
    block[2..].iter().map(move |byte| f32::from(*byte as i8) * factor)
}

impl Gguf {
    pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut reader = Reader { bytes, at: 0 };
        ensure!(reader.take(4)? == b"GGUF" && reader.u32()? == 3, "not a GGUF file of version 3");
        let (tensor_count, key_count) = (reader.u64()?, reader.u64()?);
        let mut keys = Vec::new();
        for _ in 0..key_count {
            let name = reader.text()?;
            let kind = reader.u32()?;
            let from = reader.at;
            reader.skip_value(kind)?;
            keys.push((name, Value { kind, bytes: bytes[from..reader.at].to_vec() }));
        }
        let mut infos = Vec::new();
        for _ in 0..tensor_count {
            let name = reader.text()?;
            let dimensions = (0..reader.u32()?).map(|_| reader.u64()).collect::<Result<Vec<u64>, _>>()?;
            let kind = Kind::of_number(reader.u32()?).with_context(|| name.clone())?;
            infos.push((name, dimensions, kind, reader.u64()? as usize));
        }
        let data = reader.at.next_multiple_of(ALIGNMENT);
        let tensor = |(name, dimensions, kind, offset): (String, Vec<u64>, Kind, usize)| {
            let from = data + offset;
            let numbers = dimensions.iter().product::<u64>() as usize;
            let bytes = bytes.get(from..from + kind.bytes(numbers)).context("a tensor is cut off")?.to_vec();
            anyhow::Ok(Tensor { name, dimensions, kind, bytes })
        };
        Ok(Self { keys, tensors: infos.into_iter().map(tensor).collect::<Result<_, _>>()? })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            put_text(&mut out, key);
            out.extend(value.kind.to_le_bytes());
            out.extend_from_slice(&value.bytes);
        }
        let mut offset = 0usize;
        for tensor in &self.tensors {
            put_text(&mut out, &tensor.name);
            out.extend((tensor.dimensions.len() as u32).to_le_bytes());
            out.extend(tensor.dimensions.iter().flat_map(|dimension| dimension.to_le_bytes()));
            out.extend(tensor.kind.number().to_le_bytes());
            out.extend((offset as u64).to_le_bytes());
            offset = (offset + tensor.bytes.len()).next_multiple_of(ALIGNMENT);
        }
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
            out.extend_from_slice(&tensor.bytes);
        }
        out
    }

    /// A key that holds a whole number.
    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.keys.iter().find(|(name, _)| name == key)?.1.as_number()
    }

    /// Puts another value in the place of the key's.
    pub(super) fn set(&mut self, key: &str, value: Value) {
        self.keys.retain(|(name, _)| name != key);
        self.keys.push((key.to_owned(), value));
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let end = self.at.checked_add(count).context("a count is absurd")?;
        let taken = self.bytes.get(self.at..end).context("the file is cut off")?;
        self.at = end;
        Ok(taken)
    }

    fn u32(&mut self) -> anyhow::Result<u32> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into()?))
    }

    fn u64(&mut self) -> anyhow::Result<u64> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into()?))
    }

    fn text(&mut self) -> anyhow::Result<String> {
        let length = self.u64()? as usize;
        Ok(std::str::from_utf8(self.take(length)?)?.to_owned())
    }

    fn skip_value(&mut self, kind: u32) -> anyhow::Result<()> {
        match kind {
            0 | 1 | 7 => self.take(1).map(drop),
            2 | 3 => self.take(2).map(drop),
            4..=6 => self.take(4).map(drop),
            10..=12 => self.take(8).map(drop),
            8 => self.text().map(drop),
            9 => {
                let (kind, count) = (self.u32()?, self.u64()?);
                (0..count).try_for_each(|_| self.skip_value(kind))
            }
            other => bail!("values of type {other} are unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: Kind) -> Gguf {
        let numbers: Vec<f32> = (0..128).map(|at| (at as f32 - 60.0) / 9.0).collect();
        Gguf {
            keys: vec![("a".into(), Value::number(7)), ("b".into(), Value::texts(&["x".into(), "yz".into()]))],
            tensors: vec![
                Tensor::new("vector".into(), vec![4], kind, &[1.0, 2.0, 3.0, 4.0]),
                Tensor::new("matrix".into(), vec![64, 2], kind, &numbers),
            ],
        }
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        for kind in [Kind::F32, Kind::Q8_0] {
            let file = file(kind);
            let read = Gguf::parse(&file.to_bytes()).unwrap();
            assert_eq!((&read.keys, read.number("a")), (&file.keys, Some(7)));
            for (read, written) in read.tensors.iter().zip(&file.tensors) {
                assert_eq!(
                    (&read.name, &read.dimensions, &read.bytes),
                    (&written.name, &written.dimensions, &written.bytes)
                );
            }
            let (numbers, off) = (read.tensors[1].numbers().unwrap(), 7.5 / 127.0);
            assert!(numbers.iter().zip(0..).all(|(number, at)| (number - (at as f32 - 60.0) / 9.0).abs() <= off));
            assert_eq!(read.tensors[0].numbers().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        }
    }

    #[test]
    fn four_bits_are_sixteen_levels() {
        let block: Vec<f32> = (0..32).map(|at| at as f32 - 16.0).collect();
        let bytes = four_bits(&block);
        assert_eq!(of_half(u16::from_le_bytes([bytes[0], bytes[1]])), 2.0);
        let level = |at: usize| if at < 16 { bytes[2 + at] & 15 } else { bytes[2 + at - 16] >> 4 };
        for (at, number) in block.iter().enumerate() {
            assert!(((f32::from(level(at)) - 8.0) * 2.0 - number).abs() <= 2.0, "{at}");
        }
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let bytes = file(Kind::Q8_0).to_bytes();
        for length in [0, 3, 20, 60, bytes.len() - 1] {
            assert!(Gguf::parse(&bytes[..length]).is_err(), "{length}");
        }
    }
}
