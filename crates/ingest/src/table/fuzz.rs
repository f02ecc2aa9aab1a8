//! Any bytes, read as a mapping and a table.

use super::Mapping;
use crate::{Input, rows::Quiet};
use std::io::Cursor;

/// A mapping of every kind of rule, for bytes that bring none.
const EVERYTHING: &str = r#"
name = "fuzz"
index = "2000-01-01"
[[table]]
files = ["*"]
subject = { row = { column = "a", is = "id", value = "b" } }
missing = ["-1", "NA"]
[[table.event]]
when = { column = "a", is_not = ["id", ""] }
code = { column = "a", system = "S", before = "(", after = "-", codes = { x = { code = "S//X", minimum = 0, maximum = 9 } } }
time = { clock = "c" }
value = "b"
unit = { column = "d" }
[[table.event]]
code = "MEDS_BIRTH"
time = { years_before = "b", from_column = "c" }
[[table.event]]
code = "S//Y"
time = { timestamp = "c", format = ["%d/%m/%Y %H:%M", "%y"] }
value = { column = "d", text = true }
id = "d"
[[table.wide]]
time = { days = "c" }
columns = { b = { answers = { "1" = "S//YES" } }, d = "S//D" }
[[table.identity]]
kind = "name"
column = ["b", "d"]
[[table.label]]
task = "t"
time = { hours = "b" }
column = "d"
true = ["1"]
false = ["0"]
"#;

/// Reads what stands before the first zero byte as a mapping, and the rest as a file by it, and by a mapping that
/// has every kind of rule.
pub fn fuzz_mapping(bytes: &[u8]) {
    let (mapping, file) = match memchr::memchr(0, bytes) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, bytes),
    };
    let own = std::str::from_utf8(mapping).ok().and_then(|text| Mapping::from_toml(text).ok());
    for mapping in own.into_iter().chain(Mapping::from_toml(EVERYTHING)) {
        let input = Input {
            safe_name: "file".to_owned(),
            table_name: "file.csv".to_owned(),
            reader: Box::new(Cursor::new([b"a,b,c,d\n", file].concat())),
        };
        // Whether a file can be read at all is not asked here: only that nothing panics.
        let _ = mapping.read(input, &mut Quiet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapping_of_every_rule_is_sound() {
        Mapping::from_toml(EVERYTHING).unwrap();
    }
}
