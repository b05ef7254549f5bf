fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        // The generated constructor `connect` would clash with the call of that name; whoever dials brings a channel.
        .build_transport(false)
        .bytes(".")
        .compile_protos(&["proto/link.proto"], &["proto"])
}
