//! Does what the command line says.

use std::sync::Arc;

use sc_cli::SubstrateCli;
use sc_network::{config::NetworkBackendType, Litep2pNetworkBackend, NetworkWorker};
use sc_service::ChainSpec;

use crate::{
    block::Block,
    chain_spec,
    cli::{Cli, Command},
    service::{self, FullParts},
};

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "Cuckoo Node".into()
    }

    fn impl_version() -> String {
        env!("SUBSTRATE_CLI_IMPL_VERSION").into()
    }

    fn description() -> String {
        env!("CARGO_PKG_DESCRIPTION").into()
    }

    fn author() -> String {
        "The Cuckoo authors".into()
    }

    fn support_url() -> String {
        "the issues of the repository".into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> Result<Box<dyn ChainSpec>, String> {
        Ok(Box::new(chain_spec::load(id)?))
    }
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> sc_cli::Result<()> {
    let cli = Cli::from_args();
    match &cli.command {
        None => run_node(&cli),
        Some(Command::Key(cmd)) => cmd.run(&cli),
        Some(Command::OperatorConsent(cmd)) => Ok(cmd.run(&*cli.load_spec(&cmd.chain)?)?),
        Some(Command::ExportChainSpec(cmd)) => cmd.run(cli.load_spec(&cmd.chain)?),
        Some(Command::ChainInfo(cmd)) => cli.create_runner(cmd)?.sync_run(|config| cmd.run::<Block>(&config)),
        Some(Command::PurgeChain(cmd)) => cli.create_runner(cmd)?.sync_run(|config| cmd.run(config.database)),
        Some(Command::CheckBlock(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let FullParts { client, task_manager, import_queue, .. } = service::full_parts(&config)?;
            Ok((cmd.run(client, import_queue), task_manager))
        }),
        Some(Command::ExportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let FullParts { client, task_manager, .. } = service::full_parts(&config)?;
            Ok((cmd.run(client, config.database), task_manager))
        }),
        Some(Command::ImportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let FullParts { client, task_manager, import_queue, .. } = service::full_parts(&config)?;
            Ok((cmd.run(client, import_queue), task_manager))
        }),
        Some(Command::ExportState(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let FullParts { client, task_manager, .. } = service::full_parts(&config)?;
            Ok((cmd.run(client, config.chain_spec), task_manager))
        }),
        Some(Command::Revert(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let FullParts { client, backend, task_manager, .. } = service::full_parts(&config)?;
            Ok((cmd.run(client, backend, Some(Box::new(revert_consensus))), task_manager))
        }),
    }
}

fn run_node(cli: &Cli) -> sc_cli::Result<()> {
    let shared = &cli.run.shared_params;
    if shared.chain.is_none() && !shared.dev {
        return Err("which chain? Say --dev, or --chain with `dev`, `local`, `testnet` or a chain specification".into());
    }
    cli.create_runner(&cli.run)?.run_node_until_exit(|config| async move {
        match config.network.network_backend {
            NetworkBackendType::Libp2p => service::start::<NetworkWorker<_, _>>(config).await,
            NetworkBackendType::Litep2p => service::start::<Litep2pNetworkBackend>(config).await,
        }
        .map_err(sc_cli::Error::Service)
    })
}

/// BABE and GRANDPA keep records beside the blocks; they go back together with these.
fn revert_consensus(
    client: Arc<service::FullClient>,
    backend: Arc<service::FullBackend>,
    blocks: cuckoo_primitives::BlockNumber,
) -> sc_cli::Result<()> {
    sc_consensus_babe::revert(client.clone(), backend, blocks)?;
    sc_consensus_grandpa::revert(client, blocks)?;
    Ok(())
}
