//! Questions to the runtime, each as of one block.

use codec::Encode;
use cuckoo_primitives::{
    runtime_api::MAX_CANDIDATES_PER_PAGE, AccountId, Balance, BlockNumber, Candidate, EraProgress, Hash, Role,
    StashOverview,
};
use futures::future::{try_join, try_join_all};
use subxt::ext::scale_decode::DecodeAsType;

use crate::{
    error::ChainError,
    head::Head,
    node::{answer, Node},
};

/// More candidates of one role than this are not believed.
const MAX_CANDIDATES_PER_ROLE: usize = 1_000_000;

/// More coordinators with debts than this are not believed: each has bonded a coordinator's stake.
const MAX_DEBTORS: usize = 10_000;

/// The candidate that bonded from `stash`.
pub(crate) async fn candidate(node: &Node, at: Hash, stash: &AccountId) -> Result<Option<Candidate>, ChainError> {
    node.market("candidate", &stash.encode(), at).await
}

/// The candidate whose operator is `operator`.
pub(crate) async fn candidate_of_operator(
    node: &Node,
    at: Hash,
    operator: &AccountId,
) -> Result<Option<Candidate>, ChainError> {
    node.market("candidate_of_operator", &operator.encode(), at).await
}

/// Bond and votes of `stash`.
pub(crate) async fn stash(node: &Node, at: Hash, stash: &AccountId) -> Result<Option<StashOverview>, ChainError> {
    node.market("stash", &stash.encode(), at).await
}

/// Where the chain stands in its era.
pub(crate) async fn era(node: &Node, at: Hash) -> Result<EraProgress, ChainError> {
    node.market("era", &[], at).await
}

/// What the block says of itself.
pub(crate) async fn head(node: &Node, number: BlockNumber, hash: Hash) -> Result<Head, ChainError> {
    let (era, time_ms) = try_join(era(node, hash), time_ms(node, number, hash)).await?;
    Ok(Head { number, hash, time_ms, era })
}

/// When the block was made, by its own word, in milliseconds since 1970; 0 for the first block of a chain.
async fn time_ms(node: &Node, number: BlockNumber, at: Hash) -> Result<u64, ChainError> {
    let address = subxt::dynamic::storage::<(), u64>("Timestamp", "Now");
    let block = node.at(number, at).await?;
    let Some(now) = answer(block.storage().try_fetch(address, ())).await? else { return Ok(0) };
    now.decode().map_err(|error| ChainError::Decode { what: "time of the block", reason: error.to_string() })
}

/// Every candidate of every role.
pub(crate) async fn all_candidates(node: &Node, at: Hash) -> Result<Vec<Candidate>, ChainError> {
    let by_role = try_join_all(Role::ALL.map(|role| candidates_of(node, at, role))).await?;
    Ok(by_role.into_iter().flatten().collect())
}

async fn candidates_of(node: &Node, at: Hash, role: Role) -> Result<Vec<Candidate>, ChainError> {
    let mut all: Vec<Candidate> = Vec::new();
    loop {
        let after = all.last().map(|candidate| &candidate.stash);
        let arguments = (role, after, MAX_CANDIDATES_PER_PAGE).encode();
        let page: Vec<Candidate> = node.market("candidates", &arguments, at).await?;
        let is_last = page.len() < MAX_CANDIDATES_PER_PAGE as usize;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
        if all.len() > MAX_CANDIDATES_PER_ROLE {
            return Err(ChainError::Node(format!("it lists candidates of {role:?} without end")));
        }
    }
}

/// What `account` holds without any hold on it, in planck.
pub(crate) async fn free_balance(
    node: &Node,
    number: BlockNumber,
    at: Hash,
    account: &AccountId,
) -> Result<Balance, ChainError> {
    Ok(account_info(node, number, at, account).await?.map_or(0, |info| info.data.free))
}

/// How many transactions of `account` the chain has.
pub(crate) async fn nonce(node: &Node, number: BlockNumber, at: Hash, account: &AccountId) -> Result<u64, ChainError> {
    Ok(account_info(node, number, at, account).await?.map_or(0, |info| info.nonce.into()))
}

/// `None` for an account that does not exist.
async fn account_info(
    node: &Node,
    number: BlockNumber,
    at: Hash,
    account: &AccountId,
) -> Result<Option<AccountInfo>, ChainError> {
    let address = subxt::dynamic::storage::<([u8; 32],), AccountInfo>("System", "Account");
    let block = node.at(number, at).await?;
    let Some(info) = answer(block.storage().try_fetch(address, (*account.as_ref(),))).await? else { return Ok(None) };
    info.decode().map(Some).map_err(|error| ChainError::Decode { what: "account", reason: error.to_string() })
}

/// Every coordinator that owes something to anybody. No runtime API lists them; there is an entry for each in storage.
pub(crate) async fn debtors(node: &Node, number: BlockNumber, at: Hash) -> Result<Vec<AccountId>, ChainError> {
    let address = subxt::dynamic::storage::<([u8; 32],), Balance>("Settlement", "Owed");
    let block = node.at(number, at).await?;
    let mut entries = answer(block.storage().iter(address, ())).await?;
    let undecodable = |reason: String| ChainError::Decode { what: "debtors", reason };
    let mut debtors = Vec::new();
    while let Some(entry) = answer(async { entries.next().await.transpose() }).await? {
        let key = entry.key().map_err(|error| undecodable(error.to_string()))?;
        let (stash,) = key.decode().map_err(|error| undecodable(error.to_string()))?;
        debtors.push(AccountId::from(stash));
        if debtors.len() > MAX_DEBTORS {
            return Err(ChainError::Node("it lists debtors without end".into()));
        }
    }
    Ok(debtors)
}

/// The part of FRAME's account record that is read here.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountInfo {
    nonce: u32,
    data: AccountData,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountData {
    free: Balance,
}
