//! The allocator of programs that run a gateway.

/// To be made global by each program that runs a gateway; a library must not decide that for its users.
///
/// A waiting request has large buffers of which little is ever used. The system's allocator writes its own marks between
/// them and so makes nearly all of their pages resident; this one keeps its marks elsewhere. With 10,000 waiting requests
/// (`cargo xtask bench gateway`) that is a fifth of all memory.
pub type Allocator = tikv_jemallocator::Jemalloc;

/// The value of it.
pub const ALLOCATOR: Allocator = tikv_jemallocator::Jemalloc;
