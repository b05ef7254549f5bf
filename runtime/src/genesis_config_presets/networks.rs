//! What is bonded, registered, voted and funded when each network starts.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use cuckoo_primitives::{AccountId, Balance, EraIndex, Role, CAI};
use frame_support::build_struct_json_patch;
use pallet_cuckoo_faucet::Terms;
use serde_json::Value;

use super::{
    well_known::{named, Known, ALL},
    BABE_EPOCH_CONFIG,
};
use crate::{
    BabeConfig, BalancesConfig, Faucet, FaucetConfig, RegistrationConfig, RuntimeGenesisConfig, SessionConfig,
    SessionKeys, SettlementConfig, SlashingConfig, StakeConfig, SudoConfig, VotingConfig,
};

/// Free balance of each `//Name` on test chains, for fees.
const OPERATOR_FUNDS: Balance = CAI.saturating_mul(1_000_000);
/// Balance of each `//Name//stash` on test chains, what it bonds included.
const STASH_FUNDS: Balance = CAI.saturating_mul(10_000_000);
/// What a placeholder validator of the public test network has beside its bond.
const FEE_FUNDS: Balance = CAI.saturating_mul(1_000);

/// What the faucet of a test network has to give.
const FAUCET_FUNDS: Balance = CAI.saturating_mul(10_000_000);
/// Enough for fees and first votes on one's own machine; proving work takes a moment.
const FAST_FAUCET: Terms =
    Terms { drip: CAI.saturating_mul(1_000), era_cap: CAI.saturating_mul(100_000), difficulty: 16 };
/// A hundred claims in a day, each a minute of work in a browser.
const PUBLIC_FAUCET: Terms =
    Terms { drip: CAI.saturating_mul(100), era_cap: CAI.saturating_mul(10_000), difficulty: 24 };

const VALIDATOR_STAKE: Balance = CAI.saturating_mul(200_000);
const COORDINATOR_STAKE: Balance = CAI.saturating_mul(2_500_000);
/// What a coordinator has from the start to pay miners with.
const ESCROW: Balance = CAI.saturating_mul(10_000);
/// Backing 1 : 3, so that tasks visibly go where the stake is.
const MINER_STAKES: [(&str, Balance); 2] =
    [("Miner1", CAI.saturating_mul(25_000)), ("Miner2", CAI.saturating_mul(75_000))];

/// Where the coordinator of test chains is reached by miners.
const COORDINATOR_ENDPOINT: &str = "http://127.0.0.1:7701";

/// One node on one machine.
pub fn development() -> Value {
    let candidates = market_and(&["Alice"]);
    Network { clock: Clock::FAST, faucet: FAST_FAUCET, candidates, funded: everyone(), sudo: named("Alice") }.patch()
}

/// Three nodes on one machine.
pub fn local() -> Value {
    let candidates = market_and(&["Alice", "Bob", "Charlie"]);
    Network { clock: Clock::FAST, faucet: FAST_FAUCET, candidates, funded: everyone(), sudo: named("Alice") }.patch()
}

/// A public test network, before its founders put their names in.
///
/// Its validators are placeholders whose keys everyone knows: Alice, Bob and Charlie hold their bonds and some fees,
/// nobody else holds anything, and Alice has the sudo key. Before such a chain is opened, `cuckoo-node export-chain-spec
/// --chain testnet` writes it to a file in which `balances`, `stake`, `registration`, `voting`, `session` and `sudo` are
/// replaced by the founders' own accounts.
pub fn testnet() -> Value {
    let candidates: Vec<_> = ["Alice", "Bob", "Charlie"].iter().filter_map(|name| validator(name)).collect();
    let funded = candidates
        .iter()
        .flat_map(|c| [(c.who.stash(), c.stake.saturating_add(FEE_FUNDS)), (c.who.operator(), FEE_FUNDS)])
        .collect();
    Network { clock: Clock::PUBLIC, faucet: PUBLIC_FAUCET, candidates, funded, sudo: named("Alice") }.patch()
}

/// How fast a network runs.
struct Clock {
    slot_ms: u64,
    session_blocks: u32,
    sessions_per_era: u32,
    bonding_eras: EraIndex,
    /// For how long evidence counts, and how long a slash waits; with one more they fit into the bonding eras.
    evidence_eras: EraIndex,
    defer_eras: EraIndex,
    /// For how long vouchers may wait, which is less than escrow and stake take to leave; and how long a debt waits.
    redeem_eras: EraIndex,
    withdrawal_eras: EraIndex,
    grace_eras: EraIndex,
}

impl Clock {
    /// Eras of half a minute.
    const FAST: Clock = Clock {
        slot_ms: 1_000,
        session_blocks: 10,
        sessions_per_era: 3,
        bonding_eras: 4,
        evidence_eras: 2,
        defer_eras: 1,
        redeem_eras: 2,
        withdrawal_eras: 3,
        grace_eras: 1,
    };
    /// Eras of a day, unbonding of a week.
    const PUBLIC: Clock = Clock {
        slot_ms: 6_000,
        session_blocks: 600,
        sessions_per_era: 24,
        bonding_eras: 7,
        evidence_eras: 4,
        defer_eras: 2,
        redeem_eras: 3,
        withdrawal_eras: 4,
        grace_eras: 2,
    };
}

/// Someone who is bonded, registered and backed by its own stake from the start.
struct Founder {
    who: &'static Known,
    role: Role,
    stake: Balance,
    endpoint: &'static str,
}

struct Network {
    clock: Clock,
    faucet: Terms,
    candidates: Vec<Founder>,
    funded: Vec<(AccountId, Balance)>,
    sudo: Option<&'static Known>,
}

impl Network {
    fn patch(self) -> Value {
        build_struct_json_patch!(RuntimeGenesisConfig {
            balances: BalancesConfig {
                balances: self.funded.into_iter().chain([(Faucet::pot(), FAUCET_FUNDS)]).collect::<Vec<_>>()
            },
            babe: BabeConfig { epoch_config: BABE_EPOCH_CONFIG },
            stake: StakeConfig {
                slot_ms: self.clock.slot_ms,
                session_blocks: self.clock.session_blocks,
                sessions_per_era: self.clock.sessions_per_era,
                bonding_eras: self.clock.bonding_eras,
                bonds: self.candidates.iter().map(|c| (c.who.stash(), c.stake)).collect::<Vec<_>>(),
            },
            registration: RegistrationConfig {
                candidates: self.candidates.iter().map(Founder::registered).collect::<Vec<_>>()
            },
            voting: VotingConfig {
                votes: self.candidates.iter().map(|c| (c.who.stash(), c.who.stash(), c.stake)).collect::<Vec<_>>(),
            },
            slashing: SlashingConfig { evidence_eras: self.clock.evidence_eras, defer_eras: self.clock.defer_eras },
            settlement: SettlementConfig {
                redeem_eras: self.clock.redeem_eras,
                withdrawal_eras: self.clock.withdrawal_eras,
                grace_eras: self.clock.grace_eras,
                escrows: self.candidates.iter().filter_map(Founder::pays).collect::<Vec<_>>(),
            },
            faucet: FaucetConfig { terms: Some(self.faucet) },
            session: SessionConfig { keys: self.candidates.iter().filter_map(Founder::validates).collect::<Vec<_>>() },
            sudo: SudoConfig { key: self.sudo.map(Known::operator) },
        })
    }
}

impl Founder {
    fn registered(&self) -> (AccountId, AccountId, Role, String, String) {
        (self.who.stash(), self.who.operator(), self.role, self.who.name.to_string(), self.endpoint.to_string())
    }

    fn pays(&self) -> Option<(AccountId, Balance)> {
        (self.role == Role::Coordinator).then(|| (self.who.stash(), ESCROW))
    }

    fn validates(&self) -> Option<(AccountId, AccountId, SessionKeys)> {
        let keys = (self.role == Role::Validator).then(|| self.who.session_keys()).flatten()?;
        Some((self.who.stash(), self.who.stash(), keys))
    }
}

fn validator(name: &str) -> Option<Founder> {
    Some(Founder { who: named(name)?, role: Role::Validator, stake: VALIDATOR_STAKE, endpoint: "" })
}

/// `validators`, one coordinator and two miners.
fn market_and(validators: &[&str]) -> Vec<Founder> {
    let coordinator = named("Coordinator").map(|who| Founder {
        who,
        role: Role::Coordinator,
        stake: COORDINATOR_STAKE,
        endpoint: COORDINATOR_ENDPOINT,
    });
    let miners = MINER_STAKES.iter().filter_map(|(name, stake)| {
        Some(Founder { who: named(name)?, role: Role::Miner, stake: *stake, endpoint: "" })
    });
    validators.iter().filter_map(|name| validator(name)).chain(coordinator).chain(miners).collect()
}

fn everyone() -> Vec<(AccountId, Balance)> {
    ALL.iter().flat_map(|known| [(known.stash(), STASH_FUNDS), (known.operator(), OPERATOR_FUNDS)]).collect()
}
