//! zstd: one frame with a checksum.
//!
//! Promises: the frame is ended by [`Zstd::finish`] and by nothing else. Refuses to know: where it goes.

use std::io::{self, Write};

use zstd_safe::{CCtx, CParameter, ErrorCode, InBuffer, OutBuffer};

/// A compressor that writes into `out`.
pub(super) struct Zstd<B> {
    engine: CCtx<'static>,
    buffer: Vec<u8>,
    out: B,
}

/// The lowest and the highest level the library knows.
pub(super) fn levels() -> (i64, i64) {
    (i64::from(zstd_safe::min_c_level()), i64::from(zstd_safe::max_c_level()))
}

impl<B: Write> Zstd<B> {
    pub(super) fn new(out: B, level: i32) -> io::Result<Self> {
        let mut engine = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        for parameter in [CParameter::CompressionLevel(level), CParameter::ChecksumFlag(true)] {
            engine.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Self { engine, buffer: vec![0; CCtx::out_size()], out })
    }

    pub(super) fn finish(mut self) -> io::Result<B> {
        loop {
            let mut to = OutBuffer::around(self.buffer.as_mut_slice());
            let left = self.engine.end_stream(&mut to).map_err(failed)?;
            self.out.write_all(to.as_slice())?;
            if left == 0 {
                return Ok(self.out);
            }
        }
    }
}

impl<B: Write> Write for Zstd<B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut from = InBuffer::around(bytes);
        while from.pos() < bytes.len() {
            let mut to = OutBuffer::around(self.buffer.as_mut_slice());
            self.engine.compress_stream(&mut to, &mut from).map_err(failed)?;
            self.out.write_all(to.as_slice())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(code: ErrorCode) -> io::Error {
    io::Error::other(format!("zstd cannot compress: {}", zstd_safe::get_error_name(code)))
}
