//! What an operator can set, with defaults that suit one machine.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use cuckoo_chain_client::Cai;
use cuckoo_primitives::challenge::CHALLENGED_WITHIN_MS;

use crate::{
    audit::AuditTerms,
    link::ModelRoot,
    settle::{CaiPrice, ModelPrice, TopUpTerms},
};

/// A node on this machine.
pub(crate) const DEFAULT_CHAIN_URL: &str = "ws://127.0.0.1:9944";

/// Options of `coordinator-gateway run`.
#[derive(Args, Clone, Debug)]
pub struct RunConfig {
    /// WebSocket URL of a node; repeat it (or separate by commas) to name more, they are tried in turn.
    #[arg(long, env = "GATEWAY_CHAIN_URL", value_delimiter = ',', default_value = DEFAULT_CHAIN_URL, value_name = "URL")]
    pub chain_url: Vec<String>,
    /// File with the coordinator's operator key (one line: mnemonic, 0x-hex seed or URI); mode 600.
    #[arg(long, env = "GATEWAY_OPERATOR_KEY", value_name = "FILE")]
    pub operator_key: PathBuf,
    /// How long the last finalised block may be ago, in milliseconds, before no new task is accepted.
    #[arg(long, env = "GATEWAY_CHAIN_STALE_MS", default_value_t = 30_000)]
    pub chain_stale_ms: u64,
    /// The gateway itself.
    #[command(flatten)]
    pub gateway: GatewayConfig,
}

/// Everything that the gateway needs besides its key and the chain.
#[derive(Args, Clone, Debug)]
pub struct GatewayConfig {
    /// Address to listen on for applications; 127.0.0.1: this machine only.
    #[arg(long, env = "GATEWAY_HTTP_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub http_listen: SocketAddr,
    /// Address to listen on for miners; 127.0.0.1: this machine only.
    #[arg(long, env = "GATEWAY_LINK_LISTEN", default_value = "127.0.0.1:7701", value_name = "ADDR")]
    pub link_listen: SocketAddr,
    /// Folder for API keys, receipts and what miners were promised; made if it is not there. One gateway to a folder.
    #[arg(long, env = "GATEWAY_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Serve requests without an API key too. Only for machines that nobody else can reach.
    #[arg(long, env = "GATEWAY_ALLOW_ANONYMOUS")]
    pub allow_anonymous: bool,
    /// When a receipt counts as written.
    #[arg(long, env = "GATEWAY_JOURNAL_SYNC", value_enum, default_value_t = JournalSync::Full)]
    pub journal_sync: JournalSync,
    /// Days that receipts are kept; must be longer than unbonding takes on the chain, so that they serve as evidence.
    #[arg(long, env = "GATEWAY_RECEIPTS_KEEP_DAYS", default_value_t = DEFAULT_KEEP_DAYS, value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub receipts_keep_days: u32,
    /// What miners are paid, in CAI for 1,000 prompt tokens, for 1,000 completion tokens and, if need be, for an image and
    /// for a second of audio. 0:0 pays nothing.
    #[arg(long, env = "GATEWAY_DEFAULT_PRICE", default_value = "0.01:0.02", value_name = "P:C[:I:A]")]
    pub default_price: CaiPrice,
    /// What they are paid for one model; repeat it (or separate by commas) for more.
    #[arg(long = "price", env = "GATEWAY_PRICE", value_delimiter = ',', value_name = "MODEL=P:C[:I:A]")]
    pub prices: Vec<ModelPrice>,
    /// Files that a model is of: miners that offer others by this id are not drawn for it. Repeat it (or separate by commas)
    /// for more models, or for several files of one. `miner-worker models list` shows the hash.
    #[arg(long = "model-root", env = "GATEWAY_MODEL_ROOT", value_delimiter = ',', value_name = "ID=HASH")]
    pub model_roots: Vec<ModelRoot>,
    /// Models that servers of other makers may answer for (class `unverified/...`), which nobody can check; none if not
    /// said. Repeat it (or separate by commas) for more.
    #[arg(long, env = "GATEWAY_UNVERIFIED_MODELS", value_delimiter = ',', value_name = "ID")]
    pub unverified_models: Vec<String>,
    /// Deposit into the escrow, from the operator's account, when less than so many CAI can still be promised; 0: never.
    #[arg(long, env = "GATEWAY_ESCROW_LOW", default_value = "0", value_name = "CAI")]
    pub escrow_low: Cai,
    /// How much can be promised after such a deposit.
    #[arg(long, env = "GATEWAY_ESCROW_TARGET", default_value = "0", value_name = "CAI")]
    pub escrow_target: Cai,
    /// The most that is deposited so in a day (UTC).
    #[arg(long, env = "GATEWAY_ESCROW_PER_DAY", default_value = "0", value_name = "CAI")]
    pub escrow_per_day: Cai,
    /// How long a miner has to show how it drew the tokens of an audited answer, in seconds, before it is challenged on the
    /// chain.
    #[arg(long, env = "GATEWAY_AUDIT_PATIENCE_S", default_value_t = DEFAULT_AUDIT_PATIENCE_S)]
    pub audit_patience_s: u32,
    /// How often a miner that does not show what it has signed for is challenged on the chain within a day. Each time
    /// a deposit of the operator's account is held for a while, and a little of it is spent if the miner answers.
    #[arg(long, env = "GATEWAY_CHALLENGES_PER_DAY", default_value_t = DEFAULT_CHALLENGES_PER_DAY)]
    pub challenges_per_day: u32,
    /// Folder with models, as miners have it (`miner-worker models pull`): answers and embeddings of its models that are chosen to be
    /// audited are gone through by an engine of the gateway's own, in a process of the lowest priority. Of these models only offers of
    /// the same files are drawn, unless --model-root names others. None if not said.
    #[arg(long, env = "GATEWAY_AUDIT_MODELS", value_name = "DIR")]
    pub audit_models: Option<PathBuf>,
    /// Threads that this engine computes with.
    #[arg(long, env = "GATEWAY_AUDIT_THREADS", default_value_t = DEFAULT_AUDIT_THREADS, value_name = "COUNT")]
    pub audit_threads: NonZeroUsize,
    /// File with what honest miners show beside this engine, in place of what comes with the gateway.
    #[arg(long, env = "GATEWAY_CALIBRATIONS", value_name = "FILE")]
    pub calibrations: Option<PathBuf>,
    /// Bounds on what clients and miners can make the gateway do.
    #[command(flatten)]
    pub limits: Limits,
}

const DEFAULT_AUDIT_THREADS: NonZeroUsize = NonZeroUsize::MIN;
const DEFAULT_CHALLENGES_PER_DAY: u32 = 4;
/// Long enough to start a worker anew.
const DEFAULT_AUDIT_PATIENCE_S: u32 = 300;

/// A quarter of a year: applications come back with questions late.
const DEFAULT_KEEP_DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl GatewayConfig {
    /// Free ports on this machine, default limits, and nothing is paid, for tests and benches.
    pub fn on_free_ports(data_dir: PathBuf) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            http_listen: any,
            link_listen: any,
            data_dir,
            allow_anonymous: false,
            journal_sync: JournalSync::Full,
            receipts_keep_days: DEFAULT_KEEP_DAYS,
            default_price: CaiPrice::default(),
            prices: Vec::new(),
            model_roots: Vec::new(),
            unverified_models: Vec::new(),
            escrow_low: Cai(0),
            escrow_target: Cai(0),
            escrow_per_day: Cai(0),
            audit_patience_s: DEFAULT_AUDIT_PATIENCE_S,
            challenges_per_day: DEFAULT_CHALLENGES_PER_DAY,
            audit_models: None,
            audit_threads: DEFAULT_AUDIT_THREADS,
            calibrations: None,
            limits: Limits::default(),
        }
    }

    /// When the escrow is added to.
    pub(crate) fn top_ups(&self) -> TopUpTerms {
        TopUpTerms { low: self.escrow_low.0, target: self.escrow_target.0, per_day: self.escrow_per_day.0 }
    }

    /// How miners are treated that do not open what they have signed for.
    pub(crate) fn audits(&self) -> AuditTerms {
        let patience = Duration::from_secs(self.audit_patience_s.into());
        AuditTerms { patience, challenges_per_day: self.challenges_per_day }
    }

    /// How long receipts are kept.
    pub(crate) fn receipts_keep(&self) -> Duration {
        DAY.saturating_mul(self.receipts_keep_days)
    }
}

/// When a receipt counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JournalSync {
    /// Once it is on the disk: survives a power failure.
    Full,
    /// Once the operating system has it: survives a crash of the gateway only, and costs less.
    Normal,
}

/// Bounds on what clients and miners can make the gateway do.
#[derive(Args, Clone, Debug)]
pub struct Limits {
    /// Largest body of a request, in bytes.
    #[arg(long, env = "GATEWAY_MAX_BODY_BYTES", default_value_t = Limits::default().max_body_bytes)]
    pub max_body_bytes: usize,
    /// Largest body of an embedding request, in bytes.
    #[arg(long, env = "GATEWAY_MAX_EMBEDDING_BODY_BYTES", default_value_t = Limits::default().max_embedding_body_bytes)]
    pub max_embedding_body_bytes: usize,
    /// Bytes that the bodies of all requests may have together, until their tasks end; further requests are refused.
    #[arg(long, env = "GATEWAY_MAX_REQUEST_MEMORY_BYTES", default_value_t = Limits::default().max_request_memory_bytes)]
    pub max_request_memory_bytes: usize,
    /// Longest wait for a request's head, and of an unused connection, in milliseconds.
    #[arg(long, env = "GATEWAY_HEAD_TIMEOUT_MS", default_value_t = Limits::default().head_timeout_ms)]
    pub head_timeout_ms: u64,
    /// Longest wait for a request's body, in milliseconds.
    #[arg(long, env = "GATEWAY_BODY_TIMEOUT_MS", default_value_t = Limits::default().body_timeout_ms)]
    pub body_timeout_ms: u64,
    /// Longest wait for a client that does not read its answer, in milliseconds; then its connection ends.
    #[arg(long, env = "GATEWAY_WRITE_TIMEOUT_MS", default_value_t = Limits::default().write_timeout_ms)]
    pub write_timeout_ms: u64,
    /// Most HTTP connections at once; further ones wait to be accepted.
    #[arg(long, env = "GATEWAY_MAX_CONNECTIONS", default_value_t = Limits::default().max_connections)]
    pub max_connections: usize,
    /// The same for one IP address (or IPv6 /64); further ones are closed. Raise it behind a proxy that clients share.
    #[arg(long, env = "GATEWAY_MAX_CONNECTIONS_PER_IP", default_value_t = Limits::default().max_connections_per_ip)]
    pub max_connections_per_ip: usize,
    /// Most tasks at once, waiting ones included.
    #[arg(long, env = "GATEWAY_MAX_TASKS", default_value_t = Limits::default().max_tasks)]
    pub max_tasks: usize,
    /// Most tasks that wait for a free slot at once.
    #[arg(long, env = "GATEWAY_MAX_QUEUE", default_value_t = Limits::default().max_queue)]
    pub max_queue: usize,
    /// Longest wait for a free slot, in milliseconds.
    #[arg(long, env = "GATEWAY_QUEUE_WAIT_MS", default_value_t = Limits::default().queue_wait_ms)]
    pub queue_wait_ms: u64,
    /// Longest time for a task from its arrival to the end of its answer, in milliseconds; at most an hour.
    #[arg(long, env = "GATEWAY_TASK_TIMEOUT_MS", default_value_t = Limits::default().task_timeout_ms)]
    pub task_timeout_ms: u64,
    /// Longest wait for a miner's first token, in milliseconds; then the next miner is tried.
    #[arg(long, env = "GATEWAY_FIRST_TOKEN_TIMEOUT_MS", default_value_t = Limits::default().first_token_timeout_ms)]
    pub first_token_timeout_ms: u64,
    /// Longest pause between two tokens, in milliseconds.
    #[arg(long, env = "GATEWAY_TOKEN_TIMEOUT_MS", default_value_t = Limits::default().token_timeout_ms)]
    pub token_timeout_ms: u64,
    /// Most miners that one task is tried on.
    #[arg(long, env = "GATEWAY_MAX_ATTEMPTS", default_value_t = Limits::default().max_attempts)]
    pub max_attempts: u32,
    /// Most miners linked at once.
    #[arg(long, env = "GATEWAY_MAX_LINKS", default_value_t = Limits::default().max_links)]
    pub max_links: usize,
    /// Most connections on the miners' port that have not proven an operator key yet; further ones displace the oldest.
    #[arg(long, env = "GATEWAY_MAX_UNPROVEN_LINKS", default_value_t = Limits::default().max_unproven_links)]
    pub max_unproven_links: usize,
    /// The same for one IP address (or IPv6 /64); further ones are closed. Raise it behind a proxy that miners share.
    #[arg(long, env = "GATEWAY_MAX_UNPROVEN_LINKS_PER_IP", default_value_t = Limits::default().max_unproven_links_per_ip)]
    pub max_unproven_links_per_ip: usize,
    /// Longest wait for running tasks when the gateway stops, in milliseconds.
    #[arg(long, env = "GATEWAY_DRAIN_MS", default_value_t = Limits::default().drain_ms)]
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 1024 * 1024,
            // The largest message on the link is 4 MiB; JSON is rarely smaller than its protobuf.
            max_embedding_body_bytes: 4 * 1024 * 1024 - 64 * 1024,
            // In JSON, as a task and on its way to the miner, a request takes a few times its size.
            max_request_memory_bytes: 128 * 1024 * 1024,
            head_timeout_ms: 30_000,
            body_timeout_ms: 30_000,
            write_timeout_ms: 30_000,
            max_connections: 16_384,
            // Three quarters, so that no single host can shut out all others.
            max_connections_per_ip: 12_288,
            max_tasks: 4_096,
            max_queue: 1_024,
            queue_wait_ms: 30_000,
            task_timeout_ms: 600_000,
            first_token_timeout_ms: 120_000,
            token_timeout_ms: 60_000,
            max_attempts: 4,
            max_links: 4_096,
            max_unproven_links: 256,
            max_unproven_links_per_ip: 64,
            drain_ms: 30_000,
        }
    }
}

impl Limits {
    pub(crate) fn queue_wait(&self) -> Duration {
        Duration::from_millis(self.queue_wait_ms)
    }

    pub(crate) fn task_timeout(&self) -> Duration {
        // For longer no miner answers for what it takes on.
        Duration::from_millis(self.task_timeout_ms.min(CHALLENGED_WITHIN_MS))
    }

    pub(crate) fn first_token_timeout(&self) -> Duration {
        Duration::from_millis(self.first_token_timeout_ms)
    }

    pub(crate) fn token_timeout(&self) -> Duration {
        Duration::from_millis(self.token_timeout_ms)
    }
}
