//! stub
use super::*;
pub fn recognise(_head: &[u8]) -> Option<()> {
    None
}
pub fn open(
    _inner: Box<dyn Layer>,
    _d: crate::place::Depth,
    _l: &crate::limits::Limits,
    _u: &mut dyn crate::secret::Unlock,
) -> io::Result<Opening> {
    Err(io::Error::other("stub"))
}
