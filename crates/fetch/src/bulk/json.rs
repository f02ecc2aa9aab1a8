//! Whether a line is a JSON object (RFC 8259), told while its bytes come: a line may be larger than what should be held of it.

/// The deepest nesting that is taken. What is open is remembered, so that it must have an end.
const MAX_DEPTH: usize = 1_000;

/// A line under way.
#[derive(Default)]
pub(super) struct Line {
    expects: Expects,
    /// Of what is open, from the outside: is it an object, rather than an array?
    open: Vec<bool>,
}

#[derive(Clone, Copy, Default)]
enum Expects {
    /// The object: nothing but white space came.
    #[default]
    Object,
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
    /// More of a string, or its end.
    Text(Of),
    Escape(Of),
    Hex(Of, u8),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
    Number(Number),
    /// Nothing more: the object is closed.
    Nothing,
    /// Nothing that would help.
    Wrong,
}

/// What a string is.
#[derive(Clone, Copy)]
enum Of {
    Name,
    Value,
}

/// What came last of a number.
#[derive(Clone, Copy)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Line {
    /// Looks at more of it.
    pub(super) fn look(&mut self, bytes: &[u8]) {
        let mut expects = self.expects;
        let mut at = 0;
        while at < bytes.len() {
            if let Expects::Text(_) = expects {
                // Most of a record is words, in which two bytes alone mean something.
                let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
                match bytes[at..].iter().position(ends) {
                    Some(plain) => at += plain,
                    None => break,
                }
            }
            expects = self.after(expects, bytes[at]);
            at += 1;
        }
        self.expects = expects;
    }

    /// Ends it: was it an object? `None` if it was blank. What comes then is the next one.
    pub(super) fn end(&mut self) -> Option<bool> {
        self.open.clear();
        match std::mem::take(&mut self.expects) {
            Expects::Object => None,
            expects => Some(matches!(expects, Expects::Nothing)),
        }
    }

    fn after(&mut self, expects: Expects, byte: u8) -> Expects {
        use Expects::*;
        match (expects, byte) {
            (
                Object | Value | ValueOrEnd | Name | NameOrEnd | Colon | CommaOrEnd | Nothing,
                b' ' | b'\t' | b'\r',
            ) => expects,
            (Object, b'{') => self.opened(true),
            (ValueOrEnd, b']') => self.closed(false),
            (Value | ValueOrEnd, _) => self.begun(byte),
            (Name | NameOrEnd, b'"') => Text(Of::Name),
            (NameOrEnd, b'}') => self.closed(true),
            (Colon, b':') => Value,
            (CommaOrEnd, b',') => match self.open.last() {
                Some(true) => Name,
                _ => Value,
            },
            (CommaOrEnd, b'}') => self.closed(true),
            (CommaOrEnd, b']') => self.closed(false),
            (Text(Of::Name), b'"') => Colon,
            (Text(Of::Value), b'"') => CommaOrEnd,
            (Text(text), b'\\') => Escape(text),
            (Text(_), 0x20..) => expects,
            (Escape(text), b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Text(text),
            (Escape(text), b'u') => Hex(text, 4),
            (Hex(text, 1), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => Text(text),
            (Hex(text, left), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => Hex(text, left - 1),
            (Word([next]), _) if *next == byte => CommaOrEnd,
            (Word([next, rest @ ..]), _) if *next == byte => Word(rest),
            (Number(number), _) => match number.after(byte) {
                Some(more) => Number(more),
                None if number.is_whole() => self.after(CommaOrEnd, byte),
                None => Wrong,
            },
            _ => Wrong,
        }
    }

    fn begun(&mut self, byte: u8) -> Expects {
        match byte {
            b'{' => self.opened(true),
            b'[' => self.opened(false),
            b'"' => Expects::Text(Of::Value),
            b't' => Expects::Word(b"rue"),
            b'f' => Expects::Word(b"alse"),
            b'n' => Expects::Word(b"ull"),
            b'-' => Expects::Number(Number::Minus),
            b'0' => Expects::Number(Number::Zero),
            b'1'..=b'9' => Expects::Number(Number::Integer),
            _ => Expects::Wrong,
        }
    }

    fn opened(&mut self, is_object: bool) -> Expects {
        if self.open.len() == MAX_DEPTH {
            return Expects::Wrong;
        }
        self.open.push(is_object);
        if is_object { Expects::NameOrEnd } else { Expects::ValueOrEnd }
    }

    fn closed(&mut self, is_object: bool) -> Expects {
        match self.open.pop() {
            Some(was) if was != is_object => Expects::Wrong,
            _ if self.open.is_empty() => Expects::Nothing,
            _ => Expects::CommaOrEnd,
        }
    }
}

impl Number {
    fn after(self, byte: u8) -> Option<Number> {
        use Number::*;
        Some(match (self, byte) {
            (Minus, b'0') => Zero,
            (Minus, b'1'..=b'9') | (Integer, b'0'..=b'9') => Integer,
            (Zero | Integer, b'.') => Point,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Zero | Integer | Fraction, b'e' | b'E') => E,
            (E, b'+' | b'-') => Sign,
            (E | Sign | Exponent, b'0'..=b'9') => Exponent,
            _ => return None,
        })
    }

    fn is_whole(self) -> bool {
        matches!(self, Number::Zero | Number::Integer | Number::Fraction | Number::Exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fuzz::mutate::mutated;
    use super::*;
    use serde::de::IgnoredAny;

    fn read(line: &[u8], piece: usize) -> Option<bool> {
        let mut read = Line::default();
        line.chunks(piece).for_each(|piece| read.look(piece));
        read.end()
    }

    #[test]
    fn a_line_is_an_object_where_another_reader_says_so() {
        let seeds = [
            r#" { "a" : [ 1 , -0.5e+10 , 1E-2 , 0 , "\u00e9\"\\\/\b\f\n\r\t" , true , false , null , {} , [] ] , "" : { "b" : "c" } } "#,
            r#"{"resourceType":"Observation","id":"7","valueQuantity":{"value":6.10,"unit":"%"},"status":"final"}"#,
            r#"{"a":[[[{"b":[-1,0.0,10e2]}]]],"c":{"d":{"e":[]}},"f":"Zürich"}"#,
        ];
        let seeds = seeds.map(|seed| seed.as_bytes().to_vec());
        let (mut objects, mut others) = (0, 0);
        mutated(&seeds, 40_000, 1, |bytes| {
            for line in bytes.split(|byte| *byte == b'\n') {
                let begins = line.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
                let is_object =
                    begins.map(|byte| *byte == b'{' && serde_json::from_slice::<IgnoredAny>(line).is_ok());
                for piece in [1, 3, line.len().max(1)] {
                    assert_eq!(read(line, piece), is_object, "{:?}", line.escape_ascii().to_string());
                }
                *(if is_object == Some(true) { &mut objects } else { &mut others }) += 1;
            }
        });
        assert!(objects > 100 && others > 1_000, "{objects} objects, {others} others");
    }

    #[test]
    fn every_object_ends_and_none_nests_without_end() {
        let nested = |depth: usize| format!("{}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let nested = |depth: usize| nested(depth).replace(":}", ":1}");
        assert_eq!(read(nested(MAX_DEPTH).as_bytes(), 7), Some(true));
        assert_eq!(read(nested(MAX_DEPTH + 1).as_bytes(), 7), Some(false));
        let whole = br#"{"a":{"b":[1,{"c":"}"}]},"d":true}"#;
        assert!((1..whole.len()).all(|cut| read(&whole[..cut], 5) == Some(false)));
        let mut line = Line::default();
        line.look(b"{\"a\":[");
        assert_eq!((line.end(), line.end()), (Some(false), None), "each line begins anew");
    }
}
