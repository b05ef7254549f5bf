//! Memory for what clients send.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// Bytes that all requests together may have, from their first byte until their tasks end.
#[derive(Clone)]
pub(crate) struct RequestMemory(Arc<Semaphore>);

/// One request's part of it, given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct TakenMemory(Option<OwnedSemaphorePermit>);

impl RequestMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes `bytes` more for a request, if there are so many.
    pub(crate) fn take(&self, taken: &mut TakenMemory, bytes: usize) -> Result<(), ApiError> {
        let more = u32::try_from(bytes).ok().and_then(|bytes| self.0.clone().try_acquire_many_owned(bytes).ok());
        let more = more
            .ok_or_else(|| ApiError::unavailable("overloaded", "The gateway has too many large requests under way."))?;
        match &mut taken.0 {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let memory = RequestMemory::new(10);
        let (mut first, mut second) = (TakenMemory::default(), TakenMemory::default());
        memory.take(&mut first, 3).unwrap();
        memory.take(&mut first, 4).unwrap();
        assert!(memory.take(&mut second, 4).is_err());
        memory.take(&mut second, 3).unwrap();
        drop(first);
        memory.take(&mut second, 7).unwrap();
    }
}
