//! Reading a task: what to do, or why not.

use std::time::Duration;

use cuckoo_engine::{EngineError, ModelInfo, Seed};
use cuckoo_tasks::{kind, Work};
use cuckoo_wire::link::{self, FailureCode};

/// No task may take longer, whatever its coordinator says.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_secs(3_600);

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
    pub(super) timeout: Duration,
    pub(super) work: Work,
}

/// The model that would work on a task.
pub(super) fn model_of<'a>(task: &link::Task, models: &'a [ModelInfo]) -> Result<&'a ModelInfo, Failed> {
    let kind = kind(task).ok_or_else(|| Failed::new(FailureCode::InvalidRequest, "the task names no work"))?;
    let model = models
        .iter()
        .find(|model| model.id == task.model && model.kind == kind)
        .ok_or_else(|| Failed::new(FailureCode::UnknownModel, "this miner has no such model for this kind of task"))?;
    // What does not fit even without a prompt; the engine measures the rest.
    if task.resumed.len() > model.context_tokens as usize {
        let reason = format!(
            "{} tokens are to be resumed, the model's context holds {}",
            task.resumed.len(),
            model.context_tokens
        );
        return Err(Failed::new(FailureCode::ContextLength, reason));
    }
    Ok(model)
}

/// Reads a task whose tokens are drawn from `seed`. `records`: whether each of them is to come with how it was drawn.
/// Everything that the coordinator sent is checked again: it may pass on what its clients sent unread.
pub(super) fn read(task: &link::Task, seed: Option<Seed>, records: bool) -> Result<Assignment, Failed> {
    if task.timeout_ms == 0 {
        return Err(Failed::new(FailureCode::Timeout, "no time is left for this task"));
    }
    let timeout = Duration::from_millis(task.timeout_ms).min(MAX_TIMEOUT);
    let invalid = |reason: String| Failed::new(FailureCode::InvalidRequest, reason);
    let mut work = cuckoo_tasks::read(task, seed).map_err(|error| invalid(error.to_string()))?;
    match &mut work {
        Work::Generate { request, .. } => request.records = records,
        Work::Embed { .. } if !task.resumed.is_empty() => return Err(invalid("no vectors can be resumed".into())),
        Work::Embed { .. } => {}
    }
    Ok(Assignment { timeout, work })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_engine::ModelKind;
    use cuckoo_wire::link::task;

    const SEED: Option<Seed> = Some([7; 32]);

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

    fn completion(model: &str) -> link::Task {
        let sampling =
            Some(link::Sampling { temperature: 0.5, top_p: 1.0, repetition_penalty: 1.0, ..Default::default() });
        let work = link::Completion { prompt: "Once".into(), sampling, echo: true };
        link::Task {
            model: model.into(),
            timeout_ms: 1_000,
            work: Some(task::Work::Completion(work)),
            ..Default::default()
        }
    }

    fn embedding(inputs: &[&str]) -> link::Task {
        let inputs = inputs.iter().map(ToString::to_string).collect();
        let work = Some(task::Work::Embedding(link::Embedding { inputs }));
        link::Task { model: "vectors".into(), timeout_ms: 1, work, ..Default::default() }
    }

    fn code<T: std::fmt::Debug>(read: Result<T, Failed>) -> FailureCode {
        read.unwrap_err().code
    }

    #[test]
    fn a_completion_is_read() {
        for records in [false, true] {
            let task = link::Task { resumed: vec![1, 2], ..completion("chat") };
            let assignment = read(&task, SEED, records).unwrap();
            let Work::Generate { request, .. } = assignment.work else { panic!("not a generation") };
            assert_eq!((request.records, request.resumed, request.sampling.seed), (records, vec![1, 2], [7; 32]));
            assert_eq!(assignment.timeout, Duration::from_secs(1));
        }
    }

    #[test]
    fn models_are_known_by_id_and_kind() {
        assert_eq!(model_of(&completion("chat"), &models()).unwrap().id, "chat");
        assert_eq!(code(model_of(&completion("other"), &models())), FailureCode::UnknownModel);
        assert_eq!(code(model_of(&completion("vectors"), &models())), FailureCode::UnknownModel);
        assert_eq!(code(model_of(&link::Task::default(), &models())), FailureCode::InvalidRequest);
    }

    #[test]
    fn no_more_is_resumed_than_the_context_holds() {
        let resumed = |count| link::Task { resumed: vec![1; count], ..completion("chat") };
        assert!(model_of(&resumed(64), &models()).is_ok());
        assert_eq!(code(model_of(&resumed(65), &models())), FailureCode::ContextLength);
        let vectors = link::Task { resumed: vec![1], ..embedding(&["a"]) };
        assert_eq!(code(read(&vectors, None, false)), FailureCode::InvalidRequest);
    }

    #[test]
    fn senseless_work_and_no_time_are_refused() {
        assert_eq!(code(read(&embedding(&[]), None, false)), FailureCode::InvalidRequest);
        assert_eq!(code(read(&completion("chat"), None, false)), FailureCode::InvalidRequest);
        let late = link::Task { timeout_ms: 0, ..completion("chat") };
        assert_eq!(code(read(&late, SEED, false)), FailureCode::Timeout);
    }

    #[test]
    fn no_timeout_is_endless() {
        let endless = link::Task { timeout_ms: u64::MAX, ..completion("chat") };
        assert_eq!(read(&endless, SEED, false).unwrap().timeout, MAX_TIMEOUT);
    }

    #[test]
    fn what_breaks_in_the_engine_stays_here() {
        let failed = Failed::from(EngineError::Internal("/home/me/model.gguf".into()));
        assert_eq!(failed.code, FailureCode::Internal);
        assert!(!failed.reason.contains("/home"));
        assert_eq!(Failed::from(EngineError::Overloaded).code, FailureCode::Busy);
    }
}
