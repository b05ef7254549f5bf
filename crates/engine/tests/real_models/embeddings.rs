use cuckoo_engine::{EmbeddingEvent, Embeddings, Engine, EngineError, LocalEngine, ModelKind};
use futures::future::join_all;
use serde::Deserialize;

use crate::load::{engine, EMBEDDING};

const CAT: &str = "A cat is sleeping on the sofa.";
const KITTEN: &str = "The kitten naps on the couch.";
const RATES: &str = "The central bank raised interest rates again.";

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

async fn embed(engine: &LocalEngine, inputs: Vec<String>) -> Embeddings {
    engine.embed(EMBEDDING, inputs).await.unwrap().all().await.unwrap()
}

/// `tests/golden/minilm.json`: what sentence-transformers computes on a processor in f32, each text by itself, as mean over
/// at most 256 tokens, of length one.
#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    vector: Vec<f32>,
}

#[tokio::test]
async fn vectors_are_those_of_sentence_transformers() {
    let engine = engine(EMBEDDING, 1, 16);
    let Reference { cases } = serde_json::from_str(include_str!("../golden/minilm.json")).unwrap();
    assert_eq!(cases.len(), 8);
    for Case { text, vector } in cases {
        let ours = embed(&engine, vec![text.clone()]).await.vectors.remove(0);
        let angle = 1.0 - cosine(&ours, &vector);
        assert!(ours.len() == vector.len() && angle < 1e-5, "{text:.40}: {angle}");
    }
}

#[tokio::test]
async fn similar_sentences_are_closer_than_unrelated_ones() {
    let engine = engine(EMBEDDING, 1, 0);
    let embeddings = embed(&engine, texts(&[CAT, KITTEN, RATES])).await;
    let [cat, kitten, rates] = &embeddings.vectors[..] else { panic!("three vectors") };
    let (similar, unrelated) = (cosine(cat, kitten), cosine(cat, rates));
    assert!(similar > 0.5 && unrelated < 0.2, "{similar} {unrelated}");
    assert_eq!(cat.len(), 384);
    assert!((cosine(cat, cat) - 1.0).abs() < 1e-5);
    assert_eq!(embeddings.prompt_tokens, 30);
    let info = &engine.models()[0];
    assert_eq!((info.kind, info.context_tokens), (ModelKind::Embedding, 256));
}

#[tokio::test]
async fn a_vector_depends_on_its_text_alone() {
    let engine = engine(EMBEDDING, 1, 16);
    let long = "A long text about nothing in particular, that goes on. ".repeat(30);
    let inputs = texts(&[RATES, &long, CAT, "Yes", KITTEN, CAT]);
    let together = embed(&engine, inputs.clone()).await.vectors;
    let alone = join_all(inputs.iter().map(|input| embed(&engine, vec![input.clone()]))).await;
    for (together, alone) in together.iter().zip(alone) {
        assert!(distance(together, &alone.vectors[0]) < 1e-4);
    }
    assert_eq!(together[2], together[5]);
}

#[tokio::test]
async fn only_the_models_context_counts() {
    let engine = engine(EMBEDDING, 1, 0);
    let long = "word ".repeat(10_000);
    let embeddings = embed(&engine, texts(&[&long])).await;
    assert_eq!(embeddings.prompt_tokens, 256);
}

#[tokio::test]
async fn empty_or_foreign_requests_are_refused() {
    let engine = engine(EMBEDDING, 1, 0);
    for inputs in [vec![], texts(&[""])] {
        assert!(matches!(engine.embed(EMBEDDING, inputs).await, Err(EngineError::InvalidRequest(_))));
    }
    assert!(matches!(engine.embed("other", texts(&["a"])).await, Err(EngineError::UnknownModel(_))));
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused() {
    let engine = engine(EMBEDDING, 1, 1);
    let mut embeddings = Vec::new();
    for _ in 0..4 {
        embeddings.push(engine.embed(EMBEDDING, texts(&[CAT; 64])).await.map(|embedding| embedding.all()));
    }
    let refused = embeddings.iter().filter(|embedding| matches!(embedding, Err(EngineError::Overloaded))).count();
    assert_eq!(refused, 2, "one computes, one waits");
}

#[tokio::test]
async fn vectors_leave_as_they_are_computed() {
    let engine = engine(EMBEDDING, 1, 0);
    let long = "A long text about nothing in particular, that goes on. ".repeat(30);
    let mut embedding = engine.embed(EMBEDDING, vec![long; 24]).await.unwrap();
    let mut parts = Vec::new();
    while let Some(EmbeddingEvent::Vectors { vectors, .. }) = embedding.events.recv().await {
        parts.push(vectors.len());
    }
    assert_eq!(parts, [8, 8, 8]);
}
