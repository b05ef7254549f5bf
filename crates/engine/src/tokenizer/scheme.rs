//! How text is split before merging.

use tokenizers::{
    normalizers::{NormalizerWrapper, NFC},
    pre_tokenizers::{byte_level::ByteLevel, digits::Digits, sequence::Sequence, split::Split, split::SplitPattern},
    PreTokenizerWrapper, SplitDelimiterBehavior,
};

/// Contractions, words, up to three digits, punctuation, line ends, spaces.
const LLAMA3_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The same with each digit by itself.
const QWEN2_PATTERN: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A way to split text, named by `tokenizer.ggml.pre`.
pub(super) struct Scheme {
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: PreTokenizerWrapper,
    /// Whether a word that is a token is taken whole even if no merges lead to it.
    pub(super) ignore_merges: bool,
    pub(super) begins_with_bos: bool,
}

impl Scheme {
    /// The scheme of this name. Several names mean the same: converters name them by the first model that had them.
    pub(super) fn named(pre: &str) -> Result<Self, String> {
        match pre {
            "gpt-2" | "phi-2" => Ok(Self::plain(ByteLevel::new(false, false, true).into())),
            "smollm" | "starcoder" | "refact" => {
                let steps = vec![Digits::new(true).into(), ByteLevel::new(false, false, true).into()];
                Ok(Self::plain(Sequence::new(steps).into()))
            }
            "llama-bpe" | "llama3" | "llama-v3" => {
                let plain = Self::plain(by_pattern(LLAMA3_PATTERN)?);
                Ok(Self { ignore_merges: true, begins_with_bos: true, ..plain })
            }
            // Qwen's own tokenizer composes characters first.
            "qwen2" | "deepseek-r1-qwen" => {
                Ok(Self { normalizer: Some(NFC.into()), ..Self::plain(by_pattern(QWEN2_PATTERN)?) })
            }
            other => Err(format!(
                "tokenizer.ggml.pre {other:?} is not supported, only gpt-2, smollm, llama-bpe, qwen2 and their likes are: \
                 with a wrong splitting the model would answer nonsense"
            )),
        }
    }

    fn plain(pre_tokenizer: PreTokenizerWrapper) -> Self {
        Self { normalizer: None, pre_tokenizer, ignore_merges: false, begins_with_bos: false }
    }
}

fn by_pattern(pattern: &str) -> Result<PreTokenizerWrapper, String> {
    let pattern = SplitPattern::Regex(pattern.into());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(|error| error.to_string())?;
    Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, false, false).into()]).into())
}
