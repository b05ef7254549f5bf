//! Blocks as a node handles them.

use cuckoo_runtime::Header;
use sp_runtime::{generic, OpaqueExtrinsic};

/// A block whose transactions are bytes: only the runtime knows what they mean, and it may change. RPC shows them in
/// hexadecimal.
pub(crate) type Block = generic::Block<Header, OpaqueExtrinsic>;
