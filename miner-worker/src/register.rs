//! The command `register`: from an operator key to a registered miner.

use cuckoo_chain_client::{account_of, operator_key, Call, Chain, Keypair};
use cuckoo_primitives::{
    candidate::{MAX_INTRODUCTION_LEN, MAX_NAME_LEN},
    signing::{OperatorConsent, Statement},
    AccountId, Balance, CandidateInfo, EraIndex, EraProgress, Hash, Role, Signature,
};

use crate::{
    cli::RegisterArgs,
    config::{chain_config, Cai},
    error::{ConfigError, Error},
    standing::Standing,
};

/// Registers the operator for a stash whose key is here, or prints what the stash's owner needs to do so elsewhere.
pub async fn register(args: Box<RegisterArgs>) -> Result<(), Error> {
    let operator = operator_key(&args.key.operator_key)?;
    let info = info(args.name.as_deref().unwrap_or_default(), &args.introduction, args.stash_key.is_some())?;
    match (&args.stash, &args.stash_key) {
        (Some(stash), _) => {
            let chain = Chain::connect(chain_config(&args.chain)).await?;
            refuse_same(&account_of(&operator), stash)?;
            print!("{}", instructions(&operator, stash, latest_end(&chain.view().era), &chain.genesis()));
            Ok(())
        }
        (None, Some(file)) => {
            let stash = operator_key(file)?;
            let chain = Chain::connect(chain_config(&args.chain)).await?;
            let self_stake =
                args.self_stake.ok_or_else(|| Error::Register("name the stake with --self-stake".into()))?;
            submit(&chain, &operator, &stash, args.bond, self_stake, info).await
        }
        (None, None) => Err(Error::Register("name the stash with --stash or its key with --stash-key".into())),
    }
}

/// Signs that the operator will work for the stash as a miner; the stash can use that before era `expires`.
pub fn consent(operator: &Keypair, stash: &AccountId, expires: EraIndex, genesis: &Hash) -> Signature {
    let consent = OperatorConsent { stash: stash.clone(), role: Role::Miner, expires };
    operator.sign(consent.signing_hash(genesis).as_bytes()).0
}

/// The latest era in which the chain lets a consent end.
fn latest_end(era: &EraProgress) -> EraIndex {
    era.era.saturating_add(era.bonding_eras)
}

/// What the stash's owner submits, for example in the polkadot.js UI.
fn instructions(operator: &Keypair, stash: &AccountId, expires: EraIndex, genesis: &Hash) -> String {
    let account = account_of(operator);
    let proof = hex::encode(consent(operator, stash, expires, genesis));
    format!(
        "operator {account}\n\
         stash    {stash}\n\
         genesis  {genesis:?}\n\
         expires  {expires}\n\
         proof    0x{proof}\n\
         \n\
         The proof holds for this operator, stash and chain only, and before era {expires}. From the stash, submit in this\n\
         order (for example in the polkadot.js UI, Developer > Extrinsics):\n\
         1. stake.bond(value): more than 20,000 CAI (18 decimals), unless it has bonded already\n\
         2. registration.register(role: Miner, operator, consentExpires: {expires}, proof, selfStake: more than 20,000 CAI,\n\
            info)\n\
         The miner may work from the next era on; `miner-worker doctor` shows when.\n"
    )
}

async fn submit(
    chain: &Chain,
    operator: &Keypair,
    stash: &Keypair,
    bond: Option<Cai>,
    self_stake: Cai,
    info: CandidateInfo,
) -> Result<(), Error> {
    let (operator_account, stash_account) = (account_of(operator), account_of(stash));
    refuse_same(&operator_account, &stash_account)?;
    if let Some(candidate) = chain.candidate_of_operator(&operator_account).await? {
        return Err(Error::Register(format!(
            "the operator {operator_account} is registered already, for the stash {}; every stash needs a key of its own",
            candidate.stash
        )));
    }
    if chain.candidate(&stash_account).await?.is_some() {
        return Err(Error::Register(format!(
            "the stash {stash_account} is registered already; Registration.set_operator changes its operator"
        )));
    }
    if let Some(Cai(value)) = bond {
        let call = match chain.stash(&stash_account).await? {
            None => Call::Bond { value },
            Some(_) => Call::BondExtra { value },
        };
        let inclusion = chain.submit(stash, call).await?;
        println!("bonded {} in block {:?}", Cai(value), inclusion.block_hash);
    }
    enough_bonded(chain, &stash_account, self_stake).await?;
    let consent_expires = latest_end(&chain.view().era);
    let call = Call::Register {
        role: Role::Miner,
        operator: operator_account.clone(),
        consent_expires,
        proof: consent(operator, &stash_account, consent_expires, &chain.genesis()),
        self_stake: self_stake.0,
        info,
    };
    let inclusion = chain.submit(stash, call).await?;
    println!("registered operator {operator_account} for stash {stash_account} in block {:?}", inclusion.block_hash);
    let registered = chain.candidate_of_operator(&operator_account).await?;
    let standing = Standing::of_candidate(registered.as_ref(), Role::Miner);
    println!("it is {standing}");
    Ok(())
}

/// Says before any fee is paid what the chain would refuse.
async fn enough_bonded(chain: &Chain, stash: &AccountId, self_stake: Cai) -> Result<(), Error> {
    let free_to_vote: Balance =
        chain.stash(stash).await?.map_or(0, |overview| overview.active.saturating_sub(overview.voted));
    match free_to_vote >= self_stake.0 {
        true => Ok(()),
        false => Err(Error::Register(format!(
            "the stash {stash} has {} of bonded stake to vote with, and {self_stake} are wanted; bond more with --bond",
            Cai(free_to_vote)
        ))),
    }
}

fn refuse_same(operator: &AccountId, stash: &AccountId) -> Result<(), Error> {
    match operator == stash {
        false => Ok(()),
        true => Err(Error::Register(
            "operator and stash are the same account; make a key for the operator with `miner-worker keys new`, so that \
             the key that lies on this machine cannot spend the stake"
                .into(),
        )),
    }
}

fn info(name: &str, introduction: &str, name_is_needed: bool) -> Result<CandidateInfo, ConfigError> {
    let too_long = |field, max, empty| ConfigError::Info { field, max, empty };
    if name_is_needed && name.is_empty() {
        return Err(too_long("name", MAX_NAME_LEN, true));
    }
    Ok(CandidateInfo {
        name: name.as_bytes().to_vec().try_into().map_err(|_| too_long("name", MAX_NAME_LEN, false))?,
        introduction: introduction
            .as_bytes()
            .to_vec()
            .try_into()
            .map_err(|_| too_long("introduction", MAX_INTRODUCTION_LEN, false))?,
        endpoint: Default::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use subxt_signer::sr25519::dev;

    #[test]
    fn the_printed_proof_is_the_operators_consent() {
        let (genesis, stash) = (Hash::repeat_byte(1), AccountId::from([2; 32]));
        let text = instructions(&dev::bob(), &stash, 7, &genesis);
        let hex_proof = text.lines().find_map(|line| line.strip_prefix("proof    0x")).unwrap();
        let proof: Signature = hex::decode(hex_proof).unwrap().try_into().unwrap();
        let consent = OperatorConsent { stash, role: Role::Miner, expires: 7 };
        assert!(consent.is_signed_by(&genesis, &account_of(&dev::bob()), &proof));
        assert!(text.contains("consentExpires: 7"));
        assert!(text.contains(&account_of(&dev::bob()).to_string()));
    }

    #[test]
    fn names_out_of_bounds_are_refused() {
        assert!(info("", "", true).is_err());
        assert!(info(&"x".repeat(65), "", true).is_err());
        assert!(info("miner", &"x".repeat(1025), true).is_err());
        assert_eq!(info("miner", "hello", true).unwrap().name.to_vec(), b"miner");
        info("", "", false).unwrap();
    }

    #[test]
    fn an_operator_is_not_its_own_stash() {
        let account = AccountId::from([1; 32]);
        assert!(refuse_same(&account, &account).is_err());
        assert!(refuse_same(&account, &AccountId::from([2; 32])).is_ok());
    }
}
