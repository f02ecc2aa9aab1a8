//! The pages for people: each one self-contained file, under a content security policy that admits its own
//! style and script by their digests, and nothing else.

mod reference;

use crate::doors;
use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

const STYLE: &str =
    concat!(include_str!("../../console/theme.css"), include_str!("../../console/console.css"));
const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("../../console/dom.js"),
    include_str!("../../console/chart.js"),
    include_str!("../../console/table.js"),
    include_str!("../../console/console.js"),
);
const CONSOLE: &str = include_str!("../../console/console.html");
const DOCS_STYLE: &str =
    concat!(include_str!("../../console/theme.css"), include_str!("../../console/docs.css"));

/// Everything that is the same for every caller, made once.
pub(crate) struct Pages {
    pub(crate) console: Page,
    pub(crate) docs: Page,
    pub(crate) openapi: String,
}

impl Pages {
    pub(crate) fn new() -> Self {
        let document = serde_json::to_value(doors::document()).unwrap_or_default();
        Pages {
            console: Page::new(CONSOLE, STYLE, SCRIPT),
            docs: Page::new(&reference::html(&document), DOCS_STYLE, ""),
            openapi: document.to_string(),
        }
    }
}

/// A page and the policy that fits it.
pub(crate) struct Page {
    html: String,
    policy: String,
}

impl Page {
    /// Puts style and script into the template's `<style>` and `<script>`.
    fn new(template: &str, style: &str, script: &str) -> Self {
        let html = template.replacen("<style></style>", &format!("<style>{style}</style>"), 1).replacen(
            "<script></script>",
            &format!("<script>{script}</script>"),
            1,
        );
        let script_source = if script.is_empty() { "'none'".to_owned() } else { source(script) };
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {script_source}; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
            source(style)
        );
        Page { html, policy }
    }

    pub(crate) fn answer(&self) -> Response {
        ([(header::CONTENT_SECURITY_POLICY, self.policy.clone())], Html(self.html.clone())).into_response()
    }
}

/// A source of a content security policy: text with this digest.
fn source(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}
