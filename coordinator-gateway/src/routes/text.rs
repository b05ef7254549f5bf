//! What the APIs that answer with text have in common: from the body to the answer, whole or as a stream.

use std::marker::PhantomData;

use axum::{body::Body, response::Response, Json};
use bytes::Bytes;
use cuckoo_wire::link::{task::Work, ModelKind};
use openai_protocol::common::{StreamOptions, Usage};
use serde::{de::DeserializeOwned, Serialize};
use serde_json::Value;

use super::{
    event_stream::{event, stream_task, Chunks},
    json_body::read_json,
    logprobs::characters_of,
    sampling::wants_usage,
    served::{fingerprint, finish_reason, new_task, now_s, task_error, with_headers},
};
use crate::{
    auth::Caller,
    dispatch::{Completed, ServedBy, TextPiece, TokenLogprobs},
    error::ApiError,
    state::SharedState,
};

/// What is particular to one of these APIs.
pub(super) trait TextApi: Send + Sync + 'static {
    /// As clients send it.
    type Request: DeserializeOwned + Send;
    /// A whole answer.
    type Response: Serialize;
    /// One event of a stream.
    type Chunk: Serialize;
    /// What a chunk says of the answer.
    type Choice;
    /// Log-probabilities, as this API shows them.
    type Logprobs;

    /// Answers' ids begin so.
    const ID_PREFIX: &'static str;
    /// The parameter that holds what the model reads.
    const PROMPT: &'static str;

    /// The smallest request that decodes.
    fn minimal_request() -> Value;
    /// What a miner is to do; an error if the request asks for what is not served.
    fn work(request: &Self::Request) -> Result<Work, ApiError>;
    /// The number from which its tokens are to be drawn, if the client names one.
    fn seed(request: &Self::Request) -> Option<i64>;
    /// The model, whether to stream, and how.
    fn terms(request: Self::Request) -> (String, bool, Option<StreamOptions>);

    /// Log-probabilities of the next tokens, before which there were `offset` characters.
    fn logprobs(tokens: Vec<TokenLogprobs>, offset: u32) -> Self::Logprobs;

    /// All at once; with log-probabilities if they were asked for.
    fn response(
        head: Head,
        text: String,
        logprobs: Option<Self::Logprobs>,
        finish_reason: String,
        usage: Usage,
    ) -> Self::Response;

    /// Before any text, if there is anything to say.
    fn opening() -> Option<Self::Choice>;
    /// A piece of the text; with log-probabilities if they were asked for.
    fn piece(text: String, logprobs: Option<Self::Logprobs>) -> Self::Choice;
    /// After all text.
    fn ending(finish_reason: String) -> Self::Choice;
    /// One event.
    fn chunk(head: Head, choices: Vec<Self::Choice>, usage: Option<Usage>) -> Self::Chunk;
}

/// What all parts of one answer share.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    /// Of who answers; empty until that is known.
    pub(super) fingerprint: String,
}

impl Head {
    fn by(&self, served_by: &ServedBy) -> Self {
        Self { fingerprint: fingerprint(served_by), ..self.clone() }
    }
}

/// Answers one request.
pub(super) async fn answer<A: TextApi>(state: SharedState, caller: Caller, body: Body) -> Result<Response, ApiError> {
    // The request lives no longer than this block: while a task waits, only the task itself takes memory.
    let (task, head, is_stream, usage) = {
        let (request, memory): (A::Request, _) =
            read_json(body, state.body_limits(state.limits.max_body_bytes), A::minimal_request()).await?;
        let (work, seed) = (A::work(&request)?, A::seed(&request));
        let (model, is_stream, options) = A::terms(request);
        let usage = wants_usage(is_stream, options.as_ref())?;
        let task = new_task(&state, caller, model.clone(), ModelKind::Chat, work, seed, memory);
        let id = format!("{}{}", A::ID_PREFIX, task.id_hex());
        (task, Head { id, created: now_s(), model, fingerprint: String::new() }, is_stream, usage)
    };
    let has_logprobs = task.top_logprobs().is_some();
    if is_stream {
        let stream = TextStream::<A> { head, usage, has_logprobs, offset: 0, api: PhantomData };
        return stream_task(&state.dispatcher, task, stream).await;
    }
    let task_id = task.id_hex();
    let answer = state.dispatcher.complete(task).await.map_err(|error| task_error(error, &task_id, A::PROMPT))?;
    let (finish, usage) = (finish_reason(answer.completed.receipt.finish), usage_of(&answer.completed));
    let logprobs = has_logprobs.then(|| A::logprobs(answer.logprobs, 0));
    let response = A::response(head.by(&answer.served_by), answer.text, logprobs, finish, usage);
    Ok(with_headers(Json(response), &task_id, Some(&answer.served_by)))
}

/// An answer as chunks.
struct TextStream<A> {
    head: Head,
    /// Whether the client wants the numbers of tokens.
    usage: bool,
    /// Whether it wants their log-probabilities.
    has_logprobs: bool,
    /// Characters that have been sent.
    offset: u32,
    api: PhantomData<A>,
}

impl<A: TextApi> TextStream<A> {
    fn chunk(&self, served_by: &ServedBy, choices: Vec<A::Choice>, usage: Option<Usage>) -> Bytes {
        event(&A::chunk(self.head.by(served_by), choices, usage))
    }
}

impl<A: TextApi> Chunks for TextStream<A> {
    const PROMPT: &'static str = A::PROMPT;

    fn opening(&self, served_by: &ServedBy) -> Option<Bytes> {
        A::opening().map(|choice| self.chunk(served_by, vec![choice], None))
    }

    fn text(&mut self, served_by: &ServedBy, piece: TextPiece) -> Bytes {
        let TextPiece { text, logprobs } = piece;
        let after = self.offset.saturating_add(characters_of(&logprobs));
        let offset = std::mem::replace(&mut self.offset, after);
        let logprobs = self.has_logprobs.then(|| A::logprobs(logprobs, offset));
        self.chunk(served_by, vec![A::piece(text, logprobs)], None)
    }

    fn closing(&self, served_by: &ServedBy, completed: &Completed) -> Vec<Bytes> {
        let ending = A::ending(finish_reason(completed.receipt.finish));
        let mut chunks = vec![self.chunk(served_by, vec![ending], None)];
        if self.usage {
            chunks.push(self.chunk(served_by, Vec::new(), Some(usage_of(completed))));
        }
        chunks
    }
}

/// What of a miner's counts is charged, as the API shows it.
fn usage_of(completed: &Completed) -> Usage {
    let charged = &completed.usage;
    Usage {
        prompt_tokens: charged.prompt_tokens,
        completion_tokens: charged.completion_tokens,
        // Both come from a miner; their sum must not bring us down.
        total_tokens: charged.prompt_tokens.saturating_add(charged.completion_tokens),
        prompt_tokens_details: None,
        completion_tokens_details: None,
    }
}
