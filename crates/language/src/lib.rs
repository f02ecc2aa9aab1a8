//! Open language models on the house's own engine: GGUF in, logits out.
//!
//! A patient model's block with positions by index, grouped queries and no biases is Llama's, so [`model::stack`] runs
//! a Llama too. This room reads the file, turns text into tokens, and gives the stack its weights in the few bits that
//! the file keeps them in.
//!
//! What may enter: file formats of language models, tokenizers, architectures that are the stack's. What may not:
//! timelines, patients, tasks, conversation, clocks, environment, printing.
//!
//! ```no_run
//! let model = language::LanguageModel::open(std::path::Path::new("SmolLM2-135M-Instruct.Q4_1.gguf"))?;
//! let mut reading = model.start();
//! let logits = reading.read(&model.tokenizer().encode("The capital of France is")?)?;
//! let next = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
//! println!("{}", model.tokenizer().decode(&[next.unwrap() as u32])?);
//! # Ok::<(), language::Error>(())
//! ```

mod error;
pub mod gguf;
mod llama;
mod reading;
mod tokenizer;

pub use error::{Error, Result};
pub use llama::LanguageModel;
pub use reading::Reading;
pub use tokenizer::Tokenizer;
