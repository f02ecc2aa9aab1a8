//! The way in for fuzzing: all that reads someone else's JSON, without a run around it.

use super::{FhirReader, fhir_bundle_subject, single::Collected, stream};
use crate::Limits;

/// Reads bytes as bulk NDJSON, as one document and as one patient's document. It returns, whatever the bytes.
#[doc(hidden)]
pub fn fuzz_fhir(bytes: &[u8]) {
    let limits = Limits { max_line_bytes: 1 << 16, max_document_bytes: 1 << 16, ..Limits::default() };
    let _ = stream::layout(bytes);
    let reader = FhirReader::new(&limits);
    let mut sink = Collected::default();
    // The sink takes everything, so that reading never fails.
    let _ = reader.read_lines("fuzz", 1, bytes, &mut sink);
    let _ = reader.read_document("fuzz", bytes, &mut sink);
    for fact in sink.subjects.values_mut().flatten() {
        let _ = reader.complete_medication(fact);
    }
    let _ = fhir_bundle_subject(bytes, &limits);
}
