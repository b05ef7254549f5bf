//! Compiles this crate a second time, to the wasm blob that the chain executes.

fn main() {
    #[cfg(feature = "std")]
    {
        // The target folder lies outside the workspace, so the lock file cannot be found from there.
        std::env::set_var("WASM_BUILD_WORKSPACE_HINT", concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        build_wasm();
    }
}

#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
fn build_wasm() {
    substrate_wasm_builder::WasmBuilder::build_using_defaults();
}

/// Hardware wallets show what they sign only if the runtime commits to its own metadata.
#[cfg(all(feature = "std", feature = "metadata-hash"))]
fn build_wasm() {
    substrate_wasm_builder::WasmBuilder::init_with_defaults().enable_metadata_hash("CAI", 18).build();
}
