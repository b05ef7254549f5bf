//! Embeddings by the server, some inputs at a time.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::mpsc;

use super::{body, server::Server};
use crate::api::{Embedding, EmbeddingEvent, EngineError};

/// Inputs that the server gets at once, so that vectors leave as they are computed.
const BATCH: usize = 32;
/// Batches that may wait for a reader; then no more are asked for.
const EVENT_CAPACITY: usize = 2;
/// Longest answer, in bytes: 32 vectors of 8,192 numbers, generously spelled.
const MAX_ANSWER_BYTES: usize = 8 << 20;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Vector>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Vector {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u32,
}

/// Starts to embed `inputs` with the model that the server calls `name`.
pub(super) fn start(server: Arc<Server>, name: String, inputs: Vec<String>) -> Embedding {
    let (sender, receiver) = mpsc::channel(EVENT_CAPACITY);
    tokio::spawn(async move {
        let embed = async {
            let last = match embed(&server, &name, &inputs, &sender).await {
                Ok(prompt_tokens) => EmbeddingEvent::Done { prompt_tokens },
                Err(error) => EmbeddingEvent::Failed(error),
            };
            // Whoever went away does not miss it.
            let _ = sender.send(last).await;
        };
        tokio::select! {
            () = embed => (),
            () = sender.closed() => (),
        }
    });
    Embedding { events: receiver }
}

/// Returns the tokens of all inputs.
async fn embed(
    server: &Server,
    name: &str,
    inputs: &[String],
    sender: &mpsc::Sender<EmbeddingEvent>,
) -> Result<u32, EngineError> {
    let mut prompt_tokens: u32 = 0;
    for batch in inputs.chunks(BATCH) {
        let body = body::embeddings(name, batch);
        let response = server.post(body.path, &body.json).await?;
        let (vectors, tokens) = read(&server.read(response, MAX_ANSWER_BYTES).await?, batch.len())?;
        let tokens = tokens.unwrap_or_else(|| batch.iter().map(|input| body::likely_tokens(input.len())).sum());
        prompt_tokens = prompt_tokens.saturating_add(tokens);
        if sender.send(EmbeddingEvent::Vectors { vectors, prompt_tokens }).await.is_err() {
            break;
        }
    }
    Ok(prompt_tokens)
}

/// The vectors of `inputs` inputs, in their order and of length one, and the tokens of the inputs, if the server counts
/// them.
fn read(json: &[u8], inputs: usize) -> Result<(Vec<Vec<f32>>, Option<u32>), EngineError> {
    let wrong = |why: &str| EngineError::Internal(format!("the server's embeddings are wrong: {why}"));
    let Answer { mut data, usage } = serde_json::from_slice(json).map_err(|error| wrong(&error.to_string()))?;
    data.sort_by_key(|vector| vector.index);
    if data.len() != inputs || data.iter().enumerate().any(|(at, vector)| vector.index != at) {
        return Err(wrong("there is not one for each input"));
    }
    let width = data.first().map_or(0, |vector| vector.embedding.len());
    let normalised = data.into_iter().map(|Vector { embedding, .. }| {
        let length = embedding.iter().map(|value| value * value).sum::<f32>().sqrt();
        let usable = embedding.len() == width && length.is_finite() && length > 0.0;
        usable.then(|| embedding.into_iter().map(|value| value / length).collect())
    });
    let vectors = normalised.collect::<Option<_>>().ok_or_else(|| wrong("they have no length, or different widths"))?;
    Ok((vectors, usage.map(|usage| usage.prompt_tokens)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_get_the_inputs_order_and_length_one() {
        let json = r#"{"data": [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [3, 4]}],
            "usage": {"prompt_tokens": 7, "total_tokens": 7}}"#;
        assert_eq!(read(json.as_bytes(), 2).unwrap(), (vec![vec![0.6, 0.8], vec![0.0, 1.0]], Some(7)));
    }

    #[test]
    fn wrong_answers_are_refused() {
        let with = |data: &str| read(format!(r#"{{"data": [{data}]}}"#).as_bytes(), 2);
        for data in [
            "",
            r#"{"index": 0, "embedding": [1]}"#,
            r#"{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}"#,
            r#"{"index": 0, "embedding": [1]}, {"index": 2, "embedding": [1]}"#,
            r#"{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}"#,
            r#"{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [0]}"#,
            r#"{"index": 0, "embedding": []}, {"index": 1, "embedding": []}"#,
            r#"{"index": 0, "embedding": [1e30]}, {"index": 1, "embedding": [1e30]}"#,
        ] {
            assert!(matches!(with(data), Err(EngineError::Internal(_))), "{data}");
        }
    }
}
