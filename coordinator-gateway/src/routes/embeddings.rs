//! `POST /v1/embeddings`

use axum::{body::Body, extract::State, response::Response, Json};
use base64::{engine::general_purpose::STANDARD, Engine};
use cuckoo_wire::{
    limits::MAX_EMBEDDING_INPUTS,
    link::{self, task::Work, ModelKind},
};
use openai_protocol::embedding::EmbeddingRequest;
use serde::Serialize;
use serde_json::{json, Value};
use utoipa::ToSchema;

use super::{
    json_body::read_json,
    served::{new_task, task_error, with_headers},
};
use crate::{
    auth::Caller,
    dispatch::values_of,
    error::{ApiError, ErrorBody},
    openapi::schemas,
    state::SharedState,
};

/// Embeds texts.
#[utoipa::path(
    post,
    path = "/v1/embeddings",
    tag = "tasks",
    security(("api_key" = [])),
    request_body = schemas::EmbeddingRequest,
    responses(
        (status = 200, description = "One vector for each input, in their order", body = EmbeddingList),
        (status = "4XX", description = "The request is wrong", body = ErrorBody),
        (status = "5XX", description = "Nobody could serve it", body = ErrorBody),
    )
)]
pub(crate) async fn create_embeddings(
    State(state): State<SharedState>,
    caller: Caller,
    body: Body,
) -> Result<Response, ApiError> {
    let minimal = json!({"model": "", "input": ""});
    let (request, memory): (EmbeddingRequest, _) =
        read_json(body, state.body_limits(state.limits.max_embedding_body_bytes), minimal).await?;
    if request.dimensions.is_some() {
        return Err(ApiError::unsupported("dimensions", "vectors have the length that the model gives them"));
    }
    let encoding = Encoding::try_from(request.encoding_format.as_deref())?;
    let work = Work::Embedding(link::Embedding { inputs: inputs_of(request.input)? });
    let task = new_task(&state, caller, request.model.clone(), ModelKind::Embedding, work, None, memory);
    let task_id = task.id_hex();
    let answer = state.dispatcher.complete(task).await.map_err(|error| task_error(error, &task_id, "input"))?;
    let prompt_tokens = answer.completed.usage.prompt_tokens;
    let data = answer.vectors.iter().enumerate().map(|(index, vector)| EmbeddingItem {
        object: "embedding",
        index,
        embedding: encoding.encode(vector),
    });
    let list = EmbeddingList {
        object: "list",
        data: data.collect(),
        model: request.model,
        usage: EmbeddingUsage { prompt_tokens, total_tokens: prompt_tokens },
    };
    Ok(with_headers(Json(list), &task_id, Some(&answer.served_by)))
}

fn inputs_of(input: Value) -> Result<Vec<String>, ApiError> {
    let inputs = match input {
        Value::String(text) => vec![text],
        Value::Array(items) => items.into_iter().map(text_of).collect::<Result<_, _>>()?,
        _ => return Err(ApiError::invalid("input", "invalid_type", "'input' must be a string or a list of strings.")),
    };
    if inputs.is_empty() || inputs.len() > MAX_EMBEDDING_INPUTS {
        let message = format!("'input' must have 1 to {MAX_EMBEDDING_INPUTS} strings, got {}.", inputs.len());
        return Err(ApiError::invalid("input", "out_of_range", message));
    }
    if inputs.iter().any(String::is_empty) {
        return Err(ApiError::invalid("input", "invalid_value", "'input' must not contain an empty string."));
    }
    Ok(inputs)
}

fn text_of(item: Value) -> Result<String, ApiError> {
    match item {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Array(_) => {
            Err(ApiError::unsupported("input", "send text, the miner has the tokenizer"))
        }
        _ => Err(ApiError::invalid("input", "invalid_type", "'input' must be a string or a list of strings.")),
    }
}

/// How vectors are written.
#[derive(Clone, Copy)]
enum Encoding {
    Float,
    Base64,
}

impl TryFrom<Option<&str>> for Encoding {
    type Error = ApiError;

    fn try_from(format: Option<&str>) -> Result<Self, ApiError> {
        match format {
            None | Some("float") => Ok(Self::Float),
            Some("base64") => Ok(Self::Base64),
            Some(_) => Err(ApiError::invalid(
                "encoding_format",
                "invalid_value",
                "'encoding_format' must be 'float' or 'base64'.",
            )),
        }
    }
}

impl Encoding {
    fn encode(self, vector: &[u8]) -> Vector {
        match self {
            Self::Float => Vector::Float(values_of(vector).collect()),
            Self::Base64 => Vector::Base64(STANDARD.encode(vector)),
        }
    }
}

/// The vectors of one request.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmbeddingList {
    /// Always `list`.
    object: &'static str,
    data: Vec<EmbeddingItem>,
    model: String,
    usage: EmbeddingUsage,
}

/// The vector of one input.
#[derive(Serialize, ToSchema)]
struct EmbeddingItem {
    /// Always `embedding`.
    object: &'static str,
    /// Which input.
    index: usize,
    embedding: Vector,
}

/// Numbers, or with `encoding_format: base64` little-endian f32 in base64.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Vector {
    Float(Vec<f32>),
    Base64(String),
}

/// Tokens read.
#[derive(Serialize, ToSchema)]
struct EmbeddingUsage {
    prompt_tokens: u32,
    total_tokens: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(input: Value) -> Option<String> {
        let error = inputs_of(input).err()?;
        serde_json::to_value(error.body()).unwrap()["error"]["code"].as_str().map(str::to_owned)
    }

    #[test]
    fn texts_are_taken_one_or_many() {
        assert_eq!(inputs_of(json!("a")).unwrap(), ["a"]);
        assert_eq!(inputs_of(json!(["a", "b"])).unwrap(), ["a", "b"]);
    }

    #[test]
    fn other_inputs_are_refused() {
        for (input, expected) in [
            (json!([]), "out_of_range"),
            (json!(["a", ""]), "invalid_value"),
            (json!([1, 2]), "unsupported_parameter"),
            (json!([[1], [2]]), "unsupported_parameter"),
            (json!({"a": 1}), "invalid_type"),
            (json!([true]), "invalid_type"),
            (json!(vec!["x"; MAX_EMBEDDING_INPUTS + 1]), "out_of_range"),
        ] {
            assert_eq!(code(input).as_deref(), Some(expected));
        }
    }

    #[test]
    fn both_encodings_carry_the_same_values() {
        let vector: Vec<u8> = [0.5f32, -1.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let json = |encoding: Encoding| serde_json::to_value(encoding.encode(&vector)).unwrap();
        assert_eq!(json(Encoding::Float), json!([0.5, -1.0]));
        assert_eq!(json(Encoding::Base64), json!("AAAAPwAAgL8="));
    }
}
