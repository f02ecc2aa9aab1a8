//! FHIR's data types as JSON carries them: only the elements that are read, borrowed from the text.
//!
//! An element that may repeat is a [`List`], which also takes `null` and a single object: exporters write both.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

/// Text, borrowed unless it holds escapes.
#[derive(Clone, Default)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words<'a>(PhantomData<Text<'a>>);
        impl<'de: 'a, 'a> Visitor<'de> for Words<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Words(PhantomData))
    }
}

/// A repeating element.
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> List<T> {
    pub(super) fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array or an object")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<List<T>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = sequence.next_element::<Option<T>>()? {
                    elements.extend(element);
                }
                Ok(List(elements))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|element| List(vec![element]))
            }
            fn visit_unit<E>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }
        }
        deserializer.deserialize_any(Elements(PhantomData))
    }
}

/// `Coding`.
#[derive(Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Coding<'a> {
    pub system: Option<Text<'a>>,
    pub code: Option<Text<'a>>,
    pub display: Option<Text<'a>>,
}

/// `CodeableConcept`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Concept<'a> {
    pub coding: List<Coding<'a>>,
}

impl Concept<'_> {
    /// Does any coding carry one of these codes? For statuses, whose systems are fixed.
    pub(super) fn is_any_of(&self, codes: &[&str]) -> bool {
        self.coding.iter().any(|coding| coding.code.as_deref().is_some_and(|code| codes.contains(&code)))
    }
}

/// `Reference`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Reference<'a> {
    pub reference: Option<Text<'a>>,
}

/// `Period`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Period<'a> {
    pub start: Option<Text<'a>>,
    pub end: Option<Text<'a>>,
}

/// `Quantity`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Quantity<'a> {
    pub value: Option<f64>,
    pub unit: Option<Text<'a>>,
    pub system: Option<Text<'a>>,
    pub code: Option<Text<'a>>,
}

/// `Attachment`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Attachment<'a> {
    pub content_type: Option<Text<'a>>,
    pub data: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_take_what_exporters_write() {
        let codes = |json: &str| {
            let concept: Concept<'_> = sonic_rs::from_str(json).unwrap();
            concept.coding.iter().filter_map(|c| c.code.as_deref().map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(codes(r#"{"coding":[{"code":"a"},null,{"code":"b\n"}]}"#), ["a", "b\n"]);
        assert_eq!(codes(r#"{"coding":{"code":"a"}}"#), ["a"]);
        assert!(codes(r#"{"coding":null}"#).is_empty() && codes("{}").is_empty());
    }
}
