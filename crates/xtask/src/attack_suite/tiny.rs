//! A small random model, so that all of it runs in seconds on any machine.

use rand_chacha::{rand_core::SeedableRng, ChaCha8Rng};

use super::{
    gguf::{Gguf, Kind, Tensor, Value},
    numbers::uniform,
};

const WIDTH: usize = 64;
const FEED_FORWARD: usize = 96;
const LAYERS: usize = 4;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_LEN: usize = WIDTH / HEADS;
/// The token that ends a text.
pub(super) const END: u32 = 1;
pub(super) const CONTEXT_TOKENS: u32 = 1_024;
/// A token that follows neither often nor hardly ever.
const LIKE_END: usize = 79;
/// How far the likeliest tokens stand out: so little that texts vary.
const SHARPNESS: f32 = 2.0;
const TEMPLATE: &str = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}";

/// A model whose weights follow from a seed. Its tokens are the bytes.
pub(super) fn model(seed: u64) -> Gguf {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let tokens = tokens();
    // Were the output matrix the embedding, each token would most likely follow itself.
    let mut output = numbers(tokens.len(), WIDTH, &mut random);
    // A text ends as likely as some byte follows, which is often enough.
    output.copy_within(LIKE_END * WIDTH..(LIKE_END + 1) * WIDTH, END as usize * WIDTH);
    let embedding = numbers(tokens.len(), WIDTH, &mut random);
    let mut tensors =
        vec![matrix("token_embd.weight".into(), WIDTH, &embedding), matrix("output.weight".into(), WIDTH, &output)];
    tensors.push(Tensor::new("output_norm.weight".into(), vec![WIDTH as u64], Kind::F32, &[SHARPNESS; WIDTH]));
    for layer in 0..LAYERS {
        for part in ["attn_norm", "ffn_norm"] {
            let name = format!("blk.{layer}.{part}.weight");
            tensors.push(Tensor::new(name, vec![WIDTH as u64], Kind::F32, &[1.0; WIDTH]));
        }
        for (part, rows, columns) in [
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", KV_HEADS * HEAD_LEN, WIDTH),
            ("attn_v", KV_HEADS * HEAD_LEN, WIDTH),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_gate", FEED_FORWARD, WIDTH),
            ("ffn_up", FEED_FORWARD, WIDTH),
            ("ffn_down", WIDTH, FEED_FORWARD),
        ] {
            tensors.push(matrix(format!("blk.{layer}.{part}.weight"), columns, &numbers(rows, columns, &mut random)));
        }
    }
    Gguf { keys: keys(&tokens), tensors }
}

fn numbers(rows: usize, columns: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let scale = 1.5 / (columns as f32).sqrt();
    (0..rows * columns).map(|_| uniform(random) * scale).collect()
}

fn matrix(name: String, columns: usize, numbers: &[f32]) -> Tensor {
    Tensor::new(name, vec![columns as u64, (numbers.len() / columns) as u64], Kind::Q8_0, numbers)
}

fn keys(tokens: &[String]) -> Vec<(String, Value)> {
    let mut kinds = vec![1; tokens.len()];
    (kinds[0], kinds[1]) = (3, 3);
    let number = |number: usize| Value::number(number as u32);
    [
        ("general.architecture", Value::text("llama")),
        ("llama.block_count", number(LAYERS)),
        ("llama.context_length", Value::number(CONTEXT_TOKENS)),
        ("llama.embedding_length", number(WIDTH)),
        ("llama.feed_forward_length", number(FEED_FORWARD)),
        ("llama.attention.head_count", number(HEADS)),
        ("llama.attention.head_count_kv", number(KV_HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::float(1e-5)),
        ("tokenizer.ggml.model", Value::text("gpt2")),
        ("tokenizer.ggml.pre", Value::text("smollm")),
        ("tokenizer.ggml.tokens", Value::texts(tokens)),
        ("tokenizer.ggml.token_type", Value::numbers(&kinds)),
        ("tokenizer.ggml.merges", Value::texts(&["a b".into()])),
        ("tokenizer.ggml.bos_token_id", Value::number(0)),
        ("tokenizer.ggml.eos_token_id", Value::number(END)),
        ("tokenizer.chat_template", Value::text(TEMPLATE)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// Two control tokens, the bytes, and the one pair that can be merged. GPT-2's tokenizer writes a byte that is no visible
/// character of Latin-1 as the next character from U+0100 on.
fn tokens() -> Vec<String> {
    let is_visible = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut others = (0x100..).filter_map(char::from_u32);
    let mut tokens = vec!["<|endoftext|>".to_owned(), "<|im_end|>".to_owned()];
    for byte in 0..=u8::MAX {
        let character = if is_visible(&byte) { char::from(byte) } else { others.next().unwrap_or_default() };
        tokens.push(character.into());
    }
    tokens.push("ab".into());
    tokens
}
