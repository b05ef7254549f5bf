//! What an engine says of a claimed completion.

use cuckoo_audit::score::{End, Failure, Own, OwnToken, WrongEnd};
use cuckoo_engine::{
    Engine, EngineError, FollowEvent, FollowRequest, Followed, GenerateRequest, ResponseFormat, Said, SaidEnd,
    SayRequest,
};

/// A claimed completion.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What was asked for, of the engine's own model.
    pub request: &'a GenerateRequest,
    /// What was sent before the completion.
    pub echo: Option<&'a str>,
    /// What was produced, the token that ends the text included.
    pub tokens: &'a [u32],
    /// The candidates that were opened for each of these; as many lists as tokens.
    pub candidates: &'a [Vec<u32>],
    /// Tokens that prompt and completion could have together where it was produced.
    pub context_tokens: u32,
}

/// What `engine` says of it. A [`Failure`] is what no engine can have produced, whatever was asked.
///
/// # Errors
/// If the engine cannot go through it, for what is not the completion's fault.
pub async fn own(engine: &dyn Engine, asked: Asked<'_>) -> Result<Result<Own, Failure>, EngineError> {
    let Asked { request, tokens, .. } = asked;
    // Without stop strings only the tokens themselves can be wrong.
    let unstopped = match say(engine, asked, &[], &[]).await {
        Ok(said) => said,
        Err(EngineError::InvalidRequest(_)) => return Ok(Err(Failure::Impossible { index: 0 })),
        Err(error) => return Err(error),
    };
    if unstopped.end == SaidEnd::Early {
        return Ok(Err(Failure::End(WrongEnd::GoesOn)));
    }
    let Said { certain, held, end } = say(engine, asked, &request.resumed, &request.sampling.stop).await?;
    let end = match (end, unstopped.end) {
        (SaidEnd::Open, _) => End::Open,
        (SaidEnd::Early, _) => End::Early,
        (SaidEnd::Last, SaidEnd::Last) => End::Token,
        (SaidEnd::Last, _) => End::Text,
    };
    let followed =
        FollowRequest { generate: request.clone(), tokens: tokens.to_vec(), candidates: asked.candidates.to_vec() };
    let (prompt_tokens, followed) = follow(engine, followed).await?;
    Ok(Ok(Own {
        prompt_tokens,
        most_tokens: most_tokens(asked, prompt_tokens),
        certain: asked.echo.unwrap_or_default().to_owned() + &certain,
        held,
        end,
        tokens: followed.into_iter().map(own_token).collect(),
    }))
}

/// Most tokens that there could have been. A shape may allow no more at any place, which only its own engine knows.
fn most_tokens(asked: Asked<'_>, prompt_tokens: u32) -> u32 {
    let sampling = &asked.request.sampling;
    let room = asked.context_tokens.saturating_sub(prompt_tokens);
    let most = sampling.max_tokens.map_or(room, |most| most.min(room));
    match sampling.format {
        ResponseFormat::Text => most,
        _ => most.min(u32::try_from(asked.tokens.len()).unwrap_or(u32::MAX)),
    }
}

fn own_token(Followed { own, claimed_logit, logits, .. }: Followed) -> OwnToken {
    OwnToken { candidates: own.candidates, claimed_logit, logits, projection: own.projection }
}

async fn say(engine: &dyn Engine, asked: Asked<'_>, resumed: &[u32], stop: &[String]) -> Result<Said, EngineError> {
    let (model, tokens) = (asked.request.model.clone(), asked.tokens.to_vec());
    engine.say(SayRequest { model, resumed: resumed.to_vec(), tokens, stop: stop.to_vec() }).await
}

/// Tokens before the completion, and what is found of each of its own.
async fn follow(engine: &dyn Engine, request: FollowRequest) -> Result<(u32, Vec<Followed>), EngineError> {
    let mut follow = engine.follow(request).await?;
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
