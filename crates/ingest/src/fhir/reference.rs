//! References: the same resource has the same key however it is pointed at.

/// What a reference's text points at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// A resource, by its id or the UUID that stands for it, with its type where the reference says it.
    Resource { kind: Option<&'a str>, id: &'a str },
    /// A resource contained in the same one.
    Contained(&'a str),
    /// A search (`Patient?identifier=…`), or nothing.
    Unresolvable,
}

/// Reads `Type/id`, `Type/id/_history/version`, absolute URLs of these, `urn:uuid:…`, `urn:oid:…` and `#id`.
///
/// The server of an absolute URL is not part of the key: a run reads one institution's export, and the same
/// patient is pointed at both ways in it.
pub(super) fn target(reference: &str) -> Target<'_> {
    if let Some(id) = reference.strip_prefix('#') {
        return if id.is_empty() { Target::Unresolvable } else { Target::Contained(id) };
    }
    if let Some(id) = reference.strip_prefix("urn:uuid:").or_else(|| reference.strip_prefix("urn:oid:")) {
        return if id.is_empty() { Target::Unresolvable } else { Target::Resource { kind: None, id } };
    }
    if reference.contains('?') {
        return Target::Unresolvable;
    }
    let path = reference.split_once("/_history/").map_or(reference, |(path, _version)| path);
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((before, id)) if !id.is_empty() => {
            let kind = before.rsplit('/').next().filter(|kind| !kind.is_empty());
            Target::Resource { kind, id }
        }
        None if !path.is_empty() && !path.contains([':', '/']) => Target::Resource { kind: None, id: path },
        _ => Target::Unresolvable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_reference_share_the_id() {
        for form in [
            "Patient/p-1",
            "https://ehr.example/fhir/R4/Patient/p-1",
            "Patient/p-1/_history/3",
            "/Patient/p-1",
        ] {
            assert_eq!(target(form), Target::Resource { kind: Some("Patient"), id: "p-1" }, "{form}");
        }
        assert_eq!(target("urn:uuid:p-1"), Target::Resource { kind: None, id: "p-1" });
        assert_eq!(target("#m"), Target::Contained("m"));
        for nothing in ["", "#", "urn:uuid:", "Patient?identifier=a|b", "mailto:x", "/"] {
            assert_eq!(target(nothing), Target::Unresolvable, "{nothing}");
        }
    }
}
