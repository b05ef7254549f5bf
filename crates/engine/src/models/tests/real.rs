//! The real models that `scripts/setup` fetches.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{
    compute::{candle::CandleCompute, BlockId},
    device::DeviceChoice,
    model_dir::ModelDir,
    models::{load_chat, load_embedding, Backend, KvBudget, Piece, Wanted},
};

const LONG: &str = "A long text about nothing in particular, that goes on. ";
/// First numbers of the vectors that candle's own BERT computes for these texts.
const VECTORS: [(&str, [f32; 12]); 5] = [
    (
        "A cat is sleeping on the sofa.",
        [
            0.15907694,
            -0.07851278,
            -0.055252872,
            0.031272724,
            0.008495213,
            0.027220817,
            -0.047739666,
            -0.014639731,
            0.040938392,
            0.056718398,
            -0.12106383,
            0.04883193,
        ],
    ),
    (
        "The kitten naps on the couch.",
        [
            0.061574083,
            -0.026444973,
            -0.02939945,
            0.06687181,
            0.023245346,
            0.041453235,
            -0.059697863,
            -0.032874487,
            0.047705937,
            0.031669054,
            -0.089882076,
            0.04078235,
        ],
    ),
    (
        "The central bank raised interest rates again.",
        [
            0.03442312,
            -0.059167285,
            -0.039915133,
            0.019491186,
            0.03005841,
            -0.05300884,
            -0.10404179,
            0.048143946,
            0.015509918,
            -0.010221121,
            0.016822005,
            0.1227787,
        ],
    ),
    (
        "Yes",
        [
            -0.11735701,
            0.00064505223,
            0.02938634,
            0.027500497,
            0.014984355,
            -0.022233624,
            0.13759549,
            0.042150367,
            -0.051626228,
            -0.10332098,
            0.025486417,
            0.060432278,
        ],
    ),
    (
        LONG,
        [
            0.04560087,
            -0.0022668515,
            0.040615246,
            0.015750853,
            0.023952797,
            -0.024323514,
            0.048346877,
            0.014416535,
            0.046795376,
            0.010405947,
            0.01870982,
            0.0035266571,
        ],
    ),
];

#[track_caller]
fn dir(id: &str) -> ModelDir {
    let models = ModelDir::default_models_dir().expect("HOME or CUCKOO_MODELS_DIR is set");
    ModelDir::open(&models, id).unwrap_or_else(|error| panic!("run scripts/setup first\n{error}"))
}

/// Our own kernels, and what a GPU computes with.
fn backends() -> [Backend; 2] {
    let candle = CandleCompute::new(candle_core::Device::Cpu);
    [Backend::open(DeviceChoice::Cpu, None, false, true).unwrap(), Backend::Candle(Arc::new(candle))]
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn smollm2_knows_the_capital_of_france() {
    backends().iter().for_each(knows_the_capital_of_france);
}

fn knows_the_capital_of_france(backend: &Backend) {
    let budget = KvBudget { bytes: 64 << 20, texts: NonZeroUsize::MIN };
    let mut chat = load_chat(&dir("smollm2-135m-instruct"), backend, budget).unwrap();
    assert!(chat.numeric_class.ends_with("/q4_1"), "{}", chat.numeric_class);
    assert!(chat.template.is_some() && chat.context_tokens > 0);
    let blocks: Vec<BlockId> = (0..chat.model.blocks() as u32).rev().map(BlockId).collect();
    let mut tokens = chat.tokenizer.encode("The capital of France is").unwrap();
    let mut detokenizer = chat.tokenizer.detokenizer();
    let (mut text, mut read) = (String::new(), 0);
    for _ in 0..8 {
        let piece = Piece { tokens: &tokens[read..], position: read, blocks: &blocks, wanted: Wanted::Last };
        let outputs = chat.model.forward(&[piece]).unwrap();
        read = tokens.len();
        let logits = outputs[0][0].logits.iter().copied().zip(0u32..);
        let (_, token) = logits.max_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap();
        text += &detokenizer.push(token);
        tokens.push(token);
    }
    assert!(text.starts_with(" Paris"), "{text:?}");
}

#[test]
fn minilm_makes_the_vectors_of_its_reference() {
    backends().iter().for_each(makes_the_vectors_of_its_reference);
}

fn makes_the_vectors_of_its_reference(backend: &Backend) {
    let embedding = load_embedding(&dir("all-minilm-l6-v2"), backend).unwrap();
    assert!(embedding.numeric_class.ends_with("/f32") && embedding.context_tokens == 256);
    let tokens: Vec<Vec<u32>> = VECTORS
        .iter()
        .map(|(text, _)| embedding.model.tokenise(&if *text == LONG { LONG.repeat(30) } else { text.to_string() }))
        .collect::<Result<_, _>>()
        .unwrap();
    let texts: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
    let together = embedding.model.forward(&texts).unwrap();
    for ((vector, text), (name, expected)) in together.iter().zip(&texts).zip(&VECTORS) {
        let off = vector.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(vector.len() == 384 && off < 2e-5, "{name}: off by {off}");
        let alone = embedding.model.forward(&[*text]).unwrap();
        assert!(cosine(vector, &alone[0]) > 0.999_99, "{name}");
    }
    assert!(embedding.model.forward(&[&[0; 600]]).is_err() && embedding.model.forward(&[&[u32::MAX]]).is_err());
    assert!(embedding.model.forward(&[]).unwrap().is_empty());
}
