//! GGUF files made in memory, sound ones and others.

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Any {
    U32(u32),
    I32(i32),
    U64(u64),
    F32(f32),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<i32>),
    /// An array in an array, so many times; the innermost is empty.
    Nested(u32),
    /// Whatever: the number of a type and bytes.
    Raw(u32, Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct AnyTensor {
    pub(crate) name: String,
    pub(crate) dimensions: Vec<u64>,
    pub(crate) dtype: u32,
    /// From the beginning of the data.
    pub(crate) offset: u64,
}

/// All that a file is made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) version: u32,
    /// Said instead of the true number.
    pub(crate) key_count: Option<u64>,
    /// Said instead of the true number.
    pub(crate) tensor_count: Option<u64>,
    pub(crate) keys: Vec<(String, Any)>,
    pub(crate) tensors: Vec<AnyTensor>,
    pub(crate) alignment: usize,
    pub(crate) data: Vec<u8>,
}

impl Any {
    fn write(&self, out: &mut Vec<u8>) {
        let mut tagged = |kind: u32, bytes: &[u8]| {
            out.extend(kind.to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::U32(number) => tagged(4, &number.to_le_bytes()),
            Self::I32(number) => tagged(5, &number.to_le_bytes()),
            Self::U64(number) => tagged(10, &number.to_le_bytes()),
            Self::F32(number) => tagged(6, &number.to_le_bytes()),
            Self::Flag(flag) => tagged(7, &[u8::from(*flag)]),
            Self::Text(text) => {
                tagged(8, &[]);
                write_text(text, out);
            }
            Self::Texts(texts) => {
                tagged(9, &8u32.to_le_bytes());
                out.extend((texts.len() as u64).to_le_bytes());
                texts.iter().for_each(|text| write_text(text, out));
            }
            Self::Numbers(numbers) => {
                tagged(9, &5u32.to_le_bytes());
                out.extend((numbers.len() as u64).to_le_bytes());
                out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            }
            Self::Nested(depth) => {
                tagged(9, &[]);
                for _ in 0..*depth {
                    out.extend(9u32.to_le_bytes());
                    out.extend(1u64.to_le_bytes());
                }
                out.extend(4u32.to_le_bytes());
                out.extend(0u64.to_le_bytes());
            }
            Self::Raw(kind, bytes) => tagged(*kind, bytes),
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

impl Parts {
    pub(crate) fn new(keys: &[(&str, Any)]) -> Self {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let (key_count, tensor_count, tensors, data) = (None, None, Vec::new(), Vec::new());
        Self { version: 3, key_count, tensor_count, keys, tensors, alignment: 32, data }
    }

    /// Adds a tensor behind the others; `data` are its numbers.
    pub(crate) fn tensor(mut self, name: &str, dtype: u32, dimensions: &[u64], data: &[u8]) -> Self {
        let offset = self.data.len().next_multiple_of(self.alignment);
        self.data.resize(offset, 0);
        self.data.extend_from_slice(data);
        let (name, dimensions) = (name.to_owned(), dimensions.to_vec());
        self.tensors.push(AnyTensor { name, dimensions, dtype, offset: offset as u64 });
        self
    }

    /// Puts a value in the place of another, or adds it.
    pub(crate) fn with(mut self, key: &str, value: Any) -> Self {
        self.keys.retain(|(other, _)| other != key);
        self.keys.push((key.to_owned(), value));
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(other, _)| other != key);
        self
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend(self.key_count.unwrap_or(self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            write_text(key, &mut out);
            value.write(&mut out);
        }
        for tensor in &self.tensors {
            write_text(&tensor.name, &mut out);
            out.extend((tensor.dimensions.len() as u32).to_le_bytes());
            out.extend(tensor.dimensions.iter().flat_map(|dimension| dimension.to_le_bytes()));
            out.extend(tensor.dtype.to_le_bytes());
            out.extend(tensor.offset.to_le_bytes());
        }
        if !self.tensors.is_empty() {
            out.resize(out.len().next_multiple_of(self.alignment.max(1)), 0);
            out.extend_from_slice(&self.data);
        }
        out
    }
}

/// Keys of a tokenizer: the letters a to e, digits, the space, the four bytes of a duck, some merges, two control tokens
/// and one that the user defined.
pub(crate) fn tokenizer(pre: &str) -> Parts {
    let texts = |texts: &[&str]| Any::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
    let tokens = [
        "<|endoftext|>",
        "<|im_end|>",
        "a",
        "b",
        "c",
        "Ġ",
        "1",
        "2",
        "12",
        "ab",
        "Ġab",
        "ð",
        "Ł",
        "¦",
        "Ĩ",
        "<tool>",
        ":",
    ];
    let mut kinds = [1; 17];
    (kinds[0], kinds[1], kinds[15]) = (3, 3, 4);
    Parts::new(&[
        ("tokenizer.ggml.model", Any::Text("gpt2".into())),
        ("tokenizer.ggml.pre", Any::Text(pre.into())),
        ("tokenizer.ggml.tokens", texts(&tokens)),
        ("tokenizer.ggml.token_type", Any::Numbers(kinds.to_vec())),
        ("tokenizer.ggml.merges", texts(&["a b", "Ġ ab", "1 2"])),
        ("tokenizer.ggml.bos_token_id", Any::U32(0)),
        ("tokenizer.ggml.eos_token_id", Any::U32(1)),
    ])
}
