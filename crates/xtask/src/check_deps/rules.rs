//! The rules, and what breaks them.

/// Where a dependency comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A crate of this workspace.
    Workspace,
    /// A published crate.
    Elsewhere,
}

/// One crate names another as a normal dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) origin: Origin,
}

/// What one crate, or all whose names begin alike, may use.
struct Rule {
    /// A crate's name; with a `*` at its end, the beginning of several.
    krate: &'static str,
    /// The crates of the workspace that it may use.
    ours: &'static [&'static str],
    /// Beginnings of the names of published crates that it must not use.
    banned: &'static [&'static str],
    /// Why, in words that finish the sentence "…, since".
    why: &'static str,
}

/// The chain's own machinery, in which programs off the chain have no part.
const CHAIN: &[&str] = &["frame-", "pallet-", "sc-", "sp-", "substrate-"];
/// What has no place in a runtime.
const OFF_CHAIN: &[&str] = &["sc-", "subxt", "tokio", "reqwest", "axum", "tonic"];

const RULES: &[Rule] = &[
    Rule {
        krate: "cuckoo-primitives",
        // Whether a token was drawn as it had to be is part of what evidence proves.
        ours: &["cuckoo-sampler"],
        banned: &["frame-", "pallet-", "sc-", "subxt", "tokio"],
        why: "everything else builds on it, the chain and the programs alike",
    },
    Rule {
        krate: "cuckoo-selection",
        ours: &[],
        banned: &["frame-", "pallet-", "sc-", "sp-", "subxt", "tokio"],
        why: "it is a pure algorithm that knows nothing of its users",
    },
    Rule {
        krate: "cuckoo-sampler",
        ours: &[],
        banned: &["frame-", "pallet-", "sc-", "sp-", "subxt", "tokio"],
        why: "it is a pure algorithm that miner, auditor and runtime share",
    },
    Rule {
        krate: "pallet-cuckoo-*",
        ours: &["cuckoo-primitives"],
        banned: OFF_CHAIN,
        why: "pallets meet over traits in cuckoo-primitives and run inside the chain only",
    },
    Rule {
        krate: "cuckoo-runtime",
        ours: &[
            "cuckoo-primitives",
            "pallet-cuckoo-election",
            "pallet-cuckoo-faucet",
            "pallet-cuckoo-registration",
            "pallet-cuckoo-settlement",
            "pallet-cuckoo-slashing",
            "pallet-cuckoo-staking",
            "pallet-cuckoo-voting",
        ],
        banned: OFF_CHAIN,
        why: "the runtime puts pallets together and runs inside the chain only",
    },
    Rule {
        krate: "cuckoo-node",
        ours: &["cuckoo-primitives", "cuckoo-runtime"],
        banned: &["subxt", "axum", "tonic"],
        why: "the node only wires the runtime to the network",
    },
    Rule {
        krate: "cuckoo-wire",
        ours: &["cuckoo-primitives", "cuckoo-sampler"],
        banned: CHAIN,
        why: "it says how programs talk and nothing else",
    },
    Rule {
        krate: "cuckoo-audit",
        ours: &["cuckoo-primitives", "cuckoo-sampler"],
        banned: &["frame-", "pallet-", "sc-", "sp-", "substrate-", "subxt", "tokio", "reqwest", "axum", "tonic"],
        why: "what an audit says follows from its inputs alone, whatever engine, link or chain they came from",
    },
    Rule {
        krate: "cuckoo-engine",
        ours: &["cuckoo-primitives", "cuckoo-sampler"],
        banned: &["frame-", "pallet-", "sc-", "sp-", "substrate-", "subxt", "axum", "tonic"],
        why: "it runs models, here or on a server beside it, and knows neither chain nor link",
    },
    Rule {
        krate: "cuckoo-tasks",
        ours: &["cuckoo-engine", "cuckoo-wire"],
        banned: CHAIN,
        why: "it reads tasks of the link for an engine, whoever serves or checks them",
    },
    Rule {
        krate: "cuckoo-audit-engine",
        ours: &[
            "cuckoo-audit",
            "cuckoo-engine",
            "cuckoo-primitives",
            "cuckoo-sampler",
            "cuckoo-tasks",
            "cuckoo-wire",
        ],
        banned: CHAIN,
        why: "it has an engine say what audits ask, and knows neither chain nor miners",
    },
    Rule {
        krate: "cuckoo-chain-client",
        ours: &["cuckoo-primitives"],
        banned: CHAIN,
        why: "it reads the chain by its metadata, so that programs and runtime can be upgraded apart",
    },
    Rule {
        krate: "coordinator-gateway",
        ours: GATEWAY_MAY_USE,
        banned: CHAIN,
        why: "programs reach the chain through cuckoo-chain-client and each other through cuckoo-wire",
    },
    Rule {
        krate: "miner-worker",
        ours: PROGRAMS_MAY_USE,
        banned: CHAIN,
        why: "programs reach the chain through cuckoo-chain-client and each other through cuckoo-wire",
    },
    Rule {
        krate: "cuckoo-testkit",
        ours: &["cuckoo-chain-client", "cuckoo-primitives", "cuckoo-wire"],
        banned: CHAIN,
        why: "tests look at programs from outside",
    },
    Rule { krate: "cuckoo-tests", ours: &[], banned: CHAIN, why: "it holds tests only: make it a dev-dependency" },
    Rule {
        krate: "cuckoo-xtask",
        ours: &[
            "coordinator-gateway",
            "cuckoo-audit",
            "cuckoo-audit-engine",
            "cuckoo-chain-client",
            "cuckoo-engine",
            "cuckoo-primitives",
            "cuckoo-sampler",
            "cuckoo-selection",
            "cuckoo-testkit",
            "cuckoo-wire",
        ],
        banned: CHAIN,
        why: "it measures and checks programs from outside, but for the gateway, and for engines that it has cheat and audit",
    },
    Rule {
        krate: "cuckoo-xtask-launcher",
        ours: &[],
        banned: &[""],
        why: "`cargo xtask` must start at once, whatever has been built",
    },
];

/// As [`PROGRAMS_MAY_USE`], and what it judges miners with.
const GATEWAY_MAY_USE: &[&str] = &[
    "cuckoo-audit",
    "cuckoo-audit-engine",
    "cuckoo-chain-client",
    "cuckoo-engine",
    "cuckoo-primitives",
    "cuckoo-sampler",
    "cuckoo-selection",
    "cuckoo-tasks",
    "cuckoo-wire",
];

const PROGRAMS_MAY_USE: &[&str] = &[
    "cuckoo-chain-client",
    "cuckoo-engine",
    "cuckoo-primitives",
    "cuckoo-sampler",
    "cuckoo-selection",
    "cuckoo-tasks",
    "cuckoo-wire",
];

impl Rule {
    fn of(krate: &str) -> Option<&'static Rule> {
        RULES.iter().find(|rule| match rule.krate.strip_suffix('*') {
            Some(beginning) => krate.starts_with(beginning),
            None => krate == rule.krate,
        })
    }

    fn allows(&self, edge: &Edge) -> bool {
        match edge.origin {
            Origin::Workspace => self.ours.contains(&edge.to.as_str()),
            Origin::Elsewhere => !self.banned.iter().any(|beginning| edge.to.starts_with(beginning)),
        }
    }
}

/// One sentence for each edge that breaks a rule.
pub(crate) fn broken(edges: &[Edge]) -> Vec<String> {
    let sentence = |edge: &Edge| match Rule::of(&edge.from) {
        None => Some(format!("{} has no rule: add one to crates/xtask/src/check_deps/rules.rs", edge.from)),
        Some(rule) if rule.allows(edge) => None,
        Some(rule) => Some(format!("{} must not use {}, since {}", edge.from, edge.to, rule.why)),
    };
    let mut sentences: Vec<String> = edges.iter().filter_map(sentence).collect();
    sentences.sort();
    sentences.dedup();
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(from: &str, to: &str) -> Edge {
        Edge { from: from.into(), to: to.into(), origin: Origin::Workspace }
    }

    fn published(from: &str, to: &str) -> Edge {
        Edge { from: from.into(), to: to.into(), origin: Origin::Elsewhere }
    }

    #[test]
    fn the_workspace_keeps_the_rules() {
        assert_eq!(broken(&super::super::declared().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn a_broken_rule_names_the_edge() {
        let edges = [
            ours("pallet-cuckoo-voting", "pallet-cuckoo-staking"),
            ours("coordinator-gateway", "miner-worker"),
            ours("miner-worker", "cuckoo-runtime"),
            ours("cuckoo-chain-client", "cuckoo-runtime"),
            ours("cuckoo-primitives", "cuckoo-selection"),
            ours("cuckoo-sampler", "cuckoo-primitives"),
            ours("cuckoo-audit", "cuckoo-engine"),
            ours("miner-worker", "cuckoo-audit"),
            published("cuckoo-primitives", "frame-support"),
            published("cuckoo-selection", "sp-core"),
            published("coordinator-gateway", "sc-service"),
        ];
        let sentences = broken(&edges);
        assert_eq!(sentences.len(), edges.len());
        for edge in edges {
            let start = format!("{} must not use {}, since ", edge.from, edge.to);
            assert!(sentences.iter().any(|sentence| sentence.starts_with(&start)), "{start} is not in {sentences:?}");
        }
    }

    #[test]
    fn what_the_layout_wants_is_allowed() {
        let edges = [
            ours("pallet-cuckoo-voting", "cuckoo-primitives"),
            ours("cuckoo-runtime", "pallet-cuckoo-voting"),
            ours("cuckoo-node", "cuckoo-runtime"),
            ours("coordinator-gateway", "cuckoo-selection"),
            ours("coordinator-gateway", "cuckoo-audit"),
            ours("cuckoo-audit", "cuckoo-primitives"),
            ours("miner-worker", "cuckoo-engine"),
            ours("cuckoo-primitives", "cuckoo-sampler"),
            published("cuckoo-primitives", "sp-core"),
            published("cuckoo-chain-client", "subxt"),
        ];
        assert_eq!(broken(&edges), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_rule_is_noticed_once() {
        let edges = [published("cuckoo-new", "anyhow"), published("cuckoo-new", "serde")];
        assert_eq!(broken(&edges).len(), 1);
        assert!(broken(&edges)[0].starts_with("cuckoo-new has no rule"));
    }
}
