//! Answers as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{header, HeaderValue},
    response::Response,
};
use bytes::Bytes;
use futures::Stream;
use serde::Serialize;

use super::served::{task_error, with_headers};
use crate::{
    dispatch::{ClientTask, Completed, DispatchError, Dispatcher, OpenTask, Piece, ServedBy, TaskEvent, TextPiece},
    error::ApiError,
};

/// How long a stream may be silent before the client is told that it still lives.
const PAUSE: Duration = Duration::from_secs(10);
const HEARTBEAT: &[u8] = b": waiting\n\n";
const DONE: &[u8] = b"data: [DONE]\n\n";

/// The chunks of one API. All are made once who serves is known.
pub(super) trait Chunks: Send + 'static {
    /// The parameter that holds what the model reads.
    const PROMPT: &'static str;

    /// Before any text.
    fn opening(&self, served_by: &ServedBy) -> Option<Bytes>;
    /// A piece of text.
    fn text(&mut self, served_by: &ServedBy, piece: TextPiece) -> Bytes;
    /// After all text: why it ended, and the numbers of tokens if the client wants them.
    fn closing(&self, served_by: &ServedBy, completed: &Completed) -> Vec<Bytes>;
}

/// One event.
pub(super) fn event(data: &impl Serialize) -> Bytes {
    let mut event = b"data: ".to_vec();
    if let Err(error) = serde_json::to_writer(&mut event, data) {
        // The types of the API always serialise; a broken event would only confuse the client.
        tracing::error!(target: "gateway::http", %error, "cannot serialise an event");
        return Bytes::new();
    }
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// Runs a task and streams its answer. What fails before the answer begins is an ordinary error response, unless it
/// takes so long that the client must be kept waiting with comments.
pub(super) async fn stream_task<C: Chunks>(
    dispatcher: &Arc<Dispatcher>,
    spec: ClientTask,
    chunks: C,
) -> Result<Response, ApiError> {
    let task_id = spec.id_hex();
    let dispatcher = dispatcher.clone();
    let mut opening = Box::pin(async move { dispatcher.open(spec).await });
    let (beginning, served_by) = match tokio::time::timeout(PAUSE, &mut opening).await {
        Ok(Ok(task)) => {
            let served_by = task.served_by();
            (Beginning::Open(Box::new(task)), Some(served_by))
        }
        Ok(Err(error)) => return Err(task_error(error, &task_id, C::PROMPT)),
        Err(_) => (Beginning::Opening(opening), None),
    };
    let body = Body::from_stream(events(beginning, chunks, task_id.clone()));
    let mut response = with_headers(body, &task_id, served_by.as_ref());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that buffer would hold the tokens back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

enum Beginning<F> {
    Opening(F),
    Open(Box<OpenTask>),
}

fn events<F, C: Chunks>(
    beginning: Beginning<F>,
    mut chunks: C,
    task_id: String,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send
where
    F: std::future::Future<Output = Result<OpenTask, DispatchError>> + Unpin + Send,
{
    async_stream::stream! {
        let opened = match beginning {
            Beginning::Open(task) => Ok(*task),
            Beginning::Opening(mut opening) => loop {
                yield Ok(Bytes::from_static(HEARTBEAT));
                if let Ok(opened) = tokio::time::timeout(PAUSE, &mut opening).await {
                    break opened;
                }
            },
        };
        let mut task = match opened {
            Ok(task) => task,
            Err(error) => {
                yield Ok(event(&task_error(error, &task_id, C::PROMPT).body()));
                return;
            }
        };
        let served_by = task.served_by();
        if let Some(opening) = chunks.opening(&served_by) {
            yield Ok(opening);
        }
        loop {
            let next = match tokio::time::timeout(PAUSE, task.next()).await {
                Ok(next) => next,
                Err(_) => {
                    yield Ok(Bytes::from_static(HEARTBEAT));
                    continue;
                }
            };
            match next {
                Some(Ok(TaskEvent::Piece(Piece::Text(piece)))) if piece.text.is_empty() && piece.logprobs.is_empty() => {}
                Some(Ok(TaskEvent::Piece(Piece::Text(piece)))) => yield Ok(chunks.text(&served_by, piece)),
                Some(Ok(TaskEvent::Piece(Piece::Vector(_)))) => {}
                Some(Ok(TaskEvent::Done(completed))) => {
                    for chunk in chunks.closing(&served_by, &completed) {
                        yield Ok(chunk);
                    }
                    yield Ok(Bytes::from_static(DONE));
                    return;
                }
                Some(Err(error)) => {
                    yield Ok(event(&task_error(error, &task_id, C::PROMPT).body()));
                    return;
                }
                None => return,
            }
        }
    }
}
