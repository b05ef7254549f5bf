//! The tokens and merges of a file.

use crate::{
    detokenizer::{byte_of_char, TokenBytes},
    gguf::Metadata,
};

/// More than any model has.
const MAX_TOKENS: usize = 1 << 20;
const MAX_MERGES: usize = 1 << 21;
/// Longer than any model's: whole lines of spaces are some hundreds. What follows shapes counts no further than 1,024.
const MAX_TOKEN_CHARS: usize = 1_000;

const NORMAL: u32 = 1;
const UNKNOWN: u32 = 2;
pub(super) const CONTROL: u32 = 3;
pub(super) const USER_DEFINED: u32 = 4;
const UNUSED: u32 = 5;

/// Names of tokens that end a turn or the text, for files that only name one of them as their end token.
const END_TOKENS: [&str; 6] = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "</s>"];

/// A file's tokens, by their ids.
pub(super) struct Vocabulary<'a> {
    tokens: Vec<&'a str>,
    kinds: Vec<u32>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn read(metadata: &Metadata<'a>) -> Result<Self, String> {
        let tokens = metadata.texts("tokenizer.ggml.tokens", MAX_TOKENS)?.ok_or("tokenizer.ggml.tokens is missing")?;
        if let Some(id) = tokens.iter().position(|token| token.chars().nth(MAX_TOKEN_CHARS).is_some()) {
            return Err(format!("token {id} is longer than {MAX_TOKEN_CHARS} characters"));
        }
        let kinds = metadata.numbers("tokenizer.ggml.token_type", MAX_TOKENS)?;
        let kinds = kinds.unwrap_or_else(|| vec![NORMAL; tokens.len()]);
        match kinds.len() == tokens.len() {
            true => Ok(Self { tokens, kinds }),
            false => Err(format!(
                "tokenizer.ggml.tokens has {} elements, token_type {}; as many are expected",
                tokens.len(),
                kinds.len()
            )),
        }
    }

    /// Id, name and kind of each token.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &'a str, u32)> + '_ {
        (0u32..).zip(self.tokens.iter().zip(&self.kinds)).map(|(id, (token, kind))| (id, *token, *kind))
    }

    /// The token that `key` names, if there is such a key.
    pub(super) fn token_of(&self, metadata: &Metadata<'_>, key: &str) -> Result<Option<u32>, String> {
        let Some(id) = metadata.number(key)? else { return Ok(None) };
        match (id as usize) < self.tokens.len() {
            true => Ok(Some(id)),
            false => Err(format!("{key} is {id}, but there are {} tokens", self.tokens.len())),
        }
    }

    /// Name of a token, empty for none.
    pub(super) fn text_of(&self, id: Option<u32>) -> String {
        id.and_then(|id| self.tokens.get(id as usize)).map(|token| token.to_string()).unwrap_or_default()
    }

    /// The tokens at which generation ends, ordered; `eos` and `eot` are what the file says of it. A plain token is none
    /// by its name alone: text may hold it.
    pub(super) fn ends(&self, eos: Option<u32>, eot: Option<u32>) -> Result<Vec<u32>, String> {
        let named = |(id, token, kind): (u32, &str, u32)| (kind != NORMAL && END_TOKENS.contains(&token)).then_some(id);
        let mut ends: Vec<u32> = self.iter().filter_map(named).chain(eos).chain(eot).collect();
        ends.sort_unstable();
        ends.dedup();
        match ends.is_empty() {
            true => Err("no token ends the text: tokenizer.ggml.eos_token_id is missing".into()),
            false => Ok(ends),
        }
    }

    /// What each token stands for.
    pub(super) fn token_bytes(&self) -> Result<TokenBytes, String> {
        let bytes = byte_of_char();
        let table: Vec<Vec<u8>> = self
            .iter()
            .map(|(id, token, kind)| match kind {
                UNKNOWN | CONTROL | UNUSED => Ok(Vec::new()),
                USER_DEFINED => Ok(token.as_bytes().to_vec()),
                _ => token
                    .chars()
                    .map(|character| bytes.get(&character).copied())
                    .collect::<Option<Vec<u8>>>()
                    .ok_or_else(|| format!("token {id} is not in byte-level spelling: {token:?}")),
            })
            .collect::<Result<_, _>>()?;
        TokenBytes::new(table).ok_or_else(|| "the vocabulary is too large".into())
    }
}

/// The pairs that are merged, the first first.
pub(super) fn read_merges(metadata: &Metadata<'_>) -> Result<Vec<(String, String)>, String> {
    metadata
        .texts("tokenizer.ggml.merges", MAX_MERGES)?
        .ok_or("tokenizer.ggml.merges is missing")?
        .into_iter()
        .map(|merge| {
            let (left, right) = merge.split_once(' ').ok_or_else(|| format!("a merge is not two words: {merge:?}"))?;
            Ok((left.to_owned(), right.to_owned()))
        })
        .collect()
}
