//! The shared Synthea bundles, read in place, one after another.

use super::chart::resources;
use crate::support::shared_data;
use serde_json::Value;
use std::io::Read;

/// Calls `each` with every `step`th patient's file name and bundle. False, after a word about it, if the data is absent.
pub fn each_bundle(step: usize, mut each: impl FnMut(&str, Value)) -> bool {
    let Some(data) = shared_data() else { return false };
    let file = std::fs::File::open(data.join("fhir-r4-synthea-bundles.tar.zst")).expect("the archive opens");
    let mut archive = tar::Archive::new(zstd::stream::read::Decoder::new(file).unwrap());
    for (place, entry) in archive.entries().unwrap().enumerate() {
        let mut entry = entry.unwrap();
        if place % step != 0 || !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        // One file of the archive is no patient's.
        if let Ok(bundle) = serde_json::from_slice::<Value>(&text)
            && resources(&bundle, "Patient").next().is_some()
        {
            each(&name, bundle);
        }
    }
    true
}
