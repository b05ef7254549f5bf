//! What a task may cost at most, and what it did cost: one rule for both sides.
//!
//! A miner counts tokens, a coordinator that has no tokenizer does not. But a token stands for at least one byte, so the
//! bytes that both have seen bound what can be charged, with small constants for what models add. Counts above that are
//! no fault: they are not paid.

use cuckoo_primitives::{settlement::Usage, task::Receipt};

use crate::link::{task::Work, Sampling, Task};

/// Tokens that are paid around each message or input: its marks, the role.
const TOKENS_AROUND_EACH: u64 = 16;
/// Tokens that are paid once for what a chat template adds.
const TEMPLATE_TOKENS: u64 = 64;
/// Tokens that are paid though nobody sees them: the one that ends an answer, and what is held back at its end.
const HIDDEN_TOKENS: u64 = 8;

/// The most that `task` can be charged for on a model with so large a context: its price for this is the task's ceiling.
///
/// Tokens that others have produced are read like a prompt, and leave so much less of the context to be written.
pub fn most(task: &Task, context_tokens: u32) -> Usage {
    let context = u64::from(context_tokens);
    let resumed = task.resumed.len() as u64;
    let left = context.saturating_sub(resumed);
    let (prompt, completion) = match &task.work {
        Some(Work::Embedding(embedding)) => (of_inputs(&embedding.inputs, usize::MAX, context_tokens), 0),
        Some(Work::Chat(chat)) => {
            let messages = chat.messages.iter().map(|message| {
                with_marks(
                    bytes(&message.role).saturating_add(bytes(&message.name)).saturating_add(bytes(&message.content)),
                )
            });
            let prompt = messages.fold(TEMPLATE_TOKENS, u64::saturating_add).saturating_add(resumed).min(context);
            (prompt, longest_answer(chat.sampling.as_ref(), left))
        }
        Some(Work::Completion(completion)) => {
            let prompt = with_marks(bytes(&completion.prompt)).saturating_add(resumed).min(context);
            (prompt, longest_answer(completion.sampling.as_ref(), left))
        }
        None => (0, 0),
    };
    usage(prompt, completion)
}

/// What crossed the link of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Bytes of text, a repeated prompt included.
    pub text_bytes: u64,
    /// Embeddings.
    pub vectors: usize,
}

/// What `task` is charged for after `receipt`, on a model with so large a context, when so much was delivered. Never
/// more than [`most`]; an answer that was cancelled is charged for its prompt and for what was delivered of it, and
/// embeddings for the inputs that they stand for. An answer without text costs nothing: it takes no work to give.
pub fn charged(task: &Task, context_tokens: u32, receipt: &Receipt, delivered: Delivered) -> Usage {
    let most = most(task, context_tokens);
    let (prompt, completion) = match &task.work {
        Some(Work::Chat(_) | Work::Completion(_)) if is_empty(task, delivered) => (0, 0),
        Some(Work::Chat(chat)) => {
            (u64::from(most.prompt_tokens), visible(chat.sampling.as_ref(), written(task, delivered)))
        }
        Some(Work::Completion(completion)) => {
            (u64::from(most.prompt_tokens), visible(completion.sampling.as_ref(), written(task, delivered)))
        }
        Some(Work::Embedding(embedding)) => (of_inputs(&embedding.inputs, delivered.vectors, context_tokens), 0),
        None => (0, 0),
    };
    usage(
        u64::from(most.prompt_tokens.min(receipt.prompt_tokens)).min(prompt),
        u64::from(most.completion_tokens.min(receipt.completion_tokens)).min(completion),
    )
}

/// Whether nothing was delivered that a model has written or computed.
pub fn is_empty(task: &Task, delivered: Delivered) -> bool {
    match &task.work {
        Some(Work::Embedding(_)) => delivered.vectors == 0,
        Some(Work::Chat(_) | Work::Completion(_)) | None => written(task, delivered) == 0,
    }
}

/// Bytes of text that are no repetition of the prompt. Who goes on behind the tokens of others does not repeat it again.
fn written(task: &Task, delivered: Delivered) -> u64 {
    let repeated = match &task.work {
        Some(Work::Completion(completion)) if completion.echo && task.resumed.is_empty() => bytes(&completion.prompt),
        _ => 0,
    };
    delivered.text_bytes.saturating_sub(repeated)
}

/// Most tokens of the first `count` inputs.
fn of_inputs(inputs: &[String], count: usize, context_tokens: u32) -> u64 {
    let tokens = inputs.iter().take(count).map(|input| with_marks(bytes(input)).min(context_tokens.into()));
    tokens.fold(0, u64::saturating_add)
}

/// Most tokens of an answer for which so much of the context is left.
fn longest_answer(sampling: Option<&Sampling>, left: u64) -> u64 {
    match sampling.map_or(0, |sampling| sampling.max_tokens) {
        0 => left,
        limit => u64::from(limit).min(left),
    }
}

/// Tokens that may have made so much text, a stop string that was cut off included.
fn visible(sampling: Option<&Sampling>, written: u64) -> u64 {
    let stop = sampling.and_then(|sampling| sampling.stop.iter().map(|stop| bytes(stop)).max()).unwrap_or(0);
    written.saturating_add(stop).saturating_add(HIDDEN_TOKENS)
}

fn with_marks(bytes: u64) -> u64 {
    bytes.saturating_add(TOKENS_AROUND_EACH)
}

fn bytes(text: &str) -> u64 {
    text.len() as u64
}

fn usage(prompt: u64, completion: u64) -> Usage {
    let tokens = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    Usage { prompt_tokens: tokens(prompt), completion_tokens: tokens(completion), images: 0, audio_ms: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Chat, ChatMessage, Completion, Embedding};

    const CONTEXT: u32 = 1_000;

    fn task(work: Work) -> Task {
        Task { work: Some(work), ..Default::default() }
    }

    fn sampling(max_tokens: u32, stop: &[&str]) -> Option<Sampling> {
        Some(Sampling { max_tokens, stop: stop.iter().map(ToString::to_string).collect(), ..Default::default() })
    }

    fn chat(content: &str, max_tokens: u32) -> Task {
        let message = ChatMessage { role: "user".into(), content: content.into(), name: String::new() };
        task(Work::Chat(Chat { messages: vec![message], sampling: sampling(max_tokens, &[]) }))
    }

    fn completion(echo: bool, stop: &[&str]) -> Task {
        task(Work::Completion(Completion { prompt: "Paris is".into(), sampling: sampling(50, stop), echo }))
    }

    fn receipt(prompt_tokens: u32, completion_tokens: u32) -> Receipt {
        Receipt { prompt_tokens, completion_tokens, ..cuckoo_primitives::fixture::receipt() }
    }

    fn text(text_bytes: u64) -> Delivered {
        Delivered { text_bytes, vectors: 0 }
    }

    fn vectors(vectors: usize) -> Delivered {
        Delivered { text_bytes: 0, vectors }
    }

    fn tokens(usage: Usage) -> (u32, u32) {
        assert_eq!((usage.images, usage.audio_ms), (0, 0));
        (usage.prompt_tokens, usage.completion_tokens)
    }

    #[test]
    fn honest_counts_are_charged_as_they_are() {
        assert_eq!(tokens(charged(&chat("hi", 16), CONTEXT, &receipt(31, 12), text(40))), (31, 12));
        assert_eq!(tokens(charged(&completion(false, &[]), CONTEXT, &receipt(2, 5), text(20))), (2, 5));
        let embedding = task(Work::Embedding(Embedding { inputs: vec!["hello".into(), "you".into()] }));
        assert_eq!(tokens(charged(&embedding, CONTEXT, &receipt(6, 0), vectors(2))), (6, 0));
    }

    #[test]
    fn nobody_is_charged_for_more_than_the_text_can_have_taken() {
        // 4 bytes of role, 2 of text.
        assert_eq!(tokens(charged(&chat("hi", 16), CONTEXT, &receipt(320, 16), text(5))), (64 + 16 + 6, 5 + 8));
        assert_eq!(tokens(charged(&completion(false, &[]), CONTEXT, &receipt(2, 50), text(5))), (2, 13));
        // What is repeated was not written; a stop string was.
        assert_eq!(tokens(charged(&completion(true, &[]), CONTEXT, &receipt(2, 50), text(8 + 5))), (2, 13));
        let resumed = Task { resumed: vec![7], ..completion(true, &[]) };
        assert_eq!(tokens(charged(&resumed, CONTEXT, &receipt(3, 50), text(5))), (3, 13), "nor is it a second time");
        assert_eq!(tokens(charged(&completion(false, &["\n", "###"]), CONTEXT, &receipt(2, 50), text(5))), (2, 16));
        let embedding = task(Work::Embedding(Embedding { inputs: vec!["hello".into()] }));
        assert_eq!(tokens(charged(&embedding, CONTEXT, &receipt(100, 9), vectors(1))), (21, 0));
    }

    #[test]
    fn an_answer_without_text_costs_nothing() {
        for (task, text_bytes) in [(chat("hi", 16), 0), (completion(false, &["\n"]), 0), (completion(true, &[]), 8)] {
            assert!(is_empty(&task, text(text_bytes)));
            assert_eq!(tokens(charged(&task, CONTEXT, &receipt(2, 9), text(text_bytes))), (0, 0));
            assert_eq!(tokens(charged(&task, CONTEXT, &receipt(2, 9), text(text_bytes + 1))), (2, 9));
        }
    }

    #[test]
    fn embeddings_are_charged_for_the_inputs_that_they_stand_for() {
        let inputs = vec!["hello".into(), "you".into(), "x".repeat(5_000)];
        let embedding = task(Work::Embedding(Embedding { inputs }));
        for (delivered, most) in [(0, 0), (1, 21), (2, 21 + 19), (3, 21 + 19 + CONTEXT), (9, 21 + 19 + CONTEXT)] {
            let charged = charged(&embedding, CONTEXT, &receipt(u32::MAX, 0), vectors(delivered));
            assert_eq!(tokens(charged), (most, 0), "{delivered} delivered");
        }
    }

    #[test]
    fn the_ceiling_is_what_the_task_and_the_context_allow() {
        assert_eq!(tokens(most(&chat("hi", 16), CONTEXT)), (86, 16));
        assert_eq!(tokens(most(&chat("hi", 0), CONTEXT)), (86, CONTEXT));
        assert_eq!(tokens(most(&chat("hi", 5_000), CONTEXT)), (86, CONTEXT));
        assert_eq!(tokens(most(&chat(&"x".repeat(5_000), 1), CONTEXT)), (CONTEXT, 1));
        let inputs = vec!["x".repeat(5_000), "x".repeat(4)];
        assert_eq!(tokens(most(&task(Work::Embedding(Embedding { inputs })), CONTEXT)), (CONTEXT + 20, 0));
        assert_eq!(tokens(most(&Task::default(), CONTEXT)), (0, 0));
    }

    #[test]
    fn tokens_of_others_are_read_like_a_prompt() {
        let behind = |count, task| Task { resumed: vec![7; count], ..task };
        assert_eq!(tokens(most(&behind(20, chat("hi", 16)), CONTEXT)), (86 + 20, 16));
        assert_eq!(tokens(most(&behind(20, chat("hi", 0)), CONTEXT)), (86 + 20, CONTEXT - 20));
        assert_eq!(tokens(most(&behind(2_000, completion(false, &[])), CONTEXT)), (CONTEXT, 0));
        let task = behind(20, completion(false, &[]));
        assert_eq!(tokens(charged(&task, CONTEXT, &receipt(22, 5), text(20))), (22, 5));
        assert_eq!(tokens(charged(&task, CONTEXT, &receipt(500, 5), text(20))), (8 + 16 + 20, 5));
    }

    #[test]
    fn what_is_charged_is_never_above_the_ceiling() {
        for task in [chat("hi", 16), chat("", 0), completion(true, &["stop"]), completion(false, &[])] {
            let (prompt, completion) = tokens(most(&task, CONTEXT));
            for (claimed, written) in [(0, 0), (1, 1), (u32::MAX, 0), (u32::MAX, u64::MAX)] {
                let charged = tokens(charged(&task, CONTEXT, &receipt(claimed, claimed), text(written)));
                assert!(charged.0 <= prompt && charged.1 <= completion);
                assert!(charged.0 <= claimed && charged.1 <= claimed);
            }
        }
    }
}
