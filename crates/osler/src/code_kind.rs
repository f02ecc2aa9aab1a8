//! What sort of thing a code of a model's vocabulary stands for.

use serve::CodeKind;
use timeline::Entry;

/// By its coding system, and, where that has codes of all kinds, by what the records that it was learned from took it for.
pub fn code_kind(entry: &Entry) -> CodeKind {
    match CodeKind::of(entry.code.as_str()) {
        CodeKind::Condition if entry.is_procedure => CodeKind::Procedure,
        kind => kind,
    }
}
