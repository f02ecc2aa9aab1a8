//! Which side of de-identification a value is on, told by its type.

use std::fmt;

/// A value from an identified record. It prints as `‹redacted›`, so that no log, error or panic message can
/// carry it by accident; whoever needs the value says [`Identified::expose`].
#[derive(Clone, Default)]
pub struct Identified<T>(T);

impl<T> Identified<T> {
    /// Marks a value as identified.
    pub fn new(value: T) -> Self {
        Identified(value)
    }

    /// The value itself. Only readers of sources and `deid` have a reason to ask.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, owned.
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Another identified value computed from this one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Identified<U> {
        Identified(f(self.0))
    }
}

impl<T> fmt::Debug for Identified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

impl<T> fmt::Display for Identified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

/// A value that went through `deid`. Everything downstream of it asks for this type.
///
/// There are three honest ways to have one: `deid` made it, or it was read back from a directory whose manifest
/// was verified, or it was made from a seed and is nobody's. All call [`Deidentified::vouch`], which clippy
/// disallows everywhere else.
#[derive(Clone, Debug, PartialEq)]
pub struct Deidentified<T>(T);

impl<T> Deidentified<T> {
    /// States that `value` is de-identified. The caller answers for it.
    pub fn vouch(value: T) -> Self {
        Deidentified(value)
    }

    /// The value, owned.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Another de-identified value computed from this one alone.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Deidentified<U> {
        Deidentified(f(self.0))
    }
}

impl<T> std::ops::Deref for Deidentified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identified_never_prints() {
        let name = Identified::new("Ann Canary");
        assert_eq!(format!("{name} {name:?} {:?}", Some(&name)), "‹redacted› ‹redacted› Some(‹redacted›)");
    }
}
