//! The block ciphers OpenPGP knows, each in CFB mode over whole blocks.
//!
//! Promises: many blocks at a time, so that the processor's own instructions are kept busy; a key of the wrong length is
//! refused; key schedules are zeroed when dropped. Refuses to know: where keys come from and what is decrypted.

use cfb_mode::Decryptor;
use cipher::inout::InOutBuf;
use cipher::{BlockCipherEncrypt, BlockModeDecrypt, BlockSizeUser, InnerIvInit, KeyInit};
use zeroize::Zeroizing;

/// Bytes of the largest block.
pub(super) const BLOCK_BYTES_MAX: usize = 16;

/// A cipher by its number (RFC 9580, section 9.3).
#[derive(Clone, Copy)]
pub(super) struct Cipher {
    pub(super) name: &'static str,
    pub(super) key_bytes: usize,
    pub(super) block_bytes: usize,
    start: Start,
}

/// Makes a decryption of a key and the block of ciphertext before.
type Start = fn(&[u8], &[u8]) -> Option<Box<dyn Cfb>>;

impl Cipher {
    /// The cipher with this number, if it is one that is read here.
    pub(super) fn find(number: u8) -> Option<Self> {
        let (name, key_bytes, block_bytes, start): (_, _, _, Start) = match number {
            1 => ("IDEA", 16, 8, start::<idea::Idea>),
            2 => ("3DES", 24, 8, start::<des::TdesEde3>),
            3 => ("CAST5", 16, 8, start::<cast5::Cast5>),
            4 => ("Blowfish", 16, 8, start::<blowfish::Blowfish>),
            7 => ("AES-128", 16, 16, start::<aes::Aes128>),
            8 => ("AES-192", 24, 16, start::<aes::Aes192>),
            9 => ("AES-256", 32, 16, start::<aes::Aes256>),
            10 => ("Twofish", 32, 16, start::<twofish::Twofish>),
            11 => ("Camellia-128", 16, 16, start::<camellia::Camellia128>),
            12 => ("Camellia-192", 24, 16, start::<camellia::Camellia192>),
            13 => ("Camellia-256", 32, 16, start::<camellia::Camellia256>),
            _ => return None,
        };
        Some(Self { name, key_bytes, block_bytes, start })
    }

    /// Decryption under `key`, after the block of ciphertext `before`: zeros at the beginning of a message.
    pub(super) fn cfb(&self, key: &[u8], before: &[u8]) -> Option<Box<dyn Cfb>> {
        if key.len() != self.key_bytes {
            return None;
        }
        (self.start)(key, before.get(..self.block_bytes)?)
    }

    /// Decrypts a few bytes that need not fill a block, after the block of ciphertext `before`.
    pub(super) fn cfb_short(&self, key: &[u8], before: &[u8], input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut padded = input.to_vec();
        padded.resize(input.len().next_multiple_of(self.block_bytes), 0);
        let mut output = Zeroizing::new(vec![0; padded.len()]);
        self.cfb(key, before)?.blocks(&padded, &mut output);
        output.truncate(input.len());
        Some(output)
    }
}

/// A cipher at some place in a message.
pub(super) trait Cfb: Send {
    /// Decrypts whole blocks: both slices have the same length, a multiple of the cipher's block.
    fn blocks(&mut self, input: &[u8], output: &mut [u8]);
}

struct Running<C: BlockCipherEncrypt>(Decryptor<C>);

impl<C: BlockCipherEncrypt + Send> Cfb for Running<C>
where
    Decryptor<C>: Send,
{
    fn blocks(&mut self, input: &[u8], output: &mut [u8]) {
        let Ok(both) = InOutBuf::new(input, output) else { return };
        let (blocks, _) = both.into_chunks::<<C as BlockSizeUser>::BlockSize>();
        self.0.decrypt_blocks_inout(blocks);
    }
}

fn start<C: BlockCipherEncrypt + KeyInit + Send + 'static>(key: &[u8], before: &[u8]) -> Option<Box<dyn Cfb>>
where
    Decryptor<C>: Send,
{
    let cipher = C::new_from_slice(key).ok()?;
    Some(Box::new(Running(Decryptor::<C>::inner_iv_slice_init(cipher, before).ok()?)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, clippy::arithmetic_side_effects, reason = "test data is made, not read")]
    use super::*;

    /// The slow twin: one block at a time, each keystream block from the block of ciphertext before it.
    fn slow<C: BlockCipherEncrypt + KeyInit>(key: &[u8], input: &[u8]) -> Vec<u8> {
        let cipher = C::new_from_slice(key).expect("a key");
        let mut stream = cipher::Block::<C>::default();
        let mut output = Vec::new();
        for block in input.chunks(stream.len()) {
            cipher.encrypt_block(&mut stream);
            output.extend(block.iter().zip(&stream).map(|(cipher, key)| cipher ^ key));
            stream[..block.len()].copy_from_slice(block);
        }
        output
    }

    fn check<C: BlockCipherEncrypt + KeyInit>(number: u8) {
        let cipher = Cipher::find(number).expect("known");
        let key: Vec<u8> = (0..cipher.key_bytes).map(|i| (i * 7 + 3) as u8).collect();
        let input: Vec<u8> = (0..cipher.block_bytes * 100).map(|i| (i * i / 5) as u8).collect();
        let mut cfb = cipher.cfb(&key, &[0; BLOCK_BYTES_MAX]).expect("a cipher");
        let mut output = vec![0; input.len()];
        let (first, rest) = input.split_at(cipher.block_bytes * 3);
        let (first_out, rest_out) = output.split_at_mut(first.len());
        cfb.blocks(first, first_out);
        cfb.blocks(rest, rest_out);
        assert_eq!(output, slow::<C>(&key, &input), "{}", cipher.name);
        let short = cipher.cfb_short(&key, &[0; BLOCK_BYTES_MAX], &input[..21]).expect("a cipher");
        assert_eq!(*short, output[..21], "{}", cipher.name);
    }

    #[test]
    fn whole_blocks_agree_with_one_block_at_a_time() {
        check::<idea::Idea>(1);
        check::<des::TdesEde3>(2);
        check::<cast5::Cast5>(3);
        check::<blowfish::Blowfish>(4);
        check::<aes::Aes128>(7);
        check::<aes::Aes192>(8);
        check::<aes::Aes256>(9);
        check::<twofish::Twofish>(10);
        check::<camellia::Camellia128>(11);
        check::<camellia::Camellia192>(12);
        check::<camellia::Camellia256>(13);
    }

    #[test]
    fn keys_of_the_wrong_length_and_unknown_numbers_are_refused() {
        let aes = Cipher::find(9).expect("known");
        assert!(aes.cfb(&[0; 16], &[0; 16]).is_none());
        assert!(aes.cfb(&[0; 32], &[0; 8]).is_none());
        assert!([0, 5, 6, 14, 100, 255].iter().all(|number| Cipher::find(*number).is_none()));
    }
}
