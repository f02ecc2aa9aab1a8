#![no_main]
//! Any bytes, read as bulk NDJSON, as one document, and as one patient's.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzz_fhir(bytes));
