//! Reading a JSON body, and saying which parameter is wrong when it is.

use std::time::Duration;

use axum::body::Body;
use bytes::BytesMut;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    error::{shortened, ApiError},
    request_memory::{RequestMemory, TakenMemory},
};

/// Parameters looked at to find the wrong one; no honest request has more.
const MAX_PROBED: usize = 200;

/// What a body may take.
#[derive(Clone)]
pub(crate) struct BodyLimits {
    /// Most bytes of this one.
    pub(crate) bytes: usize,
    /// Longest wait for all of it.
    pub(crate) patience: Duration,
    /// Shared by all bodies.
    pub(crate) memory: RequestMemory,
}

/// Reads a body and decodes it; its memory is taken until the returned part is dropped. `minimal` is the smallest
/// request that decodes.
pub(super) async fn read_json<T: DeserializeOwned>(
    body: Body,
    limits: BodyLimits,
    minimal: Value,
) -> Result<(T, TakenMemory), ApiError> {
    let mut taken = TakenMemory::default();
    let bytes = tokio::time::timeout(limits.patience, collect(body, &limits, &mut taken))
        .await
        .unwrap_or_else(|_| Err(ApiError::body_timeout()))?;
    let decoded = serde_json::from_slice(&bytes).map_err(|error| explain::<T>(&bytes, &error, minimal))?;
    Ok((decoded, taken))
}

async fn collect(body: Body, limits: &BodyLimits, taken: &mut TakenMemory) -> Result<BytesMut, ApiError> {
    let limit_bytes = limits.bytes;
    use axum::body::HttpBody;
    // Who announces too much need not send it.
    if body.size_hint().lower() > limit_bytes as u64 {
        return Err(ApiError::too_large(limit_bytes));
    }
    let mut chunks = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad_request("incomplete_body", "The request body broke off."))?;
        if bytes.len() + chunk.len() > limit_bytes {
            return Err(ApiError::too_large(limit_bytes));
        }
        limits.memory.take(taken, chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The decoder does not say which parameter it dislikes, so each is tried by itself in an otherwise good request.
fn explain<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error, minimal: Value) -> ApiError {
    let Ok(sent) = serde_json::from_slice::<Value>(bytes) else {
        return ApiError::bad_request("invalid_json", format!("The body is not valid JSON: {error}."));
    };
    let (Value::Object(sent), Value::Object(minimal)) = (sent, minimal) else {
        return ApiError::bad_request("invalid_json", "The body must be a JSON object.");
    };
    if let Some(missing) = minimal.keys().find(|name| !sent.contains_key(*name)) {
        return ApiError::invalid(
            missing.clone(),
            "missing_required_parameter",
            format!("Missing required parameter: '{missing}'."),
        );
    }
    let wrong = sent.into_iter().take(MAX_PROBED).find_map(|(name, value)| {
        let sent = shortened(&value.to_string());
        let reason = decode_with::<T>(&minimal, &name, value).err()?;
        Some((shortened(&name), reason, sent))
    });
    match wrong {
        Some((name, reason, sent)) => {
            let reason = shortened(&reason.to_string());
            let message = format!("Invalid value for '{name}': {reason}; got {sent}.");
            ApiError::invalid(name, "invalid_type", message)
        }
        None => ApiError::bad_request("invalid_json", format!("The body cannot be read: {error}.")),
    }
}

fn decode_with<T: DeserializeOwned>(minimal: &Map<String, Value>, name: &str, value: Value) -> serde_json::Result<T> {
    let mut probe = minimal.clone();
    probe.insert(name.to_owned(), value);
    serde_json::from_value(Value::Object(probe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openai_protocol::chat::ChatCompletionRequest;
    use serde_json::json;

    async fn read(body: impl Into<Body>) -> Result<ChatCompletionRequest, Value> {
        let minimal = json!({"model": "", "messages": []});
        let memory = RequestMemory::new(1500);
        let limits = BodyLimits { bytes: 1000, patience: Duration::from_millis(200), memory };
        let read = read_json(body.into(), limits, minimal).await;
        read.map(|(request, _)| request).map_err(|error| serde_json::to_value(error.body()).unwrap()["error"].clone())
    }

    #[tokio::test]
    async fn wrong_types_name_the_parameter() {
        for (name, value) in [
            ("temperature", json!("hot")),
            ("max_tokens", json!(-5)),
            ("messages", json!("hi")),
            ("messages", json!([{"role": "wizard", "content": "x"}])),
            ("stream", json!("yes")),
            ("model", json!(7)),
        ] {
            let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
            body[name] = value;
            let error = read(body.to_string()).await.unwrap_err();
            assert_eq!((error["param"].as_str(), error["code"].as_str()), (Some(name), Some("invalid_type")));
        }
    }

    #[tokio::test]
    async fn missing_parameters_are_named() {
        let error = read(r#"{"model":"m"}"#).await.unwrap_err();
        assert_eq!(error["param"], "messages");
        assert_eq!(error["code"], "missing_required_parameter");
    }

    #[tokio::test]
    async fn what_is_not_an_object_is_refused() {
        for body in ["{\"model\":", "[]", "7", "", "\u{0}"] {
            assert_eq!(read(body).await.unwrap_err()["code"], "invalid_json", "{body:?}");
        }
    }

    #[tokio::test]
    async fn bodies_have_a_limit_announced_or_not() {
        assert_eq!(read("x".repeat(1001)).await.unwrap_err()["code"], "request_too_large");
        let chunks = futures::stream::iter((0..11).map(|_| Ok::<_, std::io::Error>(vec![b' '; 100])));
        assert_eq!(read(Body::from_stream(chunks)).await.unwrap_err()["code"], "request_too_large");
    }

    #[tokio::test]
    async fn bodies_that_do_not_come_time_out() {
        let silent = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        assert_eq!(read(Body::from_stream(silent)).await.unwrap_err()["code"], "request_timeout");
    }

    #[tokio::test]
    async fn unknown_parameters_are_ignored() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"of_tomorrow":{"a":1}}"#;
        assert_eq!(read(body).await.unwrap().model, "m");
    }
}
