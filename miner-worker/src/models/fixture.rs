//! Tiny models and a package of one, for tests.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use zip::{write::SimpleFileOptions, CompressionMethod, ZipWriter};

use super::{catalogue::CatalogueModel, digest::sha256_of};

pub(crate) const WEIGHTS: &[u8] = b"weights";
pub(crate) const CONFIG: &[u8] = b"{}";

/// A wheel with these entries.
pub(crate) fn archive(dir: &Path, entries: &[(&str, &[u8])]) -> PathBuf {
    let path = dir.join("tiny_model-1.0-py3-none-any.whl");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path
}

/// The catalogue's entry for the model in `archive`.
pub(crate) fn model(archive: &Path) -> CatalogueModel {
    let file = |name: &str, content: &[u8]| {
        format!(
            "[[files]]\nname = \"{name}\"\nsha256 = \"{}\"\nbytes = {}\nin_package = \"pkg/{name}\"\nin_hub = \"{name}\"\n",
            hex::encode(Sha256::digest(content)),
            content.len()
        )
    };
    let text = format!(
        "id = \"tiny\"\nabout = \"tiny\"\nkind = \"chat\"\narchitecture = \"llama\"\ncontext_tokens = 16\n{}{}\
         [package]\nname = \"tiny-model\"\nversion = \"1.0\"\nsha256 = \"{}\"\n\
         [hub]\nrepository = \"nobody/tiny\"\nrevision = \"main\"\n",
        file("weights.bin", WEIGHTS),
        file("config.json", CONFIG),
        sha256_of(archive, &ProgressBar::hidden()).unwrap(),
    );
    toml::from_str(&text).unwrap()
}

/// Names of what is in a folder, ordered.
pub(crate) fn entries(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A GGUF file that the engine takes if it knows the architecture: one layer, width 8, three tokens, weights of zero.
pub(crate) fn gguf(name: &str, architecture: &str) -> Vec<u8> {
    let mut keys = Keys::default();
    keys.text("general.architecture", architecture);
    keys.text("general.name", name);
    keys.text("tokenizer.ggml.model", "gpt2");
    keys.text("tokenizer.ggml.pre", "smollm");
    keys.array("tokenizer.ggml.tokens", 8, &["<|im_end|>", "a", "aa"].map(text));
    keys.array("tokenizer.ggml.token_type", 5, &[3u32, 1, 1].map(|kind| kind.to_le_bytes().to_vec()));
    keys.array("tokenizer.ggml.merges", 8, &[text("a a")]);
    keys.value("tokenizer.ggml.eos_token_id", 4, &0u32.to_le_bytes());
    for (key, number) in [
        ("embedding_length", 8u32),
        ("block_count", 1),
        ("feed_forward_length", 8),
        ("context_length", 512),
        ("attention.head_count", 2),
    ] {
        keys.value(&format!("{architecture}.{key}"), 4, &number.to_le_bytes());
    }
    keys.value(&format!("{architecture}.attention.layer_norm_rms_epsilon"), 6, &1e-5f32.to_le_bytes());

    let squares = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
    let mut tensors: Vec<(String, Vec<u64>)> =
        squares.iter().map(|part| (format!("blk.0.{part}.weight"), vec![8, 8])).collect();
    tensors.extend(
        ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"]
            .map(|name| (name.to_owned(), vec![8])),
    );
    tensors.push(("token_embd.weight".to_owned(), vec![8, 3]));

    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend([tensors.len() as u64, keys.count].map(u64::to_le_bytes).concat());
    bytes.extend(keys.bytes);
    let mut offset = 0u64;
    for (name, shape) in &tensors {
        bytes.extend(text(name));
        bytes.extend((shape.len() as u32).to_le_bytes());
        bytes.extend(shape.iter().flat_map(|length| length.to_le_bytes()));
        // Stored as f32.
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        offset += 4 * shape.iter().product::<u64>();
    }
    bytes.resize(bytes.len().next_multiple_of(32) + offset as usize, 0);
    bytes
}

/// Keys and values of a GGUF header.
#[derive(Default)]
struct Keys {
    count: u64,
    bytes: Vec<u8>,
}

impl Keys {
    fn value(&mut self, key: &str, kind: u32, value: &[u8]) {
        self.count += 1;
        self.bytes.extend(text(key));
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(value);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.value(key, 8, &text(value));
    }

    fn array(&mut self, key: &str, kind: u32, values: &[Vec<u8>]) {
        let head = [kind.to_le_bytes().to_vec(), (values.len() as u64).to_le_bytes().to_vec()].concat();
        self.value(key, 9, &[head, values.concat()].concat());
    }
}

/// A text as GGUF has it: its length, then its bytes.
fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}
