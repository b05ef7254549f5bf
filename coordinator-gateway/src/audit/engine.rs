//! The gateway's own engine: how its process is started, and what runs in it.

use std::{
    ffi::OsString,
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use cuckoo_audit::threshold::{Book, BookError};
use cuckoo_audit_engine::{serve, AuditEngine, StartError};
use cuckoo_engine::{Engine, EngineOptions, LocalEngine, ModelDir, ModelInfo, ModelKind};

use super::statistics::Statistics;
use crate::config::GatewayConfig;

/// Longest file of calibrations, in bytes.
const MAX_BOOK_BYTES: u64 = 1 << 20;

/// Why the gateway cannot go through answers.
#[derive(Debug, thiserror::Error)]
pub enum AuditEngineError {
    /// Nobody knows where this program is.
    #[error("--audit-models: cannot find this program itself: {0}")]
    Program(io::Error),
    /// There is no engine.
    #[error("--audit-models: {0}")]
    Start(#[from] StartError),
    /// There is no such file.
    #[error("--calibrations {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It says nothing sound.
    #[error("calibrations{from}: {source}", from = path.as_ref().map(|it| format!(" {}", it.display())).unwrap_or_default())]
    Calibrations {
        /// The file; `None`: those that come with the gateway.
        path: Option<PathBuf>,
        /// What is wrong with it.
        source: BookError,
    },
}

/// What the process is told.
#[derive(Args, Debug)]
pub(crate) struct AuditEngineArgs {
    /// Folder with models.
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Threads that compute.
    #[arg(long, value_name = "COUNT")]
    threads: NonZeroUsize,
}

/// Starts the engine that `config` asks for, if it asks for one.
pub(crate) async fn start(config: &GatewayConfig) -> Result<Option<Statistics>, AuditEngineError> {
    let Some(models) = &config.audit_models else { return Ok(None) };
    let book = read_book(config.calibrations.as_deref())?;
    let program = std::env::current_exe().map_err(AuditEngineError::Program)?;
    let mut arguments: Vec<OsString> = ["audit-engine", "--threads"].map(OsString::from).to_vec();
    arguments.extend([config.audit_threads.to_string().into(), "--models".into(), models.into()]);
    let engine = AuditEngine::start(program, arguments).await?;
    Ok(Some(Statistics::new(Arc::new(engine), book)))
}

/// The calibrations in this file, or those that come with the gateway.
pub(super) fn read_book(path: Option<&Path>) -> Result<Book, AuditEngineError> {
    let parsed = match path {
        None => Book::shipped(),
        Some(path) => {
            Book::parse(&read(path).map_err(|source| AuditEngineError::Unreadable { path: path.into(), source })?)
        }
    };
    parsed.map_err(|source| AuditEngineError::Calibrations { path: path.map(Path::to_path_buf), source })
}

fn read(path: &Path) -> io::Result<String> {
    use io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_BOOK_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

impl AuditEngineArgs {
    /// Goes through answers until there are no more orders: until the gateway has ended.
    pub(crate) async fn execute(self) -> anyhow::Result<()> {
        let engine = tokio::task::spawn_blocking(move || self.load()).await??;
        serve(&engine, &mut tokio::io::stdin(), &mut tokio::io::stdout()).await?;
        Ok(())
    }

    fn load(&self) -> anyhow::Result<LocalEngine> {
        let ids = ModelDir::list(&self.models)?;
        let dirs: Result<Vec<ModelDir>, _> = ids.iter().map(|id| ModelDir::open(&self.models, id)).collect();
        let dirs = dirs?;
        anyhow::ensure!(
            !dirs.is_empty(),
            "{} has no model: `miner-worker models pull` brings some",
            self.models.display()
        );
        let options = EngineOptions {
            threads: Some(self.threads),
            // One attempt after the other; what one has read is of no use to the next.
            max_running: NonZeroUsize::MIN,
            prefix_cache: false,
            ..EngineOptions::default()
        };
        let engine = LocalEngine::load(&dirs, &options).context("a model cannot be loaded")?;
        let models = engine.models();
        let of_one = |one: &ModelInfo, other: &ModelInfo| {
            one.id < other.id && one.model_root == other.model_root && one.context_tokens != other.context_tokens
        };
        for one in models.iter().filter(|model| model.kind == ModelKind::Embedding) {
            if let Some(other) = models.iter().find(|other| of_one(one, other)) {
                // Which of them a miner's vectors are to be compared with nobody could say.
                anyhow::bail!(
                    "{} and {} are the same files with other context_tokens: leave one of them in {}",
                    one.id,
                    other.id,
                    self.models.display()
                );
            }
        }
        Ok(engine)
    }
}
