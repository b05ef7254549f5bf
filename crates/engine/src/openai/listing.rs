//! What a server says of its models.

use serde::Deserialize;

use crate::api::EngineError;

/// Most characters of a name that an error repeats.
const SHOWN: usize = 80;

/// The answer to `/v1/models`.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    data: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    owned_by: Option<String>,
    /// vLLM's word for the context.
    #[serde(default)]
    max_model_len: Option<u32>,
    /// llama.cpp's.
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    #[serde(default)]
    n_ctx: Option<u32>,
}

/// A model that the server has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Name of the server's program, as far as it can be told.
    pub(super) software: String,
    pub(super) context_tokens: Option<u32>,
}

impl Listing {
    pub(super) fn parse(json: &[u8]) -> Result<Self, EngineError> {
        serde_json::from_slice(json)
            .map_err(|error| EngineError::Internal(format!("the server's list of models cannot be read: {error}")))
    }

    /// The model of this name.
    pub(super) fn find(&self, name: &str) -> Option<Listed> {
        let entry = self.data.iter().find(|entry| entry.id == name)?;
        let context = entry.max_model_len.or(entry.meta.as_ref().and_then(|meta| meta.n_ctx));
        Some(Listed {
            software: software(entry.owned_by.as_deref().unwrap_or_default()),
            context_tokens: context.filter(|tokens| *tokens > 0),
        })
    }

    /// Says that the model is not there, and which are.
    pub(super) fn without(&self, name: &str) -> String {
        let names: Vec<String> = self.data.iter().take(8).map(|entry| entry.id.chars().take(SHOWN).collect()).collect();
        match names.is_empty() {
            true => format!("it has no model {name:?}; it lists none: is one loaded?"),
            false => format!("it has no model {name:?}; it has {}", names.join(", ")),
        }
    }
}

/// What lists its models as this owner's.
fn software(owner: &str) -> String {
    match owner {
        "llamacpp" => "llama.cpp".into(),
        "vllm" => "vllm".into(),
        "library" => "ollama".into(),
        _ => "other".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(json: &str) -> Option<Listed> {
        Listing::parse(json.as_bytes()).unwrap().find("m")
    }

    #[test]
    fn servers_list_their_models_in_their_own_ways() {
        let of = |software: &str, context_tokens| Some(Listed { software: software.into(), context_tokens });
        let llama_cpp = r#"{"models": [], "data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx": 1024}}]}"#;
        assert_eq!(find(llama_cpp), of("llama.cpp", Some(1024)));
        assert_eq!(
            find(r#"{"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 2048}]}"#),
            of("vllm", Some(2048))
        );
        assert_eq!(find(r#"{"data": [{"id": "m", "owned_by": "library", "created": 1}]}"#), of("ollama", None));
        // A made-up owner does not get into the numeric class.
        assert_eq!(find(r#"{"data": [{"id": "m", "owned_by": "x/../y"}]}"#), of("other", None));
        assert_eq!(find(r#"{"data": [{"id": "n"}]}"#), None);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for json in ["", "[]", "{}", r#"{"data": [{}]}"#] {
            assert!(Listing::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
