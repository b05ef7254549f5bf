//! How prices and vouchers cross the link.

use cuckoo_primitives::{
    settlement::{ChannelId, Price, SignedVoucher, Voucher, MAX_PRICE},
    AccountId, Balance,
};

use crate::{
    handshake::{fixed, WrongLength},
    link,
};

/// Figures that are not what their fields require.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMoney {
    /// A field has another length.
    #[error(transparent)]
    Length(#[from] WrongLength),
    /// There has to be a price, be it of zeros.
    #[error("no price")]
    NoPrice,
    /// A price that nobody means.
    #[error("a price is above {} planck", MAX_PRICE)]
    PriceTooHigh,
}

/// A price as it is sent.
pub fn price_to_wire(price: &Price) -> link::Price {
    let [prompt, completion, image, audio] = price.figures().map(planck_to_wire);
    link::Price { prompt, completion, image, audio }
}

/// A price as it was sent.
///
/// # Errors
/// [`BadMoney`] if there is none, one of its figures does not have 16 bytes or is above [`MAX_PRICE`].
pub fn price_from_wire(price: Option<&link::Price>) -> Result<Price, BadMoney> {
    let link::Price { prompt, completion, image, audio } = price.ok_or(BadMoney::NoPrice)?;
    let price = Price::new(
        planck_from_wire("price.prompt", prompt)?,
        planck_from_wire("price.completion", completion)?,
        planck_from_wire("price.image", image)?,
        planck_from_wire("price.audio", audio)?,
    );
    price.ok_or(BadMoney::PriceTooHigh)
}

/// A voucher as it is sent, without what both sides know.
pub fn voucher_to_wire(signed: &SignedVoucher) -> link::Voucher {
    link::Voucher {
        amount: planck_to_wire(signed.voucher.amount),
        tasks: signed.voucher.tasks,
        operator: AsRef::<[u8]>::as_ref(&signed.operator).to_vec().into(),
        signature: signed.signature.to_vec().into(),
    }
}

/// A voucher as it was sent for `channel` between these two stashes. Whether it is signed is not looked at.
///
/// # Errors
/// [`BadMoney::Length`] if one of its fields has another length.
pub fn voucher_from_wire(
    voucher: &link::Voucher,
    coordinator: &AccountId,
    miner: &AccountId,
    channel: ChannelId,
) -> Result<SignedVoucher, BadMoney> {
    let operator = AccountId::from(fixed::<32>("voucher.operator", &voucher.operator)?);
    let signature = fixed::<64>("voucher.signature", &voucher.signature)?;
    let amount = planck_from_wire("voucher.amount", &voucher.amount)?;
    let (coordinator, miner) = (coordinator.clone(), miner.clone());
    let voucher = Voucher { coordinator, miner, channel, amount, tasks: voucher.tasks };
    Ok(SignedVoucher { voucher, operator, signature })
}

/// The channel that a miner names.
///
/// # Errors
/// [`BadMoney::Length`] if it does not have 16 bytes.
pub fn channel_from_wire(channel: &[u8]) -> Result<ChannelId, BadMoney> {
    Ok(fixed::<16>("channel", channel)?)
}

fn planck_to_wire(amount: Balance) -> prost::bytes::Bytes {
    amount.to_be_bytes().to_vec().into()
}

fn planck_from_wire(field: &'static str, bytes: &[u8]) -> Result<Balance, BadMoney> {
    Ok(Balance::from_be_bytes(fixed::<16>(field, bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> SignedVoucher {
        let [coordinator, miner, operator] = [1, 2, 3].map(|byte| AccountId::from([byte; 32]));
        let voucher = Voucher { coordinator, miner, channel: [4; 16], amount: u128::MAX - 1, tasks: 5 };
        SignedVoucher { voucher, operator, signature: [6; 64] }
    }

    #[test]
    fn prices_come_back_as_they_were() {
        for price in [Price::default(), Price::new(1, 2, 3, MAX_PRICE).unwrap()] {
            assert_eq!(price_from_wire(Some(&price_to_wire(&price))), Ok(price));
        }
    }

    #[test]
    fn prices_that_are_none_are_refused() {
        let sent = price_to_wire(&Price::default());
        assert_eq!(price_from_wire(None), Err(BadMoney::NoPrice));
        let short = link::Price { image: vec![0; 15].into(), ..sent.clone() };
        assert_eq!(price_from_wire(Some(&short)).unwrap_err().to_string(), "price.image has 15 bytes, expected 16");
        let high = link::Price { audio: planck_to_wire(MAX_PRICE + 1), ..sent };
        assert_eq!(price_from_wire(Some(&high)), Err(BadMoney::PriceTooHigh));
        assert!(price_from_wire(Some(&link::Price::default())).is_err());
    }

    #[test]
    fn vouchers_come_back_as_they_were() {
        let signed = signed();
        let Voucher { coordinator, miner, channel, .. } = &signed.voucher;
        let sent = voucher_to_wire(&signed);
        assert_eq!(voucher_from_wire(&sent, coordinator, miner, *channel), Ok(signed.clone()));
        for broken in [
            link::Voucher { amount: vec![0; 17].into(), ..sent.clone() },
            link::Voucher { operator: vec![0; 31].into(), ..sent.clone() },
            link::Voucher { signature: vec![0; 65].into(), ..sent.clone() },
        ] {
            assert!(matches!(voucher_from_wire(&broken, coordinator, miner, *channel), Err(BadMoney::Length(_))));
        }
    }

    #[test]
    fn channels_have_sixteen_bytes() {
        assert_eq!(channel_from_wire(&[7; 16]), Ok([7; 16]));
        assert!(channel_from_wire(&[7; 15]).is_err());
    }
}
