//! AWS wire protocols as serde formats, and their error envelopes
