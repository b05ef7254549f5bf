//! What the server is asked.

use cuckoo_sampler::{Parameters, MAX_CANDIDATES, ONE};
use serde_json::{json, Map, Value};

use crate::api::{EngineError, GenerateRequest, Prompt, ResponseFormat, Sampling};

/// Tokens around each message that a template may add.
const TOKENS_AROUND_EACH: usize = 16;
/// Tokens that it may add once.
const TEMPLATE_TOKENS: usize = 64;

/// A request to the server.
#[derive(Debug)]
pub(super) struct Body {
    /// Below `/v1/`.
    pub(super) path: &'static str,
    pub(super) json: Value,
}

/// A generation on the model that the server calls `name`.
pub(super) fn generation(request: &GenerateRequest, name: &str, context_tokens: u32) -> Result<Body, EngineError> {
    let mut fields = Map::new();
    let mut set = |field: &str, value: Value| fields.insert(field.to_owned(), value);
    set("model", json!(name));
    set("stream", json!(true));
    // Tokens are counted by the server alone: at the end, by vLLM after each piece too, and the prompt's by llama.cpp
    // before the first.
    set("stream_options", json!({"include_usage": true, "continuous_usage_stats": true}));
    set("return_progress", json!(true));
    // Thoughts are text: they are paid like text, so they are sent like text.
    set("reasoning_format", json!("none"));
    for (field, value) in sampling(&request.sampling)? {
        set(field, value);
    }
    let path = match &request.prompt {
        Prompt::Chat(messages) => {
            let message = |message: &crate::api::ChatMessage| json!({"role": message.role, "content": message.content});
            set("messages", messages.iter().map(message).collect());
            if let Some(alternatives) = request.sampling.logprobs {
                set("logprobs", json!(true));
                // Asked for none, llama.cpp's server does not report the chosen token either.
                set("top_logprobs", json!(alternatives.max(1)));
            }
            // vLLM refuses what may not fit. Where that is not sure, the answer is ended here, see `is_told`.
            if let Some(most) = request.sampling.max_tokens.filter(|_| is_told(request, context_tokens)) {
                set("max_tokens", json!(most));
            }
            "chat/completions"
        }
        Prompt::Text(text) => {
            if request.sampling.logprobs.is_some() {
                return Err(EngineError::InvalidRequest(
                    "this model gives log-probabilities in chats only, since its server has no one way for others"
                        .into(),
                ));
            }
            set("prompt", json!(text));
            // Without a number some servers stop after 16 tokens. A token has at least a byte.
            let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
            let room = context_tokens.saturating_sub(bytes.saturating_add(1)).max(1);
            set("max_tokens", json!(request.sampling.max_tokens.map_or(room, |most| most.min(context_tokens))));
            "completions"
        }
    };
    Ok(Body { path, json: Value::Object(fields) })
}

/// Whether the server is told how many tokens the answer may have.
pub(super) fn is_told(request: &GenerateRequest, context_tokens: u32) -> bool {
    let Prompt::Chat(messages) = &request.prompt else { return true };
    let prompt = messages.iter().map(|message| message.role.len() + message.content.len() + TOKENS_AROUND_EACH);
    // A token has at least a byte.
    let prompt = u32::try_from(prompt.sum::<usize>().saturating_add(TEMPLATE_TOKENS)).unwrap_or(u32::MAX);
    let room = context_tokens.saturating_sub(prompt);
    request.sampling.max_tokens.is_some_and(|most| most <= room)
}

/// What the prompt has by experience, in tokens, for servers that do not say: English has four bytes a token.
pub(super) fn likely_prompt(prompt: &Prompt) -> u32 {
    let bytes = match prompt {
        Prompt::Chat(messages) => messages.iter().map(|message| message.content.len()).sum(),
        Prompt::Text(text) => text.len(),
    };
    likely_tokens(bytes)
}

/// The same of so many bytes.
pub(super) fn likely_tokens(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX)
}

/// Embeddings by the model that the server calls `name`.
pub(super) fn embeddings(name: &str, inputs: &[String]) -> Body {
    Body { path: "embeddings", json: json!({"model": name, "input": inputs, "encoding_format": "float"}) }
}

/// How to choose tokens. What is left at its default is not named, since not every server knows it.
fn sampling(sampling: &Sampling) -> Result<Vec<(&'static str, Value)>, EngineError> {
    let Sampling { draw, frequency_penalty, presence_penalty, repetition_penalty, .. } = sampling;
    let Parameters { temperature, top_k, top_p } = draw;
    let part_of_one = |number: &u32| json!(f64::from(*number) / f64::from(ONE));
    let seed = sampling.seed.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mut fields = vec![
        ("temperature", part_of_one(temperature)),
        ("top_p", part_of_one(top_p)),
        // Servers take seeds of 31 bits. Seeds of ours that differ in any of their first 64 bits should differ there.
        ("seed", json!((seed ^ (seed >> 31) ^ (seed >> 62)) & 0x7fff_ffff)),
    ];
    // All that we know of is no bound for a server.
    if usize::from(*top_k) < MAX_CANDIDATES {
        fields.push(("top_k", json!(top_k)));
    }
    for (field, penalty) in [("frequency_penalty", frequency_penalty), ("presence_penalty", presence_penalty)] {
        if *penalty != 0.0 {
            fields.push((field, json!(penalty)));
        }
    }
    if *repetition_penalty != 1.0 {
        // vLLM's name and llama.cpp's.
        fields
            .extend([("repetition_penalty", json!(repetition_penalty)), ("repeat_penalty", json!(repetition_penalty))]);
    }
    if !sampling.stop.is_empty() {
        fields.push(("stop", json!(sampling.stop)));
    }
    match &sampling.format {
        ResponseFormat::Text => {}
        ResponseFormat::JsonObject => fields.push(("response_format", json!({"type": "json_object"}))),
        ResponseFormat::JsonSchema(schema) => {
            let schema: Value = serde_json::from_str(schema)
                .map_err(|error| EngineError::InvalidRequest(format!("the JSON schema is no JSON: {error}")))?;
            let named = json!({"name": "answer", "strict": true, "schema": schema});
            fields.push(("response_format", json!({"type": "json_schema", "json_schema": named})));
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ChatMessage;

    fn asked(prompt: Prompt, sampling: Sampling) -> Body {
        generation(&GenerateRequest::new("m", prompt, sampling), "served", 100).unwrap()
    }

    fn chat() -> Prompt {
        Prompt::Chat(vec![ChatMessage { role: "user".into(), content: "hi".into() }])
    }

    #[test]
    fn a_chat_names_what_was_asked_for_and_nothing_else() {
        let body = asked(chat(), Sampling { max_tokens: Some(9), logprobs: Some(2), ..Sampling::default() });
        assert_eq!(body.path, "chat/completions");
        assert_eq!(body.json["model"], "served");
        assert_eq!(body.json["messages"], json!([{"role": "user", "content": "hi"}]));
        assert_eq!((&body.json["max_tokens"], &body.json["top_logprobs"]), (&json!(9), &json!(2)));
        for unnamed in ["top_k", "frequency_penalty", "repetition_penalty", "stop", "response_format"] {
            assert!(body.json.get(unnamed).is_none(), "{unnamed}");
        }
        assert!(asked(chat(), Sampling::default()).json.get("max_tokens").is_none());
    }

    #[test]
    fn parameters_are_parts_of_one() {
        let draw = Parameters { temperature: ONE / 2, top_k: 63, top_p: ONE / 4 };
        let body = asked(chat(), Sampling { draw, ..Sampling::default() }).json;
        assert_eq!((&body["temperature"], &body["top_p"]), (&json!(0.5), &json!(0.25)));
        assert_eq!(body["top_k"], json!(63));
    }

    #[test]
    fn a_chat_that_may_not_fit_is_not_told_how_many_tokens() {
        // 4 bytes of role, 2 of text, and what a template may add.
        for (most, told) in [(14, Some(14)), (15, None), (u32::MAX, None)] {
            let body = asked(chat(), Sampling { max_tokens: Some(most), ..Sampling::default() });
            assert_eq!(body.json.get("max_tokens").and_then(Value::as_u64), told, "{most}");
        }
    }

    #[test]
    fn at_least_one_alternative_is_asked_for() {
        let body = asked(chat(), Sampling { logprobs: Some(0), ..Sampling::default() });
        assert_eq!((&body.json["logprobs"], &body.json["top_logprobs"]), (&json!(true), &json!(1)));
    }

    #[test]
    fn a_text_always_says_how_many_tokens() {
        let text = |length: usize, max_tokens| {
            asked(Prompt::Text("x".repeat(length)), Sampling { max_tokens, ..Sampling::default() }).json["max_tokens"]
                .take()
        };
        assert_eq!(text(39, None), json!(60));
        assert_eq!(text(5_000, None), json!(1));
        assert_eq!(text(5, Some(7)), json!(7));
    }

    #[test]
    fn seeds_fit_into_31_bits_and_every_bit_counts() {
        let seed = |number: u64| {
            let mut seed = [9; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            asked(chat(), Sampling { seed, ..Sampling::default() }).json["seed"].as_u64().unwrap()
        };
        let seeds: std::collections::HashSet<u64> = (0..64).map(|bit| seed(1 << bit)).collect();
        assert!(seeds.iter().all(|seed| (1..=0x7fff_ffff).contains(seed)), "{seeds:?}");
        assert_eq!(seed(7), 7);
    }

    #[test]
    fn schemas_are_passed_on_as_json() {
        let format =
            |schema: &str| Sampling { format: ResponseFormat::JsonSchema(schema.into()), ..Sampling::default() };
        let body = asked(chat(), format(r#"{"type": "object"}"#)).json;
        assert_eq!(body["response_format"]["json_schema"]["schema"], json!({"type": "object"}));
        let request = GenerateRequest::new("m", chat(), format("{"));
        assert!(matches!(generation(&request, "served", 100), Err(EngineError::InvalidRequest(_))));
    }

    #[test]
    fn log_probabilities_of_a_text_are_refused() {
        let sampling = Sampling { logprobs: Some(1), ..Sampling::default() };
        let request = GenerateRequest::new("m", Prompt::Text("x".into()), sampling);
        assert!(matches!(generation(&request, "served", 100), Err(EngineError::InvalidRequest(_))));
    }
}
