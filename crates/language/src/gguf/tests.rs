use super::*;
use proptest::prelude::*;

/// Writes GGUF files.
#[derive(Default)]
pub(crate) struct Writer {
    values: Vec<u8>,
    value_count: u64,
    described: Vec<u8>,
    tensor_count: u64,
    data: Vec<u8>,
}

fn text(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as u64).to_le_bytes());
    into.extend(text.as_bytes());
}

impl Writer {
    fn value(&mut self, name: &str, kind: u32, bytes: &[u8]) -> &mut Self {
        self.value_count += 1;
        text(&mut self.values, name);
        self.values.extend(kind.to_le_bytes());
        self.values.extend(bytes);
        self
    }
    pub(crate) fn size(&mut self, name: &str, value: u32) -> &mut Self {
        self.value(name, 4, &value.to_le_bytes())
    }
    pub(crate) fn number(&mut self, name: &str, value: f32) -> &mut Self {
        self.value(name, 6, &value.to_le_bytes())
    }
    pub(crate) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.value(name, 7, &[u8::from(value)])
    }
    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        let mut bytes = Vec::new();
        text(&mut bytes, value);
        self.value(name, 8, &bytes)
    }
    pub(crate) fn texts(&mut self, name: &str, values: &[String]) -> &mut Self {
        let mut bytes = [8_u32.to_le_bytes().as_slice(), &(values.len() as u64).to_le_bytes()].concat();
        values.iter().for_each(|value| text(&mut bytes, value));
        self.value(name, 9, &bytes)
    }
    pub(crate) fn integers(&mut self, name: &str, values: &[i32]) -> &mut Self {
        let mut bytes = [5_u32.to_le_bytes().as_slice(), &(values.len() as u64).to_le_bytes()].concat();
        values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        self.value(name, 9, &bytes)
    }
    pub(crate) fn tensor(&mut self, name: &str, shape: &[u64], code: u32, bytes: &[u8]) -> &mut Self {
        self.tensor_count += 1;
        self.data.resize(self.data.len().next_multiple_of(DEFAULT_ALIGNMENT), 0);
        text(&mut self.described, name);
        self.described.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|size| self.described.extend(size.to_le_bytes()));
        self.described.extend(code.to_le_bytes());
        self.described.extend((self.data.len() as u64).to_le_bytes());
        self.data.extend(bytes);
        self
    }
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut file = [&b"GGUF"[..], &3_u32.to_le_bytes()].concat();
        file.extend(self.tensor_count.to_le_bytes());
        file.extend(self.value_count.to_le_bytes());
        file.extend(&self.values);
        file.extend(&self.described);
        file.resize(file.len().next_multiple_of(DEFAULT_ALIGNMENT), 0);
        file.extend(&self.data);
        file
    }
}

fn small() -> Writer {
    let mut writer = Writer::default();
    writer
        .size("size", 7)
        .number("number", 0.5)
        .flag("flag", true)
        .text("text", "Grüezi")
        .texts("texts", &["a".into(), String::new(), "Ġb".into()])
        .integers("integers", &[3, -1])
        .tensor("full", &[3, 2], 0, &[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].map(f32::to_le_bytes).concat())
        .tensor("half", &[2], 1, &[0x3c00_u16, 0xc000].map(u16::to_le_bytes).concat())
        .tensor("later", &[256], 14, &[0; 210]);
    writer
}

fn problem(bytes: Vec<u8>) -> String {
    Gguf::from_bytes(bytes).unwrap_err().to_string()
}

#[test]
fn what_was_written_is_read() {
    let file = Gguf::from_bytes(small().file()).unwrap();
    assert_eq!(file.size("size").unwrap(), 7);
    assert_eq!(file.number("number").unwrap(), 0.5);
    assert_eq!(file.value("flag"), Some(&Value::Flag(true)));
    assert_eq!(file.text("text").unwrap(), "Grüezi");
    assert_eq!(file.texts("texts").unwrap(), ["a", "", "Ġb"]);
    assert_eq!(file.integers("integers").unwrap(), [3, -1]);
    assert!(file.texts("integers").is_err() && file.integers("texts").is_err());
    assert!(file.size("text").unwrap_err().to_string().contains("text, which must be a size"));
    let full = file.tensor("full").unwrap().unwrap();
    let mut row = [0.0; 3];
    full.row(1, &mut row);
    assert_eq!((full.rows, row), (2, [4.0, 5.0, 6.0]));
    let mut row = [0.0; 2];
    file.tensor("half").unwrap().unwrap().row(0, &mut row);
    assert_eq!(row, [1.0, -2.0]);
    assert!(file.tensor("none").unwrap().is_none());
    assert!(file.tensor("later").unwrap_err().to_string().contains("tensor later is kept as Q6_K"));
}

#[test]
fn blocks_are_llama_cpps() {
    // Element i of a block of 4 bits is the low half of byte i, or the high half of byte i - 16.
    let codes: [u8; 32] = std::array::from_fn(|i| (i * 5 % 16) as u8);
    let packed: Vec<u8> = (0..16).map(|i| codes[i] | codes[i + 16] << 4).collect();
    let half = |value: f32| half::f16::from_f32(value).to_bits().to_le_bytes();
    let bytes: Vec<i8> = (0..32).map(|i| (i * 8 - 128) as i8).collect();
    let mut writer = Writer::default();
    writer
        .tensor("q4_0", &[32, 1], 2, &[&half(0.25)[..], &packed].concat())
        .tensor("q4_1", &[32, 1], 3, &[&half(0.25)[..], &half(-1.5), &packed].concat())
        .tensor(
            "q8_0",
            &[32, 1],
            8,
            &[&half(-0.5)[..], &bytes.iter().map(|b| *b as u8).collect::<Vec<_>>()].concat(),
        )
        .tensor("bf16", &[1], 30, &[0x80, 0x3f]);
    let file = Gguf::from_bytes(writer.file()).unwrap();
    let row = |name: &str| {
        let tensor = file.tensor(name).unwrap().unwrap();
        tensor.check_finite().unwrap();
        let mut row = vec![f32::NAN; tensor.inner];
        tensor.row(0, &mut row);
        row
    };
    for i in 0..32 {
        assert_eq!(row("q4_0")[i], (f32::from(codes[i]) - 8.0) * 0.25);
        assert_eq!(row("q4_1")[i], f32::from(codes[i]) * 0.25 - 1.5);
        assert_eq!(row("q8_0")[i], f32::from(bytes[i]) * -0.5);
    }
    assert_eq!(row("bf16"), [1.0]);
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let mut writer = Writer::default();
    writer
        .tensor("full", &[1], 0, &f32::NAN.to_le_bytes())
        .tensor("scale", &[32], 8, &[&[0x00, 0x7c][..], &[0; 32]].concat())
        // 60,000 · 128 is beyond a half's range.
        .tensor(
            "minimum",
            &[32],
            8,
            &[&half::f16::from_f32(6e4).to_bits().to_le_bytes()[..], &[0; 32]].concat(),
        );
    let file = Gguf::from_bytes(writer.file()).unwrap();
    for name in ["full", "scale", "minimum"] {
        let problem = file.tensor(name).unwrap().unwrap().check_finite().unwrap_err().to_string();
        assert!(problem.contains(name), "{problem}");
    }
}

#[test]
fn what_is_no_gguf_is_refused_with_a_reason() {
    let whole = small().file();
    let with = |place: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[place..place + bytes.len()].copy_from_slice(bytes);
        problem(changed)
    };
    assert!(problem(Vec::new()).contains("ends within 4 bytes"));
    assert!(problem(b"PK\x03\x04 and so on".to_vec()).contains("does not begin with GGUF"));
    assert!(with(4, &1_u32.to_le_bytes()).contains("version 1"));
    assert!(with(4, &3_u32.to_be_bytes()).contains("big-endian"));
    assert!(with(4, &9_u32.to_le_bytes()).contains("version 9"));
    assert!(with(8, &u64::MAX.to_le_bytes()).contains("tensors cannot be in"));
    assert!(with(16, &(1_u64 << 40).to_le_bytes()).contains("values cannot be in"));
    // The first name's length, and the first value's kind.
    assert!(with(24, &(1_u64 << 40).to_le_bytes()).contains("bytes of text cannot be in"));
    assert!(with(36, &77_u32.to_le_bytes()).contains("77 is no kind of value"));
    let mut twice = small();
    twice.size("size", 8);
    assert!(problem(twice.file()).contains("says size twice"));
    let mut twice = small();
    twice.tensor("half", &[1], 0, &[0; 4]);
    assert!(problem(twice.file()).contains("tensor half is there twice"));
    let mut shapeless = small();
    shapeless.tensor("five", &[1, 1, 1, 1, 1], 0, &[0; 4]);
    assert!(problem(shapeless.file()).contains("has 5 dimensions"));
    let mut aligned = small();
    aligned.size("general.alignment", 48);
    assert!(problem(aligned.file()).contains("power of two"));
    aligned = small();
    aligned.size("general.alignment", 4096);
    assert!(problem(aligned.file()).contains("is not aligned"));
}

#[test]
fn tensors_beyond_the_file_are_refused() {
    for shape in [vec![1 << 20], vec![u64::MAX >> 1, 2], vec![1 << 31, 1 << 31, 1 << 31, 1 << 31]] {
        let mut writer = small();
        writer.tensor("long", &shape, 0, &[0; 4]);
        let file = Gguf::from_bytes(writer.file()).unwrap();
        assert!(file.tensor("long").unwrap_err().to_string().contains("beyond the file's end"));
    }
    let whole = small().file();
    let cut = Gguf::from_bytes(whole[..whole.len() - 260].to_vec()).unwrap();
    assert!(cut.tensor("full").is_err() || cut.tensor("half").is_err());
    let mut writer = small();
    writer.tensor("ragged", &[33, 1], 8, &[0; 68]);
    let file = Gguf::from_bytes(writer.file()).unwrap();
    assert!(file.tensor("ragged").unwrap_err().to_string().contains("not whole blocks"));
}

#[test]
fn lists_cannot_be_nested_without_end() {
    let mut bytes = Vec::new();
    for _ in 0..100 {
        bytes.extend(9_u32.to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
    }
    let mut writer = Writer::default();
    writer.value("deep", 9, &bytes);
    assert!(problem(writer.file()).contains("too deep"));
}

/// Reads all there is.
fn read_through(file: &Gguf) {
    for name in ["size", "number", "flag", "text", "texts", "integers"] {
        let _ = (file.size(name), file.number(name), file.text(name), file.texts(name), file.integers(name));
    }
    for name in file.tensor_names() {
        if let Ok(Some(tensor)) = file.tensor(name) {
            let _ = tensor.check_finite();
            let mut row = vec![0.0; tensor.inner];
            tensor.row(tensor.rows - 1, &mut row);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_bytes_never_break_it(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), end: prop::sample::Index) {
        let mut bytes = small().file();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(file) = Gguf::from_bytes(bytes.clone()) {
            read_through(&file);
        }
        bytes.truncate(end.index(bytes.len()));
        if let Ok(file) = Gguf::from_bytes(bytes) {
            read_through(&file);
        }
    }

    #[test]
    fn any_bytes_never_break_it(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Gguf::from_bytes(bytes.clone());
        bytes.splice(0..0, [&b"GGUF"[..], &3_u32.to_le_bytes()].concat());
        if let Ok(file) = Gguf::from_bytes(bytes) {
            read_through(&file);
        }
    }
}
