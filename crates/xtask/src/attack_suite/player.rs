//! An engine as miners and auditors use it.

use anyhow::{bail, Context};
use cuckoo_audit::score::{End, Own, OwnToken};
use cuckoo_engine::{
    Drawn, Engine, EngineError, FinishReason, FollowEvent, FollowRequest, Followed, GenerateRequest, GenerationEvent,
    LocalEngine, Said, SaidEnd, SayRequest,
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

    /// What an auditor with `model` finds of a claimed completion; `None` if it is one that no completion can be.
    pub(super) async fn own(
        &self,
        model: &str,
        request: &GenerateRequest,
        tokens: &[u32],
        leaves: &[Leaf],
    ) -> anyhow::Result<Option<Own>> {
        let generate = GenerateRequest { model: model.into(), ..request.clone() };
        let candidates = leaves.iter().map(|leaf| leaf.candidates.iter().map(|it| it.token).collect()).collect();
        let asked = FollowRequest { generate, tokens: tokens.to_vec(), candidates };
        let (prompt_tokens, followed) = match self.follow(asked).await {
            Ok(followed) => followed,
            Err(EngineError::InvalidRequest(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Said { certain, held, end } = self.said(model, tokens, &request.sampling.stop).await?;
        let end = match end {
            SaidEnd::Open => End::Open,
            SaidEnd::Early => End::Early,
            SaidEnd::Last => match self.said(model, tokens, &[]).await?.end {
                SaidEnd::Last => End::Token,
                SaidEnd::Open | SaidEnd::Early => End::Text,
            },
        };
        let context = self.engine.models().into_iter().find(|info| info.id == model).map_or(0, |it| it.context_tokens);
        let room = context.saturating_sub(prompt_tokens);
        let own = |Followed { own, claimed_logit, logits, .. }: Followed| OwnToken {
            candidates: own.candidates,
            claimed_logit,
            logits,
            projection: own.projection,
        };
        Ok(Some(Own {
            prompt_tokens,
            most_tokens: request.sampling.max_tokens.map_or(room, |most| most.min(room)),
            certain,
            held,
            end,
            tokens: followed.into_iter().map(own).collect(),
        }))
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
