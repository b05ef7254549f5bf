//! Loading models into the engine.

use std::{io::IsTerminal, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use cuckoo_engine::{EngineOptions, Engines, LocalEngine, ModelDir, SharedEngine};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    cli::{EngineArgs, ModelArgs, OpenAiArgs},
    config::models_dir,
    error::Error,
    memory::context_memory_bytes,
    openai,
};

/// Requests that may wait for a turn although their coordinators have slots: shares that have just moved may add up
/// to more than all slots for a moment.
const MIN_WAITING: usize = 8;

/// The folders of the models that were asked for, or of all that are there. Who fronts a server names what is to be
/// computed here besides.
pub fn model_dirs(args: &ModelArgs, openai: &OpenAiArgs) -> Result<Vec<ModelDir>, Error> {
    if openai.url.is_some() && args.models.is_empty() {
        return Ok(Vec::new());
    }
    let dir: PathBuf = models_dir(args.models_dir.as_ref())?;
    let ids = match args.models.is_empty() {
        true => ModelDir::list(&dir)?,
        false => args.models.clone(),
    };
    if ids.is_empty() {
        return Err(Error::NoModels(dir));
    }
    Ok(ids.iter().map(|id| ModelDir::open(&dir, id)).collect::<Result<_, _>>()?)
}

/// Connects to the local server, if there is one, checks the models' files and loads them; `running` generations of a
/// model take turns.
pub async fn load(
    args: &EngineArgs,
    openai: &OpenAiArgs,
    dirs: Vec<ModelDir>,
    running: NonZeroUsize,
) -> Result<SharedEngine, Error> {
    let mut engines: Vec<SharedEngine> = Vec::new();
    // The quicker first, so that a mistake shows at once.
    if let Some(server) = openai::connect(openai).await? {
        engines.push(Arc::new(server));
    }
    if !dirs.is_empty() {
        engines.push(Arc::new(load_local(args, dirs, running).await?));
    }
    Ok(Arc::new(Engines::new(engines)?))
}

async fn load_local(args: &EngineArgs, dirs: Vec<ModelDir>, running: NonZeroUsize) -> Result<LocalEngine, Error> {
    let options = EngineOptions {
        threads: args.threads,
        kv_memory_mib: (context_memory_bytes(args)? / dirs.len().max(1) as u64) >> 20,
        max_running: running,
        max_waiting: running.get().max(MIN_WAITING),
        device: args.device,
        ..EngineOptions::default()
    };
    let ids: Vec<&str> = dirs.iter().map(|dir| dir.manifest().id()).collect();
    let what = format!("checking and loading {} on {}", ids.join(", "), args.device);
    let spinner = spinner(&what);
    let begun = std::time::Instant::now();
    let engine = tokio::task::spawn_blocking(move || LocalEngine::load(&dirs, &options))
        .await
        .map_err(|error| Error::System { what: "loading the models", reason: error.to_string() })??;
    spinner.finish_and_clear();
    tracing::info!(target: "miner::models", duration_ms = begun.elapsed().as_millis() as u64, "models loaded");
    Ok(engine)
}

/// Shows on a terminal that something is going on; elsewhere a log line does.
fn spinner(what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        tracing::info!(target: "miner::models", "{what}");
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.set_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}
