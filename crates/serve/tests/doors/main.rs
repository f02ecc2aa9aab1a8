//! Every door and every error, over a stand-in for a model.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod access;
mod call;
mod cds;
mod chat;
mod chat_tools;
mod embeddings;
mod exchange;
mod fake;
mod fetch;
mod fhir;
mod identity;
mod leash;
mod ledger;
mod left;
mod limits;
mod mirror;
#[path = "../../../../fuzz/mutate.rs"]
mod mutate;
mod mutated;
mod omop;
mod operations;
mod pages;
mod patients;
mod privacy;
mod reason;
mod risk;
mod score;
mod several;
mod simulate;
mod socket;
mod tls;
mod traces;
