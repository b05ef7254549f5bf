//! Parameters that chat and plain completions share.

use cuckoo_wire::{
    limits::{MAX_PENALTY, MAX_REPETITION_PENALTY, MAX_SCHEMA_BYTES, MAX_STOP_STRINGS, MAX_TOP_LOGPROBS},
    link::{self, sampling::Format},
};
use openai_protocol::common::{StreamOptions, StringOrArray};

use crate::error::ApiError;

/// Longest stop string, in bytes.
const MAX_STOP_BYTES: usize = 256;
/// Most tokens of an answer with log-probabilities: these take many times the memory of its text.
const MAX_REPORTED_TOKENS: u32 = 16_384;

/// How tokens are chosen, as the client wrote it.
pub(super) struct Wanted<'a> {
    pub(super) max_tokens: Option<u32>,
    pub(super) max_tokens_param: &'static str,
    pub(super) temperature: Option<f32>,
    pub(super) top_p: Option<f32>,
    pub(super) stop: Option<&'a StringOrArray>,
    /// -1 and 0: all tokens.
    pub(super) top_k: Option<i32>,
    pub(super) frequency_penalty: Option<f32>,
    pub(super) presence_penalty: Option<f32>,
    pub(super) repetition_penalty: Option<f32>,
    pub(super) top_logprobs: Option<u32>,
    pub(super) top_logprobs_param: &'static str,
    pub(super) shape: Shape,
}

/// What an answer must look like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Any text.
    Text,
    /// Some JSON object.
    Object,
    /// What this JSON schema describes.
    Schema(String),
}

impl Shape {
    /// Of a schema that the client sent as `param`. Whether it can be followed, the miner finds out.
    pub(super) fn of_schema(param: &'static str, schema: String) -> Result<Self, ApiError> {
        match schema.len() <= MAX_SCHEMA_BYTES {
            true => Ok(Self::Schema(schema)),
            false => Err(out_of_range(param, &format!("at most {MAX_SCHEMA_BYTES} bytes"), schema.len())),
        }
    }

    fn format(&self) -> Option<Format> {
        match self {
            Self::Text => None,
            Self::Object => Some(Format::JsonObject(link::AnyObject {})),
            Self::Schema(schema) => Some(Format::JsonSchema(schema.clone())),
        }
    }
}

impl Wanted<'_> {
    /// Checks ranges and fills in what the API's defaults are.
    pub(super) fn sampling(&self) -> Result<link::Sampling, ApiError> {
        if self.max_tokens == Some(0) {
            return Err(out_of_range(self.max_tokens_param, "at least 1", 0));
        }
        let temperature = self.temperature.unwrap_or(1.0);
        if !(0.0..=2.0).contains(&temperature) {
            return Err(out_of_range("temperature", "between 0 and 2", temperature));
        }
        let top_p = self.top_p.unwrap_or(1.0);
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(out_of_range("top_p", "above 0 and at most 1", top_p));
        }
        let (frequency_penalty, presence_penalty) = (
            penalty("frequency_penalty", self.frequency_penalty)?,
            penalty("presence_penalty", self.presence_penalty)?,
        );
        let repetition_penalty = self.repetition_penalty.unwrap_or(1.0);
        if !(f32::MIN_POSITIVE..=MAX_REPETITION_PENALTY).contains(&repetition_penalty) {
            let expected = format!("above 0 and at most {MAX_REPETITION_PENALTY}");
            return Err(out_of_range("repetition_penalty", &expected, repetition_penalty));
        }
        let top_k = match self.top_k.unwrap_or(-1) {
            -1 => 0,
            top_k => u32::try_from(top_k).map_err(|_| out_of_range("top_k", "-1 or more", top_k))?,
        };
        Ok(link::Sampling {
            max_tokens: self.most_tokens()?,
            temperature,
            top_p,
            stop: self.stop.map(stop_strings).transpose()?.unwrap_or_default(),
            top_k,
            frequency_penalty,
            presence_penalty,
            repetition_penalty,
            logprobs: self.top_logprobs,
            format: self.shape.format(),
        })
    }

    /// What the miner is told; 0 if only the context bounds the answer.
    fn most_tokens(&self) -> Result<u32, ApiError> {
        let Some(top) = self.top_logprobs else { return Ok(self.max_tokens.unwrap_or(0)) };
        if top > MAX_TOP_LOGPROBS {
            return Err(out_of_range(self.top_logprobs_param, &format!("at most {MAX_TOP_LOGPROBS}"), top));
        }
        match self.max_tokens.unwrap_or(MAX_REPORTED_TOKENS) {
            most if most <= MAX_REPORTED_TOKENS => Ok(most),
            most => {
                let expected = format!("at most {MAX_REPORTED_TOKENS} with log-probabilities");
                Err(out_of_range(self.max_tokens_param, &expected, most))
            }
        }
    }
}

fn penalty(param: &'static str, penalty: Option<f32>) -> Result<f32, ApiError> {
    let penalty = penalty.unwrap_or(0.0);
    match (-MAX_PENALTY..=MAX_PENALTY).contains(&penalty) {
        true => Ok(penalty),
        false => Err(out_of_range(param, &format!("between -{MAX_PENALTY} and {MAX_PENALTY}"), penalty)),
    }
}

fn stop_strings(stop: &StringOrArray) -> Result<Vec<String>, ApiError> {
    let stop = stop.to_vec();
    if stop.len() > MAX_STOP_STRINGS {
        return Err(out_of_range("stop", "at most 4 strings", stop.len()));
    }
    if stop.iter().any(|text| text.is_empty() || text.len() > MAX_STOP_BYTES) {
        let message = format!("Each string in 'stop' must have 1 to {MAX_STOP_BYTES} bytes.");
        return Err(ApiError::invalid("stop", "invalid_value", message));
    }
    Ok(stop)
}

pub(super) fn out_of_range(param: &'static str, expected: &str, got: impl std::fmt::Display) -> ApiError {
    ApiError::invalid(param, "out_of_range", format!("Invalid '{param}': expected {expected}, got {got}."))
}

/// Whether the client wants a chunk with the numbers of tokens.
pub(super) fn wants_usage(stream: bool, options: Option<&StreamOptions>) -> Result<bool, ApiError> {
    let Some(options) = options else { return Ok(false) };
    if !stream {
        let message = "'stream_options' is only allowed when 'stream' is true.";
        return Err(ApiError::invalid("stream_options", "invalid_value", message));
    }
    if options.continuous_usage_stats == Some(true) {
        return Err(ApiError::unsupported("stream_options", "usage is sent once, at the end"));
    }
    Ok(options.include_usage.unwrap_or(false))
}

/// Refuses the first parameter that is set to what cannot be served. Ignoring it would answer another question than was
/// asked.
pub(super) fn refuse(unserved: &[(&'static str, bool, &str)]) -> Result<(), ApiError> {
    match unserved.iter().find(|(_, is_set, _)| *is_set) {
        Some((param, _, why)) => Err(ApiError::unsupported(*param, why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted<'static> {
        Wanted {
            max_tokens: None,
            max_tokens_param: "max_tokens",
            temperature: None,
            top_p: None,
            stop: None,
            top_k: None,
            frequency_penalty: None,
            presence_penalty: None,
            repetition_penalty: None,
            top_logprobs: None,
            top_logprobs_param: "top_logprobs",
            shape: Shape::Text,
        }
    }

    fn param(wanted: Wanted<'_>) -> Option<String> {
        let error = wanted.sampling().err()?;
        serde_json::to_value(error.body()).unwrap()["error"]["param"].as_str().map(str::to_owned)
    }

    #[test]
    fn defaults_are_those_of_the_api() {
        let sampling = wanted().sampling().unwrap();
        assert_eq!((sampling.max_tokens, sampling.temperature, sampling.top_p), (0, 1.0, 1.0));
        assert_eq!(
            (sampling.top_k, sampling.repetition_penalty, sampling.logprobs, sampling.format),
            (0, 1.0, None, None)
        );
    }

    #[test]
    fn all_of_sampling_is_passed_on() {
        let all = Wanted {
            top_k: Some(40),
            frequency_penalty: Some(0.5),
            presence_penalty: Some(-2.0),
            repetition_penalty: Some(1.1),
            top_logprobs: Some(20),
            shape: Shape::of_schema("schema", "{}".into()).unwrap(),
            ..wanted()
        };
        let sampling = all.sampling().unwrap();
        assert_eq!((sampling.top_k, sampling.frequency_penalty, sampling.presence_penalty), (40, 0.5, -2.0));
        assert_eq!((sampling.repetition_penalty, sampling.logprobs), (1.1, Some(20)));
        assert_eq!(sampling.format, Some(Format::JsonSchema("{}".into())));
        assert_eq!(sampling.max_tokens, 16_384, "no more can be reported");
        let object = Wanted { shape: Shape::Object, ..wanted() }.sampling().unwrap();
        assert_eq!(object.format, Some(Format::JsonObject(link::AnyObject {})));
        assert!(Shape::of_schema("schema", "x".repeat(MAX_SCHEMA_BYTES + 1)).is_err());
    }

    #[test]
    fn ranges_are_checked() {
        let many = StringOrArray::Array(vec!["a".into(); 5]);
        let empty = StringOrArray::String(String::new());
        let long = StringOrArray::String("x".repeat(257));
        let cases = [
            ("max_tokens", Wanted { max_tokens: Some(0), ..wanted() }),
            ("temperature", Wanted { temperature: Some(-0.1), ..wanted() }),
            ("temperature", Wanted { temperature: Some(2.1), ..wanted() }),
            ("temperature", Wanted { temperature: Some(f32::NAN), ..wanted() }),
            ("top_p", Wanted { top_p: Some(0.0), ..wanted() }),
            ("top_p", Wanted { top_p: Some(1.1), ..wanted() }),
            ("stop", Wanted { stop: Some(&many), ..wanted() }),
            ("stop", Wanted { stop: Some(&empty), ..wanted() }),
            ("stop", Wanted { stop: Some(&long), ..wanted() }),
            ("top_k", Wanted { top_k: Some(-2), ..wanted() }),
            ("frequency_penalty", Wanted { frequency_penalty: Some(2.1), ..wanted() }),
            ("presence_penalty", Wanted { presence_penalty: Some(f32::NAN), ..wanted() }),
            ("repetition_penalty", Wanted { repetition_penalty: Some(0.0), ..wanted() }),
            ("top_logprobs", Wanted { top_logprobs: Some(21), ..wanted() }),
            ("max_tokens", Wanted { top_logprobs: Some(0), max_tokens: Some(16_385), ..wanted() }),
        ];
        for (name, wanted) in cases {
            assert_eq!(param(wanted).as_deref(), Some(name));
        }
    }
}
