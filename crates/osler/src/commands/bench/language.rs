//! `osler bench language`: an open language model on the engine, so that others' answers and speed can be set beside.

use super::{most_likely, peak_memory_mb};
use crate::commands::threads;
use crate::progress::{Voice, grouped};
use anyhow::{Context, Result, bail};
use clap::Args;
use language::{LanguageModel, Reading};
use safetensors::tensor::{Dtype, TensorView};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time an open language model on the engine: reading prompts, and writing on one token after the other.
///
/// The model is a GGUF file of Llama's architecture (F32, F16, BF16, Q4_0, Q4_1, Q8_0); weights of 4 and 8 bits are
/// multiplied with as they are, everything else is in 32 bits. What comes next is the likeliest token. This proves
/// the engine; it is no chat.
#[derive(Args)]
#[command(after_help = "Examples:
  osler bench language --model SmolLM2-135M-Instruct.Q4_1.gguf --prompts prompts.json
  osler bench language --model model.gguf --prompts prompts.json --threads 2 --decode 64 --json
  osler bench language --model model.gguf --prompts prompts.json --logits logits.safetensors

The prompts are a JSON array of texts. --logits writes, for prompt 0 and so on, tokens.0 (the prompt's, then
those written) and logits.0 (after each of them) as safetensors.")]
pub(super) struct Language {
    /// The GGUF file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// A JSON array of texts.
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// Tokens to write after each prompt.
    #[arg(long, default_value_t = 32, value_name = "TOKENS")]
    decode: usize,
    /// Threads.
    #[arg(long)]
    threads: Option<usize>,
    /// Also write the logits after every token, to compare them with another engine's.
    #[arg(long, value_name = "FILE")]
    logits: Option<PathBuf>,
    /// Replace the file of logits.
    #[arg(long)]
    force: bool,
}

/// Times and tokens of one kind.
#[derive(Default)]
struct Rate {
    tokens: usize,
    time: Duration,
}

impl Rate {
    fn per_second(&self) -> f64 {
        self.tokens as f64 / self.time.as_secs_f64()
    }
}

impl Language {
    pub(super) fn run(&self, voice: Voice) -> Result<()> {
        if let Some(logits) = self.logits.as_ref().filter(|logits| logits.exists() && !self.force) {
            bail!("{} exists; --force replaces it", logits.display());
        }
        let threads = threads(self.threads);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("no threads")?;
        let begin = Instant::now();
        let model = LanguageModel::open(&self.model)
            .with_context(|| format!("cannot use the model {}", self.model.display()))?;
        let load = begin.elapsed();
        let prompts = self.prompts(&model)?;
        let (read, written) = pool.install(|| self.time(&model, &prompts, voice))?;
        let memory = peak_memory_mb();
        if let Some(path) = &self.logits {
            pool.install(|| self.write_logits(&model, &prompts, path))?;
        }
        if voice.json {
            let found = serde_json::json!({
                "osler": env!("CARGO_PKG_VERSION"),
                "threads": threads,
                "prompts": prompts.len(),
                "load_ms": load.as_secs_f64() * 1e3,
                "prompt_tokens": read.tokens,
                "prompt_tokens_per_s": read.per_second(),
                "decode_tokens": written.tokens,
                "decode_tokens_per_s": (written.tokens > 0).then(|| written.per_second()),
                "rss_mb": memory,
            });
            println!("{found}");
            return Ok(());
        }
        println!(
            "{} prompts of {} tokens in all: read at {} tokens/s, {threads} threads, peak memory {:.0} MB",
            prompts.len(),
            grouped(read.tokens as u64),
            grouped(read.per_second() as u64),
            memory.unwrap_or(f64::NAN),
        );
        if written.tokens > 0 {
            let rate = grouped(written.per_second() as u64);
            println!("{} tokens written at {rate} tokens/s", grouped(written.tokens as u64));
        }
        Ok(())
    }

    /// The prompts' tokens.
    fn prompts(&self, model: &LanguageModel) -> Result<Vec<Vec<u32>>> {
        let path = self.prompts.display();
        let text = std::fs::read_to_string(&self.prompts).with_context(|| format!("cannot read {path}"))?;
        let texts: Vec<String> = serde_json::from_str(&text)
            .ok()
            .with_context(|| format!("{path} must be a JSON array of texts"))?;
        if texts.is_empty() {
            bail!("{path} has no prompts");
        }
        let tokens = |(index, text): (usize, &String)| {
            let tokens = model.tokenizer().encode(text)?;
            let most = model.context().saturating_sub(self.decode);
            if tokens.is_empty() || tokens.len() > most {
                bail!("prompt {index} of {path} has {} tokens; 1 to {most} can be", tokens.len());
            }
            Ok(tokens)
        };
        texts.iter().enumerate().map(tokens).collect()
    }

    /// Reads each prompt and writes on.
    fn time(&self, model: &LanguageModel, prompts: &[Vec<u32>], voice: Voice) -> Result<(Rate, Rate)> {
        let (mut read, mut written) = (Rate::default(), Rate::default());
        let mut reading = model.start();
        // The first reading warms up.
        reading.read(&prompts[0])?;
        let bar = voice.count("prompts", prompts.len() as u64);
        for prompt in prompts {
            reading.clear();
            let begin = Instant::now();
            let mut logits = reading.read(prompt)?;
            read.time += begin.elapsed();
            read.tokens += prompt.len();
            let begin = Instant::now();
            for _ in 0..self.decode {
                logits = reading.read(&[most_likely(&logits)])?;
            }
            written.time += begin.elapsed();
            written.tokens += self.decode;
            bar.add(1);
        }
        Ok((read, written))
    }

    fn write_logits(&self, model: &LanguageModel, prompts: &[Vec<u32>], path: &Path) -> Result<()> {
        let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (index, prompt) in prompts.iter().enumerate() {
            let (tokens, logits) = self.logits_of(model.start(), prompt)?;
            let shape = vec![tokens.len(), model.vocabulary_size()];
            let bytes = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
            tensors.push((format!("tokens.{index}"), Dtype::U32, vec![tokens.len()], bytes));
            tensors.push((format!("logits.{index}"), Dtype::F32, shape, logits));
        }
        let views = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)));
        let views = views.collect::<Result<Vec<_>>>()?;
        safetensors::serialize_to_file(views, None, path)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// A prompt's tokens and those written after it, and the logits after each, as bytes.
    fn logits_of(&self, mut reading: Reading<'_>, prompt: &[u32]) -> Result<(Vec<u32>, Vec<u8>)> {
        let (mut tokens, mut bytes, mut last) = (prompt.to_vec(), Vec::new(), Vec::new());
        let receive = |logits: &[f32], vocabulary: usize, bytes: &mut Vec<u8>| {
            bytes.extend(logits.iter().flat_map(|logit| logit.to_le_bytes()));
            logits[logits.len() - vocabulary..].to_vec()
        };
        let vocabulary = reading.model().vocabulary_size();
        reading.read_all(prompt, |logits| {
            last = receive(logits, vocabulary, &mut bytes);
            Ok::<_, language::Error>(())
        })?;
        for _ in 0..self.decode {
            let token = most_likely(&last);
            tokens.push(token);
            last = receive(&reading.read(&[token])?, vocabulary, &mut bytes);
        }
        Ok((tokens, bytes))
    }
}
