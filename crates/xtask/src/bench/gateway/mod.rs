//! A gateway under load, seen from outside.
//!
//! The gateway runs in a process of its own on a made-up view of the chain with 1,000 registered miners; this process
//! plays applications and miners over real connections. The miners answer at once, so what is measured is the gateway:
//! draw, link, receipt check and journal included.

pub(crate) mod child;
mod connection;
mod latencies;
mod load;
mod market;
mod waiting;

use std::time::Duration;

use anyhow::Context;
use cuckoo_testkit::{
    fake_miner::Reply,
    gateway::{bound_address, create_key},
    open_files,
    process::{Command, Process},
    run_dir::RunDir,
    Api, FakeLink, FakeMiner,
};

use super::figure::Figure;
use load::Target;

/// What a gateway gets until it is ready.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Slots of each of the two miners that serve the timed requests.
const SLOTS: u32 = 64;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each of the timed runs takes, in seconds
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// Prints the figures.
#[tokio::main]
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    open_files::raise_limit()?;
    let gateway = MeasuredGateway::start().await?;
    gateway.requests_per_second(Duration::from_secs(args.seconds)).await?;
    gateway.memory().await
}

/// The gateway in its own process.
struct MeasuredGateway {
    process: Process,
    target: Target,
    link_url: String,
    /// After the process, which writes into it.
    _dir: RunDir,
}

impl MeasuredGateway {
    async fn start() -> anyhow::Result<Self> {
        let dir = RunDir::new("bench-gateway")?;
        let data_dir = dir.join("data");
        std::fs::create_dir_all(&data_dir)?;
        let key = create_key(&data_dir, "bench")?;
        let mut process = Process::spawn(&Command {
            name: "gateway".into(),
            program: std::env::current_exe().context("cannot tell where this executable is")?,
            args: vec!["bench".into(), "gateway-child".into(), "--data-dir".into(), data_dir.into_os_string()],
            env: vec![("RUST_LOG".into(), "warn".into())],
            dir: dir.path().to_owned(),
        })?;
        let ready = process.until_ready(START_LIMIT).await?;
        let target = Target { address: bound_address(&ready, "http")?, key };
        let link_url = format!("http://{}", bound_address(&ready, "link")?);
        Ok(Self { process, target, link_url, _dir: dir })
    }

    /// Timed requests over 1 and over 32 connections, with two miners that answer at once.
    async fn requests_per_second(&self, duration: Duration) -> anyhow::Result<()> {
        let answer = || Reply::AtOnce("Paris is the capital of France.".into());
        let _miners = [self.connect(0, SLOTS, answer()).await?, self.connect(1, SLOTS, answer()).await?];
        for (connections, names) in [(1, ["rps_1", "p50_us_1", "p99_us_1"]), (32, ["rps_32", "p50_us_32", "p99_us_32"])]
        {
            // The first second warms caches and connections up.
            load::run(&self.target, connections, Duration::from_secs(1)).await?;
            let seen = load::run(&self.target, connections, duration).await?;
            let values = [seen.per_second(), seen.quantile_us(0.5), seen.quantile_us(0.99)];
            for ((metric, value), unit) in names.into_iter().zip(values).zip(["1/s", "us", "us"]) {
                Figure { bench: "gateway", metric, value, unit }.print();
            }
        }
        Ok(())
    }

    /// Resident memory: idle, with 1,000 linked miners, and with 10,000 waiting requests besides.
    async fn memory(&self) -> anyhow::Result<()> {
        let print = |metric, value| Figure { bench: "gateway", metric, value, unit: "MiB" }.print();
        print("rss_mib_idle", self.resident_mib()?);
        let links = waiting::link_all(self).await?;
        print("rss_mib_linked", self.resident_mib()?);
        print("rss_mib_loaded", waiting::loaded_mib(self, &links).await?);
        Ok(())
    }

    /// Links one of the registered miners.
    async fn connect(&self, number: u32, slots: u32, reply: Reply) -> anyhow::Result<FakeLink> {
        let miner = FakeMiner::new(market::miner(number)?, market::genesis());
        miner.slots(slots).reply(reply).connect(&self.link_url).await
    }

    /// A gauge of `/metrics`.
    async fn gauge(&self, name: &str) -> anyhow::Result<u64> {
        let metrics = Api::new(&format!("http://{}", self.target.address), None)?.get("/metrics").await?.ok()?;
        let value = metrics.text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.with_context(|| format!("/metrics has no {name}"))
    }

    fn resident_mib(&self) -> anyhow::Result<f64> {
        let bytes = self.process.resident_bytes().context("the gateway has ended")?;
        Ok(bytes as f64 / f64::from(1 << 20))
    }
}
