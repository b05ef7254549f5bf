//! Whether the coordinators can be reached and are who they should be.

use std::collections::BTreeSet;

use cuckoo_chain_client::Chain;
use cuckoo_primitives::{AccountId, Role};

use super::check::Check;
use crate::{
    cli::CoordinatorArgs,
    config::CoordinatorUrl,
    link::{dial, greet, may_serve, LinkError},
};

const NAME: &str = "coordinator";
/// Coordinators that are tried.
const MAX_CHECKED: usize = 16;

/// One check for each coordinator that `run` would serve.
pub(super) async fn all(chain: &Chain, operator: &AccountId, args: &CoordinatorArgs) -> Vec<Check> {
    let blocked: BTreeSet<AccountId> = args.blocked.iter().cloned().collect();
    let urls = match args.coordinators.is_empty() {
        true => on_chain(chain, operator, &blocked),
        false => args.coordinators.clone(),
    };
    if urls.is_empty() {
        return vec![Check::failed(
            NAME,
            "no active coordinator with an endpoint is registered on chain, or all are blocked",
            "wait for one, or name one with --coordinator",
        )];
    }
    let checks = urls.iter().take(MAX_CHECKED).map(|url| one(chain, operator, &blocked, url));
    futures::future::join_all(checks).await
}

fn on_chain(chain: &Chain, operator: &AccountId, blocked: &BTreeSet<AccountId>) -> Vec<CoordinatorUrl> {
    let view = chain.view();
    let candidates = view.of_role(Role::Coordinator);
    candidates
        .filter(|candidate| may_serve(&view, operator, blocked, &candidate.operator).is_ok())
        .filter_map(|candidate| std::str::from_utf8(&candidate.info.endpoint).ok()?.parse().ok())
        .collect()
}

/// Dials and has the coordinator prove its key, but proves nothing in turn: that would throw out a worker that runs
/// with the same key.
async fn one(chain: &Chain, operator: &AccountId, blocked: &BTreeSet<AccountId>, url: &CoordinatorUrl) -> Check {
    let greeted = async {
        let greeted = greet(dial(url).await?, chain.genesis(), operator.clone()).await?;
        may_serve(&chain.view(), operator, blocked, greeted.coordinator())?;
        Ok::<_, LinkError>(greeted.coordinator().clone())
    };
    match greeted.await {
        Ok(coordinator) => Check::well(NAME, format!("{url} answers as {coordinator}, which is active")),
        Err(error) => Check::failed(NAME, format!("{url}: {error}"), error.mend()),
    }
}
