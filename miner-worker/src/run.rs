//! The command `run`.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use cuckoo_chain_client::{account_of, operator_key, Chain, ChainError};
use cuckoo_engine::chosen_gpu;
use tokio::{
    signal::unix::{signal, Signal, SignalKind},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    answers::{self, Answers, Who},
    asks::Asks,
    cli::{ChainArgs, KeptArgs, PayArgs, RunArgs},
    config::chain_config,
    data_dir::DataDir,
    engine,
    error::Error,
    events::{Event, Events},
    health,
    kept::Kept,
    link::{serve, Coordinators, Miner},
    metrics,
    settle::{OnChain, Settlement, Trust},
    status_page,
    wallet::Wallet,
};

/// How long a node that was started together with this program may take until it answers.
const NODE_START: Duration = Duration::from_secs(60);
/// Pause between two tries to connect to it.
const CONNECT_PAUSE: Duration = Duration::from_secs(2);
/// Longest wait for the wallet's disk at the end.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// In the operator's folder.
const KEPT_FOLDER: &str = "kept";
/// Exit status after a second signal, as shells report the end by Ctrl-C.
const ABORTED: i32 = 130;

/// Serves coordinators until SIGTERM or Ctrl-C, then finishes running tasks. A second signal ends at once.
pub async fn run(args: Box<RunArgs>) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let work = work(*args, stop.clone());
    tokio::pin!(work);
    tokio::select! {
        ended = &mut work => return ended,
        name = signals.next() => tracing::info!(target: "miner", signal = name, "finishing running tasks; once more to abort"),
    }
    stop.cancel();
    tokio::select! {
        ended = &mut work => ended,
        name = signals.next() => {
            tracing::warn!(target: "miner", signal = name, "aborted");
            std::process::exit(ABORTED);
        }
    }
}

async fn work(args: RunArgs, stop: CancellationToken) -> Result<(), Error> {
    let starting = start(&args, stop.clone());
    // The folder is this worker's until the last task is done.
    let (miner, answers, _data_dir) = tokio::select! {
        started = starting => started?,
        () = stop.cancelled() => return Ok(()),
    };
    let metrics_address = match args.metrics_listen {
        Some(address) => {
            let (miner, answers) = (miner.clone(), answers.clone());
            Some(status_page::listen(address, miner, answers, metrics::install()?).await?)
        }
        None => None,
    };
    Events::Stdout.emit(&Event::Ready {
        operator: miner.operator(),
        models: miner.models().iter().map(|model| model.id.as_str()).collect(),
        slots: args.slots,
        metrics: metrics_address.map(|address| address.to_string()),
    });
    let coordinators = match args.coordinators.coordinators.is_empty() {
        true => Coordinators::OnChain,
        false => Coordinators::At(args.coordinators.coordinators),
    };
    // Whether it has work or not, and until the last task is done.
    let mut answering = AbortOnDropHandle::new(tokio::spawn(answers::keep(answers, miner.chain().clone())));
    let serving = serve(miner.clone(), coordinators, Duration::from_secs(args.drain_limit), stop);
    tokio::select! {
        () = serving => {}
        // Who works on and does not answer loses its stake.
        ended = &mut answering => return Err(Error::Answering(ended.err().map_or_else(String::new, |error| error.to_string()))),
    }
    if !miner.settlement().wallet().flush(WRITE_LIMIT) {
        tracing::warn!(target: "miner::wallet", "the last vouchers are not written; the coordinators bring them again");
    }
    tracing::info!(target: "miner", "stopped");
    Ok(())
}

/// Device, key, folder, models and chain, cheapest first, so that a mistake shows at once.
async fn start(args: &RunArgs, stop: CancellationToken) -> Result<(Arc<Miner>, Arc<Answers>, DataDir), Error> {
    chosen_gpu(args.engine.device).map_err(Error::Device)?;
    let key = operator_key(&args.key.operator_key)?;
    let base = args.data_dir.clone().map_or_else(DataDir::default_base, Ok)?;
    let data_dir = DataDir::open(&base, &account_of(&key))?;
    let dirs = engine::model_dirs(&args.models, &args.openai)?;
    let chain = connect(&args.chain).await?;
    tracing::info!(
        target: "miner::chain",
        endpoint = chain.endpoint(),
        genesis = ?chain.genesis(),
        finalised = chain.view().number,
        "connected to the chain"
    );
    let wallet = Wallet::open(data_dir.path(), &chain.genesis())?;
    tracing::info!(target: "miner::wallet", path = %wallet.path().display(), "opened the wallet");
    let kept = open_kept(&data_dir, &args.kept)?;
    let slots = NonZeroUsize::new(args.slots as usize).unwrap_or(NonZeroUsize::MIN);
    let engine = engine::load(&args.engine, &args.openai, dirs, slots).await?;
    let asks = Asks::new(args.pay.default_ask.0, args.pay.asks.iter().cloned());
    asks.check(&engine.models())?;
    let source = Arc::new(OnChain::new(chain.clone(), key.clone()));
    let settlement = Arc::new(Settlement::new(Arc::new(wallet), source, asks, trust(&args.pay)));
    let blocked = args.coordinators.blocked.iter().cloned();
    let who = Who { genesis: chain.genesis(), operator: account_of(&key), workers: args.pay.workers };
    let asked = Arc::new(answers::OnChain::new(chain.clone(), key.clone()));
    let answers = Answers::new(kept.clone(), asked, who);
    let health = health::watch_over(engine.clone(), stop);
    let miner = Miner::new(key, chain, engine, args.slots, blocked, settlement, kept)
        .events_to(Events::Stdout)
        .minding(health)
        .answering(answers.can_answer());
    Ok((Arc::new(miner), Arc::new(answers), data_dir))
}

/// What this miner may be asked for, in a folder of its own.
fn open_kept(data_dir: &DataDir, args: &KeptArgs) -> Result<Kept, Error> {
    let folder = data_dir.path().join(KEPT_FOLDER);
    let kept =
        Kept::open(&folder, args.kept_mib << 20).map_err(|source| Error::Kept { folder: folder.clone(), source })?;
    tracing::info!(
        target: "miner::kept",
        path = %folder.display(),
        most_mib = args.kept_mib,
        "keeping for two hours how tokens were drawn"
    );
    Ok(kept)
}

fn trust(args: &PayArgs) -> Trust {
    Trust { workers: args.workers, forgive: Duration::from_secs(args.forgive), ..Trust::default() }
}

/// Connects to the chain, patiently: after a power cut the node may need longer to start than this program.
async fn connect(args: &ChainArgs) -> Result<Chain, Error> {
    let deadline = Instant::now() + NODE_START;
    loop {
        match Chain::connect(chain_config(args)).await {
            Ok(chain) => return Ok(chain),
            // Anything else will not mend itself.
            Err(error @ ChainError::NoEndpoint { .. }) if Instant::now() < deadline => {
                tracing::warn!(target: "miner::chain", "{error}; trying again");
                tokio::time::sleep(CONNECT_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let listen =
            |kind| signal(kind).map_err(|error| Error::System { what: "a signal handler", reason: error.to_string() });
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(all(test, not(feature = "cuda")))]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[tokio::test]
    async fn a_device_that_this_build_cannot_use_is_the_first_thing_said() {
        // Neither key nor chain is there.
        let line = "miner-worker run --operator-key /nowhere/key --chain-url ws://127.0.0.1:9 --device cuda:0";
        let Command::Run(args) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!("not run") };
        let error = start(&args, CancellationToken::new()).await.err().unwrap();
        assert!(error.to_string().starts_with("--device: this build has no CUDA"), "{error}");
    }
}
