//! Making a damaged wallet usable again.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    error::WalletError,
    file::{beside, scan, WalletFile},
    holdings::Holdings,
    open::now_unix_s,
    record::{Entry, Record},
    scan::{Flaw, Scan},
};

/// What a repair found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Repaired {
    /// Nothing to mend; it has so many whole records. What a write that was cut short has left is cut off by whoever
    /// opens the file next.
    Sound(usize),
    /// The damaged file lies aside, the new one holds so many whole records of it.
    Mended { kept: usize, aside: PathBuf },
}

/// Sets a damaged file aside and writes a new one of all that is whole in it. The folder's lock must be held.
pub(super) fn repair(path: &Path) -> Result<Repaired, WalletError> {
    let Some(Scan { records, stray, flaw }) = scan(path)? else {
        return Err(WalletError::NotThere(path.parent().unwrap_or(path).into()));
    };
    match flaw {
        None | Some(Flaw::Torn(_)) => return Ok(Repaired::Sound(records.len())),
        Some(Flaw::Unknown(record)) => return Err(WalletError::Newer { path: path.into(), record }),
        Some(Flaw::Damaged(_)) => {}
    }
    let whole: Vec<Record> = records.into_iter().chain(stray).collect();
    let kept = whole.len();
    // The first record is there twice. Whichever is left says what wallet this is.
    let begin = whole.iter().find(|record| matches!(record.entry, Entry::Wallet { .. })).cloned();
    let holdings = begin.and_then(|begin| Holdings::of(std::iter::once(begin).chain(whole)));
    let holdings = holdings.ok_or_else(|| WalletError::NoWallet { path: path.into() })?;
    let aside = beside(path, &format!(".damaged-{}", now_unix_s()));
    copy(path, &aside).map_err(|source| WalletError::Io { path: aside.clone(), source })?;
    WalletFile::replace(path, holdings.records(now_unix_s()))?.make_durable()?;
    Ok(Repaired::Mended { kept, aside })
}

/// A copy, since the wallet's own name must name a whole wallet at every moment.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{
        fixture::{voucher, GENESIS},
        ChannelKey, Wallet,
    };
    use std::time::Duration;

    const RECORD: usize = 256;

    /// A wallet with three vouchers of different channels, of which these records are damaged.
    fn damaged(dir: &Path, records: &[usize]) -> PathBuf {
        let wallet = Wallet::open(dir, &GENESIS).unwrap();
        for channel in 1..=3 {
            wallet.keep(voucher(1, channel, 10), 3);
            assert!(wallet.flush(Duration::from_secs(10)));
        }
        let path = wallet.path().to_owned();
        drop(wallet);
        let mut content = fs::read(&path).unwrap();
        records.iter().for_each(|record| content[record * RECORD + 50] ^= 1);
        fs::write(&path, content).unwrap();
        path
    }

    fn paid(dir: &Path) -> Vec<u128> {
        let wallet = Wallet::open(dir, &GENESIS).unwrap();
        (1..=3).map(|channel| wallet.paid(&ChannelKey::from(&voucher(1, channel, 0).voucher))).collect()
    }

    #[test]
    fn a_repair_keeps_all_that_is_whole_and_the_damaged_file() {
        let dir = tempfile::tempdir().unwrap();
        // Two first records, then a voucher and a day each.
        let path = damaged(dir.path(), &[4]);
        let content = fs::read(&path).unwrap();
        assert!(matches!(Wallet::open(dir.path(), &GENESIS), Err(WalletError::Damaged { record: 4, .. })));
        let Repaired::Mended { kept, aside } = repair(&path).unwrap() else { panic!("not mended") };
        assert_eq!(kept, 7);
        assert_eq!(fs::read(aside).unwrap(), content);
        assert_eq!(paid(dir.path()), [10, 0, 10]);
        assert!(matches!(repair(&path), Ok(Repaired::Sound(_))));
    }

    #[test]
    fn the_seed_survives_the_loss_of_one_first_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = damaged(dir.path(), &[0]);
        let Repaired::Mended { .. } = repair(&path).unwrap() else { panic!("not mended") };
        assert_eq!(paid(dir.path()), [10, 10, 10]);
    }

    #[test]
    fn without_any_first_record_nothing_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = damaged(dir.path(), &[0, 1]);
        let content = fs::read(&path).unwrap();
        assert!(matches!(repair(&path), Err(WalletError::NoWallet { .. })));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}
