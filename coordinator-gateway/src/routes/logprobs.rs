//! Log-probabilities in the shapes of the two APIs.

use openai_protocol::common::{ChatLogProbs, ChatLogProbsContent, LogProbs, TopLogProb};

use crate::dispatch::{TokenLogprob, TokenLogprobs};

/// As chats show them.
pub(super) fn of_chat(tokens: Vec<TokenLogprobs>) -> ChatLogProbs {
    let content = tokens.into_iter().map(|TokenLogprobs { chosen, top }| ChatLogProbsContent {
        token: shown(&chosen.bytes),
        logprob: chosen.logprob,
        bytes: Some(chosen.bytes.into()),
        top_logprobs: top
            .into_iter()
            .map(|TokenLogprob { bytes, logprob }| TopLogProb {
                token: shown(&bytes),
                logprob,
                bytes: Some(bytes.into()),
            })
            .collect(),
    });
    ChatLogProbs::Detailed { content: Some(content.collect()), refusal: None }
}

/// As plain completions show them, before which there were `offset` characters.
pub(super) fn of_completion(tokens: Vec<TokenLogprobs>, mut offset: u32) -> LogProbs {
    let mut shape =
        LogProbs { tokens: Vec::new(), token_logprobs: Vec::new(), top_logprobs: Vec::new(), text_offset: Vec::new() };
    for TokenLogprobs { chosen, top } in tokens {
        shape.text_offset.push(offset);
        offset = offset.saturating_add(characters(&chosen.bytes));
        shape.tokens.push(named(&chosen.bytes));
        shape.token_logprobs.push(Some(chosen.logprob));
        let top = top.into_iter().map(|TokenLogprob { bytes, logprob }| (named(&bytes), logprob));
        shape.top_logprobs.push(Some(top.collect()));
    }
    shape
}

/// Characters that begin in these tokens.
pub(super) fn characters_of(tokens: &[TokenLogprobs]) -> u32 {
    tokens.iter().map(|token| characters(&token.chosen.bytes)).fold(0, u32::saturating_add)
}

fn characters(bytes: &[u8]) -> u32 {
    // All bytes of a character but the first are of the form 10xxxxxx.
    let begun = bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    u32::try_from(begun).unwrap_or(u32::MAX)
}

/// A token's text, or its bytes where it is not whole characters.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect(),
    }
}

/// The same, so that bytes cannot be taken for text: there is no list of them beside it.
fn named(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("bytes:{}", shown(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(bytes: &[u8], logprob: f32) -> TokenLogprob {
        TokenLogprob { bytes: bytes.into(), logprob }
    }

    /// A duck in two tokens, then a letter.
    fn tokens() -> Vec<TokenLogprobs> {
        let duck = "🦆".as_bytes();
        [&duck[..1], &duck[1..], b"a"]
            .map(|bytes| TokenLogprobs {
                chosen: token(bytes, -0.5),
                top: vec![token(b"b", -0.25), token(bytes, -0.5)],
            })
            .to_vec()
    }

    #[test]
    fn chats_show_text_and_bytes() {
        let shown = serde_json::to_value(of_chat(tokens())).unwrap();
        assert_eq!(shown["refusal"], json!(null));
        assert_eq!(shown["content"][0]["token"], "\\xf0");
        assert_eq!(shown["content"][0]["bytes"], json!([0xf0]));
        let last = json!({"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [
            {"token": "b", "logprob": -0.25, "bytes": [98]}, {"token": "a", "logprob": -0.5, "bytes": [97]}]});
        assert_eq!(shown["content"][2], last);
        assert_eq!(serde_json::to_value(of_chat(vec![])).unwrap()["content"], json!([]));
    }

    #[test]
    fn completions_show_where_tokens_begin() {
        let shown = serde_json::to_value(of_completion(tokens(), 7)).unwrap();
        assert_eq!(shown["tokens"], json!(["bytes:\\xf0", "bytes:\\x9f\\xa6\\x86", "a"]));
        assert_eq!(shown["text_offset"], json!([7, 8, 8]));
        assert_eq!(shown["token_logprobs"], json!([-0.5, -0.5, -0.5]));
        assert_eq!(shown["top_logprobs"][2], json!({"b": -0.25, "a": -0.5}));
        assert_eq!(characters_of(&tokens()), 2);
    }
}
