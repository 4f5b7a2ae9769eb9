//! An account's records, invariants and indexes as an immutable snapshot
