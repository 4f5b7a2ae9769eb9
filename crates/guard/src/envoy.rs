//! Envoy's external authorization, over gRPC and over HTTP.

pub(crate) mod grpc;
pub(crate) mod http;
pub mod messages;
