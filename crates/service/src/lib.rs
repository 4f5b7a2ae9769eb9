//! The request pipeline, and the table of all operations
