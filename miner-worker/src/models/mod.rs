//! The models on this machine: what can be fetched, fetching it, and the proof that it is intact.

mod catalogue;
mod digest;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod hub;
mod list;
mod package;
mod progress;
mod pull;
mod verify;

pub use catalogue::{Catalogue, CatalogueModel, HubSource, PackageSource};
pub use error::ModelsError;
pub use pull::{pull, Pulled};
pub(crate) use verify::verify;
pub use verify::verify_all;

use crate::{
    cli::{ModelsCommand, PullArgs},
    config::models_dir,
    error::Error,
};

/// Runs `models`.
pub async fn execute(command: ModelsCommand) -> Result<(), Error> {
    match command {
        ModelsCommand::List(args) => {
            print!("{}", list::table(&models_dir(args.models_dir.as_ref())?, Catalogue::built_in()?)?);
            Ok(())
        }
        ModelsCommand::Verify(args) => {
            let dir = models_dir(args.dir.models_dir.as_ref())?;
            let verified = tokio::task::spawn_blocking(move || verify_all(&dir, &args.models)).await;
            verified.map_err(|error| Error::System { what: "verifying models", reason: error.to_string() })??;
            Ok(())
        }
        ModelsCommand::Pull(args) => pull_all(args).await,
    }
}

async fn pull_all(args: PullArgs) -> Result<(), Error> {
    let dir = models_dir(args.dir.models_dir.as_ref())?;
    let catalogue = Catalogue::built_in()?;
    let models: Vec<&CatalogueModel> = match args.models.is_empty() {
        true => catalogue.models().iter().collect(),
        false => args.models.iter().map(|id| catalogue.model(id)).collect::<Result<_, _>>()?,
    };
    for model in models {
        match pull(&dir, model, args.from, &args.python).await? {
            Pulled::AlreadyThere => println!("{}: already there and intact", model.id),
            Pulled::From(source) => println!("{}: fetched from {source} and verified", model.id),
        }
    }
    Ok(())
}
