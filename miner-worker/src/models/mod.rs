//! The models on this machine: what can be fetched, fetching it, and the proof that it is intact.

mod add;
mod catalogue;
mod digest;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod hub;
mod list;
mod package;
mod place;
mod progress;
mod pull;
mod requantise;
mod verify;

pub use add::add;
pub use catalogue::{Catalogue, CatalogueModel, HubSource, PackageSource};
pub use error::ModelsError;
pub use pull::{pull, Pulled};
pub use requantise::requantise;
pub(crate) use verify::verify;
pub use verify::verify_all;

use crate::{
    cli::{AddArgs, ModelsCommand, NumberType, PullArgs, RequantiseArgs},
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
        ModelsCommand::Add(args) => {
            let added = tokio::task::spawn_blocking(move || add_one(args)).await;
            added.map_err(|error| Error::System { what: "adding a model", reason: error.to_string() })?
        }
        ModelsCommand::Requantise(args) => {
            let turned = tokio::task::spawn_blocking(move || requantise_one(args)).await;
            turned.map_err(|error| Error::System { what: "turning a model", reason: error.to_string() })?
        }
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

fn add_one(args: AddArgs) -> Result<(), Error> {
    let AddArgs { file, id, dir } = args;
    let (model, found) = add(&models_dir(dir.models_dir.as_ref())?, &file, id.as_deref())?;
    let manifest = model.manifest();
    println!(
        "{}: added, {} with {} tokens of context, model root {}",
        manifest.id(),
        manifest.architecture(),
        manifest.context_tokens(),
        hex::encode(manifest.model_root())
    );
    if !found.has_template {
        println!("{}: the file has no chat template, so it serves completions only", manifest.id());
    }
    Ok(())
}

fn requantise_one(args: RequantiseArgs) -> Result<(), Error> {
    let RequantiseArgs { model, to: NumberType::Q8_0, new_id, dir } = args;
    let new_id = new_id.unwrap_or_else(|| format!("{model}-q8_0"));
    let made = requantise(&models_dir(dir.models_dir.as_ref())?, &model, &new_id)?;
    println!("{new_id}: made of {model}, model root {}", hex::encode(made.manifest().model_root()));
    Ok(())
}
