//! What each stage costs: instructions a byte and an entry, counted by valgrind, and whether that stays the same as archives grow.
//!
//! Under `cargo test --benches` only the fitting is checked. See benches/README.md.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what this is for")]

#[path = "../data/archive.rs"]
mod archive;
mod count;
mod fit;
#[path = "../data/shapes.rs"]
mod shapes;
#[path = "../data/wrap.rs"]
mod wrap;

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use count::Work;
use fit::{Line, Point};
use wrap::{Gpg, Wrapper};

/// Members of the archives with large ones, and of those with small ones.
const LARGE: [u64; 3] = [8, 16, 32];
const SMALL: [u64; 3] = [1_000, 2_000, 4_000];
const PLAIN: Work = Work::Verify("none");

/// OpenPGP that does nothing but encrypt, with a cheap key: what the key of a usual one takes is the same for any size.
const OPENPGP: Wrapper = Wrapper::Gpg(Gpg { deflated: false, piped: true, octets: 1 << 20 });

fn main() -> ExitCode {
    let done = if !std::env::args().any(|argument| argument == "--bench") {
        fit::check().map_err(Into::into).map(|()| println!("the fitting finds what it was given"))
    } else if !wrap::is_installed("valgrind") {
        println!("skipped: valgrind is not installed");
        Ok(())
    } else {
        Costs::new().and_then(|mut costs| costs.all())
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What was made and counted so far.
struct Costs {
    folder: PathBuf,
    counted: HashMap<(String, &'static str), u64>,
}

/// An archive, by its name in the folder.
#[derive(Debug, Clone)]
struct Made {
    name: String,
    content_bytes: usize,
    entries: u64,
}

impl Costs {
    fn new() -> Result<Self, Box<dyn Error>> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target folder")?;
        let folder = target.join("costs");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        wrap::prepare(&folder)?;
        Ok(Self { folder, counted: HashMap::new() })
    }

    fn all(&mut self) -> Result<(), Box<dyn Error>> {
        println!(
            "Instructions of veritar {}, one thread, counted by valgrind. valgrind has no SHA, VAES and AVX-512 instructions: what\n\
             hashes and decrypts is the code for processors without them.\n",
            env!("CARGO_PKG_VERSION")
        );
        let mut large = Vec::new();
        for count in LARGE {
            large.push(self.plain(format!("large-{count}.tar"), shapes::large(count).collect())?);
        }
        let mut all = large.clone();
        for count in SMALL {
            all.push(self.plain(format!("small-{count}.tar"), shapes::small(count).collect())?);
        }
        self.stages(&all)?;
        self.layers(&large)?;
        std::fs::remove_dir_all(&self.folder)?;
        Ok(())
    }

    fn plain(&self, name: String, sizes: Vec<usize>) -> Result<Made, Box<dyn Error>> {
        let (content_bytes, entries) = (sizes.iter().sum(), sizes.len() as u64);
        std::fs::write(self.folder.join(&name), archive::write(Vec::new(), sizes.into_iter(), shapes::path)?)?;
        Ok(Made { name, content_bytes, entries })
    }

    /// The work on a plain archive: by bytes and by entries.
    fn stages(&mut self, archives: &[Made]) -> Result<(), Box<dyn Error>> {
        println!("| stage | start | a byte of content | an entry | worst point off the line |\n|---|---|---|---|---|");
        let works = [
            ("list", Work::List),
            ("verify --hash none", PLAIN),
            ("verify --hash sha256", Work::Verify("sha256")),
            ("verify --hash blake3", Work::Verify("blake3")),
        ];
        for (name, work) in works {
            let mut points = Vec::new();
            for made in archives {
                let sum = self.count(work, &made.name)?;
                points.push(Point { amounts: vec![made.content_bytes as f64, made.entries as f64], sum });
            }
            let line = Line::through(&points).ok_or("the archives are too much alike")?;
            let [start, byte, entry] = line.costs[..] else { return Err("no line through bytes and entries".into()) };
            println!("| {name} | {start:.0} | {byte:.2} | {entry:.0} | {:.1} % |", line.worst * 100.0);
        }
        println!();
        Ok(())
    }

    /// What a layer costs over what is inside it, by the bytes that come out of it; then layers on layers.
    fn layers(&mut self, archives: &[Made]) -> Result<(), Box<dyn Error>> {
        println!("| layer | start | a byte that comes out | worst point off the line |\n|---|---|---|---|");
        let plain: Vec<String> = archives.iter().map(|made| made.name.clone()).collect();
        let zipped = self.layer("gzip", Wrapper::Gzip, &plain)?.0;
        let twice = self.layer("gzip around gzip", Wrapper::Gzip, &zipped)?.0;
        self.layer("zstd", Wrapper::Zstd, &plain)?;
        self.layer("xz", Wrapper::Xz, &plain)?;
        let (sealed, openpgp) = self.layer("OpenPGP, AES-256, not compressed", OPENPGP, &plain)?;
        let Some(openpgp) = openpgp else { return Ok(()) };
        println!(
            "\nOpenPGP around other layers: what the line above says of it, added to what is inside.\n\n\
             | around | bytes | expected | counted | counted / expected |\n|---|---|---|---|---|"
        );
        for (name, inner) in [("gzip", &zipped), ("gzip around gzip", &twice), ("OpenPGP", &sealed)] {
            for inside in inner {
                let bytes = self.bytes(inside)?;
                let expected = self.count(PLAIN, inside)? + openpgp.at(&[bytes]);
                let outside = self.wrap(OPENPGP, inside)?;
                let counted = self.count(PLAIN, &outside)?;
                println!("| {name} | {bytes:.0} | {expected:.0} | {counted:.0} | {:.3} |", counted / expected);
            }
        }
        Ok(())
    }

    /// Puts a layer around each of these and prints the line through what it costs; the names of what was made, and the line.
    fn layer(
        &mut self,
        name: &str,
        wrapper: Wrapper,
        inner: &[String],
    ) -> Result<(Vec<String>, Option<Line>), Box<dyn Error>> {
        if let Some(program) = wrapper.program().filter(|program| !wrap::is_installed(program)) {
            println!("| {name} | skipped: {program} is not installed | | |");
            return Ok((Vec::new(), None));
        }
        let mut outer = Vec::new();
        let mut points = Vec::new();
        for inside in inner {
            let outside = self.wrap(wrapper, inside)?;
            let sum = self.count(PLAIN, &outside)? - self.count(PLAIN, inside)?;
            points.push(Point { amounts: vec![self.bytes(inside)?], sum });
            outer.push(outside);
        }
        let line = Line::through(&points).ok_or("the archives are too much alike")?;
        println!("| {name} | {:.0} | {:.2} | {:.1} % |", line.costs[0], line.costs[1], line.worst * 100.0);
        Ok((outer, Some(line)))
    }

    fn wrap(&self, wrapper: Wrapper, inside: &str) -> Result<String, Box<dyn Error>> {
        let suffix = match wrapper {
            Wrapper::Gzip => "gz",
            Wrapper::Zstd => "zst",
            Wrapper::Xz => "xz",
            Wrapper::Gpg(_) => "gpg",
        };
        let outside = format!("{inside}.{suffix}");
        wrapper.wrap(&self.folder, inside, &outside)?;
        Ok(outside)
    }

    fn bytes(&self, name: &str) -> Result<f64, Box<dyn Error>> {
        Ok(std::fs::metadata(self.folder.join(name))?.len() as f64)
    }

    /// The same work on the same archive is counted once.
    fn count(&mut self, work: Work, name: &str) -> Result<f64, Box<dyn Error>> {
        let key = (name.to_owned(), if let Work::Verify(hash) = work { hash } else { "list" });
        if let Some(&counted) = self.counted.get(&key) {
            return Ok(counted as f64);
        }
        let counted = count::instructions(&self.folder, work, name)?;
        self.counted.insert(key, counted);
        Ok(counted as f64)
    }
}
