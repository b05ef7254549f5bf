//! Which models can be used: what cannot is not offered.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cuckoo_engine::SharedEngine;
use tokio::{
    sync::watch,
    time::{interval, timeout, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// How often the engines are asked.
const PACE: Duration = Duration::from_secs(10);
/// An engine that has said nothing for so long has none of its models.
const LIMIT: Duration = Duration::from_secs(20);

/// The models that cannot be used at present, and why, by id.
pub type Unavailable = Arc<BTreeMap<String, String>>;

/// Looks after the models of `engine` from now on, until `stop`.
pub fn watch_over(engine: SharedEngine, stop: CancellationToken) -> watch::Receiver<Unavailable> {
    watch_at(engine, stop, PACE, LIMIT)
}

fn watch_at(
    engine: SharedEngine,
    stop: CancellationToken,
    pace: Duration,
    limit: Duration,
) -> watch::Receiver<Unavailable> {
    let (known, seen) = watch::channel(Unavailable::default());
    tokio::spawn(async move {
        let mut ticks = interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = look(&engine, limit).await;
            known.send_if_modified(|before| {
                let is_news = !before.keys().eq(now.keys());
                if is_news {
                    tell(before, &now);
                    *before = Arc::new(now);
                }
                is_news
            });
        }
    });
    seen
}

async fn look(engine: &SharedEngine, limit: Duration) -> BTreeMap<String, String> {
    match timeout(limit, engine.unavailable()).await {
        Ok(unavailable) => unavailable.into_iter().collect(),
        // Whatever it is that hangs, nobody should wait for it.
        Err(_) => {
            engine.models().into_iter().map(|model| (model.id, "the engine does not answer".to_owned())).collect()
        }
    }
}

fn tell(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) {
    for (model, reason) in now.iter().filter(|(model, _)| !before.contains_key(*model)) {
        tracing::warn!(target: "miner::models", model, reason, "a model cannot be used and is not offered until it can");
    }
    for model in before.keys().filter(|model| !now.contains_key(*model)) {
        tracing::info!(target: "miner::models", model, "a model is back and offered again");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use async_trait::async_trait;
    use cuckoo_engine::{Embedding, Engine, EngineError, GenerateRequest, Generation, ModelInfo, ModelKind};

    use super::*;

    /// Its model is well, is gone, or nobody can say.
    #[derive(Default)]
    struct Moody(AtomicU8);

    #[async_trait]
    impl Engine for Moody {
        fn models(&self) -> Vec<ModelInfo> {
            let numeric_class = "test".into();
            vec![ModelInfo {
                id: "m".into(),
                kind: ModelKind::Chat,
                model_root: [1; 32],
                context_tokens: 1,
                numeric_class,
            }]
        }

        async fn generate(&self, _: GenerateRequest) -> Result<Generation, EngineError> {
            Err(EngineError::Overloaded)
        }

        async fn embed(&self, _: &str, _: Vec<String>) -> Result<Embedding, EngineError> {
            Err(EngineError::Overloaded)
        }

        async fn unavailable(&self) -> Vec<(String, String)> {
            match self.0.load(Ordering::Acquire) {
                0 => Vec::new(),
                1 => vec![("m".into(), "gone".into())],
                _ => std::future::pending().await,
            }
        }
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_known_and_what_is_back_too() {
        let (moody, stop) = (Arc::new(Moody::default()), CancellationToken::new());
        let short = Duration::from_millis(5);
        let mut seen = watch_at(moody.clone(), stop.clone(), short, short);
        for (mood, expected) in [(1, Some("gone")), (0, None), (2, Some("the engine does not answer")), (0, None)] {
            moody.0.store(mood, Ordering::Release);
            seen.changed().await.unwrap();
            assert_eq!(seen.borrow_and_update().get("m").map(String::as_str), expected);
        }
        stop.cancel();
        assert!(seen.changed().await.is_err(), "it has stopped");
    }
}
