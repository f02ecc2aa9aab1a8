#![no_main]
//! Any bytes, read as what a server says during a bulk export.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fetch::bulk::fuzz_export(bytes);
});
