//! Which members the archives have that are measured from outside: a few large ones, or many small ones.

use crate::archive::Seed;

/// Sizes from a few KB to 650 KB, about 268 KB in the mean.
pub(crate) fn large(count: u64) -> impl Iterator<Item = usize> {
    let mut seed = Seed(11);
    (0..count).map(move |_| {
        let share = [1, 10, 50, 100, 100, 100, 200, 240][seed.below(8) as usize];
        share * 2690 + seed.below(2048) as usize
    })
}

/// Sizes from 400 to 1,400 bytes.
pub(crate) fn small(count: u64) -> impl Iterator<Item = usize> {
    let mut seed = Seed(13);
    (0..count).map(move |_| 400 + seed.below(1001) as usize)
}

/// A path that no probe of the built-in rule sets asks for.
pub(crate) fn path(index: usize) -> String {
    format!("data/dir{:03}/member-{index:06}.dat", index % 200)
}
