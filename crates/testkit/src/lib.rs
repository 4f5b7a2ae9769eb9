//! Clock, entropy and in-process servers for tests
