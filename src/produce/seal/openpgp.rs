//! OpenPGP encryption: session-key packets, then one encrypted packet with one literal packet in it.
//!
//! ```text
//! PKESK … SKESK … SEIPD( literal( the archive ) )
//! ```
//! The session-key packets are those of sequoia-openpgp, asked for here and not by its `Encryptor`, which would take
//! version 2 by itself where all certificates allow it, keep the passphrases until the end, and borrow the keys for as
//! long. An encrypted packet of version 1 is ours (`seipd1`), one of version 2 sequoia's.
//!
//! Promises: AES-256; a key from a passphrase costs what gpg makes it cost; nothing is compressed; the literal packet has
//! neither name nor date; parts of a packet have 256 KiB and more, so that every reader takes them. Refuses to know: what
//! is in the archive.

use std::io::{self, Write};

use sequoia_openpgp::crypto::{Password, S2K, SessionKey};
use sequoia_openpgp::packet::key::{PublicParts, UnspecifiedRole};
use sequoia_openpgp::packet::pkesk::{PKESK3, PKESK6};
use sequoia_openpgp::packet::skesk::{SKESK4, SKESK6};
use sequoia_openpgp::packet::{Key, PKESK, SKESK};
use sequoia_openpgp::serialize::Marshal as _;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message};
use sequoia_openpgp::types::{AEADAlgorithm, DataFormat, HashAlgorithm, SymmetricAlgorithm};
use sequoia_openpgp::{Packet, anyhow};

use super::recipients::recipients;
use super::seipd1::Seipd1;
use super::trouble::{Trouble, because};
use super::valve::Valve;
use super::{Format, Lock};
use crate::limits::Limits;
use crate::secret::Secret;

const CIPHER: SymmetricAlgorithm = SymmetricAlgorithm::AES256;
const HASH: HashAlgorithm = HashAlgorithm::SHA256;

/// Octets hashed for a passphrase: gpg's count where it is not calibrated to less, and the most the format can say.
const S2K_OCTETS: u32 = 65_011_712;

/// The one mode every reader of version 2 has.
const AEAD: AEADAlgorithm = AEADAlgorithm::OCB;

/// All that may open a message, looked at and found fit.
pub(super) struct Keys<'a> {
    passphrases: &'a [Secret],
    recipients: Vec<Key<PublicParts, UnspecifiedRole>>,
    format: Format,
}

impl<'a> Keys<'a> {
    /// The keys of `lock`.
    pub(super) fn of(lock: &'a Lock) -> Result<Self, Trouble> {
        let passphrases = lock.passphrases.as_slice();
        if passphrases.is_empty() && lock.certificates.is_empty() {
            return Err(Trouble::NoKey);
        }
        for passphrase in passphrases.iter().map(Secret::reveal) {
            if passphrase.is_empty() {
                return Err(Trouble::PassphraseEmpty);
            }
            if passphrase.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
                return Err(Trouble::PassphraseLines);
            }
        }
        let recipients = recipients(&lock.certificates, lock.format)?;
        let count = passphrases.len().saturating_add(recipients.len());
        let most = Limits::default().openpgp_session_keys;
        if u64::try_from(count).unwrap_or(u64::MAX) > most {
            return Err(Trouble::TooManyKeys { count, most });
        }
        Ok(Self { passphrases, recipients, format: lock.format })
    }

    /// Begins the message.
    pub(super) fn lock<W: Write + Send + 'static>(&self, valve: &Valve<W>) -> Result<Locked<W>, Trouble> {
        // Everything that can fail without the writer is done first.
        let session = SessionKey::new(CIPHER.key_size().map_err(refused)?).map_err(refused)?;
        let packets = self.session_key_packets(&session).map_err(refused)?;
        if self.format == Format::SeipdV1 {
            let mut out = valve.share();
            let body = Seipd1::new(valve.share(), &session)?;
            let serialized = packets.iter().try_for_each(|packet| packet.serialize(&mut out));
            serialized.map_err(|error| Trouble::Write(valve.fail(io_error(error))))?;
            return Ok(Locked::V1(Box::new(body)));
        }
        let begin = || {
            let mut message = Message::new(valve.share());
            for packet in packets {
                packet.serialize(&mut message)?;
            }
            let encryptor = Encryptor::with_session_key(message, CIPHER, session)?.aead_algo(AEAD);
            LiteralWriter::new(encryptor.build()?).format(DataFormat::Binary).build()
        };
        let message = begin().map_err(|error: anyhow::Error| Trouble::Write(valve.fail(io_error(error))))?;
        Ok(Locked::V2(message))
    }

    fn session_key_packets(&self, session: &SessionKey) -> sequoia_openpgp::Result<Vec<Packet>> {
        let mut packets = Vec::new();
        for key in &self.recipients {
            let packet: PKESK = match self.format {
                Format::SeipdV1 => PKESK3::for_recipient(CIPHER, session, key)?.into(),
                Format::SeipdV2 => PKESK6::for_recipient(session, key)?.into(),
            };
            packets.push(packet.into());
        }
        for passphrase in self.passphrases {
            let (password, s2k) = (Password::from(passphrase.reveal()), S2K::new_iterated(HASH, S2K_OCTETS)?);
            let packet: SKESK = match self.format {
                Format::SeipdV1 => SKESK4::with_password(CIPHER, CIPHER, s2k, session, &password)?.into(),
                Format::SeipdV2 => SKESK6::with_password(CIPHER, CIPHER, AEAD, s2k, session, &password)?.into(),
            };
            packets.push(packet.into());
        }
        Ok(packets)
    }
}

/// A message that is being written.
pub(super) enum Locked<W: Write + Send + 'static> {
    V1(Box<Seipd1<Valve<W>>>),
    V2(Message<'static>),
}

impl<W: Write + Send + 'static> Locked<W> {
    /// Ends it.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::V1(body) => body.finish(),
            Self::V2(message) => message.finalize().map_err(io_error),
        }
    }
}

impl<W: Write + Send + 'static> Write for Locked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::V1(body) => body.write(bytes),
            Self::V2(message) => message.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::V1(body) => body.flush(),
            Self::V2(message) => message.flush(),
        }
    }
}

/// The error of a writer below as it was, any other in words.
fn io_error(error: anyhow::Error) -> io::Error {
    error.downcast::<io::Error>().unwrap_or_else(|error| io::Error::other(because(&error)))
}

fn refused(error: anyhow::Error) -> Trouble {
    Trouble::OpenPgp(because(&error))
}
