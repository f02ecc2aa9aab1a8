use super::*;
use crate::gguf::tests::Writer;
use proptest::prelude::*;

const WIDTH: usize = 64;
const HEADS: usize = 4;
const KEY_VALUE_HEADS: usize = 2;
const HEAD_WIDTH: usize = WIDTH / HEADS;
const FEED_FORWARD: usize = 96;
const LAYERS: usize = 2;

/// One token for each byte, a merge, and an end.
fn vocabulary() -> Vec<String> {
    // GPT-2's stand-ins for bytes: printable ones for themselves, the others from U+0100 on.
    let printable = |b: u32| (33..=126).contains(&b) || (161..=172).contains(&b) || (174..=255).contains(&b);
    let mut others = 0x100..;
    let stand_in = |b: u32| if printable(b) { b } else { others.next().unwrap() };
    let bytes: Vec<u32> = (0..=255).map(stand_in).collect();
    let mut tokens: Vec<String> = bytes.iter().map(|c| char::from_u32(*c).unwrap().to_string()).collect();
    tokens.extend(["he".into(), "Ġt".into(), "<|end|>".into()]);
    tokens
}

fn wave(n: usize, phase: f32, size: f32) -> Vec<f32> {
    (0..n).map(|i| (i as f32 * 0.7 + phase).sin() * size).collect()
}

/// Kept as the file keeps it, and as that reads.
struct Kept {
    code: u32,
    bytes: Vec<u8>,
    values: Vec<f32>,
}

fn kept(code: u32, n: usize, phase: f32) -> Kept {
    let values = wave(n, phase, 0.3);
    let half = |value: f32| half::f16::from_f32(value);
    let mut kept = Kept { code, bytes: Vec::new(), values: Vec::new() };
    match code {
        0 => {
            kept.bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            kept.values = values;
        }
        3 => {
            for block in values.chunks(32) {
                let (scale, minimum) = (half(0.04), half(-0.3));
                let code = |v: f32| ((v - minimum.to_f32()) / scale.to_f32()).round().clamp(0.0, 15.0) as u8;
                kept.bytes.extend(scale.to_le_bytes());
                kept.bytes.extend(minimum.to_le_bytes());
                kept.bytes.extend((0..16).map(|i| code(block[i]) | code(block[i + 16]) << 4));
                kept.values
                    .extend(block.iter().map(|v| f32::from(code(*v)) * scale.to_f32() + minimum.to_f32()));
            }
        }
        8 => {
            for block in values.chunks(32) {
                let scale = half(0.003);
                let codes: Vec<i8> = block.iter().map(|v| (v / scale.to_f32()).round() as i8).collect();
                kept.bytes.extend(scale.to_le_bytes());
                kept.bytes.extend(codes.iter().map(|c| *c as u8));
                kept.values.extend(codes.iter().map(|c| f32::from(*c) * scale.to_f32()));
            }
        }
        _ => unreachable!(),
    }
    kept
}

/// A small llama, its tensors under their names.
struct Llama {
    writer: Writer,
    weights: std::collections::HashMap<String, Vec<f32>>,
}

fn llama(matrix_code: u32) -> Llama {
    let mut writer = Writer::default();
    let tokens = vocabulary();
    let kinds: Vec<i32> = tokens.iter().map(|t| if t == "<|end|>" { 3 } else { 1 }).collect();
    writer
        .text("general.architecture", "llama")
        .size("llama.block_count", LAYERS as u32)
        .size("llama.context_length", 64)
        .size("llama.embedding_length", WIDTH as u32)
        .size("llama.feed_forward_length", FEED_FORWARD as u32)
        .size("llama.attention.head_count", HEADS as u32)
        .size("llama.attention.head_count_kv", KEY_VALUE_HEADS as u32)
        .size("llama.rope.dimension_count", HEAD_WIDTH as u32)
        .number("llama.rope.freq_base", 100_000.0)
        .number("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .text("tokenizer.ggml.model", "gpt2")
        .text("tokenizer.ggml.pre", "smollm")
        .texts("tokenizer.ggml.tokens", &tokens)
        .integers("tokenizer.ggml.token_type", &kinds)
        .texts("tokenizer.ggml.merges", &["h e".into(), "Ġ t".into()])
        .size("tokenizer.ggml.eos_token_id", tokens.len() as u32 - 1)
        .flag("tokenizer.ggml.add_bos_token", false);
    let mut weights = std::collections::HashMap::new();
    let mut add = |name: String, rows: usize, inner: usize, code: u32| {
        let mut kept = kept(code, rows * inner, weights.len() as f32 * 1.3);
        if name.contains("norm") {
            kept.values.iter_mut().for_each(|v| *v += 1.0);
            kept.bytes = kept.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        }
        let shape = if rows == 1 { vec![inner as u64] } else { vec![inner as u64, rows as u64] };
        writer.tensor(&name, &shape, kept.code, &kept.bytes);
        weights.insert(name, kept.values);
    };
    add(EMBEDDING.into(), tokens.len(), WIDTH, 8);
    let key_width = KEY_VALUE_HEADS * HEAD_WIDTH;
    for layer in 0..LAYERS {
        let shapes = [
            ("attn_norm", 1, WIDTH),
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", key_width, WIDTH),
            ("attn_v", key_width, WIDTH),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_norm", 1, WIDTH),
            ("ffn_gate", FEED_FORWARD, WIDTH),
            ("ffn_up", FEED_FORWARD, WIDTH),
            ("ffn_down", WIDTH, FEED_FORWARD),
        ];
        for (part, rows, inner) in shapes {
            let code = if rows == 1 { 0 } else { matrix_code };
            add(format!("blk.{layer}.{part}.weight"), rows, inner, code);
        }
    }
    add("output_norm.weight".into(), 1, WIDTH, 0);
    Llama { writer, weights }
}

/// Llama by its definition in double precision, with pairs of neighbours turned, as llama.cpp does.
fn by_definition(weights: &std::collections::HashMap<String, Vec<f32>>, tokens: &[u32]) -> Vec<Vec<f64>> {
    let times = |name: &str, x: &[f64]| -> Vec<f64> {
        let rows = weights[name].chunks_exact(x.len());
        rows.map(|row| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum()).collect()
    };
    let norm = |name: &str, x: &[f64]| -> Vec<f64> {
        let square = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        x.iter().zip(&weights[name]).map(|(x, w)| x / (square + 1e-5).sqrt() * f64::from(*w)).collect()
    };
    let turn = |x: &mut [f64], place: usize| {
        for head in x.chunks_exact_mut(HEAD_WIDTH) {
            for (i, pair) in head.chunks_exact_mut(2).enumerate() {
                let angle = place as f64 * 100_000_f64.powf(-2.0 * i as f64 / HEAD_WIDTH as f64);
                let (a, b) = (pair[0], pair[1]);
                pair[0] = a * angle.cos() - b * angle.sin();
                pair[1] = a * angle.sin() + b * angle.cos();
            }
        }
    };
    let mut past = vec![(Vec::new(), Vec::new()); LAYERS];
    let mut logits = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let begin = *token as usize * WIDTH;
        let mut x: Vec<f64> =
            weights[EMBEDDING][begin..begin + WIDTH].iter().map(|v| f64::from(*v)).collect();
        for (layer, (keys, values)) in past.iter_mut().enumerate() {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            let normed = norm(&name("attn_norm"), &x);
            let (mut query, mut key) = (times(&name("attn_q"), &normed), times(&name("attn_k"), &normed));
            turn(&mut query, place);
            turn(&mut key, place);
            keys.push(key);
            values.push(times(&name("attn_v"), &normed));
            let mut out = Vec::new();
            for head in 0..HEADS {
                let of_key = head / (HEADS / KEY_VALUE_HEADS) * HEAD_WIDTH;
                let query = &query[head * HEAD_WIDTH..][..HEAD_WIDTH];
                let weight = |key: &Vec<f64>| {
                    let product: f64 = query.iter().zip(&key[of_key..]).map(|(q, k)| q * k).sum();
                    (product / (HEAD_WIDTH as f64).sqrt()).exp()
                };
                let shares: Vec<f64> = keys.iter().map(weight).collect();
                let total: f64 = shares.iter().sum();
                out.extend((0..HEAD_WIDTH).map(|i| {
                    shares
                        .iter()
                        .zip(values.iter())
                        .map(|(s, v): (_, &Vec<f64>)| s / total * v[of_key + i])
                        .sum::<f64>()
                }));
            }
            let branch = times(&name("attn_output"), &out);
            x.iter_mut().zip(branch).for_each(|(x, b)| *x += b);
            let normed = norm(&name("ffn_norm"), &x);
            let gate = times(&name("ffn_gate"), &normed);
            let up = times(&name("ffn_up"), &normed);
            let inside: Vec<f64> = gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            let branch = times(&name("ffn_down"), &inside);
            x.iter_mut().zip(branch).for_each(|(x, b)| *x += b);
        }
        logits.push(times(EMBEDDING, &norm("output_norm.weight", &x)));
    }
    logits
}

fn open(llama: &Llama) -> LanguageModel {
    LanguageModel::of(Gguf::from_bytes(llama.writer.file()).unwrap()).unwrap()
}

#[test]
fn logits_are_llamas_by_definition() {
    for code in [0, 3, 8] {
        let llama = llama(code);
        let model = open(&llama);
        let tokens = model.tokenizer().encode("then the other <|end|> thing, 42").unwrap();
        let expected = by_definition(&llama.weights, &tokens);
        let mut reading = model.start();
        let mut found = Vec::new();
        let receive = |logits: &[f32]| {
            found.extend_from_slice(logits);
            Ok::<_, Error>(())
        };
        reading.read_all(&tokens[..9], receive).unwrap();
        for token in &tokens[9..] {
            found.extend(reading.read(std::slice::from_ref(token)).unwrap());
        }
        assert_eq!(reading.len(), tokens.len());
        for (place, (found, expected)) in found.chunks(model.vocabulary_size()).zip(&expected).enumerate() {
            for (found, expected) in found.iter().zip(expected) {
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-4, "encoding {code}, place {place}: {found} for {expected}");
            }
        }
        assert_eq!(found.len(), tokens.len() * model.vocabulary_size());
    }
}

#[test]
fn text_becomes_tokens_and_text_again() {
    let model = open(&llama(0));
    let tokenizer = model.tokenizer();
    let end = tokenizer.end().unwrap();
    let tokens = tokenizer.encode("he the é\n 12<|end|>").unwrap();
    assert_eq!(tokens[0], 256);
    assert_eq!(&tokens[1..3], [257, 256]);
    assert_eq!(tokens.iter().filter(|t| **t == end).count(), 1);
    assert_eq!(tokenizer.decode(&tokens).unwrap(), "he the é\n 12<|end|>");
}

#[test]
fn what_cannot_be_read_is_refused_and_changes_nothing() {
    let model = open(&llama(0));
    let mut reading = model.start();
    assert!(reading.read(&[]).is_err());
    assert!(reading.read(&[9_999]).unwrap_err().to_string().contains("vocabulary"));
    assert!(reading.read(&[1; 65]).is_err());
    assert!(reading.is_empty());
    reading.read(&[1; 64]).unwrap();
    assert!(reading.read(&[1]).unwrap_err().to_string().contains("context"));
    reading.clear();
    reading.read(&[1]).unwrap();
}

#[test]
fn other_models_are_refused_by_what_they_are() {
    let refused = |change: &dyn Fn(&mut Writer)| {
        let mut llama = llama(0);
        change(&mut llama.writer);
        let file = Gguf::from_bytes(llama.writer.file());
        file.and_then(LanguageModel::of).unwrap_err().to_string()
    };
    let tensor = |writer: &mut Writer, name: &str| {
        writer.tensor(name, &[WIDTH as u64], 0, &[0; 4 * WIDTH]);
    };
    assert!(refused(&|w| tensor(w, "blk.0.attn_q.bias")).contains("attn_q.bias is no part"));
    assert!(refused(&|w| tensor(w, "blk.2.attn_norm.weight")).contains("no part"));
    assert!(refused(&|w| tensor(w, "blk.00.attn_norm.weight")).contains("no part"));
    assert!(refused(&|w| tensor(w, HEAD)).contains("output.weight is 1 × 64, it must be 259 × 64"));
    assert!(
        refused(&|w| {
            w.text("llama.rope.scaling.type", "linear");
        })
        .contains("rotary")
    );
    assert!(
        refused(&|w| {
            w.size("llama.expert_count", 8);
        })
        .contains("experts")
    );
    assert!(
        refused(&|w| {
            w.size("llama.attention.key_length", 32);
        })
        .contains("key_length")
    );
    let mut qwen = Writer::default();
    qwen.text("general.architecture", "qwen2");
    let problem = LanguageModel::of(Gguf::from_bytes(qwen.file()).unwrap()).unwrap_err();
    assert!(problem.to_string().contains("architecture is qwen2"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_never_break_it(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), head: bool) {
        thread_local! {
            static WHOLE: Vec<u8> = llama(3).writer.file();
        }
        let mut bytes = WHOLE.with(Clone::clone);
        // The head is a small part of the file, and the part where most can go wrong.
        let end = if head { 8_000 } else { bytes.len() };
        for (place, byte) in changes {
            bytes[place.index(end)] = byte;
        }
        if let Ok(model) = Gguf::from_bytes(bytes).and_then(LanguageModel::of) {
            let tokens = model.tokenizer().encode("the other thing").unwrap();
            let _ = model.start().read(&tokens);
        }
    }
}
