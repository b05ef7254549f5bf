//! An engine as miners and auditors use it.

use anyhow::{bail, Context};
use cuckoo_audit::score::{Failure, Own};
use cuckoo_audit_engine::Asked;
use cuckoo_engine::{
    Drawn, Engine, EngineError, FinishReason, FollowEvent, FollowRequest, Followed, GenerateRequest, GenerationEvent,
    LocalEngine, Said, SayRequest,
};
use cuckoo_primitives::commitment::Leaf;

/// A completion, with how each token was drawn.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    /// The token that ends the text included.
    pub(super) drawn: Vec<Drawn>,
    pub(super) prompt_tokens: u32,
    /// The token that ends the text not counted.
    pub(super) completion_tokens: u32,
    pub(super) finish: FinishReason,
}

/// An engine with models.
pub(super) struct Player {
    engine: LocalEngine,
}

impl Answer {
    pub(super) fn tokens(&self) -> Vec<u32> {
        self.drawn.iter().map(|drawn| drawn.token).collect()
    }

    /// Whether a token that ends a text has ended it.
    pub(super) fn has_ended(&self) -> bool {
        self.drawn.len() > self.completion_tokens as usize
    }
}

impl Player {
    pub(super) fn new(engine: LocalEngine) -> Self {
        Self { engine }
    }

    pub(super) fn engine(&self) -> &dyn Engine {
        &self.engine
    }

    /// Has `model` answer.
    pub(super) async fn answer(&self, model: &str, request: &GenerateRequest) -> anyhow::Result<Answer> {
        let request = GenerateRequest { model: model.into(), records: true, ..request.clone() };
        let mut generation = self.engine.generate(request).await?;
        let (mut text, mut drawn) = (String::new(), Vec::new());
        loop {
            match generation.events.recv().await.context("a generation ended without a last event")? {
                GenerationEvent::Piece { text: piece, tokens_drawn, .. } => {
                    text.push_str(&piece);
                    drawn.extend(tokens_drawn);
                }
                GenerationEvent::Done { prompt_tokens, completion_tokens, finish, end } => {
                    drawn.extend(end);
                    return Ok(Answer { text, drawn, prompt_tokens, completion_tokens, finish });
                }
                GenerationEvent::Failed(error) => return Err(error.into()),
            }
        }
    }

    /// What `model` would have drawn in the place of `tokens`.
    pub(super) async fn draws(
        &self,
        model: &str,
        request: &GenerateRequest,
        tokens: &[u32],
    ) -> anyhow::Result<Vec<Drawn>> {
        let generate = GenerateRequest { model: model.into(), ..request.clone() };
        let followed = self.follow(FollowRequest { generate, tokens: tokens.to_vec(), candidates: Vec::new() }).await?;
        Ok(followed.1.into_iter().map(|it| it.own).collect())
    }

    /// What tokens say, without the stop strings if `stop` is empty.
    pub(super) async fn said(&self, model: &str, tokens: &[u32], stop: &[String]) -> Result<Said, EngineError> {
        let (model, tokens, stop) = (model.to_owned(), tokens.to_vec(), stop.to_vec());
        self.engine.say(SayRequest { model, resumed: Vec::new(), tokens, stop }).await
    }

    pub(super) async fn prompt_tokens(&self, model: &str, request: &GenerateRequest) -> anyhow::Result<u32> {
        Ok(u32::try_from(self.engine.tokenise(model, request.prompt.clone()).await?.len())?)
    }

    /// What an auditor with `model` finds of a claimed completion.
    pub(super) async fn own(
        &self,
        model: &str,
        request: &GenerateRequest,
        tokens: &[u32],
        leaves: &[Leaf],
    ) -> anyhow::Result<Result<Own, Failure>> {
        let request = GenerateRequest { model: model.into(), ..request.clone() };
        let candidates: Vec<Vec<u32>> =
            leaves.iter().map(|leaf| leaf.candidates.iter().map(|it| it.token).collect()).collect();
        let context = self.engine.models().into_iter().find(|info| info.id == model).map(|it| it.context_tokens);
        let context_tokens = context.context("the auditor has its model")?;
        let asked = Asked { request: &request, echo: None, tokens, candidates: &candidates, context_tokens };
        Ok(cuckoo_audit_engine::own(&self.engine, asked).await?)
    }

    /// Tokens before the completion, and what is found of each of its own.
    async fn follow(&self, request: FollowRequest) -> Result<(u32, Vec<Followed>), EngineError> {
        let mut follow = self.engine.follow(request).await?;
        let mut followed = Vec::new();
        while let Some(event) = follow.events.recv().await {
            match event {
                FollowEvent::Positions(positions) => followed.extend(positions),
                FollowEvent::Done => return Ok((follow.prompt_tokens, followed)),
                FollowEvent::Failed(error) => return Err(error),
            }
        }
        Err(EngineError::Internal("a follow ended without a last event".into()))
    }
}

/// The leaf of a draw.
pub(super) fn leaf(drawn: &Drawn) -> anyhow::Result<Leaf> {
    let Ok(candidates) = drawn.candidates.clone().try_into() else { bail!("an engine names too many candidates") };
    Ok(Leaf { token: drawn.token, candidates, projection: drawn.projection })
}
