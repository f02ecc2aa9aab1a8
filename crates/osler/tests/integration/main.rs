//! The program as its users run it: the binary, real directories, and what goes wrong.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod adoption;
mod attestation;
mod bulk_export;
mod canary;
mod card;
mod crosswalk;
mod deid_text;
mod fine_tuning;
mod flow;
mod governance;
mod grading;
mod identifiers;
mod interrupted;
mod local_codes;
mod malformed;
mod notes;
mod notes_flow;
mod policies;
mod privacy;
mod reasoning;
mod residual_risk;
mod safe_harbor_table;
mod shared_data;
mod support;
mod synthetic_routes;
mod synthetic_truth;
mod training;
