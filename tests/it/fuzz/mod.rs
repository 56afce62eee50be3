//! What fuzzing found, and what it starts from, run again without a fuzzer.
//!
//! A corpus is a folder of `tests/data/fuzz`, called like its target. `tests/fuzz/run` hunts for more.

pub(crate) mod targets;

use crate::support::stores;
use std::path::Path;

#[test]
fn every_input_of_every_corpus_keeps_its_promise() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz");
    for target in targets::ALL {
        let inputs = stores::files(&corpora.join(target.name));
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for input in inputs {
            eprintln!("{}", input.display());
            (target.run)(&std::fs::read(&input).unwrap());
        }
    }
}
