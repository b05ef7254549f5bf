//! Accounts of test chains. Their keys derive from a phrase that everyone knows.
//!
//! Each identity is `//Name`, which signs for a running program (the operator), and `//Name//stash`, which bonds.

use cuckoo_primitives::AccountId;
use sp_consensus_babe::AuthorityId as BabeId;
use sp_core::{hex2array, sr25519};
use sp_keyring::Ed25519Keyring;

use crate::SessionKeys;

/// One name with the public keys of its two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The name, as it appears in `//Name`.
    pub name: &'static str,
    operator: [u8; 32],
    stash: [u8; 32],
}

impl Known {
    /// The account `//Name`.
    pub fn operator(&self) -> AccountId {
        AccountId::new(self.operator)
    }

    /// The account `//Name//stash`.
    pub fn stash(&self) -> AccountId {
        AccountId::new(self.stash)
    }

    /// The session keys that a node started with `--<name>` has: `//Name` for both.
    ///
    /// # Errors
    /// `None` if the node has no such flag, so that nobody could validate with these keys.
    pub fn session_keys(&self) -> Option<SessionKeys> {
        let grandpa = match self.name {
            "Alice" => Ed25519Keyring::Alice,
            "Bob" => Ed25519Keyring::Bob,
            "Charlie" => Ed25519Keyring::Charlie,
            "Dave" => Ed25519Keyring::Dave,
            "Eve" => Ed25519Keyring::Eve,
            "Ferdie" => Ed25519Keyring::Ferdie,
            _ => return None,
        };
        Some(SessionKeys {
            babe: BabeId::from(sr25519::Public::from_raw(self.operator)),
            grandpa: grandpa.public().into(),
        })
    }
}

/// The identity of that name.
pub fn named(name: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.name == name)
}

/// Everyone. A test derives these keys from their names.
pub const ALL: [Known; 12] = [
    Known {
        name: "Alice",
        operator: hex2array!("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"),
        stash: hex2array!("be5ddb1579b72e84524fc29e78609e3caf42e85aa118ebfe0b0ad404b5bdd25f"),
    },
    Known {
        name: "Bob",
        operator: hex2array!("8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"),
        stash: hex2array!("fe65717dad0447d715f660a0a58411de509b42e6efb8375f562f58a554d5860e"),
    },
    Known {
        name: "Charlie",
        operator: hex2array!("90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22"),
        stash: hex2array!("1e07379407fecc4b89eb7dbd287c2c781cfb1907a96947a3eb18e4f8e7198625"),
    },
    Known {
        name: "Dave",
        operator: hex2array!("306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20"),
        stash: hex2array!("e860f1b1c7227f7c22602f53f15af80747814dffd839719731ee3bba6edc126c"),
    },
    Known {
        name: "Eve",
        operator: hex2array!("e659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e"),
        stash: hex2array!("8ac59e11963af19174d0b94d5d78041c233f55d2e19324665bafdfb62925af2d"),
    },
    Known {
        name: "Ferdie",
        operator: hex2array!("1cbd2d43530a44705ad088af313e18f80b53ef16b36177cd4b77b846f2a5f07c"),
        stash: hex2array!("101191192fc877c24d725b337120fa3edc63d227bbc92705db1e2cb65f56981a"),
    },
    Known {
        name: "Coordinator",
        operator: hex2array!("b8e83eecc2746eaa10ffe01a833a565ce2f48d3a1d15d491fe10405f4b92d754"),
        stash: hex2array!("2a0ae315ee64a2a2ce26060ecce7d91d748e72908562c32f4c5fe8dc1aa45619"),
    },
    Known {
        name: "Coordinator2",
        operator: hex2array!("965fb7e89b04e06d18acc43d65ad06a69711d6a809d6d20a2313e10715e15845"),
        stash: hex2array!("8cb82066b085ee4c18831de323e5e94d036ab5ccab5cce0a392ebca3966f4339"),
    },
    Known {
        name: "Miner1",
        operator: hex2array!("a64a73d8ce608b2df9c1480754edb78fbf322c51027f149caeae087b7c980a08"),
        stash: hex2array!("e4b21aba0c44dc0a5856eb2b051b14ed47169b101acc638d46c7b9e5edf96f61"),
    },
    Known {
        name: "Miner2",
        operator: hex2array!("5cd81ae010c39cbd1583c020f9ccb1a6b7881b9bb7cadb458ae6970425274e05"),
        stash: hex2array!("aef172571939727487764894c0eed697ff92921d8118fe4a4c7bf4ce50670258"),
    },
    Known {
        name: "Miner3",
        operator: hex2array!("fa3df0ba82a475d872b0b9fd0e55f23236765eb52fc354d666c30707e488d63c"),
        stash: hex2array!("4686156b2a562575930523d1b2c00439cdb5128682cec66b9b04b49e634e4f1b"),
    },
    Known {
        name: "Miner4",
        operator: hex2array!("bc4f22bddac2dbf5228bdca7c19a18988c9cbfe3ab1d44b7715f112d1e7acd52"),
        stash: hex2array!("6c68fdb7582c721a8f01c3f6ca236e43c1eb81c5a09ee9f94e7507f16361774b"),
    },
];
