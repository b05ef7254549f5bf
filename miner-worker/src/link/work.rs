//! Reading a task: what to do, or why not.

use std::time::Duration;

use cuckoo_engine::{
    ChatMessage, EngineError, GenerateRequest, ModelInfo, ModelKind, Prompt, ResponseFormat, Sampling, Seed,
};
use cuckoo_wire::{
    limits::{
        MAX_EMBEDDING_INPUTS, MAX_PENALTY, MAX_REPETITION_PENALTY, MAX_SCHEMA_BYTES, MAX_STOP_STRINGS, MAX_TOP_LOGPROBS,
    },
    link::{self, sampling::Format, task, FailureCode},
    sampling::parameters,
};

/// No task may take longer, whatever its coordinator says.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Above it, sampling is noise.
const MAX_TEMPERATURE: f32 = 2.0;

/// Why an attempt came to nothing, as the coordinator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) code: FailureCode,
    pub(super) reason: String,
}

impl Failed {
    pub(super) fn new(code: FailureCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        let reason = error.to_string();
        match error {
            EngineError::UnknownModel(_) => Self::new(FailureCode::UnknownModel, reason),
            EngineError::InvalidRequest(_) => Self::new(FailureCode::InvalidRequest, reason),
            EngineError::ContextLength { .. } => Self::new(FailureCode::ContextLength, reason),
            EngineError::Overloaded => Self::new(FailureCode::Busy, reason),
            EngineError::Internal(cause) => {
                // What broke in here is for this miner's operator only.
                tracing::error!(target: "miner::task", cause, "the engine failed");
                Self::new(FailureCode::Internal, "the model failed; the miner's log says why")
            }
        }
    }
}

/// A task that can be started.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assignment {
    pub(super) model_root: [u8; 32],
    pub(super) timeout: Duration,
    pub(super) work: Work,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    /// Text; `echo` is sent before the completion.
    Generate { request: GenerateRequest, echo: Option<String> },
    /// One vector for each input.
    Embed { model: String, inputs: Vec<String> },
}

/// Reads a task. Everything that the coordinator sent is checked again: it may pass on what its clients sent unread.
pub(super) fn read(task: &link::Task, models: &[ModelInfo]) -> Result<Assignment, Failed> {
    let work = task.work.clone().ok_or_else(|| invalid("the task names no work"))?;
    let wanted = match work {
        task::Work::Chat(_) | task::Work::Completion(_) => ModelKind::Chat,
        task::Work::Embedding(_) => ModelKind::Embedding,
    };
    let model = models
        .iter()
        .find(|model| model.id == task.model && model.kind == wanted)
        .ok_or_else(|| Failed::new(FailureCode::UnknownModel, "this miner has no such model for this kind of task"))?;
    if task.timeout_ms == 0 {
        return Err(Failed::new(FailureCode::Timeout, "no time is left for this task"));
    }
    let timeout = Duration::from_millis(task.timeout_ms).min(MAX_TIMEOUT);
    Ok(Assignment { model_root: model.model_root, timeout, work: read_work(work, model.id.clone())? })
}

fn read_work(work: task::Work, model: String) -> Result<Work, Failed> {
    match work {
        task::Work::Chat(chat) => {
            let sampling = read_sampling(chat.sampling)?;
            if chat.messages.is_empty() {
                return Err(invalid("a chat needs at least one message"));
            }
            let messages =
                chat.messages.into_iter().map(|message| ChatMessage { role: message.role, content: message.content });
            let request = GenerateRequest::new(model, Prompt::Chat(messages.collect()), sampling);
            Ok(Work::Generate { request, echo: None })
        }
        task::Work::Completion(completion) => {
            let sampling = read_sampling(completion.sampling)?;
            let echo = completion.echo.then(|| completion.prompt.clone());
            let request = GenerateRequest::new(model, Prompt::Text(completion.prompt), sampling);
            Ok(Work::Generate { request, echo })
        }
        task::Work::Embedding(embedding) => {
            if !(1..=MAX_EMBEDDING_INPUTS).contains(&embedding.inputs.len()) {
                return Err(invalid(format!("1 to {MAX_EMBEDDING_INPUTS} inputs are embedded at once")));
            }
            Ok(Work::Embed { model, inputs: embedding.inputs })
        }
    }
}

fn read_sampling(sampling: Option<link::Sampling>) -> Result<Sampling, Failed> {
    let sampling = sampling.ok_or_else(|| invalid("sampling is missing"))?;
    // Ranges do not contain NaN, so that it is refused with the rest.
    if !(0.0..=MAX_TEMPERATURE).contains(&sampling.temperature) {
        return Err(invalid(format!("temperature must be from 0 to {MAX_TEMPERATURE}")));
    }
    if !(f32::MIN_POSITIVE..=1.0).contains(&sampling.top_p) {
        return Err(invalid("top_p must be above 0 and at most 1"));
    }
    if sampling.stop.len() > MAX_STOP_STRINGS || sampling.stop.iter().any(String::is_empty) {
        return Err(invalid(format!("at most {MAX_STOP_STRINGS} stop strings are possible, and none may be empty")));
    }
    let penalties = [sampling.frequency_penalty, sampling.presence_penalty];
    if !penalties.iter().all(|penalty| (-MAX_PENALTY..=MAX_PENALTY).contains(penalty)) {
        return Err(invalid(format!("penalties must be from -{MAX_PENALTY} to {MAX_PENALTY}")));
    }
    if !(f32::MIN_POSITIVE..=MAX_REPETITION_PENALTY).contains(&sampling.repetition_penalty) {
        return Err(invalid(format!("the repetition penalty must be above 0 and at most {MAX_REPETITION_PENALTY}")));
    }
    if sampling.logprobs.is_some_and(|top| top > MAX_TOP_LOGPROBS) {
        return Err(invalid(format!("log-probabilities of at most {MAX_TOP_LOGPROBS} alternatives are reported")));
    }
    Ok(Sampling {
        max_tokens: Some(sampling.max_tokens).filter(|max| *max > 0),
        draw: parameters(&sampling),
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        repetition_penalty: sampling.repetition_penalty,
        seed: seed_of(sampling.seed),
        stop: sampling.stop,
        logprobs: sampling.logprobs,
        format: read_format(sampling.format)?,
    })
}

/// What a task's seed is among the engine's, which are longer: its eight bytes, the lowest first, and zeros.
fn seed_of(seed: u64) -> Seed {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes
}

fn read_format(format: Option<Format>) -> Result<ResponseFormat, Failed> {
    match format {
        None => Ok(ResponseFormat::Text),
        Some(Format::JsonObject(link::AnyObject {})) => Ok(ResponseFormat::JsonObject),
        Some(Format::JsonSchema(schema)) if schema.len() <= MAX_SCHEMA_BYTES => Ok(ResponseFormat::JsonSchema(schema)),
        Some(Format::JsonSchema(_)) => Err(invalid(format!("a schema may have {MAX_SCHEMA_BYTES} bytes"))),
    }
}

fn invalid(reason: impl Into<String>) -> Failed {
    Failed::new(FailureCode::InvalidRequest, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_sampler::{Parameters, ONE};

    fn models() -> Vec<ModelInfo> {
        [("chat", ModelKind::Chat), ("vectors", ModelKind::Embedding)]
            .map(|(id, kind)| ModelInfo {
                id: id.into(),
                kind,
                model_root: [1; 32],
                context_tokens: 64,
                numeric_class: "test".into(),
            })
            .to_vec()
    }

    fn sampling() -> link::Sampling {
        link::Sampling { temperature: 0.5, top_p: 1.0, repetition_penalty: 1.0, seed: 7, ..Default::default() }
    }

    fn completion(model: &str, sampling: Option<link::Sampling>) -> link::Task {
        let work = link::Completion { prompt: "Once".into(), sampling, echo: true };
        link::Task {
            model: model.into(),
            timeout_ms: 1_000,
            work: Some(task::Work::Completion(work)),
            ..Default::default()
        }
    }

    fn code(task: link::Task) -> FailureCode {
        read(&task, &models()).unwrap_err().code
    }

    #[test]
    fn a_completion_is_read() {
        let assignment = read(&completion("chat", Some(sampling())), &models()).unwrap();
        let Work::Generate { request, echo } = assignment.work else { panic!("not a generation") };
        assert_eq!(request.prompt, Prompt::Text("Once".into()));
        assert_eq!(request.sampling.max_tokens, None);
        assert_eq!(echo.as_deref(), Some("Once"));
        assert_eq!(assignment.timeout, Duration::from_secs(1));
    }

    #[test]
    fn all_of_sampling_is_read() {
        let sampling = link::Sampling {
            max_tokens: 5,
            temperature: 0.5,
            top_p: 0.9,
            seed: 7,
            stop: vec!["x".into()],
            top_k: 40,
            frequency_penalty: 0.1,
            presence_penalty: -0.2,
            repetition_penalty: 1.1,
            logprobs: Some(3),
            format: Some(Format::JsonSchema("{}".into())),
        };
        let expected = Sampling {
            max_tokens: Some(5),
            draw: Parameters { temperature: ONE / 2, top_k: 40, top_p: 58_982 },
            frequency_penalty: 0.1,
            presence_penalty: -0.2,
            repetition_penalty: 1.1,
            seed: seed_of(7),
            stop: vec!["x".into()],
            logprobs: Some(3),
            format: ResponseFormat::JsonSchema("{}".into()),
        };
        assert_eq!(read_sampling(Some(sampling.clone())).unwrap(), expected);
        let object = link::Sampling { format: Some(Format::JsonObject(link::AnyObject {})), ..sampling };
        assert_eq!(read_sampling(Some(object)).unwrap().format, ResponseFormat::JsonObject);
    }

    #[test]
    fn models_are_known_by_id_and_kind() {
        assert_eq!(code(completion("other", Some(sampling()))), FailureCode::UnknownModel);
        assert_eq!(code(completion("vectors", Some(sampling()))), FailureCode::UnknownModel);
    }

    #[test]
    fn senseless_sampling_is_refused() {
        let senseless = [
            link::Sampling { temperature: f32::NAN, ..sampling() },
            link::Sampling { temperature: -0.1, ..sampling() },
            link::Sampling { temperature: 2.1, ..sampling() },
            link::Sampling { top_p: 0.0, ..sampling() },
            link::Sampling { top_p: f32::INFINITY, ..sampling() },
            link::Sampling { stop: vec!["x".into(); 5], ..sampling() },
            link::Sampling { stop: vec![String::new()], ..sampling() },
            link::Sampling { frequency_penalty: 2.1, ..sampling() },
            link::Sampling { presence_penalty: f32::NAN, ..sampling() },
            link::Sampling { repetition_penalty: 0.0, ..sampling() },
            link::Sampling { repetition_penalty: f32::INFINITY, ..sampling() },
            link::Sampling { logprobs: Some(21), ..sampling() },
            link::Sampling { format: Some(Format::JsonSchema("x".repeat(MAX_SCHEMA_BYTES + 1))), ..sampling() },
        ];
        for sampling in senseless {
            assert_eq!(code(completion("chat", Some(sampling))), FailureCode::InvalidRequest);
        }
        assert_eq!(code(completion("chat", None)), FailureCode::InvalidRequest);
    }

    #[test]
    fn empty_work_and_no_time_are_refused() {
        let work = |work| link::Task { model: "vectors".into(), timeout_ms: 1, work, ..Default::default() };
        assert_eq!(code(work(None)), FailureCode::InvalidRequest);
        let nothing = link::Embedding { inputs: vec![] };
        assert_eq!(code(work(Some(task::Work::Embedding(nothing)))), FailureCode::InvalidRequest);
        let late = link::Task { timeout_ms: 0, ..completion("chat", Some(sampling())) };
        assert_eq!(code(late), FailureCode::Timeout);
    }

    #[test]
    fn no_timeout_is_endless() {
        let endless = link::Task { timeout_ms: u64::MAX, ..completion("chat", Some(sampling())) };
        assert_eq!(read(&endless, &models()).unwrap().timeout, MAX_TIMEOUT);
    }

    #[test]
    fn what_breaks_in_the_engine_stays_here() {
        let failed = Failed::from(EngineError::Internal("/home/me/model.gguf".into()));
        assert_eq!(failed.code, FailureCode::Internal);
        assert!(!failed.reason.contains("/home"));
        assert_eq!(Failed::from(EngineError::Overloaded).code, FailureCode::Busy);
    }
}
