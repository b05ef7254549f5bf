//! Compiles this crate a second time, to the wasm blob that the chain executes; if [`BENCHMARKS`] is set, a third time, to
//! the one that `cargo xtask weights` measures.

/// Asks for the blob with benchmarks. Their feature is enabled in that blob alone: natively it would have a thousand
/// dependencies compiled anew.
#[cfg(feature = "std")]
const BENCHMARKS: &str = "CUCKOO_BENCHMARKS_WASM";

fn main() {
    #[cfg(feature = "std")]
    {
        // The target folder lies outside the workspace, so the lock file cannot be found from there.
        std::env::set_var("WASM_BUILD_WORKSPACE_HINT", concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        build_wasm();
        println!("cargo:rerun-if-env-changed={BENCHMARKS}");
        if std::env::var_os(BENCHMARKS).is_some() {
            build_wasm_with_benchmarks();
        }
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

/// The other blob keeps its name and lies beside this one.
#[cfg(feature = "std")]
fn build_wasm_with_benchmarks() {
    substrate_wasm_builder::WasmBuilder::init_with_defaults()
        .enable_feature("runtime-benchmarks")
        .set_file_name("cuckoo_runtime_benchmarks")
        .build();
}
