//! From an operator key to a registered candidate: what the command `register` of each program does.

use std::path::{Path, PathBuf};

use clap::Args;
use cuckoo_primitives::{
    candidate::{MAX_ENDPOINT_LEN, MAX_INTRODUCTION_LEN, MAX_NAME_LEN},
    AccountId, Balance, CandidateInfo, CandidateStatus, Role,
};
use subxt_signer::sr25519::Keypair;

use crate::{
    cai::Cai,
    call::Call,
    chain::Chain,
    config::ChainConfig,
    consent::{instructions, latest_end, operator_consent},
    error::ChainError,
    key::{account_of, operator_key, KeyFileError},
};

/// The arguments of the command `register` that are the same for every role.
#[derive(Clone, Debug, Args)]
pub struct RegistrationArgs {
    /// The stash that will register this operator; prints the operator's consent, which the stash's owner then submits.
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "stash_key", required_unless_present = "stash_key")]
    pub stash: Option<AccountId>,
    /// File with the stash's key: bonds and registers at once.
    #[arg(long, value_name = "FILE", requires_all = ["self_stake", "name"])]
    pub stash_key: Option<PathBuf>,
    /// Bond this much more of the stash's balance first, in CAI. Leave it out when you try again: what is bonded stays
    /// bonded.
    #[arg(long, value_name = "CAI", requires = "stash_key")]
    pub bond: Option<Cai>,
    /// How much of the bond the stash puts behind itself, in CAI; a miner needs more than 20,000, a validator more than
    /// 100,000, a coordinator more than 2,000,000.
    #[arg(long, value_name = "CAI")]
    pub self_stake: Option<Cai>,
    /// Name that voters see.
    #[arg(long)]
    pub name: Option<String>,
    /// Why to vote for this candidate.
    #[arg(long, default_value = "")]
    pub introduction: String,
}

/// Why nothing was registered. Says how to mend it where that is not obvious.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The operator's or the stash's key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The chain cannot be read or refused a transaction.
    #[error("chain: {0}")]
    Chain(#[from] ChainError),
    /// A text that the chain would refuse.
    #[error("the {field} may have at most {max} bytes{}", if *.empty { " and must not be empty" } else { "" })]
    Info {
        /// Which.
        field: &'static str,
        /// Longest in bytes.
        max: u32,
        /// Whether it is empty and must not be.
        empty: bool,
    },
    /// An argument is missing.
    #[error("name {0}")]
    Missing(&'static str),
    /// One key for both.
    #[error(
        "operator and stash are the same account; make another key for the operator, so that the key that lies on this \
         machine cannot spend the stake"
    )]
    OperatorIsStash,
    /// The operator works already.
    #[error(
        "the operator {operator} is registered already, for the stash {stash}; every stash needs a key of its own"
    )]
    OperatorTaken {
        /// The operator.
        operator: AccountId,
        /// For whom it works.
        stash: AccountId,
    },
    /// The stash is a candidate already.
    #[error("the stash {0} is registered already; registration.setOperator changes its operator")]
    StashTaken(AccountId),
    /// There is not enough to vote with.
    #[error(
        "the stash {stash} has {free} of bonded stake to vote with, and {wanted} are wanted; bond more with --bond"
    )]
    BondTooSmall {
        /// The stash.
        stash: AccountId,
        /// What it can vote with.
        free: Cai,
        /// What was asked for.
        wanted: Cai,
    },
}

/// Registers the operator in `role` for a stash whose key is here, or writes what the stash's owner needs to do so
/// elsewhere. `say` is given what people should read, as it happens. Only coordinators have an `endpoint`.
///
/// # Errors
/// If a key or the chain cannot be used, or the chain would refuse or did refuse the registration.
pub async fn register(
    chain: ChainConfig,
    operator_file: &Path,
    role: Role,
    args: &RegistrationArgs,
    endpoint: &str,
    say: impl Fn(&str),
) -> Result<(), RegistrationError> {
    let operator = operator_key(operator_file)?;
    let introduction = info(args.name.as_deref().unwrap_or_default(), &args.introduction, endpoint)?;
    match (&args.stash, &args.stash_key) {
        (Some(stash), _) => {
            refuse_same(&account_of(&operator), stash)?;
            let chain = Chain::connect(chain).await?;
            let expires = latest_end(&chain.view().era);
            say(instructions(&operator, stash, role, expires, &chain.genesis()).trim_end());
            Ok(())
        }
        (None, Some(file)) => {
            let stash = operator_key(file)?;
            refuse_same(&account_of(&operator), &account_of(&stash))?;
            if introduction.name.is_empty() {
                return Err(RegistrationError::Info { field: "name", max: MAX_NAME_LEN, empty: true });
            }
            let stake = args.self_stake.ok_or(RegistrationError::Missing("the stake with --self-stake"))?;
            let application = Application { operator, stash, role, bond: args.bond, stake, info: introduction };
            application.submit(&Chain::connect(chain).await?, say).await
        }
        (None, None) => Err(RegistrationError::Missing("the stash with --stash or its key with --stash-key")),
    }
}

/// Everything that a registration needs.
struct Application {
    operator: Keypair,
    stash: Keypair,
    role: Role,
    bond: Option<Cai>,
    stake: Cai,
    info: CandidateInfo,
}

impl Application {
    async fn submit(self, chain: &Chain, say: impl Fn(&str)) -> Result<(), RegistrationError> {
        let (operator, stash) = (account_of(&self.operator), account_of(&self.stash));
        if let Some(candidate) = chain.candidate_of_operator(&operator).await? {
            return Err(RegistrationError::OperatorTaken { operator, stash: candidate.stash });
        }
        if chain.candidate(&stash).await?.is_some() {
            return Err(RegistrationError::StashTaken(stash));
        }
        if let Some(Cai(value)) = self.bond {
            let call = match chain.stash(&stash).await? {
                None => Call::Bond { value },
                Some(_) => Call::BondExtra { value },
            };
            let inclusion = chain.submit(&self.stash, call).await?;
            say(&format!("bonded {} in block {:?}", Cai(value), inclusion.block_hash));
        }
        enough_bonded(chain, &stash, self.stake).await?;
        let consent_expires = latest_end(&chain.view().era);
        let call = Call::Register {
            role: self.role,
            operator: operator.clone(),
            consent_expires,
            proof: operator_consent(&self.operator, &stash, self.role, consent_expires, &chain.genesis()),
            self_stake: self.stake.0,
            info: self.info,
        };
        let inclusion = chain.submit(&self.stash, call).await?;
        say(&format!("registered operator {operator} for stash {stash} in block {:?}", inclusion.block_hash));
        if let Some(candidate) = chain.candidate_of_operator(&operator).await? {
            say(&format!("it is {}", shown(candidate.status)));
        }
        Ok(())
    }
}

/// Says before any fee is paid what the chain would refuse.
async fn enough_bonded(chain: &Chain, stash: &AccountId, wanted: Cai) -> Result<(), RegistrationError> {
    let free: Balance = chain.stash(stash).await?.map_or(0, |overview| overview.active.saturating_sub(overview.voted));
    match free >= wanted.0 {
        true => Ok(()),
        false => Err(RegistrationError::BondTooSmall { stash: stash.clone(), free: Cai(free), wanted }),
    }
}

fn refuse_same(operator: &AccountId, stash: &AccountId) -> Result<(), RegistrationError> {
    match operator == stash {
        false => Ok(()),
        true => Err(RegistrationError::OperatorIsStash),
    }
}

fn info(name: &str, introduction: &str, endpoint: &str) -> Result<CandidateInfo, RegistrationError> {
    let too_long = |field, max| RegistrationError::Info { field, max, empty: false };
    let bytes = |text: &str| text.as_bytes().to_vec();
    Ok(CandidateInfo {
        name: bytes(name).try_into().map_err(|_| too_long("name", MAX_NAME_LEN))?,
        introduction: bytes(introduction).try_into().map_err(|_| too_long("introduction", MAX_INTRODUCTION_LEN))?,
        endpoint: bytes(endpoint).try_into().map_err(|_| too_long("endpoint", MAX_ENDPOINT_LEN))?,
    })
}

fn shown(status: CandidateStatus) -> &'static str {
    match status {
        CandidateStatus::Active => "active",
        CandidateStatus::Chilled => "chilled",
        CandidateStatus::Pending => "waiting for the next era, from which its stake counts",
        CandidateStatus::BelowMinimum => "registered with too little own stake",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_too_long_are_refused() {
        assert!(info(&"x".repeat(65), "", "").is_err());
        assert!(info("miner", &"x".repeat(1025), "").is_err());
        let error = info("gateway", "", &"x".repeat(257)).unwrap_err();
        assert_eq!(error.to_string(), "the endpoint may have at most 256 bytes");
        let info = info("gateway", "hello", "https://gateway.example").unwrap();
        assert_eq!((&info.name[..], &info.endpoint[..]), (&b"gateway"[..], &b"https://gateway.example"[..]));
    }

    #[test]
    fn an_operator_is_not_its_own_stash() {
        let account = AccountId::from([1; 32]);
        assert!(refuse_same(&account, &account).is_err());
        assert!(refuse_same(&account, &AccountId::from([2; 32])).is_ok());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_candidate_without_a_name_is_refused_before_the_chain_is_asked() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let [operator, stash] = ["//Bob", "//Bob//stash"].map(|key| {
            let file = dir.path().join(key.replace('/', "-"));
            std::fs::write(&file, key).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            file
        });
        let args = RegistrationArgs {
            stash: None,
            stash_key: Some(stash),
            bond: None,
            self_stake: Some(Cai(1)),
            name: Some(String::new()),
            introduction: String::new(),
        };
        let nowhere = ChainConfig::new(["ws://127.0.0.1:9"]);
        let error = register(nowhere, &operator, Role::Coordinator, &args, "", |_| ()).await.unwrap_err();
        assert!(matches!(error, RegistrationError::Info { field: "name", empty: true, .. }), "{error}");
    }
}
