//! How much of anything the input may ask for.
//!
//! Promises: every length, count, depth and ratio that comes from the input is held against one of these numbers before
//! it is used; each has a name, a reason, and can be set. Refuses to know: who spends them.

use std::fmt;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident : $name:literal = $value:expr;)+) => {
        /// The limits of one run. Sizes are bytes.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $value,)+ }
            }
        }

        impl Limits {
            /// Every limit's name, default value and reason, in the order of declaration.
            pub const ALL: &'static [(&'static str, u64, &'static str)] =
                &[$(($name, $value, concat!($($doc),+)),)+];

            /// Sets the limit called `name`.
            ///
            /// # Errors
            /// [`UnknownLimit`] where no limit has that name.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), UnknownLimit> {
                match name {
                    $($name => self.$field = value,)+
                    _ => return Err(UnknownLimit(name.to_owned())),
                }
                Ok(())
            }
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

limits! {
    /// Bytes of extension headers (pax records, GNU long names) before one member. Go caps special files at 1 MiB, tar-core at 1 MiB per entry.
    extension_bytes: "extension-bytes" = MIB;
    /// Extension headers pending before one member; tar-core allows 16.
    extension_headers: "extension-headers" = 16;
    /// Sparse regions of one member; tar-core allows 10,000.
    sparse_regions: "sparse-regions" = 10_000;
    /// Bytes of holes in sparse members that are hashed or written as zeros, of the whole archive: they cost nothing to store, and half a second a gigabyte to hash.
    hole_bytes: "hole-bytes" = 16 * GIB;
    /// Bytes of a path past which a warning is given: PATH_MAX on Linux.
    path_bytes_warn: "path-bytes-warn" = 4 * KIB;
    /// Bytes of a path past which the archive fails.
    path_bytes: "path-bytes" = 64 * KIB;
    /// Components of a path; node-tar allows 1,024.
    path_depth: "path-depth" = 1_024;
    /// Wrappers inside each other around one archive.
    layers: "layers" = 4;
    /// Archives inside archives that are gone into.
    nested_archives: "nested-archives" = 4;
    /// Containers inside each other in one OpenPGP message; gpg and sequoia allow more, no backup needs it.
    openpgp_nesting: "openpgp-nesting" = 4;
    /// Session-key packets of one OpenPGP message; each may cost a third of a second.
    openpgp_session_keys: "openpgp-session-keys" = 64;
    /// Bytes of an OpenPGP packet that is read whole (session keys, signatures).
    openpgp_packet_bytes: "openpgp-packet-bytes" = MIB;
    /// Bytes of a sealed chunk in an OpenPGP message: it must be held whole before it can be checked. RFC 9580 allows 4 MiB, GnuPG was able to write more.
    openpgp_chunk_bytes: "openpgp-chunk-bytes" = 64 * MIB;
    /// Decompressed bytes for each compressed byte, over a sliding window. Zero-filled database files reach 1,000 legitimately: raise it for them.
    ratio: "ratio" = 1_000;
    /// Decompressed bytes before `ratio` is looked at.
    ratio_after_bytes: "ratio-after-bytes" = 64 * MIB;
    /// Decompressed bytes of one layer in all; 0 is no limit.
    output_bytes: "output-bytes" = 0;
    /// Bytes of the window an xz, lzip or zstd decoder may ask for; `xz -9` asks for 64 MiB, zstd's own program allows 128 MiB.
    decoder_memory: "decoder-memory" = 128 * MIB;
    /// Findings of one code kept apart; further ones are counted.
    findings_per_code: "findings-per-code" = 100;
    /// Paths remembered to notice a member that stands twice.
    unique_paths: "unique-paths" = 16 * MIB;
    /// Bytes of the paths and targets of symbolic links remembered to notice a member that is written through one.
    symlink_bytes: "symlink-bytes" = 64 * MIB;
    /// Symbolic links followed for one path; Linux follows 40.
    symlink_steps: "symlink-steps" = 40;
    /// Bytes of a member that a probe holds whole: PEM, JSON.
    probe_bytes: "probe-bytes" = 16 * MIB;
    /// Bytes of one Raft log, or of one snapshot, that are held until the key is known that opens them; the oldest entries are let go first.
    raft_held_bytes: "raft-held-bytes" = 32 * MIB;
    /// Pages of a bbolt database that are remembered, at 40 bytes each, and of references between them eight times as many: with pages of 4 KiB, 16 GiB of it. etcd advises against more than 8 GiB.
    bbolt_pages: "bbolt-pages" = 4 * MIB;
    /// Pages of a bbolt database that claim the same bytes and are read side by side: free ones lie under those that were written later.
    bbolt_overlaps: "bbolt-overlaps" = 64;
    /// Names and references among the members of an archive that are remembered to notice one that leads nowhere.
    references: "references" = 1_000_000;
    /// Numbers of members in a row (rows of tables) that are remembered to notice one that is missing, a bit each.
    group_numbers: "group-numbers" = 64 * MIB;
    /// Members whose keys, certificates and logs are kept until they can be held against each other.
    evidence: "evidence" = 16 * KIB;
    /// Certificates in one member: the bundle of all public CAs has 150.
    certificates: "certificates" = 256;
    /// Bytes of memory for the members that `rules init` drafts rules from: their paths and 256 more each.
    draft_bytes: "draft-bytes" = 256 * MIB;
    /// Bytes of a rule file.
    rule_file_bytes: "rule-file-bytes" = MIB;
    /// Memory an Argon2 key derivation may ask for; rPGP allows 2 GiB.
    argon2_bytes: "argon2-bytes" = 2 * GIB;
}

/// No limit has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLimit(pub String);

impl fmt::Display for UnknownLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no limit is called {:?}; the names are", self.0)?;
        for (index, (name, ..)) in Limits::ALL.iter().enumerate() {
            write!(f, "{} {name}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownLimit {}
