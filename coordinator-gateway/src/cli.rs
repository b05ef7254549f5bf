//! The command line.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use anyhow::Context;
use axum::http::Uri;
use clap::{Args, Parser, Subcommand, ValueEnum};
use cuckoo_chain_client::{operator_key, register, Cai, Chain, ChainConfig, NotAnAmount, RegistrationArgs};
use cuckoo_primitives::{AccountId, Balance, Role};
use tracing_subscriber::EnvFilter;

use crate::{
    audit::{calibrate::CalibrateArgs, engine::AuditEngineArgs},
    config::{JournalSync, RunConfig, DEFAULT_CHAIN_URL},
    routes::Amount,
    settle::handout,
    store::Store,
};

/// Serves the OpenAI API with staked miners.
#[derive(Parser, Debug)]
#[command(name = "coordinator-gateway", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the gateway.
    Run(Box<RunConfig>),
    /// Register this coordinator's operator key for a stash, or print what the stash needs to do so.
    Register(Box<RegisterArgs>),
    /// Make, list and revoke API keys; also while a gateway runs on the same folder.
    Keys(KeysArgs),
    /// Print what a miner was promised, signed now, as `miner-worker wallet import` takes it; also while a gateway runs.
    Vouchers(VouchersArgs),
    /// Measure how far honest answers of a model are from what `--audit-models` says of them, so that answers of others
    /// are judged by it. Takes two engines' memory, and about as long as writing 100,000 tokens twice.
    Calibrate(CalibrateArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Go through answers for a gateway that has started this.
    #[command(hide = true)]
    AuditEngine(AuditEngineArgs),
}

#[derive(Args, Debug)]
struct LogArgs {
    /// What to log: a level, or targets with levels such as `info,gateway::dispatch=debug`.
    #[arg(long, env = "GATEWAY_LOG", default_value = "info", global = true)]
    log: String,
    /// How to write it.
    #[arg(long, env = "GATEWAY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Args, Debug)]
struct RegisterArgs {
    /// WebSocket URL of a node; repeat it (or separate by commas) to name more, they are tried in turn.
    #[arg(long, env = "GATEWAY_CHAIN_URL", value_delimiter = ',', default_value = DEFAULT_CHAIN_URL, value_name = "URL")]
    chain_url: Vec<String>,
    /// File with the coordinator's operator key (one line: mnemonic, 0x-hex seed or URI); mode 600.
    #[arg(long, env = "GATEWAY_OPERATOR_KEY", value_name = "FILE")]
    operator_key: PathBuf,
    /// URL at which miners reach this gateway from outside, which the chain will show them: http:// or https://, host and
    /// port, nothing after it (https://gateway.example:7701).
    #[arg(long, value_name = "URL", required_unless_present = "stash", value_parser = endpoint)]
    endpoint: Option<String>,
    /// For whom, and with what.
    #[command(flatten)]
    registration: RegistrationArgs,
}

#[derive(Args, Debug)]
struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
    /// Folder of the gateway.
    #[arg(long, env = "GATEWAY_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct VouchersArgs {
    /// Stash of the miner.
    #[arg(long, value_name = "ACCOUNT")]
    miner: AccountId,
    /// Folder of the gateway.
    #[arg(long, env = "GATEWAY_DATA_DIR")]
    data_dir: PathBuf,
    /// File with the coordinator's operator key (one line: mnemonic, 0x-hex seed or URI); mode 600.
    #[arg(long, env = "GATEWAY_OPERATOR_KEY", value_name = "FILE")]
    operator_key: PathBuf,
}

#[derive(Subcommand, Debug)]
enum KeysCommand {
    /// Make a key and print it; it is never shown again.
    Create {
        /// Whom or what it is for.
        #[arg(long)]
        name: String,
        /// What its tasks may cost in all, in CAI; any amount if not said.
        #[arg(long, value_name = "CAI")]
        budget: Option<Cai>,
    },
    /// List all keys with what they have spent, without their secrets.
    List,
    /// Change what a key's tasks may cost in all.
    Budget {
        /// The key's id, from `keys list`.
        id: String,
        /// In CAI, what it has spent included, or `none` for any amount.
        #[arg(value_name = "CAI|none")]
        budget: Budget,
    },
    /// End a key's validity.
    Revoke {
        /// The key's id, from `keys list`.
        id: String,
    },
}

/// What a key may spend in planck; `None`: any amount.
#[derive(Clone, Copy, Debug)]
struct Budget(Option<Balance>);

impl FromStr for Budget {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        match text {
            "none" => Ok(Self(None)),
            amount => Ok(Self(Some(amount.parse::<Cai>()?.0))),
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps it from being done, in words for the operator.
pub async fn execute(cli: Cli) -> anyhow::Result<()> {
    cli.log.start()?;
    match cli.command {
        Command::Run(config) => run(*config).await,
        Command::Register(args) => args.execute().await,
        Command::Keys(args) => args.execute().await,
        Command::Vouchers(args) => args.execute().await,
        Command::Calibrate(args) => args.execute().await,
        Command::Openapi => print_line(&crate::openapi().to_pretty_json()?),
        Command::AuditEngine(args) => args.execute().await,
    }
}

async fn run(config: RunConfig) -> anyhow::Result<()> {
    raise_open_files();
    let key = operator_key(&config.operator_key)?;
    let chain_config = ChainConfig {
        stale_after: Duration::from_millis(config.chain_stale_ms),
        ..ChainConfig::new(config.chain_url.iter().map(String::as_str))
    };
    let chain = Chain::connect(chain_config).await?;
    crate::serve(config.gateway, chain, key).await?;
    Ok(())
}

impl RegisterArgs {
    async fn execute(self) -> anyhow::Result<()> {
        let chain = ChainConfig::new(self.chain_url);
        let endpoint = self.endpoint.unwrap_or_default();
        let say = |line: &str| drop(print_line(line));
        register(chain, &self.operator_key, Role::Coordinator, &self.registration, &endpoint, say).await?;
        Ok(())
    }
}

/// A URL that miners dial; they leave out those that say more than host and port.
fn endpoint(text: &str) -> Result<String, String> {
    let expected = "expected is something like https://gateway.example:7701";
    let uri: Uri = text.parse().map_err(|_| format!("this is no URL; {expected}"))?;
    let is_plain = uri.path() == "/" && uri.query().is_none();
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(at)) if is_plain && !at.as_str().contains('@') => Ok(text.to_owned()),
        _ => Err(format!("miners dial http:// or https:// with host and port, and nothing after it; {expected}")),
    }
}

/// Thousands of connections need as many open files, and the usual limit of a shell is 1,024.
fn raise_open_files() {
    match fdlimit::raise_fd_limit() {
        Ok(fdlimit::Outcome::LimitRaised { from, to }) => {
            tracing::debug!(target: "gateway", from, to, "raised the limit of open files");
        }
        Ok(fdlimit::Outcome::Unsupported) => {}
        Err(error) => tracing::warn!(target: "gateway", %error, "cannot raise the limit of open files"),
    }
}

impl VouchersArgs {
    async fn execute(self) -> anyhow::Result<()> {
        let key = operator_key(&self.operator_key)?;
        let store = Store::open_existing(&self.data_dir, JournalSync::Full).await?;
        let owner = store.owner().await?;
        let (genesis, coordinator) =
            owner.context("nothing has been promised: no gateway has run on this folder yet")?;
        let vouchers = handout(&key, &genesis, &coordinator, &self.miner, store.promises().await?);
        print_line(&format!("{vouchers:#}"))
    }
}

impl KeysArgs {
    async fn execute(self) -> anyhow::Result<()> {
        let data_dir = self.data_dir.context("name the gateway's folder: --data-dir DIR")?;
        let store = match self.command {
            KeysCommand::Create { .. } => Store::open(&data_dir, JournalSync::Full).await?,
            KeysCommand::List | KeysCommand::Budget { .. } | KeysCommand::Revoke { .. } => {
                Store::open_existing(&data_dir, JournalSync::Full).await?
            }
        };
        let keys = store.keys();
        match self.command {
            KeysCommand::Create { name, budget } => {
                let key = keys.create_with_budget(&name, budget.map(|budget| budget.0)).await?;
                print_line(&serde_json::json!({"id": key.id, "name": name, "key": key.secret}).to_string())
            }
            KeysCommand::List => {
                for key in keys.list().await? {
                    let line = serde_json::json!({
                        "id": key.id,
                        "name": key.name,
                        "created_ms": key.created_ms,
                        "revoked_ms": key.revoked_ms,
                        "budget": key.budget.map(Amount::from),
                        "spent": Amount::from(key.spent),
                    });
                    print_line(&line.to_string())?;
                }
                Ok(())
            }
            KeysCommand::Budget { id, budget: Budget(budget) } => {
                keys.set_budget(&id, budget).await?;
                print_line(&serde_json::json!({"id": id, "budget": budget.map(Amount::from)}).to_string())
            }
            KeysCommand::Revoke { id } => {
                keys.revoke(&id).await?;
                print_line(&serde_json::json!({"id": id, "revoked": true}).to_string())
            }
        }
    }
}

/// A reader that has gone is no reason to panic.
fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to stdout")
}

impl LogArgs {
    /// Logs go to stderr; stdout is for what was asked for.
    fn start(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(&self.log).context("--log is not a filter")?;
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        let started = match self.log_format {
            LogFormat::Text => builder.try_init(),
            LogFormat::Json => builder.json().try_init(),
        };
        started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn chain_urls_are_repeated_or_separated_by_commas() {
        let args = "x run --chain-url ws://a,ws://b --chain-url ws://c --operator-key k --data-dir d";
        let Command::Run(config) = Cli::try_parse_from(args.split(' ')).unwrap().command else { panic!() };
        assert_eq!(config.chain_url, ["ws://a", "ws://b", "ws://c"]);
        assert_eq!(config.gateway.limits.max_attempts, 4);
    }

    #[test]
    fn register_needs_an_endpoint_where_it_submits() {
        let parse = |rest: &str| {
            let line = format!("x register --chain-url ws://a --operator-key k {rest}");
            Cli::try_parse_from(line.trim().split(' ')).map(drop)
        };
        assert!(parse("").is_err());
        assert!(parse("--stash-key s --self-stake 2500000 --name c").is_err());
        parse("--stash-key s --self-stake 2500000 --name c --endpoint https://gateway.example:7701").unwrap();
        for wrong in ["gateway.example:7701", "ws://gateway.example", "https://gateway.example/v1", "http://a:b@c"] {
            assert!(
                parse(&format!("--stash-key s --self-stake 2500000 --name c --endpoint {wrong}")).is_err(),
                "{wrong}"
            );
        }
        parse("--stash 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY").unwrap();
    }

    #[test]
    fn the_data_folder_may_follow_the_keys_command() {
        for args in [
            "x keys create --name n --data-dir d",
            "x keys --data-dir d create --name n",
            "x keys revoke i --data-dir d",
            "x keys budget i 2.5 --data-dir d",
            "x keys budget i none --data-dir d",
            "x keys create --name n --budget 10 --data-dir d",
        ] {
            let Command::Keys(keys) = Cli::try_parse_from(args.split(' ')).unwrap().command else { panic!() };
            assert_eq!(keys.data_dir.unwrap().to_str(), Some("d"));
        }
    }
}
