# What developers run. `.ci/run` runs the same.

# everything below, but for benchmarks and fuzzing
ci: check test tidy doc deny

# format and lint
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# all tests
test:
    cargo test --locked

# the invariants of ARCHITECTURE.md alone
tidy:
    cargo test --locked --test tidy

# documentation without warnings
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# licences, sources, advisories
deny:
    cargo deny check

# benchmarks of veritar's own stages
bench:
    cargo bench --locked --bench whole --bench frames

# veritar beside the programs that people use today; benches/README.md says which rows there are
peers *rows:
    cargo bench --locked --bench peers -- {{rows}}

# instructions a byte and an entry, by valgrind
costs:
    cargo bench --locked --bench costs

# every fuzz target for so many seconds
fuzz seconds="60":
    fuzz/run {{seconds}}

# write the corpus and the pages that are made from the source
write:
    VERITAR_WRITE_CORPUS=1 cargo test --test it the_corpus_is_what_the_generator_makes
    VERITAR_WRITE_DOCS=1 cargo test --test tidy the_page_of_findings_is_the_catalogue
    VERITAR_WRITE_DOCS=1 cargo test --test it who_notices_what
