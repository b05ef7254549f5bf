//! `POST /v1/chat/completions`

use axum::{body::Body, extract::State, response::Response};
use cuckoo_wire::link::{self, task::Work};
use openai_protocol::{
    chat::{
        ChatChoice, ChatCompletionMessage, ChatCompletionRequest, ChatCompletionResponse, ChatCompletionStreamResponse,
        ChatMessage, ChatMessageDelta, ChatStreamChoice, MessageContent,
    },
    common::{ChatLogProbs, ContentPart, ResponseFormat, StreamOptions, ToolChoice, ToolChoiceValue, Usage},
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

/// Most characters of a participant's name.
const MAX_NAME_CHARS: usize = 64;

/// Answers a chat.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "tasks",
    security(("api_key" = [])),
    request_body = schemas::ChatCompletionRequest,
    responses(
        (status = 200, description = "The answer; with `stream`, chunks as server-sent events, then `[DONE]`",
            body = schemas::ChatCompletion),
        (status = "4XX", description = "The request is wrong", body = ErrorBody),
        (status = "5XX", description = "Nobody could serve it", body = ErrorBody),
    )
)]
pub(crate) async fn create_chat_completion(
    State(state): State<SharedState>,
    caller: Caller,
    body: Body,
) -> Result<Response, ApiError> {
    text::answer::<Chat>(state, caller, body).await
}

struct Chat;

impl TextApi for Chat {
    type Request = ChatCompletionRequest;
    type Response = ChatCompletionResponse;
    type Chunk = ChatCompletionStreamResponse;
    type Choice = ChatStreamChoice;
    type Logprobs = ChatLogProbs;

    const ID_PREFIX: &'static str = "chatcmpl-";
    const PROMPT: &'static str = "messages";

    fn minimal_request() -> Value {
        json!({"model": "", "messages": []})
    }

    fn work(request: &ChatCompletionRequest) -> Result<Work, ApiError> {
        to_chat(request).map(Work::Chat)
    }

    #[allow(deprecated)] // it has no successor
    fn seed(request: &ChatCompletionRequest) -> Option<i64> {
        request.seed
    }

    fn terms(request: ChatCompletionRequest) -> (String, bool, Option<StreamOptions>) {
        (request.model, request.stream, request.stream_options)
    }

    fn logprobs(tokens: Vec<TokenLogprobs>, _offset: u32) -> ChatLogProbs {
        logprobs::of_chat(tokens)
    }

    fn response(
        head: Head,
        text: String,
        logprobs: Option<ChatLogProbs>,
        finish_reason: String,
        usage: Usage,
    ) -> ChatCompletionResponse {
        let message = ChatCompletionMessage {
            role: "assistant".into(),
            content: Some(text),
            refusal: None,
            annotations: Vec::new(),
            tool_calls: None,
            reasoning_content: None,
        };
        let choice = ChatChoice {
            index: 0,
            message,
            logprobs,
            finish_reason: Some(finish_reason),
            matched_stop: None,
            hidden_states: None,
        };
        ChatCompletionResponse {
            id: head.id,
            object: "chat.completion".into(),
            created: head.created,
            model: head.model,
            choices: vec![choice],
            usage: Some(usage),
            system_fingerprint: Some(head.fingerprint),
            service_tier: openai_protocol::chat::DEFAULT_SERVICE_TIER.into(),
        }
    }

    fn opening() -> Option<ChatStreamChoice> {
        Some(choice(Some("assistant".into()), Some(String::new()), None))
    }

    fn piece(text: String, logprobs: Option<ChatLogProbs>) -> ChatStreamChoice {
        ChatStreamChoice { logprobs, ..choice(None, Some(text), None) }
    }

    fn ending(finish_reason: String) -> ChatStreamChoice {
        choice(None, None, Some(finish_reason))
    }

    fn chunk(head: Head, choices: Vec<ChatStreamChoice>, usage: Option<Usage>) -> ChatCompletionStreamResponse {
        ChatCompletionStreamResponse {
            id: head.id,
            object: "chat.completion.chunk".into(),
            created: head.created,
            model: head.model,
            system_fingerprint: Some(head.fingerprint),
            choices,
            usage,
        }
    }
}

fn choice(role: Option<String>, content: Option<String>, finish_reason: Option<String>) -> ChatStreamChoice {
    let delta = ChatMessageDelta { role, content, tool_calls: None, reasoning_content: None };
    ChatStreamChoice { index: 0, delta, logprobs: None, finish_reason, matched_stop: None }
}

fn to_chat(request: &ChatCompletionRequest) -> Result<link::Chat, ApiError> {
    refuse_unserved(request)?;
    if request.messages.is_empty() {
        return Err(ApiError::invalid("messages", "empty_array", "'messages' must not be empty."));
    }
    let messages = request.messages.iter().enumerate().map(to_message).collect::<Result<_, _>>()?;
    #[allow(deprecated)] // clients still send this name, and it means the same
    let old_max_tokens = request.max_tokens;
    let wanted = Wanted {
        max_tokens: request.max_completion_tokens.or(old_max_tokens),
        max_tokens_param: if request.max_completion_tokens.is_some() { "max_completion_tokens" } else { "max_tokens" },
        temperature: request.temperature,
        top_p: request.top_p,
        stop: request.stop.as_ref(),
        top_k: request.top_k,
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        repetition_penalty: request.repetition_penalty,
        top_logprobs: top_logprobs(request)?,
        top_logprobs_param: "top_logprobs",
        shape: shape(request)?,
    };
    Ok(link::Chat { messages, sampling: Some(wanted.sampling()?) })
}

/// Alternatives to report for each token, if tokens are to be reported.
fn top_logprobs(request: &ChatCompletionRequest) -> Result<Option<u32>, ApiError> {
    match (request.logprobs, request.top_logprobs) {
        (true, top) => Ok(Some(top.unwrap_or(0))),
        (false, None | Some(0)) => Ok(None),
        (false, Some(_)) => {
            let message = "'top_logprobs' is only allowed when 'logprobs' is true.";
            Err(ApiError::invalid("top_logprobs", "invalid_value", message))
        }
    }
}

fn shape(request: &ChatCompletionRequest) -> Result<Shape, ApiError> {
    match &request.response_format {
        None | Some(ResponseFormat::Text) => Ok(Shape::Text),
        Some(ResponseFormat::JsonObject) => Ok(Shape::Object),
        Some(ResponseFormat::JsonSchema { json_schema }) => {
            Shape::of_schema("response_format.json_schema.schema", json_schema.schema.to_string())
        }
    }
}

fn to_message((index, message): (usize, &ChatMessage)) -> Result<link::ChatMessage, ApiError> {
    let (role, content, name) = match message {
        ChatMessage::System { content, name, .. } | ChatMessage::Developer { content, name, .. } => {
            ("system", text_of(index, content)?, name)
        }
        ChatMessage::User { content, name, .. } => ("user", text_of(index, content)?, name),
        ChatMessage::Assistant { content, name, tool_calls, .. } => {
            if tool_calls.as_ref().is_some_and(|calls| !calls.is_empty()) {
                return Err(ApiError::unsupported(
                    format!("messages[{index}].tool_calls"),
                    "models here call no tools",
                ));
            }
            let content = content.as_ref().map(|content| text_of(index, content)).transpose()?;
            ("assistant", content.unwrap_or_default(), name)
        }
        ChatMessage::Tool { .. } | ChatMessage::Function { .. } => {
            return Err(ApiError::unsupported(format!("messages[{index}].role"), "models here call no tools"));
        }
        ChatMessage::Root { .. } => {
            return Err(ApiError::unsupported(format!("messages[{index}].role"), "use 'system'"));
        }
    };
    let name = name.clone().unwrap_or_default();
    if name.chars().count() > MAX_NAME_CHARS {
        let message = format!("'messages[{index}].name' has more than {MAX_NAME_CHARS} characters.");
        return Err(ApiError::invalid(format!("messages[{index}].name"), "string_too_long", message));
    }
    Ok(link::ChatMessage { role: role.to_owned(), content, name })
}

fn text_of(index: usize, content: &MessageContent) -> Result<String, ApiError> {
    let parts = match content {
        MessageContent::Text(text) => return Ok(text.clone()),
        MessageContent::Parts(parts) => parts,
    };
    let texts = parts.iter().map(|part| match part {
        ContentPart::Text { text } => Ok(text.as_str()),
        _ => Err(ApiError::unsupported(format!("messages[{index}].content"), "models here read text only")),
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

fn refuse_unserved(request: &ChatCompletionRequest) -> Result<(), ApiError> {
    #[allow(deprecated)] // refused under their old names too
    let (functions, function_call) = (request.functions.is_some(), request.function_call.is_some());
    let tool_choice =
        !matches!(request.tool_choice, None | Some(ToolChoice::Value(ToolChoiceValue::None | ToolChoiceValue::Auto)));
    let modalities = request.modalities.iter().flatten().any(|modality| modality != "text");
    let no_tools = "models here call no tools";
    let no_constraint = "answers can be constrained by 'response_format'";
    let not_sampled = "sampling knows temperature, top_p, top_k, penalties, seed and stop";
    let as_text = "answers are plain text";
    refuse(&[
        ("n", request.n.is_some_and(|n| n != 1), "one choice is generated; send the request again for more"),
        ("tools", request.tools.as_ref().is_some_and(|tools| !tools.is_empty()), no_tools),
        ("tool_choice", tool_choice, no_tools),
        ("functions", functions, no_tools),
        ("function_call", function_call, no_tools),
        ("regex", request.regex.is_some(), no_constraint),
        ("ebnf", request.ebnf.is_some(), no_constraint),
        ("modalities", modalities, as_text),
        ("return_audio", request.return_audio == Some(true), as_text),
        ("return_hidden_states", request.return_hidden_states, as_text),
        ("logit_bias", request.logit_bias.as_ref().is_some_and(|bias| !bias.is_empty()), not_sampled),
        ("min_p", request.min_p.is_some_and(|min_p| min_p != 0.0), not_sampled),
        ("min_tokens", request.min_tokens.is_some_and(|min| min > 0), not_sampled),
        ("stop_token_ids", request.stop_token_ids.as_ref().is_some_and(|ids| !ids.is_empty()), "use 'stop'"),
        ("no_stop_trim", request.no_stop_trim, "stop strings are not part of the answer"),
        ("ignore_eos", request.ignore_eos, "generation ends where the model ends it"),
        ("continue_final_message", request.continue_final_message, "the answer is a new message"),
        ("lora_path", request.lora_path.is_some(), "models are served as they are"),
        ("session_params", request.session_params.is_some(), "each request stands by itself"),
        ("chat_template_kwargs", request.chat_template_kwargs.is_some(), "templates are used as they are"),
        ("reasoning_effort", request.reasoning_effort.is_some(), "models here do not reason before they answer"),
        ("thinking", request.thinking.is_some(), "models here do not reason before they answer"),
        ("verbosity", request.verbosity.is_some(), "say it in a message"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(extra: Value) -> Result<link::Chat, Value> {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        extra.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        let request = serde_json::from_value(body).unwrap();
        to_chat(&request).map_err(|error| serde_json::to_value(error.body()).unwrap()["error"].clone())
    }

    #[test]
    fn messages_become_plain_text() {
        let chat = chat(json!({"messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "name": "ann", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": null},
        ]}))
        .unwrap();
        let seen: Vec<_> =
            chat.messages.iter().map(|m| (m.role.as_str(), m.content.as_str(), m.name.as_str())).collect();
        assert_eq!(seen, [("system", "be brief", ""), ("user", "a\nb", "ann"), ("assistant", "", "")]);
    }

    #[test]
    fn the_newer_name_of_max_tokens_counts() {
        let max = |extra| chat(extra).unwrap().sampling.unwrap().max_tokens;
        assert_eq!(max(json!({"max_tokens": 5})), 5);
        assert_eq!(max(json!({"max_tokens": 5, "max_completion_tokens": 7})), 7);
        assert_eq!(max(json!({})), 0);
    }

    #[test]
    fn what_cannot_be_served_is_refused_by_name() {
        let function = json!({"type": "function", "function": {"name": "f", "parameters": {}}});
        for (param, extra) in [
            ("n", json!({"n": 2})),
            ("tools", json!({"tools": [function]})),
            ("tool_choice", json!({"tool_choice": "required"})),
            ("regex", json!({"regex": "a*"})),
            ("min_p", json!({"min_p": 0.1})),
            ("logit_bias", json!({"logit_bias": {"5": 1}})),
            (
                "messages[0].content",
                json!({"messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:,"}}]}]}),
            ),
            ("messages[0].role", json!({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]})),
        ] {
            let error = chat(extra).unwrap_err();
            assert_eq!((error["param"].as_str(), error["code"].as_str()), (Some(param), Some("unsupported_parameter")));
        }
    }

    #[test]
    fn values_that_mean_nothing_special_are_served() {
        let harmless = json!({
            "n": 1, "tools": [], "tool_choice": "none", "logprobs": false, "response_format": {"type": "text"},
            "frequency_penalty": 0.0, "user": "u", "metadata": {"a": "b"}, "store": false, "service_tier": "auto",
        });
        assert!(chat(harmless).is_ok());
        assert_eq!(chat(json!({"messages": []})).unwrap_err()["param"], "messages");
    }
}
