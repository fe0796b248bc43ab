//! Tar archives block by block, well-formed or not.

/// An archive being put together.
#[derive(Clone, Default)]
pub struct Tarball(pub Vec<u8>);

/// A header's fields, with those of an ordinary file as defaults.
#[derive(Clone)]
pub struct Header<'a> {
    pub name: &'a [u8],
    pub mode: &'a [u8],
    pub size: Vec<u8>,
    pub mtime: u64,
    pub typeflag: u8,
    pub link: &'a [u8],
    pub magic: &'a [u8; 8],
    pub owner: &'a [u8],
    pub prefix: &'a [u8],
    pub signed_checksum: bool,
}

pub const USTAR: &[u8; 8] = b"ustar\x0000";
pub const GNU: &[u8; 8] = b"ustar  \0";
pub const V7: &[u8; 8] = b"\0\0\0\0\0\0\0\0";

impl Default for Header<'_> {
    fn default() -> Self {
        Self {
            name: b"",
            mode: b"0000600",
            size: octal(0),
            mtime: 0,
            typeflag: b'0',
            link: b"",
            magic: USTAR,
            owner: b"",
            prefix: b"",
            signed_checksum: false,
        }
    }
}

pub fn octal(value: u64) -> Vec<u8> {
    format!("{value:011o}").into_bytes()
}

impl Header<'_> {
    pub fn block(&self) -> [u8; 512] {
        let mut block = [0_u8; 512];
        let mut put = |at: usize, field: &[u8]| block[at..at + field.len()].copy_from_slice(field);
        put(0, self.name);
        put(100, self.mode);
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, &self.size);
        put(136, &octal(self.mtime));
        put(148, b"        ");
        put(156, &[self.typeflag]);
        put(157, self.link);
        put(257, self.magic);
        put(265, self.owner);
        put(297, self.owner);
        put(345, self.prefix);
        let sum: i64 = if self.signed_checksum {
            block.iter().map(|byte| i64::from(*byte as i8)).sum()
        } else {
            block.iter().map(|byte| i64::from(*byte)).sum()
        };
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

impl Tarball {
    pub fn header(mut self, header: &Header<'_>) -> Self {
        self.0.extend_from_slice(&header.block());
        self
    }

    /// Content and its padding.
    pub fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: &str, content: &[u8]) -> Self {
        let header = Header { name: name.as_bytes(), size: octal(content.len() as u64), ..Header::default() };
        self.header(&header).content(content)
    }

    pub fn directory(self, name: &str) -> Self {
        self.header(&Header { name: name.as_bytes(), mode: b"0000700", typeflag: b'5', ..Header::default() })
    }

    /// An extension header with its payload.
    pub fn extension(self, typeflag: u8, payload: &[u8]) -> Self {
        let header = Header { name: b"extension", size: octal(payload.len() as u64), typeflag, ..Header::default() };
        self.header(&header).content(payload)
    }

    pub fn pax(self, records: &[(&str, &str)]) -> Self {
        self.extension(b'x', &pax_records(records))
    }

    pub fn zeros(mut self, blocks: usize) -> Self {
        self.0.resize(self.0.len() + blocks * 512, 0);
        self
    }

    /// The end marker.
    pub fn end(self) -> Vec<u8> {
        self.zeros(2).0
    }
}

/// pax records, each with the length that counts itself.
pub fn pax_records(records: &[(&str, &str)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        payload.extend_from_slice(format!("{length}{rest}").as_bytes());
    }
    payload
}
