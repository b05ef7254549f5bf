use super::*;
use crate::wallet::{
    file::beside,
    fixture::{account, voucher, GENESIS},
};

const LIMIT: Duration = Duration::from_secs(10);

fn key(coordinator: u8, channel: u8) -> ChannelKey {
    ChannelKey::from(&voucher(coordinator, channel, 0).voucher)
}

#[test]
fn a_wallet_that_is_opened_again_holds_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    let channel = wallet.channel(&account(1));
    wallet.keep(voucher(1, 1, 5), 3);
    wallet.keep(voucher(1, 1, 9), 3);
    assert!(wallet.flush(LIMIT));
    assert_eq!(wallet.paid(&key(1, 1)), 9);
    assert!(wallet.next_generation(&account(2)));
    wallet.write_off(&account(1), 4, 500);
    // Dropping it writes what is left.
    drop(wallet);
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    assert_eq!(wallet.newest(&key(1, 1)), Some(voucher(1, 1, 9)));
    assert_eq!(wallet.channel(&account(1)), channel);
    assert_eq!((wallet.unpaid(&account(1)).amount, wallet.unpaid(&account(1)).permille), (4, 500));
    assert_eq!(wallet.holdings().generation(&account(2)), 1);
    assert_eq!(wallet.holdings().earned().values().map(|earned| earned.amount).sum::<u128>(), 9);
}

#[test]
fn nothing_counts_before_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    let written = wallet.written();
    // The writer cannot record anything while its book is held.
    let held = wallet.shared.holdings.lock();
    wallet.keep(voucher(1, 1, 5), 3);
    assert!(!wallet.flush(Duration::from_millis(50)));
    assert!(!written.has_changed().unwrap());
    assert!(held.vouchers().is_empty());
    drop(held);
    assert!(wallet.flush(LIMIT));
    assert!(written.has_changed().unwrap());
    assert_eq!(wallet.paid(&key(1, 1)), 5);
}

#[test]
fn what_cannot_be_written_does_not_count_and_is_said() {
    let dir = tempfile::tempdir().unwrap();
    drop(Wallet::open(dir.path(), &GENESIS).unwrap());
    let path = dir.path().join(file_name(&GENESIS));
    let (file, records) = WalletFile::open(&path).unwrap();
    let wallet = Wallet::start(path, Holdings::of(records).unwrap(), file.read_only()).unwrap();
    wallet.keep(voucher(1, 1, 5), 3);
    assert!(!wallet.flush(Duration::from_millis(100)));
    assert_eq!(wallet.paid(&key(1, 1)), 0);
    let begun = Instant::now();
    while wallet.trouble().is_none() {
        assert!(begun.elapsed() < LIMIT, "nobody says why");
        std::thread::sleep(Duration::from_millis(5));
    }
    // It ends all the same.
    drop(wallet);
    assert_eq!(Wallet::open(dir.path(), &GENESIS).unwrap().paid(&key(1, 1)), 0);
}

#[test]
fn the_next_generation_is_in_use_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    let mut channels = vec![wallet.channel(&account(1))];
    for _ in 0..3 {
        assert!(wallet.next_generation(&account(1)));
        channels.push(wallet.channel(&account(1)));
    }
    let other = wallet.channel(&account(2));
    channels.push(other);
    channels.sort_unstable();
    channels.dedup();
    assert_eq!(channels.len(), 5);
}

#[test]
fn the_channel_that_was_left_is_not_in_use_while_that_is_written() {
    let holdings = Holdings::new(GENESIS, Seed([1; 32]), 0);
    // Nobody writes but this test.
    let wallet = Wallet { shared: Arc::new(Shared::new("wallet".into(), holdings)), writer: None };
    let left = wallet.channel(&account(1));
    assert!(wallet.next_generation(&account(1)));
    let next = wallet.channel(&account(1));
    assert_ne!(next, left);
    let (pending, put) = taken(&wallet.shared).unwrap();
    assert_eq!(wallet.channel(&account(1)), next, "it is on its way to the disk");
    let entries = pending.entries(&wallet.holdings(), 5);
    written(&wallet.shared, &entries, 5, put);
    assert_eq!(wallet.channel(&account(1)), next);
}

#[test]
fn nobody_fills_the_wallet_with_channels() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    let left = |amount: Balance| {
        let leave = || {
            let mut signed = voucher(1, 1, amount);
            signed.voucher.channel = wallet.channel(&account(1));
            wallet.keep(signed, 3);
            assert!(wallet.flush(LIMIT));
            let is_left = wallet.next_generation(&account(1));
            assert!(wallet.flush(LIMIT));
            is_left
        };
        (0..1_000).take_while(|_| leave()).count() as u32
    };
    assert_eq!(left(EXISTENTIAL_DEPOSIT - 1), MAX_LEFT_EMPTY, "empty ones cost nothing");
    assert_eq!(left(EXISTENTIAL_DEPOSIT), MAX_GENERATION - MAX_LEFT_EMPTY);
    assert!(wallet.next_generation(&account(2)));
}

#[test]
fn a_wallet_is_for_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    drop(Wallet::open(dir.path(), &GENESIS).unwrap());
    let other = Hash::repeat_byte(8);
    // Each chain has a file of its own.
    drop(Wallet::open(dir.path(), &other).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    std::fs::rename(dir.path().join(file_name(&GENESIS)), dir.path().join(file_name(&other))).unwrap();
    let error = Wallet::open(dir.path(), &other).unwrap_err();
    assert!(matches!(error, WalletError::OtherChain { .. }), "{error}");
}

#[test]
fn wallets_have_seeds_of_their_own() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let channel = |dir: &tempfile::TempDir| Wallet::open(dir.path(), &GENESIS).unwrap().channel(&account(1));
    assert_ne!(channel(&one), channel(&two));
}

#[test]
fn a_file_full_of_old_vouchers_is_tidied_up_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    for amount in 1..=100 {
        wallet.keep(voucher(1, 1, amount), 3);
        assert!(wallet.flush(LIMIT));
    }
    let path = wallet.path().to_owned();
    drop(wallet);
    let before = std::fs::metadata(&path).unwrap().len();
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < before / 10);
    assert_eq!(wallet.paid(&key(1, 1)), 100);
    wallet.keep(voucher(1, 1, 101), 3);
    drop(wallet);
    assert_eq!(Wallet::open(dir.path(), &GENESIS).unwrap().paid(&key(1, 1)), 101);
}

#[test]
fn a_wallet_that_cannot_be_tidied_up_is_used_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file_name(&GENESIS));
    let (mut file, _) = WalletFile::open(&path).unwrap();
    let entry = |amount| Entry::Voucher { signed: voucher(1, 1, amount), era: 3 };
    file.append(5, &[entry(1), entry(2)]).unwrap();
    // No new file can be written.
    let new = beside(&path, ".new");
    std::fs::create_dir(&new).unwrap();
    tidy(&mut file, vec![(5, entry(2))]);
    file.append(6, &[entry(3)]).unwrap();
    std::fs::remove_dir(&new).unwrap();
    let records = WalletFile::open(&path).unwrap().1;
    assert_eq!(records.into_iter().map(|record| record.entry).collect::<Vec<_>>(), [1, 2, 3].map(entry));
}

#[test]
fn a_prefix_of_the_file_opens_to_a_prefix_of_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::open(dir.path(), &GENESIS).unwrap();
    for amount in 1..=4 {
        wallet.keep(voucher(1, 1, amount), 3);
        assert!(wallet.flush(LIMIT));
    }
    let path = wallet.path().to_owned();
    drop(wallet);
    let content = std::fs::read(&path).unwrap();
    let mut last = 0;
    for cut in (256..=content.len()).step_by(64) {
        std::fs::write(&path, &content[..cut]).unwrap();
        let paid = Wallet::open(dir.path(), &GENESIS).unwrap().paid(&key(1, 1));
        assert!(paid >= last && paid <= 4, "{paid} after {cut} bytes");
        last = paid;
    }
    assert_eq!(last, 4);
}
