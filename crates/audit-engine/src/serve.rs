//! What runs in the process.

use std::collections::HashMap;

use cuckoo_audit::score::{score, Claim, Failure, Scores};
use cuckoo_engine::{Engine, ModelKind};
use cuckoo_primitives::Hash;
use cuckoo_tasks::Work;
use cuckoo_wire::link;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    frame::{self, FrameError},
    order::{Model, Order, Ready, Reply},
    own::{own, Asked},
    process::Unable,
};

/// Why a process ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What it is told makes no sense, or nobody listens.
    #[error("orders or replies do not come across: {0}")]
    Frame(#[from] FrameError),
}

/// Goes through the attempts that come from `orders` with the chat models of `engine`, one after the other, until there is
/// no more. What is found goes to `replies`.
///
/// # Errors
/// If the pipes break.
pub async fn serve(
    engine: &dyn Engine,
    orders: &mut (impl AsyncRead + Unpin),
    replies: &mut (impl AsyncWrite + Unpin),
) -> Result<(), ServeError> {
    let models = engine.models().into_iter().filter(|model| model.kind == ModelKind::Chat);
    let (ids, models): (HashMap<Hash, String>, Vec<Model>) = models
        .map(|model| {
            let root = Hash::from(model.model_root);
            ((root, model.id), Model { root, class: model.numeric_class })
        })
        .unzip();
    frame::write(replies, &Ready { models }).await?;
    while let Some(order) = frame::read::<Order>(orders).await? {
        let reply = match scored(engine, &ids, order).await {
            Ok(scored) => Reply::Scored(scored),
            Err(Unable(why)) => Reply::Unable(why),
        };
        frame::write(replies, &reply).await?;
    }
    Ok(())
}

async fn scored(
    engine: &dyn Engine,
    ids: &HashMap<Hash, String>,
    order: Order,
) -> Result<Result<Scores, Failure>, Unable> {
    let Order { task, receipt, tokens, leaves, context_tokens, was_cancelled } = order;
    let id = ids.get(&receipt.spec.model_root).ok_or_else(|| Unable("it is of a model that is not here".into()))?;
    let drawing = receipt.spec.drawing.as_ref().ok_or_else(|| Unable("nothing was drawn in it".into()))?;
    let task = link::Task::decode(task.as_slice()).map_err(|error| Unable(error.to_string()))?;
    let work = cuckoo_tasks::read(&task, Some(drawing.seed)).map_err(|error| Unable(error.to_string()))?;
    let Work::Generate { mut request, echo } = work else { return Err(Unable("it is no text".into())) };
    request.model.clone_from(id);
    if tokens.len() != leaves.len() {
        let committed = receipt.commitment.map_or(0, |commitment| commitment.tokens);
        return Ok(Err(Failure::lengths(committed, tokens.len(), leaves.len())));
    }
    let candidates: Vec<Vec<u32>> =
        leaves.iter().map(|leaf| leaf.candidates.iter().map(|it| it.token).collect()).collect();
    let asked =
        Asked { request: &request, echo: echo.as_deref(), tokens: &tokens, candidates: &candidates, context_tokens };
    let own = own(engine, asked).await.map_err(|error| Unable(error.to_string()))?;
    let claim = Claim { receipt: &receipt, tokens: &tokens, leaves: &leaves, was_cancelled };
    Ok(own.and_then(|own| score(&claim, &own)))
}
