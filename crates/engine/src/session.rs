//! What the scheduler asks of a chat model, whatever its architecture.

use crate::api::EngineError;

/// A loaded chat model. Its weights are shared by all sessions.
pub(crate) trait CausalModel: Send + 'static {
    /// A fresh session; cheap.
    fn session(&self) -> Box<dyn Session>;
}

/// One text that a model reads and continues, with all that it remembers of it.
pub(crate) trait Session: Send {
    /// Reads `tokens`, the first of which stands at `position`, and returns the logits for the token after them.
    /// Positions go on without gaps.
    fn forward(&mut self, tokens: &[u32], position: usize) -> Result<Vec<f32>, EngineError>;
}
