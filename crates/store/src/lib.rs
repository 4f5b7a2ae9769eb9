//! An ordered, transactional, watchable key space, and the engines under it
