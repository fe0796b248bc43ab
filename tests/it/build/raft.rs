//! Raft logs, snapshots and key files, written from the definitions of etcd's `wal` and `snap` and of Swarm's records: what
//! the probes read, from the other side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// etcd makes a log file ready at this size.
pub const FILE_BYTES: usize = 64_000_000;

/// CRC-32C by its polynomial, bit by bit.
pub fn crc32c(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg()))
    })
}

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7F {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field that is a number.
pub fn number(field: u8, value: u64) -> Vec<u8> {
    [vec![field << 3], varint(value)].concat()
}

/// A field that is bytes.
pub fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], varint(value.len() as u64), value.to_vec()].concat()
}

/// A log file in the making.
#[derive(Clone)]
pub struct Wal {
    pub bytes: Vec<u8>,
    /// The running checksum.
    pub crc: u32,
    /// Where each record begins.
    pub records: Vec<usize>,
}

impl Wal {
    /// Begins a file as `cut` in etcd does: with the checksum of the one before and who writes.
    pub fn new(carried: u32, node: &str) -> Self {
        let mut wal = Self { bytes: Vec::new(), crc: carried, records: Vec::new() };
        wal.put(4, carried, None);
        let member = [number(1, 77), bytes(2, node.as_bytes()), bytes(3, b"127.0.0.1:2377"), bytes(4, b"")].concat();
        wal.record(1, &member)
    }

    /// The first file of a log.
    pub fn first(node: &str) -> Self {
        Self::new(0, node).snapshot(0, 0)
    }

    fn put(&mut self, kind: u64, crc: u32, data: Option<&[u8]>) {
        let mut record = [number(1, kind), number(2, u64::from(crc))].concat();
        if let Some(data) = data {
            record.extend_from_slice(&bytes(3, data));
        }
        self.records.push(self.bytes.len());
        let padding = (8 - record.len() % 8) % 8;
        let top = if padding == 0 { 0 } else { 0x80 | padding as u64 };
        self.bytes.extend_from_slice(&(record.len() as u64 | top << 56).to_le_bytes());
        self.bytes.extend_from_slice(&record);
        self.bytes.extend(std::iter::repeat_n(0, padding));
    }

    pub fn record(mut self, kind: u64, data: &[u8]) -> Self {
        self.crc = crc32c(self.crc, data);
        self.put(kind, self.crc, Some(data));
        self
    }

    pub fn entry(self, index: u64, term: u64, data: &[u8]) -> Self {
        let content = if data.is_empty() { Vec::new() } else { bytes(4, data) };
        self.record(2, &[number(1, 0), number(2, term), number(3, index), content].concat())
    }

    /// Entries `from..=to` in term 2, each sealed with `key`.
    pub fn entries(self, from: u64, to: u64, key: &[u8]) -> Self {
        (from..=to)
            .fold(self, |wal, index| wal.entry(index, 2, &sealed(key, index, format!("entry {index}").as_bytes())))
    }

    pub fn state(self, term: u64, commit: u64) -> Self {
        self.record(3, &[number(1, term), number(2, 77), number(3, commit)].concat())
    }

    pub fn snapshot(self, index: u64, term: u64) -> Self {
        self.record(5, &[number(1, index), number(2, term)].concat())
    }

    /// With room behind the last record, less than etcd leaves.
    pub fn spare(mut self) -> Vec<u8> {
        self.bytes.resize((self.bytes.len() + 4096).next_multiple_of(512), 0);
        self.bytes
    }

    /// At its full size.
    pub fn full(mut self) -> Vec<u8> {
        self.bytes.resize(FILE_BYTES, 0);
        self.bytes
    }
}

/// A record of Swarm's, encrypted with NaCl's secretbox.
pub fn sealed(key: &[u8], nonce: u64, content: &[u8]) -> Vec<u8> {
    use crypto_secretbox::aead::{Aead as _, KeyInit as _};
    let mut long = [0x5A; 24];
    long[..8].copy_from_slice(&nonce.to_le_bytes());
    let data = crypto_secretbox::XSalsa20Poly1305::new_from_slice(key).unwrap().encrypt(&long.into(), content).unwrap();
    [number(1, 1), bytes(2, &data), bytes(3, &long)].concat()
}

/// A snapshot file.
pub fn snapshot(term: u64, index: u64, data: &[u8]) -> Vec<u8> {
    let metadata = [bytes(1, &number(1, 77)), number(2, index), number(3, term)].concat();
    let inner = [bytes(1, data), bytes(2, &metadata)].concat();
    [number(1, u64::from(crc32c(0, &inner))), bytes(2, &inner)].concat()
}

/// A key file with these headers, each a name and a record.
pub fn key_file(label: &str, headers: &[(&str, Vec<u8>)]) -> String {
    let headers: String =
        headers.iter().map(|(name, record)| format!("{name}: {}\n", STANDARD.encode(record))).collect();
    let body = STANDARD.encode([7; 48]);
    format!("-----BEGIN {label}-----\nkek-version: 3\n{headers}\n{body}\n-----END {label}-----\n")
}

/// A record of Swarm's that is not encrypted.
pub fn clear(content: &[u8]) -> Vec<u8> {
    bytes(2, content)
}
