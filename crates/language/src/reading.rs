//! A text as a model has read it so far.

use crate::error::{Error, Result};
use crate::llama::LanguageModel;
use model::stack::Past;

/// Tokens whose logits are computed at a time, where all are wanted.
const AT_ONCE: usize = 64;

/// A text that grows: earlier tokens' keys and values are kept, so that a further token costs one step.
///
/// It holds `2 · layers · key_value_heads · head_width` numbers of 4 bytes a token.
pub struct Reading<'a> {
    model: &'a LanguageModel,
    past: Past,
    vectors: Vec<f32>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(model: &'a LanguageModel) -> Self {
        Reading { model, past: Past::default(), vectors: Vec::new() }
    }

    /// The model that reads.
    pub fn model(&self) -> &'a LanguageModel {
        self.model
    }

    /// Tokens read.
    pub fn len(&self) -> usize {
        self.past.len()
    }

    /// Whether nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.past.is_empty()
    }

    /// Begins anew, with the memory that it has.
    pub fn clear(&mut self) {
        self.past.clear();
    }

    /// Reads further tokens and gives the logits of the one that comes after the last: `[vocabulary]`.
    ///
    /// # Errors
    /// [`Error::Input`] for a token outside the vocabulary, [`Error::Model`] if there are none or the context has no
    /// room for them; nothing is read then.
    pub fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>> {
        self.hidden(tokens)?;
        let mut logits = vec![0.0; self.model.vocabulary_size()];
        let last = &self.vectors[self.vectors.len() - self.model.shape.width..];
        self.model.stack.multiply(&mut self.past, &self.model.head, last, &mut logits);
        Ok(logits)
    }

    /// Reads further tokens and gives the logits after each of them, some rows of `[vocabulary]` at a time.
    ///
    /// # Errors
    /// As [`Reading::read`], and whatever `receive` returns.
    pub fn read_all<E: From<Error>>(
        &mut self,
        tokens: &[u32],
        mut receive: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.hidden(tokens)?;
        let (width, vocabulary) = (self.model.shape.width, self.model.vocabulary_size());
        let mut logits = vec![0.0; AT_ONCE.min(tokens.len()) * vocabulary];
        for hidden in self.vectors.chunks(AT_ONCE * width) {
            let logits = &mut logits[..hidden.len() / width * vocabulary];
            self.model.stack.multiply(&mut self.past, &self.model.head, hidden, logits);
            receive(logits)?;
        }
        Ok(())
    }

    /// Lets the stack read tokens; their hidden states are in `vectors` then.
    fn hidden(&mut self, tokens: &[u32]) -> Result<()> {
        let (width, vocabulary) = (self.model.shape.width, self.model.vocabulary_size());
        if tokens.iter().any(|token| *token as usize >= vocabulary) {
            return Err(Error::Input(format!("a token is not below the vocabulary's size, {vocabulary}")));
        }
        // Before memory is taken for them.
        if tokens.len() > self.model.context() {
            return Err(Error::Input(format!("{} tokens are more than the context", tokens.len())));
        }
        self.vectors.resize(tokens.len() * width, 0.0);
        for (token, vector) in tokens.iter().zip(self.vectors.chunks_exact_mut(width)) {
            self.model.embed(*token, vector)?;
        }
        self.model.stack.read(&mut self.past, &mut self.vectors)?;
        Ok(())
    }
}
