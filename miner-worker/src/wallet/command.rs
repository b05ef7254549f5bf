//! The command `wallet`.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use cuckoo_chain_client::{account_of, operator_key, Cai, Chain, ChainError};
use cuckoo_primitives::{
    settlement::{Settled, SignedVoucher},
    Balance, Hash,
};

use super::{
    error::WalletError,
    exchange::{export, hexed, import},
    file::{file_name, scan, usable},
    holdings::{ChannelKey, Holdings},
    open::Wallet,
    repair::{repair, Repaired},
    show::Shown,
    takings::Takings,
};
use crate::{
    cli::{ChainArgs, WalletArgs, WalletCommand, WalletRedeemArgs},
    config::chain_config,
    data_dir::DataDir,
    error::{ConfigError, Error},
    settle::{mend, redeem_all, OnChain, Paid, Source},
};

/// How long `show` waits for the chain.
const SHOW_LIMIT: Duration = Duration::from_secs(10);
/// How long `import` waits for the disk.
const WRITE_LIMIT: Duration = Duration::from_secs(60);
/// Largest file of vouchers that is read.
const MAX_IMPORT_BYTES: u64 = 64 << 20;

/// Runs `wallet`.
pub async fn execute(command: WalletCommand) -> Result<(), Error> {
    match command {
        WalletCommand::Show { wallet, chain, json } => show(&wallet, &chain, json).await,
        WalletCommand::Redeem(args) => redeem(args).await,
        WalletCommand::Export { wallet, genesis, to } => write_export(&wallet, genesis.as_deref(), &to),
        WalletCommand::Import { wallet, from } => read_import(&wallet, &from),
        WalletCommand::Repair { wallet } => mend_files(&wallet),
    }
}

/// Reads without the lock, so that a worker may run meanwhile.
async fn show(wallet: &WalletArgs, chain: &ChainArgs, json: bool) -> Result<(), Error> {
    let folder = folder(wallet)?;
    let config = chain_config(chain);
    let endpoints = config.shown_endpoints();
    let chain = match tokio::time::timeout(SHOW_LIMIT, Chain::connect(config)).await {
        Ok(Ok(chain)) => Ok(chain),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer from {endpoints} in {} s", SHOW_LIMIT.as_secs())),
    };
    let chain = chain.inspect_err(|why| eprintln!("what is due is unknown: {why}; name a node with --chain-url")).ok();
    let (path, holdings) = read(&folder, chain.as_ref().map(Chain::genesis))?;
    let mut settled = BTreeMap::new();
    let mut block = None;
    if let Some(chain) = &chain {
        settled = settled_of(chain, &holdings).await?;
        block = Some(chain.view().number);
    }
    let shown = Shown::new(path.display().to_string(), &holdings, block.map(|block| (block, &settled)));
    match json {
        true => println!("{}", serde_json::to_string(&shown).unwrap_or_default()),
        false => print!("{shown}"),
    }
    Ok(())
}

async fn settled_of(chain: &Chain, holdings: &Holdings) -> Result<BTreeMap<ChannelKey, Settled>, ChainError> {
    let mut settled = BTreeMap::new();
    for key in holdings.vouchers().keys() {
        let of_channel = chain.settled(&key.coordinator, &key.miner, &key.channel).await?;
        settled.insert(key.clone(), of_channel);
    }
    Ok(settled)
}

async fn redeem(args: WalletRedeemArgs) -> Result<(), Error> {
    let WalletRedeemArgs { wallet, chain, key } = args;
    let folder = folder(&wallet)?;
    let signer = key.or_else(|| wallet.operator_key.clone()).ok_or(ConfigError::NoSigner)?;
    let signer = operator_key(&signer)?;
    let payer = account_of(&signer);
    let chain = Chain::connect(chain_config(&chain)).await?;
    let (_, holdings) = read(&folder, Some(chain.genesis()))?;
    let source: &dyn Source = &OnChain::new(chain, signer);
    let mut done = Vec::new();
    let outcome = redeem_all(source, &holdings, &mut done).await;
    for Paid { key, due, settled } in &done {
        println!("{} of {} due from {} settled for {}", Cai(*settled), Cai(*due), key.coordinator, key.miner);
    }
    let sum = done.iter().fold(0, |sum: Balance, paid| sum.saturating_add(paid.settled));
    match outcome {
        Ok(()) if done.is_empty() => println!("nothing is due"),
        Ok(()) => println!("{} settled in all; the protocol's fee goes off what is paid", Cai(sum)),
        Err(source) => {
            let mend = mend(&source, &payer);
            return Err(Error::Redeem { done: Cai(sum).to_string(), source, mend });
        }
    }
    Ok(())
}

fn write_export(wallet: &WalletArgs, genesis: Option<&str>, to: &Path) -> Result<(), Error> {
    let folder = folder(wallet)?;
    let genesis = genesis.map(parse_genesis).transpose()?;
    let (_, holdings) = read(&folder, genesis)?;
    let text = export(&holdings);
    let refused = |source| Error::VoucherFile { path: to.into(), source };
    match to == Path::new("-") {
        true => std::io::stdout().write_all(text.as_bytes()).map_err(refused)?,
        false => fs::write(to, text).map_err(refused)?,
    }
    eprintln!(
        "{} vouchers; whoever has them can redeem them to their stash, and nothing else",
        holdings.vouchers().len()
    );
    Ok(())
}

fn parse_genesis(text: &str) -> Result<Hash, ConfigError> {
    let bytes: Option<[u8; 32]> =
        hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Hash::from).ok_or_else(|| ConfigError::Genesis(text.chars().take(80).collect()))
}

fn read_import(wallet: &WalletArgs, from: &Path) -> Result<(), Error> {
    let refused = |source| Error::VoucherFile { path: from.into(), source };
    let mut text = String::new();
    let read = match from == Path::new("-") {
        true => std::io::stdin().take(MAX_IMPORT_BYTES).read_to_string(&mut text),
        false => fs::File::open(from).and_then(|file| file.take(MAX_IMPORT_BYTES).read_to_string(&mut text)),
    };
    read.map_err(refused)?;
    let (genesis, vouchers) = import(&text)?;
    let folder = DataDir::lock(&folder(wallet)?)?;
    let wallet = Wallet::open(folder.path(), &genesis)?;
    let Takings { taken, left, known } = Takings::of(&wallet.holdings(), vouchers);
    let number = taken.len();
    taken.into_iter().for_each(|signed| wallet.import(signed));
    if !wallet.flush(WRITE_LIMIT) {
        return Err(Error::NotWritten(wallet.trouble().unwrap_or_else(|| "the disk is too slow".into())));
    }
    println!("{number} vouchers were taken into {}; {known} are not new to it", wallet.path().display());
    left.iter().for_each(|signed| eprintln!("{}", left_out(signed)));
    Ok(())
}

/// Says that a voucher was not taken, why, and what to do.
fn left_out(SignedVoucher { voucher, operator, .. }: &SignedVoucher) -> String {
    format!(
        "left out: {} from {} in channel {}, since {operator} signed it and another key what the wallet holds, and without \
         the chain nobody can say which is the coordinator's; if this is its new key, `miner-worker run` takes what it \
         promised at the next link, and if it has gone, import the file into a new --data-dir and redeem from there",
        Cai(voucher.amount),
        voucher.coordinator,
        hexed(&voucher.channel)
    )
}

fn mend_files(wallet: &WalletArgs) -> Result<(), Error> {
    let folder = DataDir::lock(&folder(wallet)?)?;
    let files = files(folder.path())?;
    if files.is_empty() {
        return Err(WalletError::NotThere(folder.path().into()).into());
    }
    for file in files {
        match repair(&file)? {
            Repaired::Sound(records) => println!("{} is sound; whole records: {records}", file.display()),
            Repaired::Mended { kept, aside } => println!(
                "{} is mended from {kept} whole records; the damaged file is {}. The coordinators bring back what is \
                 missing when they are linked next",
                file.display(),
                aside.display()
            ),
        }
    }
    Ok(())
}

/// The folder that holds the wallet: that of the operator who is named, or the only one.
fn folder(args: &WalletArgs) -> Result<PathBuf, Error> {
    let base = args.data_dir.clone().map_or_else(DataDir::default_base, Ok)?;
    if let Some(file) = &args.operator_key {
        return Ok(base.join(account_of(&operator_key(file)?).to_string()));
    }
    if !base.is_dir() {
        return Err(WalletError::NotThere(base).into());
    }
    let refused = |source| WalletError::Io { path: base.clone(), source };
    let mut with_wallets = Vec::new();
    for entry in fs::read_dir(&base).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        if path.is_dir() && !files(&path)?.is_empty() {
            with_wallets.push(path);
        }
    }
    match (with_wallets.pop(), with_wallets.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Err(WalletError::NotThere(base).into()),
        (Some(_), others) => Err(ConfigError::WhoseWallet { base, found: others.saturating_add(1) }.into()),
    }
}

/// The wallets in a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, WalletError> {
    let refused = |source| WalletError::Io { path: folder.into(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("wallet-") && name.ends_with(".log") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The wallet of that chain, or the only one, as it is on the disk.
fn read(folder: &Path, genesis: Option<Hash>) -> Result<(PathBuf, Holdings), WalletError> {
    let not_there = || WalletError::NotThere(folder.into());
    let path = match genesis {
        Some(genesis) => folder.join(file_name(&genesis)),
        None => {
            let mut files = files(folder)?;
            let only = files.pop().ok_or_else(not_there)?;
            if !files.is_empty() {
                return Err(WalletError::Several(folder.into()));
            }
            only
        }
    };
    let records = usable(&path, scan(&path)?.ok_or_else(not_there)?)?;
    let holdings = Holdings::of(records).ok_or_else(|| WalletError::NoWallet { path: path.clone() })?;
    match genesis {
        Some(expected) if expected != holdings.genesis() => {
            Err(WalletError::OtherChain { path, found: holdings.genesis(), expected })
        }
        _ => Ok((path, holdings)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::fixture::{signed_by, voucher, GENESIS};
    use cuckoo_primitives::CAI;
    use subxt_signer::sr25519::dev;

    fn args(base: &Path) -> WalletArgs {
        WalletArgs { data_dir: Some(base.into()), operator_key: None }
    }

    /// A wallet of this operator with a voucher of that amount.
    fn wallet(base: &Path, operator: &str, amount: Balance) -> PathBuf {
        let folder = base.join(operator);
        fs::create_dir_all(&folder).unwrap();
        let wallet = Wallet::open(&folder, &GENESIS).unwrap();
        if amount > 0 {
            wallet.keep(signed_by(&dev::alice(), voucher(1, 1, amount)), 3);
        }
        folder
    }

    #[test]
    fn the_only_wallet_needs_no_name() {
        let base = tempfile::tempdir().unwrap();
        let error = folder(&args(base.path())).unwrap_err();
        assert!(matches!(error, Error::Wallet(WalletError::NotThere(_))), "{error}");
        let only = wallet(base.path(), "one", 0);
        fs::create_dir(base.path().join("without")).unwrap();
        assert_eq!(folder(&args(base.path())).unwrap(), only);
        wallet(base.path(), "two", 0);
        let error = folder(&args(base.path())).unwrap_err();
        assert!(matches!(error, Error::Config(ConfigError::WhoseWallet { found: 2, .. })), "{error}");
    }

    #[test]
    fn vouchers_move_from_wallet_to_wallet() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        wallet(here.path(), "one", 5);
        let other = wallet(there.path(), "two", 0);
        let file = here.path().join("vouchers.json");
        write_export(&args(here.path()), None, &file).unwrap();
        read_import(&args(there.path()), &file).unwrap();
        let (_, holdings) = read(&other, Some(GENESIS)).unwrap();
        assert_eq!(holdings.vouchers().values().map(|held| held.amount()).collect::<Vec<_>>(), [5]);
        assert!(holdings.earned().is_empty());
    }

    #[test]
    fn a_file_that_somebody_else_signed_replaces_nothing() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        wallet(here.path(), "one", 5);
        let forger = there.path().join("forger");
        fs::create_dir_all(&forger).unwrap();
        Wallet::open(&forger, &GENESIS).unwrap().keep(signed_by(&dev::ferdie(), voucher(1, 1, u128::MAX)), 3);
        let file = there.path().join("vouchers.json");
        write_export(&args(there.path()), None, &file).unwrap();
        read_import(&args(here.path()), &file).unwrap();
        let (_, holdings) = read(&here.path().join("one"), Some(GENESIS)).unwrap();
        assert_eq!(holdings.vouchers().values().map(|held| held.amount()).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn a_voucher_that_is_left_out_can_be_redeemed_as_is_said() {
        let (old_key, new_key) = (dev::alice(), dev::bob());
        let here = tempfile::tempdir().unwrap();
        let folder = wallet(here.path(), "one", 0);
        let holder = Wallet::open(&folder, &GENESIS).unwrap();
        holder.keep(signed_by(&old_key, voucher(1, 1, 5 * CAI)), 3);
        drop(holder);
        // The coordinator has a new key and signs the same amount anew; a backup holds that.
        let there = tempfile::tempdir().unwrap();
        let signed_anew = signed_by(&new_key, voucher(1, 1, 5 * CAI));
        let elsewhere = wallet(there.path(), "two", 0);
        Wallet::open(&elsewhere, &GENESIS).unwrap().keep(signed_anew.clone(), 3);
        let file = there.path().join("vouchers.json");
        write_export(&args(there.path()), None, &file).unwrap();
        read_import(&args(here.path()), &file).unwrap();
        let newest = |folder: &Path| {
            let (_, holdings) = read(folder, Some(GENESIS)).unwrap();
            holdings.vouchers().values().map(|held| held.signed.operator.clone()).collect::<Vec<_>>()
        };
        assert_eq!(newest(&folder), [account_of(&old_key)], "nobody can say yet which key is the coordinator's");

        let said = left_out(&signed_anew);
        let facts = [
            "5 CAI".to_owned(),
            signed_anew.voucher.coordinator.to_string(),
            hexed(&signed_anew.voucher.channel),
            account_of(&new_key).to_string(),
            "`miner-worker run` takes what it promised at the next link".into(),
            "import the file into a new --data-dir and redeem from there".into(),
        ];
        for fact in facts {
            assert!(said.contains(&fact), "{fact} is not in {said:?}");
        }
        // As it says: a wallet in a new folder takes it.
        let new = tempfile::tempdir().unwrap();
        let fresh = wallet(new.path(), "one", 0);
        read_import(&args(new.path()), &file).unwrap();
        assert_eq!(newest(&fresh), [account_of(&new_key)]);
    }

    #[test]
    fn a_wallet_is_read_beside_its_writer_and_not_written() {
        let base = tempfile::tempdir().unwrap();
        let folder = wallet(base.path(), "one", 5);
        let _lock = DataDir::lock(&folder).unwrap();
        let writer = Wallet::open(&folder, &GENESIS).unwrap();
        assert_eq!(read(&folder, None).unwrap().1, writer.holdings());
        let file = base.path().join("vouchers.json");
        fs::write(&file, export(&writer.holdings())).unwrap();
        let error = read_import(&args(base.path()), &file).unwrap_err();
        assert!(matches!(error, Error::DataDir(_)), "{error}");
        assert!(matches!(mend_files(&args(base.path())), Err(Error::DataDir(_))));
    }

    #[test]
    fn wallets_of_several_chains_need_a_name() {
        let base = tempfile::tempdir().unwrap();
        let folder = wallet(base.path(), "one", 5);
        let other = Hash::repeat_byte(9);
        assert!(matches!(read(&folder, Some(other)), Err(WalletError::NotThere(_))));
        drop(Wallet::open(&folder, &other).unwrap());
        assert!(matches!(read(&folder, None), Err(WalletError::Several(_))));
        assert_eq!(read(&folder, Some(other)).unwrap().1.genesis(), other);
    }
}
