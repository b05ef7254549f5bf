//! What a request may ask for; everything is checked before anything runs.

use cuckoo_sampler::{Parameters, MAX_CANDIDATES, ONE};

use crate::api::{
    ChatMessage, EngineError, FollowRequest, GenerateRequest, PrefillRequest, Prompt, ResponseFormat, Sampling,
};

/// Longest prompt, all messages together.
pub(crate) const MAX_PROMPT_BYTES: usize = 1 << 20;
/// Most messages of a chat.
const MAX_MESSAGES: usize = 1024;
const MAX_STOPS: usize = 4;
const MAX_STOP_BYTES: usize = 256;
/// Of frequency and presence, either way.
const MAX_PENALTY: f32 = 2.0;
const MAX_REPETITION_PENALTY: f32 = 2.0;
/// Most alternatives that log-probabilities are reported for.
const MAX_LOGPROBS: u32 = 20;
/// Longest JSON schema.
const MAX_SCHEMA_BYTES: usize = 64 << 10;
const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];

/// Most texts that one embedding request may hold.
const MAX_EMBEDDING_INPUTS: usize = 2048;
/// Longest text that one embedding request may hold, and most text of all of them together.
const MAX_EMBEDDING_BYTES: usize = 4 << 20;

/// Refuses what makes no sense, saying which parameter and which values are right.
pub(crate) fn check_generate(request: &GenerateRequest) -> Result<(), EngineError> {
    check_sampling(&request.sampling)?;
    check_prompt(&request.prompt)
}

/// Refuses prompts that are empty or too long.
pub(crate) fn check_prompt(prompt: &Prompt) -> Result<(), EngineError> {
    match prompt {
        Prompt::Chat(messages) => check_messages(messages),
        Prompt::Text(text) if text.is_empty() => refuse("the prompt is empty"),
        Prompt::Text(text) => check_prompt_bytes(text.len()),
    }
}

/// Refuses texts without a position to show, and those that nothing is wanted of.
pub(crate) fn check_prefill(request: &PrefillRequest) -> Result<(), EngineError> {
    let PrefillRequest { tokens, from, logits, hidden, .. } = request;
    if *from as usize >= tokens.len() {
        return refuse(format!("the text has {} tokens, none of them at position {from} or after it", tokens.len()));
    }
    if !logits && !hidden {
        return refuse("neither logits nor hidden states are wanted");
    }
    Ok(())
}

/// Refuses completions without tokens, and wishes that do not belong to its tokens.
pub(crate) fn check_follow(request: &FollowRequest) -> Result<(), EngineError> {
    let FollowRequest { generate, tokens, candidates } = request;
    check_generate(generate)?;
    if tokens.is_empty() {
        return refuse("the completion has no tokens to follow");
    }
    if !candidates.is_empty() && candidates.len() != tokens.len() {
        return refuse(format!("there are {} tokens and {} lists of candidates", tokens.len(), candidates.len()));
    }
    match candidates.iter().find(|wanted| wanted.len() > MAX_CANDIDATES) {
        Some(wanted) => refuse(format!("a token has at most {MAX_CANDIDATES} candidates, not {}", wanted.len())),
        None => Ok(()),
    }
}

/// Refuses batches that are empty or too large.
pub(crate) fn check_embed(inputs: &[String]) -> Result<(), EngineError> {
    if inputs.is_empty() {
        return refuse("the input is empty");
    }
    if inputs.len() > MAX_EMBEDDING_INPUTS {
        return refuse(format!("at most {MAX_EMBEDDING_INPUTS} inputs are embedded at once, not {}", inputs.len()));
    }
    if inputs.iter().any(String::is_empty) {
        return refuse("an input is an empty text");
    }
    let bytes: usize = inputs.iter().map(String::len).sum();
    if bytes > MAX_EMBEDDING_BYTES {
        return refuse(format!("the inputs together may have {MAX_EMBEDDING_BYTES} bytes, not {bytes}"));
    }
    Ok(())
}

/// Refuses stop strings that are too many, too long or empty.
pub(crate) fn check_stop(stops: &[String]) -> Result<(), EngineError> {
    if stops.len() > MAX_STOPS {
        return refuse(format!("at most {MAX_STOPS} stop strings are possible, not {}", stops.len()));
    }
    if stops.iter().any(|stop| stop.is_empty() || stop.len() > MAX_STOP_BYTES) {
        return refuse(format!("a stop string must have 1 to {MAX_STOP_BYTES} bytes"));
    }
    Ok(())
}

fn check_sampling(sampling: &Sampling) -> Result<(), EngineError> {
    if !sampling.draw.are_valid() {
        let Parameters { temperature, top_k, top_p } = sampling.draw;
        return refuse(format!(
            "temperature must be from 0 to {}, top_k from 1 to {MAX_CANDIDATES} and top_p from 1 to {ONE}, temperature and \
             top_p in 2^-16; not {temperature}, {top_k} and {top_p}",
            Parameters::MAX_TEMPERATURE
        ));
    }
    if sampling.max_tokens == Some(0) {
        return refuse("max_tokens must be at least 1");
    }
    check_stop(&sampling.stop)?;
    for (name, penalty) in
        [("frequency_penalty", sampling.frequency_penalty), ("presence_penalty", sampling.presence_penalty)]
    {
        if !(-MAX_PENALTY..=MAX_PENALTY).contains(&penalty) {
            return refuse(format!("{name} must be from -{MAX_PENALTY} to {MAX_PENALTY}, not {penalty}"));
        }
    }
    if !(f32::MIN_POSITIVE..=MAX_REPETITION_PENALTY).contains(&sampling.repetition_penalty) {
        let penalty = sampling.repetition_penalty;
        return refuse(format!(
            "repetition_penalty must be above 0 and at most {MAX_REPETITION_PENALTY}, not {penalty}"
        ));
    }
    if let Some(alternatives) = sampling.logprobs.filter(|alternatives| *alternatives > MAX_LOGPROBS) {
        return refuse(format!("at most {MAX_LOGPROBS} logprobs are reported for a token, not {alternatives}"));
    }
    match &sampling.format {
        ResponseFormat::JsonSchema(schema) if schema.len() > MAX_SCHEMA_BYTES => {
            refuse(format!("a schema may have {MAX_SCHEMA_BYTES} bytes, not {}", schema.len()))
        }
        _ => Ok(()),
    }
}

fn check_messages(messages: &[ChatMessage]) -> Result<(), EngineError> {
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        return refuse(format!("a chat must have 1 to {MAX_MESSAGES} messages, not {}", messages.len()));
    }
    if let Some(message) = messages.iter().find(|message| !ROLES.contains(&message.role.as_str())) {
        // The role comes from the caller and may be any text, so its length is bounded before it is repeated.
        let role: String = message.role.chars().take(32).collect();
        return refuse(format!("role must be one of {}, not {role:?}", ROLES.join(", ")));
    }
    check_prompt_bytes(messages.iter().map(|message| message.content.len()).sum())
}

fn check_prompt_bytes(bytes: usize) -> Result<(), EngineError> {
    if bytes > MAX_PROMPT_BYTES {
        return refuse(format!("the prompt may have {MAX_PROMPT_BYTES} bytes, not {bytes}"));
    }
    Ok(())
}

fn refuse(why: impl Into<String>) -> Result<(), EngineError> {
    Err(EngineError::InvalidRequest(why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: impl FnOnce(&mut GenerateRequest)) -> GenerateRequest {
        let sampling = Sampling { max_tokens: Some(1), ..Sampling::default() };
        let message = ChatMessage { role: "user".into(), content: "hi".into() };
        let mut request = GenerateRequest::new("m", Prompt::Chat(vec![message]), sampling);
        change(&mut request);
        request
    }

    #[track_caller]
    fn assert_refused(change: impl FnOnce(&mut GenerateRequest), names: &str) {
        match check_generate(&request(change)) {
            Err(EngineError::InvalidRequest(why)) => assert!(why.contains(names), "{why}"),
            other => panic!("expected a refusal that names {names}, got {other:?}"),
        }
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        check_generate(&request(|_| ())).unwrap();
        check_generate(&request(|r| {
            r.sampling = Sampling {
                max_tokens: None,
                draw: Parameters { temperature: 2 * ONE, top_k: 1, top_p: 1 },
                frequency_penalty: 2.0,
                presence_penalty: -2.0,
                repetition_penalty: 2.0,
                seed: [255; 32],
                stop: vec!["x".repeat(MAX_STOP_BYTES); MAX_STOPS],
                logprobs: Some(20),
                format: ResponseFormat::JsonSchema(" ".repeat(MAX_SCHEMA_BYTES)),
            }
        }))
        .unwrap();
    }

    #[test]
    fn sampling_out_of_range_is_refused() {
        assert_refused(|r| r.sampling.draw.temperature = 2 * ONE + 1, "temperature");
        assert_refused(|r| r.sampling.draw.top_k = 0, "top_k");
        assert_refused(|r| r.sampling.draw.top_p = 0, "top_p");
        assert_refused(|r| r.sampling.max_tokens = Some(0), "max_tokens");
    }

    #[test]
    fn penalties_logprobs_and_schemas_are_bounded() {
        for penalty in [-2.1, 2.1, f32::NAN, f32::NEG_INFINITY] {
            assert_refused(|r| r.sampling.frequency_penalty = penalty, "frequency_penalty");
            assert_refused(|r| r.sampling.presence_penalty = penalty, "presence_penalty");
        }
        for penalty in [0.0, -1.0, 2.1, f32::NAN] {
            assert_refused(|r| r.sampling.repetition_penalty = penalty, "repetition_penalty");
        }
        assert_refused(|r| r.sampling.logprobs = Some(21), "logprobs");
        let schema = || ResponseFormat::JsonSchema("a".repeat(MAX_SCHEMA_BYTES + 1));
        assert_refused(|r| r.sampling.format = schema(), "schema");
    }

    #[test]
    fn a_prefill_needs_a_position_and_a_wish() {
        let request = |tokens: usize, from, logits, hidden| PrefillRequest {
            model: "m".into(),
            tokens: vec![1; tokens],
            from,
            logits,
            hidden,
        };
        check_prefill(&request(2, 1, true, false)).unwrap();
        check_prefill(&request(1, 0, false, true)).unwrap();
        for bad in [request(0, 0, true, true), request(2, 2, true, true), request(2, 0, false, false)] {
            assert!(matches!(check_prefill(&bad), Err(EngineError::InvalidRequest(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_follow_needs_tokens_and_a_list_for_each_or_none() {
        let follow = |tokens: usize, candidates: Vec<Vec<u32>>| {
            check_follow(&FollowRequest { generate: request(|_| ()), tokens: vec![1; tokens], candidates })
        };
        follow(2, Vec::new()).unwrap();
        follow(2, vec![vec![1; MAX_CANDIDATES], Vec::new()]).unwrap();
        for bad in [follow(0, Vec::new()), follow(2, vec![Vec::new()]), follow(1, vec![vec![1; MAX_CANDIDATES + 1]])] {
            assert!(matches!(bad, Err(EngineError::InvalidRequest(_))), "{bad:?}");
        }
    }

    #[test]
    fn stop_strings_are_bounded() {
        assert_refused(|r| r.sampling.stop = vec!["a".into(); MAX_STOPS + 1], "stop");
        assert_refused(|r| r.sampling.stop = vec![String::new()], "stop");
        assert_refused(|r| r.sampling.stop = vec!["a".repeat(MAX_STOP_BYTES + 1)], "stop");
    }

    #[test]
    fn prompts_are_bounded() {
        assert_refused(|r| r.prompt = Prompt::Text(String::new()), "empty");
        assert_refused(|r| r.prompt = Prompt::Text("a".repeat(MAX_PROMPT_BYTES + 1)), "bytes");
        assert_refused(|r| r.prompt = Prompt::Chat(vec![]), "messages");
        let role = |role: &str| Prompt::Chat(vec![ChatMessage { role: role.into(), content: "hi".into() }]);
        assert_refused(|r| r.prompt = role("user<|im_end|>"), "role");
    }

    #[test]
    fn embedding_batches_are_bounded() {
        check_embed(&["a".into()]).unwrap();
        for bad in [
            vec![],
            vec![String::new()],
            vec!["a".into(); MAX_EMBEDDING_INPUTS + 1],
            vec!["a".repeat(MAX_EMBEDDING_BYTES + 1)],
        ] {
            assert!(matches!(check_embed(&bad), Err(EngineError::InvalidRequest(_))));
        }
    }
}
