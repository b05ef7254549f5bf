//! Several engines as one.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;

use crate::{
    api::{
        Embedding, Engine, EngineError, Follow, FollowRequest, GenerateRequest, Generation, ModelInfo, ModelStats,
        Prefill, PrefillRequest, Prompt, Said, SayRequest, SharedEngine,
    },
    error::LoadError,
};

/// Passes each request to the engine that has its model.
pub struct Engines {
    engines: Vec<SharedEngine>,
    models: Vec<ModelInfo>,
    of_model: HashMap<String, SharedEngine>,
}

impl Engines {
    /// Fails if two engines have a model of the same id.
    pub fn new(engines: Vec<SharedEngine>) -> Result<Self, LoadError> {
        let (mut models, mut of_model) = (Vec::new(), HashMap::new());
        for engine in &engines {
            for model in engine.models() {
                if of_model.insert(model.id.clone(), Arc::clone(engine)).is_some() {
                    return Err(LoadError::Duplicate(model.id));
                }
                models.push(model);
            }
        }
        Ok(Self { engines, models, of_model })
    }

    fn engine(&self, model: &str) -> Result<&SharedEngine, EngineError> {
        self.of_model.get(model).ok_or_else(|| EngineError::UnknownModel(model.to_owned()))
    }
}

#[async_trait]
impl Engine for Engines {
    fn models(&self) -> Vec<ModelInfo> {
        self.models.clone()
    }

    async fn generate(&self, request: GenerateRequest) -> Result<Generation, EngineError> {
        self.engine(&request.model)?.generate(request).await
    }

    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<Embedding, EngineError> {
        self.engine(model)?.embed(model, inputs).await
    }

    async fn prefill(&self, request: PrefillRequest) -> Result<Prefill, EngineError> {
        self.engine(&request.model)?.prefill(request).await
    }

    async fn follow(&self, request: FollowRequest) -> Result<Follow, EngineError> {
        self.engine(&request.generate.model)?.follow(request).await
    }

    async fn tokenise(&self, model: &str, prompt: Prompt) -> Result<Vec<u32>, EngineError> {
        self.engine(model)?.tokenise(model, prompt).await
    }

    async fn embedding_tokens(&self, model: &str, inputs: Vec<String>) -> Result<Vec<u32>, EngineError> {
        self.engine(model)?.embedding_tokens(model, inputs).await
    }

    async fn say(&self, request: SayRequest) -> Result<Said, EngineError> {
        self.engine(&request.model)?.say(request).await
    }

    async fn unavailable(&self) -> Vec<(String, String)> {
        let mut unavailable = Vec::new();
        for engine in &self.engines {
            unavailable.extend(engine.unavailable().await);
        }
        unavailable
    }

    fn stats(&self, model: &str) -> Option<ModelStats> {
        self.of_model.get(model)?.stats(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ModelKind, Sampling};

    /// Has one model, and names itself in what it refuses.
    struct Refusing(&'static str);

    #[async_trait]
    impl Engine for Refusing {
        fn models(&self) -> Vec<ModelInfo> {
            vec![ModelInfo {
                id: self.0.into(),
                kind: ModelKind::Chat,
                model_root: [0; 32],
                context_tokens: 1,
                numeric_class: "test".into(),
            }]
        }

        async fn generate(&self, _: GenerateRequest) -> Result<Generation, EngineError> {
            Err(EngineError::Internal(self.0.into()))
        }

        async fn embed(&self, _: &str, _: Vec<String>) -> Result<Embedding, EngineError> {
            Err(EngineError::Internal(self.0.into()))
        }
    }

    fn engines(models: &[&'static str]) -> Result<Engines, LoadError> {
        Engines::new(models.iter().map(|model| Arc::new(Refusing(model)) as SharedEngine).collect())
    }

    #[tokio::test]
    async fn each_request_goes_to_the_engine_with_its_model() {
        let engines = engines(&["a", "b"]).unwrap();
        assert_eq!(engines.models().len(), 2);
        for (model, expected) in [
            ("a", EngineError::Internal("a".into())),
            ("b", EngineError::Internal("b".into())),
            ("c", EngineError::UnknownModel("c".into())),
        ] {
            let prompt = Prompt::Text("hi".into());
            let request = GenerateRequest::new(model, prompt, Sampling::default());
            assert_eq!(engines.generate(request).await.unwrap_err(), expected);
            assert_eq!(engines.embed(model, vec![]).await.unwrap_err(), expected);
        }
    }

    #[test]
    fn an_id_belongs_to_one_engine() {
        assert!(matches!(engines(&["a", "a"]), Err(LoadError::Duplicate(id)) if id == "a"));
    }
}
