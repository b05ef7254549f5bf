//! What a candidate may say of itself.

use cuckoo_primitives::{CandidateInfo, Role};
use frame_support::ensure;

use crate::{Config, Error};

/// Checks that pages can show `info` as it is, and that miners can dial a coordinator's endpoint.
pub(crate) fn ensure_valid<T: Config>(role: Role, info: &CandidateInfo) -> Result<(), Error<T>> {
    let name = core::str::from_utf8(&info.name).map_err(|_| Error::<T>::TextInvalid)?;
    ensure!(!name.trim().is_empty(), Error::<T>::NameMissing);
    ensure!(!name.chars().any(char::is_control), Error::<T>::TextInvalid);
    ensure!(core::str::from_utf8(&info.introduction).is_ok(), Error::<T>::TextInvalid);
    match role {
        Role::Coordinator => ensure!(is_endpoint(&info.endpoint), Error::<T>::EndpointInvalid),
        Role::Miner | Role::Validator => ensure!(info.endpoint.is_empty(), Error::<T>::EndpointNotAllowed),
    }
    Ok(())
}

/// `http://` or `https://`, then at least a host, all of it printable ASCII without spaces.
fn is_endpoint(url: &[u8]) -> bool {
    let rest = url.strip_prefix(b"http://").or_else(|| url.strip_prefix(b"https://"));
    let has_host = rest.and_then(|rest| rest.first()).is_some_and(|first| !b"/?#:".contains(first));
    has_host && url.iter().all(u8::is_ascii_graphic)
}
