#![no_main]
//! Any bytes, read through as a GGUF file and, where they are a model's, run.

use language::LanguageModel;
use language::gguf::Gguf;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = Gguf::from_bytes(bytes.to_vec()) else { return };
    for name in ["general.architecture", "tokenizer.ggml.tokens", "llama.block_count"] {
        let _ = (file.size(name), file.number(name), file.text(name), file.texts(name), file.integers(name));
    }
    for name in file.tensor_names() {
        if let Ok(Some(tensor)) = file.tensor(name) {
            let _ = tensor.check_finite();
            let mut row = vec![0.0; tensor.inner];
            tensor.row(tensor.rows - 1, &mut row);
        }
    }
    if let Ok(model) = LanguageModel::of(file)
        && let Ok(tokens) = model.tokenizer().encode("the other thing")
    {
        let _ = model.start().read(&tokens);
    }
});
