//! From a passphrase to a key (S2K, RFC 9580, section 3.7).
//!
//! Promises: the same keys as sequoia-openpgp for every kind; the iterated kind with SHA-1 or SHA-2, which is what
//! writers use, hashes large buffers with the processor's own instructions, several hashes at a time where a key needs
//! more than one. Refuses to know: which packet asked and whether the passphrase was right.

use std::fmt;

use sequoia_openpgp::crypto::{Password, S2K};
use sequoia_openpgp::parse::Parse as _;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Octets hashed below which a key is called weak; gpg's default is 65,011,712, sequoia's the same.
const WEAK_BELOW_OCTETS: u32 = 1_000_000;

/// Bytes of the buffer that is hashed over and over.
const BUFFER_BYTES: usize = 64 << 10;

/// Octets from which on a second hash is worth a thread of its own.
const THREAD_ABOVE_OCTETS: u32 = 4 << 20;

/// One way from a passphrase to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S2k {
    kind: Kind,
    /// The specifier as it stands in the packet: what sequoia-openpgp derives from where this file does not.
    octets: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Simple { hash: u8 },
    Salted { hash: u8 },
    Iterated { hash: u8, salt: [u8; 8], octets: u32 },
    Argon2 { passes: u8, lanes: u8, memory_exponent: u8 },
}

impl S2k {
    /// Reads a specifier from the front of `input`; gives it and what follows.
    ///
    /// # Errors
    /// What is wrong with it, as words for a message.
    pub(super) fn parse(input: &[u8]) -> Result<(Self, &[u8]), Refusal> {
        let (kind, used) = match *input {
            [0, hash, ..] => (Kind::Simple { hash }, 2),
            [1, hash, _, _, _, _, _, _, _, _, ..] => (Kind::Salted { hash }, 10),
            [3, hash, a, b, c, d, e, f, g, h, count, ..] => {
                (Kind::Iterated { hash, salt: [a, b, c, d, e, f, g, h], octets: octets_of(count) }, 11)
            }
            [4, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, passes, lanes, memory_exponent, ..] => {
                (Kind::Argon2 { passes, lanes, memory_exponent }, 20)
            }
            [0 | 1 | 3 | 4, ..] | [] => return Err(Refusal::Short),
            [kind, ..] => return Err(Refusal::Unknown(format!("S2K type {kind}"))),
        };
        if let Kind::Simple { hash } | Kind::Salted { hash } | Kind::Iterated { hash, .. } = kind
            && hash_name(hash).is_none()
        {
            return Err(Refusal::Unknown(format!("S2K hash algorithm {hash}")));
        }
        if let Kind::Argon2 { passes, lanes, memory_exponent } = kind {
            // RFC 9580, section 3.7.1.4: eight KiB for each lane, and no more than an exponent of 31.
            let least = 3_u32.saturating_add(u32::from(lanes).next_power_of_two().trailing_zeros());
            if passes == 0 || lanes == 0 || !(least..=31).contains(&memory_exponent.into()) {
                return Err(Refusal::Impossible);
            }
        }
        let (octets, rest) = input.split_at_checked(used).ok_or(Refusal::Short)?;
        Ok((Self { kind, octets: octets.to_vec() }, rest))
    }

    /// Whether little work stands between a passphrase and its key.
    pub(super) fn is_weak(&self) -> bool {
        match self.kind {
            Kind::Simple { .. } | Kind::Salted { .. } => true,
            Kind::Iterated { octets, .. } => octets < WEAK_BELOW_OCTETS,
            Kind::Argon2 { .. } => false,
        }
    }

    /// Bytes of memory the derivation takes, counted once for each pass over them; 0 where it is not worth counting.
    pub(super) fn memory_passes_bytes(&self) -> u64 {
        match self.kind {
            Kind::Argon2 { passes, memory_exponent, .. } => {
                1024_u64.saturating_mul(2_u64.saturating_pow(memory_exponent.into())).saturating_mul(passes.into())
            }
            _ => 0,
        }
    }

    /// Derives a key of `key_bytes` bytes; `None` where sequoia-openpgp refuses the parameters.
    pub(super) fn derive(&self, passphrase: &Secret, key_bytes: usize) -> Option<Zeroizing<Vec<u8>>> {
        if let Kind::Iterated { hash, salt, octets } = self.kind {
            let work = Work { salt, octets, passphrase: passphrase.reveal() };
            match hash {
                2 => return Some(work.key::<Sha1>(key_bytes)),
                8 => return Some(work.key::<Sha256>(key_bytes)),
                9 => return Some(work.key::<Sha384>(key_bytes)),
                10 => return Some(work.key::<Sha512>(key_bytes)),
                11 => return Some(work.key::<Sha224>(key_bytes)),
                _ => {}
            }
        }
        self.derive_slowly(passphrase, key_bytes)
    }

    /// The same by sequoia-openpgp: every kind and every hash, the fast ones' slow twin.
    fn derive_slowly(&self, passphrase: &Secret, key_bytes: usize) -> Option<Zeroizing<Vec<u8>>> {
        let s2k = S2K::from_bytes(&self.octets).ok()?;
        let key = s2k.derive_key(&Password::from(passphrase.reveal()), key_bytes).ok()?;
        Some(Zeroizing::new(key.as_ref().to_vec()))
    }
}

impl fmt::Display for S2k {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |hash| hash_name(hash).unwrap_or("unknown hash");
        match self.kind {
            Kind::Simple { hash } => write!(f, "simple {}", name(hash)),
            Kind::Salted { hash } => write!(f, "salted {}", name(hash)),
            Kind::Iterated { hash, octets, .. } => write!(f, "iterated {}, {octets} octets", name(hash)),
            Kind::Argon2 { passes, lanes, memory_exponent } => {
                write!(f, "Argon2id, {passes} passes, {lanes} lanes, 2^{memory_exponent} KiB")
            }
        }
    }
}

/// Why a specifier is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It ends too early.
    Short,
    /// Its parameters cannot be.
    Impossible,
    /// It names something that is not known here.
    Unknown(String),
}

/// The count of the iterated kind, packed into an octet (RFC 9580, section 3.7.1.3).
fn octets_of(count: u8) -> u32 {
    let mantissa = u32::from(count & 15).saturating_add(16);
    mantissa << u32::from(count >> 4).saturating_add(6)
}

/// Hashes by number (RFC 9580, section 9.5), as far as sequoia-openpgp derives keys with them.
fn hash_name(hash: u8) -> Option<&'static str> {
    Some(match hash {
        1 => "MD5",
        2 => "SHA-1",
        3 => "RIPEMD-160",
        8 => "SHA-256",
        9 => "SHA-384",
        10 => "SHA-512",
        11 => "SHA-224",
        12 => "SHA3-256",
        14 => "SHA3-512",
        _ => return None,
    })
}

/// The iterated kind, carried out.
#[derive(Clone, Copy)]
struct Work<'a> {
    salt: [u8; 8],
    octets: u32,
    passphrase: &'a [u8],
}

impl Work<'_> {
    /// As many hashes as the key needs, the nth preloaded with n zeros, one after the other (RFC 9580, section 3.7.1.1).
    fn key<D: Digest>(self, key_bytes: usize) -> Zeroizing<Vec<u8>> {
        let hash_bytes = <D as Digest>::output_size().max(1);
        let hashes = key_bytes.div_ceil(hash_bytes);
        let mut key = Zeroizing::new(vec![0; hashes.saturating_mul(hash_bytes)]);
        let buffer = self.repeated();
        rayon::scope(|threads| {
            for (zeros, part) in key.chunks_mut(hash_bytes).enumerate().rev() {
                let buffer: &[u8] = &buffer;
                if zeros > 0 && self.octets > THREAD_ABOVE_OCTETS {
                    threads.spawn(move |_| self.hash::<D>(zeros, buffer, part));
                } else {
                    self.hash::<D>(zeros, buffer, part);
                }
            }
        });
        key.truncate(key_bytes);
        key
    }

    /// Salt and passphrase, over and over, in a buffer made once at its full size so that no copy is left behind.
    fn repeated(self) -> Zeroizing<Vec<u8>> {
        let unit_bytes = self.salt.len().saturating_add(self.passphrase.len());
        let times = BUFFER_BYTES.div_ceil(unit_bytes.max(1));
        let mut buffer = Zeroizing::new(Vec::with_capacity(times.saturating_mul(unit_bytes)));
        for _ in 0..times {
            buffer.extend_from_slice(&self.salt);
            buffer.extend_from_slice(self.passphrase);
        }
        buffer
    }

    fn hash<D: Digest>(self, zeros: usize, buffer: &[u8], part: &mut [u8]) {
        let unit_bytes = self.salt.len().saturating_add(self.passphrase.len());
        // Salt and passphrase are hashed whole at least once, whatever the count says.
        let mut left = usize::try_from(self.octets).unwrap_or(usize::MAX).max(unit_bytes);
        let mut digest = D::new();
        (0..zeros).for_each(|_| digest.update([0]));
        while left > 0 {
            let piece = buffer.get(..left).unwrap_or(buffer);
            digest.update(piece);
            left = left.saturating_sub(piece.len());
        }
        part.copy_from_slice(&digest.finalize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specifier(hash: u8, count: u8) -> S2k {
        let octets = [&[3, hash][..], b"saltsalt", &[count]].concat();
        let (s2k, rest) = S2k::parse(&octets).expect("a specifier");
        assert!(rest.is_empty());
        s2k
    }

    #[test]
    fn the_fast_twin_agrees_with_sequoia() {
        let long = "x".repeat(3_000);
        for hash in [2, 8, 9, 10, 11] {
            for passphrase in ["", "secret", "a longer passphrase with spaces", &long] {
                let passphrase = Secret::new(passphrase.into());
                for count in [0, 1, 60, 96, 97] {
                    for key_bytes in [16, 24, 32] {
                        let s2k = specifier(hash, count);
                        let fast = s2k.derive(&passphrase, key_bytes);
                        assert_eq!(fast, s2k.derive_slowly(&passphrase, key_bytes), "{s2k}, {key_bytes}");
                        assert_eq!(fast.map(|key| key.len()), Some(key_bytes));
                    }
                }
            }
        }
    }

    #[test]
    fn hashes_on_threads_agree_too() {
        let (s2k, passphrase) = (specifier(2, 0xb0), Secret::new(b"secret".to_vec()));
        assert!(octets_of(0xb0) > 0 && octets_of(0xd0) > THREAD_ABOVE_OCTETS);
        let s2k_threads = specifier(2, 0xd0);
        for s2k in [s2k, s2k_threads] {
            assert_eq!(s2k.derive(&passphrase, 32), s2k.derive_slowly(&passphrase, 32), "{s2k}");
        }
    }

    #[test]
    fn counts_are_those_of_the_rfc() {
        assert_eq!(octets_of(0), 1_024);
        assert_eq!(octets_of(96), 65_536);
        assert_eq!(octets_of(255), 65_011_712);
    }

    #[test]
    fn every_kind_is_read_described_and_judged() {
        let (simple, rest) = S2k::parse(&[0, 2, 9, 9]).expect("simple");
        assert_eq!((simple.to_string().as_str(), simple.is_weak(), rest), ("simple SHA-1", true, &[9, 9][..]));
        let (salted, _) = S2k::parse(&[1, 8, 1, 2, 3, 4, 5, 6, 7, 8]).expect("salted");
        assert_eq!((salted.to_string().as_str(), salted.is_weak()), ("salted SHA-256", true));
        assert_eq!(specifier(2, 255).to_string(), "iterated SHA-1, 65011712 octets");
        assert!(!specifier(2, 255).is_weak() && specifier(8, 96).is_weak());
        let mut argon = vec![4; 1];
        argon.extend_from_slice(&[7; 16]);
        argon.extend_from_slice(&[1, 4, 21]);
        let (argon, _) = S2k::parse(&argon).expect("argon2");
        assert_eq!((argon.memory_passes_bytes(), argon.is_weak()), (2 << 30, false));
        for impossible in [[0, 4, 21], [1, 0, 21], [1, 4, 4], [1, 5, 5], [1, 4, 32]] {
            let octets = [&[4][..], &[7; 16], &impossible].concat();
            assert_eq!(S2k::parse(&octets), Err(Refusal::Impossible), "{impossible:?}");
        }
        assert_eq!(S2k::parse(&[3, 2, 1]), Err(Refusal::Short));
        assert_eq!(S2k::parse(&[]), Err(Refusal::Short));
        assert_eq!(S2k::parse(&[101, 2]), Err(Refusal::Unknown("S2K type 101".into())));
        assert_eq!(S2k::parse(&[0, 77]), Err(Refusal::Unknown("S2K hash algorithm 77".into())));
    }

    #[test]
    fn no_debug_output_shows_a_passphrase() {
        assert_eq!(format!("{:?}", Secret::new(b"secret".to_vec())), "Secret(..)");
    }
}
