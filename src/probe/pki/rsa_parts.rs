//! The eight numbers of an RSA key, held against each other.
//!
//! Promises: every change of one of them is found, for each stands in an equation with the others. Numbers are zeroed when
//! dropped, but for what the arithmetic leaves behind. Refuses to know: whether the primes are prime.

use rsa::BigUint;
use zeroize::Zeroizing;

/// Checks modulus, both exponents, both primes, their exponents and the coefficient (RFC 8017, 3.2); big-endian.
///
/// # Errors
/// The first equation that does not hold.
#[expect(clippy::arithmetic_side_effects, reason = "numbers of any size, and no divisor that is zero")]
pub(super) fn check(numbers: &[&[u8]; 8]) -> Result<(), &'static str> {
    let [n, e, d, p, q, dp, dq, qi] = numbers.map(|bytes| Zeroizing::new(BigUint::from_bytes_be(bytes)));
    let one = BigUint::from(1_u8);
    if *p <= one || *q <= one {
        return Err("a prime of the RSA key is none");
    }
    if &*p * &*q != *n {
        return Err("the modulus of the RSA key is not the product of its primes");
    }
    let (p1, q1) = (Zeroizing::new(&*p - &one), Zeroizing::new(&*q - &one));
    let ed = Zeroizing::new(&*e * &*d);
    // Modulo one, everything is zero.
    if &*ed % &*p1 != &one % &*p1 || &*ed % &*q1 != &one % &*q1 {
        return Err("the private exponent of the RSA key is not the inverse of the public one");
    }
    if *dp != &*d % &*p1 || *dq != &*d % &*q1 {
        return Err("the primes' exponents of the RSA key are not those of its private exponent");
    }
    if (&*qi * &*q) % &*p != one || *qi >= *p {
        return Err("the coefficient of the RSA key is not that of its primes");
    }
    Ok(())
}
