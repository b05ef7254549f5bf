//! `POST /v1/completions`

use axum::{body::Body, extract::State, response::Response};
use cuckoo_wire::link::{self, task::Work};
use openai_protocol::{
    common::{LogProbs, StreamOptions, StringOrArray, Usage},
    completion::{
        CompletionChoice, CompletionRequest, CompletionResponse, CompletionStreamChoice, CompletionStreamResponse,
    },
};
use serde_json::{json, Value};

use super::{
    logprobs,
    sampling::{refuse, Shape, Wanted},
    text::{self, Head, TextApi},
};
use crate::{
    auth::Caller,
    dispatch::TokenLogprobs,
    error::{ApiError, ErrorBody},
    openapi::schemas,
    state::SharedState,
};

/// What this endpoint has always produced if not told otherwise.
const DEFAULT_MAX_TOKENS: u32 = 16;

/// Continues a text.
#[utoipa::path(
    post,
    path = "/v1/completions",
    tag = "tasks",
    security(("api_key" = [])),
    request_body = schemas::CompletionRequest,
    responses(
        (status = 200, description = "The continuation; with `stream`, chunks as server-sent events, then `[DONE]`",
            body = schemas::Completion),
        (status = "4XX", description = "The request is wrong", body = ErrorBody),
        (status = "5XX", description = "Nobody could serve it", body = ErrorBody),
    )
)]
pub(crate) async fn create_completion(
    State(state): State<SharedState>,
    caller: Caller,
    body: Body,
) -> Result<Response, ApiError> {
    text::answer::<Completion>(state, caller, body).await
}

struct Completion;

impl TextApi for Completion {
    type Request = CompletionRequest;
    type Response = CompletionResponse;
    type Chunk = CompletionStreamResponse;
    type Choice = CompletionStreamChoice;
    type Logprobs = LogProbs;

    const ID_PREFIX: &'static str = "cmpl-";
    const PROMPT: &'static str = "prompt";

    fn minimal_request() -> Value {
        json!({"model": "", "prompt": ""})
    }

    fn work(request: &CompletionRequest) -> Result<Work, ApiError> {
        to_completion(request).map(Work::Completion)
    }

    fn seed(request: &CompletionRequest) -> Option<i64> {
        request.seed
    }

    fn terms(request: CompletionRequest) -> (String, bool, Option<StreamOptions>) {
        (request.model, request.stream, request.stream_options)
    }

    fn logprobs(tokens: Vec<TokenLogprobs>, offset: u32) -> LogProbs {
        logprobs::of_completion(tokens, offset)
    }

    fn response(
        head: Head,
        text: String,
        logprobs: Option<LogProbs>,
        finish_reason: String,
        usage: Usage,
    ) -> CompletionResponse {
        let choice =
            CompletionChoice { text, index: 0, logprobs, finish_reason: Some(finish_reason), matched_stop: None };
        CompletionResponse {
            id: head.id,
            object: "text_completion".into(),
            created: head.created,
            model: head.model,
            choices: vec![choice],
            usage: Some(usage),
            system_fingerprint: Some(head.fingerprint),
        }
    }

    fn opening() -> Option<CompletionStreamChoice> {
        None
    }

    fn piece(text: String, logprobs: Option<LogProbs>) -> CompletionStreamChoice {
        CompletionStreamChoice { text, index: 0, logprobs, finish_reason: None }
    }

    fn ending(finish_reason: String) -> CompletionStreamChoice {
        CompletionStreamChoice { finish_reason: Some(finish_reason), ..Self::piece(String::new(), None) }
    }

    fn chunk(head: Head, choices: Vec<CompletionStreamChoice>, usage: Option<Usage>) -> CompletionStreamResponse {
        CompletionStreamResponse {
            id: head.id,
            object: "text_completion".into(),
            created: head.created,
            choices,
            model: head.model,
            system_fingerprint: Some(head.fingerprint),
            usage,
        }
    }
}

fn to_completion(request: &CompletionRequest) -> Result<link::Completion, ApiError> {
    refuse_unserved(request)?;
    let prompt = match &request.prompt {
        StringOrArray::String(prompt) => prompt.clone(),
        StringOrArray::Array(prompts) => match prompts.as_slice() {
            [prompt] => prompt.clone(),
            [] => return Err(ApiError::invalid("prompt", "empty_array", "'prompt' must not be empty.")),
            _ => return Err(ApiError::unsupported("prompt", "one prompt is continued; send a request for each")),
        },
    };
    let wanted = Wanted {
        max_tokens: Some(request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS)),
        max_tokens_param: "max_tokens",
        temperature: request.temperature,
        top_p: request.top_p,
        stop: request.stop.as_ref(),
        top_k: request.top_k,
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        repetition_penalty: request.repetition_penalty,
        top_logprobs: request.logprobs,
        top_logprobs_param: "logprobs",
        shape: match &request.json_schema {
            None => Shape::Text,
            Some(schema) => Shape::of_schema("json_schema", schema.clone())?,
        },
    };
    Ok(link::Completion { prompt, sampling: Some(wanted.sampling()?), echo: request.echo })
}

fn refuse_unserved(request: &CompletionRequest) -> Result<(), ApiError> {
    let no_constraint = "text can be constrained by 'json_schema'";
    let not_sampled = "sampling knows temperature, top_p, top_k, penalties, seed and stop";
    refuse(&[
        ("n", request.n.is_some_and(|n| n != 1), "one choice is generated; send the request again for more"),
        ("best_of", request.best_of.is_some_and(|best_of| best_of > 1), "one choice is generated"),
        ("logprobs", request.logprobs.is_some() && request.echo, "the prompt's log-probabilities are not sent"),
        ("suffix", request.suffix.as_ref().is_some_and(|suffix| !suffix.is_empty()), "text is continued, not inserted"),
        ("regex", request.regex.is_some(), no_constraint),
        ("ebnf", request.ebnf.is_some(), no_constraint),
        ("logit_bias", request.logit_bias.as_ref().is_some_and(|bias| !bias.is_empty()), not_sampled),
        ("min_p", request.min_p.is_some_and(|min_p| min_p != 0.0), not_sampled),
        ("min_tokens", request.min_tokens.is_some_and(|min| min > 0), not_sampled),
        ("stop_token_ids", request.stop_token_ids.as_ref().is_some_and(|ids| !ids.is_empty()), "use 'stop'"),
        ("no_stop_trim", request.no_stop_trim, "stop strings are not part of the answer"),
        ("ignore_eos", request.ignore_eos, "generation ends where the model ends it"),
        ("lora_path", request.lora_path.is_some(), "models are served as they are"),
        ("session_params", request.session_params.is_some(), "each request stands by itself"),
        ("return_hidden_states", request.return_hidden_states, "answers are plain text"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion(extra: Value) -> Result<link::Completion, Value> {
        let mut body = json!({"model": "m", "prompt": "once"});
        extra.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        let request = serde_json::from_value(body).unwrap();
        to_completion(&request).map_err(|error| serde_json::to_value(error.body()).unwrap()["error"].clone())
    }

    #[test]
    fn one_prompt_is_taken_as_text_or_list() {
        assert_eq!(completion(json!({})).unwrap().prompt, "once");
        assert_eq!(completion(json!({"prompt": ["one"]})).unwrap().prompt, "one");
        assert_eq!(completion(json!({"prompt": ["one", "two"]})).unwrap_err()["param"], "prompt");
        assert_eq!(completion(json!({"prompt": []})).unwrap_err()["code"], "empty_array");
    }

    #[test]
    fn sixteen_tokens_are_the_default() {
        assert_eq!(completion(json!({})).unwrap().sampling.unwrap().max_tokens, 16);
        assert_eq!(completion(json!({"max_tokens": 0})).unwrap_err()["param"], "max_tokens");
    }

    #[test]
    fn what_cannot_be_served_is_refused_by_name() {
        for (param, extra) in [
            ("n", json!({"n": 3})),
            ("best_of", json!({"best_of": 2})),
            ("logprobs", json!({"logprobs": 0, "echo": true})),
            ("suffix", json!({"suffix": "end"})),
        ] {
            assert_eq!(completion(extra).unwrap_err()["param"], param);
        }
    }
}
