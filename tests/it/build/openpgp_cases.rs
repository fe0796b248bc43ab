//! Archives of `corpus/` in OpenPGP beyond what Go wrote: sealed chunk by chunk, unprotected, no message at all.

use super::products::{self, pack};
use super::sealed::{Form, Sealed, bare, literal, packet};
use super::{gzip, passphrase};

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let (secret, dtr) = (passphrase(), gzip(&pack(&products::dtr())));
    let seipd2 = Sealed { passphrase: &secret, form: Form::Seipd2, mode: 2, cipher: 9, exponent: 0 };
    let gnupg = Sealed { form: Form::Packet20, cipher: 7, exponent: 16, ..seipd2 };
    let content = literal(&dtr);
    let ocb = seipd2.of(&content);
    let key_packet = 6 + usize::from(ocb[5]);
    // The sealed packet's body, changed and framed anew.
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = ocb[key_packet + 6..].to_vec();
        change(&mut body);
        [&ocb[..key_packet], &packet(18, &body)].concat()
    };
    let cleartext = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nbackup finished\n-----BEGIN PGP SIGNATURE-----\n\n\
                     wsC7BAABCgBvBYJ\n-----END PGP SIGNATURE-----\n";
    let key =
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxUsGY4d/4xsAAAAg+U2nu0jWCmHl\n-----END PGP PRIVATE KEY BLOCK-----\n";
    // Two signatures of version 4 that nobody could check, and nothing they are over.
    let signature = packet(2, &[&[4, 0, 1, 8, 0, 0, 0, 0, 0x12, 0x34, 0, 8][..], &[0xA5; 8]].concat());
    vec![
        ("odd/dtr-aead-eax.tar.gz.pgp", Sealed { mode: 1, ..seipd2 }.of(&content)),
        ("odd/dtr-aead-gcm.tar.gz.pgp", Sealed { mode: 3, ..seipd2 }.of(&content)),
        ("odd/dtr-gnupg-ocb.tar.gz.gpg", gnupg.of(&content)),
        ("bad/aead-last-chunk-missing.tar.gz.pgp", {
            let last = (content.len() - 1) % 64 + 1;
            changed(&|body| drop(body.drain(body.len() - 16 - last - 16..body.len() - 16)))
        }),
        ("bad/aead-first-chunk-flipped.tar.gz.pgp", changed(&|body| body[40] ^= 1)),
        ("bad/aead-end-missing.tar.gz.pgp", ocb[..ocb.len() - 100].to_vec()),
        ("bad/aead-other-passphrase.tar.gz.pgp", Sealed { passphrase: b"another", ..seipd2 }.of(&content)),
        ("bad/aead-chunk-of-a-gigabyte.tar.gz.gpg", Sealed { exponent: 24, ..gnupg }.of(&content)),
        ("bad/aead-old-session-key.tar.gz.pgp", [packet(3, &[4, 9, 0, 8]), ocb[key_packet..].to_vec()].concat()),
        ("bad/aead-zlib-damaged.tar.pgp", seipd2.of(&packet(8, &[&[2, 0x78, 0x9C][..], &[0xFF; 40]].concat()))),
        ("bad/packet-9.tar.gz.pgp", bare(&secret, &content)),
        ("bad/cleartext-signed.tar.asc", cleartext.into()),
        ("bad/secret-key.tar.asc", key.into()),
        ("bad/detached-signature.tar.sig", [&signature[..], &signature].concat()),
        ("odd/signed-in-front.tar.gz.pgp", [signature, content].concat()),
    ]
}
