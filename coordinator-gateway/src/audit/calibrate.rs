//! Measures how far honest answers are from what the gateway's own engine says.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use clap::Args;
use cuckoo_audit::threshold::{Book, Pair, LEAST_TOKENS};
use cuckoo_audit_engine::{Calibrating, Measured};
use cuckoo_engine::{Engine, EngineOptions, LocalEngine, ModelDir};

use super::engine::read_book;

/// Answers at once, beside one after the other.
const AT_ONCE: usize = 4;
/// How often it is said how far it is.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Measure how far honest answers are from what this gateway's engine says.
#[derive(Args, Debug)]
pub(crate) struct CalibrateArgs {
    /// Folder with models.
    #[arg(long, env = "GATEWAY_AUDIT_MODELS", value_name = "DIR")]
    audit_models: PathBuf,
    /// The chat model.
    #[arg(long, value_name = "ID")]
    model: String,
    /// Honest tokens to measure: a class with fewer than 100,000 is not judged.
    #[arg(long, value_name = "COUNT", default_value_t = const { NonZeroU64::new(LEAST_TOKENS).unwrap() })]
    tokens: NonZeroU64,
    /// Threads that compute; one for each core if not said.
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
    /// File to add to; made if it is not there.
    #[arg(long, value_name = "FILE")]
    calibrations: PathBuf,
}

impl CalibrateArgs {
    /// Measures, and adds it to the file.
    pub(crate) async fn execute(self) -> anyhow::Result<()> {
        // What is wrong with the file is said now, not after an hour.
        let book = if self.calibrations.exists() { Some(read_book(Some(&self.calibrations))?) } else { None };
        let (models, id, threads) = (self.audit_models.clone(), self.model.clone(), self.threads);
        let loading = tokio::task::spawn_blocking(move || {
            // Threads and neighbours are what honest miners differ in.
            let alone = load(&models, &id, Some(NonZeroUsize::MIN), 1)?;
            anyhow::Ok((alone, load(&models, &id, threads, AT_ONCE)?))
        });
        let (alone, together) = loading.await??;
        let info = alone.models().into_iter().next().context("the engine has no model")?;
        let (class, root) = (info.numeric_class, hex::encode(info.model_root));
        eprintln!("{} in {class}: {} tokens, half of them one answer after the other", self.model, self.tokens);
        let half = self.tokens.get().div_ceil(2);
        let (one, four) = ((&alone, &together, 1), (&together, &alone, AT_ONCE));
        let mut measured = Measured::default();
        for (first, (miner, auditor, at_once)) in [(0, one), (1 << 40, four)] {
            let before = measured.tokens();
            let (mut said, all) = (Instant::now(), self.tokens);
            let progress = |tokens: u64| {
                if said.elapsed() >= SAID_EVERY {
                    said = Instant::now();
                    eprintln!("{} of {all} tokens", before + tokens);
                }
            };
            let engines = Calibrating { miner, auditor, model: &self.model, at_once };
            measured.extend(engines.measure(first, half, progress).await?);
        }
        let calibration = measured.calibration();
        let pair = Pair { miner_class: class.clone(), auditor_class: class, model_root: root, calibration };
        let count = measured.tokens();
        println!("{}", serde_json::to_string(&pair)?);
        let is_other = |other: &&Pair| {
            (&other.miner_class, &other.model_root) != (&pair.miner_class, &pair.model_root)
                || other.auditor_class != pair.auditor_class
        };
        let mut pairs: Vec<Pair> = book.iter().flat_map(Book::pairs).filter(is_other).cloned().collect();
        pairs.push(pair);
        write(&self.calibrations, &Book::new(pairs)?.to_toml()?)?;
        eprintln!("written to {}: name it with --calibrations", self.calibrations.display());
        if count < LEAST_TOKENS {
            eprintln!("{count} tokens are too few to judge by: {LEAST_TOKENS} are needed");
        }
        Ok(())
    }
}

fn load(models: &Path, id: &str, threads: Option<NonZeroUsize>, at_once: usize) -> anyhow::Result<LocalEngine> {
    let dir = ModelDir::open(models, id)?;
    let max_running = NonZeroUsize::new(at_once).context("at least one answer")?;
    // What engines refuse for want of room would end it.
    let options = EngineOptions { threads, max_running, max_waiting: 4 * AT_ONCE, ..EngineOptions::default() };
    let engine = LocalEngine::load(&[dir], &options)?;
    ensure!(
        engine.models().iter().any(|model| model.kind == cuckoo_engine::ModelKind::Chat),
        "{id} is no chat model: only what is drawn is judged"
    );
    Ok(engine)
}

/// All or nothing.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("part");
    std::fs::write(&beside, text).with_context(|| format!("cannot write {}", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("cannot write {}", path.display()))
}
