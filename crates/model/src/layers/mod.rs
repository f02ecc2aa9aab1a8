//! The layers, each a forward and a hand-derived backward.

pub(crate) mod attention;
pub(crate) mod basis;
pub(crate) mod cached_attention;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod feed_forward;
pub(crate) mod norm;
pub(crate) mod rotary;
