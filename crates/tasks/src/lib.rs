//! From a task of the link to a request of the engine.
//!
//! A miner serves with it and an auditor checks with it: if they read a task differently, an honest answer would look
//! like a false one. Everything is checked again that a coordinator may pass on from its clients unread.

#![warn(missing_docs)]

mod sampling;

use cuckoo_engine::{ChatMessage, GenerateRequest, ModelKind, Prompt, Seed};
use cuckoo_wire::{
    limits::MAX_EMBEDDING_INPUTS,
    link::{self, task},
};

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Text.
    Generate {
        /// For the engine. Nobody has asked for records yet.
        request: GenerateRequest,
        /// What is sent before the completion; nothing before one that goes on behind the tokens of others.
        echo: Option<String>,
    },
    /// Vectors.
    Embed {
        /// Id of the model.
        model: String,
        /// One vector for each.
        inputs: Vec<String>,
    },
}

/// Why a task makes no sense, in words for whoever has set it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

impl Invalid {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What a model must be for that works on the task; `None` if it names no work.
pub fn kind(task: &link::Task) -> Option<ModelKind> {
    task.work.as_ref().map(|work| match work {
        task::Work::Chat(_) | task::Work::Completion(_) => ModelKind::Chat,
        task::Work::Embedding(_) => ModelKind::Embedding,
    })
}

/// Reads what is to be done. Tokens are drawn from `seed`, see [`cuckoo_wire::spec::seed_of`].
///
/// # Errors
/// If the task names no work, or figures that are out of their bounds.
pub fn read(task: &link::Task, seed: Option<Seed>) -> Result<Work, Invalid> {
    let model = task.model.clone();
    let seeded = |sampling: Option<&link::Sampling>| {
        let seed = seed.ok_or_else(|| Invalid::new("the task has no seed"))?;
        sampling::read(sampling.ok_or_else(|| Invalid::new("sampling is missing"))?, seed)
    };
    let resumed = || task.resumed.clone();
    match task.work.as_ref().ok_or_else(|| Invalid::new("the task names no work"))? {
        task::Work::Chat(chat) => {
            let sampling = seeded(chat.sampling.as_ref())?;
            if chat.messages.is_empty() {
                return Err(Invalid::new("a chat needs at least one message"));
            }
            let message = |it: &link::ChatMessage| ChatMessage { role: it.role.clone(), content: it.content.clone() };
            let prompt = Prompt::Chat(chat.messages.iter().map(message).collect());
            let request = GenerateRequest { resumed: resumed(), ..GenerateRequest::new(model, prompt, sampling) };
            Ok(Work::Generate { request, echo: None })
        }
        task::Work::Completion(completion) => {
            let sampling = seeded(completion.sampling.as_ref())?;
            let prompt = Prompt::Text(completion.prompt.clone());
            let request = GenerateRequest { resumed: resumed(), ..GenerateRequest::new(model, prompt, sampling) };
            let is_repeated = completion.echo && task.resumed.is_empty();
            Ok(Work::Generate { request, echo: is_repeated.then(|| completion.prompt.clone()) })
        }
        task::Work::Embedding(embedding) => {
            if !(1..=MAX_EMBEDDING_INPUTS).contains(&embedding.inputs.len()) {
                return Err(Invalid::new(format!("1 to {MAX_EMBEDDING_INPUTS} inputs are embedded at once")));
            }
            Ok(Work::Embed { model, inputs: embedding.inputs.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = [7; 32];

    fn sampling() -> link::Sampling {
        link::Sampling { temperature: 0.5, top_p: 1.0, repetition_penalty: 1.0, ..Default::default() }
    }

    fn task(work: task::Work) -> link::Task {
        link::Task { model: "m".into(), work: Some(work), resumed: vec![3, 4], ..Default::default() }
    }

    fn completion(echo: bool, sampling: Option<link::Sampling>) -> link::Task {
        task(task::Work::Completion(link::Completion { prompt: "Once".into(), sampling, echo }))
    }

    fn embedding(inputs: usize) -> link::Task {
        task(task::Work::Embedding(link::Embedding { inputs: vec!["a".into(); inputs] }))
    }

    #[test]
    fn a_completion_is_read() {
        let Work::Generate { request, echo } = read(&completion(true, Some(sampling())), Some(SEED)).unwrap() else {
            panic!("not a generation")
        };
        assert_eq!((request.model.as_str(), request.prompt), ("m", Prompt::Text("Once".into())));
        assert_eq!((request.sampling.seed, request.sampling.max_tokens), (SEED, None));
        assert_eq!((request.resumed, request.records), (vec![3, 4], false));
        assert_eq!(echo, None, "it was repeated before the tokens that are resumed");
    }

    #[test]
    fn a_prompt_is_repeated_once_if_at_all() {
        for (is_wanted, expected) in [(true, Some("Once".to_owned())), (false, None)] {
            let task = link::Task { resumed: vec![], ..completion(is_wanted, Some(sampling())) };
            let Work::Generate { echo, .. } = read(&task, Some(SEED)).unwrap() else { panic!("not a generation") };
            assert_eq!(echo, expected);
        }
    }

    #[test]
    fn a_chat_is_read() {
        let message = link::ChatMessage { role: "user".into(), content: "hi".into(), name: String::new() };
        let chat = |messages| task(task::Work::Chat(link::Chat { messages, sampling: Some(sampling()) }));
        let Work::Generate { request, echo } = read(&chat(vec![message]), Some(SEED)).unwrap() else {
            panic!("not a generation")
        };
        let expected = vec![ChatMessage { role: "user".into(), content: "hi".into() }];
        assert_eq!((request.prompt, echo), (Prompt::Chat(expected), None));
        assert!(read(&chat(vec![]), Some(SEED)).is_err());
    }

    #[test]
    fn inputs_are_counted() {
        assert_eq!(read(&embedding(1), None), Ok(Work::Embed { model: "m".into(), inputs: vec!["a".into()] }));
        assert!(read(&embedding(0), None).is_err());
        assert!(read(&embedding(MAX_EMBEDDING_INPUTS + 1), None).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(read(&completion(false, None), Some(SEED)), Err(Invalid::new("sampling is missing")));
        assert_eq!(read(&completion(false, Some(sampling())), None), Err(Invalid::new("the task has no seed")));
        assert_eq!(read(&link::Task::default(), Some(SEED)), Err(Invalid::new("the task names no work")));
    }

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(kind(&completion(false, None)), Some(ModelKind::Chat));
        assert_eq!(kind(&embedding(1)), Some(ModelKind::Embedding));
        assert_eq!(kind(&link::Task::default()), None);
    }
}
