//! Files that are mapped into memory.

use std::{fs::File, io, path::Path};

use memmap2::Mmap;

/// Maps the plain file at `path`, to be read.
///
/// Only the pages that are looked at take memory, and the system may take them back. A file that another program cuts short
/// while it is mapped kills this one, and one that is overwritten shows other bytes from then on. So files are hashed right
/// before they are opened ([`crate::ModelDir::verify`]), they are put in their folder by renaming and never written again,
/// and a map lives only while a model is loaded: what is computed with afterwards is a copy.
pub(crate) fn map(path: &Path) -> io::Result<Mmap> {
    // Opening a pipe would wait for who writes it.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("no plain file"));
    }
    let file = File::open(path)?;
    #[expect(unsafe_code, reason = "a map is a slice only as long as nobody changes the file; see above")]
    // SAFETY: model files are never written in place. Who can write to the models' folder can do anything to this process
    // anyway.
    unsafe {
        Mmap::map(&file)
    }
}
