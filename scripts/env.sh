# shellcheck shell=bash
# What a build needs to know of this machine. Sourced by every script; source it before you use cargo by hand, so that
# your builds and the scripts' share one target folder and one compiler.

CUCKOO_CACHE_DIR="${CUCKOO_CACHE_DIR:-$HOME/.cache/cuckoo}"
export CUCKOO_CACHE_DIR
export CUCKOO_MODELS_DIR="${CUCKOO_MODELS_DIR:-$CUCKOO_CACHE_DIR/models}"
export CUCKOO_VENV="${CUCKOO_VENV:-$CUCKOO_CACHE_DIR/venv}"
export CUCKOO_NPM="${CUCKOO_NPM:-$CUCKOO_CACHE_DIR/npm}"
export CUCKOO_VOCABULARIES="${CUCKOO_VOCABULARIES:-$CUCKOO_CACHE_DIR/vocabularies}"
# Outside the clone: a fresh clone reuses the 1,300 dependencies of the last one.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CUCKOO_CACHE_DIR/target}"

# Whether the compiler $1 is new enough (sqlx 0.9 sets the minimum) and has the runtime's target.
rustc_fits() {
    local version sysroot
    version="$("$1" --version 2>/dev/null | cut -d ' ' -f 2)" || return 1
    sysroot="$("$1" --print sysroot 2>/dev/null)" || return 1
    printf '1.94.0\n%s\n' "$version" | sort --check=quiet --version-sort &&
        compgen -G "$sysroot/lib/rustlib/wasm32v1-none/lib/libcore-*.rlib" >/dev/null
}

# The distribution's compiler has the target only if scripts/setup built it, because no other could have it: then all
# builds use that one.
if rustc_fits /usr/bin/rustc && [[ "$(command -v rustc)" != /usr/bin/rustc ]]; then PATH="/usr/bin:$PATH"; fi
if [[ "$PATH" != "$CUCKOO_CACHE_DIR/bin:"* ]]; then PATH="$CUCKOO_CACHE_DIR/bin:$PATH"; fi
export PATH
