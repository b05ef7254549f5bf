//! An operator's consent to work for a stash.

use cuckoo_primitives::{
    signing::{OperatorConsent, Statement},
    AccountId, EraIndex, EraProgress, Hash, Role, Signature,
};
use subxt_signer::sr25519::Keypair;

use crate::key::account_of;

/// Signs that `operator` will work for the stash in the role; the stash can use that before era `expires`.
pub(crate) fn operator_consent(
    operator: &Keypair,
    stash: &AccountId,
    role: Role,
    expires: EraIndex,
    genesis: &Hash,
) -> Signature {
    let consent = OperatorConsent { stash: stash.clone(), role, expires };
    operator.sign(consent.signing_hash(genesis).as_bytes()).0
}

/// The latest era in which the chain lets a consent end.
pub(crate) fn latest_end(era: &EraProgress) -> EraIndex {
    era.era.saturating_add(era.bonding_eras)
}

/// What the stash's owner submits, for example in the polkadot.js UI.
pub(crate) fn instructions(
    operator: &Keypair,
    stash: &AccountId,
    role: Role,
    expires: EraIndex,
    genesis: &Hash,
) -> String {
    let account = account_of(operator);
    let proof = hex::encode(operator_consent(operator, stash, role, expires, genesis));
    let Words { variant, minimum, endpoint, afterwards } = words(role);
    format!(
        "operator {account}\n\
         stash    {stash}\n\
         genesis  {genesis:?}\n\
         expires  {expires}\n\
         proof    0x{proof}\n\
         \n\
         The proof holds for this operator, stash, role and chain only, and before era {expires}. From the stash, submit in\n\
         this order (for example in the polkadot.js UI, Developer > Extrinsics):\n\
         1. stake.bond(value): more than {minimum} CAI (18 decimals), unless it has bonded already\n\
         2. registration.register(role: {variant}, operator, consentExpires: {expires}, proof, selfStake: more than\n\
         \x20  {minimum} CAI, info: name, introduction{endpoint})\n\
         {afterwards}\n"
    )
}

/// In what the roles differ.
struct Words {
    variant: &'static str,
    minimum: &'static str,
    endpoint: &'static str,
    afterwards: &'static str,
}

fn words(role: Role) -> Words {
    match role {
        Role::Miner => Words {
            variant: "Miner",
            minimum: "20,000",
            endpoint: ", no endpoint",
            afterwards: "The miner may work from the next era on; `miner-worker doctor` shows when.",
        },
        Role::Coordinator => Words {
            variant: "Coordinator",
            minimum: "2,000,000",
            endpoint: ", and as endpoint the URL at which miners reach the gateway (http:// or https://)",
            afterwards:
                "The gateway may work from the next era on; before that, `coordinator-gateway run` says so and ends.",
        },
        Role::Validator => Words {
            variant: "Validator",
            minimum: "100,000",
            endpoint: ", no endpoint",
            afterwards: "The validator can be elected from the next era on, once its stash has called session.setKeys.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use subxt_signer::sr25519::dev;

    #[test]
    fn the_printed_proof_is_the_operators_consent_for_that_role() {
        let (genesis, stash) = (Hash::repeat_byte(1), AccountId::from([2; 32]));
        for role in Role::ALL {
            let text = instructions(&dev::bob(), &stash, role, 7, &genesis);
            let hex_proof = text.lines().find_map(|line| line.strip_prefix("proof    0x")).unwrap();
            let proof: Signature = hex::decode(hex_proof).unwrap().try_into().unwrap();
            for claimed in Role::ALL {
                let consent = OperatorConsent { stash: stash.clone(), role: claimed, expires: 7 };
                assert_eq!(consent.is_signed_by(&genesis, &account_of(&dev::bob()), &proof), claimed == role);
            }
            assert!(text.contains(&format!("role: {role:?}, operator, consentExpires: 7")), "{text}");
            assert!(text.contains(&account_of(&dev::bob()).to_string()));
        }
    }

    #[test]
    fn a_consent_ends_when_unbonding_would() {
        assert_eq!(latest_end(&EraProgress { era: 3, bonding_eras: 4, ..crate::head::ERA }), 7);
    }
}
