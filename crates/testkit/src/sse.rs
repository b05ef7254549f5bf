//! Server-sent events of a streamed answer.

use std::{collections::VecDeque, pin::Pin};

use anyhow::{bail, Context};
use futures::{Stream, StreamExt};
use serde_json::Value;

/// The events of one streamed answer, in order. Dropping it hangs up.
pub struct Events {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Vec<u8>>> + Send>>,
    parser: Parser,
    done: bool,
}

impl Events {
    pub(crate) fn new(answer: reqwest::Response) -> Self {
        let bytes = answer.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        Self { bytes: Box::pin(bytes), parser: Parser::default(), done: false }
    }

    /// The next event's JSON; `None` after `[DONE]`. A stream that ends without `[DONE]` is an error.
    pub async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            if self.done {
                return Ok(None);
            }
            if let Some(data) = self.parser.next() {
                if data == "[DONE]" {
                    self.done = true;
                    continue;
                }
                return serde_json::from_str(&data).map(Some).with_context(|| format!("event is no JSON: {data}"));
            }
            match self.bytes.next().await {
                Some(chunk) => self.parser.feed(&chunk.context("the stream broke")?),
                None => bail!("the stream ended without [DONE]"),
            }
        }
    }

    /// All events that are left.
    pub async fn collect(mut self) -> anyhow::Result<Vec<Value>> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }
}

/// The text that the events of a chat or a completion carry together.
pub fn text_of(events: &[Value]) -> String {
    let piece = |event: &Value| {
        let choice = event["choices"].get(0)?;
        choice["delta"]["content"].as_str().or_else(|| choice["text"].as_str()).map(str::to_owned)
    };
    events.iter().filter_map(piece).collect()
}

/// Splits bytes into the `data` of events.
#[derive(Default)]
struct Parser {
    pending: Vec<u8>,
    data: Vec<String>,
    ready: VecDeque<String>,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\r', '\n']));
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(data) = line.strip_prefix("data:") {
            self.data.push(data.trim_start().to_owned());
        } else if line.is_empty() && !self.data.is_empty() {
            self.ready.push_back(std::mem::take(&mut self.data).join("\n"));
        }
    }

    fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_survive_any_cut_and_comments_are_skipped() {
        let stream = b": keep-alive\n\ndata: {\"a\":1}\r\n\r\ndata: x\ndata: y\n\n";
        for cut in 0..stream.len() {
            let mut parser = Parser::default();
            parser.feed(&stream[..cut]);
            parser.feed(&stream[cut..]);
            let events: Vec<String> = std::iter::from_fn(|| parser.next()).collect();
            assert_eq!(events, ["{\"a\":1}", "x\ny"], "cut at {cut}");
        }
    }

    #[test]
    fn text_comes_from_chat_and_completion_events() {
        let events = [
            json!({"choices": [{"delta": {"role": "assistant"}}]}),
            json!({"choices": [{"delta": {"content": "Pa"}}]}),
            json!({"choices": [{"text": "ris"}]}),
            json!({"choices": [], "usage": {"total_tokens": 3}}),
        ];
        assert_eq!(text_of(&events), "Paris");
    }
}
