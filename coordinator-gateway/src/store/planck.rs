//! Amounts as SQLite keeps them: 16 bytes, big-endian.

use cuckoo_primitives::Balance;

/// An amount for a column.
pub(super) fn to_blob(amount: Balance) -> Vec<u8> {
    amount.to_be_bytes().to_vec()
}

/// An amount out of a column.
pub(super) fn from_blob(bytes: &[u8]) -> Result<Balance, sqlx::Error> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Balance::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_back_and_sort_as_they_are() {
        let amounts = [0, 1, 255, 256, u128::from(u64::MAX), u128::MAX];
        let blobs = amounts.map(to_blob);
        assert!(blobs.is_sorted());
        assert_eq!(blobs.map(|blob| from_blob(&blob).unwrap()), amounts);
        assert!(from_blob(&[0; 15]).is_err());
    }
}
