//! The tokenizer of a GGUF model.

mod least;
mod scheme;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
mod vocabulary;

use std::{collections::HashMap, sync::Arc};

use tokenizers::{models::bpe::BPE, AddedToken, Tokenizer};

use self::{
    least::LeastTokens,
    scheme::Scheme,
    vocabulary::{read_merges, Vocabulary, CONTROL, USER_DEFINED},
};
use crate::{
    control::{ControlNames, BREAK},
    detokenizer::{Detokenizer, TokenBytes},
    gguf::{GgufFile, Metadata},
};

/// Turns text into tokens as the model's training did, and tokens into text.
#[derive(Debug)]
pub(crate) struct ChatTokenizer {
    tokenizer: Tokenizer,
    token_bytes: Arc<TokenBytes>,
    /// Put before every prompt that does not begin with it.
    begin: Option<u32>,
    /// Generation ends at any of these.
    ends: Vec<u32>,
    bos_text: String,
    eos_text: String,
    control_names: ControlNames,
    least: LeastTokens,
}

impl ChatTokenizer {
    /// Reads the tokenizer from a file's header. Refuses kinds it does not know: nearly right is wrong everywhere.
    pub(crate) fn from_gguf(file: &GgufFile) -> Result<Self, String> {
        let metadata = file.metadata();
        let model = metadata.required_text("tokenizer.ggml.model")?;
        if model != "gpt2" {
            return Err(format!("tokenizer model {model:?} is not supported, only byte-level BPE (\"gpt2\") is"));
        }
        let scheme = Scheme::named(metadata.text("tokenizer.ggml.pre")?.unwrap_or("(none)"))?;
        let vocabulary = Vocabulary::read(&metadata)?;
        let token = |name: &str| vocabulary.token_of(&metadata, &format!("tokenizer.ggml.{name}_token_id"));
        let (bos, eos, eot) = (token("bos")?, token("eos")?, token("eot")?);
        let ends = vocabulary.ends(eos, eot)?;
        let add_bos = metadata.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(scheme.begins_with_bos);
        let token_bytes = vocabulary.token_bytes()?;
        let names = vocabulary.iter().filter(|(_, _, kind)| matches!(*kind, CONTROL | USER_DEFINED));
        let all = token_bytes.iter().chain(names.map(|(_, name, _)| name.as_bytes()));
        Ok(Self {
            least: LeastTokens::new(all, scheme.normalizer.is_some()),
            token_bytes: Arc::new(token_bytes),
            begin: bos.filter(|_| add_bos),
            ends,
            bos_text: vocabulary.text_of(bos),
            eos_text: vocabulary.text_of(eos),
            control_names: ControlNames::new(
                vocabulary.iter().filter(|(_, _, kind)| *kind == CONTROL).map(|(_, token, _)| token),
            ),
            tokenizer: tokenizer(&metadata, &vocabulary, scheme)?,
        })
    }

    /// Tokens of a prompt, with the one that begins a text; the names of control tokens in it stand for these tokens, as
    /// templates write them, unless they are [quoted](Self::control_names).
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut tokens = self.encode_part(text)?;
        if let Some(begin) = self.begin.filter(|begin| tokens.first() != Some(begin)) {
            tokens.insert(0, begin);
        }
        Ok(tokens)
    }

    /// No more tokens than [`Self::encode`] finds in `text`, in a thousandth of its time.
    pub(crate) fn least_tokens(&self, text: &str) -> usize {
        self.least.of(text)
    }

    /// Tokens of `text` alone.
    fn encode_part(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut tokens = Vec::new();
        for part in text.split(BREAK) {
            let encoding = self.tokenizer.encode_fast(part, false).map_err(|error| error.to_string())?;
            tokens.extend_from_slice(encoding.get_ids());
        }
        Ok(tokens)
    }

    /// What each token stands for.
    pub(crate) fn token_bytes(&self) -> Arc<TokenBytes> {
        self.token_bytes.clone()
    }

    /// For the text of one generation.
    pub(crate) fn detokenizer(&self) -> Detokenizer {
        Detokenizer::new(self.token_bytes.clone())
    }

    /// How many tokens there are; their ids are below it.
    pub(crate) fn tokens(&self) -> usize {
        self.token_bytes.tokens()
    }

    /// The tokens at which generation ends.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// For quoting what people wrote.
    pub(crate) fn control_names(&self) -> &ControlNames {
        &self.control_names
    }

    /// Name of the token that begins a text, empty if there is none; templates may write it.
    pub(crate) fn bos_text(&self) -> &str {
        &self.bos_text
    }

    /// Name of the token that ends a text.
    pub(crate) fn eos_text(&self) -> &str {
        &self.eos_text
    }
}

fn tokenizer(metadata: &Metadata<'_>, vocabulary: &Vocabulary<'_>, scheme: Scheme) -> Result<Tokenizer, String> {
    let by_name: HashMap<String, u32> = vocabulary.iter().map(|(id, token, _)| (token.to_owned(), id)).collect();
    let merges = read_merges(metadata)?;
    // The builder would look no further than its longest token, and panic.
    let makes_nothing = |(left, right): &(String, String)| !by_name.contains_key(&format!("{left}{right}"));
    if let Some(at) = merges.iter().position(makes_nothing) {
        return Err(format!("the merges do not fit the vocabulary: number {at} makes no token"));
    }
    let bpe = BPE::builder()
        .vocab_and_merges(by_name.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
        .ignore_merges(scheme.ignore_merges)
        // Every thread would keep ten thousand words of strangers, for ever.
        .cache_capacity(0)
        .build()
        .map_err(|error| format!("the merges do not fit the vocabulary: {error}"))?;
    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_normalizer(scheme.normalizer).map_err(|error| error.to_string())?;
    tokenizer.with_pre_tokenizer(Some(scheme.pre_tokenizer));
    let (special, added): (Vec<_>, Vec<_>) = vocabulary
        .iter()
        .filter(|(_, _, kind)| matches!(*kind, CONTROL | USER_DEFINED))
        .map(|(_, token, kind)| AddedToken::from(token.to_owned(), kind == CONTROL).normalized(false))
        .partition(|token| token.special);
    tokenizer.add_special_tokens(special).map_err(|error| error.to_string())?;
    tokenizer.add_tokens(added).map_err(|error| error.to_string())?;
    Ok(tokenizer)
}
