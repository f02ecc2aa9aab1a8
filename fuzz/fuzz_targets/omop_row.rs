#![no_main]
//! Any bytes, read as a table of the OMOP CDM.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzz_omop_row(bytes));
