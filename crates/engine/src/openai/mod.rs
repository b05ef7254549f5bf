//! An engine in front of a local server that speaks the OpenAI API: vLLM, llama.cpp's server, Ollama.
//!
//! Nobody can check what such a server computed: its models are of the numeric class `unverified/<server>`, and their
//! `model_root` is a hash of the name that the server has for them, which proves nothing about the files behind it.

mod answer;
mod body;
mod chunk;
mod embeddings;
mod key;
mod lines;
mod listing;
mod offer;
mod patience;
#[cfg(test)]
mod scripted;
mod server;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    api::{Embedding, Engine, EngineError, GenerateRequest, Generation, ModelInfo, ModelKind, ResponseFormat},
    error::LoadError,
    request::{check_embed, check_generate},
};
use server::Server;

pub use key::{OpenAiKey, OpenAiKeyError};
pub use offer::{OfferError, OpenAiOffer};

/// Which server, and what of it is offered.
#[derive(Clone, Debug)]
pub struct OpenAiOptions {
    /// Where the server is, `http://` or `https://`, with or without `/v1` at its end.
    pub url: String,
    /// What the server wants to see, if anything.
    pub key: Option<OpenAiKey>,
    /// Its models that are offered.
    pub offers: Vec<OpenAiOffer>,
    /// How long it may take.
    pub limits: OpenAiLimits,
}

/// How long a server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAiLimits {
    /// Until a connection is there.
    pub connect: Duration,
    /// Until it lists its models.
    pub list: Duration,
    /// Until its status, and from there until its first piece of text: it may have a queue, and a long prompt to read. Also
    /// for the whole of an answer that is not streamed.
    pub first: Duration,
    /// Between two pieces of text while it answers; what is without text is no sign of life.
    pub idle: Duration,
}

impl Default for OpenAiLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            list: Duration::from_secs(30),
            first: Duration::from_secs(600),
            idle: Duration::from_secs(120),
        }
    }
}

/// Runs models on a server. It shows no logits and no hidden states, since such servers do not.
pub struct OpenAiEngine {
    server: Arc<Server>,
    models: Vec<Served>,
}

/// A model that is offered.
struct Served {
    info: ModelInfo,
    /// The server's name for it.
    name: String,
}

impl OpenAiEngine {
    /// Asks the server for its models and takes those that are offered. Fails if one is not there, or if nobody says how
    /// long its context is.
    pub async fn connect(options: OpenAiOptions) -> Result<Self, LoadError> {
        let OpenAiOptions { url, key, offers, limits } = options;
        let server = Server::new(&url, key.as_ref(), limits)?;
        let listing = server.list().await.map_err(|error| server.unusable(error.to_string()))?;
        let mut models: Vec<Served> = Vec::new();
        for offer in offers {
            let listed = listing.find(&offer.name).ok_or_else(|| server.unusable(listing.without(&offer.name)))?;
            let context_tokens = offer.context_tokens.or(listed.context_tokens).ok_or_else(|| {
                server.unusable(format!(
                    "it does not say how long the context of {name:?} is: say it, --openai-model {id}={name},context=TOKENS",
                    name = offer.name,
                    id = offer.id
                ))
            })?;
            if models.iter().any(|model| model.info.id == offer.id) {
                return Err(LoadError::Duplicate(offer.id));
            }
            let info = ModelInfo {
                model_root: offer.model_root(),
                id: offer.id,
                kind: offer.kind,
                context_tokens,
                numeric_class: format!("unverified/{}", listed.software),
            };
            tracing::info!(
                target: "engine", context_tokens, numeric_class = info.numeric_class, model.id = info.id,
                "model of a server offered"
            );
            models.push(Served { info, name: offer.name });
        }
        Ok(Self { server: Arc::new(server), models })
    }

    fn model(&self, id: &str, kind: ModelKind) -> Result<&Served, EngineError> {
        let found = self.models.iter().find(|model| model.info.id == id && model.info.kind == kind);
        found.ok_or_else(|| EngineError::UnknownModel(id.to_owned()))
    }
}

#[async_trait]
impl Engine for OpenAiEngine {
    fn models(&self) -> Vec<ModelInfo> {
        self.models.iter().map(|model| model.info.clone()).collect()
    }

    async fn generate(&self, request: GenerateRequest) -> Result<Generation, EngineError> {
        let model = self.model(&request.model, ModelKind::Chat)?;
        check_generate(&request)?;
        if request.records || !request.resumed.is_empty() {
            return Err(EngineError::InvalidRequest(
                "this model's server neither shows how it chooses nor takes up what another began".into(),
            ));
        }
        let context_tokens = model.info.context_tokens;
        let body = body::generation(&request, &model.name, context_tokens)?;
        let most = request.sampling.max_tokens.unwrap_or(u32::MAX).min(context_tokens);
        let response = self.server.post(body.path, &body.json).await?;
        let bounds = answer::Bounds {
            prompt: context_tokens,
            completion: most,
            logprobs: request.sampling.logprobs,
            likely_prompt: body::likely_prompt(&request.prompt),
            is_told: request.sampling.max_tokens.is_none() || body::is_told(&request, context_tokens),
            has_shape: request.sampling.format != ResponseFormat::Text,
        };
        answer::follow(response, self.server.limits(), bounds).await
    }

    async fn unavailable(&self) -> Vec<(String, String)> {
        let lacking = |why: &dyn Fn(&Served) -> Option<String>| {
            self.models.iter().filter_map(|model| Some((model.info.id.clone(), why(model)?))).collect()
        };
        match self.server.list().await {
            Ok(listing) => lacking(&|model| listing.find(&model.name).is_none().then(|| listing.without(&model.name))),
            Err(error) => lacking(&|_| Some(error.to_string())),
        }
    }

    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<Embedding, EngineError> {
        let model = self.model(model, ModelKind::Embedding)?;
        check_embed(&inputs)?;
        Ok(embeddings::start(self.server.clone(), model.name.clone(), inputs))
    }
}
