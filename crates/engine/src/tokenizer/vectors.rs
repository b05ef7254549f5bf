//! Texts with the tokens that other implementations make of them.

use std::path::PathBuf;

use super::ChatTokenizer;
use crate::gguf::GgufFile;

const FOLDER_VARIABLE: &str = "CUCKOO_VOCABULARIES";
const DEFAULT_FOLDER: &str = ".cache/cuckoo/vocabularies";
/// Stands between the texts of a file.
const BETWEEN: &str = "\n__ggml_vocab_test__\n";

fn folder() -> PathBuf {
    match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) => folder.into(),
        None => PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(DEFAULT_FOLDER),
    }
}

#[track_caller]
fn check(name: &str) {
    let path = folder().join(format!("ggml-vocab-{name}.gguf"));
    assert!(path.is_file(), "these tests need {}: run scripts/setup --tools", path.display());
    let read = |ending: &str| std::fs::read_to_string(format!("{}.{ending}", path.display())).unwrap();
    let tokenizer = ChatTokenizer::from_gguf(&GgufFile::open(&path).unwrap()).unwrap();
    let (texts, lines) = (read("inp"), read("out"));
    // Behind the last text and its separator stands nothing.
    let texts: Vec<&str> = texts.strip_suffix(BETWEEN).unwrap_or(&texts).split(BETWEEN).collect();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(texts.len(), lines.len(), "texts and lines of tokens");
    assert!(texts.len() >= 40, "only {} texts", texts.len());
    for (text, line) in texts.iter().zip(lines) {
        let expected: Vec<u32> = line.split_whitespace().map(|token| token.parse().unwrap()).collect();
        let quoted = tokenizer.control_names().quote(text);
        assert_eq!(tokenizer.encode_part(&quoted).unwrap(), expected, "{name}: {text:?}");
        let mut detokenizer = tokenizer.detokenizer();
        let mut back: String = expected.iter().map(|token| detokenizer.push(*token)).collect();
        back.push_str(&detokenizer.finish());
        assert_eq!(back, *text, "{name}");
    }
}

#[test]
fn gpt_2() {
    check("gpt-2");
}

#[test]
fn llama_bpe() {
    check("llama-bpe");
}

#[test]
fn qwen2() {
    check("qwen2");
}

/// Splits as SmolLM2 does.
#[test]
fn starcoder() {
    check("starcoder");
}

/// Splits as SmolLM2 does.
#[test]
fn refact() {
    check("refact");
}
