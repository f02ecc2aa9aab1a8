//! What was asked, kept beside its entry where a site says so.

use crate::{AppState, error::ApiError};
use axum::body::Bytes;

/// Keeps an input; on disk when this is done. Bodies that are empty, or didn't arrive whole, have nothing to keep.
///
/// # Errors
/// When it can't be kept: then nothing is answered, as when the entry can't be written.
pub(super) async fn input(
    state: &AppState,
    digest: Option<&str>,
    input: Option<Vec<Bytes>>,
) -> Result<(), ApiError> {
    let (Some(inputs), Some(digest), Some(input)) = (state.governance().inputs.clone(), digest, input) else {
        return Ok(());
    };
    let input = input.concat();
    if input.is_empty() {
        return Ok(());
    }
    let digest = digest.to_owned();
    let kept = tokio::task::spawn_blocking(move || inputs.keep(&digest, &input)).await;
    let failed = match kept {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the work of keeping it was given up".to_owned(),
    };
    state.metrics().not_recorded();
    tracing::error!(error = failed, "an input could not be kept, and its call was not answered");
    Err(ApiError::LedgerUnavailable)
}
