//! How tokens are to be chosen.

use cuckoo_engine::{ResponseFormat, Sampling, Seed};
use cuckoo_wire::{
    limits::{MAX_PENALTY, MAX_REPETITION_PENALTY, MAX_SCHEMA_BYTES, MAX_STOP_STRINGS, MAX_TOP_LOGPROBS},
    link::{self, sampling::Format},
    sampling::parameters,
};

use crate::Invalid;

/// Above it, sampling is noise.
const MAX_TEMPERATURE: f32 = 2.0;

pub(crate) fn read(sampling: &link::Sampling, seed: Seed) -> Result<Sampling, Invalid> {
    // Ranges do not contain NaN, so that it is refused with the rest.
    if !(0.0..=MAX_TEMPERATURE).contains(&sampling.temperature) {
        return Err(Invalid::new(format!("temperature must be from 0 to {MAX_TEMPERATURE}")));
    }
    if !(f32::MIN_POSITIVE..=1.0).contains(&sampling.top_p) {
        return Err(Invalid::new("top_p must be above 0 and at most 1"));
    }
    if sampling.stop.len() > MAX_STOP_STRINGS || sampling.stop.iter().any(String::is_empty) {
        let reason = format!("at most {MAX_STOP_STRINGS} stop strings are possible, and none may be empty");
        return Err(Invalid::new(reason));
    }
    let penalties = [sampling.frequency_penalty, sampling.presence_penalty];
    if !penalties.iter().all(|penalty| (-MAX_PENALTY..=MAX_PENALTY).contains(penalty)) {
        return Err(Invalid::new(format!("penalties must be from -{MAX_PENALTY} to {MAX_PENALTY}")));
    }
    if !(f32::MIN_POSITIVE..=MAX_REPETITION_PENALTY).contains(&sampling.repetition_penalty) {
        let reason = format!("the repetition penalty must be above 0 and at most {MAX_REPETITION_PENALTY}");
        return Err(Invalid::new(reason));
    }
    if sampling.logprobs.is_some_and(|top| top > MAX_TOP_LOGPROBS) {
        let reason = format!("log-probabilities of at most {MAX_TOP_LOGPROBS} alternatives are reported");
        return Err(Invalid::new(reason));
    }
    Ok(Sampling {
        max_tokens: Some(sampling.max_tokens).filter(|max| *max > 0),
        draw: parameters(sampling),
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        repetition_penalty: sampling.repetition_penalty,
        seed,
        stop: sampling.stop.clone(),
        logprobs: sampling.logprobs,
        format: read_format(sampling.format.as_ref())?,
    })
}

fn read_format(format: Option<&Format>) -> Result<ResponseFormat, Invalid> {
    match format {
        None => Ok(ResponseFormat::Text),
        Some(Format::JsonObject(link::AnyObject {})) => Ok(ResponseFormat::JsonObject),
        Some(Format::JsonSchema(schema)) if schema.len() <= MAX_SCHEMA_BYTES => {
            Ok(ResponseFormat::JsonSchema(schema.clone()))
        }
        Some(Format::JsonSchema(_)) => Err(Invalid::new(format!("a schema may have {MAX_SCHEMA_BYTES} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use cuckoo_sampler::{Parameters, ONE};

    use super::*;

    const SEED: Seed = [7; 32];

    fn sampling() -> link::Sampling {
        link::Sampling {
            max_tokens: 5,
            temperature: 0.5,
            top_p: 0.9,
            stop: vec!["x".into()],
            top_k: 40,
            frequency_penalty: 0.1,
            presence_penalty: -0.2,
            repetition_penalty: 1.1,
            logprobs: Some(3),
            format: Some(Format::JsonSchema("{}".into())),
        }
    }

    #[test]
    fn all_of_it_is_read() {
        let expected = Sampling {
            max_tokens: Some(5),
            draw: Parameters { temperature: ONE / 2, top_k: 40, top_p: 58_982 },
            frequency_penalty: 0.1,
            presence_penalty: -0.2,
            repetition_penalty: 1.1,
            seed: SEED,
            stop: vec!["x".into()],
            logprobs: Some(3),
            format: ResponseFormat::JsonSchema("{}".into()),
        };
        assert_eq!(read(&sampling(), SEED).unwrap(), expected);
        let object = link::Sampling { format: Some(Format::JsonObject(link::AnyObject {})), ..sampling() };
        assert_eq!(read(&object, SEED).unwrap().format, ResponseFormat::JsonObject);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let senseless = [
            link::Sampling { temperature: f32::NAN, ..sampling() },
            link::Sampling { temperature: -0.1, ..sampling() },
            link::Sampling { temperature: 2.1, ..sampling() },
            link::Sampling { top_p: 0.0, ..sampling() },
            link::Sampling { top_p: f32::INFINITY, ..sampling() },
            link::Sampling { stop: vec!["x".into(); 5], ..sampling() },
            link::Sampling { stop: vec![String::new()], ..sampling() },
            link::Sampling { frequency_penalty: 2.1, ..sampling() },
            link::Sampling { presence_penalty: f32::NAN, ..sampling() },
            link::Sampling { repetition_penalty: 0.0, ..sampling() },
            link::Sampling { repetition_penalty: f32::INFINITY, ..sampling() },
            link::Sampling { logprobs: Some(21), ..sampling() },
            link::Sampling { format: Some(Format::JsonSchema("x".repeat(MAX_SCHEMA_BYTES + 1))), ..sampling() },
        ];
        for sampling in senseless {
            assert!(read(&sampling, SEED).is_err(), "{sampling:?}");
        }
    }
}
