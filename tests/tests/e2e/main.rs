//! End-to-end tests, one module a topic. They are one program because each program links the whole client side anew.

mod answer;
mod books;
mod chain;
mod clients;
mod crash;
mod discovery;
mod drain;
mod hostile_http;
mod hostile_link;
mod large_embedding;
mod mid_stream;
mod miners;
mod payment;
mod register;
mod restart;
mod sdk;
mod spread;
mod start;
mod trouble;
mod upgrade;
mod validators;
mod verification;
