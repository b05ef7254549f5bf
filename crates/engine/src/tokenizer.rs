//! The tokenizer of a GGUF model.

use std::{collections::HashMap, sync::Arc};

use candle_core::quantized::gguf_file::Content;
use tokenizers::{
    models::bpe::BPE,
    pre_tokenizers::{byte_level::ByteLevel, digits::Digits, sequence::Sequence, split::Split, split::SplitPattern},
    AddedToken, PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer,
};

use crate::{
    control::{ControlNames, BREAK},
    detokenizer::{byte_of_char, Detokenizer, TokenBytes},
    gguf::Metadata,
};

/// What Llama 3 splits text by before it merges: contractions, words, up to three digits, punctuation, line ends, spaces.
const LLAMA3_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const NORMAL: u32 = 1;
const UNKNOWN: u32 = 2;
const CONTROL: u32 = 3;
const USER_DEFINED: u32 = 4;
const UNUSED: u32 = 5;
/// Names of tokens that end a turn or the text, for files that only name one of them as their end token.
const END_TOKENS: [&str; 5] = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>"];

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
}

impl ChatTokenizer {
    /// Reads the tokenizer from a GGUF header. Refuses kinds it does not know: nearly right is wrong everywhere.
    pub(crate) fn from_gguf(content: &Content) -> Result<Self, String> {
        let metadata = Metadata::new(content);
        let model = metadata.required_text("tokenizer.ggml.model")?;
        if model != "gpt2" {
            return Err(format!("tokenizer model {model:?} is not supported, only byte-level BPE (\"gpt2\") is"));
        }
        let pre = metadata.text("tokenizer.ggml.pre")?.unwrap_or("(none)");
        let scheme = Scheme::named(pre)?;
        let vocabulary = Vocabulary::read(&metadata)?;
        let merges = read_merges(&metadata)?;

        let by_name: HashMap<String, u32> = vocabulary.iter().map(|(id, token, _)| (token.to_owned(), id)).collect();
        let bpe = BPE::builder()
            .vocab_and_merges(by_name.clone().into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
            .ignore_merges(scheme.ignore_merges)
            .build()
            .map_err(|error| format!("the merges do not fit the vocabulary: {error}"))?;
        let mut tokenizer = Tokenizer::new(bpe);
        tokenizer.with_pre_tokenizer(Some(scheme.pre_tokenizer));
        let (special, added): (Vec<_>, Vec<_>) = vocabulary
            .iter()
            .filter(|(_, _, kind)| matches!(*kind, CONTROL | USER_DEFINED))
            .map(|(_, token, kind)| AddedToken::from(token.to_owned(), kind == CONTROL).normalized(false))
            .partition(|token| token.special);
        tokenizer.add_special_tokens(special).map_err(|error| error.to_string())?;
        tokenizer.add_tokens(added).map_err(|error| error.to_string())?;

        let bos = metadata.number("tokenizer.ggml.bos_token_id")?;
        let eos = metadata.number("tokenizer.ggml.eos_token_id")?;
        let add_bos = metadata.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(scheme.begins_with_bos);
        let mut ends: Vec<u32> = END_TOKENS.iter().filter_map(|token| by_name.get(*token).copied()).collect();
        ends.extend(eos);
        ends.sort_unstable();
        ends.dedup();
        if ends.is_empty() {
            return Err("no token ends the text: tokenizer.ggml.eos_token_id is missing".into());
        }
        Ok(Self {
            tokenizer,
            token_bytes: Arc::new(vocabulary.token_bytes()?),
            begin: bos.filter(|_| add_bos),
            ends,
            bos_text: vocabulary.text_of(bos),
            eos_text: vocabulary.text_of(eos),
            control_names: ControlNames::new(
                vocabulary.iter().filter(|(_, _, kind)| *kind == CONTROL).map(|(_, token, _)| token),
            ),
        })
    }

    /// Tokens of `text`; the names of control tokens in it stand for these tokens, as templates write them, unless
    /// they are [quoted](Self::control_names).
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut tokens = Vec::new();
        for part in text.split(BREAK) {
            let encoding = self.tokenizer.encode_fast(part, false).map_err(|error| error.to_string())?;
            tokens.extend_from_slice(encoding.get_ids());
        }
        if let Some(begin) = self.begin.filter(|begin| tokens.first() != Some(begin)) {
            tokens.insert(0, begin);
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

/// How text is split before merging, named by `tokenizer.ggml.pre`.
struct Scheme {
    pre_tokenizer: PreTokenizerWrapper,
    /// Whether a word that is a token is taken whole even if no merges lead to it.
    ignore_merges: bool,
    begins_with_bos: bool,
}

impl Scheme {
    fn named(pre: &str) -> Result<Self, String> {
        match pre {
            "smollm" => Ok(Self {
                pre_tokenizer: Sequence::new(vec![Digits::new(true).into(), ByteLevel::new(false, false, true).into()])
                    .into(),
                ignore_merges: false,
                begins_with_bos: false,
            }),
            "gpt-2" => Ok(Self {
                pre_tokenizer: ByteLevel::new(false, false, true).into(),
                ignore_merges: false,
                begins_with_bos: false,
            }),
            "llama-bpe" | "llama3" | "llama-v3" => {
                let pattern = SplitPattern::Regex(LLAMA3_PATTERN.into());
                let split =
                    Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(|error| error.to_string())?;
                Ok(Self {
                    pre_tokenizer: Sequence::new(vec![split.into(), ByteLevel::new(false, false, false).into()]).into(),
                    ignore_merges: true,
                    begins_with_bos: true,
                })
            }
            other => Err(format!(
                "tokenizer.ggml.pre {other:?} is not supported, only smollm, gpt-2 and llama-bpe are: \
                 with a wrong splitting the model would answer nonsense"
            )),
        }
    }
}

struct Vocabulary<'a> {
    tokens: Vec<&'a str>,
    kinds: Vec<u32>,
}

impl<'a> Vocabulary<'a> {
    fn read(metadata: &Metadata<'a>) -> Result<Self, String> {
        let tokens = metadata.texts("tokenizer.ggml.tokens")?.ok_or("tokenizer.ggml.tokens is missing")?;
        let kinds = metadata.numbers("tokenizer.ggml.token_type")?.unwrap_or_else(|| vec![NORMAL; tokens.len()]);
        if kinds.len() != tokens.len() || u32::try_from(tokens.len()).is_err() {
            return Err("tokenizer.ggml.tokens and token_type are of different length".into());
        }
        Ok(Self { tokens, kinds })
    }

    /// Id, name and kind of each token.
    fn iter(&self) -> impl Iterator<Item = (u32, &'a str, u32)> + '_ {
        (0u32..).zip(self.tokens.iter().zip(&self.kinds)).map(|(id, (token, kind))| (id, *token, *kind))
    }

    fn text_of(&self, id: Option<u32>) -> String {
        id.and_then(|id| self.tokens.get(id as usize)).map(|token| token.to_string()).unwrap_or_default()
    }

    fn token_bytes(&self) -> Result<TokenBytes, String> {
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

fn read_merges(metadata: &Metadata) -> Result<Vec<(String, String)>, String> {
    metadata
        .texts("tokenizer.ggml.merges")?
        .ok_or("tokenizer.ggml.merges is missing")?
        .into_iter()
        .map(|merge| {
            let (left, right) = merge.split_once(' ').ok_or_else(|| format!("a merge is not two words: {merge:?}"))?;
            Ok((left.to_owned(), right.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::gguf_file::{Value, VersionedMagic};

    use super::*;

    fn strings(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(|text| Value::String(text.to_string())).collect())
    }

    /// A vocabulary of the letters a to e, digits, the space, the four bytes of a duck, one merge and two controls.
    fn content(pre: &str) -> Content {
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
        let mut kinds = [1u32; 17];
        (kinds[0], kinds[1], kinds[15]) = (CONTROL, CONTROL, USER_DEFINED);
        let metadata = [
            ("tokenizer.ggml.model", Value::String("gpt2".into())),
            ("tokenizer.ggml.pre", Value::String(pre.into())),
            ("tokenizer.ggml.tokens", strings(&tokens)),
            ("tokenizer.ggml.token_type", Value::Array(kinds.iter().map(|kind| Value::I32(*kind as i32)).collect())),
            ("tokenizer.ggml.merges", strings(&["a b", "Ġ ab", "1 2"])),
            ("tokenizer.ggml.bos_token_id", Value::U32(0)),
            ("tokenizer.ggml.eos_token_id", Value::U32(1)),
        ];
        Content {
            magic: VersionedMagic::GgufV3,
            metadata: metadata.into_iter().map(|(key, value)| (key.to_string(), value)).collect(),
            tensor_infos: HashMap::new(),
            tensor_data_offset: 0,
        }
    }

    fn tokenizer(pre: &str) -> ChatTokenizer {
        ChatTokenizer::from_gguf(&content(pre)).unwrap()
    }

    #[test]
    fn no_space_is_put_before_the_text() {
        assert_eq!(tokenizer("smollm").encode("ab ab").unwrap(), [9, 10]);
    }

    #[test]
    fn smollm_splits_digits_and_gpt2_does_not() {
        assert_eq!(tokenizer("smollm").encode("12").unwrap(), [6, 7]);
        assert_eq!(tokenizer("gpt-2").encode("12").unwrap(), [8]);
    }

    #[test]
    fn llama3_begins_with_its_token_once() {
        let tokenizer = tokenizer("llama-bpe");
        assert_eq!(tokenizer.encode("12").unwrap(), [0, 8]);
        assert_eq!(tokenizer.encode("<|endoftext|>12").unwrap(), [0, 8]);
    }

    #[test]
    fn quoted_names_of_control_tokens_are_only_letters() {
        let tokenizer = tokenizer("smollm");
        let quoted = tokenizer.control_names().quote("12<|endoftext|>12");
        let tokens = tokenizer.encode(&quoted).unwrap();
        assert!(!tokens.contains(&0), "{tokens:?}");
        assert_eq!((&tokens[..2], &tokens[tokens.len() - 2..]), (&[6, 7][..], &[6, 7][..]));
    }

    #[test]
    fn control_tokens_are_recognised_and_have_no_text() {
        let tokenizer = tokenizer("smollm");
        assert_eq!(tokenizer.encode("ab<|im_end|>a<tool>").unwrap(), [9, 1, 2, 15]);
        assert_eq!(tokenizer.ends(), [0, 1]);
        let mut detokenizer = tokenizer.detokenizer();
        let text: String = [9, 1, 2, 15].map(|token| detokenizer.push(token)).concat();
        assert_eq!(text, "aba<tool>");
    }

    #[test]
    fn a_character_over_four_tokens_comes_back() {
        let tokenizer = tokenizer("smollm");
        let tokens = tokenizer.encode("🦆").unwrap();
        assert_eq!(tokens, [11, 12, 13, 14]);
        let mut detokenizer = tokenizer.detokenizer();
        assert_eq!(tokens.iter().map(|token| detokenizer.push(*token)).collect::<Vec<_>>(), ["", "", "", "🦆"]);
    }

    #[test]
    fn an_unknown_splitting_is_refused() {
        let error = ChatTokenizer::from_gguf(&content("qwen2")).unwrap_err();
        assert!(error.contains("qwen2") && error.contains("smollm"), "{error}");
    }

    #[test]
    fn another_kind_of_tokenizer_is_refused() {
        let mut content = content("smollm");
        content.metadata.insert("tokenizer.ggml.model".into(), Value::String("llama".into()));
        assert!(ChatTokenizer::from_gguf(&content).unwrap_err().contains("byte-level BPE"));
        content.metadata.remove("tokenizer.ggml.model");
        assert!(ChatTokenizer::from_gguf(&content).unwrap_err().contains("missing"));
    }
}
