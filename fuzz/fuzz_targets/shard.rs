#![no_main]
//! Any bytes, opened and read through as a shard of a timeline.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| timeline::fuzz_shard(bytes));
