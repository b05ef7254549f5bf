//! Parameters that chat and plain completions share.

use cuckoo_wire::{limits::MAX_STOP_STRINGS, link};
use openai_protocol::common::{StreamOptions, StringOrArray};

use crate::error::ApiError;

/// Longest stop string, in bytes.
const MAX_STOP_BYTES: usize = 256;

/// How tokens are chosen, as the client wrote it.
pub(super) struct Wanted<'a> {
    pub(super) max_tokens: Option<u32>,
    pub(super) max_tokens_param: &'static str,
    pub(super) temperature: Option<f32>,
    pub(super) top_p: Option<f32>,
    pub(super) seed: Option<i64>,
    pub(super) stop: Option<&'a StringOrArray>,
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
        Ok(link::Sampling {
            max_tokens: self.max_tokens.unwrap_or(0),
            temperature,
            top_p,
            // A client that asks for no seed wants different answers each time.
            seed: self.seed.map_or_else(rand::random, i64::cast_unsigned),
            stop: self.stop.map(stop_strings).transpose()?.unwrap_or_default(),
        })
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
            seed: None,
            stop: None,
        }
    }

    fn param(wanted: Wanted<'_>) -> Option<String> {
        let error = wanted.sampling().err()?;
        serde_json::to_value(error.body()).unwrap()["error"]["param"].as_str().map(str::to_owned)
    }

    #[test]
    fn defaults_are_those_of_the_api() {
        let sampling = Wanted { seed: Some(-1), ..wanted() }.sampling().unwrap();
        assert_eq!((sampling.max_tokens, sampling.temperature, sampling.top_p), (0, 1.0, 1.0));
        assert_eq!(sampling.seed, u64::MAX);
        assert_ne!(wanted().sampling().unwrap().seed, wanted().sampling().unwrap().seed);
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
        ];
        for (name, wanted) in cases {
            assert_eq!(param(wanted).as_deref(), Some(name));
        }
    }
}
