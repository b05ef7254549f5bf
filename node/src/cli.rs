//! What the command line says.

use sc_cli::{
    ChainInfoCmd, CheckBlockCmd, ExportBlocksCmd, ExportChainSpecCmd, ExportStateCmd, ImportBlocksCmd, KeySubcommand,
    PurgeChainCmd, RevertCmd, RunCmd,
};

use crate::operator_consent::OperatorConsentCmd;

/// Runs a node, or one of the commands.
#[derive(Debug, clap::Parser)]
pub(crate) struct Cli {
    /// Instead of running a node.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// How to run the node.
    #[command(flatten)]
    pub(crate) run: RunCmd,
}

/// What the program does instead of running a node.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make, inspect and insert keys.
    #[command(subcommand)]
    Key(KeySubcommand),

    /// Sign that an operator key works for a stash as a validator, and print what the stash submits to register it.
    OperatorConsent(OperatorConsentCmd),

    /// Write a chain specification: a preset (`dev`, `local`, `testnet`) or a file, plain or raw.
    ExportChainSpec(ExportChainSpecCmd),

    /// Show the best and the last final block in the database.
    ChainInfo(ChainInfoCmd),

    /// Execute a block of the database again.
    CheckBlock(CheckBlockCmd),

    /// Write blocks to a file.
    ExportBlocks(ExportBlocksCmd),

    /// Read blocks from a file.
    ImportBlocks(ImportBlocksCmd),

    /// Write the state of a block as a chain specification.
    ExportState(ExportStateCmd),

    /// Remove the chain's database.
    PurgeChain(PurgeChainCmd),

    /// Take back blocks that are not final.
    Revert(RevertCmd),
}
