//! Sealing of secrets, the keyring, session tokens and passwords
