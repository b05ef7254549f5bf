//! Values that arguments are read into.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use cuckoo_chain_client::ChainConfig;
use cuckoo_engine::ModelDir;
use cuckoo_primitives::candidate::MAX_ENDPOINT_LEN;
use tonic::transport::Uri;

use crate::{
    cli::ChainArgs,
    error::{ConfigError, Error},
};

/// Where a coordinator's gateway takes links: `http://` or `https://`, host and port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoordinatorUrl(String);

impl CoordinatorUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the link is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for CoordinatorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CoordinatorUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refused = |reason| ConfigError::CoordinatorUrl { url: text.chars().take(80).collect(), reason };
        if text.len() > MAX_ENDPOINT_LEN as usize {
            return Err(refused("it is too long"));
        }
        let uri: Uri = text.parse().map_err(|_| refused("it is no URL"))?;
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
            return Err(refused("it names no host"));
        };
        match uri.scheme_str() {
            Some("http" | "https") if authority.as_str().contains('@') => Err(refused("it must not hold credentials")),
            Some("http" | "https") if uri.path() != "/" || uri.query().is_some() => {
                Err(refused("it must end after host and port"))
            }
            // Spelled in one way, so that the same coordinator is not dialled twice.
            Some(scheme @ ("http" | "https")) => Ok(Self(format!("{scheme}://{}", authority.as_str().to_lowercase()))),
            _ => Err(refused("it must begin with http:// or https://")),
        }
    }
}

/// How to reach the chain.
pub fn chain_config(args: &ChainArgs) -> ChainConfig {
    ChainConfig { stale_after: Duration::from_secs(args.stale_after), ..ChainConfig::new(args.chain_urls.clone()) }
}

/// The folder of models.
pub fn models_dir(given: Option<&PathBuf>) -> Result<PathBuf, Error> {
    given.cloned().or_else(ModelDir::default_models_dir).ok_or_else(|| ConfigError::NoModelsDir.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinator_urls_are_spelled_in_one_way() {
        for (text, expected) in [
            ("http://127.0.0.1:7701", "http://127.0.0.1:7701"),
            ("http://Gateway.Example:7701/", "http://gateway.example:7701"),
            ("https://gateway.example", "https://gateway.example"),
            ("http://[::1]:7701", "http://[::1]:7701"),
        ] {
            assert_eq!(text.parse::<CoordinatorUrl>().unwrap().as_str(), expected);
        }
    }

    #[test]
    fn other_urls_are_refused() {
        let long = format!("http://{}", "a".repeat(300));
        for text in ["", "gateway:7701", "ws://a:1", "http://", "http://u:p@a", "http://a/path", "http://a/?q", &long] {
            assert!(text.parse::<CoordinatorUrl>().is_err(), "{text}");
        }
    }
}
