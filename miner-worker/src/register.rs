//! The command `register`: from an operator key to a registered miner.

use cuckoo_primitives::Role;

use crate::{cli::RegisterArgs, config::chain_config, error::Error};

/// Registers the operator for a stash whose key is here, or prints what the stash's owner needs to do so elsewhere.
pub async fn register(args: Box<RegisterArgs>) -> Result<(), Error> {
    let RegisterArgs { chain, key, registration } = *args;
    let chain = chain_config(&chain);
    let say = |line: &str| println!("{line}");
    cuckoo_chain_client::register(chain, &key.operator_key, Role::Miner, &registration, "", say).await?;
    Ok(())
}
