# Every recipe is one line over what can be typed without `just`.

# What there is
default:
    @just --list

# Start the server over ./letopis-data
run *ARGS:
    cargo run --release --bin letopis -- {{ARGS}}

# Formatting, lints, documents, every test
test *ARGS:
    scripts/test {{ARGS}}

# How fast it is on this machine
bench *ARGS:
    cargo build --release -p load && cargo run --release --bin letopis -- bench {{ARGS}}

# Accept the stored shapes of events as they are now
accept:
    INSTA_UPDATE=always cargo test -p domain

# What is published of this version: tarball, Debian package, debug information, SBOM, checksums
release:
    scripts/release
