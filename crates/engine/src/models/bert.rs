//! Embedding models of the BERT family: mean of the last layer over a text's tokens, of length one.

use std::sync::Arc;

use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};

use crate::{
    api::EngineError,
    compute::{Compute, ComputeError},
    embedder::EmbeddingModel,
    error::LoadError,
    models::tensors::{TensorLoader, Tensors},
    weights::StoredType,
};

/// Bounds of what a configuration may ask for, before anything is sized by it.
const MAX_WIDTH: usize = 1 << 16;
const MAX_LAYERS: usize = 1_024;
const MAX_ROWS: usize = 1 << 22;
/// Bytes of a text that are looked at, for each token that counts: at first, and where that was not enough. Words are
/// shorter than the first number; a text of which the last one is not enough is none.
const BYTES_PER_TOKEN: [usize; 3] = [16, 128, 1_024];

/// What `config.json` says; what else it holds does not change the vectors.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BertConfig {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    vocab_size: usize,
    type_vocab_size: usize,
    hidden_act: String,
    layer_norm_eps: f32,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

/// The weights.
pub(crate) struct Bert<C: Compute> {
    compute: Arc<C>,
    config: BertConfig,
    words: C::Matrix,
    positions: C::Matrix,
    types: C::Matrix,
    norm: Norm<C>,
    layers: Vec<Layer<C>>,
    main_type: StoredType,
}

/// The weights with their tokenizer.
pub(crate) struct BertEmbedder<C: Compute> {
    model: Bert<C>,
    tokenizer: Tokenizer,
    /// Tokens of a text that count.
    max_tokens: usize,
}

struct Layer<C: Compute> {
    query: Linear<C>,
    key: Linear<C>,
    value: Linear<C>,
    attended: Linear<C>,
    attended_norm: Norm<C>,
    widen: Linear<C>,
    narrow: Linear<C>,
    last_norm: Norm<C>,
}

struct Linear<C: Compute> {
    weight: C::Matrix,
    bias: C::Vector,
}

struct Norm<C: Compute> {
    weight: C::Vector,
    bias: C::Vector,
}

impl BertConfig {
    /// Reads `config.json`. Refuses what would be computed wrongly.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        let config: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let bounded = [
            ("hidden_size", config.hidden_size, MAX_WIDTH),
            ("num_hidden_layers", config.num_hidden_layers, MAX_LAYERS),
            ("num_attention_heads", config.num_attention_heads, config.hidden_size),
            ("intermediate_size", config.intermediate_size, MAX_WIDTH),
            ("max_position_embeddings", config.max_position_embeddings, MAX_ROWS),
            ("vocab_size", config.vocab_size, MAX_ROWS),
            ("type_vocab_size", config.type_vocab_size, MAX_ROWS),
        ];
        for (name, number, most) in bounded {
            if number == 0 || number > most {
                return Err(format!("{name} is {number}; 1 to {most} are supported"));
            }
        }
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(format!("{} heads do not divide {}", config.num_attention_heads, config.hidden_size));
        }
        if config.hidden_act != "gelu" {
            return Err(format!("hidden_act {:?} is not supported, only \"gelu\" is", config.hidden_act));
        }
        match config.position_embedding_type.as_deref() {
            None | Some("absolute") => {}
            Some(other) => return Err(format!("position_embedding_type {other:?} is not supported")),
        }
        if !(config.layer_norm_eps.is_finite() && config.layer_norm_eps > 0.0) {
            return Err(format!("layer_norm_eps is {}, which is no positive number", config.layer_norm_eps));
        }
        Ok(config)
    }

    /// Tokens that a text can have.
    pub(crate) fn max_tokens(&self) -> u32 {
        u32::try_from(self.max_position_embeddings).unwrap_or(u32::MAX)
    }
}

impl<C: Compute> Bert<C> {
    /// Name of a tensor that every file has.
    pub(crate) const PROBE: &str = "embeddings.word_embeddings.weight";
    /// What names may begin with: files of the bare model have no prefix.
    pub(crate) const PREFIXES: [&str; 2] = ["", "bert."];

    pub(crate) fn load(compute: Arc<C>, tensors: &impl Tensors, config: BertConfig) -> Result<Self, LoadError> {
        let mut loader = TensorLoader::new(compute.as_ref(), tensors);
        let width = config.hidden_size;
        let words = loader.matrix(Self::PROBE, config.vocab_size, width)?;
        let positions =
            loader.matrix("embeddings.position_embeddings.weight", config.max_position_embeddings, width)?;
        let types = loader.matrix("embeddings.token_type_embeddings.weight", config.type_vocab_size, width)?;
        let norm = Norm::load(&mut loader, "embeddings.LayerNorm", width)?;
        let layers = (0..config.num_hidden_layers)
            .map(|layer| Layer::load(&mut loader, layer, &config))
            .collect::<Result<_, _>>()?;
        let main_type = loader.types().main();
        Ok(Self { compute, config, words, positions, types, norm, layers, main_type })
    }

    /// The type that most weights are stored in.
    pub(crate) fn main_type(&self) -> StoredType {
        self.main_type
    }

    /// The last layer's rows, for each token of each text: `hidden_size` numbers each.
    fn last_layer(&self, texts: &[&[u32]]) -> Result<Vec<f32>, ComputeError> {
        let compute = self.compute.as_ref();
        let tokens = texts.concat();
        let positions: Vec<u32> = texts.iter().flat_map(|text| (0u32..).take(text.len())).collect();
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let mut x = compute.lookup(&self.words, &tokens)?;
        compute.add(&mut x, &compute.lookup(&self.positions, &positions)?)?;
        compute.add(&mut x, &compute.lookup(&self.types, &vec![0; tokens.len()])?)?;
        let mut x = self.normalise(&x, &self.norm)?;
        for layer in &self.layers {
            let weights = [&layer.query, &layer.key, &layer.value].map(Linear::parts);
            let [queries, keys, values] = compute.matmul(&x, weights)?;
            let attended = compute.attend_whole(&queries, &keys, &values, self.config.num_attention_heads, &lengths)?;
            let [attended] = compute.matmul(&attended, [layer.attended.parts()])?;
            compute.add(&mut x, &attended)?;
            x = self.normalise(&x, &layer.attended_norm)?;
            let [wide] = compute.matmul(&x, [layer.widen.parts()])?;
            let [narrowed] = compute.matmul(&compute.gelu(wide)?, [layer.narrow.parts()])?;
            compute.add(&mut x, &narrowed)?;
            x = self.normalise(&x, &layer.last_norm)?;
        }
        compute.to_vec(&x)
    }

    fn normalise(&self, x: &C::Rows, norm: &Norm<C>) -> Result<C::Rows, ComputeError> {
        self.compute.layer_norm(x, &norm.weight, &norm.bias, self.config.layer_norm_eps)
    }

    fn check(&self, texts: &[&[u32]]) -> Result<(), EngineError> {
        let fits = |text: &&[u32]| !text.is_empty() && text.len() <= self.config.max_position_embeddings;
        let known = |token: &u32| (*token as usize) < self.config.vocab_size;
        if texts.iter().all(|text| fits(text) && text.iter().all(known)) {
            return Ok(());
        }
        Err(EngineError::Internal("the embedding model was given tokens that it does not have, or too many".into()))
    }

    fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.check(texts)?;
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self
            .last_layer(texts)
            .map_err(|error| EngineError::Internal(format!("the embedding model failed: {error}")))?;
        let mut rows = rows.chunks(self.config.hidden_size);
        texts.iter().map(|text| of_length_one(&sum(rows.by_ref().take(text.len()), self.config.hidden_size))).collect()
    }
}

impl<C: Compute> BertEmbedder<C> {
    /// `tokenizer` is a `tokenizer.json`; texts are cut after `context_tokens` tokens.
    pub(crate) fn new(model: Bert<C>, tokenizer: &[u8], context_tokens: u32) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(tokenizer).map_err(|error| error.to_string())?;
        // The file may pad every text to, and cut it at, a length far below the model's.
        let max_tokens = context_tokens as usize;
        let truncation = TruncationParams { max_length: max_tokens, ..Default::default() };
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(|error| error.to_string())?;
        Ok(Self { model, tokenizer, max_tokens })
    }
}

impl<C: Compute> EmbeddingModel for BertEmbedder<C> {
    fn tokenise(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        first_tokens(&self.tokenizer, self.max_tokens, text)
            .map_err(|error| EngineError::InvalidRequest(format!("an input cannot be tokenised: {error}")))
    }

    fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.model.embed(texts)
    }
}

/// The tokens of `text` that `tokenizer`, which cuts texts at `max_tokens`, leaves of it; of long texts no more is read
/// than that takes, and never more than the longest beginning.
fn first_tokens(tokenizer: &Tokenizer, max_tokens: usize, text: &str) -> Result<Vec<u32>, tokenizers::Error> {
    let mut tokens = Vec::new();
    for bytes_per_token in BYTES_PER_TOKEN {
        let beginning = beginning(text, max_tokens.saturating_mul(bytes_per_token));
        let encoding = tokenizer.encode_fast(beginning, true)?;
        tokens = encoding.get_ids().to_vec();
        // What follows would be cut off.
        if tokens.len() >= max_tokens || beginning.len() == text.len() {
            break;
        }
    }
    Ok(tokens)
}

/// The words of `text` that begin within its first `bytes` bytes; no more than twice as much, though that may cut a word.
/// Words are split before they are looked up, so that whole ones have the tokens that they have in the whole text.
fn beginning(text: &str, bytes: usize) -> &str {
    let most = text.floor_char_boundary(bytes.saturating_mul(2));
    let (within, _) = text.split_at(most);
    if bytes >= text.len() {
        return text;
    }
    let space = |(at, character): &(usize, char)| *at >= bytes && character.is_whitespace();
    let end = within.char_indices().find(space);
    end.and_then(|(end, _)| within.get(..end)).unwrap_or(within)
}

impl<C: Compute> Layer<C> {
    fn load(
        loader: &mut TensorLoader<'_, C, impl Tensors>,
        layer: usize,
        config: &BertConfig,
    ) -> Result<Self, LoadError> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let (width, wide) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            query: Linear::load(loader, &name("attention.self.query"), width, width)?,
            key: Linear::load(loader, &name("attention.self.key"), width, width)?,
            value: Linear::load(loader, &name("attention.self.value"), width, width)?,
            attended: Linear::load(loader, &name("attention.output.dense"), width, width)?,
            attended_norm: Norm::load(loader, &name("attention.output.LayerNorm"), width)?,
            widen: Linear::load(loader, &name("intermediate.dense"), wide, width)?,
            narrow: Linear::load(loader, &name("output.dense"), width, wide)?,
            last_norm: Norm::load(loader, &name("output.LayerNorm"), width)?,
        })
    }
}

impl<C: Compute> Linear<C> {
    fn load(
        loader: &mut TensorLoader<'_, C, impl Tensors>,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            weight: loader.matrix(&format!("{name}.weight"), rows, columns)?,
            bias: loader.vector(&format!("{name}.bias"), rows)?,
        })
    }

    fn parts(&self) -> (&C::Matrix, Option<&C::Vector>) {
        (&self.weight, Some(&self.bias))
    }
}

impl<C: Compute> Norm<C> {
    fn load(loader: &mut TensorLoader<'_, C, impl Tensors>, name: &str, width: usize) -> Result<Self, LoadError> {
        Ok(Self {
            weight: loader.vector(&format!("{name}.weight"), width)?,
            bias: loader.vector(&format!("{name}.bias"), width)?,
        })
    }
}

/// The sum of `rows`; as long as only the direction counts it serves as the mean.
fn sum<'a>(rows: impl Iterator<Item = &'a [f32]>, width: usize) -> Vec<f64> {
    rows.fold(vec![0.0; width], |mut sums, row| {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        sums
    })
}

fn of_length_one(vector: &[f64]) -> Result<Vec<f32>, EngineError> {
    let length = vector.iter().map(|value| value.powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(EngineError::Internal("the embedding model computed something that is no direction".into()));
    }
    Ok(vector.iter().map(|value| (value / length) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":16,
        "max_position_embeddings":32,"vocab_size":10,"type_vocab_size":2,"hidden_act":"gelu","layer_norm_eps":1e-12,
        "model_type":"bert"}"#;

    /// Each letter is a token, [UNK] what is none; a text stands between 1 and 2.
    const TOKENIZER: &str = r###"{"version": "1.0",
        "added_tokens": [{"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##a": 4, "b": 5, "##b": 6, ",": 7}}}"###;

    #[test]
    fn the_beginning_of_a_long_text_has_its_first_tokens() {
        let mut tokenizer = Tokenizer::from_bytes(TOKENIZER).unwrap();
        let truncation = TruncationParams { max_length: 8, ..Default::default() };
        tokenizer.with_truncation(Some(truncation)).unwrap();
        for part in
            ["a", "ab ", "a,b\n", "ab\u{3000}", "         ", "\u{fe0f}", "é b", "中", "", "aaaaaaaaaaaaaaaaaaaaaab "]
        {
            for (count, before) in [(1, ""), (50, ""), (50, "ab "), (3_000, "b"), (3_000, "a,\t")] {
                let text = before.to_owned() + &part.repeat(count);
                let whole = tokenizer.encode_fast(text.as_str(), true).unwrap().get_ids().to_vec();
                assert_eq!(
                    first_tokens(&tokenizer, 8, &text).unwrap(),
                    whole,
                    "{before:?}, then {count} times {part:?}"
                );
            }
        }
    }

    #[test]
    fn a_beginning_ends_before_a_space() {
        assert_eq!(beginning("ab cd ef", 2), "ab");
        assert_eq!(beginning("ab cd ef", 3), "ab cd");
        assert_eq!(beginning("ab cd ef", 6), "ab cd ef");
        assert_eq!(beginning("éé é", 3), "éé");
        assert_eq!(beginning("ééé", 1), "é", "a word is cut rather than followed to its end");
        assert_eq!(beginning("ab cd ", 99), "ab cd ");
    }

    #[test]
    fn vectors_are_scaled_to_length_one() {
        assert_eq!(of_length_one(&[3.0, 4.0]).unwrap(), [0.6, 0.8]);
        assert!(of_length_one(&[0.0, 0.0]).is_err());
        assert!(of_length_one(&[f64::NAN]).is_err());
    }

    #[test]
    fn a_configuration_that_would_be_computed_wrongly_is_refused() {
        assert_eq!(BertConfig::read(CONFIG.as_bytes()).unwrap().max_tokens(), 32);
        for (right, wrong) in [
            (r#""hidden_size":8"#, r#""hidden_size":0"#),
            (r#""hidden_size":8"#, r#""hidden_size":4611686018427387904"#),
            (r#""num_attention_heads":2"#, r#""num_attention_heads":3"#),
            (r#""hidden_act":"gelu""#, r#""hidden_act":"relu""#),
            (r#""model_type":"bert""#, r#""position_embedding_type":"relative_key""#),
            ("1e-12", "0.0"),
        ] {
            assert!(BertConfig::read(CONFIG.replace(right, wrong).as_bytes()).is_err(), "{wrong}");
        }
    }
}
