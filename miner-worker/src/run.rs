//! The command `run`.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use cuckoo_chain_client::{operator_key, Chain};
use tokio::signal::unix::{signal, Signal, SignalKind};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::RunArgs,
    config::chain_config,
    engine,
    error::Error,
    events::{Event, Events},
    link::{serve, Coordinators, Miner},
    metrics, status_page,
};

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
    let starting = start(&args);
    let miner = tokio::select! {
        started = starting => started?,
        () = stop.cancelled() => return Ok(()),
    };
    let metrics_address = match args.metrics_listen {
        Some(address) => Some(status_page::listen(address, miner.clone(), metrics::install()?).await?),
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
    serve(miner, coordinators, Duration::from_secs(args.drain_limit), stop).await;
    tracing::info!(target: "miner", "stopped");
    Ok(())
}

/// Key, models and chain, cheapest first, so that a mistake shows at once.
async fn start(args: &RunArgs) -> Result<Arc<Miner>, Error> {
    let key = operator_key(&args.key.operator_key)?;
    let dirs = engine::model_dirs(&args.models)?;
    let chain = Chain::connect(chain_config(&args.chain)).await?;
    tracing::info!(
        target: "miner::chain",
        endpoint = chain.endpoint(),
        genesis = ?chain.genesis(),
        finalised = chain.view().number,
        "connected to the chain"
    );
    let slots = NonZeroUsize::new(args.slots as usize).unwrap_or(NonZeroUsize::MIN);
    let engine = engine::load(&args.engine, dirs, slots).await?;
    let blocked = args.coordinators.blocked.iter().cloned();
    Ok(Arc::new(Miner::new(key, chain, engine, args.slots, blocked, Events::Stdout)))
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
