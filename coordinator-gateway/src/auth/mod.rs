//! Who may use the API.
//!
//! All valid keys are in memory by hash; a task follows the file, so that a key which another process revokes is refused
//! within [`REFRESH`]. When a key is not in memory, the file is looked at, so a new one works at once.

mod budget;
mod hang_ups;
mod key_ring;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts, HeaderMap},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::ApiError,
    state::SharedState,
    store::{hash_of, KeyStore, StoreError},
};
pub(crate) use budget::{Budgets, OverBudget, Spending};
pub(crate) use hang_ups::{HangUps, HungUpTooOften};
use key_ring::KeyRing;

/// How often the file is looked at.
const REFRESH: Duration = Duration::from_secs(1);
/// No key is longer; what is longer need not be hashed.
const MAX_KEY_LEN: usize = 256;

/// Checks API keys.
pub(crate) struct Auth {
    keys: Arc<KeyRing>,
    allow_anonymous: bool,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Id of its key; `None` if it has none and needs none.
    pub(crate) key_id: Option<Arc<str>>,
}

impl Auth {
    /// Reads all keys and starts to follow them until `stop`.
    pub(crate) async fn start(
        store: KeyStore,
        budgets: Arc<Budgets>,
        allow_anonymous: bool,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let keys = Arc::new(KeyRing::read(store.follow().await?, budgets).await?);
        tokio::spawn(follow(keys.clone(), stop));
        Ok(Self { keys, allow_anonymous })
    }

    /// Who sent a request with these headers.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let Some(secret) = bearer(headers) else {
            if self.allow_anonymous && !headers.contains_key(AUTHORIZATION) {
                return Ok(Caller { key_id: None });
            }
            return Err(ApiError::unauthorized(
                "missing_api_key",
                "No API key. Send it as 'Authorization: Bearer sk-cuckoo-...'.",
            ));
        };
        let found = if secret.len() <= MAX_KEY_LEN { self.find(secret).await? } else { None };
        match found {
            Some(id) => Ok(Caller { key_id: Some(id) }),
            // SDKs insist on some key, so with anonymous access any will do.
            None if self.allow_anonymous => Ok(Caller { key_id: None }),
            None => Err(ApiError::unauthorized(
                "invalid_api_key",
                "This API key is not valid. Ask the coordinator's operator for one (coordinator-gateway keys create).",
            )),
        }
    }

    async fn find(&self, secret: &str) -> Result<Option<Arc<str>>, ApiError> {
        let hash = hash_of(secret);
        if self.allow_anonymous {
            // Any other key is as good, so that none is worth a look at the file.
            return Ok(self.keys.known(&hash));
        }
        self.keys.find(&hash).await.map_err(|error| {
            tracing::error!(target: "gateway::auth", %error, "cannot look up an API key");
            ApiError::internal()
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

async fn follow(keys: Arc<KeyRing>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(REFRESH)).await.is_some() {
        if let Err(error) = keys.refresh().await {
            tracing::warn!(target: "gateway::auth", %error, "cannot read the API keys");
        }
    }
}

impl FromRequestParts<SharedState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &SharedState) -> Result<Self, ApiError> {
        state.auth.caller(&parts.headers).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_keys() {
        let key = |value: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(key("Bearer sk-1").as_deref(), Some("sk-1"));
        assert_eq!(key("bearer  sk-1").as_deref(), Some("sk-1"));
        assert_eq!(key("Basic sk-1"), None);
        assert_eq!(key("Bearer "), None);
        assert_eq!(key("sk-1"), None);
    }
}
