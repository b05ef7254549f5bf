//! The command `doctor`: checks everything that `run` needs and says how to mend what is wrong.

mod check;
mod coordinators;
mod local;
mod onchain;

use std::process::ExitCode;

use check::Check;

use crate::cli::DoctorArgs;

/// Prints one line for each check; fails if any of them does.
pub async fn doctor(args: DoctorArgs) -> ExitCode {
    let mut all_well = true;
    let mut show = |check: Check| {
        all_well &= check.is_well();
        println!("{check}");
    };

    let key = local::key(&args.key.operator_key);
    let operator = key.as_ref().ok().map(cuckoo_chain_client::account_of);
    show(local::key_check(&args.key.operator_key, &key));
    show(local::device(args.device));
    local::server(&args.openai).await.into_iter().for_each(&mut show);
    local::models(&args.models, &args.openai).await.into_iter().for_each(&mut show);
    show(local::kept(&args.kept));

    let chain = onchain::connect(&args.chain).await;
    show(onchain::connection(&args.chain, &chain));
    if let Ok(chain) = &chain {
        show(onchain::finality(chain, args.chain.stale_after).await);
        show(onchain::clock(chain));
        if let Some(operator) = &operator {
            show(onchain::registration(chain, operator).await);
            if let Ok(key) = &key {
                show(onchain::fees(chain, key).await);
                show(onchain::answers(chain, key).await);
            }
            coordinators::all(chain, operator, &args.coordinators).await.into_iter().for_each(&mut show);
        }
    }
    match all_well {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
