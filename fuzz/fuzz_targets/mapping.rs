#![no_main]
//! Any bytes, read as a mapping file and a table by it.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzz_mapping(bytes));
