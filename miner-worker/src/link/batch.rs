//! What a generation has to say, message by message.

use cuckoo_engine::{Drawn, FinishReason, GenerationEvent};
use cuckoo_primitives::task::Finish;
use cuckoo_wire::link::{self, FailureCode};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::{
    logprobs::{encoded_len, to_wire, MAX_REPORT_BYTES},
    work::Failed,
};

/// Text of one message; what has piled up beyond it goes into the next.
pub(super) const MAX_PIECE_BYTES: usize = 16 * 1024;
/// Said when the engine ends without a last event.
pub(super) const STOPPED: &str = "the model stopped without a word";

/// Everything that a generation has reported by now, as one piece: the first token goes out at once, and later ones
/// pile up only while the network is slower than the model.
pub(super) struct Batch {
    pub(super) text: String,
    pub(super) tokens: u32,
    /// Of these tokens, if they were asked for.
    pub(super) logprobs: Vec<link::TokenLogprobs>,
    /// How these tokens were drawn, if records were asked for.
    pub(super) drawn: Vec<Drawn>,
    pub(super) end: Option<Result<End, Failed>>,
}

/// How a generation ended by itself.
pub(super) struct End {
    pub(super) prompt_tokens: u32,
    pub(super) completion_tokens: u32,
    pub(super) finish: Finish,
    /// The token that ended the text, if one did and records were asked for.
    pub(super) drawn: Option<Drawn>,
}

impl Batch {
    /// Waits for something to say.
    pub(super) async fn next(events: &mut mpsc::Receiver<GenerationEvent>) -> Self {
        let mut batch = Self { text: String::new(), tokens: 0, logprobs: Vec::new(), drawn: Vec::new(), end: None };
        let mut report_bytes = 0;
        let mut event = events.recv().await;
        loop {
            match event {
                Some(GenerationEvent::Piece { text, tokens, logprobs, tokens_drawn }) => {
                    batch.text.push_str(&text);
                    batch.tokens = batch.tokens.saturating_add(tokens);
                    batch.drawn.extend(tokens_drawn);
                    for report in logprobs.into_iter().map(to_wire) {
                        report_bytes += encoded_len(&report);
                        batch.logprobs.push(report);
                    }
                }
                Some(GenerationEvent::Done { prompt_tokens, completion_tokens, finish, end: drawn }) => {
                    let finish = match finish {
                        FinishReason::Stop => Finish::Stop,
                        FinishReason::Length => Finish::Length,
                    };
                    batch.end = Some(Ok(End { prompt_tokens, completion_tokens, finish, drawn }));
                }
                Some(GenerationEvent::Failed(error)) => batch.end = Some(Err(error.into())),
                None => batch.end = Some(Err(Failed::new(FailureCode::Internal, STOPPED))),
            }
            let is_full = batch.text.len() >= MAX_PIECE_BYTES || report_bytes >= MAX_REPORT_BYTES;
            if batch.end.is_some() || is_full {
                return batch;
            }
            event = match events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Empty) => return batch,
                Err(TryRecvError::Disconnected) => None,
            };
        }
    }
}

/// Cuts text into messages of whole characters; a short or empty text is one message.
pub(super) fn split(text: String) -> Vec<String> {
    if text.len() <= MAX_PIECE_BYTES {
        return vec![text];
    }
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_PIECE_BYTES).last();
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_characters() {
        let text = "ä".repeat(MAX_PIECE_BYTES);
        let pieces = split(text.clone());
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= MAX_PIECE_BYTES));
        assert_eq!(pieces.concat(), text);
        assert_eq!(split(String::new()), [""]);
    }

    #[tokio::test]
    async fn what_has_piled_up_becomes_one_piece() {
        let (sender, mut events) = mpsc::channel(8);
        for text in ["a", "b"] {
            let piece = GenerationEvent::Piece { text: text.into(), tokens: 1, logprobs: vec![], tokens_drawn: vec![] };
            sender.send(piece).await.unwrap();
        }
        let batch = Batch::next(&mut events).await;
        assert_eq!((batch.text.as_str(), batch.tokens), ("ab", 2));
        assert!(batch.end.is_none());
        drop(sender);
        let end = Batch::next(&mut events).await.end;
        assert!(matches!(end, Some(Err(Failed { code: FailureCode::Internal, .. }))));
    }
}
