//! Runs a step so that what breaks it fails alone.

use std::{
    any::Any,
    panic::{catch_unwind, AssertUnwindSafe},
    slice,
};

use crate::{
    api::EngineError,
    models::{CausalModel, Output, Piece, Wanted},
};

/// Outputs for each piece. If the step fails as a whole each piece is tried by itself: all of them write only to blocks
/// of their own, and write the same again.
pub(super) fn forward(model: &mut dyn CausalModel, pieces: &[Piece<'_>]) -> Vec<Result<Vec<Output>, EngineError>> {
    let error = match attempt(model, pieces) {
        Ok(outputs) => return outputs.into_iter().map(Ok).collect(),
        Err(error) => error,
    };
    if pieces.len() == 1 {
        return vec![Err(error)];
    }
    tracing::warn!(target: "engine::scheduler", %error, pieces = pieces.len(), "a step failed; each text is tried alone");
    let alone = |piece| attempt(model, slice::from_ref(piece)).map(|outputs| outputs.into_iter().flatten().collect());
    pieces.iter().map(alone).collect()
}

fn attempt(model: &mut dyn CausalModel, pieces: &[Piece<'_>]) -> Result<Vec<Vec<Output>>, EngineError> {
    let outputs = guarded(|| model.forward(pieces))?;
    let is_complete = outputs.len() == pieces.len()
        && pieces.iter().zip(&outputs).all(|(piece, outputs)| {
            let wanted = match piece.wanted {
                Wanted::Nothing => 0,
                Wanted::Last => 1,
                Wanted::Each => piece.tokens.len(),
            };
            outputs.len() == wanted
        });
    if is_complete {
        Ok(outputs)
    } else {
        Err(EngineError::Internal("the model did not compute one output for each token that one was wanted of".into()))
    }
}

/// Turns a panic into an error. For work whose half-done state is thrown away.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(EngineError::Internal(format!("a step panicked: {}", panic_text(panic.as_ref())))))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
