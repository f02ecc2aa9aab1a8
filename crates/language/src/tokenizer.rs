//! Text to tokens and back: byte-level pair encoding, as GPT-2's, out of a GGUF file.
//!
//! The file carries vocabulary, merges and the kinds of tokens; how text is cut before merging is only named
//! (`tokenizer.ggml.pre`), so names whose cutting is known here are taken and others refused.

use crate::error::{Error, Result};
use crate::gguf::Gguf;
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, PreTokenizerWrapper, Tokenizer as HuggingFace};

/// Kinds of tokens that stand for themselves wherever they occur in a text: control, and what users have added.
const CONTROL: i128 = 3;
const USER_DEFINED: i128 = 4;

/// Longest text that is taken at once, in bytes.
const LONGEST_TEXT: usize = 1 << 24;

/// A tokenizer.
#[derive(Debug)]
pub struct Tokenizer {
    inner: HuggingFace,
    /// Put before every text, if the file says so.
    begin: Option<u32>,
    end: Option<u32>,
}

impl Tokenizer {
    /// The tokenizer that a file carries.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it carries none, or one of another make.
    pub fn of(file: &Gguf) -> Result<Self> {
        let make = file.text("tokenizer.ggml.model")?;
        if make != "gpt2" {
            return Err(Error::Unsupported(format!(
                "the file's tokenizer is of make {make}; gpt2 alone is read here"
            )));
        }
        let tokens = file.texts("tokenizer.ggml.tokens")?;
        let too_many = |_| Error::Unsupported("the vocabulary has more tokens than can be numbered".into());
        let size = u32::try_from(tokens.len()).map_err(too_many)?;
        let vocabulary: Vocab = tokens.iter().map(|token| (*token).to_owned()).zip(0..size).collect();
        if vocabulary.len() != tokens.len() {
            return Err(Error::Unsupported("the vocabulary has a token twice".into()));
        }
        let merge = |merge: &str| {
            // A merge is of two tokens; the first may begin with a space's stand-in, never with a space.
            let parts = merge.split_once(' ').filter(|(a, b)| {
                [*a, *b, &[*a, *b].concat()].iter().all(|token| vocabulary.contains_key(*token))
            });
            parts.map(|(a, b)| (a.to_owned(), b.to_owned())).ok_or_else(|| {
                Error::Unsupported("the vocabulary has a merge of what are not its tokens".into())
            })
        };
        let merges = file.texts("tokenizer.ggml.merges")?.into_iter().map(merge);
        let merges = merges.collect::<Result<Vec<_>>>()?;
        let bpe = BPE::builder().vocab_and_merges(vocabulary, merges).build().map_err(refused)?;
        let mut inner = HuggingFace::new(bpe);
        inner.with_pre_tokenizer(Some(cutting(file)?));
        inner.with_decoder(Some(ByteLevel::default()));
        let kinds = file.integers("tokenizer.ggml.token_type")?;
        if kinds.len() != tokens.len() {
            return Err(Error::Unsupported("the file does not say the kind of every token".into()));
        }
        let special: Vec<AddedToken> = tokens
            .iter()
            .zip(kinds)
            .filter(|(_, kind)| [CONTROL, USER_DEFINED].contains(kind))
            .map(|(token, kind)| AddedToken::from(*token, kind == CONTROL).normalized(false))
            .collect();
        inner.add_special_tokens(special).map_err(refused)?;
        let token = |name: &str| -> Result<Option<u32>> {
            if file.value(name).is_none() {
                return Ok(None);
            }
            let token = u32::try_from(file.size(name)?).ok().filter(|token| *token < size);
            let outside = || Error::Unsupported(format!("{name} lies outside the vocabulary"));
            token.map(Some).ok_or_else(outside)
        };
        let begins = file.value("tokenizer.ggml.add_bos_token") == Some(&crate::gguf::Value::Flag(true));
        let begin = token("tokenizer.ggml.bos_token_id")?.filter(|_| begins);
        Ok(Tokenizer { inner, begin, end: token("tokenizer.ggml.eos_token_id")? })
    }

    /// The tokens of a text. Names of special tokens in the text become those tokens.
    ///
    /// # Errors
    /// [`Error::Input`] for a text that is longer than 16 MiB, or that the vocabulary has no tokens for.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        if text.len() > LONGEST_TEXT {
            return Err(Error::Input(format!("the text is longer than {LONGEST_TEXT} bytes")));
        }
        let encoding = self.inner.encode_fast(text, false);
        let encoding = encoding.map_err(|e| Error::Input(format!("the text has no tokens: {e}")))?;
        Ok(self.begin.into_iter().chain(encoding.get_ids().iter().copied()).collect())
    }

    /// The text of tokens, special ones among them.
    ///
    /// # Errors
    /// [`Error::Input`] for tokens that have none.
    pub fn decode(&self, tokens: &[u32]) -> Result<String> {
        self.inner.decode(tokens, false).map_err(|e| Error::Input(format!("the tokens have no text: {e}")))
    }

    /// The token after which a text is over, if the file names one.
    pub fn end(&self) -> Option<u32> {
        self.end
    }
}

fn refused(reason: impl std::fmt::Display) -> Error {
    Error::Unsupported(format!("the file's tokenizer cannot be used: {reason}"))
}

/// How text is cut into pieces that are merged each for itself.
fn cutting(file: &Gguf) -> Result<PreTokenizerWrapper> {
    let bytes = tokenizers::pre_tokenizers::byte_level::ByteLevel::new(false, true, true);
    match file.text("tokenizer.ggml.pre")? {
        "gpt-2" => Ok(bytes.into()),
        "smollm" => Ok(Sequence::new(vec![Digits::new(true).into(), bytes.into()]).into()),
        other => Err(Error::Unsupported(format!(
            "the file's tokenizer cuts text as {other} does; gpt-2 and smollm are known here"
        ))),
    }
}
