//! A file's header: checked as a whole, before anything is read by it.

use std::{
    collections::{btree_map::Entry, BTreeMap},
    ops::Range,
};

use super::{
    cursor::Cursor,
    tensor::{TensorInfo, Unplaced},
    value::{Placed, Value},
};

pub(super) const MAGIC: [u8; 4] = *b"GGUF";
const VERSIONS: [u32; 2] = [2, 3];
const MAX_KEYS: u64 = 1 << 16;
const MAX_TENSORS: u64 = 1 << 16;
const MAX_KEY_BYTES: u64 = 256;
/// Bytes of the shortest key with its value, and of the shortest description of a tensor.
const LEAST_KEY_BYTES: u64 = 8 + 1 + 4 + 1;
const LEAST_TENSOR_BYTES: u64 = 8 + 1 + 4 + 8 + 4 + 8;
const ALIGNMENT_KEY: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: u64 = 1 << 16;

/// What is where in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u32,
    values: BTreeMap<String, Placed>,
    /// All keys and values, as the file has them.
    pub(super) values_at: Range<usize>,
    /// In the file's order.
    pub(super) tensors: Vec<TensorInfo>,
    /// By name.
    tensor_numbers: BTreeMap<String, usize>,
    /// Offsets of tensors are multiples of this; a power of two.
    pub(super) alignment: u64,
}

impl Header {
    /// Reads the header of a file with these bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut cursor = Cursor::new(bytes);
        let magic: [u8; 4] = cursor.array("the magic number")?;
        if magic != MAGIC {
            return Err(format!("no GGUF file: it begins with {magic:02x?}, not with \"GGUF\""));
        }
        let version = cursor.u32("the version")?;
        if !VERSIONS.contains(&version) {
            let other_end = VERSIONS.contains(&version.swap_bytes());
            let why = if other_end { ": the file is big-endian" } else { "" };
            return Err(format!("GGUF version {version} is not supported, only 2 and 3 are{why}"));
        }
        let tensor_count = cursor.count("the number of tensors", MAX_TENSORS, LEAST_TENSOR_BYTES)?;
        let key_count = cursor.count("the number of keys", MAX_KEYS, LEAST_KEY_BYTES)?;

        let start = cursor.position();
        let values = read_values(&mut cursor, key_count)?;
        let values_at = start..cursor.position();
        let alignment = alignment(&values, bytes)?;
        let unplaced = (0..tensor_count).map(|_| Unplaced::read(&mut cursor)).collect::<Result<Vec<_>, _>>()?;
        let data_start = (cursor.position() as u64).next_multiple_of(alignment);
        let tensors = unplaced
            .into_iter()
            .map(|tensor| tensor.place(data_start, bytes.len() as u64, alignment))
            .collect::<Result<Vec<_>, _>>()?;
        let tensor_numbers = number(&tensors)?;
        check_overlaps(&tensors)?;
        Ok(Self { version, values, values_at, tensors, tensor_numbers, alignment })
    }

    /// Where the value of `key` is.
    pub(super) fn value(&self, key: &str) -> Option<&Placed> {
        self.values.get(key)
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> u64 {
        self.values.len() as u64
    }

    /// The tensor of this name.
    pub(super) fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensor_numbers.get(name).and_then(|number| self.tensors.get(*number))
    }
}

fn read_values(cursor: &mut Cursor<'_>, count: u64) -> Result<BTreeMap<String, Placed>, String> {
    let mut values = BTreeMap::new();
    for _ in 0..count {
        let key = cursor.name("a key", MAX_KEY_BYTES)?;
        let placed = Placed::read(cursor, key)?;
        match values.entry(key.to_owned()) {
            Entry::Vacant(entry) => entry.insert(placed),
            Entry::Occupied(_) => return Err(format!("the key {key} is there twice")),
        };
    }
    Ok(values)
}

fn alignment(values: &BTreeMap<String, Placed>, bytes: &[u8]) -> Result<u64, String> {
    let Some(placed) = values.get(ALIGNMENT_KEY) else { return Ok(DEFAULT_ALIGNMENT) };
    match placed.value(bytes) {
        Some(Value::Whole(number)) => u64::try_from(number)
            .ok()
            .filter(|number| number.is_power_of_two() && *number <= MAX_ALIGNMENT)
            .ok_or_else(|| format!("{ALIGNMENT_KEY} is {number}, a power of two up to {MAX_ALIGNMENT} is expected")),
        _ => Err(format!("{ALIGNMENT_KEY} has an unexpected type, a whole number is expected")),
    }
}

fn number(tensors: &[TensorInfo]) -> Result<BTreeMap<String, usize>, String> {
    let mut numbers = BTreeMap::new();
    for (number, tensor) in tensors.iter().enumerate() {
        if numbers.insert(tensor.name.clone(), number).is_some() {
            return Err(format!("the tensor {} is there twice", tensor.name));
        }
    }
    Ok(numbers)
}

/// Two tensors that share bytes are no file that any program wrote.
fn check_overlaps(tensors: &[TensorInfo]) -> Result<(), String> {
    let mut ordered: Vec<&TensorInfo> = tensors.iter().collect();
    ordered.sort_by_key(|tensor| tensor.at.start);
    match ordered.windows(2).find(|pair| matches!(pair, [first, second] if first.at.end > second.at.start)) {
        Some([first, second]) => Err(format!("the tensors {} and {} overlap", first.name, second.name)),
        _ => Ok(()),
    }
}
